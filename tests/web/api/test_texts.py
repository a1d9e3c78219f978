"""Reading texts, and which of them governs whom: dates, pages, ETags, and answers where there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.house import LONGER, TYPO, House
from tests.once import made_once
from tests.web.api.conftest import Program


@pytest.fixture
@made_once
def three(running: House, later: Any) -> House:
    for text in (LONGER, TYPO):
        later(days=1)
        running.publish(text)
        running.tick()
    later(days=1)
    return running


def test_revisions_come_in_pages_that_a_cursor_joins(program: Program, three: House) -> None:
    first = program.get("/policies/privacy/revisions?limit=2")
    rest = program.get(f"/policies/privacy/revisions?limit=2&cursor={first['next']}")
    assert [one["number"] for one in (*first["items"], *rest["items"])] == [1, 2, 3]
    assert rest["next"] is None
    assert program.get("/policies/privacy/revisions?cursor=99") == {"items": [], "next": None}
    for wrong in ("limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "cursor=x", "after=2"):
        program.get(f"/policies/privacy/revisions?{wrong}", 422)


def test_a_revision_comes_with_its_text_and_its_place_in_the_chain(program: Program, three: House) -> None:
    whole = program.get("/policies/privacy/revisions/2")
    assert (whole["text"], whole["status"], whole["verdict"]) == (LONGER, "superseded", "significant")
    markdown = program.send("GET", "/policies/privacy/revisions/2/text")
    assert (markdown.text, markdown.mimetype, markdown.get_etag()[0]) == (LONGER, "text/markdown", whole["sha256"])
    assert len(whole["chain"]) == 64
    for number, status in (("4", 404), ("0", 422), ("2147483648", 422), ("-1", 422), ("two", 422)):
        program.get(f"/policies/privacy/revisions/{number}", status)


def test_which_text_was_in_force_at_an_instant(program: Program, three: House) -> None:
    def at(instant: str) -> Any:
        return program.get(f"/policies/privacy/in-force?at={instant}")

    assert at("2026-06-02T11:59:59.999999Z")["revision"]["number"] == 1
    assert at("2026-06-02T14:00:00%2B02:00")["revision"]["number"] == 2
    assert at("2026-05-31T12:00:00Z")["first_from"] == "2026-05-31T12:00:00Z"


BEFORE = "2026-05-31T11:59:59Z"


@pytest.mark.parametrize(
    "path", ["/policies/privacy/in-force?at=", "/members/ada/applicability?policy=privacy&at="]
)
def test_before_the_first_text_there_is_none_and_the_refusal_says_since_when(
    program: Program, running: House, path: str
) -> None:
    problem = program.get(f"{path}{BEFORE}", 404)
    assert problem["type"].endswith("#before-first-text")
    assert problem["detail"].endswith("the first one is in force from 2026-05-31 12:00:00 UTC.")
    pairs = [{"external_id": "ada", "at": BEFORE}, {"external_id": "ada"}]
    of_many = program.post("/applicability:query", {"policy": "privacy", "pairs": pairs})["items"]
    assert [(one["revision"], one["why"]) for one in of_many] == [(None, "before they joined"), (1, None)]


def test_where_no_text_is_in_force_yet_the_refusal_says_from_when(program: Program, running: House) -> None:
    running.policy("terms")
    assert "is in force yet" in program.get("/policies/terms/in-force", 404)["detail"]
    running.publish(LONGER, slug="terms", effective_at=running.now + timedelta(days=9))
    for path in ("/policies/terms/in-force", "/members/ada/applicability?policy=terms"):
        problem = program.get(path, 404)
        assert problem["detail"].endswith("the first one is in force from 2026-06-10 12:00:00 UTC.")


INSTANTS = [
    *("2026-06-02T12:00:00", "2026-06-02", "yesterday", "", "1780315200", "2026-06-02T14:00:00+02:00"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-06-02T25:00:00Z"),
    *("2026-06-02T12:00:00%2B99:99", "2026-06-02T12:00:60Z", "2026-06-02T12:00:00Z%00"),
]


@pytest.mark.parametrize("at", INSTANTS)
def test_a_naive_or_absurd_instant_is_refused_wherever_one_is_asked_for(program: Program, at: str) -> None:
    asked = ("/policies/privacy/in-force?at=", "/members/ada/applicability?policy=privacy&at=")
    for path in (*asked, "/movements?policy=privacy&since="):
        problem = program.get(f"{path}{at}", 422)
        assert problem["errors"][0]["at"] in ("at", "since")
    if "%" not in at and "+" not in at:  # which only an address takes for something else
        pairs = [{"external_id": "ada", "at": at}]
        problem = program.post("/applicability:query", {"policy": "privacy", "pairs": pairs}, 422)
        assert problem["errors"][0]["at"] == "pairs.0.at"


def test_any_two_are_compared_in_either_direction(program: Program, three: House) -> None:
    there = program.get("/policies/privacy/compare?from=1&to=2")
    back = program.get("/policies/privacy/compare?from=2&to=1")
    assert (there["words_inserted"], there["words_deleted"]) == (back["words_deleted"], back["words_inserted"])
    assert (there["old"]["number"], there["new"]["number"]) == (1, 2)
    program.get("/policies/privacy/compare?from=1&to=9", 404)
    program.get("/policies/privacy/compare?from=1", 422)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/policies", "private, no-cache"),
        ("/policies/privacy", "private, no-cache"),
        ("/policies/privacy/revisions/1", "private, no-cache"),
        ("/policies/privacy/revisions/1/text", "private, no-cache"),
        ("/policies/privacy/compare?from=1&to=1", "private, no-cache"),
        ("/members/ada", "no-store"),
        ("/members/ada/timeline", "no-store"),
        ("/members/ada/applicability?policy=privacy", "no-store"),
        ("/movements?policy=privacy", "no-store"),
    ],
)
def test_what_has_not_changed_is_not_sent_again(program: Program, path: str, kept: str) -> None:
    first = program.send("GET", path)
    assert first.headers["Cache-Control"] == kept
    again = program.send("GET", path, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


# -- which governs whom -------------------------------------------------------------------------


def test_one_answer_for_each_pair_in_their_order(program: Program, three: House) -> None:
    pairs = [
        {"external_id": "ada", "at": "2026-06-03T12:00:00Z"},
        {"external_id": "nobody", "at": "2026-06-03T12:00:00Z"},
        {"external_id": "ada", "at": "2026-06-01T11:30:00Z"},
        {"external_id": "ada", "at": "2026-05-01T00:00:00Z"},
        {"external_id": "ada"},
    ]
    answers = program.post("/applicability:query", {"policy": "privacy", "pairs": pairs})["items"]
    assert [one["revision"] for one in answers] == [3, None, 1, None, 3]
    assert [one["why"] for one in answers] == [None, "no such member", None, "before they joined", None]
    assert [one["external_id"] for one in answers] == [pair["external_id"] for pair in pairs]
    single = program.get("/members/ada/applicability?policy=privacy&at=2026-06-01T11:30:00Z")
    assert single == answers[2]


def test_ten_thousand_pairs_are_answered_and_one_more_is_refused(program: Program, running: House) -> None:
    pairs = [{"external_id": "ada"}] * 10_000
    assert len(program.post("/applicability:query", {"policy": "privacy", "pairs": pairs})["items"]) == 10_000
    problem = program.post("/applicability:query", {"policy": "privacy", "pairs": [*pairs, pairs[0]]}, 422)
    assert "10000" in problem["detail"]
    program.post("/applicability:query", {"policy": "nothing", "pairs": []}, 404)


def test_an_unknown_policy_or_member_is_a_problem_of_its_own(program: Program) -> None:
    policy = program.get("/members/ada/applicability?policy=nothing", 404)
    member = program.get("/members/nobody/applicability?policy=privacy", 404)
    assert policy["type"].endswith("#no-such-policy")
    assert member["type"].endswith("#no-such-member")
    program.get("/members/ada/applicability", 422)
    program.get("/movements?policy=privacy&cursor=x", 422)


def test_a_timeline_has_a_stretch_for_each_text_that_governed(program: Program, three: House) -> None:
    line = program.get("/members/ada/timeline")["policies"][0]
    assert [(one["revision"], one["basis"]) for one in line["stretches"]] == [
        (1, "joined"), (2, "posted"), (3, "posted"),
    ]  # fmt: skip
    assert line["stretches"][0]["since"] == "2026-06-01T11:00:00Z"
    assert line["stretches"][-1]["until"] is None
