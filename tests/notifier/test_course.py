"""How a notice goes over time: no letter is lost between slices, none counts twice, what is planned adds up."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier import course
from notifier.course import QUARTER
from notifier.models import Attempt, DeliveryEvent
from tests.notifier.ledgers import Books, Plan

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)
INSTANTS = st.integers(0, 5000).map(lambda n: NINE + n * QUARTER)
QUARTERS = st.dictionaries(INSTANTS, st.integers(1, 9999), max_size=20)


@settings(max_examples=50)
@given(QUARTERS, QUARTERS, QUARTERS, st.integers(0, 100_000), st.integers(0, 60 * 24 * 90), st.integers(0, 90))
def test_every_letter_stands_in_one_slice(
    went: dict[datetime, int],
    unknown: dict[datetime, int],
    back: dict[datetime, int],
    left: int,
    minutes: int,
    days: int,
) -> None:
    went = went or {NINE: 1}
    now = max((*went, *unknown)) + timedelta(minutes=7)
    last = now + timedelta(minutes=minutes) if minutes else None
    found = course.course(went, unknown, back, left=left, last=last, now=now)
    assert sum(each.left for each in found.slices) == sum(went.values())
    assert sum(each.unknown for each in found.slices) == sum(unknown.values())
    before = sum(n for at, n in back.items() if at < found.slices[0].start)
    assert sum(each.back for each in found.slices) + found.later + before == sum(back.values())
    planned = sum(each.planned for each in found.slices)
    assert abs(planned - (left if last else 0)) <= len(found.slices) / 2 + 1
    assert len(found.slices) <= course.MOST or found.step == course.STEPS[-1]
    starts = [each.start for each in found.slices]
    assert starts == [starts[0] + n * found.step for n in range(len(starts))]


def test_what_comes_back_later_is_a_number_and_no_long_empty_chart() -> None:
    found = course.course({NINE: 50}, {}, {NINE: 1, NINE + timedelta(days=3): 4}, now=NINE + timedelta(days=4))
    assert [tuple(each) for each in found.slices] == [(NINE, 50, 0, 1, 0)]
    assert (found.step, found.later) == (QUARTER, 4)


@pytest.mark.parametrize(
    ("hours", "step"),
    [(15, QUARTER), (17, timedelta(hours=1)), (80, timedelta(hours=6)), (24 * 40, timedelta(days=1))],
)
def test_the_longer_it_lasts_the_longer_the_steps(hours: int, step: timedelta) -> None:
    assert course.course({NINE: 1, NINE + timedelta(hours=hours): 1}, {}, {}, now=NINE).step == step


# -- counted ------------------------------------------------------------------------------------


def test_letters_are_counted_from_requests_and_events_of_their_own_notice(books: Books) -> None:
    notice = books.notice([Plan("email", "sending", ["delivered", "accepted", "bounced", "dropped", "unknown"])])
    books.notice([Plan("email", "sending", ["accepted", "bounced"])])
    session, now = books.session, books.now
    early = books.notice([Plan("email", "accepted", ["accepted"])], created_at=now, opened_at=None)
    went, unknown = course.departures(session, notice)
    assert (dict(went), dict(unknown)) == ({now: 4}, {now: 1})
    # the plan's events come an hour apart: bounced after deferred, dropped at once
    assert course.came_back(session, notice) == {now: 1, now + timedelta(hours=1): 1}
    assert course.came_back(session, early) == {}
    assert course.of(session, books.notice(), left=0, last=None, now=now) is None


def test_all_of_one_quarter_are_counted_together_to_its_last_moment(books: Books) -> None:
    notice = books.notice([Plan("email", "accepted", ["accepted"] * 3)])
    for number, seconds in enumerate((0, 61.5, 899.9), 1):
        at = books.now + timedelta(seconds=seconds)
        books.session.add(DeliveryEvent(delivery_id=number, event="bounce", happened_at=at, recorded_at=at))
        books.session.get_one(Attempt, 1).started_at = at
    books.session.flush()
    assert course.came_back(books.session, notice) == {books.now: 3}
    assert course.departures(books.session, notice)[0] == {books.now: 3}


def test_a_letter_that_bounced_twice_in_a_quarter_counts_once(books: Books) -> None:
    notice = books.notice([Plan("email", "accepted", ["dropped"])])
    heard = books.session.get_one(DeliveryEvent, 1)
    for event in ("bounce", "failed"):
        books.session.add(DeliveryEvent(delivery_id=heard.delivery_id, event=event, happened_at=books.now,
                                        recorded_at=books.now))  # fmt: skip
    books.session.flush()
    assert course.came_back(books.session, notice) == {books.now: 1}
