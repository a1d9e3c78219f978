"""After a restore: what may have left is listed, nothing leaves by itself, and nobody is lost or told twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select, update

from database import reading, writing
from errors import NotQuarantined, SendingQuarantined
from notifier import control, deciding, deliveries, doubts, outbox, progress, restoring, scheduler, settling
from notifier.events import folding
from notifier.events.reading import Reported
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Outcome, Quarantine
from notifier.senders.protocol import Unknown
from policy_versions.models import AuditEntry
from settings import Settings
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]
NAMES = ("ada", "bob", "cem", "dan", "eva", "fay")
TAKEN, DOUBTED, WAITING = NAMES[:2], NAMES[2:4], NAMES[4:]
OF_THE_LOST_TIME = 4711  # a request that this database has never heard of


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path, review_minutes=60, quota_hour=2)


@pytest.fixture
@made_once
def running(house: House, later: Later) -> House:
    later(days=-1)
    house.policy()
    house.publish(FIRST)
    house.tick()
    later(days=1)
    for name in NAMES:
        house.member(name)
    return house


@pytest.fixture
@made_once
def scheduled(running: House) -> House:
    """No. 2's notice is due in an hour."""
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    deciding.decide_due(running.runtime)
    return running


@pytest.fixture
@made_once
def backup(scheduled: House, letters: KeptLetters, later: Later) -> House:
    """As it was kept: the letters of two were taken, those of two are in doubt, and those of two wait."""
    later(hours=1)
    scheduler.open_due(scheduled.runtime)
    letters.answers.extend([None, Unknown("The connection was reset.")])
    for _ in range(2):
        outbox.deliver(scheduled.runtime)
        later(hours=1)
    assert letters.addresses == [f"{name}@example.com" for name in TAKEN]
    return scheduled


def restore(house: House) -> restoring.Restored:
    return restoring.begin(house.runtime, actor="an operator")


def lift(house: House) -> None:
    with writing(house.runtime.engine) as session:
        restoring.lift(session, actor="ines", now=house.now)


def go_on(house: House) -> None:
    with writing(house.runtime.engine) as session:
        control.resume(session, house.notice().id or 0, actor="ines", now=house.now)


def in_doubt(house: House) -> list[str]:
    with reading(house.runtime.engine) as session:
        found = deliveries.doubtful_deliveries(session, house.notice(), limit=None)
        return sorted(each.row.member for each in found)


def states(house: House) -> dict[str, int]:
    with reading(house.runtime.engine) as session:
        counted = progress.of(session, house.notice()).states
    return {state: number for state, number in counted.items() if number}


def attempts(house: House) -> list[Attempt]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Attempt).order_by(col(Attempt.id))))


def change(house: House, model: Any, **values: Any) -> None:
    with writing(house.runtime.engine) as session:
        session.exec(update(model).values(**values))


def delivery(house: House, name: str) -> int:
    with reading(house.runtime.engine) as session:
        of = select(Delivery.id).join(Member, col(Member.id) == Delivery.member_id)
        return (
            session.exec(of.where(Member.external_id == name, Delivery.notice_id == house.notice().id)).one() or 0
        )


def hear(
    house: House, name: str, event: str = "delivered", attempt: int | None = OF_THE_LOST_TIME, **how: Any
) -> None:
    """Take in what a provider says of a letter."""
    report = Reported(event, house.now, delivery(house, name), attempt=attempt, **how)
    with writing(house.runtime.engine) as session:
        folding.fold(session, [report], secret=house.runtime.secret, now=house.now)


def send_all(house: House, later: Later) -> None:
    """Let the day go by, with its quota of two letters an hour."""
    for _ in range(12):
        later(hours=1)
        settling.settle(house.runtime)
        outbox.deliver(house.runtime)


# -- what is in doubt ---------------------------------------------------------------------------


def test_whatever_was_not_settled_is_listed_by_name(backup: House) -> None:
    assert in_doubt(backup) == [*DOUBTED]
    found = restore(backup)
    assert in_doubt(backup) == [*DOUBTED, *WAITING]
    assert states(backup) == {"accepted": 2, "unknown": 4}
    assert (found.is_new, found.letters, found.requests, found.paused) == (True, 4, 2, 1)
    assert found.quarantine.doubted == 1, "one was in doubt before"


def test_what_was_in_flight_is_in_doubt_whole_and_once(backup: House) -> None:
    change(backup, Attempt, state="started", doubted_at=None, recorded_at=None)
    change(backup, Batch, state="sending", lease_by="node 1", lease_until=backup.now + timedelta(minutes=3))
    assert restore(backup).quarantine.doubted == 3
    assert in_doubt(backup) == [*NAMES]
    assert {attempt.doubted_at for attempt in attempts(backup)} == {backup.now}
    with reading(backup.runtime.engine) as session:
        batch = session.exec(select(Batch).where(Batch.channel == "email")).one()
    assert (batch.state, batch.lease_by, batch.lease_until) == ("unknown", "", None)


def test_what_was_to_be_sent_again_is_unknown_as_before(backup: House) -> None:
    """A late answer to it must not count as a second letter that nobody can have proved."""
    with writing(backup.runtime.engine) as session:
        again = session.exec(select(Attempt).where(Attempt.state == "unknown")).one()
        again.state = "resent"
        session.add(again)
    restore(backup)
    assert [attempt.state for attempt in attempts(backup)] == ["accepted", "unknown", "unknown"]
    assert in_doubt(backup) == [*DOUBTED, *WAITING]
    hear(backup, "cem", attempt=again.id)
    assert in_doubt(backup) == [*WAITING]
    assert not any(attempt.duplicate for attempt in attempts(backup))


def test_who_was_left_out_stays_left_out(backup: House) -> None:
    with writing(backup.runtime.engine) as session:
        left_out = Outcome(
            delivery_id=delivery(backup, "fay"), outcome="skipped", reason="a reason", recorded_at=backup.now
        )
        session.add(left_out)
    restore(backup)
    assert in_doubt(backup) == [*DOUBTED, "eva"]
    assert states(backup) == {"accepted": 2, "unknown": 3, "skipped": 1}


def test_who_waits_for_a_place_or_came_late_is_listed_too(backup: House) -> None:
    """In the time that was lost they had got one, and perhaps a letter."""
    backup.member("gus")
    with writing(backup.runtime.engine) as session:
        astray = update(Delivery).where(col(Delivery.id) == delivery(backup, "eva")).values(position=None)
        session.exec(astray)
    restore(backup)
    assert in_doubt(backup) == sorted([*DOUBTED, *WAITING, "gus"])


@pytest.mark.parametrize("state", ["paused", "waiting"])
def test_a_notice_that_was_stopped_is_in_doubt_as_well_and_says_both_reasons(backup: House, state: str) -> None:
    """A person may have let it go on after the backup was made."""
    change(backup, Notice, state=state, why="Paused by ines.")
    restore(backup)
    notice = backup.notice()
    assert in_doubt(backup) == [*DOUBTED, *WAITING]
    assert (notice.state, notice.held_by_id) == (state, None)
    assert notice.why == f"{restoring.WHY} It was stopped already: Paused by ines."


@pytest.mark.parametrize("state", ["cancelled", "recalled"])
def test_what_was_called_off_stays_so(backup: House, state: str) -> None:
    change(backup, Notice, state=state, why="A reason.")
    before = attempts(backup)
    assert restore(backup).paused == 0
    assert attempts(backup) == before
    assert backup.notice().why == "A reason."


def test_letters_into_a_folder_are_written_again_so_nothing_is_in_doubt(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    letters.repeatable = True
    assert restore(backup).quarantine.doubted == 0
    lift(backup)
    go_on(backup)
    send_all(backup, later)
    assert letters.addresses == [f"{name}@example.com" for name in NAMES]


def test_a_request_in_flight_into_a_folder_was_not_made(backup: House, letters: KeptLetters) -> None:
    letters.repeatable = True
    with writing(backup.runtime.engine) as session:
        session.exec(update(Attempt).where(col(Attempt.state) == "unknown").values(state="started"))
    restore(backup)
    assert [attempt.state for attempt in attempts(backup)] == ["accepted", "not_sent"]
    assert states(backup) == {"accepted": 2, "queued": 4}


def test_numbers_of_the_lost_time_are_never_given_again(backup: House, letters: KeptLetters, later: Later) -> None:
    """A report of one of them would be taken for another letter's."""
    known, last = {attempt.id for attempt in attempts(backup)}, delivery(backup, "fay")
    restore(backup)
    lift(backup)
    go_on(backup)
    backup.member("gus")
    scheduler.top_up(backup.runtime)
    send_all(backup, later)
    new = {attempt.id or 0 for attempt in attempts(backup)} - known
    assert len(new) >= 3
    assert min(new) >= restoring.AHEAD["attempt"]
    assert delivery(backup, "gus") >= last + restoring.AHEAD["delivery"]


# -- what leaves --------------------------------------------------------------------------------


def test_nothing_leaves_and_nothing_opens_in_quarantine(backup: House, letters: KeptLetters, later: Later) -> None:
    restore(backup)
    taken = list(letters.addresses)
    backup.publish(TYPO.replace("12 months", "36 months"), rule="notice", notice_days=30,
                   effective_at=backup.now + timedelta(days=50))  # fmt: skip
    later(hours=1)
    for _ in range(3):
        backup.tick()
        later(hours=3)
    assert letters.addresses == taken
    assert backup.notice().state == "scheduled", "it is due, and waits for the quarantine's end"
    with pytest.raises(SendingQuarantined), writing(backup.runtime.engine) as session:
        control.resume(session, 1, actor="ines", now=backup.now)


def test_once_lifted_each_notice_waits_for_a_person_and_then_nobody_is_lost(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    restore(backup)
    lift(backup)
    later(days=1)
    backup.tick()
    assert (backup.notice().state, len(letters.taken)) == ("paused", 2)
    go_on(backup)
    send_all(backup, later)
    backup.tick()
    assert letters.addresses == [f"{name}@example.com" for name in NAMES]
    assert backup.notice().state == "complete"


def test_a_doubt_is_left_for_as_long_after_the_restore_as_any(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    """What providers could not report while the database was away comes now."""
    later(days=1)
    restore(backup)
    lift(backup)
    go_on(backup)
    for minutes in (10, 109):
        later(minutes=minutes)
        settling.settle(backup.runtime)
    assert in_doubt(backup) == [*DOUBTED, *WAITING]
    later(minutes=2)
    settling.settle(backup.runtime)
    assert in_doubt(backup) == []
    assert states(backup) == {"accepted": 2, "queued": 4}


def test_under_at_most_once_nothing_in_doubt_is_sent_again(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    settings = backup.runtime.settings.model_copy(update={"unknown": "at_most_once"})
    house = House(type(backup.runtime)(backup.runtime.engine, backup.runtime.clock, letters, settings, "node 2"))
    restore(house)
    lift(house)
    go_on(house)
    send_all(house, later)
    assert (len(letters.taken), in_doubt(house)) == (2, [*DOUBTED, *WAITING])
    assert house.governs("eva", house.now + timedelta(days=60)) == 1, "nobody knows whether they were told"


def test_a_notice_that_had_not_opened_waits_for_a_person(
    scheduled: House, letters: KeptLetters, later: Later
) -> None:
    """It may have opened after the backup was made."""
    restore(scheduled)
    assert (scheduled.notice().state, scheduled.notice().why) == ("paused", restoring.WHY)
    lift(scheduled)
    later(hours=2)
    scheduled.tick()
    assert letters.taken == []
    go_on(scheduled)
    scheduled.tick()
    assert len(letters.taken) == 2, "as the quota lets them"


def test_a_notice_decided_in_quarantine_waits_if_its_text_is_older(running: House, later: Later) -> None:
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    restore(running)
    deciding.decide_due(running.runtime)
    assert running.notice().state == "scheduled"
    lift(running)
    assert running.notice().state == "paused"


def test_a_notice_of_a_text_published_since_goes_its_way(
    running: House, letters: KeptLetters, later: Later
) -> None:
    restore(running)
    later(minutes=1)
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    deciding.decide_due(running.runtime)
    lift(running)
    later(hours=2)
    running.tick()
    assert (running.notice().state, len(letters.taken)) == ("sending", 2)


# -- what settles a doubt -----------------------------------------------------------------------


def test_a_report_of_the_lost_time_proves_its_own_letter_and_no_other(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    restore(backup)
    hear(backup, "eva")
    assert in_doubt(backup) == [*DOUBTED, "fay"]
    assert states(backup) == {"delivered": 1, "accepted": 2, "unknown": 3}
    proof = next(attempt for attempt in attempts(backup) if attempt.settled_by == "event")
    assert (proof.recipients, proof.state, proof.recorded_at) == (1, "accepted", backup.now)
    lift(backup)
    go_on(backup)
    send_all(backup, later)
    again = [f"{name}@example.com" for name in (*DOUBTED, "fay")]
    assert sorted(letters.addresses) == sorted([*(f"{name}@example.com" for name in TAKEN), *again])


def test_a_letter_proved_is_notice_from_then_on(backup: House, later: Later) -> None:
    restore(backup)
    hear(backup, "eva", "processed")
    assert backup.governs("eva", backup.now + timedelta(days=60)) == 2
    assert backup.governs("fay", backup.now + timedelta(days=60)) == 1
    later(hours=1)
    hear(backup, "eva", "bounce")
    assert backup.governs("eva", backup.now + timedelta(days=60)) == 1, "it came back"
    assert {event.attempt_id for event in _events(backup)} == {
        attempt.id for attempt in attempts(backup) if attempt.settled_by == "event"
    }


def _events(house: House) -> list[DeliveryEvent]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(DeliveryEvent)))


@pytest.mark.parametrize("order", [("eva", "fay", "dan"), ("dan", "fay", "eva")])
def test_when_every_letter_is_proved_the_batch_is_settled(backup: House, order: tuple[str, ...]) -> None:
    """In whatever order, in whichever request they had left."""
    restore(backup)
    for name in ("cem", *order):
        hear(backup, name)
        hear(backup, name)  # doubled
    assert (in_doubt(backup), states(backup)) == ([], {"accepted": 2, "delivered": 4})
    with reading(backup.runtime.engine) as session:
        assert session.exec(select(Batch.state).where(Batch.channel == "email")).all() == ["accepted"]


def test_a_letter_that_came_back_by_its_own_address_left(backup: House) -> None:
    restore(backup)
    hear(backup, "eva", "bounce", None, returned=True)
    assert in_doubt(backup) == [*DOUBTED, "fay"]
    assert states(backup) == {"bounced": 1, "accepted": 2, "unknown": 3}


def test_without_a_restore_a_strange_number_settles_nothing(backup: House) -> None:
    hear(backup, "cem", attempt=OF_THE_LOST_TIME)
    assert [attempt.state for attempt in attempts(backup)] == ["accepted", "unknown"]


def test_a_request_made_since_is_not_settled_by_a_strange_number(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    restore(backup)
    lift(backup)
    go_on(backup)
    later(hours=3)
    settling.settle(backup.runtime)
    letters.answers.append(Unknown("The connection was reset."))
    outbox.deliver(backup.runtime)
    before = [(attempt.id, attempt.state) for attempt in attempts(backup)]
    assert before[-1][1] == "unknown"
    hear(backup, DOUBTED[0])
    assert [(attempt.id, attempt.state) for attempt in attempts(backup)] == before


def test_no_providers_log_is_asked_about_a_request_that_was_never_made(
    backup: House, letters: KeptLetters, later: Later
) -> None:
    restore(backup)
    letters.log = {attempt.id or 0: True for attempt in attempts(backup)}
    later(minutes=11)
    settling.settle(backup.runtime)
    assert in_doubt(backup) == [*WAITING], "those of the request that is on record were taken"
    assert {attempt.sender for attempt in attempts(backup) if attempt.state == "unknown"} == {doubts.SENDER}


# -- twice, and the end of it -------------------------------------------------------------------


def test_to_begin_twice_changes_nothing(backup: House) -> None:
    first = restore(backup)
    before, said = attempts(backup), backup.notice().why
    backup.member("gus")
    second = restore(backup)
    assert (second.is_new, second.quarantine.id) == (False, first.quarantine.id)
    assert (attempts(backup), backup.notice().why) == (before, said)
    assert restoring.in_words(second).startswith("The database is in quarantine already, since 2026-06-01")


def test_a_second_restore_is_a_quarantine_of_its_own(backup: House, later: Later) -> None:
    first = restore(backup)
    lift(backup)
    later(hours=1)
    second = restore(backup)
    assert second.is_new and second.quarantine.id != first.quarantine.id
    assert in_doubt(backup) == [*DOUBTED, *WAITING]


def test_lifting_is_told_once_and_on_record(backup: House, session_of: Callable[[], Session]) -> None:
    with pytest.raises(NotQuarantined):
        lift(backup)
    restore(backup)
    lift(backup)
    with pytest.raises(NotQuarantined):
        lift(backup)
    with session_of() as session:
        held = session.exec(select(Quarantine)).one()
        audited = session.exec(select(AuditEntry.actor).where(AuditEntry.action == "quarantine lifted")).all()
        began = session.exec(select(AuditEntry.actor).where(AuditEntry.action == "database restored")).all()
    assert (held.lifted_by, held.lifted_at, audited, began) == ("ines", backup.now, ["ines"], ["an operator"])


@pytest.fixture
def session_of(house: House) -> Callable[[], Session]:
    return lambda: Session(house.runtime.engine)


def test_an_empty_database_can_be_restored(house: House) -> None:
    found = restore(house)
    assert restoring.in_words(found) == (
        "The database is in quarantine, since 2026-06-01 12:00 UTC: no letter leaves and no notice opens.\n"
        "Of 0 letters in 0 requests nobody knows whether they left. 0 notices wait for a person."
    )
    lift(house)
