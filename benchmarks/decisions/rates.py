"""Count verdicts against labels, and say how far such counts may be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

Z = 1.959964  # two-sided 95 %


class Interval(NamedTuple):
    """Where a rate lies with 95 % confidence."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3f}–{self.high:.3f}"


def wilson(hits: int, of: int, z: float = Z) -> Interval:
    """Return the interval of a rate that was seen as so many hits; of nothing, 0 to 1.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    if not of:
        return Interval(0.0, 1.0)
    rate, spread = hits / of, z * z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / of + spread / of / 4) / (1 + spread)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


class Rate(NamedTuple):
    """So many hits of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> Interval:
        """Where it lies with 95 % confidence."""
        return wilson(self.hits, self.of)

    def __str__(self) -> str:
        shown = "-" if self.value is None else f"{self.value:.3f}"
        return f"{shown} ({self.hits} of {self.of}; {self.interval})"


class Confusion(NamedTuple):
    """How often a verdict was right. What is looked for is the significant."""

    found: int = 0
    missed: int = 0
    false: int = 0
    spared: int = 0  # minor, and called so

    @classmethod
    def of(cls, cases: Iterable[tuple[bool, bool]]) -> Confusion:
        """Count pairs of label and verdict, each whether significant."""
        listed = list(cases)
        orders = [(True, True), (True, False), (False, True), (False, False)]
        return cls(*(listed.count(order) for order in orders))

    @property
    def precision(self) -> Rate:
        """Of what was called significant, what was."""
        return Rate(self.found, self.found + self.false)

    @property
    def recall(self) -> Rate:
        """Of what was significant, what was called so."""
        return Rate(self.found, self.found + self.missed)

    @property
    def false_alarms(self) -> Rate:
        """Of what was minor, what was called significant."""
        return Rate(self.false, self.false + self.spared)

    @property
    def accuracy(self) -> Rate:
        """Of all, what was called rightly."""
        return Rate(self.found + self.spared, sum(self))

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 where nothing was found."""
        return f1(self.found, self.false, self.missed)

    def __str__(self) -> str:
        return f"{self.found} found, {self.missed} missed, {self.false} false, {self.spared} rightly minor"


def f1(both: int, extra: int, lacking: int) -> float:
    """Return the harmonic mean of precision and recall; 0 where nothing was found."""
    return 2 * both / (2 * both + extra + lacking) if both else 0.0
