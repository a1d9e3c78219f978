"""Make a letter's bytes. What all recipients share is encoded once; for each, only their own fields are.

A field in a body is encoded into lines of its own (see `quoted`). The subject is put together before it is
encoded, for an encoded word has a greatest length and a charset.
"""

from __future__ import annotations

import email.policy
import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Any, NamedTuple

from notifier.senders.protocol import Message, Recipient, Refused
from notifier.senders.quoted import Template, encoded, unified

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")  # all but the tab
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OUR_HEADERS = frozenset(
    "bcc cc date dkim-signature from message-id mime-version received reply-to return-path subject to".split()
)
# The mail server is the judge of what an address may be; this wall only keeps out what would mean something
# else in an SMTP command or a header.
_LOCAL_PART = re.compile(r'[^\s<>()\[\],;:\\"@]+|"[^\s\\"]+"')
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Za-z:.]+\]")
LONGEST_ADDRESS = 320
_LONGEST_LINE = 900  # RFC 5322 allows 998
_BOUNDARY = "=_gazette"  # cannot stand in quoted-printable text, where only a digit or a line end follows “=”
_KEPT = 8  # letters, as many as there may be threads at work on different ones


class Envelope(NamedTuple):
    """A letter ready to leave."""

    sender: str  # bare address, always ASCII
    address: str  # bare address; its domain ASCII, its local part perhaps not
    content: bytes  # RFC 5322, CRLF line ends, no line over 998; 7-bit whenever the address is ASCII


class Letter:
    """One message, to be addressed to many. Safe between threads."""

    def __init__(self, message: Message) -> None:
        """Raises: ValueError when a header cannot be written as given."""
        check(message)
        self.message = message
        self._sender = mailbox(message.sender).addr_spec
        self._shared = b"".join(header(name, value) for name, value in _shared_headers(message))
        self._bodies: dict[tuple[str, ...], _Bodies] = {}

    def to(self, recipient: Recipient, date: datetime) -> Envelope:
        """Address it. date: aware, for the Date header. Raises: Refused."""
        address = deliverable(recipient.address)
        bodies = self._cut(tuple(recipient.substitutions))
        content = (
            self._shared,
            bodies.subject or header("Subject", personal_subject(self.message, recipient)),
            header("Date", format_datetime(date)),
            header("Message-ID", _message_id(recipient.delivery_id, address, self._sender)),
            f"To: {address}\r\n\r\n".encode(),
            *bodies.filled(recipient.substitutions),
        )
        return Envelope(self._sender, address, b"".join(content))

    def _cut(self, keys: tuple[str, ...]) -> _Bodies:
        """Return the message cut at some recipient's keys, which most often are everybody's."""
        found = self._bodies.get(keys)
        if found is None:
            if len(self._bodies) >= _KEPT:
                self._bodies = {}
            found = self._bodies[keys] = _Bodies(self.message, keys)
        return found


class _Bodies:
    """A message's two bodies, encoded but for what is personal."""

    def __init__(self, message: Message, keys: Sequence[str]) -> None:
        self.subject = b"" if any(key in message.subject for key in keys) else header("Subject", message.subject)
        self._keys = [key for key in keys if key in message.text or key in message.html]
        self._plain = Template(message.text, self._keys)
        self._html = Template(message.html, self._keys)

    def filled(self, substitutions: Mapping[str, str]) -> tuple[bytes, ...]:
        values = {key: encoded(unified(substitutions[key])) for key in self._keys}
        return _PLAIN, self._plain.filled(values), _HTML, self._html.filled(values), _END


class Press:
    """Keeps the letters built last, since many requests share a message. Safe between threads."""

    def __init__(self) -> None:
        self._latest: tuple[Letter, ...] = ()

    def letter(self, message: Message) -> Letter:
        """Raises: ValueError when a header cannot be written as given."""
        for known in self._latest:
            if known.message == message:
                return known
        letter = Letter(message)
        self._latest = (letter, *self._latest[: _KEPT - 1])  # replaced whole, so that no lock is needed
        return letter


def only(recipients: Sequence[Recipient]) -> Recipient:
    """Return the one recipient of a request of size one. Raises: ValueError."""
    if len(recipients) != 1:
        raise ValueError(f"this sender carries one letter a request, not {len(recipients)}")
    return recipients[0]


def check(message: Message) -> None:
    """Refuse what would begin a header of its own. Raises: ValueError, since letters are built by us."""
    if _CONTROL.search(message.subject):
        raise ValueError("a control character stands in the subject")
    for name, value in message.headers.items():
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise ValueError(f"a control character stands in the header {name!r}")
        if name.lower() in _OUR_HEADERS or name.lower().startswith("content-"):
            raise ValueError(f"the header {name!r} is written by the sender")


def personal_subject(message: Message, recipient: Recipient) -> str:
    """Return the subject as this recipient reads it. Raises: Refused when one of their fields breaks it."""
    subject = substituted(message.subject, recipient.substitutions)
    if _CONTROL.search(subject):
        raise Refused("A field of the recipient would break the subject's line.", address=True)
    return subject


def substituted(text: str, substitutions: Mapping[str, str]) -> str:
    """Put the values in place of their keys, in one pass: a value that contains a key is left as it is."""
    present = sorted((key for key in substitutions if key in text), key=len, reverse=True)
    if not present:
        return text
    return re.sub("|".join(map(re.escape, present)), lambda match: substitutions[match[0]], text)


def deliverable(address: str) -> str:
    """Return an address with its domain in ASCII. Raises: Refused when it would not be read as one address."""
    local, _, domain = address.rpartition("@")
    if len(address) > LONGEST_ADDRESS or not _LOCAL_PART.fullmatch(local) or _CONTROL.search(local):
        raise Refused("The address is malformed.", address=True)
    domain = _ascii_domain(domain)
    if not _DOMAIN.fullmatch(domain):
        raise Refused("The address is malformed.", address=True)
    return f"{local}@{domain}"


def mailbox(value: str) -> Address:
    """Parse “Company <policies@example.com>”. Raises: ValueError unless it is one mailbox we can write from."""
    if _CONTROL.search(value):
        raise ValueError("a control character stands in the sender's mailbox")
    parsed: Any = email.policy.SMTP.header_factory("From", value)  # an AddressHeader, mixed in at run time
    if parsed.defects or len(parsed.addresses) != 1 or not parsed.addresses[0].domain:
        raise ValueError("the sender must be one mailbox")
    given: Address = parsed.addresses[0]
    if not given.username.isascii():
        raise ValueError("the sender's mailbox must be ASCII before the @")
    return Address(given.display_name, given.username, _ascii_domain(given.domain))


def header(name: str, value: str) -> bytes:
    """Write one header line. ASCII goes as it stands: `email` would encode a long URL into something else."""
    if value.isascii() and len(value) < _LONGEST_LINE:
        return f"{name}: {value}\r\n".encode()
    folded: str = email.policy.SMTP.header_factory(name, value).fold(policy=email.policy.SMTP)
    return folded.encode("ascii")


def without_addresses(text: str) -> str:
    """Make one line, at most 300 long, of what a provider said, with each word that holds an “@” taken out."""
    printable = "".join(c if c.isprintable() else " " for c in text[:4000])
    words = ("[address]" if "@" in word else word for word in printable.split())
    return " ".join(words)[:300].rstrip(". ")


def _shared_headers(message: Message) -> list[tuple[str, str]]:
    """Return what stands at the head of everybody's letter."""
    shared = [("From", str(mailbox(message.sender)))]
    if message.reply_to:
        shared.append(("Reply-To", str(mailbox(message.reply_to))))
    content_type = f'multipart/alternative; boundary="{_BOUNDARY}"'
    return [*shared, *message.headers.items(), ("MIME-Version", "1.0"), ("Content-Type", content_type)]


def _message_id(delivery_id: int, address: str, sender: str) -> str:
    """Name a delivery's letter the same each time, so that mailboxes can drop a copy.

    The address goes in hashed, so that the same delivery number of another installation is another name.
    """
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    return f"<{delivery_id}.{digest}@{sender.rpartition('@')[2]}>"


def _part(subtype: str) -> bytes:
    """Return what stands before one body; the line break that ends the body before belongs to the boundary."""
    return (
        f'\r\n--{_BOUNDARY}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()


_PLAIN, _HTML, _END = _part("plain").removeprefix(b"\r\n"), _part("html"), f"\r\n--{_BOUNDARY}--\r\n".encode()


def _ascii_domain(domain: str) -> str:
    """Encode a domain as IDNA 2008 does, by which “straße” stays another name than “strasse”.

    Python's own codec is IDNA 2003 and would send a letter for the one to the other.
    """
    if domain.isascii():
        return domain
    labels = unicodedata.normalize("NFKC", domain).lower().split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
