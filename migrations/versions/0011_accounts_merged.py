"""Accounts that were merged, and the names that members had before."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sqlmodel.sql.sqltypes.UTCDateTime()


def upgrade() -> None:
    op.create_table(
        "member_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("into_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["member.id"], name=op.f("fk_member_merge_from_id")),
        sa.ForeignKeyConstraint(["into_id"], ["member.id"], name=op.f("fk_member_merge_into_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_merge")),
        sa.UniqueConstraint("from_id", "into_id", name=op.f("uq_member_merge_from_id_into_id")),
    )
    op.create_index("ix_member_merge_into_id", "member_merge", ["into_id"])
    op.create_table(
        "former_name",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_former_name_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_name")),
    )
    op.create_index("ix_former_name_member_id", "former_name", ["member_id"])


def downgrade() -> None:
    # What merged accounts were told counts for nobody again, and no former name is known.
    op.drop_table("former_name")
    op.drop_table("member_merge")
