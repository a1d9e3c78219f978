"""A canary: an address and a key that entered by every door are, once erased, in nothing that is kept.

Every table is walked by reflection, and every file of the instance read, as they are and decoded: whatever a later
table or file brings is looked at here too. The pseudonym goes on answering.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import logging
import quopri
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from flask import Flask
from sqlalchemy import MetaData
from sqlalchemy import select as sa_select
from sqlmodel import select

from app import create_app
from database import forget_erased, reading, writing
from errors import NoSuchMember
from notifier import (
    erasures,
    exporting,
    keys,
    logs,
    members,
    outbox,
    replaying,
    restoring,
    senders,
    standing,
    suppressions,
    tokens,
)
from notifier.bounces import taking
from notifier.models import Delivery, Member
from notifier.runtime import Runtime
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House, SetClock
from tests.notifier.bounces.reports import status
from tests.web.api.conftest import Program
from tests.web.test_admin import PASSWORD, Administrator, filled, password_hash, start_draft
from tests.web.test_hooks import Provider
from web import roles
from web.accounts import Account

__all__ = ["password_hash"]  # a fixture
KEY = "quirin-zsolnay-1871"
ADDRESS = "Quirin.Zsolnay@xylograph.example"
GUARDIAN = "wilhelmine@xylograph.example"
NEEDLES = ("quirin", "zsolnay", "wilhelmine", "xylograph")
Later = Callable[..., datetime]


# -- looking ------------------------------------------------------------------------------------


@cache
def found_in(raw: bytes, depth: int = 2) -> str | None:
    """What of the person stands in some bytes, as they are or decoded; None for nothing."""
    seen = raw.lower()
    for needle in NEEDLES:
        if needle.encode() in seen or needle.encode("utf-16-le") in seen:
            return needle
    if not depth:
        return None
    inner = {each for way in WAYS for each in way(raw) if each and each != raw}
    return next((found for each in inner if (found := found_in(each, depth - 1))), None)


_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}(?:\r?\n[A-Za-z0-9+/_-]{12,})*")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){6,}")
_ESCAPED = re.compile(rb"\\u00([0-9a-fA-F]{2})")


def _as_text(raw: bytes) -> Iterator[bytes]:
    if b"%" in raw:
        yield unquote_to_bytes(raw)
    if b"=" in raw:
        yield quopri.decodestring(raw)
    if b"&#" in raw:
        yield unescape(raw.decode("latin-1")).encode()
    if b"\\u00" in raw:
        yield _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), raw)


def _as_base64(raw: bytes) -> Iterator[bytes]:
    """All runs at once, each from all four places at which it may begin."""
    runs = [re.sub(rb"\s", b"", run).translate(_URL_SAFE) for run in _BASE64.findall(raw)]
    for start in range(4):
        yield b"\n".join(binascii.a2b_base64(_padded(run[start:])) for run in runs)


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _padded(run: bytes) -> bytes:
    whole = run[: len(run) - 1] if len(run) % 4 == 1 else run
    return whole + b"=" * (-len(whole) % 4)


def _as_hex(raw: bytes) -> Iterator[bytes]:
    yield b"\n".join(bytes.fromhex(run.decode()) for run in _HEX.findall(raw))


def _unpacked(raw: bytes) -> Iterator[bytes]:
    if raw[:2] in (b"x\x9c", b"x\xda", b"x\x01", b"\x1f\x8b"):
        yield zlib.decompress(raw, 47)
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for name in archive.namelist():
                yield name.encode() + b"\n" + archive.read(name)


WAYS = (_as_text, _as_base64, _as_hex, _unpacked)


def in_columns(runtime: Runtime) -> dict[str, str]:
    """Where it stands in the database, by table and column."""
    tables = MetaData()
    tables.reflect(runtime.engine)
    hits: dict[str, str] = {}
    with runtime.engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(sa_select(table)).mappings():
                for column, value in row.items():
                    needle = found_in(_bytes(value)) if value is not None else None
                    if needle:
                        hits[f"{table.name}.{column}"] = needle
    return hits


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False).encode()
    return str(value).encode("utf-8", "replace")


def in_files(*folders: Path) -> dict[str, str]:
    """Where it stands in files, those of the database among them, names included."""
    hits: dict[str, str] = {}
    for folder in folders:
        for file in folder.rglob("*"):
            # the pages of a database's file are looked at as they are: decoded, their rows were
            plain = ".db" in file.name
            content = file.read_bytes() if file.is_file() else b""
            needle = found_in(file.name.encode(), 1) or found_in(content, 0 if plain else 2)
            if needle:
                hits[file.name] = needle
    return hits


@pytest.mark.parametrize(
    "written",
    [
        *(ADDRESS.encode(), KEY.encode(), ADDRESS.upper().encode(), ADDRESS.encode("utf-16-le")),
        *(base64.b64encode(b"x" * n + ADDRESS.encode()) for n in range(4)),
        *(quote(KEY).replace("-", "%2D").encode(), quopri.encodestring(ADDRESS.encode(), quotetabs=True)),
        *(ADDRESS.encode().hex().encode(), zlib.compress(ADDRESS.encode()), b'{"a":"\\u0051uirin"}'),
        *(quote("Qui").encode() + b"%72in", b"&#81;uirin", base64.b64encode(base64.b64encode(KEY.encode()))),
    ],
)
def test_the_canary_is_heard_however_it_is_written(written: bytes) -> None:
    assert found_in(b"before " + written + b" after") or found_in(written)
    assert found_in(b"nobody@example.com and a keyed hash 9f86d081884c7d659a2feaa0c55ad015") is None


# -- the doors ----------------------------------------------------------------------------------


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path, provider: Provider) -> Any:
    return make_settings(
        database_url, tmp_path, sendgrid_webhook_key=provider.public_key, bounce_address="bounces@plover.example"
    )


class Heard(logging.Handler):
    """Every word of the logs as it comes, before the last wall takes anything out (see logs.WithoutAddresses)."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Heard]:
    """And beside them the log of a process, as JSON, in a file of the instance."""
    root, handler = logging.getLogger(), Heard()
    root.addHandler(handler)
    with (tmp_path / "gazette.log").open("w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        logs.configure(make_settings("sqlite://", tmp_path, log="json"))
        yield handler
    root.removeHandler(handler)


@pytest.fixture
def instance(
    house: House,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    heard: Heard,
    tmp_path: Path,
) -> House:
    """A house whose letters are files, as in a first start; what is written for a moment is written here too."""
    (tmp_path / "passing").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "passing"))
    monkeypatch.setattr("tempfile.tempdir", None)
    settings = house.runtime.settings
    return House(Runtime(house.runtime.engine, clock, senders.chosen(settings), settings, "node 1"))


@pytest.fixture
def admin(instance: House, app: Flask, password_hash: str) -> Administrator:
    with writing(instance.runtime.engine) as session:
        session.add(Account(name="ines", password_hash=password_hash, roles=roles.ALL, created_at=instance.now))
    signed_in = Administrator(app.test_client())
    signed_in.post("/admin/sign-in", {"name": "ines", "password": PASSWORD})
    return signed_in


@pytest.fixture
def app(instance: House) -> Flask:
    made = create_app(runtime=instance.runtime)
    made.config["TESTING"] = True
    return made


@pytest.fixture
def program(instance: House, app: Flask) -> Program:
    with writing(instance.runtime.engine) as session:
        token = keys.create(session, "host", keys.SCOPES, actor="a test", now=instance.now)
    return Program(app.test_client(), token)


class Person:
    """Comes in by every door there is."""

    def __init__(self, house: House, program: Program, admin: Administrator, provider: Provider) -> None:
        self.house, self.program, self.admin, self.provider = house, program, admin, provider

    @property
    def member(self) -> Member:
        with reading(self.house.runtime.engine) as session:
            return members.by_external_id(session, KEY)

    def by_file(self, folder: Path, ending: str) -> None:
        row = {"external_id": KEY, "email": ADDRESS, "guardian_email": GUARDIAN}
        file = folder / f"members{ending}"
        file.write_text(json.dumps(row) if ending == ".jsonl" else f"{','.join(row)}\n{','.join(row.values())}\n")
        with writing(self.house.runtime.engine) as session:
            rows, secret = members.read(file), self.house.runtime.secret
            assert list(members.bring_in(session, rows, secret=secret, now=self.house.now))[-1].refused == 0
        file.unlink()  # the host's own

    def by_api(self) -> None:
        self.program.put(f"/members/{KEY}", {"email": ADDRESS, "guardian_email": GUARDIAN})
        self.program.put(f"/members/{KEY}", {"guardian_email": None})
        line = json.dumps({"external_id": KEY, "email": ADDRESS, "locale": "de"}).encode()
        for _ in range(2):
            self.program.send(
                "POST", "/members:batch", line, Content_Type="application/x-ndjson", Idempotency_Key=f"batch {KEY}"
            )
        for body in ({"email": "not@" + ADDRESS}, {"email": ADDRESS, "unknown": ADDRESS}, [ADDRESS]):
            self.program.send("PUT", f"/members/{KEY}", body)
        self.program.send(
            "POST",
            f"/members/{KEY}/acknowledgements",
            {"policy": "privacy", "revision": 2, "kind": "read", "actor": "member"},
            Idempotency_Key=KEY,
        )
        self.program.send("POST", f"/members/{KEY}/session", {}, Idempotency_Key=f"session {KEY}")
        asked = {"policy": "privacy", "pairs": [{"external_id": KEY, "at": "2026-06-01T12:00:00Z"}]}
        assert self.program.send("POST", "/applicability:query", asked).status_code == 200
        self.program.send("POST", f"/members/{KEY}/merge", {"into": f"{KEY}-nobody"}, Idempotency_Key=KEY)
        self.program.send("POST", f"/members/{KEY}/rename", {"external_id": f"{KEY}\n"}, Idempotency_Key=KEY)
        with self.program.send("POST", f"/members/{KEY}/evidence", {}) as pack:
            assert pack.status_code == 200
        self.program.send("GET", f"/members/{KEY}/applicability?policy=privacy")
        self.program.send("GET", f"/members/{KEY}/site-notice")

    def by_other_names(self) -> None:
        """Another key of theirs is changed into this one's, and another account of theirs ends in this one."""
        account = {"email": ADDRESS, "guardian_email": GUARDIAN}
        assert self.program.send("PUT", f"/members/{KEY}-again", account).status_code == 201
        renamed = {"external_id": f"{KEY}-anew"}
        assert self.program.send("POST", f"/members/{KEY}-again/rename", renamed).status_code == 204
        merged = {"into": KEY}
        assert self.program.send("POST", f"/members/{KEY}-anew/merge", merged).status_code == 204

    def by_administration(self) -> None:
        at = f"/admin/members/{self.member.id}"
        self.admin.post("/admin/sign-in", {"name": "ines", "password": PASSWORD})  # that of before was idle
        assert KEY in self.admin.get(at), "signed in"
        for typed in (KEY, ADDRESS):
            self.admin.post("/admin/members", {"who": typed})
            self.admin.post("/admin/addresses", {"who": typed})
        self.admin.post(f"{at}/address", seen=at)
        self.admin.post(f"{at}/guardian", {"guardian": GUARDIAN}, seen=at)
        self.admin.post(f"{at}/guardian", {"deed": "end"}, seen=at)
        self.admin.get(f"/admin/notices/1/dry-run?member={KEY}")
        self.admin.post("/admin/notices/1/test", {"address": ADDRESS}, seen="/admin/notices/1")
        pack = f"/admin/evidence/member/{self.member.id}"
        for path, fields in ((f"{at}/export", {}), (pack, {"personal": "yes"})):
            self.admin.client.post(path, data={"csrf_token": _token(self.admin.get(at)), **fields}).close()

    def by_draft(self) -> None:
        """Somebody pastes the address into a draft, looks at it, and takes it out again."""
        draft = start_draft(self.admin, self.house)
        at = f"/admin/drafts/{draft.id}"
        for deed, version in (("work", 1), ("keep", 2)):
            given = filled(None, text=f"{LONGER}\n\nWrite to {ADDRESS}.\n", summary=ADDRESS, version=str(version))
            self.admin.post(at, {**given, "deed": deed})
        self.admin.post(f"{at}/discard", seen=at)

    def by_letter(self) -> int:
        with reading(self.house.runtime.engine) as session:
            found = session.exec(select(Delivery.id).where(Delivery.member_id == self.member.id)).first()
        assert found is not None
        link = tokens.letter_links(self.house.runtime.secret).of_member(found)
        assert self.program.client.get(f"/m/{link}").status_code == 200
        return found

    def by_reports(self, delivery: int) -> None:
        at = int(self.house.now.timestamp())
        events = [
            {"event": event, "timestamp": at, "email": ADDRESS, "reason": f"550 no {ADDRESS}", "sg_event_id": KEY}
            for event in ("processed", "deferred", "bounce", "spamreport")
        ]
        named = [{**each, "delivery": str(delivery), "smtp-id": f"<{KEY}@{ADDRESS}>"} for each in events]
        for body in (json.dumps(named), json.dumps(events), f"[{ADDRESS}", json.dumps({"email": ADDRESS})):
            raw = body.encode()
            headers = self.provider.headers(raw, str(at))
            self.program.client.post("/hooks/sendgrid", data=raw, headers=headers)
        self.program.client.post("/hooks/sendgrid", data=json.dumps(events))  # signed by nobody

    def by_bounce(self, delivery: int) -> None:
        final = f"rfc822; {ADDRESS}"
        for code in ("5.1.1", "4.2.2", "5.7.1"):
            given = status(delivery=delivery, final=final, code=code)
            taking.take(self.house.runtime, given.replace(b"zoe@example.org", ADDRESS.encode()))


def _token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


@pytest.fixture
def person(
    instance: House, program: Program, admin: Administrator, provider: Provider, later: Later, tmp_path: Path
) -> Person:
    """Who was brought in, told, wrote, bounced and was looked at by every door."""
    instance.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    instance.policy()
    instance.publish(FIRST)
    instance.tick()
    later(days=1)
    person = Person(instance, program, admin, provider)
    for ending in (".csv", ".jsonl"):
        person.by_file(tmp_path, ending)
    person.by_api()
    later(minutes=1)
    instance.publish(LONGER, rule="notice", notice_days=10)
    for _ in range(3):
        later(hours=1)
        instance.tick()
    delivery = person.by_letter()
    person.by_other_names()
    person.by_administration()
    person.by_draft()
    person.by_reports(delivery)
    person.by_bounce(delivery)
    instance.tick()
    person.by_api()
    return person


# -- gone ---------------------------------------------------------------------------------------


KEPT = ("member.external_id", "member.email", "former_name.external_id")  # of one who is a member


def test_who_entered_by_every_door_is_nowhere_once_erased(
    person: Person, later: Later, tmp_path: Path, heard: Heard
) -> None:
    house, number, before = person.house, person.member.id or 0, _timeline(person)
    later(seconds=1)
    person.by_reports(_delivery(person))  # not folded yet
    assert set(in_columns(house.runtime)) == {*KEPT, "webhook_body.body"}, "the canary sang"
    assert set(in_files(tmp_path)) >= {"0.eml", "1.eml"}, "a test letter, and a letter"
    outbox.erase(house.runtime, person.member, actor="a test")
    _late_words(person, number)
    later(days=8)  # bodies that could not be folded are kept for seven
    house.tick()
    assert in_columns(house.runtime) == {}
    house.runtime.engine.dispose()
    assert in_files(tmp_path) == {}
    with reading(house.runtime.engine) as session, pytest.raises(NoSuchMember):
        members.by_external_id(session, KEY)
    assert person.program.send("GET", f"/members/{KEY}").status_code == 404
    assert _timeline(person, number) == before, "the pseudonym answers as it did"
    assert found_in(_export(house, number)) is None
    with reading(house.runtime.engine) as session:
        keys_of_it = suppressions.keys(ADDRESS, house.runtime.secret)
        assert suppressions.standing(session, keys_of_it), "what stays suppressed is known by its keyed hash"
    assert [line for line in heard.lines if found_in(line.encode())] == []
    assert (tmp_path / "gazette.log").read_text().startswith('{"time": '), "and in_files looked through it"


def _export(house: House, number: int) -> bytes:
    target = io.BytesIO()
    with exporting.steady(house.runtime.engine) as session:
        member = session.get_one(Member, number)
        exporting.of_member(session, member, target, secret=house.runtime.secret, now=house.now)
    return target.getvalue()


def _delivery(person: Person, number: int | None = None) -> int:
    with reading(person.house.runtime.engine) as session:
        of = number or person.member.id
        return session.exec(select(Delivery.id).where(Delivery.member_id == of)).first() or 0


def _late_words(person: Person, number: int) -> None:
    """What comes of a letter after its member was erased."""
    delivery = _delivery(person, number)
    person.by_reports(delivery)
    person.by_bounce(delivery)
    for _ in range(2):
        person.program.send("DELETE", f"/members/{KEY}", Idempotency_Key=f"erase {KEY}")
        person.program.send("GET", f"/members/{KEY}")
    person.house.tick()


def _timeline(person: Person, number: int | None = None) -> list[Any]:
    with reading(person.house.runtime.engine) as session:
        member = session.get_one(Member, number or person.member.id)
        lines = standing.timelines(session, member, now=person.house.now)
    return [(line.policy, one.revision, one.since, one.basis) for line in lines for one in line.stretches[:1]]


def test_who_lapsed_is_purged_in_one_tick_however_many_there_are(house: House, later: Later) -> None:
    until = (house.now + timedelta(hours=1)).isoformat()
    house.members(*({"external_id": f"{KEY}-{n}", "email": ADDRESS, "retained_until": until} for n in range(25)))
    later(hours=2)
    assert outbox.purge(house.runtime, at_once=10) == 25
    assert in_columns(house.runtime) == {}
    assert outbox.purge(house.runtime) == 0


def test_who_was_erased_after_a_backup_is_nowhere_once_it_is_put_back(person: Person, tmp_path: Path) -> None:
    """By the erasure journal, and from every table: those that came later among them."""
    house, number, before = person.house, person.member.id or 0, _timeline(person)
    engine = house.runtime.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("the database is put back as a file; what erases again is the same on both")
    place = Path(engine.url.database or "")
    forget_erased(engine)
    kept = place.read_bytes()
    outbox.erase(house.runtime, person.member, actor="a test")
    engine.dispose()
    for part in tmp_path.rglob(f"{place.name}*"):
        part.unlink()
    place.write_bytes(kept)
    assert set(in_columns(house.runtime)) == set(KEPT), "they are back"
    restoring.begin(house.runtime, actor="a test")
    done = replaying.replay(house.runtime, erasures.read(house.runtime.settings.erasure_journal), actor="a test")
    assert done.erased == 1
    house.tick()
    assert in_columns(house.runtime) == {}
    engine.dispose()
    assert in_files(tmp_path) == {}
    assert _timeline(person, number) == before
