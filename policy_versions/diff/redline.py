"""Show a change: as HTML for pages and letters, as plain text for letters and terminals.

In the HTML, what belongs to neither text stands in elements with `data-note`. Without those, dropping `ins` gives
the old text's letters and dropping `del` the new one's (a moved block counts at its new place only).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from itertools import chain, groupby
from typing import Literal, NamedTuple

from policy_versions.diff import notes, plain
from policy_versions.diff.folds import passages
from policy_versions.diff.model import BlockChange, Change, Kind, Op, Piece

_OLD: tuple[Op, ...] = ("equal", "delete")
_NEW: tuple[Op, ...] = ("equal", "insert")
_BOTH: tuple[Op, ...] = ("equal", "delete", "insert")
_TAGS = {"insert": "ins", "delete": "del"}
_SAID = {"insert": "inserted: ", "delete": "deleted: "}
_MARKS = {"strong": "strong", "em": "em", "strike": "s", "code": "code"}
_SAFE = re.compile(r"(?:https?|mailto):|[^:/?#]*(?:[/?#]|\Z)", re.IGNORECASE)


class _Place(NamedTuple):
    """A change's number among those a reader is led through (None: it is not), and its neighbours' ids."""

    number: int | None = None
    before: str | None = None
    after: str | None = None


def html(change: Change, view: Literal["inline", "side_by_side"] = "inline", context: int | None = None) -> str:
    """Return the redline as an HTML fragment. context: see `folds.passages`."""
    show = _pair if view == "side_by_side" else _block
    places = _places(change)
    out = []
    for passage in passages(change.blocks, context):
        blocks = "\n".join(show(block, places.get(block.id, _Place())) for block in passage.blocks)
        label = f"<summary data-note>{escape(passage.label)}</summary>"
        out.append(f'<details class="fold">{label}\n{blocks}\n</details>' if passage.folded else blocks)
    return '<div class="redline">\n' + "\n".join(out) + "\n</div>"


def text(change: Change, context: int | None = 0) -> str:
    """Return the redline as plain text of 72 columns: `[-12-] [+24+]`, headings underlined with dashes.

    What would be folded in HTML is left out.
    """
    shown = (passage.blocks for passage in passages(change.blocks, context) if not passage.folded)
    return plain.paragraphs(chain.from_iterable(shown))


def _places(change: Change) -> dict[str, _Place]:
    ids = [None, *(block.id for block in change.numbered), None]
    around = zip(ids, ids[1:], ids[2:], strict=False)
    return {here: _Place(number, a, b) for number, (a, here, b) in enumerate(around, start=1) if here}


# -- blocks -------------------------------------------------------------------------------------


def _block(block: BlockChange, place: _Place) -> str:
    if block.kind is Kind.EQUAL:
        return f"<div {_attributes(block)}>{_leaf(block, _BOTH)}</div>"
    inner = f"{_note(block)}{'' if block.is_placeholder else _leaf(block, _BOTH)}{_link_notes(block)}"
    inner = f'<div class="moved-frame">{inner}</div>' if block.kind is Kind.MOVED else inner
    return f"<div {_attributes(block)}>{_gutter(block, place)}{inner}{_steps(place)}</div>"


def _pair(block: BlockChange, place: _Place) -> str:
    equal = block.kind is Kind.EQUAL
    old = _leaf(block, _OLD) if block.kind is not Kind.INSERTED and block.pieces else ""
    new = _leaf(block, _NEW) if block.kind is not Kind.DELETED and block.pieces else ""
    said = "" if equal else _note(block) + _link_notes(block)
    return (
        f"<div {_attributes(block, 'pair ')}>"
        f'<div class="pair__old{"" if old else " pair--none"}">{old}</div>'
        f'<div class="pair__mid" data-note>{"" if equal else _gutter(block, place)}{_steps(place)}</div>'
        f'<div class="pair__new{"" if new else " pair--none"}">{new}{said}</div></div>'
    )


def _attributes(block: BlockChange, prefix: str = "") -> str:
    if block.kind is Kind.EQUAL:
        return f'class="{prefix}{_classes(block)}"'
    names = f'id="{block.id}" data-change="{block.id}" data-kind="{block.kind}"'
    return f'class="{prefix}{_classes(block)}" {names}'


def _classes(block: BlockChange) -> str:
    depth = f" depth-{block.depth}" if block.depth else ""
    return f"block block--{block.kind}{depth}{' quoted' if block.quotes else ''}"


def _gutter(block: BlockChange, place: _Place) -> str:
    number = f'<span class="gutter__number">{place.number}</span> ' if place.number else ""
    said = f'<span class="visually-hidden">{notes.SUMMARY[block.kind]}</span>'
    return f'<div class="gutter" data-note>{number}<span aria-hidden="true">{_glyph(block)}</span>{said}</div>'


def _glyph(block: BlockChange) -> str:
    ops = {piece.op for piece in block.pieces} - {"equal"}
    if block.kind in (Kind.MOVED, Kind.LINK):
        return "⇅" if block.kind is Kind.MOVED else "↗"
    return {"insert": "+", "delete": "−"}["".join(ops)] if len(ops) == 1 else "±"


def _steps(place: _Place) -> str:
    """Return the arrows to the neighbouring changes."""
    if not place.number:
        return ""
    ways = ((place.before, "Previous", "↑"), (place.after, "Next", "↓"))
    links = (f'<a href="#{to}" aria-label="{name} change">{sign}</a>' for to, name, sign in ways if to)
    return f'<div class="steps" data-note>{"".join(links)}</div>'


# -- notes --------------------------------------------------------------------------------------


def _note(block: BlockChange) -> str:
    if block.kind is Kind.MOVED:
        before, name, after = notes.moved(block)
        return f'<p class="note" data-note>{before}<a href="#{block.twin}">{escape(name)}</a>{after}</p>'
    said = notes.difference(block)
    return f'<p class="note" data-note>{escape(said)}</p>' if said else ""


def _link_notes(block: BlockChange) -> str:
    return "".join(
        '<p class="link-note" data-note>Link changed. '
        f'From <code class="link-note__old">{escape(old) or "no link"}</code>'
        f' to <code class="link-note__new">{escape(new) or "no link"}</code></p>'
        for old, new in block.links
    )


# -- words --------------------------------------------------------------------------------------


def _leaf(block: BlockChange, ops: Sequence[Op]) -> str:
    """Return the block's own element, with the words of those fates."""
    tag, number, pieces = block.tag, block.number, block.pieces
    if ops is _OLD:
        tag, number = block.old_tag or tag, block.old_number
        pieces = tuple(piece if piece.was is None else replace(piece, marks=piece.was) for piece in pieces)
    element = _element(tag, number, [piece for piece in pieces if piece.op in ops])
    return f"<blockquote>{element}</blockquote>" if block.quotes else element


def _element(tag: str, number: int | None, pieces: list[Piece]) -> str:
    if tag in ("th", "tr"):
        cell = "th" if tag == "th" else "td"
        cells = "".join(f"<{cell}>{_inline(inner)}</{cell}>" for inner in _cells(pieces))
        return f'<table class="row"><tbody><tr>{cells}</tr></tbody></table>'
    inner = _inline(pieces)
    if tag in ("front-matter", "source"):
        return ""  # what no reader of the page sees has no element; its note says it all
    if tag == "pre":
        return f"<pre>{inner}</pre>"
    inner = inner.replace("\n", "<br>")
    if tag == "li" and number is not None:
        return f'<ol start="{number}"><li>{inner}</li></ol>'
    return {"hr": "<hr>", "li": f"<ul><li>{inner}</li></ul>"}.get(tag, f"<{tag}>{inner}</{tag}>")


def _cells(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces of each cell of a row."""
    cell: list[Piece] = []
    for piece in pieces:
        first, *others = piece.text.split("\t")
        cell.append(replace(piece, text=first))
        for other in others:
            yield cell
            cell = [replace(piece, text=other)]
    yield cell


def _inline(pieces: Iterable[Piece]) -> str:
    out = ""
    for op, group in groupby((piece for piece in pieces if piece.text), key=lambda piece: piece.op):
        out += _edited(op, list(group), apart=out.endswith("</del>"))
    return out


def _edited(op: Op, pieces: list[Piece], *, apart: bool) -> str:
    """Return a run of one fate. The blank before it stands outside its mark, so that no blank is underlined."""
    inner = "".join(map(_marked, pieces))
    bare = inner.lstrip()
    if op == "equal" or not bare:
        return inner
    lead = inner[: len(inner) - len(bare)] or " " * apart
    hidden = f'<span class="visually-hidden" data-note>{_SAID[op]}</span>'
    return f"{lead}<{_TAGS[op]}>{hidden}{bare}</{_TAGS[op]}>"


def _marked(piece: Piece) -> str:
    bare = piece.text.lstrip()
    lead = piece.text[: len(piece.text) - len(bare)]
    out = escape(bare)
    for mark in reversed(piece.marks if out else ()):
        if mark in _MARKS:
            out = f"<{_MARKS[mark]}>{out}</{_MARKS[mark]}>"
        elif _SAFE.match(target := mark.removeprefix("link:")):
            out = f'<a href="{escape(target)}" rel="noopener noreferrer">{out}</a>'
    return lead + out
