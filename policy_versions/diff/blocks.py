"""Read a text as leaf blocks: headings, paragraphs, list items, table rows, code; each with its words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, groupby
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

from markdown_it.token import Token

from policy_versions import markdown
from policy_versions.diff.collecting import uncollected
from policy_versions.diff.tokens import CELL, Marks, Run, Words, cut, joined, numbering

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
ROWS = ("th", "tr")
TITLE = 300  # characters of a section's title: it is told again with every block of the section

_CELL_ENDS = frozenset({"th_open", "th_close", "td_open", "td_close"})  # between a row's, all text is a cell's
_MARKS = {"strong_open": "strong", "em_open": "em", "s_open": "strike"}
_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[^\S\n]+")
_BREAK = re.compile(r" *\n *")
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
    number: int | None  # shown before it, where it begins an item of an ordered list
    numbering: int  # how many of the first characters only number it, as in "5.1" or "(a)"
    body: str  # its runs as JSON
    html: str = ""  # what its element holds where nothing changed; "" where that was not made beforehand

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its visible text."""
        found, _ = _DECODER.raw_decode(self.body)  # without the checks that `json.loads` makes first
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


@dataclass(slots=True)
class Known:
    """What was read already: another text shares most of its paragraphs with the one before."""

    inline: dict[str, list[Token]] = field(default_factory=dict)
    blocks: dict[Hashable, _Read] = field(default_factory=dict)


def read(text: str, known: Known | None = None) -> Blocks:
    """Return the leaf blocks of a text. known: is used, and added to.

    Raises: TextTooLong, TooManyBlocks, TooManyCells, NestedTooDeep, as `markdown.check` does.
    """
    known = known or Known()
    front, body = markdown.split_front_matter(text)
    with uncollected():
        parsed = markdown.parse_whole(text, known.inline)
        lines = re.split("\r\n|\r|\n", body.removeprefix("\ufeff"))
        walk = _Walk(lines, {} if parsed.by_name else known.blocks)
        for token in parsed.tokens:
            if token.type not in _CELL_ENDS:
                walk.step(token)
    return Blocks(tuple(walk.blocks), digest(front) if front else "", digest(text))


def digest(*parts: str) -> str:
    """Return a hash of 16 hexadecimal digits."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def runs_of(children: Sequence[Token]) -> tuple[Run, ...]:
    """Return the visible text of an inline token's children."""
    if len(children) == 1 and children[0].type == "text":
        text = " ".join(children[0].content.split())
        return (Run(text),) if text else ()
    marks: list[str] = []
    opened: list[list[str]] = []
    out: list[Run] = []
    for child in children:
        if child.nesting > 0:
            mark = _MARKS.get(child.type) or f"link:{child.attrs.get('href', '')}"
            opened.append(marks)
            if mark.startswith("link:"):  # of a link within a link, only the inner one can be followed
                marks = [one for one in marks if not one.startswith("link:")]
            marks = [*marks, mark]
        elif child.nesting < 0:
            marks = opened.pop()
        elif child.type in ("softbreak", "hardbreak"):
            out.append(Run("\n" if child.type == "hardbreak" else " ", tuple(marks)))
        else:
            inner = (*marks, "code") if child.type == "code_inline" else tuple(marks)
            out.append(Run(child.content, inner))
    return tuple(_single_blanks(out))


def _single_blanks(runs: Iterable[Run]) -> Iterator[Run]:
    """Yield runs of one dress joined, with no blank after a blank, at the beginning, or at the end of a line."""
    before = "\n"
    for marks, same in groupby(runs, key=lambda run: run.marks):
        text = "".join(run.text for run in same)
        if text != " ".join(text.split()):
            text = _BREAK.sub("\n", _BLANKS.sub(" ", text))
        text = text.lstrip(" ") if before in (" ", "\n") else text
        if text:
            yield Run(text, marks)
            before = text[-1]


class _Read(NamedTuple):
    """What a block's source and place tell, whatever stands around it."""

    key: str
    look: str
    spelling: str
    numbering: int
    body: str


class _Walk:
    """Gather blocks from a stream of tokens, knowing what is open around each."""

    def __init__(self, lines: list[str], known: dict[Hashable, _Read]) -> None:
        self.blocks: list[Block] = []
        self._lines, self._known = lines, known
        self._open: list[Token] = []
        self._numbers: list[int | None] = []  # one for each list around; None for bullets
        self._quotes = 0
        self._fresh = False  # an item has begun and has no block yet
        self._path: list[tuple[int, str]] = []
        self._section: tuple[str, ...] = ()
        self._head = False  # inside a table's head
        self._cells: list[Token] = []
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
            self._emit(token, "hr" if token.type == "hr" else "pre", [token])

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
            self._cells = []
        elif token.type == "thead_open":
            self._head = True
        elif token.type == "blockquote_open":
            self._quotes += 1

    def _leave(self, opened: Token) -> None:
        if opened.type in ("ordered_list_open", "bullet_list_open"):
            self._numbers.pop()
        elif opened.type == "list_item_open":
            self._fresh = False  # it may have been empty
        elif opened.type == "tr_open":
            self._emit(opened, "th" if self._head else "tr", self._cells, lines=2 if self._head else 1)
        elif opened.type == "thead_open":
            self._head = False
        elif opened.type == "blockquote_open":
            self._quotes -= 1

    def _inline(self, token: Token) -> None:
        opened = self._open[-1]
        if opened.type == "tr_open":
            self._cells.append(token)
        elif opened.type == "heading_open":
            self._begin_section(int(opened.tag[1]), markdown.visible(token))
            self._emit(token, opened.tag, [token])
        else:
            self._emit(token, "li" if self._fresh else "p", [token])

    def _begin_section(self, level: int, title: str) -> None:
        self._path = [(above, name) for above, name in self._path if above < level]
        self._path.append((level, title if len(title) <= TITLE else f"{title[:TITLE]}…"))
        self._section = tuple(name for _, name in self._path)

    def _emit(self, where: Token, tag: str, tokens: Sequence[Token], lines: int = 0) -> None:
        """Add a block. lines: how many it has in the source, where its token does not say (a table's head)."""
        first, end = where.map or (0, 0)
        source = "\n".join(self._lines[first : max(end, first + lines)])
        number = self._numbers[-1] if self._fresh else None
        place = tag, len(self._numbers), self._quotes, number
        # The cells as well: of a row too long for its table's head, only as many are shown.
        seen = (place, source, *(token.content for token in tokens), any(token.meta for token in tokens))
        known = self._known.get(seen)
        if known is None:
            known = self._known[seen] = _read(place, source, tokens)
        key = known.key
        self._keys[key] += 1
        self.blocks.append(
            Block(
                key if self._keys[key] == 1 else f"{key}-{self._keys[key]}",
                key,
                known.look,
                known.spelling,
                tag,
                self._section,
                place[1],
                self._quotes,
                number,
                known.numbering,
                known.body,
            )
        )
        self._fresh = False


def _read(place: tuple[str, int, int, int | None], source: str, tokens: Sequence[Token]) -> _Read:
    tag = place[0]
    if tag in ("hr", "pre"):
        code = tokens[0].content.rstrip("\n")
        runs: tuple[Run, ...] = (Run(code),) if code else ()
    elif tag in ROWS:
        runs = _row(tokens)
    else:
        runs = runs_of(tokens[0].children or ())
    text = joined(runs)
    numbered = 0 if tag in ("pre", *ROWS) else numbering(text, heading=tag in HEADINGS)
    body = f"[{','.join(map(_written, runs))}]"
    look = digest(repr(place), body)
    return _Read(_key(tag, text[numbered:]), look, digest(" ".join(source.split())), numbered, body)


def _row(cells: Sequence[Token]) -> tuple[Run, ...]:
    children = [cell.children or () for cell in cells]
    if all(not child or (len(child) == 1 and child[0].type == "text") for child in children):
        text = CELL.join(" ".join(child[0].content.split()) if child else "" for child in children)
        return (Run(text),) if text else ()
    runs = tuple(_dressed_alike(chain.from_iterable((Run(CELL), *runs_of(child)) for child in children)))
    return (runs[0]._replace(text=runs[0].text.removeprefix(CELL)), *runs[1:])


def _dressed_alike(runs: Iterable[Run]) -> Iterator[Run]:
    for marks, same in groupby(runs, key=lambda run: run.marks):
        yield Run("".join(run.text for run in same), marks)


def _written(run: Run) -> str:
    text = encode_basestring_ascii(run.text)
    return f"[{','.join((text, *map(encode_basestring_ascii, run.marks)))}]" if run.marks else text


def _key(tag: str, said: str) -> str:
    kind = "h" if tag in HEADINGS else tag.replace("th", "tr")
    said = said.strip().casefold()
    return digest(kind, said if said.isascii() else said.translate(_ALIKE))


def marks_link(marks: Marks) -> str:
    """Return the address that words with these marks lead to; "" for none."""
    return next((mark.removeprefix("link:") for mark in marks if mark.startswith("link:")), "")
