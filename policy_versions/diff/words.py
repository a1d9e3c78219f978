"""Compare the words of two blocks: which stayed, came and went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, pairwise
from typing import Generic, NamedTuple, TypeVar

from policy_versions.diff.align import Pairs, affordable, fill, matches
from policy_versions.diff.blocks import CELL, Word
from policy_versions.diff.model import Op, Piece

_SMALL = frozenset(
    "a an and are as at be by for from in is it of on or our so that the their this to us was we with you your"
    " , ; : . ( ) - – / ' \" “ ” ’".split()
)
_ISLAND = 2  # so many small words between two edits are read as part of them

T = TypeVar("T")
_Fate = tuple[Op, tuple[str, ...], tuple[str, ...] | None]  # what became of a word, its marks, its old marks


class Run(NamedTuple, Generic[T]):
    """Neighbouring words of one fate: kept (as many in the old as in the new), or replaced."""

    kept: bool
    old: Sequence[T]
    new: Sequence[T]


def compare_words(old: Sequence[Word], new: Sequence[Word]) -> tuple[Piece, ...]:
    """Return the pieces: less the inserted ones the old block's words, less the deleted ones the new block's."""
    told = _absorb(list(runs(old, new, _pair(old, new))))
    return _pieces(chain.from_iterable(map(_fates, told)))


def whole(words: Sequence[Word], op: Op) -> tuple[Piece, ...]:
    """Return the pieces of a block that stayed, came or went as a whole."""
    return _pieces(((op, word.marks, None), word.space + word.text) for word in words)


def _pieces(words: Iterable[tuple[_Fate, str]]) -> tuple[Piece, ...]:
    return tuple(
        Piece(op, "".join(text for _, text in group), marks, was)
        for (op, marks, was), group in groupby(words, key=lambda item: item[0])
    )


def _fates(run: Run[Word]) -> Iterator[tuple[_Fate, str]]:
    if not run.kept:
        yield from ((("delete", word.marks, None), word.space + word.text) for word in run.old)
        yield from ((("insert", word.marks, None), word.space + word.text) for word in run.new)
        return
    for place, (old, new) in enumerate(zip(run.old, run.new, strict=True)):
        space = new.space or ("" if place else old.space)  # a blank also parts it from what went before it
        yield ("equal", new.marks, old.marks if old.marks != new.marks else None), space + new.text


def runs(old: Sequence[T], new: Sequence[T], pairs: Pairs) -> Iterator[Run[T]]:
    """Yield what the pairs keep and, between them, what was replaced, in order."""
    i = j = 0
    for x, y, size in _stretches(pairs, (len(old), len(new))):
        if (x, y) != (i, j):
            yield Run(False, old[i:x], new[j:y])
        if size:
            yield Run(True, old[x : x + size], new[y : y + size])
        i, j = x + size, y + size


def _stretches(pairs: Pairs, end: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield (old place, new place, size) of each stretch of neighbouring pairs, and an empty one at the end."""
    numbered = groupby(enumerate(pairs), key=lambda item: (item[1][0] - item[0], item[1][1] - item[0]))
    for _, group in numbered:
        stretch = [pair for _, pair in group]
        yield *stretch[0], len(stretch)
    yield *end, 0


def _absorb(told: Sequence[Run[Word]]) -> Iterator[Run[Word]]:
    """Merge edits that only small words part: “of the data” reads better struck whole than in three pieces."""
    kept = [run.kept and not _is_island(told, place) for place, run in enumerate(told)]
    for fate, group in groupby(zip(kept, told, strict=True), key=lambda item: item[0]):
        parts = [run for _, run in group]
        old = list(chain.from_iterable(run.old for run in parts))
        yield Run(fate, old, list(chain.from_iterable(run.new for run in parts)))


def _is_island(told: Sequence[Run[Word]], place: int) -> bool:
    if len(told[place].new) > _ISLAND or not 0 < place < len(told) - 1:
        return False
    before, after = told[place - 1], told[place + 1]
    replaced = (before.old or after.old) and (before.new or after.new)
    return bool(replaced) and all(word.text in _SMALL for word in told[place].new)


def _pair(old: Sequence[Word], new: Sequence[Word]) -> Pairs:
    """Pair equal words; in rows of as many cells, cell by cell."""
    olds, news = [word.text for word in old], [word.text for word in new]
    ends = [[place for place, text in enumerate(side) if text == CELL] for side in (olds, news)]
    cells = list(zip(*ends, strict=True)) if len(ends[0]) == len(ends[1]) else []
    return fill(cells, len(olds), len(news), lambda i, j: _pair_texts(olds[i], news[j]))


def _pair_texts(old: list[str], new: list[str]) -> Pairs:
    """Pair equal words; in long texts, equal sentences first."""
    if affordable(old, new):
        return matches(old, new)
    olds, news = _sentences(old), _sentences(new)
    same = matches([tuple(old[span]) for span in olds], [tuple(new[span]) for span in news])
    starts = [(olds[i], news[j].start) for i, j in same]
    anchors = [(span.start + step, at + step) for span, at in starts for step in range(span.stop - span.start)]
    return fill(anchors, len(old), len(new), lambda i, j: matches(old[i], new[j]))


def _sentences(texts: Sequence[str]) -> list[slice]:
    ends = [place + 1 for place, text in enumerate(texts) if text in ".!?;。"]
    bounds = sorted({0, *ends, len(texts)})
    return [slice(*pair) for pair in pairwise(bounds)]
