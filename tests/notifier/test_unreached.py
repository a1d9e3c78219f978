"""Governed, not reached: who is under a text that no letter brought them, until something shows that they know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from database import reading, writing
from notifier import members, unreached
from notifier.unreached import Unreached
from policy_versions import archive, policies
from tests.house import LONGER, House
from tests.notifier.events.reports import hear, letter, of, without_ids
from tests.notifier.sending import change
from tests.once import made_once

Later = Callable[..., datetime]
NEXT = LONGER.replace("24 months", "36 months")


@pytest.fixture
@made_once
def told(running: House) -> House:
    """Ada, Bob and Cem were each sent a letter; it applies in three days."""
    for name in ("ada", "bob", "cem"):
        running.member(name)
    running.publish(LONGER, rule="notice", notice_days=3)
    running.tick()
    return running


def listed(house: House, **page: object) -> list[Unreached]:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        return unreached.unreached(session, record, now=house.now, **{"limit": 100, **page})  # type: ignore[arg-type]


def names(house: House, **page: object) -> list[str]:
    return [each.external_id for each in listed(house, **page)]


def moves(house: House, name: str) -> datetime:
    """When the second text will apply to a member, by what is on record now."""
    return next(span.start for span in house.timeline(name).spans if span.revision == 2)


@pytest.mark.parametrize("event", ["bounce", "dropped"])
def test_a_report_before_the_move_undoes_the_notice_and_one_after_it_lists_the_member(
    told: House, later: Later, event: str
) -> None:
    hear(told, of(told, "ada", event))
    later(seconds=(moves(told, "bob") - told.now).total_seconds())
    assert [told.governs(name) for name in ("ada", "bob", "cem")] == [1, 2, 2]
    assert names(told) == []
    later(seconds=1)
    hear(told, of(told, "bob", event, hours=-71))
    assert (told.governs("bob"), names(told)) == (2, ["bob"]), "when it happened by their clock orders nothing"
    (one,) = listed(told)
    assert (one.span.revision, one.back.revision, one.back.what, one.back.at) == (2, 2, event, told.now)
    assert one.back.notice_id == told.notice().id


def test_a_report_at_the_very_instant_of_the_move_is_in_time(told: House, later: Later) -> None:
    later(seconds=(moves(told, "ada") - told.now).total_seconds())
    assert told.governs("ada") == 2
    hear(told, of(told, "ada", "bounce"))
    assert (told.governs("ada"), names(told)) == (1, [])


def test_a_late_bounce_without_ids_lists_the_member_too(told: House, later: Later) -> None:
    later(days=4)
    hear(told, without_ids(told, "ada", "bounce"))
    assert names(told) == ["ada"]


@pytest.mark.parametrize("event", ["spamreport", "deferred", "delivered", "processed"])
def test_whatever_proves_receipt_or_nothing_lists_nobody(told: House, later: Later, event: str) -> None:
    later(days=4)
    hear(told, of(told, "ada", event))
    assert names(told) == []


def test_who_is_told_of_a_later_text_is_listed_no_more(told: House, later: Later) -> None:
    later(days=4)
    hear(told, of(told, "ada", "bounce", type="blocked"))
    assert names(told) == ["ada"]
    told.publish(NEXT, rule="notice", notice_days=3)
    told.tick()
    assert names(told) == [], "that letter shows all that changed since what she knew"
    hear(told, of(told, "ada", "bounce", hours=0.01))
    assert names(told) == ["ada"]
    later(days=5)
    assert (told.governs("ada"), names(told)) == (2, ["ada"])


def test_the_letter_that_came_back_last_is_named(told: House, later: Later) -> None:
    later(days=4)
    hear(told, of(told, "ada", "bounce", type="blocked"))
    first = letter(told, "ada")
    told.publish(NEXT)
    told.tick()
    later(hours=1)
    hear(told, of(told, "ada", "dropped", reason="Spam Content"))
    assert letter(told, "ada") != first
    (one,) = listed(told)
    assert (one.span.revision, one.back.revision, one.back.what) == (3, 3, "dropped")


def test_who_is_gone_is_not_listed_and_who_has_a_new_address_still_is(told: House, later: Later) -> None:
    later(days=4)
    hear(told, of(told, "ada", "bounce"), of(told, "bob", "bounce"))
    change(told, "bob", email="bob@new.example")
    with writing(told.runtime.engine) as session:
        members.erase(session, members.by_external_id(session, "ada"), actor="a test", now=told.now)
    later(hours=1)
    assert names(told) == ["bob"]


def test_the_list_is_of_any_length_and_paged_by_the_hosts_own_key(
    told: House, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unreached, "CHUNK", 1)
    later(days=4)
    hear(told, *(of(told, name, "bounce") for name in ("cem", "ada", "bob")))
    assert names(told) == ["ada", "bob", "cem"]
    assert (names(told, limit=2), names(told, after="bob", limit=2)) == (["ada", "bob"], ["cem"])
    assert (names(told, after="cem"), names(told, limit=0)) == ([], [])
