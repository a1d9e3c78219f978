"""The scheduler: APScheduler ticks, each asking the database what is due. It keeps no state of its own.

Every job may run on any node, any number of times, at any time: what is due is claimed in the database.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from sqlmodel import Session, col, delete, update

from database import forget_erased, reading, writing
from errors import NoticeAlreadyOpen
from notifier import (
    deciding,
    idempotency,
    notices,
    outbox,
    sealing,
    settling,
    subscriptions,
    translating,
    verifications,
)
from notifier.bounces import taking
from notifier.events import bodies
from notifier.models import Notice, Tick
from notifier.runtime import Runtime
from policy_versions import origins

log = logging.getLogger(__name__)
LATER = timedelta(minutes=5)  # a notice that could not be opened is tried again
LONGEST = timedelta(hours=6)  # between two runs of a job, however slow the ticks are: who lapsed is gone in a day


class Job(NamedTuple):
    """A tick. every: in ticks of the setting GAZETTE_TICK_SECONDS, but never longer than LONGEST."""

    name: str
    run: Callable[[Runtime], int]
    every: int


def open_due(runtime: Runtime) -> int:
    """Open every notice that is due; returns how many. One that cannot be opened holds up no other."""
    with reading(runtime.engine) as session:
        if outbox.quarantined(session):
            return 0
        waiting = notices.due(session, now=runtime.clock.now(session))
    return sum(_open(runtime, notice) for notice in waiting)


def _open(runtime: Runtime, notice: Notice) -> bool:
    try:
        with writing(runtime.engine) as session:
            held = session.get_one(Notice, notice.id, with_for_update=True)
            notices.open_notice(
                session,
                held,
                secret=runtime.secret,
                now=runtime.clock.now(session),
                first=0 if runtime.sender.repeatable else runtime.settings.canary,
                batch_size=_batch_size(runtime),
            )
    except NoticeAlreadyOpen:
        return False  # another node was first
    except Exception as fault:
        log.exception("notice %s cannot be opened", notice.id)
        _put_off(runtime, notice, fault)
        return False
    return True


def _batch_size(runtime: Runtime) -> int:
    """As many letters as one request takes; where each letter is one, fifty, so that no lease is long."""
    return runtime.sender.request_size if runtime.sender.request_size > 1 else 50


def _put_off(runtime: Runtime, notice: Notice, fault: Exception) -> None:
    with writing(runtime.engine) as session:
        held = session.get_one(Notice, notice.id, with_for_update=True)
        if held.state == "scheduled":
            held.why = f"It cannot be opened: {type(fault).__name__}: {fault}"[:500]
            held.due_at = runtime.clock.now(session) + LATER
            session.add(held)


def top_up(runtime: Runtime) -> int:
    """Tell late arrivals by the notices that are open, and place again what lost its place."""
    with reading(runtime.engine) as session:
        if outbox.quarantined(session):
            return 0
        now = runtime.clock.now(session)
        open_ones = [each for each in notices.topped_up(session) if notices.wants_top_up(session, each, now=now)]
    owed = 0
    for notice in open_ones:
        with writing(runtime.engine) as session:
            held = session.get_one(Notice, notice.id, with_for_update=True)
            now = runtime.clock.now(session)
            owed += notices.top_up(session, held, secret=runtime.secret, now=now, batch_size=_batch_size(runtime))
    return owed


def purge(runtime: Runtime) -> int:
    """Erase lapsed members; forget reports that are too old, and the ticks of nodes that are long gone."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        bodies.forget_old(session, now)
        idempotency.forget(session, now=now)
        long_ago = now - timedelta(days=7)
        session.exec(delete(Tick).where(col(Tick.ticked_at) < long_ago))
    try:
        return outbox.purge(runtime)  # last: where the erasure journal is out of reach it fails, and only it
    finally:
        forget_erased(runtime.engine)  # of members, of raw reports, of kept answers


JOBS = (
    Job("decide", deciding.decide_due, 1),
    Job("decide translations", translating.decide_due, 1),
    Job("open", open_due, 1),
    Job("top up", top_up, 6),
    Job("deliver", outbox.deliver, 1),
    Job("fold", bodies.fold_due, 1),
    Job("subscriptions", subscriptions.tick, 6),
    Job("settle", settling.settle, 6),
    Job("bounces", taking.tick, 12),
    Job("purge", purge, 60),
    Job("seal", sealing.seal, 12),
    Job("verify", verifications.tick, 60),
)


def tick(runtime: Runtime, job: Job) -> int:
    """Run a job once and note that it ran; a fault is logged and shown in the admin, and the next tick comes."""
    error = ""
    done = 0
    try:
        with origins.coming(origins.SCHEDULER, runtime.node):
            done = job.run(runtime)
    except Exception as fault:
        log.exception("the job %s failed", job.name)
        error = f"{type(fault).__name__}: {fault}"[:500]
    with writing(runtime.engine) as session:
        _note(session, runtime, job, error)
    return done


def _note(session: Session, runtime: Runtime, job: Job, error: str) -> None:
    noted: dict[str, Any] = {"ticked_at": runtime.clock.now(session), "error": error}
    own = col(Tick.job) == job.name, col(Tick.node) == runtime.node
    if not session.execute(update(Tick).where(*own).values(**noted)).rowcount:  # type: ignore[attr-defined]
        session.add(Tick(job=job.name, node=runtime.node, **noted))


def run_all(runtime: Runtime) -> None:
    """One tick of every job, in the order of a revision's life."""
    for job in JOBS:
        tick(runtime, job)


def collect_less() -> None:
    """Have Python look for cycles seldom: with requests of a thousand recipients under way it takes a third of a
    sender's time, going through them again and again.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def start(runtime: Runtime) -> BackgroundScheduler:
    """Start the scheduler in this process's own thread."""
    collect_less()
    scheduler = BackgroundScheduler(**_options())
    _add_jobs(scheduler, runtime)
    scheduler.start()
    return scheduler


def serve(runtime: Runtime) -> BlockingScheduler:
    """The scheduler of a worker: `start()` on it blocks until `shutdown()`."""
    collect_less()
    scheduler = BlockingScheduler(**_options())
    _add_jobs(scheduler, runtime)
    return scheduler


def _options() -> dict[str, object]:
    # A tick that finds the one before still at work is skipped, as it should be; that is no warning.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    # A persistent job store loses and repeats work; in memory there is nothing to lose, as every tick asks
    # the database. Late ticks run once, never in a heap, however late.
    return {
        "jobstores": {"default": MemoryJobStore()},
        "executors": {"default": ThreadPoolExecutor(len(JOBS))},
        "job_defaults": {"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        "timezone": "UTC",
    }


def _add_jobs(scheduler: BaseScheduler, runtime: Runtime) -> None:
    for job in JOBS:
        seconds = min(runtime.settings.tick_seconds * job.every, LONGEST.total_seconds())
        scheduler.add_job(tick, "interval", args=(runtime, job), seconds=seconds, id=job.name)
