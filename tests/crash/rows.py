"""What the verdict is given: rows of the ledger, and what was done to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

NEVER = float("inf")


class Attempt(NamedTuple):
    """A row of the ledger; instants are Unix time."""

    id: int
    batch: int
    first: int
    last: int
    recipients: int
    state: str
    started_at: float
    doubted_at: float | None
    recorded_at: float | None
    settled_by: str
    duplicate: bool

    @property
    def doubted(self) -> float:
        return NEVER if self.doubted_at is None else self.doubted_at


class Delivery(NamedTuple):
    """A row of the ledger, with the address of its member. outcome: "" where it is its batch's."""

    id: int
    address: str
    batch: int
    position: int | None
    outcome: str


class Event(NamedTuple):
    """A row of the ledger: the provider reported something of a delivery, and so it had taken it."""

    delivery: int
    attempt: int | None
    recorded_at: float


class Ledger(NamedTuple):
    """What stands in the database at the end. state: the notice's."""

    state: str
    attempts: Mapping[int, Attempt]
    deliveries: Mapping[int, Delivery]
    events: Sequence[Event]


class Violence(NamedTuple):
    """Something done to a worker, or to the database. what: kill, stop or cut; caller: "" for all workers.

    open: the attempts that the ledger showed as started by whom it was done to, right after `at`.
    """

    what: str
    caller: str
    at: float
    until: float
    open: frozenset[int]
