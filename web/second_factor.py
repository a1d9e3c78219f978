"""The second factor: codes by time (RFC 6238) from an app that knows a secret, and recovery codes for its loss.

The secret is kept encrypted under a key made from GAZETTE_SECRET_KEY; a code opens once, and so does a recovery
code, of which only hashes are kept: they have 80 random bits, so nothing slow is needed against guessing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlmodel import Field, Session, SQLModel, col, delete, func, select, update

from errors import CodeRefused, FactorUnreadable

STEP = 30  # seconds
DRIFT = (0, -1, 1)  # steps by which a telephone's clock may be off
RECOVERY_CODES = 10


class SecondFactor(SQLModel, table=True):
    """An account's second factor, once it was confirmed with a first code."""

    __tablename__ = "second_factor"
    account_id: int = Field(foreign_key="account.id", primary_key=True)
    sealed: str  # the secret, encrypted
    confirmed_at: datetime | None = None  # None: left by an earlier version, which kept what was only begun
    last_step: int = 0  # of the last code that opened: none of that step or before opens again


class RecoveryCode(SQLModel, table=True):
    """One of an account's recovery codes."""

    __tablename__ = "recovery_code"
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    sha256: str
    used_at: datetime | None = None


# -- set up -------------------------------------------------------------------------------------


def begin(key: str) -> str:
    """Make a secret, sealed. It is kept by the browser that sets it up and by nobody else until it is confirmed.

    key: GAZETTE_SECRET_KEY.
    """
    return _box(key).encrypt(secrets.token_bytes(20)).decode()


def shown(sealed: str, key: str) -> str | None:
    """A secret in base 32, for the app; None where it cannot be read."""
    secret = _opened(sealed, key)
    return base64.b32encode(secret).decode() if secret else None


def confirm(session: Session, account_id: int, sealed: str, code: str, key: str, *, now: datetime) -> list[str]:
    """Take a secret into use with a first code, and return the recovery codes.

    account_id: of one that is locked. Raises: CodeRefused, also where one stands already; FactorUnreadable.
    """
    if stands(session, account_id):
        raise CodeRefused
    step = _step_of(sealed, "".join(code.split()), key, now)
    session.merge(SecondFactor(account_id=account_id, sealed=sealed, confirmed_at=now, last_step=step))
    return renew_recovery(session, account_id)


def remove(session: Session, account_id: int) -> bool:
    """Returns: whether there was one."""
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account_id))
    gone = session.exec(delete(SecondFactor).where(col(SecondFactor.account_id) == account_id))
    return gone.rowcount == 1


def renew_recovery(session: Session, account_id: int) -> list[str]:
    """New recovery codes, shown this once; those before open nothing any more."""
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account_id))
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(account_id=account_id, sha256=_sha256(code)) for code in codes)
    session.flush()
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


# -- asked --------------------------------------------------------------------------------------


def stands(session: Session, account_id: int) -> bool:
    """Whether signing in takes a code."""
    found = session.get(SecondFactor, account_id)
    return found is not None and found.confirmed_at is not None


def left(session: Session, account_id: int) -> int:
    """How many recovery codes are unused."""
    own = RecoveryCode.account_id == account_id, col(RecoveryCode.used_at).is_(None)
    return session.exec(select(func.count()).select_from(RecoveryCode).where(*own)).one()


def owners(session: Session) -> set[int]:
    """The accounts whose signing in takes a code."""
    return set(session.exec(select(SecondFactor.account_id).where(col(SecondFactor.confirmed_at).is_not(None))))


def check(session: Session, account_id: int, code: str, key: str, *, now: datetime) -> str:
    """Use up a code, or a recovery code; returns which it was. Raises: CodeRefused, FactorUnreadable."""
    typed = "".join(code.split()).replace("-", "").lower()
    if len(typed) == 16:
        _use_recovery(session, account_id, typed, now=now)
        return "recovery code"
    found = session.get(SecondFactor, account_id)
    if found is None or found.confirmed_at is None:
        raise CodeRefused
    _use(session, found, typed, key, now=now)
    return "code"


def _use(session: Session, found: SecondFactor, code: str, key: str, *, now: datetime) -> None:
    """One conditional UPDATE says who used a code first."""
    step = _step_of(found.sealed, "".join(code.split()), key, now)
    won = session.exec(
        update(SecondFactor)
        .where(
            col(SecondFactor.account_id) == found.account_id,
            col(SecondFactor.last_step) < step,
        )
        .values(last_step=step)
    )
    if won.rowcount != 1:
        raise CodeRefused


def _step_of(sealed: str, code: str, key: str, now: datetime) -> int:
    """The step that a code is of. Raises: CodeRefused, FactorUnreadable."""
    secret = _opened(sealed, key)
    if secret is None:
        raise FactorUnreadable
    here = int(now.timestamp()) // STEP
    right = [here + off for off in DRIFT if hmac.compare_digest(code_at(secret, here + off), code.encode())]
    if not right:
        raise CodeRefused
    return right[0]


def code_at(secret: bytes, step: int) -> bytes:
    """The six digits of a step. Source: RFC 6238, with the SHA-1 that every app knows."""
    return TOTP(secret, 6, SHA1(), STEP).generate(step * STEP)  # noqa: S303


def _use_recovery(session: Session, account_id: int, typed: str, *, now: datetime) -> None:
    unused = (
        col(RecoveryCode.account_id) == account_id,
        col(RecoveryCode.sha256) == _sha256(typed),
        col(RecoveryCode.used_at).is_(None),
    )
    if session.exec(update(RecoveryCode).where(*unused).values(used_at=now)).rowcount != 1:
        raise CodeRefused


# -- words and pictures -------------------------------------------------------------------------


def address(secret: str, name: str, company: str) -> str:
    """What an app reads from the picture. secret: base 32. Source: the otpauth form of Google Authenticator."""
    issuer = company.replace(":", " ")
    label = f"{quote(issuer)}:{quote(name)}"
    query = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)  # the rest apps assume
    return f"otpauth://totp/{label}?{query}"


def picture(of: str) -> str:
    """A QR code as SVG of our own: without style or script, black on white whatever the page's colours."""
    import segno

    matrix = segno.make(of, error="m", micro=False).matrix
    size = len(matrix) + 8  # four modules of quiet around it
    dots = "".join(
        f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark
    )
    return (
        f'<svg class="qr" viewBox="0 0 {size} {size}" role="img" aria-label="The secret as a QR code">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{dots}"/></svg>'
    )


def grouped(secret: str) -> str:
    """A secret as it is typed: in groups of four."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _box(key: str) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=b"gazette second factor").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def _opened(sealed: str, key: str) -> bytes | None:
    try:
        return _box(key).decrypt(sealed.encode())
    except InvalidToken:
        return None


def _sha256(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
