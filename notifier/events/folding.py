"""Fold reports onto the ledger: each is recorded once, settles its attempt, is counted, and bars its address.

Order, doubling and lateness change nothing. Locks are taken in the order batches (by id), attempts, so that
any number of nodes may fold at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, func, literal, select
from sqlmodel import Session, col

from notifier import suppressions
from notifier.events import counting, matching, settling
from notifier.events.matching import Matched, among, chunks
from notifier.events.reading import Reported
from notifier.models import Batch, DeliveryEvent, Member, UnmatchedEvent

_REASONS = {"bounce": "bounce", "spamreport": "complaint", "dropped": "dropped"}
_SUBSCRIBERS_HEAR = frozenset(("bounce", "spamreport", "dropped", "delivered"))


class Folded(NamedTuple):
    """What came of a fold. events: recorded now; repeated: known already; unmatched: recorded as such now."""

    events: int
    repeated: int
    unmatched: int


class _Known(NamedTuple):
    """What is recorded of some deliveries: their events, and the rank reached by delivery and attempt."""

    events: set[tuple[int, str, datetime]]
    ranks: dict[int, int]
    of_attempts: dict[tuple[int, int | None], int]


def fold(session: Session, reports: Sequence[Reported], *, secret: str, now: datetime) -> Folded:
    """Fold reports in the caller's transaction; to fold them again adds nothing."""
    found = matching.match(session, reports, secret=secret, now=now)
    _lock(session, {matched.place.batch_id for matched in found.deliveries})
    attempts = settling.settle(session, found.deliveries, now)
    recorded = _record(session, found.deliveries, attempts, now)
    _suppress(session, recorded, secret, now)
    unmatched = _keep_unmatched(session, found.unmatched, now)
    _tell_subscribers(session, found.letters, now)
    known = len(found.deliveries) - len(recorded) + len(found.unmatched) - unmatched
    return Folded(len(recorded), known, unmatched)


def _lock(session: Session, batches: set[int]) -> None:
    for some in chunks(sorted(batches)):
        session.execute(
            select(col(Batch.id)).where(col(Batch.id).in_(some)).order_by(col(Batch.id)).with_for_update()
        ).all()


# -- recording ----------------------------------------------------------------------------------


def _record(
    session: Session, matched: Sequence[Matched], attempts: Sequence[int | None], now: datetime
) -> list[Matched]:
    """Write what is not known yet and count it. Returns: what was written."""
    known = _known(session, {each.place.delivery_id for each in matched})
    counts: counting.Counts = Counter()
    rows, new = [], []
    for each, attempt_id in zip(matched, attempts, strict=True):
        if _is_known(known, each, attempt_id):
            continue
        _count(known, counts, each, attempt_id)
        rows.append(_row(each, attempt_id, now))
        new.append(each)
    _insert(session, rows)
    counting.add(session, counts)
    return new


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write events that are new. PostgreSQL is given a list for each column: a thousand rows of parameters take it
    as long to read as to write."""
    if not rows:
        return
    statement = suppressions.insert_new(session, DeliveryEvent)
    if session.get_bind().dialect.name == "postgresql":
        names = list(rows[0])
        table = DeliveryEvent.__table__  # type: ignore[attr-defined]
        lists = (literal([row[name] for row in rows], ARRAY(table.c[name].type)) for name in names)
        session.execute(statement.from_select(names, select(*map(func.unnest, lists))))
    else:
        session.connection().execute(statement, rows)


def _known(session: Session, deliveries: set[int]) -> _Known:
    known = _Known(set(), {}, {})
    columns = DeliveryEvent.delivery_id, DeliveryEvent.event, DeliveryEvent.happened_at, DeliveryEvent.attempt_id
    query = select(*map(col, columns))
    for some in chunks(sorted(deliveries)):
        for delivery_id, event, happened_at, attempt_id in session.execute(
            query.where(among(session, col(DeliveryEvent.delivery_id), some))
        ):
            known.events.add((delivery_id, event, happened_at))
            _reach(known, delivery_id, attempt_id, counting.RANK.get(event, 0))
    return known


def _is_known(known: _Known, each: Matched, attempt_id: int | None) -> bool:
    """Whether a report adds nothing. What came by the return address must rank above what is known of its letter:
    anybody who was sent that address can write to it as often as they like."""
    report, delivery_id = each.report, each.place.delivery_id
    if (delivery_id, report.event, report.happened_at) in known.events:
        return True
    reached = known.of_attempts.get((delivery_id, attempt_id), 0)
    return report.returned and counting.RANK[report.event] <= reached


def _count(known: _Known, counts: counting.Counts, each: Matched, attempt_id: int | None) -> None:
    """Count a delivery where its highest rank now is, and no longer where it was."""
    delivery_id, batch_id = each.place.delivery_id, each.place.batch_id
    before = known.ranks.get(delivery_id, 0)
    known.events.add((delivery_id, each.report.event, each.report.happened_at))
    _reach(known, delivery_id, attempt_id, counting.RANK[each.report.event])
    after = known.ranks[delivery_id]
    if after != before:
        for rank, difference in ((before, -1), (after, 1)):
            if rank in counting.COLUMNS:
                counts[batch_id, counting.COLUMNS[rank]] += difference


def _reach(known: _Known, delivery_id: int, attempt_id: int | None, rank: int) -> None:
    known.ranks[delivery_id] = max(rank, known.ranks.get(delivery_id, 0))
    of = delivery_id, attempt_id
    known.of_attempts[of] = max(rank, known.of_attempts.get(of, 0))


def _row(each: Matched, attempt_id: int | None, now: datetime) -> dict[str, Any]:
    return {
        "delivery_id": each.place.delivery_id,
        "attempt_id": attempt_id,
        "event": each.report.event,
        "happened_at": each.report.happened_at,
        "recorded_at": now,
    }


# -- addresses ----------------------------------------------------------------------------------


def _suppress(session: Session, recorded: Sequence[Matched], secret: str, now: datetime) -> None:
    """Bar the addresses that new reports name: what is known already may have been lifted by a person since."""
    barring = [each for each in recorded if each.report.bars and each.report.address]
    own = _own_addresses(session, {each.place.member_id for each in barring})
    wanted = {
        key: (_REASONS[each.report.event], each.place.delivery_id)
        for each in barring
        if _may_bar(each.report, own.get(each.place.member_id))
        for key in suppressions.keys(each.report.address, secret)
    }
    suppressions.suppress_all(session, wanted, now)


def _may_bar(report: Reported, own: set[str] | None) -> bool:
    """Of an erased member the address is dropped; a letter that came back may bar none but its member's own."""
    if own is None:
        return False
    return not report.returned or suppressions.spelled(report.address) in own


def _own_addresses(session: Session, ids: set[int]) -> dict[int, set[str]]:
    """The addresses that members have now, by their ids; those erased are left out."""
    query = select(*map(col, (Member.id, Member.email, Member.guardian_email)))
    return {
        member_id: {suppressions.spelled(address) for address in given if address}
        for some in chunks(sorted(ids))
        for member_id, *given in session.execute(
            query.where(col(Member.id).in_(some), col(Member.erased_at).is_(None))
        )
    }


# -- what is no member's ------------------------------------------------------------------------


def _keep_unmatched(session: Session, unmatched: Sequence[tuple[Reported, str]], now: datetime) -> int:
    """Keep what matches nothing, by the address's key. Returns: how many were not kept before."""
    rows = [
        {
            "address_key": key,
            "named": report.named,
            "event": report.event,
            "happened_at": report.happened_at,
            "recorded_at": now,
        }
        # in one order, so that two nodes that keep the same events wait for each other instead of locking up
        for report, key in sorted(unmatched, key=_as_kept)
    ]
    if not rows:
        return 0
    statement = suppressions.insert_new(session, UnmatchedEvent).returning(col(UnmatchedEvent.id))
    return len(session.execute(statement, rows).all())


def _as_kept(each: tuple[Reported, str]) -> tuple[str, str, datetime, str]:
    report, key = each
    return key, report.event, report.happened_at, report.named


def _tell_subscribers(session: Session, letters: Sequence[Reported], now: datetime) -> None:
    """Hand over what was said of letters to subscribers; whoever takes it knows what is a repetition."""
    from notifier import subscriptions

    told = {(-(report.delivery or 0), report.event) for report in letters if _concerns_subscribers(report)}
    for letter_id, event in sorted(told):
        subscriptions.reported(session, letter_id, event, now)


def _concerns_subscribers(report: Reported) -> bool:
    """A letter that came back for no fault of the address ends no subscription."""
    return report.event in _SUBSCRIBERS_HEAR and (report.bars or report.event != "bounce")
