"""Time the decision on each pair, the diff included, beside difflib on the same words."""

from __future__ import annotations

import gc
import inspect
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.decisions.baselines import matcher
from benchmarks.decisions.labelled import Labelled
from benchmarks.speed import ROUNDS, SLOW_MS
from policy_versions.significance import decide


class Timing(NamedTuple):
    """Milliseconds of one pair, the median of its rounds."""

    id: str
    ours: float
    difflib: float


Contender = Callable[[Labelled], object]


def run(pairs: Sequence[Labelled], say: Callable[[str], None]) -> tuple[list[Timing], dict[str, str]]:
    """Time both contenders in turns on each pair, the engine without anything that it remembers of a text.

    Returns: the timings, and the errors of the pairs that the engine failed on, by id.
    """
    decide("We keep it for 12 months.", "We keep it for 24 months.")  # reads the rule table
    gc.collect()
    gc.freeze()  # the texts are nobody's garbage
    timings = []
    failed = {}
    for count, pair in enumerate(pairs, start=1):
        try:
            timings.append(_on_one(pair))
        except Exception as error:
            failed[pair.id] = repr(error)
        if count % 25 == 0:
            say(f"timed {count} of {len(pairs)} pairs")
    gc.unfreeze()
    return timings, failed


def forget() -> None:
    """Empty the engine's caches of what texts said.

    A cache of a function without parameters stays: it holds what a process reads once, such as the rule table.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "policy_versions":
            continue
        for kept in list(vars(module).values()):
            if hasattr(kept, "cache_clear") and inspect.signature(kept).parameters:
                kept.cache_clear()


def _decide(pair: Labelled) -> object:
    return decide(pair.old, pair.new)


def _difflib(pair: Labelled) -> object:
    return matcher(pair.old.split(), pair.new.split()).get_opcodes()


def _on_one(pair: Labelled) -> Timing:
    rounds: dict[Contender, list[float]] = {_decide: [], _difflib: []}
    for _ in range(ROUNDS):
        for contender, taken in rounds.items():
            if all(ms <= SLOW_MS for ms in taken):
                taken.append(_once(contender, pair))
    return Timing(pair.id, *map(statistics.median, rounds.values()))


def _once(contender: Contender, pair: Labelled) -> float:
    forget()
    gc.collect()  # nobody pays for what another left behind
    begin = time.perf_counter()
    contender(pair)
    return (time.perf_counter() - begin) * 1000
