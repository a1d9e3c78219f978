"""The outbox: batches shared by many workers, each letter once, and whatever stops them leaves a whole ledger."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select, update

from database import reading, writing
from notifier import conditions, control, deciding, members, notices, outbox, recalling, scheduler, settling
from notifier.models import Batch, Notice, Quarantine, RenderedLetter
from notifier.press import Press
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, Unknown
from tests.house import LONGER, House, KeptLetters, SetClock
from tests.notifier.sending import (
    DoesFirst,
    Later,
    act,
    attempts,
    batches,
    fates,
    member,
    opened,
    outcomes,
    parted,
    people,
    set_notice,
    states,
    together,
    worker,
)

MUCH_LONGER = LONGER.replace("24 months", "36 months")


@dataclass(slots=True)
class FailingClock:
    """Stands; as often as asked it fails, as where the database is out of reach."""

    clock: SetClock
    failures: int = 0

    @property
    def instant(self) -> datetime:
        return self.clock.instant

    def now(self, session: Session) -> datetime:
        if self.failures:
            self.failures -= 1
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return self.clock.now(session)


def once_each(letters: KeptLetters) -> bool:
    return set(Counter(letters.addresses).values()) <= {1}


# -- many workers -------------------------------------------------------------------------------


def test_many_threads_of_many_workers_send_each_letter_once(running: House, letters: KeptLetters) -> None:
    people(running, 60)
    opened(running)
    parted(running, 5)
    letters.request_size = 3
    several = [worker(running, f"node {number}", sending_threads=3) for number in range(3)]
    worked = together(*(lambda each=each: outbox.deliver(each) for each in several))
    assert sum(worked) == len(batches(running)) == 12, worked
    assert (len(letters.taken), once_each(letters)) == (60, True)
    assert max(map(len, letters.requests)) <= 3
    outbox.watch(running.runtime)
    assert (states(running), running.notice().state) == ({"accepted": 60}, "complete")


def test_a_batch_is_leased_to_one_of_those_who_ask_at_once(running: House) -> None:
    people(running, 3)
    opened(running)
    asking = [worker(running, f"node {number}") for number in range(4)]
    got = together(*(lambda each=each: outbox._claim(each) for each in asking))
    assert [type(each).__name__ for each in got if each is not None] == ["Batch"]
    assert batches(running)[0].lease_by in {each.node for each in asking}


def test_letters_of_several_groups_are_printed_while_others_are_on_their_way(
    running: House, letters: KeptLetters
) -> None:
    for locale in ("en", "fr", "de", "sv"):
        for number in range(4):
            running.member(f"{locale}-{number}", locale=locale)
    letters.request_size = 1
    opened(running)
    outbox.deliver(worker(running, "node 1", sending_threads=6))
    assert (len(letters.taken), once_each(letters)) == (16, True)


def test_nobody_who_holds_a_row_waits_for_the_printing_of_a_letter(running: House) -> None:
    """Else the one who prints, and needs the notice's row, and the one who has it would stand for ever."""
    running.member("ada")
    running.member("bob", locale="fr")
    notice = opened(running)
    press, (first, second) = Press(running.runtime), batches(running)
    press.letter(first, notice, now=running.now)
    printing = threading.Thread(target=press.letter, args=(second, notice), kwargs={"now": running.now})
    with writing(running.runtime.engine) as session:
        session.get_one(Notice, notice.id, with_for_update={"read": True})
        printing.start()
        until = time.monotonic() + 10
        while not press._printing.locked() and time.monotonic() < until:
            pass
        stamp = conditions.stamp(session, notice.policy_id)
        found = press.sheet(session, notice, first, stamp=stamp, now=running.now)
        missing = press.sheet(session, notice, second, stamp=stamp, now=running.now)
    printing.join()
    assert found is not None
    assert missing is None
    assert found.printed == press.letter(first, notice, now=running.now)


def test_a_decision_made_since_is_read_before_another_window_opens(running: House) -> None:
    running.member("ada")
    notice = opened(running)
    press, batch = Press(running.runtime), batches(running)[0]
    press.letter(batch, notice, now=running.now)
    running.publish(MUCH_LONGER)
    deciding.decide_due(running.runtime)
    with writing(running.runtime.engine) as session:
        stamp = conditions.stamp(session, notice.policy_id)
        assert press.sheet(session, notice, batch, stamp=stamp, now=running.now) is None


def test_workers_who_print_one_letter_at_once_send_the_same(running: House, letters: KeptLetters) -> None:
    people(running, 12)
    opened(running)
    parted(running, 2)
    letters.request_size = 1
    asked = [worker(running, f"node {number}", sending_threads=2) for number in range(2)]
    together(*(lambda each=each: outbox.deliver(each) for each in asked))
    assert len({message.html for message, _ in letters.taken}) == 1
    with reading(running.runtime.engine) as session:
        assert len(session.exec(select(RenderedLetter)).all()) == 1


# -- the lease ----------------------------------------------------------------------------------


def test_the_lease_is_asked_for_again_right_before_a_request_leaves(
    running: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FRESH", -1.0)  # as if every request came long after its window
    people(running, 3)
    sender = DoesFirst(request_size=1, window=3)
    house = House(replace(running.runtime, sender=sender))
    notice = opened(house)
    sender.deeds = [lambda: act(running, control.pause, notice.id)]
    outbox.deliver(house.runtime)
    assert len(sender.requests) == 1, "the other two did not leave"
    assert fates(house) == {"accepted": 1, "not_sent": 2}
    assert (house.notice().state, house.notice().failures) == ("paused", 0)


def test_who_lost_the_lease_does_not_send(running: House, letters: KeptLetters, later: Later) -> None:
    running.member("ada")
    opened(running)
    slow, press = worker(running, "slow"), Press(running.runtime)
    batch = outbox._claim(slow)
    assert batch is not None
    later(minutes=10)
    settling.settle(running.runtime)
    outbox._work(slow, press, batch)
    assert letters.requests == []
    assert batches(running)[0].state == "queued"


def test_what_was_answered_is_kept_where_the_lease_cannot_be_asked_for(
    running: House, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FRESH", -1.0)
    failing = FailingClock(clock)
    people(running, 3)
    sender = DoesFirst(request_size=1, window=3)
    house = House(replace(running.runtime, sender=sender, clock=failing))
    opened(house)
    sender.deeds = [lambda: setattr(failing, "failures", 1)]
    outbox.deliver(house.runtime)
    assert fates(house)["accepted"] == 3
    assert fates(house)["unknown"] == fates(house)["started"] == 0
    assert (len(sender.taken), once_each(sender)) == (3, True)


def test_an_answer_is_written_once_the_database_is_back(running: House, clock: SetClock) -> None:
    failing = FailingClock(clock)
    running.member("ada")
    sender = DoesFirst()
    house = House(replace(running.runtime, sender=sender, clock=failing))
    opened(house)
    sender.deeds = [lambda: setattr(failing, "failures", 1)]
    outbox.deliver(house.runtime)
    assert states(house) == {"accepted": 1}
    assert len(sender.taken) == 1


# -- the next batch, taken along ----------------------------------------------------------------


def test_the_next_batch_is_taken_in_the_transaction_that_records_the_last(running: House) -> None:
    people(running, 4)
    opened(running)
    parted(running, 2)
    seen: list[tuple[dict[str, int], dict[str, int]]] = []
    sender = DoesFirst(
        deeds=[lambda: seen.append((dict(Counter(b.state for b in batches(running))), fates(running)))] * 2
    )
    outbox.deliver(worker(running, "node", sender=sender, sending_threads=1))
    assert seen[1] == ({"accepted": 1, "sending": 1}, {"accepted": 1, "started": 1})
    assert (len(sender.taken), once_each(sender)) == (4, True)


def test_an_answer_is_not_lost_with_the_batch_to_be_taken_next(running: House) -> None:
    people(running, 4)
    opened(running)
    parted(running, 2)
    begun: list[str] = []

    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO attempt"):
            begun.append(statement)
            if len(begun) == 2:
                raise OperationalError(statement, None, Exception("the database is out of reach"))

    sender = DoesFirst()
    event.listen(running.runtime.engine, "before_cursor_execute", refuse)
    try:
        outbox.deliver(worker(running, "node", sender=sender, sending_threads=1))
    finally:
        event.remove(running.runtime.engine, "before_cursor_execute", refuse)
    assert len(begun) == 3, "once refused, then begun anew"
    assert fates(running) == {"accepted": 2}
    assert (len(sender.taken), once_each(sender)) == (4, True)


@pytest.mark.parametrize(
    "stop", [control.pause, partial(recalling.recall, reason="The date was wrong.", window=timedelta(0))]
)
def test_no_batch_is_taken_along_of_a_notice_that_was_stopped_meanwhile(
    running: House, stop: Callable[..., object]
) -> None:
    people(running, 4)
    notice = opened(running)
    parted(running, 2)
    sender = DoesFirst(deeds=[lambda: act(running, stop, notice.id)])
    outbox.deliver(worker(running, "node", sender=sender, sending_threads=1))
    assert len(sender.requests) == 1
    assert fates(running) == {"accepted": 1}


# -- how wide a window is -----------------------------------------------------------------------


@dataclass(slots=True)
class Watching(KeptLetters):
    """Keeps letters, and what was open on record at each; takes its time over them, by the test's own clock."""

    seconds: float = 0.0
    passed: float = 0.0
    house: House | None = None
    open: list[int] = field(default_factory=list)

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        assert self.house is not None
        self.passed += self.seconds
        self.open.append(fates(self.house)["started"])
        return KeptLetters.send(self, message, recipients, attempt_id=attempt_id)


@pytest.mark.parametrize(("seconds", "widest"), [(0.001, 6), (0.2, 5), (2.0, 2)])
def test_as_many_letters_are_open_as_leave_within_a_second(
    running: House, monkeypatch: pytest.MonkeyPatch, seconds: float, widest: int
) -> None:
    people(running, 20)
    opened(running)
    sender = Watching(request_size=1, window=2, widest=6, seconds=seconds, house=running)
    monkeypatch.setattr(outbox, "_clock", lambda: sender.passed)
    outbox.deliver(worker(running, "node", sender=sender, sending_threads=1))
    assert (sender.open[0], max(sender.open)) == (2, widest)
    assert (len(sender.taken), once_each(sender)) == (20, True)


# -- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 3])
def test_a_process_that_is_to_end_finishes_one_request_and_leaves_a_whole_ledger(
    running: House, window: int
) -> None:
    people(running, 5)
    sender = DoesFirst(request_size=1, window=window)
    ending = House(worker(running, "ending", sender=sender))
    opened(ending)
    sender.deeds = [ending.runtime.stopping.set]
    outbox.deliver(ending.runtime)
    assert len(sender.requests) == 1
    assert (states(running), batches(running)[0].state) == ({"accepted": 1, "queued": 4}, "queued")
    assert batches(running)[0].lease_by == ""
    outbox.deliver(worker(running, "another", sender=sender))
    assert (len(sender.taken), once_each(sender)) == (5, True)
    assert running.notice().state == "complete"
    assert running.notice().failures == 0


def test_nothing_is_begun_by_a_process_that_is_to_end(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    opened(running)
    running.runtime.stopping.set()
    assert outbox.deliver(running.runtime) == 0
    assert (letters.requests, batches(running)[0].state) == ([], "queued")


def test_nothing_leaves_in_quarantine(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    opened(running)
    with writing(running.runtime.engine) as session:
        session.add(Quarantine(began_at=running.now, actor="olof", doubted=0, erased=0))
    assert outbox.deliver(running.runtime) == 0
    assert letters.requests == []


# -- controlled in the middle -------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["pause", "cancel", "recall"])
def test_stopped_in_the_middle_nothing_more_leaves(running: House, deed: str) -> None:
    people(running, 4)
    sender = DoesFirst(request_size=1)
    house = House(replace(running.runtime, sender=sender))
    notice = opened(house)
    stop: dict[str, Callable[[], object]] = {
        "pause": lambda: act(house, control.pause, notice.id),
        "cancel": lambda: act(house, control.cancel, notice.id, why="A wrong link."),
        "recall": lambda: act(
            house, recalling.recall, notice.id, reason="A wrong link.", window=timedelta(hours=1)
        ),
    }
    sender.deeds = [stop[deed]]
    outbox.deliver(house.runtime)
    assert len(sender.requests) == 1
    rest = "queued" if deed == "pause" else "skipped"
    assert states(house, notice.id) == {"accepted": 1, rest: 3}
    assert {reason for _, reason in outcomes(house).values()} == {
        "pause": set(),
        "cancel": {"Cancelled by ines: A wrong link."},
        "recall": {"recalled"},
    }[deed]
    if deed == "pause":
        act(house, control.resume, notice.id)
        outbox.deliver(house.runtime)
        assert (len(sender.taken), once_each(sender)) == (4, True)
        assert house.notice().state == "complete"


def test_a_later_notice_takes_over_what_an_earlier_one_has_under_way(running: House) -> None:
    people(running, 4)
    sender = DoesFirst(request_size=1)
    house = House(replace(running.runtime, sender=sender))
    first = opened(house)
    sender.deeds = [lambda: opened(house, MUCH_LONGER)]
    outbox.deliver(house.runtime)
    outbox.deliver(house.runtime)
    second = house.notice()
    assert states(house, first.id) == {"accepted": 1, "skipped": 3}
    assert {reason for _, reason in outcomes(house).values()} == {f"told by notice {second.id}"}
    assert states(house, second.id) == {"accepted": 4}
    assert len(sender.requests) == 5
    with writing(house.runtime.engine) as session:
        assert session.get_one(Notice, first.id).state == "complete"


def test_two_notices_of_two_policies_are_sent_side_by_side(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.policy("terms", title="Terms")
    running.publish(LONGER.replace("Privacy policy", "Terms"), slug="terms")
    running.tick()
    opened(running)
    running.publish(MUCH_LONGER.replace("Privacy policy", "Terms"), slug="terms")
    deciding.decide_due(running.runtime)
    scheduler.open_due(running.runtime)
    outbox.deliver(running.runtime)
    assert sorted(batch.state for batch in batches(running)) == ["accepted", "accepted"]
    assert letters.addresses == ["ada@example.com"] * 2


# -- faults around the call ---------------------------------------------------------------------


class Faulty(KeptLetters):
    """A sender with a fault of its own."""

    fault: Exception = RuntimeError("a bug")

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        raise self.fault


def test_a_fault_of_ours_around_the_call_leaves_the_request_unknown(running: House) -> None:
    running.member("ada")
    opened(running)
    outbox.deliver(worker(running, "node 1", sender=Faulty()))
    assert [(each.state, each.said) for each in attempts(running)] == [("unknown", "RuntimeError while sending")]


def test_what_a_sender_cannot_build_pauses_the_notice_without_an_address_in_the_sentence(running: House) -> None:
    running.member("ada")
    opened(running)
    sender = Faulty()
    sender.fault = ValueError("a header of ada@example.com breaks the line")
    outbox.deliver(worker(running, "node 1", sender=sender))
    assert running.notice().state == "paused"
    assert running.notice().why.startswith("The letter cannot be sent as it is: a header of")
    assert "ada@" not in running.notice().why
    assert states(running) == {"queued": 1}


# -- when it is done ----------------------------------------------------------------------------


def test_a_batch_that_went_well_is_closed_with_its_answer(running: House, letters: KeptLetters) -> None:
    people(running, 3)
    opened(running)
    outbox.deliver(running.runtime)
    (batch,) = batches(running)
    assert (batch.state, batch.lease_by, batch.lease_until) == ("accepted", "", None)
    assert letters.requests == [tuple(f"m00{n}@example.com" for n in range(3))]


@pytest.mark.parametrize(
    ("answer", "state", "batch"),
    [
        (Unknown("reset"), "sending", "unknown"),
        (NotSent("busy", retry_after=600), "sending", "queued"),
        (Refused("Unauthorised.", status=401), "paused", "queued"),
        (Refused("No such mailbox.", status=400, address=True), "complete", "refused"),
        (None, "complete", "accepted"),
    ],
)
def test_a_notice_is_complete_when_nothing_is_queued_or_unknown(
    running: House, letters: KeptLetters, answer: Exception | None, state: str, batch: str
) -> None:
    running.member("ada")
    letters.answers.append(answer)  # type: ignore[arg-type]
    opened(running)
    outbox.deliver(running.runtime)
    assert (running.notice().state, batches(running)[0].state) == (state, batch)


def test_a_letter_without_a_place_keeps_its_notice_open(running: House, letters: KeptLetters) -> None:
    people(running, 2)
    opened(running)
    running.members({"external_id": "m000", "guardian_email": "g@example.com"})
    outbox.deliver(running.runtime)
    assert (states(running), running.notice().state) == ({"accepted": 1, "queued": 1}, "sending")
    scheduler.top_up(running.runtime)
    outbox.deliver(running.runtime)
    assert letters.addresses == ["g@example.com", "m001@example.com"]
    assert running.notice().state == "complete"


@pytest.mark.parametrize("state", ["paused", "waiting", "cancelled", "scheduled", "recalled"])
def test_only_what_is_being_sent_becomes_complete(running: House, letters: KeptLetters, state: str) -> None:
    notice = opened(running)  # of nobody
    set_notice(running, notice.id, state=state)
    with writing(running.runtime.engine) as session:
        assert not notices.complete(session, session.get_one(Notice, notice.id), now=running.now)
    assert running.notice().state == state


def test_two_who_see_the_last_letter_go_complete_the_notice_once(running: House, letters: KeptLetters) -> None:
    people(running, 2)
    notice = opened(running)
    set_notice(running, notice.id, state="paused")
    outbox.deliver(running.runtime)
    set_notice(running, notice.id, state="sending")
    with writing(running.runtime.engine) as session:
        session.exec(update(Batch).values(state="accepted"))

    def see() -> bool:
        with writing(running.runtime.engine) as session:
            return notices.complete(session, session.get_one(Notice, notice.id), now=running.now)

    assert sorted(together(see, see, see)) == [False, False, True]


def test_what_is_left_of_an_erased_members_batch_closes_it(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    opened(running)
    with writing(running.runtime.engine) as session:
        members.erase(session, member(session, "ada"), actor="ines", now=running.now)
    outbox.deliver(running.runtime)
    assert letters.requests == []
    assert (batches(running)[0].state, running.notice().state) == ("skipped", "complete")


def test_an_answer_of_a_worker_whose_batch_another_has_does_not_close_it(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    sender = DoesFirst()
    slow = worker(running, "slow", sender=sender)
    opened(running)

    def taken_over() -> None:
        later(minutes=10)
        settling.settle(running.runtime)
        assert outbox._claim(worker(running, "next")) is not None

    sender.deeds = [taken_over]
    outbox.deliver(slow)
    batch = batches(running)[0]
    assert (batch.state, batch.lease_by) == ("sending", "next")
    assert fates(running) == {"accepted": 1}
