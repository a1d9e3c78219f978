"""The rule table, read from rules.toml: which words belong to which category, its weight, what it cites."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of substance. `place` is its rank among the categories that a sentence touches."""

    name: str
    title: str
    level: int
    cites: str
    place: int
    names: bool  # whether it matters whom a sentence of it names
    lists: bool  # whether each thing on a list matters
    ideas: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole table."""

    categories: tuple[Category, ...]
    force: dict[str, frozenset[str]]
    pointers: re.Pattern[str]
    records: re.Pattern[str]
    places: re.Pattern[str]

    def ideas(self, text: str) -> frozenset[tuple[str, int]]:
        """Return the ideas a normal text holds, each as (category, index)."""
        return frozenset(
            (category.name, index)
            for category in self.categories
            for index, idea in enumerate(category.ideas)
            if idea.search(text)
        )

    def category(self, name: str) -> Category:
        """Return the category of that name; for "other" one that holds no ideas."""
        return next((category for category in self.categories if category.name == name), _UNSURE)


_UNSURE = Category(OTHER, "Other", 2, "WP260 rev.01 §§29–30 (in doubt, tell)", 99, False, False, ())


@cache
def rules() -> Rules:
    """Return the table that is shipped with this package."""
    data = tomllib.loads(files(__package__).joinpath("rules.toml").read_text("utf-8"))
    idle = data["idle"]
    return Rules(
        tuple(_category(place, fields) for place, fields in enumerate(data["category"])),
        {name: frozenset(words.split()) for name, words in data["force"].items()},
        _pattern(idle["pointers"]),
        _pattern(idle["records"]),
        _pattern(idle["places"]),
    )


def _category(place: int, fields: dict[str, Any]) -> Category:
    ideas = tuple(_pattern(line.split("|")) for line in fields["ideas"])
    names, lists = fields.get("names", False), fields.get("lists", False)
    return Category(fields["name"], fields["title"], fields["level"], fields["cites"], place, names, lists, ideas)


def _pattern(phrases: list[str]) -> re.Pattern[str]:
    """Return a pattern for whole words; `*` is the rest of a word, `?` makes a letter optional."""
    parts = (phrase.strip().replace("-", " ").replace("*", r"\w*") for phrase in phrases)
    return re.compile(rf"\b(?:{'|'.join(parts)})\b")
