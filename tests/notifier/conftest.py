"""What tests of the telling start from."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier import deciding
from tests.house import FIRST, House
from tests.once import made_once


@pytest.fixture
@made_once
def running(house: House) -> House:
    """A policy with a first text in force since yesterday's noon, decided, and nobody told of anything yet."""
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    deciding.decide_due(house.runtime)
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    return house
