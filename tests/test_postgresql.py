"""What one test did to a PostgreSQL database, the next does not find."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from database import writing
from policy_versions import policies
from policy_versions.policies import PolicyFields
from tests.conftest import NOON, make_engine
from tests.postgresql import ROOM, Lent

Rows = dict[str, list[tuple[object, ...]]]


def policy(engine: Engine) -> int | None:
    """Create one, and what the record says of it. Returns its number."""
    with writing(engine) as session:
        return policies.create_policy(session, PolicyFields("privacy", "Privacy"), actor="a test", now=NOON).id


def rows(connection: Connection) -> Rows:
    """All there is, by table."""
    names = inspect(connection).get_table_names()
    return {name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))] for name in names}


def seen(url: str) -> tuple[object, Rows]:
    """Which database it is, under whatever name, and what is in it."""
    engine = make_engine(url)
    with engine.connect() as connection:
        which = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
        found = which.scalar_one(), rows(connection)
    engine.dispose()
    return found


def say(url: str, statement: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_database_is_lent_again_as_it_was_made(postgresql_databases: Lent) -> None:
    with postgresql_databases.lend() as url:
        first = seen(url)
        engine = make_engine(url)
        assert policy(engine) == 1
        engine.dispose()
        assert seen(url)[1] != first[1]
    with postgresql_databases.lend() as url:
        assert seen(url) == first
        engine = make_engine(url)
        assert policy(engine) == 1  # numbers begin anew
        engine.dispose()


def test_who_kept_an_address_does_not_get_at_the_next_tests_rows(postgresql_databases: Lent) -> None:
    with postgresql_databases.lend() as url:
        kept = make_engine(url)
        held = kept.connect()
        held.execute(text("LOCK TABLE policy"))
    with postgresql_databases.lend() as url:
        engine = make_engine(url)
        assert policy(engine) == 1
        with pytest.raises(DBAPIError):
            held.execute(text("SELECT 1"))
        held.invalidate()
        held.close()
        with pytest.raises(DBAPIError, match="does not exist"):
            policy(kept)
        engine.dispose()
    kept.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE another (id int)",
        "DROP TABLE pace",
        "ALTER TABLE policy ADD COLUMN another int",
        "ALTER TABLE policy ALTER COLUMN slug DROP NOT NULL",
        "ALTER TABLE policy DROP CONSTRAINT uq_policy_slug",
        "ALTER TABLE audit DISABLE TRIGGER USER",
        "CREATE FUNCTION another() RETURNS int LANGUAGE sql RETURN 1",
        f"INSERT INTO pace (id, said) SELECT n, repeat('x', 1000) FROM generate_series(9, 9 + {ROOM} / 1000) n",
    ],
)
def test_one_of_another_schema_or_that_has_grown_is_not_lent_again(
    statement: str, postgresql_databases: Lent
) -> None:
    with postgresql_databases.lend() as url:
        which, before = seen(url)
        say(url, statement)
    with postgresql_databases.lend() as url:
        another, found = seen(url)
    assert another != which
    assert found == before
