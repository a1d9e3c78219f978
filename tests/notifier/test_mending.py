"""Letters that failed, and requests in doubt: what a person's word does to the ledger."""

from __future__ import annotations

import pytest

from database import writing
from errors import AttemptNotSettled, NoSuchNotice, NoticeNotRetriable
from notifier import control, members, mending, outbox, scheduler, settling
from notifier.senders.protocol import Refused, Unknown
from tests.house import House, KeptLetters
from tests.notifier.sending import (
    Later,
    act,
    attempts,
    batches,
    change,
    fates,
    member,
    opened,
    outcomes,
    people,
    states,
    together,
    worker,
)


def failing(house: House, letters: KeptLetters, *numbers: int, count: int = 4) -> int:
    """A notice of which some letters failed; its id."""
    people(house, count)
    letters.refuses = {f"m{number:03}@example.com" for number in numbers}
    letters.refusal = Refused("No such mailbox.", address=True)
    notice = opened(house)
    outbox.deliver(house.runtime)
    letters.refuses.clear()
    assert states(house)["failed"] == len(numbers)
    return notice.id or 0


def go_on(house: House) -> None:
    scheduler.top_up(house.runtime)
    outbox.deliver(house.runtime)


def test_failed_letters_are_placed_anew_as_their_members_stand_now(running: House, letters: KeptLetters) -> None:
    notice_id = failing(running, letters, 0, 1, 2, 3, count=5)
    change(running, "m000", email="new@example.com")
    change(running, "m001", guardian_email="guardian@example.com")
    change(running, "m002", email="")
    with writing(running.runtime.engine) as session:
        members.erase(session, member(session, "m003"), actor="ines", now=running.now)
    assert act(running, mending.retry_failures, notice_id) == 4
    assert outcomes(running) == {}
    go_on(running)
    assert letters.addresses == ["guardian@example.com", "m004@example.com", "new@example.com"]
    assert states(running) == {"accepted": 3, "site notice only": 1, "skipped": 1}
    assert running.notice().state == "complete"


def test_the_base_of_a_failed_letter_stays_as_it_was(running: House, letters: KeptLetters) -> None:
    notice_id = failing(running, letters, 1)
    (before,) = {batch.base_revision_id for batch in batches(running)}
    act(running, mending.retry_failures, notice_id)
    go_on(running)
    assert {batch.base_revision_id for batch in batches(running)} == {before}


def test_many_failures_are_put_back_in_parts(
    running: House, letters: KeptLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "CHUNK", 2)
    notice_id = failing(running, letters, 0, 1, 2, 3, 4, count=6)
    assert act(running, mending.retry_failures, notice_id) == 5
    go_on(running)
    assert (states(running), running.notice().state) == ({"accepted": 6}, "complete")
    assert len(letters.taken) == 6


def test_a_letter_that_fails_again_can_be_sent_again(running: House, letters: KeptLetters) -> None:
    notice_id = failing(running, letters, 2)
    for _ in range(2):
        letters.refuses = {"m002@example.com"}
        act(running, mending.retry_failures, notice_id)
        go_on(running)
        assert states(running) == {"accepted": 3, "failed": 1}
    letters.refuses.clear()
    act(running, mending.retry_failures, notice_id)
    go_on(running)
    assert states(running) == {"accepted": 4}


def test_where_none_has_failed_there_is_nothing_to_send_again(running: House, letters: KeptLetters) -> None:
    people(running, 1)
    notice = opened(running)
    outbox.deliver(running.runtime)
    with pytest.raises(NoticeNotRetriable, match="No letter of this notice has failed"):
        act(running, mending.retry_failures, notice.id)
    with pytest.raises(NoSuchNotice):
        act(running, mending.retry_failures, 99)


def test_failures_put_back_while_workers_are_at_it_leave_once(running: House, letters: KeptLetters) -> None:
    notice_id = failing(running, letters, 0, 1)
    other = worker(running, "node 2")
    found = together(
        lambda: act(running, mending.retry_failures, notice_id),
        lambda: scheduler.top_up(running.runtime),
        lambda: outbox.deliver(other),
    )
    assert found[0] == 2, found
    assert not [each for each in found if isinstance(each, Exception)], found
    go_on(running)
    assert (states(running), len(letters.taken)) == ({"accepted": 4}, 4)


# -- a person's word ----------------------------------------------------------------------------


def doubtful(house: House, letters: KeptLetters) -> int:
    people(house, 2)
    letters.answers.append(Unknown("It gave no answer."))
    notice = opened(house)
    outbox.deliver(house.runtime)
    return notice.id or 0


def test_a_person_who_says_that_it_left_completes_the_notice(running: House, letters: KeptLetters) -> None:
    notice_id = doubtful(running, letters)
    act(running, mending.settle, notice_id, 1, sent=True)
    outbox.watch(running.runtime)
    (attempt,) = attempts(running)
    assert (attempt.state, attempt.settled_by) == ("accepted", "person")
    assert (states(running), running.notice().state) == ({"accepted": 2}, "complete")


def test_a_person_may_say_so_of_what_was_stopped(running: House, letters: KeptLetters) -> None:
    notice_id = doubtful(running, letters)
    act(running, control.cancel, notice_id, why="Enough.")
    act(running, mending.settle, notice_id, 1, sent=True)
    assert states(running) == {"accepted": 2}
    with pytest.raises(AttemptNotSettled, match="settled already: it was sent"):
        act(running, mending.settle, notice_id, 1, sent=False)


def test_a_person_need_not_wait_for_the_time_of_a_repeat(
    running: House, letters: KeptLetters, later: Later
) -> None:
    notice_id = doubtful(running, letters)
    later(minutes=1)
    act(running, mending.settle, notice_id, 1, sent=False)
    outbox.deliver(running.runtime)
    assert [a.state for a in attempts(running)] == ["resent", "accepted"]
    assert attempts(running)[0].settled_by == "person"
    assert (len(letters.requests), running.notice().state) == (2, "complete")


def test_two_persons_of_two_minds_are_not_both_believed(running: House, letters: KeptLetters) -> None:
    notice_id = doubtful(running, letters)
    found = together(
        lambda: act(running, mending.settle, notice_id, 1, sent=True),
        lambda: act(running, mending.settle, notice_id, 1, sent=False),
    )
    assert [type(each).__name__ for each in found].count("AttemptNotSettled") == 1, found
    outbox.deliver(running.runtime)
    assert len(letters.requests) == (2 if fates(running)["resent"] else 1)
    assert (states(running), running.notice().state) == ({"accepted": 2}, "complete")


def test_a_person_and_the_clock_send_again_once(running: House, letters: KeptLetters, later: Later) -> None:
    notice_id = doubtful(running, letters)
    later(hours=3)
    together(
        lambda: act(running, mending.settle, notice_id, 1, sent=False),
        lambda: settling.settle(running.runtime),
    )
    outbox.deliver(running.runtime)
    assert len(letters.requests) == 2
    assert states(running) == {"accepted": 2}
