"""A letter's link, used: whose letter it stood in, and whether it still holds."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from errors import LinkExpired, LinkInvalid, LinkRevoked
from notifier import merging, revocations, tokens
from notifier.acknowledging import Actor
from notifier.models import Attempt, Batch, Delivery, Member, Notice

_MAY_HAVE_LEFT = ("started", "accepted", "unknown", "resent")


class Opened(NamedTuple):
    """What a link leads to. actor: for whom it speaks. left_at: when the letter left, or its notice opened."""

    delivery: Delivery
    batch: Batch
    notice: Notice
    member: Member
    actor: Actor
    left_at: datetime


def follow(session: Session, written: str, *, secret: str, now: datetime) -> Opened:
    """Find what a letter's link leads to; of an account that was merged, who stands for that person.

    Of one who was erased, or is no longer retained, no link holds any more.
    Raises: LinkInvalid, LinkOfATest, LinkExpired, LinkRevoked.
    """
    links = tokens.letter_links(secret)
    link = links.read(written)
    delivery = session.get(Delivery, link.delivery_id)
    if delivery is None:
        raise LinkInvalid
    own = session.get_one(Member, delivery.member_id)
    member = merging.merged_into(session, own) or own
    links.check(link, member.guardian_email)
    batch, notice = session.get_one(Batch, delivery.batch_id), session.get_one(Notice, delivery.notice_id)
    left_at = _left_at(session, delivery) or notice.opened_at or notice.created_at
    _require_standing(session, member, delivery, left_at, now)
    return Opened(delivery, batch, notice, member, "guardian" if link.guardian else "member", left_at)


def _left_at(session: Session, delivery: Delivery) -> datetime | None:
    """When the last request that may have carried the letter was made."""
    if delivery.position is None:
        return None
    return session.exec(
        select(func.max(Attempt.started_at)).where(
            Attempt.batch_id == delivery.batch_id,
            col(Attempt.state).in_(_MAY_HAVE_LEFT),
            col(Attempt.first) <= delivery.position,
            col(Attempt.last) > delivery.position,
        )
    ).one()


def _require_standing(
    session: Session, member: Member, delivery: Delivery, left_at: datetime, now: datetime
) -> None:
    lapsed = member.retained_until is not None and member.retained_until <= now
    if member.erased_at is not None or lapsed:
        raise LinkRevoked
    for account in {member.id or 0, delivery.member_id}:
        if revocations.is_revoked(session, account, made=left_at, delivery_id=delivery.id):
            raise LinkRevoked
    if left_at + tokens.LETTER_LINK <= now:
        raise LinkExpired(tokens.LETTER_LINK.days)
