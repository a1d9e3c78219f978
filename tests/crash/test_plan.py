"""What the stub provider draws is drawn from its seed alone."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.crash.journal import Request
from tests.crash.plan import WAYS, Plan, from_json
from tests.crash.posting import posts

TAKEN = Request(7, attempt=3, letters=[(1, "m1@example.com"), (2, "m2@example.com")])


def test_a_request_meets_the_same_fate_whatever_came_before() -> None:
    plan = Plan(seed=5, ways={"stall": 0.5}, slow=(0.0, 1.0))
    first, again = plan.draw(9), plan.draw(9)
    assert (first.way, first.slow, first.linger) == (again.way, again.slow, again.linger)


def test_each_way_has_its_share() -> None:
    plan = Plan(ways={"429": 0.25, "reset after": 0.25})
    drawn = Counter(plan.draw(number).way for number in range(4000))
    assert drawn.keys() == {"take", "429", "reset after"}
    assert drawn["take"] == pytest.approx(2000, rel=0.1)


def test_a_plan_is_changed_by_parts() -> None:
    plan = from_json('{"seed": 3, "slow": [0.1, 0.2]}').changed({"ways": {"500": 1.0}})
    assert (plan.seed, plan.slow, plan.draw(1).way) == (3, (0.1, 0.2), "500")


@pytest.mark.parametrize("given", [{"speed": 1}, {"ways": {"explode": 0.1}}])
def test_a_plan_refuses_what_it_does_not_know(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a plan has no"):
        Plan().changed(given)


def test_every_way_can_be_asked_for() -> None:
    assert {Plan(ways={way: 1.0}).draw(1).way for way in WAYS} == set(WAYS)


def test_every_letter_is_processed_and_then_delivered() -> None:
    processed, delivered = posts(TAKEN, Plan(), Random(1), at=100.0)
    assert [(each["event"], each["timestamp"]) for each in processed] == [("processed", 100)] * 2
    assert [(each["event"], each["timestamp"]) for each in delivered] == [("delivered", 101)] * 2
    assert {(each["delivery"], each["attempt"], each["email"]) for each in delivered} == {
        ("1", "3", "m1@example.com"),
        ("2", "3", "m2@example.com"),
    }


def test_events_may_never_come() -> None:
    assert posts(TAKEN, Plan(evented=0.0), Random(1), at=100.0) == []
    assert posts(TAKEN, Plan(reported=0.0), Random(1), at=100.0) == []


def test_events_may_come_twice_without_custom_arguments_and_as_bounces() -> None:
    made = posts(TAKEN, Plan(doubled=1.0, bare=1.0, bounced=1.0), Random(1), at=100.0)
    assert [each[0]["event"] for each in made] == ["processed", "bounce", "processed", "bounce"]
    assert not any("attempt" in event or "delivery" in event for each in made for event in each)
