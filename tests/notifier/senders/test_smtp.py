from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from notifier.senders import Accepted, NotSent, Refused, SendFailure, Unknown, build
from notifier.senders.returns import ReturnAddress
from notifier.senders.smtp import Server, SmtpSender
from tests.notifier.senders.letters import body, message, parsed, recipient
from tests.stubs.smtp import PASSWORD, USER, Inbox, authenticate, certificate, drip, hang_up

pytestmark = pytest.mark.socket

ADDRESS = "zoe@example.org"


@contextmanager
def sending(inbox: Inbox, *, deadline: float = 5.0, **terms: Any) -> Iterator[SmtpSender]:
    sender = SmtpSender(Server("127.0.0.1", inbox.port, **terms), deadline=deadline)
    try:
        yield sender
    finally:
        sender.close()


@pytest.fixture(params=[False, True], ids=["step by step", "in one go"])
def inbox(request: pytest.FixtureRequest) -> Iterator[Inbox]:
    with Inbox(pipelining=request.param) as inbox:
        yield inbox


@pytest.fixture
def sender(inbox: Inbox) -> Iterator[SmtpSender]:
    with sending(inbox) as sender:
        yield sender


def send(sender: SmtpSender, address: str = ADDRESS, delivery_id: int = 1) -> Accepted:
    return sender.send(message(), [recipient(delivery_id, address)], attempt_id=1)


def fate(sender: SmtpSender, address: str = ADDRESS) -> SendFailure:
    """Send a letter that cannot arrive. Returns: how it failed; the sentence never holds the address."""
    with pytest.raises(SendFailure) as failed:
        send(sender, address)
    assert address not in str(failed.value)
    assert str(failed.value).endswith(".")
    return failed.value


def test_a_letter_arrives_as_it_was_written(inbox: Inbox, sender: SmtpSender) -> None:
    assert send(sender) == Accepted("2.0.0 Ok: queued as 4F2A")
    [letter] = inbox.letters
    assert (letter.mail_from, letter.rcpt_tos) == ("policies@example.com", [ADDRESS])
    assert isinstance(letter.content, bytes)
    read = parsed(letter.content)
    assert read["Subject"] == "Zoë, our privacy policy changes"
    assert body(read, "plain") == "Dear Zoë,\n\n.a line that begins with a dot\n“§ 4” now reads — 個人情報.\n"


def test_letters_go_over_one_connection(inbox: Inbox, sender: SmtpSender) -> None:
    for number in range(5):
        send(sender, delivery_id=number)
    assert (len(inbox.letters), len(inbox.lines)) == (5, 1)


def test_threads_have_a_connection_each(inbox: Inbox, sender: SmtpSender) -> None:
    threads = [threading.Thread(target=send, args=(sender, ADDRESS, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inbox.letters) == 8


@pytest.mark.parametrize(
    ("step", "reply", "kind", "address"),
    [
        ("RCPT", "550 5.1.1 <zoe@example.org>: unknown", Refused, True),
        ("RCPT", "451 4.7.1 Greylisted", NotSent, None),
        ("MAIL", "550 5.7.1 Not from you", Refused, False),
        ("MAIL", "451 4.3.0 Later", NotSent, None),
        ("MAIL", "421 4.7.0 Too many letters", NotSent, None),
        ("MAIL", "666 Hell", NotSent, None),
        ("DATA", "552 5.3.4 Too big for zoe@example.org", Refused, False),
        ("DATA", "452 4.3.1 Disk full", NotSent, None),
        ("DATA", "what?", Unknown, None),
    ],
)
def test_a_reply_decides_the_letters_fate(
    inbox: Inbox, sender: SmtpSender, step: str, reply: str, kind: type[SendFailure], address: bool | None
) -> None:
    inbox.replies[step] = reply
    failure = fate(sender)
    assert type(failure) is kind
    assert getattr(failure, "address", None) is address
    assert failure.status == (int(reply[:3]) if reply[0] in "45" else None)
    inbox.replies.clear()
    inbox.letters.clear()
    send(sender)
    assert len(inbox.letters) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.1.1 No such user: Zoe here",
        "550 5.1.1 (zoe) unknown at EXAMPLE.org",
        "550 zoe: mailbox full; relay for example.org denied",
    ],
)
def test_no_part_of_an_address_is_kept_of_what_a_server_says(inbox: Inbox, sender: SmtpSender, reply: str) -> None:
    """Servers name the mailbox alone as often as the whole address; what they said outlives an erasure."""
    for step in ("RCPT", "DATA"):
        inbox.replies = {step: reply}
        said = str(fate(sender))
        assert "zoe" not in said.lower() and "example.org" not in said.lower()
        assert "[address]" in said and "550" in said


def test_a_short_name_takes_no_other_word_out_of_what_a_server_says(inbox: Inbox, sender: SmtpSender) -> None:
    inbox.replies["RCPT"] = "550 5.1.1 unknown or not a user"
    assert str(fate(sender, "n@example.org")).endswith("550 5.1.1 unknown or not a user.")


def test_a_refused_letter_does_not_cost_the_connection(inbox: Inbox, sender: SmtpSender) -> None:
    inbox.replies["RCPT"] = "550 5.1.1 Unknown"
    fate(sender)
    inbox.replies.clear()
    send(sender)
    assert len(inbox.lines) == 1


def test_a_server_lost_after_the_text_leaves_the_fate_unknown(inbox: Inbox, sender: SmtpSender) -> None:
    inbox.ending = hang_up
    assert type(fate(sender)) is Unknown
    inbox.ending = None
    send(sender)
    assert len(inbox.letters) == 2


def test_a_reply_that_drips_does_not_outlive_the_deadline(inbox: Inbox) -> None:
    inbox.ending = drip
    with sending(inbox, deadline=0.3) as sender:
        began = time.monotonic()
        assert type(fate(sender)) is Unknown
        assert time.monotonic() - began < 2


def test_a_server_that_asks_for_the_text_of_a_letter_without_a_recipient_is_given_none() -> None:
    """RFC 2920 §3.1 lets it, where commands come in one go."""
    said = [b"220 Hello", b"250-Hello\r\n250-DSN\r\n250 PIPELINING", b"250 OK\r\n550 5.1.1 Unknown\r\n354 Go on"]
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            caller, _ = listening.accept()
            with caller:
                for words in said:
                    caller.sendall(words + b"\r\n")
                    heard.append(caller.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        failure = fate(SmtpSender(Server("127.0.0.1", listening.getsockname()[1]), deadline=5))
        thread.join()
    assert isinstance(failure, Refused)
    assert (failure.status, failure.address) == (550, True)
    assert heard[1].startswith(
        b"MAIL FROM:<policies@example.com> RET=HDRS\r\n"
    )  # the letter need not come back whole
    assert heard[1].endswith(b"DATA\r\n")
    assert heard[2] == b""  # the connection was closed


def test_no_more_letters_at_once_go_to_a_domain_than_are_let(inbox: Inbox) -> None:
    under_way, most = [0, 0], [0]

    async def count(server: SMTP) -> str:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        await asyncio.sleep(0.01)
        under_way[0] -= 1
        return "250 OK"

    inbox.ending = count
    sender = SmtpSender(Server("127.0.0.1", inbox.port), deadline=20, per_domain=2)
    with closing(sender), ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: send(sender, f"m{n}@{'EXAMPLE' if n % 2 else 'example'}.org", n), range(18)))
    assert (len(inbox.letters), most[0]) == (18, 2)


def test_a_letter_leaves_under_its_own_return_address(inbox: Inbox) -> None:
    returns = ReturnAddress("bounces@example.com", "a secret")
    with closing(SmtpSender(Server("127.0.0.1", inbox.port), returns=returns)) as sender:
        send(sender, delivery_id=7)
        send(sender, delivery_id=-7)
    assert [returns.read(f"<{letter.mail_from}>") for letter in inbox.letters] == [7, -7]


def test_an_idle_connection_that_was_closed_loses_and_doubles_nothing(inbox: Inbox, sender: SmtpSender) -> None:
    send(sender)
    inbox.hang_up()
    send(sender)
    assert (len(inbox.letters), len(inbox.lines)) == (2, 2)


def test_an_idle_connection_that_is_told_to_go_is_opened_anew(inbox: Inbox, sender: SmtpSender) -> None:
    send(sender)
    inbox.once["MAIL"] = "421 4.4.2 Idle for too long"
    send(sender)
    assert (len(inbox.letters), len(inbox.lines)) == (2, 2)


def test_a_server_that_tells_every_connection_to_go_is_worth_a_retry(inbox: Inbox, sender: SmtpSender) -> None:
    send(sender)
    inbox.replies["MAIL"] = "421 4.7.0 Too many letters"
    failure = fate(sender)
    assert (type(failure), failure.status, len(inbox.lines)) == (NotSent, 421, 2)


def test_a_connection_that_cannot_be_cleared_of_a_refused_letter_is_opened_anew(
    inbox: Inbox, sender: SmtpSender
) -> None:
    inbox.once |= {"RCPT": "550 5.1.1 Unknown", "RSET": "500 What?"}
    fate(sender)
    send(sender)
    assert (len(inbox.letters), len(inbox.lines)) == (1, 2)


def test_no_server_is_worth_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sender = SmtpSender(Server("127.0.0.1", port), deadline=1)
    assert type(fate(sender)) is NotSent
    sender.close()


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [(b"554 No mail here\r\n", Refused), (b"421 Busy\r\n", NotSent), (b"220 Hello\r\n", NotSent), (b"", NotSent)],
)
def test_a_server_that_greets_and_goes_was_given_nothing(greeting: bytes, kind: type[SendFailure]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.sendall(greeting)

        threading.Thread(target=greet).start()
        sender = SmtpSender(Server("127.0.0.1", listening.getsockname()[1]), deadline=1)
        assert type(fate(sender)) is kind


def test_a_greeting_that_drips_does_not_outlive_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            caller, _ = listening.accept()
            with caller:
                try:
                    while True:
                        caller.sendall(b"2")
                        time.sleep(0.02)
                except OSError:
                    return

        thread = threading.Thread(target=greet)
        thread.start()
        sender = SmtpSender(Server("127.0.0.1", listening.getsockname()[1]), deadline=0.2)
        assert type(fate(sender)) is NotSent
        thread.join(timeout=5)


def test_starttls_required_and_not_offered_is_for_a_person(inbox: Inbox) -> None:
    with sending(inbox, starttls_required=True) as sender:
        failure = fate(sender)
    assert isinstance(failure, Refused)
    assert not failure.address
    assert "STARTTLS" in str(failure)
    assert not inbox.letters


def test_a_password_is_not_sent_in_the_clear(inbox: Inbox) -> None:
    sender = build(f"smtp://{USER}:{PASSWORD}@127.0.0.1:{inbox.port}")
    assert isinstance(sender, SmtpSender)
    assert isinstance(fate(sender), Refused)


def test_starttls_is_used_when_it_is_offered_whosever_the_certificate(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with Inbox(tls_context=context, require_starttls=True) as inbox, sending(inbox) as sender:
        send(sender)
        send(sender)
    assert len(inbox.letters) == 2


def test_a_certificate_that_is_not_the_hosts_is_for_a_person(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with Inbox(tls_context=context) as inbox, sending(inbox, starttls_required=True) as sender:
        failure = fate(sender)
    assert isinstance(failure, Refused)
    assert not failure.address


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_signing_in_over_tls(password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with (
        Inbox(tls_context=context, authenticator=authenticate, auth_required=True) as inbox,
        sending(inbox, user=USER, password=password, starttls_required=True) as sender,
    ):
        if password == PASSWORD:
            send(sender)
            assert len(inbox.letters) == 1
        else:
            failure = fate(sender)
            assert isinstance(failure, Refused)
            assert (failure.status, failure.address) == (535, False)
            assert password not in str(failure)


def test_smtps_is_tls_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with Inbox(ssl_context=context) as inbox, sending(inbox, tls=True, deadline=1) as sender:
        send(sender)
        inbox.ending = drip
        assert type(fate(sender)) is Unknown


def test_an_international_address_goes_where_it_is_taken(inbox: Inbox, sender: SmtpSender) -> None:
    send(sender, "zoë@exämple.org")
    [letter] = inbox.letters
    assert letter.rcpt_tos == ["zoë@xn--exmple-cua.org"]
    assert "SMTPUTF8" in letter.mail_options
    send(sender)
    assert "SMTPUTF8" not in inbox.letters[1].mail_options


def test_an_international_address_is_refused_where_it_is_not_taken() -> None:
    with Inbox(enable_SMTPUTF8=False) as inbox, sending(inbox) as sender:
        failure = fate(sender, "zoë@example.org")
        assert isinstance(failure, Refused)
        assert failure.address
        send(sender, "zoe@exämple.org")
        assert inbox.letters[0].rcpt_tos == ["zoe@xn--exmple-cua.org"]


def test_a_malformed_address_is_refused_before_the_server_is_called() -> None:
    failure = fate(SmtpSender(Server("127.0.0.1", 9)), "zoe@example.org> SIZE=1")
    assert isinstance(failure, Refused)
    assert failure.address
