"""Comparisons for pages: computed one at a time in a process, and kept, for published texts never change."""

from __future__ import annotations

import threading
from functools import lru_cache

from policy_versions import diff
from policy_versions.diff import Change
from policy_versions.models import Revision

_one_at_a_time = threading.Lock()


class _Pair:
    """A pair of texts that is looked up by their hashes."""

    __slots__ = ("key", "new", "old")

    def __init__(self, old: Revision, new: Revision) -> None:
        self.key = (diff.ENGINE, old.sha256, new.sha256)
        self.old, self.new = old.text, new.text

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Pair) and self.key == other.key


@lru_cache(maxsize=256)
def _compared(pair: _Pair) -> Change:
    change = diff.compare(pair.old, pair.new)
    pair.old = pair.new = ""  # the cache keeps the change, not the texts
    return change


def compare(old: Revision, new: Revision) -> Change:
    """The change between two published revisions."""
    with _one_at_a_time:
        return _compared(_Pair(old, new))
