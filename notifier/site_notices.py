"""The site notice: which notices a member is still to be shown on the host's pages, and that they were shown them.

It is for every retained member who has a delivery of the notice and has neither been shown it nor said a word on
its text: those whose letter came back, who have no address, of whose letter nobody knows whether it left, and
those who got it. Never for a ward, whose notices go to the guardian only (DOMAIN, Applicability 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from errors import NoSuchMember, NoSuchNotice
from notifier import forecasts, lineage, members
from notifier.models import Acknowledgement, Batch, Delivery, DeliveryEvent, Member, Notice, Outcome
from policy_versions import archive
from policy_versions.models import Policy, Revision, Withdrawal

TELLING = ("sending", "complete")  # a notice that waits, is paused or was called off tells nobody


class Pending(NamedTuple):
    """A notice that a member is to be shown. base: the number of the text they know; None: none.

    applies_from: when the text applies to them if they are shown it now, on present facts; None: once it is
    accepted, or of a correction. already: it governs them. asks: it applies only once they accept it.
    """

    notice_id: int
    delivery_id: int
    kind: str  # change or correction
    policy: Policy
    revision: Revision
    base: int | None
    applies_from: datetime | None = None
    already: bool = False
    asks: bool = False
    translated: bool = False  # of a correction: a translation was corrected, and the text itself stands


class _Owed(NamedTuple):
    delivery: Delivery
    batch: Batch
    notice: Notice
    revision: Revision
    shown: bool


def pending(session: Session, member: Member, *, now: datetime) -> list[Pending]:
    """What a member is to be shown, the latest first; nothing for one who is not retained, or has a guardian."""
    if member.guardian_email or not _is_retained(session, member, now):
        return []
    unsaid = (one for one in _latest(_owed(session, member)) if not one.shown and not _answered(session, one))
    return [_pending(session, member, one, now) for one in unsaid]


def find(session: Session, member: Member, notice_id: int, *, now: datetime) -> Pending:
    """A notice that a member is to be shown, or was. Raises: NoSuchNotice."""
    if not member.guardian_email and _is_retained(session, member, now):
        for one in _owed(session, member):
            if one.notice.id == notice_id:
                return _pending(session, member, one, now)
    raise NoSuchNotice


def shown(session: Session, member: Member, notice_id: int, *, now: datetime) -> bool:
    """Record that a member was shown a notice on the host's site, once; whether it is new.

    Raises: NoSuchMember; NoSuchNotice where it is none that they are to be shown, or were.
    """
    # whoever records for one member waits for the other: of two pages open at once, one does
    standing = session.exec(
        select(Member.guardian_email).where(Member.id == member.id, members.retained(now)).with_for_update()
    ).all()
    if not standing:
        raise NoSuchMember
    one = next((one for one in _owed(session, member) if one.notice.id == notice_id), None)
    if one is None or standing[0]:
        raise NoSuchNotice
    if one.shown:
        return False
    event = DeliveryEvent(delivery_id=one.delivery.id or 0, event="shown", happened_at=now, recorded_at=now)
    session.add(event)
    session.flush()
    return True


def _is_retained(session: Session, member: Member, now: datetime) -> bool:
    return session.exec(select(Member.id).where(Member.id == member.id, members.retained(now))).first() is not None


# -- what a member is owed ----------------------------------------------------------------------


def _owed(session: Session, member: Member) -> Iterator[_Owed]:
    """A member's deliveries of notices that tell, the latest notice first; of texts that were withdrawn none."""
    was_shown = exists().where(col(DeliveryEvent.delivery_id) == Delivery.id, col(DeliveryEvent.event) == "shown")
    rows = session.execute(
        sa_select(Delivery, Batch, Notice, Revision, was_shown)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Revision, col(Revision.id) == Notice.revision_id)
        .where(col(Delivery.member_id) == member.id, *_tells())
        .order_by(col(Notice.id).desc())
    )
    return (_Owed(*row) for row in rows)


def _tells() -> tuple[ColumnElement[bool], ...]:
    skipped = exists().where(col(Outcome.delivery_id) == Delivery.id, col(Outcome.outcome) == "skipped")
    withdrawn = exists().where(col(Withdrawal.revision_id) == Notice.revision_id)
    return (
        col(Notice.state).in_(TELLING),
        col(Notice.gate) == "open",  # until it is known what came of the first letters, nobody else is told
        col(Notice.recalled_at).is_(None),
        col(Batch.state) != "skipped",
        ~skipped,
        (col(Notice.kind) != "change") | ~withdrawn,
    )


def _latest(owed: Iterable[_Owed]) -> Iterator[_Owed]:
    """Of each policy's changes the latest notice only, which tells all that the member did not know."""
    told: set[int] = set()
    for one in owed:
        if one.notice.kind != "change":
            yield one
        elif one.notice.policy_id not in told:
            told.add(one.notice.policy_id)
            yield one


def _answered(session: Session, one: _Owed) -> bool:
    """Whether the member has said a word on the text, or on a later one."""
    if one.notice.kind != "change":
        return False
    said = (
        select(Acknowledgement.id)
        .join(Revision, col(Revision.id) == Acknowledgement.revision_id)
        .where(
            col(Acknowledgement.member_id).in_(lineage.accounts(session, one.delivery.member_id)),
            Revision.policy_id == one.notice.policy_id,
            Revision.number >= one.revision.number,
        )
    )
    return session.exec(said.limit(1)).first() is not None


def _pending(session: Session, member: Member, one: _Owed, now: datetime) -> Pending:
    policy = session.get_one(Policy, one.notice.policy_id)
    base = session.get(Revision, one.batch.base_revision_id) if one.batch.base_revision_id else None
    told = Pending(
        notice_id=one.notice.id or 0,
        delivery_id=one.delivery.id or 0,
        kind=one.notice.kind,
        policy=policy,
        revision=one.revision,
        base=base.number if base else None,
        translated=one.notice.translation_id is not None,
    )
    return _with_dates(session, member, told, now) if one.notice.kind == "change" else told


def _with_dates(session: Session, member: Member, told: Pending, now: datetime) -> Pending:
    record, number = archive.history(session, told.policy), told.revision.number
    found = forecasts.outlook(session, record, member, number, base=told.base or 0, by_guardian=False, now=now)
    already = found.governs(now)
    starts = found.starts if already else found.if_told
    return told._replace(applies_from=starts, already=already, asks=starts is None)
