"""A person's buttons on a notice: each does what it says once, whoever presses it, or says why it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, col, select

from database import reading, writing
from errors import (
    AttemptNotSettled,
    DueInThePast,
    FieldMissing,
    FieldTooLong,
    NoSuchAttempt,
    NoSuchNotice,
    NoticeNotCancellable,
    NoticeNotPausable,
    NoticeNotReschedulable,
    NoticeNotRetriable,
    NoticeNotScheduled,
    Refusal,
    SendingQuarantined,
    TimeMalformed,
    TimeSkipped,
    Unprintable,
)
from notifier import control, mending, progress, said
from notifier.models import Attempt, Batch, Notice, Outcome, Quarantine
from notifier.senders.protocol import NotSent, Refused, Unknown
from policy_versions import archive, policies
from policy_versions.models import AuditEntry
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]
STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOBODY = 2**31 - 1


@pytest.fixture
@made_once
def running(house: House) -> House:
    """A first text in force since yesterday's noon, and three members."""
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST)
    house.tick()
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    for name in ("ada", "bob", "cem"):
        house.member(name)
    return house


def act(house: House, deed: Callable[..., Any], *given: Any, actor: str = "ines", **named: Any) -> Any:
    with writing(house.runtime.engine) as session:
        return deed(session, *given, actor=actor, now=house.now, **named)


def states(house: House, notice_id: int | None = None) -> dict[str, int]:
    with reading(house.runtime.engine) as session:
        notice = session.get_one(Notice, notice_id or house.notice().id)
        return progress.of(session, notice).states


def log(house: House) -> list[str]:
    with reading(house.runtime.engine) as session:
        return [e.action for e in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


def scheduled(house: House, letters: KeptLetters | None = None, **given: Any) -> Notice:
    """A notice that is due in an hour."""
    house.publish(LONGER, **given)
    from notifier import deciding

    deciding.decide_due(house.runtime)
    notice = house.notice()
    act(house, control.schedule, notice.id, house.now + timedelta(hours=1))
    return notice


def sending(house: House, letters: KeptLetters, *answers: object, **given: Any) -> Notice:
    """A notice that has opened, one letter a request: what the sender said of the first of them."""
    letters.request_size = 1
    letters.answers.extend(answers or [NotSent("busy", retry_after=3600)])  # type: ignore[arg-type]
    house.publish(LONGER, **given)
    house.tick()
    return house.notice()


# -- what a person types ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-06-02T09:30", datetime(2026, 6, 2, 7, 30, tzinfo=UTC)),
        (" 2026-06-02 09:30 ", datetime(2026, 6, 2, 7, 30, tzinfo=UTC)),
        ("2026-12-02T09:30:15", datetime(2026, 12, 2, 8, 30, 15, tzinfo=UTC)),
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # shown twice: the first
        ("2026-03-29T03:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_by_the_clocks_of_the_policys_place(written: str, instant: datetime) -> None:
    assert said.time_of(written, STOCKHOLM) == instant


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "now",
            "2026-06-02",
            "09:30",
            "2026-13-02T09:30",
            "2026-06-31T09:30",
            "2026-06-02T25:00",
            "x" * 10_000,
        ),
        *(
            "2026-06-02T09:30Z",
            "2026-06-02T09:30+02:00",
            "0001-01-01T00:00",
            "9999-12-31T23:59",
            "2026-W10-1T10:00",
        ),
        *("2026-06-02T09:30\x00", "２０２６-06-02T09:30", "20260602T0930", "1899-12-31T23:59"),
    ],
)
def test_what_is_no_day_with_a_time_is_refused_in_a_sentence(written: str) -> None:
    with pytest.raises(TimeMalformed) as refusal:
        said.time_of(written, STOCKHOLM)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


def test_a_time_that_the_clocks_jump_over_is_refused() -> None:
    with pytest.raises(TimeSkipped, match="no 2026-03-29 02:30 in Europe/Stockholm"):
        said.time_of("2026-03-29T02:30", STOCKHOLM)


@pytest.mark.parametrize(
    ("written", "refusal"),
    [
        ("", FieldMissing),
        (" \t ", FieldMissing),
        ("x" * 501, FieldTooLong),
        ("x" * 10_000, FieldTooLong),
        ("two\nlines", Unprintable),
        ("a bell\x07", Unprintable),
        ("turned \u202eround", Unprintable),
    ],
)
def test_a_reason_is_one_line_that_can_be_read(written: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        said.reason(written)


def test_the_longest_reason_is_kept_whole() -> None:
    assert said.reason(" " + "é" * 500 + "\n") == "é" * 500


# -- another time -------------------------------------------------------------------------------


def test_a_notice_given_another_time_leaves_then(running: House, letters: KeptLetters, later: Later) -> None:
    notice = scheduled(running)
    act(running, control.schedule, notice.id, running.now + timedelta(days=2))
    later(days=1, hours=23)
    running.tick()
    assert letters.taken == []
    later(hours=1)
    running.tick()
    assert len(letters.taken) == 3
    assert "notice rescheduled" in log(running)


def test_no_time_that_is_over_is_taken(running: House) -> None:
    notice = scheduled(running)
    for late in (running.now, running.now - timedelta(days=400)):
        with pytest.raises(DueInThePast):
            act(running, control.schedule, notice.id, late)
    with pytest.raises(NoSuchNotice):
        act(running, control.schedule, NOBODY, running.now + timedelta(days=1))


def test_what_has_opened_or_is_over_gets_no_other_time(running: House, letters: KeptLetters) -> None:
    notice = sending(running, letters)
    for deed in (control.pause, control.resume, control.cancel):
        with pytest.raises(NoticeNotReschedulable):
            act(running, control.schedule, notice.id, running.now + timedelta(days=1))
        act(running, deed, notice.id, **({"why": "A mistake."} if deed is control.cancel else {}))
    with pytest.raises(NoticeNotReschedulable):
        act(running, control.schedule, notice.id, running.now + timedelta(days=1))


def test_a_notice_that_waits_with_its_audience_fixed_is_not_put_off(running: House, letters: KeptLetters) -> None:
    running.publish(LONGER, expected_audience=100)
    running.tick()
    assert running.notice().state == "waiting"
    with pytest.raises(NoticeNotReschedulable):
        act(running, control.schedule, running.notice().id, running.now + timedelta(days=1))


# -- pausing and going on -----------------------------------------------------------------------


def test_a_person_who_goes_on_opens_the_gate_behind_the_first_letters(
    running: House, letters: KeptLetters
) -> None:
    notice = sending(running, letters)
    with writing(running.runtime.engine) as session:
        held = session.get_one(Notice, notice.id)
        held.state, held.gate, held.why = "paused", "shut", "5 of the first 50 letters bounced."
        session.add(held)
    act(running, control.resume, notice.id)
    assert (running.notice().gate, running.notice().state, running.notice().why) == ("open", "sending", "")


def test_a_gate_that_still_waits_for_word_stays_as_it_is(running: House, letters: KeptLetters) -> None:
    notice = sending(running, letters)
    with writing(running.runtime.engine) as session:
        held = session.get_one(Notice, notice.id)
        held.gate = "canary"
        session.add(held)
    act(running, control.pause, notice.id)
    act(running, control.resume, notice.id)
    assert running.notice().gate == "canary"


def test_nothing_goes_on_while_a_restored_database_is_in_quarantine(running: House, letters: KeptLetters) -> None:
    notice = sending(running, letters)
    act(running, control.pause, notice.id)
    with writing(running.runtime.engine) as session:
        session.add(Quarantine(began_at=running.now, actor="ines", doubted=0, erased=0))
    with pytest.raises(SendingQuarantined):
        act(running, control.resume, notice.id)
    assert running.notice().state == "paused"
    with writing(running.runtime.engine) as session:
        standing = session.exec(select(Quarantine)).one()
        standing.lifted_at = running.now
        session.add(standing)
    act(running, control.resume, notice.id)
    assert running.notice().state == "sending"


@pytest.mark.parametrize(
    ("deed", "refusal"),
    [
        (control.pause, NoticeNotPausable),
        (control.resume, NoticeNotPausable),
        (control.send_now, NoticeNotScheduled),
        (control.cancel, NoSuchNotice),
        (mending.retry_failures, NoSuchNotice),
    ],
)
def test_what_there_is_not_is_refused(running: House, deed: Callable[..., Any], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        act(running, deed, NOBODY)


# -- cancelling ---------------------------------------------------------------------------------


def state_of(house: House, wanted: str, letters: KeptLetters) -> Notice:
    if wanted == "scheduled":
        return scheduled(house)
    if wanted == "waiting":
        house.publish(LONGER, expected_audience=100)
        house.tick()
        return house.notice()
    notice = sending(house, letters, None, NotSent("busy", retry_after=3600))
    if wanted == "paused":
        act(house, control.pause, notice.id)
    return house.notice()


@pytest.mark.parametrize("state", ["scheduled", "waiting", "sending", "paused"])
def test_a_notice_can_be_called_off_with_a_reason_whatever_it_waits_for(
    running: House, letters: KeptLetters, later: Later, state: str
) -> None:
    notice = state_of(running, state, letters)
    assert notice.state == state
    told = len(letters.taken)
    act(running, control.cancel, notice.id, why="The date was wrong.")
    cancelled = running.notice()
    assert (cancelled.state, cancelled.why) == ("cancelled", "Cancelled by ines: The date was wrong.")
    later(days=2)
    running.tick()
    running.tick()
    assert len(letters.taken) == told
    assert running.notice().state == "cancelled"
    if state in ("sending", "paused"):
        assert states(running) == {"accepted": 1, "skipped": 2}
        assert running.governs("ada") == 2  # by posting, told or not


def test_whoever_was_told_stays_told_and_the_others_stay_held(
    running: House, letters: KeptLetters, later: Later
) -> None:
    notice = sending(
        running,
        letters,
        None,
        NotSent("busy", retry_after=3600),
        rule="notice",
        notice_days=10,
        effective_at=running.now + timedelta(days=15),
    )
    told = letters.addresses[0].removesuffix("@example.com")
    act(running, control.cancel, notice.id, why="The text is to be read again.")
    later(days=30)
    running.tick()
    assert {name: running.governs(name) for name in ("ada", "bob", "cem")} == {
        name: 2 if name == told else 1 for name in ("ada", "bob", "cem")
    }
    assert "until they are told" in control.untold("notice")
    assert "until they accept" in control.untold("acceptance")
    assert "all the same" in control.untold("posting")


def test_a_correction_that_is_paused_can_be_called_off(running: House, letters: KeptLetters, later: Later) -> None:
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    from notifier import notices

    with writing(running.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=running.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=running.now)
    correction = running.notice()
    assert (correction.kind, correction.state) == ("correction", "scheduled")
    act(running, control.pause, correction.id)
    with pytest.raises(NoticeNotCancellable, match="reason"):
        act(running, control.cancel, correction.id)
    act(running, control.cancel, correction.id, why="They were told in person.")
    running.tick()
    assert len(letters.taken) == 3  # of the change
    assert running.notice().state == "cancelled"


def test_what_is_over_is_not_called_off(running: House, letters: KeptLetters) -> None:
    running.publish(LONGER)
    running.tick()
    with pytest.raises(NoticeNotCancellable, match="complete"):
        act(running, control.cancel, running.notice().id, why="Too late.")
    with pytest.raises(NoticeNotCancellable, match="Without a reason"):
        act(running, control.cancel, running.notice().id, why="  ")


@pytest.mark.parametrize("why", ["x" * 10_000, "a\x00b", "two\nlines"])
def test_a_bad_reason_calls_nothing_off(running: House, why: str) -> None:
    notice = scheduled(running)
    with pytest.raises((FieldTooLong, Unprintable)):
        act(running, control.cancel, notice.id, why=why)
    assert running.notice().state == "scheduled"


def test_a_notice_called_off_is_taken_up_again_when_a_person_decides_so(
    running: House, letters: KeptLetters, later: Later
) -> None:
    from tests.notifier.test_overruling import decide

    notice = sending(running, letters, None, NotSent("busy", retry_after=3600))
    act(running, control.cancel, notice.id, why="By mistake.")
    later(minutes=1)
    decide(running, 2, "minor")
    later(minutes=1)
    decide(running, 2, "significant")
    running.tick()
    running.tick()
    assert (running.notice().state, len(letters.taken)) == ("complete", 3)


# -- failures -----------------------------------------------------------------------------------


def failing(house: House, letters: KeptLetters, *names: str) -> Notice:
    letters.request_size = 1
    letters.refuses = {f"{name}@example.com" for name in names}
    letters.refusal = Refused("The mailbox is full.", status=400, address=True)
    house.publish(LONGER)
    house.tick()
    return house.notice()


def test_only_what_failed_is_sent_again(running: House, letters: KeptLetters) -> None:
    notice = failing(running, letters, "bob")
    assert (notice.state, states(running)) == ("complete", {"accepted": 2, "failed": 1})
    letters.refuses = set()
    assert act(running, mending.retry_failures, notice.id) == 1
    assert states(running) == {"accepted": 2, "queued": 1}
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Outcome)).all() == []
    running.tick()
    running.tick()
    assert (running.notice().state, states(running)) == ("complete", {"accepted": 3})
    assert letters.addresses == ["ada@example.com", "bob@example.com", "cem@example.com"]
    with pytest.raises(NoticeNotRetriable, match="No letter of this notice has failed"):
        act(running, mending.retry_failures, notice.id)
    assert log(running).count("failed letters sent again") == 1


def test_an_address_that_is_refused_still_fails_again(running: House, letters: KeptLetters) -> None:
    notice = failing(running, letters, "bob", "cem")
    assert act(running, mending.retry_failures, notice.id) == 2
    running.tick()
    running.tick()
    assert (running.notice().state, states(running)) == ("complete", {"accepted": 1, "failed": 2})


def test_a_changed_address_is_the_one_written_to(running: House, letters: KeptLetters) -> None:
    notice = failing(running, letters, "bob")
    running.members({"external_id": "bob", "email": "robert@example.com"})
    act(running, mending.retry_failures, notice.id)
    running.tick()
    running.tick()
    assert "robert@example.com" in letters.addresses


def test_failures_wait_while_their_notice_is_paused(running: House, letters: KeptLetters) -> None:
    letters.refuses, letters.refusal = {"ada@example.com"}, Refused("No.", status=400, address=True)
    sending(running, letters, None, NotSent("busy", retry_after=3600))
    running.runtime.clock.instant += timedelta(hours=2)  # type: ignore[attr-defined]
    running.tick()
    notice = running.notice()
    letters.refuses = set()
    if notice.state == "complete":  # the refused one came last
        act(running, mending.retry_failures, notice.id)
        act_state(running, "paused")
    else:
        act(running, control.pause, notice.id)
        act(running, mending.retry_failures, notice.id)
    running.tick()
    taken = len(letters.taken)
    act(running, control.resume, notice.id)
    running.tick()
    running.tick()
    assert len(letters.taken) == taken + 1


def act_state(house: House, state: str) -> None:
    with writing(house.runtime.engine) as session:
        notice = session.get_one(Notice, house.notice().id)
        notice.state = state
        session.add(notice)


def test_what_failed_of_a_notice_called_off_or_overtaken_stays_so(running: House, letters: KeptLetters) -> None:
    first = failing(running, letters, "bob")
    running.publish(LONGER.replace("24 months", "36 months"))
    running.tick()
    with pytest.raises(NoticeNotRetriable, match="tells of it since"):
        act(running, mending.retry_failures, first.id)
    act_state(running, "cancelled")
    with pytest.raises(NoticeNotRetriable, match="called off"):
        act(running, mending.retry_failures, running.notice().id)


# -- in doubt -----------------------------------------------------------------------------------


def doubtful(house: House, letters: KeptLetters) -> tuple[Notice, int]:
    notice = sending(house, letters, Unknown("The connection was reset."))
    with reading(house.runtime.engine) as session:
        attempt = session.exec(select(Attempt).where(Attempt.state == "unknown")).one()
    return notice, attempt.id or 0


def test_a_person_may_say_that_it_was_sent(running: House, letters: KeptLetters) -> None:
    notice, attempt_id = doubtful(running, letters)
    act(running, mending.settle, notice.id, attempt_id, sent=True)
    with reading(running.runtime.engine) as session:
        attempt = session.get_one(Attempt, attempt_id)
        assert (attempt.state, attempt.settled_by) == ("accepted", "person")
    running.tick()
    assert (running.notice().state, states(running)) == ("complete", {"accepted": 3})
    assert len(letters.taken) == 2


def test_a_person_may_say_that_it_was_not_and_it_is_sent_again(running: House, letters: KeptLetters) -> None:
    notice, attempt_id = doubtful(running, letters)
    act(running, mending.settle, notice.id, attempt_id, sent=False)
    with reading(running.runtime.engine) as session:
        attempt = session.get_one(Attempt, attempt_id)
        assert (attempt.state, attempt.settled_by) == ("resent", "person")
        assert session.get_one(Batch, attempt.batch_id).state == "queued"
    running.tick()
    assert (running.notice().state, len(letters.taken)) == ("complete", 3)


def test_a_request_is_settled_once(running: House, letters: KeptLetters) -> None:
    notice, attempt_id = doubtful(running, letters)
    act(running, mending.settle, notice.id, attempt_id, sent=True)
    for again in (True, False):
        with pytest.raises(AttemptNotSettled, match="settled already: it was sent"):
            act(running, mending.settle, notice.id, attempt_id, sent=again)
    assert log(running).count("request settled") == 1


def test_nothing_is_sent_again_of_a_notice_that_is_paused(running: House, letters: KeptLetters) -> None:
    notice, attempt_id = doubtful(running, letters)
    act(running, control.pause, notice.id)
    with pytest.raises(AttemptNotSettled, match="let it go on first"):
        act(running, mending.settle, notice.id, attempt_id, sent=False)
    act(running, mending.settle, notice.id, attempt_id, sent=True)  # a word on the past is taken in every state


def test_a_request_of_another_notice_or_of_none_is_not_settled(running: House, letters: KeptLetters) -> None:
    notice, attempt_id = doubtful(running, letters)
    with pytest.raises(NoSuchAttempt):
        act(running, mending.settle, notice.id, NOBODY, sent=True)
    with pytest.raises(NoSuchNotice):
        act(running, mending.settle, NOBODY, attempt_id, sent=True)
    running.publish(LONGER.replace("24 months", "36 months"))
    running.tick()
    assert running.notice().id != notice.id
    with pytest.raises(NoSuchAttempt):
        act(running, mending.settle, running.notice().id, attempt_id, sent=True)


# -- two at once --------------------------------------------------------------------------------


def both(house: House, *deeds: Callable[[Session], Any]) -> list[str]:
    """Two persons press at once; what each was told: "" where it was done."""
    gate, told = threading.Barrier(len(deeds)), [""] * len(deeds)

    def press(number: int, deed: Callable[[Session], Any]) -> None:
        gate.wait()
        try:
            with writing(house.runtime.engine) as session:
                deed(session)
        except Refusal as refusal:
            told[number] = str(refusal)

    threads = [threading.Thread(target=press, args=each) for each in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_of_two_who_do_the_same_one_wins_and_the_other_is_told(running: House, letters: KeptLetters) -> None:
    notice, attempt_id = doubtful(running, letters)
    now = running.now
    deeds: list[Callable[[Session, str], Any]] = [
        lambda s, who: mending.settle(s, notice.id or 0, attempt_id, sent=True, actor=who, now=now),
        lambda s, who: control.pause(s, notice.id or 0, actor=who, now=now),
        lambda s, who: control.resume(s, notice.id or 0, actor=who, now=now),
        lambda s, who: control.cancel(s, notice.id or 0, why="Enough.", actor=who, now=now),
    ]
    for deed in deeds:
        before = len(log(running))
        told = both(running, lambda s, d=deed: d(s, "ines"), lambda s, d=deed: d(s, "olof"))  # type: ignore[misc]
        assert told.count("") == 1, told
        assert len(log(running)) == before + 1


def test_of_one_who_goes_on_and_one_who_cancels_the_notice_ends_as_the_last_one_left_it(
    running: House, letters: KeptLetters
) -> None:
    notice = sending(running, letters)
    act(running, control.pause, notice.id)
    told = both(
        running,
        lambda s: control.resume(s, notice.id or 0, actor="ines", now=running.now),
        lambda s: control.cancel(s, notice.id or 0, why="Enough.", actor="olof", now=running.now),
    )
    assert told[1] == ""  # cancelling may come before or after: it holds either way
    assert running.notice().state == "cancelled"


def test_failures_are_put_back_once_when_two_ask_at_once(running: House, letters: KeptLetters) -> None:
    notice = failing(running, letters, "bob", "cem")
    told = both(
        running,
        *(
            lambda s, who=who: mending.retry_failures(s, notice.id or 0, actor=who, now=running.now)
            for who in ("ines", "olof")
        ),
    )
    assert sorted(bool(each) for each in told) == [False, True]
    assert states(running) == {"accepted": 1, "queued": 2}


def test_a_typo_has_no_notice_to_control(running: House) -> None:
    running.publish(TYPO)
    running.tick()
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Notice)).all() == []
