"""What a page asks of the database, it asks of either kind: a walk over all pages, good addresses and bad."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from database import writing
from tests.house import FIRST, LONGER, House
from tests.web.test_public import PAGES
from web import accounts
from web.context import session


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


BAD = [
    "/%00",
    "/privacy/%00",
    "/privacy/compare/%00..1",
    "/privacy/99",
    "/privacy/on?on=%00",
    "/privacy/" + "9" * 40,
    "/privacy/1/%00",
    "/privacy/1/de/99999999999",
    "/privacy/1/de/compare/%00..1",
]


def test_every_page_answers_and_every_bad_address_is_refused(client: FlaskClient, house: House) -> None:
    house.policy()
    house.publish(FIRST, revision_date="2026-05")
    house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    house.tick()
    for path in PAGES:
        assert client.get(path).status_code in (200, 404), path
    for path in BAD:
        assert client.get(path).status_code in (404, 422), path


BAD_IN_ADMINISTRATION = [
    "/admin/notices/99999999999",
    "/admin/drafts/99999999999",
    "/admin/outbox/99999999999",
    "/admin/policies/privacy/99999999999/withdraw",
    "/admin/policies/%00",
    "/admin/policies/%00/1/withdraw",
    "/admin/policies/%00/1/decision",
    "/admin/policies/privacy/99999999999/decision",
    "/admin/policies/%00/1/translate",
    "/admin/policies/privacy/99999999999/translate",
    "/admin/policies/privacy/1/translations/%00/1",
]


def test_nothing_typed_or_addressed_in_the_administration_is_a_fault(
    app: Flask, client: FlaskClient, house: House
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    house.policy()
    house.publish(FIRST)
    with writing(house.runtime.engine) as session:
        accounts.create(session, "ines", now=house.now)
        accounts.change_password(session, accounts.by_name(session, "ines"), "a password of the tests")  # type: ignore[arg-type]
    sign_in = {"name": "ines", "password": "a password of the tests"}
    assert client.post("/admin/sign-in", data={**sign_in, "name": "in\0es"}).status_code == 401
    assert client.post("/admin/sign-in", data=sign_in).status_code == 302
    for path in BAD_IN_ADMINISTRATION:
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code in (404, 405), path
    assert client.get("/admin/members?locale=%00").status_code == 200
    draft = client.post("/admin/policies/privacy/drafts").location
    for name in ("text", "summary", "rule", "effective", "revision_date", "notice_days"):
        typed = {"text": "my long words", "rule": "notice", "version": "1", name: "my long words\0"}
        answer = client.post(draft, data=typed)
        assert (answer.status_code, "my long words" in answer.text) == (422, True), name
    made = {"slug": "x", "title": "A\0", "time_zone": "UTC", "promise": "may notify"}
    assert client.post("/admin/policies/new", data=made).status_code == 422


def test_a_fault_in_the_database_has_its_page(app: Flask, house: House) -> None:
    @app.get("/fault/<path:_path>")
    def fault(_path: str) -> str:
        session().execute(text("SELECT nothing FROM nowhere"))
        return ""

    house.policy()
    house.publish(FIRST)
    answer = app.test_client().get("/fault/of/three/parts")
    assert (answer.status_code, "Privacy policy" in answer.text) == (500, True)
