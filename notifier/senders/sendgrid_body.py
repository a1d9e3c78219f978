"""Build the JSON of one request to SendGrid's v3 mail send. Pure.

A request holds 1,000 recipients, and all threads of a process share one interpreter: what is done for each
recipient is little, and what can be done for all of them at once, or once a message, is done there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.headerregistry import Address
from typing import Any

from notifier.senders.mime import LONGEST_ADDRESS, check, deliverable, mailbox, personal_subject
from notifier.senders.protocol import Message, Recipient, Refused

MOST = 1000
_KEPT = 8  # as many messages as there may be threads at work on different ones
# Addresses that `deliverable` leaves as they are, one a line; linear, since nothing matched is given back.
_PLAIN_LINES = re.compile(r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++@[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\n)++")


class Composer:
    """Builds requests, and keeps what the latest messages' recipients have in common. Safe between threads."""

    def __init__(self) -> None:
        self._latest: tuple[tuple[Message, dict[str, Any]], ...] = ()

    def body(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> dict[str, Any]:
        """Return the JSON of one request. Custom arguments are kept as non-personal data: opaque ids only.

        It is to be read only: requests share parts of it.
        Raises: Refused for an address or a field that cannot be sent; ValueError for what we built wrong.
        """
        shared = self._shared(message)
        if not 1 <= len(recipients) <= MOST:
            raise ValueError(f"a request holds 1 to 1,000 recipients, not {len(recipients)}")
        attempt = str(attempt_id)
        return {
            **shared,
            "personalizations": [
                {
                    "to": [{"email": address}],
                    "substitutions": substitutions,
                    "custom_args": {"delivery": str(recipient.delivery_id), "attempt": attempt},
                }
                for recipient, address, substitutions in zip(
                    recipients, _addresses(recipients), _substitutions(message, recipients), strict=True
                )
            ],
        }

    def _shared(self, message: Message) -> dict[str, Any]:
        """Return what all recipients have in common. Raises: ValueError."""
        for known, shared in self._latest:
            if known == message:
                return shared
        check(message)
        shared = _in_common(message)
        self._latest = ((message, shared), *self._latest[: _KEPT - 1])  # replaced whole, so that no lock is needed
        return shared


def request_body(message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> dict[str, Any]:
    """Return the JSON of one request by itself; see `Composer.body`."""
    return Composer().body(message, recipients, attempt_id=attempt_id)


def _addresses(recipients: Sequence[Recipient]) -> list[str]:
    """Return the addresses as SendGrid takes them. Raises: Refused; ValueError when one stands there twice."""
    given = [recipient.address for recipient in recipients]
    _refuse_twice(given, ValueError("an address stands twice in one request, which SendGrid would refuse whole"))
    if _are_plain(given):
        return given
    written = [deliverable(address) for address in given]
    # Two spellings of one domain: in requests of their own, which halving leads to, each is a good address.
    _refuse_twice(written, Refused("Two addresses of the request are one and the same mailbox.", address=True))
    return written


def _are_plain(addresses: Sequence[str]) -> bool:
    """Tell by one match for all whether every address goes as it stands."""
    lines = "\n".join(addresses) + "\n"
    return (
        lines.count("\n") == len(addresses)  # none of them is two
        and max(map(len, addresses)) <= LONGEST_ADDRESS
        and _PLAIN_LINES.fullmatch(lines) is not None
    )


def _refuse_twice(addresses: Sequence[str], refusal: Exception) -> None:
    if len(set(map(str.casefold, addresses))) < len(addresses):
        raise refusal


def _substitutions(message: Message, recipients: Iterable[Recipient]) -> list[dict[str, str]]:
    """Return each recipient's own. Raises: Refused when they break the subject.

    Whether the subject holds any of their keys is looked up once: most often all recipients have the same ones.
    """
    found: list[dict[str, str]] = []
    latest: tuple[str, ...] = ()
    in_subject = False
    for recipient in recipients:
        own = recipient.substitutions
        if (keys := tuple(own)) != latest:
            latest, in_subject = keys, any(key in message.subject for key in keys)
        if in_subject:
            personal_subject(message, recipient)
        found.append(own if type(own) is dict else dict(own))
    return found


def _in_common(message: Message) -> dict[str, Any]:
    off = {"enable": False}
    common = {
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
    return common | ({"reply_to": _party(mailbox(message.reply_to))} if message.reply_to else {})


def _party(who: Address) -> dict[str, str]:
    return {"email": who.addr_spec} | ({"name": who.display_name} if who.display_name else {})
