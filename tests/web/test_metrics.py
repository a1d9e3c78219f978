"""Metrics: for whoever has the token, in Prometheus' own form, with no address and no name in them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import Session, select

from app import create_app
from notifier.ledger import STATES
from notifier.models import Attempt, Quarantine, Subscription, Suppression, Tick, WebhookBody
from policy_versions.models import Policy
from settings import Settings
from tests.conftest import make_settings
from tests.house import LONGER, House, SetClock
from tests.notifier.ledgers import Books, Plan

TOKEN = "a token of the tests"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path, metrics_token=TOKEN)


class Scraper:
    """A Prometheus that reads each figure into {(name, labels): figure}."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def text(self) -> str:
        answer = self.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain; version=0.0.4")
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.text

    def read(self) -> dict[tuple[str, ...], float]:
        return {
            (sample.name.removeprefix("gazette_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }


@pytest.fixture
def scraper(client: FlaskClient) -> Scraper:
    return Scraper(client)


def test_without_a_token_in_the_settings_there_is_nothing(house: House, tmp_path: Path, database_url: str) -> None:
    none = replace(house.runtime, settings=make_settings(database_url, tmp_path))
    client = create_app(runtime=none).test_client()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe4"]
)
def test_strangers_are_refused(client: FlaskClient, given: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": given})
    assert answer.status_code == 401
    assert "gazette_" not in answer.text


def test_a_fresh_house_has_figures_of_nothing(scraper: Scraper) -> None:
    figures = scraper.read()
    assert figures["notices", "sending"] == 0
    assert figures["quarantine",] == 0
    assert figures["members_retained",] == 0
    assert figures["unknown_oldest_seconds",] == 0


def test_deliveries_are_counted_by_state_for_each_open_notice(scraper: Scraper, books: Books) -> None:
    open_one = books.notice(
        [Plan("email", "sending", ["delivered", "bounced", "unknown", "started", "untouched"])]
    )
    books.notice([Plan("email", "accepted", ["delivered", "accepted"])], state="complete")
    books.notice([Plan("email", "skipped", ["untouched"])], state="cancelled")
    books.session.commit()
    figures = scraper.read()
    own = {key[2]: figure for key, figure in figures.items() if key[:2] == ("deliveries", str(open_one.id))}
    assert own == {
        state: float(state in ("delivered", "bounced", "unknown", "sending", "queued")) for state in STATES
    }
    assert len([key for key in figures if key[0] == "deliveries"]) == len(STATES)
    assert (figures["deliveries_finished", "delivered"], figures["deliveries_finished", "skipped"]) == (1, 1)
    assert (figures["letters_heard_of", "delivered"], figures["letters_heard_of", "bounced"]) == (2, 1)
    assert (figures["attempts", "unknown"], figures["attempts", "started"]) == (1, 1)
    assert (figures["notices", "sending"], figures["notices", "cancelled"]) == (1, 1)


def test_ages_are_told_by_the_clock_of_the_record(scraper: Scraper, books: Books, clock: SetClock) -> None:
    books.notice([Plan("email", "unknown", ["unknown"])])
    for attempt in books.session.exec(select(Attempt)):
        attempt.doubted_at = books.now - timedelta(minutes=7)
        books.session.add(attempt)
    early, folded = books.now - timedelta(seconds=30), books.now
    for body, folded_at in ((b"[]", None), (None, folded)):
        books.session.add(
            WebhookBody(source="sendgrid", body=body, sha256="x", size=2, verdict="verified", received_at=early,
                        folded_at=folded_at)
        )  # fmt: skip
    for node, hours in (("here:1", 0), ("gone:2", 2)):
        at = books.now - timedelta(hours=hours)
        books.session.add(Tick(job="deliver", node=node, ticked_at=at, error="" if hours else "it broke"))
    books.session.commit()
    clock.instant += timedelta(seconds=60)
    figures = scraper.read()
    assert figures["unknown_oldest_seconds",] == 480
    assert (figures["webhook_bodies_waiting",], figures["webhook_oldest_seconds",]) == (1, 90)
    assert figures["tick_age_seconds", "deliver", "here:1"] == 60
    assert ("tick_age_seconds", "deliver", "gone:2") not in figures
    assert (figures["last_tick_age_seconds", "deliver"], figures["ticks_failing", "deliver"]) == (60, 1)


def test_what_waits_and_what_stands_is_counted(scraper: Scraper, house: House, books: Books) -> None:
    session = books.session
    policy = session.exec(select(Policy)).one()
    for key, reason, lifted in (("a", "bounce", None), ("b", "ada@example.com said so", None), ("c", "bounce", 1)):
        lifted_at = books.now if lifted else None
        session.add(Suppression(email_key=key, reason=reason, recorded_at=books.now, lifted_at=lifted_at))
    for key, confirmed, ended in (("a", books.now, None), ("b", None, None), ("c", None, books.now)):
        session.add(
            Subscription(policy_id=policy.id or 0, email=f"{key}@example.com", email_key=key, asked_at=books.now,
                         confirmed_at=confirmed, ended_at=ended)
        )  # fmt: skip
    session.add(Quarantine(began_at=books.now, actor="a test", doubted=0, erased=0))
    session.commit()
    house.member("ada")
    house.publish(LONGER)
    figures = scraper.read()
    assert (figures["suppressions", "bounce"], figures["suppressions", "person"]) == (1, 1)
    assert (figures["subscriptions", "asked"], figures["subscriptions", "confirmed"]) == (1, 1)
    assert (figures["quarantine",], figures["members_retained",]) == (1, 1)
    assert figures["decisions_due", "revision", "waiting"] == 2
    assert "@" not in scraper.text()
    assert "ada" not in scraper.text()


def test_figures_that_take_long_are_at_most_a_minute_old(scraper: Scraper, house: House, clock: SetClock) -> None:
    assert scraper.read()["members_retained",] == 0
    house.member("ada")
    clock.instant += timedelta(seconds=59)
    assert scraper.read()["members_retained",] == 0
    clock.instant += timedelta(seconds=1)
    assert scraper.read()["members_retained",] == 1


def test_labels_are_of_closed_sets_and_of_open_notices_only(scraper: Scraper, books: Books) -> None:
    books.notice([Plan("email", "queued", ["untouched"])])
    books.session.commit()
    labels = {
        name: set(sample.labels)
        for family in text_string_to_metric_families(scraper.text())
        for name, sample in ((family.name, sample) for sample in family.samples)
    }
    assert set.union(*labels.values()) <= {"notice", "state", "kind", "event", "reason", "job", "node"}
    assert len(labels) >= 10


def test_it_is_no_policy_and_leaves_no_cookie(client: FlaskClient, house: House, books: Books) -> None:
    books.session.commit()
    answer = client.get("/metrics", headers={"Authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_session_that_reads_is_not_left_in_a_transaction(scraper: Scraper, house: House) -> None:
    scraper.read()
    with Session(house.runtime.engine.execution_options(writing=True)) as session, session.begin():
        session.add(Tick(job="x", node="y", ticked_at=house.now))
