"""All that is on record of one member, gathered: for their page in the administration, and for an access request.

Of an erased one it is what stays: everything by pseudonym, and nothing personal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from errors import NoSuchMember
from notifier import deliveries, lineage, standing, suppressions
from notifier.deliveries import Row
from notifier.lineage import FormerName, MemberMerge
from notifier.models import (
    Acknowledgement,
    Attempt,
    Batch,
    Delivery,
    DeliveryEvent,
    GuardianChange,
    Member,
    Notice,
    Suppression,
    UnmatchedEvent,
)
from notifier.revocations import LinkRevocation
from notifier.standing import Line
from policy_versions.models import AuditEntry, DecisionRecord, Policy, Revision, Withdrawal


@dataclass(frozen=True, slots=True)
class Told:
    """A notice owed to a member, and what became of it. applies_from: as stated in the last letter, or planned."""

    row: Row
    notice: Notice
    policy: Policy
    revision: Revision
    applies_from: datetime | None
    attempts: Sequence[Attempt]
    events: Sequence[DeliveryEvent]

    @property
    def was_taken(self) -> bool:
        """Whether there is a letter to look at (see as_sent)."""
        return any(each.state == "accepted" for each in self.attempts)


@dataclass(frozen=True, slots=True)
class Said:
    """An acknowledgement, with the text that it is of."""

    word: Acknowledgement
    policy: Policy
    revision: Revision


@dataclass(frozen=True, slots=True)
class Barred:
    """A suppression of an address of a member. whose: member or guardian."""

    whose: str
    suppression: Suppression


@dataclass(frozen=True, slots=True)
class Stray:
    """What was reported of an address of a member, and of no letter that is known. whose: member or guardian."""

    whose: str
    event: UnmatchedEvent


@dataclass(frozen=True, slots=True)
class Dossier:
    """See the module. accounts: the member's pseudonym, then those of all accounts merged into theirs."""

    member: Member
    accounts: Sequence[int]
    former_names: Sequence[FormerName]
    merges: Sequence[MemberMerge]
    guardians: Sequence[GuardianChange]
    lines: Sequence[Line]
    told: Sequence[Told]
    said: Sequence[Said]
    barred: Sequence[Barred]
    strays: Sequence[Stray]
    revocations: Sequence[LinkRevocation]
    audited: Sequence[AuditEntry]
    numbers: Mapping[str, int]  # of the revisions that evidence is of, by the evidence's id


def by_id(session: Session, member_id: int) -> Member:
    """A member by pseudonym, erased or not. Raises: NoSuchMember."""
    found = session.get(Member, member_id)
    if found is None:
        raise NoSuchMember
    return found


def of_member(session: Session, member: Member, *, secret: str, now: datetime) -> Dossier:
    """Gather what is on record of a member, and of the accounts that were merged into theirs."""
    ids = lineage.accounts(session, member.id or 0)
    former = select(FormerName).where(col(FormerName.member_id).in_(ids)).order_by(col(FormerName.id))
    changes = select(GuardianChange).where(col(GuardianChange.member_id).in_(ids))
    taken_back = select(LinkRevocation).where(col(LinkRevocation.member_id).in_(ids))
    named = col(AuditEntry.subject).in_([f"member {each}" for each in ids])
    lines = standing.timelines(session, member, now=now)
    return Dossier(
        member=member,
        accounts=ids,
        former_names=session.exec(former).all(),
        merges=lineage.merges(session, ids),
        guardians=session.exec(changes.order_by(col(GuardianChange.recorded_at), col(GuardianChange.id))).all(),
        lines=lines,
        told=_told(session, ids),
        said=_said(session, ids),
        barred=_barred(session, member, secret),
        strays=_strays(session, member, secret),
        revocations=session.exec(taken_back.order_by(col(LinkRevocation.id))).all(),
        audited=session.exec(select(AuditEntry).where(named).order_by(col(AuditEntry.id))).all(),
        numbers=_numbers(session, lines),
    )


def _numbers(session: Session, lines: Sequence[Line]) -> dict[str, int]:
    named = {fact for line in lines for one in line.stretches for fact in one.evidence}
    found: dict[str, int] = {}
    for kind, of in (
        ("revision", _texts()),
        ("decision", _of_revision(DecisionRecord)),
        ("withdrawal", _of_revision(Withdrawal)),
    ):
        numbers = {int(fact.partition(":")[2]) for fact in named if fact.startswith(f"{kind}:")}
        rows = session.exec(of.where(of.selected_columns[0].in_(numbers)))
        found |= {f"{kind}:{row_id}": number for row_id, number in rows}
    return found


def _texts() -> Any:
    return select(Revision.id, Revision.number)


def _of_revision(model: type[DecisionRecord | Withdrawal]) -> Any:
    return select(model.id, Revision.number).join(Revision, col(Revision.id) == model.revision_id)


def _told(session: Session, ids: Sequence[int]) -> list[Told]:
    rows = deliveries.of_members(session, ids)
    about = select(Notice, Policy, Revision).where(Policy.id == Notice.policy_id)
    about = about.where(Revision.id == Notice.revision_id)
    about = about.where(col(Notice.id).in_({notice_id for notice_id, _ in rows}))
    notices = {notice.id: (notice, policy, revision) for notice, policy, revision in session.exec(about)}
    batches = select(Batch).where(col(Batch.id).in_({row.batch_id for _, row in rows}))
    planned = {batch.id: batch.applies_from for batch in session.exec(batches)}
    tried, heard = _tried(session, ids), _heard(session, ids)
    return [
        Told(
            row,
            *notices[notice_id],
            _stated(tried[row.delivery_id], planned[row.batch_id]),
            tried[row.delivery_id],
            heard[row.delivery_id],
        )
        for notice_id, row in rows
    ]


def _stated(attempts: Sequence[Attempt], planned: datetime | None) -> datetime | None:
    return attempts[-1].applies_from if attempts else planned


def _tried(session: Session, ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """The requests that covered each delivery, in order."""
    found: dict[int, list[Attempt]] = defaultdict(list)
    covering = select(Delivery.id, Attempt).where(
        Attempt.batch_id == Delivery.batch_id,
        col(Attempt.first) <= col(Delivery.position),
        col(Attempt.last) > col(Delivery.position),
        col(Delivery.member_id).in_(ids),
    )
    for delivery_id, attempt in session.exec(covering.order_by(col(Attempt.id))):
        found[delivery_id or 0].append(attempt)
    return found


def _heard(session: Session, ids: Sequence[int]) -> dict[int, list[DeliveryEvent]]:
    found: dict[int, list[DeliveryEvent]] = defaultdict(list)
    own = select(Delivery.id).where(col(Delivery.member_id).in_(ids))
    events = select(DeliveryEvent).where(col(DeliveryEvent.delivery_id).in_(own))
    for event in session.exec(events.order_by(col(DeliveryEvent.recorded_at), col(DeliveryEvent.id))):
        found[event.delivery_id].append(event)
    return found


def _said(session: Session, ids: Sequence[int]) -> list[Said]:
    words = select(Acknowledgement, Policy, Revision).where(
        Revision.id == Acknowledgement.revision_id,
        Policy.id == Revision.policy_id,
        col(Acknowledgement.member_id).in_(ids),
    )
    return [Said(*found) for found in session.exec(words.order_by(col(Acknowledgement.id)))]


def _addresses(member: Member, secret: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The addresses that a member and their guardian have now, each as the hashes it is kept by."""
    for whose, address in (("member", member.email), ("guardian", member.guardian_email)):
        if address:
            yield whose, suppressions.keys(address, secret)


def _strays(session: Session, member: Member, secret: str) -> list[Stray]:
    found = []
    for whose, keys in _addresses(member, secret):
        query = select(UnmatchedEvent).where(col(UnmatchedEvent.address_key).in_(keys))
        found += [Stray(whose, one) for one in session.exec(query.order_by(col(UnmatchedEvent.id)))]
    return found


def _barred(session: Session, member: Member, secret: str) -> list[Barred]:
    """Suppressions, standing and lifted, of these addresses."""
    found = []
    for whose, keys in _addresses(member, secret):
        query = select(Suppression).where(col(Suppression.email_key).in_(keys)).order_by(col(Suppression.id))
        found += [Barred(whose, one) for one in session.exec(query)]
    return found
