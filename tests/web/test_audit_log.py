"""The audit log's page: narrowed, page by page, exported, with where each deed came from; broken, it says so."""

import csv
import io
from html import escape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from database import reading, writing
from notifier import keys
from policy_versions import audit, origins
from policy_versions.models import AuditEntry
from policy_versions.origins import AuditOrigin
from tests.house import House
from tests.web.test_admin import Administrator, admin, password_hash, running, token, words

__all__ = ["admin", "password_hash", "running"]  # fixtures
PAGE = "/admin/audit"
HOSTILE = "=HYPERLINK(1) <script>alert(1)</script>"


def note(house: House, actor: str, action: str, subject: str) -> None:
    with writing(house.runtime.engine) as session:
        audit.record(session, actor=actor, action=action, subject=subject, now=house.now, said=HOSTILE)


def test_who_signed_in_from_where_stands_in_the_log(admin: Administrator, running: House) -> None:
    said = words(admin.get(PAGE))
    assert "ines Signed in" in said
    assert "Administration 127.0.0.1" in said
    assert "The chain of the entries holds, checked just now." in said


def test_a_program_is_named_by_its_key_and_a_reader_by_no_address(
    client: FlaskClient, app: Flask, running: House
) -> None:
    with writing(running.runtime.engine) as session:
        made = keys.create(session, "shop", ["erase"], actor="a test", now=running.now)
    headers = {"Authorization": f"Bearer {made}"}
    answer = client.delete("/api/v1/members/ada", headers=headers, environ_base={"REMOTE_ADDR": "198.51.100.9"})
    assert answer.status_code < 300, answer.text
    with app.test_request_context("/m/x", environ_base={"REMOTE_ADDR": "192.0.2.44"}):
        app.preprocess_request()
        note(running, "member", "link opened", "member 2")
    with reading(running.runtime.engine) as session:
        found = session.exec(select(AuditEntry.actor, AuditOrigin).join(AuditOrigin)).all()
    came = {actor: (origin.door, origin.address) for actor, origin in found}
    assert came["key shop"] == (origins.API, "198.51.100.9")
    assert came["member"] == (origins.ELSEWHERE, "")


def test_the_log_is_narrowed_and_what_was_typed_stays(admin: Administrator, running: House) -> None:
    note(running, "olga", "notice paused", "notice 7")
    said = words(
        admin.get(f"{PAGE}?actor=olga&action=notice+paused&subject=notice&since=2026-06-01&until=2026-06-01")
    )
    assert "Notice paused notice 7" in said
    assert "Signed in" not in said.partition("Entries")[2]
    assert "Export these as CSV" in said
    assert "No entry is like that." in words(admin.get(f"{PAGE}?subject=notice+8"))


def test_what_cannot_be_meant_is_refused_or_finds_nothing(admin: Administrator, running: House) -> None:
    for query in ("since=yesterday", "until=2026-02-30", "since=0001-01-01", "since=2026-06-01&until=9999-12-31"):
        assert "There is a problem" in words(admin.get(f"{PAGE}?{query}", status=422)), query
    for query in ("before=-1", f"before={'9' * 20}", "actor=%00&subject=%25", f"subject={'x' * 5000}"):
        assert "There is a problem" not in words(admin.get(f"{PAGE}?{query}")), query


def test_older_entries_follow_by_a_link(
    admin: Administrator, running: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.admin.audit_log.PAGE", 2)
    for number in range(3):
        note(running, "olga", f"deed {number}", "notice 1")
    first = admin.get(f"{PAGE}?actor=olga")
    assert "Deed 2" in first and "Deed 0" not in first.partition("<tbody>")[2]
    link = first.partition('">Older ones')[0].rpartition('href="')[2].replace("&amp;", "&")
    second = admin.get(link).partition("<tbody>")[2]
    assert "Deed 0" in second and "Deed 1" not in second


def test_what_is_exported_runs_nothing_and_that_it_was_is_in_the_log(admin: Administrator, running: House) -> None:
    note(running, "=cmd|calc", "deed", "notice 1")
    page = admin.get(f"{PAGE}?action=deed")
    answer = admin.client.post(PAGE, data={"csrf_token": token(page), "action": "deed"})
    assert answer.mimetype == "text/csv"
    header, row = csv.reader(io.StringIO(answer.text))
    assert header == ["id", "recorded_at", "actor", "action", "subject", "detail", "door", "address", "chain"]
    assert row[2] == "'=cmd|calc"
    said = words(admin.get(f"{PAGE}?action=audit+log+exported"))
    assert "ines Audit log exported" in said
    assert "action deed" in said
    assert escape(HOSTILE) in admin.get(f"{PAGE}?action=deed")


def test_an_export_of_no_day_is_refused(admin: Administrator, running: House) -> None:
    admin.post(PAGE, {"since": "yesterday"}, status=422)


def test_a_changed_entry_is_a_banner_there_and_on_the_overview(admin: Administrator, running: House) -> None:
    with running.runtime.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_refuses_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE id = 2")
    assert "The log does not hold at entry 2" in words(admin.get(PAGE))
    assert "The audit log does not hold" in words(admin.get("/admin/"))
