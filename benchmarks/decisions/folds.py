"""Choose a threshold on some documents and apply it to another: leave one document out, each in its turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.decisions.rates import Confusion

RECALL = 0.96  # below it no threshold is chosen: to miss a significant change is the worst error


class Scored(NamedTuple):
    """A pair as a threshold sees it."""

    document: str
    significant: bool  # by its label
    score: float  # at least the threshold: called significant


class Fold(NamedTuple):
    """One document left out, and the threshold that the others chose."""

    document: str
    threshold: float
    places: tuple[int, ...]  # of its pairs, among all


class Validated(NamedTuple):
    """The verdicts on documents that did not choose their threshold."""

    folds: list[Fold]
    verdicts: list[bool]  # one for each pair, in their order
    confusion: Confusion


def validate(scored: Sequence[Scored], least: float = RECALL) -> Validated:
    """Return each pair's verdict by the threshold of its fold, and all of them counted together.

    least: the recall that a threshold must reach to be chosen.
    """
    folds = split(scored, least)
    verdicts = [False] * len(scored)
    for fold in folds:
        for place in fold.places:
            verdicts[place] = scored[place].score >= fold.threshold
    labels = (one.significant for one in scored)
    return Validated(folds, verdicts, Confusion.of(zip(labels, verdicts, strict=True)))


def split(scored: Sequence[Scored], least: float = RECALL) -> list[Fold]:
    """Return a fold for each document, in the order in which they first come."""
    return [_fold(document, scored, least) for document in dict.fromkeys(one.document for one in scored)]


def _fold(document: str, scored: Sequence[Scored], least: float) -> Fold:
    places = tuple(place for place, one in enumerate(scored) if one.document == document)
    return Fold(document, threshold([one for one in scored if one.document != document], least), places)


def threshold(scored: Sequence[Scored], least: float = RECALL) -> float:
    """Return the threshold with the best F1 among those with the least recall or more; of nothing, 0.

    Every threshold between two neighbouring scores does the same, so the middle stands for them. Of equals the
    widest gap is chosen, and of equal gaps the lower. That all is minor is never chosen.
    """
    scores = sorted({one.score for one in scored})
    gaps = list(pairwise([0.0, *scores]))
    low, high = max(gaps, key=lambda gap: _worth(gap, scored, least), default=(0.0, 0.0))
    return (low + high) / 2


def _worth(gap: tuple[float, float], scored: Sequence[Scored], least: float) -> tuple[bool, float, float]:
    """Return by what thresholds within a gap are chosen, the weightiest first."""
    low, high = gap
    counted = Confusion.of((one.significant, one.score >= high) for one in scored)
    reached = counted.recall.value
    return reached is None or reached >= least, round(counted.f1, 9), round(high - low, 9)
