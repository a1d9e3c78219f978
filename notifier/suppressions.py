"""Addresses not to be written to, as keyed hashes: made by a bounce or a complaint, lifted by a person's word.

A suppression is of an address. Whoever changes theirs is written to again, since it is another; whoever takes
one that is suppressed is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, func, select, update

from errors import SuppressionNotStanding
from notifier import addresses, members
from notifier.models import Member, Suppression
from policy_versions import audit

SHOWN = 200  # in a list


class Line(NamedTuple):
    """A standing suppression in a list. members: the host's keys of those retained whose own address it is."""

    suppression: Suppression
    members: list[str]


def suppress(session: Session, key: str, reason: str, delivery_id: int | None, now: datetime) -> bool:
    """Suppress an address by its key; whether it was not suppressed before. One stands for each address."""
    return suppress_all(session, {key: (reason, delivery_id)}, now) == 1


def suppress_all(session: Session, wanted: Mapping[str, tuple[str, int | None]], now: datetime) -> int:
    """Suppress addresses: by key, the reason and the letter it came of. Returns: how many were not before."""
    # In one order, so that two who suppress the same addresses wait for each other instead of locking up.
    rows = [
        {"email_key": key, "reason": reason, "delivery_id": delivery_id, "recorded_at": now, "lifted_by": ""}
        for key, (reason, delivery_id) in sorted(wanted.items())
    ]
    if not rows:
        return 0
    return len(session.execute(insert_new(session, Suppression).returning(col(Suppression.id)), rows).all())


def insert_new(session: Session, model: type[Any]) -> Any:
    """An INSERT that leaves out rows which a unique index knows already."""
    dialect = session.get_bind().dialect.name
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(model).on_conflict_do_nothing()


def standing(session: Session, keys: Iterable[str]) -> Suppression | None:
    """The suppression that stands on an address, by any of its keys."""
    found = session.exec(
        select(Suppression).where(col(Suppression.email_key).in_(list(keys)), col(Suppression.lifted_at).is_(None))
    )
    return found.first()


def by_id(session: Session, suppression_id: int) -> Suppression:
    """Raises: SuppressionNotStanding, when there is none such or it was lifted."""
    found = session.get(Suppression, suppression_id)
    if found is None or found.lifted_at is not None:
        raise SuppressionNotStanding
    return found


def lift(session: Session, key: str, by: str, now: datetime, *, why: str = "") -> None:
    """Let an address be written to again, on a person's word. Raises: SuppressionNotStanding.

    why: as that person says it, for the audit log.
    """
    found = standing(session, [key])
    lifted = session.execute(
        update(Suppression)
        .where(col(Suppression.email_key) == key, col(Suppression.lifted_at).is_(None))
        .values(lifted_at=now, lifted_by=by)
        .execution_options(synchronize_session=False)
    )
    if found is None or lifted.rowcount == 0:  # type: ignore[attr-defined]
        raise SuppressionNotStanding
    audit.record(
        session,
        actor=by,
        action="suppression lifted",
        subject=f"suppression {found.id}",
        now=now,
        reason=found.reason,
        **({"why": why} if why else {}),
    )


def newest(session: Session, now: datetime) -> list[Line]:
    """The suppressions that stand, the newest first."""
    found = session.exec(
        select(Suppression)
        .where(col(Suppression.lifted_at).is_(None))
        .order_by(col(Suppression.id).desc())
        .limit(SHOWN)
    ).all()
    names = owners(session, [each.email_key for each in found], now)
    return [Line(each, names.get(each.email_key, [])) for each in found]


def count(session: Session) -> int:
    """How many stand."""
    return session.exec(select(func.count()).where(col(Suppression.lifted_at).is_(None))).one()


def owners(session: Session, keys: Sequence[str], now: datetime) -> dict[str, list[str]]:
    """By an address's key, the host's keys of the members retained whose own address it is."""
    names: dict[str, list[str]] = {}
    for key, name in session.exec(
        select(Member.email_key, Member.external_id)
        .where(col(Member.email_key).in_(keys), members.retained(now))
        .order_by(col(Member.external_id))
    ):
        names.setdefault(key or "", []).append(name or "")
    return names


# -- addresses ----------------------------------------------------------------------------------


def keys(address: str, secret: str) -> tuple[str, ...]:
    """The keys of an address as given, and with its domain in its own script and in ASCII where those differ."""
    spellings, checked = [address], _international(address)
    if checked is not None:
        spellings += [checked.normalized, f"{checked.local_part}@{checked.ascii_domain}"]
    return tuple(dict.fromkeys(addresses.key(each, secret) for each in spellings))


def spelled(address: str) -> str:
    """One spelling for each mailbox: normalised, and a domain such as xn--bcher-kva.example in its own script."""
    checked = _international(address)
    return addresses.normalised(checked.normalized if checked else address)


def _international(address: str) -> ValidatedEmail | None:
    """An address whose domain has more spellings than one; None for any other."""
    domain = address.rpartition("@")[2]
    if domain.isascii() and "xn--" not in domain.lower():
        return None
    try:
        return validate_email(address.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
