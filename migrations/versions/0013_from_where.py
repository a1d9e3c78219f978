"""Where each deed in the audit log came from; the log found by person, deed, subject and day; what came back, by time."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString()
UNDOING = sa.text("event IN ('bounce', 'dropped', 'failed')")


def upgrade() -> None:
    op.create_table(
        "audit_origin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("door", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["id"], ["audit.id"], name=op.f("fk_audit_origin_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_origin")),
    )
    _refuse_change("audit_origin")
    for name in ("actor", "action", "subject"):
        op.create_index(f"ix_audit_{name}_id", "audit", [name, "id"])
    op.create_index("ix_audit_recorded_at", "audit", ["recorded_at"])
    op.create_index(
        "ix_delivery_event_undoing",
        "delivery_event",
        ["recorded_at"],
        sqlite_where=UNDOING,
        postgresql_where=UNDOING,
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_event_undoing", "delivery_event")
    op.drop_index("ix_audit_recorded_at", "audit")
    for name in ("actor", "action", "subject"):
        op.drop_index(f"ix_audit_{name}_id", "audit")
    op.drop_table("audit_origin")


def _refuse_change(table: str) -> None:
    """The triggers of every table of facts; see 0002. They go with the table."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for deed in ("UPDATE", "DELETE"):
        head = f"CREATE TRIGGER {table}_refuses_{deed.lower()} BEFORE {deed} ON {table}"
        said = f"SELECT RAISE(ABORT, '{table} is a record of facts: rows are never changed')"
        op.execute(
            f"{head} FOR EACH ROW EXECUTE FUNCTION refuse_change()" if postgresql else f"{head} BEGIN {said}; END"
        )
