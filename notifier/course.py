"""How a notice goes over time: what left, what came back, what is planned, by the quarter of an hour or more.

Counted from requests and from the few events that undo a notice, so that ten million letters cost no more than
their requests do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, extract, text
from sqlalchemy import select as sa_select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func

from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Notice

QUARTER = timedelta(minutes=15)
STEPS = (QUARTER, timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=7), timedelta(days=28))
MOST = 64  # slices that are drawn beside each other
# in these very words, or the index of the few that came back is not used (see DeliveryEvent)
_CAME_BACK = text("delivery_event.event IN ('bounce', 'dropped', 'failed')")
_DOUBTFUL = ("unknown", "started")

By = Mapping[datetime, int]


class Slice(NamedTuple):
    """Letters of [start, start + step). left: taken. unknown: nobody knows. back: bounced or dropped then."""

    start: datetime
    left: int
    unknown: int
    back: int
    planned: int


class Course(NamedTuple):
    """Slices without a gap, one step each. later: letters that came back after the last of them."""

    step: timedelta
    slices: list[Slice]
    later: int

    @property
    def end(self) -> datetime:
        return self.slices[-1].start + self.step


def of(session: Session, notice: Notice, *, left: int, last: datetime | None, now: datetime) -> Course | None:
    """None before its first letter. left: still to leave. last: when the last is thought to leave, if it is."""
    went, unknown = departures(session, notice)
    if not went and not unknown:
        return None
    return course(went, unknown, came_back(session, notice), left=left, last=last, now=now)


# -- counted ------------------------------------------------------------------------------------


def departures(session: Session, notice: Notice) -> tuple[By, By]:
    """Letters taken, and letters in doubt, by the quarter of an hour in which their request was made."""
    quarter = _quarter(session, col(Attempt.started_at))
    rows = session.execute(
        sa_select(quarter, col(Attempt.state), func.sum(Attempt.recipients))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(
            col(Batch.notice_id) == notice.id,
            col(Attempt.state).in_(("accepted", *_DOUBTFUL)),
            col(Attempt.duplicate).is_(False),  # the request that was made again stands for its letters
        )
        .group_by(quarter, col(Attempt.state))
    )
    went, unknown = Counter[datetime](), Counter[datetime]()
    for number, state, letters in rows:
        (unknown if state in _DOUBTFUL else went)[_start(number)] += int(letters)
    return went, unknown


def came_back(session: Session, notice: Notice) -> By:
    """Letters that bounced or were dropped, by the quarter of an hour in which that was recorded."""
    if notice.opened_at is None:
        return {}
    quarter = _quarter(session, col(DeliveryEvent.recorded_at))
    # they are few, so each one's delivery is looked up: a join might read all deliveries instead
    of_it = col(Delivery.id) == col(DeliveryEvent.delivery_id)
    its = sa_select(col(Delivery.notice_id)).where(of_it).scalar_subquery()
    rows = session.execute(
        sa_select(quarter, func.count(func.distinct(col(DeliveryEvent.delivery_id))))
        .where(_CAME_BACK, col(DeliveryEvent.recorded_at) >= notice.opened_at, its == notice.id)
        .group_by(quarter)
    )
    return {_start(number): int(letters) for number, letters in rows}


def _quarter(session: Session, instant: Mapped[datetime]) -> ColumnElement[Any]:
    """Quarters of an hour since 1970, whole. PostgreSQL's seconds have a fraction, SQLite's have none."""
    since, seconds = extract("epoch", instant), int(QUARTER.total_seconds())
    return func.floor(since / seconds) if session.get_bind().dialect.name == "postgresql" else since // seconds


def _start(number: Any) -> datetime:
    return datetime.fromtimestamp(int(number) * QUARTER.total_seconds(), UTC)


# -- put together; pure -------------------------------------------------------------------------


def course(
    went: By, unknown: By, back: By, *, left: int = 0, last: datetime | None = None, now: datetime
) -> Course:
    """Slices from the first letter through the last that left, or is planned to."""
    first, end = min((*went, *unknown)), max((*went, *unknown)) + QUARTER
    planned = last if left and last is not None and last > now else None
    end = max(end, planned) if planned else end
    step = step_for(end - first)
    starts = list(_starts(first, end, step))
    sums = [_by_step(each, step) for each in (went, unknown, back)]
    gone, doubtful, returned = sums
    slices = [
        Slice(at, gone[at], doubtful[at], returned[at], _share(at, step, left, now, planned)) for at in starts
    ]
    later = sum(letters for start, letters in returned.items() if start > starts[-1])
    return Course(step, slices, later)


def step_for(length: timedelta) -> timedelta:
    """The shortest step by which so long a time has few enough slices."""
    return next((step for step in STEPS if length / step <= MOST - 1), STEPS[-1])


def floor(instant: datetime, step: timedelta) -> datetime:
    """The start of the step that an instant is in; steps are counted from 1970-01-01, UTC."""
    return datetime.fromtimestamp(instant.timestamp() // step.total_seconds() * step.total_seconds(), UTC)


def _starts(first: datetime, end: datetime, step: timedelta) -> Iterable[datetime]:
    start = floor(first, step)
    while start < end:
        yield start
        start += step


def _by_step(by_quarter: By, step: timedelta) -> Counter[datetime]:
    found = Counter[datetime]()
    for start, letters in by_quarter.items():
        found[floor(start, step)] += letters
    return found


def _share(start: datetime, step: timedelta, left: int, now: datetime, last: datetime | None) -> int:
    """Of the letters still to leave, those of one slice: they leave evenly from now through the last."""
    if last is None:
        return 0
    inside = min(start + step, last) - max(start, now)
    return max(0, round(left * (inside / (last - now))))
