"""Settle attempts by what was reported of their letters: one event proves that the whole request was taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col, update

from notifier import notices, recording
from notifier.events import proving
from notifier.events.matching import Matched, Place, chunks
from notifier.models import Attempt, Batch

_LARGEST = 2**31 - 1  # PostgreSQL's integer


class Request(NamedTuple):
    """An attempt, as far as matching needs it."""

    id: int
    batch_id: int
    first: int
    last: int
    state: str

    @property
    def is_single(self) -> bool:
        """What came back by the return address proves its own letter only, so just a request of that one."""
        return self.last - self.first == 1

    def covers(self, place: Place) -> bool:
        return (
            self.batch_id == place.batch_id
            and place.position is not None
            and self.first <= place.position < self.last
        )


_REQUEST = tuple(map(col, (Attempt.id, Attempt.batch_id, Attempt.first, Attempt.last, Attempt.state)))


def settle(session: Session, matched: Sequence[Matched], now: datetime) -> list[int | None]:
    """Settle the attempts that reports prove taken, under their batches' locks. Returns: each report's attempt.

    An attempt named that does not cover the delivery is not believed, and does not settle anything.
    """
    named = _named(session, {m.report.attempt for m in matched if m.report.attempt is not None})
    latest = _latest(session, [m.place for m in matched if m.report.returned])
    proven: dict[int, Request] = {}
    ids: list[int | None] = []
    strays: dict[int, Matched] = {}  # by their place in ids: they prove one letter at most
    for number, each in enumerate(matched):
        request = named.get(each.report.attempt or 0) or latest.get(each.place.delivery_id)
        covered = request is not None and request.covers(each.place)
        ids.append(request.id if request is not None and covered else each.attempt_id)
        if request is not None and covered and (each.report.attempt is not None or request.is_single):
            proven[request.id] = request
        elif each.report.attempt is not None or each.report.returned:
            strays[number] = each
    _take(session, proven.values(), now)
    pieces = proving.prove(session, list(strays.values()), now)
    for number, each in strays.items():
        ids[number] = pieces.get(each.place.delivery_id, ids[number])
    for batch_id in sorted({each.place.batch_id for each in strays.values()} if pieces else ()):
        _follow(session, batch_id)
    return ids


def _named(session: Session, ids: Collection[int]) -> dict[int, Request]:
    wanted = sorted(each for each in ids if 0 < each <= _LARGEST)
    return {
        row[0]: Request(*row)
        for some in chunks(wanted)
        for row in session.execute(select(*_REQUEST).where(col(Attempt.id).in_(some)))
    }


def _latest(session: Session, places: Sequence[Place]) -> dict[int, Request]:
    """Of each delivery, the last attempt that covers it and was taken or may have been."""
    found: dict[int, Request] = {}
    for some in chunks(places):
        rows = session.execute(
            select(*_REQUEST)
            .where(
                col(Attempt.batch_id).in_({place.batch_id for place in some}),
                col(Attempt.state).in_(("accepted", "unknown")),
            )
            .order_by(col(Attempt.id))
        )
        requests = [Request(*row) for row in rows]
        for place in some:
            covering = [request for request in requests if request.covers(place)]
            if covering:
                found[place.delivery_id] = covering[-1]
    return found


def _take(session: Session, requests: Iterable[Request], now: datetime) -> None:
    requests = list(requests)
    doubtful = [each for each in requests if each.state in ("unknown", "started")]
    for some in chunks(sorted(each.id for each in doubtful)):
        session.execute(
            update(Attempt)
            .where(col(Attempt.id).in_(some), col(Attempt.state).in_(("unknown", "started")))
            .values(state="accepted", settled_by="event", recorded_at=now)
            .execution_options(synchronize_session=False)
        )
    for each in requests:
        if each.state != "accepted":  # it may have been given up since it was read
            recording.taken_after_all(session, each.id, by="event", now=now)
    for batch_id in sorted({each.batch_id for each in requests}):
        _follow(session, batch_id)


def _follow(session: Session, batch_id: int) -> None:
    """The state of a batch that was closed as unknown follows its attempts'; of another its worker has charge."""
    states = set(session.scalars(select(col(Attempt.state)).where(col(Attempt.batch_id) == batch_id)))
    session.execute(
        update(Batch)
        .where(col(Batch.id) == batch_id, col(Batch.state) == "unknown")
        .values(state=notices.final_state(states))
        .execution_options(synchronize_session=False)
    )
