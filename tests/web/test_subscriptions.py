"""The pages of a subscription: strangers learn nothing, programs that open links do nothing, one click stops."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import col, select
from werkzeug.test import TestResponse

from database import reading, writing
from notifier import addresses, deciding, subscriptions
from notifier.models import Subscription, Suppression
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]
READER = "reader@example.com"
PATH = "/privacy/subscribe"


@pytest.fixture
@made_once
def published(house: House) -> House:
    house.policy()
    house.publish(FIRST)
    deciding.decide_due(house.runtime)
    return house


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def ask(client: FlaskClient, address: str = READER, *, path: str = PATH, peer: str = "192.0.2.1") -> TestResponse:
    form = client.get(path)
    assert form.status_code == 200
    given = {"email": address, "csrf_token": token(form.text)}
    return client.post(path, data=given, environ_base={"REMOTE_ADDR": peer})


def link(house: House, purpose: subscriptions.Purpose, number: int = 1) -> str:
    page = "subscribe" if purpose == "confirm" else "unsubscribe"
    return f"/{page}/{subscriptions.token(number, purpose, house.runtime.secret)}"


def confirm(client: FlaskClient, path: str) -> TestResponse:
    return client.post(path, data={"csrf_token": token(client.get(path).text)})


def rows(house: House) -> list[Subscription]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Subscription).order_by(col(Subscription.id))))


def letters(house: House) -> KeptLetters:
    sender = house.runtime.sender
    assert isinstance(sender, KeptLetters)
    return sender


def test_from_the_page_to_the_letter_to_the_end(client: FlaskClient, published: House, later: Later) -> None:
    for page in ("/privacy", "/privacy/history"):
        assert f'href="{PATH}"' in client.get(page).text
    assert "small changes too" in words(client.get(PATH).text)
    assert "Check your mailbox" in words(ask(client).text)

    subscriptions.tick(published.runtime)
    _, text, _ = letters(published).read(READER)
    address = re.search(r"http://127.0.0.1:8000(/subscribe/\S+)", text)
    assert address is not None
    assert "Confirm your subscription" in words(client.get(address[1]).text)
    assert "You are subscribed" in words(confirm(client, address[1]).text)

    later(minutes=1)
    published.publish(LONGER)
    deciding.decide_due(published.runtime)
    subscriptions.tick(published.runtime)
    message, _ = letters(published).taken[-1]
    stop = message.headers["List-Unsubscribe"].strip("<>").removeprefix("http://127.0.0.1:8000")
    assert "Stop these letters" in words(client.get(stop).text)
    assert rows(published)[0].email == READER, "looking at the page ends nothing"
    assert "The letters have stopped" in words(client.post(stop).text)
    assert rows(published)[0].email is None


def test_the_answer_is_the_same_for_new_waiting_subscribed_ended_and_suppressed(
    client: FlaskClient, published: House, later: Later
) -> None:
    def answer(address: str, peer: str) -> tuple[int, str]:
        given = ask(client, address, peer=peer)
        return given.status_code, given.text.replace(address, "…")

    new = answer("new@example.com", "192.0.2.1")
    waiting = answer("new@example.com", "192.0.2.2")
    confirm(client, link(published, "confirm"))
    subscribed = answer("new@example.com", "192.0.2.3")
    client.post(link(published, "unsubscribe"))
    ended = answer("new@example.com", "192.0.2.4")
    with writing(published.runtime.engine) as session:
        key = addresses.key("bounced@example.com", published.runtime.secret)
        session.add(Suppression(email_key=key, reason="bounce", recorded_at=published.now))
    suppressed = answer("bounced@example.com", "192.0.2.5")
    member = answer("ada@example.com", "192.0.2.6")
    assert new[0] == 200
    assert new == waiting == subscribed == ended == suppressed == member


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b@example.com", "a@example.com\r\nBcc: b@example.com", "a" * 400 + "@example.com",
     "a@example.com\x00", "<script>@example.com", "two@example.com, more@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_said_beside_the_field(client: FlaskClient, published: House, address: str) -> None:
    answer = ask(client, address)
    assert answer.status_code == 422
    assert "There is a problem" in words(answer.text)
    assert "name@example.com" in words(answer.text)
    assert "<script>@" not in answer.text
    assert len(answer.text) < 10_000
    assert rows(published) == []


def test_an_international_address_is_taken(client: FlaskClient, published: House) -> None:
    assert "lesare@bücher.example" in ask(client, "lesare@bücher.example").text


def test_a_post_without_the_forms_token_is_refused(client: FlaskClient, published: House) -> None:
    good = token(client.get(PATH).text)
    published.policy("terms", title="Terms of use")
    published.publish(FIRST, slug="terms")
    others = token(client.get("/terms/subscribe").text)
    confirming = link(published, "confirm").rpartition("/")[2]
    for number, spoilt in enumerate((None, "", "x", good[:-2], "." + good, others, "ä", confirming)):
        given = {"email": READER} | ({} if spoilt is None else {"csrf_token": spoilt})
        peer = {"REMOTE_ADDR": f"192.0.2.{number}"}
        assert client.post(PATH, data=given, environ_base=peer).status_code == 400, spoilt
    assert rows(published) == []


def test_a_form_left_open_over_night_is_refused(client: FlaskClient, published: House, later: Later) -> None:
    good = token(client.get(PATH).text)
    later(hours=12, seconds=1)
    assert client.post(PATH, data={"email": READER, "csrf_token": good}).status_code == 400
    later(hours=-13)
    assert client.post(PATH, data={"email": READER, "csrf_token": good}).status_code == 400, "not yet made"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_post_that_a_browser_says_comes_from_elsewhere_is_refused(
    client: FlaskClient, published: House, site: str
) -> None:
    given = {"email": READER, "csrf_token": token(client.get(PATH).text)}
    assert client.post(PATH, data=given, headers={"Sec-Fetch-Site": site}).status_code == 400
    assert client.post(PATH, data=given, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_asking_is_throttled_by_where_it_comes_from(client: FlaskClient, published: House) -> None:
    answers = [ask(client, f"{n}@example.com").status_code for n in range(8)]
    assert answers == [200] * 5 + [429] * 3
    assert ask(client, peer="192.0.2.9").status_code == 200
    assert client.get(PATH).status_code == 200


@pytest.mark.parametrize(
    "path", ["/nothing/subscribe", "/admin-x/subscribe", "/Privacy/subscribe", "/%00/subscribe"]
)
def test_a_policy_that_is_not_there_has_no_such_page(client: FlaskClient, published: House, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, data={"email": READER}).status_code == 404


def test_a_policy_without_a_text_has_no_such_page(client: FlaskClient, house: House) -> None:
    house.policy()
    assert client.get(PATH).status_code == 404


def test_a_program_that_opens_the_links_changes_nothing(client: FlaskClient, published: House) -> None:
    ask(client)
    for _ in range(2):
        assert client.get(link(published, "confirm")).status_code == 200
        assert client.head(link(published, "confirm")).status_code == 200
    assert rows(published)[0].confirmed_at is None
    confirm(client, link(published, "confirm"))
    assert client.get(link(published, "unsubscribe")).status_code == 200
    assert rows(published)[0].email == READER


def test_a_program_that_posts_to_the_link_does_not_confirm(client: FlaskClient, published: House) -> None:
    ask(client)
    path = link(published, "confirm")
    for given in ({}, {"csrf_token": ""}, {"csrf_token": token(client.get(PATH).text)}):
        assert client.post(path, data=given).status_code == 400
    assert rows(published)[0].confirmed_at is None


def test_confirming_twice_says_the_same(client: FlaskClient, published: House) -> None:
    ask(client)
    path = link(published, "confirm")
    given = {"csrf_token": token(client.get(path).text)}
    first, second = (client.post(path, data=given) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, first.text)


def test_a_mail_provider_stops_the_letters_with_one_click(client: FlaskClient, published: House) -> None:
    """RFC 8058: a POST without cookies, of a form or of parts, and no redirect."""
    ask(client)
    confirm(client, link(published, "confirm"))
    path = link(published, "unsubscribe")
    answer = client.post(path, data="List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert rows(published)[0].why_ended == "unsubscribed"
    again = client.post(path, data={"List-Unsubscribe": "One-Click"}, content_type="multipart/form-data")
    assert again.status_code == 200
    assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert letters(published).forgotten == {-1}


def test_the_link_that_stops_letters_never_goes_stale(client: FlaskClient, published: House, later: Later) -> None:
    ask(client)
    confirm(client, link(published, "confirm"))
    later(days=4000)
    assert client.post(link(published, "unsubscribe")).status_code == 200
    assert rows(published)[0].email is None


def test_a_link_to_confirm_that_is_too_old_says_so(client: FlaskClient, published: House, later: Later) -> None:
    ask(client)
    path = link(published, "confirm")
    given = {"csrf_token": token(client.get(path).text)}
    later(hours=48)
    for answer in (client.get(path), client.post(path, data=given)):
        assert answer.status_code in (400, 404)
    assert "too old" in words(client.get(path).text)


def test_tokens_of_the_other_purpose_forged_and_cut_ones_open_nothing(
    client: FlaskClient, published: House
) -> None:
    ask(client)
    confirm(client, link(published, "confirm"))
    confirming, stopping = (link(published, p).rpartition("/")[2] for p in ("confirm", "unsubscribe"))
    for path in (
        f"/unsubscribe/{confirming}", f"/subscribe/{stopping}", f"/unsubscribe/{stopping[:-3]}", "/unsubscribe/1",
        f"/unsubscribe/{'A' * 3000}", "/unsubscribe/%C3%A4", "/unsubscribe/a%0Ab", "/subscribe/MQ.AAAA",
        link(published, "unsubscribe", 2), link(published, "confirm", 99),
    ):  # fmt: skip
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code in (400, 404), path
    assert rows(published)[0].email == READER


def test_no_page_is_kept_listed_or_given_a_cookie(client: FlaskClient, published: House) -> None:
    answers = [client.get(PATH), ask(client), client.get(link(published, "confirm"))]
    answers += [confirm(client, link(published, "confirm")), client.get(link(published, "unsubscribe"))]
    answers.append(client.post(link(published, "unsubscribe")))
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
    for answer in answers[2:]:
        assert READER not in answer.text, "whoever holds a link is not told the address"


def test_no_address_gets_into_the_log(
    client: FlaskClient, published: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    ask(client)
    subscriptions.tick(published.runtime)
    confirm(client, link(published, "confirm"))
    client.post(link(published, "unsubscribe"))
    assert READER not in caplog.text


def test_the_texts_of_a_policy_stay_where_they_were(client: FlaskClient, published: House) -> None:
    assert client.get("/privacy/1").status_code == 200
    assert client.get("/privacy/1.md").status_code == 200
    assert client.get("/subscribe/nothing.md").status_code == 404
    published.publish(LONGER, effective_at=published.now + timedelta(days=3))
    assert client.get("/privacy/compare/1..2").status_code == 200
