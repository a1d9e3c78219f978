"""The public site: what readers find where, for good; and that nothing else is to be found."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from policy_versions import markdown
from tests.house import FIRST, LONGER, TYPO, House
from tests.once import made_once
from web.public.present import grouped

Later = Callable[..., datetime]


@pytest.fixture
@made_once
def published(house: House, later: Later) -> House:
    house.policy(lead="What we learn about you.", time_zone="Europe/Stockholm")
    house.publish(FIRST, revision_date="2026-05")
    later(days=1)
    house.publish(TYPO, revision_date="2026-06-02")
    house.publish(LONGER, revision_date="2026-06-02", effective_at=house.now + timedelta(days=30))
    house.tick()
    return house


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def get(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code, words(answer.text)[:300])
    return answer.text


def test_the_list_names_each_policy_and_what_is_in_force(client: FlaskClient, published: House) -> None:
    text = words(get(client, "/"))
    assert "Privacy policy" in text
    assert "No. 2" in text
    assert "2 July 2026" in text, "the upcoming one's day"


def test_the_index_shows_the_head_of_each_chain(client: FlaskClient, published: House) -> None:
    head = client.get("/privacy/chain.json").get_json()["head"]
    assert f'<a class="mono" href="/privacy/chain">{grouped(head)}</a>' in get(client, "/")


def test_the_policys_page_shows_the_text_in_force_with_its_dates(client: FlaskClient, published: House) -> None:
    html = get(client, "/privacy")
    assert "e-mail adress." in html
    text = words(html)
    assert "2 June 2026" in text
    assert "A new text comes into force" in text or "2 July 2026" in text
    assert "/privacy/compare/2..3" in html
    assert "/privacy/history" in html


def test_the_banner_is_gone_when_the_upcoming_is_in_force(
    client: FlaskClient, published: House, later: Later
) -> None:
    later(days=40)
    html = get(client, "/privacy")
    assert "24 months" in html
    assert "comes into force" not in html


@pytest.mark.parametrize("name", ["1", "2026-05"])
def test_a_revision_has_addresses_for_good(client: FlaskClient, published: House, name: str) -> None:
    assert "e-mail address." in get(client, f"/privacy/{name}")
    assert get(client, f"/privacy/{name}.md") == FIRST


def test_texts_of_one_day_have_an_address_each(client: FlaskClient, published: House) -> None:
    assert get(client, "/privacy/2026-06-02.md") == TYPO
    assert get(client, "/privacy/2026-06-02.2.md") == LONGER
    assert get(client, "/privacy.md") == TYPO


def test_a_redline_shows_what_came_and_went(client: FlaskClient, published: House) -> None:
    for path in (
        "/privacy/compare/1..3",
        "/privacy/compare/1..3?view=side",
        "/privacy/compare/2026-05..2026-06-02.2",
    ):
        html = get(client, path)
        assert re.search(r"<del>[^<]*(<[^>]*>[^<]*)*12", html)
        assert re.search(r"<ins>[^<]*(<[^>]*>[^<]*)*24", html)


def test_comparing_a_text_with_itself_says_so(client: FlaskClient, published: House) -> None:
    html = get(client, "/privacy/compare/1..1")
    assert "<ins>" not in html
    assert "<del>" not in html


def test_the_history_lists_every_text_with_its_decision(client: FlaskClient, published: House) -> None:
    text = words(get(client, "/privacy/history"))
    for part in ("No. 1", "No. 2", "No. 3", "Significant", "Minor", "First text", "Upcoming"):
        assert part in text, part


def test_picking_two_leads_to_their_comparison(client: FlaskClient, published: House) -> None:
    answer = client.get("/privacy/compare?from=1&to=3")
    assert (answer.status_code, answer.location) == (302, "/privacy/compare/1..3")


@pytest.mark.parametrize(
    ("day", "number"),
    [("2026-06-01", 1), ("2026-06-02", 2), ("2026-07-01", 2), ("2026-07-02", 3), ("2030-01-01", 3)],
)
def test_which_text_was_in_force_on_a_day(client: FlaskClient, published: House, day: str, number: int) -> None:
    assert client.get(f"/privacy/on?on={day}").location == f"/privacy/{number}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/privacy/0", 404),
        ("/privacy/4", 404),
        ("/privacy/4.md", 404),
        ("/privacy/-1", 404),
        ("/privacy/999999999999999999999999", 404),
        ("/privacy/2026-05-99", 404),
        ("/privacy/%00", 404),
        ("/%00", 404),
        ("/privacy/compare/%00..1", 404),
        ("/privacy/compare/1", 404),
        ("/privacy/compare/1..", 404),
        ("/privacy/compare/1..9", 404),
        ("/privacy/compare?from=1", 422),
        ("/privacy/on?on=yesterday", 422),
        ("/privacy/on", 422),
        ("/privacy/on?on=1999-01-01", 404),
        ("/%E2%80%AE", 404),
        ("/../etc/passwd", 404),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(
    client: FlaskClient, published: House, path: str, status: int
) -> None:
    html = get(client, path, status)
    assert "<h1" in html
    assert "Traceback" not in html


def test_a_policy_without_any_text_is_not_found(client: FlaskClient, house: House) -> None:
    house.policy()
    assert "No text of this policy is in force yet" in words(get(client, "/privacy", 404))
    assert "Privacy policy" not in words(get(client, "/"))


def test_a_first_text_to_come_is_shown_as_upcoming(client: FlaskClient, house: House) -> None:
    house.policy()
    house.publish(FIRST, effective_at=house.now + timedelta(days=3))
    assert "Upcoming" in words(get(client, "/privacy"))


def test_a_withdrawn_text_stays_readable_and_says_so(client: FlaskClient, published: House) -> None:
    from database import writing
    from policy_versions import archive, policies

    with writing(published.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 3, reason="A mistake of ours.", actor="a test", now=published.now)
    text = words(get(client, "/privacy/3"))
    assert "ithdrawn" in text
    assert "A mistake of ours." in text


def test_drafts_are_not_reachable(client: FlaskClient, published: House) -> None:
    from database import writing
    from policy_versions import drafts, policies

    with writing(published.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        drafts.start(session, policy, None, actor="a test", now=published.now)
    get(client, "/privacy/4", 404)


def test_what_a_text_holds_is_shown_and_never_run(client: FlaskClient, house: House) -> None:
    house.policy(title="<script>alert(1)</script>")
    house.publish("# T\n\n<script>alert(2)</script> [x](javascript:alert(3)) ![y](data:text/html,z)\n")
    html = get(client, "/privacy")
    assert "<script>" not in html
    assert not re.search(r'href="(javascript|data):', html)
    assert not re.search(r"<img[^>]+src", html)


# -- how it is served ---------------------------------------------------------------------------

PAGES = ["/", "/privacy", "/privacy/1", "/privacy/history", "/privacy/compare/1..2", "/nothing", "/privacy.md"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_a_strict_policy_and_no_cookie(client: FlaskClient, published: House, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_a_script_or_a_style_of_its_own(client: FlaskClient, published: House, path: str) -> None:
    html = re.sub(r'<script type="application/ld\+json">', "", client.get(path).text)  # data, which nothing runs
    assert not re.search(r"<script(?! src=\"/static/reader\.js)|<style|\sstyle=|\son[a-z]+=", html)


@pytest.mark.parametrize("path", [p for p in PAGES if p != "/nothing"])
def test_a_page_asked_for_again_is_not_sent_again(client: FlaskClient, published: House, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.head(path).headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("path", PAGES)
def test_the_public_site_is_for_reading(client: FlaskClient, published: House, path: str) -> None:
    assert client.post(path).status_code in (400, 405)


def test_the_rendered_text_is_the_one_renderer(client: FlaskClient, published: House) -> None:
    body = markdown.render(FIRST).split("</h1>", 1)[1].strip()
    page = re.sub(r'<a class="pilcrow"[^>]*>¶</a>|(?<=<p) id="p-[^"]*"', "", get(client, "/privacy/1"))
    assert body in page


def test_health_says_ok(client: FlaskClient, house: House) -> None:
    answer = client.get("/health")
    assert answer.json == {"status": "ok"}


def test_a_policy_whose_address_begins_like_the_administrations_is_public(
    client: FlaskClient, house: House
) -> None:
    house.policy("administration", title="Administration")
    house.publish(FIRST, slug="administration")
    with client.session_transaction() as kept:
        kept["anything"] = "of an administrator"
    answer = client.get("/administration")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, no-cache")
    assert "ETag" in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "All policies" in get(client, "/administration/99", 404)


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_slash_too_many_leads_to_the_policy(client: FlaskClient, published: House, method: str) -> None:
    answer = getattr(client, method)("/privacy/")
    assert (answer.status_code, answer.location) == (301, "/privacy")
    assert getattr(client, method)("/nothing/").status_code == 404


def test_an_errors_page_is_shown_even_where_the_database_is_gone(
    client: FlaskClient, published: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("sqlalchemy.engine.base.Engine.connect", gone)
    for path, status in (("/privacy", 500), ("/a/b/c/d", 404)):
        text = words(get(client, path, status))
        assert "Plover Instruments" in text
        assert "Something went wrong here" in text or "Page not found" in text


def test_a_redline_is_also_data_plain_text_and_markdown(client: FlaskClient, published: House) -> None:
    data = client.get("/privacy/compare/1..3.json")
    assert data.mimetype == "application/json"
    said = data.get_json()
    assert (said["old"]["number"], said["new"]["date"]) == (1, "2026-06-02")
    assert (said["words_inserted"], said["words_deleted"]) == (1, 1)
    page = get(client, "/privacy/compare/1..3")
    assert all(f'data-change="{block["id"]}"' in page for block in said["blocks"])
    text = client.get("/privacy/compare/1..3.txt")
    assert text.mimetype == "text/plain"
    assert "[-12-] [+24+]" in text.text
    marked = client.get("/privacy/compare/2026-05..2026-06-02.2.md")
    assert marked.mimetype == "text/markdown"
    assert "<del>12</del> <ins>24</ins>" in marked.text


def test_a_redline_for_programs_is_not_sent_twice(client: FlaskClient, published: House) -> None:
    first = client.get("/privacy/compare/1..3.json")
    again = client.get("/privacy/compare/1..3.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["ETag"] != client.get("/privacy/compare/3..1.json").headers["ETag"]


@pytest.mark.parametrize("form", ["json", "txt", "md"])
@pytest.mark.parametrize("pair", ["1..9", "1", "..", "x..y", "1.."])
def test_a_redline_of_no_such_texts_is_not_found_in_any_form(
    client: FlaskClient, published: House, pair: str, form: str
) -> None:
    assert client.get(f"/privacy/compare/{pair}.{form}").status_code == 404
