"""Keys of host applications: each with a name and its scopes, shown once, kept as a hash.

A key is 32 random bytes, so that its plain SHA-256 says nothing of it: it is found by one indexed look-up, and
nothing slow is needed against guessing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, or_
from sqlalchemy import select as sa_select
from sqlmodel import Field, Session, SQLModel, col, select, update

from errors import FieldMissing, FieldTooLong, KeyExists, KeyRefused, NoSuchKey, ScopeUnknown
from policy_versions import audit, policies

PREFIX = "gzt_"  # so that a key that leaked is recognised, by people and by scanners
LONGEST_NAME = 60
SEEN_EVERY = timedelta(minutes=1)  # how exactly the last use is known
# Each opens what it names and nothing else: publish does not imply override, send or erase.
SCOPES = {
    "read": "texts, comparisons, notices, and which text governs whom",
    "members": "bring members in and up to date, rename and merge them, open their own page",
    "acknowledge": "record what a member said of a text, and that a site notice was shown",
    "publish": "publish and withdraw revisions",
    "send": "schedule, send, pause and go on with notices",
    "override": "decide again whether a revision is significant",
    "erase": "erase members",
    "evidence": "take evidence packs, those of a member with what is held of them by name",
    "metrics": "read /metrics",
}


class ApiKey(SQLModel, table=True):
    """One host application's key. Its hash stays after it is revoked, so that the name's deeds keep their key."""

    __tablename__ = "api_key"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)  # stands in the audit log, as accounts' names do
    scopes: str  # names parted by spaces
    sha256: str = Field(unique=True)
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
    used_at: datetime | None = None  # to the minute


class Key(NamedTuple):
    """What a request's key is and opens."""

    id: int
    name: str
    scopes: str
    used_at: datetime | None

    def opens(self, scope: str) -> bool:
        return scope in self.scopes.split()

    @property
    def actor(self) -> str:
        """Who did it, as the record says it."""
        return f"key {self.name}"


def create(session: Session, name: str, scopes: Iterable[str], *, actor: str, now: datetime) -> str:
    """Make a key and return it: it is shown this once.

    Raises: FieldMissing, FieldTooLong, Unprintable, ScopeUnknown, KeyExists.
    """
    called, opened = _name(name), _scopes(scopes)
    if session.exec(select(ApiKey.id).where(ApiKey.name == called)).first() is not None:
        raise KeyExists(called)
    token = PREFIX + secrets.token_urlsafe(32)
    made = ApiKey(name=called, scopes=" ".join(opened), sha256=_sha256(token), created_at=now, created_by=actor)
    session.add(made)
    session.flush()
    audit.record(
        session, actor=actor, action="key made", subject=f"key {made.id}", now=now, name=called, scopes=opened
    )
    return token


def _name(given: str) -> str:
    called = policies.one_line(given, "name")
    if not called:
        raise FieldMissing("name", "Name the key after the application that will hold it; the record shows it.")
    if len(called) > LONGEST_NAME:
        raise FieldTooLong("name", LONGEST_NAME)
    return called


def _scopes(given: Iterable[str]) -> list[str]:
    asked = set(given)
    if unknown := sorted(asked - SCOPES.keys()):
        raise ScopeUnknown(unknown[0], ", ".join(SCOPES))
    if not asked:
        raise FieldMissing("scope", f"Say what the key opens: {', '.join(SCOPES)}.")
    return [scope for scope in SCOPES if scope in asked]


def listed(session: Session) -> Sequence[ApiKey]:
    return session.exec(select(ApiKey).order_by(col(ApiKey.id))).all()


def revoke(session: Session, name: str, *, actor: str, now: datetime) -> None:
    """From now on a key opens nothing. Raises: NoSuchKey."""
    won = session.exec(
        update(ApiKey).where(col(ApiKey.name) == name, col(ApiKey.revoked_at).is_(None)).values(revoked_at=now)
    )
    if won.rowcount != 1:
        raise NoSuchKey(name)
    made = session.exec(select(ApiKey).where(ApiKey.name == name)).one()
    audit.record(session, actor=actor, action="key revoked", subject=f"key {made.id}", now=now, name=name)


# -- at each request ----------------------------------------------------------------------------

_FOUND = sa_select(col(ApiKey.id), col(ApiKey.name), col(ApiKey.scopes), col(ApiKey.used_at)).where(
    col(ApiKey.sha256) == bindparam("sha256"), col(ApiKey.revoked_at).is_(None)
)


def find(session: Session, token: str) -> Key:
    """The key that a request carries. Raises: KeyRefused, for one that was revoked as for one never made."""
    found = session.connection().execute(_FOUND, {"sha256": _sha256(token)}).one_or_none()
    if found is None:
        raise KeyRefused
    number, name, scopes, used_at = found
    return Key(number or 0, name, scopes, used_at)


def is_unseen(key: Key, now: datetime) -> bool:
    """Whether its last use is to be written down again."""
    return key.used_at is None or now - key.used_at >= SEEN_EVERY


def seen(session: Session, key: Key, *, now: datetime) -> None:
    """Write down that a key was used. Of many requests at once the first writes, and the others do nothing."""
    since = now - SEEN_EVERY
    session.exec(
        update(ApiKey)
        .where(col(ApiKey.id) == key.id, or_(col(ApiKey.used_at).is_(None), col(ApiKey.used_at) <= since))
        .values(used_at=now)
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
