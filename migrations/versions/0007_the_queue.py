"""What of a notice is sent next is found by an index: else each batch taken would look through all of them.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_batch_notice_id_state_id", "batch", ["notice_id", "state", "id"], unique=False)
    op.drop_index("ix_batch_notice_id", table_name="batch")


def downgrade() -> None:
    op.create_index("ix_batch_notice_id", "batch", ["notice_id"], unique=False)
    op.drop_index("ix_batch_notice_id_state_id", table_name="batch")
