"""Carry letters through SendGrid's v3 mail send, up to 1,000 recipients a request.

Source: docs.sendgrid.com “Mail Send”; python_http_client 3.3, which raises its own HTTPError for a status of
400 and over, urllib's URLError for what happens up to the end of writing, and anything else for what happens
while reading. There is no idempotency key: what may have been taken is never sent again blindly.
"""

from __future__ import annotations

import http.client
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC
from email.headerregistry import Address
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import Any, TypeVar

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from notifier.senders.mime import check, deliverable, mailbox, personal_subject, without_addresses
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, SendFailure, Unknown

T = TypeVar("T")

_CONNECTING = (http.client.HTTPConnection.connect.__code__, http.client.HTTPSConnection.connect.__code__)


def _is_not_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# At DEBUG the library logs the Authorization header. A filter, since a level can be set again by anybody.
logging.getLogger("python_http_client.client").addFilter(_is_not_debug)


class SendGridSender:
    """SendGrid, or what stands in its place at `url`."""

    name = "sendgrid"
    request_size = 1000
    window = 1
    repeatable = False

    def __init__(
        self,
        key: str,
        url: str,
        *,
        deadline: float = 60.0,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """deadline: seconds for one request in all. timeout: seconds for one wait. clock: Unix time."""
        self._key = key
        self._url = url.rstrip("/")
        self._deadline = deadline
        self._timeout = min(timeout, deadline)
        self._clock = clock

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        """Make one request. Raises: NotSent, Refused, Unknown; ValueError."""
        body = request_body(message, recipients, attempt_id=attempt_id)
        try:
            response = _within(self._deadline, lambda: self._post(body))
        except HTTPError as error:
            raise _answered(error, self._clock()) from None
        except (OSError, http.client.HTTPException) as error:
            raise _unanswered(error) from None
        if response.status_code != 202:
            raise Unknown(f"SendGrid answered {response.status_code}, not 202.", status=response.status_code)
        return Accepted(response.headers.get("X-Message-Id"))

    def forget(self, delivery_ids: Iterable[int]) -> None:
        """Nothing is kept here: the letters left with their request."""

    def close(self) -> None:
        """Nothing is kept open: the library makes a connection for each request."""

    def _post(self, body: Mapping[str, Any]) -> Any:
        """Call the library. A client for each request: it writes to its headers, which threads would share."""
        client = SendGridAPIClient(self._key, host=self._url).client
        client.timeout = self._timeout
        return client.mail.send.post(request_body=body)


def request_body(message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> dict[str, Any]:
    """Return the JSON of one request. Custom arguments are kept as non-personal data: opaque ids only.

    Raises: Refused for an address or a field that cannot be sent; ValueError for what we built wrong.
    """
    check(message)
    if not 1 <= len(recipients) <= SendGridSender.request_size:
        raise ValueError(f"a request holds 1 to 1,000 recipients, not {len(recipients)}")
    if len({each.address.casefold() for each in recipients}) < len(recipients):
        raise ValueError("an address stands twice in one request, which SendGrid would refuse whole")
    return _shared(message) | {
        "personalizations": [_personalization(message, each, attempt_id) for each in recipients]
    }


def _shared(message: Message) -> dict[str, Any]:
    """Return what all recipients have in common."""
    off = {"enable": False}
    shared = {
        "from": _party(mailbox(message.sender)),
        "subject": message.subject,
        "content": [
            {"type": "text/plain", "value": message.text},
            {"type": "text/html", "value": message.html},
        ],
        "headers": dict(message.headers),
        # Only the global unsubscribes: who reported spam or bounces is still left alone.
        "mail_settings": {"bypass_unsubscribe_management": {"enable": True}},
        "tracking_settings": {
            "click_tracking": off | {"enable_text": False},
            "open_tracking": off,
            "subscription_tracking": off,
            "ganalytics": off,
        },
    }
    return shared | ({"reply_to": _party(mailbox(message.reply_to))} if message.reply_to else {})


def _personalization(message: Message, recipient: Recipient, attempt_id: int) -> dict[str, Any]:
    personal_subject(message, recipient)  # refuses a field that would break the subject's line
    return {
        "to": [{"email": deliverable(recipient.address)}],
        "substitutions": dict(recipient.substitutions),
        "custom_args": {"delivery": str(recipient.delivery_id), "attempt": str(attempt_id)},
    }


def _party(who: Address) -> dict[str, str]:
    return {"email": who.addr_spec} | ({"name": who.display_name} if who.display_name else {})


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Run a call in a thread of its own and wait so long. Raises: TimeoutError, or what the call raised.

    The library's own time-out is for each wait on the socket, which an answer that drips outlives for ever.
    A call given up on goes on by itself; what it comes to is dropped, for it has been reported as unknown.
    """
    future: Future[T] = Future()
    Thread(target=_settle, args=(future, call), daemon=True).start()
    return future.result(timeout=seconds)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # carried over to the thread that waits
        future.set_exception(error)


def _answered(error: HTTPError, now: float) -> SendFailure:
    """Say what a status of 300 and over means."""
    status: int = error.status_code
    sentence = f"SendGrid answered {status}{_reasons(error.body)}."
    if status >= 500:
        return Unknown(sentence, status=status)
    if status == 429:
        return NotSent(sentence, status=status, retry_after=_retry_after(error.headers, now))
    return Refused(sentence, status=status, address=status in (400, 413))


def _unanswered(error: Exception) -> SendFailure:
    """Say what a failure without an answer means: it depends on whether anything had been written."""
    why = without_addresses(str(error)) or type(error).__name__
    if _was_connecting(error):
        return NotSent(f"SendGrid was not reached: {why}.")
    return Unknown(f"SendGrid was sent the request and gave no answer: {why}.")


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


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait as Retry-After (seconds or a date) or X-RateLimit-Reset (Unix time) has it."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if _is_number(after):
        return float(after)
    if after:
        return _seconds_until(after, now)
    return max(0.0, float(reset) - now) if _is_number(reset) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12


def _seconds_until(date: str, now: float) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max(0.0, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now)
