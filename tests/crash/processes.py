"""Processes that cost milliseconds to start: forked from one that has imported everything and opened nothing.

`Nursery` is the harness's side. The other side is `python -m tests.crash.processes`, which obeys lines of JSON:
    {"spawn": "tests.crash.roles:worker", "args": […], "env": {…}, "log": "path"}   -> {"pid": 17}
    {"reap": 17}   -> {"status": -9} once it has ended, {"status": null} while it runs
A process that has ended stays a zombie until it is reaped, so that no number is used twice while the harness knows
it. When the harness goes, however it goes, the other side reads the end of its input and everything is killed.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds for a process that was killed, or was asked to end
PR_SET_PDEATHSIG = 1
EVERYTHING = (
    "app",
    "cli",
    "alembic.command",
    "alembic.config",
    "alembic.migration",
    "alembic.script",
    "notifier.scheduler",
    "notifier.senders.sendgrid",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "tests.crash.roles",
    "web",
    "werkzeug.serving",
)


class StillRunning(AssertionError):
    """A process that was to end has not."""


class Nursery:
    """Starts and reaps processes. All are gone when it is left."""

    def __init__(self, folder: Path) -> None:
        """folder: where each process's output goes, as NAME.log."""
        self._folder = folder
        self._running: set[int] = set()
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.processes"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("GAZETTE_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt at the keyboard is the harness's to handle
        )

    def spawn(self, role: str, *args: Any, name: str, env: Mapping[str, str]) -> int:
        """Start a role of tests/crash/roles.py. Returns: its process id."""
        log = str(self._folder / f"{name}.log")
        told = {"spawn": f"tests.crash.roles:{role}", "args": args, "env": dict(env), "log": log}
        pid = int(self._ask(told)["pid"])
        self._running.add(pid)
        return pid

    def run(self, role: str, *args: Any, name: str, env: Mapping[str, str], patience: float = PATIENCE) -> None:
        """Start a role and wait until it has done its work. Raises: AssertionError where it fails."""
        status = self.wait(self.spawn(role, *args, name=name, env=env), patience)
        assert status == 0, f"{role} ended with {status}:\n{(self._folder / f'{name}.log').read_text()[-4000:]}"

    def kill(self, pid: int) -> None:
        """SIGKILL; returns when the process is gone."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def alive(self, pid: int) -> bool:
        return pid in self._running and self._reap(pid) is None

    def wait(self, pid: int, patience: float = PATIENCE) -> int:
        """Return the status of a process that ends by itself. Raises: StillRunning."""
        until = time.monotonic() + patience
        while (status := self._reap(pid)) is None:
            if time.monotonic() > until:
                raise StillRunning(f"process {pid} still runs after {patience:g} s")
            time.sleep(0.005)
        return status

    def _reap(self, pid: int) -> int | None:
        status: int | None = self._ask({"reap": pid})["status"]
        if status is not None:
            self._running.discard(pid)
        return status

    def _ask(self, told: Mapping[str, Any]) -> dict[str, Any]:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(json.dumps(told).encode() + b"\n")
        self._mother.stdin.flush()
        answer: dict[str, Any] = json.loads(self._mother.stdout.readline() or b'{"error": "it is gone"}')
        if "error" in answer:
            raise AssertionError(f"{told}: {answer['error']}")
        return answer

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with suppress(OSError):
            self._mother.communicate(timeout=PATIENCE)  # the end of its input ends everything


# -- the other side -----------------------------------------------------------------------------


def main() -> None:
    for name in EVERYTHING:
        importlib.import_module(name)
    gc.freeze()
    children: set[int] = set()
    try:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_obey(json.loads(line), children)) + "\n")
            sys.stdout.flush()
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _obey(told: Mapping[str, Any], children: set[int]) -> dict[str, Any]:
    if "spawn" in told:
        pid = _fork(told)
        children.add(pid)
        return {"pid": pid}
    if told["reap"] not in children:
        return {"error": "no such process"}
    pid, status = os.waitpid(told["reap"], os.WNOHANG)
    if pid == 0:
        return {"status": None}
    children.discard(pid)
    return {"status": os.waitstatus_to_exitcode(status)}


def _fork(told: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _settle_in(told["env"], told["log"])
        module, _, name = told["spawn"].partition(":")
        getattr(importlib.import_module(module), name)(*told["args"])
        status = 0
    except BaseException:  # whatever ends a child must not run on into the mother's loop
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _settle_in(env: Mapping[str, str], log: str) -> None:
    """A process of its own: its settings, its output, and an end with its mother's."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.update(env)
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, standard in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(descriptor, standard)


if __name__ == "__main__":
    main()
