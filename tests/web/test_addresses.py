"""The page of addresses that are not written to: it names none, keeps nothing typed, and lifts with a reason."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from sqlmodel import Session, select

from database import reading, writing
from notifier import suppressions
from notifier.models import Suppression
from policy_versions.models import AuditEntry
from tests.house import House
from tests.once import made_once
from tests.web.test_admin import Administrator, admin, password_hash, running, words

__all__ = ["admin", "password_hash", "running"]  # fixtures
PAGE = "/admin/addresses"


@pytest.fixture
@made_once
def barred(running: House) -> House:
    """Ada's address bounced; so did one that is nobody's."""
    with writing(running.runtime.engine) as session:
        for address, reason in (("ada@example.com", "bounce"), ("gone@example.com", "complaint")):
            (key,) = suppressions.keys(address, running.runtime.secret)
            suppressions.suppress(session, key, reason, None, running.now)
    return running


def test_the_list_says_whose_each_is_and_shows_no_address(admin: Administrator, barred: House) -> None:
    html = admin.get(PAGE)
    said = words(html)
    assert "Not written to 2" in said
    assert "Bounced" in said and "ada" in said and "Marked as unwanted" in said and "no member" in said
    assert "@example.com" not in html
    with reading(barred.runtime.engine) as session:
        for one in session.exec(select(Suppression)):
            assert one.email_key not in html, "the hash is not given away whole"


def test_with_none_barred_the_page_says_so(admin: Administrator, running: House) -> None:
    assert "Every address is written to." in words(admin.get(PAGE))


@pytest.mark.parametrize("typed", ["ada@example.com", "ADA@example.com ", "ada"])
def test_one_is_looked_up_and_what_was_typed_is_kept_nowhere(
    admin: Administrator, barred: House, caplog: pytest.LogCaptureFixture, typed: str
) -> None:
    caplog.set_level(logging.DEBUG)
    html = admin.post(PAGE, {"who": typed})
    assert "is not written to." in words(html)
    assert "@example.com" not in html.lower()
    assert "@example.com" not in caplog.text.lower()


def test_a_free_one_is_said_to_be_written_to(admin: Administrator, barred: House) -> None:
    assert "The address of member bob is written to." in words(admin.post(PAGE, {"who": "bob"}))
    assert "no member with an address has that key" in words(admin.post(PAGE, {"who": "nobody"}))


@pytest.mark.parametrize("typed", ["", "  ", "x" * 400, "a\0b", "a\u202eb"])
def test_what_cannot_be_looked_up_is_said_on_the_page(admin: Administrator, barred: House, typed: str) -> None:
    html = admin.post(PAGE, {"who": typed}, status=422)
    assert "There is a problem" in words(html) and "Not written to 2" in words(html)


def test_nothing_is_looked_up_by_a_url(admin: Administrator, barred: House) -> None:
    assert "is not written to." not in words(admin.get(f"{PAGE}?who=ada"))


def test_one_is_lifted_with_a_reason_and_says_whom_it_concerns(admin: Administrator, barred: House) -> None:
    assert "ada" in words(admin.get(f"{PAGE}/1"))
    said = words(admin.post(f"{PAGE}/1", {"reason": "She wrote to us."}))
    assert "The address may be written to again. It is that of ada; their next letter goes to it." in said
    assert "Not written to 1" in said
    with Session(barred.runtime.engine) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "suppression lifted")).one()
    assert (entry.actor, entry.detail["why"]) == ("ines", "She wrote to us.")
    assert "No member has it as their own just now." in words(admin.post(f"{PAGE}/2", {"reason": "It works."}))


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "a\0b"])
def test_without_a_good_reason_it_stays_and_what_was_typed_too(
    admin: Administrator, barred: House, reason: str
) -> None:
    html = admin.post(f"{PAGE}/1", {"reason": reason}, status=422)
    assert "There is a problem" in words(html)
    assert reason.strip("\0 ")[:100] in html
    assert "Not written to 2" in words(admin.get(PAGE))


def test_one_lifted_already_is_a_clash_and_one_that_never_was_too(admin: Administrator, barred: House) -> None:
    token_page = f"{PAGE}/2"
    admin.post(f"{PAGE}/1", {"reason": "It works."})
    for number in (1, 99, 2**31 - 1):
        said = words(admin.post(f"{PAGE}/{number}", {"reason": "It works."}, status=409, seen=token_page))
        assert "No suppression stands there" in said
        admin.get(f"{PAGE}/{number}", 409)
    for name in ("99999999999", "-1", "x"):
        admin.get(f"{PAGE}/{name}", 404)


def test_a_form_without_its_token_does_nothing(admin: Administrator, barred: House, app: Flask) -> None:
    for path, fields in ((PAGE, {"who": "ada"}), (f"{PAGE}/1", {"reason": "It works."})):
        assert admin.client.post(path, data=fields).status_code == 400
    assert "Not written to 2" in words(admin.get(PAGE))


def test_a_list_of_many_says_that_it_is_cut(admin: Administrator, running: House) -> None:
    with writing(running.runtime.engine) as session:
        wanted: dict[str, tuple[str, int | None]] = {f"{n:064}": ("bounce", None) for n in range(250)}
        suppressions.suppress_all(session, wanted, running.now)
    said = words(admin.get(PAGE))
    assert "Not written to 250" in said and "The last 200" in said
