"""Find the delivery that each report is about: by what it names, else by the address it names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ARRAY, ColumnElement, any_, literal, select
from sqlmodel import Session, col

from notifier import suppressions
from notifier.events.reading import Reported
from notifier.models import Attempt, Batch, Delivery, Member, Notice, SubscriptionLetter

T = TypeVar("T")

CHUNK = 1000  # values in one statement
# What bounces late may have lost the ids that it left with. Nothing else does: a `delivered` without them is of
# another mail of the same account, and would claim that a letter was received.
_MAY_LACK_IDS = frozenset(("bounce", "blocked", "dropped", "spamreport"))
_RECENT = timedelta(days=30)  # notices opened since then
_CLOCKS = timedelta(minutes=5)  # a provider's clock may be that far behind ours


class Place(NamedTuple):
    """Where a delivery stands in the ledger."""

    delivery_id: int
    batch_id: int
    position: int | None
    member_id: int


class Matched(NamedTuple):
    """A report and the delivery it is about. attempt_id: found by the address, where the report names none."""

    report: Reported
    place: Place
    attempt_id: int | None = None


class Matches(NamedTuple):
    """Reports by what they are about. keys: of the unmatched, the first key of the address each names, or ""."""

    deliveries: list[Matched]
    letters: list[Reported]  # to subscribers
    unmatched: list[tuple[Reported, str]]


def match(session: Session, reports: Sequence[Reported], *, secret: str, now: datetime) -> Matches:
    """Part reports by what they are about."""
    known = places(session, {r.delivery for r in reports if r.delivery is not None and r.delivery > 0})
    letters = _letters(session, {-r.delivery for r in reports if r.delivery is not None and r.delivery < 0})
    late = _by_address(session, reports, secret=secret, now=now)
    found = Matches([], [], [])
    for report in reports:
        place = known.get(report.delivery or 0)
        if place is not None:
            found.deliveries.append(Matched(report, place))
        elif report.delivery is not None and -report.delivery in letters:
            found.letters.append(report)
        elif report in late:
            found.deliveries.append(late[report])
        else:
            keys = suppressions.keys(report.address, secret) if report.address else ("",)
            found.unmatched.append((report, keys[0]))
    return found


def places(session: Session, ids: Collection[int]) -> dict[int, Place]:
    """Where deliveries stand, by id; those that are none of ours are left out."""
    query = select(*map(col, (Delivery.id, Delivery.batch_id, Delivery.position, Delivery.member_id)))
    return {
        row[0]: Place(*row)
        for some in chunks(sorted(ids))
        for row in session.execute(query.where(among(session, col(Delivery.id), some)))
    }


def among(session: Session, column: Any, values: Sequence[int]) -> ColumnElement[bool]:
    """Whether a column holds one of some ids: on PostgreSQL given as one list, which is read much sooner."""
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))  # type: ignore[no-any-return]
    return column.in_(values)  # type: ignore[no-any-return]


def _letters(session: Session, ids: Collection[int]) -> set[int | None]:
    query = select(col(SubscriptionLetter.id))
    return {
        found
        for some in chunks(sorted(each for each in ids if each < 2**31))
        for found in session.scalars(query.where(col(SubscriptionLetter.id).in_(some)))
    }


# -- by address ---------------------------------------------------------------------------------


class _Candidate(NamedTuple):
    """A letter that went to an address of late."""

    place: Place
    attempt_id: int
    message_id: str | None
    started_at: datetime

    def fits(self, report: Reported) -> bool:
        """Whether the report may be about this letter: not older, and not of another request to the provider."""
        if report.happened_at < self.started_at - _CLOCKS:
            return False
        of = report.message_id
        return not (of and self.message_id) or of == self.message_id or of.startswith(f"{self.message_id}.")

    def rank(self, report: Reported) -> tuple[bool, int, int]:
        """The latest is meant; of two that differ by less than clocks do, one that had left before the report."""
        return self.started_at <= report.happened_at, self.attempt_id, self.place.delivery_id


_CANDIDATE: tuple[Any, ...] = (
    Member.email_key,
    Delivery.id,
    Delivery.batch_id,
    Delivery.position,
    Delivery.member_id,
    Attempt.id,
    Attempt.provider_message_id,
    Attempt.started_at,
)


def _by_address(
    session: Session, reports: Iterable[Reported], *, secret: str, now: datetime
) -> dict[Reported, Matched]:
    """Reports that name no delivery, with the latest letter to the address they name that they may be about."""
    lacking = {
        report: suppressions.keys(report.address, secret)
        for report in reports
        if report.delivery is None and not report.named and report.address and report.event in _MAY_LACK_IDS
    }
    candidates = _candidates(session, {key for keys in lacking.values() for key in keys}, now)
    found = {}
    for report, keys in lacking.items():
        fitting = [each for key in keys for each in candidates.get(key, ()) if each.fits(report)]
        if fitting:
            latest = max(fitting, key=lambda each: each.rank(report))
            found[report] = Matched(report, latest.place, latest.attempt_id)
    return found


def _candidates(session: Session, keys: Collection[str], now: datetime) -> dict[str, list[_Candidate]]:
    """Letters by their address's key, of notices opened lately, that were taken or may have been."""
    query = (
        select(*map(col, _CANDIDATE))
        .join(Delivery, col(Delivery.member_id) == Member.id)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .join(Attempt, col(Attempt.batch_id) == Batch.id)
        .where(
            col(Notice.opened_at) >= now - _RECENT,
            col(Batch.audience) == "member",  # a guardian's letter went to another address
            col(Attempt.state).in_(("accepted", "unknown")),
            col(Attempt.first) <= col(Delivery.position),
            col(Delivery.position) < col(Attempt.last),
        )
    )
    found: dict[str, list[_Candidate]] = {}
    for some in chunks(sorted(keys)):
        for key, *place, attempt_id, message_id, started_at in session.execute(
            query.where(col(Member.email_key).in_(some))
        ):
            found.setdefault(key, []).append(_Candidate(Place(*place), attempt_id, message_id, started_at))
    return found


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Part values so that each part goes into one statement."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
