"""The stub provider, in a process of its own: its journal tells what it took, whatever it answered."""

from __future__ import annotations

import http.client
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sendgrid import EventWebhook

from tests.crash import journal
from tests.crash.processes import ROOT
from tests.crash.remote import Moment, Remote

pytestmark = pytest.mark.socket
PATIENCE = 20.0


@pytest.fixture
def stub(folder: Path) -> Iterator[Remote]:
    arguments = ["--journal", str(folder / "requests.jsonl"), "--control", str(folder / "c.sock")]
    command = [sys.executable, "-m", "tests.crash.provider", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()).keys() == {"url", "public_key"}
        try:
            with Remote(folder / "c.sock") as remote:
                yield remote
        finally:
            process.terminate()
    assert process.returncode == 0


def body(*addresses: str, attempt: int = 4) -> bytes:
    return json.dumps(
        {
            "from": {"email": "policies@example.com"},
            "subject": "News",
            "content": [{"type": "text/plain", "value": "News"}],
            "personalizations": [
                {"to": [{"email": each}], "custom_args": {"delivery": str(number), "attempt": str(attempt)}}
                for number, each in enumerate(addresses, 1)
            ],
        }
    ).encode()


ONE = body("m1@example.com")


@contextmanager
def posting(stub: Remote, content: bytes = ONE) -> Iterator[http.client.HTTPConnection]:
    """A request sent, and not answered yet."""
    connection = http.client.HTTPConnection(stub.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        connection.request("POST", "/worker-1/v3/mail/send", content)
        yield connection
    finally:
        connection.close()


def answer(stub: Remote, content: bytes = ONE) -> http.client.HTTPResponse:
    with posting(stub, content) as connection:
        response = connection.getresponse()
        response.read()
        return response


def only_request(folder: Path) -> journal.Request:
    (request,) = journal.read(folder / "requests.jsonl")
    return request


# -- what becomes of a request ------------------------------------------------------------------


def test_what_it_took_stands_in_its_journal_with_who_asked(stub: Remote, folder: Path) -> None:
    response = answer(stub, body("m1@example.com", "m2@example.com"))
    request = only_request(folder)
    assert (response.status, response.headers["X-Message-Id"]) == (202, "stub-1")
    assert request.letters == [(1, "m1@example.com"), (2, "m2@example.com")]
    assert (request.caller, request.attempt, request.status) == ("worker-1", 4, 202)


def test_it_refuses_what_the_real_one_refuses(stub: Remote, folder: Path) -> None:
    assert answer(stub, body("m1@example.com", "M1@example.com")).status == 400
    assert only_request(folder).taken is None


@pytest.mark.parametrize(
    ("way", "status", "taken"),
    [("429", 429, False), ("500", 500, False), ("503", 503, False), ("500 after", 500, True)],
)
def test_it_answers_wrongly_as_it_is_told(stub: Remote, folder: Path, way: str, status: int, taken: bool) -> None:
    stub.plan(ways={way: 1.0})
    response = answer(stub)
    assert response.status == status
    assert (response.headers["Retry-After"] is not None) == (status == 429)
    assert (only_request(folder).taken is not None) == taken


@pytest.mark.parametrize(("way", "taken"), [("reset before", False), ("reset after", True)])
def test_it_hangs_up_as_it_is_told(stub: Remote, folder: Path, way: str, taken: bool) -> None:
    stub.plan(ways={way: 1.0})
    with pytest.raises(ConnectionError):
        answer(stub)
    assert (only_request(folder).taken is not None) == taken


def test_it_takes_and_says_nothing(stub: Remote, folder: Path) -> None:
    stub.plan(ways={"stall": 1.0})
    with posting(stub) as connection:
        stub.hear("taken", patience=PATIENCE)
        assert connection.sock is not None
        connection.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.getresponse()
    request = only_request(folder)
    assert request.taken is not None
    assert request.answered is None


# -- moments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["first byte", "whole", "taken"])
def test_it_says_that_a_moment_has_come_and_stays_in_it(stub: Remote, folder: Path, moment: str) -> None:
    held = _posted_and_held(stub, moment)
    assert held.caller == "worker-1"
    assert (only_request(folder).taken is not None) == (moment == "taken")
    assert only_request(folder).answered is None
    stub.release(held)
    stub.hear("answered", patience=PATIENCE)
    assert only_request(folder).status == 202


def test_a_request_held_before_it_was_taken_may_be_dropped(stub: Remote, folder: Path) -> None:
    held = _posted_and_held(stub, "first byte")
    stub.release(held, take=False)
    assert answer(stub, body("m2@example.com")).status == 202
    first, second = journal.read(folder / "requests.jsonl")
    assert (first.taken, second.taken is not None) == (None, True)


def _posted_and_held(stub: Remote, moment: str) -> Moment:
    """A request of a client that is gone before its answer, as a worker that was killed."""
    stub.arm(moment)
    with posting(stub):
        held = stub.held(patience=PATIENCE)
    assert held is not None
    return held


# -- events -------------------------------------------------------------------------------------


def test_it_posts_signed_events_until_they_are_taken(stub: Remote) -> None:
    with _hook() as (url, received):
        stub.post_to(url)
        answer(stub)
        posted = [received.get(timeout=PATIENCE) for _ in range(3)]
    for content, headers in posted:
        signature = headers["X-Twilio-Email-Event-Webhook-Signature"]
        at = headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        assert EventWebhook(stub.public_key).verify_signature(content.decode(), signature, at)
    assert {event["event"] for content, _ in posted for event in json.loads(content)} == {"processed", "delivered"}


@contextmanager
def _hook() -> Iterator[tuple[str, queue.Queue[tuple[bytes, Any]]]]:
    """Where events go: the first post is refused."""
    received: queue.Queue[tuple[bytes, Any]] = queue.Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204 if received.unfinished_tasks else 503)
            self.end_headers()
            received.put((content, self.headers))

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/sendgrid", received
        finally:
            server.shutdown()
            thread.join()
