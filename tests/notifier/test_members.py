"""Members: brought in row by row with nothing half-done, erased without a trace of who they were."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, select

import database
from database import reading, writing
from errors import FileInvalid, NoSuchMember, RowInvalid
from notifier import addresses, members
from notifier.models import Delivery, GuardianChange, Member
from policy_versions.models import Policy
from tests.house import FIRST, LONGER, House, KeptLetters

Later = Callable[..., datetime]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def rows(path: Path) -> list[Any]:
    return list(members.read(path))


def csv(tmp_path: Path, content: str | bytes, name: str = "members.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# -- reading a file -----------------------------------------------------------------------------


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    fields = {"external_id": "a", "email": "a@example.com"}
    as_csv = rows(csv(tmp_path, "external_id,email\r\na,a@example.com\r\n"))
    as_json = rows(csv(tmp_path, json.dumps(fields) + "\n", "members.jsonl"))
    assert as_csv == [(2, fields)]
    assert as_json == [(1, fields)]


@pytest.mark.parametrize(
    "content", ["", "email\na@example.com\n", "external_id,colour\na,red\n", "external_id\tid\na\tb\n"]
)
def test_a_file_of_another_kind_is_refused_whole(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileInvalid):
        rows(csv(tmp_path, content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="cannot be read"):
        rows(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("line", ["[1]", "{", '"a"', '{"external_id": "a", "colour": "red"}', "[" * 70_000])
def test_a_bad_json_line_is_that_lines_refusal_only(tmp_path: Path, line: str) -> None:
    found = rows(csv(tmp_path, line + '\n{"external_id": "b"}\n', "m.jsonl"))
    assert isinstance(found[0][1], RowInvalid)
    assert found[1] == (2, {"external_id": "b"})


# -- checking a row -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", ""),
        ("external_id", "x" * 256),
        ("external_id", "a\x00b"),
        ("external_id", "a\nb"),
        ("external_id", "a\x1b[2Jb"),
        ("external_id", ["a"]),
        ("email", "not an address"),
        ("email", "a@b@c"),
        ("email", "a" * 400 + "@example.com"),
        ("email", "a@example.com\r\nBcc: b@example.com"),
        ("email", "a\u200b@example.com"),
        ("guardian_email", "nobody"),
        ("locale", "en; DROP"),
        ("joined_at", "yesterday"),
        ("joined_at", "2026-06-02"),
        ("joined_at", "0000-00-00"),
        ("joined_at", "0001-01-01"),
        ("external_id", "\ud800"),
        ("locale", "\udfff"),
        ("retained_until", "2026-13-01"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused(field: str, value: object) -> None:
    with pytest.raises(RowInvalid):
        members.check({"external_id": "a", "email": "a@example.com", field: value}, now=NOW)


def test_a_refusal_never_holds_the_address() -> None:
    with pytest.raises(RowInvalid) as refusal:
        addresses.checked("canary @example.com")
    assert "canary" not in str(refusal.value)


def test_dates_are_read_as_instants() -> None:
    row = members.check(
        {"external_id": "a", "joined_at": "2020-05-01", "retained_until": "2030-01-01T12:00+02:00"}, now=NOW
    )
    assert row.joined_at == datetime(2020, 5, 1, tzinfo=UTC)
    assert row.retained_until == datetime(2030, 1, 1, 10, tzinfo=UTC)


def test_an_address_is_known_again_in_any_spelling_and_only_with_the_key() -> None:
    spellings = ["Ada@Example.com", "ada@example.com ", "ADA@EXAMPLE.COM"]
    assert len({addresses.key(s, "secret") for s in spellings}) == 1
    assert addresses.key("ada@example.com", "secret") != addresses.key("ada@example.com", "other")


# -- bringing in --------------------------------------------------------------------------------


def test_bad_rows_are_reported_by_line_and_the_good_come_in(house: House) -> None:
    report = house.members(
        {"external_id": "a", "email": "a@example.com"},
        {"external_id": "b", "email": "nonsense"},
        {"external_id": "a", "email": "a2@example.com"},
        {"external_id": "c"},
    )
    assert (report.added, report.refused) == (2, 2)
    assert [line for line, _ in report.rejected] == [2, 3]


def test_a_second_import_updates_and_keeps_when_they_joined(house: House, later: Later) -> None:
    house.members({"external_id": "a", "email": "a@example.com", "joined_at": "2020-01-01"})
    later(days=1)
    report = house.members({"external_id": "a", "email": "new@example.com", "joined_at": "2021-01-01"})
    again = house.members({"external_id": "a", "email": "new@example.com", "joined_at": "2021-01-01"})
    assert (report.changed, again.unchanged) == (1, 1)
    with reading(house.runtime.engine) as session:
        member = session.exec(select(Member)).one()
    assert (member.email, member.joined_at) == ("new@example.com", datetime(2020, 1, 1, tzinfo=UTC))


def kept(house: House) -> tuple[str | None, str | None, str, datetime | None]:
    with reading(house.runtime.engine) as session:
        member = session.exec(select(Member)).one()
        return member.email, member.guardian_email, member.locale, member.retained_until


def test_a_column_that_is_not_there_leaves_a_member_as_they_are(house: House, tmp_path: Path) -> None:
    house.member("kid", guardian_email="g@example.com", retained_until="2030-01-01")
    path = csv(tmp_path, "external_id,locale\nkid,de\n")
    with writing(house.runtime.engine) as session:
        report = list(members.bring_in(session, members.read(path), secret="s", now=house.now))[-1]
    assert (report.changed, report.refused) == (1, 0)
    assert kept(house) == ("kid@example.com", "g@example.com", "de", datetime(2030, 1, 1, tzinfo=UTC))
    with reading(house.runtime.engine) as session:
        assert session.exec(select(GuardianChange.present)).all() == [True]
    assert house.members({"external_id": "kid"}).unchanged == 1


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_cell_clears_what_is_on_record(house: House, empty: str | None) -> None:
    house.member("kid", guardian_email="g@example.com", retained_until="2030-01-01", locale="de")
    house.members(
        {"external_id": "kid", "email": empty, "guardian_email": empty, "retained_until": empty, "locale": empty}
    )
    assert kept(house) == (None, None, "en", None)


def test_half_a_character_is_that_rows_refusal_and_the_rest_comes_in(house: House, tmp_path: Path) -> None:
    path = csv(tmp_path, '{"external_id": "a"}\n{"external_id": "\\ud800"}\n{"external_id": "b"}\n', "m.jsonl")
    with writing(house.runtime.engine) as session:
        report = list(members.bring_in(session, members.read(path), secret="s", now=house.now))[-1]
    assert (report.added, [line for line, _ in report.rejected]) == (2, [2])


def test_more_rows_than_a_chunk_come_in_and_a_repeat_in_a_later_chunk_is_reported(house: House) -> None:
    given: list[dict[str, object]] = [{"external_id": f"m{i}"} for i in range(members.CHUNK + 5)]
    report = house.members(*given, {"external_id": "m0"})
    assert (report.added, report.refused) == (members.CHUNK + 5, 1)


def test_an_interrupted_import_leaves_nothing(house: House) -> None:
    def interrupted() -> Any:
        yield 1, {"external_id": "a"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), writing(house.runtime.engine) as session:
        list(members.bring_in(session, interrupted(), secret="s", now=house.now))
    with reading(house.runtime.engine) as session:
        assert session.exec(select(Member)).all() == []


def test_setting_and_ending_a_guardian_are_dated_facts(house: House, later: Later) -> None:
    house.member("ada", guardian_email="g@example.com", joined_at="2020-01-01")
    ended = later(days=1)
    house.member("ada", guardian_email="", joined_at="2020-01-01")
    with reading(house.runtime.engine) as session:
        facts = session.exec(select(GuardianChange.present, GuardianChange.recorded_at)).all()
    assert facts == [(True, datetime(2020, 1, 1, tzinfo=UTC)), (False, ended)]


# -- erasure and retention ----------------------------------------------------------------------


def everything(house: House) -> str:
    """Every column of every table, decoded."""
    with reading(house.runtime.engine) as session:
        return "\n".join(
            str(row)
            for table in SQLModel.metadata.tables
            for row in session.execute(text(f'SELECT * FROM "{table}"'))
        )


def told_member(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.tick()
    house.member("canary-7", email="canary@example.com", guardian_email="canary.guardian@example.com")
    house.publish(LONGER)
    house.tick()


def erase(house: House) -> list[int]:
    with writing(house.runtime.engine) as session:
        member = members.by_external_id(session, "canary-7")
        return members.erase(session, member, actor="a test", now=house.now)


def test_an_erased_member_is_in_no_column_and_their_timeline_stays(house: House, later: Later) -> None:
    told_member(house)
    before = house.timeline("canary-7")
    names = ("canary-7", "canary@example.com", "canary.guardian@example.com")  # a column is called canary too
    assert all(name in everything(house) for name in names)
    at = later(days=1)
    erase(house)
    assert not any(name in everything(house) for name in names)
    with reading(house.runtime.engine) as session:
        with pytest.raises(NoSuchMember):
            members.by_external_id(session, "canary-7")
        member = session.exec(select(Member)).one()
        from notifier import facts
        from policy_versions import applicability, archive

        record = archive.history(session, session.exec(select(Policy)).one())
        found = facts.of_members(session, facts.of_policy(session, record), [member])
        after = applicability.timeline(found[member.id])
    assert [s.start for s in after.spans] == [s.start for s in before.spans]
    assert after.spans[-1].end == at


def test_an_erasure_names_the_letters_to_be_forgotten(house: House) -> None:
    told_member(house)
    with reading(house.runtime.engine) as session:
        ids = session.exec(select(Delivery.id)).all()
    assert erase(house) == list(ids)


def test_an_erased_member_is_out_of_the_files_bytes(house: House, later: Later) -> None:
    if house.runtime.engine.dialect.name != "sqlite":
        pytest.skip("on PostgreSQL vacuum does it, in its own time")
    told_member(house)
    path = Path(str(house.runtime.engine.url.database))
    later(days=1)
    erase(house)
    database.forget_erased(house.runtime.engine)
    kept = b"".join(p.read_bytes() for p in path.parent.glob(path.name + "*"))
    assert b"canary-7" not in kept
    assert b"canary@" not in kept


def test_a_rejoin_is_a_new_member(house: House, later: Later) -> None:
    told_member(house)
    erase(house)
    later(days=1)
    house.member("canary-7")
    with reading(house.runtime.engine) as session:
        assert len(session.exec(select(Member)).all()) == 2


def test_a_lapsed_member_is_purged_and_the_letters_forgotten(
    house: House, later: Later, letters: KeptLetters
) -> None:
    house.policy()
    house.publish(FIRST)
    house.member("ada", retained_until="2026-06-05")
    house.publish(LONGER)
    house.tick()
    house.publish(FIRST + "More.\n")
    later(days=5)
    house.tick()
    assert "ada@example.com" not in everything(house)
    assert letters.forgotten


def test_a_lapsed_member_is_not_told_even_before_the_purge(
    house: House, later: Later, letters: KeptLetters
) -> None:
    house.policy()
    house.publish(FIRST)
    house.member("ada", retained_until="2026-06-05")
    later(days=5)
    house.publish(LONGER)
    house.tick()
    assert letters.taken == []


def test_a_file_moves_no_end_into_the_past_and_revives_nobody(house: House, later: Later) -> None:
    """What governed a member at a time governs that time for good (DOMAIN, Applicability 7)."""
    house.policy()
    house.publish(FIRST)
    joined = (house.now - timedelta(days=9)).isoformat()
    house.members(*({"external_id": name, "joined_at": joined} for name in ("ada", "bob")))
    house.members({"external_id": "bob", "retained_until": (house.now + timedelta(hours=1)).isoformat()})
    later(days=1)
    before = [house.timeline(name) for name in ("ada", "bob")]
    ended = (house.now - timedelta(days=1)).isoformat()
    report = house.members(
        {"external_id": "ada", "retained_until": ended},
        {"external_id": "bob", "retained_until": (house.now + timedelta(days=9)).isoformat()},
    )
    assert [line for line, _ in report.rejected] == [1, 2]
    assert "in the past" in report.rejected[0][1]
    assert "no longer retained" in report.rejected[1][1]
    assert [house.timeline(name) for name in ("ada", "bob")] == before
