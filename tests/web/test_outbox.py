"""The folder outbox as a mailbox: listed, searched by POST, read whole, shut in; what is broken harms nothing."""

import os
from pathlib import Path

import pytest

from tests.house import House
from tests.notifier.test_mailbox import BOTH, PLAIN
from tests.web.test_admin import Administrator, admin, password_hash, token, words

__all__ = ["admin", "password_hash"]  # fixtures
PAGE = "/admin/outbox"
HOSTILE = (
    b"From: <script>alert(1)</script>\r\nTo: x\r\nSubject: \x1b[31m<b>hey</b>\r\nX-Odd: <i>\r\n"
    b"Content-Type: text/html\r\n\r\n<script>alert(1)</script><img src=http://evil.example/x>"
)


@pytest.fixture
def folder(house: House) -> Path:
    made = Path(house.runtime.settings.mail.removeprefix("folder:"))
    made.mkdir(parents=True)
    return made


def put(folder: Path, name: str, content: bytes, at: int = 0) -> None:
    (folder / name).write_bytes(content)
    os.utime(folder / name, (1_780_000_000 + at,) * 2)


def test_letters_are_listed_with_sender_addressee_subject_and_time(admin: Administrator, folder: Path) -> None:
    put(folder, "1.eml", PLAIN)
    put(folder, "-4.eml", BOTH, at=1)
    put(folder, "2.eml", b"", at=2)
    put(folder, "invoice.pdf", b"")
    said = words(admin.get(PAGE))
    assert "Letters 3" in said
    assert "ada@example.com Our policy changes from Plover <privacy@plover.example> 1 June 2026, 10:00 UTC" in said
    assert "Änderung" in said
    assert "Letter 2, without a subject It has no head that could be read." in said
    assert "1 thing more in the folder is no letter of Gazette’s" in said


def test_a_letter_is_read_as_text_html_headers_and_source(admin: Administrator, folder: Path) -> None:
    put(folder, "-4.eml", BOTH)
    page = admin.get(f"{PAGE}/-4")
    assert "sandbox></iframe>" in page
    assert "Attached nothing" in words(page)
    assert "Content-Type" in words(page)
    html = admin.client.get(f"{PAGE}/-4/html")
    assert html.headers["Content-Security-Policy"].endswith("sandbox")
    source = admin.client.get(f"{PAGE}/-4/source")
    assert (source.mimetype, source.headers["X-Content-Type-Options"]) == ("text/plain", "nosniff")
    assert source.text.startswith("Subject: =?utf-8?q?")


def test_a_hostile_letter_is_text_on_our_pages(admin: Administrator, folder: Path) -> None:
    put(folder, "1.eml", HOSTILE)
    for page in (admin.get(PAGE), admin.get(f"{PAGE}/1")):
        assert "<script>alert" not in page
        assert "<b>hey" not in page
        assert "\x1b" not in page
    assert "There is no text part." in words(admin.get(f"{PAGE}/1"))


def test_what_is_no_letter_is_not_found(admin: Administrator, folder: Path) -> None:
    for name in ("9", "9/html", "9/source", "-1", "..%2Fgazette.db", "x", "--1", "1" * 30):
        admin.get(f"{PAGE}/{name}", status=404)


def test_letters_are_found_by_words_that_stand_in_no_address(admin: Administrator, folder: Path) -> None:
    put(folder, "1.eml", PLAIN)
    put(folder, "2.eml", BOTH)
    said = words(admin.post(PAGE, {"words": "ada@EXAMPLE"}))
    assert "Found 1" in said and "Änderung" not in said
    assert "No letter is like that." in words(admin.post(PAGE, {"words": "nobody"}))
    refused = admin.client.post(PAGE, data={"words": "ada"})
    assert refused.status_code == 400, "a form of ours only"
    assert token(admin.get(PAGE))


def test_letters_are_listed_a_page_at_a_time(
    admin: Administrator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.admin.outbox.PAGE", 2)
    for number in range(1, 6):
        put(folder, f"{number}.eml", PLAIN.replace(b"Our policy", b"Letter %d" % number), at=number)
    shown = ["".join(n for n in "12345" if f"Letter {n} changes" in admin.get(f"{PAGE}?page={page}"))
             for page in ("1", "2", "3", "99", "0", "x", "-1")]  # fmt: skip
    assert shown == ["45", "23", "1", "1", "", "45", "45"]
    assert "Page 2 of 3" in words(admin.get(f"{PAGE}?page=2"))
