"""Whether the record says what it said, as a server asks: by the database's own clock, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from database import DatabaseClock, writing
from policy_versions import audit
from tests.house import FIRST, House
from web.serving.freshness import Freshness


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def asked(house: House) -> Freshness:
    return Freshness(replace(house.runtime, clock=DatabaseClock()))


def test_what_anybody_writes_that_readers_see_makes_another_version(house: House) -> None:
    ours = asked(house)
    first = ours.look()
    assert ours.look().version == first.version
    house.policy()
    second = ours.look()
    assert second.version > first.version
    assert second.now >= first.now
    with writing(house.runtime.engine) as session:
        audit.record(session, actor="a test", action="erased", subject="member 1", now=house.now)
    assert ours.look().version == second.version
    house.publish(FIRST)
    assert ours.look().version > second.version


def test_a_look_after_the_connections_were_given_up_has_one_anew(house: House) -> None:
    ours = asked(house)
    before = ours.look()
    house.runtime.engine.dispose()
    after = ours.look()
    assert (after.version, after.now >= before.now) == (before.version, True)


def test_a_page_ends_with_the_minute_or_when_a_text_comes_into_force_or_is_news_no_more(house: House) -> None:
    ours = Freshness(house.runtime)
    house.policy()
    soon = house.now + timedelta(seconds=20)
    house.publish(FIRST, effective_at=soon)
    look = ours.look()
    assert ours.until(look.now) == soon
    assert ours.until(soon) == house.now + timedelta(minutes=1)
    over = soon + timedelta(days=house.runtime.settings.banner_days)
    assert ours.until(over - timedelta(seconds=1)) == over


def test_a_connection_that_breaks_is_said_and_made_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = asked(house)
    ours.look()
    glance: Any = ours._glance
    glance._connection.close()
    glance._asked = -1.0
    with pytest.raises(Exception, match="clos"):
        ours.look()
    assert ours.look().version
