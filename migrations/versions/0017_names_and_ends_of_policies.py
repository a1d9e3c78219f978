"""Policies renamed and retired; a change of controller that a revision states."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INSTANT = sqlmodel.sql.sqltypes.UTCDateTime()
TEXT = sqlmodel.sql.sqltypes.AutoString()


def upgrade() -> None:
    _name_policies()
    op.create_table(
        "policy_renaming",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("slug_before", "slug_after", "title_before", "title_after", "reason", "renamed_by")
        ),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_policy_renaming_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_renaming")),
    )
    op.create_index("ix_policy_renaming_policy_id", "policy_renaming", ["policy_id"])
    op.create_index("ix_policy_renaming_slug_before", "policy_renaming", ["slug_before"])
    op.create_table(
        "policy_retirement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("deed", "reason", "decided_by")),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.CheckConstraint("deed IN ('retired', 'resumed')", name=op.f("ck_policy_retirement_deed_known")),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_policy_retirement_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_retirement")),
    )
    op.create_index("ix_policy_retirement_policy_id", "policy_retirement", ["policy_id"])
    for table in ("policy_renaming", "policy_retirement"):
        _refuse_change(table)
    op.add_column("revision", sa.Column("controller", TEXT, nullable=True))
    op.add_column("draft", sa.Column("controller", TEXT, nullable=False, server_default=""))


def _name_policies() -> None:
    """What policies are called now, beside what they were made with."""
    for name in ("address", "called"):
        op.add_column("policy", sa.Column(name, TEXT, nullable=False, server_default=""))
    op.execute("UPDATE policy SET address = slug, called = title")
    op.create_index("uq_policy_address", "policy", ["address"], unique=True)


def downgrade() -> None:
    # Policies stand again where they were made, and those retired take texts again: the older schema knows no better.
    op.drop_column("draft", "controller")
    op.drop_column("revision", "controller")
    op.drop_table("policy_retirement")
    op.drop_table("policy_renaming")
    op.drop_index("uq_policy_address", "policy")
    for name in ("address", "called"):
        op.drop_column("policy", name)


def _refuse_change(table: str) -> None:
    """The triggers of every table of facts; see 0002. They go with the table."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for deed in ("UPDATE", "DELETE"):
        head = f"CREATE TRIGGER {table}_refuses_{deed.lower()} BEFORE {deed} ON {table}"
        said = f"SELECT RAISE(ABORT, '{table} is a record of facts: rows are never changed')"
        op.execute(
            f"{head} FOR EACH ROW EXECUTE FUNCTION refuse_change()" if postgresql else f"{head} BEGIN {said}; END"
        )
    if postgresql:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        )
