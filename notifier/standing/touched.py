"""Who may have moved in a window of time, so that not every member is folded whenever a host asks.

A member moves at an instant of the policy's own, which concerns everybody, or at one that follows from a fact of
theirs: it is recorded, or the notice that it gives is over. More may be named than moved, but nobody who moved is
left out. An index leads to the facts of each kind by when they were recorded, so a quiet minute costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, TextClause, and_, text, union, union_all
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
    found = union_all(*_touched(on, window)).cte("found")
    number = found.c[0]
    merged = select(MemberMerge.into_id).where(col(MemberMerge.from_id).in_(sa_select(number)))
    all_of_them = union(sa_select(number), merged).subquery()
    query = sa_select(all_of_them.c[0]).where(all_of_them.c[0] > beyond).order_by(all_of_them.c[0]).limit(limit)
    return list(session.execute(query).scalars())


def _touched(on: Ground, window: Window) -> Iterator[SelectOfScalar[Any]]:
    """One for each instant that an index leads to: of several in one the database would go through all rows."""
    periods = {revision.period for revision in on.by_notice}
    own = [window, *_before(window, periods)]
    for each in own:
        yield select(MemberMerge.into_id).where(_in(each, MemberMerge.recorded_at))  # what others were told, too
        yield _heard_of(_SHOWN, each)
        yield _letters_of(on, _in(each, Attempt.recorded_at))
    for each in own[1:]:
        read = col(Acknowledgement.kind) == "read"
        yield select(Acknowledgement.member_id).where(read, _in(each, Acknowledgement.recorded_at))
    yield select(Member.id).where(_in(window, Member.recorded_at))
    yield select(GuardianChange.member_id).where(_in(window, GuardianChange.recorded_at))
    yield select(Acknowledgement.member_id).where(_in(window, Acknowledgement.recorded_at))
    yield _heard_of(_UNDONE, window)
    yield _letters_of(on, _in(window, Attempt.applies_from))
    recalled = select(Batch.id).join(Notice, col(Notice.id) == Batch.notice_id)
    recalled = recalled.where(Notice.policy_id == on.policy_id, _in(window, Notice.recalled_at))
    yield select(Delivery.member_id).where(col(Delivery.batch_id).in_(recalled))


def _before(window: Window, periods: set[timedelta]) -> Iterator[Window]:
    """When a notice was given whose period is over within the window."""
    after, through = window
    return ((after - period, through - period) for period in sorted(periods))


# in words of their own, which an index of some rows only asks for
_SHOWN = text("delivery_event.event = 'shown'")
_UNDONE = text(f"delivery_event.event IN ({', '.join(repr(event) for event in UNDOING_EVENTS)})")
_TAKEN = text("attempt.state = 'accepted'")


def _heard_of(which: TextClause, window: Window) -> SelectOfScalar[Any]:
    heard = select(DeliveryEvent.delivery_id).where(which, _in(window, DeliveryEvent.recorded_at))
    return select(Delivery.member_id).where(col(Delivery.id).in_(heard))


def _letters_of(on: Ground, when: ColumnElement[bool]) -> SelectOfScalar[Any]:
    """Whose letters were in requests that were taken; more, where a batch had several."""
    requests = select(Attempt.batch_id).where(_TAKEN, when)
    of_policy = select(Notice.id).where(Notice.policy_id == on.policy_id)
    batches = select(Batch.id).where(col(Batch.id).in_(requests), col(Batch.notice_id).in_(of_policy))
    return select(Delivery.member_id).where(col(Delivery.batch_id).in_(batches))


def _in(window: Window, at: Any) -> ColumnElement[bool]:
    after, through = window
    return and_(col(at) > after, col(at) <= through)
