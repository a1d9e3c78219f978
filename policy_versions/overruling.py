"""Overruling: a person decides again, with a reason.

The engine decides a revision once, and only a person decides again. A level of 4 is lowered by two persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from errors import (
    DecidedThisInstant,
    DecisionChanged,
    FieldMissing,
    FieldTooLong,
    LevelUnfit,
    NoSuchProposal,
    NothingOverruled,
    NotOverrulable,
    OwnProposal,
    ProposalAnswered,
    ProposalStale,
    ProposalWaits,
    VerdictUnknown,
)
from policy_versions import archive, audit, policies, reopening
from policy_versions.archive import Entry, History
from policy_versions.models import (
    DecisionRecord,
    Policy,
    Proposal,
    ProposalAnswer,
    Revision,
)

LEVELS = {"minor": (0, 1), "significant": (2, 4)}  # the least and the most of each verdict
GUARDED = 4  # the level that two persons lower
LONGEST_REASON = 500
LONGEST_SUMMARY = 2000


@dataclass(frozen=True, slots=True)
class Override:
    """What a person decides. level, summary: None for what follows from the verdict, and for the one that stands.

    looked_at, opened: the decision, and the re-opening if there was one, that the person had before them.
    """

    verdict: str
    reason: str
    looked_at: int
    opened: int | None = None
    level: int | None = None
    summary: str | None = None


# -- what is on record --------------------------------------------------------------------------


def waiting(session: Session, entry: Entry) -> Proposal | None:
    """The proposal on a revision that a second person may answer; None where there is none, or it is stale."""
    if entry.decision is None or not entry.live:
        return None
    return session.exec(
        select(Proposal)
        .outerjoin(ProposalAnswer, col(ProposalAnswer.proposal_id) == Proposal.id)
        .where(Proposal.overrules_id == entry.decision.id, col(ProposalAnswer.id).is_(None))
        .order_by(col(Proposal.id).desc())
        .limit(1)
    ).first()


def all_waiting(session: Session, record: History) -> list[tuple[Entry, Proposal]]:
    """The proposals on a policy's revisions that a second person may answer."""
    standing = {e.decision.id: e for e in record.entries if e.live and e.decision is not None}
    found = session.exec(
        select(Proposal)
        .join(Revision, col(Revision.id) == Proposal.revision_id)
        .outerjoin(ProposalAnswer, col(ProposalAnswer.proposal_id) == Proposal.id)
        .where(Revision.policy_id == record.policy.id, col(ProposalAnswer.id).is_(None))
        .order_by(col(Proposal.id))
    )
    return [(standing[one.overrules_id], one) for one in found if one.overrules_id in standing]


def unconfirmed(session: Session, revision: Revision) -> list[tuple[Proposal, ProposalAnswer | None]]:
    """The proposals on a revision that became no decision, each with its answer, the oldest first."""
    found = session.exec(
        select(Proposal, ProposalAnswer)
        .outerjoin(ProposalAnswer, col(ProposalAnswer.proposal_id) == Proposal.id)
        .where(Proposal.revision_id == revision.id, col(ProposalAnswer.decision_id).is_(None))
        .order_by(col(Proposal.id))
    )
    return [(made, answer) for made, answer in found]


# -- deciding again -----------------------------------------------------------------------------


def overrule(
    session: Session, of: Policy, number: int, given: Override, *, actor: str, alone: bool | None, now: datetime
) -> DecisionRecord | Proposal:
    """Decide a revision again; or propose it, where that takes a second person. of: locked.

    alone: there is no other account that could confirm; None: here every override takes two persons.
    Raises: NoSuchRevision, NotOverrulable, DecisionChanged, VerdictUnknown, LevelUnfit, FieldMissing,
    FieldTooLong, Unprintable, NothingOverruled, ProposalWaits, DecidedThisInstant.
    """
    entry = archive.history(session, of).entry(number)
    standing = _standing(entry)
    if (standing.id, _opened(session, entry)) != (given.looked_at, given.opened):
        raise DecisionChanged
    whole = _whole(session, entry, standing, given)
    if alone is None or (_lowers(standing, whole) and not alone):
        return _propose(session, entry, standing, whole, actor=actor, now=now)
    return _write(
        session, entry, whole, actor=actor, confirmed_by=None, alone=_lowers(standing, whole) or None, now=now
    )


def _opened(session: Session, entry: Entry) -> int | None:
    """The re-opening that a person has to look at: to decide the revision is to answer it."""
    found = reopening.reopened(session, entry)
    return found.id if found else None


def _standing(entry: Entry) -> DecisionRecord:
    """The decision to overrule. Raises: NotOverrulable."""
    if not entry.live:
        raise NotOverrulable(f"Revision {entry.number} was withdrawn; there is nothing left to decide.")
    if entry.decision is None:
        raise NotOverrulable(
            f"Revision {entry.number} is not decided yet. The engine decides first, and a person again."
        )
    if entry.verdict == "first":
        raise NotOverrulable(
            "The first text of a policy changes nothing, so it is neither significant nor minor; "
            "whether its members are told was settled when it was published."
        )
    return entry.decision


@dataclass(frozen=True, slots=True)
class _Whole:
    """An override with nothing left open."""

    verdict: str
    level: int
    reason: str
    summary: str


def _whole(session: Session, entry: Entry, standing: DecisionRecord, given: Override) -> _Whole:
    """Check what a person filled in, and fill in what they left open."""
    if given.verdict not in LEVELS:
        raise VerdictUnknown
    whole = _Whole(
        given.verdict, _level(session, entry, standing, given), _reason(given.reason), _summary(standing, given)
    )
    same = (whole.verdict, whole.level, whole.summary) == (standing.verdict, standing.level, standing.summary)
    if same and reopening.reopened(session, entry) is None:
        raise NothingOverruled
    return whole


def _level(session: Session, entry: Entry, standing: DecisionRecord, given: Override) -> int:
    least, most = LEVELS[given.verdict]
    if given.level is not None:
        if not least <= given.level <= most:
            raise LevelUnfit(given.verdict, least, most)
        return given.level
    if given.verdict == standing.verdict:
        return standing.level
    return 1 if given.verdict == "minor" else max(least, reopening.grounds(session, entry).level)


def _reason(given: str) -> str:
    reason = policies.one_line(given, "reason")
    if not reason:
        raise FieldMissing("reason", "Say why you decide so; the record keeps the reason with the decision.")
    if len(reason) > LONGEST_REASON:
        raise FieldTooLong("reason", LONGEST_REASON)
    return reason


def _summary(standing: DecisionRecord, given: Override) -> str:
    """The edited summary, or the one that stands where it was left empty."""
    summary = "\n".join((given.summary or "").strip().splitlines())
    policies.check_printable(summary, "summary")
    if len(summary) > LONGEST_SUMMARY:
        raise FieldTooLong("summary", LONGEST_SUMMARY)
    return summary or standing.summary


def _lowers(standing: DecisionRecord, whole: _Whole) -> bool:
    return standing.level >= GUARDED > whole.level


def _write(
    session: Session,
    entry: Entry,
    whole: _Whole,
    *,
    actor: str,
    confirmed_by: str | None,
    alone: bool | None,
    now: datetime,
) -> DecisionRecord:
    standing = _standing(entry)
    at_once = whole.verdict == "minor" and standing.verdict == "significant" and now == standing.decided_at
    if at_once or now < standing.decided_at:
        raise DecidedThisInstant  # DOMAIN, Applicability 5: it would be on record and never stand
    resting = reopening.grounds(session, entry)
    made = DecisionRecord(
        revision_id=standing.revision_id,
        verdict=whole.verdict,
        level=whole.level,
        findings=[dict(finding) for finding in resting.findings],
        summary=whole.summary,
        previous_base_id=resting.bases[0],
        cumulative_base_id=resting.bases[1],
        decided_by=actor,
        reason=whole.reason,
        language=resting.language,
        overrules_id=standing.id,
        confirmed_by=confirmed_by,
        alone=alone,
        decided_at=now,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    by = {"confirmed_by": confirmed_by, "alone": alone}
    said = {name: value for name, value in by.items() if value}
    _audit(session, f"decided {made.verdict}", entry, actor, now, level=made.level, overrules=standing.id, **said)
    return made


def _audit(session: Session, action: str, entry: Entry, actor: str, now: datetime, **detail: object) -> None:
    audit.record(session, actor=actor, action=action, subject=f"revision {entry.revision.id}", now=now, **detail)


# -- the second person --------------------------------------------------------------------------


def _propose(
    session: Session, entry: Entry, standing: DecisionRecord, whole: _Whole, *, actor: str, now: datetime
) -> Proposal:
    already = waiting(session, entry)
    if already is not None:
        raise ProposalWaits(already.proposed_by)
    made = Proposal(
        revision_id=standing.revision_id,
        overrules_id=standing.id or 0,
        verdict=whole.verdict,
        level=whole.level,
        summary=whole.summary,
        reason=whole.reason,
        proposed_by=actor,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    _audit(session, "override proposed", entry, actor, now, proposal=made.id, verdict=made.verdict)
    return made


def confirm(
    session: Session,
    of: Policy,
    number: int,
    proposal_id: int,
    *,
    opened: int | None,
    actor: str,
    now: datetime,
) -> DecisionRecord:
    """Make a proposal the decision, by a second person. of: locked. opened: the re-opening they had before them.

    Raises: NoSuchRevision, NoSuchProposal, ProposalAnswered, ProposalStale, OwnProposal, NotOverrulable,
    DecisionChanged, DecidedThisInstant.
    """
    entry = archive.history(session, of).entry(number)
    proposal = _answerable(session, entry, proposal_id)
    if proposal.proposed_by == actor:
        raise OwnProposal
    if _opened(session, entry) != opened:
        raise DecisionChanged
    whole = _Whole(proposal.verdict, proposal.level, proposal.reason, proposal.summary)
    made = _write(session, entry, whole, actor=proposal.proposed_by, confirmed_by=actor, alone=None, now=now)
    _answer(session, entry, proposal, "confirmed", made, actor=actor, now=now)
    return made


def reject(session: Session, of: Policy, number: int, proposal_id: int, *, actor: str, now: datetime) -> None:
    """Answer a proposal with no; its own proposer takes it back so. of: locked.

    Raises: NoSuchRevision, NoSuchProposal, ProposalAnswered, ProposalStale, NotOverrulable.
    """
    entry = archive.history(session, of).entry(number)
    _answer(session, entry, _answerable(session, entry, proposal_id), "rejected", None, actor=actor, now=now)


def proposal(session: Session, entry: Entry, proposal_id: int) -> Proposal:
    """Raises: NoSuchProposal."""
    found = session.get(Proposal, proposal_id)
    if found is None or found.revision_id != entry.revision.id:
        raise NoSuchProposal
    return found


def _answerable(session: Session, entry: Entry, proposal_id: int) -> Proposal:
    found = proposal(session, entry, proposal_id)
    answered = session.exec(select(ProposalAnswer).where(ProposalAnswer.proposal_id == found.id)).first()
    if answered is not None:
        raise ProposalAnswered(answered.answer)
    if _standing(entry).id != found.overrules_id:
        raise ProposalStale
    return found


def _answer(
    session: Session,
    entry: Entry,
    of: Proposal,
    answer: str,
    made: DecisionRecord | None,
    *,
    actor: str,
    now: datetime,
) -> None:
    session.add(
        ProposalAnswer(
            proposal_id=of.id or 0,
            answer=answer,
            answered_by=actor,
            decision_id=made.id if made else None,
            recorded_at=now,
        )
    )
    session.flush()
    _audit(session, f"override {answer}", entry, actor, now, proposal=of.id)
