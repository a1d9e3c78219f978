"""Compare the words of two blocks: which stayed, came and went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import accumulate, groupby
from typing import Generic, NamedTuple, TypeVar

from policy_versions.diff.model import Op, Piece
from policy_versions.diff.sequence import Effort, Pairs, Stretch, fill, readable
from policy_versions.diff.tokens import CELL, Run, Words

_SMALL = frozenset(
    "a an and are as at be by for from in is it of on or our so that the their this to us was we with you your"
    " , ; : . ( ) - – / ' \" “ ” ’".split()
)
_ISLAND = 2  # so many small words between two edits are read as part of them
_TOKEN = 700  # units of effort that a word takes beyond its alignment

T = TypeVar("T")


class Told(NamedTuple, Generic[T]):
    """Neighbouring words of one fate: kept (as many in the old as in the new), or replaced."""

    kept: bool
    old: Sequence[T]
    new: Sequence[T]


def told(old: Sequence[T], new: Sequence[T], kept: Iterable[Stretch]) -> Iterator[Told[T]]:
    """Yield what is kept and, between that, what was replaced, in order."""
    for fate, i, j in _spans(kept, (len(old), len(new))):
        yield Told(fate, old[i], new[j])


def compare_words(
    old: Words, new: Words, effort: Effort, *, absorb: bool = True, columns: Pairs | None = None
) -> tuple[Piece, ...]:
    """Return the pieces: less the inserted ones the old block's words, less the deleted ones the new block's.

    absorb: count a few small words between two edits as part of them.
    columns: in rows, which cells belong together.
    """
    return compare_parts(old, [new], effort, absorb=absorb, columns=columns)[0]


def compare_parts(
    old: Words, news: Sequence[Words], effort: Effort, *, absorb: bool = True, columns: Pairs | None = None
) -> list[tuple[Piece, ...]]:
    """Return the pieces of each of the blocks that one became; what went stays with what precedes it."""
    new = reduce(Words.then, news)
    spans = _found(old, new, effort, columns)
    spans = list(_absorbed(spans, new.texts)) if absorb else spans
    ends = list(accumulate(map(len, news)))
    parts = _parted(spans, ends) if len(news) > 1 else [spans]
    return [_pieces(part, old, new) for part in parts]


def _found(old: Words, new: Words, effort: Effort, columns: Pairs | None) -> list[_Span]:
    sizes = len(old), len(new)
    if not effort.spend(sum(sizes) * _TOKEN):
        return [_Span(False, slice(0, sizes[0]), slice(0, sizes[1]))]
    return list(_spans(_aligned(old.texts, new.texts, effort, columns), sizes))


def replaced(words: Words, op: Op) -> tuple[Piece, ...]:
    """Return the pieces of words that came or went together."""
    return tuple(_dressed(op, words, slice(0, len(words))))


def whole(runs: Iterable[Run], op: Op) -> tuple[Piece, ...]:
    """Return the pieces of a block that stayed, came or went as a whole."""
    return tuple(Piece(op, run.text, run.marks) for run in runs)


# -- alignment ----------------------------------------------------------------------------------


def _aligned(old: list[str], new: list[str], effort: Effort, columns: Pairs | None) -> list[Stretch]:
    """Return equal words; in rows, cell by cell."""
    if CELL not in old and CELL not in new:
        return readable(old, new, effort)
    olds, news = _cells(old), _cells(new)
    out: list[Stretch] = []
    for i, j in columns if columns is not None else cells_aligned(olds, news, effort):
        within = readable(old[olds[i].slice], new[news[j].slice], effort)
        out += (Stretch(olds[i].slice.start + x, news[j].slice.start + y, size) for x, y, size in within)
        if i + 1 < len(olds) and j + 1 < len(news):
            out.append(Stretch(olds[i].slice.stop, news[j].slice.stop, 1))
    return _ascending(out)


def _ascending(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Leave out what does not come after all before it: the end of a cell can be reached twice."""
    out: list[Stretch] = []
    for one in stretches:
        if not out or (one.old >= out[-1].old + out[-1].size and one.new >= out[-1].new + out[-1].size):
            out.append(one)
    return out


class Cell(NamedTuple):
    """A cell of a row: its words, and where they stand among the row's."""

    words: tuple[str, ...]
    slice: slice


def _cells(texts: Sequence[str]) -> list[Cell]:
    ends = [place for place, text in enumerate(texts) if text == CELL]
    bounds = zip([0, *(end + 1 for end in ends)], [*ends, len(texts)], strict=True)
    return [Cell(tuple(texts[start:end]), slice(start, end)) for start, end in bounds]


def columns_of(old: Words, new: Words, effort: Effort) -> Pairs:
    """Return which cells of two rows belong together, as those of a table's head tell for all its rows."""
    return cells_aligned(_cells(old.texts), _cells(new.texts), effort)


def cells_aligned(old: Sequence[Cell], new: Sequence[Cell], effort: Effort) -> Pairs:
    """Pair cells: as they stand where there are as many, else equal ones and what fits between them."""
    if len(old) == len(new):
        return [(place, place) for place in range(len(old))]
    equal = readable([cell.words for cell in old], [cell.words for cell in new], effort)

    def between(i: slice, j: slice) -> Iterator[Stretch]:
        yield Stretch(0, 0, min(i.stop - i.start, j.stop - j.start))

    stretches = fill(equal, (len(old), len(new)), between)
    return [(i + step, j + step) for i, j, size in stretches for step in range(size)]


# -- fates --------------------------------------------------------------------------------------


class _Span(NamedTuple):
    kept: bool
    old: slice
    new: slice


def _spans(kept: Iterable[Stretch], end: tuple[int, int]) -> Iterator[_Span]:
    i = j = 0
    for x, y, size in (*kept, Stretch(*end, 0)):
        if (x, y) != (i, j):
            yield _Span(False, slice(i, x), slice(j, y))
        if size:
            yield _Span(True, slice(x, x + size), slice(y, y + size))
        i, j = x + size, y + size


def _parted(spans: Sequence[_Span], ends: Sequence[int]) -> list[list[_Span]]:
    """Cut spans where the parts of the new text end."""
    parts: list[list[_Span]] = [[] for _ in ends]
    part = 0
    for span in spans:
        rest = span
        while rest.new.stop > ends[part]:
            at = ends[part]
            if at > rest.new.start:
                before = rest.old.start + at - rest.new.start if rest.kept else rest.old.stop
                parts[part].append(_Span(rest.kept, slice(rest.old.start, before), slice(rest.new.start, at)))
                rest = _Span(rest.kept, slice(before, rest.old.stop), slice(at, rest.new.stop))
            part += 1
        parts[part].append(rest)
    return parts


def _absorbed(spans: Sequence[_Span], texts: Sequence[str]) -> Iterator[_Span]:
    """Merge edits that only small words part: “of the data” reads better struck whole than in three pieces."""
    fates = [span.kept and not _is_island(spans, place, texts) for place, span in enumerate(spans)]
    for fate, group in groupby(zip(fates, spans, strict=True), key=lambda item: item[0]):
        (_, first), *others = group
        last = others[-1][1] if others else first
        yield _Span(fate, slice(first.old.start, last.old.stop), slice(first.new.start, last.new.stop))


def _is_island(spans: Sequence[_Span], place: int, texts: Sequence[str]) -> bool:
    words = spans[place].new
    if words.stop - words.start > _ISLAND or not 0 < place < len(spans) - 1:
        return False
    before, after = spans[place - 1], spans[place + 1]
    gone = before.old.stop - before.old.start + after.old.stop - after.old.start
    come = before.new.stop - before.new.start + after.new.stop - after.new.start
    return bool(gone and come) and all(word in _SMALL for word in texts[words])


# -- pieces -------------------------------------------------------------------------------------


def _pieces(spans: Sequence[_Span], old: Words, new: Words) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for span in spans:
        if span.kept:
            found += _kept(span, old, new, gap=bool(found))
        else:
            found += (*_dressed("delete", old, span.old), *_dressed("insert", new, span.new))
    return _joined(found)


def _dressed(op: Op, words: Words, span: slice) -> Iterator[Piece]:
    """Yield the words of a span, parted where their marks change."""
    at = span.start
    for marks, same in groupby(words.marks[span]):
        end = at + sum(1 for _ in same)
        yield Piece(op, "".join(words.raw[at:end]), marks)
        at = end


def _kept(span: _Span, old: Words, new: Words, *, gap: bool) -> Iterator[Piece]:
    """Yield words that stayed, as they stand in the new text, with their old marks where those were others.

    gap: whether a blank that only the old text has also parts them from what went before.
    """
    first = new.raw[span.new.start]
    blank = _blanks(old.raw[span.old.start]) if gap and not first[:1].isspace() else ""
    was, now = old.marks[span.old], new.marks[span.new]
    at = span.new.start
    for (before, marks), same in groupby(zip(was, now, strict=True)):
        end = at + sum(1 for _ in same)
        text = "".join(new.raw[at:end])
        yield Piece("equal", blank + text, marks, before if before != marks else None)
        at, blank = end, ""


def _blanks(raw: str) -> str:
    return raw[: len(raw) - len(raw.lstrip())] if raw != CELL else ""


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Join neighbours of one fate and dress."""
    same = groupby(pieces, key=lambda piece: (piece.op, piece.marks, piece.was))
    return tuple(Piece(op, "".join(piece.text for piece in run), marks, was) for (op, marks, was), run in same)
