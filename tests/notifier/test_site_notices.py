"""The site notice: who is still to be shown what, and what having been shown it does to their standing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from database import reading, writing
from errors import NoSuchMember, NoSuchNotice
from notifier import acknowledging, members, notices, recalling, site_notices, standing
from notifier.senders.protocol import Unknown
from notifier.site_notices import Pending
from policy_versions import archive, policies
from tests.house import LONGER, House
from tests.notifier.events.reports import hear, of
from tests.notifier.sending import change, member, set_notice, soon, together
from tests.notifier.test_unreached import names
from tests.once import made_once

Later = Callable[..., datetime]
NEXT = LONGER.replace("24 months", "36 months")


@pytest.fixture
@made_once
def told(running: House) -> House:
    """Ada and Bob were sent a letter, Dan has no address, Cem has a guardian; it applies in three days."""
    running.member("ada")
    running.member("bob")
    running.member("cem", guardian_email="parent@example.com")
    running.member("dan", email="")
    running.publish(LONGER, rule="notice", notice_days=3)
    running.tick()
    return running


def pending(house: House, name: str) -> list[Pending]:
    with reading(house.runtime.engine) as session:
        return site_notices.pending(session, member(session, name), now=house.now)


def numbers(house: House, name: str) -> list[int]:
    return [each.revision.number for each in pending(house, name)]


def show(house: House, name: str, notice_id: int = 1) -> bool:
    with writing(house.runtime.engine) as session:
        return site_notices.shown(session, member(session, name), notice_id, now=house.now)


def test_it_is_for_all_who_were_not_shown_it_whatever_became_of_their_letter_but_for_wards(told: House) -> None:
    hear(told, of(told, "ada", "bounce"))
    assert {name: numbers(told, name) for name in ("ada", "bob", "cem", "dan")} == {
        "ada": [2], "bob": [2], "cem": [], "dan": [2],
    }  # fmt: skip
    (one,) = pending(told, "dan")
    assert (one.policy.slug, one.base, one.asks, one.already) == ("privacy", 1, False, False)
    assert one.applies_from == told.now + timedelta(days=3)
    change(told, "ada", guardian_email="parent@example.com")
    assert numbers(told, "ada") == []


def test_to_be_shown_it_is_notice_and_is_recorded_once(told: House, later: Later) -> None:
    hear(told, of(told, "ada", "bounce"))
    later(days=10)
    assert told.governs("ada") == told.governs("dan") == 1
    told_at = told.now
    assert show(told, "dan")
    assert not show(told, "dan")
    assert numbers(told, "dan") == []
    later(days=3)
    assert (told.governs("dan"), told.governs("ada")) == (2, 1)
    span = told.timeline("dan").spans[-1]
    assert (span.basis, span.start) == ("notice", told_at + timedelta(days=3))
    with reading(told.runtime.engine) as session:
        answer = standing.of_member(session, member(session, "dan"), "privacy", told.now, now=told.now)
    assert (answer.revision, answer.basis, answer.since) == (2, "notice", span.start)


def test_of_two_pages_open_at_once_one_records_it(told: House) -> None:
    assert sorted(together(lambda: show(told, "dan"), lambda: show(told, "dan"))) == [False, True]


def test_who_was_shown_it_is_no_longer_governed_and_not_reached(told: House, later: Later) -> None:
    later(days=4)
    hear(told, of(told, "ada", "bounce"))
    assert names(told) == ["ada"]
    assert pending(told, "ada")[0].already
    show(told, "ada")
    assert (names(told), told.governs("ada")) == ([], 2)


@pytest.mark.parametrize("kind", ["read", "accepted", "declined"])
def test_who_has_said_a_word_on_the_text_is_not_shown_it(told: House, kind: str) -> None:
    with writing(told.runtime.engine) as session:
        revision = archive.history(session, policies.policy(session, "privacy")).entry(2).revision
        acknowledging.acknowledge(
            session, member(session, "dan"), revision, kind,
            actor="member", route="api", shown_sha256=None, locale="en", now=told.now,
        )  # fmt: skip
    assert numbers(told, "dan") == []


def test_of_a_policy_the_latest_notice_is_shown_and_tells_all_that_was_not_known(
    told: House, later: Later
) -> None:
    told.publish(NEXT, rule="acceptance")
    told.tick()
    (one,) = pending(told, "dan")
    assert (one.revision.number, one.base, one.asks, one.applies_from) == (3, 1, True, None)
    show(told, "dan", 2)
    assert numbers(told, "dan") == []


@pytest.mark.parametrize("state", ["scheduled", "waiting", "paused", "cancelled", "recalled"])
def test_a_notice_that_does_not_tell_is_not_shown(told: House, state: str) -> None:
    set_notice(told, 1, state=state)
    assert numbers(told, "dan") == []
    with pytest.raises(NoSuchNotice):
        show(told, "dan")


def test_nobody_else_is_told_while_the_first_letters_are_watched(told: House) -> None:
    set_notice(told, 1, gate="shut")
    assert numbers(told, "dan") == []


def test_a_text_that_was_withdrawn_is_not_shown_but_its_correction_is(running: House, later: Later) -> None:
    running.member("bob")
    running.publish(LONGER, rule="notice", notice_days=3, effective_at=running.now + timedelta(days=9))
    running.tick()
    assert numbers(running, "bob") == [2]
    with writing(running.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="The date was wrong.", actor="a test", now=running.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=running.now)
    later(minutes=1)
    running.tick()
    assert [(one.kind, one.revision.number, one.applies_from) for one in pending(running, "bob")] == [
        ("correction", 2, None)
    ]


def test_letters_of_which_nobody_knows_whether_they_left_are_followed_by_it(running: House, later: Later) -> None:
    house = House(
        replace(running.runtime, settings=running.runtime.settings.model_copy(update={"unknown": "at_most_once"}))
    )
    house.member("bob")
    house.runtime.sender.answers.append(Unknown("It was reset."))  # type: ignore[attr-defined]
    house.publish(LONGER, rule="notice", notice_days=3)
    house.tick()
    later(days=5)
    house.tick()
    assert house.governs("bob") == 1
    assert numbers(house, "bob") == [2]
    show(house, "bob")
    later(days=3)
    assert house.governs("bob") == 2


def test_whoever_is_gone_or_was_never_owed_it_is_refused_alike(told: House, later: Later) -> None:
    with pytest.raises(NoSuchNotice):
        show(told, "dan", 99)
    told.member("eve")
    with pytest.raises(NoSuchNotice):
        show(told, "eve")
    with pytest.raises(NoSuchNotice):
        show(told, "cem")
    change(told, "bob", retained_until=soon(told))
    later(seconds=1)
    assert numbers(told, "bob") == []
    with pytest.raises(NoSuchMember):
        show(told, "bob")
    with writing(told.runtime.engine) as session:
        ada = member(session, "ada")
        members.erase(session, ada, actor="a test", now=told.now)
        assert site_notices.pending(session, ada, now=told.now) == []
        with pytest.raises(NoSuchMember):
            site_notices.shown(session, ada, 1, now=told.now)


def test_a_recalled_notice_takes_back_that_it_was_shown(told: House, later: Later) -> None:
    show(told, "dan")
    later(days=1)
    with writing(told.runtime.engine) as session:
        recalling.recall(
            session, 1, reason="It named the wrong day.", window=timedelta(), actor="ines", now=told.now
        )
    later(days=3)
    assert told.governs("dan") == 1
