"""The example policies and some of the documentation, as what they are put together of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

from policy_versions import markdown
from policy_versions.diff import Block, read

ROOT = Path(__file__).parents[3]
SOURCES = ("docs/decisions/001*.md", "docs/redline.md", "examples/**/*.md")
LEAST = 4  # words that a part or a moved block has at least

_SIGNS = re.compile(r"#{1,6} |[-*+] |\| ?|")

Chunks = tuple[str, ...]  # a document: its paragraphs, headings, items and rows, each with its lines


def written(document: Sequence[str]) -> str:
    """Return the Markdown: the items of a list and the rows of a table without empty lines between them."""
    out = "".join(
        chunk + ("\n" if tag_of(chunk) == tag_of(after) and tag_of(chunk) in ("li", "tr") else "\n\n")
        for chunk, after in pairwise([*document, ""])
    )
    return out.rstrip("\n") + "\n"


def tag_of(chunk: str) -> str:
    """Return h, li, tr, pre or p."""
    signs = {"#": "h", "-": "li", "*": "li", "+": "li", "|": "tr", "`": "pre"}
    return signs.get(chunk[:1], "p") if not chunk.startswith("**") else "p"


def sign_of(chunk: str) -> str:
    """Return what makes a chunk a heading, an item or a row; "" for paragraphs."""
    found = _SIGNS.match(chunk)
    return found[0] if found and tag_of(chunk) != "p" else ""


@cache
def block_of(chunk: str) -> Block | None:
    """Return a chunk's one block; None where it has none or several."""
    blocks = read(chunk).blocks
    return blocks[0] if len(blocks) == 1 else None


@cache
def documents() -> tuple[Chunks, ...]:
    """Return texts that seldom change: with a file that does, these tests would draw others each time."""
    paths = chain(*(ROOT.glob(pattern) for pattern in SOURCES))
    return tuple(tuple(_chunks(path.read_text("utf-8"))) for path in sorted(paths))


def _chunks(text: str) -> Iterator[str]:
    """Yield the chunks of a text, without indented code: that would become part of an item put before it."""
    lines = markdown.body_of(text).split("\n")
    for token in markdown.parse(text):
        is_part = token.type in ("list_item_open", "tr_open")
        is_whole = token.level == 0 and token.type in ("heading_open", "paragraph_open", "fence")
        if token.map and (is_whole or (is_part and token.level <= 2)):
            first, end = token.map
            is_head = token.type == "tr_open" and lines[end].startswith("| -")
            yield "\n".join(lines[first : end + is_head]).rstrip()


@cache
def places(document: Chunks) -> tuple[int, ...]:
    """Return where a block stands whose words stand nowhere else in the document."""
    keys = Counter(block.key for block in read(written(document)).blocks)
    blocks = enumerate(map(block_of, document))
    return tuple(place for place, block in blocks if block and keys[block.key] == 1 and block.tag != "pre")
