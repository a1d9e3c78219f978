"""The page that a letter leads to, and a member's own page: what they show, to whom, and what they record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import col, select
from werkzeug.test import TestResponse

from database import reading, writing
from notifier import members, notices, revocations, tokens
from notifier.models import Acknowledgement, Member
from policy_versions import archive, policies
from tests.house import LONGER, House, KeptLetters
from tests.notifier.sending import change
from tests.notifier.sending import member as member_of
from tests.once import made_once
from tests.policy_versions.test_naming import rename
from web.public.present import grouped

Later = Callable[..., datetime]


@pytest.fixture(autouse=True)
def _at_an_address_of_their_own(reader: FlaskClient) -> None:
    """What a test missed slows down no other."""


@pytest.fixture
@made_once
def running(house: House, later: Later) -> House:
    house.policy()
    house.publish(LONGER.replace("24 months", "12 months"), revision_date="2026-06-01")
    house.tick()
    later(days=1)
    house.member("ada")
    house.member("cem", guardian_email="parent@example.com")
    return house


@pytest.fixture
@made_once
def asked(running: House) -> House:
    """Both were asked to accept."""
    running.publish(LONGER, rule="acceptance", revision_date="2026-06-02", summary="Kept longer.")
    running.tick()
    return running


@pytest.fixture
@made_once
def told(running: House) -> House:
    """Both were told; it applies in thirty days."""
    running.publish(LONGER, rule="notice", notice_days=30, revision_date="2026-06-02", summary="Kept longer.")
    running.tick()
    return running


def link(letters: KeptLetters, address: str = "ada@example.com") -> str:
    path: str
    (path,) = set(re.findall(r"http://127\.0\.0\.1:8000(/m/\S+)", letters.read(address)[1]))
    return path


def words(html: str) -> str:
    main = html[html.index("<main") : html.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def send(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    """Open the page that asks once more, and send its form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return client.post(path, data={"csrf_token": found[1]}, headers=headers)


def said(house: House) -> list[tuple[str, str, str]]:
    with reading(house.runtime.engine) as session:
        rows = session.exec(select(Acknowledgement).order_by(col(Acknowledgement.id)))
        return [(row.kind, row.actor, row.route) for row in rows]


def session_of(house: House, name: str = "ada") -> str:
    with reading(house.runtime.engine) as session:
        number = member_of(session, name).id or 0
    return f"/me/{tokens.member_session(number, secret=house.runtime.secret, now=house.now)}"


# -- what a letter leads to ---------------------------------------------------------------------


def test_it_shows_what_changed_since_the_letter_s_base_and_from_when_it_applies(
    told: House, client: FlaskClient, letters: KeptLetters
) -> None:
    answer = client.get(link(letters))
    assert answer.status_code == 200
    page = words(answer.text)
    assert "What changes for you on 3 July 2026" in page
    assert "Until then The text of 1 June 2026" in page
    assert re.search(r"<del>(<[^>]*>[^<]*</span>)?12</del>", answer.text)
    assert re.search(r"<ins>(<[^>]*>[^<]*</span>)?24</ins>", answer.text)
    assert "Kept longer." in page
    assert "If you accept, it applies to you at once." in page


def test_it_shows_nothing_of_who_reads_it_and_nobody_keeps_or_lists_it(
    told: House, client: FlaskClient, letters: KeptLetters
) -> None:
    for path in (link(letters), f"{link(letters)}/accept", session_of(told), "/m/forged", "/me/forged"):
        answer = client.get(path)
        assert "example.com" not in answer.text.replace("plover.example", "")
        assert not re.search(r"\bada\b", answer.text)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers


def test_the_head_of_the_chain_stands_on_each_of_their_pages(
    told: House, client: FlaskClient, letters: KeptLetters
) -> None:
    with reading(told.runtime.engine) as session:
        head = archive.history(session, policies.policy(session, "privacy")).entries[-1].revision.chain
    own, letter = session_of(told), link(letters)
    for path in (letter, f"{letter}/accept", own, f"{own}/privacy/2/accept"):
        page = client.get(path).text
        assert f'<a class="mono" href="/privacy/chain">{grouped(head)}</a>' in page, path


def test_to_open_it_records_nothing_whoever_does(asked: House, client: FlaskClient, letters: KeptLetters) -> None:
    for path in (link(letters), f"{link(letters)}/accept", f"{link(letters)}/decline", session_of(asked)):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
    assert (said(asked), asked.governs("ada")) == ([], 1)


def test_an_answer_is_recorded_by_link_with_the_text_that_was_shown(
    asked: House, client: FlaskClient, letters: KeptLetters
) -> None:
    answer = send(client, f"{link(letters)}/accept")
    assert (answer.status_code, answer.headers["Location"]) == (303, link(letters))
    assert said(asked) == [("accepted", "member", "link")]
    assert asked.governs("ada") == 2
    with reading(asked.runtime.engine) as session:
        row = session.exec(select(Acknowledgement)).one()
        text = archive.history(session, policies.policy(session, "privacy")).entry(2).revision
    assert (row.shown_sha256, row.locale) == (text.sha256, "en")
    page = words(client.get(link(letters)).text)
    assert "You accepted it 2 June 2026, 12:00 UTC." in page
    assert "Applies to you Since 2 June 2026, 12:00 UTC" in page


def test_to_decline_is_recorded_and_moves_nobody(asked: House, client: FlaskClient, letters: KeptLetters) -> None:
    send(client, f"{link(letters)}/decline")
    send(client, f"{link(letters)}/decline")
    assert said(asked) == [("declined", "member", "link")]
    assert asked.governs("ada") == 1
    page = words(client.get(link(letters)).text)
    assert "You declined it" in page
    assert "It applies to you only if you accept." in page


@pytest.mark.parametrize("own", [False, True])
def test_a_form_that_is_sent_again_later_changes_no_answer(
    asked: House, client: FlaskClient, letters: KeptLetters, own: bool
) -> None:
    path = f"{session_of(asked)}/privacy/2" if own else link(letters)
    form = re.search(r'csrf_token" value="([^"]+)"', client.get(f"{path}/accept").text)
    assert form is not None
    for _ in range(2):  # clicked twice
        assert client.post(f"{path}/accept", data={"csrf_token": form[1]}).status_code == 303
    send(client, f"{path}/decline")
    assert client.post(f"{path}/accept", data={"csrf_token": form[1]}).status_code == 400
    assert [kind for kind, *_ in said(asked)] == ["accepted", "declined"]
    send(client, f"{path}/accept")
    assert [kind for kind, *_ in said(asked)] == ["accepted", "declined", "accepted"]


def test_a_guardian_s_link_answers_as_the_guardian(
    asked: House, client: FlaskClient, letters: KeptLetters
) -> None:
    path = link(letters, "parent@example.com")
    assert "This page is about the member whose guardian you are." in words(client.get(path).text)
    send(client, f"{path}/accept")
    assert said(asked) == [("accepted", "guardian", "link")]
    assert asked.governs("cem") == 2


def test_a_ward_s_own_link_answers_nothing(asked: House, client: FlaskClient, letters: KeptLetters) -> None:
    path = link(letters)
    form = re.search(r'csrf_token" value="([^"]+)"', client.get(f"{path}/accept").text)
    assert form is not None
    change(asked, "ada", guardian_email="parent@example.com")
    page = words(client.get(path).text)
    assert "Once your guardian accepts it" in page
    assert "Accept …" not in page
    assert client.get(f"{path}/accept").status_code == 303
    client.post(f"{path}/accept", data={"csrf_token": form[1]})
    assert said(asked) == []


@pytest.mark.parametrize("sent", ["nothing", "another form's", "an old one", "from elsewhere"])
def test_a_post_that_does_not_come_from_the_form_records_nothing(
    asked: House, client: FlaskClient, letters: KeptLetters, later: Later, sent: str
) -> None:
    path = f"{link(letters)}/accept"
    page = client.get(path if sent != "another form's" else f"{link(letters)}/decline").text
    found = re.search(r'csrf_token" value="([^"]+)"', page)
    assert found is not None
    if sent == "an old one":
        later(hours=13)
    headers = {"Sec-Fetch-Site": "cross-site"} if sent == "from elsewhere" else {}
    data = {} if sent == "nothing" else {"csrf_token": found[1]}
    assert client.post(path, data=data, headers=headers).status_code == 400
    assert said(asked) == []


def test_a_withdrawn_text_is_answered_by_nobody(running: House, client: FlaskClient, letters: KeptLetters) -> None:
    running.publish(LONGER, effective_at=running.now + timedelta(days=9), revision_date="2026-06-11")
    running.tick()
    path = link(letters)
    form = re.search(r'csrf_token" value="([^"]+)"', client.get(f"{path}/accept").text)
    assert form is not None
    with writing(running.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=running.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=running.now)
    page = words(client.get(path).text)
    assert "This change was withdrawn" in page
    assert "Accept …" not in page
    assert client.get(f"{path}/accept").status_code == 303
    assert client.post(f"{path}/accept", data={"csrf_token": form[1]}).status_code == 409
    assert said(running) == []


def test_a_text_that_a_later_one_has_overtaken_is_answered_no_more(
    asked: House, client: FlaskClient, letters: KeptLetters, later: Later
) -> None:
    first = link(letters)
    asked.publish(LONGER.replace("24", "36"), rule="acceptance", revision_date="2026-06-03")
    asked.tick()
    send(client, f"{link(letters)}/accept")
    assert asked.governs("ada") == 3
    page = words(client.get(first).text)
    assert "No longer: a later text does The text of 3 June 2026 applies to you by now." in page
    assert "Accept …" not in page
    assert client.get(f"{first}/accept").status_code == 303


def test_what_no_longer_holds_says_so_in_one_sentence_and_what_is_none_is_not_found(
    told: House, client: FlaskClient, letters: KeptLetters, later: Later
) -> None:
    path = link(letters)
    for forged in ("/m/forged", path[:-1], "/m/test", f"/m/{'a' * 3000}", "/m/0-000000000000000000000000"):
        assert client.get(forged).status_code == 404
    with writing(told.runtime.engine) as session:
        revocations.revoke(session, member_of(session, "cem"), actor="ines", now=told.now)
    revoked = client.get(link(letters, "parent@example.com"))
    assert (revoked.status_code, "This link no longer holds." in words(revoked.text)) == (410, True)
    later(days=180)
    for method in (client.get, client.head, client.post):
        assert method(path).status_code in (410, 405)
    assert "a letter's link holds for 180 days" in client.get(path).text.replace("&#39;", "'")
    assert path.removeprefix("/m/") not in client.get(path).text


def test_whoever_tries_many_is_slowed_down(told: House, client: FlaskClient) -> None:
    answers = [client.get("/m/forged").status_code for _ in range(31)]
    assert (answers[0], answers[-2], answers[-1]) == (404, 404, 429)


def test_who_shares_an_address_with_many_readers_is_not(
    told: House, client: FlaskClient, letters: KeptLetters
) -> None:
    assert {client.head(link(letters)).status_code for _ in range(35)} == {200}


# -- a member's own page ------------------------------------------------------------------------


def test_their_own_page_shows_their_timeline_and_what_they_said(
    asked: House, client: FlaskClient, letters: KeptLetters, later: Later
) -> None:
    path = session_of(asked)
    page = words(client.get(path).text)
    assert "No. 1 1 June 2026 Applies now 2 June 2026, 11:00 UTC – It was in force when you joined" in page
    assert "It applies once you accept it." in page
    assert "Nothing so far." in page
    send(client, f"{path}/privacy/2/accept")
    assert said(asked) == [("accepted", "member", "session")]
    page = words(client.get(path).text)
    assert "No. 2 2 June 2026 Applies now 2 June 2026, 12:00 UTC – It was accepted" in page
    assert "Accepted you, on this page" in page


def test_a_ward_s_own_page_asks_nothing_of_them(asked: House, client: FlaskClient) -> None:
    path = session_of(asked, "cem")
    page = words(client.get(path).text)
    assert "Your guardian answers for you" in page
    assert "Accept …" not in page
    assert client.get(f"{path}/privacy/2/accept").status_code == 303


def test_their_own_page_holds_for_minutes_and_ends_with_them(
    asked: House, client: FlaskClient, later: Later
) -> None:
    path = session_of(asked)
    with writing(asked.runtime.engine) as session:
        revocations.revoke(session, member_of(session, "cem"), actor="ines", now=asked.now)
    assert client.get(session_of(asked, "cem")).status_code == 410
    later(minutes=15)
    expired = client.get(path)
    assert (expired.status_code, "open your page from your account" in words(expired.text)) == (410, True)
    assert client.get(f"{path}x").status_code == 404
    path = session_of(asked)
    with writing(asked.runtime.engine) as session:
        members.erase(session, member_of(session, "ada"), actor="a test", now=asked.now)
        assert session.exec(select(Member).where(Member.external_id == "ada")).first() is None
    assert client.get(path).status_code == 410


def test_their_own_page_s_answer_follows_a_policy_that_is_renamed_meanwhile(
    asked: House, client: FlaskClient
) -> None:
    rename(asked, "data")
    send(client, f"{session_of(asked)}/privacy/2/accept")
    assert said(asked) == [("accepted", "member", "session")]


def test_of_a_policy_without_a_text_there_is_nothing_to_answer(asked: House, client: FlaskClient) -> None:
    asked.policy("empty", title="Empty")
    assert client.get(f"{session_of(asked)}/empty/1/accept").status_code == 404


@pytest.mark.parametrize("where", ["nothing/2/accept", "privacy/9/accept", "privacy/2/agree", "privacy/x/accept"])
def test_what_there_is_not_to_answer_is_not_found(asked: House, client: FlaskClient, where: str) -> None:
    assert client.get(f"{session_of(asked)}/{where}").status_code == 404
