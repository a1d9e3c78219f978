"""Exports from the administration: on record, refused before the first byte, nothing personal of the erased."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import Session, col, select
from werkzeug.test import TestResponse

from database import reading
from notifier import members, outbox
from policy_versions.models import AuditEntry
from tests.house import House
from tests.web.test_admin import Administrator, admin, password_hash, running, token, words

__all__ = ["admin", "password_hash", "running"]  # fixtures
STANDING, POLICY = "/admin/members/standing", "/admin/policies/privacy"


def standing(admin: Administrator, at: str, policy: str = "privacy") -> TestResponse:
    return admin.client.post(STANDING, data={"csrf_token": token(admin.get(POLICY)), "policy": policy, "at": at})


def actions(house: House) -> list[str]:
    with Session(house.runtime.engine) as session:
        return [each.action for each in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


def test_a_policys_page_has_the_form_for_everybodys_standing_by_it(admin: Administrator, running: House) -> None:
    html = admin.get(POLICY)
    assert f'action="{STANDING}"' in html and '<input type="hidden" name="policy" value="privacy">' in html
    answer = standing(admin, running.now.isoformat())
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=standing-privacy-")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["external_id"], row["revision"]) for row in rows] == [("ada", "1"), ("bob", "1")]


@pytest.mark.parametrize(
    "at", ["", "tomorrow", "0001-01-01", "9999-12-31", "2026-06-01T10:00", "2026-02-30", "\0", "9" * 5000]
)
def test_a_date_that_cannot_be_is_refused_before_anything_is_streamed_or_recorded(
    admin: Administrator, running: House, at: str
) -> None:
    before = actions(running)
    answer = standing(admin, at)
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert "There is a problem" in words(answer.text)
    assert actions(running) == before


def test_what_was_typed_is_given_back_beside_the_refusal(admin: Administrator, running: House) -> None:
    running.policy(slug="terms", title="Terms of use")
    running.publish("# Terms\n\nBe kind.\n", slug="terms")
    html = standing(admin, "next <week>", policy="terms").text
    assert 'value="next &lt;week&gt;"' in html
    assert '<option value="terms" selected>' in html


def test_an_unknown_policy_is_refused_and_not_recorded(admin: Administrator, running: House) -> None:
    before = actions(running)
    for slug in ("nope", "", "../x", "\0"):
        assert standing(admin, "2026-06-01", policy=slug).status_code == 404, slug
    assert actions(running) == before


def test_before_the_first_text_every_member_is_listed_with_none(admin: Administrator, running: House) -> None:
    at = running.now - timedelta(days=300)
    rows = list(csv.DictReader(io.StringIO(standing(admin, at.isoformat()).text, newline="")))
    assert {(row["revision"], row["why"]) for row in rows} == {("", "before they joined")}
    assert [row["external_id"] for row in rows] == ["ada", "bob"]


def test_an_erased_member_is_exported_by_pseudonym_without_anything_personal(
    admin: Administrator, running: House
) -> None:
    with reading(running.runtime.engine) as session:
        ada = members.by_external_id(session, "ada")
    outbox.erase(running.runtime, ada, actor="a test")
    at = f"/admin/members/{ada.id}"
    answer = admin.client.post(f"{at}/export", data={"csrf_token": token(admin.get(at))})
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    (profile,) = csv.DictReader(io.StringIO(files["profile.csv"]))
    assert (profile["member_id"], profile["external_id"], profile["email"]) == (str(ada.id), "", "")
    (span,) = csv.DictReader(io.StringIO(files["timeline.csv"]))
    assert (span["revision"], span["basis"], bool(span["until"])) == ("1", "joined", True)
    assert "ada" not in "".join(files.values()).replace("Gazette has", "")
    assert actions(running)[-1] == "member exported"


def test_no_export_is_made_without_its_forms_token_or_by_a_link(
    admin: Administrator, running: House, client: FlaskClient
) -> None:
    before = actions(running)
    for path in (STANDING, "/admin/members/1/export"):
        assert client.post(path, data={"policy": "privacy", "at": "2026-06-01"}).status_code == 400, path
        assert client.get(path).status_code in {404, 405}, path
    assert actions(running) == before
