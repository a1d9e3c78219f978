"""Bounds for what is under way at once: how long each letter may take, and how many go to one domain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock, Thread
from typing import Protocol

from notifier.senders.protocol import NotSent


class Cuttable(Protocol):
    def cut(self) -> None:
        """End whatever waits there, at once and from another thread."""
        ...


class Watch:
    """Cuts what has not ended in time: one thread for all that is under way, and none when nothing is.

    A socket's own time-out is for each wait, which an answer that drips outlives for ever.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[Cuttable, float] = {}
        self._lock = Lock()
        self._thread: Thread | None = None

    @contextmanager
    def over(self, line: Cuttable) -> Iterator[float]:
        """Give a line so long in all. Yields: when it is cut, by the monotonic clock."""
        until = time.monotonic() + self._seconds
        with self._lock:
            self._until[line] = until
            if self._thread is None or not self._thread.is_alive():  # a forked process has none
                self._thread = Thread(target=self._run, name="smtp deadlines", daemon=True)
                self._thread.start()
        try:
            yield until
        finally:
            with self._lock:  # so that a cut under way never hits the next letter
                del self._until[line]

    def _run(self) -> None:
        """Sleep to the earliest end. What begins meanwhile ends later: all are given the same time."""
        while True:
            with self._lock:
                now = time.monotonic()
                ended = [line for line, until in self._until.items() if until <= now]
                for line in ended:
                    line.cut()
                    self._until[line] = now + min(self._seconds, 1.0)  # cut again if it had no socket yet
                if not self._until:
                    self._thread = None
                    return
                wait = min(self._until.values()) - now
            time.sleep(wait)


class _Lane:
    def __init__(self, width: int) -> None:
        self.free = BoundedSemaphore(width)
        self.users = 0


class Lanes:
    """Lets so many letters at once go to one domain, over all threads of the process; the others wait."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lanes: dict[str, _Lane] = {}
        self._lock = Lock()

    @contextmanager
    def to(self, domain: str, until: float) -> Iterator[None]:
        """Wait for a place. until: by the monotonic clock. Raises: NotSent when none comes free in time."""
        with self._lock:
            lane = self._lanes.setdefault(domain, _Lane(self._width))
            lane.users += 1
        try:
            if not lane.free.acquire(timeout=max(0.0, until - time.monotonic())):
                raise NotSent("Too many letters were under way to the recipient's domain.")
            try:
                yield
            finally:
                lane.free.release()
        finally:
            with self._lock:
                lane.users -= 1
                if not lane.users:
                    del self._lanes[domain]
