"""What of a batch leaves next: a window of requests, committed as attempts before the first of them leaves.

A request's body is made from members retained at that moment. Whoever is not told after all gets an outcome with
the reason; whoever is owed something else now (another address, the guardian, the site notice) is placed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, exists, literal, not_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, insert, select, update

from notifier import addresses, audience, compose
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome, Suppression
from notifier.press import Press, Printed
from notifier.senders.protocol import Recipient
from policy_versions.models import Policy

FINAL = ("accepted", "unknown", "refused", "started")  # attempts whose recipients are not tried again


class Request(NamedTuple):
    """One request about to leave: positions [first, last) of its batch, as committed under `attempt_id`."""

    attempt_id: int
    first: int
    last: int
    recipients: tuple[Recipient, ...]


class Work(NamedTuple):
    """A batch that is ours, with all that is needed to send it."""

    session: Session
    notice: Notice
    batch: Batch
    policy: Policy
    printed: Printed
    press: Press
    now: datetime


class _Ready(NamedTuple):
    position: int
    delivery_id: int
    address: str


def open_window(work: Work, *, sender: str, size: int, most: int, allowed: int | None) -> list[Request]:
    """Write the attempts of the next requests; empty when nothing is left.

    size: recipients in a request. most: requests. allowed: recipients in all, where there is a budget.
    """
    ready = _ready(work, limit=size * most)
    if allowed is not None:
        ready = ready[:allowed]
    chunks = _chunks(work, ready, size)[:most]
    if not chunks:
        return []
    stated = work.press.stated(work.session, work.notice, work.batch, now=work.now)
    words = compose.personal(work.notice, stated, already=work.batch.already, policy=work.policy)
    return [_open(work, chunk, stated, words, sender) for chunk in chunks]


def waits(session: Session, batch: Batch) -> bool:
    """Whether anything of a batch is still to be tried."""
    return session.execute(_of(session, batch, Delivery.id).limit(1)).first() is not None


def _of(session: Session, batch: Batch, *columns: object) -> Select[Any]:
    """Deliveries of a batch that were not tried, and of which nothing else has become."""
    query: Select[Any] = sa_select(*columns)  # type: ignore[call-overload]
    return query.where(
        col(Delivery.batch_id) == batch.id,
        col(Delivery.position).is_not(None),
        ~exists().where(col(Outcome.delivery_id) == Delivery.id),
        *(not_(_within(first, last)) for first, last in _merged(_tried(session, batch))),
    )


# -- who is ready -------------------------------------------------------------------------------


def _ready(work: Work, *, limit: int) -> list[_Ready]:
    """Deliveries of a batch not tried yet, by position, at most so many of those looked at."""
    while True:
        rows = _untried(work, limit)
        ready, skipped, astray = [], [], []
        barred = _barred_guardians(work)
        placed_again = work.notice.kind == "change"
        for row in rows:
            why = _gone(row, work.now)
            otherwise = not why and _owed_otherwise(row, work.batch, barred, work.press.runtime.secret)
            if otherwise and not placed_again:
                why = "cannot be written to as planned"
            if why:
                skipped.append(
                    {"delivery_id": row.id, "outcome": "skipped", "reason": why, "recorded_at": work.now}
                )
            elif otherwise:
                astray.append(row.id)
            else:
                ready.append(_Ready(row.position, row.id, row.guardian_email or row.email))
        if skipped:
            work.session.execute(insert(Outcome), skipped)
        if astray:
            work.session.exec(update(Delivery).where(col(Delivery.id).in_(astray)).values(position=None))
        if ready or not rows:
            return ready  # else all of these were left out, and others may follow


def _untried(work: Work, limit: int) -> Sequence[Row[Any]]:
    columns = (
        Delivery.id, Delivery.position, Member.email, Member.guardian_email, Member.erased_at,
        Member.retained_until, _barred(work.session).label("barred"),
    )  # fmt: skip
    query = _of(work.session, work.batch, *columns).join(Member, col(Member.id) == Delivery.member_id)
    return work.session.execute(query.order_by(col(Delivery.position)).limit(limit)).all()


def _barred(session: Session) -> ColumnElement[bool]:
    """Whether a member's own address is suppressed."""
    standing = select(Suppression.id).where(col(Suppression.lifted_at).is_(None))
    if session.exec(standing.limit(1)).first() is None:
        return literal(False)
    return exists().where(
        col(Suppression.email_key) == col(Member.email_key), col(Suppression.lifted_at).is_(None)
    )


def _barred_guardians(work: Work) -> frozenset[str]:
    """Suppressed addresses as plain hashes, where a batch is for guardians: theirs are kept nowhere else."""
    return audience.suppressed(work.session) if work.batch.audience == "guardian" else frozenset()


def _within(first: int, last: int) -> ColumnElement[bool]:
    return and_(col(Delivery.position) >= first, col(Delivery.position) < last)


def _tried(session: Session, batch: Batch) -> list[tuple[int, int]]:
    found = session.exec(
        select(Attempt.first, Attempt.last).where(Attempt.batch_id == batch.id, col(Attempt.state).in_(FINAL))
    )
    return sorted((first, last) for first, last in found)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _gone(row: Row[Any], now: datetime) -> str:
    """Why a member is not told after all; "" where they are."""
    if row.erased_at is not None:
        return "erased"
    return "lapsed" if row.retained_until is not None and row.retained_until <= now else ""


def _owed_otherwise(row: Row[Any], batch: Batch, barred: frozenset[str], secret: str) -> bool:
    if (batch.audience == "guardian") != bool(row.guardian_email):
        return True
    if row.guardian_email:
        return bool(barred) and addresses.key(row.guardian_email, secret) in barred
    return not row.email or bool(row.barred)


# -- cutting requests ---------------------------------------------------------------------------


def _chunks(work: Work, ready: Sequence[_Ready], size: int) -> list[list[_Ready]]:
    """Part positions into requests: runs of at most `size`, cut where a request was halved or an address recurs.

    The longest come first: both halves of a refused request are tried before either is halved again.
    """
    barriers = sorted(_barriers(work.session, work.batch))
    chunks: list[list[_Ready]] = []
    seen: set[str] = set()
    barrier = 0
    for one in ready:
        address = addresses.normalised(one.address)
        apart = not chunks or len(chunks[-1]) >= size or address in seen
        while barrier < len(barriers) and barriers[barrier] <= one.position:
            barrier += 1
            apart = True
        if apart:
            chunks.append([])
            seen.clear()
        chunks[-1].append(one)
        seen.add(address)
    return sorted(chunks, key=lambda chunk: (-len(chunk), chunk[0].position))


def _barriers(session: Session, batch: Batch) -> set[int]:
    """Positions at which a request must begin: around what was tried, and where a refused one is halved."""
    rows = session.exec(select(Attempt).where(Attempt.batch_id == batch.id)).all()
    tried = {cut for a in rows if a.state in FINAL for cut in (a.first, a.last)}
    halved = [a for a in rows if a.state == "halved"]
    return tried | {cut for a in halved for cut in (a.first, _middle(session, batch, a), a.last)}


def _middle(session: Session, batch: Batch, attempt: Attempt) -> int:
    """The position that parts a refused request's recipients in two."""
    found = session.exec(
        select(Delivery.position)
        .where(Delivery.batch_id == batch.id, _within(attempt.first, attempt.last))
        .order_by(col(Delivery.position))
    ).all()
    return found[len(found) // 2] or 0 if len(found) > 1 else attempt.last


# -- writing them down --------------------------------------------------------------------------


def _open(
    work: Work, chunk: Sequence[_Ready], stated: datetime | None, words: dict[str, str], sender: str
) -> Request:
    attempt = Attempt(
        batch_id=work.batch.id or 0,
        first=chunk[0].position,
        last=chunk[-1].position + 1,
        recipients=len(chunk),
        body_sha256=_body(work.printed, chunk, words),
        sender=sender,
        applies_from=stated,
        started_at=work.now,
    )
    work.session.add(attempt)
    work.session.flush()
    recipients = tuple(Recipient(one.delivery_id, one.address, words) for one in chunk)
    return Request(attempt.id or 0, attempt.first, attempt.last, recipients)


def _body(printed: Printed, chunk: Sequence[_Ready], words: dict[str, str]) -> str:
    """A hash of what goes to whom, by delivery: no address goes in, so the evidence outlives an erasure."""
    said = [printed.sha256, repr(sorted(words.items())), *(str(one.delivery_id) for one in chunk)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
