from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from notifier.senders import Accepted, NotSent, Recipient, Refused, SendFailure, Unknown
from notifier.senders.sendgrid import SendGridSender, request_body
from tests.notifier.senders.letters import ESCAPED, PLAIN, message, recipient
from tests.stubs.sendgrid import (
    KEY,
    Behaviour,
    Stub,
    accept_then_drip,
    accept_then_reset,
    refuse,
    reset_before,
    slow,
)

pytestmark = pytest.mark.socket

NOW = datetime(2018, 5, 25, tzinfo=UTC).timestamp()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def sender(stub: Stub) -> SendGridSender:
    return SendGridSender(KEY, stub.url, deadline=5, clock=lambda: NOW)


def people(count: int) -> list[Recipient]:
    return [recipient(number, f"member{number}@example.org") for number in range(count)]


def fate(sender: SendGridSender, recipients: list[Recipient] | None = None) -> SendFailure:
    """Make a request that cannot succeed. Returns: how it failed; the sentence holds no address and no key."""
    with pytest.raises(SendFailure) as failed:
        sender.send(message(), recipients or people(2), attempt_id=1)
    said = str(failed.value)
    assert "@" not in said
    assert KEY not in said
    assert said.endswith(".")
    return failed.value


def test_a_request_is_accepted_under_the_providers_id(stub: Stub, sender: SendGridSender) -> None:
    assert sender.send(message(), people(2), attempt_id=9) == Accepted("stub-1")
    assert stub.accepted == ["member0@example.org", "member1@example.org"]


def test_a_request_says_this_and_nothing_else(stub: Stub, sender: SendGridSender) -> None:
    letter = message()
    sender.send(letter, [recipient(42)], attempt_id=9)
    off = {"enable": False}
    assert stub.requests == [
        {
            "personalizations": [
                {
                    "to": [{"email": "zoe@example.org"}],
                    "substitutions": {PLAIN: "Zoë", ESCAPED: "Zoë"},
                    "custom_args": {"delivery": "42", "attempt": "9"},
                }
            ],
            "from": {"email": "policies@example.com", "name": "Größe & Co."},
            "reply_to": {"email": "privacy@example.com"},
            "subject": letter.subject,
            "content": [
                {"type": "text/plain", "value": letter.text},
                {"type": "text/html", "value": letter.html},
            ],
            "headers": {"List-Id": "Policies <policies.example.com>", "Auto-Submitted": "auto-generated"},
            "mail_settings": {"bypass_unsubscribe_management": {"enable": True}},
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": off,
                "subscription_tracking": off,
                "ganalytics": off,
            },
        }
    ]


def test_a_thousand_go_in_one_request(stub: Stub, sender: SendGridSender) -> None:
    sender.send(message(), people(1000), attempt_id=1)
    assert len(stub.requests) == 1
    assert len(set(stub.accepted)) == 1000


def test_a_letter_without_reply_to_has_none(stub: Stub, sender: SendGridSender) -> None:
    sender.send(message(reply_to=""), people(1), attempt_id=1)
    assert "reply_to" not in stub.requests[0]


def test_threads_share_a_sender(stub: Stub, sender: SendGridSender) -> None:
    threads = [
        threading.Thread(
            target=sender.send,
            args=(message(), [recipient(address=f"m{number}@example.org")]),
            kwargs={"attempt_id": 1},
        )
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(stub.accepted)) == 16


@pytest.mark.parametrize(
    ("behaviour", "kind", "status"),
    [
        (refuse(400, message="Bad zoe@example.org"), Refused, 400),
        (refuse(401), Refused, 401),
        (refuse(403, message="The from address policies@example.com is not yours"), Refused, 403),
        (refuse(404), Refused, 404),
        (refuse(413), Refused, 413),
        (refuse(429), NotSent, 429),
        (refuse(500), Unknown, 500),
        (refuse(502), Unknown, 502),
        (refuse(503, "5"), Unknown, 503),
        (refuse(200), Unknown, 200),
        (refuse(307, Location="/elsewhere"), Refused, 307),
        (reset_before, Unknown, None),
        (accept_then_reset, Unknown, None),
    ],
)
def test_an_answer_decides_the_requests_fate(
    stub: Stub, sender: SendGridSender, behaviour: Behaviour, kind: type[SendFailure], status: int | None
) -> None:
    stub.behaviours.append(behaviour)
    failure = fate(sender)
    assert (type(failure), failure.status) == (kind, status)
    if isinstance(failure, Refused):
        assert failure.address is (status in (400, 413))


def test_a_redirect_is_not_taken_for_an_acceptance(stub: Stub, sender: SendGridSender) -> None:
    stub.behaviours.append(refuse(302, Location=f"{stub.url}/v3/mail/send"))
    assert type(fate(sender)) is not NotSent
    assert not stub.accepted


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "Fri, 25 May 2018 00:01:00 GMT"}, 60),
        ({"Retry_After": "Thu, 24 May 2018 00:00:00 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({"X_RateLimit_Reset": str(int(NOW) + 30)}, 30),
        ({"X_RateLimit_Reset": str(int(NOW) - 30)}, None),
        ({"X_RateLimit_Reset": "nan"}, None),
        ({"Retry_After": "7", "X_RateLimit_Reset": str(int(NOW) + 30)}, 7),
    ],
)
def test_too_many_requests_say_when_to_come_back(
    stub: Stub, sender: SendGridSender, headers: dict[str, str], wait: float | None
) -> None:
    stub.behaviours.append(refuse(429, **headers))
    failure = fate(sender)
    assert isinstance(failure, NotSent)
    assert failure.retry_after == wait


def test_the_sentence_is_the_providers_own(stub: Stub, sender: SendGridSender) -> None:
    stub.behaviours.append(refuse(400, message="The subject is\r\nrequired."))
    assert str(fate(sender)) == "SendGrid answered 400: The subject is required."


def test_a_bad_address_is_named_by_its_position(sender: SendGridSender) -> None:
    failure = fate(sender, [*people(2), recipient(9, "zoe@localhost")])
    assert isinstance(failure, Refused)
    assert failure.address
    assert str(failure) == (
        "SendGrid answered 400: Does not contain a valid address. (personalizations.2.to.0.email)."
    )


def test_a_wrong_key_is_for_a_person(stub: Stub) -> None:
    failure = fate(SendGridSender("SG.wrong", stub.url))
    assert isinstance(failure, Refused)
    assert not failure.address
    assert "SG.wrong" not in str(failure)


def test_an_answer_that_does_not_come_leaves_the_fate_unknown(stub: Stub) -> None:
    stub.behaviours.append(slow(5))
    assert type(fate(SendGridSender(KEY, stub.url, timeout=0.1))) is Unknown


def test_an_answer_that_drips_does_not_outlive_the_deadline(stub: Stub) -> None:
    stub.behaviours.append(accept_then_drip)
    began = time.monotonic()
    assert type(fate(SendGridSender(KEY, stub.url, deadline=0.2))) is Unknown
    assert time.monotonic() - began < 2
    assert len(stub.accepted) == 2


def test_nobody_listening_is_worth_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert type(fate(SendGridSender(KEY, f"http://127.0.0.1:{port}"))) is NotSent


def test_a_connection_that_does_not_come_about_is_worth_a_retry() -> None:
    """A full queue leaves the next caller waiting for an answer to its SYN."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(address)
        failure = fate(SendGridSender(KEY, f"http://127.0.0.1:{address[1]}", timeout=0.2))
        for caller in callers:
            caller.close()
    assert type(failure) is NotSent


@pytest.mark.parametrize("greeting", [b"", b"220 mail.example ESMTP\r\n"])
def test_a_handshake_that_fails_had_nothing_of_the_request(greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.recv(1)
                caller.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        sender = SendGridSender(KEY, f"https://127.0.0.1:{listening.getsockname()[1]}", deadline=2)
        assert type(fate(sender)) is NotSent
        thread.join(timeout=5)


def test_the_key_does_not_reach_the_log(
    stub: Stub, sender: SendGridSender, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "python_http_client", "python_http_client.client"):
        caplog.set_level(logging.DEBUG, logger=name)
    sender.send(message(), people(1), attempt_id=1)
    stub.behaviours.append(refuse(400, message="Bad zoe@example.org"))
    fate(sender)
    assert KEY not in caplog.text
    assert "@example.org" not in caplog.text


def test_an_address_twice_is_an_error_of_ours() -> None:
    twice = [recipient(1, "zoe@example.org"), recipient(2, "Zoe@Example.org")]
    with pytest.raises(ValueError, match="twice"):
        request_body(message(), twice, attempt_id=1)


@pytest.mark.parametrize("count", [0, 1001])
def test_a_request_of_the_wrong_size_is_an_error_of_ours(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1,000"):
        request_body(message(), people(count), attempt_id=1)


def test_a_line_break_in_a_header_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="control character"):
        request_body(message(headers={"X-A": "b\r\nBcc: eve@example.net"}), people(1), attempt_id=1)


@pytest.mark.parametrize(
    "odd", [recipient(9, "zoe@example.org\n"), recipient(9, name="Eve\nBcc: eve@example.net")]
)
def test_a_recipient_that_cannot_be_written_to_is_found_before_the_request(odd: Recipient) -> None:
    with pytest.raises(Refused) as refused:
        request_body(message(), [*people(2), odd], attempt_id=1)
    assert refused.value.address


def test_a_domain_goes_in_ascii() -> None:
    body = request_body(message(), [recipient(1, "zoe@exämple.org")], attempt_id=1)
    assert body["personalizations"][0]["to"] == [{"email": "zoe@xn--exmple-cua.org"}]
