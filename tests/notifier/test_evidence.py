"""Evidence packs: they hold what they should, verify by themselves, and name what was changed in them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from database import reading
from notifier import outbox, sealing, verifying
from notifier.evidence import making, verify
from notifier.models import Member, Notice
from notifier.runtime import Runtime
from policy_versions import chain, policies
from tests.conftest import NOON, make_engine, make_settings
from tests.house import House, KeptLetters, SetClock
from tests.notifier import records
from tests.notifier.lives import Life, steps_of
from tests.notifier.sending import Later
from tests.once import made_once

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
@made_once
def record(house: House, letters: KeptLetters, later: Later) -> House:
    records.of_everything(house, letters, later)
    return house


def _member(session: Session, name: str) -> Member:
    return session.exec(select(Member).where(Member.external_id == name)).one()


def _pack(house: House, of: Callable[[Session, io.BytesIO], None]) -> bytes:
    target = io.BytesIO()
    with reading(house.runtime.engine) as session:
        of(session, target)
    return target.getvalue()


def member_pack(house: House, name: str, *, personal: bool = True) -> bytes:
    return _pack(house, lambda s, to: making.of_member(s, _member(s, name), to, personal=personal))


def notice_pack(house: House) -> bytes:
    return _pack(house, lambda s, to: making.of_notice(s, s.exec(select(Notice).order_by(Notice.id)).first(), to))  # type: ignore[arg-type]


def policy_pack(house: House) -> bytes:
    return _pack(house, lambda s, to: making.of_policy(s, policies.policy(s, "privacy"), to))


def verified(pack: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """How many things do not hold, and what is printed."""
    path = folder / "pack.zip"
    path.write_bytes(pack)
    capsys.readouterr()
    failed = verify.verify(path)
    return failed, capsys.readouterr().out


def test_every_pack_holds(record: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = [member_pack(record, name) for name in ("ann", "cem", "eve", "ward")]
    for pack in (*packs, notice_pack(record), policy_pack(record)):
        failed, said = verified(pack, tmp_path, capsys)
        assert failed == 0, said
        assert "Everything holds." in said


@ON_SQLITE
def test_it_verifies_itself_unpacked_with_python_alone(record: House, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(member_pack(record, "ann"))) as archive:
        archive.extractall(tmp_path / "pack")
    run = [sys.executable, "-I", "-S", str(tmp_path / "pack" / "verify.py")]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, "Everything holds." in done.stdout) == (0, True), done.stdout + done.stderr
    (tmp_path / "pack" / "texts" / "privacy" / "001.md").write_text("Something else.")
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 1
    assert "revision 1: its text is not the one of its hash" in done.stdout


@ON_SQLITE
@pytest.mark.parametrize("seed", range(3))
def test_timelines_of_random_lives_are_folded_alike(
    house: House, letters: KeptLetters, later: Later, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    life = Life(house, letters, later)
    life.go(steps_of(seed, 36))
    sealing.seal(house.runtime)
    # a life settles doubts and hears of letters by rows of its own, past what keeps states and figures
    by_hand = ("none of its requests is", "run gazette reindex")
    found = [each for result in verifying.verify(house.runtime.engine) for each in result.found]
    assert [each for each in found if not each.says.endswith(by_hand)] == []
    with reading(house.runtime.engine) as session:
        members = session.exec(select(Member)).all()
        spans = 0
        for member in members[:12]:
            target = io.BytesIO()
            making.of_member(session, member, target, personal=False)
            failed, said = verified(target.getvalue(), tmp_path, capsys)
            assert failed == 0, said
            spans += int(said.split("timelines: ")[1].split()[0])
    assert spans >= len(members[:12]) // 2


# -- what is in them ----------------------------------------------------------------------------


@ON_SQLITE
def test_the_same_facts_give_the_same_bytes(record: House, later: Later) -> None:
    first = [member_pack(record, "ann"), notice_pack(record), policy_pack(record)]
    later(hours=5)
    assert [member_pack(record, "ann"), notice_pack(record), policy_pack(record)] == first


def _holds(pack: bytes, words: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        return [name for name in archive.namelist() if words in archive.read(name)]


@ON_SQLITE
def test_only_an_access_request_carries_an_address_and_only_their_own(record: House) -> None:
    assert _holds(member_pack(record, "ann"), b"ann@example.com") == ["personal.json"]
    assert _holds(member_pack(record, "ann"), b"bob") == []
    assert _holds(member_pack(record, "ward"), b"guardian@example.com") == []
    for pack in (member_pack(record, "ann", personal=False), notice_pack(record), policy_pack(record)):
        assert _holds(pack, b"@example.com") == []


@ON_SQLITE
def test_the_pack_of_somebody_erased_holds_and_carries_nothing_personal(
    record: House, later: Later, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with reading(record.runtime.engine) as session:
        member = _member(session, "ann")
    later(hours=1)
    outbox.erase(record.runtime, member, actor="a test")
    pack = _pack(record, lambda s, to: making.of_member(s, s.get_one(Member, member.id), to, personal=False))
    assert _holds(pack, b"ann@") == []
    failed, said = verified(pack, tmp_path, capsys)
    assert failed == 0, said


# -- what was changed in them -------------------------------------------------------------------


def changed(pack: bytes, name: str, change: Callable[[bytes], bytes], *, honest: bool = True) -> bytes:
    """A pack in which a file was changed. honest: with a manifest that says so, as a forger would write it."""
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    files[name] = change(files[name])
    if honest and name != "manifest.json":
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] = hashlib.sha256(files[name]).hexdigest()
        manifest["sha256"] = chain.link("", {key: value for key, value in manifest.items() if key != "sha256"})
        files["manifest.json"] = json.dumps(manifest).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)
    return target.getvalue()


def row_changed(**values: Any) -> Callable[[bytes], bytes]:
    """In a table's file, the last row with other values."""

    def change(content: bytes) -> bytes:
        *others, last = content.decode().splitlines()
        return "\n".join([*others, json.dumps({**json.loads(last), **values}), ""]).encode()

    return change


def stated(content: bytes) -> bytes:
    lines = json.loads(content)
    lines[0]["spans"][-1]["from"] = "2026-06-05T00:00:00.000000+00:00"
    return json.dumps(lines).encode()


def unsealed(content: bytes, subject: bytes) -> bytes:
    """The seals but for those of one table."""
    return b"".join(line for line in content.splitlines(True) if b'"subject":"%s"' % subject not in line)


LATE = "2030-01-01T00:00:00.000000+00:00"
FORGED = [
    ("texts/privacy/002.md", lambda content: content + b"x", "revision 2: its text is not the one of its hash"),
    ("rows/revision.jsonl", row_changed(effective_at="2026-06-03T00:00:00.000000+00:00"), "chain hash does not"),
    ("rows/decision.jsonl", row_changed(verdict="minor"), "decision: a row from"),
    ("rows/withdrawal.jsonl", row_changed(reason="None."), "withdrawal: a row from"),
    ("rows/member.jsonl", row_changed(joined_at="2026-06-02T00:00:00.000000+00:00"), "member: a row from"),
    ("rows/acknowledgement.jsonl", row_changed(kind="accepted"), "acknowledgement: a row from"),
    ("rows/delivery_event.jsonl", row_changed(event="bounce"), "delivery_event: a row from"),
    ("rows/delivery.jsonl", row_changed(position=77), "attempt"),
    ("rows/attempt.jsonl", row_changed(recorded_at="2026-06-02T00:00:00.000000+00:00"), "attempt"),
    ("rows/notice.jsonl", row_changed(kind="correction"), "notice: a row from"),
    ("rows/audit.jsonl", row_changed(actor="somebody else"), "audit log: entry"),
    ("rows/seal.jsonl", row_changed(rows=7), "its hash does not follow"),
    ("rows/letter.jsonl", row_changed(subject="Another"), "letter"),
    ("heads.json", lambda content: b'{"privacy": "00"}', "the head is not the one stated"),
    ("timelines.json", stated, "the facts give No. 2 from"),
    ("timelines.json", lambda content: content.replace(b"revision:1", b"revision:9"), "is not in this pack"),
    ("rows/notice.jsonl", row_changed(opened_at="2026-06-02T00:00:00.000000+00:00"), "opened_at is not the time"),
    ("rows/notice.jsonl", row_changed(recalled_at="2026-06-02T00:00:00.000000+00:00"), "recalled_at is not the"),
    ("rows/delivery.jsonl", row_changed(outcome="failed", reason="x", outcome_at=LATE), "no request says so"),
    ("rows/policy.jsonl", lambda content: content + content.replace(b'"id":1', b'"id":9'), "and it is in none"),
    ("rows/revision.jsonl", row_changed(notice_days=10**9), "malformed: OverflowError"),
    ("rows/seal.jsonl", row_changed(present="0-99999999999"), "is no place in a seal"),
    ("rows/seal.jsonl", lambda content: unsealed(content, b"decision"), "and it is in none"),
]


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> bytes:
    """Ann's pack, made once for all that is changed in it."""
    folder = tmp_path_factory.mktemp("record")
    shutil.copy(sqlite_template, folder / "gazette.db")
    url, clock, letters = f"sqlite:///{folder / 'gazette.db'}", SetClock(NOON), KeptLetters()
    house = House(Runtime(make_engine(url), clock, letters, make_settings(url, folder), "node 1"))

    def later(**by: float) -> datetime:
        clock.instant += timedelta(**by)
        return clock.instant

    records.of_everything(house, letters, later)
    later(days=30)
    made = member_pack(house, "ann")
    house.runtime.engine.dispose()
    return made


@pytest.mark.parametrize(("name", "change", "says"), FORGED, ids=[f"{n}:{s[:20]}" for n, _, s in FORGED])
def test_what_was_changed_in_a_pack_is_named(
    ann: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    change: Callable[[bytes], bytes],
    says: str,
) -> None:
    failed, said = verified(changed(ann, name, change), tmp_path, capsys)
    assert failed, said
    assert says in said
    failed, said = verified(changed(ann, name, change, honest=False), tmp_path, capsys)
    assert f"manifest: {name} is not the file of its hash" in said


def test_a_row_that_no_seal_covers_is_named_even_if_all_else_is_made_to_fit(
    ann: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def invent(content: bytes) -> bytes:
        last = json.loads(content.splitlines()[-1])
        made = {**last, "id": 999, "kind": "read", "recorded_at": "2026-07-30T00:00:00.000000+00:00"}
        return content + json.dumps(made).encode() + b"\n"

    failed, said = verified(changed(ann, "rows/acknowledgement.jsonl", invent), tmp_path, capsys)
    assert failed == 0
    assert "note   covered by seals: in no seal, as only the latest may be: acknowledgement 999\n" in said
    assert said.endswith("Everything holds. Read the notes above.\n")


def test_what_a_pack_says_of_itself_is_held_against_it(
    ann: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def titled(content: bytes) -> bytes:
        return json.dumps({**json.loads(content), "title": "x\x1b[2K\nholds  all: "}).encode()

    failed, said = verified(changed(ann, "manifest.json", titled), tmp_path, capsys)
    assert failed == 1
    assert "FAILS  manifest: manifest.json is not the one of its hash" in said
    assert said.endswith("\nx�[2K�holds  all: : 1 things do not hold.\n")


def test_a_pack_of_a_notice_or_a_policy_is_held_to_its_seals(
    record: House, later: Later, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later(days=3)
    forged = [
        (notice_pack(record), "rows/delivery.jsonl", row_changed(member_id=77), "delivery: a row from"),
        (notice_pack(record), "rows/delivery.jsonl", lambda content: b"", "0 letters are here, not"),
        (policy_pack(record), "rows/attempt.jsonl", row_changed(body_sha256="00"), "attempt: a row from"),
        (policy_pack(record), "rows/attempt.jsonl", row_changed(said="Made up."), "an answer, or a letter in it"),
        (policy_pack(record), "rows/batch.jsonl", lambda content: b"", "its requests are here, and it is not"),
    ]
    for pack, name, change, says in forged:
        failed, said = verified(changed(pack, name, change), tmp_path, capsys)
        assert failed, says
        assert says in said


def without(pack: bytes, name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pack)) as archive, zipfile.ZipFile(target, "w") as other:
        for each in archive.namelist():
            if each != name:
                other.writestr(each, archive.read(each))
    return target.getvalue()


def with_one_more(pack: bytes, name: str, content: bytes = b"") -> bytes:
    target = io.BytesIO(pack)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


def bad(content: bytes) -> Callable[[bytes], bytes]:
    return lambda _: content


MALFORMED: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("no archive", lambda pack: b"nothing", "is no whole archive"),
    ("empty", lambda pack: b"", "is no whole archive"),
    ("cut short", lambda pack: pack[: len(pack) // 2], "is no whole archive"),
    ("a bit flipped", lambda pack: pack[:5000] + bytes([pack[5000] ^ 1]) + pack[5001:], "FAILS"),
    ("a file missing", lambda pack: without(pack, "heads.json"), "heads.json is missing"),
    ("no timelines", lambda pack: without(pack, "timelines.json"), "timelines: timelines.json is missing"),
    ("a text missing", lambda pack: without(pack, "texts/privacy/001.md"), "texts/privacy/001.md is missing"),
    ("no manifest", lambda pack: without(pack, "manifest.json"), "manifest.json is missing"),
    ("a manifest of something", lambda pack: changed(pack, "manifest.json", bad(b"[]")), "not of the format"),
    (
        "bad JSON",
        lambda pack: changed(pack, "rows/decision.jsonl", bad(b"{\n")),
        "decision.jsonl, line 1 is no JSON",
    ),
    ("no object", lambda pack: changed(pack, "rows/decision.jsonl", bad(b"7\n")), "is no object"),
    ("too deep", lambda pack: changed(pack, "timelines.json", bad(b"[" * 100_000)), "timelines"),
    ("broken off", lambda pack: changed(pack, "rows/audit.jsonl", lambda c: c[:-9]), "breaks off"),
    ("no text", lambda pack: changed(pack, "timelines.json", bad(b"\xff")), "is no UTF-8 text"),
    ("no column", lambda pack: changed(pack, "rows/batch.jsonl", bad(b'{"id":1}\n')), "malformed"),
    ("a naive time", lambda p: changed(p, "rows/decision.jsonl", row_changed(decided_at="2026-01-01")), "no zone"),
    ("out of the pack", lambda pack: with_one_more(pack, "../evil"), "leads out of the pack"),
    ("from the root", lambda pack: with_one_more(pack, "/etc/evil"), "leads out of the pack"),
    ("a drive", lambda pack: with_one_more(pack, "C:evil"), "leads out of the pack"),
    ("a bomb", lambda pack: with_one_more(pack, "big", bytes(50_000_000)), "would unpack to 50,000,000 bytes"),
    ("one too many", lambda pack: with_one_more(pack, "more.txt", b"x"), "more.txt is not in the manifest"),
]


@pytest.mark.parametrize(("change", "says"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
def test_a_malformed_pack_is_named_and_never_a_traceback(
    ann: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[bytes], bytes], says: str
) -> None:
    failed, said = verified(change(ann), tmp_path, capsys)
    assert failed
    assert says in said
