"""A notice's deliveries one by one: each stands in a page once, in the state in which the figures count it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from database import reading, writing
from notifier import outbox, progress
from notifier.deliveries import Place, Row, deliveries, doubtful_deliveries
from notifier.ledger import STATES
from notifier.models import Delivery, Notice
from notifier.senders.protocol import Unknown
from tests.house import House, KeptLetters
from tests.notifier.events.reports import hear, of
from tests.notifier.ledgers import LEDGERS, Books, Plan
from tests.notifier.sending import opened, people


@pytest.fixture
def books(running: House) -> Iterator[Books]:
    with writing(running.runtime.engine) as session:
        yield Books(session, running.now)


def pages(session: Session, notice: Notice, size: int, state: str | None = None) -> Iterator[list[Row]]:
    after: Place | None = None
    while page := deliveries(session, notice, limit=size, after=after, state=state):
        yield page
        after = page[-1].place


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
@settings(max_examples=30)
@given(plans=LEDGERS, size=st.integers(1, 9))
def test_every_delivery_is_in_one_page_whatever_their_size(books: Books, plans: list[Plan], size: int) -> None:
    books.notice([Plan("email", "accepted", ["delivered", "accepted"])])  # another notice's
    notice = books.notice(plans)
    found = list(pages(books.session, notice, size))
    assert all(len(page) == size for page in found[:-1])
    rows = [row for page in found for row in page]
    ids = books.session.exec(select(Delivery.id).where(Delivery.notice_id == notice.id)).all()
    assert sorted(row.delivery_id for row in rows) == sorted(each or 0 for each in ids)
    assert [row.place for row in rows] == sorted(row.place for row in rows)


@ON_SQLITE
@settings(max_examples=30)
@given(plans=LEDGERS, size=st.integers(1, 9))
def test_the_pages_of_a_state_hold_as_many_as_the_figures_say(books: Books, plans: list[Plan], size: int) -> None:
    notice = books.notice(plans)
    figures = progress.of(books.session, notice).states
    for state in STATES:
        rows = [row for page in pages(books.session, notice, size, state) for row in page]
        assert {row.state for row in rows} <= {state}
        assert len({row.delivery_id for row in rows}) == len(rows) == figures.get(state, 0)


@ON_SQLITE
@settings(max_examples=20)
@given(plans=LEDGERS, size=st.integers(1, 5))
def test_every_letter_in_doubt_is_listed_once_with_the_request_that_carries_it(
    books: Books, plans: list[Plan], size: int
) -> None:
    notice = books.notice(plans)
    found, after = [], None
    while page := doubtful_deliveries(books.session, notice, limit=size, after=after):
        found += page
        after = page[-1].row.place
    assert len(found) == progress.of(books.session, notice).states.get("unknown", 0)
    assert all(doubt.attempt_id == doubt.row.attempt_id for doubt in found)


def test_what_was_really_sent_and_heard_is_paged_as_it_is_counted(running: House, letters: KeptLetters) -> None:
    letters.request_size = 3
    people(running, 8)
    running.member("zed", email=None)
    opened(running, rule="notice", notice_days=30)
    letters.answers.extend([None, Unknown("Reset.")])
    for _ in range(2):
        outbox.deliver(running.runtime)
    hear(running, of(running, "m000", "delivered"), of(running, "m001", "bounce"), of(running, "m002", "deferred"))
    with reading(running.runtime.engine) as session:
        notice = session.exec(select(Notice).order_by(col(Notice.id).desc())).first()
        assert notice is not None
        rows = [row for page in pages(session, notice, 2) for row in page]
        counted = progress.of(session, notice).states
        doubts = doubtful_deliveries(session, notice, limit=None)
    assert Counter(row.state for row in rows) == counted
    assert {row.member: row.state for row in rows if row.member in ("m000", "m001", "m002", "zed")} == {
        "m000": "delivered", "m001": "bounced", "m002": "accepted", "zed": "site notice only",
    }  # fmt: skip
    assert len({row.member for row in rows}) == len(rows) == 9
    assert len(doubts) == counted["unknown"] == 3
    assert not any("@" in str(row) for row in rows)


def test_a_page_behind_the_last_is_empty_and_so_is_one_of_nothing(books: Books) -> None:
    notice = books.notice([Plan("email", "queued", ["untouched"] * 3)])
    whole = deliveries(books.session, notice, limit=None)
    assert deliveries(books.session, notice, limit=5, after=whole[-1].place) == []
    assert deliveries(books.session, notice, limit=5, after=Place(10**9, 0)) == []
    assert deliveries(books.session, notice, limit=0) == []
    assert deliveries(books.session, notice, limit=5, state="bounced") == []
    assert deliveries(books.session, books.notice(), limit=5) == []


def test_a_page_behind_a_delivery_that_has_changed_batch_goes_on(books: Books) -> None:
    """A page names its place, not a row, so nothing is lost where that row is no more."""
    notice = books.notice([Plan("email", "queued", ["untouched"] * 2), Plan("email", "queued", ["untouched"] * 2)])
    whole = deliveries(books.session, notice, limit=None)
    between = Place(whole[1].batch_id, whole[1].delivery_id + 1)
    assert deliveries(books.session, notice, limit=5, after=between) == whole[2:]
