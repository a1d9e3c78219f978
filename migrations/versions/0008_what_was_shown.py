"""Which text an acknowledgement speaks of as it was shown; and links that were taken back."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sqlmodel.sql.sqltypes.UTCDateTime()


def upgrade() -> None:
    op.add_column("acknowledgement", sa.Column("shown_sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.create_table(
        "link_revocation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_link_revocation_member_id")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_link_revocation_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_revocation")),
    )
    op.create_index("ix_link_revocation_member_id", "link_revocation", ["member_id"])


def downgrade() -> None:
    # Links that were taken back hold again: the older schema makes none.
    op.drop_table("link_revocation")
    op.drop_column("acknowledgement", "shown_sha256")
