"""Align two sequences: what stayed, what moved, what was reworded. Pure, and bounded for any input.

Source: patience diff (Bram Cohen): what is unique on both sides anchors the rest; difflib within small gaps.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from policy_versions.diff.blocks import Block

Pairs = list[tuple[int, int]]  # (place in the old, place in the new), ascending in both

CELLS = 30_000  # equal pairs of items that difflib may look at; about 20 ms
DEPTH = 8  # rounds of anchoring within gaps
RARE = 8  # a word or pair of words in more blocks of a gap does not tell which two belong together
CANDIDATES = 3  # blocks compared in full with one block
ALIKE, ALIKE_ALONE = (
    0.45,
    0.3,
)  # likeness to be called reworded; the second where no other block is in question
CONTAINED = 0.85  # or this share of the smaller block's words is found in the larger one
MOVED_WORDS = 4  # shorter blocks recur by chance


class Alignment(NamedTuple):
    """Which old block became which new one; places that are in neither were deleted or inserted."""

    pairs: Pairs  # in the same order in both texts
    moves: Pairs  # unchanged blocks that stand elsewhere now, ascending in the new


def align(old: Sequence[Block], new: Sequence[Block]) -> Alignment:
    """Align two texts' blocks: equal ones first, then moves, then rewording within the gaps."""
    kept = matches([block.key for block in old], [block.key for block in new])
    moves = _moves(old, new, kept)
    return Alignment(_reworded(old, new, kept, moves), moves)


def matches(old: Sequence[Hashable], new: Sequence[Hashable], depth: int = 0) -> Pairs:
    """Return places of equal items, ascending in both. Beyond its bounds: fewer, never wrong ones."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    inner = _matches_between(old[head : len(old) - tail], new[head : len(new) - tail], depth)
    return [
        *((place, place) for place in range(head)),
        *((head + i, head + j) for i, j in inner),
        *((len(old) - back, len(new) - back) for back in range(tail, 0, -1)),
    ]


def fill(anchors: Pairs, old_size: int, new_size: int, between: Callable[[slice, slice], Pairs]) -> Pairs:
    """Return the anchors and, for each gap between them, what `between` finds (counted from its start)."""
    out: Pairs = []
    i = j = 0
    for anchor in [*anchors, (old_size, new_size)]:
        gap = slice(i, anchor[0]), slice(j, anchor[1])
        out += [(i + x, j + y) for x, y in between(*gap)] if i < anchor[0] and j < anchor[1] else []
        out.append(anchor)
        i, j = anchor[0] + 1, anchor[1] + 1
    return out[:-1]


def best_matches(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Pairs:
    """Pair texts, given as words, that are alike and each other's best match; in any order."""
    return _mutually_best(_likenesses([_bag(words) for words in old], [_bag(words) for words in new]))


def affordable(old: Sequence[Hashable], new: Sequence[Hashable]) -> bool:
    """Whether difflib, which looks at each pair of equal items, stays quick."""
    counts = Counter(new)
    return sum(counts[item] * count for item, count in Counter(old).items()) <= CELLS


def _common(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    size = min(len(old), len(new))
    return next((place for place in range(size) if old[place] != new[place]), size)


def _matches_between(old: Sequence[Hashable], new: Sequence[Hashable], depth: int) -> Pairs:
    if not old or not new:
        return []
    if affordable(old, new):
        runs = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        return [(i + step, j + step) for i, j, size in runs for step in range(size)]
    anchors = _anchors(old, new) if depth < DEPTH else []
    if not anchors:
        return []
    return fill(anchors, len(old), len(new), lambda i, j: matches(old[i], new[j], depth + 1))


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable]) -> Pairs:
    """Return the longest ascending run of items that occur once on either side."""
    return _ascending(_unique_on_both(old, new))


def _unique_on_both(old: Sequence[Hashable], new: Sequence[Hashable]) -> Pairs:
    once_old, once_new = Counter(old), Counter(new)
    where = {item: place for place, item in enumerate(new) if once_new[item] == 1}
    return [(i, where[item]) for i, item in enumerate(old) if once_old[item] == 1 and item in where]


def _ascending(pairs: Pairs) -> Pairs:
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


def _moves(old: Sequence[Block], new: Sequence[Block], kept: Pairs) -> Pairs:
    """Pair blocks that were not kept in order but stand, unchanged and unmistakable, elsewhere."""
    olds = _others(len(old), {i for i, _ in kept})
    news = _others(len(new), {j for _, j in kept})
    pairs = _unique_on_both([old[i].key for i in olds], [new[j].key for j in news])
    moved = [(olds[i], news[j]) for i, j in pairs if _unmistakable(new[news[j]])]
    return sorted(moved, key=lambda pair: pair[1])


def _unmistakable(block: Block) -> bool:
    return block.is_heading or sum(word.text.isalnum() for word in block.words) >= MOVED_WORDS


def _others(size: int, taken: set[int]) -> list[int]:
    return [place for place in range(size) if place not in taken]


def _reworded(old: Sequence[Block], new: Sequence[Block], kept: Pairs, moves: Pairs) -> Pairs:
    """Return the kept pairs and, within their gaps, those whose words are alike."""
    gone, come = {i for i, _ in moves}, {j for _, j in moves}

    def between(i: slice, j: slice) -> Pairs:
        olds = [place for place in range(i.start, i.stop) if place not in gone]
        news = [place for place in range(j.start, j.stop) if place not in come]
        found = _alike([_bag(_said(old[place])) for place in olds], [_bag(_said(new[place])) for place in news])
        return [(olds[x] - i.start, news[y] - j.start) for x, y in found]

    return fill(kept, len(old), len(new), between)


def _said(block: Block) -> tuple[str, ...]:
    return block.texts[block.numbering :]


class _Bag(NamedTuple):
    """A block's words, for likeness; and its words and pairs of neighbours, to find what it may be like."""

    words: Counter[str]
    clues: frozenset[str]


def _bag(texts: Sequence[str]) -> _Bag:
    words = [text.casefold() for text in texts if text[:1].isalnum()]
    return _Bag(Counter(words), frozenset((*words, *map(" ".join, pairwise(words)))))


def _alike(old: Sequence[_Bag], new: Sequence[_Bag], depth: int = 0) -> Pairs:
    """Pair bags that are each other's best match; then look again within the gaps."""
    if not old or not new or depth > DEPTH:
        return []
    anchors = _ascending(_mutually_best(_likenesses(old, new)))
    if not anchors:
        return []
    return fill(anchors, len(old), len(new), lambda i, j: _alike(old[i], new[j], depth + 1))


def _likenesses(old: Sequence[_Bag], new: Sequence[_Bag]) -> dict[tuple[int, int], float]:
    """Return the likeness of each pair that shares rare clues and is alike enough."""
    where: dict[str, list[int]] = defaultdict(list)
    for j, bag in enumerate(new):
        for clue in bag.clues:
            where[clue].append(j)
    least = ALIKE_ALONE if len(old) == len(new) == 1 else ALIKE
    out = {}
    for i, bag in enumerate(old):
        for j in _candidates(bag, where):
            if (likeness := _likeness(bag.words, new[j].words)) >= least:
                out[i, j] = likeness
    return out


def _candidates(bag: _Bag, where: Mapping[str, list[int]]) -> list[int]:
    votes = Counter(j for clue in bag.clues if len(where.get(clue, ())) <= RARE for j in where.get(clue, ()))
    return sorted(votes, key=lambda j: (-votes[j], j))[:CANDIDATES]  # Counter's own order follows the hashes


def _likeness(old: Counter[str], new: Counter[str]) -> float:
    """Return the share of words in common (Dice), or 0.85 and more where one holds most of the other."""
    common = (old & new).total()
    smaller = min(old.total(), new.total())
    contained = common / smaller if smaller >= MOVED_WORDS else 0.0
    dice = 2 * common / (old.total() + new.total())
    return max(dice, contained if contained >= CONTAINED else 0.0)


def _mutually_best(likenesses: Mapping[tuple[int, int], float]) -> Pairs:
    ranked = sorted(likenesses, key=lambda pair: (-likenesses[pair], abs(pair[0] - pair[1]), pair))
    best_old: dict[int, tuple[int, int]] = {}
    best_new: dict[int, tuple[int, int]] = {}
    for pair in ranked:
        best_old.setdefault(pair[0], pair)
        best_new.setdefault(pair[1], pair)
    return sorted(pair for pair in ranked if best_old[pair[0]] == pair == best_new[pair[1]])
