"""What a sender said, written down: who is told of a failure, when a notice pauses, and what an answer settles."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from database import reading, writing
from notifier import control, outbox, settling
from notifier.models import Batch
from notifier.recording import FAILURES
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, Unknown
from policy_versions.models import AuditEntry
from tests.house import House, KeptLetters
from tests.notifier.sending import (
    DoesFirst,
    Later,
    act,
    attempts,
    batches,
    fates,
    opened,
    outcomes,
    parted,
    people,
    states,
    together,
    worker,
)


def pauses(house: House) -> list[str]:
    with reading(house.runtime.engine) as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "notice paused"))
        return [str(entry.detail["why"]) for entry in entries]


def deliver_until_paused(house: House, later: Later, most: int = 40) -> int:
    """Ticks a day apart until the notice is no longer being sent; returns how many it took."""
    for number in range(1, most + 1):
        later(days=1)
        outbox.deliver(house.runtime)
        if house.notice().state != "sending":
            return number
    return most


# -- what pauses a notice -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_account_pauses_the_notice_with_the_providers_sentence(
    running: House, letters: KeptLetters, status: int
) -> None:
    people(running, 3)
    letters.request_size = 1
    letters.answers.append(Refused(f"SendGrid answered {status}: the key is wrong.", status=status))
    opened(running)
    outbox.deliver(running.runtime)
    notice = running.notice()
    assert (notice.state, notice.why) == ("paused", f"SendGrid answered {status}: the key is wrong.")
    assert len(letters.requests) == 1, "no other letter is tried with that key"
    assert states(running) == {"queued": 3}
    assert fates(running) == {"not_sent": 1}
    assert pauses(running) == [f"SendGrid answered {status}: the key is wrong."]
    act(running, control.resume, notice.id)
    outbox.deliver(running.runtime)
    assert (states(running), running.notice().state) == ({"accepted": 3}, "complete")


def test_so_many_failures_in_a_row_pause_the_notice_and_say_which(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.extend([NotSent("The server was not reached: refused.")] * FAILURES)
    opened(running)
    assert deliver_until_paused(running, later) == FAILURES
    assert running.notice().why == (f"{FAILURES} requests failed in a row: The server was not reached: refused.")
    assert states(running) == {"queued": 1}
    act(running, control.resume, running.notice().id)
    assert running.notice().failures == 0
    outbox.deliver(running.runtime)
    assert states(running) == {"accepted": 1}


def test_one_that_succeeds_in_between_ends_the_row(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, 3)
    letters.request_size = 1
    failure = NotSent("The server was not reached.")
    letters.answers.extend([*[failure] * (FAILURES - 1), None, *[failure] * (FAILURES - 1)])
    opened(running)
    deliver_until_paused(running, later)
    assert (running.notice().state, states(running)) == ("complete", {"accepted": 3})


def test_an_address_that_is_refused_ends_the_row_too(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, 2)
    letters.request_size = 1
    failure = NotSent("The server was not reached.")
    refused = Refused("No such mailbox.", address=True)
    letters.answers.extend([*[failure] * (FAILURES - 1), refused, *[failure] * (FAILURES - 1)])
    opened(running)
    deliver_until_paused(running, later)
    assert states(running) == {"accepted": 1, "failed": 1}


def test_a_provider_that_asks_for_patience_has_not_failed(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.extend([NotSent("Too many requests.", status=429)] * (2 * FAILURES))
    opened(running)
    deliver_until_paused(running, later)
    assert (running.notice().state, len(letters.requests)) == ("complete", 2 * FAILURES + 1)


def test_unknown_requests_are_failures_too(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, FAILURES + 2)
    letters.request_size = 1
    letters.answers.extend([Unknown("It gave no answer.")] * (FAILURES + 2))
    opened(running)
    outbox.deliver(running.runtime)
    assert running.notice().why == f"{FAILURES} requests failed in a row: It gave no answer."
    assert states(running) == {"unknown": FAILURES, "queued": 2}


def test_a_server_that_is_away_for_a_moment_fails_once_however_many_letters_were_to_follow(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 20)
    letters.request_size, letters.window = 1, 10
    letters.answers.append(NotSent("The server was not reached."))
    opened(running)
    outbox.deliver(running.runtime)
    notice = running.notice()
    assert (notice.state, notice.failures, len(letters.requests)) == ("sending", 1, 1)
    assert fates(running) == {"not_sent": 10}
    later(minutes=1)
    outbox.deliver(running.runtime)
    assert (states(running), running.notice().failures) == ({"accepted": 20}, 0)


def test_two_workers_that_fail_at_once_are_both_counted(running: House) -> None:
    people(running, 6)
    failing = KeptLetters(request_size=1)
    failing.answers.extend([NotSent("The server was not reached.")] * 2)
    opened(running)
    parted(running, 3)
    asked = [worker(running, f"node {number}", sender=failing) for number in range(2)]
    found = together(*(lambda each=each: outbox.deliver(each) for each in asked))
    assert not [each for each in found if isinstance(each, Exception)], found
    assert fates(running) == {"not_sent": 2}
    assert running.notice().failures == 2


@pytest.mark.parametrize("state", ["cancelled", "recalled", "paused"])
def test_a_refused_account_changes_no_notice_that_a_person_has_stopped(running: House, state: str) -> None:
    running.member("ada")
    sender = DoesFirst(answers=KeptLetters().answers)
    house = House(replace(running.runtime, sender=sender))
    notice = opened(house)

    def stop() -> None:
        with writing(house.runtime.engine) as session:
            held = session.get_one(type(notice), notice.id, with_for_update=True)
            held.state, held.why = state, "A person's reason."
            session.add(held)

    sender.deeds = [stop]
    sender.answers.append(Refused("The key is wrong.", status=401))
    outbox.deliver(house.runtime)
    assert (house.notice().state, house.notice().why) == (state, "A person's reason.")


# -- when it is tried again ---------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 90, 3600])
def test_a_batch_waits_as_long_as_the_provider_asked(
    running: House, letters: KeptLetters, later: Later, seconds: int
) -> None:
    running.member("ada")
    letters.answers.append(NotSent("Come back later.", retry_after=seconds))
    opened(running)
    outbox.deliver(running.runtime)
    later(seconds=seconds - 1)
    outbox.deliver(running.runtime)
    assert len(letters.requests) == 1
    later(seconds=1)
    outbox.deliver(running.runtime)
    assert states(running) == {"accepted": 1}


def test_who_did_not_say_how_long_is_asked_again_after_ever_longer(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.extend([NotSent("The server was not reached.")] * 9)
    opened(running)
    waits = []
    for _ in range(9):
        outbox.deliver(running.runtime)
        put_off = batches(running)[0].not_before
        assert put_off is not None
        waits.append((put_off - running.now).total_seconds())
        later(seconds=waits[-1])
    assert waits == sorted(waits)
    assert waits[0] == 10
    assert max(waits) == 600


# -- what is written of a request ---------------------------------------------------------------


def test_each_answer_is_kept_on_its_attempt(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, 4)
    letters.request_size = 1
    letters.answers.extend(
        [
            None,
            Unknown("SendGrid answered 502.", status=502),
            Refused("No such mailbox.", status=400, address=True),
            NotSent("SendGrid answered 429.", status=429, retry_after=60),
        ]
    )
    opened(running)
    outbox.deliver(running.runtime)
    found = [(a.state, a.status, a.said, a.settled_by, a.provider_message_id) for a in attempts(running)]
    assert found == [
        ("accepted", None, "", "answer", "message-1"),
        ("unknown", 502, "SendGrid answered 502.", "", None),
        ("refused", 400, "No such mailbox.", "answer", None),
        ("not_sent", 429, "SendGrid answered 429.", "answer", None),
    ]
    assert [a.doubted_at for a in attempts(running)] == [None, running.now, None, None]
    assert outcomes(running) == {"m002": ("failed", "No such mailbox.")}


def test_a_very_long_sentence_is_cut(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    letters.answers.append(Refused("no " * 2000, status=400, address=True))
    opened(running)
    outbox.deliver(running.runtime)
    assert len(attempts(running)[0].said) == 1000
    assert len(outcomes(running)["ada"][1]) == 1000


# -- late answers -------------------------------------------------------------------------------


class Late(KeptLetters):
    """Something happens while its first answer is awaited, which then says that the letter was taken."""

    meanwhile: object = None

    def send(self, message: Message, recipients: list[Recipient], *, attempt_id: int) -> Accepted:  # type: ignore[override]
        deed, self.meanwhile = self.meanwhile, None
        if callable(deed):
            deed()
        return KeptLetters.send(self, message, recipients, attempt_id=attempt_id)


def lost(house: House, later: Later) -> int:
    """The lease of whoever is sending runs out, and what it was at becomes unknown."""
    later(minutes=10)
    return settling.settle(house.runtime)


def test_a_late_answer_makes_an_unknown_request_accepted(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    opened(running)
    sender = Late()
    sender.meanwhile = lambda: (lost(running, later), outbox.deliver(running.runtime))
    outbox.deliver(worker(running, "slow", sender=sender))
    assert [(a.state, a.settled_by, a.duplicate) for a in attempts(running)] == [("accepted", "answer", False)]
    assert attempts(running)[0].doubted_at is not None, "that it was in doubt stays on record"
    assert letters.requests == []
    outbox.deliver(running.runtime)
    assert (batches(running)[0].state, running.notice().state) == ("accepted", "complete")


def test_a_late_answer_to_what_was_given_up_but_has_not_left_again_stops_the_repeat(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    opened(running)
    sender = Late()

    def given_up() -> None:
        lost(running, later)
        outbox.deliver(running.runtime)  # closes it as unknown
        later(hours=3)
        settling.settle(running.runtime)

    sender.meanwhile = given_up
    outbox.deliver(worker(running, "slow", sender=sender))
    assert [(a.state, a.duplicate) for a in attempts(running)] == [("accepted", False)]
    outbox.deliver(running.runtime)
    assert letters.requests == []
    assert running.notice().state == "complete"


def test_a_late_answer_to_what_was_sent_again_is_a_known_duplicate(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    opened(running)
    sender = Late()

    def sent_again() -> None:
        lost(running, later)
        outbox.deliver(running.runtime)
        later(hours=3)
        settling.settle(running.runtime)
        outbox.deliver(running.runtime)

    sender.meanwhile = sent_again
    outbox.deliver(worker(running, "slow", sender=sender))
    assert [(a.state, a.duplicate) for a in attempts(running)] == [("accepted", True), ("accepted", False)]
    assert len(letters.requests) == 1
    assert (states(running), running.notice().state) == ({"accepted": 2}, "complete")


def test_a_late_refusal_of_what_is_unknown_puts_it_back(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    opened(running)
    sender = Late()
    sender.answers.append(NotSent("Too late.", retry_after=0))
    sender.meanwhile = lambda: lost(running, later)
    outbox.deliver(worker(running, "slow", sender=sender))
    assert fates(running)["unknown"] == 0
    later(minutes=1)
    outbox.deliver(running.runtime)
    assert (len(sender.taken) + len(letters.taken), states(running)) == (1, {"accepted": 1})


def test_answers_are_written_once_however_often_they_are_told(running: House, letters: KeptLetters) -> None:
    from notifier import recording, windows

    running.member("ada")
    opened(running)
    outbox.deliver(running.runtime)
    (attempt,), (batch,) = attempts(running), batches(running)
    owed = running.deliveries()[0]
    request = windows.Request(
        attempt.id or 0, attempt.first, attempt.last, (Recipient(owed.id, "ada@example.com", {}),)
    )
    before = attempt.recorded_at
    recording.record(running.runtime, batch, [(request, Refused("no", status=400, address=True))])
    (after,) = attempts(running)
    assert (after.state, after.recorded_at) == ("accepted", before)
    assert outcomes(running) == {}


def test_what_two_workers_have_left_of_a_batch_is_closed_by_the_last(running: House, later: Later) -> None:
    """One of them lost its lease in the middle, and the other has the rest of the batch."""
    people(running, 4)
    sender = Late(request_size=1, window=1)
    opened(House(worker(running, "opens", sender=KeptLetters(request_size=4))))
    sender.meanwhile = lambda: (lost(running, later), outbox.deliver(worker(running, "next", sender=sender)))
    outbox.deliver(worker(running, "slow", sender=sender))
    outbox.deliver(worker(running, "next", sender=sender))
    assert len(sender.taken) == 4
    with reading(running.runtime.engine) as session:
        assert {batch.state for batch in session.exec(select(Batch))} == {"accepted"}
    assert running.notice().state == "complete"


def test_failures_are_counted_by_notice(running: House, letters: KeptLetters, later: Later) -> None:
    running.member("ada")
    letters.answers.extend([NotSent("The server was not reached.")] * 3)
    opened(running)
    for _ in range(3):
        later(hours=1)
        outbox.deliver(running.runtime)
    assert running.notice().failures == 3
    outbox.deliver(running.runtime)
    later(hours=1)
    outbox.deliver(running.runtime)
    assert running.notice().failures == 0
    assert timedelta(0) <= running.now - (attempts(running)[-1].recorded_at or running.now)
