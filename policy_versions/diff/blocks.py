"""Read a text as leaf blocks: headings, paragraphs, list items, table rows, code; each with its words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

from markdown_it.token import Token

from policy_versions import markdown
from policy_versions.diff.tokens import CELL, Marks, Run, Words, cut, joined, numbering

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
ROWS = ("th", "tr")

_MARKS = {"strong_open": "strong", "em_open": "em", "s_open": "strike"}
_BLANKS = re.compile(r"\s+")
_ALIKE = str.maketrans("‘’“”‐‑‒–—", "''\"\"-----")  # spellings that do not make another text


class Block(NamedTuple):
    """One leaf block: all that a comparison needs of it, so that a kept one is never parsed again."""

    id: str  # unique in its text: made from the key
    key: str  # equal for blocks of one kind that read alike, whatever their numbering, capitals and quotes
    look: str  # equal for blocks that look alike: words, marks, kind, depth, number
    spelling: str  # equal for blocks that are written alike, wrapped lines apart
    tag: str  # h1 … h6, p, li (the first paragraph of an item), th or tr (a table's row), pre, hr
    section: tuple[str, ...]  # titles of the headings around it, the outermost first; a heading's ends in itself
    depth: int  # lists around it
    quotes: int  # quotes around it
    number: int | None  # shown before the item of an ordered list
    numbering: int  # how many of the first characters only number it, as in "5.1" or "(a)"
    body: str  # its runs as JSON
    html: str = ""  # what its element holds where nothing changed; "" where that was not made beforehand

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its visible text."""
        found = json.loads(self.body)
        return tuple(Run(one) if isinstance(one, str) else Run(one[0], tuple(one[1:])) for one in found)

    @property
    def text(self) -> str:
        """Its visible text without marks."""
        return joined(self.runs)

    @property
    def said(self) -> str:
        """Its visible text without its numbering."""
        return self.text[self.numbering :].lstrip()

    @property
    def words(self) -> Words:
        """Its words."""
        return cut(self.runs, code=self.tag == "pre")

    @property
    def is_heading(self) -> bool:
        """Whether it is a heading of any level."""
        return self.tag in HEADINGS


@dataclass(frozen=True, slots=True)
class Blocks:
    """A text as blocks in reading order, and hashes of what no block shows."""

    blocks: tuple[Block, ...]
    front: str  # hash of the front matter; "" where there is none
    source: str  # hash of the whole text as written


def read(text: str) -> Blocks:
    """Return the leaf blocks of a text.

    Raises: TextTooLong, TooManyBlocks, NestedTooDeep, as `markdown.check` does for a text to be published.
    """
    tokens = markdown.parse_whole(text)
    front, _ = markdown.split_front_matter(text)
    walk = _Walk(re.split("\r\n|\r|\n", markdown.body_of(text)))
    for token in tokens:
        walk.step(token)
    return Blocks(tuple(walk.blocks), digest(front) if front else "", digest(text))


def digest(*parts: str) -> str:
    """Return a hash of 16 hexadecimal digits."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def runs_of(children: Sequence[Token]) -> tuple[Run, ...]:
    """Return the visible text of an inline token's children."""
    marks: list[str] = []
    out: list[Run] = []
    for child in children:
        if child.nesting > 0:
            marks.append(_MARKS.get(child.type) or f"link:{child.attrs.get('href', '')}")
        elif child.nesting < 0:
            marks.pop()
        elif child.type in ("softbreak", "hardbreak"):
            out.append(Run("\n" if child.type == "hardbreak" else " ", tuple(marks)))
        else:
            inner = (*marks, "code") if child.type == "code_inline" else tuple(marks)
            out.append(Run(_BLANKS.sub(" ", child.content), inner))
    return tuple(_single_blanks(out))


def _single_blanks(runs: Iterable[Run]) -> Iterator[Run]:
    """Yield runs of one dress joined, with no blank after a blank, at the beginning, or at the end of a line."""
    before = "\n"
    for marks, same in groupby(runs, key=lambda run: run.marks):
        text = re.sub(r" *\n *", "\n", joined(tuple(same)))
        text = text.lstrip(" ") if before in (" ", "\n") else text
        if text:
            yield Run(text, marks)
            before = text[-1]


class _Walk:
    """Gather blocks from a stream of tokens, knowing what is open around each."""

    def __init__(self, lines: list[str]) -> None:
        self.blocks: list[Block] = []
        self._lines = lines
        self._open: list[Token] = []
        self._numbers: list[int | None] = []  # one for each list around; None for bullets
        self._fresh = False  # an item has begun and has no block yet
        self._path: list[tuple[int, str]] = []
        self._row: list[Run] = []
        self._keys: Counter[str] = Counter()

    def step(self, token: Token) -> None:
        """Take the next token."""
        if token.nesting > 0:
            self._enter(token)
        elif token.nesting < 0:
            self._leave(self._open.pop())
        elif token.type == "inline":
            self._inline(token)
        else:
            code = token.content.rstrip("\n")
            self._emit(token, "hr" if token.type == "hr" else "pre", [Run(code)] if code else [])

    def _enter(self, token: Token) -> None:
        self._open.append(token)
        if token.type == "ordered_list_open":
            self._numbers.append(int(token.attrs.get("start", 1)) - 1)
        elif token.type == "bullet_list_open":
            self._numbers.append(None)
        elif token.type == "list_item_open":
            self._fresh = True
            last = self._numbers[-1]
            self._numbers[-1] = None if last is None else last + 1
        elif token.type == "tr_open":
            self._row = []

    def _leave(self, opened: Token) -> None:
        if opened.type in ("ordered_list_open", "bullet_list_open"):
            self._numbers.pop()
        elif opened.type == "list_item_open":
            self._fresh = False  # it may have been empty
        elif opened.type == "tr_open":
            header = any(token.type == "thead_open" for token in self._open)
            self._emit(opened, "th" if header else "tr", self._row[1:], lines=2 if header else 1)

    def _inline(self, token: Token) -> None:
        runs = runs_of(token.children or ())
        if self._open[-1].type in ("th_open", "td_open"):
            self._row += [Run(CELL), *runs]
        elif self._open[-1].type == "heading_open":
            self._begin_section(int(self._open[-1].tag[1]), markdown.visible(token))
            self._emit(token, self._open[-1].tag, runs)
        else:
            self._emit(token, "li" if self._fresh else "p", runs)

    def _begin_section(self, level: int, title: str) -> None:
        self._path = [(above, name) for above, name in self._path if above < level]
        self._path.append((level, title))

    def _emit(self, token: Token, tag: str, runs: Sequence[Run], lines: int = 0) -> None:
        """Add a block. lines: how many it has in the source, where its token does not say (a table's head)."""
        first, end = token.map or (0, 0)
        source = " ".join("\n".join(self._lines[first : max(end, first + lines)]).split())
        text = joined(runs)
        numbered = 0 if tag in ("pre", *ROWS) else numbering(text, heading=tag in HEADINGS)
        key = _key(tag, text[numbered:])
        self._keys[key] += 1
        number = self._numbers[-1] if tag == "li" else None
        depth, quotes = len(self._numbers), sum(token.type == "blockquote_open" for token in self._open)
        body = json.dumps([[run.text, *run.marks] if run.marks else run.text for run in runs])
        self.blocks.append(
            Block(
                id=key if self._keys[key] == 1 else f"{key}-{self._keys[key]}",
                key=key,
                look=digest(tag, str(depth), str(quotes), str(number), body),
                spelling=digest(source),
                tag=tag,
                section=tuple(name for _, name in self._path),
                depth=depth,
                quotes=quotes,
                number=number,
                numbering=numbered,
                body=body,
            )
        )
        self._fresh = False


def _key(tag: str, said: str) -> str:
    kind = "h" if tag in HEADINGS else tag.replace("th", "tr")
    return digest(kind, said.strip().casefold().translate(_ALIKE))


def marks_link(marks: Marks) -> str:
    """Return the address that words with these marks lead to; "" for none."""
    return next((mark.removeprefix("link:") for mark in marks if mark.startswith("link:")), "")
