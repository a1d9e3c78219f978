"""Guessing slowed down: waits that grow with what was tried in vain, counted in the database for all processes.

Tries are counted before they are looked at, so that many at once are not many free ones. Counts leak away with
time. Three are kept for a sign-in: of the name from one address, of the address, and of the name from everywhere.
The last holds against guessing spread over many addresses; it does not bind an address from which that name has
signed in, and no single address can fill it, so nobody is shut out of their own account by a stranger elsewhere.
Keys are keyed hashes: no address is kept, and no name, into whose field people type passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import NamedTuple

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, delete, select

from errors import TooManyTries

KNOWN_FOR = timedelta(days=90)
FORGOTTEN = timedelta(days=2)  # by then every count has leaked away


class Rule(NamedTuple):
    """So many tries are free; then each wait is twice the one before, up to the longest. leak: tries an hour."""

    free: int
    longest: timedelta
    leak: float


QUARTER = timedelta(minutes=15)
RULES: Mapping[str, Rule] = {
    "name from address": Rule(5, QUARTER, 2),
    "address": Rule(20, QUARTER, 10),
    "name": Rule(100, timedelta(minutes=5), 20),
    "code": Rule(5, QUARTER, 2),  # only whoever has the password gets so far
    "sure": Rule(5, QUARTER, 2),  # the password asked for again, of a session
}


class Tally(SQLModel, table=True):
    """What was tried in vain under one key."""

    __tablename__ = "sign_in_tally"
    key: str = Field(primary_key=True)
    count: float = 0.0  # as of counted_at; it leaks
    counted_at: datetime
    wait_until: datetime | None = None
    known_at: datetime | None = None  # when this name last signed in from this address


class Claim(NamedTuple):
    """A try that was counted: to be forgiven where it succeeds."""

    keys: tuple[str, ...]
    slowed: bool  # the wait begins with this one


def sign_in_kinds(name: str, address: str) -> dict[str, str]:
    """What a sign-in is counted under: by kind of rule, what it is of."""
    place, called = _place(address), name.strip().casefold()[:200]
    return {"name from address": f"{place} {called}", "address": place, "name": called}


_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")  # as some proxies forward it


def _place(address: str) -> str:
    """One household or host: an IPv6 address by its /64, which is one subscriber's."""
    with_port = _WITH_PORT.fullmatch(address)
    try:
        parsed = ip_address(with_port[1] or with_port[2] if with_port else address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:  # as a socket of both says it: all of IPv4 is one /64 there
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))


def claim(session: Session, kinds: Mapping[str, str], secret: str, *, now: datetime) -> Claim:
    """Count a try. kinds: the rules it falls under, and what of. Raises: TooManyTries, and counts nothing."""
    keys = {kind: _key(kind, of, secret) for kind, of in kinds.items()}
    rows = _locked(session, sorted(keys.values()), now)
    known = _is_known(rows.get(keys.get("name from address", "")), now)
    binding = [kind for kind in kinds if not (known and kind == "name")]
    waits = [until - now for kind in binding if (until := rows[keys[kind]].wait_until) and until > now]
    if waits:
        raise TooManyTries(ceil(max(waits).total_seconds()))
    slowed = [_count(rows[keys[kind]], RULES[kind], now) for kind in binding]
    session.add_all(rows.values())
    session.flush()
    return Claim(tuple(keys[kind] for kind in binding), any(slowed))


def _count(row: Tally, rule: Rule, now: datetime) -> bool:
    """Returns: whether the next one has to wait for the first time."""
    leaked = (now - row.counted_at).total_seconds() / 3600 * rule.leak
    row.count = max(0.0, row.count - leaked) + 1
    row.counted_at = now
    over = round(row.count) - rule.free
    if over >= 0:
        row.wait_until = now + min(rule.longest, timedelta(seconds=2 ** min(over, 20)))
    return over == 0


def forgive(session: Session, claimed: Claim, kinds: Mapping[str, str], secret: str, *, now: datetime) -> None:
    """A try has succeeded: it counts no longer, its own place is as new, and the name is known there."""
    own = {_key(kind, of, secret): kind for kind, of in kinds.items()}
    for key, row in _locked(session, sorted(claimed.keys), now).items():
        whole = own.get(key) not in ("address", "name")  # what others tried there is still to be held against them
        row.count = 0.0 if whole else max(0.0, row.count - 1)
        row.wait_until = None if whole or row.count < RULES[own[key]].free else row.wait_until
        if own.get(key) == "name from address":
            row.known_at = now
        session.add(row)
    _forget(session, now)


def _is_known(row: Tally | None, now: datetime) -> bool:
    return row is not None and row.known_at is not None and now - row.known_at < KNOWN_FOR


def _locked(session: Session, keys: Sequence[str], now: datetime) -> dict[str, Tally]:
    """The rows of keys, made where they are missing, locked in one order for all."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = [{"key": key, "count": 0.0, "counted_at": now} for key in keys]
    session.connection().execute(insert(Tally).values(fresh).on_conflict_do_nothing())
    wanted = select(Tally).where(col(Tally.key).in_(keys)).order_by(col(Tally.key)).with_for_update()
    return {row.key: row for row in session.exec(wanted.execution_options(populate_existing=True))}


def _forget(session: Session, now: datetime) -> None:
    old = col(Tally.counted_at) < now - FORGOTTEN
    stale = col(Tally.known_at).is_(None) | (col(Tally.known_at) < now - KNOWN_FOR)
    session.exec(delete(Tally).where(old, stale))


def _key(kind: str, of: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"tries\0{kind}\0{of}".encode(errors="replace"), hashlib.sha256).hexdigest()
