"""Bodies: judged by size and kind before they are read, then read as UTF-8 JSON that says each thing once."""

from __future__ import annotations

import json as library
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from errors import BodyUnreadable

MOST_BYTES = 8 * 1024 * 1024  # 10,000 pairs or rows; a text of a megabyte, escaped
LINES = ("application/x-ndjson", "application/jsonl")


def json() -> bytes:
    """The body of a request that is JSON. Raises: UnsupportedMediaType, RequestEntityTooLarge, BodyUnreadable."""
    _require(("application/json",))
    raw = read()
    try:
        require_unambiguous(_decoded(raw))
    except Unreadable as error:
        raise unreadable(str(error)) from None
    return raw


def lines() -> str:
    """The body of a request that is JSON lines. Raises: as `json`."""
    _require(LINES)
    return _decoded(read())


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise unreadable(f"byte {error.start + 1:,} is not UTF-8") from None


def read() -> bytes:
    """The raw body, its size judged before it is read. Raises: RequestEntityTooLarge."""
    request.max_content_length = MOST_BYTES + 1  # a body of no stated length is read up to there, and no further
    raw = request.get_data(cache=True)
    if len(raw) > MOST_BYTES:
        raise RequestEntityTooLarge
    return raw


def unreadable(why: str) -> BodyUnreadable:
    return BodyUnreadable(why.rstrip("."))


def _require(mimetypes: tuple[str, ...]) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in mimetypes or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType


class Unreadable(ValueError):
    """It is not JSON, or says one thing twice: which of the two counts would be anybody's guess."""


def require_unambiguous(text: str) -> None:
    """Raises: Unreadable."""
    try:
        library.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        where = f", at character {error.pos + 1:,}" if isinstance(error, library.JSONDecodeError) else ""
        raise Unreadable(f"it is not JSON{where}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a name stands twice in one object")
    return found


def _no_number(constant: str) -> None:
    raise ValueError(constant)
