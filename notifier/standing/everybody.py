"""The standing of all members at a date, one after the other: memory stays flat however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, func, select

from notifier.models import Member
from notifier.standing import answers, gathering, statements
from notifier.standing.alike import Life
from notifier.standing.answers import Row
from notifier.standing.asking import checked
from notifier.standing.grounds import Ground
from policy_versions.diff.collecting import uncollected

CHUNK = 2000


def everyone(session: Session, slug: str, at: datetime, *, now: datetime) -> Iterator[Row]:  # noqa: ARG001 -- as known
    """Stand each member up, by id: also those who had not joined, or had gone, which `why` says.

    What is refused is refused at the call, not at the first row.
    Raises: NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    at = answers.checked(at)
    on, _ = gathering.some(session, checked(slug), statements.FROM_TO, first=0, last=0)
    return _rows(session, on, at)


def _rows(session: Session, on: Ground, at: datetime) -> Iterator[Row]:
    return (answers.row(life, on.texts, at) for life in lives(session, on.slug))


def lives(session: Session, slug: str, after: int = 0) -> Iterator[Life]:
    """What governs each member, by id. after: an id to go on from."""
    last = session.exec(select(func.max(Member.id))).one() or 0
    for first in range(after + 1, last + 1, CHUNK):
        with uncollected():
            _, some = gathering.some(session, slug, statements.FROM_TO, first=first, last=first + CHUNK - 1)
            found = sorted(some, key=lambda life: life.member_id)
        yield from found
