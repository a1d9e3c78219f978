"""A campaign: workers killed at any instant and inside requests, stopped past their lease, their database cut off.

It goes on until as much has been done as was asked for, however fast the machine is, and then lets the telling
come to its end. It fails, with where things stood, only when that takes longer than the bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.crash import cutting, journal, state, verdict
from tests.crash.remote import Moment
from tests.crash.scene import Scene, Terms, scene
from tests.crash.verdict import Counts, Verdict

INSIDE = ("first byte", "whole", "taken", "answered")
AT_RANDOM = ""
SOON = 5.0  # seconds within which a request comes to a moment, if any is to come
PAUSED = 2.0  # seconds
SLOW, QUICK = (0.3, 0.7), (0.0, 0.05)  # seconds that a request takes, before its taking and again after


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done at least. seconds: the bound of it all, for a machine that is stuck."""

    kills: int = 60
    inside: int = 20
    stops: int = 1
    cuts: int = 2
    pauses: int = 1
    web_kills: int = 1
    cut_seconds: float = 1.5
    seed: int = 1
    seconds: float = 100.0
    ways: tuple[tuple[str, float], ...] = (
        ("429", 0.004),
        ("500", 0.01),
        ("503", 0.01),
        ("reset before", 0.01),
        ("reset after", 0.01),
        ("500 after", 0.01),
        ("stall", 0.005),
    )
    evented: float = 0.5  # the share of requests taken that events ever come of


class Result(NamedTuple):
    """What came of a campaign."""

    verdict: Verdict
    counts: Counts
    seconds: float
    resumed: list[str]
    done: dict[str, int]  # what was done, by kind


class Frozen(NamedTuple):
    """A worker that stands still."""

    name: str
    at: float
    open: frozenset[int]
    moment: Moment | None


def run(terms: Terms, plan: Plan, folder: Path) -> Result:
    """Prepare an empty, migrated database and run a campaign on it. folder: an empty one with a short path."""
    with scene(terms, folder, seed=plan.seed) as made:
        made.prepare()
        return Campaign(made, plan).run()


class Campaign:
    """One campaign on one scene. What was done is in `scene.violence`."""

    def __init__(self, scene: Scene, plan: Plan) -> None:
        self.scene = scene
        self.plan = plan
        self.random = Random(plan.seed)
        self.began = time.monotonic()
        self.kills = 0
        self._slow: bool | None = None
        self._frozen: list[Frozen] = []
        self._names = (f"worker-{number}" for number in range(1, 1_000_000))
        self._batches = -(-scene.terms.members // scene.terms.batch_size)

    def run(self) -> Result:
        """Do it all. Raises: AssertionError when the bound is passed."""
        self.scene.until = self.began + self.plan.seconds
        self.scene.stub.plan(
            ways=dict(self.plan.ways), evented=self.plan.evented, reported=0.2, late=[0.0, 8.0], doubled=0.3,
            shuffled=True, bare=0.1, bounced=0.02, slow=SLOW, linger=SLOW,
        )  # fmt: skip
        self.scene.start_web()
        for _ in range(self.scene.terms.workers):
            self._start()
        for deed in self._deeds():
            deed()
            self._keep_going()
        self._thaw_all()
        self._let_finish()
        return self._result()

    # -- what is done ---------------------------------------------------------------------------

    def _deeds(self) -> Iterator[Callable[[], None]]:
        """What was asked for, in an order drawn by the seed; then kills until there are enough of each kind."""
        plan = self.plan
        moments = [INSIDE[number % len(INSIDE)] for number in range(plan.inside + plan.inside // 4)]
        moments += [AT_RANDOM] * max(0, plan.kills - len(moments))
        deeds: list[Callable[[], None]] = [self._killing(moment) for moment in moments]
        deeds += [self._stop] * plan.stops + [self._cut] * plan.cuts
        deeds += [self._pause] * plan.pauses + [self._kill_web] * plan.web_kills
        self.random.shuffle(deeds)
        yield from deeds
        while self.kills < plan.kills or self._inside() < plan.inside:
            yield self._killing(self.random.choice(INSIDE))

    def _killing(self, moment: str) -> Callable[[], None]:
        return self._kill if moment == AT_RANDOM else lambda: self._kill_inside(moment)

    def _kill(self) -> None:
        """At a random instant, whatever the worker is at."""
        time.sleep(self.random.uniform(0.0, 0.6))
        self._end(self.random.choice(self._awake()))

    def _kill_inside(self, moment: str) -> None:
        """When the stub says that a request has come so far; it is held there until the worker is dead."""
        if moment == "answered":
            self.scene.stub.listen()
            found = self.scene.stub.hear("answered", patience=SOON)
        else:
            found = self.scene.stub.hold(moment, patience=SOON)
        self._end(found.caller if found and found.caller in self._awake() else self.random.choice(self._awake()))
        if found is not None and found.held:
            self.scene.stub.release(found, take=self.random.random() < 0.7)

    def _end(self, name: str) -> None:
        self.scene.kill(name)
        self.kills += 1
        self._start()

    def _inside(self) -> int:
        requests = journal.read(self.scene.folder / "requests.jsonl")
        kills = [each for each in self.scene.violence if each.what == "kill"]
        return sum(verdict.is_inside(each, requests) for each in kills)

    def _kill_web(self) -> None:
        self.scene.kill_web()
        self.scene.start_web()

    def _pause(self) -> None:
        """A person pauses the notice: what is in doubt goes on being settled, and none of it is sent again."""
        self._thaw_all()  # whoever stands still may hold a lock
        self.scene.pause()
        time.sleep(PAUSED)
        self.scene.go_on()

    def _stop(self) -> None:
        """Stop a worker whose request is taken, for longer than its lease; others go on meanwhile."""
        found = self.scene.stub.hold("taken", patience=SOON)
        name = found.caller if found and found.caller in self._awake() else self.random.choice(self._awake())
        at, open_ = self.scene.freeze(name)
        if found is not None:
            self.scene.stub.release(found)
        self._frozen.append(Frozen(name, at, open_, found))
        self._start()  # in its place

    def _cut(self) -> None:
        """Cut the database off while a request is at the provider, so that its answer finds none."""
        self._thaw_all()
        found = self.scene.stub.hold("taken", patience=SOON)
        with self.scene.cut(), self._cutting():
            if found is not None:
                self.scene.stub.release(found)
            time.sleep(self.plan.cut_seconds)

    def _cutting(self) -> AbstractContextManager[None]:
        """On SQLite the write lock is held and the disk is full by turns."""
        url = self.scene.terms.url
        if not url.startswith("sqlite"):
            return cutting.refused(url)
        before = sum(each.what == "cut" for each in self.scene.violence)
        return cutting.full(self.scene.workers.values()) if before % 2 else cutting.locked(url)

    # -- between the deeds ----------------------------------------------------------------------

    def _start(self) -> None:
        if len(self._awake()) < self.scene.terms.workers:
            self.scene.start_worker(next(self._names))

    def _awake(self) -> list[str]:
        still = {each.name for each in self._frozen}
        return [name for name in self.scene.workers if name not in still]

    def _keep_going(self) -> None:
        self.scene.in_time(f"after {self.kills} kills")
        for each in list(self._frozen):
            if time.time() - each.at > self.scene.terms.lease + 1:
                self._thaw(each)
        if not self._frozen:  # whoever stands still may hold the notice's lock
            self.scene.go_on()
        self._pace()

    def _pace(self) -> None:
        """Let the letters last as long as the kills: the stub is quick only where the sending is behind them."""
        self.scene.stub.listen()
        sent = self.scene.stub.taken / self._batches
        slow = sent > self.kills / self.plan.kills or self.kills >= self.plan.kills
        if slow != self._slow:
            self._slow = slow
            self.scene.stub.plan(slow=SLOW if slow else QUICK, linger=SLOW if slow else QUICK)

    def _thaw(self, frozen: Frozen) -> None:
        self.scene.thaw(frozen.name, frozen.at, frozen.open)
        self._frozen.remove(frozen)

    def _thaw_all(self) -> None:
        while self._frozen:
            wait = self._frozen[0].at + self.scene.terms.lease + 1 - time.time()
            time.sleep(max(0.0, wait))
            self._thaw(self._frozen[0])

    def _let_finish(self) -> None:
        """The provider is good now: everything is settled, and the notice becomes complete."""
        self.scene.stub.plan(ways={}, slow=[0.0, 0.0], linger=[0.0, 0.0])
        while state.notice_state(self.scene.engine)[1] != "complete":
            self.scene.in_time("waiting for the end")
            self.scene.go_on()
            time.sleep(0.1)

    def _result(self) -> Result:
        requests = journal.read(self.scene.folder / "requests.jsonl")
        after = state.ledger(self.scene.engine)
        return Result(
            verdict.judge(requests, self.scene.violence, after),
            verdict.count(requests, self.scene.violence, after),
            time.monotonic() - self.began,
            self.scene.resumed,
            {what: sum(each.what == what for each in self.scene.violence) for what in ("kill", "stop", "cut")},
        )
