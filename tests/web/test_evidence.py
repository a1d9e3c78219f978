"""The page of proof, packs from the administration, and the chain's head on every page of a policy."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from database import reading, writing
from notifier import verifications
from notifier.evidence import verify
from notifier.models import Batch
from policy_versions.models import AuditEntry, Revision
from tests.house import House, KeptLetters
from tests.notifier import records
from tests.notifier.sending import Later
from tests.once import made_once
from tests.web.test_admin import Administrator, password_hash, token, words
from tests.web.test_decisions import account

__all__ = ["password_hash"]  # a fixture
PAGE = "/admin/evidence"


@pytest.fixture
def ines(house: House, app: Flask, password_hash: str) -> Administrator:
    return account(house, app, "ines", password_hash)


@pytest.fixture
@made_once
def told(house: House, letters: KeptLetters, later: Later) -> House:
    records.told(house, letters, later)
    return house


def test_a_verification_that_is_asked_for_is_made_by_the_scheduler_and_shown(
    ines: Administrator, told: House
) -> None:
    assert "has not been verified yet" in words(ines.get(PAGE))
    ines.post(f"{PAGE}/verify", seen=PAGE)
    assert "waits for the scheduler" in words(ines.get(PAGE))
    told.tick()
    said = words(ines.get(PAGE))
    assert "Holds Verified" in said
    assert "asked for by ines" in said


def test_every_night_the_record_is_verified_once(told: House, later: Later) -> None:
    told.runtime.clock.instant = told.now.replace(hour=2)  # type: ignore[attr-defined]
    made = [verifications.tick(told.runtime) for _ in range(3)]
    later(days=1)
    assert [*made, verifications.tick(told.runtime)] == [1, 0, 0, 1]
    assert verifications.tick(told.runtime) == 0


def test_what_was_changed_is_a_banner_until_it_is_put_right(ines: Administrator, told: House) -> None:
    with told.runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE batch SET size = size + 1 WHERE id = 1")
    ines.post(f"{PAGE}/verify", seen=PAGE)
    told.tick()
    for page in (PAGE, "/admin/"):
        assert "The record does not hold" in words(ines.get(page))
    assert "batch 1" in words(ines.get(PAGE))
    with told.runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE batch SET size = size - 1 WHERE id = 1")
    ines.post(f"{PAGE}/verify", seen=PAGE)
    told.tick()
    assert "The record does not hold" not in words(ines.get("/admin/"))


def pack(ines: Administrator, path: str, **fields: str) -> bytes:
    data = {"csrf_token": token(ines.get(PAGE)), **fields}
    answer = ines.client.post(path, data=data)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip"), words(answer.text)[:300]
    archive: bytes = answer.data
    answer.close()
    return archive


@pytest.mark.parametrize(
    ("kind", "name", "personal"),
    [("member", "ann", True), ("pseudonym", "1", False), ("notice", "1", False), ("policy", "privacy", False)],
)
def test_a_pack_is_made_and_that_it_was_is_on_record(
    ines: Administrator, told: House, kind: str, name: str, personal: bool, tmp_path: Path
) -> None:
    (tmp_path / "pack.zip").write_bytes(pack(ines, PAGE, kind=kind, name=name))
    assert verify.verify(tmp_path / "pack.zip") == 0
    with reading(told.runtime.engine) as session:
        made = session.exec(select(AuditEntry).where(AuditEntry.action == "evidence made")).one()
    assert (made.actor, made.detail["personal"]) == ("ines", personal)
    assert "ann" not in json.dumps(made.detail)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("member", "nobody"), ("pseudonym", "x"), ("notice", "9"), ("policy", "../x"), ("else", "1")],
)
def test_a_pack_of_what_is_not_there_is_refused(ines: Administrator, told: House, kind: str, name: str) -> None:
    said = ines.post(PAGE, {"kind": kind, "name": name}, status=404)
    assert "There is a problem" in words(said)


def test_pages_of_a_notice_and_a_policy_lead_to_their_packs(ines: Administrator, told: House) -> None:
    for page, path in (
        ("/admin/notices/1", f"{PAGE}/notice/1"),
        ("/admin/policies/privacy", f"{PAGE}/policy/privacy"),
    ):
        assert f'action="{path}"' in ines.get(page)
        assert pack(ines, path)
    with zipfile.ZipFile(io.BytesIO(pack(ines, f"{PAGE}/member/1", personal="yes"))) as archive:
        assert json.loads(archive.read("personal.json"))["email"] == "ann@example.com"


def test_a_notice_too_large_to_wait_for_is_made_at_the_command_line(ines: Administrator, told: House) -> None:
    with writing(told.runtime.engine) as session:
        batch = session.get_one(Batch, 1)
        batch.size = 200_000
        session.add(batch)
    said = words(ines.post(f"{PAGE}/notice/1", status=409, seen=PAGE))
    assert "gazette evidence notice 1" in said


def test_the_head_of_the_chain_stands_on_every_page_and_is_explained(client: FlaskClient, told: House) -> None:
    with reading(told.runtime.engine) as session:
        head = session.exec(select(Revision.chain).where(Revision.number == 2)).one()
    short = " ".join(head[start : start + 4] for start in (0, 4, 8, 12))
    for page in ("", "/1", "/history", "/compare/1..2", "/chain"):
        html = client.get(f"/privacy{page}").text
        assert short in html
        assert 'href="/privacy/chain"' in html
    assert head in client.get("/privacy/chain").text
    index = client.get("/").text
    assert f'<a class="mono" href="/privacy/chain">{short}</a>' in index
    assert index.count(short) == 1
    assert client.get("/nothing/chain").status_code == 404


def test_the_chain_as_json_can_be_followed_by_anybody(client: FlaskClient, told: House) -> None:
    told.tick()
    given = client.get("/privacy/chain.json").get_json()
    previous = ""
    for each in given["links"]:
        facts = {name: value for name, value in each.items() if name != "chain"}
        line = json.dumps(
            {"previous": previous, **facts}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        previous = hashlib.sha256(line.encode()).hexdigest()
        assert previous == each["chain"]
    assert previous == given["head"]
    assert given["seals"]["number"] > 1


def test_a_letter_carries_the_head(told: House, letters: KeptLetters) -> None:
    with reading(told.runtime.engine) as session:
        head = session.exec(select(Revision.chain).where(Revision.number == 2)).one()
    _, text, html = letters.read("ann@example.com")
    assert head in text
    assert head in html
