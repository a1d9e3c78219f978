"""Pick the passages of a change that a letter shows, and leave out what stayed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from policy_versions.diff.model import BlockChange, Change, Piece
from policy_versions.diff.tokens import CELL

UNCHANGED = 120  # characters of whole unchanged sentences that are rather shown than left out
OVERLONG = 400  # characters of unchanged text in a changed sentence, past which its middle is left out
GLYPHS = {"words": "±", "inserted": "+", "deleted": "−", "moved": "⇅", "link": "↗"}
_SENTENCE_END = re.compile(r"[.!?…][\"”’)\]]*\s+|[。！？]+")
_ABBREVIATIONS = ("e.g.", "i.e.", "cf.", "vs.", "No.", "Art.", "Sec.", "Inc.", "Ltd.", "Mr.", "Ms.", "Dr.")


class Run(NamedTuple):
    """Words in one dress. marks: strong, em, code, strike, link:URL."""

    text: str
    marks: tuple[str, ...] = ()


class Stretch(NamedTuple):
    """Words of a passage that stayed, came or went together."""

    op: str  # equal, insert, delete
    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


class Passage(NamedTuple):
    """A changed block as a letter shows it."""

    id: str  # the change's own, as in the page that compares both texts
    look: str  # words, inserted, deleted, moved, link
    glyph: str
    section: str
    heading: bool
    code: bool
    moved_from: str  # title of its old section; "" where it moved with it, or there was none
    moved_along: int  # passages after it that moved with it, not a word changed
    stretches: tuple[Stretch, ...]
    links: tuple[tuple[str, str], ...]  # old and new address, "" for none

    @property
    def weight(self) -> int:
        """The least it takes in bytes of HTML, so that what cannot fit is never rendered."""
        return 300 + sum(60 + len(stretch.text) for stretch in self.stretches)


class _Bit(NamedTuple):
    """A piece, or part of one. told: whether it belongs to what the letter tells of."""

    op: str
    text: str
    marks: tuple[str, ...]
    told: bool


_GAP = _Bit("equal", " … ", (), False)
_SPACE = Stretch("equal", (Run(" "),))


def passages_of(change: Change) -> Iterator[Passage]:
    """Yield what changed in its words, its place or its links; what changed in form only is but counted."""
    tops = {block.section[0] for block in change.blocks if block.section}
    title = int(len(tops) == 1 and any(len(block.section) > 1 for block in change.blocks))
    told = [block for block in change.changed() if not block.is_quiet and glyph_of(block)]
    for _, group in groupby(enumerate(told), key=_moved_as_one):
        (_, first), *others = group
        yield _passage(first, first.section[title:], len(others))


def _moved_as_one(place: tuple[int, BlockChange]) -> object:
    """Return what neighbours share that moved together without a word changed; else what none shares."""
    at, block = place
    edited = block.move is None or {piece.op for piece in block.pieces} != {"equal"}
    return (at, None) if edited else (None, block.move)


def _passage(block: BlockChange, section: tuple[str, ...], moved_along: int) -> Passage:
    look = glyph_of(block)
    code = block.tag == "pre"
    bits = [_bit(block, piece) for piece in block.pieces]
    return Passage(
        id=block.id,
        look=look,
        glyph=GLYPHS[look],
        section=" › ".join(section),
        heading=re.fullmatch("h[1-6]", block.tag) is not None,
        code=code,
        moved_from=block.moved_from if block.moved_from and block.moved_from not in section else "",
        moved_along=moved_along,
        stretches=tuple(_stretches(bits if code else _shortened(_by_sentence(bits)))),
        links=block.links,
    )


def glyph_of(block: BlockChange) -> str:
    """Return how a block's change looks; "" where it has no words, or changed in form only."""
    ops = {piece.op for piece in block.pieces} - {"equal"}
    if block.moved_from is not None:
        return "moved" if block.pieces else ""
    if len(ops) == 1:
        return "inserted" if "insert" in ops else "deleted"
    return "words" if ops else "link" if block.links else ""


def _bit(block: BlockChange, piece: Piece) -> _Bit:
    text = piece.text.replace(CELL, " | ") if block.tag in ("th", "tr") else piece.text
    leads_elsewhere = bool(block.links) and piece.was is not None
    return _Bit(piece.op, text, piece.marks, piece.op != "equal" or leads_elsewhere)


def _by_sentence(bits: Sequence[_Bit]) -> list[list[_Bit]]:
    """Group bits by sentence, cutting those that reach over an end."""
    ends = list(_sentence_ends("".join(bit.text for bit in bits)))
    sentences: list[list[_Bit]] = [[] for _ in ends]
    at = now = 0
    for bit in bits:
        start = 0
        while start < len(bit.text):
            text = bit.text[start : start + ends[now] - at]
            sentences[now].append(bit._replace(text=text))
            start, at = start + len(text), at + len(text)
            now += at == ends[now]
    return sentences


def _sentence_ends(text: str) -> Iterator[int]:
    """Yield the offsets at which sentences end, the text's own end last."""
    for found in _SENTENCE_END.finditer(text):
        before, after = text[max(0, found.start() - 5) : found.start() + 1], text[found.end() : found.end() + 1]
        if after and not after.islower() and not before.endswith(_ABBREVIATIONS):
            yield found.end()
    yield len(text)


def _shortened(sentences: Sequence[Sequence[_Bit]]) -> Iterator[_Bit]:
    """Yield whole sentences around what changed, and a gap for what is left out.

    Where no word of a passage changed, as when it moved, its first sentence says which one it is.
    """
    if not any(map(_is_told, sentences)):
        yield from (*sentences[0], *([_GAP] if sentences[1:] else []))
        return
    for told, group in groupby(sentences, key=_is_told):
        bits = [bit for sentence in group for bit in sentence]
        if told or sum(len(bit.text) for bit in bits) <= UNCHANGED:
            yield from (part for bit in bits for part in _without_middle(bit))
        else:
            yield _GAP


def _is_told(sentence: Sequence[_Bit]) -> bool:
    return any(bit.told for bit in sentence)


def _without_middle(bit: _Bit) -> Iterator[_Bit]:
    """Leave out the middle of a long unchanged bit, at blanks."""
    if bit.told or len(bit.text) <= OVERLONG:
        yield bit
        return
    head, tail = bit.text[: OVERLONG // 3], bit.text[-OVERLONG // 3 :]
    yield bit._replace(text=head.rpartition(" ")[0] or head)
    yield _GAP
    yield bit._replace(text=tail.partition(" ")[2] or tail)


def _stretches(bits: Iterable[_Bit]) -> Iterator[Stretch]:
    """Join bits that share a fate, and keep a word that went from touching the one that came."""
    before = ""
    for stretch in _joined(bits):
        now = "" if stretch.op == "equal" else stretch.text
        if before[-1:].isalnum() and now[:1].isalnum():
            yield _SPACE
        yield stretch
        before = now


def _joined(bits: Iterable[_Bit]) -> Iterator[Stretch]:
    for op, group in groupby(bits, key=lambda bit: bit.op):
        runs = tuple(
            Run("".join(bit.text for bit in same), marks)
            for marks, same in groupby(group, key=lambda bit: bit.marks)
        )
        yield from _bare(Stretch(op, runs))


def _bare(stretch: Stretch) -> Iterator[Stretch]:
    """Take the blanks at its ends out of a mark: no line under or through nothing."""
    text = stretch.text
    if stretch.op == "equal" or not text.strip():
        yield Stretch("equal", stretch.runs)
        return
    if text[0].isspace():
        yield _SPACE
    first, *_ = runs = list(stretch.runs)
    runs[0] = first._replace(text=first.text.lstrip())
    runs[-1] = runs[-1]._replace(text=runs[-1].text.rstrip())
    yield Stretch(stretch.op, tuple(runs))
    if text[-1].isspace():
        yield _SPACE
