"""What a person asks about addresses that are not written to: whose they are, and that one be written to again.

Addresses are known by their keyed hashes only. So an address is found by typing it, or by a member who has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select

from errors import FieldMissing, FieldTooLong, Unprintable
from notifier import members, said, suppressions
from notifier.models import Member, Suppression
from notifier.suppressions import Line

LONGEST = 320  # characters of what is looked up


class Answer(NamedTuple):
    """What stands on one address. of: whose it is, in words that do not name it. line: None where it is free."""

    of: str
    line: Line | None


def look_up(session: Session, typed: str, *, secret: str, now: datetime) -> list[Answer]:
    """Look an address up, or a member's addresses by the host's key; empty where it is neither.

    Raises: FieldMissing, FieldTooLong, Unprintable.
    """
    wanted = typed.strip()
    if not wanted:
        raise FieldMissing("who", "Type an e-mail address, or the key of a member.")
    if len(wanted) > LONGEST:
        raise FieldTooLong("who", LONGEST)
    if not wanted.isprintable():
        raise Unprintable("who")
    return [
        Answer(of, _line(session, suppressions.keys(address, secret), now))
        for of, address in (*_of_member(session, wanted, now), *_as_typed(wanted))
    ]


def _of_member(session: Session, external_id: str, now: datetime) -> Iterator[tuple[str, str]]:
    member = session.exec(select(Member).where(Member.external_id == external_id, members.retained(now))).first()
    if member is None:
        return
    if member.email:
        yield f"The address of member {external_id}", member.email
    if member.guardian_email:
        yield f"The address of the guardian of member {external_id}", member.guardian_email


def _as_typed(wanted: str) -> Iterator[tuple[str, str]]:
    if "@" in wanted:
        yield "The address you typed", wanted


def _line(session: Session, keys: Sequence[str], now: datetime) -> Line | None:
    found = suppressions.standing(session, keys)
    return Line(found, _names(session, {found.email_key, *keys}, now)) if found else None


def whose(session: Session, suppression: Suppression, *, secret: str, now: datetime) -> list[str]:
    """The host's keys of the members whose own address a suppression stands on, in whatever spelling."""
    return _names(session, {each.email_key for each in _spellings(session, suppression, secret, now)}, now)


def _names(session: Session, keys: set[str], now: datetime) -> list[str]:
    found = suppressions.owners(session, sorted(keys), now)
    return sorted({name for names in found.values() for name in names})


def lift(session: Session, suppression_id: int, *, why: str, actor: str, secret: str, now: datetime) -> list[str]:
    """Let an address be written to again, in all its spellings. Returns: whose it is, by the host's keys.

    Raises: SuppressionNotStanding, FieldMissing, FieldTooLong, Unprintable.
    """
    found = suppressions.by_id(session, suppression_id)
    because = said.reason(why, "Say why it may be written to again.")
    spellings = _spellings(session, found, secret, now)
    concerned = _names(session, {each.email_key for each in spellings}, now)
    for each in spellings:
        suppressions.lift(session, each.email_key, actor, now, why=because)
    return concerned


def _spellings(session: Session, suppression: Suppression, secret: str, now: datetime) -> Sequence[Suppression]:
    """What stands on one address: the same report's, and what its owners' address is by its other spellings."""
    same: list[ColumnElement[bool]] = [
        col(Suppression.email_key).in_(_of_owners(session, suppression, secret, now))
    ]
    if suppression.delivery_id is not None:
        same.append(
            and_(
                col(Suppression.delivery_id) == suppression.delivery_id,
                col(Suppression.recorded_at) == suppression.recorded_at,
                col(Suppression.reason) == suppression.reason,
            )
        )
    query = select(Suppression).where(col(Suppression.lifted_at).is_(None), or_(*same))
    return session.exec(query.order_by(col(Suppression.id))).all()


def _of_owners(session: Session, suppression: Suppression, secret: str, now: datetime) -> set[str]:
    """The keys of an address: its own, and those of its other spellings where a member has it."""
    query = select(Member.email).where(Member.email_key == suppression.email_key, members.retained(now))
    addresses = [address for address in session.exec(query) if address]
    return {suppression.email_key, *(key for each in addresses for key in suppressions.keys(each, secret))}
