"""The folder as a mailbox: letters as they lie there; what is broken, hostile or no letter does no harm."""

import os
from pathlib import Path

import pytest

from notifier import mailbox
from notifier.mailbox import Head

PLAIN = (
    b"From: Plover <privacy@plover.example>\r\nTo: ada@example.com\r\nSubject: Our policy changes\r\n"
    b"Date: Mon, 01 Jun 2026 12:00:00 +0200\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n"
)
BOTH = (
    b"Subject: =?utf-8?q?=C3=84nderung?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nplain\r\n"
    b"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>html</p>\r\n--x--\r\n"
)
ATTACHED = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\ntext\r\n"
    b"--x\r\nContent-Type: application/pdf\r\n"
    b'Content-Disposition: attachment; filename="../../e\x07vil.pdf"\r\n\r\n%PDF\r\n--x--\r\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "outbox"
    made.mkdir()
    return made


def put(folder: Path, name: str, content: bytes, at: int = 0) -> Path:
    file = folder / name
    file.write_bytes(content)
    os.utime(file, (1_780_000_000 + at, 1_780_000_000 + at))
    return file


def test_letters_are_listed_the_last_written_first_and_nothing_else_is_one(folder: Path, tmp_path: Path) -> None:
    put(folder, "7.eml", PLAIN, at=1)
    put(folder, "12.eml", PLAIN, at=3)
    put(folder, "-3.eml", PLAIN, at=2)  # a subscriber's
    for name in ("007.eml", "x.eml", "1.eml.tmp", "1.EML", "9.eml\n", "１.eml", "99999999999999999999.eml"):
        put(folder, name, PLAIN)
    put(folder, ".5.half.tmp", PLAIN)  # being written
    (folder / "4.eml").symlink_to(put(tmp_path, "secret", b"Subject: a secret\r\n\r\n"))
    (folder / "8.eml").mkdir()
    os.mkfifo(folder / "6.eml")
    found = mailbox.box(folder)
    assert list(found.numbers) == [12, -3, 7]
    assert found.others == 10
    assert mailbox.box(tmp_path / "none") == ([], 0)


@pytest.mark.parametrize("number", [4, 8, 6, 99, -1])
def test_no_link_device_or_folder_is_opened(folder: Path, tmp_path: Path, number: int) -> None:
    (folder / "4.eml").symlink_to(put(tmp_path, "secret", b"Subject: a secret\r\n\r\n"))
    (folder / "8.eml").mkdir()
    os.mkfifo(folder / "6.eml")
    assert mailbox.letter(folder, number) is None
    found = mailbox.head(folder, number)
    assert found.subject == ""
    assert found.fault.startswith("It cannot be read")


def test_a_letter_is_read_whole(folder: Path) -> None:
    put(folder, "1.eml", PLAIN)
    found = mailbox.letter(folder, 1)
    assert found is not None
    assert found.head[:4] == (1, "Plover <privacy@plover.example>", "ada@example.com", "Our policy changes")
    assert str(found.head.at) == "2026-06-01 10:00:00+00:00"
    assert ("To", "ada@example.com") in found.headers
    assert (found.text, found.html, list(found.attachments), found.cut) == ("Hello.\r\n", "", [], False)
    assert found.source.startswith("From: Plover")


def test_a_part_of_no_known_charset_is_shown_as_far_as_it_is_text(folder: Path) -> None:
    put(folder, "1.eml", BOTH)
    found = mailbox.letter(folder, 1)
    assert found is not None
    assert (found.head.subject, found.text.strip(), found.html.strip()) == ("Änderung", "plain", "<p>html</p>")
    assert str(found.head.at) == "2026-05-28 20:26:40+00:00"  # it has no date: when the file was written


def test_what_is_attached_is_named_in_one_line(folder: Path) -> None:
    put(folder, "1.eml", ATTACHED)
    found = mailbox.letter(folder, 1)
    assert found is not None
    assert [name.replace("\x07", "") for name in found.attachments] == list(found.attachments)
    assert len(found.attachments) == 1
    assert "vil.pdf" in found.attachments[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe" * 500,
        b"no colon here\r\nnor here\r\n",
        b"From: \xff\xfe\r\nTo: =?x?y?z?=\r\nSubject: =?utf-8?b?////?=\r\nDate: yesterday\r\n\r\n",
        b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\nFrom: @@@<<<>>>,,,\r\n\r\n",
        b"Content-Type: text/plain; charset=" + b"(" * 9000 + b"\r\nSubject: deep\r\n\r\nhello",
        b"From: " + b"a," * 5000 + b"\r\nTo: " + b"(" * 300 + b"\r\n\r\n",
        b"Content-Type: multipart/alternative\r\n\r\nno boundary",
        b"Content-Type: text/html; charset=\x00\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Subject: a\r\n\tb\x1b[31m\r\n\r\n",
    ],
)
def test_a_broken_letter_is_shown_as_far_as_it_can_be_read(folder: Path, content: bytes) -> None:
    put(folder, "1.eml", content)
    found = mailbox.letter(folder, 1)
    assert found is not None
    assert isinstance(mailbox.head(folder, 1), Head)
    shown = "".join((found.head.sender, found.head.to, found.head.subject, *(value for _, value in found.headers)))
    assert shown.isprintable()


def test_no_more_is_read_than_a_letter_may_be_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_BYTES", 1000)
    put(folder, "1.eml", PLAIN + b"x" * 5000)
    found = mailbox.letter(folder, 1)
    assert found is not None
    assert (found.cut, len(found.source)) == (True, 1000)


def test_letters_are_found_by_words_of_their_heads_in_any_case(folder: Path) -> None:
    put(folder, "1.eml", PLAIN)
    put(folder, "2.eml", BOTH)
    assert [head.number for head in mailbox.search(folder, "ADA@")] == [1]
    assert [head.number for head in mailbox.search(folder, "änd")] == [2]
    assert [head.number for head in mailbox.search(folder, "hello")] == []
