"""Figures of batches: they can be counted anew from the events, which are the facts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from sqlmodel import col, select, update

from database import writing
from notifier.events import counting
from notifier.models import EVENTS, Batch
from tests.house import House
from tests.notifier.events.reports import hear, of
from tests.notifier.ledgers import LEDGERS, Books, Plan
from tests.notifier.sending import batches

FIGURES = ("delivered", "dropped", "bounced")


@pytest.fixture
def books(running: House) -> Iterator[Books]:
    with writing(running.runtime.engine) as session:
        yield Books(session, running.now)


def test_figures_that_are_wrong_are_put_right_from_the_events(told: House) -> None:
    hear(told, of(told, "ada", "delivered"), of(told, "ada", "bounce"), of(told, "bob", "spamreport"))
    before = [[getattr(batch, name) for name in FIGURES] for batch in batches(told)]
    assert before == [[1, 0, 1]]
    with writing(told.runtime.engine) as session:
        session.exec(update(Batch).values(delivered=7, dropped=3, bounced=0))
        assert counting.recount(session) == 1
        assert counting.recount(session) == 0
    assert [[getattr(batch, name) for name in FIGURES] for batch in batches(told)] == before


@settings(max_examples=25)
@given(plans=LEDGERS)
def test_any_ledger_is_counted_as_the_engine_has_written_it(books: Books, plans: list[Plan]) -> None:
    books.notice(plans)
    assert counting.recount(books.session) == 0


@settings(max_examples=15)
@given(plans=LEDGERS)
def test_any_ledger_is_counted_anew_from_nothing(books: Books, plans: list[Plan]) -> None:
    notice = books.notice(plans)
    ours = select(Batch.delivered, Batch.dropped, Batch.bounced).where(Batch.notice_id == notice.id)
    ours = ours.order_by(col(Batch.id))
    before = books.session.exec(ours).all()
    books.session.exec(update(Batch).where(col(Batch.notice_id) == notice.id).values(dict.fromkeys(FIGURES, 0)))
    assert counting.recount(books.session) == sum(any(figures) for figures in before)
    assert books.session.exec(ours).all() == before


def test_every_event_has_its_rank_but_those_that_are_ours() -> None:
    """What pages report and what was never sent says nothing of a letter that left."""
    assert set(EVENTS) - set(counting.RANK) == {"failed", "shown"}
