"""`gazette restored`: what an operator types after a backup was put back, and what they are told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

import database
import settings
from database import reading
from notifier import erasures, members
from notifier.models import Member, Quarantine
from tests.test_cli import gazette, instance

__all__ = ["instance"]  # a fixture


@pytest.fixture
def engine(instance: None, tmp_path: Path) -> Iterator[Engine]:
    """Two members, of whom ada was erased after a backup was made; that backup was put back."""
    rows = tmp_path / "members.csv"
    rows.write_text("external_id,email\nada,ada@example.com\nbob,bob@example.com\n")
    assert gazette("members", "import", str(rows)).exit_code == 0
    kept, place = tmp_path / "kept.db", settings.home() / "gazette.db"
    database.forget_erased(database.create_engine(settings.load().database_url))
    shutil.copy(place, kept)
    assert gazette("members", "erase", "ada").exit_code == 0
    for part in settings.home().glob("gazette.db*"):
        part.unlink()
    shutil.copy(kept, place)
    made = database.create_engine(settings.load().database_url)
    yield made
    made.dispose()


def names(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return sorted(name for name in session.exec(select(Member.external_id)) if name)


def test_it_says_what_is_so_and_what_comes_next(engine: Engine) -> None:
    assert names(engine) == ["ada", "bob"]
    result = gazette("restored")
    assert (result.exit_code, result.stderr) == (0, "")
    quarantine, letters, replayed, after = result.output.splitlines()
    assert quarantine.startswith("The database is in quarantine, since ")
    assert letters.startswith("Of 0 letters in 0 requests nobody knows whether they left.")
    assert replayed == (
        "1 member erased again by the journal; 0 lines of members erased here too, 0 of nobody in this database."
    )
    assert after.startswith("Next: start Gazette")
    assert names(engine) == ["bob"]


def test_typed_twice_it_says_so_and_erases_nobody_else(engine: Engine) -> None:
    gazette("restored")
    again = gazette("restored")
    assert (again.exit_code, "in quarantine already" in again.output) == (0, True)
    assert "0 members erased again by the journal; 1 line of members erased here too" in again.output
    with reading(engine) as session:
        (held,) = session.exec(select(Quarantine)).all()
    assert (held.erased, held.lifted_at) == (1, None)
    assert held.actor.endswith("at the command line")


def test_the_quarantine_is_lifted_once(engine: Engine) -> None:
    refused = gazette("restored", "--lift")
    assert (refused.exit_code, "not in quarantine" in refused.stderr) == (1, True)
    gazette("restored")
    lifted = gazette("restored", "--lift")
    assert (lifted.exit_code, lifted.output.startswith("The quarantine is lifted.")) == (0, True)
    assert gazette("restored", "--lift").exit_code == 1


def test_a_missing_journal_is_said_and_holds_up_nothing(engine: Engine) -> None:
    settings.load().erasure_journal.unlink()
    result = gazette("restored")
    assert result.exit_code == 0
    assert (
        "cannot be read: No such file or directory. Whoever was erased since the backup may be back."
        in result.stderr
    )
    assert "Next: start Gazette" in result.output
    with reading(engine) as session:
        assert len(session.exec(select(Quarantine)).all()) == 1


def test_a_spoilt_journal_is_said_and_the_rest_of_it_replayed(engine: Engine) -> None:
    journal = settings.load().erasure_journal
    journal.write_bytes(b"\xff\x00garbage\n" + journal.read_bytes() + b'{"member": 2, "k')
    result = gazette("restored")
    assert (result.exit_code, names(engine)) == (0, ["bob"])
    assert f"2 lines of {journal} cannot be read, the first of them line 1" in result.stderr


def test_the_journals_of_other_nodes_are_replayed_too(engine: Engine, tmp_path: Path) -> None:
    other, missing = tmp_path / "other.jsonl", tmp_path / "none.jsonl"
    secret = settings.load().secret_key.get_secret_value()
    with reading(engine) as session:
        bob = members.by_external_id(session, "bob")
        erasures.note(other, bob.id or 0, "bob", secret=secret, now=bob.recorded_at)
    result = gazette("restored", "--journal", str(other), "--journal", str(missing))
    assert (result.exit_code, names(engine)) == (0, [])
    assert str(missing) in result.stderr


def test_an_erasure_that_cannot_be_journalled_is_refused_in_one_sentence(engine: Engine) -> None:
    journal = settings.load().erasure_journal
    journal.unlink()
    journal.mkdir()
    result = gazette("members", "erase", "bob")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "Nobody was erased: the erasure journal (GAZETTE_ERASURE_JOURNAL) cannot be written to" in result.stderr
    assert names(engine) == ["ada", "bob"]
