"""A request that comes twice is done once, and answered as the first time; what is kept of it names nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlmodel import col, func, select

from database import reading
from notifier import overruling, scheduler
from notifier.idempotency import Repeat
from notifier.models import Acknowledgement, Member
from policy_versions.models import DecisionRecord, Revision
from tests.house import LONGER, House
from tests.web.api.conftest import Program

READ = {"policy": "privacy", "revision": 1, "kind": "read"}
WORDS = "/members/ada/acknowledgements"
PUBLISHED = {"text": LONGER, "summary": "Payment records are kept for 24 months.", "audience": 1}


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """Two at once are held apart by the database, so both are asked."""
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    return url


def count(house: House, table: Any) -> int:
    with reading(house.runtime.engine) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_the_same_again_is_answered_as_before(program: Program, running: House, later: Any) -> None:
    first = program.send("POST", WORDS, READ, Idempotency_Key="k1")
    later(hours=1)
    again = program.send("POST", WORDS, READ, Idempotency_Key="k1")
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Cache-Control"] == "no-store"


def test_the_same_key_for_another_request_is_refused(program: Program, running: House) -> None:
    program.post(WORDS, READ, 201, Idempotency_Key="k1")
    for path, body in ((WORDS, {**READ, "kind": "declined"}), ("/policies/privacy/revisions", PUBLISHED)):
        assert "another request" in program.post(path, body, 422, Idempotency_Key="k1")["detail"]
    assert (count(running, Acknowledgement), count(running, Revision)) == (1, 1)


def test_what_was_refused_may_be_sent_again(program: Program, running: House) -> None:
    program.post("/policies/privacy/revisions", {**PUBLISHED, "audience": 7}, 422, Idempotency_Key="k1")
    made = program.post("/policies/privacy/revisions", PUBLISHED, 201, Idempotency_Key="k1")
    again = program.post("/policies/privacy/revisions", PUBLISHED, 201, Idempotency_Key="k1")
    assert made == again
    assert count(running, Revision) == 2


def test_a_key_is_forgotten_after_a_day(program: Program, running: House, later: Any) -> None:
    program.post(WORDS, READ, 201, Idempotency_Key="k1")
    later(hours=24)
    purge = next(job for job in scheduler.JOBS if job.name == "purge")
    scheduler.tick(running.runtime, purge)
    assert count(running, Repeat) == 0
    program.post(WORDS, {**READ, "kind": "accepted"}, 201, Idempotency_Key="k1")
    assert count(running, Acknowledgement) == 2


def test_a_key_is_free_after_a_day_though_no_scheduler_ran(program: Program, later: Any) -> None:
    program.post(WORDS, READ, 201, Idempotency_Key="k1")
    later(hours=23)
    program.post(WORDS, {**READ, "kind": "accepted"}, 422, Idempotency_Key="k1")
    later(hours=1)
    program.post(WORDS, {**READ, "kind": "accepted"}, 201, Idempotency_Key="k1")


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_of_many_at_once_one_creates(program: Program, app: Flask, running: House) -> None:
    def publish(_: int) -> tuple[int, bytes]:
        other = Program(app.test_client(), program.token)
        answer = other.send("POST", "/policies/privacy/revisions", PUBLISHED, Idempotency_Key="k1")
        return answer.status_code, answer.data

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(publish, range(6)))
    assert {status for status, _ in answers} == {201}, answers
    assert len(answers) == 1
    assert (count(running, Revision), count(running, Repeat)) == (2, 1)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_of_many_decisions_at_once_one_is_made(program: Program, app: Flask, running: House, later: Any) -> None:
    program.post("/policies/privacy/revisions", PUBLISHED, 201)
    running.tick()
    later(minutes=1)
    path = "/policies/privacy/revisions/2/decision"
    body = {"verdict": "minor", "reason": "No change in fact", "decision": program.get(path)["id"]}

    def decide(_: int) -> int:
        return Program(app.test_client(), program.token).send("POST", path, body, Idempotency_Key="k1").status_code

    before = count(running, DecisionRecord)
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(decide, range(4)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert count(running, DecisionRecord) == before + 1
    assert program.send("POST", path, body, Idempotency_Key="k1").headers["Idempotency-Replayed"] == "true"


def test_a_decision_cut_short_is_not_under_way_for_ever(
    program: Program, running: House, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.post("/policies/privacy/revisions", PUBLISHED, 201)
    running.tick()
    later(minutes=1)
    path = "/policies/privacy/revisions/2/decision"
    body = {"verdict": "minor", "reason": "No change in fact", "decision": program.get(path)["id"]}

    class Killed(BaseException):
        pass

    def killed(*_given: object, **_others: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(overruling, "overrule", killed)
        program.send("POST", path, body, Idempotency_Key="k1")
    assert "under way" in program.post(path, body, 409, Idempotency_Key="k1")["detail"]
    later(minutes=2)
    program.post(path, body, 201, Idempotency_Key="k1")


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_that_could_be_mistaken_is_refused(program: Program, running: House, key: str) -> None:
    assert program.send("POST", WORDS, READ, Idempotency_Key=key).status_code == 422
    assert count(running, Acknowledgement) == 0


def test_nothing_personal_is_kept_with_an_answer(program: Program, running: House) -> None:
    named = "canary-1001"
    rows = f'{{"external_id": "{named}", "email": "{named}@example.com", "{named}": 1}}\n'
    rows += f'{{"external_id": "{named}", "email": "{named}@example.com"}}\n{{"external_id": "{named}"}}\n{named}'
    kind = "application/x-ndjson"
    done = program.post("/members:batch", rows.encode(), 200, Content_Type=kind, Idempotency_Key=named)
    assert [row["result"] for row in done["rows"]] == ["refused", "added", "refused", "refused"]
    program.post(f"/members/{named}/acknowledgements", READ, 201, Idempotency_Key=named + "2")
    program.post(f"/members/{named}/rename", {"external_id": f"{named}b"}, 204, Idempotency_Key=named + "3")
    with reading(running.runtime.engine) as session:
        kept = session.exec(select(Repeat)).all()
        members = session.exec(select(Member.external_id).order_by(col(Member.id))).all()
    assert len(kept) == 3
    assert "canary" not in repr([row.model_dump() for row in kept])
    assert members == ["ada", f"{named}b"]
    assert {row.claimed_at for row in kept} == {running.now - timedelta()}
