"""The folder that letters are put into, read as a mailbox.

Whatever lies there, broken or put there by others, is shown as far as it can be read, and does no harm: no link is
followed, nothing is read past a size, no name leads elsewhere.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 2_000_000  # of a letter that are read
HEAD_BYTES = 64_000  # of it for its head
LONGEST = 2_000  # characters of a header
SEARCHED = 5_000  # letters, the newest, that a search goes through
# As the folder sender names them: a delivery's number; below zero a subscriber's letter's; 0 the last test letter.
_NAMED = re.compile(r"(0|-?[1-9][0-9]{0,17})\.eml", re.ASCII)
_POLICY = policy.default
# what the mail package raises of headers and bodies that nobody could have meant
_BROKEN = (
    *(MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError),
    RecursionError,
)


class Head(NamedTuple):
    """A letter as a mailbox lists it. at: when it was written. fault: why the rest cannot be read, or ""."""

    number: int
    sender: str = ""
    to: str = ""
    subject: str = ""
    at: datetime | None = None
    fault: str = ""


class Letter(NamedTuple):
    """A letter whole. attachments: their names; Gazette's own have none. source: as it lies there."""

    head: Head
    headers: Sequence[tuple[str, str]]
    text: str
    html: str
    attachments: Sequence[str]
    source: str
    cut: bool  # it is larger than what is read


class Box(NamedTuple):
    """What lies in a folder. others: files that are no letters of the folder sender's."""

    numbers: Sequence[int]  # the newest first
    others: int


def box(folder: Path) -> Box:
    """List the letters of a folder, the last written first."""
    found: list[tuple[float, int]] = []
    others = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            named = _NAMED.fullmatch(entry.name)
            if entry.name.startswith("."):
                continue  # half written
            if named is None or not entry.is_file(follow_symlinks=False):
                others += 1
                continue
            with suppress(OSError):  # gone meanwhile
                found.append((entry.stat(follow_symlinks=False).st_mtime, int(named[1])))
    return Box([number for _, number in sorted(found, reverse=True)], others)


def head(folder: Path, number: int) -> Head:
    """A letter's head; with a fault in place of what cannot be read."""
    try:
        content, at = _content(folder, number, HEAD_BYTES)
    except OSError as error:
        return Head(number, fault=f"It cannot be read: {error.strerror}.")
    return _head(number, _parsed(content, head_only=True), at)


def letter(folder: Path, number: int) -> Letter | None:
    """A letter whole; None where there is none of that number that could be read."""
    try:
        content, at = _content(folder, number, MOST_BYTES + 1)
    except OSError:
        return None
    cut, content = len(content) > MOST_BYTES, content[:MOST_BYTES]
    message = _parsed(content)
    return Letter(
        _head(number, message, at),
        [(_line(name), said(raw)) for name, raw in message.raw_items()],
        _part(message, "plain"),
        _part(message, "html"),
        _attachments(message),
        content.decode(errors="replace"),
        cut,
    )


def search(folder: Path, words: str) -> Iterator[Head]:
    """Those of the newest letters whose sender, addressee or subject holds the words, in any case."""
    wanted = words.casefold().strip()
    for number in box(folder).numbers[:SEARCHED]:
        found = head(folder, number)
        if any(wanted in each.casefold() for each in (found.sender, found.to, found.subject)):
            yield found


# -- read ---------------------------------------------------------------------------------------


def _content(folder: Path, number: int, most: int) -> tuple[bytes, datetime]:
    """The first bytes of a letter's file, and when it was written. Raises: OSError, of a link and a device too."""
    handle = os.open(folder / f"{number}.eml", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        known = os.fstat(handle)
        if not stat.S_ISREG(known.st_mode):
            raise IsADirectoryError(0, "it is no file")
        return stream.read(most), datetime.fromtimestamp(known.st_mtime, UTC)


def _parsed(content: bytes, *, head_only: bool = False) -> EmailMessage:
    parser = BytesParser(_class=EmailMessage, policy=_POLICY)
    with suppress(*_BROKEN):
        message = parser.parsebytes(content, headersonly=head_only)
        assert isinstance(message, EmailMessage)
        return message
    return EmailMessage()  # whose head says that it could not be read


def _head(number: int, message: EmailMessage, written: datetime) -> Head:
    raw = {name.lower(): value for name, value in reversed(list(message.raw_items()))}
    sender, to, subject = (said(raw.get(name, "")) for name in ("from", "to", "subject"))
    fault = "" if sender or to or subject else "It has no head that could be read."
    return Head(number, sender, to, subject, _date(raw.get("date", "")) or written, fault)


def _date(value: str) -> datetime | None:
    with suppress(*_BROKEN):
        at = parsedate_to_datetime(str(value))
        return at.astimezone(UTC) if at.tzinfo is not None else None
    return None


def said(value: str) -> str:
    """A header's value in one line, as people read it: encoded words decoded, and nothing of it understood.

    The mail package's own reading of a header goes as deep as its brackets do.
    """
    whole = str(value)[:LONGEST].encode(errors="surrogateescape").decode(errors="replace")
    with suppress(*_BROKEN):
        parts = decode_header(whole)
        whole = "".join(p if isinstance(p, str) else p.decode(c or "ascii", "replace") for p, c in parts)
    return _line(whole)


def _line(value: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _part(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body((kind,))
        return "" if part is None else str(part.get_content())
    except _BROKEN:
        return _raw(message, kind)


def _raw(message: EmailMessage, kind: str) -> str:
    """A part whose charset or encoding is none: its bytes, as far as they are UTF-8."""
    for part in message.walk():
        if part.get_content_subtype() == kind:
            with suppress(*_BROKEN):
                content = part.get_payload(decode=True)
                return content.decode(errors="replace") if isinstance(content, bytes) else ""
    return ""


def _attachments(message: EmailMessage) -> list[str]:
    with suppress(*_BROKEN):
        return [_line(part.get_filename() or part.get_content_type()) for part in message.iter_attachments()]
    return []
