"""What the ledger says, read by the harness: while the campaign goes on, and at its end for the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, create_engine, make_url, or_, select
from sqlalchemy.pool import NullPool
from sqlmodel import col

from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Outcome, Tick
from tests.crash import rows


def engine_of(url: str) -> Engine:
    """An engine for reading that keeps no connection: the database may be cut off, or replaced, at any time."""
    made = make_url(url)
    if made.get_backend_name() == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    return create_engine(made, poolclass=NullPool)


def notice_state(engine: Engine) -> tuple[int, str, str]:
    """The last notice's id, its state, and why."""
    with engine.connect() as connection:
        row = connection.execute(
            select(col(Notice.id), col(Notice.state), col(Notice.why)).order_by(col(Notice.id).desc()).limit(1)
        ).one()
    return row[0] or 0, row[1], row[2]


def open_attempts(engine: Engine, pid: int | None = None) -> frozenset[int]:
    """The attempts that stand as started; pid: of that worker."""
    query = select(col(Attempt.id)).join(Batch, col(Batch.id) == col(Attempt.batch_id))
    query = query.where(col(Attempt.state) == "started")
    if pid is not None:
        query = query.where(col(Batch.lease_by).like(f"%:{pid}:%"))
    with engine.connect() as connection:
        return frozenset(connection.scalars(query))


def ticks(engine: Engine, job: str, pids: Iterable[int]) -> list[tuple[str, datetime]]:
    """When these workers last ran a job."""
    its = or_(*(col(Tick.node).like(f"%:{pid}:%") for pid in pids))
    query = select(col(Tick.node), col(Tick.ticked_at)).where(col(Tick.job) == job, its)
    with engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(query)]


def in_words(engine: Engine) -> str:
    """Where the telling stands, for whoever wonders why it does not go on."""
    with engine.connect() as connection:
        batches = Counter(connection.scalars(select(col(Batch.state))))
        attempts = Counter(connection.scalars(select(col(Attempt.state))))
    return f"notice {notice_state(engine)}; batches {dict(batches)}; attempts {dict(attempts)}"


def ledger(engine: Engine) -> rows.Ledger:
    """All that the verdict needs."""
    with engine.connect() as connection:
        attempts = [_attempt(row) for row in connection.execute(select(Attempt))]
        deliveries = [
            rows.Delivery(row[0] or 0, row[1] or "", row[2], row[3], row[4] or "")
            for row in connection.execute(
                select(
                    col(Delivery.id),
                    col(Member.email),
                    col(Delivery.batch_id),
                    col(Delivery.position),
                    col(Outcome.outcome),
                )
                .join(Member, col(Member.id) == col(Delivery.member_id))
                .outerjoin(Outcome, col(Outcome.delivery_id) == col(Delivery.id))
            )
        ]
        events = [
            rows.Event(row[0], row[1], row[2].timestamp())
            for row in connection.execute(
                select(
                    col(DeliveryEvent.delivery_id), col(DeliveryEvent.attempt_id), col(DeliveryEvent.recorded_at)
                )
            )
        ]
    _, state, _ = notice_state(engine)
    return rows.Ledger(state, {a.id: a for a in attempts}, {d.id: d for d in deliveries}, events)


_SAME = ("id", "first", "last", "recipients", "state", "settled_by", "duplicate")


def _attempt(row: Row[Any]) -> rows.Attempt:
    found = row._mapping
    return rows.Attempt(
        **{
            name: found[name] for name in ("id", "first", "last", "recipients", "state", "settled_by", "duplicate")
        },
        batch=found["batch_id"],
        started_at=found["started_at"].timestamp(),
        doubted_at=_unix(found["doubted_at"]),
        recorded_at=_unix(found["recorded_at"]),
    )


def _unix(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
