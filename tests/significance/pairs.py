"""Pairs of texts of our own, each named by what changes, and what a careful reader decides of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "pairs"


class Pair(NamedTuple):
    """One edit of a policy."""

    name: str
    old: str
    new: str
    verdict: str  # significant, minor
    level: int  # 0 to 4
    categories: tuple[str, ...]  # none of a minor one
    direction: str  # wider, narrower; "" where it cannot be told

    @property
    def is_significant(self) -> bool:
        """Whether members ought to be told of it."""
        return self.verdict == "significant"


@cache
def pairs() -> tuple[Pair, ...]:
    """Return every pair, in the order of the files."""
    return tuple(pair for path in sorted(FOLDER.glob("*.toml")) for pair in _read(path))


def _read(path: Path) -> Iterator[Pair]:
    for given in tomllib.loads(path.read_text("utf-8"))["pair"]:
        yield Pair(**{**given, "categories": tuple(given["categories"])})
