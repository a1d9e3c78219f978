"""Tell a decision in plain text, for a terminal or a mail."""

from __future__ import annotations

from collections.abc import Iterator

from policy_versions.significance.decision import Decision
from policy_versions.significance.findings import Finding
from policy_versions.significance.rules import rules

LEVELS = ("none", "for the log", "notice", "notice in advance", "consent")
DIRECTIONS = {
    "wider": "wider: the company may do more, or the member less",
    "narrower": "narrower: the company may do less, or the member more",
}


def text(decision: Decision) -> str:
    """Return the verdict, how sure it is, and each finding with its evidence."""
    return "\n".join(_lines(decision)) + "\n"


def _lines(decision: Decision) -> Iterator[str]:
    yield (
        f"{decision.verdict.capitalize()}, level {decision.level} of 4 ({LEVELS[decision.level]}),"
        f" {decision.confidence:.0%} sure."
    )
    if not decision.findings:
        yield decision.summary
    for finding in decision.findings:
        yield ""
        yield from _finding(finding)
    yield ""
    yield f"Decided by {decision.engine}."


def _finding(finding: Finding) -> Iterator[str]:
    title = rules().category(finding.category).title
    shown = [title, f"level {finding.level}", finding.section, DIRECTIONS.get(finding.direction, "")]
    yield finding.reason
    yield "  " + " · ".join(filter(None, shown))
    for sign, side in (("-", finding.before), ("+", finding.after)):
        if side:
            yield f"  {sign} {side.replace(chr(9), ' | ')}"
    yield f"  {finding.rule}"
