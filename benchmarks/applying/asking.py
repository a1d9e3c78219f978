"""One lookup, and one batch of ten thousand, beside the bare SQL that fetches the same rows."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, TextualSelect

import database
from benchmarks.sending.ground import ERASED
from notifier import standing
from notifier.standing import gathering, statements

SLUG = "privacy"
LOOKUPS = 1000  # of a round
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Pairs = Sequence[tuple[int, datetime]]


@dataclass
class Asked:
    """Seconds of each round: of one lookup, and of one batch of `pairs`. cold: the first batch of a process."""

    pairs: int
    cold: float = 0.0
    single: list[float] = field(default_factory=list)
    bare_single: list[float] = field(default_factory=list)
    batch: list[float] = field(default_factory=list)
    bare_batch: list[float] = field(default_factory=list)


def run(engine: Engine, members: int, rounds: int, seed: int = 1) -> Asked:
    """Ours and the bare one in turns, on the same members, the order changing."""
    draw = random.Random(seed)
    found = Asked(min(standing.MOST_PAIRS, members))
    found.cold = _timed(lambda: _batch(engine, _pairs(draw, members, found.pairs)))
    for number in range(rounds + 1):
        some, all_ = _pairs(draw, members, min(LOOKUPS, members)), _pairs(draw, members, found.pairs)
        turns: list[tuple[list[float], Callable[[], object], int]] = [
            (found.single, lambda some=some: _singles(engine, some), len(some)),  # type: ignore[misc]
            (found.bare_single, lambda some=some: _bare_singles(engine, some), len(some)),  # type: ignore[misc]
            (found.batch, lambda all_=all_: _batch(engine, all_), 1),  # type: ignore[misc]
            (found.bare_batch, lambda all_=all_: _bare_batch(engine, all_), 1),  # type: ignore[misc]
        ]
        for into, ask, times in turns[:: -1 if number % 2 else 1]:
            took = _timed(ask) / times
            if number:  # the first round warms both
                into.append(took)
    return found


def _pairs(draw: random.Random, members: int, count: int) -> Pairs:
    """Members that have a key, at instants of ten years."""
    found: list[tuple[int, datetime]] = []
    while len(found) < count:
        member_id = draw.randrange(1, members + 1)
        if member_id % ERASED != 5:
            found.append((member_id, datetime(2016, 1, 1, tzinfo=UTC) + timedelta(hours=draw.randrange(87_000))))
    return found


def _timed(deed: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def _singles(engine: Engine, pairs: Pairs) -> None:
    """Each in a transaction of its own, as a request would ask."""
    for member_id, at in pairs:
        with database.reading(engine) as session:
            standing.of_external(session, f"user-{member_id}", SLUG, at, now=NOW)


def _batch(engine: Engine, pairs: Pairs) -> None:
    with database.reading(engine) as session:
        answered = standing.many(session, SLUG, pairs, now=NOW)
    assert len(answered) == len(pairs)


# -- the bare ones ------------------------------------------------------------------------------


def _bare_singles(engine: Engine, pairs: Pairs) -> None:
    """The same statement in a transaction of its own, by the driver's cursor, its rows thrown away."""
    statement = statements.statement(engine.dialect.name, statements.BY_KEY, batches=True)
    ask = _driver(engine, statement)
    for member_id, _ in pairs:
        with engine.connect() as connection, connection.begin() as transaction:
            ask(connection, {"slug": SLUG, "key": f"user-{member_id}"})
            transaction.rollback()


def _bare_batch(engine: Engine, pairs: Pairs) -> None:
    """The same two statements: of the members, and of the batches that their letters were in."""
    name = engine.dialect.name
    members = _driver(engine, statements.statement(name, statements.LISTED, batches=False))
    batches = _driver(engine, statements.batches(name))
    ids = statements.listed(name, list({member_id for member_id, _ in pairs}))
    with engine.connect() as connection, connection.begin():
        rows = members(connection, {"slug": SLUG, "ids": ids})
        wanted = gathering.wanted(rows)
        batches(connection, {"slug": SLUG, "ids": statements.listed(name, wanted)})


def _driver(engine: Engine, statement: TextualSelect) -> Callable[[Connection, dict[str, Any]], Sequence[Any]]:
    compiled: Any = statement.compile(dialect=engine.dialect)
    sql, names = str(compiled), compiled.positiontup

    def ask(connection: Connection, given: dict[str, Any]) -> Sequence[Any]:
        own: Any = connection.connection.dbapi_connection
        cursor = own.cursor()
        found: Sequence[Any] = cursor.execute(sql, [given[name] for name in names] if names else given).fetchall()
        cursor.close()
        return found

    return ask
