"""The harness's hand on the stub provider: its control socket, spoken to in words."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

PATIENCE = 20.0  # seconds for the stub to listen


class Moment(NamedTuple):
    """A moment that a request has come to. held: it stays there until it is released."""

    name: str
    request: int
    caller: str
    attempt: int | None
    held: bool


class Remote:
    """url, public_key: the stub's own. taken: how many requests it was heard to take."""

    def __init__(self, control: Path) -> None:
        self._socket = _connected(control)
        self._rest = b""
        self._names = map("hold-{}".format, count())
        self._wanted = ""
        self.taken = 0
        hello = next(self._lines(PATIENCE))["hello"]
        self.url: str = hello["url"]
        self.public_key: str = hello["public_key"]

    def plan(self, **changes: Any) -> None:
        """Change the stub's plan; see tests/crash/plan.py."""
        self._say({"plan": changes})

    def post_to(self, url: str | None) -> None:
        self._say({"post_to": url})

    def hold(self, moment: str, *, patience: float) -> Moment | None:
        """Hold the next request that comes to a moment. Returns: where it stands; None when none came in time."""
        self.arm(moment)
        return self.held(patience=patience)

    def arm(self, moment: str) -> None:
        """Have the next request that comes to a moment held; returns when the stub knows."""
        self._wanted = next(self._names)
        self._say({"hold": moment, "name": self._wanted})
        for line in self._lines(PATIENCE):
            if line.get("holding") == self._wanted:
                return
            self._moment(line)
        raise AssertionError("the stub does not answer")

    def held(self, *, patience: float) -> Moment | None:
        """Wait for the request that is to be held. Returns: where it stands; None when none came in time."""
        try:
            return next((each for each in self._moments(patience) if each.held), None)
        finally:
            self._say({"drop": self._wanted})
            self._wanted = ""

    def hear(self, moment: str, *, patience: float) -> Moment | None:
        """Wait until a moment is told of, or was since it was listened last."""
        return next((each for each in self._moments(patience) if each.name == moment), None)

    def listen(self) -> None:
        """Take in what has been told so far."""
        for _ in self._moments(0.0):
            pass

    def release(self, moment: Moment, *, take: bool = True) -> None:
        """Let a held request go on; take: whether it will be taken, where it was not yet."""
        self._say({"release": moment.request, "take": take})

    def _moments(self, patience: float) -> Iterator[Moment]:
        for line in self._lines(patience):
            yield self._moment(line)

    def _moment(self, line: dict[str, Any]) -> Moment:
        assert "error" not in line, line
        self.taken += line["moment"] == "taken"
        held = line["held"] is not None and line["held"] == self._wanted
        found = Moment(line["moment"], line["request"], line["caller"], line["attempt"], held)
        if line["held"] is not None and not held:
            self.release(found)  # it came when nobody waited for it any more
        return found

    def _lines(self, patience: float) -> Iterator[dict[str, Any]]:
        """Whoever stops reading in the middle loses nothing: the rest stays for the next."""
        until = time.monotonic() + patience
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                yield json.loads(line)
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                received = self._socket.recv(1 << 16)
            except TimeoutError:
                return
            assert received, "the stub provider is gone"
            self._rest += received

    def _say(self, command: dict[str, Any]) -> None:
        self._socket.settimeout(PATIENCE)
        self._socket.sendall(json.dumps(command).encode() + b"\n")

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()


def _connected(control: Path) -> socket.socket:
    until = time.monotonic() + PATIENCE
    while True:
        made = socket.socket(socket.AF_UNIX)
        with suppress(FileNotFoundError, ConnectionRefusedError):
            made.connect(str(control))
            return made
        made.close()
        assert time.monotonic() < until, "the stub provider does not listen"
        time.sleep(0.01)
