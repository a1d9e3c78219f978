"""Opening a notice beside the barest statement that writes down as many members with a batch number."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from sqlalchemy import Engine, text

from benchmarks.sending import ground
from database import writing
from notifier import notices
from notifier.models import Notice
from notifier.runtime import Runtime

_RETAINED = "erased_at IS NULL AND (retained_until IS NULL OR retained_until > :now)"
_SAME = (
    "INSERT INTO delivery (notice_id, member_id, batch_id, position) "
    f"SELECT 0, id, id / 1000, id % 1000 FROM member WHERE {_RETAINED}"
)
_KEYED = f"INSERT INTO bare SELECT id, id / 1000 FROM member WHERE {_RETAINED}"


@dataclass
class Opened:
    """Seconds of each run. same: the bare statement into the same table; keyed: into one of two columns."""

    ours: list[float]
    same: list[float]
    keyed: list[float]
    members: int
    batches: int
    bases: int
    told: int
    left_out: dict[str, int]


def run(engine: Engine, works: Runtime, rounds: int) -> Opened:
    """Open a notice and run its peers in turns; each is undone after it was timed, but for the last opening."""
    notice_id = ground.publish(engine, works)
    found = Opened([], [], [], 0, 0, 0, 0, {})
    with engine.execution_options(writing=True).begin() as connection:
        connection.execute(text("CREATE TABLE bare (member_id INTEGER PRIMARY KEY, batch INTEGER NOT NULL)"))
    for _ in range(rounds):
        if found.ours:
            _close(engine, notice_id)
        found.same.append(_bare(engine, works, _SAME, "delivery"))
        found.keyed.append(_bare(engine, works, _KEYED, "bare"))
        found.ours.append(_open(engine, works, notice_id, found))
    with engine.connect() as connection:
        found.members = connection.execute(text("SELECT count(*) FROM member")).scalar_one()
        counts = "SELECT count(*), count(DISTINCT base_revision_id) FROM batch"
        found.batches, found.bases = connection.execute(text(counts)).one()
    return found


def ratio(ours: list[float], peer: list[float]) -> float:
    return statistics.median(ours) / statistics.median(peer)


def _open(engine: Engine, works: Runtime, notice_id: int, found: Opened) -> float:
    began = time.perf_counter()
    with writing(engine) as session:
        notice = session.get_one(Notice, notice_id, with_for_update=True)
        now = works.clock.now(session)
        counted = notices.open_notice(session, notice, secret=works.secret, now=now)
    took = time.perf_counter() - began
    found.told, found.left_out = counted.told, dict(counted.left_out)
    return took


def _bare(engine: Engine, works: Runtime, statement: str, table: str) -> float:
    began = time.perf_counter()
    with writing(engine) as session:
        session.execute(text(statement), {"now": _written(engine, works.clock.now(session))})
    took = time.perf_counter() - began
    _empty(engine, table, "notice_id = 0" if table == "delivery" else "")
    return took


def _written(engine: Engine, now: object) -> object:
    return now if engine.dialect.name == "postgresql" else f"{now:%Y-%m-%d %H:%M:%S.%f}"


def _close(engine: Engine, notice_id: int) -> None:
    _empty(engine, "delivery", "")
    with engine.execution_options(writing=True).begin() as connection:
        connection.execute(text("DELETE FROM omission"))
        connection.execute(text("UPDATE batch SET state = 'skipped'"))
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE batch DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS batch_refuses_delete"))
        connection.execute(text("DELETE FROM batch"))
        connection.execute(
            text("UPDATE notice SET state = 'scheduled', opened_at = NULL WHERE id = :id"), {"id": notice_id}
        )


def _empty(engine: Engine, table: str, where: str) -> None:
    whole = engine.dialect.name == "postgresql" and table != "delivery"
    statement = f"TRUNCATE {table}" if whole else f"DELETE FROM {table}" + (f" WHERE {where}" if where else "")
    with engine.execution_options(writing=True).begin() as connection:
        connection.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        postgresql = engine.dialect.name == "postgresql"
        connection.execute(text(f"VACUUM ANALYZE {table}" if postgresql else "PRAGMA wal_checkpoint(TRUNCATE)"))
