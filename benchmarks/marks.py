"""Read a redline's HTML as its reader does: which text stayed, came and went, and which belongs to neither."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from itertools import groupby
from typing import Literal, NamedTuple

Op = Literal["equal", "insert", "delete"]

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_WITHIN_A_LINE = frozenset("a abbr b bdi cite code del em i ins kbd mark q s small span strong sub sup u".split())
_OPS: dict[str, Op] = {"ins": "insert", "del": "delete"}
_WORD = re.compile(r"[^\W_]+")


class Text(NamedTuple):
    """A run of text of either version."""

    text: str
    op: Op
    mark: int  # the number of its ins or del element; 0 outside
    block: int  # the number of the changed block around it; 0 outside


class Redline(NamedTuple):
    """The texts of a redline without its notes, and the kinds of its changed blocks."""

    texts: list[Text]
    kinds: list[str]  # of block 1, 2, …
    classes: frozenset[str]  # of all elements

    def side(self, gone: Op) -> str:
        """Return the text without what was inserted, or without what was deleted."""
        return "".join(text.text for text in self.texts if text.op != gone)

    def marked(self) -> int:
        """Return how many words, parted by blanks, stand in ins and del."""
        marks = groupby((text for text in self.texts if text.mark), key=lambda text: text.mark)
        return sum(len("".join(text.text for text in run).split()) for _, run in marks)

    def moved(self) -> list[tuple[str, str]]:
        """Return the text of each moved block as it was (without ins) and as it is (without del)."""
        blocks = groupby((text for text in self.texts if text.block), key=lambda text: text.block)
        runs = [list(run) for number, run in blocks if self.kinds[number - 1] == "moved"]
        sides = [
            (_joined(run, lambda op: op != "insert"), _joined(run, lambda op: op != "delete")) for run in runs
        ]
        return [side for side in sides if any(map(words, side))]


def read(html: str) -> Redline:
    """Return what stands in a redline, or in plain HTML, where all is equal."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Redline(reader.texts, reader.kinds, frozenset(reader.classes))


def words(text: str) -> list[str]:
    """Return the runs of letters and digits."""
    return _WORD.findall(text)


def letters(text: str) -> str:
    """Return the letters and digits."""
    return "".join(filter(str.isalnum, text))


def bag(text: str) -> Counter[str]:
    """Return how often each word occurs."""
    return Counter(words(text))


def _joined(run: Iterable[Text], keep: Callable[[Op], bool]) -> str:
    return "".join(text.text for text in run if keep(text.op))


class _State(NamedTuple):
    """What an element means for the text in it."""

    tag: str
    noted: bool
    op: Op
    mark: int
    block: int


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[Text] = []
        self.kinds: list[str] = []
        self.classes: set[str] = set()
        self._marks = 0
        self._open = [_State("", False, "equal", 0, 0)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.classes.update((found.get("class") or "").split())
        self._part(tag)
        if tag in _VOID:
            return
        around = self._open[-1]
        noted = around.noted or "data-note" in found
        op, mark, block = around.op, around.mark, around.block
        if tag in _OPS and not noted:
            self._marks += 1
            op, mark = _OPS[tag], self._marks
        if "data-change" in found:
            self.kinds.append(found.get("data-kind") or "")
            block = len(self.kinds)
        self._open.append(_State(tag, noted, op, mark, block))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        place = next((place for place in range(len(self._open) - 1, 0, -1) if self._open[place].tag == tag), 0)
        if place:
            self._part(tag)
            del self._open[place:]

    def handle_data(self, data: str) -> None:
        state = self._open[-1]
        if not state.noted:
            self.texts.append(Text(data, state.op, state.mark, state.block))

    def _part(self, tag: str) -> None:
        """Let no word run from one block, cell or line into the next."""
        if tag not in _WITHIN_A_LINE:
            self.handle_data("\n")
