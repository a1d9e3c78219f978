"""One value of anything in the past is changed, by whoever has the database: `gazette verify` finds it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Table, bindparam, text
from sqlalchemy import select as sa_select
from sqlmodel import Session, SQLModel, col, select

import notifier.idempotency
import notifier.keys
import notifier.verifications
import web.accounts
import web.four_eyes
import web.throttling
from database import reading, writing
from notifier import outbox, recalling, sealing, seals, verifying
from notifier.models import Attempt, Member, Outcome
from notifier.seals import BY_NAME, COVERS, SealedAnswer
from policy_versions.models import AuditEntry
from tests.house import House, KeptLetters
from tests.notifier import records
from tests.notifier.sending import Later
from tests.once import made_once

assert notifier.idempotency and notifier.keys and notifier.verifications  # for their tables
assert web.accounts and web.four_eyes and web.throttling

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STATE = "it is where things stand, and may change at any time"
LEASE = "it says who is at work on it, and until when"
# Columns of tables of facts that no seal covers, and what finds a change in them all the same.
ELSEWHERE: dict[str, dict[str, str]] = {
    "member": {"erased_at": "the audit log has it"},
    "policy": dict.fromkeys(("address", "called"), "its renamings say what it is called now"),
    "notice": {"opened_at": "the audit log has it", "recalled_at": "the audit log has it"},
    "batch": {
        "size": "its letters are counted",
        "state": "it is told from its requests",
        **dict.fromkeys(("delivered", "bounced", "dropped"), "they are counted from the events"),
    },
    "delivery": dict.fromkeys(("batch_id", "position"), "sealed with the request that it left in"),
    "attempt": dict.fromkeys((*seals.ANSWERED,), "sealed with its answer"),
    "outcome": {
        **dict.fromkeys(("delivery_id", "outcome"), "every letter has one fate"),
        "reason": "a failure's is the request's own",
    },
    "revision_blocks": {"content": "it is made of the text"},
    "seal": dict.fromkeys((c.name for c in SQLModel.metadata.tables["seal"].columns), "they are a chain"),
    "sealed_answer": dict.fromkeys(("seal_id", "sha256"), "the seal covers them"),
}
# Columns that nobody could find a change in, and why that is so.
UNCOVERED: dict[str, dict[str, str]] = {
    "member": {
        **dict.fromkeys(
            ("external_id", "email", "email_key", "guardian_email"), "personal, and the host's to change"
        ),
        "locale": "the host may change it",
        "retained_until": "the host may change it",
    },
    "notice": {
        **dict.fromkeys(("state", "due_at", "why", "failures", "gate", "gate_since", "held_by_id"), STATE),
        "expected_audience": "a guard while it opens",
        "completed_at": "one that is taken up again is not complete",
    },
    "batch": {**dict.fromkeys(("said", "not_before"), STATE), **dict.fromkeys(("lease_by", "lease_until"), LEASE)},
    "outcome": {"recorded_at": "of one skipped it may be taken back, when the later notice is called off"},
    "suppression": {
        "delivery_id": "erasure takes it away",
        **dict.fromkeys(
            ("lifted_at", "lifted_by"), "it may be lifted later; a person's lifting is in the audit log"
        ),
    },
    "webhook_body": dict.fromkeys(
        ("body", "folded_at", "events", "repeated", "unmatched", "said"), "the work list of reports"
    ),
    "quarantine": dict.fromkeys(("lifted_at", "lifted_by"), "in the audit log"),
    "revision_blocks": {"engine": "those of another engine are made anew"},
    "sealed_answer": {},
}
# Whole tables that are no record of the past.
NO_FACTS = {
    "account": "who may sign in now",
    "account_session": "who is signed in now",
    "second_factor": "what signing in takes now",
    "recovery_code": "what signing in takes now",
    "sign_in_tally": "who guesses now",
    "release_request": "what waits for a second person; each step stands in the audit log",
    "api_key": "which hosts may ask now",
    "repeat": "answers kept for a day, for requests that come twice",
    "clock_mark": "the clock",
    "former_name": "personal, and kept until erasure only",
    "draft": "not published",
    "earlier_draft": "not published",
    "draft_visit": "who has a draft open now",
    "due_decision": "a work list",
    "due_translation": "a work list",
    "pace": "how fast letters may leave now",
    "tick": "when the scheduler ran",
    "subscription": "no legal notice; ended ones are kept without an address",
    "subscription_letter": "no legal notice",
    "unmatched_event": "of no letter of ours, and deleted after a time",
    "verification": "what it says can be found out again",
}


@pytest.fixture
@made_once
def record(house: House, letters: KeptLetters, later: Later) -> House:
    records.of_everything(house, letters, later)
    with reading(house.runtime.engine) as session:
        assert _problems(session) == []
    return house


def _problems(session: Session) -> list[str]:
    return list(_told(session))


def _told(session: Session) -> Iterator[str]:
    """Every problem, the checks that cost least first."""
    for name in sorted(verifying.CHECKS, key=("seals", "ledger").__contains__, reverse=True):
        for each in verifying.run(session, name).found:
            yield f"{name}: {each.where}: {each.says}"


def test_every_column_is_sealed_or_it_is_said_why_not() -> None:
    for name, table in SQLModel.metadata.tables.items():
        if name in NO_FACTS:
            continue
        covered = set(BY_NAME[name].names) | {"id"} if name in BY_NAME else set[str]()
        said = ELSEWHERE.get(name, {}).keys() | UNCOVERED.get(name, {}).keys()
        missing = {c.name for c in table.columns if not c.primary_key} - covered - said
        assert not missing, f"{name}: {sorted(missing)}"
        assert not covered & UNCOVERED.get(name, {}).keys()


def test_one_changed_value_anywhere_in_the_past_is_found_and_named(record: House) -> None:
    draw = random.Random(6)
    missed = []
    with _tampering(record.runtime.engine) as session:
        for table, column in _places():
            some = [column] if record.runtime.engine.dialect.name == "sqlite" else []
            for each in some or ([column] if draw.random() < 0.2 else []):
                key = _row(session, table, each, draw)
                with _undone(session):
                    _change(session, table, each, key)
                    named = any(_names(problem, table) for problem in _told(session))
                if not named:
                    missed.append(f"{table.name}.{each.name} of {key}")
    assert missed == []


def _places() -> Iterator[tuple[Table, Column[Any]]]:
    for name, table in sorted(SQLModel.metadata.tables.items()):
        covered: tuple[str, ...] = BY_NAME[name].names if name in BY_NAME else ()
        for column in table.columns:
            if column.name in covered or column.name in ELSEWHERE.get(name, {}):
                yield table, column


def _names(problem: str, table: Table) -> bool:
    """Whether a problem tells of what was changed: of the table, or of what holds its rows together."""
    kin = {
        "delivery": ("attempt ", "batch "),
        "outcome": ("delivery ", "attempt ", "batch "),
        "attempt": ("batch ", "delivery "),
        "sealed_answer": ("attempt ",),
        "seal": ("rows of", "instead of", " is not as it was", "seal "),
    }
    return any(f"{word}" in problem for word in (f"{table.name} ", *kin.get(table.name, ())))


@contextmanager
def _tampering(engine: Engine) -> Iterator[Session]:
    """A session in which no trigger, key or check of the database stands in the way; nothing of it stays."""
    with engine.execution_options(writing=True).connect() as connection:
        if engine.dialect.name == "sqlite":
            own = connection.connection.dbapi_connection
            assert own is not None
            own.execute("PRAGMA foreign_keys=OFF")
            own.execute("PRAGMA ignore_check_constraints=ON")
        with connection.begin() as outer, Session(bind=connection) as session:
            _disarm(session)
            yield session
            outer.rollback()


def _disarm(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        checks = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
        for table, name in session.execute(text(checks)).all():
            session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        return
    for (name,) in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        session.execute(text(f"DROP TRIGGER {name}"))


@contextmanager
def _undone(session: Session) -> Iterator[None]:
    with session.begin_nested() as nested:
        yield
        nested.rollback()
    session.expunge_all()


def _row(session: Session, table: Table, column: Column[Any], draw: random.Random) -> Any:
    """A row whose value counts: of letters and requests one that was taken."""
    key = next(iter(table.primary_key))
    query = sa_select(key)
    if table.name == "attempt":
        query = query.where(table.c.id.in_(sa_select(col(SealedAnswer.attempt_id))))
    if table.name == "delivery" and column.name == "position":
        left = sa_select(col(Attempt.batch_id)).where(col(Attempt.state) == "accepted")
        query = query.where(table.c.batch_id.in_(left))
    if table.name == "batch" and column.name == "state":
        query = query.where(table.c.state == "accepted")
    if table.name == "outcome":
        query = query.where(table.c.outcome == "failed")
    if table.name == "member" and column.name == "erased_at":
        query = query.where(table.c.erased_at.is_(None))
    if table.name == "notice" and column.name == "opened_at":
        query = query.where(table.c.opened_at.is_not(None))
    found = session.scalars(query.order_by(key)).all()
    assert found, f"no row of {table.name} for {column.name}"
    return draw.choice(found)


def _change(session: Session, table: Table, column: Column[Any], key: Any) -> None:
    own = next(iter(table.primary_key))
    before = session.scalar(sa_select(column).where(own == key))
    changed = table.update().where(own == key).values({column.name: bindparam("new", type_=column.type)})
    session.execute(changed, {"new": _other(before, column)})
    session.expire_all()


def _other(value: Any, column: Column[Any]) -> Any:
    """Another value of the same kind, as near as can be."""
    if value is None:
        name = type(column.type).__name__
        kinds = {"UTCDateTime": datetime.fromisoformat("2026-01-01T00:00Z"), "AutoString": "x", "Text": "x"}
        kinds |= {"Float": 0.75, "Boolean": True}
        return kinds.get(name, 1)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1_000_000
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, list | dict):
        return [value, "another"]
    return _OTHER_WORD.get(value, value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x")


_OTHER_WORD = {"accepted": "refused", "refused": "accepted", "skipped": "failed", "failed": "skipped"}


@ON_SQLITE
def test_rows_that_are_taken_away_or_put_in_between_are_found(record: House) -> None:
    with _tampering(record.runtime.engine) as session:
        for cover in COVERS:
            number = session.scalars(sa_select(cover.table.c.id).order_by(cover.table.c.id)).first()
            with _undone(session):
                session.execute(cover.table.delete().where(cover.table.c.id == number))
                assert any(cover.name in problem for problem in _problems(session)), cover.name
        row = dict(session.execute(sa_select(BY_NAME["acknowledgement"].table)).mappings().first() or {})
        session.execute(BY_NAME["acknowledgement"].table.insert(), [{**row, "id": -1, "kind": "accepted"}])
        assert any("acknowledgement" in problem for problem in _problems(session))


@ON_SQLITE
def test_a_seal_taken_off_the_end_contradicts_the_audit_log(record: House, later: Later) -> None:
    with writing(record.runtime.engine) as session:
        notifier.verifications.ask(session, actor="a test", now=record.now)
    notifier.verifications.tick(record.runtime)
    with _tampering(record.runtime.engine) as session:
        head = seals.head(session)
        assert head is not None
        session.execute(text("DELETE FROM sealed_answer WHERE seal_id = :last"), {"last": head.id})
        session.execute(text("DELETE FROM seal WHERE id = :last"), {"last": head.id})
        assert any("took down" in problem for problem in _problems(session))


@ON_SQLITE
def test_a_recall_that_is_taken_off_a_notice_is_found(record: House) -> None:
    number = record.notice().id or 0
    with writing(record.runtime.engine) as session:
        recalling.recall(session, number, reason="Wrong", window=timedelta(), actor="a test", now=record.now)
    with _tampering(record.runtime.engine) as session:
        assert _problems(session) == []
        session.execute(text("DROP INDEX uq_notice_revision_id_kind"))
        for column in ("opened_at", "recalled_at"):
            with _undone(session):
                session.execute(text(f"UPDATE notice SET {column} = NULL WHERE id = :id"), {"id": number})
                said = f"notices: notice {number}: {column} is not the time in the audit log"
                assert said in _problems(session)


@ON_SQLITE
def test_what_is_no_hash_is_named_and_hides_nothing_after_it(record: House) -> None:
    with _tampering(record.runtime.engine) as session:
        first = session.exec(select(SealedAnswer).order_by(col(SealedAnswer.attempt_id))).first()
        last = session.exec(select(seals.Seal).order_by(col(seals.Seal.id).desc())).first()
        assert first is not None and last is not None and first.seal_id < (last.id or 0)
        first.sha256, last.chain = first.sha256[:-1] + "g", "nothing"
        session.add_all((first, last))
        session.flush()
        found = _problems(session)
    assert f"seals: sealed_answer of seal {first.seal_id}: these are not the hashes that were sealed" in found
    assert f"seals: seal {last.id}: the chain of seals is broken here" in found


def test_an_erasure_leaves_everything_whole(record: House, later: Later) -> None:
    later(hours=1)
    with reading(record.runtime.engine) as session:
        member = session.exec(select(Member).where(Member.external_id == "ann")).one()
    outbox.erase(record.runtime, member, actor="a test")
    sealing.seal(record.runtime)
    with reading(record.runtime.engine) as session:
        assert _problems(session) == []
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "member erased")).one()


@ON_SQLITE
def test_a_letter_without_a_fate_is_named(record: House) -> None:
    with _tampering(record.runtime.engine) as session:
        failed = session.exec(select(Outcome).where(Outcome.outcome == "failed")).first()
        assert failed is not None
        session.delete(failed)
        session.flush()
        assert (
            f"ledger: delivery {failed.delivery_id}: its batch is closed, and nothing became of it"
            in _problems(session)
        )
