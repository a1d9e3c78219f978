"""Exports: complete, steady, and no cell of them runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
import itertools
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import SQLModel, select

from database import reading, writing
from errors import InstantImpossible, InstantMalformed, InstantNaive, NoSuchPolicy
from notifier import acknowledging, cells, exporting, members, outbox
from notifier.models import Member
from policy_versions.models import Revision
from tests.conftest import NOON
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.events.reports import hear
from tests.notifier.records import of_everything
from tests.notifier.sending import Later

Rows = list[dict[str, str]]


def read(text: str) -> Rows:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def export(house: House, member_id: int) -> dict[str, Rows]:
    target = io.BytesIO()
    with exporting.steady(house.runtime.engine) as session:
        member = session.get_one(Member, member_id)
        exporting.of_member(session, member, target, secret=house.runtime.secret, now=house.now)
    with zipfile.ZipFile(target) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        readme = archive.read("README.txt").decode()
        assert all(name in readme for name in names), "each file is explained"
        return {name.removesuffix(".csv"): read(archive.read(name).decode()) for name in names}


def number(house: House, name: str) -> int:
    with reading(house.runtime.engine) as session:
        return members.by_external_id(session, name).id or 0


def standing(house: House, at: datetime = NOON, slug: str = "privacy") -> Rows:
    with exporting.steady(house.runtime.engine) as session:
        return read("".join(exporting.of_everyone(session, slug, at, now=house.now)))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        *(("=1+1", "'=1+1"), ("+49", "'+49"), ("-2", "'-2"), ("@SUM(A1)", "'@SUM(A1)")),
        *(("＝1+1", "'＝1+1"), ("＋1", "'＋1"), ("－1", "'－1"), ("＠SUM", "'＠SUM")),
        *(("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("\n=1", "'\n=1"), ("a=1", "a=1"), ("'=1", "'=1")),
        *((None, ""), (True, "yes"), (7, "7"), (NOON, "2026-06-01T12:00:00Z"), ("Zoë, “x”\n", "Zoë, “x”\n")),
    ],
)
def test_a_cell_is_text_and_never_a_formula(given: object, shown: str) -> None:
    assert list(csv.reader(io.StringIO("".join(cells.lines([["first", given]])), newline=""))) == [
        ["first", shown]
    ]


def test_a_host_whose_keys_are_formulas_gets_them_back_as_text(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.member("=HYPERLINK(1)", email="+ada@example.com")
    assert [row["external_id"] for row in standing(house)] == ["'=HYPERLINK(1)"]
    assert export(house, number(house, "=HYPERLINK(1)"))["profile"][0]["email"] == "'+ada@example.com"


def test_everything_about_a_member_is_in_their_export(house: House, letters: KeptLetters, later: Later) -> None:
    of_everything(house, letters, later)
    found = export(house, number(house, "ann"))
    assert {name for name, rows in found.items() if not rows} <= {
        *("guardianship", "suppressions", "upcoming", "audit", "reports_unmatched")
    }
    assert found["profile"][0]["email"] == "ann@example.com"
    assert {row["what"] for row in found["accounts"]} == {"merged into"}
    assert [row["state"] for row in found["notices"]][:1] == ["accepted"] and found["notices"][0]["base_revision"]
    assert [row["state"] for row in found["attempts"]].count("accepted") >= 2, "one for each of two accounts"
    assert [row["event"] for row in found["events"]] == ["processed"]
    assert [(row["kind"], row["shown_sha256"]) for row in found["acknowledgements"]] == [("read", "")]
    assert next(row for row in found["timeline"] if row["policy"] == "privacy")["basis"] == "joined"
    ward = export(house, number(house, "ward"))
    assert ward["guardianship"][0]["guardian"] == "set"
    assert ward["profile"][0]["guardian_email"] == "guardian@example.com"


def test_another_members_affairs_are_not_in_it(house: House, letters: KeptLetters, later: Later) -> None:
    of_everything(house, letters, later)
    for name, rows in export(house, number(house, "bob")).items():
        for row in rows:
            assert not {"ann@example.com", "cem@example.com", "ann", "cem"} & set(row.values()), name


def test_a_suppressed_address_is_said_and_of_an_erased_member_only_the_pseudonym_stays(
    house: House, letters: KeptLetters, later: Later
) -> None:
    of_everything(house, letters, later)
    ann = number(house, "ann")
    before = export(house, ann)
    with reading(house.runtime.engine) as session:
        member = session.get_one(Member, ann)
    outbox.erase(house.runtime, member, actor="a test")
    after = export(house, ann)
    assert "ann" not in str([row for rows in after.values() for row in rows if "ann" in row.values()])
    assert [row["revision"] for row in after["timeline"]] == [row["revision"] for row in before["timeline"]][
        : len(after["timeline"])
    ]
    assert after["notices"] == before["notices"] and after["acknowledgements"] == before["acknowledgements"]
    assert after["profile"][0]["email"] == after["profile"][0]["external_id"] == ""


def test_the_standing_of_all_is_what_each_ones_timeline_says(house: House, later: Later) -> None:
    house.policy()
    house.publish(FIRST)
    house.tick()
    for name in ("ada", "bob"):
        house.member(name)
    later(days=1)
    house.member("cem", joined_at=house.now.isoformat())
    later(minutes=1)
    house.publish(LONGER, rule="acceptance")
    house.tick()
    with writing(house.runtime.engine) as session:
        ada = members.by_external_id(session, "ada")
        revision = session.exec(select(Revision).where(Revision.number == 2)).one()
        acknowledging.acknowledge(
            session, ada, revision, "accepted", actor="member", route="api", shown_sha256=None, locale="en",
            now=later(hours=1),
        )  # fmt: skip
    rows = {row["external_id"]: row for row in standing(house, house.now)}
    assert {name: row["revision"] for name, row in rows.items()} == {"ada": "2", "bob": "1", "cem": "1"}
    assert (rows["ada"]["basis"], rows["ada"]["since"]) == ("acceptance", "2026-06-02T13:01:00Z")
    before = {row["external_id"]: row for row in standing(house, NOON)}
    assert (before["ada"]["revision"], before["cem"]["revision"]) == ("1", "")
    assert before["cem"]["why"] == "before they joined"


def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(house: House) -> None:
    with reading(house.runtime.engine) as session:
        for slug, at, refusal in (
            ("nope", NOON, NoSuchPolicy),
            ("nope", datetime(1, 1, 1, tzinfo=UTC), InstantImpossible),
        ):
            with pytest.raises(refusal):
                exporting.of_everyone(session, slug, at, now=house.now)


def test_a_date_is_its_first_instant_and_a_time_says_its_zone() -> None:
    assert exporting.instant(" 2026-05-25 ") == datetime(2026, 5, 25, tzinfo=UTC)
    assert exporting.instant("2026-05-25T09:30:00+02:00") == datetime(2026, 5, 25, 7, 30, tzinfo=UTC)
    with pytest.raises(InstantNaive):
        exporting.instant("2026-05-25T09:30:00")
    for given in ("", "tomorrow", "2026-02-30", "\0", "9" * 400):
        with pytest.raises(InstantMalformed):
            exporting.instant(given)
    for given in ("0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31T23:59:59Z"):
        with pytest.raises(InstantImpossible):
            exporting.instant(given)


def test_the_same_facts_give_the_same_bytes_whenever_they_are_written(
    house: House, letters: KeptLetters, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_everything(house, letters, later)
    archives = []
    for zone in ("UTC", "Pacific/Kiritimati"):  # an archive's own dates are in the time of the machine
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        target = io.BytesIO()
        with exporting.steady(house.runtime.engine) as session:
            member = members.by_external_id(session, "ann")
            exporting.of_member(session, member, target, secret=house.runtime.secret, now=house.now)
        archives.append(target.getvalue())
    monkeypatch.undo()
    time.tzset()
    assert archives[0] == archives[1]


def test_whoever_had_no_text_yet_is_in_the_standing_and_it_says_why(house: House, later: Later) -> None:
    house.policy()
    house.member("ada", joined_at="2020-01-01")
    later(days=1)
    house.publish(FIRST)
    house.tick()
    (row,) = standing(house, NOON - timedelta(days=30))
    assert (row["external_id"], row["revision"], row["why"]) == ("ada", "", "before the first text")
    assert (row["since"], row["until"]) == ("2020-01-01T00:00:00Z", "2026-06-02T12:00:00Z")


def test_standing_is_written_as_it_is_read() -> None:
    endless = cells.lines((number, "a member") for number in itertools.count(1))
    assert [next(endless).count("\n") for _ in range(3)] == [1000, 1000, 1000]


def test_each_table_that_names_a_member_has_its_place_in_the_export() -> None:
    naming = {
        table.name
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name == "member_id" or any(key.target_fullname == "member.id" for key in column.foreign_keys)
    }
    assert naming == {
        *("acknowledgement", "delivery", "former_name", "guardian_change", "link_revocation", "member_merge")
    }, "a new table about members goes into notifier/dossier.py and into the export"


def test_what_was_reported_of_an_address_and_of_no_letter_is_in_the_export_of_whose_it_is(house: House) -> None:
    house.member("ann")
    house.member("bob")
    house.member("ward", guardian_email="ann@example.com")
    at = int(house.now.timestamp())
    heard = (("bounce", "Ann@Example.com"), ("processed", "nobody@example.com"))
    hear(house, *({"event": e, "email": to, "timestamp": at, "delivery": "4711"} for e, to in heard))
    found = {name: export(house, number(house, name))["reports_unmatched"] for name in ("ann", "bob", "ward")}
    assert [(row["address_of"], row["event"]) for row in found["ann"]] == [("member", "bounce")]
    assert [row["address_of"] for row in found["ward"]] == ["guardian"]
    assert found["bob"] == []
