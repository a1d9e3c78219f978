from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.senders import Accepted, NotSent, Sender
from notifier.senders.folder import FolderSender
from tests.notifier.senders.letters import body, message, parsed, recipient


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def sender(folder: Path) -> Sender:
    return FolderSender(folder, clock=lambda: datetime(2018, 5, 25, tzinfo=UTC))


def test_a_letter_is_a_file_named_by_its_delivery(sender: Sender, folder: Path) -> None:
    assert sender.send(message(), [recipient(42)], attempt_id=1) == Accepted("42.eml")
    letter = parsed((folder / "42.eml").read_bytes())
    assert letter["Subject"] == "Zoë, our privacy policy changes"
    assert "Dear Zoë" in body(letter, "plain")
    assert "Dear Zoë" in body(letter, "html")
    assert letter["Date"].datetime == datetime(2018, 5, 25, tzinfo=UTC)


def test_a_repeat_leaves_one_file(sender: Sender, folder: Path) -> None:
    letter = message()
    sender.send(letter, [recipient(42)], attempt_id=1)
    first = (folder / "42.eml").read_bytes()
    sender.send(letter, [recipient(42)], attempt_id=2)
    assert [each.name for each in folder.iterdir()] == ["42.eml"]
    assert (folder / "42.eml").read_bytes() == first


def test_nobody_else_may_read_the_letters(sender: Sender, folder: Path) -> None:
    sender.send(message(), [recipient(42)], attempt_id=1)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "42.eml").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_went_away_is_worth_a_retry(sender: Sender, folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(NotSent, match=r"^The mail folder cannot be written to: No such file or directory\.$"):
        sender.send(message(), [recipient()], attempt_id=1)


def test_a_letter_that_cannot_take_its_place_leaves_nothing_behind(sender: Sender, folder: Path) -> None:
    (folder / "42.eml").mkdir()
    with pytest.raises(NotSent):
        sender.send(message(), [recipient(42)], attempt_id=1)
    assert [each.name for each in folder.iterdir()] == ["42.eml"]


def test_an_erased_members_letters_go_with_what_a_crash_left_of_them(sender: Sender, folder: Path) -> None:
    for number in (4, 42):
        sender.send(message(), [recipient(number)], attempt_id=1)
        (folder / f".{number}.k3v9.tmp").touch()
    sender.forget([42, 43])
    assert {each.name for each in folder.iterdir()} == {"4.eml", ".4.k3v9.tmp"}


def test_two_letters_in_a_request_are_an_error_of_ours(sender: Sender) -> None:
    with pytest.raises(ValueError, match="one letter a request"):
        sender.send(message(), [recipient(1), recipient(2)], attempt_id=1)
