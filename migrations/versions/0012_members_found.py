"""Members found by what is so of few of them, and by the beginning of a host's key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PARTIAL = {
    "ix_member_erased": ("id", "erased_at IS NOT NULL"),
    "ix_member_lapsing": ("retained_until", "erased_at IS NULL AND retained_until IS NOT NULL"),
    "ix_member_no_address": ("id", "erased_at IS NULL AND email IS NULL"),
    "ix_member_guardian": ("id", "guardian_email IS NOT NULL"),
}


def upgrade() -> None:
    for name, (column, which) in PARTIAL.items():
        where = sa.text(which)
        op.create_index(name, "member", [column], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_member_locale_id", "member", ["locale", "id"])
    op.create_index(
        "ix_member_external_id_prefix",
        "member",
        ["external_id"],
        postgresql_ops={"external_id": "text_pattern_ops"},
        sqlite_where=sa.text("id IS NULL"),  # of none: SQLite orders by bytes, and has an index of that already
    )


def downgrade() -> None:
    for name in ("ix_member_external_id_prefix", "ix_member_locale_id", *PARTIAL):
        op.drop_index(name, "member")
