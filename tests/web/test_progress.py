"""How far a notice is, in the administration: the bar and its figures, the sentences, the pages of deliveries."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from notifier.models import Attempt, Notice
from tests.notifier.ledgers import Books, Plan
from tests.web.test_admin import Administrator, admin, password_hash, words

__all__ = ["admin", "password_hash"]  # fixtures
LETTERS = ["delivered", "accepted", "bounced", "started", "unknown", "left out", "untouched"]


def made(books: Books, *plans: Plan, **given: object) -> Notice:
    notice = books.notice(plans, **given)
    books.session.commit()
    return notice


def sending(books: Books) -> Notice:
    return made(books, Plan("email", "sending", LETTERS), Plan("site", "site", ["untouched"]))


def test_the_page_and_the_part_that_a_script_asks_for_say_the_same(admin: Administrator, books: Books) -> None:
    notice = sending(books)
    whole, part = admin.get(f"/admin/notices/{notice.id}"), admin.get(f"/admin/notices/{notice.id}/progress")
    assert "3 of 7 letters sent" in words(part)
    inside = re.search(r'<div id="notice-progress".*?</dl>', whole, re.DOTALL)
    assert inside is not None
    assert words(inside[0]) in words(part)
    assert "<html" not in part
    assert "<script" not in part
    for figure in (
        "Delivered 1",
        "Bounced 1",
        "Unknown 1",
        "Sending 1",
        "Skipped 1",
        "Left 1",
        "Site notice only 1",
    ):
        assert figure in words(part)


def test_what_is_under_way_is_drawn_as_what_is_in_doubt(admin: Administrator, books: Books) -> None:
    part = admin.get(f"/admin/notices/{sending(books).id}/progress")
    bar = re.search(r'<svg class="progress".*?</svg>', part, re.DOTALL)
    assert bar is not None
    assert bar[0].count("seg--unknown") == 1
    assert "seg--sending" not in part


def test_only_a_notice_that_goes_out_is_asked_for_again(admin: Administrator, books: Books) -> None:
    going, over = sending(books), made(books, state="complete")
    page = admin.get(f"/admin/notices/{going.id}")
    assert 'data-going="yes"' in page
    assert re.search(r'src="/static/progress\.js\?v=[0-9a-f]{12}" defer', page)
    assert 'aria-live="polite"' in page
    page = admin.get(f"/admin/notices/{over.id}")
    assert 'data-going="no"' in page
    assert "progress.js" not in page


def test_without_a_script_the_page_can_be_read_anew_by_itself(admin: Administrator, books: Books) -> None:
    notice = sending(books)
    page = admin.get(f"/admin/notices/{notice.id}")
    assert "Refresh every 5 seconds" in page
    assert 'http-equiv="refresh"' not in page
    assert '<meta http-equiv="refresh" content="5">' in admin.get(f"/admin/notices/{notice.id}?every=5")


def test_when_the_state_has_changed_the_part_says_so(admin: Administrator, books: Books) -> None:
    over = made(books, state="complete")
    part = admin.get(f"/admin/notices/{over.id}/progress?was=sending")
    assert "It is complete now. Read the whole page anew" in words(part)
    assert "Read the whole page anew" not in admin.get(f"/admin/notices/{over.id}/progress?was=complete")
    assert "Read the whole page anew" not in admin.get(f"/admin/notices/{over.id}/progress?was=%00nonsense")


def test_the_part_is_for_those_who_are_signed_in_and_there_for_notices_that_exist(
    client: FlaskClient, books: Books, admin: Administrator
) -> None:
    notice = sending(books)
    assert admin.get("/admin/notices/99999/progress", status=404)
    stranger = client.application.test_client()
    assert stranger.get(f"/admin/notices/{notice.id}/progress").status_code == 302


def test_the_pace_stands_beneath_the_bar(admin: Administrator, books: Books) -> None:
    notice = sending(books)
    path = f"/admin/notices/{notice.id}/progress"
    assert "At 18 a minute the last leaves at about 12:01 UTC." in words(admin.get(path))
    for attempt in books.session.exec(select(Attempt).where(Attempt.state == "accepted")):
        attempt.recorded_at = attempt.started_at = books.now - timedelta(minutes=9)
        books.session.add(attempt)
    books.session.commit()
    assert "No letter has left in the last five minutes." in words(admin.get(path))


def test_what_the_others_wait_for_stands_beneath_the_bar(admin: Administrator, books: Books) -> None:
    notice = made(books, Plan("email", "queued", ["untouched"] * 3), gate="canary")
    part = words(admin.get(f"/admin/notices/{notice.id}/progress"))
    assert "the others follow when a person has looked" in part
    assert "five minutes" not in part


def test_letters_in_doubt_are_listed_by_name_with_what_settles_them(admin: Administrator, books: Books) -> None:
    page = words(admin.get(f"/admin/notices/{sending(books).id}"))
    assert "Letters in doubt" in page
    assert "member-4" in page
    assert "It is sent again after 14:00 UTC unless an event comes." in page


def test_deliveries_can_be_looked_at_by_state_and_page_by_page(
    admin: Administrator, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.admin.notice_deliveries.PAGE", 3)
    notice = sending(books)
    seen = []
    path = f"/admin/notices/{notice.id}"
    while path:
        page = admin.get(path)
        table = page.split('id="deliveries"')[1]
        seen += re.findall(r"member-\d+", words(table))
        following = re.search(r'href="([^"]+)">The next', table)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"member-{number}" for number in range(8)]
    bounced = admin.get(f"/admin/notices/{notice.id}?state=bounced").split('id="deliveries"')[1]
    assert re.findall(r"member-\d+", bounced) == ["member-2"]


@pytest.mark.parametrize(
    "query",
    [
        "state=lost",
        "state=%00",
        "after=1",
        "after=1-",
        "after=-1-2",
        "after=99999999999-1",
        "after=1-%00",
        "after=²-1",
    ],
)
def test_a_page_that_nobody_linked_to_is_not_found(admin: Administrator, books: Books, query: str) -> None:
    admin.get(f"/admin/notices/{made(books).id}?{query}", status=404)


def test_only_the_administrations_scripts_may_ask_the_server(
    client: FlaskClient, admin: Administrator, books: Books
) -> None:
    notice = sending(books)
    inside = client.get(f"/admin/notices/{notice.id}").headers["Content-Security-Policy"]
    assert "script-src 'self'" in inside
    assert "unsafe" not in inside
    for path in ("/", "/privacy", "/privacy/history", "/privacy/1", "/administration", "/static/progress.js"):
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "script-src 'self';" in policy, path
        assert "connect-src" not in policy, path
