"""The standing of all members at a date, one after the other: memory stays flat however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, col, select

from notifier.models import Member
from notifier.standing import answers, gathering
from notifier.standing.answers import Row

CHUNK = 1000


def everyone(session: Session, slug: str, at: datetime, *, now: datetime) -> Iterator[Row]:  # noqa: ARG001 -- as known
    """Stand each member up, by id: also those who had not joined, or had gone, which `why` says.

    What is refused is refused at the call, not at the first row.
    Raises: NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    at, on = answers.checked(at), gathering.ground(session, slug)
    return _rows(session, on, at)


def _rows(session: Session, on: gathering.Ground, at: datetime) -> Iterator[Row]:
    after = 0
    while ids := _after(session, after):
        found = gathering.lives(session, on, ids)
        yield from (answers.row(found[each], on.texts, at) for each in ids)
        after = ids[-1]
        session.expunge_all()


def _after(session: Session, after: int) -> list[int]:
    query = select(Member.id).where(col(Member.id) > after).order_by(col(Member.id)).limit(CHUNK)
    return [each for each in session.exec(query) if each is not None]
