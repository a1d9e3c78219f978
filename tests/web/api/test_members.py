"""Members by the host's hand: one, ten thousand, renamed, merged, erased; what is wrong is said, row by row."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlmodel import func, select

from database import reading, writing
from notifier.models import Acknowledgement, Member
from policy_versions import policies, translations
from tests.house import LONGER, House
from tests.web.api.conftest import Program

LINES = "application/x-ndjson"


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    return url


def members(house: House) -> int:
    with reading(house.runtime.engine) as session:
        return session.exec(select(func.count()).select_from(Member)).one()


def lines(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


# -- one ----------------------------------------------------------------------------------------


def test_a_member_is_made_then_brought_up_to_date(program: Program, running: House, later: Any) -> None:
    made = program.put("/members/bob", {"email": "bob@example.com", "locale": "de-AT"}, 201)
    assert (made["email"], made["locale"], made["joined_at"]) == (
        "bob@example.com",
        "de-AT",
        "2026-06-01T12:00:00Z",
    )
    later(days=1)
    assert program.put("/members/bob", {"locale": "fr", "joined_at": "2020-01-01T00:00:00Z"}) == {
        **made, "locale": "fr",
    }  # fmt: skip
    assert program.put("/members/bob", {"email": None})["email"] is None
    assert program.get("/members/bob")["locale"] == "fr"


@pytest.mark.parametrize(
    "key", ["a b", "shop/1001", "//x/", "Ünï¢ode", "a+b@example.com", "a%2Cb", "x" * 255, "..."]
)
def test_a_hosts_key_may_be_anything_that_can_be_seen(program: Program, key: str) -> None:
    from urllib.parse import quote

    path = f"/members/{quote(key, safe='')}"
    assert program.put(path, {}, 201)["external_id"] == key
    assert program.get(path)["external_id"] == key


@pytest.mark.parametrize(
    ("key", "fields", "says"),
    [
        ("bob", {"email": "not an address"}, "no e-mail address"),
        ("bob", {"email": 7}, "email: input should be a valid string"),
        ("bob", {"locale": "?"}, "locale: write a locale such as en"),
        ("bob", {"joined_at": "2026-01-01T00:00:00"}, "joined_at: write an instant with its offset"),
        ("bob", {"joined_at": "2026-01-01"}, "joined_at: write an instant with its offset"),
        ("bob", {"joined_at": "2026-02-30T00:00:00Z"}, "no such day"),
        ("bob", {"joined_at": "0001-01-01T00:00:00+23:59"}, "joined_at"),
        ("bob", {"joined_at": "2031-01-01T00:00:00Z"}, "in the future"),
        ("bob", {"joined_at": 1767225600}, "joined_at"),
        ("bob", {"nickname": "b"}, "nickname"),
        ("ada", {"retained_until": "2026-05-31T00:00:00Z"}, "erase them instead"),
        ("%20bob", {}, "external_id: a key has no blanks around it"),
        ("b%00b", {}, "external_id"),
        ("x" * 256, {}, "external_id"),
    ],
)
def test_what_no_member_can_have_is_refused(
    program: Program, running: House, key: str, fields: dict[str, Any], says: str
) -> None:
    assert says in program.put(f"/members/{key}", fields, 422)["detail"]
    assert members(running) == 1
    assert program.get("/members/ada")["retained_until"] is None


def test_strangers_the_lapsed_and_the_erased_are_told_apart_by_nobody(
    program: Program, running: House, later: Any
) -> None:
    program.put("/members/bob", {"retained_until": "2026-06-02T00:00:00Z"}, 201)
    program.send("DELETE", "/members/ada")
    later(days=1)
    said = [
        program.get(f"/members/{name}{rest}", 404)
        for name in ("ada", "bob", "nobody")
        for rest in ("", "/timeline", "/applicability?policy=privacy", "/site-notice")
    ]
    assert all(problem == said[0] for problem in said)


def test_who_lapsed_and_comes_back_is_a_new_member(program: Program, running: House, later: Any) -> None:
    first = program.put("/members/bob", {"retained_until": "2026-06-02T00:00:00Z"}, 201)
    later(days=1)
    again = program.put("/members/bob", {}, 201)
    assert again["id"] != first["id"]
    assert again["retained_until"] is None
    with reading(running.runtime.engine) as session:
        assert session.get_one(Member, first["id"]).external_id is None


def test_an_erased_member_is_gone_and_comes_back_as_another(program: Program, running: House) -> None:
    assert program.send("DELETE", "/members/ada").status_code == 204
    assert program.send("DELETE", "/members/ada").status_code == 404
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Member.email)).one() is None
    assert running.runtime.settings.erasure_journal.exists()
    assert program.put("/members/ada", {}, 201)["id"] != 1


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_of_two_who_bring_one_in_at_once_both_are_answered(program: Program, app: Flask, running: House) -> None:
    def put(_: int) -> int:
        other = Program(app.test_client(), program.token)
        return other.send("PUT", "/members/bob", {"email": "bob@example.com"}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(put, range(6))) == [200] * 5 + [201]


def test_a_rename_keeps_the_timeline_and_a_merge_ends_the_younger(
    program: Program, running: House, later: Any
) -> None:
    later(days=1)
    program.put("/members/bob", {}, 201)
    program.post("/members/ada/rename", {"external_id": "1001"}, 204)
    program.get("/members/ada", 404)
    assert program.get("/members/1001/timeline")["policies"][0]["joined_at"] == "2026-06-01T11:00:00Z"
    program.post("/members/bob/rename", {"external_id": "1001"}, 409)
    program.post("/members/1001/merge", {"into": "bob"}, 409)
    program.post("/members/bob/merge", {"into": "nobody"}, 404)
    program.post("/members/bob/merge", {"into": "1001"}, 204)
    program.get("/members/bob", 404)


def test_a_members_own_page_is_opened_by_an_address_that_soon_ends(
    program: Program, app: Flask, later: Any
) -> None:
    made = program.post("/members/ada/session", status=201)
    path = made["url"].removeprefix("http://127.0.0.1:8000")
    assert app.test_client().get(path).status_code == 200
    later(minutes=16)
    assert app.test_client().get(path).status_code == 410


# -- many ---------------------------------------------------------------------------------------


def test_a_batch_says_what_became_of_each_line(program: Program, running: House) -> None:
    body = lines(
        {"external_id": "bob", "email": "bob@example.com"},
        {"external_id": "ada", "email": "ada@example.com"},
        {"external_id": "ada", "locale": "fr"},
        b"",
        {"external_id": "cem", "email": "no address"},
        {"external_id": "cem", "joined_at": "2026-05-01T00:00:00"},
        {"email": "dot@example.com"},
        b"[1]",
        b'{"external_id": "eve", "external_id": "eva"}',
        {"external_id": "eve", "age": 7},
        b"{",
        {"external_id": "fay", "guardian_email": "gus@example.com"},
    )
    done = program.post("/members:batch", body, Content_Type=LINES)
    assert [(row["line"], row["result"]) for row in done["rows"]] == [
        (1, "added"), (2, "unchanged"), (3, "refused"), (5, "refused"), (6, "refused"), (7, "refused"),
        (8, "refused"), (9, "refused"), (10, "refused"), (11, "refused"), (12, "added"),
    ]  # fmt: skip
    said = {row["line"]: row["detail"] for row in done["rows"]}
    assert said[3] == "Its external_id stands on line 2 already."
    assert said[5] == "That is no e-mail address."
    assert "offset" in said[6]
    assert "stands twice" in said[9]
    assert (done["added"], done["unchanged"], done["refused"], members(running)) == (2, 1, 8, 3)


def test_ten_thousand_lines_are_taken_and_not_one_more(program: Program, running: House) -> None:
    many = [{"external_id": f"m{number}"} for number in range(10_000)]
    refused = program.post("/members:batch", lines(*many, {"external_id": "last"}), 413, Content_Type=LINES)
    assert "10,000 lines" in refused["detail"]
    assert members(running) == 1
    done = program.post("/members:batch", lines(*many), Content_Type=LINES)
    assert (done["added"], len(done["rows"]), members(running)) == (10_000, 10_000, 10_001)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"external_id": "\xff"}', LINES, 400),
        (b'{"external_id": "bob"}', "application/json", 415),
        (b'{"external_id": "bob"}', "text/csv", 415),
    ],
)
def test_a_batch_that_cannot_be_read_changes_nothing(
    program: Program, running: House, body: bytes, kind: str, status: int
) -> None:
    program.post("/members:batch", body, status, Content_Type=kind)
    assert members(running) == 1


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_batches_that_bring_the_same_in_at_once_wait_for_each_other(
    program: Program, app: Flask, running: House
) -> None:
    names = [f"m{number}" for number in range(300)]

    def bring(turned: bool) -> int:
        other = Program(app.test_client(), program.token)
        rows = [{"external_id": name} for name in (reversed(names) if turned else names)]
        answer = other.send("POST", "/members:batch", lines(*rows), Content_Type=LINES)
        assert answer.status_code == 200, answer.text
        return int(answer.get_json()["added"])

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(bring, (False, True, False, True))) == 300
    assert members(running) == 301


# -- what they said, and what they are shown ----------------------------------------------------


def test_a_word_is_recorded_and_moves_whom_it_moves(program: Program, running: House, later: Any) -> None:
    running.publish(LONGER, rule="acceptance")
    running.tick()
    where = "/members/ada/applicability?policy=privacy"
    later(minutes=5)
    assert program.get(where)["revision"] == 1
    word = {"policy": "privacy", "revision": 2, "kind": "declined"}
    program.post("/members/ada/acknowledgements", word, 201)
    assert program.get(where)["revision"] == 1
    later(minutes=5)
    said = program.post("/members/ada/acknowledgements", {**word, "kind": "accepted"}, 201)
    assert (said["member"], said["route"], said["locale"]) == (1, "api", "en")
    assert (program.get(where)["revision"], program.get(where)["basis"]) == (2, "acceptance")
    later(minutes=5)
    moved = program.get("/movements?policy=privacy&since=2026-06-01T12:00:00Z")
    assert [(m["external_id"], m["before"], m["revision"]) for m in moved["items"]] == [("ada", 1, 2)]
    assert program.get(f"/movements?policy=privacy&cursor={moved['next']}")["items"] == []


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"policy": "nothing"}, 404, "no policy"),
        ({"revision": 9}, 404, "no revision 9"),
        ({"revision": 0}, 422, "revision"),
        ({"revision": "1x"}, 422, "revision"),
        ({"kind": "shrugged"}, 422, "kind"),
        ({"actor": "guardian"}, 409, "guardian"),
        ({"revision": "1"}, 422, "revision: input should be a valid integer"),
        ({"shown_sha256": "beef"}, 422, "shown_sha256"),
        ({"shown_sha256": "ab" * 32}, 422, "no text of revision 1"),
    ],
)
def test_a_word_that_cannot_be_meant_is_refused(
    program: Program, running: House, change: dict[str, Any], status: int, says: str
) -> None:
    word = {"policy": "privacy", "revision": 1, "kind": "read", **change}
    assert says in program.post("/members/ada/acknowledgements", word, status)["detail"]
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Acknowledgement)).all() == []


def test_the_text_that_was_shown_may_be_a_translation(program: Program, running: House) -> None:
    with writing(running.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        given = translations.Given("de", "# Datenschutz\n", "")
        shown = translations.publish(session, policy, 1, given, actor="a test", now=running.now).sha256
    authoritative = program.get("/policies/privacy/revisions/1")["sha256"]
    for sha256, locale in ((authoritative, "en"), (shown, "de")):
        word = {"policy": "privacy", "revision": 1, "kind": "read", "shown_sha256": sha256, "locale": locale}
        said = program.post("/members/ada/acknowledgements", word, 201)
        assert (said["shown_sha256"], said["locale"]) == (sha256, locale)


def test_a_site_notice_is_shown_once_and_counts(program: Program, running: House, later: Any) -> None:
    program.put("/members/cem", {"email": None}, 201)
    later(hours=1)
    running.publish(LONGER, rule="notice", notice_days=3)
    running.tick()
    owed = program.get("/members/cem/site-notice")["items"]
    assert [(one["policy"], one["revision"], one["knows"]) for one in owed] == [("privacy", 2, 1)]
    assert owed[0]["compare_url"].endswith("/privacy/compare/1..2")
    seen = f"/members/cem/site-notice/{owed[0]['notice']}/seen"
    assert program.post(seen)["new"] is True
    assert program.post(seen)["new"] is False
    assert program.get("/members/cem/site-notice")["items"] == []
    later(days=4)
    assert program.get("/members/cem/applicability?policy=privacy")["basis"] == "notice"
    program.post("/members/cem/site-notice/99/seen", status=404)


def test_a_site_notices_token_is_for_named_origins(program: Program, running: House) -> None:
    made = program.post("/members/ada/site-notice/token", {"origins": ["https://www.example.com"]}, 201)
    assert made["expires_at"] == (running.now + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    program.post("/members/ada/site-notice/token", {"origins": ["example.com"]}, 422)
    program.post("/members/ada/site-notice/token", {"origins": []}, 422)
