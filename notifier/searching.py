"""Members found: by a key, its beginning, an address or a number; and listed a page at a time by what is so.

A page begins behind the last id of the one before, so that the thousandth costs what the first does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, String, and_, type_coerce
from sqlmodel import Session, col, or_, select

from errors import FieldMissing, FieldTooLong, Unprintable
from notifier import members, suppressions
from notifier.lineage import FormerName
from notifier.models import Member, Suppression

PAGE = 50
LONGEST = 320  # characters of what is looked for
_LARGEST = 2**31


class Which(StrEnum):
    """What members are listed by."""

    ALL = "all"
    RETAINED = "retained"
    LAPSED = "lapsed"  # no longer retained, and not purged yet
    ERASED = "erased"
    NO_ADDRESS = "no address"
    SUPPRESSED = "suppressed"
    GUARDIAN = "guardian"


def page(
    session: Session, which: Which, *, locale: str = "", after: int = 0, limit: int = PAGE, now: datetime
) -> list[Member]:
    """The first so many members behind an id of whom something is so. locale: as on record; "" for any."""
    query = select(Member).where(col(Member.id) > after, _WHICH[which](now))
    if locale:
        query = query.where(_spoken(which) == locale)
    return list(session.exec(query.order_by(col(Member.id)).limit(limit)))


def _spoken(which: Which) -> ColumnElement[str]:
    """A member's locale, so that those who are few are walked through, not all of the locale: SQLite would."""
    spoken: ColumnElement[str] = type_coerce(col(Member.locale), String())
    return spoken.concat("") if which in _OF_FEW else spoken


def _suppressed(now: datetime) -> ColumnElement[bool]:
    """Begins with the addresses that are not written to, which are few."""
    barred = (
        select(Member.id)
        .select_from(Suppression)
        .join(Member, col(Member.email_key) == col(Suppression.email_key))
        .where(col(Suppression.lifted_at).is_(None))
    )
    return and_(col(Member.id).in_(barred), members.retained(now))


def _lapsed(now: datetime) -> ColumnElement[bool]:
    """Begins with those whose retention has ended: SQLite would walk through all, in the order of the page."""
    ended = select(Member.id).where(col(Member.erased_at).is_(None), col(Member.retained_until) <= now)
    return col(Member.id).in_(ended)


_WHICH: dict[Which, Callable[[datetime], ColumnElement[bool]]] = {
    Which.ALL: lambda _: col(Member.id) > 0,
    Which.RETAINED: members.retained,
    Which.LAPSED: _lapsed,
    Which.ERASED: lambda _: col(Member.erased_at).is_not(None),
    Which.NO_ADDRESS: lambda _: and_(col(Member.erased_at).is_(None), col(Member.email).is_(None)),
    Which.SUPPRESSED: _suppressed,
    Which.GUARDIAN: lambda _: col(Member.guardian_email).is_not(None),
}


_OF_FEW = {Which.ERASED, Which.NO_ADDRESS, Which.GUARDIAN}  # each has an index of its own, in the order of a page


def find(session: Session, typed: str, *, secret: str, limit: int = PAGE) -> list[Member]:
    """Members by what somebody typed, the surest first: a key, a key of before, a number, an address, a beginning.

    An address is found by its keyed hash, in any spelling. Of an erased member only the number is left to find.
    Raises: FieldMissing, FieldTooLong, Unprintable.
    """
    wanted = typed.strip()
    if not wanted:
        raise FieldMissing("who", "Type a member’s key or its beginning, an e-mail address, or a number.")
    if len(wanted) > LONGEST:
        raise FieldTooLong("who", LONGEST)
    if not wanted.isprintable():
        raise Unprintable("who")
    found: dict[int | None, Member] = {}
    for some in _found(session, wanted, secret, limit):
        found |= {member.id: member for member in some if member.id not in found}
    return list(found.values())[:limit]


def _found(session: Session, wanted: str, secret: str, limit: int) -> Iterator[Sequence[Member]]:
    formerly = select(FormerName.member_id).where(FormerName.external_id == wanted)
    exact = select(Member).where(or_(col(Member.external_id) == wanted, col(Member.id).in_(formerly)))
    yield session.exec(exact.limit(limit)).all()
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 11 and int(wanted) < _LARGEST:
        yield session.exec(select(Member).where(Member.id == int(wanted))).all()
    if "@" in wanted:
        keys = suppressions.keys(wanted, secret)
        yield session.exec(select(Member).where(col(Member.email_key).in_(keys)).limit(limit)).all()
    # no order is asked of the database: that would have it walk through all keys for a beginning that few have
    begins = select(Member).where(_begins(session, wanted)).limit(limit)
    yield sorted(session.exec(begins), key=lambda member: member.external_id or "")


def _begins(session: Session, prefix: str) -> ColumnElement[bool]:
    key = col(Member.external_id)
    if session.get_bind().dialect.name == "postgresql":
        return key.startswith(prefix, autoescape=True)
    return and_(key >= prefix, key < prefix + chr(0x10FFFF))  # LIKE ignores case there, and the index with it
