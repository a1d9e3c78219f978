"""Read what came to a return address: which letter it is about, and what it says of it. Pure.

Whoever was sent a letter knows its return address and can write there what they like, so what is believed is
little: one thing of one letter. An answer to a letter, such as a vacation's, is no report.
Source: RFC 3464 (delivery status), RFC 3463 (status codes), RFC 3834 (automatic answers), RFC 6533 (UTF-8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from notifier.bounces.parts import LARGEST, groups, headers, leaves, parameter, values
from notifier.events.reading import Reported
from notifier.senders.returns import ReturnAddress

# Where a mail server leaves word of the address that a message came to, the most trustworthy first.
_CAME_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To", "Resent-To")
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_ARRIVED = frozenset(("delivered", "relayed", "expanded"))
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_DAEMON = re.compile(r"(?<![\w.+-])(?:mailer-daemon|mail-daemon|postmaster)@", re.IGNORECASE)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)  # how far another's clock may be ahead of ours
_LONGEST_ADDRESS = 320

# Of a permanent failure, what speaks of the address itself: that there is no such mailbox or domain. A full
# mailbox, a text that was taken for spam, a server out of order may be otherwise when the next letter leaves, and
# a sender's address that is not liked says nothing of the recipient's.
_NOT_OF_THE_ADDRESS = frozenset(((1, 7), (1, 8), (1, 9)))
_OF_THE_ADDRESS = frozenset(
    (
        (2, 1),  # the mailbox is disabled
        (4, 1),  # Exchange: there is no such recipient
        (4, 4),  # Postfix: there is no such host
        (4, 310),  # Exchange: there is no such domain
    )
)


class Read(NamedTuple):
    """What a message says, or why it says nothing: not ours, no bounce."""

    report: Reported | None
    why: str = ""


class _Said(NamedTuple):
    """One group of a delivery status. code: class, subject and detail; None where it gives none."""

    action: str
    code: tuple[int, int, int] | None
    address: str


class _Judged(NamedTuple):
    event: str
    bars: bool = False
    address: str = ""


def read(raw: bytes, returns: ReturnAddress, *, now: datetime) -> Read:
    """Read a message. now: for one that bears no date that can be. It never raises, whatever the message is."""
    raw = raw[:LARGEST]
    top = headers(raw)
    delivery = next(filter(None, map(returns.read, values(top, *_CAME_TO))), None)
    if delivery is None:
        return Read(None, "not ours")
    said = list(_statuses(raw))
    judged = _judged(said) if said else _without_status(top)
    if judged is None:
        return Read(None, "no bounce")
    event, bars, address = judged
    happened_at = _date(top, now)
    named = str(delivery)
    return Read(Reported(event, happened_at, delivery, named, address=address, bars=bars, returned=True))


# -- delivery status ----------------------------------------------------------------------------


def _statuses(raw: bytes) -> Iterator[_Said]:
    for leaf in leaves(raw):
        if leaf.kind in _STATUS_PARTS:
            for group in groups(leaf.decoded()):
                said = _said(group)
                if said.action or said.code:  # else it is about the message as a whole
                    yield said


def _said(group: Message) -> _Said:
    action = re.match(r"[a-z]*", next(values(group, "Action"), "").lower())
    return _Said(action[0] if action else "", _code(group), _address(group))


def _code(group: Message) -> tuple[int, int, int] | None:
    """The status; where it names no subject, as Exim's never does, the one that the other server's words hold."""
    found = [_CODE.search(text) for text in values(group, "Status", "Diagnostic-Code")]
    codes = [(int(code[1]), int(code[2]), int(code[3])) for code in found if code]
    telling = [code for code in codes if code[1] and code[0] == codes[0][0]]
    return next(iter(telling or codes), None)


def _address(group: Message) -> str:
    """The address that a status is of, as in “rfc822; zoe@example.org”: the one we wrote to where it is named."""
    for text in values(group, "Original-Recipient", "Final-Recipient"):
        address = text.partition(";")[2].strip().strip("<>")
        if 0 < len(address) <= _LONGEST_ADDRESS and "\0" not in address:
            return address
    return ""


def _judged(said: Sequence[_Said]) -> _Judged | None:
    """What the groups of one letter's status come to; None where it arrived, if only with one of several."""
    if any(each.action in _ARRIVED for each in said):
        return None
    for each in said:
        if each.action == "failed" or (not each.action and each.code and each.code[0] == 5):
            # Given up is given up, whatever the code: a temporary one only spares the address.
            return _Judged("bounce", _bars(each.code), each.address)
    delayed = any(each.action == "delayed" for each in said)
    soft = any(each.code and each.code[0] == 4 for each in said)
    return _Judged("deferred") if delayed else _Judged("blocked") if soft else None


def _bars(code: tuple[int, int, int] | None) -> bool:
    """Whether an address is not to be written to again. A failure that gives no reason is taken for a hard one."""
    if code is None:
        return True
    kind, subject, detail = code
    of_the_address = subject in (0, 1) or (subject, detail) in _OF_THE_ADDRESS
    return kind == 5 and of_the_address and (subject, detail) not in _NOT_OF_THE_ADDRESS


# -- without one --------------------------------------------------------------------------------


def _without_status(top: Message) -> _Judged | None:
    """What a mail server says in words only. They are not read: it counts as a soft bounce, and bars nobody."""
    if next(values(top, "Auto-Submitted"), "").lower().startswith("auto-replied"):
        return None
    daemon = _DAEMON.search(next(values(top, "From"), "")[:1000]) is not None
    kind = top.get_content_type(), parameter(top, "report-type").lower()
    report = kind == ("multipart/report", "delivery-status")
    return _Judged("blocked") if daemon or report or "X-Failed-Recipients" in top else None


def _date(top: Message, now: datetime) -> datetime:
    """When a message was written, as it says, in whole seconds; now where that cannot be."""
    try:
        date = parsedate_to_datetime(next(values(top, "Date"), "")[:100])
        date = (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return now
    return date if _EARLIEST <= date <= now + _AHEAD else now
