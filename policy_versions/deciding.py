"""The decision on a revision: compared with the one before it and with all that has added up since a notice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session

from policy_versions import audit, comparing, significance
from policy_versions.archive import Entry
from policy_versions.diff import Blocks
from policy_versions.models import DecisionRecord, Revision
from policy_versions.significance import Decision, Finding

CONTROLLER = "controller"  # the category of a change of who answers
ENGINE_ACTOR = "engine"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision not yet written, with the two revisions it compared with (None: there were none)."""

    verdict: str  # first, significant, minor
    level: int
    findings: tuple[Finding, ...]
    summary: str
    previous: Revision | None = None
    cumulative: Revision | None = None
    confidence: float | None = None  # of the verdict; None: there was nothing to judge
    language: str = "en"  # other: the words were not judged
    engine: str = significance.ENGINE

    @property
    def bases(self) -> tuple[int | None, int | None]:
        """The ids of the two revisions it compared with."""
        return (
            self.previous.id if self.previous else None,
            self.cumulative.id if self.cumulative else None,
        )


def judge(
    entries: Sequence[Entry], revision: Revision, blocks: Callable[[Revision], Blocks] = comparing.read
) -> Judgement:
    """Decide a revision on the record before it. entries: the policy's, by number. blocks: of a text."""
    against = bases(entries, revision)
    if against is None:
        return Judgement("first", 0, (), "")
    previous, cumulative = against
    return _combine(
        revision,
        previous,
        cumulative,
        significance.decide(blocks(previous), blocks(revision)),
        significance.decide(blocks(cumulative), blocks(revision)) if cumulative is not previous else None,
    )


def bases(entries: Sequence[Entry], revision: Revision) -> tuple[Revision, Revision] | None:
    """What a revision is compared with: the one before, and the last that stands as significant (else the first).

    None where no text precedes it.
    """
    earlier = [e for e in entries if e.live and e.number < revision.number]
    if not earlier:
        return None
    significant = (e.revision for e in reversed(earlier) if e.verdict == "significant")
    return earlier[-1].revision, next(significant, earlier[0].revision)


def _combine(
    revision: Revision, previous: Revision, cumulative: Revision, step: Decision, sum_: Decision | None
) -> Judgement:
    """Significant by either comparison, or by a changed rule or a stated change of controller alone."""
    findings = _with_controller(revision, _with_rule(previous, revision, step.findings))
    tipped = sum_ is not None and sum_.verdict == "significant" and step.verdict == "minor"
    if tipped and sum_ is not None:
        findings += tuple(f for f in sum_.findings if f not in findings)
    compared = [step] if sum_ is None else [step, sum_]
    ruled = _rule_changed(previous, revision) or revision.controller is not None
    significant = ruled or any(one.verdict == "significant" for one in compared)
    return Judgement(
        "significant" if significant else "minor",
        max([*(one.level for one in compared), *(f.level for f in findings)]),
        tuple(sorted(findings, key=lambda found: (-found.level, -found.weight))),
        _summary(sum_ if tipped and sum_ else step, findings),
        previous,
        cumulative,
        confidence=1.0 if ruled else _confidence(compared),
        language="other" if any(one.language == "other" for one in compared) else step.language,
    )


def _summary(told: Decision, findings: Sequence[Finding]) -> str:
    """The engine's own, of the comparison that decided it, and what that one did not know of."""
    more = [f.reason for f in findings if f not in told.findings]
    said = [told.summary] if told.findings or not more else []
    return " ".join(dict.fromkeys([*said, *more]))


def _confidence(compared: Sequence[Decision]) -> float:
    """One comparison that is sure of significant is enough; minor takes both."""
    significant = [one.confidence for one in compared if one.verdict == "significant"]
    return max(significant) if significant else min(one.confidence for one in compared)


def _rule_changed(previous: Revision, revision: Revision) -> bool:
    if (previous.rule, previous.notice_days) == (revision.rule, revision.notice_days):
        return False
    # An imported text's rule is only a default: that the first live text after it names one, while fixing
    # a comma, is no change of the promise. With the words unchanged, the rule is all that was published for.
    inherited = previous.imported and not revision.imported
    return not inherited or previous.sha256 == revision.sha256


def _with_rule(previous: Revision, revision: Revision, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if not _rule_changed(previous, revision):
        return findings
    before, after = _rule(previous), _rule(revision)
    return (
        *findings,
        Finding(
            category="change_process",
            section="",
            before=before,
            after=after,
            reason=f"A revision now comes to apply {after}, before {before}.",
            level=3,
            rule="DOMAIN: a changed rule alone is significant",
        ),
    )


def _with_controller(revision: Revision, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What the publisher states."""
    if revision.controller is None:
        return findings
    stated = Finding(
        category=CONTROLLER,
        section="",
        before="",
        after=revision.controller,
        reason=f"{revision.controller} becomes responsible for your personal information.",
        level=3,
        rule="the publisher states it; WP260 rev.01 §29; GDPR Art. 13(1)(a)",
    )
    return (stated, *findings)


def changes_controller(decision: DecisionRecord | None) -> bool:
    """Whether, by a decision, somebody else becomes responsible for members' personal information."""
    return decision is not None and any(found["category"] == CONTROLLER for found in decision.findings)


def _rule(revision: Revision) -> str:
    if revision.rule == "notice":
        return f"{revision.notice_days} days after notice"
    return "by posting" if revision.rule == "posting" else "when it is accepted"


def write(
    session: Session,
    revision: Revision,
    judged: Judgement,
    *,
    now: datetime,
    decided_at: datetime | None = None,
) -> DecisionRecord:
    """Record a decision of the engine. decided_at: earlier than now only for an imported revision."""
    made = DecisionRecord(
        revision_id=revision.id or 0,
        verdict=judged.verdict,
        level=judged.level,
        findings=[asdict(finding) for finding in judged.findings],
        summary=judged.summary,
        previous_base_id=judged.previous.id if judged.previous else None,
        cumulative_base_id=judged.cumulative.id if judged.cumulative else None,
        engine=judged.engine,
        confidence=judged.confidence,
        language=judged.language,
        decided_by=ENGINE_ACTOR,
        decided_at=decided_at or now,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    if decided_at is None:
        audit.record(
            session,
            actor=ENGINE_ACTOR,
            action=f"decided {judged.verdict}",
            subject=f"revision {revision.id}",
            now=now,
            engine=judged.engine,
        )
    return made
