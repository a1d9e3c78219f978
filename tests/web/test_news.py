"""The notice on our own pages: while a significant revision is upcoming, or came into force lately."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from database import writing
from policy_versions import archive, policies, retiring
from tests.house import FIRST, LONGER, TYPO, House
from tests.once import made_once

Later = Callable[..., datetime]


@pytest.fixture
@made_once
def told(house: House, later: Later) -> House:
    """Published on 1 June 2026: a first text; on 2 June, one that is significant and in force from 2 July."""
    house.policy(time_zone="UTC")
    house.publish(FIRST)
    house.tick()
    later(days=1)
    house.publish(LONGER, effective_at=house.now + timedelta(days=30), summary="Kept longer.")
    house.tick()
    return house


def page(client: FlaskClient, path: str) -> str:
    return " ".join(client.get(path).text.split())


def news(client: FlaskClient, path: str = "/") -> str:
    """The words of the notice on a page; "" where there is none."""
    html = client.get(path).text
    found = re.search(r'<section class="news".*?</section>', html, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def test_an_upcoming_change_is_told_on_every_page_that_does_not_say_it_itself(
    client: FlaskClient, told: House
) -> None:
    for path in ("/", "/privacy/history", "/privacy/1", "/privacy/chain", "/privacy/99"):
        said = news(client, path)
        assert said.startswith("Privacy policy: a new text comes into force on 2 July 2026."), path
        assert "See what changes" in said
        assert "/privacy/compare/1..2" in client.get(path).text
    for path in ("/privacy", "/privacy/2", "/privacy/compare/1..2", "/privacy/compare/1..2?view=side"):
        assert news(client, path) == "", path
        assert "2 July 2026" in page(client, path)


def test_a_minor_change_is_none(client: FlaskClient, house: House, later: Later) -> None:
    house.policy()
    house.publish(FIRST)
    later(days=1)
    house.publish(TYPO, effective_at=house.now + timedelta(days=30))
    house.tick()
    assert news(client) == ""
    later(days=31)
    assert news(client) == ""
    assert "in force since" not in client.get("/privacy").text.split("<article")[0].split('class="read"')[1]


def test_a_first_text_is_none(client: FlaskClient, house: House) -> None:
    house.policy()
    house.publish(FIRST, effective_at=house.now + timedelta(days=3))
    assert news(client) == ""


def test_what_is_not_decided_counts_as_significant(client: FlaskClient, house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(TYPO, effective_at=house.now + timedelta(days=3))
    assert "comes into force" in news(client)
    house.tick()
    assert news(client) == ""


def test_a_change_in_force_is_told_for_as_long_as_the_setting_says(
    client: FlaskClient, told: House, later: Later
) -> None:
    later(days=31)
    assert news(client).startswith("Privacy policy: a new text is in force since 2 July 2026. See what changed")
    later(days=28)
    assert news(client) != ""
    later(days=2)
    assert news(client) == ""


def test_the_policys_page_tells_a_young_change_in_its_own_words(
    client: FlaskClient, told: House, later: Later
) -> None:
    later(days=31)
    html = page(client, "/privacy")
    assert "A new text is in force since 2 July 2026" in html
    assert "Kept longer." in html
    assert "What changed in No. 2" not in html, "it is said once"
    later(days=40)
    html = page(client, "/privacy")
    assert "A new text is in force" not in html
    assert "What changed in No. 2" in html


def test_no_days_is_no_notice_of_what_is_in_force(app: Flask, told: House, later: Later) -> None:
    runtime = app.extensions["gazette"]
    quiet = runtime.settings.model_copy(update={"banner_days": 0})
    object.__setattr__(runtime, "settings", quiet)
    later(days=31)
    assert news(app.test_client()) == ""


def test_a_minor_change_after_it_hides_nothing(client: FlaskClient, told: House, later: Later) -> None:
    later(days=31)
    house = told
    house.publish(LONGER.replace("e-mail address.", "e-mail adress."))
    house.tick()
    assert "in force since 2 July 2026" in news(client)
    html = page(client, "/privacy")
    assert "A new text is in force since 2 July 2026" in html
    assert "What changed in No. 3" in html


def test_a_withdrawn_change_is_told_no_more_and_is_no_base(client: FlaskClient, told: House) -> None:
    with writing(told.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=told.now)
    assert news(client) == ""
    told.publish(LONGER.replace("24", "36"), effective_at=told.now + timedelta(days=40))
    told.tick()
    assert "comes into force" in news(client)
    assert "/privacy/compare/1..3" in client.get("/").text


def test_a_retired_policy_has_no_news(client: FlaskClient, told: House, later: Later) -> None:
    later(days=31)
    with writing(told.runtime.engine) as session:
        record = archive.history(session, policies.lock(session, "privacy"))
        retiring.retire(session, record, "We close.", actor="a test", now=told.now)
    assert news(client, "/privacy/history") == ""


def test_each_policy_has_a_line(client: FlaskClient, told: House) -> None:
    told.policy("cookies", title="Cookie policy")
    told.publish(FIRST, slug="cookies")
    told.tick()
    told.publish(LONGER, slug="cookies", effective_at=told.now + timedelta(days=9))
    told.tick()
    assert news(client).count("comes into force") == 2
    assert news(client, "/privacy").startswith("Cookie policy")
    assert "Privacy policy" not in news(client, "/privacy")


def test_what_a_title_holds_is_shown_and_never_run(client: FlaskClient, house: House) -> None:
    house.policy(title="<b onclick=x>")
    house.publish(FIRST)
    house.publish(LONGER, effective_at=house.now + timedelta(days=3))
    assert "&lt;b onclick=x&gt;: a new text" in client.get("/").text
