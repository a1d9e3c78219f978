"""Who moved to which text: each movement is told once, though no job writes down that a date has passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from database import reading, writing
from errors import CursorMalformed, InstantNaive, LimitImpossible, NoSuchPolicy
from notifier import members, standing
from notifier.models import Member
from notifier.standing import Movement, everybody, gathering, moving, statements, touched
from policy_versions.applicability import Basis
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.notifier.lives import Life, steps_of
from tests.notifier.sending import Later
from tests.notifier.test_standing import accept, plainly

MINUTE = timedelta(seconds=60)
Told = tuple[int, int, int, datetime]  # 0: none before


def follow(house: House, cursor: str | datetime | None = None, limit: int = 1000) -> tuple[list[Movement], str]:
    """All pages there are now, and where to go on."""
    found: list[Movement] = []
    with reading(house.runtime.engine) as session:
        for _ in range(1000):
            page = standing.movements(session, "privacy", cursor, limit=limit, now=house.now)
            found, cursor = found + page.movements, page.cursor
            if not page.more:
                return found, cursor
    raise AssertionError("the pages have no end")


def told(movements: list[Movement]) -> list[Told]:
    return sorted((one.member_id, one.before or 0, one.revision, one.at) for one in movements)


def by_the_fold(session: Session, until: datetime) -> list[Told]:
    """The spans of the plain fold that had begun, but for those begun by joining."""
    return sorted(
        (member_id, line.spans[number - 1].revision if number else 0, span.revision, span.start)
        for member_id, line in plainly(session).items()
        for number, span in enumerate(line.spans)
        if span.basis is not Basis.JOINED and span.start <= until
    )


@pytest.mark.parametrize("seed", range(3))
def test_whoever_follows_is_told_of_each_movement_once(
    house: House, letters: KeptLetters, later: Later, seed: int
) -> None:
    """However long the steps between two looks are, and whatever happens meanwhile."""
    life, cursor, found = Life(house, letters, later), None, list[Movement]()
    for number, step in enumerate(steps_of(seed + 40, 14)):
        life.go([step])
        later(hours=1 + 7 * number)
        some, cursor = follow(house, cursor, limit=1 + number)
        found += some
    later(days=60)
    some, _ = follow(house, cursor)
    with reading(house.runtime.engine) as session:
        assert told([*found, *some]) == by_the_fold(session, house.now - MINUTE)


def test_a_member_moves_when_a_date_passes_and_nothing_is_recorded(running: House, later: Later) -> None:
    running.member("ada")
    running.publish(TYPO, effective_at=running.now + timedelta(days=2))
    running.tick()
    at = running.now + timedelta(days=2)
    _, cursor = follow(running)
    later(days=1)
    nothing, cursor = follow(running, cursor)
    later(days=2)
    (moved,), cursor = follow(running, cursor)
    assert nothing == [] and follow(running, cursor)[0] == []
    assert (moved.external_id, moved.before, moved.revision, moved.at) == ("ada", 1, 2, at)
    assert moved.basis is Basis.POSTED and moved.evidence[0] == f"revision:{moved.revision_id}"


def test_the_last_minute_is_told_when_it_is_over(running: House, later: Later) -> None:
    running.member("ada")
    running.publish(LONGER, rule="acceptance")
    running.tick()
    later(days=1)
    _, cursor = follow(running)
    accept(running, "ada", 2)
    later(seconds=30)
    early, cursor = follow(running, cursor)
    later(seconds=30)
    (moved,), _ = follow(running, cursor)
    assert early == [] and moved.basis is Basis.ACCEPTANCE


def test_who_is_brought_in_late_is_told_of_then(running: House, later: Later) -> None:
    """The host hears of a member's earlier movements when it has brought them in."""
    running.publish(TYPO)
    running.tick()
    later(days=1)
    _, cursor = follow(running)
    running.member("ada", joined_at=(running.now - timedelta(days=1, hours=1)).isoformat())
    later(minutes=5)
    (moved,), _ = follow(running, cursor)
    assert (moved.external_id, moved.revision, moved.at) == ("ada", 2, running.now - timedelta(days=1, minutes=5))


def test_an_import_that_takes_minutes_is_told_of_once_it_is_there(running: House, later: Later) -> None:
    """What it began to write before others looked is recorded no earlier than they could have seen it."""
    running.member("kid", guardian_email="g@example.com")
    running.publish(LONGER)
    running.tick()
    later(days=1)
    _, cursor = follow(running)
    joined = (running.now - timedelta(days=1, hours=1)).isoformat()
    rows = [{"external_id": "ada", "joined_at": joined}, {"external_id": "kid", "guardian_email": ""}]

    def finished() -> datetime:
        nonlocal cursor
        later(minutes=5)
        nothing, cursor = follow(running, cursor)
        assert nothing == []
        return running.now

    with writing(running.runtime.engine) as session:
        given: dict[str, Any] = {"secret": running.runtime.secret, "now": running.now, "finished": finished}
        assert list(members.bring_in(session, enumerate(rows, 1), **given))[-1].refused == 0
    there = running.now
    later(minutes=2)
    moved, _ = follow(running, cursor)
    assert {(one.external_id, one.revision, one.at) for one in moved} == {
        ("kid", 2, there),
        ("ada", 2, there - timedelta(days=1, minutes=5)),
    }


def test_only_those_are_folded_who_may_have_moved(
    running: House, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing happened to the policy itself: as they accept, or as their notice is over."""
    for name in ("ada", "ben", "cleo", "dora"):
        running.member(name)
    running.member("eve", email="")
    running.publish(LONGER, rule="notice", notice_days=5)
    running.tick()
    later(hours=1)
    _, cursor = follow(running)
    accept(running, "ben", 2)
    later(hours=1)
    monkeypatch.delattr(everybody, "lives")
    (accepted,), cursor = follow(running, cursor)
    later(days=3)
    nobody, cursor = follow(running, cursor)
    later(days=4)
    others, _ = follow(running, cursor)
    assert accepted.external_id == "ben" and nobody == []
    assert [one.external_id for one in others] == ["ada", "cleo", "dora"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_table_that_grows_with_the_members_is_gone_through(running: House) -> None:
    running.publish(LONGER, rule="notice", notice_days=5)
    with reading(running.runtime.engine) as session:
        on, _ = gathering.some(session, "privacy", statements.FROM_TO, first=0, last=0)
        bind, given = session.get_bind(), {"literal_binds": True}
        asked = [
            each.compile(bind, compile_kwargs=given) for each in touched._touched(on, (moving.NEVER, running.now))
        ]
        plans = [step[-1] for each in asked for step in session.execute(text(f"EXPLAIN QUERY PLAN {each}"))]
    assert len(plans) > 20
    assert {step for step in plans if step.startswith("SCAN")} == {"SCAN member_merge"}


def test_a_first_text_is_a_movement_and_joining_is_none(house: House, later: Later) -> None:
    house.policy()
    house.member("ada")
    later(days=1)
    house.publish(FIRST)
    later(days=1)
    house.member("ben")
    later(days=1)
    (moved,), _ = follow(house)
    assert (moved.external_id, moved.before, moved.revision, moved.basis) == ("ada", None, 1, Basis.FIRST)


def test_a_page_looks_at_so_many_members_and_the_next_goes_on(
    running: House, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOST_LOOKED_AT", 2)
    monkeypatch.setattr(everybody, "CHUNK", 2)
    for number in range(7):
        running.member(f"m{number}")
    running.publish(TYPO)
    running.tick()
    later(days=1)
    with reading(running.runtime.engine) as session:
        page = standing.movements(session, "privacy", None, now=running.now)
        ids = session.exec(select(Member.id).order_by(col(Member.id))).all()
    assert page.more and len(page.movements) == 2
    assert [one.member_id for one in follow(running)[0]] == list(ids)


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "1", "1.2", "a.b.c", "1.2.3", "1.1.2.3.4", "1.1.2.-3", f"1.{'9' * 18}.1.1", "1.1.2.3\n", "1.١.2.3"),
        "2.1.2.3",  # of another policy: whom it has passed over there, it would pass over here
        f"1.1.{10**16}.3",  # a window that has not passed yet: movements to come are none
    ],
)
def test_a_cursor_that_was_not_given_out_is_refused(running: House, cursor: str) -> None:
    with reading(running.runtime.engine) as session, pytest.raises(CursorMalformed):
        standing.movements(session, "privacy", cursor, now=running.now)


def test_what_cannot_be_meant_is_refused(running: House) -> None:
    with reading(running.runtime.engine) as session:
        for limit in (0, -1, standing.MOST_MOVEMENTS + 1):
            with pytest.raises(LimitImpossible):
                standing.movements(session, "privacy", None, limit=limit, now=running.now)
        with pytest.raises(InstantNaive):
            standing.movements(session, "privacy", datetime(2026, 1, 1), now=running.now)  # noqa: DTZ001
        with pytest.raises(NoSuchPolicy):
            standing.movements(session, "terms", None, now=running.now)
        to_come = datetime(2030, 1, 1, tzinfo=UTC)
        assert standing.movements(session, "privacy", to_come, now=running.now).movements == []
