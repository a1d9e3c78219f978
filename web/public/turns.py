"""Comparisons that nobody has asked for lately cost time: few wait for one at once, and no reader asks for many.

97 texts make 9,312 pairs, more than any reader reads and what a crawler would like best. What has been compared
already costs nothing and is not counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask_limiter.util import get_remote_address
from limits import parse_many

from errors import ComparisonsBusy, TooManyComparisons
from policy_versions import comparing
from policy_versions.comparing import Written
from web.admin.sign_in import limiter

MOST = "40 per minute; 400 per hour"  # for one address of the network
WAITING = 3  # of a process's threads: one compares, the others wait for it; the rest serve what is there
SOON = 5  # seconds after which it is worth asking again

_PLACES = threading.BoundedSemaphore(WAITING)


@contextmanager
def taken(old: Written, new: Written) -> Iterator[None]:
    """Compare two texts within. Raises: TooManyComparisons, ComparisonsBusy."""
    if comparing.is_kept(old, new):
        yield
        return
    _count()
    if not _PLACES.acquire(blocking=False):
        raise ComparisonsBusy(SOON)
    try:
        yield
    finally:
        _PLACES.release()


def _count() -> None:
    reader = get_remote_address()
    for item in parse_many(MOST):
        if not limiter.limiter.hit(item, "comparisons", reader):
            again, _ = limiter.limiter.get_window_stats(item, "comparisons", reader)
            raise TooManyComparisons(max(1, int(again - time.time()) + 1))
