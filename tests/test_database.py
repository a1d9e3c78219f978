"""Migrations, the clock of the record, and transactions that do not lose writes."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, column, inspect, table, text
from sqlalchemy import insert as sa_insert
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, SQLModel, col, func, select
from sqlmodel.sql.sqltypes import UTCDateTime

import database
from database import ClockMark, DatabaseClock, reading, writing
from errors import RowsAstray, SchemaNotAtHead
from notifier import overruling, translating
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Notice, Pace
from policy_versions import archive, policies
from policy_versions.overruling import Override
from tests.house import FIRST, LONGER, House
from tests.policy_versions.test_translations import GERMAN, LONGER_GERMAN, translate


def test_migrations_have_one_head() -> None:
    assert len(ScriptDirectory.from_config(database._alembic()).get_heads()) == 1


def test_the_migrated_schema_is_the_models(engine: Engine) -> None:
    import web.accounts
    import web.four_eyes
    import web.throttling  # noqa: F401 -- their tables belong to the schema

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


def test_threads_that_write_at_once_each_have_their_turn_whatever_becomes_of_one(engine: Engine) -> None:
    gate = threading.Barrier(8)

    def add(number: int) -> None:
        gate.wait()
        for _ in range(5):
            try:
                with writing(engine) as session:
                    paced = session.exec(select(Pace).with_for_update()).one()
                    paced.rate = (paced.rate or 0) + 1
                    session.add(paced)
                    session.flush()
                    if number % 4 == 0:
                        raise InterruptedError  # every fourth loses what it wrote, and holds up nobody
            except InterruptedError:
                pass

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as session:
        assert session.exec(select(Pace.rate)).one() == 30


def test_foreign_keys_hold_on_both(engine: Engine) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), writing(engine) as session:
        session.execute(
            text("INSERT INTO guardian_change (member_id, present, recorded_at) VALUES (99, :t, :n)"),
            {"t": True, "n": "2026-01-01 00:00:00.000000"},
        )


# -- the ledger: 0006 ---------------------------------------------------------------------------

FIRST_DATE, LATER_DATE = (datetime(2026, 7, day, tzinfo=UTC) for day in (1, 3))
NOTED = datetime(2026, 6, 1, 12, tzinfo=UTC)
TAKEN = NOTED + timedelta(minutes=1)


def put(engine: Engine, name: str, *rows: dict[str, Any]) -> None:
    """Write rows as they stood under an older schema, which the models no longer know."""
    with writing(engine) as session:
        for row in rows:
            columns = [column(c, UTCDateTime() if isinstance(v, datetime) else None) for c, v in row.items()]
            session.execute(sa_insert(table(name, *columns)).values(row))
        if engine.dialect.name == "postgresql":  # the sequence goes on behind the numbers that were given
            last = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
            session.execute(text(last))


def before_the_ledger(house: House) -> None:
    """A notice under 0005 with letters of every kind, and the correction of one with no date."""
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    for number in range(1, 17):
        guardian = {"guardian_email": "guardian@example.com"} if number == 16 else {}
        house.member(f"m{number}", locale="de" if number == 13 else "en", **guardian)
    engine = house.runtime.engine
    database.migrate(engine, "0005")
    put(engine, "notice", notice_row(1, "change", "sending"), notice_row(2, "correction", "complete"))
    lease = {"lease_by": "node 7", "lease_until": TAKEN}
    put(
        engine,
        "batch",
        batch_row(1, 1, 1, size=7, state="unknown"),
        batch_row(2, 1, 2, size=1, state="accepted"),
        batch_row(3, 1, 3, size=1, state="sending", **lease),
        batch_row(4, 1, 4, size=1, state="skipped"),  # its letter was placed anew
        batch_row(5, 2, 1, size=1, state="accepted", base_revision_id=None),
    )
    by_position = (FIRST_DATE, FIRST_DATE, LATER_DATE, LATER_DATE, LATER_DATE, FIRST_DATE, FIRST_DATE)
    put(
        engine,
        "delivery",
        *(letter_row(n + 1, 1, n, applies_from=date) for n, date in enumerate(by_position)),
        letter_row(8, 2, 0, applies_from=LATER_DATE),
        letter_row(9, 3, 0),
        letter_row(1, 5, 0, notice_id=2, applies_from=None, base_revision_id=None),
        owed_row(10, "site", reason="no address"),
        owed_row(11, "site", reason="no address"),
        owed_row(12, "site", reason="no address", recorded_at=TAKEN),  # came late
        owed_row(13, "site", reason="suppressed"),
        owed_row(14, "email"),
        owed_row(15, "email", applies_from=LATER_DATE),
        owed_row(16, "email"),
    )
    put(
        engine,
        "attempt",
        attempt_row(1, 1, 0, 7, "halved"),
        attempt_row(2, 1, 0, 2, "accepted"),
        attempt_row(3, 1, 2, 4, "accepted"),  # all of it with the later date
        attempt_row(4, 1, 4, 6, "unknown"),  # of both dates
        attempt_row(5, 1, 6, 7, "resent"),
        attempt_row(6, 2, 0, 1, "accepted"),
        attempt_row(7, 3, 0, 1, "started", recorded_at=None),
        attempt_row(8, 5, 0, 1, "accepted"),
    )
    put(engine, "outcome", outcome_row(1, "skipped"), outcome_row(4, "failed"), outcome_row(16, "skipped"))
    put(
        engine,
        "delivery_event",
        event_row(3, 3, "bounce"),
        event_row(5, 4, "bounce"),
        event_row(6, 4, "delivered"),
        event_row(11, None, "shown"),
    )
    put(engine, "letter", LETTER_ROW)
    put(engine, "suppression", {"email_key": "k", "reason": "bounce", "recorded_at": NOTED, "lifted_at": TAKEN})


def notice_row(notice_id: int, kind: str, state: str, **others: Any) -> dict[str, Any]:
    return {
        "id": notice_id, "policy_id": 1, "revision_id": 2, "kind": kind, "state": state, "due_at": NOTED,
        "substitution_prefix": "prefix", "why": "", "failures": 0, "created_at": NOTED, "opened_at": NOTED,
        **others,
    }  # fmt: skip


def batch_row(batch_id: int, notice_id: int, number: int, **others: Any) -> dict[str, Any]:
    return {
        "id": batch_id, "notice_id": notice_id, "number": number, "base_revision_id": 1, "locale": "en",
        "audience": "member", "already": False, "asks": False, "lease_by": "", **others,
    }  # fmt: skip


def letter_row(member_id: int, batch_id: int, position: int, **others: Any) -> dict[str, Any]:
    return owed_row(member_id, "email", **{"batch_id": batch_id, "position": position, **others})


def owed_row(member_id: int, channel: str, **others: Any) -> dict[str, Any]:
    return {
        "notice_id": 1, "member_id": member_id, "channel": channel, "reason": "", "base_revision_id": 1,
        "applies_from": FIRST_DATE, "recorded_at": NOTED, **others,
    }  # fmt: skip


def attempt_row(
    attempt_id: int, batch_id: int, first: int, last: int, state: str, **others: Any
) -> dict[str, Any]:
    return {
        "id": attempt_id, "batch_id": batch_id, "first": first, "last": last, "state": state,
        "said": f"as {state}", "body_sha256": f"sha {attempt_id}", "sender": "kept", "started_at": NOTED,
        "recorded_at": TAKEN, **others,
    }  # fmt: skip


def outcome_row(delivery_id: int, outcome: str) -> dict[str, Any]:
    return {"delivery_id": delivery_id, "outcome": outcome, "reason": "why", "recorded_at": TAKEN}


def event_row(delivery_id: int, attempt_id: int | None, event: str) -> dict[str, Any]:
    instants = {"happened_at": TAKEN, "recorded_at": TAKEN}
    return {"delivery_id": delivery_id, "attempt_id": attempt_id, "event": event, **instants}


LETTER_ROW = {
    "notice_id": 1, "base_revision_id": 1, "locale": "en", "audience": "member", "already": False, "asks": False,
    "in_force": False, "subject": "s", "text": "t", "html": "h", "sha256": "x", "engines": "e",
    "recorded_at": NOTED,
}  # fmt: skip


def answers(engine: Engine) -> dict[str, list[Any]]:
    """What the ledger answers, under either schema: what each is owed, what was tried, and what came of it."""
    of = "d" if "channel" in {c["name"] for c in inspect(engine).get_columns("delivery")} else "b"
    covering = "a.batch_id = d.batch_id AND a.first <= d.position AND d.position < a.last"
    asked = {
        "owed": f"SELECT d.id, d.notice_id, d.member_id, {of}.channel, {of}.reason, {of}.base_revision_id, "
        f"{of}.applies_from, {of}.recorded_at, CASE {of}.channel WHEN 'email' THEN d.position END "
        "FROM delivery d LEFT JOIN batch b ON b.id = d.batch_id ORDER BY d.id",
        "tried": "SELECT d.id, a.state, a.first, a.last, a.said, a.body_sha256, a.started_at, a.recorded_at, "
        f"b.state, b.locale, b.lease_by FROM delivery d JOIN attempt a ON {covering} "
        "JOIN batch b ON b.id = d.batch_id ORDER BY d.id, a.body_sha256",
        "became": "SELECT delivery_id, outcome, reason FROM outcome ORDER BY delivery_id",
        "reported": "SELECT e.delivery_id, e.event, a.body_sha256 FROM delivery_event e "
        f"JOIN delivery d ON d.id = e.delivery_id LEFT JOIN attempt a ON a.id = e.attempt_id AND {covering} "
        "ORDER BY e.delivery_id",
        "said": "SELECT notice_id, base_revision_id, subject FROM letter",
        "barred": "SELECT email_key, reason, lifted_at FROM suppression",
    }
    with reading(engine) as session:
        return {what: [tuple(row) for row in session.execute(text(sql))] for what, sql in asked.items()}


def test_the_ledger_answers_the_same_up_down_and_up_again(house: House) -> None:
    before_the_ledger(house)
    engine = house.runtime.engine
    before = answers(engine)
    assert [row[6] for row in before["owed"][:3]] != [before["owed"][0][6]] * 3  # two dates in one batch
    database.migrate(engine)
    after = answers(engine)
    parted = {(1, "unknown"), (2, "accepted")}
    assert {(row[0], row[8]) for row in after["tried"] if row[0] in (1, 3)} <= {
        (1, "unknown"),
        (3, "unknown"),
    } | parted
    assert without_batch_states(after) == without_batch_states(before)
    database.migrate(engine, "0005")
    assert answers(engine) == after
    with reading(engine) as session:
        unplaced = "SELECT member_id FROM delivery WHERE batch_id IS NULL AND position IS NULL ORDER BY member_id"
        assert session.execute(text(unplaced)).scalars().all() == [10, 11, 12, 13, 14, 15, 16]
        assert session.execute(text("SELECT count(*) FROM batch WHERE state = 'skipped'")).scalar_one() == 1
    database.migrate(engine)
    assert answers(engine) == after


def without_batch_states(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A batch that was parted has the state that its own attempts make of it."""
    return {**found, "tried": [row[:8] + row[9:] for row in found["tried"]]}


def test_a_batch_of_two_dates_is_parted_and_each_attempt_goes_with_its_letters(house: House) -> None:
    before_the_ledger(house)
    engine = house.runtime.engine
    database.migrate(engine)
    with reading(engine) as session:
        batches = session.exec(
            select(Batch).where(Batch.notice_id == 1, Batch.size == 7).order_by(col(Batch.id))
        ).all()
        assert [(b.applies_from, b.state, b.recorded_at) for b in batches] == [
            (FIRST_DATE, "unknown", NOTED),
            (LATER_DATE, "unknown", NOTED),
        ]
        old, new = batches
        assert [d.position for d in placed(session, old)] == [0, 1, 5, 6]
        assert [d.position for d in placed(session, new)] == [2, 3, 4]
        assert [(a.id, a.first, a.last, a.recipients, a.applies_from) for a in tried(session, old)] == [
            (1, 0, 7, 3, FIRST_DATE),
            (2, 0, 2, 1, FIRST_DATE),  # one of its two was skipped
            (4, 4, 6, 1, FIRST_DATE),
            (5, 6, 7, 1, FIRST_DATE),
        ]
        went, *copies = tried(session, new)
        assert (went.id, went.first, went.last, went.recipients, went.applies_from) == (3, 2, 4, 2, LATER_DATE)
        assert [(a.first, a.last, a.recipients, a.state) for a in copies] == [
            (0, 7, 3, "halved"),
            (4, 6, 1, "unknown"),
        ]
        named = session.exec(select(DeliveryEvent.attempt_id).order_by(col(DeliveryEvent.delivery_id))).all()
        assert named == [3, copies[1].id, 4, None]


def test_a_part_in_which_all_is_known_is_not_unknown_for_ever(house: House) -> None:
    before_the_ledger(house)
    engine = house.runtime.engine
    with writing(engine) as session:
        session.execute(text("UPDATE attempt SET state = 'accepted' WHERE id = 5"))
        session.execute(text("UPDATE attempt SET first = 4, last = 5 WHERE id = 4"))
    database.migrate(engine)
    with reading(engine) as session:
        batches = session.exec(select(Batch).where(Batch.notice_id == 1, Batch.size == 7).order_by(col(Batch.id)))
        assert [b.state for b in batches] == ["accepted", "unknown"]


def test_an_attempt_is_told_how_it_was_settled_and_since_when_it_was_doubted(house: House) -> None:
    before_the_ledger(house)
    database.migrate(house.runtime.engine)
    with reading(house.runtime.engine) as session:
        found = {a.state: (a.settled_by, a.doubted_at, a.duplicate) for a in session.exec(select(Attempt))}
    assert found == {
        "halved": ("answer", None, False),
        "accepted": ("answer", None, False),
        "unknown": ("", TAKEN, False),
        "resent": ("", TAKEN, False),
        "started": ("", None, False),
    }


def test_site_notices_and_letters_without_a_place_get_batches_by_what_they_share(house: House) -> None:
    before_the_ledger(house)
    database.migrate(house.runtime.engine)
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Batch, Delivery)
            .join(Delivery, col(Delivery.batch_id) == Batch.id)
            .where(Batch.notice_id == 1, col(Delivery.member_id) >= 10)
            .order_by(col(Delivery.member_id))
        ).all()
        highest = session.exec(select(func.max(Batch.number)).where(Batch.notice_id == 1)).one()
        numbers = session.exec(select(Batch.number).where(Batch.notice_id == 1)).all()
        assert session.exec(select(Batch.state).where(Batch.id == 4)).one() == "skipped"
    assert [(b.channel, b.state, b.reason, b.size, d.position) for b, d in rows] == [
        ("site", "site", "no address", 2, 0),
        ("site", "site", "no address", 2, 1),
        ("site", "site", "no address", 1, 0),
        ("site", "site", "suppressed", 1, 0),
        ("email", "skipped", "", 0, None),
        ("email", "skipped", "", 0, None),
        ("email", "skipped", "", 0, None),
    ]
    assert [(b.locale, b.audience, b.applies_from) for b, _ in rows][3:] == [
        ("de", "member", FIRST_DATE),
        ("en", "member", FIRST_DATE),
        ("en", "member", LATER_DATE),
        ("en", "guardian", FIRST_DATE),
    ]
    assert sorted(numbers) == list(range(1, highest + 1))


def test_rows_are_numbered_on_after_the_ledger_was_made(house: House) -> None:
    before_the_ledger(house)
    database.migrate(house.runtime.engine)
    with writing(house.runtime.engine) as session:
        batch = Batch(
            notice_id=2,
            number=2,
            locale="en",
            audience="member",
            already=False,
            asks=False,
            size=1,
            recorded_at=NOTED,
        )
        session.add(batch)
        session.flush()
        delivery = Delivery(notice_id=2, member_id=2, batch_id=batch.id or 0, position=0)
        session.add(delivery)
        session.flush()
        assert (delivery.id or 0) == 18


def test_a_recalled_notice_goes_down_only_where_no_other_stands_for_it(house: House) -> None:
    """Under 0005 the letters of one that stays are taken back by an event each, and up again by the notice."""
    before_the_ledger(house)
    engine = house.runtime.engine
    database.migrate(engine)
    with writing(engine) as session:
        change, correction = (session.get_one(Notice, i) for i in (1, 2))
        change.state, change.recalled_at = "recalled", TAKEN
        correction.state, correction.recalled_at = "recalled", TAKEN
        session.add_all((change, correction))
        session.flush()
        session.add(Notice(**notice_row(3, "change", "scheduled", replaces_id=1)))
    database.migrate(engine, "0005")
    with reading(engine) as session:
        assert session.execute(text("SELECT id, state FROM notice ORDER BY id")).all() == [
            (2, "recalled"), (3, "scheduled"),
        ]  # fmt: skip
        left = session.execute(text("SELECT notice_id, member_id, batch_id FROM delivery")).all()
        assert left == [(2, 1, 5)]
        events = session.execute(text("SELECT event, attempt_id FROM delivery_event")).all()
        assert events == [("recalled", None)]
        for name in ("letter", "outcome"):
            assert session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0
    database.migrate(engine)
    with reading(engine) as session:
        kept = session.exec(select(Notice.id, Notice.recalled_at).order_by(col(Notice.id))).all()
        assert kept == [(2, TAKEN), (3, None)]
        assert session.exec(select(DeliveryEvent)).all() == []


def test_a_letter_goes_down_with_the_date_that_the_one_taken_stated(house: House) -> None:
    before_the_ledger(house)
    engine = house.runtime.engine
    database.migrate(engine)
    stated = FIRST_DATE + timedelta(days=9)
    with writing(engine) as session:
        first = session.get_one(Attempt, 6)
        first.applies_from = stated
        again = Attempt(**attempt_row(20, 2, 0, 1, "unknown"), recipients=1, applies_from=FIRST_DATE)
        session.add_all((first, again))
    database.migrate(engine, "0005")
    database.migrate(engine)
    with reading(engine) as session:
        found = session.exec(
            select(Batch.applies_from)
            .join(Delivery, col(Delivery.batch_id) == Batch.id)
            .where(Delivery.notice_id == 1, col(Delivery.member_id) == 8)
        ).one()
    assert found == stated


def test_letters_that_differ_in_what_they_put_right_go_down_as_one(house: House) -> None:
    before_the_ledger(house)
    engine = house.runtime.engine
    database.migrate(engine)
    put(engine, "letter", {**LETTER_ROW, "corrects": True, "subject": "put right"})
    put(engine, "letter", {**LETTER_ROW, "corrects": True, "locale": "de", "subject": "alone"})
    database.migrate(engine, "0005")
    with reading(engine) as session:
        assert session.execute(text("SELECT subject FROM letter ORDER BY 1")).scalars().all() == ["alone", "s"]


def test_the_ledger_begins_with_one_row_that_paces_all_workers(engine: Engine) -> None:
    with reading(engine) as session:
        assert [p.id for p in session.exec(select(Pace))] == [1]


@pytest.mark.parametrize("name", ["member", "notice", "batch"])
def test_what_deliveries_refer_to_is_never_deleted(house: House, name: str) -> None:
    before_the_ledger(house)
    engine = house.runtime.engine
    database.migrate(engine)
    statements = [f"DELETE FROM {name}", f"DELETE FROM {name} WHERE id = 1"]
    statements += [f"TRUNCATE {name} CASCADE"] if engine.dialect.name == "postgresql" else []
    for statement in statements:
        with pytest.raises(DatabaseError, match=f"refer to {name}.*never deleted"), writing(engine) as session:
            session.execute(text(statement))
    with reading(engine) as session:
        assert session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() > 0


def test_a_migration_that_finds_a_row_astray_changes_nothing(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        return  # PostgreSQL has never let such a row in
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA foreign_keys=OFF")
        raw.cursor().execute("INSERT INTO omission (notice_id, reason, members) VALUES (99, 'erased', 1)")
    finally:
        raw.close()
    engine.dispose()
    with pytest.raises(RowsAstray, match="omission refers to no row of notice"):
        database.migrate(engine, "0005")
    database.require_head(engine)


def placed(session: Session, batch: Batch) -> Sequence[Delivery]:
    return session.exec(
        select(Delivery).where(Delivery.batch_id == batch.id).order_by(col(Delivery.position))
    ).all()


def tried(session: Session, batch: Batch) -> Sequence[Attempt]:
    return session.exec(select(Attempt).where(Attempt.batch_id == batch.id).order_by(col(Attempt.id))).all()
