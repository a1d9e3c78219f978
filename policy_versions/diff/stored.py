"""Write blocks down, and read them again without parsing anything.

One line tells of the text; then a line of words for each block, then one of HTML for each. So what a comparison
does not need is never decoded.
"""

from __future__ import annotations

import json

from policy_versions.diff.blocks import Block, Blocks
from policy_versions.diff.leaf import unmarked

_COLUMNS = ("id", "key", "look", "spelling", "tag", "section", "depth", "quotes", "number", "numbering")


def dump(blocks: Blocks) -> str:
    """Return the blocks as text, each with its HTML."""
    sections = {block.section: None for block in blocks.blocks}
    numbers = {section: number for number, section in enumerate(sections)}
    rows = ((*block[:5], numbers[block.section], *block[6:10]) for block in blocks.blocks)
    columns = list(zip(*rows, strict=True)) or [()] * len(_COLUMNS)
    head = {
        "front": blocks.front,
        "source": blocks.source,
        "sections": list(sections),
        **dict(zip(_COLUMNS, columns, strict=True)),
    }
    bodies = (block.body for block in blocks.blocks)
    return "\n".join((json.dumps(head), *bodies, *map(html, blocks.blocks)))


def load(stored: str) -> Blocks:
    """Return the blocks that `dump` wrote down."""
    first, *lines = stored.split("\n")
    head = json.loads(first)
    sections = [tuple(section) for section in head["sections"]]
    head["section"] = [sections[number] for number in head["section"]]
    half = len(lines) // 2
    columns = (*(head[name] for name in _COLUMNS), lines[:half], lines[half:])
    return Blocks(tuple(map(Block, *columns)), head["front"], head["source"])


def html(block: Block) -> str:
    """Return what the block's element holds where nothing changed."""
    return block.html or unmarked(block.tag, block.runs)
