"""Take a message apart that anybody may have sent: in linear time, however it is nested. Pure.

The library's own parser goes into every part within a part. Of a report only those parts are wanted that lie at
the top, or just below, where a gateway has wrapped it. So the library reads the headers, and the body is cut here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser, HeaderParser
from email.utils import collapse_rfc2231_value
from typing import NamedTuple

LARGEST = 1_000_000  # bytes that are looked at; what a report says stands before the letter that it returns
_DEEPEST = 3  # a report within a gateway's wrapping
_MOST = 50  # parts of one part, and groups of one status
_LONGEST_HEAD = 100_000  # bytes
_HEAD_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_LINE_END = re.compile(r"\r\n?|\n")


class Leaf(NamedTuple):
    """A part without parts. A returned letter is one, too."""

    headers: Message
    body: bytes

    @property
    def kind(self) -> str:
        """As in “text/plain”."""
        return self.headers.get_content_type()

    def decoded(self) -> bytes:
        """Return its text as it was before it was encoded for the way."""
        self.headers.set_payload(self.body.decode("ascii", "surrogateescape"))
        try:
            text = self.headers.get_payload(decode=True)
        except Exception:  # the library trips over some encodings
            return self.body
        return text if isinstance(text, bytes) else self.body


def headers(raw: bytes) -> Message:
    """Read the headers only. It never raises, whatever the bytes are."""
    return BytesHeaderParser().parsebytes(raw[:_LONGEST_HEAD])


def leaves(raw: bytes, depth: int = 0) -> Iterator[Leaf]:
    """Yield each part that has no parts, but not what is nested deeper than any report."""
    head = _head(raw)
    top, body = headers(head), raw[len(head) :]
    boundary = _boundary(top)
    if boundary is None:
        yield Leaf(top, body)
    elif depth < _DEEPEST:
        for part in _cut(body, boundary):
            yield from leaves(part, depth + 1)


def groups(text: bytes) -> Iterator[Message]:
    """Yield the groups of fields in a delivery status, which empty lines set apart."""
    lines = _LINE_END.sub("\n", text[:_LONGEST_HEAD].decode("utf-8", "replace"))
    for group in re.split(r"\n[ \t]*\n", lines)[:_MOST]:
        yield HeaderParser().parsestr(group.strip("\n") + "\n\n")


def values(top: Message, *names: str) -> Iterator[str]:
    """Yield all values of some headers, each as text on one line."""
    for name in names:
        for value in top.get_all(name, ()):
            yield " ".join(str(value).encode("utf-8", "replace").decode("utf-8").split())


def _head(raw: bytes) -> bytes:
    """Return the headers with the empty line that ends them; all of it where there is none."""
    if raw.startswith((b"\n", b"\r\n")):  # a part may have no headers
        return raw[: raw.index(b"\n") + 1]
    end = _HEAD_END.search(raw)
    return raw[: end.end()] if end else raw


def _boundary(top: Message) -> bytes | None:
    if top.get_content_maintype() != "multipart":
        return None
    return parameter(top, "boundary").encode("ascii", "replace") or None


def parameter(top: Message, name: str) -> str:
    """Return a parameter of the Content-Type, or ""."""
    try:
        return collapse_rfc2231_value(top.get_param(name, "")).rstrip()[:200]
    except Exception:  # the library trips over some ways to number its pieces
        return ""


def _cut(body: bytes, boundary: bytes) -> list[bytes]:
    """Return what lies between lines that are the boundary."""
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
    marks = []
    for mark in line.finditer(body):
        marks.append(mark)
        if mark[1] or len(marks) > _MOST:
            break
    ends = [*(mark.start() for mark in marks[1:]), len(body)]
    return [body[mark.end() : end] for mark, end in zip(marks, ends, strict=False) if not mark[1]]
