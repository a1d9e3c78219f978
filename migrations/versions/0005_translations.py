"""Translations of revisions, the decisions on them, and the corrections they call for"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FACTS = ("translation", "translation_decision")
_OF_A_REVISION = sa.text("translation_id IS NULL")
_KEPT = (
    "id, policy_id, revision_id, kind, state, due_at, expected_audience, substitution_prefix, why, held_by_id, "
    "failures, created_at, opened_at, completed_at"
)
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
    _create_translation()
    _create_translation_decision()
    op.create_table(
        "due_translation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("translation_id", sa.Integer(), nullable=False),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["translation_id"], ["translation.id"], name=op.f("fk_due_translation_translation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_translation")),
        sa.UniqueConstraint("translation_id", name=op.f("uq_due_translation_translation_id")),
    )
    for table in FACTS:
        _refuse_change(table)
    _bind_corrections()


def _create_translation() -> None:
    op.create_table(
        "translation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("published_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recorded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_translation_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_translation")),
        sa.UniqueConstraint(
            "revision_id", "locale", "number", name=op.f("uq_translation_revision_id_locale_number")
        ),
    )
    op.create_index(op.f("ix_translation_revision_id"), "translation", ["revision_id"], unique=False)


def _create_translation_decision() -> None:
    op.create_table(
        "translation_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("translation_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("base_id", sa.Integer(), nullable=True),
        sa.Column("engine", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decided_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recorded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('first', 'significant', 'minor')", name=op.f("ck_translation_decision_verdict_known")
        ),
        sa.ForeignKeyConstraint(
            ["translation_id"], ["translation.id"], name=op.f("fk_translation_decision_translation_id")
        ),
        sa.ForeignKeyConstraint(["base_id"], ["translation.id"], name=op.f("fk_translation_decision_base_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_translation_decision")),
        sa.UniqueConstraint("translation_id", name=op.f("uq_translation_decision_translation_id")),
    )


def _bind_corrections() -> None:
    """A revision may have one correction for each of its translations, beside that of its withdrawal."""
    if _on_sqlite():
        _rebuild_notice(bound=True)
    else:
        _add_reference("notice", "translation_id", "translation")
        op.drop_constraint("uq_notice_revision_id_kind", "notice", type_="unique")
    op.create_index(
        "uq_notice_revision_id_kind",
        "notice",
        ["revision_id", "kind"],
        unique=True,
        sqlite_where=_OF_A_REVISION,
        postgresql_where=_OF_A_REVISION,
    )
    op.create_index("uq_notice_translation_id", "notice", ["translation_id"], unique=True)


def _rebuild_notice(*, bound: bool) -> None:
    """SQLite takes no constraint off a table: it is made anew, and its rows are carried over.

    database.migrate has foreign keys unchecked meanwhile, and checks them all before it commits.
    """
    text, instant = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()
    op.create_table(
        "notice_next",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("expected_audience", sa.Integer(), nullable=True),
        sa.Column("substitution_prefix", text, nullable=False),
        sa.Column("why", text, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("opened_at", instant, nullable=True),
        sa.Column("completed_at", instant, nullable=True),
        sa.CheckConstraint("kind IN ('change', 'correction')", name=op.f("ck_notice_kind_known")),
        sa.CheckConstraint(
            "state IN ('scheduled', 'waiting', 'sending', 'paused', 'complete', 'cancelled', 'recalled')",
            name=op.f("ck_notice_state_known"),
        ),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_notice_policy_id")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_notice_revision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        *([] if bound else [sa.UniqueConstraint("revision_id", "kind", name=op.f("uq_notice_revision_id_kind"))]),
    )
    for name, target in (("held_by_id", "decision"), ("translation_id", "translation"))[: 1 + bound]:
        _add_reference("notice_next", name, target)
    op.execute(f"INSERT INTO notice_next ({_KEPT}) SELECT {_KEPT} FROM notice")  # noqa: S608 -- our own names
    op.drop_table("notice")
    op.rename_table("notice_next", "notice")
    op.create_index(op.f("ix_notice_policy_id"), "notice", ["policy_id"], unique=False)


def _add_reference(table: str, name: str, target: str) -> None:
    """Said in SQL, because only so can SQLite drop the column again; see 0004."""
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {name} INTEGER CONSTRAINT fk_notice_{name}_{target} REFERENCES {target} (id)"
    )


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _refuse_change(table: str) -> None:
    """The triggers of every table of facts; see 0002."""
    for deed in ("UPDATE", "DELETE"):
        head = f"CREATE TRIGGER {table}_refuses_{deed.lower()} BEFORE {deed} ON {table}"
        if _on_sqlite():
            op.execute(
                f"{head} BEGIN SELECT RAISE(ABORT, '{table} is a record of facts: rows are never changed'); END"
            )
        else:
            op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    if not _on_sqlite():
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    # Corrections of translations go with what they correct; the older schema has no place for them.
    bound = "SELECT id FROM notice WHERE translation_id IS NOT NULL"
    for table, column, of in _OF_A_NOTICE:
        which = bound if of == "notice" else f"SELECT id FROM {of} WHERE notice_id IN ({bound})"  # noqa: S608
        op.execute(f"DELETE FROM {table} WHERE {column} IN ({which})")  # noqa: S608
    op.execute("DELETE FROM notice WHERE translation_id IS NOT NULL")
    op.drop_index("uq_notice_translation_id", table_name="notice")
    op.drop_index("uq_notice_revision_id_kind", table_name="notice")
    if _on_sqlite():
        _rebuild_notice(bound=False)
    else:
        op.execute("ALTER TABLE notice DROP COLUMN translation_id")
        op.create_unique_constraint("uq_notice_revision_id_kind", "notice", ["revision_id", "kind"])
    op.drop_table("due_translation")
    for table in reversed(FACTS):
        if _on_sqlite():  # dropping a table deletes its rows first, which is refused
            op.execute(f"DROP TRIGGER {table}_refuses_delete")
        op.drop_table(table)
