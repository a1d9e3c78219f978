"""Addresses that are not written to: found without being kept, lifted by a person's word or by another address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from database import reading, writing
from errors import FieldMissing, FieldTooLong, SuppressionNotStanding, Unprintable
from notifier import barred, members, suppressions
from notifier.barred import Answer
from notifier.events import folding
from notifier.events.reading import Reported
from notifier.models import Suppression
from policy_versions.models import AuditEntry
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.once import made_once

PUNYCODE, OWN_SCRIPT = "eva@xn--bcher-kva.example", "eva@bücher.example"


@pytest.fixture
@made_once
def running(house: House, later: Callable[..., datetime]) -> House:
    later(days=-1)
    house.policy()
    house.publish(FIRST)
    house.tick()
    later(days=1)
    for name in ("ada", "bob"):
        house.member(name)
    return house


def suppress(house: House, address: str, reason: str = "bounce", delivery_id: int | None = None) -> None:
    with writing(house.runtime.engine) as session:
        for key in suppressions.keys(address, house.runtime.secret):
            suppressions.suppress(session, key, reason, delivery_id, house.now)


def look_up(house: House, typed: str) -> list[Answer]:
    with reading(house.runtime.engine) as session:
        return barred.look_up(session, typed, secret=house.runtime.secret, now=house.now)


def standing(house: House) -> list[int]:
    with reading(house.runtime.engine) as session:
        query = select(Suppression.id).where(col(Suppression.lifted_at).is_(None)).order_by(col(Suppression.id))
        return [each or 0 for each in session.exec(query)]


def lift(house: House, suppression_id: int, why: str = "She wrote to us.") -> list[str]:
    with writing(house.runtime.engine) as session:
        secret = house.runtime.secret
        return barred.lift(session, suppression_id, why=why, actor="ines", secret=secret, now=house.now)


def tell(house: House, text: str = LONGER) -> None:
    house.publish(text, rule="notice", notice_days=30, effective_at=house.now + timedelta(days=40))
    house.tick()
    house.tick()


# -- who is written to --------------------------------------------------------------------------


def test_whoever_bounced_is_not_written_to_until_a_person_says_so(running: House, letters: KeptLetters) -> None:
    suppress(running, "ada@example.com")
    tell(running)
    assert letters.addresses == ["bob@example.com"]
    assert lift(running, standing(running)[0]) == ["ada"]
    tell(running, LONGER.replace("24 months", "36 months"))
    assert letters.addresses == ["ada@example.com", "bob@example.com", "bob@example.com"]


def test_whoever_has_another_address_is_written_to_again(running: House, letters: KeptLetters) -> None:
    suppress(running, "ada@example.com")
    running.members({"external_id": "ada", "email": "ada@example.net"})
    tell(running)
    assert letters.addresses == ["ada@example.net", "bob@example.com"]
    assert len(standing(running)) == 1, "the address that was hers is barred still"
    running.members({"external_id": "bob", "email": "ada@example.com"})
    tell(running, LONGER.replace("24 months", "36 months"))
    assert letters.addresses == ["ada@example.net", "ada@example.net", "bob@example.com"], (
        "now bob's is the barred one"
    )


# -- looking up ---------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["ada@example.com", " ADA@Example.COM\t", "ada"])
def test_an_address_is_found_by_itself_or_by_its_member(running: House, typed: str) -> None:
    suppress(running, "Ada@example.com", "complaint")
    (answer,) = look_up(running, typed)
    assert answer.line is not None
    assert (answer.line.suppression.reason, answer.line.members) == ("complaint", ["ada"])
    assert "example" not in answer.of


def test_a_free_address_is_said_to_be_free(running: House) -> None:
    assert look_up(running, "bob") == [Answer("The address of member bob", None)]
    assert look_up(running, "stranger@example.com") == [Answer("The address you typed", None)]


def test_a_guardians_address_is_looked_up_with_its_member(running: House) -> None:
    running.member("kim", guardian_email="parent@example.com")
    suppress(running, "parent@example.com")
    own, guardian = look_up(running, "kim")
    assert own.line is None
    assert guardian.of == "The address of the guardian of member kim"
    assert guardian.line is not None and guardian.line.members == [], "it is nobody's own"


def test_a_key_that_looks_like_an_address_is_both(running: House) -> None:
    running.member("kim@example.com", email="kim@example.net")
    suppress(running, "kim@example.com")
    assert [answer.line is None for answer in look_up(running, "kim@example.com")] == [True, False]


@pytest.mark.parametrize("letter", [7, None])
def test_a_domain_is_known_in_either_spelling(running: House, letter: int | None) -> None:
    """Also where the letter it came of is forgotten, as its member was erased and has joined again."""
    running.member("eva", email=OWN_SCRIPT)
    suppress(running, PUNYCODE, delivery_id=letter)
    for typed in (PUNYCODE, OWN_SCRIPT, "eva"):
        assert all(answer.line and answer.line.members == ["eva"] for answer in look_up(running, typed)), typed
    assert lift(running, standing(running)[-1]) == ["eva"]
    assert standing(running) == [], "what one report barred is freed together"


@pytest.mark.parametrize("typed", ["nobody", "x" * 320, "%", "'; DROP TABLE member; --", "ad"])
def test_what_is_neither_finds_nothing(running: House, typed: str) -> None:
    assert look_up(running, typed) == []


def test_the_erased_and_the_lapsed_are_nobodys(running: House) -> None:
    running.member("old", retained_until=(running.now - timedelta(minutes=1)).isoformat())
    with writing(running.runtime.engine) as session:
        bob = members.by_external_id(session, "bob")
        members.erase(session, bob, actor="a test", now=running.now)
    suppress(running, "bob@example.com")
    assert (look_up(running, "old"), look_up(running, "bob")) == ([], [])
    (answer,) = look_up(running, "bob@example.com")
    assert answer.line is not None and answer.line.members == []


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", FieldMissing), (" \n\t", FieldMissing), ("x" * 321, FieldTooLong),
        ("a\0b", Unprintable), ("a\nb", Unprintable),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_up_is_refused(running: House, typed: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        look_up(running, typed)


# -- lifting ------------------------------------------------------------------------------------


def test_a_lift_is_on_record_with_who_and_why_and_without_the_address(running: House) -> None:
    suppress(running, "ada@example.com")
    (one,) = standing(running)
    lift(running, one, " She wrote to us. ")
    with reading(running.runtime.engine) as session:
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
        row = session.get_one(Suppression, one)
    assert entry is not None
    assert (entry.actor, entry.action, entry.subject) == ("ines", "suppression lifted", f"suppression {one}")
    assert entry.detail == {"reason": "bounce", "why": "She wrote to us."}
    assert (row.lifted_by, row.lifted_at) == ("ines", running.now)


@pytest.mark.parametrize(
    ("why", "refusal"),
    [("", FieldMissing), ("  ", FieldMissing), ("x" * 501, FieldTooLong), ("a\0b", Unprintable)],
)
def test_without_a_reason_nothing_is_lifted(running: House, why: str, refusal: type[Exception]) -> None:
    suppress(running, "ada@example.com")
    with pytest.raises(refusal):
        lift(running, standing(running)[0], why)
    assert len(standing(running)) == 1


def test_of_two_who_lift_one_is_told_that_it_is_done(running: House) -> None:
    suppress(running, "ada@example.com")
    (one,) = standing(running)
    lift(running, one)
    for which in (one, 99):
        with pytest.raises(SuppressionNotStanding):
            lift(running, which)


def test_what_another_report_barred_stays_barred(running: House) -> None:
    suppress(running, "ada@example.com", delivery_id=7)
    suppress(running, "bob@example.com", delivery_id=8)
    lift(running, standing(running)[0])
    assert len(standing(running)) == 1


def test_it_is_barred_again_when_it_bounces_again(running: House, letters: KeptLetters, later: Any) -> None:
    tell(running)
    delivery = running.deliveries()[0].id
    for _ in range(2):
        later(hours=1)
        with writing(running.runtime.engine) as session:
            report = Reported("bounce", running.now, delivery, address="ada@example.com", bars=True)
            folding.fold(session, [report], secret=running.runtime.secret, now=running.now)
        lift(running, standing(running)[0])
    assert standing(running) == []
