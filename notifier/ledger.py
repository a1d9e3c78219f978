"""The ledger summed up: a row for each batch, with how many of its deliveries are in which state.

Ten million deliveries are ten thousand batches: nothing here reads every delivery. What a batch's requests did not
cover is still to leave, was skipped with the batch, or gets the site notice only, by the state of the batch.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, exists, func, not_
from sqlalchemy import select as sa_select
from sqlalchemy.orm import Mapped
from sqlmodel import col

from notifier.events.counting import COLUMNS, RANK
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Outcome

STATES = (
    *("delivered", "accepted", "bounced", "failed", "unknown"),
    *("sending", "skipped", "queued", "site notice only"),
)
_BY_COLUMN = {"delivered": "delivered", "dropped": "failed", "bounced": "bounced"}
# what an event makes of its letter, by rank: of several the last named here counts, as in a batch's own figures
FATES = {event: _BY_COLUMN[COLUMNS[rank]] for event, rank in RANK.items() if rank in COLUMNS}
CLOSED = ("accepted", "unknown", "refused")  # batches of which no letter is left to send


def by_batch(which: ColumnElement[bool], since: datetime) -> Subquery:
    """Return notice_id, batch_id and a count for each of STATES, a row for each batch that is asked for.

    since: no outcome of these batches was recorded before. Each delivery is counted once: a letter that something
    was heard of by that, else by its outcome, else by the request that it is in, else by its batch.
    """
    b = _counted(which, since).c
    heard = b.delivered + b.bounced + b.dropped - b.excepted_heard
    touched = b.accepted + b.started + b.failed + b.skipped + b.excepted_heard + b.unplaced
    # a request that was to be made again, and was so in part, is doubtful for the rest of its letters only
    doubtful = _least(b.unknown, _positive(b.size - touched))
    rest = _positive(b.size - touched - doubtful)
    # An event settles its attempt, so those heard of are among the accepted; where they are not yet, they are
    # among the doubtful.
    beyond = _positive(heard - b.accepted)
    further = _positive(beyond - doubtful)
    site, over = b.channel == "site", b.state == "skipped"
    waiting = and_(not_(site), b.state.not_in((*CLOSED, "skipped")))
    states = {
        "delivered": b.delivered,
        "accepted": _positive(b.accepted - heard),
        "bounced": b.bounced,
        "failed": b.failed + b.dropped,
        "unknown": _positive(doubtful - beyond),
        "sending": _positive(b.started - further),
        "skipped": b.skipped + case((over, rest), else_=0),
        "queued": b.unplaced + case((waiting, rest), else_=0),
        "site notice only": case((and_(site, not_(over)), rest), else_=0),
    }
    counts = (states[state].label(state) for state in STATES)
    return sa_select(b.notice_id, b.batch_id, *counts).subquery()


def _counted(which: ColumnElement[bool], since: datetime) -> Subquery:
    """Return what is known of each batch: its own figures, its requests', its exceptions'."""
    tried, excepted = _tried(which), _excepted(since)
    unplaced = (
        # the deliveries of one batch that lost their place stand together in an index
        sa_select(func.count())
        .where(col(Delivery.batch_id) == col(Batch.id), col(Delivery.position).is_(None))
        .scalar_subquery()
    )
    return (
        sa_select(
            *(col(Batch.notice_id), col(Batch.id).label("batch_id"), col(Batch.channel), col(Batch.state)),
            *(col(Batch.size), col(Batch.delivered), col(Batch.bounced), col(Batch.dropped)),
            *(func.coalesce(tried.c[name], 0).label(name) for name in ("accepted", "unknown", "started")),
            *(func.coalesce(excepted.c[name], 0).label(name) for name in ("failed", "skipped", "excepted_heard")),
            (unplaced - func.coalesce(excepted.c.unplaced, 0)).label("unplaced"),
        )
        .outerjoin(tried, tried.c.batch_id == col(Batch.id))
        .outerjoin(excepted, excepted.c.batch_id == col(Batch.id))
        .where(which)
        .subquery()
    )


def _tried(which: ColumnElement[bool]) -> Subquery:
    """Return for each batch how many of its letters are in requests that stand, by their state."""
    states = ("accepted", "unknown", "started")
    sums = (_sum(col(Attempt.recipients), col(Attempt.state) == state).label(state) for state in states)
    return (
        sa_select(col(Attempt.batch_id), *sums)
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        # of a duplicate the request that was made again stands for its letters
        .where(which, col(Attempt.state).in_(states), col(Attempt.duplicate).is_(False))
        .group_by(col(Attempt.batch_id))
        .subquery()
    )


def _excepted(since: datetime) -> Subquery:
    """Return for each batch how many of its deliveries have an outcome of their own.

    They are few, so each one's delivery is looked up: a join might read all deliveries instead.
    """

    def of_its(column: Mapped[Any]) -> ColumnElement[Any]:
        return sa_select(column).where(col(Delivery.id) == col(Outcome.delivery_id)).scalar_subquery()

    heard = exists().where(
        col(DeliveryEvent.delivery_id) == col(Outcome.delivery_id), col(DeliveryEvent.event).in_(FATES)
    )
    each = (
        sa_select(
            of_its(col(Delivery.batch_id)).label("batch_id"),
            of_its(col(Delivery.position)).label("position"),
            col(Outcome.outcome),
            case((heard, 1), else_=0).label("heard"),
        )
        .where(col(Outcome.recorded_at) >= since)
        .subquery()
        .c
    )
    unheard = each.heard == 0
    return (
        sa_select(
            each.batch_id,
            _sum(1, and_(unheard, each.outcome == "failed")).label("failed"),
            _sum(1, and_(unheard, each.outcome == "skipped")).label("skipped"),
            func.sum(each.heard).label("excepted_heard"),
            _sum(1, each.position.is_(None)).label("unplaced"),
        )
        .group_by(each.batch_id)
        .subquery()
    )


def _sum(what: Mapped[int] | int, where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((where, what), else_=0))


def _positive(value: ColumnElement[int]) -> ColumnElement[int]:
    return case((value > 0, value), else_=0)


def _least(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    return case((one < other, one), else_=other)
