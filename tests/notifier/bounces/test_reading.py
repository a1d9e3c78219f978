"""What a message to a return address is taken for, whatever server wrote it, and whoever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.bounces.parts import leaves
from notifier.bounces.reading import read
from notifier.events.reading import Reported
from tests.notifier.bounces.reports import OURS, exchange, exim, gmail, plain, status

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EIGHT = datetime(2026, 6, 1, 8, tzinfo=UTC)


def report(raw: bytes) -> Reported:
    found = read(raw, OURS, now=NOW)
    assert found.report is not None, found.why
    return found.report


def judged(raw: bytes) -> tuple[str, bool]:
    found = report(raw)
    return found.event, found.bars


def test_a_mailbox_that_does_not_exist_is_a_hard_bounce_of_one_letter() -> None:
    assert report(status()) == Reported(
        "bounce", EIGHT, 7, "7", address="zoe@example.org", bars=True, returned=True
    )


def test_a_subscribers_letter_is_named_as_one() -> None:
    assert report(status(delivery=-7)).delivery == -7


@pytest.mark.parametrize(
    ("raw", "event", "bars"),
    [(exim(), "bounce", False), (exchange(), "bounce", True), (gmail(), "deferred", False)],
    ids=["Exim: the other server's words say that it is full", "Exchange: nobody of that name", "Gmail: later"],
)
def test_each_mail_servers_way_to_say_it_is_understood(raw: bytes, event: str, bars: bool) -> None:
    assert judged(raw) == (event, bars)


def test_of_a_letter_that_was_passed_on_the_address_we_wrote_to_is_named() -> None:
    assert report(exchange()).address == "zoe@example.org"


@pytest.mark.parametrize(
    ("code", "bars"),
    [
        ("5.1.1", True),
        ("5.1.2", True),
        ("5.1.10", True),
        ("5.0.0", True),
        ("5.2.1", True),
        ("5.4.4", True),
        ("5.4.310", True),
        ("5.1.8", False),  # it is our address that was not liked
        ("5.2.2", False),  # full
        ("5.3.4", False),  # too large
        ("5.4.6", False),  # a loop
        ("5.5.1", False),
        ("5.6.0", False),
        ("5.7.1", False),  # taken for spam
        ("4.4.7", False),  # given up after days
    ],
)
def test_a_letter_given_up_is_a_bounce_and_bars_the_address_where_that_is_at_fault(code: str, bars: bool) -> None:
    assert judged(status(code=code, diagnostic="smtp; no")) == ("bounce", bars)


@pytest.mark.parametrize(
    ("action", "code", "event"),
    [
        ("delayed", "4.4.1", "deferred"),
        ("delayed", "5.1.1", "deferred"),
        ("Failed (for good)", "5.1.1", "bounce"),
        ("", "5.1.1", "bounce"),
        ("", "4.2.2", "blocked"),
        ("failed", "", "bounce"),
        ("failed", "no code", "bounce"),
    ],
)
def test_the_action_decides_and_the_code_where_there_is_none(action: str, code: str, event: str) -> None:
    assert report(status(action=action, code=code, diagnostic="smtp; no")).event == event


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_letter_that_arrived_is_no_bounce_even_if_one_of_a_list_was_not_reached(action: str) -> None:
    also = (
        f"Action: failed\r\nStatus: 5.1.1\r\n\r\nFinal-Recipient: rfc822; list@example.org\r\nAction: {action}\r\n"
    )
    assert read(status(more=also, action="failed"), OURS, now=NOW).why == "no bounce"
    assert read(status(action=action, code="2.0.0"), OURS, now=NOW).why == "no bounce"


def test_a_status_that_was_encoded_or_wrapped_by_a_gateway_is_found() -> None:
    raw = status().replace(
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    )
    assert judged(raw.replace(b"Action: failed", b"Action: f=61iled")) == ("bounce", True)
    inner = status()
    head, _, _ = inner.partition(b"Content-Type: multipart/report")
    wrapped = head + b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n" + inner[len(head) :]
    assert judged(wrapped + b"\r\n--outer\r\nContent-Type: text/plain\r\n\r\nA disclaimer\r\n--outer--\r\n") == (
        "bounce",
        True,
    )


# -- what is no report --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        plain(sender="zoe@example.org", more="Auto-Submitted: auto-replied\n", words="I am on holiday."),
        plain(sender="zoe@example.org", words="What is this?"),
        plain(sender="postmaster@example.org", more="Auto-Submitted: auto-replied (vacation)\n"),
        plain(sender="my-mailer-daemon@example.org"),
    ],
)
def test_an_answer_is_no_bounce(raw: bytes) -> None:
    assert read(raw, OURS, now=NOW).why == "no bounce"


@pytest.mark.parametrize(
    "raw",
    [
        plain(),
        plain(sender='"Mail Delivery System" <mailer-daemon@example.org>'),
        plain(sender="x@example.org", more="X-Failed-Recipients: zoe@example.org\n"),
        status().replace(b"message/delivery-status", b"text/plain").replace(b"auto-replied", b"auto-generated"),
    ],
)
def test_a_server_that_says_it_in_words_only_counts_as_soft(raw: bytes) -> None:
    assert report(raw) == Reported("blocked", EIGHT, 7, "7", returned=True)


# -- whose letter -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to",
    [
        "bounces@plover.example",
        OURS.of(7).replace("+7-", "+8-"),
        OURS.of(7).replace("+7-", "+s7-"),
        "bounces+7-aaaaaaaaaaaaaaaa@plover.example",
        "=?utf-8?q?bounces?= <x@example.org>",
        "",
    ],
)
def test_without_a_genuine_return_address_nothing_is_believed(to: str) -> None:
    assert read(status(to=to or "nobody"), OURS, now=NOW) == (None, "not ours")


def test_the_address_stands_in_whatever_header_the_server_leaves_it() -> None:
    for name in (b"X-Original-To", b"Envelope-To", b"To"):
        raw = status().replace(b"\r\nTo: ", b"\r\nX-Away: ").replace(b"Delivered-To:", name + b":")
        assert report(raw).delivery == 7


def test_an_address_in_the_text_or_in_the_returned_letter_counts_for_nothing() -> None:
    raw = status(to="bounces@plover.example").replace(b"Dear", OURS.of(7).encode())
    assert read(raw, OURS, now=NOW).why == "not ours"


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Mon, 01 Jun 2026 10:00:00 -0000", EIGHT.replace(hour=10)),
        ("tomorrow", NOW),
        ("", NOW),
        ("Mon, 01 Jun 1970 10:00:00 +0000", NOW),
        ("Mon, 01 Jun 2096 10:00:00 +0000", NOW),
        ("Mon, 01 Jun 99999 10:00:00 +0000", NOW),
        ("Mon, 32 Jun 2026 10:00:00 +0000", NOW),
        ("Mon, 01 Jun 2026 10:00:00 +9999999999", NOW),
    ],
)
def test_a_date_that_cannot_be_is_when_it_was_read(date: str, at: datetime) -> None:
    assert report(status(date=date)).happened_at == at


@pytest.mark.parametrize(
    "final", ["", "zoe", "rfc822;", f"rfc822; {'z' * 400}@example.org", "rfc822; z\0@x.org", "é"]
)
def test_an_address_that_cannot_be_one_is_left_out(final: str) -> None:
    assert report(status(final=final)).address == ""


def test_an_address_with_letters_of_any_script_can_be_written() -> None:
    found = report(status(final="utf-8; zoë@例え.example"))
    assert found.address == "zoë@例え.example"
    broken = status(final="rfc822; zo@example.org").replace(b"zo@", b"zo\xff@")
    assert report(broken).address.encode()


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/report; boundary*0*=utf-9''x; boundary*=y; boundary*1=z",
        b"multipart/report; boundary*=nowhere'en'%ff%fe",
        b"multipart/report; boundary*99999999999999999999999=x",
        b'multipart/report; boundary=""',
        b"multipart/report",
        b"multipart/report; boundary=\xff\xfe",
        b"=?utf-8?b?////?=; boundary=x",
        b"message/delivery-status; charset=\xff",
        b";;;;",
    ],
)
def test_a_type_that_cannot_be_read_stops_nobody(content_type: bytes) -> None:
    raw = (
        b"To: "
        + OURS.of(7).encode()
        + b"\nFrom: a@b\nContent-Type: "
        + content_type
        + b"\n\n--x\n\nAction: failed\n"
    )
    assert read(raw, OURS, now=NOW).why in ("", "no bounce")


def test_parts_within_parts_are_not_followed_for_ever() -> None:
    depth = 20_000
    bomb = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    raw = b"To: " + OURS.of(7).encode() + b"\nFrom: a@b\n" + bomb
    assert read(raw, OURS, now=NOW).why == "no bounce"
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000
    assert 0 < sum(1 for _ in leaves(many)) <= 60


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\xff" * 5000,
        b"To: " + b"(" * 50_000,
        b"From: " + b"a" * 50_000 + b"\nTo: " + OURS.of(7).encode() + b"\n\n",
        b"To: " + OURS.of(7).encode() * 1500 + b"\n\n" + b"x" * 3_000_000,
        b"\r" * 100_000,
        b"To:\n " * 20_000,
    ],
)
def test_what_is_no_message_says_nothing(raw: bytes) -> None:
    assert read(raw, OURS, now=NOW).report is None


def test_a_report_is_found_at_the_beginning_of_a_huge_message() -> None:
    assert judged(status().replace(b"Dear", b"Dear " * 1_000_000)) == ("bounce", True)


@given(st.binary(max_size=2000), st.integers(0, 1500), st.integers(0, 200))
def test_no_bytes_whatever_raise(junk: bytes, at: int, length: int) -> None:
    raw = status()
    for damaged in (junk, raw[:at] + junk + raw[at + length :]):
        found = read(damaged, OURS, now=NOW)
        assert (found.report is None) == bool(found.why)
        if found.report is not None:
            found.report.address.encode()
