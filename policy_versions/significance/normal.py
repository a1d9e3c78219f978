"""Bring sentences into a normal form in which only a change of substance is a difference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:{_DAY} (?:of )?{_MONTH}\.?,? \d{{4}}|{_MONTH}\.? {_DAY},? \d{{4}}|{_MONTH}\.?,? \d{{4}}"
    r"|\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})\b"
)
_NOISE = re.compile(
    r"<[^<>]{0,500}>|\{[{%:][^{}]{0,500}\}"  # HTML and template tags stand in the text as they were written
    r"|https?://\S+|\bwww\.\S+|[\w.+-]{1,64}@[\w.-]+"
)
_NUMBERING = re.compile(r"^\W*(?:(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z]|[ivx]{1,4})[.)]|\d{1,3}(?:\.\d{1,3})+)\s+)+")
_REFERENCE = re.compile(r"\b(sections?|articles?|clauses?|paragraphs?|annex|appendix|version) \d[\d.]*")
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*(?:['’][^\W_]+)*|[$€£%]")
_END = re.compile(r"(?<=[.!?;。])[\"”’)\]*_]*[^\S\t]+|\n+")
_NUMBERS = {
    name: str(value)
    for value, name in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
    )
    if value
} | {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90"}
_SPELLINGS = {"e mail": "email", "e mails": "emails", "can t": "cannot", "can not": "cannot", "per cent": "%"}


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a block's text; a row of a table is one."""
    return (part.strip() for part in _END.split(text) if part.strip())


def normal(sentence: str) -> str:
    """Return its words in small letters, parted by blanks: no accents, signs, addresses, dates, numbering.

    Numbers up to fifteen, and tens, are digits, so that “twelve (12) months” and “12 months” meet.
    """
    bare = unicodedata.normalize("NFKD", unescape(sentence)).casefold()
    bare = "".join(character for character in bare if not unicodedata.combining(character))
    bare = _NUMBERING.sub("", _NOISE.sub(" ", bare))
    bare = _REFERENCE.sub(r"\1", _DATE.sub(" ", bare))
    words = " ".join(_plain(word) for word in _WORD.findall(bare))
    for spelling, usual in _SPELLINGS.items():
        words = re.sub(rf"\b{spelling}\b", usual, words)
    return re.sub(r"\b(\d+) \1\b", r"\1", words)


def _plain(word: str) -> str:
    word = word.replace("’", "'")
    word = "not" if word.endswith("n't") and word != "can't" else word.removesuffix("'s")
    return _NUMBERS.get(word, word.replace("'", " ").replace(",", ""))


def is_slip(old: str, new: str) -> bool:
    """Whether two words differ as a misspelling, a spelling or an ending does: by one letter or two swapped.

    Short words and numbers never: “now” and “not” are one letter apart. Nor scripts whose letters are syllables.
    """
    if min(len(old), len(new)) < 4 or not (old + new).isalpha() or not (old + new).isascii():
        return False
    head = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    a, b = old[head:], new[head:]
    swapped = len(a) > 1 and a[:2] == b[1::-1] and a[2:] == b[2:]
    return swapped or a[1:] == b[1:] or a[1:] == b or a == b[1:]
