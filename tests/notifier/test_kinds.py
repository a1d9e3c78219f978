"""Members judged by their kinds: whatever has happened, each is judged as they would be alone."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from database import reading
from notifier import facts, kinds
from notifier.runtime import Runtime
from policy_versions.applicability import Published
from tests.conftest import NOON, make_engine, make_settings
from tests.house import LONGER, House, KeptLetters, SetClock
from tests.notifier.lives import Life, by_kind, one_by_one, record_of, steps_of
from tests.notifier.sending import Later, opened, people

STEPS = st.lists(st.tuples(st.sampled_from(Life.STEPS), st.integers(0, 2**16)), max_size=12)


def agree(house: House) -> None:
    """On every revision, now and when all that is planned has come to pass."""
    with reading(house.runtime.engine) as session:
        record = record_of(session)
        for now in (house.now, house.now + timedelta(days=40)):
            for entry in record.entries:
                alike = by_kind(session, record, now, entry.number)
                assert alike == one_by_one(session, record, now, entry.number), (now, entry.number)


@pytest.fixture(scope="module")
def fresh(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], tuple[House, KeptLetters]]:
    """A house on an empty database, for each example."""
    folder, numbers = tmp_path_factory.mktemp("lives"), itertools.count()

    def make() -> tuple[House, KeptLetters]:
        path, letters = folder / f"{next(numbers)}.db", KeptLetters()
        shutil.copy(sqlite_template, path)
        engine = make_engine(f"sqlite:///{path}")
        given = make_settings(f"sqlite:///{path}", folder)
        return House(Runtime(engine, SetClock(NOON), letters, given, "node 1")), letters

    return make


def mover(house: House) -> Later:
    def move(**by: float) -> datetime:
        house.runtime.clock.instant += timedelta(**by)  # type: ignore[attr-defined]
        return house.now

    return move


@settings(max_examples=20)
@given(STEPS)
def test_by_kinds_each_member_is_judged_as_they_would_be_alone(
    fresh: Callable[[], tuple[House, KeptLetters]], steps: list[tuple[str, int]]
) -> None:
    house, letters = fresh()
    try:
        Life(house, letters, mover(house)).go(steps)
        agree(house)
    finally:
        house.runtime.engine.dispose()


@pytest.mark.parametrize("seed", range(4))
def test_on_both_databases_each_is_judged_as_they_would_be_alone(
    house: House, letters: KeptLetters, later: Later, seed: int
) -> None:
    Life(house, letters, later).go(steps_of(seed, 16))
    agree(house)


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_join_at_the_very_instant_is_on_the_right_side_of_it(running: House, later: Later, off: int) -> None:
    """Of publishing, of coming into force, of opening, of a letter's being taken."""
    running.publish(LONGER, rule="notice", notice_days=3, effective_at=running.now + timedelta(days=5))
    running.member("ada")
    later(hours=1)
    running.tick()
    later(days=30)
    with reading(running.runtime.engine) as session:
        record = record_of(session)
        policy = facts.of_policy(session, record)
        instants = {fact.at for fact in policy.facts}
        instants |= {fact.effective_at for fact in policy.facts if isinstance(fact, Published)}
        notice = running.notice()
    instants |= {at for at in (notice.opened_at, notice.completed_at, notice.due_at) if at}
    for number, at in enumerate(sorted(instants)):
        running.member(f"m{number}", joined_at=(at + timedelta(microseconds=off)).isoformat())
    agree(running)


def test_where_there_are_too_many_kinds_only_those_that_occur_are_judged(
    house: House, letters: KeptLetters, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_KINDS", 1)
    Life(house, letters, later).go(steps_of(11, 16))
    agree(house)


def test_where_letters_are_of_too_many_kinds_their_members_are_judged_alone(
    house: House, letters: KeptLetters, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "LARGEST", 1)
    Life(house, letters, later).go(steps_of(12, 16))
    agree(house)


def test_those_apart_are_judged_in_chunks_and_none_is_left_out(
    running: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "CHUNK", 2)
    people(running, 7, guardian_email="g@example.com")
    people_of_age: dict[str, Any] = {"external_id": "of age", "email": "a@example.com", "joined_at": "2026-01-01"}
    running.members(people_of_age)
    opened(running)
    agree(running)


def test_nobody_at_all_is_judged(running: House) -> None:
    with reading(running.runtime.engine) as session:
        assert by_kind(session, record_of(session), running.now) == {}
