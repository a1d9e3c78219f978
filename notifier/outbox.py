"""The outbox: lease a batch, commit what is about to be tried, call the sender, record what it said.

The connection is given back before the network is used; an attempt is on record before its request leaves, so
that whatever dies in between, what may have been sent is known by name. Several threads of several processes do
this at once; they share nothing but the database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, or_, select, update

from database import reading, writing
from notifier import canary, members, notices, pacing, recording, windows
from notifier.logs import about
from notifier.models import Batch, Delivery, Member, Notice, Quarantine
from notifier.press import Press
from notifier.recording import Verdict
from notifier.runtime import Runtime
from notifier.senders.mime import without_addresses
from notifier.senders.protocol import NotSent, Refused, SendFailure, Unknown
from notifier.windows import Request, Work

log = logging.getLogger(__name__)

MADE_AGAIN = timedelta(minutes=5)  # a letter that cannot be made
FRESH = 1.0  # seconds; a lease asked for longer ago is asked for again before a request leaves


def deliver(runtime: Runtime) -> int:
    """Send what is queued until nothing is due; returns how many batches were worked on."""
    press, threads = Press(runtime), _threads(runtime)
    if threads == 1:
        worked = _work_through(runtime, press)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="sending") as pool:
            worked = sum(pool.map(lambda _: _work_through(runtime, press), range(threads)))
    watch(runtime)
    return worked


def _threads(runtime: Runtime) -> int:
    """One who writes into a folder gains nothing by threads."""
    return 1 if runtime.sender.repeatable else runtime.settings.sending_threads


def _work_through(runtime: Runtime, press: Press) -> int:
    worked = 0
    while not runtime.stopping.is_set():
        batch = _claim(runtime)
        if batch is None:
            break
        _work(runtime, press, batch)
        worked += 1
    return worked


def _claim(runtime: Runtime) -> Batch | None:
    """Lease one queued batch of a notice that is being sent; None when there is none for us."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        if quarantined(session) or pacing.allowance(session, runtime.settings, now=now) == 0:
            return None
        for notice in session.exec(select(Notice).where(Notice.state == "sending").order_by(col(Notice.id))):
            batch = _queued(session, notice, now)
            if batch is not None:
                batch.state, batch.lease_by = "sending", runtime.node
                batch.lease_until = now + timedelta(seconds=runtime.settings.lease_seconds)
                session.add(batch)
                return batch
    return None


def quarantined(session: Session) -> bool:
    """Whether the database was restored, and no person has said yet that letters may leave."""
    return session.exec(select(Quarantine.id).where(col(Quarantine.lifted_at).is_(None))).first() is not None


def _queued(session: Session, notice: Notice, now: datetime) -> Batch | None:
    query = select(Batch).where(
        Batch.notice_id == notice.id,
        Batch.state == "queued",
        or_(col(Batch.not_before).is_(None), col(Batch.not_before) <= now),
    )
    if notice.gate != "open":
        query = query.where(Batch.canary)
    query = query.order_by(col(Batch.canary).desc(), col(Batch.id)).limit(1)
    return session.exec(query.with_for_update(skip_locked=True)).first()


# -- one batch ----------------------------------------------------------------------------------


def _work(runtime: Runtime, press: Press, batch: Batch) -> None:
    try:
        while opened := _open_window(runtime, press, batch):
            work, requests, since = opened
            if not _record(runtime, work, _send(runtime, work, requests, since)):
                return
            if runtime.stopping.is_set():
                break
    except _NotMade as fault:
        _put_off(runtime, batch, fault)
        return
    _close(runtime, batch)


class _NotMade(Exception):
    """A letter that cannot be made: its template is broken, say."""


def _open_window(runtime: Runtime, press: Press, batch: Batch) -> tuple[Work, list[Request], float] | None:
    """Commit the attempts of the next requests; None when nothing is left, or the batch is no longer ours.

    The third is when, by a clock that runs while the process is stopped.
    """
    with reading(runtime.engine) as session:
        notice = session.get_one(Notice, batch.notice_id)
        now = runtime.clock.now(session)
    try:
        printed = press.letter(batch, notice, now=now)
    except Exception as error:
        log.exception("the letter cannot be made", extra=about(notice=batch.notice_id, batch=batch.id))
        raise _NotMade(f"The letter cannot be made: {type(error).__name__}: {error}") from error
    with writing(runtime.engine) as session:
        # Locked first, so that a window is not opened while its notice is being stopped.
        notice = session.get_one(Notice, batch.notice_id, with_for_update={"read": True})
        since, now = _clock(), runtime.clock.now(session)
        if not _renew(session, runtime, batch, now):
            return None
        allowed = pacing.allowance(session, runtime.settings, now=now)
        work = Work(session, notice, batch, press.policy(session, notice), printed, press, now)
        sender = runtime.sender
        requests = windows.open_window(
            work, sender=sender.name, size=sender.request_size, most=sender.window, allowed=allowed
        )
        return (work, requests, since) if requests else None


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _renew(session: Session, runtime: Runtime, batch: Batch, now: datetime) -> bool:
    """Whether the lease is still ours and the notice still being sent; if so, it runs anew."""
    notice = session.get_one(Notice, batch.notice_id)
    if notice.kind == "change" and notices.superseding(session, notice) is not None:
        return False
    sending = select(Notice.id).where(Notice.id == batch.notice_id, Notice.state == "sending")
    won = session.exec(
        update(Batch)
        .where(
            col(Batch.id) == batch.id,
            col(Batch.state) == "sending",
            col(Batch.lease_by) == runtime.node,
            col(Batch.lease_until) > now,
            sending.exists(),
        )
        .values(lease_until=now + timedelta(seconds=runtime.settings.lease_seconds))
    )
    return won.rowcount == 1 and not quarantined(session)


def _send(
    runtime: Runtime, work: Work, requests: Sequence[Request], since: float
) -> Iterator[tuple[Request, Verdict]]:
    """Make the requests one after another; after one that could not be sent the rest are not tried."""
    stopped: SendFailure | None = None
    for request in requests:
        if stopped is None and not runtime.sender.repeatable and _clock() - since > FRESH:
            since = _clock()
            if not _still_ours(runtime, work.batch):
                stopped = NotSent("the batch was taken over, or its notice stopped")
        if stopped is not None:
            yield request, NotSent(str(stopped), retry_after=0)
            continue
        verdict = _send_one(runtime, work, request)
        if isinstance(verdict, NotSent) or (isinstance(verdict, Refused) and not verdict.address):
            stopped = verdict
        yield request, verdict


def _still_ours(runtime: Runtime, batch: Batch) -> bool:
    """Asked of the database right before a request leaves, where the window was not opened just now."""
    with writing(runtime.engine) as session:
        return _renew(session, runtime, batch, runtime.clock.now(session))


def _send_one(runtime: Runtime, work: Work, request: Request) -> Verdict:
    try:
        return runtime.sender.send(work.printed.message, request.recipients, attempt_id=request.attempt_id)
    except SendFailure as failure:
        return failure
    except ValueError as error:
        # senders find fault with what they are handed before they touch the network
        return Refused(f"The letter cannot be sent as it is: {without_addresses(str(error))}")
    except Exception as error:
        # a fault of ours, somewhere around the call: what left is not known
        log.exception("an attempt broke off", extra=about(batch=work.batch.id, attempt=request.attempt_id))
        return Unknown(f"{type(error).__name__} while sending")


def _record(runtime: Runtime, work: Work, verdicts: Iterator[tuple[Request, Verdict]]) -> bool:
    """Write what the sender said; whether to go on with the batch.

    Where the database is out of reach it is tried again for as long as the lease runs: after that it is unknown.
    """
    answers = list(verdicts)
    until = _clock() + runtime.settings.lease_seconds
    while True:
        try:
            going, erased = recording.record(runtime, work.batch, answers)
            break
        except OperationalError:
            if _clock() >= until or runtime.stopping.is_set():
                raise
            log.warning("an answer could not be recorded yet", extra=about(batch=work.batch.id))
            runtime.stopping.wait(0.5)
    if erased:
        runtime.sender.forget(erased)
    return going


def _put_off(runtime: Runtime, batch: Batch, fault: Exception) -> None:
    """A letter that cannot be made stops no other: it is said on its batch, and tried again."""
    with writing(runtime.engine) as session:
        until = runtime.clock.now(session) + MADE_AGAIN
        recording.release(session, runtime, batch, state="queued", not_before=until, said=str(fault)[:1000])


def _close(runtime: Runtime, batch: Batch) -> None:
    """Set the batch's final state by its attempts, if it is still ours; else leave it to whoever has it."""
    with writing(runtime.engine) as session:
        notice = session.get_one(Notice, batch.notice_id, with_for_update=True)
        # locked before its attempts are read: one that is settled meanwhile would leave it unknown for ever
        session.get_one(Batch, batch.id, with_for_update=True)
        stopped = recording.stopped(session, notice)
        states = recording.states(session, batch)
        waits = notice.state != "sending" or bool(stopped) or _has_more(session, batch)
        state = "queued" if waits else notices.final_state(states)
        if state != "sending":  # else an attempt is under way, and the lease is to run out
            recording.release(session, runtime, batch, state=state)
        if stopped:
            notices.skip_queued(session, notice, stopped, now=runtime.clock.now(session))


def _has_more(session: Session, batch: Batch) -> bool:
    """Whether anything of a batch waits still: the budget was spent, or the process is to stop."""
    return windows.waits(session, batch)


# -- the notices as a whole ---------------------------------------------------------------------


def watch(runtime: Runtime) -> None:
    """Mark the notices that are complete, and see what came of first letters."""
    with reading(runtime.engine) as session:
        sending = session.exec(select(Notice.id).where(Notice.state == "sending")).all()
    patience = timedelta(minutes=runtime.settings.canary_minutes)
    for notice_id in sending:
        with writing(runtime.engine) as session:
            notice = session.get_one(Notice, notice_id, with_for_update=True)
            now = runtime.clock.now(session)
            canary.watch(session, notice, patience=patience, reports=runtime.sender.reports, now=now)
            notices.complete(session, notice, now=now)


# -- purging ------------------------------------------------------------------------------------


def purge(runtime: Runtime) -> int:
    """Erase the members whose retention has ended; returns how many."""
    with reading(runtime.engine) as session:
        lapsed = members.lapsed(session, now=runtime.clock.now(session))
    for member in lapsed:
        erase(runtime, member, actor="scheduler")
    return len(lapsed)


def erase(runtime: Runtime, member: Member, *, actor: str) -> None:
    """Erase a member: first the letters kept, then the rows, so that a fault leaves a name to try again by.

    A letter that is being written meanwhile is forgotten by whoever records it.
    """
    with reading(runtime.engine) as session:
        found = session.exec(select(Delivery.id).where(Delivery.member_id == member.id))
        letters = [delivery_id for delivery_id in found if delivery_id is not None]
    runtime.sender.forget(letters)
    with writing(runtime.engine) as session:
        held = session.get_one(Member, member.id, with_for_update=True)
        if held.erased_at is None:
            now = runtime.clock.now(session)
            members.erase(session, held, actor=actor, now=now)
    runtime.sender.forget(letters)
