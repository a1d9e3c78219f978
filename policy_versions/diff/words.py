"""Compare the words of two blocks: which stayed, came and went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import Generic, NamedTuple, TypeVar

from policy_versions.diff.model import Op, Piece
from policy_versions.diff.sequence import Effort, Stretch, readable
from policy_versions.diff.tokens import CELL, Marks, Mixed, Run, Words

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


def compare_words(old: Words, new: Words, effort: Effort, *, absorb: bool = True) -> tuple[Piece, ...]:
    """Return the pieces: less the inserted ones the old block's words, less the deleted ones the new block's.

    absorb: count a few small words between two edits as part of them.
    """
    return compare_parts(old, [new], effort, absorb=absorb)[0]


def compare_parts(
    old: Words, news: Sequence[Words], effort: Effort, *, absorb: bool = True
) -> list[tuple[Piece, ...]]:
    """Return the pieces of each of the blocks that one became; what went stays with what precedes it."""
    new = Words.joined(news)
    spans = _found(old, new, effort)
    spans = list(_absorbed(spans, new.texts)) if absorb else spans
    ends = list(accumulate(map(len, news)))
    parts = _parted(spans, ends) if len(news) > 1 else [spans]
    return [
        _begun(_pieces(part, old, new)) if number else _pieces(part, old, new) for number, part in enumerate(parts)
    ]


def _begun(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return the pieces of a later part without the blank that parted it from the one before."""
    first = pieces[0]._replace(text=pieces[0].text.lstrip()) if pieces else None
    return (first, *pieces[1:]) if first and first.text else pieces[1:]


def _found(old: Words, new: Words, effort: Effort) -> list[_Span]:
    sizes = len(old), len(new)
    if not effort.spend(sum(sizes) * _TOKEN):
        return [_Span(False, slice(0, sizes[0]), slice(0, sizes[1]))]
    return list(_spans(readable(old.texts, new.texts, effort), sizes))


def whole(runs: Iterable[Run], op: Op) -> tuple[Piece, ...]:
    """Return the pieces of a block that stayed, came or went as a whole."""
    return tuple(Piece(op, run.text, run.marks) for run in runs)


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
    return joined_pieces(found)


def _dressed(op: Op, words: Words, span: slice) -> Iterator[Piece]:
    """Yield the words of a span, parted where their marks change."""
    at = span.start
    for marks, same in groupby(words.marks[span]):
        end = at + sum(1 for _ in same)
        if isinstance(marks, Mixed):
            yield from (Piece(op, *part) for part in marks * (end - at))
        else:
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
        parts = marks if isinstance(marks, Mixed) else Mixed([Run("".join(new.raw[at:end]), marks)])
        parts = Mixed(parts * (end - at)) if isinstance(marks, Mixed) else parts
        for part in parts:
            yield Piece("equal", blank + part.text, part.marks, _other(before, marks, part.marks))
            blank = ""
        at = end


def _other(before: Marks | Mixed, after: Marks | Mixed, shown: Marks) -> Marks | None:
    """Return the old marks of words shown with these, where they were others."""
    if before == after:
        return None
    was = [part.marks for part in before] if isinstance(before, Mixed) else [before]
    return next((marks for marks in was if marks != shown), None)


def _blanks(raw: str) -> str:
    return raw[: len(raw) - len(raw.lstrip())] if raw != CELL else ""


def joined_pieces(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Join neighbours of one fate and dress."""
    same = groupby(pieces, key=lambda piece: (piece.op, piece.marks, piece.was))
    return tuple(Piece(op, "".join(piece.text for piece in run), marks, was) for (op, marks, was), run in same)
