"""Whether the record says what it said: asked before each page that is given again, at the price of a glance.

Whatever readers can see changes with an entry of the audit log, written in the same transaction; entries come in
the order in which their transactions end. So a page holds while the log has no entry that concerns readers, and
until the next instant at which a text comes into force, or is no news any more. SQLite says by a counter of its
own whether anybody wrote anything at all; PostgreSQL is asked for the log's end, and its clock, in one statement,
and not again for a twentieth of a second: so much later, at most, does one process show what another published.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Engine, event
from sqlmodel import col, func, select

from database import DatabaseClock, reading
from notifier.runtime import Runtime
from policy_versions.models import AuditEntry, Revision

HELD = 0.05  # seconds for which PostgreSQL is not asked again, unless this process itself commits
MINUTE = timedelta(minutes=1)  # no page is kept past the full minute, whatever it says
_OTHERS = ("member", "account", "key ", "suppression ", "quarantine ")  # subjects that no reader sees


class Look(NamedTuple):
    """How the record stands. version: another number when readers may see something else; only in this process."""

    version: int
    now: datetime  # UTC

    def holds(self, version: int, until: datetime) -> bool:
        """Whether what was made of that version, to hold until then, still does. A clock that was put back by more
        than pages are kept makes them anew."""
        return version == self.version and timedelta() < until - self.now <= MINUTE


class Glance(Protocol):
    """Asks a database, by a connection of its own, for the last entry of the log and for the instant."""

    def last(self) -> tuple[int, datetime]: ...
    def close(self) -> None: ...


class Freshness:
    """Safe for several threads, and across a fork."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._lock = runtime, threading.Lock()
        self._glance: Glance | None = None
        self._owner = 0  # the process that the connection is of
        self._version, self._seen = 0, -1
        self._instants: Sequence[datetime] = ()  # at which texts come into force, and are no news any more
        event.listen(runtime.engine, "engine_disposed", self._let_go)

    def look(self) -> Look:
        """Raises: whatever the database's driver raises when it cannot be asked."""
        with self._lock:
            last, instant = self._ask()
            if last != self._seen:
                self._news(last)
            return Look(self._version, instant)

    def until(self, now: datetime) -> datetime:
        """The instant after `now` at which pages may say something else though nobody writes."""
        minute = now.replace(second=0, microsecond=0) + MINUTE
        return min([minute, *(one for one in self._instants if one > now)])

    def _ask(self) -> tuple[int, datetime]:
        if self._glance is None or self._owner != os.getpid():
            self._glance, self._owner = _glance(self._runtime), os.getpid()
        try:
            return self._glance.last()
        except Exception:
            self._end()  # the next look has a connection anew
            raise

    def _news(self, last: int) -> None:
        """Entries were added, or the database was put back: whether readers are concerned."""
        with reading(self._runtime.engine) as session:
            newer = select(AuditEntry.subject).where(col(AuditEntry.id) > self._seen)
            subjects = session.exec(newer).all() if 0 <= self._seen < last else [""]
            if any(not subject.startswith(_OTHERS) for subject in subjects):
                effective = session.exec(select(Revision.effective_at)).all()
                young = timedelta(days=self._runtime.settings.banner_days)
                self._instants = [*effective, *(instant + young for instant in effective)]
                self._version += 1
        self._seen = last

    def _let_go(self, _engine: Engine) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._glance is not None and self._owner == os.getpid():
            self._glance.close()
        self._glance = None


def _glance(runtime: Runtime) -> Glance:
    if not isinstance(runtime.clock, DatabaseClock):
        return _Slow(runtime)
    on_postgresql = runtime.engine.dialect.name == "postgresql"
    return _Postgresql(runtime.engine) if on_postgresql else _Sqlite(runtime.engine)


def _own_connection(engine: Engine) -> Any:
    """A connection of the driver's that no pool has: it lives as long as this process asks by it."""
    held = engine.raw_connection()
    held.detach()
    return held.dbapi_connection


class _Sqlite:
    """Source: https://www.sqlite.org/pragma.html#pragma_data_version: another value once somebody else wrote."""

    def __init__(self, engine: Engine) -> None:
        self._connection = _own_connection(engine)
        self._written, self._last, self._mark = -1, 0, datetime.min.replace(tzinfo=UTC)

    def last(self) -> tuple[int, datetime]:
        (written,) = self._connection.execute("PRAGMA data_version").fetchone()
        if written != self._written:
            last, mark = self._connection.execute(
                "SELECT (SELECT max(id) FROM audit), (SELECT last FROM clock_mark WHERE id = 1)"
            ).fetchone()
            self._last, self._written = last or 0, written
            self._mark = datetime.fromisoformat(mark).replace(tzinfo=UTC) if mark else self._mark
        return self._last, max(datetime.now(UTC), self._mark)

    def close(self) -> None:
        self._connection.close()


class _Postgresql:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._connection = engine, _own_connection(engine)
        self._connection.autocommit = True
        self._asked = -HELD
        self._said = 0, datetime.now(UTC)
        event.listen(engine, "commit", self._written)

    def last(self) -> tuple[int, datetime]:
        """The database's answer, and its instant moved on by how long that is ago."""
        instant = time.monotonic()
        if instant - self._asked > HELD:
            asked = "SELECT (SELECT max(id) FROM audit), clock_timestamp()"
            last, said = self._connection.execute(asked, prepare=True).fetchone()
            self._asked, self._said = instant, (last or 0, said.astimezone(UTC))
        return self._said[0], self._said[1] + timedelta(seconds=instant - self._asked)

    def _written(self, _connection: object) -> None:
        self._asked = -HELD

    def close(self) -> None:
        event.remove(self._engine, "commit", self._written)
        self._connection.close()


class _Slow:
    """By any clock: what a test or another host gives in place of the database's."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def last(self) -> tuple[int, datetime]:
        with reading(self._runtime.engine) as session:
            return session.exec(select(func.max(AuditEntry.id))).one() or 0, self._runtime.clock.now(session)

    def close(self) -> None:
        """It has no connection of its own."""
