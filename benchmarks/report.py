"""Turn measurements into figures, and figures into a table."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import speed
from benchmarks.moves import Outcome
from benchmarks.quality import Score


@dataclass(frozen=True)
class Figure:
    """One measured figure and its goal; without a goal it is told for comparison."""

    name: str
    measured: float | None  # None: not measured
    goal: float | None = None
    sign: str = "<="  # or ">=", or "=="
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met."""
        if self.goal is None or self.measured is None:
            return None
        compare = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}[self.sign]
        return bool(compare(self.measured, self.goal))

    def to_json(self) -> dict[str, Any]:
        """Return it ready for `json.dumps`."""
        measured = self.measured if self.measured is None or math.isfinite(self.measured) else None
        return {**asdict(self), "measured": measured, "met": self.met}


# -- figures ------------------------------------------------------------------------------------


def of_speed(times: speed.Times) -> list[Figure]:
    """Return the ratios of 95th percentiles."""
    stored, cold, compare = "html, stored", "html, cold", "compare, stored"
    rows = [
        ("full HTML from stored blocks ÷ (lxml + render)", stored, "lxml + render", 0.10),
        ("the same, blocks in memory", "html, in memory", "lxml + render", None),
        ("full HTML from stored blocks ÷ redlines", stored, "redlines", 0.04),
        ("the same, blocks in memory", "html, in memory", "redlines", None),
        ("cold: read + compare + HTML ÷ (lxml + render)", cold, "lxml + render", 0.35),
        ("compare from stored blocks ÷ difflib on words", compare, "difflib", 0.08),
        ("the same, blocks in memory", "compare, in memory", "difflib", None),
        ("compare from stored blocks ÷ wikidiff2", compare, "wikidiff2", 1.2),
        ("the same, blocks in memory", "compare, in memory", "wikidiff2", None),
    ]
    odd = speed.states(times)
    figures = [
        Figure(name, speed.ratio(times, ours, theirs), goal, note=_note(theirs, odd, times))
        for name, ours, theirs, goal in rows
    ]
    first = speed.ratio(times, stored, "lxml + render", first=True)
    figures.insert(2, Figure("the same, from stored blocks, our first round only", first))
    return figures


def _note(peer: str, odd: dict[str, dict[str, int]], times: speed.Times) -> str:
    if peer not in times:
        return "not installed"
    counts = odd.get(peer, {})
    capped = f"{counts['capped']} pairs counted at the cap" if counts.get("capped") else ""
    failed = f"{counts['failed']} pairs left out: the peer failed" if counts.get("failed") else ""
    return ", ".join(filter(None, (capped, failed)))


def of_quality(scores: Sequence[Score], failed: int) -> list[Figure]:
    """Return the figures of exactness and honesty."""
    links = [score for score in scores if score.link_only]
    valid = [score.valid for score in scores if score.valid is not None]
    false = sum(len(score.false_moves) for score in scores)
    return [
        Figure("pairs that the engine failed on", failed, 0, "=="),
        Figure("pairs with blocks shown replaced whole, for lack of time", sum(not s.complete for s in scores)),
        *_edits(scores),
        Figure("blocks marked moved, not half elsewhere", false, 0, "==", note=f"of {_total(scores, 'moved')}"),
        _share("without ins: the old text", [score.old_kept for score in scores]),
        _share("without del: the new text", [score.new_kept for score in scores]),
        _share("valid HTML, both views", [bool(one) for one in valid], "where both plain renderings are"),
        Figure("source changed, nothing marked", sum(score.silent for score in scores), 0, "=="),
        _share("link targets only, shown as such", [score.link_shown for score in links]),
    ]


def _edits(scores: Sequence[Score]) -> list[Figure]:
    least = _total(scores, "minimum")
    for_nothing = [score for score in scores if not score.minimum and score.marked]
    ratios = [score.marked / score.minimum for score in scores if score.minimum]
    note = f"{len(for_nothing)} pairs marked with a minimum of 0: in the sums, not here" if for_nothing else ""
    before, after = _total(scores, "marked_before"), _total(scores, "marked")
    return [
        Figure("marked ÷ minimum, before islands are absorbed", before / least if least else None, 1.03),
        Figure("marked ÷ minimum, after", after / least if least else None, 1.06),
        Figure("the same, 95th percentile of pairs", speed.p95(ratios), 1.5, note=note),
    ]


def _total(scores: Iterable[Score], name: str) -> int:
    return sum(int(getattr(score, name)) for score in scores)


def _share(name: str, facts: Sequence[bool], note: str = "") -> Figure:
    share = 100 * sum(facts) / len(facts) if facts else None
    counted = f"{sum(facts)} of {len(facts)}"
    return Figure(name, share, 100, "==", "%", ", ".join(filter(None, (counted, note))))


def of_moves(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Return how many moved sections were recognised; goals are shares where fewer texts could be made."""
    size = len(outcomes)
    return [
        Figure("sections moved, recognised", sum(o.exact for o in outcomes), size, "==", note=f"of {size}"),
        Figure(
            "the same, 5 % of their words edited",
            sum(o.edited for o in outcomes),
            math.ceil(size * 58 / 60),
            ">=",
            note=f"of {size}",
        ),
    ]


def of_adversarial(results: dict[str, dict[str, Any]]) -> list[Figure]:
    """Return the worst of all kinds; a refusal counts with the time after which it came."""
    cut_short = sum(not result.get("complete", True) for result in results.values())
    stopped = sum("timed_out" in result or "failed" in result for result in results.values())
    return [
        _worst("worst adversarial text: compare", results, "compare", 1.0, "s"),
        _worst("worst adversarial text: read + compare + HTML", results, "all", 2.0, "s"),
        _worst("worst adversarial text: peak memory", results, "peak_mb", 250.0, "MB"),
        Figure("adversarial texts stopped or failed", stopped, 0, "=="),
        Figure("adversarial texts with blocks shown replaced whole", cut_short),
    ]


def _worst(name: str, results: dict[str, dict[str, Any]], key: str, goal: float, unit: str) -> Figure:
    kind = max(results, key=lambda kind: _reached(results[kind], key))
    return Figure(name, _reached(results[kind], key), goal, unit=unit, note=kind)


def _reached(result: dict[str, Any], key: str) -> float:
    """Return a measurement: endless for what did not come to an end, 0 for what a refusal spared."""
    if "timed_out" in result or "failed" in result:
        return math.inf
    return float(result.get(key, 0))


# -- tables -------------------------------------------------------------------------------------


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines of text."""
    rows = [("figure", "measured", "goal", "", "")]
    for figure in figures:
        goal = "" if figure.goal is None else f"{figure.sign} {_number(figure.goal)}"
        met = {True: "met", False: "NOT MET", None: ""}[figure.met]
        measured = "-" if figure.measured is None else f"{_number(figure.measured)} {figure.unit}".strip()
        rows.append((figure.name, measured, goal, met, figure.note))
    return columns(rows)


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3f}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def bins(summaries: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return n, median, p95 and max of each contender in each bin of sizes."""
    rows: list[Sequence[str]] = [("KB", "contender", "n", "median ms", "p95 ms", "max ms")]
    for name, contenders in summaries.items():
        for who, figures in contenders.items():
            numbers = (f"{figures[key]:.2f}" if key in figures else "" for key in ("median", "p95", "max"))
            rows.append((name, who, str(int(figures["n"])), *numbers))
    return columns(rows)


def faults(scores: Sequence[dict[str, Any]], outcomes: Sequence[dict[str, Any]]) -> str:
    """Return the names of the pairs and moved sections that fall short, and of pairs with many marks."""
    rules: dict[str, Callable[[dict[str, Any]], bool]] = {
        "old text not recoverable": lambda score: not score["old_kept"],
        "new text not recoverable": lambda score: not score["new_kept"],
        "not valid": lambda score: score["valid"] is False,
        "nothing marked": lambda score: score["silent"],
        "links not shown as such": lambda score: score["link_only"] and not score["link_shown"],
        "false moves": lambda score: bool(score["false_moves"]),
        "marked over 1.5 times the minimum": lambda score: score["marked"] > 1.5 * score["minimum"],
    }
    named = {rule: [score["name"] for score in scores if holds(score)] for rule, holds in rules.items()}
    named["moved section not recognised"] = [one["name"] for one in outcomes if not one["exact"]]
    named["edited one not recognised"] = [one["name"] for one in outcomes if not one["edited"]]
    return "\n".join(f"{rule}: {', '.join(names)}" for rule, names in named.items() if names)
