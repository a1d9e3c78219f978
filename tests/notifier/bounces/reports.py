"""Messages as mail servers write them when a letter does not arrive, in words of our own."""

from __future__ import annotations

from notifier.senders.returns import ReturnAddress

SECRET = "a secret of the tests, long enough to pass"
OURS = ReturnAddress("bounces@plover.example", SECRET)
LETTER = "From: privacy@plover.example\nTo: zoe@example.org\nSubject: Our privacy policy changes\n"


def status(
    *,
    to: str = "",
    delivery: int = 7,
    action: str = "failed",
    code: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 there is no zoe here",
    final: str = "rfc822; zoe@example.org",
    more: str = "",
    date: str = "Mon, 01 Jun 2026 10:00:00 +0200",
) -> bytes:
    """A report as Postfix writes it: three parts, of which the middle one is for machines."""
    return f"""\
Return-Path: <>
Delivered-To: {to or OURS.of(delivery)}
Date: {date}
From: Mail system <MAILER-DAEMON@mx.plover.example>
Subject: A letter could not be handed over
To: {to or OURS.of(delivery)}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F2A.1780000000/mx.plover.example"

What follows is a MIME message.

--4F2A.1780000000/mx.plover.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

The host mx.plover.example is sorry: nobody took your letter.

--4F2A.1780000000/mx.plover.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.plover.example
X-Postfix-Queue-ID: 4F2A
Arrival-Date: Mon,  1 Jun 2026 09:59:58 +0200 (CEST)

Final-Recipient: {final}
{more}Action: {action}
Status: {code}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: {diagnostic}

--4F2A.1780000000/mx.plover.example
Content-Description: Undelivered letter
Content-Type: message/rfc822

{LETTER}
Dear Zoë …

--4F2A.1780000000/mx.plover.example--
""".replace("\n", "\r\n").encode()


def exim(delivery: int = 7) -> bytes:
    """Exim names no reason in the status, only in what the other server said; line ends are line feeds."""
    return f"""\
Envelope-to: {OURS.of(delivery)}
X-Failed-Recipients: zoe@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.plover.example>
To: {OURS.of(delivery)}
Content-Type: multipart/report; report-type=delivery-status; boundary=1780000000-eximdsn-12345
MIME-Version: 1.0
Date: Mon, 01 Jun 2026 08:00:00 +0000

--1780000000-eximdsn-12345
Content-type: text/plain; charset=us-ascii

One address could not be reached.

--1780000000-eximdsn-12345
Content-type: message/delivery-status

Reporting-MTA: dns; mx.plover.example

Action: failed
Final-Recipient: rfc822;zoe@example.org
Status: 5.0.0
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 552-5.2.2 That mailbox
 552 5.2.2 is full

--1780000000-eximdsn-12345
Content-type: text/rfc822-headers

{LETTER}
--1780000000-eximdsn-12345--
""".encode()


def exchange(delivery: int = 7) -> bytes:
    """Exchange: an HTML part in an alternative, an original recipient, its own code, the address in capitals."""
    return f"""\
From: <postmaster@example.org>
To: <{OURS.of(delivery).upper()}>
Date: Mon, 1 Jun 2026 08:00:00 +0000
Content-Type: multipart/report; report-type=delivery-status;
 boundary="b1_exchange"
Content-Language: en-GB
In-Reply-To: <7.x@plover.example>
Subject: Not handed over: Our privacy policy changes
MIME-Version: 1.0

--b1_exchange
Content-Type: multipart/alternative; differences=Content-Type; boundary="b2_inner"

--b2_inner
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

TGVpZGVyIG5pY2h0IHp1Z2VzdGVsbHQu

--b2_inner
Content-Type: text/html; charset="utf-8"

<p>Not handed over</p>

--b2_inner--

--b1_exchange
Content-Type: message/delivery-status

Reporting-MTA: dns;mail.example.org
Received-From-MTA: dns;mx.plover.example
Arrival-Date: Mon, 1 Jun 2026 07:59:59 +0000

Original-Recipient: rfc822;zoe@example.org
Final-Recipient: rfc822;zoe.z@internal.example.org
Action: failed
Status: 5.4.1
Diagnostic-Code: smtp;550 5.4.1 Recipient refused: access denied [mail.example.org]
X-Display-Name: Zoe

--b1_exchange
Content-Type: message/rfc822

{LETTER}
--b1_exchange--
""".replace("\n", "\r\n").encode()


def gmail(delivery: int = 7) -> bytes:
    """Gmail: the human part is a related one of its own, the status says delayed, with a date for giving up."""
    return f"""\
Delivered-To: {OURS.of(delivery)}
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
To: {OURS.of(delivery)}
Auto-Submitted: auto-replied
Date: Mon, 01 Jun 2026 03:00:00 -0700 (PDT)
Content-Type: multipart/report; boundary="000000000000a1"; report-type=delivery-status

--000000000000a1
Content-Type: multipart/related; boundary="000000000000b2"

--000000000000b2
Content-Type: text/html; charset="UTF-8"

<p>Gmail will try again for 46 more hours.</p>
--000000000000b2--
--000000000000a1
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.example
Arrival-Date: Sun, 31 May 2026 03:00:00 -0700 (PDT)

Final-Recipient: rfc822; zoe@example.org
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; no answer from the recipient's server within time
Will-Retry-Until: Wed, 03 Jun 2026 03:00:00 -0700 (PDT)

--000000000000a1
Content-Type: message/rfc822

{LETTER}
--000000000000a1--
""".encode()


def plain(
    delivery: int = 7,
    sender: str = "MAILER-DAEMON@qmail.example",
    more: str = "",
    words: str = "Sorry, no such user.",
) -> bytes:
    """A message without a part for machines: an old server's, or a person's, or a holiday's."""
    return f"""\
Delivered-To: {OURS.of(delivery)}
From: {sender}
To: {OURS.of(delivery)}
Date: Mon, 01 Jun 2026 08:00:00 +0000
{more}Subject: about your letter

{words}
""".encode()
