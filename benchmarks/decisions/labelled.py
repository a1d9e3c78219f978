"""Read pairs of texts that readers have labelled, and tell which pairs are of one document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from zlib import crc32

LABELS = ("significant", "minor", "artifact")
ALIKE = 0.4  # texts that share so much of their runs of four words are copies of one document
RUN = 4  # words
SAMPLE = 8  # of the runs, one in so many is looked at

_PLACE = re.compile(r"[a-z]{2}(-[a-z]{2})?|index|readme")  # a language or a position, not a document
_KIND = frozenset("and community conditions cookie cookies guidelines notice of policy privacy service".split())
_KIND |= frozenset("statement terms the use".split())


class Unusable(Exception):
    """The folder or file does not hold what was promised; the message says so to whoever ran this."""


@dataclass(frozen=True)
class Labelled:
    """Two texts of one document, and what readers said of the change."""

    id: str
    label: str  # significant or minor
    categories: frozenset[str]
    evidence: str
    source: str
    path: str
    confidence: int | None  # of the readers, 1 to 5
    old: str
    new: str

    @property
    def significant(self) -> bool:
        """Whether the readers called it so."""
        return self.label == "significant"

    @property
    def where(self) -> str:
        """The document as the labels name it."""
        return f"{self.source} {self.path}".strip()


def gather(folder: Path) -> list[Labelled]:
    """Return the pairs of `labels.jsonl` with their texts of `pairs/ID/{old,new}.md`, without the artifacts.

    Raises: Unusable.
    """
    file = folder / "labels.jsonl"
    if not file.is_file():
        raise Unusable(f"{folder} holds no labels.jsonl; it is to hold that and pairs/ID/old.md and new.md.")
    pairs = [_pair(row, folder / "pairs") for row in rows(file, "id") if row["label"] != "artifact"]
    if not pairs:
        raise Unusable(f"{file} labels no pair significant or minor, so there is nothing to measure.")
    return pairs


def rows(file: Path, *names: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file that holds one a line, each with a label and what is named besides.

    Raises: Unusable, naming the line.
    """
    if not file.is_file():
        raise Unusable(f"{file} is missing.")
    for number, line in enumerate(file.read_text("utf-8").split("\n"), start=1):
        if line.strip():
            yield _row(line, f"{file}, line {number}", names)


def _row(line: str, place: str, names: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Unusable(f"{place}: not JSON.") from error
    if not isinstance(row, dict) or not row.keys() >= {"label", *names}:
        raise Unusable(f"{place}: not an object with {', '.join((*names, 'label'))}.")
    if row["label"] not in LABELS:
        raise Unusable(f"{place}: the label {row['label']!r} is none of {', '.join(LABELS)}.")
    return row


def _pair(row: dict[str, Any], pairs: Path) -> Labelled:
    folder = pairs / str(row["id"])
    return Labelled(
        id=folder.name,
        label=row["label"],
        categories=frozenset(row.get("categories", ())),
        evidence=row.get("evidence", ""),
        source=row.get("source", ""),
        path=row.get("path", folder.name),
        confidence=row.get("confidence"),
        old=_text(folder / "old.md"),
        new=_text(folder / "new.md"),
    )


def _text(file: Path) -> str:
    if not file.is_file():
        raise Unusable(f"{file} is missing, though it is labelled.")
    return file.read_bytes().decode("utf-8", "replace")


# -- documents ----------------------------------------------------------------------------------


def documents(pairs: Sequence[Labelled]) -> list[str]:
    """Return each pair's document: the name that the first pair of it bears.

    Pairs are of one document where source and path say so, wherever it moved; where their texts are near copies,
    whoever published them; and where each is of one document with a third.
    """
    names = [name(pair.source, pair.path) for pair in pairs]
    runs = [_runs(pair) for pair in pairs]
    first = list(range(len(pairs)))
    for place in range(len(pairs)):
        for before in range(place):
            if first[before] == first[place]:
                continue
            if names[before] == names[place] or resemblance(runs[before], runs[place]) >= ALIKE:
                low, high = sorted((first[before], first[place]))
                first = [low if one == high else one for one in first]
    return [pairs[one].where for one in first]


def name(source: str, path: str) -> str:
    """Return what stays of a path when the document moves: its stem, or the folders of one that says nothing."""
    parts = PurePosixPath(path.casefold().replace("_", " ").replace("-", " ")).with_suffix("").parts
    said = [part for part in parts if not _PLACE.fullmatch(part.replace(" ", "-"))] or list(parts)
    is_telling = said[-1:] == list(parts[-1:]) and not _KIND.issuperset(said[-1].split())
    return f"{source}: {said[-1] if is_telling else '/'.join(said)}"


def resemblance(one: frozenset[int], other: frozenset[int]) -> float:
    """Return the share of all runs that both have, 0 to 1.

    Source: A. Broder, On the resemblance and containment of documents, 1997.
    """
    return len(one & other) / (len(one | other) or 1)


def _runs(pair: Labelled) -> frozenset[int]:
    """Return a sample of the runs of words in both texts: the same run is in every sample, or in none."""
    marks: set[int] = set()
    for text in {pair.old, pair.new}:
        words = text.casefold().split()
        starts = range(max(len(words) - RUN + 1, 1))
        marks.update(crc32(" ".join(words[start : start + RUN]).encode()) for start in starts)
    return frozenset(mark for mark in marks if mark % SAMPLE == 0)
