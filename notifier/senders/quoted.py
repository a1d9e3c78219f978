"""Quoted-printable bodies, encoded once a message and filled in for each recipient. Pure.

The text is cut at its keys. Each piece, the recipient's values too, is encoded by itself into whole lines: one
that does not end with a line break of its own ends with a soft one. So pieces can be put together in any order:
none begins within another's line, and neither a line's length, nor an escape, nor a blank at a line's end can
come to depend on its neighbour.
Source: RFC 2045 §6.7.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping

_LINE_END = re.compile(r"\r\n?|\n")
_LONGEST = 76  # of a line, with the “=” of a soft break
_CUT = 72  # where a line that came out too long is cut, less up to two for an escape that stands there
# What goes as it stands, within one line: no “=”, no dot at the beginning, no blank at the end.
_PLAIN = re.compile(r"[!-\-/-<>-~](?:[ -<>-~]{0,70}[!-<>-~])?")


class Template:
    """One body, cut at its keys."""

    def __init__(self, text: str, keys: Iterable[str]) -> None:
        """keys: those to be looked for; where several match in one place the longest is taken."""
        longest_first = sorted(filter(None, keys), key=len, reverse=True)
        cut = re.split(f"({'|'.join(map(re.escape, longest_first))})", text) if longest_first else [text]
        self._fixed = [encoded(unified(piece)) for piece in cut[::2]]
        self._keys = cut[1::2]

    def filled(self, values: Mapping[str, bytes]) -> bytes:
        """Return the body with a line break at its end. values: by key, each as `encoded` returns it."""
        pieces = [self._fixed[0]]
        for key, fixed in zip(self._keys, self._fixed[1:], strict=True):
            pieces += (values[key], fixed)
        body = b"".join(pieces)
        return body if body and not body.endswith(b"=\r\n") else body + b"\r\n"


def unified(text: str) -> str:
    """Return a text with every line end written as one line feed."""
    return _LINE_END.sub("\n", text) if "\r" in text else text


def encoded(text: str) -> bytes:
    """Encode a piece of text, whose line ends are line feeds, into whole lines; none begins with a dot.

    A dot there would have to be doubled on its way, in each letter anew.
    """
    if _PLAIN.fullmatch(text):
        return text.encode() + b"=\r\n"
    *lines, rest = binascii.b2a_qp(text.encode(errors="replace")).split(b"\n")
    whole = [_fitted(line) for line in lines]
    return b"\r\n".join([*whole, _fitted(rest + b"=") + b"\r\n" if rest else b""])


def _fitted(line: bytes) -> bytes:
    """Write an encoded line, without its end, so that it neither begins with a dot nor is too long."""
    if line.startswith(b"."):
        line = b"=2E" + line[1:]
    if len(line) <= _LONGEST:
        return line
    at = _CUT - (line[_CUT - 1 : _CUT] == b"=") - 2 * (line[_CUT - 2 : _CUT - 1] == b"=")
    return line[:at] + b"=\r\n" + _fitted(line[at:])
