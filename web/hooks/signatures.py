"""Whether a post is the provider's: ECDSA P-256 over its timestamp and its raw body. Pure.

Source: docs.sendgrid.com “Event Webhook Security Features”. The library's own check takes text only and no account
of time, so its key is used here with the bytes as they came.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

STALE = timedelta(hours=48)  # what cannot be handed over is tried again for 24 hours
AHEAD = timedelta(minutes=10)  # how far the provider's clock may be ahead of ours
_UNIX_TIME = re.compile(r"[0-9]{1,11}")


def is_signed(key: EllipticCurvePublicKey, body: bytes, signature: str, timestamp: str) -> bool:
    """Whether the key's owner signed a body at that time.

    signature: base64. timestamp: Unix seconds. Both as in the headers, "" where there is none.
    """
    try:
        key.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):  # ValueError: not base64, or a header that is no text
        return False
    return True


def is_recent(timestamp: str, now: datetime) -> bool:
    """Whether a signed time, in Unix seconds, is one at which what is posted now may have been signed."""
    if not _UNIX_TIME.fullmatch(timestamp):
        return False
    return now - STALE <= datetime.fromtimestamp(int(timestamp), UTC) <= now + AHEAD
