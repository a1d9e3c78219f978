"""Choose what of a change is shown and what is folded away, and name what is folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from policy_versions.diff.model import BlockChange, Kind
from policy_versions.diff.notes import NOUNS


class Passage(NamedTuple):
    """Neighbouring blocks, shown or folded."""

    folded: bool
    blocks: tuple[BlockChange, ...]

    @property
    def label(self) -> str:
        """What is folded here, as in “Who we are: 2 paragraphs and 1 list item, unchanged”."""
        title = self.blocks[0].section[-1:] if _is_heading(self.blocks[0]) else ()
        counts = Counter(NOUNS[block.tag] for block in self.blocks if block.tag in NOUNS)
        things = [f"{count} {noun}{'s' * (count > 1)}" for noun, count in counts.items()]
        same = all(block.kind is Kind.EQUAL for block in self.blocks)
        what = ": ".join(filter(None, ("".join(title), _listed(things))))
        return f"{what or 'heading'}, {'unchanged' if same else 'the same words'}"


def passages(blocks: Sequence[BlockChange], context: int | None) -> list[Passage]:
    """Return the blocks as passages: `context` quiet blocks on either side of a change are shown, None for all.

    The headings above a change are shown too. A folded passage ends where a section of level 1 or 2 begins.
    """
    if context is None:
        return [Passage(False, tuple(blocks))] if blocks else []
    shown = _near_changes(blocks, context) | _headings_above(blocks)
    section = 0
    keys: list[tuple[bool, int]] = []
    for place, block in enumerate(blocks):
        section += block.tag in ("h1", "h2")
        keys.append((place not in shown, 0 if place in shown else section))
    groups = groupby(zip(keys, blocks, strict=True), key=lambda item: item[0])
    return [Passage(folded, tuple(block for _, block in group)) for (folded, _), group in groups]


def _near_changes(blocks: Sequence[BlockChange], context: int) -> set[int]:
    places = (place for place, block in enumerate(blocks) if not block.is_quiet)
    return {near for place in places for near in range(place - context, place + context + 1)}


def _headings_above(blocks: Sequence[BlockChange]) -> set[int]:
    above = {block.section[:size] for block in blocks if not block.is_quiet for size in range(1, 7)}
    return {place for place, block in enumerate(blocks) if _is_heading(block) and block.section in above}


def _is_heading(block: BlockChange) -> bool:
    return block.tag in ("h1", "h2", "h3", "h4", "h5", "h6")


def _listed(things: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(things[:-1]), *things[-1:])))
