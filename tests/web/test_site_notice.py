"""What the site notice's script asks: answered to pages of the token's origins, and to no others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.test import TestResponse

from database import reading, writing
from notifier import members, revocations, tokens, wording
from notifier.models import Acknowledgement, DeliveryEvent
from policy_versions import policies, translations
from tests.house import FIRST, LONGER, House
from tests.notifier.sending import change
from tests.notifier.sending import member as member_of
from tests.once import made_once
from web.member import words

Later = Callable[..., datetime]
SHOP = "https://www.example.com"


@pytest.fixture(autouse=True)
def _at_an_address_of_their_own(reader: FlaskClient) -> None:
    """What a test missed slows down no other."""


@pytest.fixture
@made_once
def told(house: House, later: Later) -> House:
    """Dan has no address: the site notice is all he gets."""
    house.policy()
    house.publish(FIRST, revision_date="2026-06-01")
    house.tick()
    later(days=1)
    house.member("dan", email="", locale="de-AT")
    house.publish(LONGER, rule="notice", notice_days=3, revision_date="2026-06-02", summary="Kept longer.")
    house.tick()
    return house


def token(house: House, name: str = "dan", **given: Any) -> str:
    with reading(house.runtime.engine) as session:
        number = member_of(session, name).id or 0
    said: dict[str, Any] = {
        "audience": house.runtime.settings.public_url,
        "secret": house.runtime.secret,
        "now": house.now,
    }
    return tokens.site_token(number, [SHOP], **said | given)


def ask(
    client: FlaskClient, what: str, written: object, notice: object = None, origin: str | None = SHOP
) -> TestResponse:
    headers = {"Content-Type": "text/plain"} | ({"Origin": origin} if origin else {})
    body = json.dumps({"token": written, "notice": notice})
    return client.post(f"/site-notice/{what}", data=body, headers=headers)


def pending(client: FlaskClient, written: str) -> list[dict[str, Any]]:
    answer = ask(client, "pending", written)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["notices"]
    return found


def recorded(house: House) -> tuple[list[str], list[tuple[str, str]]]:
    """The events shown, and what was acknowledged by which route."""
    with reading(house.runtime.engine) as session:
        events = list(session.exec(select(DeliveryEvent.event)))
        return events, [(a.kind, a.route) for a in session.exec(select(Acknowledgement))]


def test_it_says_in_the_member_s_language_what_changes_and_from_when(told: House, client: FlaskClient) -> None:
    (said,) = pending(client, token(told))
    assert said["language"] == "de"
    assert said["heading"] == "„Privacy policy“ hat sich geändert"
    assert (said["summary"], said["summary_language"]) == ("Kept longer.", "en")
    assert said["applies"] == "Das gilt für Sie ab dem {date}."
    assert datetime.fromisoformat(said["at"]) == told.now + timedelta(days=3)
    assert client.get(said["link"].removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_it_is_recorded_as_shown_and_as_read_and_comes_no_more(
    told: House, client: FlaskClient, later: Later
) -> None:
    written = token(told)
    number = pending(client, written)[0]["notice"]
    assert ask(client, "shown", written, number).get_json() == {"recorded": True}
    assert ask(client, "shown", written, number).get_json() == {"recorded": False}
    assert pending(client, written) == []
    assert ask(client, "acknowledged", written, number).get_json() == {"recorded": True}
    assert recorded(told) == (["shown"], [("read", "site notice")])
    later(days=3)
    assert told.governs("dan") == 2


def test_pages_of_the_token_s_origins_may_read_the_answer_and_no_others(told: House, client: FlaskClient) -> None:
    answer = ask(client, "pending", token(told))
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    for origin in ("https://evil.example.com", "null", None):
        refused = ask(client, "shown", token(told), 1, origin)
        assert refused.status_code == 403
        assert "Access-Control-Allow-Origin" not in refused.headers
    assert recorded(told) == ([], [])


def test_a_browser_that_asks_leave_beforehand_gets_none(told: House, client: FlaskClient) -> None:
    answer = client.options(
        "/site-notice/pending", headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    )
    assert not {name for name, _ in answer.headers if name.startswith("Access-Control")}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"token": 7}', b'{"token": null}', b"[" * 4000,
        b'{"token": "x"}', b'{"token": "x", "notice": "1"}',
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused_and_read_by_nobody(told: House, client: FlaskClient, body: bytes) -> None:
    answer = client.post("/site-notice/pending", data=body, headers={"Origin": SHOP})
    assert answer.status_code == 404
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("notice", [-1, 99, 2**40, "1", 1.5, True, [1]])
def test_a_notice_that_is_none_of_theirs_is_refused(told: House, client: FlaskClient, notice: object) -> None:
    answers = {ask(client, what, token(told), notice).status_code for what in ("shown", "acknowledged")}
    assert answers == ({200} if notice is True else {404})


def test_too_long_a_question_is_not_read(told: House, client: FlaskClient) -> None:
    assert ask(client, "pending", "x" * 5000).status_code == 413


def test_a_token_that_ended_was_revoked_or_is_of_one_who_is_gone_shows_nothing(
    told: House, client: FlaskClient, later: Later
) -> None:
    written = token(told)
    later(hours=1)
    expired = ask(client, "pending", written)
    assert (expired.status_code, expired.headers["Access-Control-Allow-Origin"]) == (410, SHOP)
    written = token(told)
    with writing(told.runtime.engine) as session:
        revocations.revoke(session, member_of(session, "dan"), actor="ines", now=told.now)
    assert ask(client, "pending", written).status_code == 410
    written = token(told, now=later(minutes=1))
    assert len(pending(client, written)) == 1
    change(told, "dan", guardian_email="parent@example.com")
    assert pending(client, written) == []
    assert ask(client, "acknowledged", written, 1).status_code == 404
    with writing(told.runtime.engine) as session:
        members.erase(session, member_of(session, "dan"), actor="a test", now=told.now)
    assert ask(client, "pending", written).status_code == 404
    assert recorded(told) == ([], [])


def test_an_old_notice_leads_to_the_public_comparison_as_its_own_link_holds_no_more(
    told: House, client: FlaskClient, later: Later
) -> None:
    later(days=200)
    (said,) = pending(client, token(told))
    assert said["link"] == "http://127.0.0.1:8000/privacy/compare/1..2"


def test_the_script_is_for_pages_of_other_origins(client: FlaskClient) -> None:
    with client.get("/site-notice.js") as answer:
        script = answer.get_data(as_text=True)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "max-age" in answer.headers["Cache-Control"]
    assert len(script) < 8000
    for sink in ("innerHTML", "eval(", ".style", "document.cookie", "localStorage"):
        assert sink not in script


def test_each_language_says_all_of_it_about_the_same_things() -> None:
    for language in wording.languages(wording.SITE_NOTICE):
        for name, sentence in words.of(language).said.items():
            held = set(re.findall(r"{\w+}", sentence))
            assert held == set(re.findall(r"{\w+}", words.MESSAGES[name])), (language, name)
    assert words.of("pt-XX") == ("en", "en-GB", words.MESSAGES)
    assert words.of("SV-fi")[:2] == ("sv", "sv-FI")
    assert words.of("ja").said["close"] == "閉じる"


def test_a_policy_is_called_as_its_translation_calls_it(told: House, client: FlaskClient) -> None:
    with writing(told.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        given = translations.Given("de", "# Datenschutz\n\nEtwas.\n", title="Datenschutzerklärung")
        translations.publish(session, policy, 2, given, actor="a test", now=told.now)
    assert pending(client, token(told))[0]["heading"] == "„Datenschutzerklärung“ hat sich geändert"
