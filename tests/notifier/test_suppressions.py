"""Addresses that are not written to: known by keyed hashes, one standing for each, lifted by a person's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from database import reading, writing
from errors import SuppressionNotStanding
from notifier import addresses, suppressions
from notifier.models import Suppression
from policy_versions.models import AuditEntry
from tests.house import House
from tests.notifier.events.reports import where_written
from tests.notifier.sending import soon, together

Later = Callable[..., datetime]
SECRET = "a secret"
ADA, BOB = "ada@example.com", "bob@example.com"


def key(house: House, address: str) -> str:
    return addresses.key(address, house.runtime.secret)


def suppress(house: House, address: str, reason: str = "bounce") -> bool:
    with writing(house.runtime.engine) as session:
        return suppressions.suppress(session, key(house, address), reason, None, house.now)


def lift(house: House, address: str, **given: str) -> None:
    with writing(house.runtime.engine) as session:
        suppressions.lift(session, key(house, address), "ines", house.now, **given)


def rows(house: House) -> list[Suppression]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Suppression).order_by(col(Suppression.id))))


def test_an_address_is_suppressed_once_whatever_the_reason(house: House, later: Later) -> None:
    assert suppress(house, ADA)
    later(hours=1)
    assert not suppress(house, "ADA@Example.com", "complaint")
    (row,) = rows(house)
    assert (row.reason, row.email_key, row.lifted_at) == ("bounce", key(house, ADA), None)
    assert where_written(house, ADA) == set()


def test_several_are_suppressed_at_once_and_those_new_are_counted(house: House) -> None:
    suppress(house, ADA)
    wanted: dict[str, tuple[str, int | None]] = {key(house, each): ("complaint", 5) for each in (ADA, BOB)}
    with writing(house.runtime.engine) as session:
        assert suppressions.suppress_all(session, wanted, house.now) == 1
        assert suppressions.suppress_all(session, {}, house.now) == 0
        assert suppressions.count(session) == 2
    assert [(row.reason, row.delivery_id) for row in rows(house)] == [("bounce", None), ("complaint", 5)]


def test_nodes_that_suppress_the_same_at_once_do_so_once(house: House) -> None:
    every = [f"m{number}@example.com" for number in range(2000)]

    def suppress_all(some: list[str]) -> int:
        wanted: dict[str, tuple[str, int | None]] = {key(house, each): ("bounce", None) for each in some}
        with writing(house.runtime.engine) as session:
            return suppressions.suppress_all(session, wanted, house.now)

    came = together(
        lambda: suppress_all(every), lambda: suppress_all(every[::-1]), lambda: suppress_all(every[10:])
    )
    assert sum(came) == len(rows(house)) == 2000


def test_one_that_is_lifted_stays_on_record_and_may_be_suppressed_anew(house: House, later: Later) -> None:
    suppress(house, ADA)
    later(days=1)
    lift(house, ADA, why="She has written to us.")
    later(days=1)
    assert suppress(house, ADA, "complaint")
    first, second = rows(house)
    assert (first.reason, first.lifted_by, second.reason, second.lifted_at) == (
        "bounce",
        "ines",
        "complaint",
        None,
    )
    assert first.lifted_at is not None and first.lifted_at < second.recorded_at
    with reading(house.runtime.engine) as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "suppression lifted")).all()
    assert (entry.actor, entry.subject) == ("ines", f"suppression {first.id}")
    assert entry.detail == {"reason": "bounce", "why": "She has written to us."}


def test_what_does_not_stand_cannot_be_lifted(house: House) -> None:
    with pytest.raises(SuppressionNotStanding):
        lift(house, ADA)
    suppress(house, ADA)
    with reading(house.runtime.engine) as session:
        number = suppressions.by_id(session, rows(house)[0].id or 0).id or 0
    lift(house, ADA)
    with pytest.raises(SuppressionNotStanding):
        lift(house, ADA)
    for absent in (number, number + 1, -1):
        with reading(house.runtime.engine) as session, pytest.raises(SuppressionNotStanding):
            suppressions.by_id(session, absent)


def test_two_who_lift_at_once_have_lifted_it_once(house: House) -> None:
    suppress(house, ADA)
    came = together(*[lambda: lift(house, ADA)] * 3)
    assert sorted(type(each).__name__ for each in came) == ["NoneType", *["SuppressionNotStanding"] * 2]
    with reading(house.runtime.engine) as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "suppression lifted")).all()) == 1


def test_the_newest_stand_first_with_the_members_whose_own_address_it_is(
    house: House, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, fields in {"ada": {}, "amy": {"email": "Ada@example.com"}, "bob": {}}.items():
        house.member(name, **fields)
    for address in (ADA, BOB, "nobody@example.com"):
        suppress(house, address)
    house.members({"external_id": "bob", "retained_until": soon(house)})
    later(seconds=1)
    assert named(house) == [[], [], ["ada", "amy"]]
    lift(house, "nobody@example.com")
    assert named(house) == [[], ["ada", "amy"]]
    monkeypatch.setattr(suppressions, "SHOWN", 1)
    assert named(house) == [[]]


def named(house: House) -> list[list[str]]:
    with reading(house.runtime.engine) as session:
        return [line.members for line in suppressions.newest(session, house.now)]


# -- spellings ----------------------------------------------------------------------------------

SPELLINGS = [
    ("zoë@bücher.example", "ZOË@xn--bcher-kva.example"),
    ("Zoe@BÜCHER.example", "zoe@XN--BCHER-KVA.EXAMPLE"),
    ("zoe@bu\u0308cher.example", " zoe@bücher.example "),
    ("zoe@例え.example", "zoe@xn--r8jz45g.example"),
    ("zoe@straße.example", "zoe@xn--strae-oqa.example"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_a_mailbox_in_two_spellings_has_the_same_keys_and_the_same_spelling(one: str, other: str) -> None:
    assert set(suppressions.keys(one, SECRET)) == set(suppressions.keys(other, SECRET))
    assert suppressions.spelled(one) == suppressions.spelled(other)


@pytest.mark.parametrize(
    "address", [ADA, "xn--ada@example.com", "ada@xn--.example", "ada@xn--\u00fc.example", "x", "@", ""]
)
def test_any_other_has_the_one_key_that_a_member_has(address: str) -> None:
    assert suppressions.keys(address, SECRET) == (addresses.key(address, SECRET),)
    assert suppressions.spelled(address) == addresses.normalised(address)


@given(st.text(max_size=40) | st.emails() | st.text(max_size=12).map(lambda domain: f"a@xn--{domain}.example"))
def test_whatever_is_given_for_an_address_has_keys_its_own_first(address: str) -> None:
    found = suppressions.keys(address, SECRET)
    assert 1 <= len(found) <= 3
    assert found[0] == addresses.key(address, SECRET)


def test_one_is_found_by_any_of_its_keys(house: House) -> None:
    spelled, punycode = SPELLINGS[0]
    suppress(house, spelled)
    with reading(house.runtime.engine) as session:
        assert standing(session, house, punycode)
        assert not standing(session, house, ADA)
        assert suppressions.standing(session, []) is None


def standing(session: Session, house: House, address: str) -> bool:
    return suppressions.standing(session, suppressions.keys(address, house.runtime.secret)) is not None
