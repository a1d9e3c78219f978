"""What a key may do to texts and notices: as the administration does it, and under the same refusals."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from database import reading
from notifier.models import Notice
from policy_versions.models import AuditEntry, DecisionRecord, DueDecision, Proposal, Revision
from tests.house import FIRST, LONGER, House
from tests.web.api.conftest import Program, make_key

CONSENT = FIRST.replace("We collect", "We sell to advertisers, and collect,")
TEXT: dict[str, Any] = {"text": LONGER, "summary": "Payment records are kept for 24 months.", "audience": 1}


def revisions(house: House) -> int:
    with reading(house.runtime.engine) as session:
        return len(session.exec(select(Revision)).all())


def test_publishing_answers_with_what_is_due_and_what_will_follow(program: Program, running: House) -> None:
    made = program.post("/policies/privacy/revisions", {**TEXT, "effective_on": "2026-07-15"}, 201)
    assert (made["revision"]["number"], made["revision"]["verdict"], made["decision"]) == (2, "undecided", "due")
    assert made["revision"]["effective_at"] == "2026-07-15T00:00:00Z"
    assert (made["foreseen"]["verdict"], made["foreseen"]["audience"]) == ("significant", 1)
    with reading(running.runtime.engine) as session:
        assert session.exec(select(DueDecision)).one().expected_audience == 1
        assert (
            session.exec(select(AuditEntry).where(AuditEntry.action == "published")).all()[-1].actor == "key host"
        )
    running.tick()
    assert program.get("/policies/privacy/revisions/2")["verdict"] == "significant"
    assert program.get("/policies/privacy/revisions/2/decision")["findings"]


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"audience": 7}, 422, "Send 1 as the audience"),
        ({"audience": 0}, 422, "0 is not the number"),
        ({"text": ""}, 422, "text"),
        ({"text": "a\0b"}, 422, "NUL"),
        ({"text": "> " * 30 + "deep"}, 422, "nested"),
        ({"text": "a" * 1_000_001}, 422, "text"),
        ({"summary": " "}, 422, "Say in a sentence"),
        ({"summary": "a\x07b"}, 422, "control character"),
        ({"effective_on": "2026-05-01"}, 422, "before now"),
        ({"effective_on": "0001-01-01"}, 422, "effective_on"),
        ({"revision_date": "2026-13"}, 422, "is not a date"),
        ({"rule": "telepathy"}, 422, "rule"),
        ({"notice_days": 2}, 422, "at least 3"),
        ({"notice_days": "30"}, 422, "notice_days"),
        ({"text": FIRST, "rule": "posting"}, 409, "equal to revision 1"),
    ],
)
def test_the_forms_refusals_hold_for_a_key_too(
    program: Program, running: House, change: dict[str, Any], status: int, says: str
) -> None:
    assert says in program.post("/policies/privacy/revisions", {**TEXT, **change}, status)["detail"]
    assert revisions(running) == 1
    program.post("/policies/nothing/revisions", TEXT, 404)


def test_a_revision_to_come_is_withdrawn_with_a_reason(program: Program, running: House) -> None:
    program.post("/policies/privacy/revisions", {**TEXT, "effective_on": "2026-07-15"}, 201)
    running.tick()
    path = "/policies/privacy/revisions/2/withdrawal"
    program.post(path, {"reason": ""}, 422)
    made = program.post(path, {"reason": "Wrong date"}, 201)
    assert (made["revision"]["status"], made["revision"]["withdrawn_because"]) == ("withdrawn", "Wrong date.")
    assert made["correction"] is not None
    program.post(path, {"reason": "Again"}, 409)
    program.post("/policies/privacy/revisions/1/withdrawal", {"reason": "No"}, 409)


def test_a_decision_is_overruled_by_whoever_looked_at_it(program: Program, running: House, later: Any) -> None:
    program.post("/policies/privacy/revisions", TEXT, 201)
    running.tick()
    later(minutes=1)
    path = "/policies/privacy/revisions/2/decision"
    standing = program.get(path)
    body = {"verdict": "minor", "reason": "Only said more clearly", "decision": standing["id"]}
    assert "Somebody else decided" in program.post(path, {**body, "decision": 99}, 409)["detail"]
    made = program.post(path, body, 201)
    assert (made["state"], made["verdict"]) == ("decided", "minor")
    assert program.get(path)["decided_by"] == "key host"


def test_no_key_lowers_level_4_alone(program: Program, running: House, later: Any, bare: FlaskClient) -> None:
    running.publish(CONSENT)
    running.tick()
    path = "/policies/privacy/revisions/2/decision"
    standing = program.get(path)
    if standing["level"] < 4:
        later(minutes=1)
        raised = {"verdict": "significant", "level": 4, "reason": "Sold", "decision": standing["id"]}
        program.post(path, raised, 201)
        standing = program.get(path)
    later(minutes=1)
    body = {"verdict": "minor", "reason": "Harmless", "decision": standing["id"]}
    made = program.post(path, body, 202)
    assert made["state"] == "proposed"
    assert program.get(path)["proposal"] == made["id"]
    other = Program(bare, make_key(running, "override", "read", name="another"))
    other.post(path, body, 409)
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Proposal)).one().proposed_by == "key host"
        latest = session.exec(select(DecisionRecord).order_by(DecisionRecord.id.desc())).first()  # type: ignore[union-attr]
    assert latest is not None
    assert latest.level == 4


def test_a_notice_is_put_off_stopped_and_sent(program: Program, running: House) -> None:
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Notice)).all() == []
    running.publish(LONGER, expected_audience=100)
    running.tick()  # one member, a hundred expected: it waits for a person
    listed = program.get("/notices")["items"]
    assert [(one["id"], one["state"], one["revision"]) for one in listed] == [(1, "waiting", 2)]
    program.post("/notices/1/send", status=409)
    program.post("/notices/1/schedule", {"due_at": "2026-07-01T00:00:00Z"}, 409)
    assert program.post("/notices/1/resume")["state"] == "sending"
    assert program.post("/notices/1/pause")["why"] == "Paused by key host."
    program.post("/notices/1/cancel", {"reason": ""}, 422)
    assert program.post("/notices/1/cancel", {"reason": "Told in person"})["state"] == "cancelled"
    program.post("/notices/1/resume", status=409)
    for path in ("/notices/99/pause", "/notices/99/send"):
        program.post(path, status=404)
    program.get("/notices/99", 404)


def test_a_notice_waits_for_the_time_it_is_given(program: Program, running: House, later: Any) -> None:
    settings = running.runtime.settings.model_copy(update={"review_minutes": 60})
    object.__setattr__(running.runtime, "settings", settings)
    running.publish(LONGER)
    running.tick()
    assert program.get("/notices/1")["state"] == "scheduled"
    program.post("/notices/1/schedule", {"due_at": "2026-05-01T00:00:00Z"}, 422)
    due = (running.now + timedelta(days=2)).isoformat()
    assert program.post("/notices/1/schedule", {"due_at": due})["due_at"] == "2026-06-03T12:00:00Z"
    assert program.post("/notices/1/send")["due_at"] == "2026-06-01T12:00:00Z"
    running.tick()
    assert program.get("/notices/1")["state"] == "complete"


def test_evidence_is_taken_and_that_it_was_is_on_record(program: Program, running: House) -> None:
    running.publish(LONGER)
    running.tick()
    for path in ("/members/ada/evidence", "/notices/1/evidence", "/policies/privacy/evidence"):
        answer = program.send("POST", path)
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        with ZipFile(BytesIO(answer.data)) as pack:
            assert "verify.py" in pack.namelist()
        assert answer.headers["Cache-Control"] == "no-store"
    for path in ("/members/nobody/evidence", "/notices/9/evidence", "/policies/nothing/evidence"):
        program.post(path, status=404)
    with reading(running.runtime.engine) as session:
        made = session.exec(select(AuditEntry).where(AuditEntry.action == "evidence made")).all()
    assert [(entry.actor, entry.detail["of"]) for entry in made] == [
        ("key host", "member 1"), ("key host", "notice 1"), ("key host", "policy privacy"),
    ]  # fmt: skip
