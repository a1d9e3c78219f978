"""Sending a notice by the sendgrid sender, beside the same sender that is handed the same without a database."""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Engine, text

from benchmarks.sending import ground
from benchmarks.sending.children import child, children
from notifier import scheduler
from notifier.runtime import Runtime

SLOWEST = 1000.0  # letters a second; what is slower is stuck


class Terms(NamedTuple):
    """How it is sent. answer: seconds until the provider answers. threads: of a process."""

    answer: float
    threads: int
    rounds: int

    def patience(self, letters: int) -> float:
        """Seconds after which that many letters are not waited for any longer."""
        return 120 + letters / SLOWEST + letters / 100 * self.answer / self.threads


@dataclass
class Sent:
    """Seconds of each run. letters: that a run had to send."""

    letters: int = 0
    opened: float = 0.0
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)  # MB
    cpu: dict[str, list[float]] = field(default_factory=lambda: {"ours": [], "bare": []})  # seconds of computing
    astray: int = 0  # letters, of all runs, that the provider did not get, or got twice
    bytes: list[int] = field(default_factory=list)  # that the provider took from each run, ours and the peer's

    @property
    def whole(self) -> float:
        """Opening and sending, in seconds."""
        return self.opened + statistics.median(self.ours)


def run(engine: Engine, works: Runtime, terms: Terms, *, bare: bool = True) -> Sent:
    """Open and send; then the peer and ours in turns, the order changing. bare: whether the peer runs.

    Raises: Stuck.
    """
    found = Sent()
    ground.publish(engine, works)
    with child("serve_http", seconds=terms.answer) as stub:
        to = str(stub.hello["where"])
        for number in range(terms.rounds):
            if number:
                ground.again(engine)
            turns = [_ours, _bare] if bare else [_ours]
            for turn in turns[:: -1 if number % 2 else 1]:
                turn(engine, to, terms, found)
    return found


def _ours(engine: Engine, to: str, terms: Terms, found: Sent) -> None:
    before = taken(to)
    with child("work", url=ground.address(engine), to=to, threads=terms.threads) as worker:
        took = worker.take(terms.patience(members(engine)))
    if not found.ours:
        found.opened, found.letters = took["opened"], letters(engine)
    found.ours.append(took["sent"])
    found.peaks.append(took["peak"])
    found.cpu["ours"].append(took["cpu"])
    _count(to, before, found)
    found.astray += abs(found.letters - _accepted(engine))


def _bare(engine: Engine, to: str, terms: Terms, found: Sent) -> None:
    before = taken(to)
    with child("post", url=ground.address(engine), to=to, threads=terms.threads) as poster:
        took = poster.take(terms.patience(found.letters))
    found.bare.append(took["seconds"])
    found.cpu["bare"].append(took["cpu"])
    _count(to, before, found)


def _count(to: str, before: dict[str, int], found: Sent) -> None:
    after = taken(to)
    found.astray += abs(found.letters - (after["letters"] - before["letters"]))
    found.bytes.append(after["bytes"] - before["bytes"])


def taken(to: str) -> dict[str, int]:
    """What the stub took so far."""
    with urllib.request.urlopen(f"{to}/taken", timeout=30) as answer:
        counted: dict[str, int] = json.load(answer)
    return counted


def letters(engine: Engine) -> int:
    return _one(
        engine, "SELECT count(*) FROM delivery d JOIN batch b ON b.id = d.batch_id WHERE b.channel = 'email'"
    )


def _accepted(engine: Engine) -> int:
    return _one(engine, "SELECT coalesce(sum(recipients), 0) FROM attempt WHERE state = 'accepted'")


def members(engine: Engine) -> int:
    return _one(engine, "SELECT count(*) FROM member")


def _one(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


# -- several at once ----------------------------------------------------------------------------


@dataclass
class Shared:
    """Seconds of each run with one worker and with several."""

    workers: int
    letters: int = 0
    one: list[float] = field(default_factory=list)
    several: list[float] = field(default_factory=list)
    astray: int = 0


def share(engine: Engine, works: Runtime, terms: Terms, *, workers: int) -> Shared:
    """Send a notice by one process and by several, in turns. Raises: Stuck."""
    found = Shared(workers)
    ground.publish(engine, works)
    with child("serve_http", seconds=terms.answer) as stub:
        to = str(stub.hello["where"])
        scheduler.open_due(works)
        found.letters = letters(engine)
        for number in range(terms.rounds):
            for runs in (found.one, found.several)[:: -1 if number % 2 else 1]:
                runs.append(_by(engine, to, terms, found, workers if runs is found.several else 1))
    return found


def _by(engine: Engine, to: str, terms: Terms, found: Shared, many: int) -> float:
    ground.again(engine)
    before, patience = taken(to)["letters"], terms.patience(found.letters)
    given = {"url": ground.address(engine), "to": to, "threads": terms.threads}
    with children("work", [given] * many) as workers:
        began = time.perf_counter()
        for worker in workers:
            worker.go()
        for worker in workers:
            worker.heard(patience)
        took = time.perf_counter() - began
    found.astray += abs(found.letters - (taken(to)["letters"] - before)) + abs(found.letters - _accepted(engine))
    return took
