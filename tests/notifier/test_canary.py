"""The first letters: chosen by lot, waited for, and what opens or shuts the gate behind them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, func, select, update

from database import reading, writing
from notifier import canary, compose, control, outbox, settling
from notifier.canary import Heard
from notifier.models import Batch, Delivery, DeliveryEvent, Notice, RenderedLetter
from notifier.senders.protocol import Refused, Unknown
from settings import Settings
from tests.conftest import NOON, make_settings
from tests.house import House, KeptLetters
from tests.notifier.sending import Later, act, batches, opened, people, set_notice, states

FIRST = 4
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def given_settings(database_url: str, tmp_path: Any) -> Settings:
    return make_settings(database_url, tmp_path, canary=FIRST)


@pytest.fixture
def letters() -> KeptLetters:
    return KeptLetters(reports=True)


def first_of(house: House) -> list[int]:
    """The members whose letters leave first."""
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Delivery.member_id).join(Batch, col(Batch.id) == Delivery.batch_id).where(Batch.canary)
        )
        return sorted(rows)


def heard(delivery_id: int | None, event: str, at: datetime) -> DeliveryEvent:
    return DeliveryEvent(delivery_id=delivery_id or 0, event=event, happened_at=at, recorded_at=at)


def hear(house: House, event: str, most: int) -> None:
    """Something is reported of so many of the first letters, and counted."""
    with writing(house.runtime.engine) as session:
        rows = session.exec(
            select(Delivery.id, Batch.id)
            .join(Batch, col(Batch.id) == Delivery.batch_id)
            .where(Batch.canary)
            .order_by(col(Delivery.id))
            .limit(most)
        ).all()
        for delivery_id, batch_id in rows:
            session.add(heard(delivery_id, event, house.now))
            column = {"bounce": "bounced"}.get(event, "delivered")
            session.exec(
                update(Batch).where(col(Batch.id) == batch_id).values({column: getattr(Batch, column) + 1})
            )


# -- which leave first --------------------------------------------------------------------------


def test_so_many_letters_are_drawn_and_leave_before_all_others(running: House, letters: KeptLetters) -> None:
    people(running, 30)
    opened(running)
    chosen = first_of(running)
    assert len(chosen) == FIRST
    outbox.deliver(running.runtime)
    assert len(letters.taken) == FIRST
    assert (states(running), running.notice().gate) == ({"accepted": FIRST, "queued": 30 - FIRST}, "canary")


def test_they_are_no_neighbours_but_drawn_from_everywhere(running: House) -> None:
    people(running, 60)
    opened(running)
    chosen = first_of(running)
    assert chosen != list(range(chosen[0], chosen[0] + FIRST))


def test_every_letter_stays_in_one_batch_whose_size_is_right(running: House) -> None:
    people(running, 30)
    for name in ("a", "b", "c", "d"):
        running.member(name, locale="fr")
    opened(running)
    with reading(running.runtime.engine) as session:
        counted = dict(
            session.exec(select(Delivery.batch_id, func.count()).group_by(col(Delivery.batch_id))).all()
        )
        numbers = session.exec(select(Batch.number)).all()
    assert counted == {batch.id: batch.size for batch in batches(running) if batch.size}
    assert sum(counted.values()) == 34
    assert len(set(numbers)) == len(numbers)
    alike = ("locale", "channel", "audience", "already", "asks", "applies_from", "base_revision_id")
    kinds = {tuple(getattr(batch, name) for name in alike) for batch in batches(running)}
    assert len(kinds) == 2


@pytest.mark.parametrize(("members", "first"), [(19, 0), (20, 4), (0, 0), (1, 0)])
def test_a_small_notice_leaves_at_once(running: House, letters: KeptLetters, members: int, first: int) -> None:
    if members:
        people(running, members)
    opened(running)
    assert len(first_of(running)) == first
    outbox.deliver(running.runtime)
    assert len(letters.taken) == (first or members)


def test_where_none_are_to_leave_first_all_leave_at_once(running: House, letters: KeptLetters) -> None:
    people(running, 30)
    with writing(running.runtime.engine) as session:
        canary.choose(session, Notice(policy_id=1, revision_id=1, due_at=NOON, substitution_prefix="x",
                                      created_at=NOON), 0, now=NOON)  # fmt: skip
    assert first_of(running) == []


def test_of_a_notice_that_is_put_into_a_folder_none_leave_first(running: House, letters: KeptLetters) -> None:
    letters.repeatable = True
    people(running, 30)
    opened(running)
    outbox.deliver(running.runtime)
    assert len(letters.taken) == 30


# -- the gate -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "minutes", "gate"),
    [
        (Heard(200, 0, 200, 179, 0), 0, "canary"),
        (Heard(200, 0, 200, 180, 0), 0, "open"),  # nine in ten
        (Heard(200, 0, 200, 0, 0), 29, "canary"),
        (Heard(200, 0, 200, 0, 0), 30, "open"),  # their time is over
        (Heard(200, 100, 100, 90, 0), 60, "canary"),  # half of them have not left
        (Heard(200, 0, 200, 200, 9), 60, "open"),  # 4.5 %
        (Heard(200, 0, 200, 200, 10), 0, "shut"),  # 5 %
        (Heard(200, 100, 100, 5, 5), 0, "shut"),  # it is seen before all have left
        (Heard(200, 150, 49, 49, 49), 0, "canary"),  # too few to judge by
        (Heard(200, 150, 50, 3, 3), 0, "shut"),
        (Heard(200, 150, 50, 2, 2), 0, "canary"),
        (Heard(200, 0, 100, 90, 0, silent=100), 0, "canary"),  # nothing is known of the doubtful
        (Heard(200, 0, 100, 90, 0, silent=100), 30, "open"),  # but they hold the others up for their time only
        (Heard(200, 0, 0, 0, 0, silent=200), 29, "canary"),
        (Heard(200, 0, 0, 0, 0), 0, "open"),  # all of them are gone
    ],
)
def test_the_gate_opens_or_shuts_by_what_is_known(known: Heard, minutes: int, gate: str) -> None:
    now = NOON + timedelta(minutes=minutes)
    found, why = canary.judge(known, since=NOON, patience=HALF_AN_HOUR, reports=True, now=now)
    assert found == gate
    assert bool(why) == (gate == "shut")


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 120))
def test_one_bounce_more_never_opens_a_gate(left: int, events: int, bounced: int, minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    events, bounced = min(events, left), min(bounced, left)

    def gate(bounced: int) -> str:
        known = Heard(300, 0, left, events, bounced)
        return canary.judge(known, since=NOON, patience=HALF_AN_HOUR, reports=True, now=now)[0]

    assert not (gate(bounced) == "shut" and gate(bounced + 1) != "shut")


def test_it_opens_once_enough_was_heard_and_the_others_follow(running: House, letters: KeptLetters) -> None:
    people(running, 30)
    opened(running)
    outbox.deliver(running.runtime)
    hear(running, "delivered", FIRST - 1)
    outbox.deliver(running.runtime)
    assert len(letters.taken) == FIRST, "three in four are not nine in ten"
    hear(running, "processed", FIRST)
    outbox.deliver(running.runtime)
    assert len(letters.taken) == FIRST, "that it is on its way says nothing"
    with writing(running.runtime.engine) as session:
        last = session.exec(select(Delivery.id).where(Delivery.member_id == first_of(running)[-1])).one()
        session.add(heard(last, "delivered", running.now))
    outbox.deliver(running.runtime)
    outbox.deliver(running.runtime)
    assert (len(letters.taken), running.notice().state) == (30, "complete")


def test_it_opens_when_their_time_is_over(running: House, letters: KeptLetters, later: Later) -> None:
    people(running, 30)
    opened(running)
    outbox.deliver(running.runtime)
    later(minutes=29)
    outbox.deliver(running.runtime)
    assert (len(letters.taken), running.notice().gate_since) == (FIRST, running.now - timedelta(minutes=29))
    later(minutes=1)
    outbox.deliver(running.runtime)
    outbox.deliver(running.runtime)
    assert len(letters.taken) == 30


def test_too_many_bounces_pause_the_notice_until_a_person_has_looked(
    running: House, letters: KeptLetters, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "LEAST", 4)
    people(running, 30)
    opened(running)
    outbox.deliver(running.runtime)
    hear(running, "bounce", 1)
    later(hours=1)
    outbox.deliver(running.runtime)
    notice = running.notice()
    assert (notice.state, notice.gate) == ("paused", "shut")
    assert notice.why == "1 of the first 4 letters bounced (25 %): look, then go on."
    outbox.deliver(running.runtime)
    assert len(letters.taken) == FIRST
    act(running, control.resume, notice.id)
    outbox.deliver(running.runtime)
    assert (len(letters.taken), running.notice().state) == (30, "complete")


def test_where_a_sender_reports_nothing_a_person_is_asked(running: House, letters: KeptLetters) -> None:
    letters.reports = False
    people(running, 30)
    opened(running)
    outbox.deliver(running.runtime)
    notice = running.notice()
    assert (notice.state, len(letters.taken)) == ("paused", FIRST)
    assert "This sender reports nothing" in notice.why
    act(running, control.resume, notice.id)
    outbox.deliver(running.runtime)
    assert len(letters.taken) == 30


@pytest.mark.parametrize("state", ["paused", "cancelled", "waiting"])
def test_of_a_notice_that_was_stopped_the_gate_stays_as_it_is(
    running: House, letters: KeptLetters, later: Later, state: str
) -> None:
    people(running, 30)
    notice = opened(running)
    outbox.deliver(running.runtime)
    set_notice(running, notice.id, state=state)
    later(hours=1)
    with writing(running.runtime.engine) as session:
        held = session.get_one(Notice, notice.id)
        canary.watch(session, held, patience=HALF_AN_HOUR, reports=True, now=running.now)
    assert (running.notice().gate, running.notice().state) == ("canary", state)


# -- what must not hold the others up for ever --------------------------------------------------


class TestAtMostOnce:
    @pytest.fixture
    def given_settings(self, database_url: str, tmp_path: Any) -> Settings:
        return make_settings(database_url, tmp_path, canary=FIRST, unknown="at_most_once")

    def test_first_letters_in_doubt_hold_the_others_up_for_their_time_only(
        self, running: House, letters: KeptLetters, later: Later
    ) -> None:
        people(running, 30)
        opened(running)
        letters.answers.append(Unknown("It gave no answer."))
        outbox.deliver(running.runtime)
        settling.settle(running.runtime)
        outbox.deliver(running.runtime)
        assert (running.notice().gate, states(running)["queued"]) == ("canary", 30 - FIRST)
        later(minutes=30)
        outbox.deliver(running.runtime)
        outbox.deliver(running.runtime)
        assert states(running) == {"accepted": 30 - FIRST, "unknown": FIRST}


def test_a_letter_that_cannot_be_made_for_one_locale_holds_up_no_other_locale(
    running: House, letters: KeptLetters, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(running, 30)
    for number in range(20):
        running.member(f"f{number}", locale="fr")
    opened(running)
    with writing(running.runtime.engine) as session:  # so that some of the first are French, whatever was drawn
        session.exec(update(Batch).where(col(Batch.locale) == "fr", ~col(Batch.canary)).values(canary=True))
    whole = compose.render

    def broken_for_one(session: Session, notice: Notice, batch: Batch, *rest: Any, **terms: Any) -> RenderedLetter:
        if batch.locale == "fr":
            raise ValueError("no such template")
        return whole(session, notice, batch, *rest, **terms)

    with monkeypatch.context() as patched:
        patched.setattr(compose, "render", broken_for_one)
        for _ in range(4):
            outbox.deliver(running.runtime)
            later(minutes=20)
    assert Counter(address[0] for address in letters.addresses) == {"m": 30}
    assert {batch.said for batch in batches(running) if batch.locale == "fr" and batch.size} == {
        "The letter cannot be made: ValueError: no such template"
    }
    outbox.deliver(running.runtime)
    assert (len(letters.taken), running.notice().state) == (50, "complete")


def test_first_letters_whose_addresses_are_refused_shut_it_too(
    running: House, letters: KeptLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "LEAST", FIRST)
    people(running, 30)
    opened(running)
    letters.request_size = 1
    letters.answers.extend([Refused("No such mailbox.", address=True)] * FIRST)
    outbox.deliver(running.runtime)
    outbox.deliver(running.runtime)
    assert states(running) == {"queued": 30 - FIRST, "failed": FIRST}
    assert running.notice().why == "4 of the first 4 letters bounced (100 %): look, then go on."
