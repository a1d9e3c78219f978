"""The database cut off, on each of the two kinds for real."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool


@contextmanager
def refused(url: str) -> Iterator[None]:
    """PostgreSQL: every connection is ended and none is let in."""
    made = make_url(url)
    maintenance = create_engine(
        made.set(drivername="postgresql+psycopg", database="postgres"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with maintenance.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {made.database} ALLOW_CONNECTIONS false"))
        try:
            end_connections(connection, str(made.database))
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {made.database} ALLOW_CONNECTIONS true"))


def end_connections(connection: Connection, name: str) -> None:
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    connection.execute(text(query), {"name": name})


@contextmanager
def locked(url: str) -> Iterator[None]:
    """SQLite: somebody else holds the write lock, as a forgotten shell does."""
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None, timeout=20)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def full(pids: Iterable[int]) -> Iterator[None]:
    """SQLite: for these processes no file can be written to, as on a disk that is full."""
    kept = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, most) in kept.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        for pid, limits in kept.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
