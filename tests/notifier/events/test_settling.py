"""What one event proves: that the whole request was taken in which its letter was, and of no other anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from database import reading
from notifier import outbox
from notifier import settling as doubts
from notifier.models import Attempt, Delivery, DeliveryEvent, Member
from notifier.senders.protocol import Refused, Unknown
from tests.house import House, KeptLetters
from tests.notifier.events.reports import LEFT_OUT, hear, of, request, without_ids
from tests.notifier.sending import DoesFirst, attempts, batches, opened, people, states, worker
from tests.once import made_once

Later = Callable[..., datetime]
RESET = Unknown("The connection was reset.")


@pytest.fixture
@made_once
def doubted(running: House, letters: KeptLetters) -> House:
    """Three letters in one request of which nobody knows whether it was taken."""
    people(running, 3)
    opened(running, rule="notice", notice_days=30)
    letters.answers.append(RESET)
    outbox.deliver(running.runtime)
    assert [batch.state for batch in batches(running)] == ["unknown"]
    return running


@pytest.mark.parametrize("event", ["processed", "delivered", "bounce", "dropped", "spamreport"])
def test_one_event_settles_its_whole_request_and_the_batch_follows(
    doubted: House, later: Later, event: str
) -> None:
    later(hours=1)
    hear(doubted, of(doubted, "m001", event))
    (attempt,) = attempts(doubted)
    assert (attempt.state, attempt.settled_by, attempt.recorded_at) == ("accepted", "event", doubted.now)
    assert attempt.doubted_at == doubted.now - timedelta(hours=1), "that it was in doubt stays on record"
    assert [batch.state for batch in batches(doubted)] == ["accepted"]
    assert "unknown" not in states(doubted)
    assert doubted.governs("m000", doubted.now + timedelta(days=31)) == 2, "notice given when it was settled"


def test_what_is_settled_is_not_sent_again_and_the_notice_is_complete(
    doubted: House, letters: KeptLetters, later: Later
) -> None:
    hear(doubted, of(doubted, "m001", "processed"))
    later(hours=5)
    doubted.tick()
    assert (len(letters.requests), doubted.notice().state) == (1, "complete")


@pytest.mark.parametrize("attempt", [LEFT_OUT, "0", "-1", "987654", str(2**31), str(2**63 - 1), "nonsense"])
def test_an_event_that_names_no_request_of_ours_settles_nothing(doubted: House, attempt: str) -> None:
    hear(doubted, of(doubted, "m001", "delivered", attempt=attempt))
    assert [each.state for each in attempts(doubted)] == ["unknown"]
    assert states(doubted) == {"delivered": 1, "unknown": 2}, "it is recorded all the same"
    with reading(doubted.runtime.engine) as session:
        assert session.exec(select(DeliveryEvent.attempt_id)).all() == [None]


def test_an_event_found_by_its_address_settles_nothing(doubted: House) -> None:
    hear(doubted, without_ids(doubted, "m001", "bounce"))
    assert [each.state for each in attempts(doubted)] == ["unknown"]


def test_a_deferral_settles_nothing_by_its_count_of_tries(doubted: House) -> None:
    hear(doubted, of(doubted, "m001", "deferred", attempt=str(request(doubted))))
    assert [each.state for each in attempts(doubted)] == ["unknown"]


def test_a_request_that_does_not_cover_the_letter_is_not_believed(running: House, letters: KeptLetters) -> None:
    letters.request_size = 2
    people(running, 4)
    opened(running, rule="notice", notice_days=30)
    letters.answers.extend([RESET, RESET])
    outbox.deliver(running.runtime)
    outbox.deliver(running.runtime)
    first, second = attempts(running)
    of_first = letters.requests[0][0].removesuffix("@example.com")
    hear(running, of(running, of_first, "delivered", attempt=str(second.id)))
    assert [each.state for each in attempts(running)] == ["unknown", "unknown"]
    hear(running, of(running, of_first, "processed", attempt=str(first.id)))
    assert [each.state for each in attempts(running)] == ["accepted", "unknown"]
    assert [batch.state for batch in batches(running)] == ["unknown"], "the other request may have left or not"


def test_a_request_known_to_be_refused_or_taken_stays_so(running: House, letters: KeptLetters) -> None:
    letters.refuses, letters.refusal = {"m001@example.com"}, Refused("Bad.", status=400, address=True)
    people(running, 2)
    opened(running, rule="notice", notice_days=30)
    outbox.deliver(running.runtime)
    before = [(each.id, each.state, each.settled_by) for each in attempts(running)]
    assert {state for _, state, _ in before} >= {"halved", "accepted", "refused"}
    hear(running, *(of(running, "m001", "processed", attempt=str(number)) for number, _, _ in before))
    assert [(each.id, each.state, each.settled_by) for each in attempts(running)] == before


def test_an_event_that_comes_before_the_answer_settles_the_request_and_the_answer_does_no_harm(
    running: House,
) -> None:
    people(running, 3)
    opened(running, rule="notice", notice_days=30)
    early = DoesFirst(deeds=[lambda: hear(running, of(running, "m001", "delivered"))])
    outbox.deliver(worker(running, "node 2", sender=early))
    (attempt,) = attempts(running)
    assert (attempt.state, [batch.state for batch in batches(running)]) == ("accepted", ["accepted"])
    assert states(running) == {"delivered": 1, "accepted": 2}


@pytest.mark.parametrize("again", [False, True])
def test_a_request_given_up_that_was_taken_after_all(
    doubted: House, letters: KeptLetters, later: Later, again: bool
) -> None:
    """Where nothing of it left again yet, nothing will; else its members are known to have got two letters."""
    named = request(doubted)
    later(hours=3)
    doubts.settle(doubted.runtime)
    if again:
        outbox.deliver(doubted.runtime)
    hear(doubted, of(doubted, "m001", "delivered", attempt=str(named)))
    first = attempts(doubted)[0]
    assert (first.state, first.settled_by, first.duplicate) == ("accepted", "event", again)
    outbox.deliver(doubted.runtime)
    assert len(letters.requests) == (2 if again else 1)
    assert states(doubted) == {"delivered": 1, "accepted": 2}


def test_letters_of_many_requests_are_settled_in_one_fold(running: House, letters: KeptLetters) -> None:
    letters.request_size = 1
    people(running, 5)
    opened(running, rule="notice", notice_days=30)
    letters.answers.extend([RESET] * 5)
    for _ in range(5):
        outbox.deliver(running.runtime)
    rows = _named(running)
    assert len(rows) == 5
    hear(running, *(of(running, name, "processed", attempt=str(number)) for name, number in rows))
    assert {each.state for each in attempts(running)} == {"accepted"}
    assert {batch.state for batch in batches(running)} == {"accepted"}


def _named(house: House) -> list[tuple[str, int]]:
    """Each member and the request that their letter was in."""
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Member.external_id, Attempt.id)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
            .where(col(Delivery.position) >= Attempt.first, col(Delivery.position) < Attempt.last)
        )
        return [(name or "", number or 0) for name, number in rows]
