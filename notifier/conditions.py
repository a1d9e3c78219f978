"""What a worker has to know before letters of a notice leave, read in one statement.

A batch is a thousand letters and a notice thousands of batches: asked one by one, these questions cost more than
the letters do.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, exists, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col

from notifier import notices
from notifier.models import Notice, Pace, Quarantine, Suppression
from policy_versions.models import DecisionRecord, Revision, Withdrawal


class Stamp(NamedTuple):
    """Where a policy's record has come to: its last decision, and how many of its revisions are withdrawn."""

    decision: int | None
    withdrawn: int


class Conditions(NamedTuple):
    """held_until, rate: see Pace. barred: whether any address is suppressed. superseded: by a later notice."""

    held_until: datetime | None
    rate: float | None
    quarantined: bool
    barred: bool
    superseded: bool
    stamp: Stamp


def read(session: Session, notice: Notice) -> Conditions:
    """Read them for a notice that is locked, so that it is not stopped meanwhile."""
    given = {"policy": notice.policy_id, "revision": notice.revision_id}
    row = session.connection().execute(_ALL, given).one()
    held_until, rate, quarantined, barred, superseded, *stamp = row
    return Conditions(
        held_until,
        rate,
        bool(quarantined),
        bool(barred),
        notice.kind == "change" and bool(superseded),
        Stamp(*stamp),
    )


def stamp(session: Session, policy_id: int) -> Stamp:
    return Stamp(*session.connection().execute(_STAMP, {"policy": policy_id}).one())


QUARANTINED = exists().where(col(Quarantine.lifted_at).is_(None))
_DECISION = (
    sa_select(func.max(DecisionRecord.id))
    .join(Revision, col(Revision.id) == DecisionRecord.revision_id)
    .where(col(Revision.policy_id) == bindparam("policy"))
    .scalar_subquery()
)
_WITHDRAWN = (
    sa_select(func.count())
    .select_from(Withdrawal)
    .join(Revision, col(Revision.id) == Withdrawal.revision_id)
    .where(col(Revision.policy_id) == bindparam("policy"))
    .scalar_subquery()
)
_STAMP = sa_select(_DECISION, _WITHDRAWN)
_ALL = sa_select(
    sa_select(col(Pace.held_until)).where(col(Pace.id) == 1).scalar_subquery(),
    sa_select(col(Pace.rate)).where(col(Pace.id) == 1).scalar_subquery(),
    QUARANTINED,
    exists().where(col(Suppression.lifted_at).is_(None)),
    exists().where(notices.supersedes(bindparam("policy"), bindparam("revision"))),
    _DECISION,
    _WITHDRAWN,
)
