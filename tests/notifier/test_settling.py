"""What is in doubt: leases that ran out, and requests of which nobody knows whether they left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from database import reading, writing
from notifier import conditions, control, deliveries, members, outbox, recalling, settling
from notifier.events import folding
from notifier.events.reading import Reported
from notifier.models import Batch, Notice, Quarantine
from notifier.senders.protocol import Accepted, Message, Recipient, Unknown
from tests.conftest import make_settings
from tests.house import LONGER, House, KeptLetters
from tests.notifier.sending import (
    Later,
    act,
    attempts,
    batches,
    fates,
    member,
    opened,
    parted,
    people,
    set_notice,
    states,
    together,
    worker,
)


class Dies(KeptLetters):
    """A worker that is killed with its first request under way."""

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        raise SystemExit  # as SIGKILL would: nothing of ours runs after it


def die(house: House, **given: Any) -> None:
    with pytest.raises(SystemExit):
        outbox.deliver(worker(house, "dead", sender=Dies(**given)))


def doubtful(house: House, letters: KeptLetters, count: int = 1) -> Notice:
    """A notice one request of which may have left."""
    people(house, count)
    letters.answers.append(Unknown("It gave no answer."))
    notice = opened(house)
    outbox.deliver(house.runtime)
    assert fates(house) == {"unknown": 1}
    return notice


# -- leases -------------------------------------------------------------------------------------


def test_what_was_in_flight_when_its_lease_ran_out_is_unknown_and_never_queued(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 3)
    opened(running)
    die(running)
    later(seconds=179)
    assert settling.settle(running.runtime) == 0
    assert fates(running) == {"started": 1}
    later(seconds=1)
    assert settling.settle(running.runtime) == 1
    (attempt,) = attempts(running)
    assert (attempt.state, attempt.said, attempt.doubted_at) == (
        "unknown",
        "in flight when dead stopped",
        running.now,
    )
    outbox.deliver(running.runtime)
    assert letters.requests == []
    assert (states(running), batches(running)[0].state) == ({"unknown": 3}, "unknown")
    with reading(running.runtime.engine) as session:
        named = deliveries.doubtful_deliveries(session, running.notice(), limit=None)
    assert [doubt.row.member for doubt in named] == ["m000", "m001", "m002"]


def test_what_of_a_dead_workers_batch_had_not_begun_is_sent_by_another(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 3)
    opened(running)
    letters.request_size = 1
    die(running, request_size=1)
    later(minutes=4)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert letters.addresses == ["m001@example.com", "m002@example.com"]
    assert states(running) == {"unknown": 1, "accepted": 2}


def test_one_who_died_before_anything_was_begun_leaves_nothing_in_doubt(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    opened(running)
    assert outbox._claim(worker(running, "dead")) is not None
    later(minutes=4)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert (len(letters.taken), running.notice().state) == (2, "complete")


def test_what_is_written_into_a_folder_is_simply_written_again(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    opened(running)
    die(running, name="folder", repeatable=True)
    later(minutes=4)
    settling.settle(running.runtime)
    assert fates(running) == {"not_sent": 1}
    outbox.deliver(running.runtime)
    assert (len(letters.taken), running.notice().state) == (2, "complete")


def test_a_lease_that_was_renewed_meanwhile_is_left_alone(running: House, later: Later) -> None:
    people(running, 1)
    opened(running)
    alive = worker(running, "alive")
    batch = outbox._claim(alive)
    assert batch is not None
    later(minutes=2)
    with writing(alive.engine) as session:
        found = conditions.read(session, session.get_one(Notice, batch.notice_id))
        assert outbox._renew(session, alive, batch, running.now, found)
    later(minutes=2)
    assert settling.settle(running.runtime) == 0
    assert batches(running)[0].lease_by == "alive"


def test_two_who_take_back_a_lease_at_once_do_it_once(running: House, later: Later) -> None:
    people(running, 3)
    opened(running)
    parted(running, 1)
    for _ in range(3):
        die(running)
    later(minutes=4)
    asked = [worker(running, f"node {number}") for number in range(3)]
    done = together(*(lambda each=each: settling.settle(each) for each in asked))
    assert sum(done) == 3, done
    assert fates(running) == {"unknown": 3}


def test_a_lease_of_a_notice_that_was_stopped_ends_in_doubt_too(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    notice = opened(running)
    die(running, request_size=1)
    act(running, control.cancel, notice.id, why="Enough.")
    later(minutes=4)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert letters.requests == []
    assert fates(running) == {"unknown": 1}


# -- by an event, by the log --------------------------------------------------------------------


@pytest.mark.parametrize("state", ["sending", "paused", "cancelled", "recalled"])
def test_one_event_settles_the_whole_request_in_every_state(
    running: House, letters: KeptLetters, state: str
) -> None:
    notice = doubtful(running, letters, 3)
    set_notice(running, notice.id, state=state)
    owed, (attempt,) = running.deliveries(), attempts(running)
    heard = Reported("delivered", running.now, delivery=owed[1].id, attempt=attempt.id)
    with writing(running.runtime.engine) as session:
        folding.fold(session, [heard], secret=running.runtime.secret, now=running.now)
    (attempt,) = attempts(running)
    assert (attempt.state, attempt.settled_by) == ("accepted", "event")
    assert states(running) == {"accepted": 2, "delivered": 1}
    assert batches(running)[0].state == "accepted"


def test_the_providers_log_is_asked_once_it_may_show_the_letter(
    running: House, letters: KeptLetters, later: Later
) -> None:
    doubtful(running, letters, 2)
    (attempt,) = attempts(running)
    letters.log[attempt.id or 0] = True
    later(minutes=9)
    settling.settle(running.runtime)
    assert fates(running) == {"unknown": 1}, "too early: logs lag"
    later(minutes=1)
    settling.settle(running.runtime)
    (attempt,) = attempts(running)
    assert (attempt.state, attempt.settled_by) == ("accepted", "log")
    outbox.deliver(running.runtime)
    assert (len(letters.requests), running.notice().state) == (1, "complete")


@pytest.mark.parametrize("shown", [False, None])
def test_a_log_that_shows_nothing_proves_nothing(
    running: House, letters: KeptLetters, later: Later, shown: bool | None
) -> None:
    doubtful(running, letters)
    letters.log |= {1: shown} if shown is not None else {}
    later(minutes=30)
    settling.settle(running.runtime)
    assert fates(running) == {"unknown": 1}


def test_the_log_of_another_sender_is_not_asked(running: House, letters: KeptLetters, later: Later) -> None:
    doubtful(running, letters)
    later(minutes=30)
    settling.settle(worker(running, "other", sender=KeptLetters(name="other", log={1: True})))
    assert fates(running) == {"unknown": 1}


def test_of_many_doubts_each_is_asked_about_in_time(running: House, letters: KeptLetters, later: Later) -> None:
    count = settling.ASKED + 5
    people(running, count)
    opened(running)
    parted(running, 5)
    letters.request_size = 1
    letters.answers.extend([Unknown("It gave no answer.")] * count)
    while fates(running)["unknown"] < count:
        outbox.deliver(running.runtime)
        if running.notice().state == "paused":
            act(running, control.resume, running.notice().id)
    oldest = attempts(running)[0].id or 0
    letters.log[oldest] = True
    later(minutes=30)
    for _ in range(200):
        settling.settle(running.runtime)
    assert attempts(running)[0].state == "accepted"


# -- by the setting -----------------------------------------------------------------------------


def test_what_stays_unknown_is_sent_again_after_its_time(
    running: House, letters: KeptLetters, later: Later
) -> None:
    doubtful(running, letters, 2)
    later(minutes=119)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert len(letters.requests) == 1
    later(minutes=1)
    assert settling.settle(running.runtime) == 1
    outbox.deliver(running.runtime)
    assert len(letters.requests) == 2
    assert [a.state for a in attempts(running)] == ["resent", "accepted"]
    assert (states(running), running.notice().state) == ({"accepted": 2}, "complete")


def test_a_repeat_that_is_unknown_again_is_sent_once_more_after_its_own_time(
    running: House, letters: KeptLetters, later: Later
) -> None:
    doubtful(running, letters)
    letters.answers.append(Unknown("It gave no answer again."))
    later(hours=2)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    later(minutes=119)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert len(letters.requests) == 2
    later(minutes=1)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert [a.state for a in attempts(running)] == ["resent", "resent", "accepted"]


@pytest.mark.parametrize("minutes", [0, 5])
def test_the_setting_says_how_long_it_stays_unknown(
    running: House, letters: KeptLetters, later: Later, minutes: float
) -> None:
    doubtful(running, letters)
    asked = worker(running, "node 1", resend_minutes=minutes)
    later(minutes=minutes)
    settling.settle(asked)
    assert fates(running) == {"resent": 1}


@pytest.mark.parametrize("deed", ["pause", "cancel", "recall", "quarantine", "supersede"])
def test_nothing_is_sent_again_of_a_notice_that_is_not_being_sent(
    running: House, letters: KeptLetters, later: Later, deed: str
) -> None:
    notice = doubtful(running, letters)
    if deed == "pause":
        act(running, control.pause, notice.id)
    elif deed == "cancel":
        act(running, control.cancel, notice.id, why="Enough.")
    elif deed == "recall":
        act(running, recalling.recall, notice.id, reason="Wrong.", window=timedelta(days=30))
    elif deed == "supersede":
        opened(running, LONGER.replace("24 months", "36 months"))
    else:
        with writing(running.runtime.engine) as session:
            session.add(Quarantine(began_at=running.now, actor="olof", doubted=1, erased=0))
    later(hours=5)
    settling.settle(running.runtime)
    assert fates(running)["unknown"] == 1
    outbox.deliver(running.runtime)
    again = [a for a in letters.requests[1:] if a == ("m000@example.com",)]
    assert len(again) == (1 if deed == "supersede" else 0), "at most the later notice's own letter"


def test_once_it_goes_on_it_is_sent_again(running: House, letters: KeptLetters, later: Later) -> None:
    notice = doubtful(running, letters)
    act(running, control.pause, notice.id)
    later(hours=5)
    settling.settle(running.runtime)
    act(running, control.resume, notice.id)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert states(running) == {"accepted": 1}


class TestAtMostOnce:
    @pytest.fixture
    def given_settings(self, database_url: str, tmp_path: Any) -> Any:
        return make_settings(database_url, tmp_path, unknown="at_most_once")

    def test_unknown_waits_for_an_event_or_a_person(
        self, running: House, letters: KeptLetters, later: Later
    ) -> None:
        doubtful(running, letters, 2)
        later(days=30)
        settling.settle(running.runtime)
        outbox.deliver(running.runtime)
        assert (len(letters.requests), running.notice().state) == (1, "sending")
        with reading(running.runtime.engine) as session:
            named = deliveries.doubtful_deliveries(session, running.notice(), limit=None)
        assert len(named) == 2


def test_what_is_erased_meanwhile_is_left_out_of_the_repeat(
    running: House, letters: KeptLetters, later: Later
) -> None:
    doubtful(running, letters, 3)
    with writing(running.runtime.engine) as session:
        members.erase(session, member(session, "m001"), actor="ines", now=running.now)
    later(hours=2)
    settling.settle(running.runtime)
    outbox.deliver(running.runtime)
    assert letters.requests[1:] == [("m000@example.com", "m002@example.com")]
    assert (states(running), running.notice().state) == ({"accepted": 2, "skipped": 1}, "complete")


def test_two_who_send_again_at_once_do_it_once(running: House, letters: KeptLetters, later: Later) -> None:
    doubtful(running, letters, 2)
    later(hours=2)
    asked = [worker(running, f"node {number}") for number in range(3)]
    done = together(*(lambda each=each: settling.settle(each) for each in asked))
    assert sorted(done) == [0, 0, 1], done
    together(*(lambda each=each: outbox.deliver(each) for each in asked))
    assert len(letters.requests) == 2


def test_an_event_and_a_repeat_at_once_leave_one_truth(running: House, letters: KeptLetters, later: Later) -> None:
    doubtful(running, letters, 2)
    later(hours=2)
    owed, (attempt,) = running.deliveries(), attempts(running)
    heard = Reported("delivered", running.now, delivery=owed[0].id, attempt=attempt.id)

    def fold() -> None:
        with writing(running.runtime.engine) as session:
            folding.fold(session, [heard], secret=running.runtime.secret, now=running.now)

    found = together(fold, lambda: settling.settle(worker(running, "node 2")))
    assert not [each for each in found if isinstance(each, Exception)], found
    outbox.deliver(running.runtime)
    (attempt,) = attempts(running)
    assert (attempt.state, attempt.duplicate) == ("accepted", False)
    assert (len(letters.requests), running.notice().state) == (1, "complete")


def test_a_person_and_the_tick_settle_an_attempt_once(running: House, letters: KeptLetters, later: Later) -> None:
    doubtful(running, letters)
    later(hours=2)
    found = together(
        lambda: settling.taken(running.runtime, 1, by="person"), lambda: settling.settle(running.runtime)
    )
    assert not [each for each in found if isinstance(each, Exception)], found
    assert sorted(found, key=int) == [False, 1]
    with reading(running.runtime.engine) as session:
        assert session.get_one(Batch, 1).state in ("accepted", "queued")
