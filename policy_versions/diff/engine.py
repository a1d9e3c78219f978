"""Compare two texts of a policy. Pure: the same two texts always give the same change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product

from policy_versions.diff.align import Alignment, align
from policy_versions.diff.blocks import ROWS, Block, Blocks, Known, digest, read
from policy_versions.diff.collecting import uncollected
from policy_versions.diff.gap import Group
from policy_versions.diff.model import BlockChange, Change, Kind, Piece, relinked
from policy_versions.diff.rows import cells_of, columns_of, compare_rows
from policy_versions.diff.sequence import PLENTY, Effort, Pairs
from policy_versions.diff.tokens import Words
from policy_versions.diff.words import compare_parts, whole

SPAN = 2  # blocks that stand so near one another in both texts moved together

Links = tuple[tuple[str, str], ...]


def compare(old: str | Blocks, new: str | Blocks, *, absorb: bool = True, units: int = PLENTY) -> Change:
    """Return what changed from one text to the other, in reading order of the new one.

    What no reader sees (front matter, other list signs) is told as kind SOURCE. Exchanging the two exchanges what
    was inserted and deleted, and nothing else. absorb: see `words.compare_words`. units: of effort, about a
    nanosecond each; past them blocks are shown replaced whole, and the change is not `is_complete`.

    Raises: TextTooLong, TooManyBlocks, TooManyCells, NestedTooDeep.
    """
    known = Known()
    was, now = _blocks(old, known), _blocks(new, known)
    effort = Effort(units)
    with uncollected():
        blocks = tuple(_Comparison(was, now, effort, absorb=absorb).blocks())
    head = _unseen("front-matter", was.front, now.front)
    if not head and all(block.kind is Kind.EQUAL for block in blocks):
        return Change((*blocks, *_unseen("source", was.source, now.source)))
    return Change((*head, *blocks), is_complete=not effort.is_spent)


def _blocks(text: str | Blocks, known: Known) -> Blocks:
    return read(text, known) if isinstance(text, str) else text


def _unseen(tag: str, old: str, new: str) -> tuple[BlockChange, ...]:
    """Return a block that tells of a difference outside all blocks, if there is one."""
    if old == new:
        return ()
    return (BlockChange(f"s{digest(tag, *sorted((old, new)))}", Kind.SOURCE, tag),)


@dataclass(frozen=True, slots=True)
class _Move:
    """The other half of a moved block, and the number of the passage that moved."""

    place: int
    number: int


class _Comparison:
    """Two texts' blocks, aligned."""

    def __init__(self, old: Blocks, new: Blocks, effort: Effort, *, absorb: bool) -> None:
        self._old, self._new, self._effort, self._absorb = old.blocks, new.blocks, effort, absorb
        self._kept, moves = aligned(old, new, effort)
        numbers = _passages(moves)
        self._to = {i: _Move(j, numbers[i, j]) for i, j in moves}
        self._from = {j: _Move(i, numbers[i, j]) for i, j in moves}
        headings = [(self._old[i], self._new[j]) for i, j in moves if self._old[i].is_heading]
        headings += [(self._old[i], self._new[j]) for (i, *_), (j, *_) in self._kept if self._old[i].is_heading]
        self._renamed = {was.section: now.section for was, now in headings}
        self._columns: dict[tuple[int, int], Pairs] = {}  # of the table in hand, by its rows' numbers of cells

    def blocks(self) -> Iterator[BlockChange]:
        """Yield what became of each block, in reading order: within a gap the old ones first."""
        i = j = 0
        for group in (*self._kept, ((len(self._old),), (len(self._new),))):
            olds, news = group
            if i < olds[0]:
                yield from map(self._left, range(i, olds[0]))
            if j < news[0]:
                yield from chain.from_iterable(map(self._came, range(j, news[0])))
            i, j = olds[-1] + 1, news[-1] + 1
            if i <= len(self._old):
                yield from self._both(group)

    def _both(self, group: Group) -> Iterable[BlockChange]:
        (i, *more), (j, *parts) = group
        old, new = self._old[i], self._new[j]
        if old.look == new.look and not more and not parts:
            return (_alike(old, new),)
        return self._told([self._old[i] for i in group[0]], [self._new[j] for j in group[1]])

    def _left(self, i: int) -> BlockChange:
        block, move = self._old[i], self._to.get(i)
        section = self._renamed.get(block.section, block.section)
        if move is None:
            return _alone(f"d{block.id}", Kind.DELETED, block, section)
        return BlockChange(
            id=f"d{block.id}",
            kind=Kind.MOVED,
            tag=block.tag,
            section=section,
            old_section=block.section,
            moved_to="".join(self._new[move.place].section[-1:]),
            twin=f"c{self._new[move.place].id}",
            move=move.number,
        )

    def _came(self, j: int) -> Iterator[BlockChange]:
        block, move = self._new[j], self._from.get(j)
        if move is None:
            yield _alone(f"c{block.id}", Kind.INSERTED, block, block.section)
            return
        was = self._old[move.place]
        for told in self._told([was], [block]):
            source = "".join(was.section[-1:])
            yield told._replace(kind=Kind.MOVED, moved_from=source, twin=f"d{was.id}", move=move.number)

    def _told(self, olds: Sequence[Block], news: Sequence[Block]) -> Iterator[BlockChange]:
        """Yield what became of blocks that are in both texts."""
        old = olds[0]
        for number, (new, pieces) in enumerate(zip(news, self._pieces(olds, news), strict=True), start=1):
            links = _links(pieces)
            yield BlockChange(
                id=f"c{new.id}",
                kind=_kind(old, new, pieces, links, whole=len(olds) == len(news) == 1),
                tag=new.tag,
                section=new.section,
                old_section=old.section,
                edits=pieces,
                links=links,
                part=number,
                parts=len(news),
                joined=len(olds),
                old_tag=old.tag if old.tag != new.tag else "",
                depth=new.depth,
                quotes=new.quotes,
                number=new.number,
                old_number=old.number,
            )

    def _pieces(self, olds: Sequence[Block], news: Sequence[Block]) -> list[tuple[Piece, ...]]:
        if len(olds) == len(news) == 1 and olds[0].body == news[0].body:
            return [whole(news[0].runs, "equal")]
        if olds[0].tag in ROWS and news[0].tag in ROWS:
            return [self._row(olds[0], news[0])]
        old = Words.joined([block.words for block in olds])
        return compare_parts(old, [block.words for block in news], self._effort, absorb=self._absorb)

    def _row(self, old: Block, new: Block) -> tuple[Piece, ...]:
        """Compare two rows; a table's head tells which cells of its rows with as many cells belong together."""
        was, now = cells_of(old.runs), cells_of(new.runs)
        sizes = len(was), len(now)
        if old.tag == new.tag == "th":
            self._columns = {sizes: columns_of(was, now, self._effort)}
        return compare_rows(was, now, self._effort, self._columns.get(sizes), absorb=self._absorb)


def aligned(old: Blocks, new: Blocks, effort: Effort) -> Alignment:
    """Return which old block became which new one, whichever of the texts comes first."""
    if new.source < old.source:
        return align(new.blocks, old.blocks, effort).turned()
    return align(old.blocks, new.blocks, effort)


def _passages(moves: Pairs) -> dict[tuple[int, int], int]:
    """Return a number for each move, the same for blocks that stood together and still do."""
    leaders = {pair: pair for pair in moves}

    def leader(pair: tuple[int, int]) -> tuple[int, int]:
        while leaders[pair] != pair:
            leaders[pair] = pair = leaders[leaders[pair]]
        return pair

    for i, j in moves:
        for near in product(range(i + 1, i + SPAN + 1), range(j + 1, j + SPAN + 1)):
            if near in leaders:
                leaders[leader(near)] = leader((i, j))
    numbers: dict[tuple[int, int], int] = {}
    in_order = sorted(moves, key=lambda pair: pair[1])
    return {pair: numbers.setdefault(leader(pair), len(numbers) + 1) for pair in in_order}


def _alike(old: Block, new: Block) -> BlockChange:
    """Return what is told of a block that reads the same; quickly, for most blocks do."""
    return BlockChange(
        f"c{new.id}",
        Kind.EQUAL if old.spelling == new.spelling else Kind.SOURCE,
        new.tag,
        new.section,
        unchanged=new,
        depth=new.depth,
        quotes=new.quotes,
        number=new.number,
        old_number=new.number,
    )


def _alone(name: str, kind: Kind, block: Block, section: tuple[str, ...]) -> BlockChange:
    """Return what is told of a block that came or went as a whole."""
    return BlockChange(
        id=name,
        kind=kind,
        tag=block.tag,
        section=section,
        old_section=block.section if kind is Kind.DELETED else (),
        edits=whole(block.runs, "delete" if kind is Kind.DELETED else "insert"),
        depth=block.depth,
        quotes=block.quotes,
        number=block.number,
    )


def _kind(old: Block, new: Block, pieces: tuple[Piece, ...], links: Links, *, whole: bool) -> Kind:
    """Return the first kind that holds. whole: neither split nor joined."""
    reworded = any(piece.op != "equal" for piece in pieces)
    numbered = old.numbering or new.numbering
    renumbered = bool(whole and reworded and numbered and old.said == new.said)
    facts = {
        Kind.WORDS: reworded and not renumbered,
        Kind.STRUCTURE: not whole or _form(old) != _form(new),
        Kind.LINK: bool(links),
        Kind.FORMATTING: not reworded and old.body != new.body,
        Kind.RENUMBERED: reworded or old.number != new.number,
        Kind.SOURCE: old.spelling != new.spelling,
    }
    return next((kind for kind, holds in facts.items() if holds), Kind.EQUAL)


def _form(block: Block) -> tuple[str, int, int, bool]:
    return block.tag, block.depth, block.quotes, block.number is None


def _links(pieces: Sequence[Piece]) -> Links:
    """Return the changed addresses of words that stayed, or were replaced by others on the spot; each once."""
    return tuple(dict.fromkeys(relinked(pieces)))
