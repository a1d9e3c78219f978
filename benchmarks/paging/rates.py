"""How many requests a second: the current page and a redline, each beside a bare route of the same bytes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import servers
from benchmarks.decisions.figures import Figure, Goal

LEAST = 0.85


@dataclass
class Rates:
    """Requests a second, of each round. size: bytes of the answer."""

    name: str
    size: int = 0
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def run(port: int, folder: Path, pages: dict[str, str], rounds: int, requests: int) -> Iterator[Rates]:
    """Both servers run, and are asked in turns; the first round warms both. Raises: Stuck."""
    for name, path in pages.items():
        answer, found = servers.ask(port, path, {}), Rates(name)
        found.size = len(answer.body)
        with servers.bare(folder / "bare", answer) as bare:
            for number in range(rounds + 1):
                turns = [(found.ours, port), (found.bare, bare)]
                for into, asked in turns[:: -1 if number % 2 else 1]:
                    rate = servers.rate(asked, [path] * requests, {})
                    if number:
                        into.append(rate)
        yield found


def figures(found: Rates) -> list[Figure]:
    ours, bare = statistics.median(found.ours), statistics.median(found.bare)
    beside = f"{bare:,.0f} ({min(found.bare):,.0f} to {max(found.bare):,.0f}) requests/s of the same bytes"
    return [
        Figure(found.name, ours, unit="requests/s", against=f"{found.size:,} bytes"),
        Figure(f"{found.name} ÷ bare route", ours / bare, Goal(">=", LEAST), against=beside),
    ]
