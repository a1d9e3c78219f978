"""Show blocks as Markdown with `<ins>` and `<del>`, for whatever renders Markdown: tickets, reviews, notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from policy_versions.diff import notes
from policy_versions.diff.blocks import HEADINGS, ROWS
from policy_versions.diff.model import BlockChange, Kind, Piece
from policy_versions.diff.plain import CONTROL

_TAGS = {"insert": "ins", "delete": "del"}
_WRAPS = {"strong": "**", "em": "*", "strike": "~~"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")
_BEGINS = re.compile(r"^(\d{1,9})([.)])|^([-+=])")


def paragraphs(blocks: Iterable[BlockChange], *, complete: bool = True) -> str:
    """Return the blocks, parted by empty lines; the rows of one table are not."""
    out = [] if complete else [f"*{_escaped(notes.INCOMPLETE)}*"]
    for is_row, group in groupby(blocks, key=lambda block: block.tag in ROWS and not block.is_placeholder):
        together = list(group)
        out += _tables(together) if is_row else map(_block, together)
    return CONTROL.sub("\ufffd", "\n\n".join(filter(None, out)) + "\n")


def _block(block: BlockChange) -> str:
    if block.is_placeholder:
        return f"*{_escaped(''.join(notes.moved(block)))}*"
    before, rest = _indents(block)
    said = "\n".join(f"*{note}*" for note in _notes(block))
    if block.tag == "pre":
        lines = ["<pre>" + _words(block.pieces, code=True) + "</pre>", said]
    else:
        lines = [_rule(block) if block.tag == "hr" else _line(block), said]
    text = "\n\n".join(filter(None, lines))
    return before + text.replace("\n", "\n" + rest)


def _line(block: BlockChange) -> str:
    words = _words(block.pieces).replace("\n", "\\\n")
    if block.tag in HEADINGS:
        return "#" * int(block.tag[1]) + f" {words}"
    return _BEGINS.sub(r"\1\\\2\3", words, count=1)


def _rule(block: BlockChange) -> str:
    """Return a rule; one that came or went, as stars in a mark, for nothing can stand around a rule."""
    tag = {Kind.INSERTED: "ins", Kind.DELETED: "del"}.get(block.kind)
    return rf"<{tag}>\* \* \*</{tag}>" if tag else "***"


def _tables(rows: Sequence[BlockChange]) -> Iterator[str]:
    """Yield tables with a head each, as Markdown must have one; then what is to be said of their rows."""
    table: list[BlockChange] = []
    for row in rows:
        if row.tag == "th" and table and table[-1].tag == "tr":
            yield _table(table)
            table = []
        table.append(row)
    yield _table(table)


def _table(rows: Sequence[BlockChange]) -> str:
    lines = [_words(row.pieces).replace("\n", "<br>").replace("\t", " | ") for row in rows]
    columns = max(line.count(" | ") for line in lines) + 1
    head = lines[:1] if rows[0].tag == "th" else [" | ".join([" "] * columns)]
    body = lines[len(head) :] if rows[0].tag == "th" else lines
    rule = "|" + " --- |" * columns
    said = [f"*{note}*" for row in rows for note in _notes(row)]
    table = "\n".join((f"| {head[0]} |", rule, *(f"| {line} |" for line in body)))
    return "\n\n".join((table, *said))


def _notes(block: BlockChange) -> Iterator[str]:
    if said := notes.said(block):
        yield _escaped(said)
    for old, new in block.links:
        yield f"Link changed: {_escaped(old) or 'no link'} → {_escaped(new) or 'no link'}"


def _words(pieces: Sequence[Piece], *, code: bool = False) -> str:
    out = ""
    for op, group in groupby(pieces, key=lambda piece: piece.op):
        words = "".join(_html(piece.text) if code else _dressed(piece) for piece in group)
        bare = words.lstrip()
        lead = words[: len(words) - len(bare)] or " " * (out.endswith("</del>") and op == "insert")
        parts = bare.split("\t")  # a mark must not reach over the end of a cell
        tag = _TAGS.get(op)
        out += lead + "\t".join(f"<{tag}>{part}</{tag}>" if tag and part else part for part in parts)
    return out


def _dressed(piece: Piece) -> str:
    bare = piece.text.strip()
    if not bare:
        return piece.text
    lead, _, trail = piece.text.partition(bare)
    out = _escaped(bare)
    for mark in reversed(piece.marks):
        if mark == "code":
            out = f"<code>{out}</code>"
        elif mark in _WRAPS:
            out = f"{_WRAPS[mark]}{out}{_WRAPS[mark]}"
        else:
            target = mark.removeprefix("link:").replace("<", "%3C").replace(">", "%3E").replace("\n", "%0A")
            out = f"[{out}](<{target}>)"
    return lead + out + trail


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _indents(block: BlockChange) -> tuple[str, str]:
    """Return what the first line begins with, and the others.

    Deeper items stand as far left as others: with the items above them left out, indented ones would be code.
    """
    sign = "" if block.tag != "li" else "- " if block.number is None else f"{block.number}. "
    before = "> " * block.quotes
    return before + sign, before + " " * len(sign)
