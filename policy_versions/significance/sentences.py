"""The sentences of a text as a comparison shows it, each with what it hangs on."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from policy_versions.diff import Change
from policy_versions.diff.model import BlockChange, Op
from policy_versions.significance.normal import normal, sentences, stem
from policy_versions.significance.rules import rules
from policy_versions.significance.terms import Term, terms

MOST = 2_000  # changed sentences looked at; a change of more is a new text
APART = 1  # unchanged blocks between changed ones of one passage, at most
CANDIDATES = 8  # sentences looked at in full for what another one says
LISTED = 1  # signs between titles that make a line a list of them
COMMON = 60  # sentences; a word that stands in more of them does not tell which are alike

_WORD = re.compile(r"\w{4,}")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_BETWEEN = re.compile(r"[|·•›»]")  # titles in a line
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")  # HTML stands in the text as it was written
_TEMPLATE = re.compile(r"\{\{[^{}]{0,500}\}\}|\{%[^{}]{0,500}%\}|\{:[^{}]{0,500}\}")  # of a site's generator
PERSONS = {"we": "we", "us": "we", "our": "we", "ours": "we", "you": "you", "your": "you", "yours": "you"}
_POSSESSIVE = re.compile(r"['’]s$")
_SIGNS = "“”\"'().,;:*_|[]"


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence as written, and what it hangs on."""

    text: str
    section: tuple[str, ...] = ()
    lead: str = ""  # of an item or a row: the line before the list, or the table's head
    tag: str = "p"  # of its block
    block: int = 0  # its place in the comparison, the same in both texts
    passage: int = 0  # changed sentences that stand close together have one number, the same in both texts

    @property
    def is_title(self) -> bool:
        """Whether it heads a section or a table."""
        return self.tag[0] == "h" or self.tag == "th"

    @property
    def addresses(self) -> list[str]:
        """The e-mail addresses in it."""
        return _ADDRESS.findall(self.text)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words in normal form."""
        return normal(self.text)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What it says."""
        return terms(self.text)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Equal for sentences that say the same of the same, be it in another order."""
        return (*sorted(self.bag.elements()), *sorted(filter(None, map(PERSONS.get, self.words))))

    @cached_property
    def bag(self) -> Counter[str]:
        """Its terms, counted."""
        return Counter(term.text for term in self.terms)

    @cached_property
    def capitals(self) -> dict[str, str]:
        """Its words with a capital, as compared and as written; the first one only in a row or an item."""
        raw = [_POSSESSIVE.sub("", word.strip(_SIGNS)) for word in self.text.split()]
        shown = raw if self.tag in ("tr", "li") else raw[1:]
        return {"".join(normal(word)): word for word in shown if word[:1].isupper()}

    def is_name(self, words: Sequence[str]) -> bool:
        """Whether all of some words are written with capitals in it."""
        return all(word in self.capitals for word in words)


class Text:
    """One text's sentences: those of blocks that differ, and the others."""

    def __init__(self, change: Change, other: Op) -> None:
        """other: what stands only in the other text, insert or delete."""
        self.changed: list[Sentence] = []
        self.rest: list[Sentence] = []
        for differs, one in _sentences(change, other):
            (self.changed if differs else self.rest).append(one)

    def missing_in(self, other: Text) -> list[Sentence]:
        """Return the sentences, no titles, that the other text's changed blocks lack: each once, MOST in all."""
        known = {one.key for one in other.changed} | {one.key for one in self.titles if not _is_promise(one)}
        missing: dict[tuple[str, ...], Sentence] = {}
        for one in self.changed:
            is_said = not one.is_title or _is_promise(one)
            if is_said and one.bag and one.key not in known and not self._is_contents(one):
                missing.setdefault(one.key, one)
            if len(missing) >= MOST:
                break
        return list(missing.values())

    def _is_contents(self, one: Sentence) -> bool:
        """Whether a line lists titles of the text."""
        if len(_BETWEEN.findall(one.text)) < LISTED:
            return False
        return not one.bag.keys() - {"content"} - {term for title in self.titles for term in title.bag}

    @cached_property
    def titles(self) -> list[Sentence]:
        """What heads its sections."""
        return [one for one in self.all if one.tag[0] == "h"]

    def like(self, one: Sentence) -> list[Sentence]:
        """Return the sentences that share most of one's rarer words, the likest first."""
        votes: Counter[int] = Counter()
        for word in _written(one) | one.bag.keys():
            found = self._where.get(word, ())
            if len(found) <= COMMON:
                votes.update(found)
        best = sorted(votes, key=lambda place: (-votes[place], place))[:CANDIDATES]
        return [self.all[place] for place in best]

    @cached_property
    def all(self) -> list[Sentence]:
        """Every sentence, those of changed blocks first."""
        return [*self.changed, *self.rest]

    @cached_property
    def _where(self) -> dict[str, list[int]]:
        """Where words stand as written, and the terms of the changed sentences: to find all terms takes long."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(self.all):
            for word in _written(one) | one.bag.keys() if place < len(self.changed) else _written(one):
                found[word].append(place)
        return found

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The e-mail addresses in it."""
        return frozenset(address for one in self.all for address in one.addresses)

    @cached_property
    def stems(self) -> Counter[str]:
        """The stem of every word, counted."""
        return Counter(stem(word) for one in self.all for word in one.words)


def _is_promise(title: Sentence) -> bool:
    """Whether a title says no to something: “We do not sell your data”."""
    return any(rules().force.get(term.text) == "denies" for term in title.terms)


def _written(one: Sentence) -> set[str]:
    return {word.casefold() for word in _WORD.findall(one.text)}


def _sentences(change: Change, other: Op) -> Iterator[tuple[bool, Sentence]]:
    """Yield each sentence of one text, and whether its block differs."""
    lead, passage, same = _Lead(), 0, 0
    for number, block in enumerate(change.blocks):
        text = _TEMPLATE.sub(" ", _TAG.sub("", "".join(piece.text for piece in block.pieces if piece.op != other)))
        differs = block.unchanged is None and any(piece.op != "equal" for piece in block.edits)
        same = 0 if differs else same + 1
        passage += same > APART or block.tag in ("h1", "h2")
        hangs_on = lead.of(block.tag, text)
        for one in sentences(text):
            yield differs, Sentence(one, _section(block, other), hangs_on, block.tag, number, passage)


class _Lead:
    """Remembers what items and rows hang on: the line before a list, the head of a table."""

    def __init__(self) -> None:
        self._line = self._head = ""

    def of(self, tag: str, text: str) -> str:
        if tag == "th":
            self._head = text.replace("\t", " ")
        elif tag not in ("li", "tr"):
            self._line = text if text.rstrip().endswith(":") else ""
            self._head = ""
        return self._head if tag == "tr" else self._line if tag == "li" else ""


def _section(block: BlockChange, other: Op) -> tuple[str, ...]:
    return (block.old_section or block.section) if other == "insert" else block.section
