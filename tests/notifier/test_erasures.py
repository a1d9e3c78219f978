"""The erasure journal: no erasure without its line, nothing personal in any line, whatever the file holds."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from database import reading
from errors import JournalUnreadable, JournalUnwritable, NoSuchMember
from notifier import erasures, members, outbox, replaying, scheduler
from notifier.erasures import Line, Unreadable
from notifier.models import Member, Tick
from notifier.replaying import Replayed
from tests.conftest import NOON
from tests.house import House

SECRET = "a secret of the tests, long enough to pass"


@pytest.fixture
def journal(house: House) -> Path:
    return house.runtime.settings.erasure_journal


def member(house: House, name: str) -> Member:
    with reading(house.runtime.engine) as session:
        return members.by_external_id(session, name)


def is_known(house: House, name: str) -> bool:
    try:
        member(house, name)
    except NoSuchMember:
        return False
    return True


def lines(journal: Path) -> list[Line | Unreadable]:
    return list(erasures.read(journal))


def line_of(house: House, name: str, **others: object) -> str:
    """A line as an erasure in the time that was lost has left it."""
    key = erasures.key(name, house.runtime.secret)
    fields = {"member": member(house, name).id, "key": key, "at": house.now.isoformat(), **others}
    return json.dumps(fields) + "\n"


# -- writing ------------------------------------------------------------------------------------


def test_an_erasure_leaves_a_line_without_anything_personal(house: House, journal: Path) -> None:
    house.member("ada")
    ada = member(house, "ada")
    outbox.erase(house.runtime, ada, actor="a test")
    key = erasures.key("ada", house.runtime.secret)
    assert lines(journal) == [Line(ada.id or 0, key, house.now.isoformat())]
    assert "ada" not in journal.read_text()
    assert "example.com" not in journal.read_text()
    assert journal.stat().st_mode & 0o077 == 0, "for our eyes only"


def test_an_erasure_asked_for_twice_leaves_one_line(house: House, journal: Path) -> None:
    house.member("ada")
    ada = member(house, "ada")
    for _ in range(2):
        outbox.erase(house.runtime, ada, actor="a test")
    assert len(lines(journal)) == 1


def test_who_lapsed_is_in_the_journal_too(house: House, journal: Path) -> None:
    house.member("ada", retained_until=(house.now - timedelta(minutes=1)).isoformat())
    house.tick()
    assert [type(line) for line in lines(journal)] == [Line]


def test_without_a_journal_nobody_is_erased_and_it_is_said(house: House, journal: Path) -> None:
    house.member("ada")
    journal.mkdir()
    with pytest.raises(JournalUnwritable, match="Nobody was erased"):
        outbox.erase(house.runtime, member(house, "ada"), actor="a test")
    assert member(house, "ada").email == "ada@example.com"
    journal.rmdir()
    outbox.erase(house.runtime, member(house, "ada"), actor="a test")
    assert not is_known(house, "ada")


def test_a_purge_without_a_journal_is_shown_as_failing_and_made_up_for(house: House, journal: Path) -> None:
    house.member("ada", retained_until=(house.now - timedelta(minutes=1)).isoformat())
    journal.mkdir()
    purge = next(job for job in scheduler.JOBS if job.name == "purge")
    scheduler.tick(house.runtime, purge)
    with reading(house.runtime.engine) as session:
        assert "GAZETTE_ERASURE_JOURNAL" in session.get_one(Tick, ("purge", "node 1")).error
    journal.rmdir()
    scheduler.tick(house.runtime, purge)
    assert (is_known(house, "ada"), len(lines(journal))) == (False, 1)


@pytest.mark.parametrize("tick_seconds", [0.05, 5, 3600])
def test_the_purge_comes_within_a_day_however_slow_the_ticks_are(house: House, tick_seconds: float) -> None:
    settings = house.runtime.settings.model_copy(update={"tick_seconds": tick_seconds})
    jobs = {job.id: job for job in scheduler.serve(replace(house.runtime, settings=settings)).get_jobs()}
    assert jobs["purge"].trigger.interval <= timedelta(hours=12)
    assert jobs["deliver"].trigger.interval == timedelta(seconds=tick_seconds)


def test_a_line_never_goes_onto_the_half_of_another(tmp_path: Path) -> None:
    journal = tmp_path / "new" / "erasures.jsonl"
    erasures.note(journal, 1, "ada", secret=SECRET, now=NOON)
    with journal.open("a") as file:
        file.write('{"member": 2, "ke')
    erasures.note(journal, 3, "cem", secret=SECRET, now=NOON)
    found = lines(journal)
    assert [line.member_id if isinstance(line, Line) else line for line in found] == [1, Unreadable(2), 3]


def test_many_who_write_at_once_leave_whole_lines(tmp_path: Path) -> None:
    journal = tmp_path / "erasures.jsonl"
    with ThreadPoolExecutor(8) as pool:
        for number in range(1, 101):
            pool.submit(erasures.note, journal, number, f"m{number}", secret=SECRET, now=NOON)
    assert sorted(line.member_id for line in lines(journal) if isinstance(line, Line)) == list(range(1, 101))


def test_a_key_is_not_told_apart_without_the_secret() -> None:
    assert erasures.key("ada", SECRET) != erasures.key("ada", SECRET + "!")
    assert erasures.key("ada", SECRET) != erasures.key("Ada", SECRET), "a host's keys differ by their case"


# -- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage", b"\xff\xfe\x00", b"[]", b"null", b"7", b'"member"', b"{}", b"{" * 3000, b"[" * 100_000,
        b"x" * 1_000_000, b'{"member": "1", "key": "k", "at": "t"}', b'{"member": true, "key": "k", "at": "t"}',
        b'{"member": 0, "key": "k", "at": "t"}', b'{"member": -1, "key": "k", "at": "t"}',
        b'{"member": 99999999999999999999, "key": "k", "at": "t"}', b'{"member": 1.0, "key": "k", "at": "t"}',
        b'{"member": 1, "key": null, "at": "t"}', b'{"member": 1, "key": "k"}', b'{"member": 1, "ke',
    ],
)  # fmt: skip
def test_what_is_no_line_of_ours_is_said_and_spoils_no_other(tmp_path: Path, raw: bytes) -> None:
    journal = tmp_path / "erasures.jsonl"
    erasures.note(journal, 1, "ada", secret=SECRET, now=NOON)
    with journal.open("ab") as file:
        file.write(b"\n" + raw + b"\n")
    erasures.note(journal, 2, "bob", secret=SECRET, now=NOON)
    first, spoilt, last = lines(journal)
    assert (type(first), spoilt, type(last)) == (Line, Unreadable(3), Line)


def test_a_journal_that_is_not_there_or_is_none_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(JournalUnreadable, match="cannot be read"):
            lines(path)


# -- replaying ----------------------------------------------------------------------------------


def replay(house: House, journal: Path) -> Replayed:
    return replaying.replay(house.runtime, erasures.read(journal), actor="a test")


def test_whoever_was_erased_since_the_backup_is_erased_again(house: House, journal: Path) -> None:
    for name in ("ada", "bob"):
        house.member(name)
    ada = member(house, "ada")
    journal.write_text(line_of(house, "ada") * 2)
    assert replay(house, journal) == Replayed(erased=1, already=1)
    assert (is_known(house, "ada"), is_known(house, "bob")) == (False, True)
    with reading(house.runtime.engine) as session:
        assert session.get_one(Member, ada.id).email is None
    assert replay(house, journal) == Replayed(already=2)
    assert len(lines(journal)) == 2, "they stand there already"


def test_only_a_member_whom_number_and_key_fit_is_erased(house: House, journal: Path) -> None:
    """A number is given anew after a restore; a key may be another member's by now."""
    for name in ("ada", "bob"):
        house.member(name)
    bob = member(house, "bob").id
    other = erasures.key("somebody", house.runtime.secret)
    journal.write_text(
        line_of(house, "ada", member=bob)
        + line_of(house, "ada", key=other)
        + line_of(house, "ada", member=2**31 - 1)
    )
    assert replay(house, journal) == Replayed(strangers=3)
    assert is_known(house, "ada") and is_known(house, "bob")


def test_who_joined_again_under_the_same_key_stays(house: House, journal: Path) -> None:
    house.member("ada")
    outbox.erase(house.runtime, member(house, "ada"), actor="a test")
    house.member("ada")
    assert replay(house, journal) == Replayed(already=1)
    assert is_known(house, "ada")


def test_a_line_of_an_erasure_that_failed_harms_nobody_else(house: House, journal: Path) -> None:
    """It names whoever was to be erased, and nobody besides."""
    for name in ("ada", "bob"):
        house.member(name)
    erasures.note(journal, member(house, "ada").id or 0, "ada", secret=house.runtime.secret, now=house.now)
    assert replay(house, journal) == Replayed(erased=1)
    with reading(house.runtime.engine) as session:
        assert session.exec(select(Member.external_id).where(col(Member.erased_at).is_(None))).all() == ["bob"]


def test_lines_that_cannot_be_read_are_counted_and_the_others_replayed(house: House, journal: Path) -> None:
    for name in ("ada", "bob"):
        house.member(name)
    whole, half = line_of(house, "ada"), line_of(house, "bob")[:40]
    journal.write_text("garbage\n\n" + whole + half)
    done = replay(house, journal)
    assert done == Replayed(erased=1, unreadable=2, first_unreadable=1)
    assert is_known(house, "bob")
    said = replaying.unreadable_in_words(journal, done)
    assert said.startswith(f"2 lines of {journal} cannot be read, the first of them line 1")


def test_a_journal_of_another_secret_fits_nobody(house: House, journal: Path) -> None:
    house.member("ada")
    erasures.note(journal, member(house, "ada").id or 0, "ada", secret="another secret", now=house.now)
    assert replay(house, journal) == Replayed(strangers=1)
