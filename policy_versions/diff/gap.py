"""Between two equal blocks: let words vote for which old blocks became which new ones. Pure, and bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from policy_versions.diff.likeness import ALIKE, ALIKE_ALONE, CONTAINED, LEAST, mutually_best
from policy_versions.diff.sequence import CELLS, Effort, Pairs, Stretch, ascending, common, gaps, unique_on_both

PART = 0.3  # of a block's words stem, in runs, from the block that it is called a part of
RUN = 3  # words; shorter runs are found by chance
MANY = 200  # blocks, of more of which those that begin alike are paired first
OPENING = 2  # words
DIVISIBLE = frozenset({"p", "li", "h1", "h2", "h3", "h4", "h5", "h6"})

Group = tuple[tuple[int, ...], tuple[int, ...]]  # old and new places: 1 and 1, 1 and n, or n and 1
Texts = Sequence[Sequence[str]]  # words of each block


def reworded(words: tuple[Texts, Texts], tags: Sequence[Sequence[str]], effort: Effort) -> list[Group]:
    """Return which of the old blocks (words[0]) became which of the new ones (words[1]), ascending.

    The words of each side are compared in one go, so that pairs keep their order. A paragraph that was split
    is one old place and several new ones; joined ones, the other way round.
    """
    sizes = len(words[0]), len(words[1])
    if min(sizes) < MANY:
        return _reworded(words, tags, effort)
    anchors = _by_opening(*words)
    out: list[Group] = [((i,), (j,)) for i, j, _ in anchors]
    for i, j in gaps(anchors, *sizes):
        found = _reworded((words[0][i], words[1][j]), (tags[0][i], tags[1][j]), effort)
        out += (
            (tuple(i.start + place for place in olds), tuple(j.start + place for place in news))
            for olds, news in found
        )
    return sorted(out)


def _by_opening(old: Texts, new: Texts) -> list[Stretch]:
    """Return blocks that alone begin with the same words and share half of all: as rows of a long table do."""
    openings = [[tuple(text[:OPENING]) or number for number, text in enumerate(side)] for side in (old, new)]
    pairs = ascending(unique_on_both(*openings))
    return [Stretch(i, j, 1) for i, j in pairs if _share_half(old[i], new[j])]


def _share_half(old: Sequence[str], new: Sequence[str]) -> bool:
    return (Counter(old) & Counter(new)).total() * 2 >= max(len(old), len(new))


def _reworded(words: tuple[Texts, Texts], tags: Sequence[Sequence[str]], effort: Effort) -> list[Group]:
    if not (words[0] and words[1]):
        return []
    votes = _votes(*words, effort)
    sizes = [[len(text) for text in side] for side in words]
    if len(words[0]) == len(words[1]) == 1:
        return [((0,), (0,))] if _pairs(votes.words, sizes) else []
    pairs = _pairs(votes.words, sizes)
    return sorted(_with_parts(pairs, votes.in_runs, sizes, tags))


class _Votes(NamedTuple):
    """How many words of which old block are found in which new one, all in one order."""

    words: Counter[tuple[int, int]]
    in_runs: Counter[tuple[int, int]]  # those of them that stand in runs


def _votes(old: Texts, new: Texts, effort: Effort) -> _Votes:
    if len(old) == len(new) == 1 and len(old[0]) * len(new[0]) > CELLS:  # not worth an alignment
        return _Votes(Counter({(0, 0): (Counter(old[0]) & Counter(new[0])).total()}), Counter())
    olds, news = [*chain.from_iterable(old)], [*chain.from_iterable(new)]
    owners_old, owners_new = _owners(old), _owners(new)
    votes = _Votes(Counter(), Counter())
    for i, j, size in common(olds, news, effort):
        for pair, count in Counter(zip(owners_old[i : i + size], owners_new[j : j + size], strict=True)).items():
            votes.words[pair] += count
            votes.in_runs[pair] += count if count >= RUN else 0
    return votes


def _owners(texts: Texts) -> list[int]:
    """Return, for each word of all texts, the number of its text."""
    return [number for number, text in enumerate(texts) for _ in text]


def _pairs(votes: Mapping[tuple[int, int], int], sizes: Sequence[Sequence[int]]) -> Pairs:
    """Return blocks that are alike and each other's best match; then the best among the rest, and so on."""
    least = ALIKE_ALONE if len(sizes[0]) == len(sizes[1]) == 1 else ALIKE
    likeness = {pair: _likeness(count, sizes[0][pair[0]], sizes[1][pair[1]]) for pair, count in votes.items()}
    left = {pair: share for pair, share in likeness.items() if share >= least}
    out: Pairs = []
    while left:
        best = mutually_best(left)
        out += best
        olds, news = {i for i, _ in best}, {j for _, j in best}
        left = {pair: share for pair, share in left.items() if pair[0] not in olds and pair[1] not in news}
    return sorted(out + _alone(sorted(out), likeness, sizes))


def _alone(pairs: Pairs, likeness: Mapping[tuple[int, int], float], sizes: Sequence[Sequence[int]]) -> Pairs:
    """Return blocks that are the only ones left between two pairs on either side, and a little alike."""
    anchors = [Stretch(i, j, 1) for i, j in pairs]
    left = [
        (i, j) for i, j in gaps(anchors, len(sizes[0]), len(sizes[1])) if i.stop - i.start == j.stop - j.start == 1
    ]
    return [(i.start, j.start) for i, j in left if likeness.get((i.start, j.start), 0) >= ALIKE_ALONE]


def _likeness(shared: int, old: int, new: int) -> float:
    """Return the share of words in common (Dice), or more where one block holds most of the other."""
    smaller = min(old, new)
    contained = shared / smaller if smaller >= LEAST else 0.0
    return max(2 * shared / (old + new), contained if contained >= CONTAINED else 0.0)


def _with_parts(
    pairs: Pairs,
    votes: Mapping[tuple[int, int], int],
    sizes: Sequence[Sequence[int]],
    tags: Sequence[Sequence[str]],
) -> Iterator[Group]:
    """Yield the pairs, widened by neighbours that stem from the same block on the other side."""
    taken = {i for i, _ in pairs}, {j for _, j in pairs}

    def belongs(side: int, whole: int, place: int) -> bool:
        if not 0 <= place < len(sizes[side]) or place in taken[side] or tags[side][place] not in DIVISIBLE:
            return False
        size = sizes[side][place]
        return votes.get((whole, place) if side else (place, whole), 0) >= max(RUN, PART * size)

    for i, j in pairs:
        olds, news = [i], [j]
        if tags[0][i] in DIVISIBLE and tags[1][j] in DIVISIBLE:
            news = _widened(j, partial(belongs, 1, i))
            olds = _widened(i, partial(belongs, 0, j)) if len(news) == 1 else olds
        taken[0].update(olds)
        taken[1].update(news)
        yield tuple(olds), tuple(news)


def _widened(place: int, belongs: Callable[[int], bool]) -> list[int]:
    first = last = place
    while belongs(first - 1):
        first -= 1
    while belongs(last + 1):
        last += 1
    return list(range(first, last + 1))
