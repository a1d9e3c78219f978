"""Evidence packs: they hold what they should, verify by themselves, and name what was changed in them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from database import reading
from notifier import outbox, sealing
from notifier.evidence import making, verify
from notifier.models import Member, Notice
from policy_versions import policies
from tests.house import House, KeptLetters
from tests.notifier import records
from tests.notifier.lives import Life, steps_of
from tests.notifier.sending import Later

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
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
