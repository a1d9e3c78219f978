"""PostgreSQL for tests: a database is copied once, and emptied between one test and the next."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection, sql
from sqlalchemy import Engine, make_url, text

TEMPLATE = "template_gazette"
ROOM = 4 * 2**20  # bytes of what was deleted that a database may carry along

# What there is of each kind, and which transaction was the last to change it.
_SCHEMA = " UNION ALL ".join(
    f"SELECT count(*), max(xmin::text::bigint) FROM {catalogue}"
    for catalogue in "pg_class pg_attribute pg_attrdef pg_constraint pg_index pg_proc pg_trigger".split()
)
_SIZE = "SELECT pg_database_size(current_database())"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_EMPTY = "SELECT string_agg(format('DELETE FROM %I', tablename), ';') FROM pg_tables WHERE schemaname = 'public'"
_RESTART = """SELECT string_agg(format('SELECT setval(%L, %s, %L)',
    sequencename, coalesce(last_value, start_value), last_value IS NOT NULL), ';')
FROM pg_sequences WHERE schemaname = 'public'"""
_PUT_BACK = """SELECT format('INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %L)', json_agg(one))
FROM {0} one HAVING count(*) > 0"""


class Lent:
    """Lends databases that are as migrated, to one test at a time and each time under another name.

    Emptying one takes a tenth of the time that copying takes. Nobody who kept an address can get at the
    next test's rows; one whose schema was changed, or that has grown, is not lent again.
    """

    def __init__(self, maintenance: Engine) -> None:
        """maintenance: an engine that commits each statement, on another database of the server."""
        self._maintenance = maintenance
        self._names = (f"test_{number}" for number in itertools.count())
        self._returned: str | None = None
        with self._on(TEMPLATE) as connection:
            self._emptying = as_it_stands(connection)
            self._schema, self._size = _state(connection)

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The address of a database; nobody may be at work in it any more when this ends."""
        name = next(self._names)
        if not self._renamed(name) or not self._emptied(name):
            name = next(self._names)
            self._do(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield address(self._maintenance, name)
        self._returned = name

    def _renamed(self, name: str) -> bool:
        """Give the one that came back a new name, which PostgreSQL does only where nobody is connected."""
        before, self._returned = self._returned, None
        if before is None:
            return False
        self._do(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{before}'")
        self._do(f"ALTER DATABASE {before} RENAME TO {name}")
        return True

    def _emptied(self, name: str) -> bool:
        """False: it cannot be lent again."""
        with self._on(name) as connection:
            schema, size = _state(connection)
            if schema != self._schema or size > self._size + ROOM:
                return False
            connection.execute(self._emptying)
        return True

    def _do(self, statement: str) -> None:
        with self._maintenance.connect() as connection:
            connection.execute(text(statement))

    @contextmanager
    def _on(self, name: str) -> Iterator[Connection]:
        url = make_url(address(self._maintenance, name)).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            yield connection


def address(server: Engine, name: str) -> str:
    """Where a database of that name is, on the same server."""
    return server.url.set(database=name).render_as_string(hide_password=False)


def _state(connection: Connection) -> tuple[list[tuple[int, ...]], int]:
    """What the schema is known by, and the bytes that all takes."""
    size = connection.execute(_SIZE).fetchone()
    return connection.execute(_SCHEMA).fetchall(), size[0] if size else 0


def as_it_stands(connection: Connection) -> bytes:
    """The statements by which every table has the rows again that it has now, and numbers go on from here."""
    tables = [name for (name,) in connection.execute(_TABLES)]
    put_back = [connection.execute(sql.SQL(_PUT_BACK).format(sql.Identifier(name))) for name in tables]
    made = [connection.execute(_EMPTY), *put_back, connection.execute(_RESTART)]
    # replica: neither a foreign key nor the record's refusal to be deleted stands in the way
    parts = ["SET LOCAL session_replication_role = replica", *(one for rows in made for (one,) in rows if one)]
    return ";".join(parts).encode()
