"""Gather, for a policy and some members, the facts that the ratchet folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select

from notifier import lineage
from notifier.lineage import MemberMerge
from notifier.models import (
    UNDOING_EVENTS,
    Acknowledgement,
    Attempt,
    Batch,
    Delivery,
    DeliveryEvent,
    GuardianChange,
    Member,
    Notice,
    Outcome,
)
from policy_versions.applicability import (
    Acknowledged,
    Decided,
    Ended,
    Fact,
    Guardianship,
    Joined,
    Noticed,
    Published,
    Rule,
    Undone,
    Withdrawn,
)
from policy_versions.archive import History
from policy_versions.models import DecisionRecord, Revision, Telling


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What is the same for every member. numbers: revision ids to numbers. tellings: imported notices."""

    facts: tuple[Fact, ...]
    tellings: tuple[Noticed, ...]
    numbers: Mapping[int | None, int]


def of_policy(session: Session, record: History) -> PolicyFacts:
    """Gather a policy's own facts."""
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    facts = [*_revisions(record), *_decisions(session, record, numbers)]
    tellings = session.exec(select(Telling).where(Telling.policy_id == record.policy.id))
    return PolicyFacts(
        tuple(facts),
        tuple(
            Noticed(t.told_at, numbers[t.revision_id], not_before=t.told_at, id=f"telling:{t.id}")
            for t in tellings
        ),
        numbers,
    )


def _revisions(record: History) -> Iterator[Fact]:
    for entry in record.entries:
        revision = entry.revision
        yield Published(
            revision.published_at,
            revision.number,
            revision.effective_at,
            Rule(revision.rule),
            timedelta(days=revision.notice_days),
            f"revision:{revision.id}",
        )
        if entry.withdrawal is not None:
            yield Withdrawn(entry.withdrawal.recorded_at, revision.number, f"withdrawal:{entry.withdrawal.id}")


def _decisions(session: Session, record: History, numbers: Mapping[int | None, int]) -> Iterator[Fact]:
    made = session.exec(
        select(DecisionRecord)
        .join(Revision, col(Revision.id) == DecisionRecord.revision_id)
        .where(Revision.policy_id == record.policy.id)
    )
    for decision in made:
        yield Decided(
            decision.decided_at,
            numbers[decision.revision_id],
            decision.verdict == "significant",
            f"decision:{decision.id}",
        )


def of_members(
    session: Session, policy: PolicyFacts, members: Sequence[Member]
) -> Mapping[int | None, list[Fact]]:
    """Gather all facts of some members (a thousand at most), the policy's included."""
    ids = [member.id for member in members if member.id is not None]
    merges = lineage.merges(session, ids)
    ends = {merge.from_id: merge for merge in reversed(merges)}  # of several, the first is when it ended
    found = {member.id: [*policy.facts, *_own(member, policy, ends.get(member.id or 0))] for member in members}
    for member_id, fact in _guardians(session, ids):
        found[member_id].append(fact)
    standing_for = _standing_for(merges, found)
    for member_id, fact in _told_and_said(session, policy, [*ids, *(standing_for.keys() - found.keys())]):
        if member_id in found:
            found[member_id].append(fact)
        for into, at in standing_for.get(member_id, ()):
            found[into].append(fact if fact.at >= at else replace(fact, at=at))
    return found


def _told_and_said(session: Session, policy: PolicyFacts, ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    """What members were told, what became of it, and what they said."""
    yield from _letters(session, policy, ids)
    yield from _site_notices(session, policy, ids)
    yield from _undoings(session, ids)
    yield from _acknowledgements(session, policy, ids)


def _standing_for(
    merges: Sequence[MemberMerge], wanted: Container[int | None]
) -> Mapping[int, list[tuple[int, datetime]]]:
    """By account that was merged: into whom, and from when what is on record of it counts for them."""
    found: defaultdict[int, list[tuple[int, datetime]]] = defaultdict(list)
    for merge in merges:
        if merge.into_id in wanted:
            found[merge.from_id].append((merge.into_id, merge.recorded_at))
    return found


def _own(member: Member, policy: PolicyFacts, merged: MemberMerge | None) -> Iterator[Fact]:
    yield Joined(member.joined_at, f"member:{member.id}")
    ends = [at for at in (member.erased_at, member.retained_until) if at is not None]
    if ends:
        yield Ended(min(ends), f"merge:{merged.id}" if merged else f"member:{member.id}")
    yield from (telling for telling in policy.tellings if member.joined_at <= telling.at)


def _guardians(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    for change in session.exec(select(GuardianChange).where(col(GuardianChange.member_id).in_(ids))):
        yield change.member_id, Guardianship(change.recorded_at, change.present, f"guardian:{change.id}")


def _letters(session: Session, policy: PolicyFacts, ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    """A letter is notice when the provider took it; deliveries with an outcome of their own were not in it."""
    rows = session.exec(
        select(Delivery, Notice, Batch, Attempt)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
        .outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(
            col(Delivery.member_id).in_(ids),
            Notice.kind == "change",
            col(Notice.revision_id).in_(policy.numbers.keys()),
            counting(),
            Attempt.first <= col(Delivery.position),
            col(Delivery.position) < Attempt.last,
            col(Outcome.id).is_(None),
        )
    )
    for delivery, notice, batch, attempt in rows:
        for fact in of_letter(policy, notice, batch, attempt, _letter_id(delivery.id, attempt.id)):
            yield delivery.member_id, fact


def counting() -> ColumnElement[bool]:
    """Attempts that make facts: those taken; of a recalled notice, those that may have been as well."""
    state, recalled = col(Attempt.state), col(Notice.recalled_at).is_not(None)
    taken = and_(state == "accepted", col(Attempt.recorded_at).is_not(None))
    return or_(taken, and_(recalled, state.in_(("started", "unknown", "resent"))))


def of_letter(
    policy: PolicyFacts, notice: Notice, batch: Batch, attempt: Attempt, letter_id: str
) -> Iterator[Noticed | Undone]:
    """The facts that an attempt makes for those whose letter was in it."""
    if attempt.state == "accepted":
        yield replace(noticed(policy, notice, batch, attempt), id=letter_id)
    if notice.recalled_at is not None:
        yield Undone(notice.recalled_at, letter_id, f"notice:{notice.id}")


def noticed(policy: PolicyFacts, notice: Notice, batch: Batch, attempt: Attempt) -> Noticed:
    """The fact that an accepted attempt is, for all whose letters were in it."""
    assert attempt.recorded_at is not None
    base = policy.numbers.get(batch.base_revision_id, 0)
    revision = policy.numbers[notice.revision_id]
    return Noticed(attempt.recorded_at, revision, base, attempt.applies_from, f"attempt:{attempt.id}")


def _letter_id(delivery_id: int | None, attempt_id: int | None) -> str:
    return f"delivery:{delivery_id}:{attempt_id}"


def _site_notices(session: Session, policy: PolicyFacts, ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    rows = session.exec(
        select(Delivery.member_id, Notice, Batch.base_revision_id, DeliveryEvent)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .join(DeliveryEvent, col(DeliveryEvent.delivery_id) == Delivery.id)
        .where(
            col(Delivery.member_id).in_(ids),
            Notice.kind == "change",
            col(Notice.revision_id).in_(policy.numbers.keys()),
            DeliveryEvent.event == "shown",
        )
    )
    for member_id, notice, base_id, event in rows:
        base, number = policy.numbers.get(base_id, 0), policy.numbers[notice.revision_id]
        shown = Noticed(event.recorded_at, number, base, None, f"event:{event.id}")
        yield member_id, shown
        if notice.recalled_at is not None:
            yield member_id, Undone(notice.recalled_at, shown.id, f"notice:{notice.id}")


def _undoings(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    """An event that names its attempt undoes that one; one that does not undoes all of the delivery's."""
    rows = session.exec(
        select(Delivery, Attempt.id, DeliveryEvent)
        .join(DeliveryEvent, col(DeliveryEvent.delivery_id) == Delivery.id)
        .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
        .where(col(Delivery.member_id).in_(ids), col(DeliveryEvent.event).in_(UNDOING_EVENTS))
    )
    for delivery, attempt_id, event in rows:
        if event.attempt_id in (None, attempt_id):
            undone = _letter_id(delivery.id, attempt_id)
            yield delivery.member_id, Undone(event.recorded_at, undone, f"event:{event.id}")


def _acknowledgements(session: Session, policy: PolicyFacts, ids: Sequence[int]) -> Iterator[tuple[int, Fact]]:
    rows: Iterable[Acknowledgement] = session.exec(
        select(Acknowledgement).where(
            col(Acknowledgement.member_id).in_(ids),
            col(Acknowledgement.revision_id).in_(policy.numbers.keys()),
        )
    )
    for ack in rows:
        yield (
            ack.member_id,
            Acknowledged(
                ack.recorded_at,
                policy.numbers[ack.revision_id],
                ack.kind,
                ack.actor == "guardian",
                f"acknowledgement:{ack.id}",
            ),
        )
