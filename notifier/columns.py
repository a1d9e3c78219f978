"""Set plain text in columns, as a mail shows it: a wide character of East Asia takes two. Pure.

Lines break at blanks, and around characters that are written without any, but not before what closes or follows
(、 。 」) nor after what opens (「). Source: UAX #11, UAX #14.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_BLANKS = re.compile(r"[^\S\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]+")
_NEVER_FIRST = frozenset(  # what closes, or goes with the character before
    "、。，．・：；？！゛゜ヽヾゝゞ々ー’”）〕］｝〉》」』】"
    "°′″℃,.:;?!)]}…%+-"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
_NEVER_LAST = frozenset("‘“（〔［｛〈《「『【([{#＄£￥$")


def width(text: str) -> int:
    """How many columns a line takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me"):
        return 0
    return 2 if _is_wide(character) else 1


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def padded(text: str, columns: int) -> str:
    """Fill a text with blanks up to so many columns."""
    return text + " " * max(0, columns - width(text))


def wrap(text: str, columns: int, first: str = "", rest: str = "") -> str:
    """Break a text into lines of at most so many columns. first, rest: what begins the first and other lines.

    A word wider than a line stands whole on one of its own: addresses must not be broken.
    """
    lines, line, at = [], first, width(first)
    start = True
    for blank, piece in _pieces(text):
        wide = width(piece)
        if not start and at + len(blank) + wide > columns:
            lines.append(line)
            line, at, start = rest, width(rest), True
        line += piece if start else blank + piece
        at += wide if start else len(blank) + wide
        start = False
    return "\n".join([*lines, line])


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield what may not be broken, each with the blank before it."""
    for word in filter(None, _BLANKS.split(text)):
        blank = " "
        for piece in _cut(word):
            yield blank, piece
            blank = ""


def _cut(word: str) -> Iterator[str]:
    """Cut a word between characters of which one is wide, where a line may end."""
    if word.isascii():
        yield word
        return
    start = 0
    for at in range(1, len(word)):
        if _may_end(word[at - 1], word[at]):
            yield word[start:at]
            start = at
    yield word[start:]


def _may_end(before: str, after: str) -> bool:
    if not (_is_wide(before) or _is_wide(after)) or not _width(after):
        return False
    return after not in _NEVER_FIRST and before not in _NEVER_LAST
