"""Re-opening: what a person's decision on one revision does to the decisions on later ones.

A later revision was compared with the last one that stood as significant. Where that is another one now, the
engine is asked again, and what it would say is put on record; the decision stands until a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from policy_versions import audit, deciding
from policy_versions.archive import Entry, History
from policy_versions.deciding import Judgement
from policy_versions.models import DecisionRecord, Reopening, Revision

Bases = tuple[int | None, int | None]  # ids of the revision before, and of the last that stands as significant


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a decision on a revision rests on now: the comparison last made of it, and what was found."""

    findings: Sequence[dict[str, Any]]
    level: int
    bases: Bases
    language: str | None


def decisions(session: Session, revision: Revision) -> Sequence[DecisionRecord]:
    """Every decision on a revision, the one that stands last."""
    made = session.exec(select(DecisionRecord).where(DecisionRecord.revision_id == revision.id)).all()
    return sorted(made, key=lambda d: (d.decided_at, d.verdict == "significant", d.id or 0))


def reopened(session: Session, entry: Entry) -> Reopening | None:
    """Why a revision's decision is open again; None where it is not."""
    if entry.decision is None or not entry.live:
        return None
    latest = session.exec(
        select(Reopening)
        .where(Reopening.standing_id == entry.decision.id)
        .order_by(col(Reopening.id).desc())
        .limit(1)
    ).first()
    return latest if latest is not None and _bases(latest) != _bases(entry.decision) else None


def all_reopened(session: Session, record: History) -> list[tuple[Entry, Reopening]]:
    """The revisions of a policy whose decisions are open again, by number."""
    found = session.exec(
        select(Reopening)
        .join(Revision, col(Revision.id) == Reopening.revision_id)
        .where(Revision.policy_id == record.policy.id)
        .order_by(col(Reopening.id))
    )
    latest = {one.standing_id: one for one in found}
    standing = ((e, latest.get(e.decision.id or 0)) for e in record.entries if e.live and e.decision)
    return [(e, one) for e, one in standing if one and e.decision and _bases(one) != _bases(e.decision)]


def _bases(of: DecisionRecord | Reopening) -> Bases:
    return of.previous_base_id, of.cumulative_base_id


def grounds(session: Session, entry: Entry) -> Grounds:
    """What was found of a decided revision: by the re-opening, where its decision is open again."""
    assert entry.decision is not None
    found = reopened(session, entry)
    if found is not None:
        return Grounds(found.findings, found.level, _bases(found), found.language)
    last = entry.decision
    return Grounds(last.findings, _level_found(session, entry, last), _bases(last), last.language)


def _level_found(session: Session, entry: Entry, last: DecisionRecord) -> int:
    """The level that the engine gave by the comparison that a decision rests on."""
    asked = session.exec(select(Reopening).where(Reopening.revision_id == entry.revision.id))
    made = [d for d in decisions(session, entry.revision) if d.engine]
    said: list[DecisionRecord | Reopening] = [*made, *asked]
    same = [one for one in said if _bases(one) == _bases(last)]
    return max(same, key=lambda one: one.recorded_at).level if same else last.level


def as_if(record: History, number: int, verdict: str) -> History:
    """The record as it would be if a revision were decided so."""

    def changed(entry: Entry) -> Entry:
        if entry.number != number or entry.decision is None:
            return entry
        stand_in = DecisionRecord(
            revision_id=entry.decision.revision_id,
            verdict=verdict,
            decided_at=entry.decision.decided_at,
            recorded_at=entry.decision.recorded_at,
        )
        return replace(entry, decision=stand_in)

    return History(record.policy, tuple(changed(entry) for entry in record.entries))


def as_of(session: Session, record: History, at: datetime) -> History:
    """The record with the decisions that stood at an instant."""
    if not any(entry.decision and entry.decision.recorded_at > at for entry in record.entries):
        return record

    def then(entry: Entry) -> Entry:
        made = [d for d in decisions(session, entry.revision) if d.recorded_at <= at]
        return replace(entry, decision=made[-1] if made else None)

    return History(record.policy, tuple(then(entry) for entry in record.entries))


def unsettled(session: Session, record: History, after: int, *, now: datetime) -> Iterator[Entry]:
    """Later decided revisions, live and not in force, that do not rest on the bases the record gives them now.

    Those whose re-opening no longer holds, because the bases are again what they were, are among them; so is
    one that came into force while its decision was open again.
    """
    for entry in record.entries:
        if entry.number <= after or not entry.live or entry.decision is None or entry.verdict == "first":
            continue
        if entry.revision.effective_at <= now and reopened(session, entry) is None:
            continue
        against = bases(record, entry)
        if against != _last_bases(session, entry):
            yield entry


def bases(record: History, entry: Entry) -> Bases:
    """The ids of what the engine would compare a revision with now."""
    against = deciding.bases(record.entries, entry.revision)
    return (against[0].id, against[1].id) if against else (None, None)


def _last_bases(session: Session, entry: Entry) -> Bases:
    assert entry.decision is not None
    found = reopened(session, entry)
    return _bases(found) if found is not None else _bases(entry.decision)


def reopen(
    session: Session, entry: Entry, because: DecisionRecord, judged: Judgement, *, actor: str, now: datetime
) -> Reopening:
    """Put on record what the engine would now say of a later revision."""
    assert entry.decision is not None
    previous, cumulative = judged.bases
    made = Reopening(
        revision_id=entry.decision.revision_id,
        standing_id=entry.decision.id or 0,
        because_id=because.id or 0,
        verdict=judged.verdict,
        level=judged.level,
        findings=[asdict(finding) for finding in judged.findings],
        summary=judged.summary,
        previous_base_id=previous or 0,
        cumulative_base_id=cumulative or 0,
        engine=judged.engine,
        confidence=judged.confidence,
        language=judged.language,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    settled = _bases(made) == _bases(entry.decision)
    audit.record(
        session, actor=actor, action="decision settled again" if settled else "decision re-opened",
        subject=f"revision {entry.revision.id}", now=now, because=because.id, would_be=made.verdict,
    )  # fmt: skip
    return made
