"""Seals over what was recorded, and what verifications of it found"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEXT, INSTANT = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()
INTEGER, JSON = sa.Integer(), sa.JSON()
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FACTS = ("seal", "sealed_answer")


def upgrade() -> None:
    op.create_table(
        "seal",
        _column("id", INTEGER),
        _column("subject", TEXT),
        _column("first", BIG),
        _column("last", BIG),
        _column("rows", INTEGER),
        _column("columns", TEXT),
        _column("digest", TEXT),
        _column("recorded_at", INSTANT),
        _column("chain", TEXT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal")),
    )
    op.create_index("ix_seal_subject", "seal", ["subject"])
    op.create_table(
        "sealed_answer",
        _column("attempt_id", INTEGER),
        _column("seal_id", INTEGER),
        _column("sha256", TEXT),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_sealed_answer_attempt_id")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_sealed_answer_seal_id")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_sealed_answer")),
    )
    op.create_index("ix_sealed_answer_seal_id", "sealed_answer", ["seal_id"])
    op.create_table(
        "verification",
        _column("id", INTEGER),
        _column("asked_by", TEXT),
        _column("asked_at", INSTANT),
        _column("began_at", INSTANT, null=True),
        _column("ended_at", INSTANT, null=True),
        _column("holds", sa.Boolean(), null=True),
        _column("checked", JSON),
        _column("problems", JSON),
        _column("further", INTEGER),
        _column("seal", INTEGER, null=True),
        _column("head", TEXT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
    )
    op.create_index("ix_verification_ended_at", "verification", ["ended_at"])
    for table in FACTS:
        _refuse_change(table)


def downgrade() -> None:
    # The seals go; what they covered stays, and is sealed anew by whoever comes up again.
    for table in ("verification", "sealed_answer", "seal"):
        op.drop_table(table)


def _column(name: str, kind: object, *, null: bool = False) -> sa.Column:
    return sa.Column(name, kind, nullable=null)


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
