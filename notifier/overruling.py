"""A person's decision and all that follows from it: the notices it stops or starts, the decisions it re-opens.

What the engine would now say of later revisions is worked out before the transaction that writes, as it may take
a second; in it only what moved in between is worked out again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from database import reading, writing
from notifier import control
from notifier.runtime import Runtime
from policy_versions import archive, comparing, deciding, overruling, policies, reopening
from policy_versions.archive import Entry, History
from policy_versions.deciding import Judgement
from policy_versions.models import DecisionRecord, Policy, Proposal
from policy_versions.overruling import Override

Foreseen = Mapping[tuple[int | None, reopening.Bases], Judgement]  # by revision and what it is compared with
Deed = Callable[[Session, Policy, datetime], DecisionRecord | Proposal]


def overrule(
    runtime: Runtime, slug: str, number: int, given: Override, *, actor: str, alone: bool
) -> DecisionRecord | Proposal:
    """Decide a revision again, or propose it where that takes a second person; see policy_versions/overruling.py.

    alone: there is no other account. Raises: as `overruling.overrule`, and NoSuchPolicy.
    """

    def deed(session: Session, policy: Policy, now: datetime) -> DecisionRecord | Proposal:
        by_one = None if runtime.settings.four_eyes else alone
        return overruling.overrule(session, policy, number, given, actor=actor, alone=by_one, now=now)

    return _do(runtime, slug, number, _foresee(runtime, slug, number, given.verdict), deed, actor=actor)


def confirm(
    runtime: Runtime, slug: str, number: int, proposal_id: int, *, opened: int | None = None, actor: str
) -> DecisionRecord:
    """Make a proposal the decision. Raises: as `overruling.confirm`, and NoSuchPolicy."""
    with reading(runtime.engine) as session:
        entry = archive.history(session, policies.policy(session, slug)).entry(number)
        verdict = overruling.proposal(session, entry, proposal_id).verdict

    def deed(session: Session, policy: Policy, now: datetime) -> DecisionRecord:
        return overruling.confirm(session, policy, number, proposal_id, opened=opened, actor=actor, now=now)

    made = _do(runtime, slug, number, _foresee(runtime, slug, number, verdict), deed, actor=actor)
    assert isinstance(made, DecisionRecord)
    return made


def reject(runtime: Runtime, slug: str, number: int, proposal_id: int, *, actor: str) -> None:
    """Answer a proposal with no. Raises: as `overruling.reject`, and NoSuchPolicy."""
    with writing(runtime.engine) as session:
        policy = policies.lock(session, slug)
        now = runtime.clock.now(session)
        overruling.reject(session, policy, number, proposal_id, actor=actor, now=now)


# -- in two steps -------------------------------------------------------------------------------


def _foresee(runtime: Runtime, slug: str, number: int, verdict: str) -> Foreseen:
    """What the engine would say of the later revisions if this one were decided so. Nothing is locked."""
    with reading(runtime.engine) as session:
        record = archive.history(session, policies.policy(session, slug))
        after = reopening.as_if(record, number, verdict)
        now = runtime.clock.now(session)
        return {
            _key(after, entry): _judged(session, after, entry)
            for entry in reopening.unsettled(session, after, number, now=now)
        }


def _key(record: History, entry: Entry) -> tuple[int | None, reopening.Bases]:
    return entry.revision.id, reopening.bases(record, entry)


def _judged(session: Session, record: History, entry: Entry) -> Judgement:
    return deciding.judge(record.entries, entry.revision, partial(comparing.blocks, session))


@dataclass(frozen=True, slots=True)
class _Made:
    """A person's decision just written, in the transaction that sees to all that follows."""

    runtime: Runtime
    session: Session
    decision: DecisionRecord
    actor: str
    now: datetime

    @property
    def window(self) -> timedelta:
        return self.runtime.settings.review_window


def _do(
    runtime: Runtime, slug: str, number: int, foreseen: Foreseen, deed: Deed, *, actor: str
) -> DecisionRecord | Proposal:
    """Write a decision with all that follows from it, in one transaction."""
    with writing(runtime.engine) as session:
        policy = policies.lock(session, slug)
        control.lock(session, policy)
        now = runtime.clock.now(session)
        before = archive.history(session, policy).entry(number)
        decided = deed(session, policy, now)
        if isinstance(decided, DecisionRecord):
            made = _Made(runtime, session, decided, actor, now)
            _tell_or_hold(made, before)
            _reopen(made, archive.history(session, policy), number, foreseen)
    return decided


def _tell_or_hold(made: _Made, before: Entry) -> None:
    session, verdict, revision = made.session, made.decision.verdict, before.revision
    if verdict == before.verdict == "significant":
        control.release(session, revision, window=made.window, actor=made.actor, now=made.now)
    elif verdict == "significant":
        control.tell(session, revision, window=made.window, actor=made.actor, now=made.now)
    elif before.verdict != "minor":
        why = (
            f"No. {before.number} was decided minor by {made.decision.decided_by}: a person must go on or cancel."
        )
        control.hold(session, revision, made.decision, why, actor=made.actor, now=made.now)


def _reopen(made: _Made, record: History, number: int, foreseen: Foreseen) -> None:
    """Put on record what the engine would now say of later revisions; a notice that it would not send waits."""
    session, decision = made.session, made.decision
    for entry in list(reopening.unsettled(session, record, number, now=made.now)):
        judged = foreseen.get(_key(record, entry)) or _judged(session, record, entry)
        reopening.reopen(session, entry, decision, judged, actor=made.actor, now=made.now)
        if entry.verdict == "significant" and judged.verdict == "minor":
            why = (
                f"No. {entry.number} would be minor, now that No. {number} was decided {decision.verdict} "
                f"by {decision.decided_by}: a person must decide it."
            )
            control.hold_scheduled(session, entry.revision, decision, why, actor=made.actor, now=made.now)
        elif entry.verdict == "significant":
            control.release(session, entry.revision, window=made.window, actor=made.actor, now=made.now)
