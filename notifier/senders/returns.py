"""Return addresses: each letter's own, so that what comes back names it. Pure.

A letter from bounces@example.com leaves under bounces+17-k3v9…@example.com (VERP). The number is signed, so that
nobody can say of a letter that it came back who was not sent that letter's address.
Source: RFC 5321 §4.4 (the return path), §4.5.3.1.1 (64 characters before the @); RFC 5233 (the part after a +).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator

from notifier.senders.mime import deliverable

_SIGNATURE = 16  # characters of five bits each
_SUBSCRIBER = "s"  # in place of a minus: the number is of a letter to a subscriber
# A mail server may write it in capitals, so nothing depends on case.
_TOKEN = re.compile(
    rf"\+({_SUBSCRIBER}?)([1-9][0-9]{{0,18}})-([a-z2-7]{{{_SIGNATURE}}})@", re.IGNORECASE | re.ASCII
)


class ReturnAddress:
    """Where letters return to. The address may change: what left before is still recognised."""

    def __init__(self, address: str, secret: str) -> None:
        """address: as in bounces@example.com. Raises: Refused when it is malformed."""
        self._name, _, self._domain = deliverable(address).rpartition("@")
        self._key = hmac.digest(secret.encode(), b"gazette: return addresses", hashlib.sha256)

    def of(self, delivery_id: int) -> str:
        """Return the address, in ASCII, for one delivery; a negative one is a letter to a subscriber."""
        number = f"{_SUBSCRIBER if delivery_id < 0 else ''}{abs(delivery_id)}"
        return f"{self._name}+{number}-{self._signature(number)}@{self._domain}"

    def read(self, text: str) -> int | None:
        """Return the delivery of the first genuine return address that stands in a text."""
        return next(self._genuine(text), None)

    def _genuine(self, text: str) -> Iterator[int]:
        for sign, digits, signature in _TOKEN.findall(text):
            if hmac.compare_digest(self._signature(f"{sign.lower()}{digits}"), signature.lower()):
                yield -int(digits) if sign else int(digits)

    def _signature(self, number: str) -> str:
        made = hmac.digest(self._key, number.encode(), hashlib.sha256)
        return base64.b32encode(made)[:_SIGNATURE].decode().lower()
