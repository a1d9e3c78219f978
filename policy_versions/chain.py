"""Hashes that tie each record to the one before, so that the past cannot be rewritten unseen. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime


def sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(previous: str, facts: Mapping[str, object]) -> str:
    """Return the hash of the previous hash and these facts: SHA-256 over one line of canonical JSON.

    facts: strings, numbers, booleans, None, aware datetimes, or lists and mappings of them.
    """
    line = json.dumps(
        {"previous": previous, **facts},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        default=_plain,
    )
    return sha256(line)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no place in the chain")
