"""After a restore: what is reported of letters that left after the backup was made.

Such a report names a request that is not on record. Of the requests in doubt it proves one letter, not all, so the
attempt that covers it is parted: the letters proved stand as accepted, the others stay in doubt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlmodel import Session, col, exists, select

from notifier import doubts
from notifier.events.matching import Matched
from notifier.models import Attempt, Delivery, Outcome


def prove(session: Session, strays: Sequence[Matched], now: datetime) -> dict[int, int]:
    """Settle letter by letter what reports prove that name no request on record. Their batches are locked.

    Returns: by delivery, the attempt that stands for it. Where the database was never restored, none.
    """
    restored = doubts.restored_at(session) if strays else None
    if restored is None:
        return {}
    wanted: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for each in strays:
        if each.place.position is not None:
            wanted[each.place.batch_id][each.place.position] = each.place.delivery_id
    found: dict[int, int] = {}
    for batch_id, places in sorted(wanted.items()):
        for position, attempt_id in _of_batch(session, batch_id, set(places), restored, now).items():
            found[places[position]] = attempt_id
    return found


def _of_batch(
    session: Session, batch_id: int, positions: set[int], restored: datetime, now: datetime
) -> dict[int, int]:
    attempts = session.exec(
        select(Attempt)
        .where(
            Attempt.batch_id == batch_id,
            col(Attempt.state).in_(("accepted", "unknown")),
            Attempt.started_at <= restored,
        )
        .order_by(col(Attempt.state), col(Attempt.id))  # those settled already first
        .execution_options(populate_existing=True)
    ).all()
    found: dict[int, int] = {}
    for attempt in attempts:
        covered = {p for p in positions - found.keys() if attempt.first <= p < attempt.last}
        if covered and attempt.state == "accepted":
            found |= dict.fromkeys(covered, attempt.id or 0)
        elif covered:
            found |= _part(session, attempt, covered, now)
    return found


def _part(session: Session, attempt: Attempt, proved: set[int], now: datetime) -> Mapping[int, int]:
    """Part an attempt in doubt into runs; its own row stays for the first that is in doubt still, if any is."""
    runs = [(known, list(run)) for known, run in groupby(_positions(session, attempt), key=proved.__contains__)]
    own = next((number for number, (known, _) in enumerate(runs) if not known), 0)
    same = attempt.model_dump(exclude={"id"})
    found: dict[int, int] = {}
    for number, (known, run) in enumerate(runs):
        piece = attempt if number == own else Attempt(**same)
        piece.first, piece.last, piece.recipients = run[0], run[-1] + 1, len(run)
        if known:
            piece.state, piece.settled_by, piece.recorded_at = "accepted", "event", now
        session.add(piece)
        session.flush()
        found |= dict.fromkeys(run, piece.id or 0) if known else {}
    return found


def _positions(session: Session, attempt: Attempt) -> Sequence[int]:
    """Of the letters in an attempt; one with an outcome of its own was not in it."""
    query = select(Delivery.position).where(
        Delivery.batch_id == attempt.batch_id,
        col(Delivery.position) >= attempt.first,
        col(Delivery.position) < attempt.last,
        ~exists().where(col(Outcome.delivery_id) == Delivery.id),
    )
    return [position or 0 for position in session.exec(query.order_by(col(Delivery.position)))]
