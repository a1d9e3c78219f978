"""Who moved since: what makes members move is found by when it was recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SHOWN, TAKEN = sa.text("event = 'shown'"), sa.text("state = 'accepted'")
PLAIN = ("member", "guardian_change", "acknowledgement")


def upgrade() -> None:
    for table in PLAIN:
        op.create_index(f"ix_{table}_recorded_at", table, ["recorded_at"])
    op.create_index(
        "ix_delivery_event_shown", "delivery_event", ["recorded_at"], sqlite_where=SHOWN, postgresql_where=SHOWN
    )
    op.create_index("ix_attempt_taken", "attempt", ["recorded_at"], sqlite_where=TAKEN, postgresql_where=TAKEN)
    op.create_index("ix_attempt_stated", "attempt", ["applies_from"], sqlite_where=TAKEN, postgresql_where=TAKEN)


def downgrade() -> None:
    op.drop_index("ix_attempt_stated", "attempt")
    op.drop_index("ix_attempt_taken", "attempt")
    op.drop_index("ix_delivery_event_shown", "delivery_event")
    for table in PLAIN:
        op.drop_index(f"ix_{table}_recorded_at", table)
