"""Whatever order reports come in, however often, in whichever bodies: the same is on record, and counts alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from database import reading
from notifier import outbox
from notifier.deliveries import deliveries
from notifier.events import counting
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Suppression, UnmatchedEvent
from notifier.senders.protocol import Unknown
from tests.house import House, KeptLetters
from tests.notifier.events.reports import fold, without_ids
from tests.notifier.sending import opened, people

EVENTS = ("processed", "deferred", "delivered", "dropped", "bounce", "spamreport")
# what a letter's state is made by, the least first; `processed` and `deferred` leave it to its request
RANKED = {"delivered": "delivered", "spamreport": "delivered", "dropped": "failed", "bounce": "bounced"}
LETTERS, STRANGER = 7, 7


class Sent(NamedTuple):
    """A house whose letters have left, and of each letter what its events name."""

    house: House
    named: list[dict[str, Any]]


@pytest.fixture
def sent(running: House, letters: KeptLetters) -> Sent:
    """Seven letters in requests of two: some taken, some in doubt."""
    letters.request_size = 2
    people(running, LETTERS)
    opened(running, rule="notice", notice_days=30)
    letters.answers.extend([None, Unknown("Reset."), None, Unknown("Reset.")])
    for _ in range(4):
        outbox.deliver(running.runtime)
    assert len(letters.requests) == 4
    return Sent(running, [*_named(running), {"delivery": "987654", "attempt": "3"}])


def _named(house: House) -> Iterator[dict[str, Any]]:
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Delivery.id, Attempt.id)
            .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
            .where(col(Delivery.position) >= Attempt.first, col(Delivery.position) < Attempt.last)
            .order_by(col(Delivery.member_id))
        )
        yield from ({"delivery": str(delivery), "attempt": str(attempt)} for delivery, attempt in rows)


class Said(NamedTuple):
    """One event. of: which letter, or STRANGER. names: what it carries."""

    of: int
    event: str
    at: int
    names: str

    def element(self, sent: Sent) -> dict[str, Any]:
        plain = without_ids(sent.house, f"m{self.of:03}", self.event)
        named = sent.named[self.of] if self.names != "nothing" else {}
        if self.names == "a wrong request":
            named = named | {"attempt": sent.named[(self.of + 3) % LETTERS]["attempt"]}
        return plain | named | {"timestamp": plain["timestamp"] + self.at}


SAID = st.builds(
    Said,
    st.integers(0, STRANGER),
    st.sampled_from(EVENTS),
    st.integers(0, 2),
    st.sampled_from(("all", "all", "all", "nothing", "a wrong request")),
)
# a provider says the same of the same, however often
TOLD = st.lists(SAID, max_size=25, unique_by=lambda said: said[:3])


@st.composite
def posted(draw: st.DrawFn, told: Sequence[Said]) -> list[list[Said]]:
    """Each event at least once, in any order, in bodies."""
    doubled = [*told, *(draw(st.lists(st.sampled_from(told), max_size=15)) if told else [])]
    shuffled = draw(st.permutations(doubled))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    return [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


class Record(NamedTuple):
    """What stands in the end."""

    events: set[tuple[int, str, datetime, int | None]]
    astray: set[tuple[str, str, str, datetime]]
    attempts: list[tuple[Any, ...]]
    batches: list[tuple[Any, ...]]
    suppressed: set[str]
    states: list[tuple[str, str]]


def record(sent: Sent, told: Sequence[Sequence[Said]]) -> Record:
    """What stands once bodies have been folded one after another; then it is as though they had not been."""
    engine = sent.house.runtime.engine.execution_options(writing=True)
    with Session(engine) as session:
        new = sum(fold(sent.house, session, [each.element(sent) for each in body]).events for body in told)
        session.expire_all()
        assert counting.recount(session) == 0, "what is counted as it comes is what is counted anew"
        found = _record(session)
        assert new == len(found.events)
        session.rollback()
    return found


def _record(session: Session) -> Record:
    event, stray = DeliveryEvent, UnmatchedEvent
    notice = session.exec(select(Notice)).one()
    return Record(
        set(session.exec(select(event.delivery_id, event.event, event.happened_at, event.attempt_id))),
        set(session.exec(select(stray.address_key, stray.named, stray.event, stray.happened_at))),
        [*session.exec(select(Attempt.id, Attempt.state, Attempt.settled_by).order_by(col(Attempt.id)))],
        [
            tuple(row)
            for row in session.execute(
                select(*map(col, (Batch.id, Batch.state, Batch.delivered, Batch.dropped, Batch.bounced))).order_by(
                    col(Batch.id)
                )
            )
        ],
        set(session.exec(select(Suppression.email_key))),
        [(row.member, row.state) for row in deliveries(session, notice, limit=None)],
    )


def by_hand(sent: Sent, told: Sequence[Said]) -> dict[str, str]:
    """The state of each letter, one by one, as DELIVERY has it."""
    proved = {sent.named[each.of]["attempt"] for each in told if _proves(each)}
    in_doubt = {sent.named[number]["attempt"] for number in _in_doubt(sent)} - proved
    found = {}
    for number in range(LETTERS):
        ranks = [list(RANKED).index(each.event) for each in told if each.of == number and _is_recorded(each)]
        doubtful = sent.named[number]["attempt"] in in_doubt
        found[f"m{number:03}"] = (
            list(RANKED.values())[max(ranks)] if ranks else "unknown" if doubtful else "accepted"
        )
    return found


def _in_doubt(sent: Sent) -> list[int]:
    with reading(sent.house.runtime.engine) as session:
        doubted = set(session.exec(select(Attempt.id).where(Attempt.state == "unknown")))
    return [number for number in range(LETTERS) if int(sent.named[number]["attempt"]) in doubted]


def _proves(said: Said) -> bool:
    return said.of != STRANGER and said.names == "all" and said.event != "deferred"


def _is_recorded(said: Said) -> bool:
    return said.event in RANKED and (said.names != "nothing" or said.event in ("bounce", "dropped", "spamreport"))


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
@settings(max_examples=60)
@given(data=st.data(), told=TOLD)
def test_order_doubling_and_bodies_change_nothing(sent: Sent, data: st.DataObject, told: list[Said]) -> None:
    expected = record(sent, [told])
    assert record(sent, data.draw(posted(told))) == expected
    assert dict(expected.states) == by_hand(sent, told)


@ON_SQLITE
@settings(max_examples=30)
@given(told=TOLD)
def test_a_letter_never_falls_back_in_rank(sent: Sent, told: list[Said]) -> None:
    order = {"unknown": 0, "accepted": 1, **{state: 2 + n for n, state in enumerate(RANKED.values())}}
    before = dict(record(sent, []).states)
    for number in range(1, len(told) + 1, 4):
        after = dict(record(sent, [told[:number]]).states)
        assert all(order[after[name]] >= order[before[name]] for name in before)
        before = after


SAMPLE = [
    *(Said(number, event, 0, "all") for number in range(LETTERS) for event in ("processed", "delivered")),
    *(Said(0, "bounce", 2, "all"), Said(1, "spamreport", 1, "all"), Said(2, "dropped", 0, "a wrong request")),
    *(Said(3, "bounce", 1, "nothing"), Said(STRANGER, "bounce", 0, "all"), Said(STRANGER, "bounce", 0, "nothing")),
    Said(4, "deferred", 1, "all"),
]


def test_a_sample_is_the_same_on_both_databases_and_backwards(sent: Sent) -> None:
    backwards = SAMPLE[::-1]
    expected = record(sent, [SAMPLE])
    assert record(sent, [[each] for each in backwards]) == expected
    assert record(sent, [backwards[::2], backwards, SAMPLE[1::2]]) == expected
    assert [state for _, state in sorted(expected.states)] == [
        *("bounced", "delivered", "failed", "bounced", "delivered", "delivered", "delivered")
    ]
    assert sorted(state for _, state, _ in expected.attempts) == ["accepted"] * 4
    assert len(expected.astray) == 2


def test_members_of_the_sample_are_named_in_order(sent: Sent) -> None:
    with reading(sent.house.runtime.engine) as session:
        names = session.exec(select(Member.external_id).order_by(col(Member.id))).all()
    assert names == [f"m{number:03}" for number in range(LETTERS)]
