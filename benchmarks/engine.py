"""The engine under measurement, as the rest of the benchmarks calls it."""

from __future__ import annotations

from typing import Literal

from policy_versions.diff import Blocks, Change, compare, read, redline, stored

View = Literal["inline", "side_by_side"]

__all__ = ["View", "compare", "dump", "html", "load", "read"]


def dump(blocks: Blocks) -> str:
    """Return the form in which a revision's blocks are stored."""
    return stored.dump(blocks)


def load(text: str) -> Blocks:
    """Return stored blocks."""
    return stored.load(text)


def html(change: Change, view: View = "inline", context: int | None = None) -> str:
    """Return the redline's HTML."""
    return redline.html(change, view=view, context=context)
