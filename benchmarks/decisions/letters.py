"""Decide along whole histories, so that a person may read the table and ask: would I send that letter?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from benchmarks import corpus
from benchmarks.corpus import Pair
from benchmarks.decisions.labelled import Unusable, rows
from benchmarks.decisions.outcomes import top_finding
from benchmarks.decisions.rates import Confusion
from benchmarks.report import columns
from policy_versions.significance import decide
from policy_versions.significance.decision import sureness

SHOWN = 100  # characters of a finding


@dataclass(frozen=True)
class Step:
    """One revision of a history, decided against the one before."""

    history: str  # its folder
    date: str
    verdict: str
    level: int
    sureness: float
    finding: str

    @property
    def significant(self) -> bool:
        """Whether the engine called it so."""
        return self.verdict == "significant"


class Judged(NamedTuple):
    """What a reader said of a step."""

    significant: bool
    categories: tuple[str, ...]
    evidence: str


Gold = dict[tuple[str, str], Judged]  # by history and date


def run(folder: Path, say: Callable[[str], None]) -> tuple[list[Step], dict[str, str]]:
    """Return a step for each revision but the first, history by history, in the order of dates.

    Beside them stand the errors of those that the engine failed on, by name.
    Revisions that equal the one before, or that publishing refuses, are passed over and counted.
    Raises: Unusable.
    """
    pairs, left_out = corpus.gather([], [folder], None, 0)
    if not pairs:
        raise Unusable(f"{folder} holds no folder with two dated texts (2024-05-01.md) that differ.")
    say(f"{len(pairs)} steps of histories; left out: {left_out or 'none'}")
    steps = []
    failed = {}
    for pair in pairs:
        try:
            steps.append(_step(pair, folder))
        except Exception as error:
            failed[pair.name] = repr(error)
    return steps, failed


def _step(pair: Pair, folder: Path) -> Step:
    decision = decide(pair.old, pair.new)
    return Step(
        history=str(PurePosixPath(pair.policy).relative_to(folder.name)),
        date=PurePosixPath(pair.name).name,
        verdict=decision.verdict,
        level=decision.level,
        sureness=round(sureness(pair.old, pair.new), 4),
        finding=top_finding(decision),
    )


def gold(file: Path) -> Gold:
    """Return the labels of a file of {"history", "old", "new", "label"}, by history and date of the new text.

    Raises: Unusable.
    """
    return {
        (row["history"], row["new"].removesuffix(".md")): Judged(
            row["label"] == "significant", tuple(row.get("categories", ())), row.get("evidence", "")
        )
        for row in rows(file, "history", "new")
        if row["label"] != "artifact"
    }


def judged(steps: Sequence[Step], labels: Gold) -> list[tuple[Step, Judged]]:
    """Return the steps that are labelled, with their labels."""
    return [(step, labels[key]) for step in steps if (key := (step.history, step.date)) in labels]


def agreement(cases: Sequence[tuple[Step, Judged]]) -> Confusion:
    """Count the verdicts against the labels."""
    return Confusion.of((label.significant, step.significant) for step, label in cases)


# -- words --------------------------------------------------------------------------------------


def tables(steps: Sequence[Step]) -> str:
    """Return a table for each history, and its counts."""
    parts = groupby(steps, key=lambda step: step.history)
    return "\n\n".join(_table(history, list(group)) for history, group in parts)


def _table(history: str, steps: Sequence[Step]) -> str:
    head = ("date", "verdict", "level", "sure", "top finding")
    lines = [
        (step.date, step.verdict, str(step.level), f"{step.sureness:.2f}", shortened(step.finding))
        for step in steps
    ]
    return f"{history}: {counts(steps)}\n{columns([head, *lines])}"


def counts(steps: Sequence[Step]) -> str:
    """Return how many steps are of each verdict and level."""
    levels = Counter(step.level for step in steps)
    told = ", ".join(f"{levels[level]} of level {level}" for level in sorted(levels))
    return f"{len(steps)} changes, {sum(step.significant for step in steps)} significant; {told}"


def disagreements(cases: Sequence[tuple[Step, Judged]]) -> str:
    """Return a line for each step on which engine and reader differ, with what the one or the other saw."""
    wrong = [(step, label) for step, label in cases if step.significant != label.significant]
    lines = [("history", "date", "engine", "sure", "why")]
    lines += [
        (step.history, step.date, step.verdict, f"{step.sureness:.2f}", shortened(_why(step, label)))
        for step, label in wrong
    ]
    return columns(lines) if wrong else ""


def _why(step: Step, label: Judged) -> str:
    return f"{', '.join(label.categories)}: {label.evidence}" if label.significant else step.finding


def shortened(text: str) -> str:
    """Return a text on one line, cut where a table would grow too wide."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def to_json(steps: Sequence[Step], cases: Sequence[tuple[Step, Judged]]) -> list[dict[str, Any]]:
    """Return the steps ready for `json.dumps`, each with its label where there is one."""
    labels = {(step.history, step.date): label.significant for step, label in cases}
    return [{**vars(step), "labelled_significant": labels.get((step.history, step.date))} for step in steps]
