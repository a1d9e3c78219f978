"""Cut the runs of a block into words: the smallest things that are inserted or deleted."""

from __future__ import annotations

import re
import string
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

Marks = tuple[str, ...]  # strong, em, code, strike, link:URL; the outermost first

CELL = "\t"  # stands between two cells of a row; no other word of a row holds a tab

_CHINESE_JAPANESE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # written without spaces: a sign is a word
_LETTERS = rf"(?:[^\W{_CHINESE_JAPANESE}]|[\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u0e00-\u0fff])"
_URL = r"https?://[^\s<>]*[^\s<>.,;:)]"
_MAIL = r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
_NUMBER = r"\d+(?:[.,:/]\d+)+"
_SIGNS = "|".join(re.escape(sign) + "+" for sign in string.punctuation)  # "..." and "-----" are one word
_REST = rf"{_NUMBER}|[{_CHINESE_JAPANESE}]|{_LETTERS}+(?:['’]{_LETTERS}+)*|{_SIGNS}|\S"
_BLANKS = rf"[^\S{CELL}]*"
_WORD = re.compile(rf"{CELL}|{_BLANKS}(?:{_URL}|{_MAIL}|{_REST})")
_ASCII_WORD = re.compile(rf"{CELL}|[ \n]*(?:[A-Za-z_]\w*(?:'\w+)*|{_NUMBER}|\w+(?:'\w+)*|{_SIGNS}|\S)", re.ASCII)
_CODE = re.compile(rf"\s*(?:{_URL}|{_REST})")
_INSIDE = re.compile(rf"{_LETTERS}['’]?|{_LETTERS}{_LETTERS}|['’]{_LETTERS}")  # the signs where two runs meet
_NUMBERED = re.compile(r"\d|\(|(?:[A-Za-z]|[ivxIVX]+)\s?[.)]")
_ASCII_SAID = re.compile(r"\w+", re.ASCII)
_SAID = re.compile(rf"[{_CHINESE_JAPANESE}]|[^\W{_CHINESE_JAPANESE}]+")


class Run(NamedTuple):
    """Visible text in one dress. Blanks are single; a line break stands for one that is forced."""

    text: str
    marks: Marks = ()


class Mixed(tuple[Run, ...]):
    """The parts of a word that stands in several dresses, as in "un*believ*able"."""


class Words(NamedTuple):
    """The words of a block, each with the blanks before it, without them, and its marks."""

    raw: list[str]
    texts: list[str]
    marks: list[Marks | Mixed]

    def __len__(self) -> int:
        return len(self.raw)

    @classmethod
    def joined(cls, several: Sequence[Words]) -> Words:
        """Return the words of several blocks, each block's first one after a blank."""
        if len(several) == 1:
            return several[0]
        made = cls([], [], [])
        for words in several:
            made.raw.extend(" " * bool(made.raw and not place) + word for place, word in enumerate(words.raw))
            made.texts.extend(words.texts)
            made.marks.extend(words.marks)
        return made


def cut(runs: Sequence[Run], *, code: bool = False) -> Words:
    """Return the words of these runs. In code, blanks and line breaks are kept as written."""
    if any(_INSIDE.fullmatch(one.text[-1:] + two.text[:1]) for one, two in pairwise(runs)):
        return _cut_across(runs)
    raw: list[str] = []
    marks: list[Marks | Mixed] = []
    left = ""  # blanks at the end of a run belong to the next word
    for run in runs:
        text = left + run.text
        bare = text if code else text.rstrip(" \n")
        left = text[len(bare) :]
        pattern = _CODE if code else _pattern(bare)
        found = pattern.findall(bare)
        raw += found
        marks += [run.marks] * len(found)
    return Words(raw, _bare(raw), marks)


def _cut_across(runs: Sequence[Run]) -> Words:
    """Cut runs of which some begin inside a word."""
    text = joined(runs)
    ends = list(accumulate(len(run.text) for run in runs))
    made = Words([], [], [])
    for found in _pattern(text).finditer(text):
        word = found.group()
        bare = word.lstrip() or word
        start = found.end() - len(bare)
        first, last = bisect_right(ends, start), bisect_left(ends, found.end())
        made.raw.append(word)
        made.texts.append(bare)
        made.marks.append(runs[first].marks)
        if first != last:
            bounds = [start, *ends[first:last], found.end()]
            parts = [
                Run(text[a:b], run.marks) for (a, b), run in zip(pairwise(bounds), runs[first:], strict=False)
            ]
            parts[0] = Run(word[: len(word) - len(bare)] + parts[0].text, parts[0].marks)
            made.marks[-1] = Mixed(parts)
    return made


def _pattern(text: str) -> re.Pattern[str]:
    """Return what finds the words of a text: the quick one does where nothing in it is out of the ordinary."""
    ordinary = text.isascii() and "@" not in text and "://" not in text
    return _ASCII_WORD if ordinary else _WORD


def _bare(words: list[str]) -> list[str]:
    bare = [word.lstrip() for word in words]
    return [word or CELL for word in bare] if "" in bare else bare


def said(text: str) -> list[str]:
    """Return the words of a text for likeness: letters and digits, in one case."""
    return (_ASCII_SAID if text.isascii() else _SAID).findall(text.casefold())


def numbering(text: str, *, heading: bool) -> int:
    """Return how many of the first characters only number a block, as in "5.1", "(a)" or "IV."."""
    if _NUMBERED.match(text) is None:
        return 0
    words = list(_WORD.finditer(text[:60]))[:3]
    first, second, third = [*(word.group().lstrip() for word in words), "", "", ""][:3]
    if re.fullmatch(r"\d+(?:\.\d+)*|[A-Za-z]|[ivxIVX]+|\(", first) is None:
        return 0
    if first == "(":
        return words[2].end() if third == ")" and len(second) <= 4 else 0
    if second in (".", ")") and third:
        return words[1].end()
    dotted = "." in first and second[:1].isupper()
    return words[0].end() if first[0].isdigit() and second and (heading or dotted) else 0


def joined(runs: Sequence[Run]) -> str:
    """Return the text of the runs."""
    return "".join(run.text for run in runs)
