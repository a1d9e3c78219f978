"""Passwords: made, kept as argon2 hashes, and checked at the same cost whether or not there is such an account."""

from __future__ import annotations

import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from errors import PasswordTooLong, PasswordTooShort

LEAST = 12
MOST = 1000  # characters; hashing more only costs time
# The parameters that the package recommends; a hash made with others is made anew at the next sign-in.
_kept: dict[str, PasswordHasher] = {"hasher": PasswordHasher()}


def hasher() -> PasswordHasher:
    return _kept["hasher"]


def use(other: PasswordHasher) -> None:
    """Hash with another cost from now on, as tests do; hashes made before still hold."""
    _kept["hasher"] = other


def one_time() -> str:
    """A new password that Gazette makes, to be changed at the first sign-in."""
    return secrets.token_urlsafe(12)


def hashed(password: str) -> str:
    return hasher().hash(password)


def check(password: str) -> None:
    """Raises: PasswordTooShort, PasswordTooLong."""
    if len(password) < LEAST:
        raise PasswordTooShort(LEAST)
    if len(password) > MOST:
        raise PasswordTooLong(MOST)


def matches(kept: str | None, password: str) -> bool:
    """Whether a password is the one kept. kept: None where there is no such account; it takes as long to say."""
    try:
        hasher().verify(kept or _nobody(hasher()), password[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    return hasher().check_needs_rehash(kept)


@lru_cache(maxsize=2)
def _nobody(by: PasswordHasher) -> str:
    return by.hash(secrets.token_urlsafe())
