"""Find what two sequences have in common, in order. Pure, and bounded for any input.

Sources: the longest common subsequence by rapidfuzz; patience diff (Bram Cohen): what is unique on both sides
anchors the rest; difflib where people read the result, because it prefers unbroken runs to the fewest edits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, TypeVar

from rapidfuzz.distance import LCSseq

Pairs = list[tuple[int, int]]  # (place in the old, place in the new), ascending in both

CELLS = 100_000_000  # of a matrix that is looked at whole: about 10 ms and 12 MB
GRAMS = (8, 3)  # neighbours that are unique on both sides anchor what is larger
DEPTH = 3  # rounds of anchoring
VARIETY = 200  # different items, of fewer of which hardly any neighbours are unique
WINDOW = 8_000  # items of either side that are looked at together where nothing anchors them
PLENTY = 1_000_000_000
EQUAL_PAIRS = 3_000  # of items, beyond which difflib is not: a few words repeated over and over
READABLE = 200  # items up to which difflib is used: it reads better, and is quadratic


T = TypeVar("T", bound=Hashable)


class Stretch(NamedTuple):
    """Equal neighbours: `size` items from place `old` and from place `new`."""

    old: int
    new: int
    size: int


class Effort:
    """How much work a comparison may still take; counted, not timed, so that it ends alike on any machine.

    A unit is about a nanosecond of one core. Spent: whole blocks are shown replaced.
    """

    def __init__(self, units: int) -> None:
        self._left = units

    def spend(self, units: int) -> bool:
        """Take units away. Return whether there were as many."""
        self._left = max(-1, self._left - units)
        return self._left >= 0

    @property
    def is_spent(self) -> bool:
        """Whether more was asked for than there was."""
        return self._left < 0


def readable(old: Sequence[Hashable], new: Sequence[Hashable], effort: Effort | None = None) -> list[Stretch]:
    """Return what is equal, ascending; by difflib up to READABLE items, beyond that with the fewest edits.

    The two may be exchanged: the answer is the same, though neither difflib nor a choice among several
    shortest answers would give it.
    """
    effort = effort or Effort(PLENTY)
    if list(new) < list(old):
        return [Stretch(i, j, size) for j, i, size in readable(new, old, effort)]
    return _trimmed(old, new, lambda was, now: _readable(was, now, effort))


def common(old: Sequence[T], new: Sequence[T], effort: Effort, depth: int = 0) -> list[Stretch]:
    """Return what is equal, ascending, with the fewest edits. Beyond CELLS: fewer stretches, never wrong ones."""
    return _trimmed(old, new, lambda was, now: _common(was, now, effort, depth))


def patient(old: Sequence[T], new: Sequence[T], effort: Effort) -> list[Stretch]:
    """Return what is equal, ascending: first what is unique on both sides, which does not recur by chance."""
    return _trimmed(old, new, lambda was, now: _patient(was, now, effort))


def _patient(old: Sequence[T], new: Sequence[T], effort: Effort) -> list[Stretch]:
    anchors = [Stretch(i, j, 1) for i, j in ascending(unique_on_both(old, new))]
    return fill(anchors, (len(old), len(new)), lambda i, j: common(old[i], new[j], effort))


def pairs_of(stretches: Iterable[Stretch]) -> Pairs:
    """Return the pairs of places of all stretches."""
    return [(i + step, j + step) for i, j, size in stretches for step in range(size)]


def gaps(anchors: Iterable[Stretch], old_size: int, new_size: int) -> Iterator[tuple[slice, slice]]:
    """Yield what lies before, between and after the anchors on either side; one of the two may be empty."""
    i = j = 0
    for x, y, size in (*anchors, Stretch(old_size, new_size, 0)):
        if i < x or j < y:
            yield slice(i, x), slice(j, y)
        i, j = x + size, y + size


def fill(
    anchors: list[Stretch], sizes: tuple[int, int], between: Callable[[slice, slice], Iterable[Stretch]]
) -> list[Stretch]:
    """Return the anchors and, for each gap between them, what `between` finds (counted from its start)."""
    found = list(anchors)
    for old, new in gaps(anchors, *sizes):
        if old.start < old.stop and new.start < new.stop:
            found += (Stretch(old.start + i, new.start + j, size) for i, j, size in between(old, new))
    return sorted(found)


def ascending(pairs: Pairs) -> Pairs:
    """Return the longest part of the pairs, which ascend in the old, that ascends in the new as well."""
    tops: list[int] = []  # for each length: the smallest new place that such a run can end in
    ends: list[int] = []  # and the index of that pair
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(tops, j)
        tops[at : at + 1], ends[at : at + 1] = [j], [index]
        before.append(ends[at - 1] if at else -1)
    out: Pairs = []
    index = ends[-1] if ends else -1
    while index >= 0:
        out.append(pairs[index])
        index = before[index]
    return out[::-1]


def unique_on_both(old: Sequence[Hashable], new: Sequence[Hashable]) -> Pairs:
    """Return the places of items that occur once on either side."""
    once_old, once_new = _once(old), _once(new)
    return [(i, once_new[item]) for item, i in once_old.items() if item in once_new]


def _once(items: Sequence[Hashable]) -> dict[Hashable, int]:
    """Return the place of each item that occurs once, ascending."""
    counts: Mapping[Hashable, int] = Counter(items)
    return {item: place for place, item in enumerate(items) if counts[item] == 1}


def _trimmed(
    old: Sequence[T], new: Sequence[T], within: Callable[[Sequence[T], Sequence[T]], list[Stretch]]
) -> list[Stretch]:
    """Return the equal beginning and end, and what `within` finds between them."""
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    was, now = old[head : len(old) - tail], new[head : len(new) - tail]
    out = [Stretch(0, 0, head)] if head else []
    if was and now:
        out += (Stretch(head + i, head + j, size) for i, j, size in within(was, now))
    return [*out, Stretch(len(old) - tail, len(new) - tail, tail)] if tail else out


def _alike(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """Return how many items are equal from the beginning."""
    size = min(len(old), len(new))
    if old[:size] == new[:size]:
        return size
    return next(place for place in range(size) if old[place] != new[place])


def _readable(old: Sequence[Hashable], new: Sequence[Hashable], effort: Effort) -> list[Stretch]:
    if (
        max(len(old), len(new)) > READABLE
        or not _affordable(old, new)
        or not effort.spend(len(old) * len(new) * 10)
    ):
        return _common(old, new, effort, 0)
    found = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return [Stretch(*one) for one in found if one.size]


def _affordable(old: Sequence[Hashable], new: Sequence[Hashable]) -> bool:
    """Whether difflib, which looks at each pair of equal items again and again, stays quick."""
    if len(old) * len(new) <= EQUAL_PAIRS:
        return True
    counts = Counter(new)
    return sum(counts[item] for item in old) <= EQUAL_PAIRS


def _common(old: Sequence[T], new: Sequence[T], effort: Effort, depth: int) -> list[Stretch]:
    cells = len(old) * len(new)
    if cells <= CELLS:
        return _minimal(old, new) if effort.spend(cells // 10) else []
    if not effort.spend((len(old) + len(new)) * 200):
        return []
    if depth < DEPTH and len(set(old)) > VARIETY and (anchors := _anchors(old, new)):
        return fill(anchors, (len(old), len(new)), lambda i, j: common(old[i], new[j], effort, depth + 1))
    return list(_windowed(old, new, effort))


def _minimal(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Stretch]:
    found = LCSseq.editops(old, new).as_matching_blocks()
    return [Stretch(one.a, one.b, one.size) for one in found if one.size]


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Stretch]:
    """Return neighbours that are unique on both sides, joined to stretches: the longest that anchor anything."""
    for size in GRAMS:
        olds, news = _grams(old, size), _grams(new, size)
        unique = ((i, j) for i, j in unique_on_both(olds, news) if old[i : i + size] == new[j : j + size])
        if found := ascending(list(unique)):
            return _without_overlap(found, size)
    return []


def _grams(items: Sequence[Hashable], size: int) -> list[int]:
    """Return a hash of each item and its next neighbours."""
    return list(map(hash, zip(*(items[step:] for step in range(size)), strict=False)))


def _without_overlap(pairs: Pairs, size: int) -> list[Stretch]:
    """Join grams of `size` items that begin at these places; where two overlap crookedly, the first stays."""
    out = [Stretch(*pairs[0], size)]
    for i, j in pairs[1:]:
        last = out[-1]
        if i - last.old == j - last.new and i <= last.old + last.size:
            out[-1] = Stretch(last.old, last.new, i - last.old + size)
        elif i >= last.old + last.size and j >= last.new + last.size:
            out.append(Stretch(i, j, size))
    return out


def _windowed(old: Sequence[Hashable], new: Sequence[Hashable], effort: Effort) -> Iterator[Stretch]:
    """Yield what is equal in windows that walk down both sides, each beginning where the last ended."""
    i = j = 0
    while i < len(old) and j < len(new):
        was, now = old[i : i + WINDOW], new[j : j + WINDOW]
        if not effort.spend(len(was) * len(now) // 10):
            return
        last = i + len(was) == len(old) and j + len(now) == len(new)
        kept = [one for one in _minimal(was, now) if last or one.old < WINDOW * 3 // 4 > one.new]
        yield from (Stretch(i + x, j + y, size) for x, y, size in kept)
        ended = kept[-1] if kept else Stretch(len(was) // 2, len(now) // 2, 0)
        i, j = (len(old), len(new)) if last else (i + ended.old + ended.size, j + ended.new + ended.size)
