"""How the stub provider is to behave, drawn for each request from one seed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any

TAKE = "take"
# what may become of a request instead of being taken and answered 202; those of TAKEN were taken all the same
WAYS = ("429", "500", "503", "reset before", "reset after", "500 after", "stall")
TAKEN = (TAKE, "reset after", "500 after", "stall")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """Shares are parts of 1; times are seconds, drawn evenly between two bounds."""

    seed: int = 0
    slow: Range = (0.0, 0.0)  # from the whole body to the taking
    linger: Range = (0.0, 0.0)  # from the taking to the answer
    ways: Mapping[str, float] = field(default_factory=dict)  # the share of each of WAYS; the rest is taken
    evented: float = 1.0  # the share of requests taken of which events are ever posted
    reported: float = 1.0  # of those, the share of letters with events
    late: Range = (0.0, 0.1)  # how long after the taking they are posted
    doubled: float = 0.0  # the share of posts made twice
    shuffled: bool = False  # events in any order, `delivered` perhaps before `processed`
    bare: float = 0.0  # the share of events without custom arguments
    bounced: float = 0.0  # the share of letters that bounce in place of being delivered

    def changed(self, given: Mapping[str, Any]) -> Plan:
        """Return the plan with some fields changed. Raises: ValueError for an unknown field or way."""
        known = {each.name for each in fields(self)}
        if unknown := [*(given.keys() - known), *(set(given.get("ways", ())) - set(WAYS))]:
            raise ValueError(f"a plan has no {', '.join(sorted(unknown))}")
        pairs: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        return replace(self, **pairs)

    def draw(self, number: int) -> Draw:
        """What becomes of a request: the same for one seed and number, whatever came before."""
        source = Random(f"{self.seed}:{number}")
        ways = {TAKE: max(0.0, 1.0 - sum(self.ways.values())), **self.ways}
        (way,) = source.choices(list(ways), list(ways.values()))
        return Draw(way, source.uniform(*self.slow), source.uniform(*self.linger), source)


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn for one request. source: for whatever else is drawn for it."""

    way: str
    slow: float
    linger: float
    source: Random


def from_json(text: str) -> Plan:
    """Raises: ValueError."""
    return Plan().changed(json.loads(text))
