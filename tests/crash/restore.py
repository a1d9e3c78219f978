"""A backup put back in the middle of a telling: nothing leaves until a person says so, and then nobody is lost."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.crash import cutting, journal, state, verdict
from tests.crash.processes import PATIENCE
from tests.crash.scene import Scene, Terms, scene
from tests.crash.verdict import Restored

TICKS = 3  # of each worker's sending job, in which nothing may leave


def run(terms: Terms, folder: Path, *, seed: int, seconds: float) -> Restored:
    """Back up at a third of the letters, lose the database at two thirds, put the backup back, go on.

    seconds: the bound of it all. Raises: AssertionError when it is passed.
    """
    with scene(terms, folder, seed=seed) as made:
        made.prepare()
        made.until = time.monotonic() + seconds
        made.stub.plan(slow=[0.05, 0.2], evented=0.5, late=[0.0, 3.0], reported=0.5)
        made.start_web()
        _send(made, 1 / 3)
        url = _back_up(made, folder)
        _send(made, 2 / 3)
        _kill_all(made)
        lost_at = time.time()
        made.move_to(url)
        made.run("gazette", "restored")
        listed = state.ledger(made.engine)
        _watch(made)
        lifted_at = time.time()
        made.lift()
        _finish(made)
        requests = journal.read(folder / "requests.jsonl")
        final = state.ledger(made.engine)
        return verdict.judge_restored(requests, listed, final, lost_at=lost_at, lifted_at=lifted_at)


def _send(made: Scene, share: float) -> None:
    """Let the workers work until the stub has taken that share of the letters."""
    _start_all(made)
    while made.stub.taken * made.terms.batch_size < share * made.terms.members:
        made.in_time("while the letters are sent")
        made.go_on()
        made.stub.hear("taken", patience=1.0)


def _start_all(made: Scene) -> None:
    for number in range(made.terms.workers):
        if f"worker-{number}" not in made.workers:
            made.start_worker(f"worker-{number}")


def _kill_all(made: Scene) -> None:
    made.kill_web()
    for name in list(made.workers):
        made.kill(name)


def _back_up(made: Scene, folder: Path) -> str:
    """Copy the database. Returns: the copy's url. SQLite is copied while it is written to."""
    url = make_url(made.terms.url)
    if url.get_backend_name() == "sqlite":
        copy = folder / "backup.db"
        with closing(sqlite3.connect(str(url.database), timeout=20)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        return f"sqlite:///{copy}"
    _kill_all(made)
    copied = f"{url.database}_backup"
    server = create_engine(
        url.set(drivername="postgresql+psycopg", database="postgres"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with server.connect() as connection:
        cutting.end_connections(connection, str(url.database))
        connection.execute(text(f"CREATE DATABASE {copied} TEMPLATE {url.database}"))
    made.start_web()
    return url.set(database=copied).render_as_string(hide_password=False)


def _watch(made: Scene) -> None:
    """Let every worker look for something to send, several times."""
    made.start_web()
    _start_all(made)
    seen: dict[str, set[object]] = {}
    until = time.monotonic() + PATIENCE
    while len(seen) < made.terms.workers or min(map(len, seen.values())) < TICKS:
        assert time.monotonic() < until, f"the workers do not tick: {seen}"
        for node, ticked_at in state.ticks(made.engine, "deliver", made.workers.values()):
            seen.setdefault(node, set()).add(ticked_at)
        time.sleep(0.05)


def _finish(made: Scene) -> None:
    made.stub.plan(slow=[0.0, 0.0])
    while state.notice_state(made.engine)[1] != "complete":
        made.in_time("waiting for the end after the restore")
        made.go_on()
        time.sleep(0.1)
