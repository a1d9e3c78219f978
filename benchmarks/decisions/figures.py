"""Turn measurements of the decision into figures, and figures into a table."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.decisions import folds, odd
from benchmarks.decisions.folds import Validated
from benchmarks.decisions.outcomes import MOST, Categories
from benchmarks.decisions.pace import Timing
from benchmarks.decisions.rates import Confusion, Interval, Rate
from benchmarks.report import columns
from benchmarks.speed import p95

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
}


class Goal(NamedTuple):
    """What a figure is to reach."""

    sign: str
    value: float

    def __str__(self) -> str:
        return f"{self.sign} {number(self.value)}"


@dataclass(frozen=True)
class Figure:
    """One measured figure; without a goal it is told for comparison."""

    name: str
    value: float | None  # None: not measured
    goal: Goal | None = None
    unit: str = ""
    against: str = ""  # what it is counted of, or stands beside
    interval: Interval | None = None  # of a rate

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None without a goal. What was not measured reaches none."""
        if self.goal is None:
            return None
        return self.value is not None and _COMPARE[self.goal.sign](self.value, self.goal.value)

    def to_json(self) -> dict[str, Any]:
        """Return it ready for `json.dumps`."""
        return {
            "name": self.name,
            "value": self.value if self.value is None or math.isfinite(self.value) else None,
            "unit": self.unit,
            "against": self.against,
            "goal": None if self.goal is None else str(self.goal),
            "holds": self.holds,
            "interval": self.interval,
        }


def of_rate(name: str, rate: Rate, goal: Goal | None = None, against: str = "") -> Figure:
    """Return a figure with its counts and its interval."""
    counted = f"{rate.hits} of {rate.of}"
    return Figure(
        name, rate.value, goal, against="; ".join(filter(None, (counted, against))), interval=rate.interval
    )


# -- figures ------------------------------------------------------------------------------------


def of_failures(failed: int) -> Figure:
    """Return on how many pairs and steps of histories the engine gave no answer."""
    return Figure("pairs that the engine failed on", failed, Goal("==", 0))


def of_shipped(counted: Confusion, contradictions: int) -> list[Figure]:
    """Return the figures of the verdicts as they are shipped."""
    missed = Rate(counted.missed, counted.recall.of)
    return [
        Figure("verdicts that sureness and threshold contradict", contradictions, Goal("==", 0)),
        Figure("as shipped: F1", counted.f1, against=str(counted)),
        of_rate("as shipped: precision", counted.precision),
        of_rate("as shipped: recall", counted.recall),
        of_rate("as shipped: accuracy", counted.accuracy),
        of_rate("as shipped: significant, missed", missed, Goal("<=", 3 / 70), "kept back: 3 of 70"),
        of_rate(
            "as shipped: minor, called significant",
            counted.false_alarms,
            Goal("<=", 9 / 146),
            "kept back: 9 of 146",
        ),
    ]


def of_validation(engine: Validated, baselines: dict[str, Validated]) -> list[Figure]:
    """Return the figures by left-out documents, the engine's beside the baselines'."""
    best = max(baselines, key=lambda name: baselines[name].confusion.f1)
    beside = f"best baseline: {best} {number(baselines[best].confusion.f1)}"
    counted = engine.confusion
    figures = [
        Figure("by left-out document: F1", counted.f1, Goal(">=", 0.93), against=beside),
        of_rate("by left-out document: recall", counted.recall, Goal(">=", folds.RECALL)),
        of_rate("by left-out document: precision", counted.precision),
    ]
    for name, one in baselines.items():
        figures += [
            Figure(f"{name}: F1", one.confusion.f1, against=str(one.confusion)),
            of_rate(f"{name}: recall", one.confusion.recall),
            of_rate(f"{name}: precision", one.confusion.precision),
        ]
    return figures


def of_categories(met: Categories) -> list[Figure]:
    """Return how named and labelled categories meet."""
    return [
        Figure("categories: micro-F1", met.f1, Goal(">=", 0.65), against=f"{met.pairs} pairs rightly significant"),
        of_rate("categories: precision", met.precision),
        of_rate("categories: recall", met.recall),
        Figure(f"pairs with more than {MOST} categories named", len(met.crowded), Goal("==", 0)),
    ]


def of_pace(timings: Sequence[Timing]) -> list[Figure]:
    """Return the times of the pairs, and their ratios to difflib's; nothing of no pair."""
    if not timings:
        return []
    ours, theirs = [one.ours for one in timings], [one.difflib for one in timings]
    middle, late = statistics.median(ours), p95(ours)
    peer = (statistics.median(theirs), p95(theirs))
    return [
        Figure("time of a pair, median", middle, Goal("<", 40), "ms", f"difflib {number(peer[0])} ms"),
        Figure("time of a pair, 95th percentile", late, Goal("<", 250), "ms", f"difflib {number(peer[1])} ms"),
        Figure("time ÷ difflib's, medians", middle / peer[0]),
        Figure("time ÷ difflib's, 95th percentiles", late / peer[1]),
    ]


def of_odd(results: dict[str, dict[str, Any]]) -> list[Figure]:
    """Return the figures of large and odd texts; what was stopped or failed took endlessly."""
    whole = (odd.REWRITTEN, odd.REWRITTEN_POLICY)
    stopped = [kind for kind, one in results.items() if "seconds" not in one]
    minor = [kind for kind, one in results.items() if one.get("verdict") == "minor" and kind not in odd.UNCHANGED]
    worst = max(results, key=lambda kind: _reached(results[kind], "seconds"))
    return [
        *(Figure(kind, _reached(results[kind], "seconds"), Goal("<", 3), "s") for kind in whole),
        *(_memory(kind, results[kind]) for kind in (*whole, odd.TOO_LARGE)),
        Figure("odd texts stopped or failed", len(stopped), Goal("==", 0), against=f"of {len(results)}"),
        Figure(
            "odd texts called minor though another thing is said",
            len(minor),
            Goal("==", 0),
            against="; ".join(minor),
        ),
        Figure("odd texts: the longest", _reached(results[worst], "seconds"), unit="s", against=worst),
    ]


def _memory(kind: str, result: dict[str, Any]) -> Figure:
    own = f"{_reached(result, 'own_mb'):.0f} MB above what the process held before"
    return Figure(f"{kind}: peak memory", _reached(result, "peak_mb"), Goal("<=", 250), "MB", own)


def _reached(result: dict[str, Any], key: str) -> float:
    return float(result.get(key, math.inf))


def of_histories(counted: Confusion) -> list[Figure]:
    """Return how the verdicts along histories agree with a reader's."""
    return [
        Figure("histories: F1", counted.f1, against=str(counted)),
        of_rate("histories: agreement", counted.accuracy),
        of_rate("histories: recall", counted.recall),
        of_rate("histories: precision", counted.precision),
        of_rate("histories: minor, called significant", counted.false_alarms),
    ]


# -- table --------------------------------------------------------------------------------------


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines of text."""
    rows = [("figure", "value", "95 %", "goal", "", "")]
    for figure in figures:
        value = "-" if figure.value is None else f"{number(figure.value)} {figure.unit}".strip()
        goal = "" if figure.goal is None else str(figure.goal)
        holds = {True: "holds", False: "DOES NOT HOLD", None: ""}[figure.holds]
        rows.append((figure.name, value, str(figure.interval or ""), goal, holds, figure.against))
    return columns(rows)


def number(value: float) -> str:
    """Return a number as it is read."""
    return f"{value:.0f}" if math.isfinite(value) and value == int(value) else f"{value:.3f}"
