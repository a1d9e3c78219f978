"""Turn measurements of the answers into figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.applying.asking import Asked
from benchmarks.applying.exporting import Exported
from benchmarks.applying.serving import Served
from benchmarks.decisions.figures import Figure, Goal


def of_asking(found: Asked) -> list[Figure]:
    """One lookup, and one batch, beside the bare SQL; and the batch beside lookups."""
    single, bare, batch, bare_batch = (
        statistics.median(each) for each in (found.single, found.bare_single, found.batch, found.bare_batch)
    )
    cold, each = f"{found.cold * 1e3:.0f} ms", f"{batch / found.pairs * 1e6:.1f} µs a pair"
    return [
        Figure("lookup", single * 1e6, unit="µs", against="in a transaction of its own"),
        Figure("lookup ÷ bare", single / bare, Goal("<=", 3), against=_microseconds(found.bare_single)),
        Figure(f"batch of {found.pairs:,}", batch * 1e3, unit="ms", against=each),
        Figure("batch ÷ bare", batch / bare_batch, Goal("<=", 2), against=_milliseconds(found.bare_batch)),
        Figure("lookups ÷ batch", single * found.pairs / batch, Goal(">=", 20), against=f"{found.pairs:,} each"),
        Figure("batch, the first of a process ÷ bare", found.cold / bare_batch, against=cold),
    ]


def of_export(found: Sequence[Exported]) -> list[Figure]:
    """found: of ever more members."""
    last = found[-1]
    rows = ", ".join(f"{one.rows:,} in {one.seconds:.1f} s" for one in found)
    return [
        Figure("export", last.rows / last.seconds, unit="members/s", against=rows),
        Figure("export: memory, at its peak", max(one.peak for one in found), Goal("<", 200), "MB"),
        Figure("export: exponent of its time", _exponent(found), Goal("<=", 1.05), against=rows),
    ]


def of_serving(found: Served) -> list[Figure]:
    ours, bare = statistics.median(found.ours), statistics.median(found.bare)
    return [
        Figure("API: lookups", ours, unit="requests/s"),
        Figure("API: lookups ÷ bare route", ours / bare, against=f"{bare:,.0f} requests/s of the same bytes"),
    ]


def _exponent(found: Sequence[Exported]) -> float:
    """The slope of a line through the logarithms."""
    points = [(math.log(one.rows), math.log(one.seconds)) for one in found]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def _microseconds(bare: Sequence[float]) -> str:
    return _beside(bare, 1e6, "µs")


def _milliseconds(bare: Sequence[float]) -> str:
    return _beside(bare, 1e3, "ms")


def _beside(bare: Sequence[float], factor: float, unit: str) -> str:
    middle, least, most = (each * factor for each in (statistics.median(bare), min(bare), max(bare)))
    return f"bare {middle:,.0f} {unit} ({least:,.0f} to {most:,.0f})"
