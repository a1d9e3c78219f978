"""A policy renamed or retired, as readers, hosts and administrators meet it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, select

import cli
from database import reading, writing
from policy_versions import policies, translations
from policy_versions.models import AuditEntry
from tests.house import LONGER, House
from tests.policy_versions.test_naming import rename, retire
from tests.web.test_admin import Administrator, admin, password_hash, running
from tests.web.test_public import get, published, words

__all__ = ["admin", "password_hash", "published", "running"]  # fixtures


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ".md",
        "/1",
        "/2026-05",
        "/2026-05.md",
        "/history",
        "/chain",
        "/chain.json",
        "/compare/1..2",
        "/compare/1..2?view=side",
        "/compare/1..2.json",
        "/compare?from=1&to=2",
        "/on?on=2026-06-02",
        "/feeds/significant.json",
        "/texts/0000000000000000000000000000000000000000000000000000000000000000.md",
        "/subscribe",
        "/1/de",
        "/1/de.md",
    ],
)
def test_every_address_before_leads_on_for_good(client: FlaskClient, published: House, rest: str) -> None:
    with writing(published.runtime.engine) as session:
        given = translations.Given("de", LONGER)
        policy = policies.lock(session, "privacy")
        translations.publish(session, policy, 1, given, actor="a test", now=published.now)
    rename(published, "data")
    answer = client.get(f"/privacy{rest}")
    assert (answer.status_code, answer.location) == (301, f"/data{rest}")
    assert client.head(f"/privacy{rest}").location == f"/data{rest}"


def test_a_renamed_policy_stands_at_its_new_address_alone(client: FlaskClient, published: House) -> None:
    get(client, "/privacy")
    rename(published, "data")
    assert client.get("/privacy").status_code == 301, "though it was kept"
    assert "Privacy notice" in words(get(client, "/data"))
    assert client.get("/data/privacy").status_code == 404
    assert client.get("/privacy/").location == "/data"
    posted = client.post("/privacy/subscribe", data={"email": "a@example.com"})
    assert (posted.status_code, posted.location) == (308, "/data/subscribe")


def test_a_policy_named_after_the_beginning_of_an_address_before_is_its_own(
    client: FlaskClient, published: House
) -> None:
    published.policy("data-privacy", title="Another")
    published.publish(LONGER, slug="data-privacy")
    rename(published, "data")
    assert "Another" in get(client, "/data-privacy")
    assert client.get("/privacy/privacy").location == "/data/privacy"


def test_a_retired_policy_stays_readable_and_says_since_when(client: FlaskClient, published: House) -> None:
    published.policy("old", title="Old policy")
    published.publish(LONGER, slug="old")
    assert "Old policy" in words(get(client, "/privacy")), "in the navigation"
    with writing(published.runtime.engine) as session:
        given, old = translations.Given("de", LONGER), policies.lock(session, "old")
        translations.publish(session, old, 1, given, actor="a test", now=published.now)
    retire(published, "old", "The privacy policy says it now")
    for path in ("/old", "/old/1", "/old/1/de"):
        text = words(get(client, path)).replace("\xa0", " ")
        assert "This policy was retired on 2 June 2026 The privacy policy says it now." in text
        assert "24 months" in text
        assert "Be told of every change" not in text, "there will be none"
    assert "Retired 2 June 2026" in words(get(client, "/old/history")).replace("\xa0", " ")
    assert "Old policy , retired on 2 June 2026. The privacy policy says it now." in words(get(client, "/"))
    assert "Old policy" not in words(get(client, "/privacy"))
    (index,) = [
        one for one in client.get("/.well-known/change-history").get_json()["policies"] if one["slug"] == "old"
    ]
    assert index["retired_since"] == "2026-06-02T12:00:00+00:00"


# -- the administration -------------------------------------------------------------------------


def test_renaming_asks_first_and_says_what_is_wrong(admin: Administrator, running: House) -> None:
    page = "/admin/policies/privacy/rename"
    assert 'value="privacy"' in admin.get(page)
    given = {"slug": "admin", "title": "Privacy notice", "reason": "Shorter"}
    assert "needed by Gazette" in words(admin.post(page, given, status=422))
    given["slug"] = "data"
    asked = words(admin.post(page, given))
    assert "becomes “Privacy notice” at /data" in asked
    with reading(running.runtime.engine) as session:
        assert policies.policy(session, "privacy").slug == "privacy", "nothing is done yet"
    admin.post(page, {**given, "sure": "yes"})
    assert "Privacy notice" in admin.get("/admin/policies/data")
    assert "Addresses before: privacy." in words(admin.get("/admin/policies/data/rename"))
    with reading(running.runtime.engine) as session:
        entry = session.exec(select(AuditEntry).where(col(AuditEntry.action) == "policy renamed")).one()
    assert entry.actor == "ines"


def test_retiring_and_taking_up_again_each_ask_why(admin: Administrator, running: House) -> None:
    page = "/admin/policies/privacy/retire"
    assert "Say why" in words(admin.post(page, {"reason": " "}, status=422))
    admin.post(page, {"reason": "Another says it"})
    assert "This policy is retired" in words(admin.get("/admin/policies/privacy"))
    assert "Another says it." in words(admin.get(page))
    admin.post(page, {"reason": "It is needed"})
    assert "This policy is retired" not in words(admin.get("/admin/policies/privacy"))


# -- hosts, and the command line ----------------------------------------------------------------


def test_hosts_are_answered_by_an_address_before(app: Flask, published: House) -> None:
    from notifier import keys

    published.member("ada")
    with writing(published.runtime.engine) as session:
        token = keys.create(session, "host", ["read"], actor="a test", now=published.now)
    rename(published, "data")
    client = app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    for path, field in (
        ("policies/privacy", "slug"),
        ("policies/privacy/in-force", "policy"),
        ("policies/privacy/compare?from=1&to=2", "policy"),
        ("members/ada/applicability?policy=privacy", "policy"),
    ):
        answer = client.get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.get_json()[field] == "data"
    gone = client.get("/api/v1/members/nobody/applicability?policy=privacy", headers=headers)
    assert gone.status_code in (200, 404)
    assert client.get("/api/v1/policies/nothing", headers=headers).status_code == 404


def test_the_command_line_renames_and_retires(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.policy()
    house.publish(LONGER)
    monkeypatch.setenv("GAZETTE_DATABASE_URL", house.runtime.settings.database_url)

    def run(*words: str, typed: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(cli.main, ["policy", *words], input=typed)
        return done.exit_code, done.output

    assert run("rename", "privacy", "data", "--reason", "So", typed="n\n")[0] == 1
    assert run("rename", "privacy", "No Good", "--reason", "So", "--yes")[0] == 1
    status, said = run("rename", "privacy", "data", "--title", "Data", "--reason", "So", typed="y\n")
    assert (status, "“Data” now, at /data" in said) == (0, True)
    assert run("retire", "privacy", "--reason", "Over", "--yes")[0] == 0
    assert "retired already" in run("retire", "data", "--reason", "Over", "--yes")[1]
    assert run("resume", "data", "--reason", "Not over")[0] == 0
    with reading(house.runtime.engine) as session:
        assert policies.policy(session, "privacy").title == "Data"
