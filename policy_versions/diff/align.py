"""Align two texts' blocks: what stayed, was reworded, split, joined, moved. Pure, and bounded for any input."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from policy_versions.diff.blocks import Block
from policy_versions.diff.gap import Group, reworded
from policy_versions.diff.likeness import LEAST, mutually_best, sharing_grams
from policy_versions.diff.sequence import CELLS, Effort, Pairs, ascending, gaps, pairs_of, patient, unique_on_both
from policy_versions.diff.tokens import said

MOVED = 0.6  # of the larger block's words are, in order, in the other, where one moved and was edited
BESIDE = 0.5  # of them suffice next to another block that moved
SPAN = 2  # blocks further on, a move goes on where it is found again


class Alignment(NamedTuple):
    """Which old block became which new one; places that are in neither were deleted or inserted."""

    kept: list[Group]  # in the same order in both texts, ascending
    moves: Pairs  # blocks that stand elsewhere now, perhaps edited; ascending in the new

    def turned(self) -> Alignment:
        """Return the same, seen from the other text."""
        return Alignment([(new, old) for old, new in self.kept], sorted((j, i) for i, j in self.moves)).in_order()

    def in_order(self) -> Alignment:
        """Return it with its moves ascending in the new text."""
        return self._replace(moves=sorted(self.moves, key=lambda pair: pair[1]))


def align(old: Sequence[Block], new: Sequence[Block], effort: Effort) -> Alignment:
    """Align two texts' blocks: equal ones, exact moves, reworded ones within the gaps, edited moves."""
    return _Aligning(old, new, effort).result()


class _Aligning:
    """Two texts' blocks, and which of them are not spoken for."""

    def __init__(self, old: Sequence[Block], new: Sequence[Block], effort: Effort) -> None:
        self._old, self._new, self._effort = old, new, effort
        self._free_old, self._free_new = set(range(len(old))), set(range(len(new)))
        self._words: dict[str, list[str]] = {}

    def result(self) -> Alignment:
        """Return the alignment."""
        same = patient([block.key for block in self._old], [block.key for block in self._new], self._effort)
        kept: list[Group] = [((i,), (j,)) for i, j in pairs_of(same)]
        self._take(kept)
        moves = self._exact_moves()
        for i, j in gaps(same, len(self._old), len(self._new)):
            kept += self._reworded(i, j)
        kept.sort()
        moves += self._edited_moves(moves)
        stayed = dict(ascending(sorted((i, j) for i, j in moves if _fits(kept, i, j))))
        moved = [(i, j) for i, j in moves if i not in stayed]
        return Alignment(sorted(kept + [((i,), (j,)) for i, j in stayed.items()]), moved).in_order()

    def _take(self, groups: Iterable[Group]) -> None:
        for olds, news in groups:
            self._free_old.difference_update(olds)
            self._free_new.difference_update(news)

    def _said(self, block: Block) -> list[str]:
        found = self._words.get(block.look)
        if found is None:
            found = self._words[block.look] = said(block.said)
        return found

    def _reworded(self, old: slice, new: slice) -> list[Group]:
        """Pair what is left between two equal blocks."""
        olds = [place for place in range(old.start, old.stop) if place in self._free_old]
        news = [place for place in range(new.start, new.stop) if place in self._free_new]
        if not (olds and news and self._effort.spend(10_000 * (len(olds) + len(news)))):
            return []
        blocks = [self._old[i] for i in olds], [self._new[j] for j in news]
        words = [self._said(block) for block in blocks[0]], [self._said(block) for block in blocks[1]]
        found = reworded(words, [[block.tag for block in side] for side in blocks], self._effort)
        groups = [(tuple(olds[a] for a in some), tuple(news[b] for b in others)) for some, others in found]
        groups = [part for group in groups for part in _contiguous(group)]
        self._take(groups)
        return groups

    # -- moves ----------------------------------------------------------------------------------

    def _exact_moves(self) -> Pairs:
        """Pair blocks that were not kept in order but stand, unchanged and unmistakable, elsewhere."""
        olds, news = sorted(self._free_old), sorted(self._free_new)
        pairs = unique_on_both([self._old[i].key for i in olds], [self._new[j].key for j in news])
        moves = [(olds[i], news[j]) for i, j in pairs if self._is_unmistakable(self._new[news[j]])]
        self._take(((i,), (j,)) for i, j in moves)
        return moves + self._beside(moves, lambda i, j: self._old[i].key == self._new[j].key)

    def _is_unmistakable(self, block: Block) -> bool:
        return block.is_heading or len(self._said(block)) >= LEAST

    def _edited_moves(self, exact: Pairs) -> Pairs:
        """Pair blocks that stand elsewhere with other words among theirs; beside a move, less alike ones too."""
        olds, news = sorted(self._free_old), sorted(self._free_new)
        if not (olds and news and self._effort.spend(10_000 * (len(olds) + len(news)))):
            return []
        words_old, words_new = [self._said(self._old[i]) for i in olds], [self._said(self._new[j]) for j in news]
        if not self._effort.spend(300 * sum(map(len, words_old + words_new))):
            return []
        shares = {
            (olds[a], news[b]): self._share(words_old[a], words_new[b])
            for a, b in sharing_grams(words_old, words_new)
        }
        moves = mutually_best({pair: share for pair, share in shares.items() if share >= MOVED})
        self._take(((i,), (j,)) for i, j in moves)
        return moves + self._beside(exact + moves, self._is_like)

    def _is_like(self, i: int, j: int) -> bool:
        return self._share(self._said(self._old[i]), self._said(self._new[j])) >= BESIDE

    def _share(self, old: Sequence[str], new: Sequence[str]) -> float:
        """Return how much of the larger text's words is, in order, in the other."""
        cells = len(old) * len(new)
        if not cells or cells > 10 * CELLS or not self._effort.spend(2_000 + cells // 10):
            return 0.0
        return float(LCSseq.similarity(old, new)) / max(len(old), len(new))

    def _beside(self, moves: Pairs, belong: Callable[[int, int], bool]) -> Pairs:
        """Return blocks next to moved ones that are free on both sides and belong together."""
        out: Pairs = []
        queue = list(moves)
        for i, j in queue:
            for x, y in _around(i, j):
                if x in self._free_old and y in self._free_new and belong(x, y):
                    self._take([((x,), (y,))])
                    out.append((x, y))
                    queue.append((x, y))  # the loop comes to it: a move grows as far as it goes
        return out


def _around(i: int, j: int) -> Iterator[tuple[int, int]]:
    yield from ((i + step, j + step) for step in (-1, 1))


def _contiguous(group: Group) -> Iterator[Group]:
    """Yield a group whose blocks stand together; of one with others between them, the first block on each side."""
    olds, news = group
    together = olds[-1] - olds[0] == len(olds) - 1 and news[-1] - news[0] == len(news) - 1
    yield group if together else (olds[:1], news[:1])


def _fits(kept: Sequence[Group], i: int, j: int) -> bool:
    """Whether a pair stands between the kept groups in both texts, so that nothing moved."""
    at = bisect_left(kept, ((i,), (j,)))
    before = kept[at - 1] if at else ((-1,), (-1,))
    after = kept[at] if at < len(kept) else ((i + 1,), (j + 1,))
    return before[1][-1] < j < after[1][0]
