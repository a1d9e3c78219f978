"""What tests of events start from: a notice whose letters have left."""

from __future__ import annotations

import pytest

from tests.house import LONGER, House
from tests.once import made_once


@pytest.fixture
@made_once
def told(running: House) -> House:
    """Ada, Bob and Cem were each sent a letter, in one request that was taken; it applies in 30 days."""
    for name in ("ada", "bob", "cem"):
        running.member(name)
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    return running
