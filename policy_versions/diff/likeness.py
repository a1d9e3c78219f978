"""Find which texts, given as words, are alike wherever they stand. Pure, and bounded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from policy_versions.diff.sequence import Pairs

RARE = 8  # what stands in more texts than that does not tell which two belong together
CANDIDATES = 3  # texts compared in full with one text
ALIKE, ALIKE_ALONE = 0.45, 0.3  # likeness to be called reworded; the second where no other text is in question
CONTAINED = 0.85  # or this share of the smaller text's words is found in the larger one
LEAST = 4  # words; shorter texts recur by chance
GRAM = 4  # neighbouring words


def best_matches(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Pairs:
    """Pair texts that are alike and each other's best match; ascending in the old."""
    bags_old, bags_new = [_bag(words) for words in old], [_bag(words) for words in new]
    return mutually_best(_likenesses(bags_old, bags_new))


def sharing_grams(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return pairs of texts that share rare runs of GRAM words: for each new one, its best CANDIDATES."""
    where: dict[tuple[str, ...], list[int]] = {}
    for i, words in enumerate(old):
        for gram in _grams(words):
            found = where.setdefault(gram, [])
            if len(found) <= RARE and (not found or found[-1] != i):
                found.append(i)
    out = []
    for j, words in enumerate(new):
        shared = (where[gram] for gram in _grams(words) if gram in where)
        votes = Counter(i for places in shared if len(places) <= RARE for i in places)
        best = sorted(votes, key=lambda i: (-votes[i], i))[:CANDIDATES]  # Counter's own order follows the hashes
        out += [(i, j) for i in best]
    return out


def mutually_best(likenesses: Mapping[tuple[int, int], float]) -> Pairs:
    """Return the pairs of which each is the other's best, ascending in the old."""
    ranked = sorted(likenesses, key=lambda pair: (-likenesses[pair], abs(pair[0] - pair[1]), pair))
    best_old: dict[int, tuple[int, int]] = {}
    best_new: dict[int, tuple[int, int]] = {}
    for pair in ranked:
        best_old.setdefault(pair[0], pair)
        best_new.setdefault(pair[1], pair)
    return sorted(pair for pair in ranked if best_old[pair[0]] == pair == best_new[pair[1]])


class _Bag(NamedTuple):
    """A text's words, for likeness; and its words and pairs of neighbours, to find what it may be like."""

    words: Counter[str]
    clues: frozenset[str]


def _grams(words: Sequence[str]) -> zip[tuple[str, ...]]:
    return zip(*(words[step:] for step in range(GRAM)), strict=False)


def _bag(texts: Sequence[str]) -> _Bag:
    words = [text.casefold() for text in texts if text[:1].isalnum()]
    return _Bag(Counter(words), frozenset((*words, *map(" ".join, pairwise(words)))))


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
    return sorted(votes, key=lambda j: (-votes[j], j))[:CANDIDATES]


def _likeness(old: Counter[str], new: Counter[str]) -> float:
    """Return the share of words in common (Dice), or 0.85 and more where one holds most of the other."""
    shared = (old & new).total()
    smaller = min(old.total(), new.total())
    contained = shared / smaller if smaller >= LEAST else 0.0
    dice = 2 * shared / (old.total() + new.total())
    return max(dice, contained if contained >= CONTAINED else 0.0)
