"""Whether a policy goes on: retired, it takes no more texts.

All that it said stays where it was, and says since when it is retired. Whom it governs, and what was collected
under it, is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from errors import NotRetirable, PolicyRetired
from policy_versions import audit, policies
from policy_versions.models import Policy
from policy_versions.named import Retirement

if TYPE_CHECKING:
    from policy_versions.archive import History


def retire(session: Session, record: History, reason: str, *, actor: str, now: datetime) -> Retirement:
    """End a policy: no further text is published. record: of it, locked.

    Raises: NotRetirable, FieldMissing, Unprintable.
    """
    of = record.policy
    if retirement(session, of) is not None:
        raise NotRetirable("It is retired already.")
    if not record.entries:
        raise NotRetirable("It has no text; there is nothing that readers could still read.")
    if coming := record.upcoming(now):
        raise NotRetirable(
            f"No. {coming[0].number} is to come into force; withdraw it first, or wait for its day."
        )
    return _decided(session, of, "retired", reason, actor=actor, now=now)


def resume(session: Session, of: Policy, reason: str, *, actor: str, now: datetime) -> Retirement:
    """Take up a retired policy again. of: locked. Raises: NotRetirable, FieldMissing, Unprintable."""
    if retirement(session, of) is None:
        raise NotRetirable("It is not retired.")
    return _decided(session, of, "resumed", reason, actor=actor, now=now)


def _decided(session: Session, of: Policy, deed: str, reason: str, *, actor: str, now: datetime) -> Retirement:
    made = Retirement(
        policy_id=of.id or 0,
        deed=deed,
        reason=policies.sentence(reason, "Say why, in a sentence; readers of the policy see it."),
        decided_by=actor,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor=actor, action=f"policy {deed}", subject=f"policy {of.id}", now=now)
    return made


def retirement(session: Session, of: Policy) -> Retirement | None:
    """The fact by which a policy is retired; None where it is not."""
    return retired(session).get(of.id or 0) if of.id is not None else None


def retired(session: Session) -> Mapping[int, Retirement]:
    """Every retired policy's retirement, by the policy's id."""
    latest = {one.policy_id: one for one in session.exec(select(Retirement).order_by(col(Retirement.id)))}
    return {number: one for number, one in latest.items() if one.deed == "retired"}


def check_open(session: Session, of: Policy) -> None:
    """Whether a policy takes further texts. Raises: PolicyRetired."""
    if retirement(session, of) is not None:
        raise PolicyRetired(of.title)
