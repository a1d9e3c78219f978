"""Show words as HTML: what stands inside the element of one leaf block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from policy_versions.diff.model import Op, Piece
from policy_versions.diff.tokens import CELL, Run
from policy_versions.markdown import is_safe_link

_TAGS = {"insert": "ins", "delete": "del"}
_SAID = {"insert": "inserted: ", "delete": "deleted: "}
_MARKS = {"strong": "strong", "em": "em", "strike": "s", "code": "code"}


def unmarked(tag: str, runs: Sequence[Run]) -> str:
    """Return the same of words that nothing happened to; quickly, for most words of a text are such."""
    if len(runs) == 1 and not runs[0].marks and tag not in ("th", "tr", "pre"):
        return escape(runs[0].text).replace("\n", "<br>")
    return inner(tag, (Piece("equal", *run) for run in runs))


def inner(tag: str, pieces: Iterable[Piece]) -> str:
    """Return what the block's element holds; of a table's row, its cells. One line, whatever the words."""
    if tag in ("th", "tr"):
        start, end = ('<th scope="col">', "</th>") if tag == "th" else ("<td>", "</td>")
        return "".join(f"{start}{_inline(cell)}{end}" for cell in _cells(pieces))
    return _inline(pieces).replace("\n", "&#10;" if tag == "pre" else "<br>")


def _cells(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces of each cell of a row."""
    cell: list[Piece] = []
    for piece in pieces:
        first, *others = piece.text.split(CELL)
        cell.append(piece._replace(text=first))
        for other in others:
            yield cell
            cell = [piece._replace(text=other)]
    yield cell


def _inline(pieces: Iterable[Piece]) -> str:
    out = ""
    for op, group in groupby((piece for piece in pieces if piece.text), key=lambda piece: piece.op):
        out += _edited(op, list(group), apart=out.endswith("</del>"))
    return out


def _edited(op: Op, pieces: list[Piece], *, apart: bool) -> str:
    """Return a run of one fate. The blank before it stands outside its mark, so that no blank is underlined."""
    if op == "equal":
        return "".join(map(_marked, pieces))
    whole = "".join(map(_marked, pieces))
    bare = whole.lstrip(" \n")
    if not bare:
        return whole
    lead = whole[: len(whole) - len(bare)] or " " * apart
    hidden = f'<span class="visually-hidden" data-note>{_SAID[op]}</span>'
    return f"{lead}<{_TAGS[op]}>{hidden}{bare}</{_TAGS[op]}>"


def _marked(piece: Piece) -> str:
    bare = piece.text.lstrip(" \n")
    lead = piece.text[: len(piece.text) - len(bare)]
    if not (piece.marks or piece.was):
        return lead + escape(bare)
    out = escape(bare)
    for mark in reversed(piece.marks if out else ()):
        if mark in _MARKS:
            out = f"<{_MARKS[mark]}>{out}</{_MARKS[mark]}>"
        elif is_safe_link(target := mark.removeprefix("link:")):
            out = f'<a href="{escape(target)}" rel="noopener noreferrer">{out}</a>'
    if out and piece.was is not None:
        out = f'<span class="{_difference(piece.was, piece.marks)}">{out}</span>'
    return lead + out


def _difference(was: tuple[str, ...], now: tuple[str, ...]) -> str:
    links = [[mark for mark in marks if mark.startswith("link:")] for marks in (was, now)]
    return "relinked" if links[0] != links[1] else "reformatted"
