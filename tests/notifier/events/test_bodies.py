"""What a provider posts is kept as it came, folded once by whichever node is first, and then forgotten."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from database import reading, writing
from notifier import outbox
from notifier.events import bodies, counting, folding
from tests.house import House, KeptLetters
from tests.notifier.events.reports import (
    astray,
    barred,
    body,
    fold,
    hear,
    heard,
    kept,
    of,
    take_in,
    where_written,
    without_ids,
)
from tests.notifier.sending import attempts, opened, people, states, together, worker

Later = Callable[..., datetime]
ADA = "ada@example.com"


# -- kept ---------------------------------------------------------------------------------------


def test_a_body_is_kept_as_it_came_until_it_is_folded_and_then_only_its_hash(told: House) -> None:
    raw = body(of(told, "ada", "bounce"), of(told, "ada", "bounce"), without_ids(told, "x", "bounce"), 5)
    assert take_in(told, raw) == [True]
    (row,) = kept(told)
    assert (row.body, row.size, row.verdict, row.folded_at) == (raw, len(raw), "verified", None)
    assert where_written(told, ADA) == {"member", "webhook_body"}
    assert bodies.fold_due(told.runtime) == 1
    (row,) = kept(told)
    assert (row.body, row.folded_at, row.sha256) == (None, told.now, hashlib.sha256(raw).hexdigest())
    assert (row.events, row.repeated, row.unmatched) == (1, 1, 1)
    assert row.said == "1 of 4 elements could not be read."
    assert where_written(told, ADA) == {"member"}


def test_the_same_body_is_kept_and_folded_once(told: House) -> None:
    raw = body(of(told, "ada", "deferred"))
    assert take_in(told, raw, raw) == [True, False]
    assert bodies.fold_due(told.runtime) == 1
    assert take_in(told, raw) == [False]
    assert bodies.fold_due(told.runtime) == 0
    assert heard(told) == [("ada", "deferred")]


def test_the_same_body_of_two_sources_is_two(told: House) -> None:
    raw = body()
    with writing(told.runtime.engine) as session:
        assert bodies.receive(session, "sendgrid", raw, now=told.now)
        assert bodies.receive(session, "another", raw, now=told.now)


def test_the_same_body_posted_at_once_is_kept_once(told: House) -> None:
    raw = body(of(told, "ada", "bounce"))
    came = together(*[lambda: take_in(told, raw)] * 4)
    assert sorted(map(str, came)) == ["[False]"] * 3 + ["[True]"]
    assert len(kept(told)) == 1


def test_refusals_are_one_row_for_each_reason_written_once_in_a_while(told: House, later: Later) -> None:
    def refuse(verdict: str) -> bool:
        with writing(told.runtime.engine) as session:
            return bodies.refuse(session, "sendgrid", verdict, size=9, now=told.now)

    came = [refuse("unsigned"), refuse("unsigned"), refuse("too large")]
    later(minutes=1)
    assert [*came, refuse("unsigned")] == [True, False, True, True]
    assert sorted(row.verdict for row in kept(told)) == ["too large", "unsigned"]
    assert bodies.fold_due(told.runtime) == 0


# -- folded -------------------------------------------------------------------------------------


def test_each_body_is_folded_apart_and_one_that_cannot_be_holds_up_no_other(
    told: House, later: Later, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = of(told, "ada", "bounce")
    take_in(told, body(spoilt), body(of(told, "bob", "delivered")))
    real = folding.fold

    def fails(session: Session, reports: Any, **given: Any) -> folding.Folded:
        done = real(session, reports, **given)
        if any(report.address == ADA for report in reports):
            raise RuntimeError(f"cannot write {ADA}")
        return done

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(folding, "fold", fails)
        assert bodies.fold_due(told.runtime) == 1
        assert bodies.fold_due(told.runtime) == 0
    assert heard(told) == [("bob", "delivered")]
    assert [row.said for row in kept(told)] == ["It could not be folded: RuntimeError.", ""]
    assert len(caplog.records) == 1, "said once"
    assert ADA not in caplog.text, "the fault's own words may quote what was to be written"
    assert bodies.fold_due(told.runtime) == 1, "it is tried again"
    assert heard(told) == [("bob", "delivered"), ("ada", "bounce")]
    assert [row.said for row in kept(told)] == ["", ""]


def test_a_node_that_is_to_stop_begins_no_other_body(told: House) -> None:
    take_in(told, body(), body(5))
    stopping = worker(told, "node 2")
    stopping.stopping.set()
    assert bodies.fold_due(stopping) == 0
    assert bodies.fold_due(told.runtime) == 2


def test_a_body_waits_for_as_long_as_another_node_has_it(told: House, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer, who waits for another")
    take_in(told, body(of(told, "ada", "delivered")), body(of(told, "bob", "delivered")))
    with writing(engine) as other:
        other.execute(text("SELECT 1 FROM webhook_body WHERE id = 1 FOR UPDATE"))
        assert bodies.fold_due(told.runtime) == 1
    assert heard(told) == [("bob", "delivered")]
    assert bodies.fold_due(told.runtime) == 1


# -- forgotten ----------------------------------------------------------------------------------


def forget(house: House) -> int:
    with writing(house.runtime.engine) as session:
        return bodies.forget_old(session, house.now)


def test_a_body_that_could_not_be_folded_for_a_week_is_forgotten_and_says_so(told: House, later: Later) -> None:
    raw = body(of(told, "ada", "bounce"))
    take_in(told, raw)
    later(days=7, seconds=-1)
    assert forget(told) == 0
    later(seconds=1)
    assert (forget(told), forget(told)) == (1, 0)
    (row,) = kept(told)
    assert (row.body, row.folded_at) == (None, None)
    assert row.said == "It was deleted after 7 days without having been folded."
    assert where_written(told, ADA) == {"member"}
    assert bodies.fold_due(told.runtime) == 0
    assert take_in(told, raw) == [True], "should it come again, it is news"


def test_why_it_could_not_be_folded_stays_on_record(told: House, later: Later) -> None:
    take_in(told, body(5))
    bodies._cannot(told.runtime, kept(told)[0].id or 0, "RuntimeError")
    later(days=7)
    forget(told)
    assert [row.said for row in kept(told)] == [
        "It could not be folded: RuntimeError. It was deleted after 7 days without having been folded."
    ]


def test_what_is_of_no_letter_is_forgotten_after_90_days(told: House, later: Later) -> None:
    hear(told, without_ids(told, "stranger", "bounce"))
    later(days=1)
    hear(told, without_ids(told, "stranger", "bounce"))
    later(days=89, seconds=-1)
    forget(told)
    assert len(astray(told)) == 2
    later(seconds=1)
    forget(told)
    assert len(astray(told)) == 1


def test_the_scheduler_folds_and_forgets(told: House, later: Later) -> None:
    hear(told, without_ids(told, "stranger", "bounce"))
    take_in(told, body(of(told, "ada", "delivered")))
    later(days=91)
    told.tick()
    assert (heard(told), astray(told)) == ([("ada", "delivered")], [])


# -- many at once -------------------------------------------------------------------------------


@pytest.fixture
def many(running: House, letters: KeptLetters) -> House:
    """Sixty letters in requests of five."""
    letters.request_size = 5
    people(running, 60)
    opened(running, rule="notice", notice_days=30)
    while len(letters.taken) < 60:
        outbox.deliver(running.runtime)
    return running


def shuffled(house: House, seed: int) -> list[dict[str, Any]]:
    """What is heard of the sixty, and of strangers, in an order of its own."""
    found = [
        {"event": event, "timestamp": int(house.now.timestamp()), "email": f"{name}@example.com"} | named
        for name, named in _requests(house)
        for event in ("processed", "delivered", *(("bounce",) if name.endswith("3") else ()))
    ]
    found += [without_ids(house, f"stranger{number}", "bounce") for number in range(10)]
    random.Random(seed).shuffle(found)
    return found


def _requests(house: House) -> list[tuple[str, dict[str, str]]]:
    with reading(house.runtime.engine) as session:
        rows = session.execute(
            text(
                "SELECT m.external_id, d.id, a.id FROM delivery d JOIN member m ON m.id = d.member_id "
                "JOIN attempt a ON a.batch_id = d.batch_id AND a.first <= d.position AND d.position < a.last"
            )
        ).all()
    assert len(rows) == 60
    return [(name, {"delivery": str(delivery), "attempt": str(attempt)}) for name, delivery, attempt in rows]


def assert_whole(house: House) -> None:
    assert states(house) == {"delivered": 54, "bounced": 6}
    assert len(heard(house)) == 126
    assert len(astray(house)) == 10
    assert {attempt.state for attempt in attempts(house)} == {"accepted"}
    assert barred(house, "m013@example.com")
    with writing(house.runtime.engine) as session:
        assert counting.recount(session) == 0


def test_nodes_that_fold_the_same_reports_at_once_lose_nothing_and_count_nothing_twice(many: House) -> None:
    """Each in an order of its own, so that whoever locks in that order locks up."""

    def one(seed: int) -> folding.Folded:
        said = shuffled(many, seed)
        with writing(many.runtime.engine) as session:
            return fold(many, session, said)

    came = together(*[lambda seed=seed: one(seed) for seed in range(4)])
    assert sum(each.events for each in came) == 126
    assert sum(each.unmatched for each in came) == 10
    assert sum(each.repeated for each in came) == 3 * 136
    assert_whole(many)


def test_nodes_that_keep_the_same_strangers_in_any_order_wait_for_each_other(told: House) -> None:
    strangers = [without_ids(told, f"stranger{number:04}", "bounce") for number in range(2000)]

    def one(said: list[dict[str, Any]]) -> int:
        with writing(told.runtime.engine) as session:
            return fold(told, session, said).unmatched

    came = together(lambda: one(strangers), lambda: one(strangers[::-1]), lambda: one(strangers[1::-1]))
    assert sum(came) == len(astray(told)) == 2000


def test_nodes_that_share_bodies_fold_each_once(many: House) -> None:
    said = shuffled(many, 1) + shuffled(many, 2)
    take_in(many, *(body(*said[start : start + 20]) for start in range(0, len(said), 20)))
    nodes = [replace(many.runtime, node=f"node {number}") for number in range(3)]
    came = together(*[lambda node=node: bodies.fold_due(node) for node in nodes])
    left = bodies.fold_due(many.runtime)  # what one had while another looked
    assert sum(came) + left == len(kept(many)) == 14
    assert {row.said for row in kept(many)} == {""}
    assert all(row.folded_at for row in kept(many))
    assert_whole(many)


def test_folding_and_recounting_at_once_agree(many: House) -> None:
    def recount() -> int:
        with writing(many.runtime.engine) as session:
            return counting.recount(session)

    take_in(many, *(body(*shuffled(many, seed)) for seed in range(3)))
    assert together(lambda: bodies.fold_due(many.runtime), recount, recount)[1:] == [0, 0]
    assert_whole(many)
