"""Public pages as HTTP has it: kept, compressed, asked for again; and never older than the record."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from database import writing
from policy_versions import archive, policies
from tests.house import FIRST, LONGER, TYPO, House
from tests.web.test_public import Later, get, published, words
from web.serving import negotiation
from web.serving.kept import Kept, Page

__all__ = ["published"]  # fixture
PAGES = [
    "/",
    "/privacy",
    "/privacy/1",
    "/privacy/history",
    "/privacy/compare/1..2",
    "/feeds/all.atom",
]


@pytest.fixture
def made(app: Flask) -> list[str]:
    """The addresses that the application itself was asked for."""
    asked: list[str] = []
    app.before_request(lambda: asked.append(_path()))
    return asked


def _path() -> str:
    from flask import request

    return request.full_path.rstrip("?")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_made_once_and_is_the_same_in_every_encoding(
    client: FlaskClient, published: House, made: list[str], path: str
) -> None:
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    smallest = client.get(path, headers={"Accept-Encoding": "gzip, deflate, br"})
    assert made == [path]
    assert gzip.decompress(packed.data) == plain.data == brotli.decompress(smallest.data)
    assert (packed.headers["Content-Encoding"], smallest.headers["Content-Encoding"]) == ("gzip", "br")
    tags = [answer.headers["ETag"] for answer in (plain, packed, smallest)]
    assert len(set(tags)) == 3, "each encoding is another thing to keep"
    assert all(answer.headers["Vary"] == "Accept-Encoding" for answer in (plain, packed, smallest))
    assert all(int(answer.headers["Content-Length"]) == len(answer.data) for answer in (plain, packed, smallest))
    for tag in (*tags, f"W/{tags[0]}", f'"x", {tags[1]}', "*"):
        again = client.get(path, headers={"If-None-Match": tag, "Accept-Encoding": "br"})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tags[2])
        assert "Content-Type" not in again.headers and "Content-Security-Policy" in again.headers
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    head = client.head(path, headers={"Accept-Encoding": "br"})
    assert (head.data, head.headers["ETag"], head.headers["Content-Length"]) == (
        b"",
        tags[2],
        str(len(smallest.data)),
    )
    assert made == [path]


def test_what_is_asked_first_by_head_or_with_a_tag_is_kept_too(
    client: FlaskClient, published: House, made: list[str]
) -> None:
    first = client.head("/privacy")
    assert (first.data, first.status_code) == (b"", 200)
    assert client.get("/privacy").headers["ETag"] == first.headers["ETag"]
    told = client.get("/privacy/1", headers={"If-None-Match": '"something-br"'})
    assert told.status_code == 200
    assert client.get("/privacy/1").data == told.data
    assert made == ["/privacy", "/privacy/1"]


def test_a_page_follows_the_record_at_once(client: FlaskClient, published: House, later: Later) -> None:
    def seen() -> tuple[str, str]:
        return words(get(client, "/privacy")), words(get(client, "/privacy/history"))

    before = seen()
    published.publish(LONGER + "\nMore.\n", effective_at=published.now + timedelta(days=31))
    assert "No. 4" in seen()[1]
    undecided = seen()
    published.tick()
    assert seen() != undecided, "it was decided"
    with writing(published.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 4, reason="A slip.", actor="a test", now=published.now)
    assert "Withdrawn" in seen()[1]
    later(days=30, minutes=-1)
    assert "e-mail adress" in seen()[0]
    later(minutes=1)
    assert "24 months" in seen()[0], "the text came into force, and nobody wrote anything"
    assert seen() != before


def test_what_no_reader_sees_makes_no_page_anew(
    client: FlaskClient, published: House, made: list[str], later: Later
) -> None:
    get(client, "/privacy")
    published.member("ada")
    with writing(published.runtime.engine) as session:
        from policy_versions import audit

        for subject in ("member 1", "accounts", "key 1"):
            audit.record(session, actor="a test", action="something", subject=subject, now=published.now)
    get(client, "/privacy")
    assert made == ["/privacy"]
    later(minutes=1)
    get(client, "/privacy")
    assert len(made) == 2, "but none is kept past the minute"


def test_a_clock_that_was_put_back_keeps_no_page_of_the_time_after(
    client: FlaskClient, published: House, later: Later
) -> None:
    coming = published.now + timedelta(days=31)
    published.publish(LONGER + "\nMore.\n", effective_at=coming)
    later(days=32)
    assert "More." in words(get(client, "/privacy"))
    later(days=-2)
    assert "More." not in words(get(client, "/privacy"))


def test_where_the_database_cannot_be_asked_nothing_kept_is_given(
    client: FlaskClient, app: Flask, published: House
) -> None:
    get(client, "/privacy")

    def gone(*_: object) -> None:
        raise OSError("gone")

    event.listen(published.runtime.engine, "checkout", gone)
    try:
        assert client.get("/privacy").status_code == 500
    finally:
        event.remove(published.runtime.engine, "checkout", gone)
    assert client.get("/privacy").status_code == 200


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/privacy?view=side", True),
        ("/privacy?anything=1", False),
        ("/privacy?view=anything", False),
        ("/privacy?view=side&view=anything", False),
        ("/static/gazette.css", True),
        ("/static/gazette.css?v=anything", False),
        ("/static/x/../gazette.css", False),
        ("/health", False),
        ("/nothing", False),
        ("/privacy/chain.json", False),
        ("/privacy/subscribe", False),
        ("/privacy/on?on=2026-06-02", False),
    ],
)
def test_only_what_is_the_same_for_everybody_is_kept(
    client: FlaskClient, published: House, made: list[str], path: str, kept: bool
) -> None:
    for _ in range(2):
        answer = client.get(path, headers={"Accept-Encoding": "br"})
        assert ("Content-Encoding" in answer.headers) == kept
    assert len(made) == (1 if kept else 2)


def test_a_policy_whose_address_begins_as_one_of_ours_is_kept_too(
    client: FlaskClient, house: House, made: list[str]
) -> None:
    for slug in ("health-data", "administration", "metrics-we-keep"):
        house.policy(slug, title=slug)
        house.publish(FIRST, slug=slug)
    for slug in ("health-data", "administration", "metrics-we-keep"):
        tag = client.get(f"/{slug}").headers["ETag"]
        assert client.get(f"/{slug}", headers={"If-None-Match": tag}).status_code == 304
    assert len(made) == 3


@pytest.mark.parametrize("path", ["/admin/sign-in", "/privacy/subscribe", "/m/x", "/me/x", "/api/v1/policies"])
def test_what_is_somebodys_own_is_never_kept_or_compressed(
    client: FlaskClient, published: House, path: str
) -> None:
    answer = client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers, "a length tells what is in it beside a secret"


def test_a_text_and_a_redline_at_their_hashes_are_kept_for_good(client: FlaskClient, published: House) -> None:
    index = client.get("/.well-known/change-history").get_json()
    third = index["policies"][0]["revisions"][2]
    home = "http://127.0.0.1:8000"
    text = client.get(third["markdown"].removeprefix(home))
    assert (text.text, text.headers["ETag"]) == (LONGER, f'"{third["sha256"]}"')
    redline = client.get(third["changes"].removeprefix(home))
    assert [block["kind"] for block in redline.get_json()["blocks"]]
    for form in ("txt", "md", "html"):
        other = client.get(third["changes"].removeprefix(home).replace(".json", f".{form}"))
        assert other.status_code == 200 and "24" in other.text
    for answer in (text, redline):
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert redline.headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/privacy/texts/{none}.md", 404),
        ("/privacy/texts/abc.md", 404),
        ("/privacy/redlines/{engine}/{none}..{first}.json", 404),
        ("/privacy/redlines/{engine}/{first}.json", 404),
        ("/privacy/redlines/{engine}/{first}..{first}.pdf", 404),
        ("/privacy/redlines/diff-0/{first}..{second}.json", 302),
    ],
)
def test_an_address_for_good_of_something_else_is_not_found(
    client: FlaskClient, published: House, path: str, status: int
) -> None:
    from policy_versions import chain, diff

    first, second = chain.sha256(FIRST), chain.sha256(TYPO)
    answer = client.get(path.format(none="0" * 64, first=first, second=second, engine=diff.ENGINE))
    assert answer.status_code == status
    assert "immutable" not in answer.headers["Cache-Control"]
    if status == 302:
        assert answer.location == f"/privacy/redlines/{diff.ENGINE}/{first}..{second}.json"


def test_static_files_are_addressed_by_what_they_hold(client: FlaskClient, published: House) -> None:
    import re

    (sheet,) = re.findall(r'href="(/static/gazette\.css\?v=[0-9a-f]{12})"', get(client, "/privacy"))
    answer = client.get(sheet, headers={"Accept-Encoding": "br"})
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "br")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    older = client.get("/static/gazette.css?v=000000000000")
    assert (older.status_code, older.headers["Cache-Control"]) == (200, "public, max-age=3600")
    assert client.get("/static/..%2Fassets.py").status_code == 404
    for missing in ("nothing.css", "nothing.css?v=0", ".", "..", "%00", "x/gazette.css"):
        none = client.get(f"/static/{missing}")
        assert (none.status_code, none.headers["Cache-Control"]) == (404, "public, no-cache"), missing


# -- the parts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", ""),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("br;q=0, gzip;q=0", ""),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("identity", ""),
        ("GZIP ; Q=1", "gzip"),
        ("gzip;q=many, zstd", ""),
        (";;,=", ""),
    ],
)
def test_the_encoding_is_the_best_that_is_taken(accepted: str, chosen: str) -> None:
    assert negotiation.encoding(accepted) == chosen


def page(size: int, **given: Any) -> Page:
    from tests.conftest import NOON

    return Page(b"x" * size, [("Content-Type", "text/html")], "tag", 1, NOON, **given)


def test_no_more_is_kept_than_there_is_room_for() -> None:
    kept = Kept(most=100)
    for name in "abc":
        kept.keep(name, page(20))
    assert kept.get("a") is None
    assert kept.get("b") is not None
    kept.keep("d", page(20))
    assert kept.get("c") is None, "b was asked for since"
    assert (kept.get("b"), kept.get("d")) != (None, None)
    kept.keep("b", page(10))
    assert len(kept) == 2
    kept.keep("large", page(5_000_000))
    assert kept.get("large") is None
