"""What of a batch leaves next: a window of requests, committed as attempts before the first of them leaves.

A request's body is made from members retained at that moment. Whoever is not told after all gets an outcome with
the reason; whoever is owed something else now (another address, the guardian, the site notice) is placed anew.
A batch is a thousand letters and a notice thousands of batches: what is asked for each is built once, below.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, not_, or_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, insert, select, update

from notifier import addresses, audience, filling
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome, Suppression
from notifier.press import Press, Sheet
from notifier.senders.protocol import Recipient

FINAL = ("accepted", "unknown", "refused", "started")  # attempts whose recipients are not tried again
MANY = 200  # runs of tried positions: past them a condition for each is more than a database takes


class Request(NamedTuple):
    """One request about to leave: positions [first, last) of its batch, as committed under `attempt_id`."""

    attempt_id: int
    first: int
    last: int
    recipients: tuple[Recipient, ...]


class Window(NamedTuple):
    """Requests that leave one after another. last: nothing else of the batch waits."""

    requests: Sequence[Request]
    last: bool


class Work(NamedTuple):
    """A batch that is ours, with all that is needed to send it. barred: whether any address is suppressed."""

    session: Session
    notice: Notice
    batch: Batch
    sheet: Sheet
    press: Press
    barred: bool
    now: datetime


class _Ready(NamedTuple):
    position: int
    delivery_id: int
    address: str


class _Tried(NamedTuple):
    """An attempt at positions [first, last)."""

    first: int
    last: int
    state: str


def open_window(work: Work, *, sender: str, size: int, most: int, allowed: int | None) -> Window:
    """Write the attempts of the next requests; there are none when nothing is left.

    size: recipients in a request. most: requests. allowed: recipients in all, where there is a budget.
    """
    tried = _tried(work.session, work.batch)
    ready, more = _ready(work, tried, limit=size * most)
    within = ready if allowed is None else ready[:allowed]
    chunks = _chunks(work.session, work.batch, tried, within, size)
    if not chunks:
        return Window((), last=not ready)
    last = not more and len(within) == len(ready) and len(chunks) <= most
    return Window(_open(work, chunks[:most], sender), last)


def waits(session: Session, batch: Batch) -> bool:
    """Whether anything of a batch is still to be tried."""
    tried = _merged(_tried(session, batch))
    if len(tried) > MANY:
        return bool(_untried_positions(session, batch, tried))
    query = _left(_OPEN, tried).limit(1)
    return session.execute(query, {"batch": batch.id}).first() is not None


# -- who is ready -------------------------------------------------------------------------------

# Deliveries of a batch of which nothing else has become.
_OPEN = sa_select(Delivery.position).where(  # type: ignore[call-overload]
    col(Delivery.batch_id) == bindparam("batch"),
    col(Delivery.position).is_not(None),
    ~exists().where(col(Outcome.delivery_id) == Delivery.id),
)
_Row = tuple[int, int, str, int]
ERASED, LAPSED, OTHERWISE = 1, 2, 3
_WHY = {ERASED: "erased", LAPSED: "lapsed", OTHERWISE: "cannot be written to as planned"}


def _ready(work: Work, tried: Sequence[_Tried], *, limit: int) -> tuple[list[_Ready], bool]:
    """Letters of a batch not tried yet, by position, of at most so many looked at; whether others follow."""
    barred = audience.suppressed(work.session) if work.batch.audience == "guardian" else frozenset()
    while True:
        rows = _untried(work, tried, limit + 1)
        looked_at, more = rows[:limit], len(rows) > limit
        ready = _set_aside(work, looked_at, barred)
        if ready or not looked_at:
            return ready, more  # else all of these were left out, and others may follow


def _set_aside(work: Work, rows: Sequence[_Row], barred: frozenset[str]) -> list[_Ready]:
    """Write down who of them is not told after all, or is to be placed anew; returns the others."""
    secret = work.press.runtime.secret
    again = [OTHERWISE] if work.notice.kind == "change" else []
    skipped, astray, ready = [], [], []
    for position, delivery_id, address, planned in rows:
        fate = planned
        if not fate and barred and addresses.key(address, secret) in barred:
            fate = OTHERWISE  # a guardian's address has no key on record
        if not fate:
            ready.append(_Ready(position, delivery_id, address))
        elif fate in again:
            astray.append(delivery_id)
        else:
            skipped.append(
                {"delivery_id": delivery_id, "outcome": "skipped", "reason": _WHY[fate], "recorded_at": work.now}
            )
    if skipped:
        work.session.execute(insert(Outcome), skipped)
    if astray:
        work.session.exec(update(Delivery).where(col(Delivery.id).in_(astray)).values(position=None))
    return ready


def _untried(work: Work, tried: Sequence[_Tried], limit: int) -> Sequence[_Row]:
    """So many letters by position; of each its position, its delivery, the address, and 0 or why not to write."""
    query = _letters(guardian=work.batch.audience == "guardian", barred=work.barred)
    runs = _merged(tried)
    if len(runs) > MANY:
        positions = _untried_positions(work.session, work.batch, runs)[:limit]
        query = query.where(col(Delivery.position).in_(positions))
    else:
        query = _left(query, runs)
    given = {"batch": work.batch.id, "now": work.now, "most": limit}
    # by the connection itself: of a thousand rows the session's own bookkeeping costs as much as the query
    found: Sequence[Any] = work.session.connection().execute(query, given).all()
    return found


@cache
def _letters(*, guardian: bool, barred: bool) -> Select[Any]:
    """Whom the letters of a batch go to. barred: whether any address is suppressed."""
    own, guardians = col(Member.email), col(Member.guardian_email)
    guarded = and_(guardians.is_not(None), guardians != "")
    otherwise: list[ColumnElement[bool]] = [guarded, own.is_(None), own == ""]
    if barred:
        standing = exists().where(
            col(Suppression.email_key) == col(Member.email_key), col(Suppression.lifted_at).is_(None)
        )
        otherwise.append(standing)
    fate = case(
        (col(Member.erased_at).is_not(None), ERASED),
        (col(Member.retained_until) <= bindparam("now"), LAPSED),
        (~guarded if guardian else or_(*otherwise), OTHERWISE),
        else_=0,
    )
    query: Select[Any] = _OPEN.add_columns(col(Delivery.id), guardians if guardian else own, fate)
    query = query.join(Member, col(Member.id) == Delivery.member_id)
    return query.order_by(col(Delivery.position)).limit(bindparam("most"))


# -- what was tried -----------------------------------------------------------------------------

_ATTEMPTS = (
    sa_select(col(Attempt.first), col(Attempt.last), col(Attempt.state))
    .where(col(Attempt.batch_id) == bindparam("batch"), col(Attempt.state).in_((*FINAL, "halved")))
    .order_by(col(Attempt.first))
)


def _tried(session: Session, batch: Batch) -> list[_Tried]:
    """The attempts whose recipients are not tried again, or not together, by their first."""
    return [_Tried(*row) for row in session.connection().execute(_ATTEMPTS, {"batch": batch.id})]


def _merged(tried: Iterable[_Tried]) -> list[tuple[int, int]]:
    """Runs of positions that are not tried again."""
    merged: list[tuple[int, int]] = []
    for first, last, state in tried:
        if state not in FINAL:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _left(query: Select[Any], runs: Sequence[tuple[int, int]]) -> Select[Any]:
    if not runs:
        return query
    place = col(Delivery.position)
    return query.where(*(not_(and_(place >= first, place < last)) for first, last in runs))


def _untried_positions(session: Session, batch: Batch, runs: Sequence[tuple[int, int]]) -> list[int]:
    places: list[int] = sorted(session.scalars(_OPEN, {"batch": batch.id}))
    left, start = [], 0
    for first, last in runs:
        left += places[start : bisect_left(places, first)]
        start = bisect_left(places, last)
    return left + places[start:]


# -- cutting requests ---------------------------------------------------------------------------


def _chunks(
    session: Session, batch: Batch, tried: Sequence[_Tried], ready: Sequence[_Ready], size: int
) -> list[Sequence[_Ready]]:
    """Part positions into requests: runs of at most `size`, cut where a request was halved or an address recurs.

    The longest come first: both halves of a refused request are tried before either is halved again.
    """
    if not ready:
        return []
    written = addresses.all_normalised([one.address for one in ready])
    if not tried and len(ready) <= size and len(set(written)) == len(ready):
        return [ready]
    chunks = _cut(ready, written, sorted(_barriers(session, batch, tried)), size)
    return sorted(chunks, key=lambda chunk: (-len(chunk), chunk[0].position))


def _cut(
    ready: Sequence[_Ready], written: Sequence[str], barriers: Sequence[int], size: int
) -> list[Sequence[_Ready]]:
    chunks: list[list[_Ready]] = []
    seen: set[str] = set()
    barrier = 0
    for one, address in zip(ready, written, strict=True):
        apart = not chunks or len(chunks[-1]) >= size or address in seen
        while barrier < len(barriers) and barriers[barrier] <= one.position:
            barrier += 1
            apart = True
        if apart:
            chunks.append([])
            seen.clear()
        chunks[-1].append(one)
        seen.add(address)
    return list[Sequence[_Ready]](chunks)


def _barriers(session: Session, batch: Batch, tried: Sequence[_Tried]) -> set[int]:
    """Positions at which a request must begin: around what was tried, and where a refused one is halved."""
    cuts = {cut for first, last, _ in tried for cut in (first, last)}
    halved = [each for each in tried if each.state == "halved"]
    if halved:
        rows = session.exec(
            select(Delivery.position).where(Delivery.batch_id == batch.id, col(Delivery.position).is_not(None))
        )
        places = sorted(place for place in rows if place is not None)
        cuts |= {_middle(places, each) for each in halved}
    return cuts


def _middle(places: Sequence[int], halved: _Tried) -> int:
    """The position that parts a refused request's recipients in two. places: of the batch, sorted."""
    first, last = bisect_left(places, halved.first), bisect_left(places, halved.last)
    return places[(first + last) // 2] if last - first > 1 else halved.last


# -- writing them down --------------------------------------------------------------------------


def _open(work: Work, chunks: Sequence[Sequence[_Ready]], sender: str) -> list[Request]:
    printed, policy, stated = work.sheet
    said = filling.applies_words(stated, already=work.batch.already, policy=policy, locale=work.batch.locale)
    words = filling.personal(work.notice, said)
    common = _digest(printed.sha256, words)
    own = filling.of_each(work.notice, work.batch, words, secret=work.press.runtime.secret)
    rows = [
        {
            "batch_id": work.batch.id,
            "first": chunk[0].position,
            "last": chunk[-1].position + 1,
            "recipients": len(chunk),
            "body_sha256": _body(common, chunk),
            "sender": sender,
            "applies_from": stated,
            "applies_words": said,
            "started_at": work.now,
        }
        for chunk in chunks
    ]
    return [
        Request(number, chunk[0].position, chunk[-1].position + 1, tuple(_recipients(chunk, own)))
        for number, chunk in zip(_written(work.session, rows), chunks, strict=True)
    ]


def _written(session: Session, rows: Sequence[dict[str, Any]]) -> Sequence[int]:
    """Write attempts; returns their ids in the same order."""
    given = [{"state": "started", "said": "", "settled_by": "", "duplicate": False, **row} for row in rows]
    return [number for (number,) in session.connection().execute(_ATTEMPTED, given) if number is not None]


_ATTEMPTED = insert(Attempt).returning(col(Attempt.id), sort_by_parameter_order=True)


def _recipients(chunk: Iterable[_Ready], own: filling.Words) -> Iterator[Recipient]:
    return (Recipient(one.delivery_id, one.address, own(one.delivery_id, one.address)) for one in chunk)


def _digest(printed: str, words: dict[str, str]) -> str:
    return "\n".join((printed, repr(sorted(words.items()))))


def _body(common: str, chunk: Sequence[_Ready]) -> str:
    """A hash of what goes to whom, by delivery: no address goes in, so the evidence outlives an erasure."""
    said = [common, *(str(one.delivery_id) for one in chunk)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
