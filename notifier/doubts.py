"""After a restore: what the backup cannot know of stands as doubt.

Letters may have left after the backup was made, in requests that this database has never heard of. So whatever
of an open notice was not settled in it is covered by attempts whose fate is unknown: it is listed by name, and
sent again only as any unknown is. What is reported of such a letter proves that letter alone (events/proving.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, exists, func, or_, select

from notifier import notices, windows
from notifier.models import Attempt, Batch, Delivery, Notice, Outcome, Quarantine

SENDER = "restored"  # no provider's log is asked about it: no request of that number was ever made
IN_FLIGHT = "in flight when the backup was made"
MAY_HAVE_LEFT = "may have left after the backup was made"


def restored_at(session: Session) -> datetime | None:
    """When the database was last restored from a copy, if ever."""
    return session.exec(select(func.max(Quarantine.began_at))).one()


def is_recent(session: Session, since: datetime) -> bool:
    """Whether a quarantine stands, or began after that: what is heard of the time that was lost comes late."""
    lately = or_(col(Quarantine.lifted_at).is_(None), col(Quarantine.began_at) > since)
    return session.exec(select(Quarantine.id).where(lately).limit(1)).first() is not None


# -- writing doubt down -------------------------------------------------------------------------


def doubt(session: Session, notice: Notice, *, repeatable: bool, first: int | None, now: datetime) -> int:
    """Make whatever an open notice has not settled unknown. notice: locked. Returns: attempts unknown since.

    repeatable: the sender does no harm by writing a letter again, so nothing need be doubted.
    first: the least number of an attempt made here; None: any.
    """
    unfinished = session.exec(
        select(Batch)
        .where(Batch.notice_id == notice.id, col(Batch.state).in_(("queued", "sending")))
        .order_by(col(Batch.id))
        .with_for_update()
    ).all()
    doubted = 0
    for batch in unfinished:
        in_flight = _doubt_requests(session, batch, repeatable, now)
        rest = [] if repeatable else list(_rest(session, batch, notice, now))
        if rest and first is not None:
            rest[0].id, first = max(first, _last_number(session) + 1), None
        session.add_all(rest)
        session.flush()
        _close(session, batch, repeatable)
        doubted += in_flight + len(rest)
    return doubted


def _last_number(session: Session) -> int:
    return session.exec(select(func.max(Attempt.id))).one() or 0


def _doubt_requests(session: Session, batch: Batch, repeatable: bool, now: datetime) -> int:
    """Requests that were in flight, or were to be made again and may have been, are unknown."""
    query = select(Attempt).where(Attempt.batch_id == batch.id).order_by(col(Attempt.id)).with_for_update()
    attempts = session.exec(query).all()
    before = sum(attempt.state == "unknown" for attempt in attempts)
    for attempt in attempts:
        if attempt.state == "started":
            attempt.state, attempt.said, attempt.recorded_at = "unknown", IN_FLIGHT, now
            attempt.doubted_at = now
            if repeatable:
                attempt.state, attempt.doubted_at = "not_sent", None
            session.add(attempt)
    session.flush()
    if not repeatable:
        notices.unknown_again(session, batch)
    return sum(attempt.state == "unknown" for attempt in attempts) - before


def _rest(session: Session, batch: Batch, notice: Notice, now: datetime) -> Iterator[Attempt]:
    """An attempt for each run of letters that no request on record covers."""
    tried = session.exec(
        select(Attempt.first, Attempt.last).where(
            Attempt.batch_id == batch.id, col(Attempt.state).in_(windows.FINAL)
        )
    ).all()
    for start, stop in _gaps(tried):
        there = select(func.min(Delivery.position), func.max(Delivery.position), func.count())
        there = there.where(Delivery.batch_id == batch.id, col(Delivery.position) >= start, _is_open())
        if stop is not None:
            there = there.where(col(Delivery.position) < stop)
        first, last, letters = session.exec(there).one()
        if letters:
            yield _attempt(batch, notice, first or 0, (last or 0) + 1, letters, now)


def _gaps(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int | None]]:
    """Between half-open spans, before the first and after the last."""
    start = 0
    for first, last in sorted(spans):
        if first > start:
            yield start, first
        start = max(start, last)
    yield start, None


def _attempt(batch: Batch, notice: Notice, first: int, last: int, letters: int, now: datetime) -> Attempt:
    return Attempt(
        batch_id=batch.id or 0,
        first=first,
        last=last,
        recipients=letters,
        body_sha256="",  # nobody knows what it said
        sender=SENDER,
        applies_from=batch.applies_from,
        state="unknown",
        said=MAY_HAVE_LEFT,
        started_at=notice.opened_at or now,  # not before: a report of it may be as old as that
        doubted_at=now,
    )


def _close(session: Session, batch: Batch, repeatable: bool) -> None:
    states = set(session.exec(select(Attempt.state).where(Attempt.batch_id == batch.id)))
    batch.state = "queued" if repeatable else notices.final_state(states)
    batch.lease_by, batch.lease_until, batch.not_before = "", None, None
    session.add(batch)
    session.flush()


def _is_open() -> ColumnElement[bool]:
    """Nothing has become of a delivery apart from its batch."""
    return ~exists().where(col(Outcome.delivery_id) == Delivery.id)
