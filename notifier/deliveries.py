"""A notice's deliveries one by one: a page of them, each with its state and why; those in doubt by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, Select, case, func, literal, or_, union
from sqlalchemy import select as sa_select
from sqlmodel import Session, col

from notifier.ledger import FATES, by_batch
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Outcome
from policy_versions.models import Revision

# attempts whose word on their letters stands; the others were followed by another
_BY_ATTEMPT = {"accepted": "accepted", "unknown": "unknown", "started": "sending", "refused": "failed"}
_AT_ONCE = 100  # batches looked for at a time
_IN_VAIN = 100  # batches in a row that hold none of what their figures say: then those are to be counted anew


class Place(NamedTuple):
    """Where a page ends: deliveries are listed by their batch, then by their own id."""

    batch_id: int
    delivery_id: int


class Row(NamedTuple):
    """One delivery, as the administration lists it: by the host's own key, never by address."""

    delivery_id: int
    member_id: int
    member: str
    base: int | None
    channel: str
    locale: str
    state: str
    said: str
    at: datetime | None  # since when it is in that state, where that is on record
    batch_id: int
    attempt_id: int | None  # the request that covers it

    @property
    def place(self) -> Place:
        return Place(self.batch_id, self.delivery_id)


class Doubt(NamedTuple):
    """A letter of which nobody knows whether it left."""

    row: Row
    attempt_id: int
    started_at: datetime
    since: datetime


class Wanted(NamedTuple):
    """Which deliveries of a notice: of one state, for one reason; of all where nothing is said."""

    state: str | None = None
    reason: str | None = None  # in the very words that stand beside them


def deliveries(
    session: Session,
    notice: Notice,
    *,
    limit: int | None,
    after: Place | None = None,
    state: str | None = None,
    reason: str | None = None,
) -> list[Row]:
    """A notice's deliveries in order: the first `limit` of those behind `after`, of one state or of all."""
    wanted = Wanted(state, reason)
    found: list[Row] = []
    in_vain = 0
    for batch_id in _batches(session, notice, after, wanted):
        left = None if limit is None else limit - len(found)
        if left == 0 or in_vain == _IN_VAIN:
            break
        rows = [_row(*each) for each in session.execute(_rows(batch_id, after, wanted).limit(left))]
        in_vain = 0 if rows or wanted == Wanted() else in_vain + 1
        found += rows
    return found


def each_of(session: Session, notice: Notice, wanted: Wanted) -> Iterator[Row]:
    """All of a notice's deliveries that are wanted, in order, a batch at a time, so that memory stays flat."""
    for batch_id in _batches(session, notice, None, wanted):
        yield from (_row(*each) for each in session.execute(_rows(batch_id, None, wanted)).all())


def reasons(session: Session, notice: Notice, *, limit: int = 50) -> list[str]:
    """What is said of deliveries of a notice, in order of the words; what was only heard of is not."""
    of_it = col(Batch.notice_id) == notice.id
    told = union(
        sa_select(col(Batch.reason)).where(of_it),
        sa_select(col(Batch.said)).where(of_it),
        sa_select(col(Attempt.said))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(of_it, col(Attempt.state).in_(_BY_ATTEMPT)),
        _outcomes(notice, col(Outcome.reason)),
    ).subquery()
    return list(session.scalars(sa_select(told.c[0]).where(told.c[0] != "").order_by(told.c[0]).limit(limit)))


def _outcomes(notice: Notice, column: Any) -> Select[Any]:
    """Of a notice's deliveries that have an outcome of their own: few, so each one's delivery is looked up."""
    its = sa_select(col(Delivery.notice_id)).where(col(Delivery.id) == col(Outcome.delivery_id)).scalar_subquery()
    return sa_select(column).where(col(Outcome.recorded_at) >= notice.created_at, its == notice.id)


def doubtful_deliveries(
    session: Session, notice: Notice, *, limit: int | None, after: Place | None = None
) -> list[Doubt]:
    """The letters that may or may not have left, each with the request that would have carried it."""
    rows = deliveries(session, notice, limit=limit, after=after, state="unknown")
    named = {row.attempt_id for row in rows}
    attempts = {a.id: a for a in session.scalars(sa_select(Attempt).where(col(Attempt.id).in_(named)))}
    return [
        Doubt(row, attempt.id or 0, attempt.started_at, attempt.doubted_at or attempt.started_at)
        for row in rows
        if (attempt := attempts.get(row.attempt_id)) is not None
    ]


def _batches(session: Session, notice: Notice, after: Place | None, wanted: Wanted) -> Iterator[int]:
    """The batches of a notice in order, from the one where the last page ended; those that may hold some only."""
    first = after.batch_id if after else 0
    of_it = col(Batch.notice_id) == notice.id
    number: Any = col(Batch.id)
    query = sa_select(number).where(of_it)
    if wanted.state is not None:
        each = by_batch(of_it, notice.created_at).c
        number = each.batch_id
        query = sa_select(number).where(each[wanted.state] > 0)
    if wanted.reason is not None:
        query = query.where(number.in_(_said_of(notice, wanted.reason)))
    while page := session.scalars(query.where(number >= first).order_by(number).limit(_AT_ONCE)).all():
        yield from page
        first = page[-1] + 1


def _said_of(notice: Notice, reason: str) -> CompoundSelect[Any]:
    """Batches of a notice of some of whose deliveries this may be said."""
    of_it = col(Batch.notice_id) == notice.id
    where = col(Delivery.id) == col(Outcome.delivery_id)
    its = sa_select(col(Delivery.batch_id)).where(where).scalar_subquery()
    return union(
        sa_select(col(Batch.id)).where(of_it, or_(col(Batch.reason) == reason, col(Batch.said) == reason)),
        sa_select(col(Attempt.batch_id))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(of_it, col(Attempt.said) == reason),
        _outcomes(notice, its).where(col(Outcome.reason) == reason),
    )


# -- the state of one ---------------------------------------------------------------------------


def _rows(batch_id: int, after: Place | None, wanted: Wanted) -> Select[Any]:
    """Rows of one batch: what is heard of a letter, else its outcome, else its request, else its batch."""
    each = _found(lambda d: d.batch_id == batch_id).c
    known = _state(each)
    query = _select(each, known)
    if wanted.state is not None:
        query = query.where(known == wanted.state)
    if wanted.reason is not None:
        query = query.where(_said(each)[0] == wanted.reason)
    return query.where(each.id > after.delivery_id) if after and after.batch_id == batch_id else query


def _select(each: Any, known: ColumnElement[str]) -> Select[Any]:
    return (
        sa_select(
            *(each.id, each.member_id, col(Member.external_id), col(Revision.number), col(Batch.channel)),
            *(col(Batch.locale), known.label("state"), *_said(each), each.batch_id, each.attempt_id),
        )
        .select_from(each.id.table)
        .join(Batch, col(Batch.id) == each.batch_id)
        .join(Member, col(Member.id) == each.member_id)
        .outerjoin(Revision, col(Revision.id) == col(Batch.base_revision_id))
        .outerjoin(Outcome, col(Outcome.delivery_id) == each.id)
        .outerjoin(DeliveryEvent, col(DeliveryEvent.id) == each.event_id)
        .outerjoin(Attempt, col(Attempt.id) == each.attempt_id)
        .order_by(each.id)
    )


def of_members(session: Session, ids: Sequence[int]) -> list[tuple[int, Row]]:
    """Every delivery of some members in order, each with its notice's number."""
    each = _found(lambda d: d.member_id.in_(ids)).c
    rows = session.execute(_select(each, _state(each)).add_columns(col(Batch.notice_id)))
    return [(found[-1], _row(*found[:-1])) for found in rows]


def _found(which: Callable[[Any], ColumnElement[bool]]) -> Any:
    """Some deliveries, each with the event and the attempt that say what became of it."""
    delivery = Delivery.__table__.alias("d")  # type: ignore[attr-defined]
    d = delivery.c
    ranked = case({event: rank for rank, event in enumerate(FATES)}, value=col(DeliveryEvent.event))
    event = (
        sa_select(col(DeliveryEvent.id))
        .where(col(DeliveryEvent.delivery_id) == d.id, col(DeliveryEvent.event).in_(FATES))
        .order_by(ranked.desc(), col(DeliveryEvent.id).desc())
        .limit(1)
    )
    attempt = (
        sa_select(func.max(col(Attempt.id)))
        .where(col(Attempt.batch_id) == d.batch_id, col(Attempt.state).in_(_BY_ATTEMPT))
        .where(col(Attempt.first) <= d.position, d.position < col(Attempt.last))
    )
    return (
        sa_select(
            *(d.id, d.member_id, d.batch_id, d.position),
            event.scalar_subquery().label("event_id"),
            attempt.scalar_subquery().label("attempt_id"),
        )
        .where(which(d))
        .subquery()
    )


def _state(each: Any) -> ColumnElement[str]:
    return case(
        (each.event_id.is_not(None), case(FATES, value=col(DeliveryEvent.event))),
        (col(Outcome.id).is_not(None), col(Outcome.outcome)),
        (each.position.is_(None), literal("queued")),
        (each.attempt_id.is_not(None), case(_BY_ATTEMPT, value=col(Attempt.state))),
        (col(Batch.state) == "skipped", literal("skipped")),
        (col(Batch.channel) == "site", literal("site notice only")),
        else_=literal("queued"),
    )


def _said(each: Any) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Why it is in its state, in words, and since when."""
    heard, own = each.event_id.is_not(None), col(Outcome.id).is_not(None)
    said = case(
        (heard, literal("")),
        (own, col(Outcome.reason)),
        (each.position.is_(None), literal("to be placed anew")),
        (each.attempt_id.is_not(None), col(Attempt.said)),
        (col(Batch.channel) == "site", col(Batch.reason)),
        else_=col(Batch.said),
    )
    doubted = func.coalesce(col(Attempt.recorded_at), col(Attempt.doubted_at), col(Attempt.started_at))
    at = case((heard, col(DeliveryEvent.recorded_at)), (own, col(Outcome.recorded_at)), else_=doubted)
    return said, at


def _row(*found: Any) -> Row:
    delivery_id, member_id, external_id, base, channel, locale, state, said, at, batch_id, attempt_id = found
    name = external_id or f"erased member {member_id}"
    return Row(delivery_id, member_id, name, base, channel, locale, state, said, at, batch_id, attempt_id)
