"""Members found by whatever a person has of them, and listed page by page without one twice or none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session

from database import reading, writing
from errors import FieldMissing, FieldTooLong, Unprintable
from notifier import members, merging, outbox, searching, suppressions
from notifier.searching import Which
from tests.conftest import NOON, make_engine
from tests.house import House
from tests.notifier.test_progress import Statements
from tests.once import made_once


@pytest.fixture
@made_once
def known(house: House) -> House:
    for name, fields in (
        *(("ada", {}), ("adam", {"locale": "de"}), ("Ada", {"email": "other@example.com"})),
        *(("a_a", {"email": ""}), ("%", {"email": ""})),
        *(("bob", {"guardian_email": "eve@example.com"}), ("café", {"email": "x@bücher.example"})),
        ("cem", {"retained_until": (house.now + timedelta(hours=1)).isoformat()}),
    ):
        house.member(name, **fields)
    return house


def find(house: House, typed: str, limit: int = 50) -> list[str | None]:
    with reading(house.runtime.engine) as session:
        return [
            each.external_id for each in searching.find(session, typed, secret=house.runtime.secret, limit=limit)
        ]


def listed(house: House, which: Which, **given: str) -> list[str | None]:
    """All pages of one member each."""
    names, after = list[str | None](), 0
    with reading(house.runtime.engine) as session:
        while some := searching.page(session, which, after=after, limit=1, now=house.now, **given):
            names.append(some[0].external_id)
            after = some[0].id or 0
    return names


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        *(("ada", ["ada", "adam"]), ("Ada", ["Ada"]), ("a", ["a_a", "ada", "adam"]), (" bob ", ["bob"])),
        *(("a_", ["a_a"]), ("%", ["%"]), ("caf", ["café"]), ("nobody", []), ("\\", []), ("'; --", [])),
        *(("adam@example.com", ["adam"]), ("BOB@example.com", ["bob"]), ("eve@example.com", [])),
        *(("x@xn--bcher-kva.example", ["café"]), ("2", ["adam"]), ("99", []), ("9" * 30, []), ("②", [])),
    ],
)
def test_members_are_found_by_key_beginning_address_or_number(known: House, typed: str, found: list[str]) -> None:
    assert find(known, typed) == found


def test_a_member_is_found_by_a_name_of_before_and_an_erased_one_by_number_only(known: House) -> None:
    with writing(known.runtime.engine) as session:
        ada = members.by_external_id(session, "ada")
        merging.rename(session, ada, "zoe", actor="a test", now=known.now)
    assert find(known, "ada")[0] == "zoe"
    outbox.erase(known.runtime, ada, actor="a test")
    assert (find(known, "ada"), find(known, "zoe"), find(known, "ada@example.com")) == (["adam"], [], [])
    assert find(known, str(ada.id)) == [None]


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        *(("", FieldMissing), (" ", FieldMissing), ("x" * 321, FieldTooLong)),
        *(("a\0b", Unprintable), ("a\u202e", Unprintable)),
    ],
)
def test_what_nobody_can_be_found_by_is_refused(house: House, typed: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        find(house, typed)


def test_no_more_are_found_than_asked_for(known: House) -> None:
    assert find(known, "a", limit=2) in (["a_a", "ada"], ["ada", "adam"], ["a_a", "adam"])


def test_members_are_listed_by_what_is_so_of_them(known: House) -> None:
    with writing(known.runtime.engine) as session:
        suppress(session, known, "ada@example.com")
        gone = members.by_external_id(session, "Ada")
    outbox.erase(known.runtime, gone, actor="a test")
    known.runtime.clock.instant += timedelta(hours=2)  # type: ignore[attr-defined]
    alive = ["ada", "adam", "a_a", "%", "bob", "café"]
    assert {which: listed(known, which) for which in Which} == {
        Which.ALL: ["ada", "adam", None, "a_a", "%", "bob", "café", "cem"],
        Which.RETAINED: alive,
        Which.LAPSED: ["cem"],
        Which.ERASED: [None],
        Which.NO_ADDRESS: ["a_a", "%"],
        Which.SUPPRESSED: ["ada"],
        Which.GUARDIAN: ["bob"],
    }
    assert listed(known, Which.ALL, locale="de") == ["adam"]
    assert listed(known, Which.RETAINED, locale="fr") == []


def suppress(session: Session, house: House, address: str) -> None:
    (key,) = suppressions.keys(address, house.runtime.secret)
    suppressions.suppress(session, key, "bounce", None, house.now)


@pytest.mark.parametrize(
    ("which", "index"),
    [
        *((Which.LAPSED, "ix_member_lapsing"), (Which.ERASED, "ix_member_erased")),
        *((Which.NO_ADDRESS, "ix_member_no_address"), (Which.GUARDIAN, "ix_member_guardian")),
    ],
)
def test_what_is_so_of_few_is_found_without_walking_through_all(sqlite_url: str, which: Which, index: str) -> None:
    engine: Engine = make_engine(sqlite_url)  # PostgreSQL plans by what it has counted
    with reading(engine) as session:
        seen = Statements(session)
        event.listen(session.connection(), "before_cursor_execute", seen.heard)
        for locale in ("", "en"):
            searching.page(session, which, locale=locale, now=NOON)
    engine.dispose()
    assert len([plan for plan in seen.plans if index in plan]) == 2, seen.plans
