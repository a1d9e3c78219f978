"""Compare two rows of a table, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy_versions.diff.model import Op, Piece
from policy_versions.diff.sequence import Effort, Pairs, Stretch, fill, pairs_of, readable
from policy_versions.diff.tokens import CELL, Run, cut
from policy_versions.diff.words import compare_words, joined_pieces, whole

Cell = tuple[Run, ...]
_Step = tuple[int | None, int | None]  # places of a cell in the old and the new row; None where it has none


def cells_of(runs: Sequence[Run]) -> list[Cell]:
    """Return the cells of a row."""
    if len(runs) == 1 and not runs[0].marks:
        return [(Run(text),) if text else () for text in runs[0].text.split(CELL)]
    cells: list[list[Run]] = [[]]
    for run in runs:
        first, *others = run.text.split(CELL)
        cells[-1] += [Run(first, run.marks)] if first else []
        cells += ([Run(text, run.marks)] if text else [] for text in others)
    return [tuple(cell) for cell in cells]


def columns_of(old: Sequence[Cell], new: Sequence[Cell], effort: Effort) -> Pairs:
    """Pair the cells of two rows: as they stand where there are as many, else equal ones and what fits between."""
    if len(old) == len(new):
        return [(place, place) for place in range(len(old))]
    return _around_new(old, new) or _as_equal(old, new, effort)


def _around_new(old: Sequence[Cell], new: Sequence[Cell]) -> Pairs:
    """Pair all cells of the shorter row, where cells came or went at one place only; else none."""
    size, more = min(len(old), len(new)), len(new) - len(old)
    head = next((place for place in range(size) if old[place] != new[place]), size)
    if any(old[place] != new[place + more] for place in range(max(head, head - more), len(old))):
        return []
    pairs = [(place, place) for place in range(head)]
    return pairs + [(place, place + more) for place in range(max(head, head - more), len(old))]


def _as_equal(old: Sequence[Cell], new: Sequence[Cell], effort: Effort) -> Pairs:
    def between(i: slice, j: slice) -> Iterator[Stretch]:
        yield Stretch(0, 0, min(i.stop - i.start, j.stop - j.start))

    return pairs_of(fill(readable(old, new, effort), (len(old), len(new)), between))


def compare_rows(
    old: Sequence[Cell], new: Sequence[Cell], effort: Effort, head: Pairs | None, *, absorb: bool = True
) -> tuple[Piece, ...]:
    """Return the pieces of a row. head: which columns of its table belong together, where its head tells."""
    columns = _best(old, new, effort, head)
    out: list[Piece] = []
    seen = [False, False]
    for i, j in _steps(columns, len(old), len(new)):
        if op := _op(seen[0] and i is not None, seen[1] and j is not None):
            out.append(Piece(op, CELL))
        was, now = old[i] if i is not None else (), new[j] if j is not None else ()
        out += _cell(was, now, effort, absorb=absorb)
        seen = [seen[0] or i is not None, seen[1] or j is not None]
    return joined_pieces(out)


def _best(old: Sequence[Cell], new: Sequence[Cell], effort: Effort, head: Pairs | None) -> Pairs:
    """Return what the head tells, unless the row itself has more cells in common another way."""
    if head is not None and _in_common(head, old, new) == min(len(old), len(new)):
        return head
    own = columns_of(old, new, effort)
    return head if head is not None and _in_common(head, old, new) >= _in_common(own, old, new) else own


def _in_common(columns: Pairs, old: Sequence[Cell], new: Sequence[Cell]) -> int:
    return sum(old[i] == new[j] for i, j in columns)


def _steps(columns: Pairs, old_size: int, new_size: int) -> Iterator[_Step]:
    i = j = 0
    for x, y in (*columns, (old_size, new_size)):
        yield from ((place, None) for place in range(i, x))
        yield from ((None, place) for place in range(j, y))
        if x < old_size:
            yield x, y
        i, j = x + 1, y + 1


def _op(old: bool, new: bool) -> Op | None:
    """Return the fate of the bar before a cell, which is in each text that has a cell on either side of it."""
    if old and new:
        return "equal"
    return "delete" if old else "insert" if new else None


def _cell(old: Cell, new: Cell, effort: Effort, *, absorb: bool) -> tuple[Piece, ...]:
    if old == new:
        return whole(new, "equal")
    if not old or not new:
        return whole(new, "insert") if new else whole(old, "delete")
    return compare_words(cut(old), cut(new), effort, absorb=absorb)
