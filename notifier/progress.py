"""What became of a notice: states of its deliveries, counted and listed. Computed, never stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Omission, Outcome
from policy_versions.models import Policy, Revision

STATES = ("delivered", "accepted", "bounced", "failed", "unknown", "skipped", "queued", "site notice only")
_BY_EVENT = {"delivered": "delivered", "bounce": "bounced", "dropped": "failed", "failed": "failed"}
_BY_ATTEMPT = {"accepted": "accepted", "unknown": "unknown", "started": "unknown", "refused": "failed"}


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


class Row(NamedTuple):
    """One delivery, as the administration lists it: by the host's own key, never by address."""

    delivery_id: int
    member: str
    base: int | None
    channel: str
    locale: str
    state: str
    said: str
    at: datetime | None


def all_notices(session: Session) -> list[Line]:
    rows = session.exec(
        select(Notice, Policy, Revision.number)
        .join(Policy, col(Policy.id) == Notice.policy_id)
        .join(Revision, col(Revision.id) == Notice.revision_id)
        .order_by(col(Notice.id).desc())
        .limit(100)
    ).all()
    return [Line(notice, p.title, p.slug, number, of(session, notice)) for notice, p, number in rows]


def of(session: Session, notice: Notice) -> Progress:
    """Count a notice's deliveries by state."""
    counted = Counter(row.state for row in deliveries(session, notice, limit=None))
    return Progress({state: counted[state] for state in STATES if counted[state]})


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


def deliveries(session: Session, notice: Notice, *, limit: int | None) -> list[Row]:
    """A notice's deliveries with their states, in order."""
    query = (
        select(Delivery, Member, Revision.number, Outcome)
        .join(Member, col(Member.id) == Delivery.member_id)
        .outerjoin(Revision, col(Revision.id) == Delivery.base_revision_id)
        .outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(Delivery.notice_id == notice.id)
        .order_by(col(Delivery.id))
        .limit(limit)
    )
    attempts = _attempts(session, notice)
    events = _events(session, notice)
    return [
        _row(delivery, member, base, outcome, attempts.get(delivery.batch_id or 0, []), events)
        for delivery, member, base, outcome in session.exec(query)
    ]


def _attempts(session: Session, notice: Notice) -> dict[int, list[Attempt]]:
    found: dict[int, list[Attempt]] = {}
    for attempt in session.exec(
        select(Attempt)
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(Batch.notice_id == notice.id)
        .order_by(col(Attempt.id))
    ):
        found.setdefault(attempt.batch_id, []).append(attempt)
    return found


def _events(session: Session, notice: Notice) -> dict[int, DeliveryEvent]:
    """The latest event of each delivery that says what became of it."""
    rows = session.exec(
        select(DeliveryEvent)
        .join(Delivery, col(Delivery.id) == DeliveryEvent.delivery_id)
        .where(Delivery.notice_id == notice.id, col(DeliveryEvent.event).in_(_BY_EVENT))
        .order_by(col(DeliveryEvent.recorded_at))
    )
    return {event.delivery_id: event for event in rows}


def _row(
    delivery: Delivery,
    member: Member,
    base: int | None,
    outcome: Outcome | None,
    attempts: Sequence[Attempt],
    events: dict[int, DeliveryEvent],
) -> Row:
    state, said, at = _state(delivery, outcome, attempts, events.get(delivery.id or 0))
    name = member.external_id or f"erased member {member.id}"
    return Row(delivery.id or 0, name, base, delivery.channel, member.locale, state, said, at)


def _state(
    delivery: Delivery, outcome: Outcome | None, attempts: Sequence[Attempt], event: DeliveryEvent | None
) -> tuple[str, str, datetime | None]:
    """Its own outcome or event where there is one, else the last attempt that covers it."""
    if outcome is not None:
        return outcome.outcome, outcome.reason, outcome.recorded_at
    if event is not None:
        return _BY_EVENT[event.event], "", event.recorded_at
    if delivery.channel == "site":
        return "site notice only", delivery.reason, None
    position = delivery.position or 0
    covering = [attempt for attempt in attempts if attempt.first <= position < attempt.last]
    if not covering:
        return "queued", "", None
    last = covering[-1]
    return _BY_ATTEMPT.get(last.state, "queued"), last.said, last.recorded_at
