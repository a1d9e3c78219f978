"""Verifications that were made: every night, or when a person asks for one, and what they found."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, or_, select, update

from database import writing
from notifier import sealing, verifying
from notifier.runtime import Runtime
from notifier.seals import head
from notifier.verifying import Result
from policy_versions import audit

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
NIGHT = range(1, 5)  # hours, UTC
LATEST = timedelta(days=2)  # then by day too, and while letters leave
GIVEN_UP = timedelta(hours=6)  # one that was begun and not ended is begun again
KEPT = 50  # problems that are kept of one


class Verification(SQLModel, table=True):
    """One time that the record was verified. No fact: what it says can be found out again."""

    id: int | None = Field(default=None, primary_key=True)
    asked_by: str
    asked_at: datetime
    began_at: datetime | None = Field(default=None)
    ended_at: datetime | None = Field(default=None, index=True)
    holds: bool | None = Field(default=None)
    checked: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    problems: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    further: int = 0  # problems that are not kept
    seal: int | None = Field(default=None)  # the head of the chain of seals, and its hash
    head: str = ""


def last(session: Session) -> Verification | None:
    """The last one that has ended."""
    return next(iter(newest(session, 1)), None)


def newest(session: Session, limit: int = 20) -> Sequence[Verification]:
    """Those that have ended, the last first."""
    ended = select(Verification).where(col(Verification.ended_at).is_not(None))
    return session.exec(ended.order_by(col(Verification.ended_at).desc()).limit(limit)).all()


def under_way(session: Session) -> Verification | None:
    """One that was asked for and has not ended."""
    open_one = select(Verification).where(col(Verification.ended_at).is_(None))
    return session.exec(open_one.order_by(col(Verification.id)).limit(1)).first()


def ask(session: Session, *, actor: str, now: datetime) -> Verification:
    """Have the record verified by the scheduler's next tick; one that waits already is enough."""
    waiting = under_way(session)
    if waiting is not None:
        return waiting
    asked = Verification(asked_by=actor, asked_at=now)
    session.add(asked)
    session.flush()
    return asked


def tick(runtime: Runtime) -> int:
    """Make the verification that is due, if one is; returns how many were made."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        if is_due(session, now):
            ask(session, actor="scheduler", now=now)
        asked = _claimed(session, now)
    if asked is None:
        return 0
    _end(runtime, asked, list(verifying.verify(runtime.engine)))
    return 1


def is_due(session: Session, now: datetime) -> bool:
    """Once a night, rather than while letters leave; but not put off for ever."""
    before = last(session)
    if before is None or before.ended_at is None:
        return now.hour in NIGHT and not sealing.letters_leave(session)
    if now - before.ended_at >= LATEST:
        return True
    return now - before.ended_at >= EVERY / 2 and now.hour in NIGHT and not sealing.letters_leave(session)


def _claimed(session: Session, now: datetime) -> int | None:
    """The one that this node makes: nobody else has begun it, or not ended it for long."""
    waiting = under_way(session)
    if waiting is None:
        return None
    free = or_(col(Verification.began_at).is_(None), col(Verification.began_at) <= now - GIVEN_UP)
    ours = (col(Verification.id) == waiting.id) & col(Verification.ended_at).is_(None) & free
    won = session.exec(update(Verification).where(ours).values(began_at=now))
    return waiting.id if won.rowcount == 1 else None


def _end(runtime: Runtime, number: int, results: Sequence[Result]) -> None:
    problems = [
        {"check": result.check, "where": each.where, "says": each.says}
        for result in results
        for each in result.found
    ]
    further = sum(result.more for result in results) + max(0, len(problems) - KEPT)
    for each in problems:
        log.error("the record does not hold: %s: %s: %s", each["check"], each["where"], each["says"])
    with writing(runtime.engine) as session:
        made, sealed = session.get_one(Verification, number), head(session)
        made.ended_at, made.holds = runtime.clock.now(session), not problems
        made.checked = {result.check: result.looked_at for result in results}
        made.problems, made.further = problems[:KEPT], further
        made.seal, made.head = (sealed.id, sealed.chain) if sealed else (None, "")
        session.add(made)
        session.flush()
        audit.record(
            session, actor=made.asked_by, action="record verified", subject=f"verification {number}",
            now=made.ended_at, holds=made.holds, problems=len(problems) + further, seal=made.seal, head=made.head,
        )  # fmt: skip
