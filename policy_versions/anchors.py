"""Name the blocks of a text, so that a link to a passage leads to it in every later revision. Pure.

A heading is named by its words. Any other block is named by the words that it had when it first stood in the
policy, and keeps that name while it is edited, moved, split (its first part) or joined to others: which block
became which is what the comparison says. Where one name would stand for two blocks, the later one gets a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from policy_versions import markdown
from policy_versions.diff.blocks import Block, Blocks
from policy_versions.diff.engine import aligned
from policy_versions.diff.sequence import PLENTY, Effort

DIGITS = 12  # of a block's key: two of 20,000 blocks have the same once in a million texts


class Name(NamedTuple):
    """The ids that lead to a block."""

    own: str
    others: tuple[str, ...] = ()  # it had them, or blocks had them that were joined into it, in earlier texts


Names = tuple[Name, ...]  # one for each block of a text, in reading order


def first(text: Blocks) -> Names:
    """Return the names of a text that nothing came before."""
    return _named(text, [()] * len(text.blocks))


def carried(before: Names, old: Blocks, new: Blocks) -> Names:
    """Return the names of a text. before: those of the text that it follows, which is `old`."""
    return _named(new, [[before[i] for i in places] for places in _ancestors(old, new)])


def _ancestors(old: Blocks, new: Blocks) -> list[tuple[int, ...]]:
    """Return the old places of what each new block was made from; a split block is its first part."""
    found: list[tuple[int, ...]] = [()] * len(new.blocks)
    kept, moves = aligned(old, new, Effort(PLENTY))
    for olds, news in (*kept, *(((i,), (j,)) for i, j in moves)):
        found[news[0]] = olds
    return found


def _named(text: Blocks, ancestors: Sequence[Sequence[Name]]) -> Names:
    owns = _owns(text.blocks, ancestors)
    taken = set(owns)
    names: list[Name] = []
    for own, before in zip(owns, ancestors, strict=True):
        others = dict.fromkeys(name for one in before for name in (one.own, *one.others) if name not in taken)
        taken.update(others)
        names.append(Name(own, tuple(others)))
    return tuple(names)


def _owns(blocks: Sequence[Block], ancestors: Sequence[Sequence[Name]]) -> list[str]:
    slugs = iter(markdown.anchors(block.text for block in blocks if block.is_heading))
    owns = [next(slugs) if block.is_heading else "" for block in blocks]
    taken = set(owns)
    for place, (block, before) in enumerate(zip(blocks, ancestors, strict=True)):
        if not block.is_heading:
            owns[place] = _kept(before, taken)
            taken.add(owns[place])
    fresh = _Fresh(taken)
    return [own or fresh.name(block) for own, block in zip(owns, blocks, strict=True)]


def _kept(before: Iterable[Name], taken: set[str]) -> str:
    """Return the first of the names that a block brings with it; "" for none."""
    return next((one.own for one in before if one.own.startswith("p-") and one.own not in taken), "")


class _Fresh:
    """Gives names to blocks that bring none: of those that read alike, each the first number that is free."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._last: Counter[str] = Counter()  # by name without number; so that thousands alike are quick

    def name(self, block: Block) -> str:
        bare, name = f"p-{block.key[:DIGITS]}", ""
        while not name or name in self._taken:
            self._last[bare] += 1
            name = bare if self._last[bare] == 1 else f"{bare}-{self._last[bare]}"
        self._taken.add(name)
        return name
