"""A stand-in for SendGrid's POST /v3/mail/send, over real HTTP on 127.0.0.1.

It refuses what the real one refuses, remembers what it took, and can be told to be slow, to refuse, to hang up.
By hand: `python -m tests.stubs.sendgrid --port 8025`. Source: docs.sendgrid.com “Mail Send”, “Errors”.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any

KEY = "SG.stub-key.0123456789"
MOST = 1000
_ADDRESS = re.compile(r"[^@\s]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")

Json = dict[str, Any]
Errors = list[dict[str, str | None]]


class Stub(ThreadingHTTPServer):
    """requests: each body that came, in order. accepted: each address that was answered 202, as often as it was.

    behaviours: what to do with the next requests, one each; a request that finds none is handled as usual.
    """

    daemon_threads = False  # closing waits for the answers under way, which stop when `closing` is set

    def __init__(self, *, key: str = KEY, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Exchange)
        self.key = key
        self.requests: list[Json] = []
        self.accepted: list[str] = []
        self.behaviours: deque[Behaviour] = deque()
        self.closing = threading.Event()
        self.numbers = count(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def shutdown_request(self, request: Any) -> None:
        """Close without the polite end that socketserver sends first, so that a reset is one."""
        self.close_request(request)

    def __enter__(self) -> Stub:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    server: Stub
    body: Json

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.body = json.loads(content)
        self.server.requests.append(self.body)
        behave = self.server.behaviours.popleft() if self.server.behaviours else as_usual
        with suppress(ConnectionError):  # the client may have given up
            behave(self)

    def accept(self) -> str:
        """Take the letters. Returns: their X-Message-Id."""
        self.server.accepted += [to["email"] for each in self.body["personalizations"] for to in each["to"]]
        return f"stub-{next(self.server.numbers)}"

    def answer(self, status: int, errors: Errors | None = None, **headers: str) -> None:
        content = json.dumps({"errors": errors}).encode() if errors else b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def reset(self) -> None:
        """Hang up so that the client sees a reset rather than an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


Behaviour = Callable[[_Exchange], None]


def as_usual(exchange: _Exchange) -> None:
    """Answer as the real one does."""
    if exchange.headers.get("Authorization") != f"Bearer {exchange.server.key}":
        exchange.answer(401, [_error("The provided authorization grant is invalid, expired, or revoked")])
    elif exchange.path != "/v3/mail/send":
        exchange.answer(404, [_error("Not Found")])
    elif errors := list(faults(exchange.body)):
        exchange.answer(400, errors)
    else:
        exchange.answer(202, X_Message_Id=exchange.accept())


def slow(seconds: float) -> Behaviour:
    """Answer as usual after a while."""

    def behave(exchange: _Exchange) -> None:
        exchange.server.closing.wait(seconds)
        as_usual(exchange)

    return behave


def refuse(status: int, retry_after: str | None = None, *, message: str = "Not now", **headers: str) -> Behaviour:
    """Answer with an error, taking nothing."""
    told = headers | ({"Retry_After": retry_after} if retry_after is not None else {})
    return lambda exchange: exchange.answer(status, [_error(message)], **told)


def reset_before(exchange: _Exchange) -> None:
    """Hang up without having taken anything."""
    exchange.reset()


def accept_then_reset(exchange: _Exchange) -> None:
    """Take the letters and hang up before saying so."""
    exchange.accept()
    exchange.reset()


def accept_then_drip(exchange: _Exchange) -> None:
    """Take the letters and say so a byte at a time, without end."""
    exchange.accept()
    exchange.wfile.write(b"HTTP/1.1 202 Accepted\r\nX-Drip: ")
    while not exchange.server.closing.wait(0.02):
        exchange.wfile.write(b".")
    exchange.close_connection = True


def faults(body: Json) -> Iterator[dict[str, str | None]]:
    """Say what the real one would find wrong with a request."""
    if not body.get("from", {}).get("email"):
        yield _error("The from object must be provided for every email send.", "from.email")
    if not body.get("subject"):
        yield _error("The subject is required.", "subject")
    if not body.get("content") or not all(each.get("value") for each in body["content"]):
        yield _error("The content value must be a string at least one character in length.", "content")
    yield from _recipient_faults(body.get("personalizations") or [])


def _recipient_faults(personalizations: list[Json]) -> Iterator[dict[str, str | None]]:
    if not personalizations:
        yield _error("You must have at least one personalization.", "personalizations")
    if len(personalizations) > MOST:
        said = f"The personalization block is limited to {MOST} personalizations per API request."
        yield _error(said, "personalizations")
    addresses = [to.get("email", "") for each in personalizations for to in each.get("to", ())]
    for position, address in enumerate(addresses):
        if not address.isascii() or not _ADDRESS.fullmatch(address):
            yield _error("Does not contain a valid address.", f"personalizations.{position}.to.0.email")
    for address, times in Counter(map(str.lower, addresses)).items():
        if times > 1:
            said = "Each unique email address in the personalizations array should only be included once."
            yield _error(f"{said} You have included [{address}] more than once.", "personalizations")


def _error(message: str, field: str | None = None) -> dict[str, str | None]:
    return {"message": message, "field": field, "help": None}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--key", default=KEY)
    options = parser.parse_args()
    with Stub(key=options.key, port=options.port), suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main()
