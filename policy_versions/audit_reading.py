"""The audit log as people read it: by person, deed, subject and day; a page at a time, or all in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col

from policy_versions.models import AuditEntry
from policy_versions.origins import AuditOrigin

KNOWN = 200  # names that are offered
_AT_ONCE = 1000


class Asked(NamedTuple):
    """What is looked for; "" and None: any. subject: "notice 3", or "notice" for all of them. Days: UTC, whole."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: date | None = None
    until: date | None = None


class Read(NamedTuple):
    """An entry, and where its deed came from; door "": nobody wrote that down."""

    entry: AuditEntry
    door: str
    address: str


def newest(session: Session, asked: Asked, *, limit: int, before: int | None = None) -> list[Read]:
    """The newest entries that are looked for, of those with a lower id than `before`."""
    query = _query(asked).order_by(col(AuditEntry.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(AuditEntry.id) < before)
    return [_read(*row) for row in session.execute(query)]


def in_order(session: Session, asked: Asked) -> Iterator[Read]:
    """All entries that are looked for, the oldest first; however many, memory stays flat."""
    query, after = _query(asked).order_by(col(AuditEntry.id)).limit(_AT_ONCE), 0
    while rows := session.execute(query.where(col(AuditEntry.id) > after)).all():
        yield from (_read(*row) for row in rows)
        after = rows[-1][0].id
        session.expunge_all()


def known(session: Session, column: Any) -> list[str]:
    """The values of an indexed column, in order: each is looked up, so that the log's length costs nothing."""
    values = sa_select(func.min(column).label("value")).cte("known", recursive=True)
    following = sa_select(func.min(column)).where(column > values.c.value).scalar_subquery()
    each = values.union_all(sa_select(following).where(values.c.value.is_not(None)))
    return list(session.scalars(sa_select(each.c.value).where(each.c.value.is_not(None)).limit(KNOWN)))


def _query(asked: Asked) -> Any:
    found = sa_select(AuditEntry, col(AuditOrigin.door), col(AuditOrigin.address))
    return found.outerjoin(AuditOrigin, col(AuditOrigin.id) == col(AuditEntry.id)).where(*_where(asked))


def _where(asked: Asked) -> Iterator[ColumnElement[bool]]:
    if asked.actor:
        yield col(AuditEntry.actor) == asked.actor
    if asked.action:
        yield col(AuditEntry.action) == asked.action
    if asked.subject:
        kind = f"{asked.subject.split(' ')[0]} "
        its = col(AuditEntry.subject).startswith(kind, autoescape=True)
        exactly = col(AuditEntry.subject) == asked.subject
        yield exactly if " " in asked.subject else or_(exactly, its)
    if asked.since:
        yield col(AuditEntry.recorded_at) >= _midnight(asked.since)
    if asked.until:
        yield col(AuditEntry.recorded_at) < _midnight(asked.until) + timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _read(entry: AuditEntry, door: str | None, address: str | None) -> Read:
    return Read(entry, door or "", address or "")
