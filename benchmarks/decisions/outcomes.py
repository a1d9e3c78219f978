"""Decide each labelled pair as shipped, and compare with what its readers said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.decisions.labelled import Labelled
from benchmarks.decisions.rates import Confusion, Rate, f1
from policy_versions.significance import Decision, decide
from policy_versions.significance.decision import sureness
from policy_versions.significance.rules import rules

OTHER = "other"  # in labels and findings: none of the named categories
MOST = 6  # categories that a pair may be said to touch


@dataclass(frozen=True)
class Outcome:
    """A labelled pair, its document, and what the engine made of it."""

    pair: Labelled
    document: str
    decision: Decision
    sureness: float

    @property
    def significant(self) -> bool:
        """Whether the engine called it so."""
        return self.decision.verdict == "significant"

    @property
    def is_error(self) -> bool:
        """Whether the readers said otherwise."""
        return self.significant != self.pair.significant

    @property
    def contradicts_itself(self) -> bool:
        """Whether the verdict is not what sureness and the shipped threshold make of it."""
        return self.significant != (self.sureness >= rules().threshold["significant"])

    @property
    def named(self) -> set[str]:
        """The categories of its findings, but for "other"."""
        return {finding.category for finding in self.decision.findings} - {OTHER}

    @property
    def labelled(self) -> set[str]:
        """The categories of its label, but for "other"."""
        return set(self.pair.categories) - {OTHER}

    def to_json(self) -> dict[str, Any]:
        """Return it ready for `json.dumps`."""
        return {
            "id": self.pair.id,
            "document": self.document,
            "label": self.pair.label,
            "verdict": self.decision.verdict,
            "level": self.decision.level,
            "sureness": round(self.sureness, 4),
            "named": sorted(self.named),
            "labelled": sorted(self.labelled),
            "top_finding": top_finding(self.decision),
        }


def run(pairs: Sequence[Labelled], documents: Sequence[str]) -> tuple[list[Outcome], dict[str, str]]:
    """Decide every pair; return the errors of those that the engine failed on, by id, beside the outcomes."""
    outcomes = []
    failed = {}
    for pair, document in zip(pairs, documents, strict=True):
        try:
            outcomes.append(Outcome(pair, document, decide(pair.old, pair.new), sureness(pair.old, pair.new)))
        except Exception as error:
            failed[pair.id] = repr(error)
    return outcomes, failed


def shipped(outcomes: Sequence[Outcome]) -> Confusion:
    """Count the verdicts as shipped."""
    return Confusion.of((one.pair.significant, one.significant) for one in outcomes)


def top_finding(decision: Decision) -> str:
    """Return the sentence of the weightiest finding; nothing where there is none."""
    return decision.findings[0].reason if decision.findings else ""


# -- categories ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Categories:
    """How the named categories meet the labelled ones, over the pairs rightly found significant."""

    pairs: int
    both: int
    extra: int  # named, not labelled
    lacking: int  # labelled, not named
    crowded: tuple[str, ...]  # ids of pairs, right or wrong, with more than MOST

    @property
    def precision(self) -> Rate:
        """Of those named, the labelled."""
        return Rate(self.both, self.both + self.extra)

    @property
    def recall(self) -> Rate:
        """Of those labelled, the named."""
        return Rate(self.both, self.both + self.lacking)

    @property
    def f1(self) -> float:
        """Over all pairs together (micro)."""
        return f1(self.both, self.extra, self.lacking)


def categories(outcomes: Sequence[Outcome]) -> Categories:
    """Return the counts over the pairs rightly found significant."""
    right = [one for one in outcomes if one.significant and one.pair.significant]
    return Categories(
        pairs=len(right),
        both=sum(len(one.named & one.labelled) for one in right),
        extra=sum(len(one.named - one.labelled) for one in right),
        lacking=sum(len(one.labelled - one.named) for one in right),
        crowded=tuple(one.pair.id for one in outcomes if len(one.named) > MOST),
    )
