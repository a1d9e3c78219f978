"""Say what SendGrid's answers mean, and the want of one. Pure.

Source: docs.sendgrid.com “Errors”, “Rate Limits”; RFC 9110 §10.2.3 (Retry-After), §15.5.9 (408).
"""

from __future__ import annotations

import http.client
import json
import traceback
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from python_http_client.exceptions import HTTPError

from notifier.senders.mime import without_addresses
from notifier.senders.protocol import Accepted, NotSent, Refused, SendFailure, Unknown

_CONNECTING = (http.client.HTTPConnection.connect.__code__, http.client.HTTPSConnection.connect.__code__)
_LONGEST_WAIT = 24 * 3600.0  # seconds: no answer, however garbled, silences us for longer


def taken(status: int, headers: Mapping[str, str], now: float) -> Accepted:
    """Read an answer below 300. now: Unix time. Raises: Unknown for anything but a 202."""
    if status != 202:
        raise Unknown(f"SendGrid answered {status}, not 202.", status=status)
    spent = headers.get("X-RateLimit-Remaining", "").strip() == "0"
    return Accepted(headers.get("X-Message-Id"), pause=_wait(headers, now) if spent else None)


def answered(error: HTTPError, now: float) -> SendFailure:
    """Say what a status of 300 and over means."""
    status: int = error.status_code
    sentence = f"SendGrid answered {status}{_reasons(error.body)}."
    if status >= 500 or status == 408:  # 408: a proxy may have given up on what SendGrid goes on with
        return Unknown(sentence, status=status)
    if status == 429:
        return NotSent(sentence, status=status, retry_after=_wait(error.headers, now))
    return Refused(sentence, status=status, address=status in (400, 413))


def unanswered(error: Exception) -> SendFailure:
    """Say what a failure without an answer means: it depends on whether anything had been written."""
    why = without_addresses(str(error)) or type(error).__name__
    if _was_connecting(error):
        return NotSent(f"SendGrid was not reached: {why}.")
    return Unknown(f"SendGrid was sent the request and gave no answer: {why}.")


def shown(body: bytes) -> bool | None:
    """Tell whether the log's answer lists a message; None when it cannot be read."""
    try:
        messages: Any = json.loads(body)["messages"]
    except (ValueError, KeyError, TypeError):
        return None
    return bool(messages) if isinstance(messages, list) else None


def _was_connecting(error: Exception) -> bool:
    """Tell whether it was raised inside http.client's connect(), before the first byte of the request.

    urllib wraps a failure to connect and one to write alike; only the place it came from tells them apart.
    """
    cause = getattr(error, "reason", error)
    frames = traceback.walk_tb(getattr(cause, "__traceback__", None))
    return any(frame.f_code in _CONNECTING for frame, _ in frames)


def _reasons(body: bytes) -> str:
    """Return “: message (field); …” from an error's body, or nothing.

    The field goes along because it names the position: two halves of a request, each with a bad address,
    then give two sentences, while a fault of the letter gives the same one twice.
    """
    try:
        errors = json.loads(body)["errors"]
        said = [
            f"{each['message']} ({each['field']})" if each.get("field") else each["message"] for each in errors
        ]
        words = without_addresses("; ".join(said))
    except (ValueError, KeyError, TypeError, AttributeError):  # a proxy's page, say
        return ""
    return f": {words}" if words else ""


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait as Retry-After (seconds or a date) or X-RateLimit-Reset (Unix time) has it.

    None where neither can be read. A moment that is past says nothing: our clocks differ, and to come back at once
    is what was just refused.
    """
    after, reset = headers.get("Retry-After", "").strip(), headers.get("X-RateLimit-Reset", "").strip()
    if _is_number(after):
        return min(float(after), _LONGEST_WAIT)
    when = _instant(after) if after else float(reset) if _is_number(reset) else None
    return min(when - now, _LONGEST_WAIT) if when is not None and when > now else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12


def _instant(date: str) -> float | None:
    """Return the Unix time of an HTTP date."""
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
