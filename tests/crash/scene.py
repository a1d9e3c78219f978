"""The scene of a campaign: a prepared database, workers, a web process, the stub, and what can be done to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, col, select

import database
from database import writing
from notifier import control
from notifier.models import Quarantine
from tests.crash import state
from tests.crash.processes import PATIENCE, Nursery
from tests.crash.remote import Remote
from tests.crash.rows import NEVER, Violence

SECRET = "a secret of the tests, long enough to pass"
ACTOR = "the harness"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign runs on. batch_size: recipients in a request; fewer than 1,000, so that there are more.

    request, lease, resend, tick: seconds; of the settings of these names.
    """

    url: str
    members: int = 50_000
    batch_size: int = 250
    workers: int = 1
    threads: int = 4
    request: float = 2.0
    lease: float = 4.0
    resend: float = 1.0
    tick: float = 0.25
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self, home: Path, stub: Remote, caller: str) -> dict[str, str]:
        """The settings of one process. caller: how the stub knows it."""
        return {
            "GAZETTE_HOME": str(home),
            "GAZETTE_SECRET_KEY": SECRET,
            "GAZETTE_COMPANY_NAME": "Plover Instruments",
            "GAZETTE_CONTACT_EMAIL": "privacy@plover.example",
            "GAZETTE_DATABASE_URL": self.url,
            "GAZETTE_MAIL": "sendgrid:",
            "GAZETTE_SENDGRID_URL": f"{stub.url}/{caller}",
            "GAZETTE_SENDGRID_API_KEY": "SG.of-the-tests",
            "GAZETTE_SENDGRID_WEBHOOK_KEY": stub.public_key,
            "GAZETTE_REQUEST_SECONDS": str(self.request),
            "GAZETTE_LEASE_SECONDS": str(self.lease),
            "GAZETTE_RESEND_MINUTES": str(self.resend / 60),
            "GAZETTE_SENDING_THREADS": str(self.threads),
            "GAZETTE_TICK_SECONDS": str(self.tick),
            "GAZETTE_REVIEW_MINUTES": "0",
            "GAZETTE_CANARY": "0",
            **self.settings,
        }


class Scene:
    """engine: for reading. violence: what was done, in order. workers: name to process id."""

    def __init__(self, terms: Terms, folder: Path, nursery: Nursery, stub: Remote) -> None:
        self.terms = terms
        self.folder = folder
        self.nursery = nursery
        self.stub = stub
        self.engine: Engine = state.engine_of(terms.url)
        self.violence: list[Violence] = []
        self.workers: dict[str, int] = {}
        self.resumed: list[str] = []  # why a person had to go on with the notice
        self.until = NEVER  # of the monotonic clock: then it is stuck
        self._web: int | None = None

    def prepare(self) -> None:
        """Members, and an open notice."""
        self.run("prepare", self.terms.members, self.terms.batch_size, patience=120.0)

    def run(self, role: str, *args: object, patience: float = PATIENCE) -> None:
        """Run a role to its end. Raises: AssertionError where it fails."""
        env = self.terms.environment(self.folder, self.stub, role)
        self.nursery.run(role, *args, name=role, env=env, patience=patience)

    def start_worker(self, name: str) -> None:
        env = self.terms.environment(self.folder, self.stub, name)
        self.workers[name] = self.nursery.spawn("worker", self.terms.batch_size, name=name, env=env)

    def start_web(self) -> None:
        """Serve the webhook, and tell the stub where."""
        ready = self.folder / "web.ready"
        ready.unlink(missing_ok=True)
        env = self.terms.environment(self.folder, self.stub, "web")
        self._web = self.nursery.spawn("web", str(ready), name="web", env=env)
        until = time.monotonic() + PATIENCE
        while not ready.exists():
            assert self.nursery.alive(self._web), f"the web process has ended:\n{self.log('web')}"
            assert time.monotonic() < until, "the web process does not listen"
            time.sleep(0.02)
        self.stub.post_to(f"{ready.read_text()}/hooks/sendgrid")

    def move_to(self, url: str) -> None:
        """Work on another database from here on: one that was put back."""
        self.engine.dispose()
        self.terms = replace(self.terms, url=url)
        self.engine = state.engine_of(url)

    def in_time(self, what: str) -> None:
        """Raises: AssertionError with where things stand when it takes too long."""
        if time.monotonic() > self.until:
            names = (*self.workers, "web", "provider")
            logs = [f"-- {name}:\n{self.log(name, most=1000)}" for name in names]
            raise AssertionError("\n".join([f"stuck {what}", state.in_words(self.engine), *logs]))

    # -- violence -------------------------------------------------------------------------------

    def kill(self, name: str) -> Violence:
        """SIGKILL a worker, and note what was open. It is not started again."""
        pid = self.workers.pop(name)
        at = time.time()
        self.nursery.kill(pid)
        return self._note("kill", name, at, state.open_attempts(self.engine, pid))

    def kill_web(self) -> None:
        """Nothing of a kill of the web process may be felt: what it had not kept is posted again."""
        if self._web is not None:
            self.nursery.kill(self._web)
            self._web = None

    def freeze(self, name: str) -> tuple[float, frozenset[int]]:
        """SIGSTOP a worker. Returns: when, and what was open."""
        at = time.time()
        os.kill(self.workers[name], signal.SIGSTOP)
        return at, state.open_attempts(self.engine, self.workers[name])

    def thaw(self, name: str, at: float, open_: frozenset[int]) -> None:
        """SIGCONT it."""
        os.kill(self.workers[name], signal.SIGCONT)
        self._note("stop", name, at, open_)

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Note that the database is cut off while this lasts."""
        at = time.time()
        yield
        self._note("cut", "", at, frozenset())

    def _note(self, what: str, name: str, at: float, open_: frozenset[int]) -> Violence:
        self.violence.append(Violence(what, name, at, time.time(), open_))
        return self.violence[-1]

    # -- a person -------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stop the notice, as a person would who wants to look at something first."""
        notice_id, stands, _ = state.notice_state(self.engine)
        if stands == "sending":
            with self._writing() as (session, now):
                control.pause(session, notice_id, actor=ACTOR, now=now)

    def go_on(self) -> None:
        """Go on with the notice where it is paused, as a person would who has read why."""
        notice_id, stands, why = state.notice_state(self.engine)
        if stands == "paused":
            with self._writing() as (session, now):
                control.resume(session, notice_id, actor=ACTOR, now=now)
            self.resumed.append(why)

    def lift(self) -> None:
        """Say, after a restore, that letters may leave."""
        with self._writing() as (session, now):
            standing = session.exec(select(Quarantine).where(col(Quarantine.lifted_at).is_(None))).one()
            standing.lifted_at, standing.lifted_by = now, ACTOR
            session.add(standing)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Session, datetime]]:
        engine = database.create_engine(self.terms.url)
        try:
            with writing(engine) as session:
                yield session, database.DatabaseClock().now(session)
        finally:
            engine.dispose()

    def log(self, name: str, most: int = 3000) -> str:
        """The end of what a process said."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace")[-most:] if file.exists() else ""


@contextmanager
def scene(terms: Terms, folder: Path, *, seed: int) -> Iterator[Scene]:
    """A scene with its stub running. Everything in it is gone when it is left."""
    control_socket = folder / "control.sock"
    with Nursery(folder) as nursery:
        plan = f'{{"seed": {seed}}}'
        arguments = ["--journal", str(folder / "requests.jsonl"), "--control", str(control_socket), "--plan", plan]
        nursery.spawn("provider", *arguments, name="provider", env={})
        with Remote(control_socket) as stub:
            made = Scene(terms, folder, nursery, stub)
            try:
                yield made
            finally:
                made.engine.dispose()
