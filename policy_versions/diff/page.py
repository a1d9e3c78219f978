"""Lay out a redline as HTML: each block with its gutter, its words and its notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from policy_versions.diff import notes
from policy_versions.diff.blocks import ROWS
from policy_versions.diff.leaf import inner
from policy_versions.diff.model import BlockChange, Change, Kind, Op
from policy_versions.diff.stored import html as unchanged

_OLD: tuple[Op, ...] = ("equal", "delete")
_NEW: tuple[Op, ...] = ("equal", "insert")


class Place(NamedTuple):
    """A change's number among those a reader is led through (None: it is not), and its neighbours' ids."""

    number: int | None = None
    before: str | None = None
    after: str | None = None


class Numbers(NamedTuple):
    """The numbers of a heading's section, where a page numbers them itself: no part of the text."""

    old: int | None = None
    new: int | None = None

    def attribute(self, ops: Sequence[Op]) -> str:
        """For the stylesheet, which shows it: the old text's number of its words alone, else the new one's."""
        number = self.old if ops is _OLD else self.new or (None if ops else self.old)
        return f' data-section="{number}"' if number else ""


class _Container(NamedTuple):
    """What holds neighbouring items or rows, so that a list is one list and a table one table."""

    tag: str  # ul, ol or table
    depth: int
    quotes: int

    @property
    def start(self) -> str:
        """Its start tags."""
        table = '<table class="rows"><tbody>'
        opened = table if self.tag == "table" else f'<{self.tag} class="items depth-{self.depth}">'
        return "<blockquote>" * bool(self.quotes) + opened

    @property
    def end(self) -> str:
        """Its end tags."""
        return f"{'</tbody>' if self.tag == 'table' else ''}</{self.tag}>" + "</blockquote>" * bool(self.quotes)


@dataclass(slots=True)
class Page:
    """The blocks of one redline, shown one after the other."""

    places: dict[str, Place]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)  # of headings, by the ids of their blocks
    _move: int | None = None  # the passage whose note has been shown last

    @classmethod
    def of(cls, change: Change, numbers: Mapping[str, Numbers] | None = None) -> Page:
        """Return the page of a change, on which nothing is shown yet."""
        ids = [None, *(block.id for block in change.numbered), None]
        around = zip(ids, ids[1:], ids[2:], strict=False)
        places = {here: Place(number, a, b) for number, (a, here, b) in enumerate(around, start=1) if here}
        return cls(places, numbers or {})

    def blocks(self, blocks: Sequence[BlockChange]) -> Iterator[str]:
        """Yield the blocks, with their lists and tables around them."""
        around: _Container | None = None
        before = ""
        for block in blocks:
            container = _container(block)
            if around and (container != around or (block.tag == "th" and before == "tr")):
                yield around.end
                around = None
            if container and not around:
                yield container.start
            around, before = container, block.tag
            yield self._block(block)
        if around:
            yield around.end

    def _block(self, block: BlockChange) -> str:
        if block.is_placeholder:
            return _left(block)
        if block.tag in ROWS:
            return self._row(block)
        tag = "li" if block.tag == "li" else "div"
        element = _element(block, (), self.numbers.get(block.id))
        if block.kind is Kind.EQUAL:
            return f"<{tag} {_attributes(block)}>{element}</{tag}>"
        place = self.places.get(block.id, Place())
        along = "block--along " if block.move is not None and block.move == self._move else ""
        content = f"{self._note(block)}{element}{_link_notes(block)}"
        if block.kind is Kind.SOURCE:  # which reads alike: one note says so, and nothing else
            return f"<{tag} {_attributes(block)}>{content}</{tag}>"
        content = f'<div class="moved-frame">{content}</div>' if block.kind is Kind.MOVED else content
        return f"<{tag} {_attributes(block, along)}>{_gutter(block, place)}{content}{_steps(place)}</{tag}>"

    def _row(self, block: BlockChange) -> str:
        """Return a row, its gutter in a cell without width, and below it what is to be said of it."""
        if block.kind is Kind.EQUAL:
            return f'<tr {_attributes(block)}><td class="margin"></td>{_inner(block)}</tr>'
        if block.kind is Kind.SOURCE:
            cells, end = _inner(block)[: -len("</td>")], _inner(block)[-len("</td>") :]
            return f'<tr {_attributes(block)}><td class="margin"></td>{cells}{self._note(block)}{end}</tr>'
        place = self.places.get(block.id, Place())
        margin = f'<td class="margin" data-note>{_gutter(block, place)}{_steps(place)}</td>'
        cells = _inner(block)
        row = f"<tr {_attributes(block)}>{margin}{cells}</tr>"
        said = self._note(block) + _link_notes(block)
        columns = max(1, cells.count("</t"))
        below = f'<tr class="row-note" data-note><td class="margin"></td><td colspan="{columns}">{said}</td></tr>'
        return row + (below if said else "")

    def pairs(self, blocks: Sequence[BlockChange]) -> Iterator[str]:
        """Yield the blocks, the old text's words beside the new one's."""
        for block in blocks:
            said = "" if block.kind is Kind.EQUAL else self._note(block) + _link_notes(block)
            numbers = self.numbers.get(block.id)
            old = "" if block.kind is Kind.INSERTED else _element(block, _OLD, numbers)
            new = "" if block.kind is Kind.DELETED else _element(block, _NEW, numbers)
            if block.is_placeholder:
                old, new, said = said, "", ""
            elif block.kind is Kind.MOVED:
                new, said = said + new, ""
            mid = "" if block.kind is Kind.EQUAL else self._middle(block)
            yield (
                f"<div {_attributes(block, 'pair ')}>"
                f'<div class="pair__old{_lack(old)}">{old}</div>'
                f'<div class="pair__mid" data-note>{mid}</div>'
                f'<div class="pair__new{_lack(new)}">{new}{said}</div></div>'
            )

    def _middle(self, block: BlockChange) -> str:
        place = self.places.get(block.id, Place())
        return _gutter(block, place) + _steps(place)

    def _note(self, block: BlockChange) -> str:
        """Return what the marks do not show; of blocks that moved together, only the first has a note on that."""
        if block.kind is not Kind.MOVED:
            said = notes.difference(block)
            return f'<p class="note" data-note>{escape(said)}</p>' if said else ""
        if block.move is not None and block.move == self._move and not block.is_placeholder:
            return ""
        self._move = self._move if block.is_placeholder else block.move
        return _move_note(block)


def _lack(side: str) -> str:
    return "" if side else " pair--none"


def _container(block: BlockChange) -> _Container | None:
    if block.is_placeholder or block.tag not in ("li", *ROWS):
        return None
    if block.tag in ROWS:
        return _Container("table", 0, min(block.quotes, 1))
    return _Container("ul" if block.number is None else "ol", block.depth, min(block.quotes, 1))


def _left(block: BlockChange) -> str:
    """Return what stands at the place that a passage left: a note, no part of either text."""
    glyph = f'<div class="gutter"><span aria-hidden="true">{_glyph(block)}</span></div>'
    return f'<div class="block block--left" id="{block.id}" data-note>{glyph}{_move_note(block)}</div>'


def _move_note(block: BlockChange) -> str:
    before, name, after = notes.moved(block)
    return f'<p class="note" data-note>{before}<a href="#{block.twin}">{escape(name)}</a>{after}</p>'


def _attributes(block: BlockChange, prefix: str = "") -> str:
    value = (
        f' value="{block.number}"'
        if not prefix.startswith("pair") and block.tag == "li" and block.number is not None
        else ""
    )
    if block.kind is Kind.EQUAL:
        return f'class="{prefix}{_classes(block)}"{value}'
    if block.is_placeholder:
        return f'class="{prefix}block block--left" id="{block.id}" data-note'
    names = f'id="{block.id}" data-change="{block.id}" data-kind="{block.kind}"'
    return f'class="{prefix}{_classes(block)}" {names}{value}'


def _classes(block: BlockChange) -> str:
    depth = f" depth-{block.depth}" if block.depth else ""
    return f"block block--{block.kind}{depth}{' quoted' if block.quotes else ''}"


def _gutter(block: BlockChange, place: Place) -> str:
    number = f'<span class="gutter__number">{place.number}</span> ' if place.number else ""
    said = f'<span class="visually-hidden">{notes.summary(block)}</span>'
    return f'<div class="gutter" data-note>{number}<span aria-hidden="true">{_glyph(block)}</span>{said}</div>'


def _glyph(block: BlockChange) -> str:
    ops = {piece.op for piece in block.edits} - {"equal"}
    if block.kind in (Kind.MOVED, Kind.LINK):
        return "⇅" if block.kind is Kind.MOVED else "↗"
    return {"insert": "+", "delete": "−"}["".join(ops)] if len(ops) == 1 else "±"


def _steps(place: Place) -> str:
    """Return the arrows to the neighbouring changes."""
    if not place.number:
        return ""
    ways = ((place.before, "Previous", "↑"), (place.after, "Next", "↓"))
    links = (f'<a href="#{to}" aria-label="{name} change">{sign}</a>' for to, name, sign in ways if to)
    return f'<div class="steps" data-note>{"".join(links)}</div>'


def _link_notes(block: BlockChange) -> str:
    return "".join(
        '<p class="link-note" data-note>Link changed. '
        f'From <code class="link-note__old">{escape(old) or "no link"}</code>'
        f' to <code class="link-note__new">{escape(new) or "no link"}</code></p>'
        for old, new in block.links
    )


# -- elements -----------------------------------------------------------------------------------


def _element(block: BlockChange, ops: Sequence[Op], numbers: Numbers | None) -> str:
    """Return the block's own element, with the words of those fates only, where some are named.

    An item of a list stands in its `li` already, unless fates are named.
    """
    tag, number, words = block.tag, block.number, _inner(block, ops)
    if ops is _OLD:
        tag, number = block.old_tag or tag, block.old_number
    if tag in ("front-matter", "source"):
        return ""  # what no reader of the page sees has no element; its note says it all
    if not ops and tag == "li":
        return f'<p class="item">{words}</p>'
    start = f' start="{number}"' if number is not None else ""
    items = "ol" if start else "ul"
    element = {
        "hr": "<hr>",
        "li": f"<{items}{start}><li>{words}</li></{items}>",
        "tr": f'<table class="row"><tbody><tr>{words}</tr></tbody></table>',
        "th": f'<table class="row"><tbody><tr>{words}</tr></tbody></table>',
    }.get(tag, f"<{tag}{numbers.attribute(ops) if numbers else ''}>{words}</{tag}>")
    return f"<blockquote>{element}</blockquote>" if block.quotes else element


def _inner(block: BlockChange, ops: Sequence[Op] = ()) -> str:
    if block.unchanged is not None:
        return unchanged(block.unchanged)
    pieces = (piece for piece in block.edits if not ops or piece.op in ops)
    if ops is _OLD:
        tag = block.old_tag or block.tag
        return inner(tag, (p if p.was is None else p._replace(marks=p.was, was=p.marks) for p in pieces))
    return inner(block.tag, pieces)
