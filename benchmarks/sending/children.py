"""Processes of a measurement: each has a role of roles.py or ends.py, is ready, waits, and says what it took.

They speak lines of JSON on standard output, and begin at a line on standard input. A process that says nothing for
too long is killed, and so is every process that still runs when its block is left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
ENDS = ("serve_http", "serve_mail")
STARTING = 120.0  # seconds; a poster reads its letters first


class Stuck(Exception):
    """A process failed, or took too long."""


class Child:
    """A process that has been started. hello: the first that it said."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str], name: str) -> None:
        self._process = process
        self._errors = errors
        self._name = name
        self.hello: dict[str, Any] = {}

    def heard(self, patience: float) -> dict[str, Any]:
        """The next that it says. patience: seconds. Raises: Stuck."""
        assert self._process.stdout is not None
        timer = threading.Timer(patience, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self._process.wait()
            raise Stuck(f"{self._name} ended or was stopped after {patience:.0f} s:\n{self._said()}")
        said: dict[str, Any] = json.loads(line)
        return said

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which `heard` says with its reasons
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def take(self, patience: float) -> dict[str, Any]:
        """Let it begin, and return what it took."""
        self.go()
        return self.heard(patience)

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-4000:]


@contextmanager
def child(role: str, /, **given: Any) -> Iterator[Child]:
    """A process that is ready; it is gone when the block is left. Raises: Stuck."""
    module = "benchmarks.sending.ends" if role in ENDS else "benchmarks.sending.roles"
    command = [sys.executable, "-m", module, role, json.dumps(given)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GAZETTE_")}
    with ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile("w+"))
        process = subprocess.Popen(
            command, cwd=ROOT, env=own, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        started = Child(process, errors, role)
        started.hello = started.heard(STARTING)
        yield started


@contextmanager
def children(role: str, givens: Sequence[dict[str, Any]]) -> Iterator[list[Child]]:
    """Several of one role."""
    with ExitStack() as stack:
        yield [stack.enter_context(child(role, **given)) for given in givens]
