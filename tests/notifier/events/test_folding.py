"""What providers report is recorded once, counts for what it is, and is kept of nobody that is not ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from database import reading, writing
from notifier import members, scheduler
from notifier.events.folding import Folded
from notifier.models import DeliveryEvent, Subscription, SubscriptionLetter, Suppression
from policy_versions.models import Policy, Revision
from tests.house import LONGER, House, KeptLetters
from tests.notifier.events.reports import (
    LEFT_OUT,
    astray,
    barred,
    hear,
    heard,
    letter,
    lift,
    of,
    request,
    where_written,
    without_ids,
)
from tests.notifier.sending import batches, change, states

Later = Callable[..., datetime]
IN_30_DAYS, ADA = timedelta(days=31), "ada@example.com"


def is_told(house: House, name: str) -> bool:
    """Whether the second text will apply to a member, by what is on record now."""
    return house.governs(name, house.now + IN_30_DAYS) == 2


# -- recorded -----------------------------------------------------------------------------------


def test_an_event_is_recorded_with_its_request_and_without_its_address(told: House) -> None:
    assert hear(told, of(told, "ada", "delivered", hours=-1, response="250 taken for ada@example.com")) == (
        1,
        0,
        0,
    )
    with reading(told.runtime.engine) as session:
        (row,) = session.exec(select(DeliveryEvent)).all()
    assert (row.delivery_id, row.event, row.attempt_id) == (letter(told, "ada"), "delivered", request(told))
    assert (row.happened_at, row.recorded_at) == (told.now - timedelta(hours=1), told.now)
    assert where_written(told, ADA) == {"member"}


def test_what_is_known_already_adds_nothing(told: House) -> None:
    said = [of(told, name, event) for name in ("ada", "bob") for event in ("processed", "delivered", "bounce")]
    assert hear(told, *said, *said[:2]) == Folded(6, 2, 0)
    before = (heard(told), states(told), batches(told))
    assert hear(told, *said) == Folded(0, 6, 0)
    assert (heard(told), states(told), batches(told)) == before


def test_the_providers_own_number_of_an_event_says_nothing(told: House) -> None:
    """It changes between its retries."""
    assert hear(told, *(of(told, "ada", "bounce", sg_event_id=str(number)) for number in range(46))) == (1, 45, 0)


def test_the_same_at_another_time_is_another_event(told: House) -> None:
    hear(told, of(told, "ada", "deferred"), of(told, "ada", "deferred", hours=1))
    assert heard(told) == [("ada", "deferred")] * 2


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (("processed", "deferred"), "accepted"),
        (("delivered", "processed", "deferred"), "delivered"),
        (("delivered", "spamreport"), "delivered"),
        (("dropped",), "failed"),
        (("bounce", "delivered"), "bounced"),
        (("delivered", "bounce"), "bounced"),
        (("bounce", "dropped", "spamreport", "delivered", "processed"), "bounced"),
    ],
)
def test_the_state_of_a_letter_is_that_of_the_event_that_ranks_highest(
    told: House, events: tuple[str, ...], state: str
) -> None:
    for event in events:
        hear(told, of(told, "ada", event))
    assert states(told) == {"accepted": 2} | {state: 3 if state == "accepted" else 1}


def test_a_letter_given_up_for_no_fault_of_the_address_came_back_all_the_same(told: House) -> None:
    hear(told, of(told, "ada", "bounce", type="blocked"))
    assert states(told) == {"accepted": 2, "bounced": 1}
    assert (is_told(told, "ada"), is_told(told, "bob")) == (False, True)
    assert not barred(told, ADA)


# -- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "reason", "stands"), [("bounce", "bounce", False), ("spamreport", "complaint", True)]
)
def test_a_hard_bounce_and_a_complaint_bar_the_address_and_only_the_one_undoes_the_notice(
    told: House, event: str, reason: str, stands: bool
) -> None:
    hear(told, of(told, "ada", event))
    assert (barred(told, ADA), barred(told, "bob@example.com")) == (True, False)
    assert is_told(told, "ada") is stands
    with reading(told.runtime.engine) as session:
        (row,) = session.exec(select(Suppression)).all()
    assert (row.reason, row.delivery_id, row.recorded_at) == (reason, letter(told, "ada"), told.now)


@pytest.mark.parametrize(
    ("reason", "bars"), [("Bounced Address", True), ("Recipient List over Package Quota", False)]
)
def test_a_drop_undoes_the_notice_and_bars_the_address_if_that_was_its_reason(
    told: House, reason: str, bars: bool
) -> None:
    hear(told, of(told, "ada", "dropped", reason=reason))
    assert (is_told(told, "ada"), barred(told, ADA)) == (False, bars)


def test_whose_address_is_barred_is_told_of_the_next_text_on_the_site_only(
    told: House, letters: KeptLetters, later: Later
) -> None:
    hear(told, of(told, "ada", "bounce"))
    later(days=1)
    told.publish(LONGER.replace("24 months", "36 months"), rule="notice", notice_days=30)
    told.tick()
    assert letters.addresses.count(ADA) == 1
    assert letters.addresses.count("bob@example.com") == 2
    assert {(d.channel, d.reason) for d in told.deliveries() if d.channel == "site"} == {("site", "suppressed")}


def test_a_person_who_lifted_a_bar_is_not_overruled_by_a_repetition(told: House, later: Later) -> None:
    bounce = of(told, "ada", "bounce")
    hear(told, bounce)
    later(hours=1)
    lift(told, ADA)
    assert hear(told, bounce) == (0, 1, 0)
    assert not barred(told, ADA)


def test_a_new_bounce_bars_again_what_was_lifted(told: House, later: Later) -> None:
    hear(told, of(told, "ada", "bounce"))
    lift(told, ADA)
    later(hours=1)
    hear(told, of(told, "ada", "bounce"))
    assert barred(told, ADA)
    with reading(told.runtime.engine) as session:
        assert len(session.exec(select(Suppression)).all()) == 2


def test_who_changes_their_address_is_written_to_again(told: House, letters: KeptLetters, later: Later) -> None:
    hear(told, of(told, "ada", "bounce"))
    change(told, "ada", email="ada@new.example")
    later(days=1)
    told.publish(LONGER.replace("24 months", "36 months"), rule="notice", notice_days=30)
    told.tick()
    assert "ada@new.example" in letters.addresses


@pytest.mark.parametrize(
    ("own", "reported"),
    [
        ("zoë@bücher.example", "zoë@XN--BCHER-KVA.example"),
        ("zoë@xn--bcher-kva.example", "ZOË@BÜCHER.example"),
        ("zoë@xn--strae-oqa.example", "zoë@straße.example"),
    ],
)
def test_the_spellings_of_an_international_domain_are_one_mailbox(
    told: House, letters: KeptLetters, later: Later, own: str, reported: str
) -> None:
    told.member("zoe", email=own)
    later(minutes=1)
    scheduler.top_up(told.runtime)
    told.tick()
    hear(told, of(told, "zoe", "bounce", email=reported))
    later(days=1)
    told.publish(LONGER.replace("24 months", "36 months"), rule="notice", notice_days=30)
    told.tick()
    assert letters.addresses.count(own) == 1
    assert barred(told, own)


# -- who is gone --------------------------------------------------------------------------------


def erase(house: House, name: str) -> None:
    with writing(house.runtime.engine) as session:
        members.erase(session, members.by_external_id(session, name), actor="a test", now=house.now)


@pytest.mark.parametrize("event", ["bounce", "spamreport", "dropped"])
def test_an_event_of_an_erased_member_is_of_the_pseudonym_and_its_address_is_dropped(
    told: House, later: Later, event: str
) -> None:
    late = of(told, "ada", event)
    later(hours=1)
    erase(told, "ada")
    assert hear(told, late) == (1, 0, 0)
    ((name, recorded),) = heard(told)
    assert (name.startswith("member "), recorded) == (True, event)
    assert not barred(told, ADA)
    assert where_written(told, "ada@") == set()


def test_a_suppression_says_no_more_by_which_letter_once_its_member_is_erased(told: House) -> None:
    """By the letter the address would lead to the pseudonym."""
    hear(told, of(told, "ada", "bounce"), of(told, "bob", "bounce"))
    erase(told, "ada")
    with reading(told.runtime.engine) as session:
        found = session.exec(select(Suppression.delivery_id).order_by(col(Suppression.delivery_id))).all()
    assert {*found} == {None, letter(told, "bob")}
    assert barred(told, ADA), "it stays suppressed"


# -- what is none of ours -----------------------------------------------------------------------


def test_what_is_of_no_letter_is_kept_as_a_keyed_hash_only(told: House) -> None:
    stranger = "stranger@example.org"
    unknown = of(told, "ada", "bounce", delivery="987654", email=stranger, reason=f"no {stranger} here")
    assert hear(told, unknown) == (0, 0, 1)
    (row,) = astray(told)
    assert (row.event, row.named, row.happened_at) == ("bounce", "987654", told.now)
    assert row.address_key
    assert where_written(told, stranger) == set()
    assert not barred(told, stranger)


def test_what_is_named_in_place_of_a_number_is_not_kept(told: House) -> None:
    hear(told, of(told, "ada", "bounce", delivery="stranger@example.org"))
    assert [row.named for row in astray(told)] == ["no number"]
    assert where_written(told, "stranger@") == set()
    assert heard(told) == []


def test_what_names_nobody_at_all_is_kept_once(told: House) -> None:
    nobody = without_ids(told, "ada", "delivered", email=LEFT_OUT)
    assert hear(told, nobody, nobody) == (0, 1, 1)
    assert hear(told, nobody) == (0, 1, 0)
    assert [row.address_key for row in astray(told)] == [""]


def test_reports_alike_but_for_what_they_name_are_kept_side_by_side(told: House) -> None:
    """Of one address, one event, one second: one names a letter, one something else, one nothing."""
    stranger = "stranger@example.org"
    alike = [
        of(told, "ada", "bounce", email=stranger, delivery="987654"),
        of(told, "ada", "bounce", email=stranger, delivery="what is this"),
        without_ids(told, "ada", "bounce", email=stranger),
        of(told, "ada", "bounce", email=stranger, delivery="987654", attempt=LEFT_OUT),
    ]
    assert hear(told, *alike) == (0, 1, 3)
    assert sorted(row.named for row in astray(told)) == ["", "987654", "no number"]


# -- subscribers --------------------------------------------------------------------------------


@pytest.fixture
def subscribed(told: House) -> tuple[int, int]:
    """A subscription, and a letter to it as it is named."""
    with writing(told.runtime.engine) as session:
        policy, revision = session.exec(select(Policy)).one(), session.exec(select(Revision)).first()
        assert revision is not None
        one = _add(session, Subscription(policy_id=policy.id or 0, email="s@example.org", email_key="k", asked_at=told.now, confirmed_at=told.now))  # fmt: skip  # noqa: E501
        sent = _add(session, SubscriptionLetter(subscription_id=one, kind="change", revision_id=revision.id or 0, state="accepted", recorded_at=told.now))  # fmt: skip  # noqa: E501
    return one, -sent


def _add(session: Session, row: Subscription | SubscriptionLetter) -> int:
    session.add(row)
    session.flush()
    return row.id or 0


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({"event": "bounce"}, True),
        ({"event": "spamreport"}, True),
        ({"event": "bounce", "type": "blocked"}, False),
        ({"event": "delivered"}, False),
    ],
)
def test_what_is_said_of_a_letter_to_a_subscriber_is_for_its_keeper(
    told: House, subscribed: tuple[int, int], said: dict[str, Any], ends: bool
) -> None:
    subscription, named = subscribed
    assert hear(told, of(told, "ada", **said, delivery=str(named), email="s@example.org")) == (0, 0, 0)
    with reading(told.runtime.engine) as session:
        assert (session.get_one(Subscription, subscription).ended_at is not None) is ends
    assert (heard(told), astray(told)) == ([], [])


def test_a_letter_to_a_subscriber_that_is_on_no_record_is_kept_as_of_no_letter(told: House) -> None:
    assert hear(told, *(of(told, "ada", "bounce", delivery=each) for each in ("-99", f"-{2**62}"))) == (0, 0, 2)
