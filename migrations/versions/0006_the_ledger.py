"""The ledger: what deliveries share stands on their batch, and what a letter stated on its attempt"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEPT = ("member", "notice", "batch")  # deliveries refer to them, and no foreign key says so
TEXT, INSTANT = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()
INTEGER, FLAG, PROSE = sa.Integer(), sa.Boolean(), sa.Text()
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

NOTICE_STATES = ("scheduled", "waiting", "sending", "paused", "complete", "cancelled", "recalled")
BATCH_STATES = ("queued", "sending", "accepted", "unknown", "refused", "skipped")
ATTEMPT_STATES = ("started", "accepted", "not_sent", "unknown", "refused", "halved", "resent")
SETTLED_BY = ("", "answer", "event", "log", "person")
TO_BE_PLACED = "its letters are to be placed anew"
_STANDING = "translation_id IS NULL AND recalled_at IS NULL"
_OF_A_REVISION = "translation_id IS NULL"
_LETTER_KEY = ("notice_id", "base_revision_id", "locale", "audience", "already", "asks")
_COPIED = "first, last, body_sha256, sender, state, status, said, provider_message_id, started_at, recorded_at"
# What hangs on a notice, the leaves first: (table, by which column, of which table that hangs on a notice)
_OF_A_NOTICE = (
    ("outcome", "delivery_id", "delivery"),
    ("delivery_event", "delivery_id", "delivery"),
    ("delivery", "notice_id", "notice"),
    ("attempt", "batch_id", "batch"),
    ("batch", "notice_id", "notice"),
    ("letter", "notice_id", "notice"),
    ("omission", "notice_id", "notice"),
)


def upgrade() -> None:
    _notice_up()
    _batch_up()
    _place_what_has_no_batch()
    _part_by_date()
    _attempt_up()
    _delivery_up()
    _letter_up()
    _suppression_up()
    _create_webhook_body()
    _create_unmatched_event()
    _create_pace_and_quarantine()
    _create_subscription()
    _create_subscription_letter()
    _refuse_deletion()


def downgrade() -> None:
    # The telling of subscribers, what providers posted, and a standing quarantine go: the older schema has no
    # place for them. The notices that a quarantine stopped are paused, and stay so.
    _allow_deletion()
    for table in ("subscription_letter", "subscription", "quarantine", "pace", "unmatched_event", "webhook_body"):
        op.drop_table(table)
    _suppression_down()
    _forget_what_was_replaced()
    _letter_down()
    _say_recalled_by_events()
    _delivery_down()
    _attempt_down()
    _batch_down()
    _notice_down()


# -- words for it -------------------------------------------------------------------------------


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _column(name: str, kind: Any, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


def _one_of(table: str, column: str, values: Sequence[str]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}_known"))


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def _refers(table: str, column: str, target: str, name: str = "") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(name or f"fk_{table}_{column}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)


def _unique_where(name: str, table: str, columns: Sequence[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), unique=True, sqlite_where=condition, postgresql_where=condition)


def _run(statement: str, **values: object) -> sa.CursorResult[Any]:
    return op.get_bind().execute(sa.text(statement), values)


def _reshape(table: str, shape: Sequence[sa.schema.SchemaItem], said: Mapping[str, str]) -> None:
    """Give a table the columns of a shape. said: what a row holds in a column, in SQL, where it is not as before.

    SQLite takes no constraint off a table: there it is made anew, and its rows are carried over; see 0005. Its
    indexes are gone then. PostgreSQL alters it in place; its constraints are the caller's.
    """
    columns = [item for item in shape if isinstance(item, sa.Column)]
    names = [column.name for column in columns]
    had = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    if _on_sqlite():
        op.create_table(f"{table}_next", *shape)
        values = ", ".join(said.get(name, name if name in had else "NULL") for name in names)
        op.execute(f"INSERT INTO {table}_next ({', '.join(names)}) SELECT {values} FROM {table}")  # noqa: S608
        op.drop_table(table)
        op.rename_table(f"{table}_next", table)
        return
    new = [column for column in columns if column.name not in had]
    for column in new:
        op.add_column(table, sa.Column(column.name, column.type, nullable=True))
    if said:
        op.execute(f"UPDATE {table} SET {', '.join(f'{name} = {value}' for name, value in said.items())}")  # noqa: S608
    for column in new:
        if not column.nullable:
            op.alter_column(table, column.name, nullable=False)
    for name in had - set(names):
        op.drop_column(table, name)


# -- the shapes, before and as the ledger has them ----------------------------------------------


def _notice(*, ledger: bool) -> list[sa.schema.SchemaItem]:
    new = (_column("gate", TEXT), _column("gate_since", INSTANT, null=True))
    recall = (_column("replaces_id", INTEGER, null=True), _column("recalled_at", INSTANT, null=True))
    bound = (_one_of("notice", "gate", ("canary", "open", "shut")), _replaces())
    return [
        _column("id", INTEGER),
        _column("policy_id", INTEGER),
        _column("revision_id", INTEGER),
        _column("kind", TEXT),
        _column("translation_id", INTEGER, null=True),
        _column("state", TEXT),
        _column("due_at", INSTANT),
        _column("expected_audience", INTEGER, null=True),
        _column("substitution_prefix", TEXT),
        _column("why", TEXT),
        _column("held_by_id", INTEGER, null=True),
        _column("failures", INTEGER),
        *((*new, *recall) if ledger else ()),
        _column("created_at", INSTANT),
        _column("opened_at", INSTANT, null=True),
        _column("completed_at", INSTANT, null=True),
        _one_of("notice", "kind", ("change", "correction")),
        _one_of("notice", "state", NOTICE_STATES),
        _refers("notice", "policy_id", "policy"),
        _refers("notice", "revision_id", "revision"),
        _refers("notice", "held_by_id", "decision", "fk_notice_held_by_id_decision"),
        _refers("notice", "translation_id", "translation", "fk_notice_translation_id_translation"),
        *(bound if ledger else ()),
        _key("notice"),
    ]


def _replaces() -> sa.ForeignKeyConstraint:
    return _refers("notice", "replaces_id", "notice")


def _batch(*, ledger: bool) -> list[sa.schema.SchemaItem]:
    way = (_column("channel", TEXT), _column("reason", TEXT))
    dated = (_column("corrects", FLAG), _column("applies_from", INSTANT, null=True))
    counts = tuple(_column(name, INTEGER) for name in ("delivered", "bounced", "dropped"))
    return [
        _column("id", INTEGER),
        _column("notice_id", INTEGER),
        _column("number", INTEGER),
        *(way if ledger else ()),
        _column("base_revision_id", INTEGER, null=True),
        _column("locale", TEXT),
        _column("audience", TEXT),
        _column("already", FLAG),
        _column("asks", FLAG),
        *(dated if ledger else ()),
        _column("size", INTEGER),
        *((_column("canary", FLAG),) if ledger else ()),
        _column("state", TEXT),
        *((_column("said", TEXT),) if ledger else ()),
        _column("not_before", INSTANT, null=True),
        _column("lease_by", TEXT),
        _column("lease_until", INSTANT, null=True),
        *((*counts, _column("recorded_at", INSTANT), _channels()) if ledger else ()),
        _batch_states(ledger=ledger),
        _refers("batch", "base_revision_id", "revision"),
        _refers("batch", "notice_id", "notice"),
        _key("batch"),
        _unique("batch", "notice_id", "number"),
    ]


def _channels() -> sa.CheckConstraint:
    return _one_of("batch", "channel", ("email", "site"))


def _batch_states(*, ledger: bool) -> sa.CheckConstraint:
    return _one_of("batch", "state", (*BATCH_STATES, "site") if ledger else BATCH_STATES)


def _attempt(*, ledger: bool) -> list[sa.schema.SchemaItem]:
    settled = (_column("settled_by", TEXT), _column("duplicate", FLAG))
    return [
        _column("id", INTEGER),
        _column("batch_id", INTEGER),
        _column("first", INTEGER),
        _column("last", INTEGER),
        *((_column("recipients", INTEGER),) if ledger else ()),
        _column("body_sha256", TEXT),
        _column("sender", TEXT),
        *((_column("applies_from", INSTANT, null=True),) if ledger else ()),
        _column("state", TEXT),
        _column("status", INTEGER, null=True),
        _column("said", TEXT),
        _column("provider_message_id", TEXT, null=True),
        _column("started_at", INSTANT),
        *((_column("doubted_at", INSTANT, null=True), *settled) if ledger else ()),
        _column("recorded_at", INSTANT, null=True),
        _one_of("attempt", "state", ATTEMPT_STATES),
        *((_one_of("attempt", "settled_by", SETTLED_BY),) if ledger else ()),
        _refers("attempt", "batch_id", "batch"),
        _key("attempt"),
    ]


def _delivery(*, ledger: bool) -> list[sa.schema.SchemaItem]:
    way = (_column("channel", TEXT), _column("reason", TEXT), _column("base_revision_id", INTEGER, null=True))
    dated = (_column("applies_from", INSTANT, null=True), _column("recorded_at", INSTANT))
    bound = (*_references(), _unique("delivery", "notice_id", "member_id", "channel"))
    return [
        _column("id", BIG),
        _column("notice_id", INTEGER),
        _column("member_id", INTEGER),
        *(() if ledger else way),
        _column("batch_id", INTEGER, null=not ledger),
        _column("position", INTEGER, null=True),
        *(() if ledger else dated),
        *((_unique("delivery", "member_id", "notice_id"),) if ledger else bound),
        _key("delivery"),
        _unique("delivery", "batch_id", "position"),
    ]


def _references() -> list[sa.ForeignKeyConstraint]:
    wanted = (
        ("base_revision_id", "revision"),
        ("batch_id", "batch"),
        ("member_id", "member"),
        ("notice_id", "notice"),
    )
    return [_refers("delivery", column, target) for column, target in wanted]


def _letter(*, ledger: bool) -> list[sa.schema.SchemaItem]:
    return [
        _column("id", INTEGER),
        _column("notice_id", INTEGER),
        _column("base_revision_id", INTEGER, null=True),
        _column("locale", TEXT),
        _column("audience", TEXT),
        _column("already", FLAG),
        _column("asks", FLAG),
        *((_column("corrects", FLAG),) if ledger else ()),
        _column("in_force", FLAG),
        _column("subject", TEXT),
        _column("text", PROSE),
        _column("html", PROSE),
        _column("sha256", TEXT),
        _column("engines", TEXT),
        _column("decision_id", INTEGER, null=True),
        _column("recorded_at", INSTANT),
        _refers("letter", "base_revision_id", "revision"),
        _refers("letter", "decision_id", "decision"),
        _refers("letter", "notice_id", "notice"),
        _key("letter"),
        _unique("letter", *_LETTER_KEY, *(("corrects",) if ledger else ()), "in_force"),
    ]


def _suppression(*, ledger: bool) -> list[sa.schema.SchemaItem]:
    return [
        _column("id", INTEGER),
        _column("email_key", TEXT),
        _column("reason", TEXT),
        *((_column("delivery_id", BIG, null=True),) if ledger else ()),
        _column("recorded_at", INSTANT),
        _column("lifted_at", INSTANT, null=True),
        *((_column("lifted_by", TEXT),) if ledger else ()),
        _key("suppression"),
    ]


# -- notices ------------------------------------------------------------------------------------


def _notice_up() -> None:
    if not _on_sqlite():
        op.drop_index("uq_notice_revision_id_kind", table_name="notice")
    recalled = "SELECT d.id FROM delivery d JOIN notice n ON n.id = d.notice_id WHERE n.state = 'recalled'"
    since = (
        "CASE WHEN state = 'recalled' THEN (SELECT MIN(e.recorded_at) FROM delivery_event e "
        "JOIN delivery d ON d.id = e.delivery_id WHERE e.event = 'recalled' AND d.notice_id = notice.id) END"
    )
    _reshape("notice", _notice(ledger=True), {"gate": "'open'", "recalled_at": since})
    # said by the notice from now on: see _say_recalled_by_events
    op.execute(f"DELETE FROM delivery_event WHERE event = 'recalled' AND delivery_id IN ({recalled})")  # noqa: S608
    if _on_sqlite():
        _index("notice", "policy_id")
        op.create_index("uq_notice_translation_id", "notice", ["translation_id"], unique=True)
    else:
        op.create_check_constraint(op.f("ck_notice_gate_known"), "notice", "gate IN ('canary', 'open', 'shut')")
        op.create_foreign_key(op.f("fk_notice_replaces_id"), "notice", "notice", ["replaces_id"], ["id"])
    _unique_where("uq_notice_revision_id_kind", "notice", ["revision_id", "kind"], _STANDING)


def _notice_down() -> None:
    if not _on_sqlite():
        op.drop_index("uq_notice_revision_id_kind", table_name="notice")
    _reshape("notice", _notice(ledger=False), {})
    if _on_sqlite():
        _index("notice", "policy_id")
        op.create_index("uq_notice_translation_id", "notice", ["translation_id"], unique=True)
    _unique_where("uq_notice_revision_id_kind", "notice", ["revision_id", "kind"], _OF_A_REVISION)


def _forget_what_was_replaced() -> None:
    """The older schema has one notice of a revision and kind: a recalled one goes where another stands for it."""
    replaced = (
        "SELECT n.id FROM notice n WHERE n.translation_id IS NULL AND n.recalled_at IS NOT NULL AND EXISTS ("
        "SELECT 1 FROM notice m WHERE m.revision_id = n.revision_id AND m.kind = n.kind "
        "AND m.translation_id IS NULL AND m.id <> n.id AND (m.recalled_at IS NULL OR m.id > n.id))"
    )
    op.execute("UPDATE notice SET replaces_id = NULL")
    for table, column, of in _OF_A_NOTICE:
        which = replaced if of == "notice" else f"SELECT id FROM {of} WHERE notice_id IN ({replaced})"  # noqa: S608
        op.execute(f"DELETE FROM {table} WHERE {column} IN ({which})")  # noqa: S608
    op.execute(f"DELETE FROM notice WHERE id IN ({replaced})")  # noqa: S608


def _say_recalled_by_events() -> None:
    """The older code knows a letter taken back by an event of its delivery, and so gives the same answers."""
    op.execute(
        "INSERT INTO delivery_event (delivery_id, event, happened_at, recorded_at) "
        "SELECT d.id, 'recalled', n.recalled_at, n.recalled_at "
        "FROM delivery d JOIN notice n ON n.id = d.notice_id WHERE n.recalled_at IS NOT NULL"
    )
    op.execute("UPDATE notice SET state = 'recalled' WHERE recalled_at IS NOT NULL")


# -- batches ------------------------------------------------------------------------------------


def _batch_up() -> None:
    owed = "FROM delivery d WHERE d.batch_id = batch.id"
    opened = "SELECT COALESCE(n.opened_at, n.created_at) FROM notice n WHERE n.id = batch.notice_id"
    said = {
        "channel": "'email'",
        "reason": "''",
        "corrects": "false",
        "applies_from": f"(SELECT MIN(d.applies_from) {owed})",
        "canary": "false",
        "said": "''",
        "delivered": "0",
        "bounced": "0",
        "dropped": "0",
        "recorded_at": f"COALESCE((SELECT MIN(d.recorded_at) {owed}), ({opened}))",
    }
    if not _on_sqlite():
        op.drop_constraint(op.f("ck_batch_state_known"), "batch", type_="check")
    _reshape("batch", _batch(ledger=True), said)
    _batch_bounds(ledger=True)


def _batch_bounds(*, ledger: bool) -> None:
    if _on_sqlite():
        _index("batch", "notice_id")
        _index("batch", "state")
        return
    for check in (_batch_states(ledger=ledger), *((_channels(),) if ledger else ())):
        op.create_check_constraint(op.f(str(check.name)), "batch", check.sqltext)


def _batch_down() -> None:
    if not _on_sqlite():
        op.drop_constraint(op.f("ck_batch_state_known"), "batch", type_="check")
    _reshape("batch", _batch(ledger=False), {})
    _batch_bounds(ledger=False)


def _place_what_has_no_batch() -> None:
    """Site notices get batches, by all that they share; so do letters without a place, which still have none."""
    shared = "channel, reason, base_revision_id, locale, audience, applies_from, recorded_at"
    audience = "CASE WHEN COALESCE(m.guardian_email, '') = '' THEN 'member' ELSE 'guardian' END AS audience"
    rows = (
        f"SELECT d.id, d.notice_id, channel, reason, base_revision_id, locale, {audience}, applies_from, d.recorded_at "  # noqa: S608
        "FROM delivery d JOIN member m ON m.id = d.member_id WHERE d.batch_id IS NULL"
    )
    op.execute(
        "CREATE TEMPORARY TABLE unplaced AS SELECT r.*, "  # noqa: S608
        "(SELECT COALESCE(MAX(b.number), 0) FROM batch b WHERE b.notice_id = r.notice_id) "
        f"+ DENSE_RANK() OVER (PARTITION BY notice_id ORDER BY {shared}) AS number, "
        f"ROW_NUMBER() OVER (PARTITION BY notice_id, {shared} ORDER BY id) - 1 AS place FROM ({rows}) AS r"
    )
    op.execute(
        "INSERT INTO batch (notice_id, number, channel, reason, base_revision_id, locale, audience, already, asks, "  # noqa: S608
        "corrects, applies_from, size, canary, state, said, lease_by, delivered, bounced, dropped, recorded_at) "
        f"SELECT notice_id, number, {shared.split(', locale', maxsplit=1)[0]}, locale, audience, false, "
        "channel = 'site' AND applies_from IS NULL AND (SELECT kind FROM notice n WHERE n.id = notice_id) = 'change', "
        "false, applies_from, CASE channel WHEN 'site' THEN COUNT(*) ELSE 0 END, false, "
        f"CASE channel WHEN 'site' THEN 'site' ELSE 'skipped' END, CASE channel WHEN 'site' THEN '' ELSE '{TO_BE_PLACED}' END, "
        f"'', 0, 0, 0, recorded_at FROM unplaced GROUP BY notice_id, number, {shared}"
    )
    op.execute(
        "UPDATE delivery SET batch_id = b.id, position = CASE b.channel WHEN 'site' THEN p.place END "
        "FROM unplaced p JOIN batch b ON b.notice_id = p.notice_id AND b.number = p.number WHERE p.id = delivery.id"
    )
    op.execute("DROP TABLE unplaced")


# -- batches with more than one date ------------------------------------------------------------


def _part_by_date() -> None:
    """One batch, one date: letters of a batch whose date is another move into a batch of their own.

    A letter that left after its planned day names a later date. No date that a member was told may change. The
    attempt that made a letter goes with it: it moves where all its letters do, else is there a second time.
    """
    same = "IS" if _on_sqlite() else "IS NOT DISTINCT FROM"
    rows = (
        "SELECT d.id, b.id AS source_id, b.notice_id, b.number AS own, d.position, d.applies_from, d.base_revision_id, "  # noqa: S608
        f"CASE WHEN d.applies_from {same} b.applies_from AND d.base_revision_id {same} b.base_revision_id THEN 1 ELSE 0 END "
        "AS stays FROM delivery d JOIN batch b ON b.id = d.batch_id WHERE b.channel = 'email' AND d.position IS NOT NULL"
    )
    op.execute(
        "CREATE TEMPORARY TABLE parting AS SELECT r.*, CASE stays WHEN 1 THEN own ELSE "  # noqa: S608
        "(SELECT MAX(b.number) FROM batch b WHERE b.notice_id = r.notice_id) + DENSE_RANK() OVER "
        "(PARTITION BY notice_id, stays ORDER BY source_id, applies_from, base_revision_id) END AS number "
        f"FROM ({rows}) AS r WHERE source_id IN (SELECT source_id FROM ({rows}) AS s WHERE stays = 0)"
    )
    op.execute(
        "INSERT INTO batch (notice_id, number, channel, reason, base_revision_id, locale, audience, already, asks, "
        "corrects, applies_from, size, canary, state, said, not_before, lease_by, lease_until, delivered, bounced, "
        "dropped, recorded_at) SELECT s.notice_id, p.number, s.channel, s.reason, MIN(p.base_revision_id), s.locale, "
        "s.audience, s.already, s.asks, s.corrects, MIN(p.applies_from), s.size, s.canary, s.state, s.said, "
        "s.not_before, s.lease_by, s.lease_until, 0, 0, 0, s.recorded_at "
        "FROM parting p JOIN batch s ON s.id = p.source_id WHERE p.stays = 0 GROUP BY s.id, p.number"
    )
    _carry_attempts()
    _settle_parted()
    op.execute("DROP TABLE carried")
    op.execute("DROP TABLE parting")


def _carry_attempts() -> None:
    op.execute(
        "CREATE TEMPORARY TABLE carried AS SELECT f.*, ROW_NUMBER() OVER (PARTITION BY attempt_id "
        "ORDER BY CASE WHEN batch_id = source_id THEN 0 ELSE 1 END, batch_id) AS nth FROM (SELECT DISTINCT "
        "a.id AS attempt_id, b.id AS batch_id, p.source_id FROM parting p "
        "JOIN attempt a ON a.batch_id = p.source_id AND a.first <= p.position AND p.position < a.last "
        "JOIN batch b ON b.notice_id = p.notice_id AND b.number = p.number) AS f"
    )
    op.execute(
        "UPDATE delivery SET batch_id = b.id FROM parting p JOIN batch b "
        "ON b.notice_id = p.notice_id AND b.number = p.number WHERE p.id = delivery.id AND p.stays = 0"
    )
    for attempt, batch in _run("SELECT attempt_id, batch_id FROM carried WHERE nth > 1 ORDER BY 1, 2").all():
        _copy_attempt(attempt, batch)
    op.execute(
        "UPDATE attempt SET batch_id = c.batch_id FROM carried c WHERE c.attempt_id = attempt.id AND c.nth = 1"
    )


def _copy_attempt(attempt: int, batch: int) -> None:
    """The events that name the attempt name the copy, for the letters that it is now the attempt of."""
    made = _run(
        f"INSERT INTO attempt (batch_id, {_COPIED}) SELECT :batch, {_COPIED} FROM attempt WHERE id = :attempt "  # noqa: S608
        "RETURNING id",
        batch=batch, attempt=attempt,
    ).scalar_one()  # fmt: skip
    _run(
        "UPDATE delivery_event SET attempt_id = :made WHERE attempt_id = :attempt "
        "AND delivery_id IN (SELECT id FROM delivery WHERE batch_id = :batch)",
        made=made, attempt=attempt, batch=batch,
    )  # fmt: skip


def _settle_parted() -> None:
    """A closed batch's state is what its own attempts make of it, else one would be unknown for ever."""
    has = "EXISTS (SELECT 1 FROM attempt a WHERE a.batch_id = batch.id AND a.state"
    op.execute(
        f"UPDATE batch SET state = CASE WHEN {has} = 'unknown') THEN 'unknown' WHEN {has} = 'accepted') THEN 'accepted' "  # noqa: S608
        f"WHEN {has} = 'refused') THEN 'refused' ELSE 'skipped' END "
        f"WHERE state IN ('accepted', 'unknown', 'refused') AND NOT {has} = 'started') AND EXISTS ("
        "SELECT 1 FROM parting p WHERE p.notice_id = batch.notice_id AND (p.number = batch.number OR p.own = batch.number))"
    )


# -- attempts -----------------------------------------------------------------------------------


def _attempt_up() -> None:
    said = {
        "recipients": "(SELECT COUNT(*) FROM delivery d WHERE d.batch_id = attempt.batch_id "
        "AND d.position >= attempt.first AND d.position < attempt.last AND NOT EXISTS ("
        "SELECT 1 FROM outcome o WHERE o.delivery_id = d.id AND o.outcome = 'skipped'))",
        "applies_from": "(SELECT b.applies_from FROM batch b WHERE b.id = attempt.batch_id)",
        "doubted_at": "CASE WHEN state IN ('unknown', 'resent') THEN recorded_at END",
        "settled_by": "CASE WHEN state IN ('accepted', 'refused', 'halved', 'not_sent') THEN 'answer' ELSE '' END",
        "duplicate": "false",
    }
    _reshape("attempt", _attempt(ledger=True), said)
    if not _on_sqlite():
        check = _one_of("attempt", "settled_by", SETTLED_BY)
        op.create_check_constraint(op.f(str(check.name)), "attempt", check.sqltext)
    _attempt_indexes()
    _index("attempt", "started_at")


def _attempt_indexes() -> None:
    if _on_sqlite():
        _index("attempt", "batch_id", "state")
        _index("attempt", "provider_message_id")


def _attempt_down() -> None:
    op.drop_index(op.f("ix_attempt_started_at"), table_name="attempt")
    _reshape("attempt", _attempt(ledger=False), {})
    _attempt_indexes()


# -- deliveries ---------------------------------------------------------------------------------


def _delivery_up() -> None:
    _reshape("delivery", _delivery(ledger=True), {})
    if _on_sqlite():
        return
    for column in ("batch_id", "member_id", "notice_id"):
        op.drop_constraint(op.f(f"fk_delivery_{column}"), "delivery", type_="foreignkey")
    for column in ("member_id", "notice_id"):
        op.drop_index(op.f(f"ix_delivery_{column}"), table_name="delivery")
    op.alter_column("delivery", "batch_id", nullable=False)
    op.create_unique_constraint(op.f("uq_delivery_member_id_notice_id"), "delivery", ["member_id", "notice_id"])


def _delivery_down() -> None:
    """Batches of site notices vanish, and those that hold nothing but letters without a place."""
    op.execute(
        "CREATE TEMPORARY TABLE leaving AS SELECT b.id FROM batch b WHERE b.channel = 'site' OR ("
        "EXISTS (SELECT 1 FROM delivery d WHERE d.batch_id = b.id) AND NOT EXISTS ("
        "SELECT 1 FROM delivery d WHERE d.batch_id = b.id AND d.position IS NOT NULL) "
        "AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.batch_id = b.id))"
    )
    if not _on_sqlite():
        op.alter_column("delivery", "batch_id", nullable=True)
        op.drop_constraint(op.f("uq_delivery_member_id_notice_id"), "delivery", type_="unique")
    _reshape("delivery", _delivery(ledger=False), _said_of_a_delivery())
    if not _on_sqlite():
        for reference in _references():
            target = reference.elements[0].target_fullname.partition(".")[0]
            op.create_foreign_key(
                op.f(str(reference.name)), "delivery", target, list(reference.column_keys), ["id"]
            )
        op.create_unique_constraint(
            op.f("uq_delivery_notice_id_member_id_channel"), "delivery", ["notice_id", "member_id", "channel"]
        )
    _index("delivery", "member_id")
    _index("delivery", "notice_id")
    op.execute("DELETE FROM batch WHERE id IN (SELECT id FROM leaving)")
    op.execute("DROP TABLE leaving")


def _said_of_a_delivery() -> dict[str, str]:
    def of_batch(what: str) -> str:
        return f"(SELECT b.{what} FROM batch b WHERE b.id = delivery.batch_id)"  # noqa: S608

    # as stated in the letter that was taken, else in the last that may have left, else as planned
    stated = (
        "(SELECT a.applies_from FROM attempt a WHERE a.batch_id = delivery.batch_id "
        "AND a.first <= delivery.position AND delivery.position < a.last AND a.state NOT IN ('not_sent', 'halved') "
        "ORDER BY CASE a.state WHEN 'accepted' THEN 0 ELSE 1 END, a.id DESC LIMIT 1)"
    )
    placed = f"position IS NOT NULL AND {of_batch('channel')} = 'email'"
    return {
        **{name: of_batch(name) for name in ("channel", "reason", "base_revision_id", "recorded_at")},
        "applies_from": f"COALESCE({stated}, {of_batch('applies_from')})",
        "batch_id": f"CASE WHEN {placed} THEN batch_id END",
        "position": f"CASE WHEN {placed} THEN position END",
    }


# -- letters, suppressions ----------------------------------------------------------------------


def _letter_up() -> None:
    _letter_bound(ledger=True, said={"corrects": "false"})


def _letter_down() -> None:
    """Of two letters that differ in whether they put right a recalled one, the older schema has place for one."""
    same = " AND ".join(f"t.{name} = letter.{name}" for name in (*_LETTER_KEY, "in_force"))
    twin = f"SELECT 1 FROM letter t WHERE NOT t.corrects AND {same}"  # noqa: S608
    op.execute(f"DELETE FROM letter WHERE corrects AND EXISTS ({twin})")  # noqa: S608
    _letter_bound(ledger=False, said={})


def _letter_bound(*, ledger: bool, said: Mapping[str, str]) -> None:
    if _on_sqlite():
        _reshape("letter", _letter(ledger=ledger), said)
        _index("letter", "notice_id")
        return
    for known in sa.inspect(op.get_bind()).get_unique_constraints(
        "letter"
    ):  # its name is longer than PostgreSQL's
        op.drop_constraint(op.f(str(known["name"])), "letter", type_="unique")
    _reshape("letter", _letter(ledger=ledger), said)
    columns = [*_LETTER_KEY, *(("corrects",) if ledger else ()), "in_force"]
    op.create_unique_constraint(op.f(f"uq_letter_{'_'.join(columns)}"), "letter", columns)


def _suppression_up() -> None:
    _reshape("suppression", _suppression(ledger=True), {"lifted_by": "''"})
    _suppression_index()


def _suppression_down() -> None:
    _reshape("suppression", _suppression(ledger=False), {})
    _suppression_index()


def _suppression_index() -> None:
    if _on_sqlite():
        _unique_where("uq_suppression_standing", "suppression", ["email_key"], "lifted_at IS NULL")


# -- new tables ---------------------------------------------------------------------------------


def _create_webhook_body() -> None:
    op.create_table(
        "webhook_body",
        _column("id", INTEGER),
        _column("source", TEXT),
        _column("body", sa.LargeBinary(), null=True),
        _column("sha256", TEXT),
        _column("size", INTEGER),
        _column("verdict", TEXT),
        _column("received_at", INSTANT),
        _column("folded_at", INSTANT, null=True),
        _column("events", INTEGER),
        _column("repeated", INTEGER),
        _column("unmatched", INTEGER),
        _column("said", TEXT),
        _key("webhook_body"),
    )
    _index("webhook_body", "sha256")
    _index("webhook_body", "folded_at")


def _create_unmatched_event() -> None:
    op.create_table(
        "unmatched_event",
        _column("id", BIG),
        _column("address_key", TEXT),
        _column("named", TEXT),
        _column("event", TEXT),
        _column("happened_at", INSTANT),
        _column("recorded_at", INSTANT),
        _key("unmatched_event"),
        _unique("unmatched_event", "address_key", "event", "happened_at", "named"),
    )


def _create_pace_and_quarantine() -> None:
    op.create_table(
        "pace",
        _column("id", INTEGER),
        _column("held_until", INSTANT, null=True),
        _column("rate", sa.Float(), null=True),
        _column("said", TEXT),
        _column("recorded_at", INSTANT, null=True),
        _key("pace"),
    )
    op.execute("INSERT INTO pace (id, said) VALUES (1, '')")
    op.create_table(
        "quarantine",
        _column("id", INTEGER),
        _column("began_at", INSTANT),
        _column("actor", TEXT),
        _column("doubted", INTEGER),
        _column("erased", INTEGER),
        _column("lifted_at", INSTANT, null=True),
        _column("lifted_by", TEXT),
        _key("quarantine"),
    )


def _create_subscription() -> None:
    op.create_table(
        "subscription",
        _column("id", INTEGER),
        _column("policy_id", INTEGER),
        _column("email", TEXT, null=True),
        _column("email_key", TEXT),
        _column("locale", TEXT),
        _column("asked_at", INSTANT),
        _column("confirmed_at", INSTANT, null=True),
        _column("ended_at", INSTANT, null=True),
        _column("why_ended", TEXT),
        _refers("subscription", "policy_id", "policy"),
        _key("subscription"),
    )
    _unique_where("uq_subscription_standing", "subscription", ["policy_id", "email_key"], "ended_at IS NULL")


def _create_subscription_letter() -> None:
    op.create_table(
        "subscription_letter",
        _column("id", INTEGER),
        _column("subscription_id", INTEGER),
        _column("kind", TEXT),
        _column("revision_id", INTEGER),
        _column("state", TEXT),
        _column("said", TEXT),
        _column("tries", INTEGER),
        _column("not_before", INSTANT, null=True),
        _column("started_at", INSTANT, null=True),
        _column("recorded_at", INSTANT),
        _one_of("subscription_letter", "kind", ("confirm", "change")),
        _one_of("subscription_letter", "state", ("queued", "started", "accepted", "unknown", "failed", "skipped")),
        _refers("subscription_letter", "revision_id", "revision"),
        _refers("subscription_letter", "subscription_id", "subscription"),
        _key("subscription_letter"),
        _unique("subscription_letter", "subscription_id", "kind", "revision_id"),
    )
    _index("subscription_letter", "subscription_id")
    _index("subscription_letter", "state")


# -- what deliveries refer to stays -------------------------------------------------------------


def _refuse_deletion() -> None:
    """No foreign key is checked for a delivery's row, so what it refers to is kept by a trigger."""
    if _on_sqlite():
        for table in KEPT:
            op.execute(
                f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'deliveries refer to {table}: its rows are never deleted'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'deliveries refer to %: its rows are never deleted', TG_TABLE_NAME; END $$"
    )
    for table in KEPT:
        for deed, each in (("delete", "FOR EACH ROW "), ("truncate", "")):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{deed} BEFORE {deed.upper()} ON {table} "
                f"{each}EXECUTE FUNCTION refuse_deletion()"
            )


def _allow_deletion() -> None:
    for table in KEPT:
        for deed in ("delete",) if _on_sqlite() else ("delete", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{deed}" + ("" if _on_sqlite() else f" ON {table}"))
    if not _on_sqlite():
        op.execute("DROP FUNCTION refuse_deletion()")
