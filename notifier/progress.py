"""What became of a notice, counted by state. Computed from batches, attempts and outcomes, never stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from notifier.deliveries import Row, deliveries, doubtful_deliveries
from notifier.ledger import STATES, by_batch
from notifier.models import Attempt, Batch, Notice, Omission
from policy_versions.models import Policy, Revision

__all__ = ["STATES", "Row", "deliveries", "doubtful_deliveries"]

OPEN = ("sending", "waiting", "paused")  # notices that have opened and are not over
LISTED = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """Deliveries of a notice by state, in the order of STATES."""

    states: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def letters(self) -> int:
        return self.total - self.states.get("site notice only", 0)

    @property
    def sent(self) -> int:
        return sum(self.states.get(state, 0) for state in ("delivered", "accepted", "bounced"))

    @property
    def left(self) -> int:
        return self.states.get("queued", 0)


class Line(NamedTuple):
    """A notice in a list."""

    notice: Notice
    title: str
    slug: str
    number: int
    progress: Progress


def all_notices(
    session: Session, states: Sequence[str] = (), *, completed_since: datetime | None = None
) -> list[Line]:
    """The newest notices, of some states only, or completed since then only, where that is given."""
    wanted: list[ColumnElement[bool]] = [col(Notice.state).in_(states)] if states else []
    if completed_since is not None:
        wanted.append(col(Notice.completed_at) >= completed_since)
    rows = session.exec(
        select(Notice, Policy, Revision.number)
        .join(Policy, col(Policy.id) == Notice.policy_id)
        .join(Revision, col(Revision.id) == Notice.revision_id)
        .where(*wanted)
        .order_by(col(Notice.id).desc())
        .limit(LISTED)
    ).all()
    counted = of_all(session, [notice for notice, _, _ in rows])
    return [Line(notice, p.title, p.slug, number, counted[notice.id or 0]) for notice, p, number in rows]


def of(session: Session, notice: Notice) -> Progress:
    """Count a notice's deliveries by state."""
    return of_all(session, [notice])[notice.id or 0]


def of_all(session: Session, notices: Iterable[Notice]) -> dict[int, Progress]:
    """Count the deliveries of several notices by state, in one query; by the notice's id."""
    told = {notice.id or 0: notice for notice in notices}
    found: dict[int, Progress] = {number: Progress({}) for number in told}
    since = min((notice.created_at for notice in told.values()), default=None)
    if since is None:
        return found
    each = by_batch(col(Batch.notice_id).in_(told), since)
    sums = [func.sum(each.c[state]) for state in STATES]
    for number, *counts in session.execute(sa_select(each.c.notice_id, *sums).group_by(each.c.notice_id)):
        found[number] = Progress({state: int(n) for state, n in zip(STATES, counts, strict=True) if n})
    return found


def left_out(session: Session, notice: Notice) -> Sequence[Omission]:
    """Members who are not told, counted by reason."""
    return session.exec(
        select(Omission).where(Omission.notice_id == notice.id).order_by(col(Omission.reason))
    ).all()


def doubtful(session: Session, notice: Notice) -> Sequence[Attempt]:
    """Attempts whose fate is not known, or that were refused: what a person may want to look at."""
    return session.exec(
        select(Attempt)
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(Batch.notice_id == notice.id, col(Attempt.state).in_(("unknown", "refused", "halved", "not_sent")))
        .order_by(col(Attempt.id).desc())
        .limit(50)
    ).all()
