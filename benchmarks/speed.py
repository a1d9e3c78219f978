"""Time the engine and its peers on the same pairs, in turns, in one process."""

from __future__ import annotations

import gc
import math
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks import engine, peers
from benchmarks.corpus import NAMES, Pair
from benchmarks.peers import Capped
from policy_versions.diff import Blocks

ROUNDS = 3
SLOW_MS = 1500.0  # what takes longer is timed once

OURS = ("html, stored", "html, in memory", "html, cold", "compare, stored", "compare, in memory")


class Case(NamedTuple):
    """A pair, and its blocks as they are stored and as they are in memory."""

    pair: Pair
    stored: tuple[str, str]
    blocks: tuple[Blocks, Blocks]


class Timing(NamedTuple):
    """One contender's rounds on one pair."""

    ms: float  # the median
    state: str  # ok, capped (ms is the cap), failed (ms is nan)
    first: float  # ms of the first round, before anything that a contender may remember of the pair


Stopwatch = Callable[[Case], float]  # milliseconds; raises Capped
Times = dict[str, list[Timing]]  # by contender, one for each pair


def run(pairs: Sequence[Pair], cap: float, say: Callable[[str], None]) -> Times:
    """Time every contender on every pair. cap: seconds that a peer may take on a pair."""
    wikidiff2 = peers.Wikidiff2.find(cap)
    if wikidiff2 is None:
        say("wikidiff2 is left out: php-cli with php-wikidiff2 is not installed")
    contenders = _contenders(wikidiff2, cap)
    try:
        return _times(pairs, contenders, cap, say)
    finally:
        if wikidiff2:
            wikidiff2.close()


def _times(
    pairs: Sequence[Pair], contenders: dict[str, Stopwatch], cap: float, say: Callable[[str], None]
) -> Times:
    for pair in sorted(pairs, key=lambda pair: pair.size)[:3]:
        _on_one(pair, contenders, cap)  # warms up imports, caches and the PHP process
    gc.collect()
    gc.freeze()  # the corpus is nobody's garbage
    times: Times = {name: [] for name in contenders}
    for count, pair in enumerate(pairs, start=1):
        for name, timing in _on_one(pair, contenders, cap).items():
            times[name].append(timing)
        if count % 25 == 0:
            say(f"timed {count} of {len(pairs)} pairs")
    gc.unfreeze()
    return times


def _contenders(wikidiff2: peers.Wikidiff2 | None, cap: float) -> dict[str, Stopwatch]:
    ours = zip(OURS, (_html_stored, _html_memory, _html_cold, _compare_stored, _compare_memory), strict=True)
    theirs = {"lxml + render": peers.lxml(), "redlines": peers.redlines(), "difflib": peers.difflib_words}
    contenders = {name: _timed(work) for name, work in ours}
    contenders |= {name: _timed_peer(work, cap) for name, work in theirs.items()}
    if wikidiff2:
        contenders["wikidiff2"] = lambda case: wikidiff2(case.pair)
    return contenders


def _html_stored(case: Case) -> object:
    old, new = case.stored
    return engine.html(engine.compare(engine.load(old), engine.load(new)))


def _html_memory(case: Case) -> object:
    return engine.html(engine.compare(*case.blocks))


def _html_cold(case: Case) -> object:
    return engine.html(engine.compare(case.pair.old, case.pair.new))


def _compare_stored(case: Case) -> object:
    old, new = case.stored
    return engine.compare(engine.load(old), engine.load(new))


def _compare_memory(case: Case) -> object:
    return engine.compare(*case.blocks)


def _timed(work: Callable[[Case], object]) -> Stopwatch:
    def stopwatch(case: Case) -> float:
        begin = time.perf_counter()
        work(case)
        return (time.perf_counter() - begin) * 1000

    return stopwatch


def _timed_peer(work: Callable[[Pair], object], cap: float) -> Stopwatch:
    inner = _timed(lambda case: work(case.pair))

    def stopwatch(case: Case) -> float:
        with _deadline(cap):
            return inner(case)

    return stopwatch


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise Capped in the block after so many seconds; compiled code is stopped when it returns to Python."""

    def stop(*_: object) -> None:
        raise Capped

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _on_one(pair: Pair, contenders: dict[str, Stopwatch], cap: float) -> dict[str, Timing]:
    """Return each contender's median; the contenders take turns in each round."""
    old, new = (engine.dump(engine.read(text)) for text in (pair.old, pair.new))
    case = Case(pair, (old, new), (engine.load(old), engine.load(new)))
    rounds: dict[str, list[float]] = {name: [] for name in contenders}
    ended: dict[str, Timing] = {}
    for _ in range(ROUNDS):
        for name, stopwatch in contenders.items():
            if name in ended or any(ms > SLOW_MS for ms in rounds[name]):
                continue
            gc.collect()  # nobody pays for what another left behind
            try:
                rounds[name].append(stopwatch(case))
            except Capped:
                ended[name] = Timing(cap * 1000, "capped", cap * 1000)
            except Exception as error:
                print(f"{name} failed on {pair.name}: {error!r}"[:200], file=sys.stderr)
                ended[name] = Timing(math.nan, "failed", math.nan)
    return {name: ended.get(name) or _median(rounds[name]) for name in contenders}


def _median(rounds: list[float]) -> Timing:
    return Timing(statistics.median(rounds), "ok", rounds[0])


# -- figures ------------------------------------------------------------------------------------


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile by nearest rank."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else math.nan


def ratio(times: Times, ours: str, theirs: str, *, first: bool = False) -> float | None:
    """Return p95 ÷ p95 over the pairs on which neither failed; None without the peer.

    first: of our rounds the first one only.
    """
    if theirs not in times:
        return None
    timed = zip(times[ours], times[theirs], strict=True)
    both = [(a.first if first else a.ms, b.ms) for a, b in timed if "failed" not in (a.state, b.state)]
    return p95([a for a, _ in both]) / p95([b for _, b in both]) if both else None


def states(times: Times) -> dict[str, dict[str, int]]:
    """Return, for each peer, on how many pairs it was capped and on how many it failed."""
    counts = {
        name: {state: sum(t.state == state for t in each) for state in ("capped", "failed")}
        for name, each in times.items()
    }
    return {name: count for name, count in counts.items() if any(count.values())}


def by_bin(pairs: Sequence[Pair], times: Times) -> dict[str, dict[str, dict[str, float]]]:
    """Return n, median, p95 and max in milliseconds for each size bin and contender."""
    bins = [pair.bin for pair in pairs]
    places = {name: [place for place, bin in enumerate(bins) if bin == name] for name in NAMES}
    places["all"] = list(range(len(pairs)))
    return {
        name: {who: _summary([each[place] for place in chosen]) for who, each in times.items()}
        for name, chosen in places.items()
        if chosen
    }


def _summary(timings: list[Timing]) -> dict[str, float]:
    values = [timing.ms for timing in timings if timing.state != "failed"]
    if not values:
        return {"n": 0}
    figures = {"median": statistics.median(values), "p95": p95(values), "max": max(values)}
    return {"n": len(values), **{name: round(value, 3) for name, value in figures.items()}}
