"""Read a text as leaf blocks: headings, paragraphs, list items, table rows, code; each with its words."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from markdown_it.token import Token

from policy_versions import markdown

CELL = "\t"  # stands between two cells of a row; no other word holds a tab

_MARKS = {"strong_open": "strong", "em_open": "em", "s_open": "strike"}
_CHINESE_JAPANESE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # written without spaces: a sign is a word
_LETTERS = rf"(?:[^\W{_CHINESE_JAPANESE}]|[\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u0e00-\u0fff])"
_ADDRESS = r"https?://[^\s<>]*[^\s<>.,;:)]|[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
_WORD = re.compile(rf"\s+|{_ADDRESS}|\d+(?:[.,:/]\d+)+|[{_CHINESE_JAPANESE}]|{_LETTERS}+(?:['’]{_LETTERS}+)*|.")
_NUMBER = re.compile(r"\d+(?:\.\d+)*|[A-Za-z]|[ivxIVX]+|\(")


class Word(NamedTuple):
    """The smallest thing that is inserted or deleted: a word, a number, an address, a sign."""

    text: str
    marks: tuple[str, ...] = ()  # strong, em, code, strike, link:URL; the outermost first
    space: str = ""  # what stands before it: nothing, a blank, a line break (in code: as written)


@dataclass(frozen=True, slots=True)
class Block:
    """One leaf block. `key` is equal for blocks of one kind that read alike, whatever their numbering."""

    tag: str  # h1 … h6, p, li (the first paragraph of an item), th or tr (a table's row), pre, hr
    words: tuple[Word, ...]
    section: tuple[str, ...]  # titles of the headings around it, the outermost first; a heading's ends in itself
    source: str  # its lines as written
    depth: int = 0  # lists around it
    quotes: int = 0  # quotes around it
    number: int | None = None  # shown before the item of an ordered list
    numbering: int = 0  # how many of the first words only number it, as in "5.1" or "(a)"
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbering", _numbering(self.words, heading=self.is_heading))
        object.__setattr__(self, "key", self._key())

    def _key(self) -> str:
        kind = "h" if self.is_heading else self.tag.replace("th", "tr")
        text = " ".join(word.text for word in self.words[self.numbering :])
        return blake2b(f"{kind} {text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def is_heading(self) -> bool:
        """Whether it is a heading of any level."""
        return self.tag in ("h1", "h2", "h3", "h4", "h5", "h6")

    @property
    def texts(self) -> tuple[str, ...]:
        """Its words without marks and spaces."""
        return tuple(word.text for word in self.words)


def read(text: str) -> tuple[Block, ...]:
    """Return the leaf blocks of a text in reading order. Its front matter is none."""
    walk = _Walk(re.split("\r\n|\r|\n", markdown.body_of(text)))
    for token in markdown.parse(text):
        walk.step(token)
    return tuple(walk.blocks)


def words(children: Sequence[Token]) -> Iterator[Word]:
    """Yield the words of an inline token's children."""
    marks: list[str] = []
    space = ""
    for child in children:
        if child.nesting > 0:
            marks.append(_MARKS.get(child.type) or f"link:{child.attrs.get('href', '')}")
        elif child.nesting < 0:
            marks.pop()
        elif child.type in ("softbreak", "hardbreak"):
            space = " " if child.type == "softbreak" else "\n"
        else:
            inner = (*marks, "code") if child.type == "code_inline" else tuple(marks)
            space = yield from _split(child.content, inner, space)


def _split(text: str, marks: tuple[str, ...], space: str) -> Generator[Word, None, str]:
    """Yield the words of a run of text; return the space left over at its end, which belongs to the next."""
    for found in _WORD.findall(text):
        if found.isspace():
            space = space or " "
        else:
            yield Word(found, marks, space)
            space = ""
    return space


def _code(text: str) -> Iterator[Word]:
    """Yield the words of a code block, whose blanks and line breaks are kept."""
    space = ""
    for found in _WORD.findall(text):
        if not found.isspace():
            yield Word(found, (), space)
        space = found if found.isspace() else ""


def _numbering(words: Sequence[Word], *, heading: bool) -> int:
    """Return how many of the first words only number the block."""
    if not words or not _NUMBER.fullmatch(words[0].text):
        return 0
    first, second, third = [*(word.text for word in words[:3]), "", ""][:3]
    if first == "(":
        return 3 if third == ")" and len(second) <= 4 else 0
    if second in (".", ")") and third:
        return 2
    dotted = "." in first and second[:1].isupper()
    return int(first[0].isdigit() and bool(second) and (heading or dotted))


class _Walk:
    """Gather blocks from a stream of tokens, knowing what is open around each."""

    def __init__(self, lines: list[str]) -> None:
        self.blocks: list[Block] = []
        self._lines = lines
        self._open: list[Token] = []
        self._numbers: list[int | None] = []  # one for each list around; None for bullets
        self._fresh = False  # an item has begun and has no block yet
        self._path: list[tuple[int, str]] = []
        self._row: list[Word] = []

    def step(self, token: Token) -> None:
        """Take the next token."""
        if token.nesting > 0:
            self._enter(token)
        elif token.nesting < 0:
            self._leave(self._open.pop())
        elif token.type == "inline":
            self._inline(token)
        else:
            self._emit(token, "hr" if token.type == "hr" else "pre", _code(token.content))

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
            self._emit(opened, "th" if header else "tr", self._row[1:])

    def _inline(self, token: Token) -> None:
        if self._open[-1].type in ("th_open", "td_open"):
            self._row += [Word(CELL), *words(token.children or ())]
        elif self._open[-1].type == "heading_open":
            self._begin_section(int(self._open[-1].tag[1]), markdown.visible(token))
            self._emit(token, self._open[-1].tag, words(token.children or ()))
        else:
            self._emit(token, "li" if self._fresh else "p", words(token.children or ()))

    def _begin_section(self, level: int, title: str) -> None:
        self._path = [(above, name) for above, name in self._path if above < level]
        self._path.append((level, title))

    def _emit(self, token: Token, tag: str, words: Iterable[Word]) -> None:
        first, end = token.map or (0, 0)
        self.blocks.append(
            Block(
                tag=tag,
                words=tuple(words),
                section=tuple(name for _, name in self._path),
                source="\n".join(self._lines[first:end]),
                depth=len(self._numbers),
                quotes=sum(token.type == "blockquote_open" for token in self._open),
                number=self._numbers[-1] if tag == "li" else None,
            )
        )
        self._fresh = False
