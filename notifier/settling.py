"""What is in doubt: leases that ran out become unknown, and what is unknown is settled, one way or another.

By an event that carries the attempt (notifier/events), by an answer that came late, by the provider's own log, by
a person; or, where the setting says so, by sending again what has stayed unknown for long enough.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from database import reading, writing
from notifier import doubts, notices, recording
from notifier.logs import about
from notifier.models import Attempt, Batch, Notice
from notifier.runtime import Runtime

log = logging.getLogger(__name__)

ASKED = 20  # of the provider's log in one tick
TOO_EARLY = timedelta(minutes=10)  # for the log to show it
EXPIRED = 100  # leases taken back in one transaction


def settle(runtime: Runtime) -> int:
    """Take back expired leases, ask the provider's log, and send again what has stayed unknown long enough."""
    return _take_back(runtime) + _ask(runtime) + _send_again(runtime)


def _take_back(runtime: Runtime) -> int:
    with reading(runtime.engine) as session:
        expired = session.exec(
            select(Batch.id, Batch.notice_id)
            .where(Batch.state == "sending", col(Batch.lease_until) <= runtime.clock.now(session))
            .order_by(col(Batch.id))
            .limit(EXPIRED)
        ).all()
    return sum(_expire(runtime, notice_id, batch_id) for batch_id, notice_id in expired)


def _expire(runtime: Runtime, notice_id: int, batch_id: int | None) -> bool:
    """What was in flight when a worker died is unknown; only the folder can be written to again without harm."""
    with writing(runtime.engine) as session:
        session.get_one(Notice, notice_id, with_for_update={"read": True})
        batch = session.get_one(Batch, batch_id, with_for_update=True)
        now = runtime.clock.now(session)
        if batch.state != "sending" or batch.lease_until is None or batch.lease_until > now:
            return False
        for attempt in _started(session, batch):
            attempt.said = f"in flight when {batch.lease_by} stopped"
            attempt.recorded_at = now
            if attempt.sender == "folder":
                attempt.state = "not_sent"
            else:
                attempt.state, attempt.doubted_at = "unknown", now
            session.add(attempt)
            log.warning("a lease ran out", extra=about(notice=notice_id, batch=batch_id, attempt=attempt.id))
        batch.state, batch.lease_by, batch.lease_until = "queued", "", None
        session.add(batch)
        return True


def _started(session: Session, batch: Batch) -> Sequence[Attempt]:
    query = select(Attempt).where(Attempt.batch_id == batch.id, Attempt.state == "started")
    return session.exec(query.with_for_update()).all()


# -- the provider's log -------------------------------------------------------------------------


def _ask(runtime: Runtime) -> int:
    with reading(runtime.engine) as session:
        earlier = runtime.clock.now(session) - TOO_EARLY
        doubtful = session.exec(
            select(Attempt.id)
            .where(
                Attempt.state == "unknown", Attempt.sender == runtime.sender.name, Attempt.started_at <= earlier
            )
            .order_by(func.random())  # of many doubts each is asked about in time
            .limit(ASKED)
        ).all()
    shown = [each for each in doubtful if each is not None and runtime.sender.look_up(each)]
    return sum(taken(runtime, each, by="log") for each in shown)


def taken(runtime: Runtime, attempt_id: int, *, by: str) -> bool:
    """Settle an attempt as taken, by the provider's log or a person's word; whether it was unknown still."""
    with writing(runtime.engine) as session:
        return accept(session, attempt_id, by=by, now=runtime.clock.now(session))


def accept(session: Session, attempt_id: int, *, by: str, now: datetime) -> bool:
    """Settle an attempt as taken, and its batch with it. Locks the notice, the batch, the attempt."""
    batch = _locked_batch(session, attempt_id)
    attempt = session.get_one(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt.state != "unknown":
        return False
    attempt.state, attempt.settled_by, attempt.recorded_at = "accepted", by, now
    session.add(attempt)
    session.flush()
    if batch.state == "unknown":
        batch.state = notices.final_state(recording.states(session, batch))
        session.add(batch)
    return True


def _locked_batch(session: Session, attempt_id: int) -> Batch:
    batch = session.get_one(Batch, session.get_one(Attempt, attempt_id).batch_id)
    session.get_one(Notice, batch.notice_id, with_for_update={"read": True})
    return session.get_one(Batch, batch.id, with_for_update=True, populate_existing=True)


# -- sending again ------------------------------------------------------------------------------


def _send_again(runtime: Runtime) -> int:
    if runtime.settings.unknown == "at_most_once":
        return 0
    with reading(runtime.engine) as session:
        long_ago = runtime.clock.now(session) - timedelta(minutes=runtime.settings.resend_minutes)
        if doubts.is_recent(session, long_ago):
            return 0  # all these were begun before the database was restored
        doubtful = session.exec(
            select(Attempt.id)
            .join(Batch, col(Batch.id) == Attempt.batch_id)
            .join(Notice, col(Notice.id) == Batch.notice_id)
            .where(
                Attempt.state == "unknown",
                Batch.state == "unknown",
                Notice.state == "sending",
                Attempt.started_at <= long_ago,
            )
            .order_by(col(Attempt.id))
        ).all()
    again = 0
    for attempt_id in doubtful:
        with writing(runtime.engine) as session:
            again += bool(attempt_id) and give_up(session, attempt_id or 0, now=runtime.clock.now(session))
    return again


def give_up(session: Session, attempt_id: int, *, now: datetime) -> bool:
    """Queue the letters of an unknown attempt again, while its notice is being sent. Whether it was done."""
    batch = _locked_batch(session, attempt_id)
    notice = session.get_one(Notice, batch.notice_id)
    attempt = session.get_one(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt.state != "unknown" or batch.state not in ("unknown", "queued"):
        return False
    if notice.state != "sending" or recording.stopped(session, notice):
        return False
    attempt.state, attempt.recorded_at = "resent", now
    batch.state = "queued"
    session.add_all((attempt, batch))
    session.flush()
    return True
