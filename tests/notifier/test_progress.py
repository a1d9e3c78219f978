"""What became of a notice: counted by batch as it would be one by one, and never by reading every delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from database import writing
from notifier import progress
from notifier.deliveries import Place, deliveries, doubtful_deliveries
from notifier.ledger import STATES
from notifier.models import Member, Notice
from tests.house import FIRST, House
from tests.notifier.ledgers import FATES, LEDGERS, Books, Plan


@pytest.fixture
def books(house: House) -> Iterator[Books]:
    house.policy()
    house.publish(FIRST)
    with writing(house.runtime.engine) as session:
        yield Books(session, house.now)


MIXED = [
    Plan("email", "accepted", ["delivered", "accepted", "left out", "bounced", "refused", "dropped", "moved"]),
    Plan("email", "sending", ["accepted", "started", "untouched", "unknown"], earlier="not_sent"),
    Plan("site", "site", ["untouched", "untouched", "left out"]),
]


@settings(max_examples=40)
@given(plans=LEDGERS)
def test_the_figures_are_the_deliveries_counted_one_by_one(books: Books, plans: list[Plan]) -> None:
    notice = books.notice(plans)
    expected = Counter(state for plan in plans for state in plan.states)
    assert progress.of(books.session, notice).states == dict(expected)
    assert Counter(row.state for row in deliveries(books.session, notice, limit=None)) == expected


@settings(max_examples=20)
@given(plans=LEDGERS)
def test_pages_of_any_state_leave_nothing_out_and_show_nothing_twice(books: Books, plans: list[Plan]) -> None:
    notice = books.notice(plans)
    whole = deliveries(books.session, notice, limit=None)
    assert _paged(books.session, notice, None) == whole
    for state in STATES:
        assert _paged(books.session, notice, state) == [row for row in whole if row.state == state]


def _paged(session: Session, notice: Notice, state: str | None) -> list[progress.Row]:
    found: list[progress.Row] = []
    after: Place | None = None
    while page := deliveries(session, notice, limit=2, after=after, state=state):
        assert len(page) <= 2
        found += page
        after = page[-1].place
    return found


def test_the_figures_stand_in_their_order_and_add_up(books: Books) -> None:
    counted = progress.of(books.session, books.notice(MIXED))
    assert list(counted.states) == [state for state in STATES if state in counted.states]
    assert counted.states == {
        "delivered": 1, "accepted": 2, "bounced": 1, "failed": 2, "unknown": 1, "sending": 1, "skipped": 2,
        "queued": 2, "site notice only": 2,
    }  # fmt: skip
    assert (counted.total, counted.letters, counted.sent, counted.left) == (14, 12, 4, 2)


def test_a_notice_is_not_counted_with_another(books: Books) -> None:
    one, other = books.notice(MIXED), books.notice([Plan("email", "queued", ["untouched"] * 3)])
    unopened = books.notice(state="scheduled", opened_at=None)
    counted = progress.of_all(books.session, [one, other, unopened])
    assert [counted[n.id or 0].total for n in (one, other, unopened)] == [14, 3, 0]
    assert [row.state for row in deliveries(books.session, other, limit=None)] == ["queued"] * 3
    assert progress.of_all(books.session, []) == {}


def test_a_request_made_again_in_part_is_doubtful_for_the_rest_only(books: Books) -> None:
    notice = books.notice()
    batch = books.batch(notice, 1, Plan("email", "unknown", ["accepted", "accepted", "unknown"]), iter(count()))
    first, last = books.members[0], books.members[2] + 1
    books.attempt(batch, "unknown", first, last, 3)  # as when a notice is called off half-way through a repeat
    assert progress.of(books.session, notice).states == {"accepted": 2, "unknown": 1}


def test_what_is_heard_of_a_request_in_doubt_is_counted_once(books: Books) -> None:
    notice = books.notice()
    batch = books.batch(notice, 1, Plan("email", "unknown", ["unknown"] * 3), iter(count()), delivered=1)
    assert progress.of(books.session, notice).states == {"delivered": 1, "unknown": 2}
    assert batch.size == 3


def test_a_batch_that_is_closed_owes_nothing_whatever_its_size_says(books: Books) -> None:
    notice = books.notice()
    books.batch(notice, 1, Plan("email", "accepted", ["delivered", "accepted"]), iter(count()), size=5)
    assert progress.of(books.session, notice).states == {"delivered": 1, "accepted": 1}


def test_figures_that_are_wrong_hold_up_no_page(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.deliveries._IN_VAIN", 2)
    notice = books.notice()
    for number in range(1, 5):
        plan = Plan("email", "accepted", ["accepted" if number < 4 else "delivered"])
        books.batch(notice, number, plan, iter([number]), delivered=1)
    assert deliveries(books.session, notice, limit=1, state="delivered") == []
    assert [row.state for row in deliveries(books.session, notice, limit=None)] == ["accepted"] * 3 + ["delivered"]


def test_a_delivery_says_why_and_since_when_by_the_hosts_own_key(books: Books) -> None:
    notice = books.notice([Plan("email", "accepted", ["left out", "bounced", "unknown"])])
    gone = books.session.get_one(Member, books.members[1])
    gone.external_id = gone.email = None
    gone.erased_at = books.now
    books.session.flush()
    skipped, bounced, unknown = deliveries(books.session, notice, limit=None)
    assert (skipped.member, skipped.state, skipped.said) == ("member-0", "skipped", "a reason")
    assert (bounced.member, bounced.at) == (f"erased member {gone.id}", books.now + timedelta(hours=1))
    assert (unknown.said, unknown.at) == ("said of a unknown one", books.now)
    assert not any("@" in str(row) for row in (skipped, bounced, unknown))


def test_letters_in_doubt_are_listed_by_name_with_their_request(books: Books) -> None:
    notice = books.notice([Plan("email", "unknown", ["unknown", "accepted", "unknown"]), MIXED[1]])
    doubts = doubtful_deliveries(books.session, notice, limit=2)
    assert [doubt.row.member for doubt in doubts] == ["member-0", "member-2"]
    assert doubts[0].attempt_id < doubts[1].attempt_id
    assert doubts[0].since == books.now
    later = doubtful_deliveries(books.session, notice, limit=2, after=doubts[-1].row.place)
    assert [doubt.row.member for doubt in later] == ["member-6"]


def test_the_list_of_notices_counts_them_all_at_once(books: Books) -> None:
    sending, over = books.notice(MIXED), books.notice(state="complete")
    lines = progress.all_notices(books.session)
    assert [(line.notice.id, line.progress.total) for line in lines] == [(over.id, 0), (sending.id, 14)]
    assert [line.notice.id for line in progress.all_notices(books.session, ("sending",))] == [sending.id]


def test_every_way_that_a_letter_may_go_is_in_some_ledger() -> None:
    assert set(FATES.values()) - {""} == set(STATES) - {"site notice only"}


class Statements:
    """The statements that an engine is given meanwhile, each with its plan."""

    def __init__(self, session: Session) -> None:
        self.session, self.plans, self.number = session, [], 0  # type: ignore[var-annotated]

    def heard(self, _conn: object, cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        self.number += 1
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            self.plans += [str(row[3]) for row in cursor.fetchall()]  # type: ignore[attr-defined]


def test_no_query_reads_every_delivery(books: Books, engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what it has counted, and reads small tables whole")
    notice = books.notice(MIXED)
    other = books.notice(MIXED)
    books.session.execute(text("ANALYZE"))
    seen = Statements(books.session)
    connection = books.session.connection()
    event.listen(connection, "before_cursor_execute", seen.heard)
    progress.of_all(books.session, [notice, other])
    whole = seen.number
    for state in STATES:
        deliveries(books.session, notice, limit=3, state=state)
    event.remove(connection, "before_cursor_execute", seen.heard)
    read = [plan for plan in seen.plans if plan.startswith("SCAN") and plan.split()[1] in ("delivery", "d")]
    assert (read, whole) == ([], 1)
    assert any("delivery" in plan for plan in seen.plans)
