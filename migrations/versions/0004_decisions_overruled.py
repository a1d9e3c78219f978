"""Decisions are overruled, proposed to a second person, and re-opened"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FACTS = ("proposal", "proposal_answer", "reopening")
ADDED = (
    ("decision", "confidence", "FLOAT"),
    ("decision", "language", "VARCHAR"),
    ("decision", "overrules_id", "INTEGER CONSTRAINT fk_decision_overrules_id_decision REFERENCES decision (id)"),
    ("decision", "confirmed_by", "VARCHAR"),
    ("decision", "alone", "BOOLEAN"),
    ("notice", "held_by_id", "INTEGER CONSTRAINT fk_notice_held_by_id_decision REFERENCES decision (id)"),
)


def upgrade() -> None:
    # Said in SQL, because SQLite takes a column's foreign key here and in no other statement.
    for table, name, kind in ADDED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    op.create_index("uq_decision_overrules_id", "decision", ["overrules_id"], unique=True)
    _create_proposal()
    _create_proposal_answer()
    _create_reopening()
    for table in FACTS:
        _refuse_change(table)


def _create_proposal() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("overrules_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("proposed_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recorded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("verdict IN ('significant', 'minor')", name=op.f("ck_proposal_verdict_known")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_proposal_revision_id_revision")),
        sa.ForeignKeyConstraint(["overrules_id"], ["decision.id"], name=op.f("fk_proposal_overrules_id_decision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_revision_id"), "proposal", ["revision_id"], unique=False)


def _create_proposal_answer() -> None:
    op.create_table(
        "proposal_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("answer", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("answered_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("answer IN ('confirmed', 'rejected')", name=op.f("ck_proposal_answer_answer_known")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_answer_proposal_id_proposal")
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decision.id"], name=op.f("fk_proposal_answer_decision_id_decision")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_answer")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_proposal_answer_proposal_id")),
    )


def _create_reopening() -> None:
    op.create_table(
        "reopening",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("standing_id", sa.Integer(), nullable=False),
        sa.Column("because_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("previous_base_id", sa.Integer(), nullable=False),
        sa.Column("cumulative_base_id", sa.Integer(), nullable=False),
        sa.Column("engine", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("recorded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("verdict IN ('significant', 'minor')", name=op.f("ck_reopening_verdict_known")),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_reopening_{name}_{table}"))
            for name, table in (
                ("revision_id", "revision"),
                ("standing_id", "decision"),
                ("because_id", "decision"),
                ("previous_base_id", "revision"),
                ("cumulative_base_id", "revision"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reopening")),
    )
    op.create_index(op.f("ix_reopening_revision_id"), "reopening", ["revision_id"], unique=False)


def _refuse_change(table: str) -> None:
    """The triggers of every table of facts; see 0002."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for deed in ("UPDATE", "DELETE"):
        head = f"CREATE TRIGGER {table}_refuses_{deed.lower()} BEFORE {deed} ON {table}"
        if postgresql:
            op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        else:
            op.execute(
                f"{head} BEGIN SELECT RAISE(ABORT, '{table} is a record of facts: rows are never changed'); END"
            )
    if postgresql:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    # A person's decision stays the one that stands; only what it overruled, and by whom agreed, is forgotten.
    for table in reversed(FACTS):
        if op.get_bind().dialect.name == "sqlite":  # dropping a table deletes its rows first, which is refused
            op.execute(f"DROP TRIGGER {table}_refuses_delete")
        op.drop_table(table)
    op.drop_index("uq_decision_overrules_id", table_name="decision")
    for table, name, _ in reversed(ADDED):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
