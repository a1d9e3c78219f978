"""The pace: one budget for all workers, counted by what may have left, and the provider's own wishes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select, update

from database import reading, writing
from notifier import deciding, outbox, pacing, scheduler
from notifier.models import ATTEMPT_STATES, Attempt, Batch, Notice, Pace
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, Unknown
from settings import Settings
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.ledgers import Books, Plan
from tests.notifier.sending import Later, fates, opened, parted, people, states, together, worker


def allowance(house: House, **settings: object) -> int | None:
    with writing(house.runtime.engine) as session:
        given = house.runtime.settings.model_copy(update=settings)
        return pacing.allowance(session, given, now=house.now)


def pace(house: House) -> Pace:
    with reading(house.runtime.engine) as session:
        return session.exec(select(Pace)).one()


def set_pace(house: House, **fields: object) -> None:
    with writing(house.runtime.engine) as session:
        session.exec(update(Pace).where(col(Pace.id) == 1).values(**fields))


def refused(house: House, retry_after: float | None = None) -> None:
    with writing(house.runtime.engine) as session:
        pacing.refused(session, retry_after=retry_after, said="Too many requests.", now=house.now)


def taken(house: House) -> None:
    with writing(house.runtime.engine) as session:
        pacing.taken(session, now=house.now)


# -- quotas -------------------------------------------------------------------------------------


def test_without_a_quota_as_many_leave_as_there_are(running: House) -> None:
    assert allowance(running) is None


def test_no_more_than_the_quota_leave_in_an_hour(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, 7)
    opened(running)
    hourly = worker(running, "node 1", quota_hour=3)
    sizes = []
    for _ in range(4):
        outbox.deliver(hourly)
        outbox.deliver(hourly)
        sizes.append(len(letters.taken))
        later(minutes=60)
    assert sizes == [3, 6, 7, 7]
    assert running.notice().state == "complete"


def test_the_window_rolls_with_each_letter(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, 6)
    opened(running)
    letters.request_size = 1
    hourly = worker(running, "node 1", quota_hour=2)
    letters.answers.extend([None, NotSent("The server was not reached.", retry_after=1800)])
    outbox.deliver(hourly)
    assert len(letters.taken) == 1
    later(minutes=30)
    outbox.deliver(hourly)
    assert len(letters.taken) == 2
    later(minutes=30)
    outbox.deliver(hourly)
    assert len(letters.taken) == 3, "the first is an hour ago, the second is not"
    later(minutes=30)
    outbox.deliver(hourly)
    assert len(letters.taken) == 4


@pytest.mark.parametrize(("hour", "day", "left"), [(3, 5, [3, 5, 5]), (None, 4, [4, 4, 4]), (9, 2, [2, 2, 2])])
def test_the_narrower_of_two_quotas_counts(
    running: House, letters: KeptLetters, later: Later, hour: int | None, day: int, left: list[int]
) -> None:
    people(running, 20)
    opened(running)
    asked = worker(running, "node 1", quota_hour=hour, quota_day=day)
    found = []
    for _ in left:
        outbox.deliver(asked)
        found.append(len(letters.taken))
        later(hours=1)
    assert found == left
    later(days=1)
    assert allowance(running, quota_hour=hour, quota_day=day) == min(hour or day, day)


def test_workers_at_once_never_spend_a_letter_twice(running: House, letters: KeptLetters) -> None:
    people(running, 30)
    opened(running)
    parted(running, 3)
    letters.request_size = 2
    asked = [worker(running, f"node {number}", quota_hour=7, sending_threads=2) for number in range(3)]
    found = together(*(lambda each=each: outbox.deliver(each) for each in asked))
    assert not [each for each in found if isinstance(each, Exception)], found
    assert len(letters.taken) == 7
    assert states(running) == {"accepted": 7, "queued": 23}


def test_a_quota_is_shared_by_all_notices(running: House, letters: KeptLetters) -> None:
    people(running, 3)
    running.policy("terms", title="Terms")
    running.publish(FIRST, slug="terms")
    running.tick()
    opened(running)
    running.publish(LONGER, slug="terms")
    deciding.decide_due(running.runtime)
    scheduler.open_due(running.runtime)
    outbox.deliver(worker(running, "node 1", quota_hour=4))
    assert len(letters.taken) == 4


@pytest.mark.parametrize("state", ATTEMPT_STATES)
def test_only_what_may_have_left_is_spent(running: House, state: str) -> None:
    with writing(running.runtime.engine) as session:
        books = Books(session, running.now)
        notice = books.notice([Plan("email", "queued", ["untouched"] * 5)])
        batch = books.batch(notice, 2, Plan("email", "queued", []), iter(()))
        books.attempt(batch, state, 1, 6, 5)
    left = state in ("started", "accepted", "unknown", "resent")
    assert allowance(running, quota_hour=100) == (95 if left else 100)


def test_an_attempt_counts_for_its_hour_and_no_longer(running: House, later: Later) -> None:
    with writing(running.runtime.engine) as session:
        books = Books(session, running.now)
        batch = books.batch(books.notice(), 1, Plan("email", "queued", []), iter(()))
        books.attempt(batch, "accepted", 1, 6, 5)
    later(minutes=59, seconds=59)
    assert allowance(running, quota_hour=7) == 2
    later(seconds=1)
    assert allowance(running, quota_hour=7) == 7


def test_a_quota_that_was_made_smaller_lets_nothing_leave_for_a_while(running: House) -> None:
    with writing(running.runtime.engine) as session:
        books = Books(session, running.now)
        batch = books.batch(books.notice(), 1, Plan("email", "queued", []), iter(()))
        books.attempt(batch, "accepted", 1, 6, 5)
    assert allowance(running, quota_hour=2) == 0


def test_a_bad_address_costs_the_quota_its_own_letter_at_most(running: House, letters: KeptLetters) -> None:
    people(running, 16)
    letters.refuses, letters.refusal = {"m005@example.com"}, Refused("malformed", address=True)
    opened(running)
    outbox.deliver(worker(running, "node 1", quota_hour=16))
    assert states(running) == {"accepted": 15, "failed": 1}


# -- the provider's wishes ----------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [30, 3600, 6 * 3600])
def test_nobody_sends_before_the_provider_said(
    running: House, letters: KeptLetters, later: Later, seconds: int
) -> None:
    people(running, 4)
    opened(running)
    parted(running, 2)
    letters.answers.append(NotSent("Too many requests.", status=429, retry_after=seconds))
    outbox.deliver(running.runtime)
    assert len(letters.requests) == 1
    later(seconds=seconds - 1)
    outbox.deliver(worker(running, "node 2"))
    assert len(letters.requests) == 1
    assert allowance(running) == 0
    later(seconds=1)
    outbox.deliver(worker(running, "node 2"))
    assert states(running) == {"accepted": 4}
    assert pace(running).rate is None, "the provider names its limit, so none is guessed"


def test_no_answer_however_garbled_silences_us_for_longer_than_a_day(running: House, later: Later) -> None:
    refused(running, retry_after=10**9)
    later(hours=24)
    assert allowance(running) is None


class Spent(KeptLetters):
    """A provider that says with each answer how long its budget is spent."""

    pause: float = 60.0

    def send(self, message: Message, recipients: list[Recipient], *, attempt_id: int) -> Accepted:  # type: ignore[override]
        return KeptLetters.send(self, message, recipients, attempt_id=attempt_id)._replace(pause=self.pause)


def test_an_answer_that_says_the_budget_is_spent_holds_all_workers(running: House, later: Later) -> None:
    people(running, 3)
    opened(running)
    sender = Spent(request_size=1)
    outbox.deliver(worker(running, "node 1", sender=sender))
    outbox.deliver(worker(running, "node 2", sender=sender))
    assert len(sender.taken) == 1
    later(seconds=60)
    outbox.deliver(worker(running, "node 2", sender=sender))
    assert len(sender.taken) == 2


def test_a_short_pause_does_not_end_a_longer_one(running: House, later: Later) -> None:
    refused(running, retry_after=600)
    with writing(running.runtime.engine) as session:
        pacing.hold(session, seconds=2, now=running.now)
    later(seconds=599)
    assert allowance(running) == 0
    refused(running, retry_after=1)
    later(seconds=1)
    assert allowance(running) is None


def test_a_refusal_without_a_time_halves_the_rate_at_which_letters_left(running: House, later: Later) -> None:
    with writing(running.runtime.engine) as session:
        books = Books(session, running.now)
        batch = books.batch(books.notice(), 1, Plan("email", "queued", []), iter(()))
        books.attempt(batch, "accepted", 1, 501, 500)  # in ten seconds: fifty a second
    refused(running)
    assert pace(running).rate == 25
    assert allowance(running) == 0, "for a moment nothing leaves"
    refused(running)
    assert pace(running).rate == 12.5
    later(seconds=10)
    assert allowance(running) == 125, "of what leaves in ten seconds"
    for _ in range(20):
        refused(running)
    assert pace(running).rate == pacing.LEAST_RATE


def test_the_rate_rises_again_with_each_second_in_which_letters_are_taken(running: House, later: Later) -> None:
    set_pace(running, rate=100.0, recorded_at=running.now)
    taken(running)
    assert pace(running).rate == 100, "at most once a second"
    for second in range(1, 4):
        later(seconds=1)
        taken(running)
        taken(running)
        assert pace(running).rate == pytest.approx(100 * 1.05**second)


def test_a_rate_that_was_never_found_is_not_raised(running: House) -> None:
    taken(running)
    assert pace(running).rate is None


@pytest.mark.parametrize(
    "answer", [Unknown("It gave no answer."), NotSent("The server was not reached.", retry_after=60)]
)
def test_a_failure_raises_no_rate(running: House, letters: KeptLetters, answer: Exception) -> None:
    set_pace(running, rate=100.0, recorded_at=running.now - timedelta(minutes=1))
    people(running, 1)
    opened(running)
    letters.answers.append(answer)  # type: ignore[arg-type]
    outbox.deliver(running.runtime)
    assert pace(running).rate == 100


def test_a_found_rate_is_kept_by_all_workers(running: House, letters: KeptLetters, later: Later) -> None:
    set_pace(running, rate=1.0, recorded_at=running.now)
    people(running, 25)
    opened(running)
    left = []
    for _ in range(3):
        outbox.deliver(worker(running, "node 1"))
        outbox.deliver(worker(running, "node 2"))
        left.append(len(letters.taken))
        later(seconds=10)
    assert left[0] == 10
    assert left[1] <= 10 + 11
    assert left[2] == 25


def test_a_refused_request_leaves_all_its_letters_in_the_queue(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 5)
    opened(running)
    letters.answers.append(NotSent("Too many requests.", status=429))
    outbox.deliver(running.runtime)
    assert (fates(running), running.notice().failures) == ({"not_sent": 1}, 0)
    later(seconds=10)
    outbox.deliver(running.runtime)
    assert states(running) == {"accepted": 5}


def test_the_budget_is_asked_for_by_one_at_a_time(running: House, given_settings: Settings) -> None:
    """Two transactions that each spend what is left: the second sees what the first has spent."""
    people(running, 1)
    notice = opened(running)
    limited = given_settings.model_copy(update={"quota_hour": 10})

    def spend() -> int:
        with writing(running.runtime.engine) as session:
            allowed = pacing.allowance(session, limited, now=running.now) or 0
            session.add(_attempt(session, notice, allowed, running.now))
            return allowed

    assert sorted(together(spend, spend, spend)) == [0, 0, 10]


def _attempt(session: Session, notice: Notice, letters: int, now: datetime) -> Attempt:
    batch = session.exec(select(Batch).where(Batch.notice_id == notice.id)).one()
    return Attempt(
        batch_id=batch.id or 0, first=0, last=0, recipients=letters, body_sha256="", sender="kept", started_at=now
    )
