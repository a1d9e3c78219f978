"""Bring sentences into a normal form in which only a change of substance is a difference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, wraps
from html import unescape
from typing import TypeVar

from rapidfuzz.distance import OSA
from snowballstemmer.english_stemmer import EnglishStemmer

WORDS_KEPT = 20_000  # whose form is remembered
SENTENCES_KEPT = 4_000  # the same; with what they say, some twenty megabytes
LONGEST_KEPT = 1_000  # characters; what is longer is found anew each time

T = TypeVar("T")

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:{_DAY} (?:of )?{_MONTH}\.?,? \d{{4}}|{_MONTH}\.?,? {_DAY},? \d{{4}}|{_MONTH}\.?,? \d{{4}}"
    r"|\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{1,2}/\d{4})\b"
)
_TOP_LEVEL = "com|org|net|edu|gov|io|eu|uk|de|fr|nl|jp|co|app|dev|info|example"
_NOISE = re.compile(
    r"<[^<>]{0,500}>|\{[{%:][^{}]{0,500}\}"  # HTML and template tags stand in the text as they were written
    r"|\S{0,64}\[email[\s_]?protected\]\S{0,64}"  # what a shield against harvesters leaves of an address
    r"|https?:\S+|\bwww\.\S+|(?:mailto:)?[\w.+-]{1,64}@[\w.-]+"
    r"|[\w.+-]{1,64} ?[\[(](?:at)[\])] ?[\w-]+(?: ?[\[(]dot[\])] ?|\.)\w+"
    rf"|\b(?:[\w-]{{1,63}}\.){{1,5}}(?:{_TOP_LEVEL})\b(?:/\S*)?"
    r"|\+?\(?\d{2,4}\)?[ ./-]\d{3,4}[ ./-]\d{3,4}\b|\+\d[\d ()-]{7,20}\d"  # telephones
    r"|\(?\bpdf\b\)?|\((?:\d|[a-z]|[ivx]{2,4})\)"  # and what numbers the parts of a sentence
)
_MIS_DECODED = (
    ("â€™", "'"),
    ("â€˜", "'"),
    ("â€œ", '"'),
    ("â€\x9d", '"'),
    ("â€“", "-"),
    ("â€”", "-"),
    ("â€", '"'),
    ("Â", ""),
)
_NUMBERING = re.compile(
    r"^\W*(?:(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z]|[ivx]{1,4})[.)]|\d{1,3}(?:\.\d{1,3})+|(?:section|article|clause)"
    r" \d{1,3}[.:]?)\s+)+"
)
_REFERENCE = re.compile(
    r"\b(sections?|articles?|art\.?|clauses?|paragraphs?|points?|chapters?|parts?|annex|appendix|schedule|version"
    r"|rev(?:ision)?|no)\.? (?:\(?[\d.]+\)?(?:\([\da-z]+\))*|[a-z](?:\.\d+|\(\d+\))+|[a-z]\)|\([a-z]\))"
    r"(?:(?:,| and| or| to|\s?[–—-]) (?:[\d.]+|[a-z]\.\d+)\b)*"
)
_STATUTE = re.compile(
    r"\b(?:regulation|directive|decision)s? (?:\((?:eu|ec|eec)\) )?(?:no\.? )?\d{2,4}/\d{2,4}(?:/(?:eu|ec|eec))?"
)
_ABBREVIATED = re.compile(r"\b(?:(?P<eg>e\.g\.|i\.e\.)|U\.S\.(?:A\.)?|U\.K\.|E\.U\.|U\.N\.)", re.IGNORECASE)
_COUNTRY = re.compile(r"\bUSA?\b(?!\s?\$)")
_ACT = re.compile(  # what a statute is called now changes nothing
    r"(?:\b[A-Z][\w’'-]*(?: \([A-Z][\w ]*\))? (?:(?:of|and|on|for|the|to) )*){1,8}"
    r"(?:Act|Acts|Regulations|Directive|Code)\b"
    r"(?:,? (?:of )?(?:No\.? ?)?\d{4})?"
)
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*(?:['’][^\W_]+)*|[$€£¥%]")
_END = re.compile(
    r"(?<=[.!?。;])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!Inc\.)(?<!Ltd\.)(?<!Art\.)(?<!No\.)(?<!Corp\.)"
    r"(?<!vs\.)(?<!lit\.)(?<!para\.)(?<!paras\.)(?<!art\.)(?<!cf\.)(?<!sec\.)(?<!St\.)(?<!Co\.)(?<!approx\.)[\"”’)\]*_]*[^\S\t]+|\n+"
)
_NUMBERS = {
    name: str(value)
    for value, name in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty".split()
    )
    if value
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}
_TENS = re.compile(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)[ -]"
    r"(one|two|three|four|five|six|seven|eight|nine)\b"
)
_ENDINGS = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am"}
_ALTERED = {"won't": "will", "shan't": "shall", "can't": "can"}
_RUN_TOGETHER = {  # written without the apostrophe
    f"{verb}nt": (verb, "not") for verb in "do does did is are was were has have had would should could".split()
} | {"wont": ("will", "not"), "fortnight": ("14", "days"), "fortnights": ("14", "days")}
_TOGETHER = {
    ("e", "mail"): "email", ("e", "mails"): "emails", ("per", "cent"): "%", ("web", "site"): "website",
    ("web", "sites"): "websites", ("on", "line"): "online", ("co", "worker"): "coworker",
    ("log", "in"): "login",
    ("sign", "in"): "signin", ("log", "on"): "login", ("any", "time"): "anytime",
    ("sub", "processor"): "subprocessor",
    ("sub", "processors"): "subprocessors", ("pro", "rata"): "prorata", ("opt", "out"): "optout",
    ("opted", "out"): "optout", ("opted", "in"): "optin", ("opts", "out"): "optout", ("opts", "in"): "optin",
    ("opt", "outs"): "optout",
    ("opt", "in"): "optin", ("opting", "out"): "optout", ("opting", "in"): "optin",
    ("third", "party"): "thirdparty",
    ("third", "parties"): "thirdparty", ("terms", "of"): "termsof", ("eu", "unitedstates"): "euus",
    ("swiss", "unitedstates"): "swissus",
}  # fmt: skip
_SPELLINGS = (
    (
        re.compile(
            r"^(?!advert|exerc|prom|comprom|adv|compr|surpr|rev|superv|franch|otherw|likew|enterpr|disgu|rai|prai|noi"
            r"|expert|prem|telev|improv|merchand|dev|exc|treat|prec)([a-z]{3,})is(?=(?:e[sdr]?|ing|ers?|ations?|ational)$)"
        ),
        r"\1iz",
    ),
    (re.compile(r"(?<=[a-z]{2})our(?=(?:s|ed|ing|able|ite|ites|al|ful|hood)?$)"), "or"),
    (
        re.compile(r"^(cancel|travel|label|model|signal|total|level|channel|counsel|equal|initial|panel|fuel)l"),
        r"\1",
    ),
    (re.compile(r"(?<=[a-z]{2})tre(?=s?$)"), "ter"),
    (re.compile(r"(?<=[a-z]{3})ogue(?=s?$)"), "og"),
    (re.compile(r"(?<=def|off|lic)ence|(?<=pret)ence"), "ense"),
    (re.compile(r"programme"), "program"),
    (re.compile(r"(?<=[a-z]{2})dgement"), "dgment"),
    (re.compile(r"(?<=l)ys(?=e[sdr]?$|ing$)"), "yz"),
    (re.compile(r"fulfil(?!l)"), "fulfill"),
    (re.compile(r"cheque"), "check"),
    (re.compile(r"(?<=war)ds$"), "d"),
)
_stemmer = EnglishStemmer()  # the class, not the factory: that one would prefer a C library where there is one


def remembered(function: Callable[[str], T]) -> Callable[[str], T]:
    """Remember what a function says of a sentence: both texts hold most of them, and so do the next two."""
    kept = lru_cache(maxsize=SENTENCES_KEPT)(function)

    @wraps(function)
    def found(sentence: str) -> T:
        return kept(sentence) if len(sentence) <= LONGEST_KEPT else function(sentence)

    return found


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a block's text; a row of a table is one."""
    return (part.strip() for part in _END.split(text) if part.strip())


@remembered
def normal(sentence: str) -> tuple[str, ...]:
    """Return its words in small letters: no accents, signs, addresses, telephones, dates, numbering.

    Numbers up to twenty, and tens, are digits, so that “twelve (12) months” and “12 months” meet; spelling is
    American; what is written short (don't, we're) is written long.
    """
    bare = unescape(sentence)
    for wrong, right in _MIS_DECODED:
        bare = bare.replace(wrong, right) if wrong in bare else bare
    bare = _ACT.sub(_law, bare)
    bare = _COUNTRY.sub("unitedstates", _ABBREVIATED.sub(_spelt_out, bare))
    if not bare.isascii():
        bare = unicodedata.normalize("NFKD", bare)
        bare = "".join(character for character in bare if not unicodedata.combining(character))
    bare = _NUMBERING.sub("", _NOISE.sub(" ", bare.casefold()))
    bare = _REFERENCE.sub(r"\1", _DATE.sub(" ", _STATUTE.sub("regulation", bare)))
    bare = _TENS.sub(_number, bare)
    return tuple(_joined([part for word in _WORD.findall(bare) for part in _parts(word)]))


def _law(found: re.Match[str]) -> str:
    """The law, for a statute's name; a code without a year is none."""
    return "the law" if found[0].split()[-1].rstrip(",") != "Code" else found[0]


def _number(found: re.Match[str]) -> str:
    return str(int(_NUMBERS[found[1]]) + int(_NUMBERS[found[2]]))


def _spelt_out(found: re.Match[str]) -> str:
    if found["eg"]:
        return "eg"
    return {"u.s": "unitedstates", "u.k": "uk", "e.u": "eu"}.get(found[0].lower()[:3], found[0].replace(".", ""))


def _parts(word: str) -> Sequence[str]:
    if word in _RUN_TOGETHER:
        return _RUN_TOGETHER[word]
    if word.isalpha() and word.isascii():
        return (_NUMBERS.get(word) or _american(word),)
    word = word.replace("’", "'").replace(",", "")
    head, mark, tail = word.rpartition("'")
    if not mark:
        return (word,)
    if tail == "t" and head.endswith("n"):
        return (_ALTERED.get(word, head[:-1]), "not")
    stem = _NUMBERS.get(head) or _american(head)
    return (stem, _ENDINGS[tail]) if tail in _ENDINGS else (stem,) if tail == "s" else (head, tail)


def _joined(words: Sequence[str]) -> Iterator[str]:
    """Yield words, with those that are written apart or together joined, and a number said twice said once."""
    skip = False
    last = ""
    for word, following in zip(words, (*words[1:], ""), strict=False):
        if skip or word == last:
            skip = False
            continue
        if word == "cannot":
            yield "can"
        joined = _TOGETHER.get((word, following))
        skip = joined is not None
        last = joined or ("not" if word == "cannot" else word)
        yield last


@lru_cache(maxsize=WORDS_KEPT)
def _american(word: str) -> str:
    if len(word) < 5:
        return word
    for pattern, usual in _SPELLINGS:
        word = pattern.sub(usual, word)
    return word


@lru_cache(maxsize=WORDS_KEPT)
def stem(word: str) -> str:
    """Return the stem by the Snowball algorithm for English (M. F. Porter, 2001); of no other script's words."""
    return str(_stemmer.stemWord(word)) if word.isascii() and word.isalpha() else word


def is_slip(old: str, new: str) -> bool:
    """Whether two words differ as a misspelling does: by one letter or two swapped, of long ones by two.

    Short words and numbers never: “now” and “not” are one letter apart. Nor a syllable that denies (“unlawful”),
    nor scripts whose letters are syllables.
    """
    shortest = min(len(old), len(new))
    if shortest < 4 or not (old + new).isalpha() or not (old + new).isascii():
        return False
    if old.endswith(new) or new.endswith(old):
        return abs(len(old) - len(new)) == 1
    return OSA.distance(old, new) <= (2 if shortest >= 9 else 1)
