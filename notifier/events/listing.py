"""What providers have reported, as the administration lists it: bodies, and events of no letter that is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from notifier import suppressions
from notifier.events.bodies import VERIFIED
from notifier.models import UnmatchedEvent, WebhookBody

SHOWN = 100
DAYS = 30  # of events of no letter, counted
LATE = timedelta(minutes=10)  # a body that waits for longer is not being folded


class Posted(NamedTuple):
    """What was posted, without its bytes. waits: it is kept, and not folded yet."""

    source: str
    size: int
    verdict: str
    received_at: datetime
    folded_at: datetime | None
    events: int
    repeated: int
    unmatched: int
    said: str
    waits: bool

    @property
    def refused(self) -> bool:
        return self.verdict != VERIFIED


class Behind(NamedTuple):
    """Bodies that wait for too long, and those of them that could not be folded."""

    waiting: int
    oldest: datetime | None
    failing: int


class Counted(NamedTuple):
    """Events of no letter that is known, on one day (UTC)."""

    day: str
    event: str
    number: int


class Stray(NamedTuple):
    """An event of no letter that is known. members: whose own address it names now, by the host's keys."""

    event: UnmatchedEvent
    members: list[str]


def newest(session: Session) -> list[Posted]:
    """What was posted last; of what was refused, one line for each reason."""
    columns = (
        *(WebhookBody.source, WebhookBody.size, WebhookBody.verdict, WebhookBody.received_at),
        *(WebhookBody.folded_at, WebhookBody.events, WebhookBody.repeated, WebhookBody.unmatched),
        WebhookBody.said,
    )
    query = sa_select(*map(col, columns), _waits())
    query = query.order_by(col(WebhookBody.received_at).desc(), col(WebhookBody.id).desc()).limit(SHOWN)
    return [Posted(*row) for row in session.execute(query)]


def _waits() -> ColumnElement[bool]:
    return col(WebhookBody.folded_at).is_(None) & col(WebhookBody.body).is_not(None)


def behind(session: Session, now: datetime) -> Behind:
    """Whether bodies are folded as they come."""
    late = sa_select(func.count(), func.min(col(WebhookBody.received_at)))
    waiting, oldest = session.execute(
        late.where(_waits(), col(WebhookBody.received_at) <= now - LATE, col(WebhookBody.said) == "")
    ).one()
    failing = session.execute(sa_select(func.count()).where(_waits(), col(WebhookBody.said) != "")).scalar_one()
    return Behind(waiting, oldest, failing)


def refused_since(session: Session, verdict: str, since: datetime) -> bool:
    """Whether a body was refused for a reason lately."""
    query = sa_select(col(WebhookBody.id)).where(
        col(WebhookBody.verdict) == verdict, col(WebhookBody.received_at) > since
    )
    return session.execute(query.limit(1)).first() is not None


# -- events of no letter ------------------------------------------------------------------------


def unmatched_by_day(session: Session, now: datetime) -> list[Counted]:
    """How many of each kind were recorded on each of the last days, the latest first."""
    day = _day(session)
    query = (
        sa_select(day.label("day"), col(UnmatchedEvent.event), func.count())
        .where(col(UnmatchedEvent.recorded_at) > now - timedelta(days=DAYS))
        .group_by(day, col(UnmatchedEvent.event))
        .order_by(day.desc(), col(UnmatchedEvent.event))
    )
    return [Counted(*row) for row in session.execute(query)]


def _day(session: Session) -> ColumnElement[str]:
    """The day (UTC) that an event was recorded on, as 2026-06-01."""
    at: Any = col(UnmatchedEvent.recorded_at)
    if session.get_bind().dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", at), "YYYY-MM-DD")
    return func.strftime("%Y-%m-%d", at)


def strays(session: Session, now: datetime) -> list[Stray]:
    """The last events of no letter that is known, each with whoever has that address now."""
    found = session.exec(select(UnmatchedEvent).order_by(col(UnmatchedEvent.id).desc()).limit(SHOWN)).all()
    names = suppressions.owners(session, [each.address_key for each in found if each.address_key], now)
    return [Stray(each, names.get(each.address_key, [])) for each in found]
