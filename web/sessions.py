"""Who is signed in: one row for each session, found by the hash of the token that its cookie holds.

A session ends when it has stood for too long, when it was not used for too long, or when a person ends it: its row
is gone then, and the cookie opens nothing. Times are the record's clock.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Field, Session, SQLModel, col, delete, or_, select, update

SEEN_EVERY = timedelta(minutes=1)  # how exactly the last use is known
SURE_FOR = timedelta(minutes=10)  # how long a person counts as having just shown who they are
LONGEST_BROWSER = 200


class AccountSession(SQLModel, table=True):
    """One browser that is signed in. Personal to an administrator; gone when it ends."""

    __tablename__ = "account_session"
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    token_sha256: str = Field(unique=True)
    began_at: datetime
    seen_at: datetime  # to the minute
    sure_at: datetime  # when the person last gave their password
    address: str
    browser: str  # as it calls itself


class Lasting(NamedTuple):
    """How long sessions hold: in all, and unused."""

    most: timedelta
    idle: timedelta


class Whence(NamedTuple):
    """Where a request comes from: the network address, and the browser as it calls itself."""

    address: str
    browser: str


def begin(session: Session, account_id: int, whence: Whence, *, now: datetime) -> str:
    """Begin a session and return its token, which only the cookie keeps."""
    token = secrets.token_urlsafe(32)
    session.add(
        AccountSession(
            account_id=account_id,
            token_sha256=_sha256(token),
            began_at=now,
            seen_at=now,
            sure_at=now,
            address=whence.address,
            browser="".join(filter(str.isprintable, whence.browser))[:LONGEST_BROWSER],
        )
    )
    session.flush()
    return token


def find(session: Session, token: str, lasting: Lasting, *, now: datetime) -> AccountSession | None:
    """The session of a token, if it still holds."""
    found = session.exec(select(AccountSession).where(AccountSession.token_sha256 == _sha256(token))).one_or_none()
    if found is None or now - found.began_at >= lasting.most or now - found.seen_at >= lasting.idle:
        return None
    return found


def seen(session: Session, which: int, *, now: datetime) -> None:
    """Write down that a session was used. Of many requests at once the first writes, and the others do nothing."""
    used = (
        update(AccountSession)
        .where(col(AccountSession.id) == which, col(AccountSession.seen_at) <= now - SEEN_EVERY)
        .values(seen_at=now)
    )
    session.exec(used)


def is_sure(found: AccountSession, now: datetime) -> bool:
    return now - found.sure_at < SURE_FOR


def holds(session: Session, token: str) -> bool:
    """Whether a session has not ended yet; it is locked, so that it does not before the transaction has."""
    own = select(AccountSession.id).where(AccountSession.token_sha256 == _sha256(token)).with_for_update()
    return session.exec(own).first() is not None


def renew(session: Session, token: str, *, now: datetime) -> str | None:
    """Give a session another token, as its person showed again who they are; None where it has ended.

    By its token: SQLite gives the number of a row that is gone to the next one, which is somebody else's.
    """
    other = secrets.token_urlsafe(32)
    own = update(AccountSession).where(col(AccountSession.token_sha256) == _sha256(token))
    won = session.exec(own.values(token_sha256=_sha256(other), sure_at=now))
    return other if won.rowcount == 1 else None


def listed(session: Session, account_id: int, lasting: Lasting, *, now: datetime) -> Sequence[AccountSession]:
    """The sessions of an account that hold, the latest used first."""
    own = select(AccountSession).where(AccountSession.account_id == account_id, *_hold(lasting, now))
    return session.exec(own.order_by(col(AccountSession.seen_at).desc(), col(AccountSession.id).desc())).all()


def _hold(lasting: Lasting, now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(AccountSession.began_at) > now - lasting.most, col(AccountSession.seen_at) > now - lasting.idle


def end(session: Session, account_id: int, which: int) -> bool:
    """End one session of an account. Returns: whether there was one."""
    own = col(AccountSession.id) == which, col(AccountSession.account_id) == account_id
    return session.exec(delete(AccountSession).where(*own)).rowcount == 1


def end_all(session: Session, account_id: int, *, but: int | None = None) -> int:
    """End the sessions of an account, but for one. Returns: how many there were."""
    doomed = delete(AccountSession).where(col(AccountSession.account_id) == account_id)
    if but is not None:
        doomed = doomed.where(col(AccountSession.id) != but)
    return session.exec(doomed).rowcount


def forget_over(session: Session, lasting: Lasting, *, now: datetime) -> None:
    """Delete the rows of sessions that have run out."""
    too_old = col(AccountSession.began_at) <= now - lasting.most
    unused = col(AccountSession.seen_at) <= now - lasting.idle
    session.exec(delete(AccountSession).where(or_(too_old, unused)))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
