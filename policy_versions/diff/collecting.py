"""Hold back Python's search for reference cycles while many small values are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Make no search for cycles within: of a large text's tokens and blocks, none of which is in a cycle, it takes
    two thirds of the time. All else is freed as ever. Where another thread has held it back, that one ends it.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
