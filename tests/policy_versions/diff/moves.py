"""Moves within the Markdown files of this repository, of which it is known what they change; for Hypothesis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import NamedTuple

from hypothesis import strategies as st

from tests.policy_versions.diff.documents import LEAST, Chunks, block_of, documents, places, tag_of, written
from tests.policy_versions.diff.edits import WORDS, plain_words

LONG = 12  # words of a block that is still recognised with one of them replaced


class Passage(NamedTuple):
    """Neighbouring chunks of a document, and the place, counted without them, that they can move to."""

    document: Chunks
    start: int
    end: int
    to: int

    @property
    def chunks(self) -> Chunks:
        """What moves."""
        return self.document[self.start : self.end]

    @property
    def passed(self) -> Chunks:
        """What it moves past."""
        size = self.end - self.start
        return self.document[self.to : self.start] or self.document[self.end : self.to + size]

    def moved(self, chunks: Chunks) -> Chunks:
        """Return the document with these chunks at the new place, and none at the old one."""
        rest = self.document[: self.start] + self.document[self.end :]
        return (*rest[: self.to], *chunks, *rest[self.to :])


class Move(NamedTuple):
    """A document, the same one after a move, what moved, and how many of its words were replaced then."""

    old: str
    new: str
    chunks: Chunks
    replaced: int


@st.composite
def moves(draw: st.DrawFn, sizes: tuple[int, int], *, edited: bool = False) -> Move:
    """Draw a move of so many blocks, from the least to below the most.

    edited: with some words replaced, one in twenty at most.
    """
    passage = draw(st.sampled_from(passages(sizes, edited)))
    chunks, replaced = passage.chunks, 0
    if edited:
        chunks, replaced = draw(_edited(chunks))
    return Move(written(passage.document), written(passage.moved(chunks)), passage.chunks, replaced)


@st.composite
def _edited(draw: st.DrawFn, chunks: Chunks) -> tuple[Chunks, int]:
    most = max(1, sum(len(chunk.split()) for chunk in chunks) // 20)
    fit = [place for place, chunk in enumerate(chunks) if _can_be_edited(chunk)]
    chosen = draw(st.lists(st.sampled_from(fit), min_size=1, max_size=min(most, len(fit)), unique=True))
    out = list(chunks)
    for place in chosen:
        start, end = draw(st.sampled_from(plain_words(out[place])))
        out[place] = out[place][:start] + draw(WORDS) + out[place][end:]
    return tuple(out), len(chosen)


def _can_be_edited(chunk: str) -> bool:
    return len(chunk.split()) >= LONG and bool(plain_words(chunk))


@cache
def passages(sizes: tuple[int, int], edited: bool) -> tuple[Passage, ...]:
    """Return what can move, in all documents."""
    found = (passage for document in documents() for passage in _passages(document, sizes))
    return tuple(one for one in found if _is_plain(one) and (not edited or any(map(_can_be_edited, one.chunks))))


def _is_plain(passage: Passage) -> bool:
    """Whether it passes more than one short block, which could as well be the one that moved."""
    return len(passage.passed) > 1 or all(map(_is_long, passage.passed))


def _passages(document: Chunks, sizes: tuple[int, int]) -> Iterator[Passage]:
    """Yield sections, or single blocks, whose words stand nowhere else, with each place they can move to."""
    starts = [0, *(place for place, chunk in enumerate(document) if tag_of(chunk) == "h"), len(document)]
    once = set(places(document))
    if sizes == (1, 1):
        ranges = [(place, place + 1) for place in once if _is_long(document[place])]
        bounds = [place for place in range(1, len(document) + 1) if not _parts_rows(document, place)]
    else:
        ranges = [(start, end) for start, end in combinations(starts, 2) if start and end - start in range(*sizes)]
        bounds = [start for start in starts if start > 1]
    for start, end in ranges:
        if once.issuperset(range(start, end)) and not _parts_rows(document, start, end):
            yield from (
                Passage(document, start, end, to - (end - start) * (to > start))
                for to in bounds
                if not start <= to <= end
            )


def _is_long(chunk: str) -> bool:
    block = block_of(chunk)
    return tag_of(chunk) != "tr" and block is not None and len(block.text.split()) >= LEAST


def _parts_rows(document: Chunks, start: int, end: int | None = None) -> bool:
    """Whether rows of a table stand on both sides of a place, or of what is between two."""
    around = (*document, "")[start - 1 : start], (*document, "")[start if end is None else end :][:1]
    return all(side and tag_of(side[0]) == "tr" for side in around)
