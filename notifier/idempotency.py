"""Requests that may come twice: what was answered the first time is answered again, and done once.

A request claims its row before it does anything, in the transaction that does it: of two at once the second waits
for the first one's end, and then finds its answer. Nothing personal is in a row: the sender's own key and the body
are kept as keyed hashes, and answers that are kept name nobody (see web/api/repeats.py).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Text, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, delete, select, update

from errors import RepeatDiffers, RepeatUnderWay

KEPT = timedelta(hours=24)
GIVEN_UP = timedelta(minutes=2)  # what is under way for longer was cut short, and is begun again


class Repeat(SQLModel, table=True):
    """A request that may be sent again, by the key it came with, and what it was answered."""

    __table_args__ = (UniqueConstraint("key_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    key_id: int = Field(foreign_key="api_key.id")
    name: str  # keyed hash of its Idempotency-Key
    request: str  # keyed hash of method, address and body
    status: int | None = None  # None: under way
    answer: str = Field(default="", sa_column=Column(Text, nullable=False))
    claimed_at: datetime = Field(index=True)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the next one is compared with it. Both are keyed hashes, in hexadecimal."""

    key_id: int
    name: str
    body: str

    @classmethod
    def of(cls, key_id: int, name: str, *parts: bytes, secret: str) -> Request:
        return cls(key_id, _hash(secret, b"name", name.encode()), _hash(secret, b"request", *parts))


def _hash(secret: str, *parts: bytes) -> str:
    told_apart = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(secret.encode(), b"idempotency\0" + told_apart, hashlib.sha256).hexdigest()


def claim(session: Session, request: Request, *, now: datetime) -> Repeat:
    """Claim a request's row, or find the one that it repeats, which then has a status.

    Raises: RepeatDiffers, where the key came with another request before; RepeatUnderWay.
    """
    forget(session, now=now, only=request)
    values = {"key_id": request.key_id, "name": request.name, "request": request.body}
    claimed = _insert(session).values(**values, answer="", claimed_at=now).on_conflict_do_nothing()
    made = session.execute(claimed.returning(col(Repeat.id))).scalar_one_or_none()
    found = session.exec(select(Repeat).where(Repeat.key_id == request.key_id, Repeat.name == request.name)).one()
    if made is not None:
        return found
    if not hmac.compare_digest(found.request, request.body):
        raise RepeatDiffers
    if found.status is None and not _taken_over(session, found, now):
        raise RepeatUnderWay
    return found


def _taken_over(session: Session, cut_short: Repeat, now: datetime) -> bool:
    """Whether this request goes on where the process of another ended; of two that would, one does."""
    won = session.exec(
        update(Repeat)
        .where(col(Repeat.id) == cut_short.id, col(Repeat.status).is_(None))
        .where(col(Repeat.claimed_at) <= now - GIVEN_UP)
        .values(claimed_at=now)
    )
    return bool(won.rowcount == 1)


def _insert(session: Session) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(Repeat)


def answered(session: Session, claimed: Repeat, status: int, answer: str) -> None:
    """Keep what was answered. answer: names nobody."""
    claimed.status, claimed.answer = status, answer
    session.add(claimed)
    session.flush()


def take_back(session: Session, claimed: Repeat) -> None:
    """Forget a claim whose request was refused: nothing was done, so it may be sent again."""
    session.exec(delete(Repeat).where(col(Repeat.id) == claimed.id, col(Repeat.status).is_(None)))


def forget(session: Session, *, now: datetime, only: Request | None = None) -> None:
    """Forget what came more than a day ago; of one request only, so that its key may be used again."""
    old = delete(Repeat).where(col(Repeat.claimed_at) <= now - KEPT)
    if only is not None:
        old = old.where(col(Repeat.key_id) == only.key_id, col(Repeat.name) == only.name)
    session.exec(old)
