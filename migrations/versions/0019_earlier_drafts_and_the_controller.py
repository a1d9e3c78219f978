"""What an earlier draft said of a change of controller."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = sa.Column("controller", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default="")
    op.add_column("earlier_draft", said)


def downgrade() -> None:
    op.drop_column("earlier_draft", "controller")
