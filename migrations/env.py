"""Alembic's entry: runs migrations on the connection that `database.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

# for their tables
import notifier.idempotency
import notifier.keys
import notifier.lineage
import notifier.models
import notifier.revocations
import notifier.seals
import notifier.verifications  # noqa: F401
import policy_versions.earlier_drafts
import policy_versions.models
import policy_versions.named
import policy_versions.origins
import policy_versions.presence  # noqa: F401
import web.accounts
import web.four_eyes
import web.throttling  # noqa: F401

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
