"""Count what became of each batch's letters: every delivery by the event of its that ranks highest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, case, func, select, update
from sqlmodel import Session, col

from notifier.models import Batch, Delivery, DeliveryEvent

# A complaint proves receipt. What pages report (`shown`) and what was never sent (`failed`) have no rank.
RANK = {
    "processed": 1,
    "deferred": 2,
    "blocked": 3,
    "delivered": 4,
    "spamreport": 4,
    "dropped": 5,
    "bounce": 6,
}
COLUMNS = {4: "delivered", 5: "dropped", 6: "bounced"}  # of a batch, by the rank counted there

Counts = Counter[tuple[int, str]]  # by batch and column


def add(session: Session, differences: Mapping[tuple[int, str], int]) -> None:
    """Add to the counts of batches, which are locked."""
    batches = sorted({batch_id for (batch_id, _), number in differences.items() if number})
    rows = [
        {"of": batch_id, **{f"by_{name}": differences.get((batch_id, name), 0) for name in COLUMNS.values()}}
        for batch_id in batches
    ]
    if rows:
        more: Any = {name: getattr(Batch, name) + bindparam(f"by_{name}") for name in COLUMNS.values()}
        session.connection().execute(update(Batch).where(col(Batch.id) == bindparam("of")).values(more), rows)


def recount(session: Session) -> int:
    """Count anew from the events; returns how many batches had been counted wrongly."""
    session.execute(select(col(Batch.id)).order_by(col(Batch.id)).with_for_update()).all()
    differences = wrong(session)
    add(session, differences)
    return len({batch_id for batch_id, _ in differences})


def wrong(session: Session) -> dict[tuple[int, str], int]:
    """What is missing from batches' figures, by batch and column; nothing where all are right."""
    batches = session.execute(
        select(*map(col, (Batch.id, Batch.delivered, Batch.dropped, Batch.bounced))).order_by(col(Batch.id))
    )
    counted = _counted(session)
    return {
        (batch_id, name): counted[batch_id, name] - had
        for batch_id, *numbers in batches
        for name, had in zip(COLUMNS.values(), numbers, strict=True)
        if counted[batch_id, name] != had
    }


def _counted(session: Session) -> Counts:
    """Every batch's letters by the rank that counts, in one pass over the events."""
    top = func.max(case(RANK, value=col(DeliveryEvent.event), else_=0)).label("top")
    each = select(col(DeliveryEvent.delivery_id), top).group_by(col(DeliveryEvent.delivery_id)).subquery()
    rows = session.execute(
        select(col(Delivery.batch_id), each.c.top, func.count())
        .join(each, each.c.delivery_id == col(Delivery.id))
        .where(each.c.top.in_(list(COLUMNS)))
        .group_by(col(Delivery.batch_id), each.c.top)
    )
    return Counter({(batch_id, COLUMNS[rank]): number for batch_id, rank, number in rows})
