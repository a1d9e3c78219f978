"""Gather the pairs of texts to measure on."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from errors import Refusal
from policy_versions import markdown

BINS = (2, 10, 25, 50, 100, 200)  # KB of the larger text
NAMES = ("<2", *(f"{low}-{high}" for low, high in pairwise(BINS)), ">200")


class Pair(NamedTuple):
    """Two texts of one policy, the older first."""

    name: str
    old: str
    new: str
    policy: str  # pairs of one history have one

    @property
    def size(self) -> int:
        """Bytes of the larger text."""
        return max(len(text.encode()) for text in (self.old, self.new))

    @property
    def bin(self) -> str:
        """Which of NAMES it belongs to."""
        return NAMES[sum(self.size >= edge * 1000 for edge in BINS)]


class Corpus(NamedTuple):
    """The pairs, and how many were left out for which reason."""

    pairs: list[Pair]
    left_out: dict[str, int]


def gather(folders: Iterable[Path], histories: Iterable[Path], limit: int | None, seed: int) -> Corpus:
    """Return the pairs that can be compared; with a limit, so many of them drawn by the seed."""
    found = [pair for folder in folders for pair in _folder(folder)]
    found += [pair for folder in histories for pair in _histories(folder)]
    reasons = [_unfit(pair) for pair in found]
    pairs = [pair for pair, reason in zip(found, reasons, strict=True) if not reason]
    if limit is not None and limit < len(pairs):
        chosen = sorted(random.Random(seed).sample(range(len(pairs)), limit))
        pairs = [pairs[place] for place in chosen]
    return Corpus(pairs, dict(Counter(filter(None, reasons))))


def _folder(folder: Path) -> Iterator[Pair]:
    for old in sorted(folder.glob("*/old.md")):
        name = f"{folder.name}/{old.parent.name}"
        yield Pair(name, _read(old), _read(old.with_name("new.md")), name)


def _histories(folder: Path) -> Iterator[Pair]:
    for leaf in sorted({file.parent for file in folder.rglob("*.md")}):
        files = sorted(leaf.glob("*.md"), key=_date)
        for old, new in pairwise(files):
            name = new.relative_to(folder.parent).with_suffix("")
            yield Pair(str(name), _read(old), _read(new), str(name.parent))


def _date(file: Path) -> tuple[list[int], str]:
    """Return what a history is sorted by: 2020-04-08 stands before 2020-04-08.2, and that before .10."""
    return [int(number) for number in re.findall(r"\d+", file.stem)], file.name


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def _unfit(pair: Pair) -> str:
    if pair.old == pair.new:
        return "equal"
    try:
        markdown.check(pair.old)
        markdown.check(pair.new)
    except Refusal as refusal:
        return f"refused: {type(refusal).__name__}"
    return ""
