"""Administrators' accounts: who may sign in, and with what."""

from __future__ import annotations

import secrets
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlmodel import Field, Session, SQLModel, col, select

from errors import AccountExists, PasswordTooShort, SignInRefused, Unprintable

LEAST_PASSWORD = 12
_hasher = PasswordHasher()
# verified when there is no such account, so that an answer takes as long and tells nothing
_NOBODY = _hasher.hash(secrets.token_urlsafe())


class Account(SQLModel, table=True):
    """One administrator. `session_key` changes with the password, which ends every open session."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    password_hash: str
    one_time: bool = False  # the password was made by Gazette and must be changed at the first sign-in
    session_key: str
    created_at: datetime


def create(session: Session, name: str, *, now: datetime) -> str:
    """Add an account and return its one-time password. Raises: AccountExists, Unprintable."""
    if not name.isprintable():
        raise Unprintable("name")
    if by_name(session, name) is not None:
        raise AccountExists(name)
    password = secrets.token_urlsafe(12)
    session.add(
        Account(
            name=name,
            password_hash=_hasher.hash(password),
            one_time=True,
            session_key=secrets.token_urlsafe(16),
            created_at=now,
        )
    )
    session.flush()
    return password


def reset(session: Session, account: Account) -> str:
    """Give an account a new one-time password and return it; every open session of it ends."""
    password = secrets.token_urlsafe(12)
    _set(account, password, one_time=True)
    session.add(account)
    return password


def by_name(session: Session, name: str) -> Account | None:
    if not name.isprintable():  # no account has such a name, and PostgreSQL would not look for a NUL
        return None
    return session.exec(select(Account).where(col(Account.name) == name)).one_or_none()


def anybody(session: Session) -> bool:
    return session.exec(select(Account.id).limit(1)).first() is not None


def verify(session: Session, name: str, password: str) -> Account:
    """Return the account that name and password open. Raises: SignInRefused."""
    account = by_name(session, name)
    try:
        _hasher.verify(account.password_hash if account else _NOBODY, password)
    except VerificationError as error:
        raise SignInRefused from error
    if account is None:
        raise SignInRefused
    return account


def change_password(session: Session, account: Account, password: str) -> None:
    """Set an account's own password. Raises: PasswordTooShort."""
    if len(password) < LEAST_PASSWORD:
        raise PasswordTooShort(LEAST_PASSWORD)
    _set(account, password, one_time=False)
    session.add(account)


def _set(account: Account, password: str, *, one_time: bool) -> None:
    account.password_hash = _hasher.hash(password)
    account.one_time = one_time
    account.session_key = secrets.token_urlsafe(16)
