"""Show blocks as plain text of 72 columns, for letters and terminals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from policy_versions.diff import notes
from policy_versions.diff.blocks import HEADINGS, ROWS
from policy_versions.diff.model import BlockChange, Kind, Op, Piece

COLUMNS = 72

_SIGNED = {"insert": "[+{}+]", "delete": "[-{}-]"}
# An escape sequence could rewrite the terminal; a sign that turns the direction of writing, the order of words.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Private characters stand for the colours until the lines are wrapped: they have a width, escapes must not.
_INSERT, _DELETE, _END = "\ue000", "\ue001", "\ue002"
_COLOURS = {_INSERT: "\x1b[34;4m", _DELETE: "\x1b[33;9m", _END: "\x1b[0m"}
_COLOURED = {"insert": f"{_INSERT}{{}}{_END}", "delete": f"{_DELETE}{{}}{_END}"}


def paragraphs(blocks: Iterable[BlockChange], *, complete: bool = True, coloured: bool = False) -> str:
    """Return the blocks, parted by empty lines. coloured: blue and brown instead of brackets."""
    said = [] if complete else ["\n".join(textwrap.wrap(f"[{notes.INCOMPLETE}]", COLUMNS))]
    said += (_block(block, coloured=coloured) for block in blocks)
    out = CONTROL.sub("\ufffd", "\n\n".join(filter(None, said)) + "\n")
    return _painted(out) if coloured else out


def _painted(text: str) -> str:
    """Put colours in their places, and again at the beginning of each line that one reaches into."""
    lines, now = [], ""
    for line in text.split("\n"):
        bare = line.lstrip()
        lead = line[: len(line) - len(bare)]
        marks = [mark for mark in line if mark in _COLOURS]
        shown = re.sub(f"[{_INSERT}{_DELETE}{_END}]", lambda found: _COLOURS[found[0]], bare)
        start = _COLOURS[now] if now and bare else ""
        now = ("" if marks[-1] == _END else marks[-1]) if marks else now
        lines.append(lead + start + shown + (_COLOURS[_END] if now and bare else ""))
    return "\n".join(lines)


def _block(block: BlockChange, *, coloured: bool) -> str:
    links = (f"link: {old or 'none'} -> {new or 'none'}" for old, new in block.links)
    said = [f"[{_without_colours(note)}]" for note in (notes.said(block), *links) if note]
    return "\n".join((*([] if block.is_placeholder else _lines(block, coloured=coloured)), *said))


def _lines(block: BlockChange, *, coloured: bool) -> list[str]:
    pieces = block.pieces
    if block.tag == "hr":
        ops: dict[Kind, Op] = {Kind.INSERTED: "insert", Kind.DELETED: "delete"}
        pieces = (Piece(ops.get(block.kind, "equal"), "* * *"),)
    words = signed(pieces, coloured=coloured, rows=block.tag in ROWS)
    if block.tag == "pre":
        return words.splitlines()
    first, rest = _indents(block)
    lines = textwrap.wrap(
        words,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    underline = "-" * max(map(len, lines), default=0)
    return [*lines, underline] if block.tag in HEADINGS else lines


def signed(pieces: Sequence[Piece], *, coloured: bool = False, rows: bool = False) -> str:
    """Return the words with `[-deleted-]` and `[+inserted+]`, or what stands for their colours.

    rows: a tab parts cells.
    """
    marks = _COLOURED if coloured else _SIGNED
    out = ""
    for op, group in groupby(pieces, key=lambda piece: piece.op):
        words = "".join(piece.text for piece in group)
        words = words.replace("\t", " | ") if rows else words
        words = _without_colours(words) if coloured else words
        bare = words.lstrip()
        apart = " " if out.endswith(("-]", _END)) and op == "insert" else ""
        lead = words[: len(words) - len(bare)] or apart
        out += lead + (marks.get(op, "{}").format(bare) if bare else "")
    return out


def _without_colours(text: str) -> str:
    return re.sub(f"[{_INSERT}{_DELETE}{_END}]", "\ufffd", text)


def _indents(block: BlockChange) -> tuple[str, str]:
    """Return what the first line and the others begin with."""
    sign = "" if block.tag != "li" else "- " if block.number is None else f"{block.number}. "
    before = "> " * block.quotes + "  " * max(0, block.depth - (block.tag == "li"))
    return before + sign, before + " " * len(sign)
