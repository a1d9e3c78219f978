"""What became of members' accounts: which were merged into which, and by what names the host knew them before.

Tables and look-ups only; the deeds are in notifier/merging.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped
from sqlmodel import Field, Session, SQLModel, UniqueConstraint, col, delete, func, or_, select

from notifier.models import Member


class MemberMerge(SQLModel, table=True):
    """From here one account has ended and another stands for that person.

    Whoever was merged into the one that ended is merged into the other by a row of their own, so that no chain of
    rows is ever followed.
    """

    __tablename__ = "member_merge"
    __table_args__ = (UniqueConstraint("from_id", "into_id"),)
    id: int | None = Field(default=None, primary_key=True)
    from_id: int = Field(foreign_key="member.id")
    into_id: int = Field(foreign_key="member.id", index=True)
    recorded_at: datetime


class FormerName(SQLModel, table=True):
    """An external_id that a member had until then. It names nobody any more; erasing them deletes it."""

    __tablename__ = "former_name"
    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="member.id", index=True)
    external_id: str
    recorded_at: datetime


class Named(NamedTuple):
    """A member, by their pseudonym, and a name that they had or have."""

    member_id: int
    external_id: str


def merges(session: Session, ids: Sequence[int]) -> Sequence[MemberMerge]:
    """The merges of some members, into them and of them, in order."""
    some = or_(col(MemberMerge.from_id).in_(ids), col(MemberMerge.into_id).in_(ids))
    return session.exec(select(MemberMerge).where(some).order_by(col(MemberMerge.id))).all()


def accounts(session: Session, member_id: int) -> list[int]:
    """A member and all that were merged into them, by pseudonym."""
    merged = select(MemberMerge.from_id).where(MemberMerge.into_id == member_id).order_by(col(MemberMerge.from_id))
    return [member_id, *session.exec(merged)]


def names(session: Session, member: Member) -> list[Named]:
    """Every name that a member has or had, those of the accounts merged into them among them."""
    former = select(FormerName.member_id, FormerName.external_id).order_by(col(FormerName.id))
    found = session.exec(former.where(col(FormerName.member_id).in_(accounts(session, member.id or 0))))
    now = [Named(member.id or 0, member.external_id)] if member.external_id else []
    return list(dict.fromkeys([*now, *(Named(*row) for row in found)]))


def forget_names(session: Session, ids: Iterable[int]) -> None:
    session.exec(delete(FormerName).where(col(FormerName.member_id).in_(list(ids))))


def person(member_id: ColumnElement[int] | Mapped[int]) -> ColumnElement[int]:
    """Who stands for a member's person: whom they were merged into last, or themselves. An expression."""
    into = select(MemberMerge.into_id).where(MemberMerge.from_id == member_id).order_by(col(MemberMerge.id).desc())
    return func.coalesce(into.limit(1).correlate_except(MemberMerge).scalar_subquery(), member_id)
