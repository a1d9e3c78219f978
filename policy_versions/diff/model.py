"""What a comparison says: a change, block by block, each with the words that stayed, came and went."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Any, Literal, NamedTuple

from policy_versions.diff.blocks import Block, marks_link

ENGINE = "diff-2"  # raise it with any change to what blocks are or what a comparison says of them

_WORD = re.compile(r"\w+(?:['’]\w+)*")

Op = Literal["equal", "insert", "delete"]


class Kind(StrEnum):
    """What happened to a block; of several, the first that holds here."""

    INSERTED = "inserted"
    DELETED = "deleted"
    MOVED = "moved"
    WORDS = "words"
    STRUCTURE = "structure"  # the same words, but another kind of block, level or depth
    LINK = "link"  # the same words, leading elsewhere
    FORMATTING = "formatting"  # the same words, with other emphasis or spacing
    RENUMBERED = "renumbered"  # nothing but its number
    SOURCE = "source"  # written otherwise, reads alike
    EQUAL = "equal"


class Piece(NamedTuple):
    """A run of visible text within a block; a tab in a table's row ends a cell."""

    op: Op
    text: str
    marks: tuple[str, ...] = ()  # strong, em, code, strike, link:URL; the outermost first
    was: tuple[str, ...] | None = None  # the old marks of equal text, where they were others

    @property
    def words(self) -> int:
        """How many words it holds."""
        return len(_WORD.findall(self.text))


def relinked(pieces: Sequence[Piece]) -> list[tuple[str, str]]:
    """Return the old and new addresses of words that lead elsewhere: that stayed, or were replaced on the spot."""
    if not any(piece.marks or piece.was for piece in pieces):
        return []
    found = groupby(
        pieces, key=lambda piece: (marks_link(piece.was or ()), marks_link(piece.marks), piece.was is None)
    )
    stayed = [(old, new) for (old, new, same), _ in found if not same]
    ends = (
        (marks_link(gone.marks), marks_link(come.marks))
        for gone, come in pairwise(pieces)
        if (gone.op, come.op) == ("delete", "insert")
    )
    return [pair for pair in (*stayed, *(pair for pair in ends if all(pair))) if pair[0] != pair[1]]


class BlockChange(NamedTuple):
    """One leaf block, and what happened to it.

    A moved block stands in full at its new place (moved_from is set), with edits where it has any, and leaves a
    placeholder without pieces at its old place (moved_to is set); `twin` is the id of the other half.
    """

    id: str  # stable: made from the block's kind and words
    kind: Kind
    tag: str  # h1 … h6, p, li, th, tr, pre, hr; front-matter or source for what no reader sees
    section: tuple[str, ...] = ()  # titles of the headings around it, the outermost first
    old_section: tuple[str, ...] = ()  # the same in the old text; () where it was not there, or nothing changed
    edits: tuple[Piece, ...] = ()  # its words, where anything changed
    unchanged: Block | None = None  # else the block itself, whose words are read when they are asked for
    links: tuple[tuple[str, str], ...] = ()  # (old, new) address of words that lead elsewhere; "" for none
    moved_from: str | None = None  # title of its old section, "" before the first heading
    moved_to: str | None = None
    twin: str | None = None
    move: int | None = None  # blocks that moved together have one number
    part: int = 1  # which part this is of a block that was split
    parts: int = 1  # into so many
    joined: int = 1  # of so many old blocks
    old_tag: str = ""  # "" where it is the same, or there was none
    depth: int = 0  # lists around it
    quotes: int = 0  # quotes around it
    number: int | None = None  # shown before the item of an ordered list
    old_number: int | None = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Its words."""
        return self.edits if self.unchanged is None else tuple(Piece("equal", *run) for run in self.unchanged.runs)

    @property
    def is_placeholder(self) -> bool:
        """Whether it only marks the place that a moved block left."""
        return self.moved_to is not None

    @property
    def is_edited(self) -> bool:
        """Whether words came or went, or lead elsewhere."""
        return bool(self.links) or any(piece.op != "equal" for piece in self.edits)

    @property
    def is_quiet(self) -> bool:
        """Whether a reader need not stop here: equal, written otherwise, or told of by a neighbour."""
        if self.kind is Kind.STRUCTURE:
            return self.part > 1 and not self.is_edited and all(piece.was is None for piece in self.edits)
        renumbered = self.kind is Kind.RENUMBERED and not self.words_inserted + self.words_deleted
        return renumbered or self.kind in (Kind.EQUAL, Kind.SOURCE)

    @property
    def words_inserted(self) -> int:
        """How many words came."""
        return self._words("insert")

    @property
    def words_deleted(self) -> int:
        """How many words went."""
        return self._words("delete")

    def _words(self, op: Op) -> int:
        """Count words, not pieces: a word may stand in several dresses."""
        told = (group for fate, group in groupby(self.edits, key=lambda piece: piece.op) if fate == op)
        return sum(len(_WORD.findall("".join(piece.text for piece in group))) for group in told)

    @property
    def links_changed(self) -> int:
        """How many runs of words lead elsewhere now; `links` has each pair of addresses once."""
        return len(relinked(self.edits))

    def to_json(self) -> dict[str, Any]:
        """Return what is known of it, ready for `json.dumps`; its pieces without what is not so."""
        told = self._asdict() | {"edits": None, "unchanged": None}
        pieces = [{name: value for name, value in piece._asdict().items() if value} for piece in self.pieces]
        return {name: value for name, value in told.items() if value is not None} | {"pieces": pieces}


@dataclass(frozen=True, slots=True)
class Section:
    """What changed under one top heading."""

    title: str  # "" before the first heading
    words_inserted: int
    words_deleted: int
    changed: int  # blocks that are not equal
    first: str | None  # id of the first of them


@dataclass(frozen=True, slots=True)
class Change:
    """The comparison of two texts, in reading order of the new one."""

    blocks: tuple[BlockChange, ...]
    is_complete: bool = True  # False: it would have taken too long, and some blocks are shown replaced whole

    def changed(self) -> Iterator[BlockChange]:
        """Yield the blocks that are not equal."""
        return (block for block in self.blocks if block.kind is not Kind.EQUAL)

    @property
    def numbered(self) -> tuple[BlockChange, ...]:
        """The changes a reader is led through, in order: no quiet ones, no move's old place, a passage once."""
        return tuple(self._numbered())

    def _numbered(self) -> Iterator[BlockChange]:
        before: int | None = None
        for block in self.changed():
            along = block.move is not None and block.move == before and not block.is_edited
            if not (block.is_quiet or block.is_placeholder or along):
                yield block
            before = block.move if not block.is_placeholder else before

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all differs, not even in the source."""
        return next(self.changed(), None) is None

    @property
    def words_inserted(self) -> int:
        """How many words came."""
        return sum(block.words_inserted for block in self.changed())

    @property
    def words_deleted(self) -> int:
        """How many words went."""
        return sum(block.words_deleted for block in self.changed())

    @property
    def links_changed(self) -> int:
        """How many runs of words lead elsewhere now."""
        return sum(block.links_changed for block in self.changed())

    @property
    def moves(self) -> int:
        """How many passages moved: neighbours that moved together count once."""
        return len({block.move for block in self.blocks if block.move is not None})

    @property
    def sections(self) -> tuple[Section, ...]:
        """What changed under each top heading; a document's title, if it alone is on top, is none."""
        skip = _title_depth(self.blocks)
        groups: dict[str, list[BlockChange]] = {}
        for block in self.blocks:
            groups.setdefault((block.section[skip:] or block.section[-1:] or ("",))[0], []).append(block)
        shown = {block.move: block.id for block in reversed(self.blocks) if block.is_placeholder}
        return tuple(_summary(title, blocks, shown) for title, blocks in groups.items())

    def to_json(self) -> dict[str, Any]:
        """Return the figures, the sections and the changed blocks, ready for `json.dumps`."""
        return {
            "engine": ENGINE,
            "words_inserted": self.words_inserted,
            "words_deleted": self.words_deleted,
            "links_changed": self.links_changed,
            "moves": self.moves,
            "is_complete": self.is_complete,
            "sections": [asdict(section) for section in self.sections],
            "blocks": [block.to_json() for block in self.changed()],
        }


def _title_depth(blocks: tuple[BlockChange, ...]) -> int:
    """Return 1 where one heading is around all others, as a document's title is; else 0."""
    tops = {block.section[0] for block in blocks if block.section}
    return int(len(tops) == 1 and any(len(block.section) > 1 for block in blocks))


def _summary(title: str, blocks: list[BlockChange], shown: Mapping[int | None, str]) -> Section:
    """Return a section. shown: of each move, the placeholder that stands for all of its blocks."""
    changed = [block for block in blocks if block.kind is not Kind.EQUAL]
    return Section(
        title,
        sum(block.words_inserted for block in changed),
        sum(block.words_deleted for block in changed),
        len(changed),
        (shown[changed[0].move] if changed[0].is_placeholder else changed[0].id) if changed else None,
    )
