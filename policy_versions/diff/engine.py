"""Compare two texts of a policy. Pure: the same two texts always give the same change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from policy_versions import markdown
from policy_versions.diff.align import Pairs, align
from policy_versions.diff.blocks import Block, read
from policy_versions.diff.model import BlockChange, Change, Kind, Piece
from policy_versions.diff.words import compare_words, whole

_Step = tuple[int | None, int | None]  # places in the old and the new; None where it is not in that text


def compare(old: str, new: str) -> Change:
    """Return what changed from one text to the other, in reading order of the new one.

    What no reader sees (front matter, rewrapped lines, other list signs) is told as kind SOURCE.
    """
    fronts = markdown.split_front_matter(old)[0], markdown.split_front_matter(new)[0]
    blocks = tuple(_Comparison(read(old), read(new)).blocks())
    head = _unseen("front-matter", *fronts)
    if not (head or any(block.kind is not Kind.EQUAL for block in blocks)):
        return Change((*blocks, *_unseen("source", old, new)))
    return Change((*head, *blocks))


def _unseen(tag: str, old: str, new: str) -> tuple[BlockChange, ...]:
    """Return a block that tells of a difference outside all blocks, if there is one."""
    if old == new:
        return ()
    digest = blake2b(f"{tag}\0{old}\0{new}".encode("utf-8", "surrogatepass"), digest_size=8)
    return (BlockChange(id=f"c{digest.hexdigest()}", kind=Kind.SOURCE, tag=tag),)


class _Comparison:
    """Two texts' blocks, aligned, and the ids of what is told of them."""

    def __init__(self, old: Sequence[Block], new: Sequence[Block]) -> None:
        self._old, self._new = old, new
        pairs, moves = align(old, new)
        self._to, self._from = dict(moves), {j: i for i, j in moves}
        self._steps = list(_reading_order(pairs, len(old), len(new)))
        self._ids = dict(zip(self._steps, _unique(map(self._key, self._steps)), strict=True))
        headings = [(old[i], new[j]) for i, j in (*pairs, *moves) if old[i].is_heading]
        self._renamed = {was.section: now.section for was, now in headings}

    def blocks(self) -> Iterator[BlockChange]:
        """Yield what became of each block."""
        for i, j in self._steps:
            if i is not None and j is not None:
                yield _told(self._ids[i, j], self._old[i], self._new[j])
            elif i is not None:
                yield self._left(i)
            elif j is not None:
                yield self._came(j)

    def _key(self, step: _Step) -> str:
        i, j = step
        return self._new[j].key if j is not None else self._old[i or 0].key

    def _left(self, i: int) -> BlockChange:
        block, to = self._old[i], self._to.get(i)
        section = self._renamed.get(block.section, block.section)
        if to is None:
            return _shape(self._ids[i, None], Kind.DELETED, block, section, whole(block.words, "delete"))
        return BlockChange(
            id=self._ids[i, None],
            kind=Kind.MOVED,
            tag=block.tag,
            section=section,
            old_section=block.section,
            moved_to="".join(self._new[to].section[-1:]),
            twin=self._ids[None, to],
        )

    def _came(self, j: int) -> BlockChange:
        block, source = self._new[j], self._from.get(j)
        if source is None:
            pieces = whole(block.words, "insert")
            return _shape(self._ids[None, j], Kind.INSERTED, block, block.section, pieces)
        was = self._old[source]
        return _told(self._ids[None, j], was, block, twin=self._ids[source, None])


def _reading_order(pairs: Pairs, old_size: int, new_size: int) -> Iterator[_Step]:
    """Yield each block once: within a gap the old ones first, as a reader expects of a redline."""
    i = j = 0
    for x, y in pairs:
        yield from ((place, None) for place in range(i, x))
        yield from ((None, place) for place in range(j, y))
        yield x, y
        i, j = x + 1, y + 1
    yield from ((place, None) for place in range(i, old_size))
    yield from ((None, place) for place in range(j, new_size))


def _unique(keys: Iterator[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for key in keys:
        seen[key] += 1
        yield f"c{key}" if seen[key] == 1 else f"c{key}-{seen[key]}"


def _shape(
    name: str, kind: Kind, block: Block, section: tuple[str, ...], pieces: tuple[Piece, ...]
) -> BlockChange:
    return BlockChange(
        id=name,
        kind=kind,
        tag=block.tag,
        section=section,
        old_section=block.section if kind is Kind.DELETED else (),
        pieces=pieces,
        depth=block.depth,
        quotes=block.quotes,
        number=block.number,
    )


def _told(name: str, old: Block, new: Block, twin: str | None = None) -> BlockChange:
    """Return what became of a block that is in both texts."""
    pieces = whole(new.words, "equal") if old.words == new.words else compare_words(old.words, new.words)
    links = _links(pieces)
    return BlockChange(
        id=name,
        kind=Kind.MOVED if twin else _kind(old, new, pieces, links),
        tag=new.tag,
        section=new.section,
        old_section=old.section,
        pieces=pieces,
        links=links,
        moved_from="".join(old.section[-1:]) if twin else None,
        twin=twin,
        old_tag=old.tag if old.tag != new.tag else "",
        depth=new.depth,
        quotes=new.quotes,
        number=new.number,
        old_number=old.number,
    )


def _kind(old: Block, new: Block, pieces: tuple[Piece, ...], links: tuple[tuple[str, str], ...]) -> Kind:
    """Return the first kind that holds."""
    reworded = any(piece.op != "equal" for piece in pieces)
    renumbered = old.texts[old.numbering :] == new.texts[new.numbering :]
    facts = {
        Kind.WORDS: reworded and not renumbered,
        Kind.STRUCTURE: _form(old) != _form(new),
        Kind.LINK: bool(links),
        Kind.FORMATTING: not reworded and old.words != new.words,
        Kind.RENUMBERED: reworded or old.number != new.number,
        Kind.SOURCE: old.source != new.source,
    }
    return next((kind for kind, holds in facts.items() if holds), Kind.EQUAL)


def _form(block: Block) -> tuple[str, int, int, bool]:
    return block.tag, block.depth, block.quotes, block.number is None


def _links(pieces: tuple[Piece, ...]) -> tuple[tuple[str, str], ...]:
    """Return the changed addresses of words that stayed, each once."""
    both = ((_link(piece.was), _link(piece.marks)) for piece in pieces if piece.was is not None)
    return tuple(dict.fromkeys(pair for pair in both if pair[0] != pair[1]))


def _link(marks: tuple[str, ...]) -> str:
    return next((mark.removeprefix("link:") for mark in marks if mark.startswith("link:")), "")
