"""Carry letters through SendGrid's v3 mail send, up to 1,000 recipients a request.

Source: docs.sendgrid.com “Mail Send”, “Email Activity”; python_http_client 3.3, which raises its own HTTPError for
a status of 300 and over, urllib's URLError for what happens up to the end of writing, and anything else for what
happens while reading. There is no idempotency key: what may have been taken is never sent again blindly.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

from python_http_client.client import Client
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from notifier.senders.protocol import Accepted, Message, NotSent, Recipient
from notifier.senders.sendgrid_answers import answered, shown, taken, unanswered
from notifier.senders.sendgrid_body import MOST, Composer, request_body

__all__ = ["SendGridSender", "request_body"]

T = TypeVar("T")


def _is_not_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# At DEBUG the library logs the Authorization header. A filter, since a level can be set again by anybody.
logging.getLogger("python_http_client.client").addFilter(_is_not_debug)


class SendGridSender:
    """SendGrid, or what stands in its place at `url`."""

    name = "sendgrid"
    request_size = MOST
    window = 1
    widest = 1
    repeatable = False

    def __init__(
        self,
        key: str,
        url: str,
        *,
        log: bool = False,
        reports: bool = False,
        deadline: float = 60.0,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """log: the account has the log of messages. reports: events come back to our webhook.

        deadline: seconds for one request in all. timeout: seconds for one wait. clock: Unix time.
        """
        self.reports = reports
        self._key = key
        self._url = url.rstrip("/")
        self._log = log
        self._deadline = deadline
        self._timeout = min(timeout, deadline)
        self._clock = clock
        self._composer = Composer()
        self._opener = _opener()

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        """Make one request. Raises: NotSent, Refused, Unknown; ValueError."""
        body = self._composer.body(message, recipients, attempt_id=attempt_id)
        try:
            response = _within(self._deadline, lambda: self._client().mail.send.post(request_body=body))
        except HTTPError as error:
            raise answered(error, self._clock()) from None
        except (OSError, http.client.HTTPException) as error:
            raise unanswered(error) from None
        return taken(response.status_code, response.headers, self._clock())

    def look_up(self, attempt_id: int) -> bool | None:
        """Ask the Email Activity feed for one letter of an attempt; see Sender.look_up.

        The feed is an add-on with a permission of its own, takes few requests a minute, lags, and keeps 3 to 30
        days.
        """
        if not self._log:
            return None
        asked = {"query": f"(unique_args['attempt']=\"{attempt_id}\")", "limit": "1"}
        try:
            response = _within(self._deadline, lambda: self._client().messages.get(query_params=asked))
        except (HTTPError, OSError, http.client.HTTPException, NotSent):
            return None
        return shown(response.body) if response.status_code == 200 else None

    def forget(self, delivery_ids: Iterable[int]) -> None:
        """Nothing is kept here: the letters left with their request."""

    def close(self) -> None:
        """Nothing is kept open: the library makes a connection for each request."""

    def _client(self) -> _Client:
        """Make the library's client, one for each request: it writes to its headers, which threads would share."""
        own = SendGridAPIClient(self._key, host=self._url).client
        return _Client(self._opener, own.host, own.request_headers, version=3, timeout=self._timeout)


class _Client(Client):  # type: ignore[misc]  # the library has no types
    """The library's client, with an opener that is made once.

    Its own reads all trusted certificates anew for each request, 16 ms of computing, and follows redirects,
    to where the key would go along and where an answer means nothing.
    """

    def __init__(self, opener: urllib.request.OpenerDirector, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._opener = opener

    def _build_client(self, name: str | None = None) -> _Client:
        path = [*self._url_path, name] if name else self._url_path
        return _Client(
            self._opener, self.host, self.request_headers, self._version, path, self.append_slash, self.timeout
        )

    def _make_request(self, opener: Any, request: Any, timeout: float | None = None) -> Any:  # noqa: ARG002
        return super()._make_request(self._opener, request, timeout=timeout)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Leave the redirect as the answer."""


def _opener() -> urllib.request.OpenerDirector:
    trusted = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    return urllib.request.build_opener(trusted, _NoRedirect)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Run a call in a thread of its own and wait so long. Raises: NotSent, TimeoutError, or what the call raised.

    The library's own time-out is for each wait on the socket, which an answer that drips outlives for ever.
    A call given up on goes on by itself; what it comes to is dropped, for it has been reported as unknown.
    """
    future: Future[T] = Future()
    try:
        Thread(target=_settle, args=(future, call), daemon=True).start()
    except RuntimeError as error:  # the system gives no more threads, or the process is ending
        raise NotSent(f"The request was not begun: {error}.") from None
    return future.result(timeout=seconds)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # carried over to the thread that waits
        future.set_exception(error)
