"""A letter's link: in each letter its reader's own, and it holds for as long as it should, for whom it should."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email import policy as email_policy
from pathlib import Path

import pytest

from database import reading, writing
from errors import LinkExpired, LinkInvalid, LinkRevoked, Refusal
from notifier import letter_links, members, merging, notices, revocations, tokens
from notifier.letter_links import Opened
from notifier.models import Delivery
from notifier.senders.folder import FolderSender
from policy_versions import archive, policies
from tests.house import LONGER, House, KeptLetters
from tests.notifier.sending import change, member, opened, soon
from tests.once import made_once

Later = Callable[..., datetime]


@pytest.fixture
@made_once
def told(running: House) -> House:
    running.member("ada")
    running.member("cem", guardian_email="parent@example.com")
    running.publish(LONGER, rule="notice", notice_days=3)
    running.tick()
    return running


def links_in(letters: KeptLetters, address: str) -> set[str]:
    """The tokens in both parts of a letter; they are the same."""
    _, text, html = letters.read(address)
    found = [set(re.findall(r"http://127\.0\.0\.1:8000/m/([^\s\"]+)", part)) for part in (text, html)]
    assert found[0] == found[1]
    return found[0]


def link_in(letters: KeptLetters, address: str) -> str:
    (one,) = links_in(letters, address)
    return one


def follow(house: House, written: str) -> Opened:
    with reading(house.runtime.engine) as session:
        return letter_links.follow(session, written, secret=house.runtime.secret, now=house.now)


def test_each_letter_holds_its_reader_s_own_link_in_both_parts(told: House, letters: KeptLetters) -> None:
    ada = follow(told, link_in(letters, "ada@example.com"))
    assert (ada.member.external_id, ada.actor, ada.left_at) == ("ada", "member", told.now)
    cem = follow(told, link_in(letters, "parent@example.com"))
    assert (cem.member.external_id, cem.actor) == ("cem", "guardian")


def test_a_letter_in_the_folder_holds_it_too(running: House, tmp_path: Path) -> None:
    house = House(replace(running.runtime, sender=FolderSender(tmp_path / "letters")))
    house.member("ada")
    house.publish(LONGER)
    house.tick()
    (file,) = (tmp_path / "letters").glob("*.eml")
    message = message_from_bytes(file.read_bytes(), policy=email_policy.default)
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        (written,) = re.findall(r"/m/([0-9a-f-]+)", part.get_content())
        assert follow(house, written).member.external_id == "ada"


def test_a_correction_holds_none(told: House, letters: KeptLetters, later: Later) -> None:
    told.publish(LONGER.replace("24", "36"), effective_at=told.now + timedelta(days=9))
    told.tick()
    with writing(told.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 3, reason="A mistake.", actor="a test", now=told.now)
        notices.withdrawn(session, archive.history(session, policy).entry(3).revision, now=told.now)
    later(minutes=1)
    told.tick()
    assert letters.read("ada@example.com")[0].startswith("Withdrawn")
    assert links_in(letters, "ada@example.com") == set()


def test_it_holds_for_half_a_year_from_when_the_letter_left(
    told: House, letters: KeptLetters, later: Later
) -> None:
    written = link_in(letters, "ada@example.com")
    later(days=180, seconds=-1)
    assert follow(told, written).member.external_id == "ada"
    later(seconds=1)
    with pytest.raises(LinkExpired):
        follow(told, written)


def test_the_link_of_one_without_a_letter_holds_from_when_the_notice_opened(running: House, later: Later) -> None:
    running.member("dan", email="")
    notice = opened(running)
    links = tokens.letter_links(running.runtime.secret)
    (owed,) = running.deliveries()
    later(days=179)
    assert follow(running, links.of_member(owed.id)).left_at == notice.opened_at
    later(days=1)
    with pytest.raises(LinkExpired):
        follow(running, links.of_member(owed.id))


def test_one_letter_s_link_is_taken_back_or_all_that_were_made_so_far(
    told: House, letters: KeptLetters, later: Later
) -> None:
    first = link_in(letters, "ada@example.com")
    later(days=1)
    told.publish(LONGER.replace("24", "36"))
    told.tick()
    second = link_in(letters, "ada@example.com")
    assert first != second
    with writing(told.runtime.engine) as session:
        delivery = session.get_one(Delivery, follow(told, first).delivery.id)
        revocations.revoke(session, member(session, "ada"), delivery=delivery, actor="ines", now=told.now)
    with pytest.raises(LinkRevoked):
        follow(told, first)
    assert follow(told, second).member.external_id == "ada"
    with writing(told.runtime.engine) as session:
        revocations.revoke(session, member(session, "ada"), actor="ines", now=later(hours=1))
    with pytest.raises(LinkRevoked):
        follow(told, second)
    later(days=1)
    told.publish(LONGER.replace("24", "48"))
    told.tick()
    assert follow(told, link_in(letters, "ada@example.com")).member.external_id == "ada"
    assert follow(told, link_in(letters, "parent@example.com")).member.external_id == "cem"


def test_a_guardian_s_link_ends_with_that_guardian(told: House, letters: KeptLetters) -> None:
    written = link_in(letters, "parent@example.com")
    change(told, "cem", guardian_email="another@example.com")
    with pytest.raises(LinkInvalid):
        follow(told, written)
    change(told, "cem", guardian_email="")
    with pytest.raises(LinkInvalid):
        follow(told, written)


def test_the_member_s_own_link_to_a_letter_sent_before_there_was_a_guardian_never_speaks_for_one(
    told: House, letters: KeptLetters
) -> None:
    written = link_in(letters, "ada@example.com")
    change(told, "ada", guardian_email="parent@example.com")
    assert follow(told, written).actor == "member"
    with pytest.raises(LinkInvalid):
        follow(told, f"g{written}")


@pytest.mark.parametrize("gone", ["erased", "lapsed"])
def test_of_one_who_is_gone_no_link_holds(told: House, letters: KeptLetters, later: Later, gone: str) -> None:
    written = [link_in(letters, address) for address in ("ada@example.com", "parent@example.com")]
    for name in ("ada", "cem"):
        if gone == "lapsed":
            change(told, name, retained_until=soon(told))
        else:
            with writing(told.runtime.engine) as session:
                members.erase(session, member(session, name), actor="a test", now=told.now)
    later(seconds=1)
    for each in written:
        with pytest.raises(Refusal):
            follow(told, each)


def test_a_genuine_link_to_what_is_not_on_record_is_refused(told: House) -> None:
    for number in (0, 999, 2**63 - 1):
        with pytest.raises(LinkInvalid):
            follow(told, tokens.letter_links(told.runtime.secret).of_member(number))


def test_of_an_account_that_was_merged_it_leads_to_who_stands_for_that_person(
    told: House, letters: KeptLetters, later: Later
) -> None:
    written = link_in(letters, "ada@example.com")
    told.member("old", joined_at="2026-05-31T13:00:00Z")
    with writing(told.runtime.engine) as session:
        merging.merge(session, member(session, "ada"), member(session, "old"), actor="ines", now=told.now)
    assert follow(told, written).member.external_id == "old"
    with writing(told.runtime.engine) as session:
        revocations.revoke(session, member(session, "old"), actor="ines", now=later(hours=1))
    with pytest.raises(LinkRevoked):
        follow(told, written)
