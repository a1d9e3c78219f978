"""The rule table, read from rules.toml: which words belong to which category, and what weighs how much."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import ascii_lowercase
from typing import Any, NamedTuple

from policy_versions.significance.normal import normal, stem
from policy_versions.significance.phrases import Phrases

OTHER = "other"
_WORD = re.compile(r"[a-z]{3,}")
_MARKED = re.compile(r"qqq[a-z]")
_REST = "qqq"  # stands for the rest of a word while a phrase is brought into normal form


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of substance. `place` is its rank among the categories that a sentence touches."""

    name: str
    title: str
    level: int  # of a change for the worse
    cites: str
    place: int
    burden: bool  # whether more of it is for the worse
    names: bool  # whether it matters whom a sentence of it names
    lists: bool  # whether each thing on a list matters
    dpv: tuple[str, ...]
    opp115: tuple[str, ...]


class Idea(NamedTuple):
    """One idea of a category; a hint is one that other sentences have too."""

    category: str
    number: int
    is_hint: bool


@dataclass(frozen=True, slots=True)
class Idle:
    """Sentences that promise nothing."""

    pointers: Phrases[None]
    records: Phrases[None]
    courtesies: Phrases[None]
    examples: Phrases[None]
    places: Phrases[None]


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole table."""

    categories: Mapping[str, Category]
    ideas: Phrases[Idea]
    force: Mapping[str, str]  # the class of a word that changes what a sentence promises
    same: Phrases[str]
    same_stems: Mapping[str, str]  # the same, of single words by their stems
    better: Phrases[None]  # for a member
    worse: Phrases[None]
    refusals: Phrases[None]
    gives_back: Phrases[None]
    time_to_act: Phrases[None]
    members: frozenset[str]
    said: Mapping[str, str]  # what such a class changes, in words
    levels: Mapping[int, str]  # what each level cites
    small: frozenset[str]
    vocabulary: frozenset[str]  # every word of the table
    weightless: frozenset[str]
    light: frozenset[str]  # stems
    idle: Idle
    retroactive: Phrases[None]
    special: Phrases[None]
    parties: Phrases[None]
    regions: Phrases[None]
    weight: Mapping[str, float]
    threshold: Mapping[str, float]

    def category(self, name: str) -> Category:
        """Return the category of that name; for "other" one that holds no ideas."""
        return self.categories.get(name, _UNSURE)


_UNSURE = Category(
    OTHER, "Other", 2, "WP260 rev.01 §§29–30 (in doubt, tell)", 99, True, False, False, (), ("Other",)
)


@cache
def rules() -> Rules:
    """Return the table that is shipped with this package."""
    return read(files(__package__).joinpath("rules.toml").read_text("utf-8"))


def read(toml: str) -> Rules:
    """Return the table that a text in the form of rules.toml holds."""
    data = tomllib.loads(toml)
    force = {word: name for name, words in data["force"].items() for word in words.split()}
    same = tuple(_same(data["same"]["phrases"], force))
    idle = {name: _phrases(listed) for name, listed in data["idle"].items()}
    return Rules(
        categories={one["name"]: _category(place, one) for place, one in enumerate(data["category"])},
        ideas=Phrases(_ideas(data["category"])),
        force=force,
        **_directions(data["direction"]),
        said=data["said"],
        levels={int(level): cites for level, cites in data["levels"].items()},
        same=Phrases(same),
        same_stems={stem(phrase): term for phrase, term in same if " " not in phrase},
        small=frozenset(data["words"]["small"].split()),
        vocabulary=frozenset(_WORD.findall(toml)),
        weightless=frozenset(data["words"]["weightless"].split()),
        light=frozenset(map(stem, data["words"]["light"].split())),
        idle=Idle(**idle),
        retroactive=_phrases(data["consent"]["retroactive"]),
        special=_phrases(data["consent"]["special"]),
        parties=_phrases(data["words"]["parties"]),
        regions=_phrases(data["words"]["regions"]),
        weight=data["weight"],
        threshold=data["threshold"],
    )


def _directions(given: Mapping[str, Any]) -> dict[str, Any]:
    listed = {name: _phrases(phrases) for name, phrases in given.items() if name != "members"}
    return {**listed, "members": frozenset(given["members"].split())}


def _category(place: int, given: Mapping[str, Any]) -> Category:
    return Category(
        given["name"],
        given["title"],
        given["level"],
        given["cites"],
        place,
        given["burden"],
        given.get("names", False),
        given.get("lists", False),
        tuple(given["dpv"]),
        tuple(given["opp115"]),
    )


def _ideas(categories: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Idea]]:
    for category in categories:
        listed = [(line, False) for line in category["ideas"]] + [
            (line, True) for line in category.get("hints", ())
        ]
        for number, (line, is_hint) in enumerate(listed):
            for phrase in line.split("|"):
                yield _in_form(phrase), Idea(category["name"], number, is_hint)


def _same(lines: Sequence[str], force: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield each phrase with the term that stands for it: the first of its line."""
    for line in lines:
        phrases = [_in_form(phrase) for phrase in line.split("|")]
        first = phrases[0] if phrases[0] in force else stem(phrases[0])
        yield from ((phrase, first) for phrase in phrases)


def _phrases(listed: Iterable[str]) -> Phrases[None]:
    return Phrases((_in_form(phrase), None) for phrase in listed)


def _in_form(phrase: str) -> str:
    """A phrase as sentences are compared; `*` stays, alone or at the end of a word."""
    words = (
        word.replace("*", _REST + letter) for word, letter in zip(phrase.split(), ascii_lowercase, strict=False)
    )
    return _MARKED.sub("*", " ".join(normal(" ".join(words))))
