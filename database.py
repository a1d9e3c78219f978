"""The engine, its transactions, and the clock of the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, bindparam, event, func, make_url, text, update
from sqlalchemy import create_engine as sa_create_engine
from sqlmodel import Field, Session, SQLModel, col, select

from errors import RowsAstray, SchemaNotAtHead, SettingInvalid

# Names that migrations can rely on, the same on both databases.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

BUSY = timedelta(seconds=15)  # how long one who wants to write waits for another
CONNECTIONS = 24  # that a process keeps where so many threads work at once; past them each is made anew
ROOT = Path(__file__).resolve().parent


class ClockMark(SQLModel, table=True):
    """The last instant recorded: on SQLite, time on record never runs backwards, whatever the machine's does."""

    __tablename__ = "clock_mark"
    id: int = Field(primary_key=True)
    last: datetime


class Clock(Protocol):
    """Tells the instant (UTC) that a transaction's facts are recorded at."""

    def now(self, session: Session) -> datetime: ...


class DatabaseClock:
    """PostgreSQL's own clock, one for all nodes; on SQLite the process's, never below the last recorded."""

    def now(self, session: Session) -> datetime:
        if session.get_bind().dialect.name == "postgresql":
            instant: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
            return instant.astimezone(UTC)
        return _sqlite_now(session)


_ADVANCED = (
    update(ClockMark)
    .where(col(ClockMark.id) == 1)
    .values(last=func.max(col(ClockMark.last), bindparam("instant", type_=ClockMark.__table__.c.last.type)))  # type: ignore[attr-defined]
    .returning(col(ClockMark.last))
)

_LAST = select(ClockMark.last).where(col(ClockMark.id) == 1)  # asked by every request


def _sqlite_now(session: Session) -> datetime:
    instant = datetime.now(UTC)
    if session.connection().get_execution_options().get("writing"):
        last = session.connection().execute(_ADVANCED, {"instant": instant}).scalar()
    else:
        last = session.connection().execute(_LAST).scalar()
    return max(instant, last) if last else instant


def create_engine(url: str) -> Engine:
    """Build the engine for a SQLite or PostgreSQL URL. Raises: SettingInvalid."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except Exception as error:
        raise SettingInvalid("GAZETTE_DATABASE_URL is not a database address.") from error
    if backend == "sqlite":
        return _sqlite(parsed.render_as_string(hide_password=False), parsed.database)
    if backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        return sa_create_engine(parsed, pool_pre_ping=True, pool_size=CONNECTIONS, hide_parameters=True)
    raise SettingInvalid(
        f"GAZETTE_DATABASE_URL names {backend}; Gazette keeps its record in SQLite or PostgreSQL."
    )


def _sqlite(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa_create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _sqlite_connected)
    event.listen(engine, "begin", _sqlite_begun)
    return engine


def _sqlite_connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: see _sqlite_begun
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY // timedelta(milliseconds=1)}",
        "secure_delete=ON",  # what is erased leaves the file too
        "recursive_triggers=ON",  # REPLACE deletes, and the record refuses that too
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begun(connection: Connection) -> None:
    # A transaction that reads before it writes must take the write lock first, else it fails half-way
    # when another writer came between.
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading; nothing in it is committed."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One writing transaction: committed at the end, rolled back on any error."""
    with (
        _turn(engine),
        Session(engine.execution_options(writing=True), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def one_at_a_time(session: Session, number: int) -> None:
    """Have transactions that name the same number follow one another; each waits until the one before has ended.

    number: of 63 bits. On SQLite one transaction writes at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_ADVISORY, {"number": number})


_ADVISORY = text("SELECT pg_advisory_xact_lock(:number)")


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """On SQLite, which lets one write at a time, wait for the other threads of this process in turn.

    SQLite itself would have each look again after up to a tenth of a second. Whoever waits too long goes on to be
    refused by it, as where another process is writing.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    lock = _lock_of(engine.url.render_as_string(hide_password=False))
    ours = lock.acquire(timeout=BUSY.total_seconds())
    try:
        yield
    finally:
        if ours:
            lock.release()


@cache
def _lock_of(url: str) -> Lock:  # noqa: ARG001 -- one for each database
    return Lock()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision (the newest unless told otherwise); downwards too."""
    from alembic import command

    config = _alembic()
    with _rebuilding(engine) as connection:
        config.attributes["connection"] = connection
        current = _current(connection)
        downwards = revision == "base" or (current is not None and revision < current)
        (command.downgrade if downwards else command.upgrade)(config, revision)


@contextmanager
def _rebuilding(engine: Engine) -> Iterator[Connection]:
    """A writing transaction whose foreign keys are checked at its end: SQLite changes a table by replacing it.

    Source: https://www.sqlite.org/lang_altertable.html, 7: outside a transaction, or it does nothing.
    """
    with engine.execution_options(writing=True).connect() as connection:
        _check_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                yield connection
                if engine.dialect.name == "sqlite":
                    astray = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if astray is not None:
                        raise RowsAstray(astray[0], astray[2])
        finally:
            _check_foreign_keys(connection, "ON")


def _check_foreign_keys(connection: Connection, wish: str) -> None:
    own = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and own is not None:
        own.cursor().execute(f"PRAGMA foreign_keys={wish}")


def require_head(engine: Engine) -> None:
    """Raises: SchemaNotAtHead, so that no server starts on a schema it was not written for."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    with engine.connect() as connection:
        found = _current(connection)
    if found != head:
        raise SchemaNotAtHead(found, str(head))


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _alembic() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def forget_erased(engine: Engine) -> None:
    """On SQLite, take what was erased out of the write-ahead log too; on PostgreSQL vacuum does it in time."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()  # a checkpoint cannot run inside a transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
