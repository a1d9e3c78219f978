"""Who may do what: strangers nothing, each key what its scopes name; and every refusal is a problem."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.test import create_environ, run_wsgi_app

from database import reading, writing
from notifier import keys
from notifier.keys import ApiKey
from policy_versions.models import AuditEntry
from tests.house import House
from tests.web.api.conftest import Program, make_key
from web.admin.sign_in import limiter
from web.api import api, bodies

VALUES = {"slug": "privacy", "number": "1", "external_id": "ada", "notice": "1"}


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of everything that takes a key."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint in api.scopes:
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: VALUES[part[1]], rule.rule)
            found += [(rule.endpoint, method, path) for method in sorted(rule.methods or ())]
    return found


def test_every_route_refuses_strangers_and_wrong_scopes(app: Flask, running: House, bare: FlaskClient) -> None:
    limiter.enabled = False
    tokens = {scope: make_key(running, scope, name=scope) for scope in keys.SCOPES}
    assert len(routes(app)) > 40
    for endpoint, method, path in routes(app):
        stranger = bare.open(path, method=method)
        assert stranger.status_code == 401, (method, path)
        assert stranger.headers["WWW-Authenticate"].startswith("Bearer")
        for scope, token in tokens.items():
            sent = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
            answer = bare.open(path, method=method, headers=sent)
            is_open = scope == api.scopes[endpoint]
            assert (answer.status_code != 403) == is_open, (method, path, scope, answer.text)
            assert answer.mimetype == "application/problem+json" or is_open
    limiter.enabled = True


def test_every_route_is_of_the_key_alone(app: Flask) -> None:
    under = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    open_ones = {rule.endpoint for rule in under if rule.endpoint.startswith("api.")} - set(api.scopes)
    assert open_ones == {"api.document", "api.page"}
    assert set(api.scopes.values()) | {"metrics"} == set(keys.SCOPES), "no scope opens nothing"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer gzt_wrong", "Basic Z3p0Xw==", "Bearer \xff\xfe"],
)
def test_what_is_no_key_opens_nothing(bare: FlaskClient, running: House, header: str) -> None:
    answer = bare.get("/api/v1/policies", headers={"Authorization": header})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_a_key_with_that_scope_reads_the_metrics(bare: FlaskClient, running: House) -> None:
    for scope, status in (("metrics", 200), ("read", 404)):
        token = make_key(running, scope, name=scope)
        assert bare.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == status


def test_a_session_of_the_administration_is_no_key(app: Flask, running: House) -> None:
    client = app.test_client()
    client.set_cookie("gazette", "whatever")
    assert client.get("/api/v1/policies").status_code == 401


def test_a_revoked_key_opens_nothing_from_then_on(program: Program, running: House) -> None:
    program.get("/policies")
    with writing(running.runtime.engine) as session:
        keys.revoke(session, "host", actor="a test", now=running.now)
    program.get("/policies", 401)


def test_a_key_is_kept_as_a_hash_and_its_last_use_to_the_minute(
    program: Program, running: House, later: Any
) -> None:
    def used() -> Any:
        with reading(running.runtime.engine) as session:
            return session.exec(select(ApiKey)).one().used_at

    program.get("/policies")
    first = used()
    later(seconds=30)
    program.get("/policies")
    assert used() == first == running.now - timedelta(seconds=30)
    later(seconds=30)
    program.get("/policies")
    assert used() == running.now
    with reading(running.runtime.engine) as session:
        kept = session.exec(select(ApiKey)).one()
        log = session.exec(select(AuditEntry).where(AuditEntry.action == "key made")).one()
    assert program.token not in f"{kept} {log}"
    assert (kept.created_by, log.detail["name"]) == ("a test", "host")


def test_whoever_tries_keys_is_slowed_down(bare: FlaskClient, running: House) -> None:
    limiter.reset()
    answers = [bare.get("/api/v1/policies", headers={"Authorization": f"Bearer {n}"}) for n in range(301)]
    assert {answer.status_code for answer in answers[:300]} == {401}
    last = answers[-1]
    assert (last.status_code, last.mimetype, last.headers["Retry-After"]) == (
        429,
        "application/problem+json",
        "60",
    )
    limiter.reset()


# -- problems of no route in particular ---------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v2/policies", 404),
        ("GET", "/api/v1/nowhere/at/all", 404),
        ("POST", "/api/v1/nowhere", 404),
        ("GET", "/api/v1/members:batch", 405),
        ("PATCH", "/api/v1/members/ada", 405),
        ("DELETE", "/api/v1/policies", 405),
    ],
)
def test_what_is_not_there_is_a_problem_too(bare: FlaskClient, method: str, path: str, status: int) -> None:
    answer = bare.open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json()["type"] == "about:blank"
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"\xff\xfe{}", "application/json", 400, "byte 1 is not UTF-8"),
        (b"{", "application/json", 400, "not JSON"),
        (b"", "application/json", 400, "not JSON"),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b'{"policy": NaN}', "application/json", 400, "not JSON"),
        (b'{"policy": "\\ud800"}', "application/json", 400, "cannot be read"),
        (b'{"policy": "privacy", "policy": "terms", "pairs": []}', "application/json", 400, "stands twice"),
        (b"policy=privacy", "application/x-www-form-urlencoded", 415, "content type"),
        (b"{}", "application/json; charset=utf-16", 415, "content type"),
        (b"{}", "", 415, "content type"),
        (b"[]", "application/json", 422, "object"),
        (b'{"policy": 7, "pairs": []}', "application/json", 422, "policy: input should be a valid string"),
        (b'{"policy": "privacy", "pairs": [], "at": 1}', "application/json", 422, "at: extra inputs"),
    ],
)
def test_a_body_that_cannot_be_used_is_said_to_be(
    program: Program, body: bytes, kind: str, status: int, says: str
) -> None:
    problem = program.post("/applicability:query", body, status, Content_Type=kind)
    assert says in problem["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(program: Program) -> None:
    problem = program.post("/applicability:query", b" " * (bodies.MOST_BYTES + 1), 413)
    assert "larger than is taken" in problem["detail"]


def test_a_body_of_no_stated_length_is_never_cut_short(program: Program, app: Flask) -> None:
    rows = b'{"external_id": "bob"}\n' + b" " * bodies.MOST_BYTES + b'\n{"external_id": "cem"}\n'

    def sent(body: bytes) -> int:
        headers = {"Authorization": f"Bearer {program.token}", "Content-Type": "application/x-ndjson"}
        pieces = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
        asked = create_environ("/api/v1/members:batch", method="POST", headers=headers, environ_overrides=pieces)
        asked.pop("CONTENT_LENGTH", None)
        return int(run_wsgi_app(app, asked)[1].split()[0])

    assert sent(rows) == 413
    program.get("/members/bob", 404)
    assert sent(rows[: bodies.MOST_BYTES]) == 200


def test_a_fault_of_ours_is_a_problem_without_its_details(
    program: Program, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_values: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setitem(app.view_functions, "api.list_policies", broken)
    problem = program.get("/policies", 500)
    assert "secret" not in str(problem)


def test_the_document_and_its_page_are_for_everybody(bare: FlaskClient) -> None:
    document = bare.get("/api/v1/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    assert len(document["paths"]) > 20
    page = bare.get("/api/v1/")
    assert page.status_code == 200
    for path in document["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert 'id="no-such-policy"' in page.text


def test_a_problems_type_leads_to_its_entry_on_the_page(program: Program, bare: FlaskClient) -> None:
    problem = program.get("/policies/nothing", 404)
    home, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in bare.get(home).text
    assert problem["detail"] == "There is no policy at “nothing”."
