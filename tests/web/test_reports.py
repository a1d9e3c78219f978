"""The page of reports: what was posted, what cannot be taken in, events of no letter; and what needs a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from database import writing
from notifier.events import bodies, folding
from notifier.events.reading import Reported
from notifier.models import WebhookBody
from settings import Settings
from tests.conftest import make_settings
from tests.house import House
from tests.web.test_admin import Administrator, password_hash, running, words
from tests.web.test_decisions import account

__all__ = ["password_hash", "running"]  # fixtures
PAGE = "/admin/reports"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path).model_copy(update={"mail": "sendgrid:"})


@pytest.fixture
def ines(running: House, app: Flask, password_hash: str) -> Administrator:
    return account(running, app, "ines", password_hash)


def post(house: House, minutes_ago: float = 0, **given: Any) -> None:
    fields: dict[str, Any] = {
        **{"source": "sendgrid", "sha256": "a" * 64, "size": 12_345, "verdict": "verified"},
        **{"received_at": house.now - timedelta(minutes=minutes_ago), **given},
    }
    with writing(house.runtime.engine) as session:
        session.add(WebhookBody(**fields))


def stray(house: House, address: str = "ada@example.com", event: str = "bounce", days_ago: int = 0) -> None:
    at = house.now - timedelta(days=days_ago)
    with writing(house.runtime.engine) as session:
        report = Reported(event, at, 4711, "4711", 7, address)
        folding.fold(session, [report], secret=house.runtime.secret, now=at)


def test_nothing_reported_is_said_and_needs_nobody(ines: Administrator) -> None:
    said = words(ines.get(PAGE))
    assert "Nothing has been reported yet." in said
    assert "Every event was of a letter on record." in said
    assert "Nothing else needs a person." in words(ines.get("/admin"))


def test_each_report_says_what_came_of_it(ines: Administrator, running: House) -> None:
    post(
        running,
        events=1_012,
        repeated=3,
        unmatched=4,
        folded_at=running.now,
        said="2 of 1,021 elements could not be read.",
    )
    post(running, minutes_ago=1, body=b"secret bytes")
    said = words(html := ines.get(PAGE))
    assert "12.3 kB 1,012 3 4 Taken in. 2 of 1,021 elements could not be read." in said
    assert "It waits to be taken in." in said
    assert "secret bytes" not in html
    assert "Nothing else needs a person." in words(ines.get("/admin")), "it waits for a minute only"


def test_what_was_refused_is_shown_with_the_reason(ines: Administrator, running: House) -> None:
    with writing(running.runtime.engine) as session:
        bodies.refuse(session, "sendgrid", "signed with another key", size=99, now=running.now)
    assert "Refused 99 bytes – – – Signed with another key. Nothing of it was kept." in words(ines.get(PAGE))


def test_a_report_that_waits_for_too_long_needs_a_person(ines: Administrator, running: House) -> None:
    post(running, minutes_ago=11, body=b"[]")
    assert "1 report waits since" in words(ines.get(PAGE))
    said = words(ines.get("/admin"))
    assert "1 report from providers has waited to be taken in for more than 10 minutes." in said
    assert "Two things need a person" in said, "it and the silent scheduler"


def test_one_that_cannot_be_taken_in_needs_a_person_at_once(ines: Administrator, running: House) -> None:
    for _ in range(2):
        post(running, body=b"[]", said="It could not be folded: DataError.")
    assert "2 reports could not be taken in" in words(ines.get(PAGE))
    said = words(ines.get("/admin"))
    assert "2 reports from providers could not be taken in." in said
    assert "has waited" not in said and "have waited" not in said, "each is counted once"


def test_one_given_up_after_a_week_stays_on_the_page_only(ines: Administrator, running: House) -> None:
    post(running, minutes_ago=8 * 24 * 60, said="It was deleted after 7 days without having been folded.")
    assert "It was deleted after 7 days" in words(ines.get(PAGE))
    assert "Nothing else needs a person." in words(ines.get("/admin"))


def test_without_a_key_it_is_said_that_reports_are_refused(ines: Administrator, running: House) -> None:
    assert "No report is taken from SendGrid" in words(ines.get(PAGE))
    assert ines.client.post("/hooks/sendgrid", data=b"[]").status_code == 403
    assert "reports are refused, as no key is set" in words(ines.get("/admin"))


def test_an_event_of_no_letter_shows_whose_address_it_names_now(ines: Administrator, running: House) -> None:
    stray(running)
    stray(running, "stranger@example.com", "delivered")
    stray(running, "", "deferred")
    said = words(html := ines.get(PAGE))
    assert "Of no letter 3" in said
    assert "2026-06-01 bounced 1, deferred 1, delivered 1" in said
    assert "4711" in said and "ada" in said and "no member" in said
    assert "@example.com" not in html


def test_events_are_counted_by_the_day_in_utc(ines: Administrator, running: House) -> None:
    for days in (0, 1, 1, 29, 31):
        stray(running, f"x{days}@example.com", "bounce", days)
        stray(running, f"y{days}@example.com", "bounce", days)
    said = words(ines.get(PAGE))
    assert "2026-06-01 bounced 2 2026-05-31 bounced 2 2026-05-03 bounced 2" in said
    assert "2026-05-01 bounced" not in said


def test_long_lists_are_cut(ines: Administrator, running: House) -> None:
    for number in range(105):
        post(running, minutes_ago=number, events=number, folded_at=running.now)
    html = ines.get(PAGE)
    assert html.count("Taken in.") == 100
    assert "The last 100" in words(html)
