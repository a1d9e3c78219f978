"""A member's pages and the subscribers' in their own language: nothing of another is left over."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from itertools import product

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from database import reading, writing
from notifier import subscriptions, tokens, wording
from notifier.models import Acknowledgement, Member
from policy_versions import policies, translations
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.sending import member as member_of
from tests.notifier.test_letters_spoken import ENGLISH
from tests.once import made_once
from tests.web.test_member import link, send

LANGUAGES = wording.languages()
GERMAN = "# Datenschutz\n\n## Dauer\n\nWir behalten Zahlungsdaten {} Monate.\n"


@pytest.fixture(autouse=True)
def _at_an_address_of_their_own(reader: FlaskClient) -> None:
    """What a test missed slows down no other."""


@pytest.fixture
@made_once
def asked(house: House, later: Callable[..., datetime]) -> House:
    """A German member and a guardian of one were asked to accept a text that says nothing in English."""
    house.policy(title="Plovtekst", time_zone="Europe/Stockholm", locale="de")
    house.publish(GERMAN.format(12), revision_date="2026-06-01", summary="Kurz.")
    house.tick()
    later(days=1)
    house.member("ada", locale="de-AT")
    house.member("cem", locale="de", guardian_email="parent@example.com")
    house.publish(GERMAN.format(24), rule="acceptance", revision_date="2026-06-02", summary="Länger.")
    house.tick()
    return house


def own(house: House, name: str = "ada") -> str:
    with reading(house.runtime.engine) as session:
        number = member_of(session, name).id or 0
    return f"/me/{tokens.member_session(number, secret=house.runtime.secret, now=house.now)}"


def words(html: str) -> set[str]:
    """All that is seen or read out, in English letters."""
    shown = re.sub(r"<(style|script)\b.*?</\1>", " ", html, flags=re.DOTALL)
    spoken = re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', shown)
    text = re.sub(r"\S*@\S*|https?://\S+", " ", " ".join([re.sub(r"<[^>]+>", " ", shown), *spoken]))
    return set(re.findall(r"[^\W\d_]+", text.lower()))


def test_no_page_of_a_member_s_own_says_anything_in_english(
    asked: House, client: FlaskClient, letters: KeptLetters
) -> None:
    send(client, f"{own(asked)}/privacy/2/decline")
    theirs, guardian_s = link(letters), link(letters, "parent@example.com")
    paths = (theirs, f"{theirs}/accept", f"{theirs}/decline", guardian_s, f"{guardian_s}/accept", own(asked))
    for language, path in product(LANGUAGES[1:], paths):
        page = client.get(f"{path}?lang={language}").text
        assert f'<html lang="{language}"' in page
        assert not words(page) & ENGLISH, path


def test_a_page_speaks_as_its_reader_does_and_says_days_as_they_do(
    asked: House, client: FlaskClient, letters: KeptLetters
) -> None:
    page = client.get(link(letters)).text
    assert "Was sich für Sie ändert, wenn Sie zustimmen" in page
    assert "Die Fassung vom 1. Juni 2026" in page
    assert "Mitteleuropäische Zeit" in page
    send(client, f"{link(letters)}/accept")
    assert "2. Juni 2026, 14:00 CEST" in client.get(link(letters)).text


def test_a_page_can_be_read_in_another_language_and_keeps_to_it(
    asked: House, client: FlaskClient, letters: KeptLetters
) -> None:
    page = client.get(f"{link(letters)}?lang=fr").text
    assert "Ce qui change pour vous si vous acceptez" in page
    assert f"{link(letters)}/accept?lang=fr" in page
    assert send(client, f"{link(letters)}/accept?lang=fr").headers["Location"].endswith("?lang=fr")
    for nonsense in ("xx", "../en", "", "zh"):
        assert '<html lang="de"' in client.get(link(letters), query_string={"lang": nonsense}).text


REFUSED = (
    ("/m/nothing", 404),
    ("/m/nothing/accept", 404),
    ("/me/nothing", 404),
    ("/me/nothing/privacy/2/accept", 404),
    ("/subscribe/nothing", 404),
    ("/unsubscribe/nothing", 404),
)


@pytest.mark.parametrize(("path", "status"), REFUSED)
def test_a_link_that_leads_nowhere_says_so_as_the_browser_asks(
    asked: House, client: FlaskClient, path: str, status: int
) -> None:
    for language in LANGUAGES[1:]:
        answer = client.get(path, headers={"Accept-Language": f"xx, {language};q=0.8, en;q=0.5"})
        assert answer.status_code == status
        assert f'<html lang="{language}"' in answer.text
        assert not words(answer.text) & ENGLISH, path
        assert f'<html lang="{language}"' in client.get(f"{path}?lang={language}").text
    for nobodys in ("", "xx", "zh-TW", "de" * 3000, ";;;q=q"):
        assert '<html lang="en"' in client.get(path, headers={"Accept-Language": nobodys}).text


def test_a_link_that_holds_no_longer_says_so_in_a_language_that_can_be_chosen(
    asked: House, client: FlaskClient, letters: KeptLetters, later: Callable[..., datetime]
) -> None:
    path, mine = link(letters), own(asked)
    later(days=181)
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    assert (
        "Dieser Link ist abgelaufen: Der Link in einem Brief gilt 180 Tage."
        in client.get(path, headers=german).text
    )
    assert "a letter&#39;s link holds for 180 days" in client.get(path).text
    page = client.get(f"{mine}?lang=fr", headers=german)
    assert page.status_code == 410
    assert "Cette adresse n’était valable que quelques minutes" in page.text
    assert '<a href="?lang=ja"' in page.text


def test_a_form_that_came_from_elsewhere_is_refused_in_the_reader_s_language(
    asked: House, client: FlaskClient, letters: KeptLetters
) -> None:
    page = client.post(
        f"{link(letters)}/accept", data={"csrf_token": "another"}, headers={"Accept-Language": "fr"}
    )
    assert page.status_code == 400
    assert "Das Formular war zu lange offen" in page.text  # the page knows its reader better than the browser
    assert not words(page.text) & ENGLISH


def test_pages_of_nobody_s_own_are_refused_in_english(asked: House, client: FlaskClient) -> None:
    for path in ("/nothing", "/privacy/99", "/admin/nothing", "/memo/nothing"):
        page = client.get(path, headers={"Accept-Language": "de"})
        assert '<html lang="en"' in page.text
        assert "?lang=" not in page.text


def test_an_answer_names_the_translation_that_was_shown(
    house: House, client: FlaskClient, letters: KeptLetters, later: Callable[..., datetime]
) -> None:
    house.policy()
    house.publish(FIRST, revision_date="2026-06-01")
    house.tick()
    later(days=1)
    house.member("ada", locale="de-AT")
    house.publish(LONGER, rule="acceptance", revision_date="2026-06-02")
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        made = [
            translations.publish(
                session,
                policy,
                number,
                translations.Given("de", GERMAN.format(months), title="Datenschutzerklärung"),
                actor="a test",
                now=house.now,
            )
            for number, months in ((1, 12), (2, 24))
        ]
        shown = made[-1].sha256
    house.tick()
    page = client.get(link(letters)).text
    assert "Datenschutzerklärung" in page
    assert re.search(r"Zahlungsdaten <del>.*12</del> <ins>.*24</ins> Monate", page)
    assert "Maßgeblich ist der Text auf Englisch." in page
    send(client, f"{link(letters)}/accept")
    with reading(house.runtime.engine) as session:
        row = session.exec(select(Acknowledgement)).one()
    assert (row.shown_sha256, row.locale) == (shown, "de")


def test_subscribers_pages_speak_the_policy_s_language(asked: House, client: FlaskClient) -> None:
    with writing(asked.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        subscriptions.ask(session, policy, "r@example.com", secret=asked.runtime.secret, now=asked.now)
    secret = asked.runtime.secret
    confirm, stop = (subscriptions.token(1, purpose, secret) for purpose in ("confirm", "unsubscribe"))
    form = client.get("/privacy/subscribe").text
    field = re.search(r'csrf_token" value="([^"]+)"', form)
    assert field is not None
    sent = client.post("/privacy/subscribe", data={"csrf_token": field[1], "email": "other@example.com"}).text
    wrong = client.post("/privacy/subscribe", data={"csrf_token": field[1], "email": "nobody"}).text
    done = send(client, f"/subscribe/{confirm}").text
    pages = [form, sent, client.get(f"/subscribe/{confirm}").text, done, client.get(f"/unsubscribe/{stop}").text]
    for page in [*pages, client.post(f"/unsubscribe/{stop}").text]:
        assert '<html lang="de"' in page
        assert not words(page) & ENGLISH
    assert "An diese Adresse können wir nicht schreiben" in wrong


def test_readers_without_a_locale_are_spoken_to_in_english(asked: House, client: FlaskClient) -> None:
    with reading(asked.runtime.engine) as session:
        assert session.exec(select(Member.locale).where(Member.external_id == "cem")).one() == "de"
    assert "Skip to the text" in client.get("/").text
