"""What members and guardians say of texts is recorded once, with what they were shown; nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import select

from database import reading, writing
from errors import AcknowledgementUnknown, NoGuardian, NoSuchMember, NoSuchRevision, NotAcknowledgeable
from notifier import acknowledging, members
from notifier.models import ACKNOWLEDGEMENTS, Acknowledgement, Member
from policy_versions import archive, policies
from policy_versions.models import Revision
from tests.house import LONGER, House
from tests.notifier.sending import change, soon, together
from tests.notifier.sending import member as member_of
from tests.once import made_once

Later = Callable[..., datetime]


@pytest.fixture
@made_once
def told(running: House) -> House:
    running.member("ada")
    running.member("cem", guardian_email="parent@example.com")
    running.publish(LONGER, rule="acceptance")
    running.tick()
    return running


def say(house: House, name: str, kind: str = "accepted", *, number: int = 2, **given: Any) -> Acknowledgement:
    with writing(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        revision = record.entry(number).revision
        said: dict[str, Any] = {
            "actor": "member",
            "route": "link",
            "shown_sha256": revision.sha256,
            "locale": "en",
            "now": house.now,
        }
        return acknowledging.acknowledge(session, member_of(session, name), revision, kind, **said | given)


def kept(house: House) -> list[str]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Acknowledgement.kind).order_by(Acknowledgement.id)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ACKNOWLEDGEMENTS)
def test_each_kind_is_kept_with_who_when_how_and_what_they_were_shown(told: House, kind: str) -> None:
    said = say(told, "ada", kind, route="session", locale="de", shown_sha256="ab" * 32)
    with reading(told.runtime.engine) as session:
        row = session.get_one(Acknowledgement, said.id)
        revision = session.get_one(Revision, row.revision_id)
    assert (row.kind, row.actor, row.route, row.locale, row.shown_sha256) == (
        kind,
        "member",
        "session",
        "de",
        "ab" * 32,
    )
    assert (row.recorded_at, revision.number) == (told.now, 2)
    assert told.governs("ada") == (2 if kind == "accepted" else 1)


def test_the_same_again_is_recorded_once_unless_something_came_between(told: House, later: Later) -> None:
    first = say(told, "ada")
    later(days=1)
    again = say(told, "ada", route="api")
    assert (again.id, again.recorded_at, again.route) == (first.id, first.recorded_at, "link")
    say(told, "ada", "declined")
    say(told, "ada")
    assert kept(told) == ["accepted", "declined", "accepted"]


def test_of_the_same_said_twice_at_once_one_is_recorded(told: House) -> None:
    one, other = together(lambda: say(told, "ada").id, lambda: say(told, "ada").id)
    assert one == other
    assert kept(told) == ["accepted"]


def test_what_was_shown_or_who_spoke_makes_it_another_act(told: House) -> None:
    say(told, "cem", actor="guardian")
    say(told, "cem", actor="guardian", shown_sha256="cd" * 32)
    say(told, "cem", actor="member", shown_sha256="cd" * 32)
    say(told, "cem", actor="member", shown_sha256=None)
    assert kept(told) == ["accepted"] * 4


def test_a_guardian_s_word_counts_for_the_ward_and_nobody_else_has_one(told: House) -> None:
    say(told, "cem")
    assert told.governs("cem") == 1
    say(told, "cem", actor="guardian")
    assert told.governs("cem") == 2
    with pytest.raises(NoGuardian):
        say(told, "ada", actor="guardian")
    change(told, "cem", guardian_email="")
    with pytest.raises(NoGuardian):
        say(told, "cem", "declined", actor="guardian")


def test_a_text_that_was_withdrawn_or_is_none_is_not_answered(told: House, later: Later) -> None:
    told.publish(LONGER.replace("24", "36"), effective_at=later(days=1).replace(year=2027))
    with writing(told.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 3, reason="The date was wrong.", actor="a test", now=told.now)
    with pytest.raises(NotAcknowledgeable):
        say(told, "ada", number=3)
    with writing(told.runtime.engine) as session:
        ada = member_of(session, "ada")
        bare: dict[str, Any] = {"number": 4}
        for unknown in (Revision(**bare), Revision(**bare, id=999)):  # a draft has no id
            with pytest.raises(NoSuchRevision):
                acknowledging.acknowledge(
                    session, ada, unknown, "accepted",
                    actor="member", route="api", shown_sha256=None, locale="en", now=told.now,
                )  # fmt: skip
    assert kept(told) == []


def test_whoever_is_gone_says_nothing_and_what_is_no_word_is_none(told: House, later: Later) -> None:
    with pytest.raises(AcknowledgementUnknown):
        say(told, "ada", "agreed")
    change(told, "ada", retained_until=soon(told))
    later(seconds=1)
    with pytest.raises(NoSuchMember):
        say(told, "ada")
    with writing(told.runtime.engine) as session:
        cem = member_of(session, "cem")
        members.erase(session, cem, actor="a test", now=told.now)
        revision = session.exec(select(Revision).where(Revision.number == 2)).one()
        with pytest.raises(NoSuchMember):
            acknowledging.acknowledge(
                session, cem, revision, "accepted",
                actor="guardian", route="link", shown_sha256=None, locale="en", now=told.now,
            )  # fmt: skip
    assert kept(told) == []


def test_what_a_member_said_is_listed_in_order(told: House) -> None:
    say(told, "ada", "read", number=1)
    say(told, "ada", "declined")
    say(told, "cem")
    with reading(told.runtime.engine) as session:
        ada = session.exec(select(Member).where(Member.external_id == "ada")).one()
        listed = acknowledging.of_member(session, ada)
    assert [(said.kind, revision.number) for said, revision in listed] == [("read", 1), ("declined", 2)]
