"""What a draft said before somebody kept another text over it: there to be looked at, and put back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, Text
from sqlmodel import AutoString, Field, Session, SQLModel, UniqueConstraint, col, delete, select

from errors import NoSuchEarlierDraft
from policy_versions.models import Draft

APART = timedelta(minutes=10)  # of one person's own saves, the last of so long a time is kept
MOST = 30  # of a draft; the oldest go first
FIELDS = (
    "text",
    "revision_date",
    "effective",
    "rule",
    "notice_days",
    "summary",
    "controller",
    "version",
    "saved_by",
    "saved_at",
)


class EarlierDraft(SQLModel, table=True):
    """A draft as it stood at a version, until it is published or thrown away."""

    __tablename__ = "earlier_draft"
    __table_args__ = (UniqueConstraint("draft_id", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    draft_id: int = Field(foreign_key="draft.id")
    version: int
    text: str = Field(sa_column=Column(Text, nullable=False))
    revision_date: str
    effective: str
    rule: str
    notice_days: int
    summary: str
    controller: str = Field(default="", sa_column=Column(AutoString, nullable=False, server_default=""))
    saved_by: str
    saved_at: datetime


def of(draft: Draft) -> EarlierDraft:
    """A draft as it stands, not yet added."""
    return EarlierDraft(draft_id=draft.id or 0, **{name: getattr(draft, name) for name in FIELDS})


def set_aside(
    session: Session, replaced: EarlierDraft, *, actor: str, now: datetime, always: bool = False
) -> None:
    """Keep what a draft said, where another text is about to stand in its place.

    Another person's is always kept; of one's own, of which there is one every few seconds, one of ten minutes.
    What a draft was started with is not: it is a revision's text, or empty.
    """
    if not (always or (replaced.version > 1 and (replaced.saved_by != actor or _is_due(replaced, now)))):
        return
    session.add(replaced)
    session.flush()
    _thin_out(session, replaced.draft_id)


def _is_due(replaced: EarlierDraft, now: datetime) -> bool:
    """Whether it is the last of its ten minutes of the clock."""
    return _span(replaced.saved_at) != _span(now)


def _span(at: datetime) -> int:
    return int(at.timestamp() // APART.total_seconds())


def _thin_out(session: Session, draft_id: int) -> None:
    newest_gone = session.exec(
        select(EarlierDraft.version)
        .where(EarlierDraft.draft_id == draft_id)
        .order_by(col(EarlierDraft.version).desc())
        .offset(MOST)
        .limit(1)
    ).first()
    if newest_gone is not None:
        old = col(EarlierDraft.version) <= newest_gone
        session.exec(delete(EarlierDraft).where(col(EarlierDraft.draft_id) == draft_id, old))


def of_draft(session: Session, draft_id: int) -> Sequence[EarlierDraft]:
    """What was set aside, the latest first."""
    order = col(EarlierDraft.version).desc()
    return session.exec(select(EarlierDraft).where(EarlierDraft.draft_id == draft_id).order_by(order)).all()


def at_version(session: Session, draft_id: int, version: int) -> EarlierDraft:
    """Raises: NoSuchEarlierDraft."""
    found = session.exec(
        select(EarlierDraft).where(EarlierDraft.draft_id == draft_id, EarlierDraft.version == version)
    ).one_or_none()
    if found is None:
        raise NoSuchEarlierDraft
    return found


def forget(session: Session, draft_id: int) -> None:
    session.exec(delete(EarlierDraft).where(col(EarlierDraft.draft_id) == draft_id))
