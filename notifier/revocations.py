"""Links taken back: one letter's, or all that a member, or their guardian, was given up to an instant."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, or_, select

from notifier.models import BIG, Delivery, Member
from policy_versions import audit


class LinkRevocation(SQLModel, table=True):
    """From here a link is taken back; without a delivery all of a member's that were made up to then."""

    __tablename__ = "link_revocation"
    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="member.id", index=True)
    delivery_id: int | None = Field(default=None, foreign_key="delivery.id", sa_type=BIG)
    recorded_at: datetime


def revoke(
    session: Session, member: Member, *, actor: str, now: datetime, delivery: Delivery | None = None
) -> LinkRevocation:
    """Take back the link of one of a member's letters; without one all their links, their pages and site tokens.

    What is made later holds again: the next letter's link, the next session.
    """
    assert delivery is None or delivery.member_id == member.id
    taken_back = LinkRevocation(
        member_id=member.id or 0, delivery_id=delivery.id if delivery else None, recorded_at=now
    )
    session.add(taken_back)
    which = {} if delivery is None else {"delivery": delivery.id}
    audit.record(session, actor=actor, action="links revoked", subject=f"member {member.id}", now=now, **which)
    session.flush()
    return taken_back


def is_revoked(session: Session, member_id: int, *, made: datetime, delivery_id: int | None = None) -> bool:
    """Whether what was made for a member at an instant was taken back since. delivery_id: of a letter's link."""
    of_all = col(LinkRevocation.delivery_id).is_(None) & (col(LinkRevocation.recorded_at) >= made)
    of_it = or_(of_all, col(LinkRevocation.delivery_id) == delivery_id) if delivery_id is not None else of_all
    found = select(LinkRevocation.id).where(LinkRevocation.member_id == member_id, of_it)
    return session.exec(found.limit(1)).first() is not None
