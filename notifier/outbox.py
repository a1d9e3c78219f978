"""The outbox: lease a batch, commit what is about to be tried, call the sender, record what it said.

The connection is given back before the network is used; an attempt is on record before its request leaves, so
that whatever dies in between, what may have been sent is known by name. Several threads of several processes do
this at once; they share nothing but the database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import bindparam
from sqlalchemy import select as sa_select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col, or_, select, update

from database import reading, writing
from notifier import canary, conditions, erasures, lineage, members, notices, pacing, recording, windows
from notifier.conditions import Conditions
from notifier.logs import about
from notifier.models import Batch, Delivery, Member, Notice
from notifier.press import Press
from notifier.recording import Footing, NotTried, Verdict
from notifier.runtime import Runtime
from notifier.senders.mime import without_addresses
from notifier.senders.protocol import NotSent, Refused, SendFailure, Unknown
from notifier.windows import Request, Window, Work

log = logging.getLogger(__name__)

MADE_AGAIN = timedelta(minutes=5)  # a letter that cannot be made
PRINTED_AGAIN = 3  # times, where decisions come between printing a letter and sending it
TEST_LETTER = 0  # what one to oneself is called where letters are files; it may have gone to anybody's address
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
    worked, following = 0, None
    while not runtime.stopping.is_set() or following:
        taken = following or _take(runtime, press)
        if taken is None:
            break
        following = _work(runtime, press, *taken)
        worked += 1
    return worked


class _Opened(NamedTuple):
    """A window about to leave. since: when our lease was seen to, by a clock that runs while we are stopped."""

    work: Work
    window: Window
    since: float


class _Taken(NamedTuple):
    """A batch that is ours, and its first window where that is open already."""

    batch: Batch
    opened: _Opened | None = None


class _Leased(NamedTuple):
    """allowed: how many letters may leave, where there is a budget."""

    notice: Notice
    batch: Batch
    found: Conditions
    allowed: int | None


class _Terms(NamedTuple):
    """allowed: see _Leased. since: see _Opened."""

    found: Conditions
    allowed: int | None
    since: float
    now: datetime


def _take(runtime: Runtime, press: Press) -> _Taken | None:
    """Lease a batch, and open its first window in the same transaction where its letter is at hand already."""
    with writing(runtime.engine) as session:
        since, now = _clock(), runtime.clock.now(session)
        leased = _lease(session, runtime, now)
        return _begin(session, runtime, press, leased, since, now) if leased else None


def _take_along(
    runtime: Runtime,
    press: Press,
    opened: _Opened,
    into: list[_Taken],
    session: Session,
    footing: Footing,
    now: datetime,
) -> None:
    """Lease the next batch of a notice while an answer is recorded, which has locked it: see recording.Then."""
    notice, since = opened.work.notice, _clock()
    notice.state, notice.gate = footing.state, footing.gate
    leased = None if runtime.stopping.is_set() else _lease_of(session, runtime, notice, now)
    if leased:
        into.append(_begin(session, runtime, press, leased, since, now))


def _begin(
    session: Session, runtime: Runtime, press: Press, leased: _Leased, since: float, now: datetime
) -> _Taken:
    notice, batch, found, allowed = leased
    if found.superseded:
        return _Taken(batch)  # to be given up, with the reason
    opened = _window(session, runtime, press, notice, batch, _Terms(found, allowed, since, now))
    return _Taken(batch, opened if opened and opened.window.requests else None)


def _claim(runtime: Runtime) -> Batch | None:
    """Lease one queued batch of a notice that is being sent; None when there is none for us."""
    with writing(runtime.engine) as session:
        leased = _lease(session, runtime, runtime.clock.now(session))
        return leased.batch if leased else None


def _lease(session: Session, runtime: Runtime, now: datetime) -> _Leased | None:
    """A batch that is ours from now on. Locks the notice first."""
    for notice_id in session.connection().scalars(_SENDING).all():
        notice = session.get_one(Notice, notice_id, with_for_update={"read": True}, populate_existing=True)
        leased = _lease_of(session, runtime, notice, now)
        if leased is not None:
            return leased
    return None


_SENDING = select(Notice.id).where(Notice.state == "sending").order_by(col(Notice.id))


def _lease_of(session: Session, runtime: Runtime, notice: Notice, now: datetime) -> _Leased | None:
    """The next batch of a notice that is locked; None where it has none for us, or nothing may leave."""
    if notice.state != "sending":
        return None
    found = conditions.read(session, notice)
    allowed = pacing.allowed(session, runtime.settings, held_until=found.held_until, rate=found.rate, now=now)
    if found.quarantined or allowed == 0:
        return None
    until = now + timedelta(seconds=runtime.settings.lease_seconds)
    given = {"notice": notice.id, "now": now, "node": runtime.node, "until": until}
    canary_only = notice.gate != "open"
    batch: Batch | None = session.scalars(
        _next(canary_only=canary_only), given, execution_options=_UNSEEN
    ).one_or_none()
    return _Leased(notice, batch, found, allowed) if batch else None


_UNSEEN = {"synchronize_session": False}  # nothing loaded is looked at again


@cache
def _next(*, canary_only: bool) -> ReturningUpdate[Any]:
    """Take the first batch in the queue that nobody else is taking at this moment."""
    queued = aliased(Batch)
    first = select(queued.id).where(
        col(queued.notice_id) == bindparam("notice"),
        col(queued.state) == "queued",
        or_(col(queued.not_before).is_(None), col(queued.not_before) <= bindparam("now")),
        *([col(queued.canary)] if canary_only else []),
    )
    first = first.order_by(col(queued.id)).limit(1).with_for_update(skip_locked=True)
    return (
        update(Batch)
        .where(col(Batch.id) == first.scalar_subquery())
        .values(state="sending", lease_by=bindparam("node"), lease_until=bindparam("until"))
        .returning(Batch)
    )


def quarantined(session: Session) -> bool:
    """Whether the database was restored, and no person has said yet that letters may leave."""
    return bool(session.connection().execute(_QUARANTINED).scalar())


_QUARANTINED = sa_select(conditions.QUARANTINED)


# -- one batch ----------------------------------------------------------------------------------


def _work(runtime: Runtime, press: Press, batch: Batch, opened: _Opened | None = None) -> _Taken | None:
    """Send what is left of a batch; returns the next one where it was taken along."""
    try:
        while opened := opened or _open_window(runtime, press, batch):
            going, following = _record(runtime, press, opened)
            if not going:
                return following
            if runtime.stopping.is_set():
                break
            opened = None
    except _NotMade as fault:
        _put_off(runtime, batch, fault)
        return None
    _close(runtime, batch)
    return None


class _NotMade(Exception):
    """A letter that cannot be made: its template is broken, say."""


def _open_window(runtime: Runtime, press: Press, batch: Batch) -> _Opened | None:
    """Commit the attempts of the next requests; None when nothing is left, or the batch is no longer ours."""
    for _ in range(PRINTED_AGAIN):
        _print(runtime, press, batch)
        with writing(runtime.engine) as session:
            # Locked first, so that a window is not opened while its notice is being stopped.
            notice = session.get_one(Notice, batch.notice_id, with_for_update={"read": True})
            since, now = _clock(), runtime.clock.now(session)
            found = conditions.read(session, notice)
            if not _renew(session, runtime, batch, now, found):
                return None
            allowed = pacing.allowed(
                session, runtime.settings, held_until=found.held_until, rate=found.rate, now=now
            )
            opened = _window(session, runtime, press, notice, batch, _Terms(found, allowed, since, now))
            if opened is not None:
                return opened if opened.window.requests else None
    return None  # decided anew each time; the batch goes back to the queue


def _print(runtime: Runtime, press: Press, batch: Batch) -> None:
    """Have the batch's letter at hand. In no transaction: another thread may be printing it. Raises: _NotMade."""
    with reading(runtime.engine) as session:
        notice = session.get_one(Notice, batch.notice_id)
        now = runtime.clock.now(session)
    try:
        press.letter(batch, notice, now=now)
    except Exception as error:
        log.exception("the letter cannot be made", extra=about(notice=batch.notice_id, batch=batch.id))
        raise _NotMade(f"The letter cannot be made: {type(error).__name__}: {error}") from error


def _window(
    session: Session, runtime: Runtime, press: Press, notice: Notice, batch: Batch, terms: _Terms
) -> _Opened | None:
    """Open a window on a batch that is ours, in its notice's lock; None where its letter is not at hand."""
    sheet = press.sheet(session, notice, batch, stamp=terms.found.stamp, now=terms.now)
    if sheet is None:
        return None
    work, sender = Work(session, notice, batch, sheet, press, terms.found.barred, terms.now), runtime.sender
    window = windows.open_window(
        work, sender=sender.name, size=sender.request_size, most=_most(press), allowed=terms.allowed
    )
    return _Opened(work, window, terms.since)


def _most(press: Press) -> int:
    """Requests of the next window: as many as left within a second before, since a kill leaves them unknown."""
    sender = press.runtime.sender
    return max(sender.window, min(sender.widest, press.in_a_second))


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _renew(session: Session, runtime: Runtime, batch: Batch, now: datetime, found: Conditions) -> bool:
    """Whether the lease is still ours and the notice still being sent; if so, it runs anew."""
    if found.superseded or found.quarantined:
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
    return won.rowcount == 1


def _send(runtime: Runtime, opened: _Opened) -> Iterator[tuple[Request, Verdict]]:
    """Make the requests one after another; after one that could not be sent the rest are not tried."""
    since, stopped = opened.since, ""
    for number, request in enumerate(opened.window.requests):
        if not stopped and number and runtime.stopping.is_set():
            stopped = "the process is to end"
        if not stopped and not runtime.sender.repeatable and _clock() - since > FRESH:
            since = _clock()
            if not _still_ours(runtime, opened.work.batch):
                stopped = "the batch was taken over, its notice stopped, or the database is out of reach"
        if stopped:
            yield request, NotTried(stopped, retry_after=0)
            continue
        verdict = _send_one(runtime, opened.work, request)
        if isinstance(verdict, NotSent) or (isinstance(verdict, Refused) and not verdict.address):
            stopped = str(verdict)
        yield request, verdict


def _still_ours(runtime: Runtime, batch: Batch) -> bool:
    """Asked of the database right before a request leaves, where the window was not opened just now."""
    try:
        with writing(runtime.engine) as session:
            found = conditions.read(session, session.get_one(Notice, batch.notice_id))
            return _renew(session, runtime, batch, runtime.clock.now(session), found)
    except OperationalError:  # what was answered already must not be lost with this
        log.warning("the lease could not be asked for", extra=about(batch=batch.id))
        return False


def _send_one(runtime: Runtime, work: Work, request: Request) -> Verdict:
    try:
        return runtime.sender.send(work.sheet.printed.message, request.recipients, attempt_id=request.attempt_id)
    except SendFailure as failure:
        return failure
    except ValueError as error:
        # senders find fault with what they are handed before they touch the network
        return Refused(f"The letter cannot be sent as it is: {without_addresses(str(error))}")
    except Exception as error:
        # a fault of ours, somewhere around the call: what left is not known
        log.exception("an attempt broke off", extra=about(batch=work.batch.id, attempt=request.attempt_id))
        return Unknown(f"{type(error).__name__} while sending")


def _record(runtime: Runtime, press: Press, opened: _Opened) -> tuple[bool, _Taken | None]:
    """Send a window and write what the sender said; whether to go on with the batch, and the next if taken along.

    Where the database is out of reach it is tried again for as long as the lease runs: after that it is unknown.
    """
    batch, taken = opened.work.batch, list[_Taken]()
    began = _clock()
    answers = list(_send(runtime, opened))
    press.in_a_second = int(len(answers) / max(_clock() - began, 0.001))
    until, along = _clock() + runtime.settings.lease_seconds, True
    while True:
        taken.clear()
        then = partial(_take_along, runtime, press, opened, taken) if along else None
        try:
            going, erased = recording.record(runtime, batch, answers, last=opened.window.last, then=then)
            break
        except Exception as error:
            if not along and (
                not isinstance(error, OperationalError) or _clock() >= until or runtime.stopping.is_set()
            ):
                raise
            # what was answered is not lost with what was to come next
            log.warning("an answer could not be recorded yet", extra=about(batch=batch.id), exc_info=along)
            along = False
            runtime.stopping.wait(0.5)
    if erased:
        runtime.sender.forget(erased)
    return going, taken[0] if taken else None


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
        waits = notice.state != "sending" or bool(stopped) or windows.waits(session, batch)
        state = "queued" if waits else notices.final_state(states)
        if state != "sending":  # else an attempt is under way, and the lease is to run out
            recording.release(session, runtime, batch, state=state)
        if stopped:
            notices.skip_queued(session, notice, stopped, now=runtime.clock.now(session))


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


def purge(runtime: Runtime, *, at_once: int = members.CHUNK) -> int:
    """Erase the members whose retention has ended, all of them, so many looked for at once; returns how many."""
    purged = 0
    while not runtime.stopping.is_set():
        with reading(runtime.engine) as session:
            lapsed = members.lapsed(session, now=runtime.clock.now(session), limit=at_once)
        for member in lapsed:
            erase(runtime, member, actor="scheduler")
        purged += len(lapsed)
        if len(lapsed) < at_once:
            break
    return purged


def erase(runtime: Runtime, member: Member, *, actor: str, journalled: bool = False) -> None:
    """Erase a member: first the letters kept, then the rows, so that a fault leaves a name to try again by.

    A letter that is being written meanwhile is forgotten by whoever records it. The journal's line comes last
    before the commit: what is erased is in the journal, and what could not be is not.
    journalled: it is in the journal already. Raises: JournalUnwritable.
    """
    with reading(runtime.engine) as session:
        accounts = lineage.accounts(session, member.id or 0)
        found = session.exec(select(Delivery.id).where(col(Delivery.member_id).in_(accounts)))
        letters = [TEST_LETTER, *(delivery_id for delivery_id in found if delivery_id is not None)]
    runtime.sender.forget(letters)
    with writing(runtime.engine) as session:
        held = session.get_one(Member, member.id, with_for_update=True)
        if held.erased_at is None:
            names, now = lineage.names(session, held), runtime.clock.now(session)
            members.erase(session, held, actor=actor, now=now)
            if not journalled:
                journal = runtime.settings.erasure_journal
                erasures.note_all(journal, names, secret=runtime.secret, now=now)
    runtime.sender.forget(letters)
