"""Who may have moved in a window of time, so that not every member is folded whenever a host asks.

A member moves at an instant of the policy's own, which concerns everybody, or at one that follows from a fact of
theirs: it is recorded, or the notice that it gives is over. More may be named than moved, but nobody who moved is
left out. No index leads to the facts of a time: acknowledgements and events are gone through once for a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, union_all
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from notifier.lineage import MemberMerge
from notifier.models import (
    UNDOING_EVENTS,
    Acknowledgement,
    Attempt,
    Batch,
    Delivery,
    DeliveryEvent,
    GuardianChange,
    Member,
    Notice,
)
from notifier.standing.grounds import Ground

Window = tuple[datetime, datetime]  # (after, through]


def ids(session: Session, on: Ground, window: Window, *, beyond: int, limit: int) -> list[int]:
    """Of those who may have moved, so many, by id, from one on. The policy itself had no instant in that time."""
    found = union_all(*_touched(on, window)).subquery()
    merged = sa_select(MemberMerge.into_id).where(col(MemberMerge.from_id).in_(sa_select(found.c[0])))  # type: ignore[call-overload]
    moved = or_(col(Member.id).in_(sa_select(found.c[0])), col(Member.id).in_(merged))
    query = select(Member.id).where(col(Member.id) > beyond, moved).order_by(col(Member.id)).limit(limit)
    return [each for each in session.exec(query) if each is not None]


def _touched(on: Ground, window: Window) -> Iterator[SelectOfScalar[Any]]:
    periods = {revision.period for revision in on.by_notice}
    in_it, said, heard = (
        _in(window, each) for each in (Member.recorded_at, Acknowledgement.recorded_at, DeliveryEvent.recorded_at)
    )
    read, shown, taken = (
        _over(window, each, periods)
        for each in (Acknowledgement.recorded_at, DeliveryEvent.recorded_at, Attempt.recorded_at)
    )
    yield select(Member.id).where(in_it)
    merged = _over(window, MemberMerge.recorded_at, periods)  # what others were told counts from then on
    yield select(MemberMerge.into_id).where(or_(_in(window, MemberMerge.recorded_at), merged))
    yield select(GuardianChange.member_id).where(_in(window, GuardianChange.recorded_at))
    yield select(Acknowledgement.member_id).where(or_(said, and_(col(Acknowledgement.kind) == "read", read)))
    yield (
        select(Delivery.member_id)
        .join(DeliveryEvent, col(DeliveryEvent.delivery_id) == Delivery.id)
        .where(col(DeliveryEvent.event).in_((*UNDOING_EVENTS, "shown")), or_(heard, shown))
    )
    letters = select(Delivery.member_id).join(Batch, col(Batch.id) == Delivery.batch_id)
    letters = letters.join(Notice, col(Notice.id) == Batch.notice_id).where(Notice.policy_id == on.policy_id)
    yield letters.where(_in(window, Notice.recalled_at))
    stated = _in(window, Attempt.applies_from)
    letters = letters.join(Attempt, col(Attempt.batch_id) == Batch.id).where(Attempt.state == "accepted")
    yield letters.where(or_(taken, stated, _in(window, Attempt.recorded_at)))


def _in(window: Window, at: Any) -> ColumnElement[bool]:
    after, through = window
    return and_(col(at) > after, col(at) <= through)


def _over(window: Window, given: Any, periods: set[timedelta]) -> ColumnElement[bool]:
    """A notice given so long before that its period is over within the window."""
    after, through = window
    return or_(False, *(_in((after - period, through - period), given) for period in sorted(periods)))
