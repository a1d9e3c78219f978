"""Drafts between people, on both databases: who wins, what is set aside, who is seen, what goes with the draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from database import reading, writing
from errors import DraftChanged, NoSuchDraft, NoSuchEarlierDraft
from policy_versions import drafts, earlier_drafts, policies, presence
from policy_versions.drafts import DraftFields
from policy_versions.earlier_drafts import EarlierDraft
from policy_versions.presence import DraftVisit
from tests.house import House

FIELDS = DraftFields("# One\n", summary="What changes.")


@pytest.fixture
def draft_id(house: House) -> int:
    house.policy()
    with writing(house.runtime.engine) as session:
        of = policies.policy(session, "privacy")
        return drafts.start(session, of, None, actor="ines", now=house.now).id or 0


def save(house: House, draft_id: int, text: str, version: int, by: str = "ines") -> int:
    with writing(house.runtime.engine) as session:
        given = replace(FIELDS, text=text)
        return drafts.save(session, draft_id, given, version=version, actor=by, now=house.now)


def aside(house: House, draft_id: int) -> list[tuple[str, str]]:
    with reading(house.runtime.engine) as session:
        return [(one.saved_by, one.text) for one in earlier_drafts.of_draft(session, draft_id)]


def test_of_two_saves_over_one_version_the_second_is_refused_and_changes_nothing(
    house: House, draft_id: int
) -> None:
    assert save(house, draft_id, "# One\n", 1) == 2
    assert save(house, draft_id, "# Two\n", 2, "joel") == 3
    with pytest.raises(DraftChanged):
        save(house, draft_id, "# Three\n", 2)
    assert save(house, draft_id, "# Two\n", 2) == 3, "the same again is no conflict"
    assert aside(house, draft_id) == [("ines", "# One\n")]


def test_what_is_put_back_sets_aside_what_it_replaces(house: House, draft_id: int) -> None:
    save(house, draft_id, "# One\n", 1)
    save(house, draft_id, "# Two\n", 2, "joel")
    with writing(house.runtime.engine) as session:
        drafts.put_back(session, draft_id, 2, version=3, actor="joel", now=house.now)
        assert drafts.by_id(session, draft_id).text == "# One\n"
        with pytest.raises(NoSuchEarlierDraft):
            drafts.put_back(session, draft_id, 9, version=4, actor="joel", now=house.now)
        with pytest.raises(DraftChanged):
            drafts.put_back(session, draft_id, 3, version=3, actor="joel", now=house.now)
    assert aside(house, draft_id) == [("joel", "# Two\n"), ("ines", "# One\n")]


def test_of_ones_own_texts_the_last_of_each_ten_minutes_is_set_aside(house: House, draft_id: int) -> None:
    for number in range(1, 8):
        house.runtime.clock.instant += timedelta(minutes=4)  # type: ignore[attr-defined]
        save(house, draft_id, f"# {number}\n", number)
    assert aside(house, draft_id) == [("ines", "# 4\n"), ("ines", "# 2\n")]


def test_no_more_is_kept_than_is_of_use(house: House, draft_id: int) -> None:
    for version in range(1, earlier_drafts.MOST + 4):
        save(house, draft_id, f"# {version}\n", version, by=("ines", "joel")[version % 2])
    kept = aside(house, draft_id)
    assert len(kept) == earlier_drafts.MOST
    assert kept[-1][1] == "# 3\n"


def test_who_has_it_open_is_seen_for_a_while(house: House, draft_id: int) -> None:
    def see(name: str) -> list[tuple[str, timedelta]]:
        with writing(house.runtime.engine) as session:
            presence.see(session, draft_id, name, now=house.now)
            found = presence.others(session, draft_id, name, now=house.now)
            return [(visit.name, house.now - visit.opened_at) for visit in found]

    clock = house.runtime.clock
    assert see("ines") == []
    clock.instant += timedelta(minutes=10)  # type: ignore[attr-defined]
    assert see("joel") == [("ines", timedelta(minutes=10))]
    see("ines")
    clock.instant += timedelta(minutes=10)  # type: ignore[attr-defined]
    assert see("joel") == [("ines", timedelta(minutes=20))]
    clock.instant += presence.LATELY + timedelta(seconds=1)  # type: ignore[attr-defined]
    assert see("joel") == []


def test_a_draft_that_was_published_takes_nobodys_later_words_with_it(house: House, draft_id: int) -> None:
    save(house, draft_id, "# One\n", 1)
    with writing(house.runtime.engine) as session, pytest.raises(DraftChanged):
        drafts.discard(session, draft_id, version=1)
    with writing(house.runtime.engine) as session:
        assert drafts.by_id(session, draft_id).text == "# One\n"
        drafts.discard(session, draft_id, version=2)
        with pytest.raises(NoSuchDraft):
            drafts.discard(session, draft_id)


def test_with_a_draft_goes_what_was_known_of_it(house: House, draft_id: int) -> None:
    save(house, draft_id, "# One\n", 1)
    save(house, draft_id, "# Two\n", 2, "joel")
    with writing(house.runtime.engine) as session:
        presence.see(session, draft_id, "joel", now=house.now)
        drafts.throw_away(session, draft_id, actor="ines", now=house.now)
        assert session.exec(select(EarlierDraft)).all() == []
        assert session.exec(select(DraftVisit)).all() == []
        with pytest.raises(NoSuchDraft):
            presence.see(session, draft_id, "joel", now=house.now)
        with pytest.raises(NoSuchDraft):
            drafts.save(session, draft_id, FIELDS, version=3, actor="ines", now=house.now)
