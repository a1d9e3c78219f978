"""Administrators' accounts: who may sign in, with what, and in which roles. Every deed here is audited by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from unicodedata import normalize

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Field, Session, SQLModel, col, func, select, update

from errors import (
    AccountExists,
    FieldMissing,
    LastOwner,
    NameMalformed,
    NameReserved,
    NoSuchAccount,
    PasswordKnown,
    SignInRefused,
    Unprintable,
)
from policy_versions import audit
from web import passwords, roles, second_factor, sessions
from web.roles import Permission

LONGEST_NAME = 60
# No spaces: the record shows “key host” and “ines at the command line”, and no account may pass for those.
_NAME = re.compile(r"\w[\w.@+-]*")
_NOBODYS = ("engine", "scheduler", "member", "guardian")  # what acts by itself, and who acts without an account


class Account(SQLModel, table=True):
    """One administrator. Never deleted: the record shows the name for ever, so nobody else may come to bear it."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    password_hash: str
    one_time: bool = False  # the password was made by Gazette and must be changed at the first sign-in
    roles: str = ""  # parted by spaces
    created_at: datetime
    signed_in_at: datetime | None = None
    disabled_at: datetime | None = None

    @property
    def held(self) -> tuple[str, ...]:
        return roles.parsed(self.roles)

    def may(self, permission: Permission) -> bool:
        return self.disabled_at is None and roles.may(self.held, permission)


# -- found --------------------------------------------------------------------------------------


def by_name(session: Session, name: str) -> Account | None:
    if not name.isprintable():  # no account has such a name, and PostgreSQL would not look for a NUL
        return None
    return session.exec(select(Account).where(col(Account.name) == name)).one_or_none()


def named(session: Session, name: str) -> Account:
    """Raises: NoSuchAccount."""
    found = by_name(session, name)
    if found is None:
        raise NoSuchAccount(name)
    return found


def by_id(session: Session, number: int) -> Account:
    """Raises: NoSuchAccount."""
    found = session.get(Account, number)
    if found is None:
        raise NoSuchAccount(str(number))
    return found


def listed(session: Session) -> Sequence[Account]:
    return session.exec(select(Account).order_by(func.lower(col(Account.name)))).all()


def anybody(session: Session) -> bool:
    return session.exec(select(Account.id).limit(1)).first() is not None


def who_may(session: Session, permission: Permission) -> list[str]:
    """The names of those who may do something."""
    return [one.name for one in listed(session) if one.may(permission)]


def verify(session: Session, name: str, password: str) -> Account:
    """Return the account that name and password open, after the same work for all. Raises: SignInRefused."""
    account = by_name(session, name)
    right = passwords.matches(account.password_hash if account else None, password)
    if account is None or not right or account.disabled_at is not None:
        raise SignInRefused
    return account


def as_verified(session: Session, verified: Account, *, by_code: bool) -> Account:
    """The account whose password was verified a moment ago, locked: nobody gets in by how it was before.

    by_code: its second factor opened too.
    Raises: SignInRefused where it has another password since, takes a code now, or is disabled.
    """
    found = session.get_one(Account, verified.id, with_for_update=True)
    is_same = found.password_hash == verified.password_hash and found.disabled_at is None
    if not is_same or (second_factor.stands(session, found.id or 0) and not by_code):
        raise SignInRefused
    return found


# -- made and changed ---------------------------------------------------------------------------


def create(
    session: Session, name: str, *, now: datetime, held: Iterable[str] = (), actor: str = "gazette start"
) -> str:
    """Add an account and return its one-time password.

    held: its roles; every role where none is named and it is the first account.
    Raises: AccountExists, NameMalformed, NameReserved, Unprintable, RoleUnknown, FieldMissing.
    """
    _check_name(session, name)
    given = list(held)
    kept = roles.ALL if not given and not anybody(session) else roles.written(given)
    password = passwords.one_time()
    made = Account(name=name, password_hash=passwords.hashed(password), one_time=True, roles=kept, created_at=now)
    session.add(made)
    try:
        session.flush()
    except IntegrityError as error:
        raise AccountExists(name) from error  # since it was looked for
    note(session, made, "account made", actor=actor, now=now, roles=kept)
    return password


def _check_name(session: Session, name: str) -> None:
    if not name.isprintable():
        raise Unprintable("name")
    if not name:
        raise FieldMissing("name", "Give the account a name; the record shows it with each deed.")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise NameMalformed(LONGEST_NAME)
    if _read_as(name) in _NOBODYS:
        raise NameReserved(name)
    # compared here: SQLite folds the case of ASCII only
    if _read_as(name) in map(_read_as, session.exec(select(Account.name))):
        raise AccountExists(name)


def _read_as(name: str) -> str:
    """What a name looks like to people: without the differences of case and of form."""
    return normalize("NFKC", name).casefold()


def reset(session: Session, account: Account, *, actor: str, now: datetime) -> str:
    """Give an account a new one-time password and return it; every open session of it ends."""
    password = passwords.one_time()
    _set(session, account, password, one_time=True)
    note(session, account, "password reset", actor=actor, now=now)
    return password


def change_password(session: Session, account: Account, password: str, *, now: datetime | None = None) -> None:
    """Set an account's own password; every open session of it ends.

    Raises: PasswordTooShort, PasswordTooLong; PasswordKnown, where it is the one-time one again.
    """
    passwords.check(password)
    if account.one_time and passwords.matches(account.password_hash, password):
        raise PasswordKnown
    _set(session, account, password, one_time=False)
    if now is not None:
        note(session, account, "password changed", actor=account.name, now=now)


def _set(session: Session, account: Account, password: str, *, one_time: bool) -> None:
    account.password_hash = passwords.hashed(password)
    account.one_time = one_time
    session.add(account)
    sessions.end_all(session, account.id or 0)


def hash_anew(session: Session, account: Account, password: str) -> None:
    """Keep the password just verified at the cost of today; one that was set meanwhile stays."""
    verified = col(Account.id) == account.id, col(Account.password_hash) == account.password_hash
    fresh = passwords.hashed(password)
    if session.exec(update(Account).where(*verified).values(password_hash=fresh)).rowcount == 1:
        set_committed_value(account, "password_hash", fresh)  # it is the one verified, still


def set_roles(session: Session, account: Account, held: Iterable[str], *, actor: str, now: datetime) -> bool:
    """Give an account other roles; its sessions end, and begin anew with what it may now.

    Returns: whether anything changed. Raises: RoleUnknown, FieldMissing, LastOwner.
    """
    kept = roles.written(held)
    if kept == account.roles:
        return False
    if "owner" not in kept.split():
        _keep_an_owner(session, account)
    before, account.roles = account.roles, kept
    session.add(account)
    sessions.end_all(session, account.id or 0)
    note(session, account, "roles changed", actor=actor, now=now, roles=kept, before=before)
    return True


def disable(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Nobody signs in with it any more, and whoever is signed in is so no longer. Raises: LastOwner."""
    if account.disabled_at is not None:
        return
    _keep_an_owner(session, account)
    account.disabled_at = now
    session.add(account)
    sessions.end_all(session, account.id or 0)
    note(session, account, "account disabled", actor=actor, now=now)


def enable(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    if account.disabled_at is None:
        return
    account.disabled_at = None
    session.add(account)
    note(session, account, "account enabled", actor=actor, now=now)


def end_sessions(session: Session, account: Account, *, actor: str, now: datetime) -> int:
    """End every session of an account. Returns: how many there were."""
    ended = sessions.end_all(session, account.id or 0)
    note(session, account, "sessions ended", actor=actor, now=now, ended=ended)
    return ended


def remove_factor(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Take an account's second factor away, as when a telephone is lost; its sessions end."""
    if second_factor.remove(session, account.id or 0):
        sessions.end_all(session, account.id or 0)
        note(session, account, "second factor removed", actor=actor, now=now)


def _keep_an_owner(session: Session, leaving: Account) -> None:
    """Somebody must be left who can manage users. The owners are locked, so that two do not leave at once."""
    held = select(Account).where(col(Account.disabled_at).is_(None)).order_by(col(Account.id)).with_for_update()
    owners = [one.id for one in session.exec(held) if one.may("manage")]
    if owners == [leaving.id]:
        raise LastOwner


def note(session: Session, account: Account, action: str, *, actor: str, now: datetime, **detail: Any) -> None:
    """Audit a deed about an account, with the account's name."""
    subject = f"account {account.id}"
    audit.record(session, actor=actor, action=action, subject=subject, now=now, name=account.name, **detail)
