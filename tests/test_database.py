"""Migrations, the clock of the record, and transactions that do not lose writes."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, SQLModel, select

import database
from database import ClockMark, DatabaseClock, reading, writing
from errors import SchemaNotAtHead
from notifier import overruling, translating
from policy_versions import archive, policies
from policy_versions.overruling import Override
from tests.house import FIRST, LONGER, House
from tests.policy_versions.test_translations import GERMAN, LONGER_GERMAN, translate


def test_migrations_have_one_head() -> None:
    assert len(ScriptDirectory.from_config(database._alembic()).get_heads()) == 1


def test_the_migrated_schema_is_the_models(engine: Engine) -> None:
    import web.accounts  # noqa: F401 -- its table belongs to the schema

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences: list[Any] = compare_metadata(context, SQLModel.metadata)
    # Reflection cannot tell an index's condition apart on every database; its name and columns it can.
    assert [d for d in differences if "uq_suppression_standing" not in str(d)] == []


def test_migrations_go_down_and_up_again_with_data(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    engine = house.runtime.engine
    database.migrate(engine, "0001")
    with reading(engine) as session:
        assert session.execute(text("SELECT text FROM revision")).scalar_one() == FIRST
    database.migrate(engine)
    with reading(engine) as session:
        assert archive.broken_link(archive.history(session, policies.policy(session, "privacy"))) is None
    database.migrate(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    database.migrate(engine)
    database.require_head(engine)


def test_decisions_overruled_outlive_a_migration_down_and_up(house: House) -> None:
    """What a person decided stays the decision; proposals and re-openings go with their tables."""
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    house.publish(LONGER + "\nMore.\n", effective_at=house.now + timedelta(days=30))
    house.tick()
    engine = house.runtime.engine
    house.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    given = Override("significant", "Why.", _standing(house), level=4, summary="Kept longer.")
    overruling.overrule(house.runtime, "privacy", 2, given, actor="ines", alone=True)
    given = Override("minor", "Why.", _standing(house))
    proposal = overruling.overrule(house.runtime, "privacy", 2, given, actor="ines", alone=False)
    house.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    overruling.confirm(house.runtime, "privacy", 2, proposal.id or 0, actor="joel")
    with reading(engine) as session:
        assert session.execute(text("SELECT count(*) FROM reopening")).scalar_one() == 1
    database.migrate(engine, "0003")
    assert not {"proposal", "proposal_answer", "reopening"} & set(inspect(engine).get_table_names())
    database.migrate(engine)
    with reading(engine) as session:
        decision = archive.history(session, policies.policy(session, "privacy")).entry(2).decision
    assert decision is not None
    assert (decision.verdict, decision.decided_by, decision.confirmed_by) == ("minor", "ines", None)
    with pytest.raises(DatabaseError, match="record of facts"), writing(engine) as session:
        session.execute(text("UPDATE decision SET verdict = 'significant'"))


def test_translations_go_down_and_up_and_leave_the_notices_of_changes(house: House) -> None:
    """With them go their corrections, and all that hangs on those."""
    house.policy()
    house.publish(FIRST)
    house.tick()
    house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("ada", locale="de")
    house.publish(LONGER)
    translate(house, GERMAN, number=2)
    house.tick()
    made = translate(house, LONGER_GERMAN, number=2)
    house.tick()
    with writing(house.runtime.engine) as session:
        of = policies.lock(session, "privacy")
        secret = house.runtime.secret
        translating.correct(session, of, made, typed="1", secret=secret, actor="a test", now=house.now)
    house.tick()
    assert [d.notice_id for d in house.deliveries()] == [1, 2]
    engine = house.runtime.engine
    database.migrate(engine, "0004")
    assert not {"translation", "translation_decision", "due_translation"} & set(inspect(engine).get_table_names())
    with reading(engine) as session:
        assert session.execute(text("SELECT id, kind, state FROM notice")).all() == [(1, "change", "complete")]
    with pytest.raises(DatabaseError), writing(engine) as session:
        session.execute(text(f"INSERT INTO notice ({NOTICE}) SELECT 9, {NOTICE[4:]} FROM notice"))
    database.migrate(engine)
    assert [d.notice_id for d in house.deliveries()] == [1]
    with pytest.raises(DatabaseError), writing(engine) as session:
        session.execute(text(f"INSERT INTO notice ({NOTICE}) SELECT 9, {NOTICE[4:]} FROM notice"))
    with reading(engine) as session:
        assert session.execute(text("SELECT translation_id FROM notice")).all() == [(None,)]
    assert translate(house, GERMAN, number=2).number == 1
    house.tick()
    with pytest.raises(DatabaseError, match="record of facts"), writing(engine) as session:
        session.execute(text("DELETE FROM translation"))


NOTICE = "id, policy_id, revision_id, kind, state, due_at, substitution_prefix, why, failures, created_at"


def test_foreign_keys_are_checked_again_after_a_migration(engine: Engine) -> None:
    database.migrate(engine, "0004")
    database.migrate(engine)
    test_foreign_keys_hold_on_both(engine)


def _standing(house: House) -> int:
    with reading(house.runtime.engine) as session:
        decision = archive.history(session, policies.policy(session, "privacy")).entry(2).decision
    return (decision.id if decision else None) or 0


def test_nothing_starts_on_a_schema_that_is_not_at_head(engine: Engine) -> None:
    database.migrate(engine, "0001")
    with pytest.raises(SchemaNotAtHead, match="gazette migrate"):
        database.require_head(engine)


def test_time_on_record_never_runs_backwards(engine: Engine) -> None:
    clock = DatabaseClock()
    with writing(engine) as session:
        first = clock.now(session)
    if engine.dialect.name == "sqlite":  # as if the machine's clock had been put back by a day
        ahead = datetime.now(UTC) + timedelta(days=1)
        with writing(engine) as session:
            session.get_one(ClockMark, 1).last = ahead
        with writing(engine) as session:
            assert clock.now(session) == ahead
    with writing(engine) as session:
        second = clock.now(session)
    assert second >= first
    assert second.tzinfo is not None


def test_writers_who_read_first_lose_nothing(engine: Engine) -> None:
    """Eight threads each add one to a counter ten times, reading before they write."""

    def add() -> None:
        for _ in range(10):
            with writing(engine) as session:
                mark = session.exec(select(ClockMark).where(ClockMark.id == 1).with_for_update()).one()
                mark.last += timedelta(seconds=1)
                session.add(mark)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as session:
        assert session.get_one(ClockMark, 1).last == datetime(1970, 1, 1, 0, 1, 20, tzinfo=UTC)


def test_an_error_rolls_the_whole_transaction_back(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as session:
        session.get_one(ClockMark, 1).last = datetime(2000, 1, 1, tzinfo=UTC)
        session.flush()
        raise RuntimeError
    with Session(engine) as session:
        assert session.get_one(ClockMark, 1).last.year == 1970


def test_foreign_keys_hold_on_both(engine: Engine) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), writing(engine) as session:
        session.execute(
            text("INSERT INTO guardian_change (member_id, present, recorded_at) VALUES (99, :t, :n)"),
            {"t": True, "n": "2026-01-01 00:00:00.000000"},
        )
