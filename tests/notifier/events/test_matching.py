"""Which letter a report is about: the one it names, else the latest to its address that it may be about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import col, select

from database import reading
from notifier import outbox, scheduler
from notifier.models import DeliveryEvent
from notifier.senders.protocol import NotSent, Unknown
from tests.house import LONGER, House, KeptLetters
from tests.notifier.events.reports import astray, barred, hear, heard, letter, of, without_ids
from tests.notifier.sending import attempts, opened, set_notice

Later = Callable[..., datetime]
NEXT = LONGER.replace("24 months", "36 months")


@pytest.mark.parametrize("event", ["bounce", "dropped", "spamreport"])
def test_what_comes_late_and_lost_its_ids_is_found_by_its_address(told: House, event: str) -> None:
    assert hear(told, without_ids(told, "ada", event, email="ADA@Example.com")) == (1, 0, 0)
    assert heard(told) == [("ada", event)]
    assert barred(told, "ada@example.com")


@pytest.mark.parametrize("event", ["delivered", "processed", "deferred"])
def test_what_would_claim_that_a_letter_was_received_is_not_found_by_its_address(told: House, event: str) -> None:
    """It may be of any other mail of the same account."""
    assert hear(told, without_ids(told, "ada", event)) == (0, 0, 1)
    assert heard(told) == []


def test_what_names_a_letter_that_is_none_of_ours_is_not_looked_for_by_its_address(told: House) -> None:
    wrong = [of(told, "ada", "bounce", delivery=each) for each in ("987654", "none", str(2**70))]
    assert hear(told, *wrong) == (0, 1, 2)
    assert heard(told) == []


def test_an_address_of_nobody_is_of_no_letter(told: House) -> None:
    assert hear(told, without_ids(told, "stranger", "bounce")) == (0, 0, 1)


@pytest.mark.parametrize("hours", [0, 24])
def test_of_several_letters_to_an_address_the_latest_that_had_left_is_meant(
    told: House, later: Later, hours: int
) -> None:
    first = letter(told, "ada")
    later(days=1)
    told.publish(NEXT, rule="notice", notice_days=30)
    told.tick()
    second = letter(told, "ada")
    assert first != second
    hear(told, without_ids(told, "ada", "bounce", hours=-hours))
    assert of_letters(told) == [first if hours else second]


def of_letters(house: House) -> list[int]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(DeliveryEvent.delivery_id).order_by(col(DeliveryEvent.id))))


def test_a_repetition_is_of_the_same_letter_though_another_left_in_the_meantime(told: House, later: Later) -> None:
    """Clocks differ by minutes; but what had left before the report goes before what left after it."""
    bounce = without_ids(told, "ada", "bounce")
    first = letter(told, "ada")
    hear(told, bounce)
    later(minutes=3)
    told.publish(NEXT, rule="notice", notice_days=30)
    told.member("dan")
    told.tick()
    assert hear(told, bounce, without_ids(told, "dan", "bounce", hours=-0.01)) == (1, 1, 0)
    assert of_letters(told) == [first, letter(told, "dan")]


def test_what_is_older_than_any_letter_to_its_address_is_of_none(told: House) -> None:
    assert hear(told, without_ids(told, "ada", "bounce", hours=-0.25)) == (0, 0, 1)


def test_what_is_of_another_message_is_of_no_letter(told: House) -> None:
    attempt = attempts(told)[-1]
    ours, other = f"{attempt.provider_message_id}.recvd-5f54-1.0", f"{attempt.provider_message_id}0.recvd-5f54-1.0"
    assert hear(told, without_ids(told, "ada", "bounce", sg_message_id=other)) == (0, 0, 1)
    assert hear(told, without_ids(told, "ada", "bounce", sg_message_id=ours)) == (1, 0, 0)


def test_the_message_tells_which_of_two_letters_is_meant(told: House, later: Later) -> None:
    first, message = letter(told, "ada"), attempts(told)[-1].provider_message_id
    later(days=1)
    told.publish(NEXT, rule="notice", notice_days=30)
    told.tick()
    hear(told, without_ids(told, "ada", "bounce", sg_message_id=f"{message}.1"))
    assert of_letters(told) == [first]


def test_a_notice_that_opened_long_ago_is_not_looked_at(told: House, later: Later) -> None:
    later(days=31)
    assert hear(told, without_ids(told, "ada", "bounce")) == (0, 0, 1)


def test_a_notice_that_is_over_is(told: House) -> None:
    set_notice(told, told.notice().id, state="complete")
    assert hear(told, without_ids(told, "ada", "bounce")) == (1, 0, 0)


def test_a_letter_that_may_have_left_is_found_and_one_that_did_not_is_not(
    running: House, letters: KeptLetters, later: Later
) -> None:
    letters.answers.append(NotSent("Not now.", status=429))
    running.member("ada")
    opened(running, rule="notice", notice_days=30)
    outbox.deliver(running.runtime)
    assert hear(running, without_ids(running, "ada", "bounce")) == (0, 0, 1)
    later(hours=1)
    letters.answers.append(Unknown("The connection was reset."))
    outbox.deliver(running.runtime)
    assert hear(running, without_ids(running, "ada", "bounce", hours=0.1)) == (1, 0, 0)
    assert [attempt.state for attempt in attempts(running)] == ["not_sent", "unknown"], "it proves nothing"


def test_a_letter_to_a_guardian_went_to_another_address(running: House) -> None:
    running.member("kim", guardian_email="parent@example.com")
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    assert hear(running, without_ids(running, "kim", "bounce")) == (0, 0, 1)
    assert hear(running, of(running, "kim", "bounce", email="parent@example.com")) == (1, 0, 0)
    assert (barred(running, "parent@example.com"), barred(running, "kim@example.com")) == (True, False)


def test_members_who_share_an_address_had_a_letter_each_and_one_is_found(told: House) -> None:
    told.member("dan", email="ada@example.com")
    scheduler.top_up(told.runtime)
    told.tick()
    assert hear(told, without_ids(told, "ada", "bounce")) == (1, 0, 0)
    assert (heard(told), astray(told)) == ([("dan", "bounce")], []), "the later of the two"
