"""What many pages need alike, worked out once while the record stands as it does: the navigation, the news."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from flask import current_app, request

from web.serving.freshness import Freshness, Look

LOOK = "gazette.look"  # in a request's environment: how the record stood when it came
T = TypeVar("T")


class _Known(NamedTuple):
    version: int
    until: datetime
    value: object


class Lately:
    """Of one process, by name. What is kept holds values alone, nothing that asks a database."""

    def __init__(self, freshness: Freshness) -> None:
        self._freshness = freshness
        self._known: dict[str, _Known] = {}

    def get(self, name: str, look: Look, make: Callable[[], T]) -> T:
        known = self._known.get(name)
        if known is None or not look.holds(known.version, known.until):
            known = self._known[name] = _Known(look.version, self._freshness.until(look.now), make())
        return cast(T, known.value)


def lately(name: str, make: Callable[[], T]) -> T:
    """The value of that name as the record stands; made anew where nobody looked."""
    look: Look | None = request.environ.get(LOOK)
    kept: Lately | None = current_app.extensions.get("gazette_lately")
    return make() if look is None or kept is None else kept.get(name, look, make)
