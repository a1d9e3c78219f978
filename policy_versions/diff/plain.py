"""Show blocks as plain text of 72 columns, for letters and terminals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from policy_versions.diff import notes
from policy_versions.diff.model import BlockChange, Kind, Piece

COLUMNS = 72

_SIGNED = {"insert": "[+{}+]", "delete": "[-{}-]"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # an escape sequence could rewrite the terminal


def paragraphs(blocks: Iterable[BlockChange]) -> str:
    """Return the blocks, parted by empty lines."""
    return _CONTROL.sub("\ufffd", "\n\n".join(filter(None, map(_block, blocks))) + "\n")


def _block(block: BlockChange) -> str:
    said = "".join(notes.moved(block)) if block.kind is Kind.MOVED else notes.difference(block)
    links = (f"link: {old} -> {new}" for old, new in block.links)
    return "\n".join((*_lines(block), *(f"[{note}]" for note in (said, *links) if note)))


def _lines(block: BlockChange) -> list[str]:
    words = signed(block.pieces)
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
    return [*lines, underline] if block.tag in ("h1", "h2", "h3", "h4", "h5", "h6") else lines


def signed(pieces: Sequence[Piece]) -> str:
    """Return the words with `[-deleted-]` and `[+inserted+]`."""
    out = ""
    for op, group in groupby(pieces, key=lambda piece: piece.op):
        words = "".join(piece.text for piece in group).replace("\t", " | ")
        bare = words.lstrip()
        apart = " " if out.endswith("-]") and op == "insert" else ""
        out += (words[: len(words) - len(bare)] or apart) + _SIGNED.get(op, "{}").format(bare)
    return out


def _indents(block: BlockChange) -> tuple[str, str]:
    """Return what the first line and the others begin with."""
    sign = "" if block.tag != "li" else "- " if block.number is None else f"{block.number}. "
    before = "> " * block.quotes + "  " * max(0, block.depth - (block.tag == "li"))
    return before + sign, before + " " * len(sign)
