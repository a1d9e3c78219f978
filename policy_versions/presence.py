"""Who else has a draft open: told to whoever opens it, and soon forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, delete, select

from errors import NoSuchDraft
from policy_versions.models import Draft

LATELY = timedelta(minutes=15)  # whoever was not seen for longer has gone


class DraftVisit(SQLModel, table=True):
    """Somebody has a draft open. `seen_at` rises while they have, `opened_at` says since when."""

    __tablename__ = "draft_visit"
    draft_id: int = Field(primary_key=True, foreign_key="draft.id")
    name: str = Field(primary_key=True)
    opened_at: datetime
    seen_at: datetime


def see(session: Session, draft_id: int, name: str, *, now: datetime) -> None:
    """Note that somebody has a draft open now. Raises: NoSuchDraft."""
    there = select(Draft.id).where(Draft.id == draft_id).with_for_update(read=True, key_share=True)
    if session.exec(there).first() is None:
        raise NoSuchDraft
    gone = col(DraftVisit.seen_at) < now - LATELY
    session.exec(delete(DraftVisit).where(col(DraftVisit.draft_id) == draft_id, gone))
    dialect = session.get_bind().dialect.name
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    here = insert(DraftVisit).values(draft_id=draft_id, name=name, opened_at=now, seen_at=now)
    session.execute(here.on_conflict_do_update(index_elements=["draft_id", "name"], set_={"seen_at": now}))


def others(session: Session, draft_id: int, name: str, *, now: datetime) -> Sequence[DraftVisit]:
    """Who else has had the draft open lately, the latest first."""
    return session.exec(
        select(DraftVisit)
        .where(
            DraftVisit.draft_id == draft_id,
            DraftVisit.name != name,
            col(DraftVisit.seen_at) >= now - LATELY,
        )
        .order_by(col(DraftVisit.opened_at).desc(), col(DraftVisit.name))
    ).all()


def forget(session: Session, draft_id: int) -> None:
    """As the draft goes, so does what is known of who looked at it."""
    session.exec(delete(DraftVisit).where(col(DraftVisit.draft_id) == draft_id))
