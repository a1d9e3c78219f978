"""Where a deed comes from: the door it came in by, and the address of whoever stood at it.

The edges say it once for all that happens inside, so that no service hands it on; the audit log writes it down
beside each entry. It is a row of its own, so that an evidence pack holds whole entries, which verify, and no
administrator's address (docs/decisions/0039-from-where.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from sqlmodel import Field, Session, SQLModel

PAGES, API, COMMAND_LINE, SCHEDULER = "administration", "API", "command line", "scheduler"
ELSEWHERE = "a reader’s page"  # a member's, or a subscriber's: theirs is no address of an administrator
LONGEST = 100


class Origin(NamedTuple):
    """address: an administrator's or a host's network address, or the name of a machine; never a member's."""

    door: str
    address: str = ""


class AuditOrigin(SQLModel, table=True):
    """Where the deed of an audit entry came from. A fact, sealed as the others are."""

    __tablename__ = "audit_origin"
    id: int | None = Field(default=None, primary_key=True, foreign_key="audit.id")  # the entry's own
    door: str
    address: str = ""


_HERE: ContextVar[Origin | None] = ContextVar("origin", default=None)


def enter(origin: Origin | None) -> None:
    """All that is done from here on in this thread, or this context, comes from there; None: nobody knows."""
    _HERE.set(origin)


@contextmanager
def coming(door: str, address: str = "") -> Iterator[None]:
    """All that is done inside comes from there."""
    token = _HERE.set(Origin(door, address))
    try:
        yield
    finally:
        _HERE.reset(token)


def note(session: Session, entry_id: int) -> None:
    """Write down where the deed of an entry came from, where that is known. The entry: flushed."""
    origin = _HERE.get()
    if origin is not None:
        session.add(AuditOrigin(id=entry_id, door=origin.door, address=origin.address[:LONGEST]))
        session.flush()
