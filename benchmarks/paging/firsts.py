"""How long the first request for a redline takes, beside the bare comparison of the same two texts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks import servers
from benchmarks.decisions.figures import Figure, Goal
from benchmarks.paging.texts import SLUG
from policy_versions import diff
from policy_versions.diff import stored

MOST = 3


@dataclass
class Firsts:
    """Seconds, of each pair. bare: of blocks that are there; whole: with the texts cut into blocks, too."""

    requests: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def run(port: int, texts: Sequence[str]) -> Firsts:
    """Each pair of neighbours once, whom nobody has compared before, in turns with the bare comparison.

    The last pair is left out: the current page has compared it. Raises: Stuck.
    """
    found, kept = Firsts(), [stored.dump(diff.read(text)) for text in texts]
    for number in range(len(texts) - 2):
        loaded = [stored.load(kept[number + at]) for at in (0, 1)]
        path = f"/{SLUG}/compare/{number + 1}..{number + 2}"
        seconds = [
            _seconds(lambda path=path: servers.ask(port, path, {})),  # type: ignore[misc]
            _seconds(lambda pair=loaded: diff.compare(*pair)),  # type: ignore[misc]
            _seconds(lambda at=number: diff.compare(texts[at], texts[at + 1])),  # type: ignore[misc]
        ]
        if number:  # the first warms all three
            for into, one in zip((found.requests, found.bare, found.whole), seconds, strict=True):
                into.append(one)
    return found


def _seconds(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def figures(found: Firsts) -> list[Figure]:
    first, bare, whole = (1e3 * statistics.median(each) for each in (found.requests, found.bare, found.whole))
    ratios = sorted(one / other for one, other in zip(found.requests, found.bare, strict=True))
    spread = f"bare {bare:.0f} ms; each pair {ratios[0]:.2f} to {ratios[-1]:.2f}"
    return [
        Figure("first redline", first, unit="ms", against=f"{len(ratios)} pairs"),
        Figure("first redline ÷ bare diff of kept blocks", first / bare, Goal("<", MOST), against=spread),
        Figure("first redline ÷ diff of the two texts", first / whole, against=f"{whole:.0f} ms"),
    ]
