"""Move one section of a real text and see whether the redline says so."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks import engine, marks
from benchmarks.corpus import Pair
from policy_versions import markdown

DOCUMENTS = 60
SIZES = range(3, 7)  # blocks of the section, its heading among them
AWAY = 6  # blocks it moves at least
EDITED = 0.05  # of its words
COST = 0.10  # of twice its words may stand in ins and del
_PLAIN_WORD = re.compile(r"(?<!\S)[A-Za-z]{2,}(?=[.,;:]?(?:\s|\Z))")


class Moved(NamedTuple):
    """A text before and after its section moved."""

    name: str  # of the pair
    old: str
    new: str
    edited: str  # the same with some of the section's words replaced
    words: int  # of the section, as rendered


class Outcome(NamedTuple):
    """Whether a moved section was recognised, and the words marked, as a share of twice its words."""

    name: str
    exact: bool
    exact_cost: float
    edited: bool
    edited_cost: float


def run(pairs: Sequence[Pair], seed: int, say: Callable[[str], None]) -> list[Outcome]:
    """Return the outcome for each of up to DOCUMENTS texts."""
    rng = random.Random(seed)
    made: list[Moved] = []
    for pair in _in_turns(pairs, rng):
        if len(made) < DOCUMENTS and (moved := _moved(pair, rng)):
            made.append(moved)
    say(f"moved a section in {len(made)} texts")
    return [_outcome(moved) for moved in made]


def _outcome(moved: Moved) -> Outcome:
    exact = _recognised(moved.old, moved.new, moved.words)
    edited = _recognised(moved.old, moved.edited, moved.words)
    return Outcome(moved.name, *exact, *edited)


def _recognised(old: str, new: str, words: int) -> tuple[bool, float]:
    redline = marks.read(engine.html(engine.compare(engine.read(old), engine.read(new))))
    cost = redline.marked() / (2 * words)
    return cost <= COST and "moved" in redline.kinds, round(cost, 4)


# -- making them --------------------------------------------------------------------------------


def _in_turns(pairs: Sequence[Pair], rng: random.Random) -> Iterator[Pair]:
    """Yield one pair of each new text: one of every policy, then a second one of every policy that has it …"""
    texts = {pair.new: pair for pair in pairs}
    drawn = [texts[text] for text in rng.sample(sorted(texts), len(texts))]
    places: Counter[str] = Counter()
    turns = []
    for pair in drawn:
        turns.append(places[pair.policy])
        places[pair.policy] += 1
    return (pair for _, pair in sorted(zip(turns, drawn, strict=True), key=lambda item: item[0]))


def _moved(pair: Pair, rng: random.Random) -> Moved | None:
    """Move one section of the new text by AWAY blocks or more; None where no section can move so far."""
    blocks, headings = _blocks(pair.new)
    choices = list(_choices(len(blocks), headings))
    if not choices:
        return None
    begin, end, to = rng.choice(choices)
    section = blocks[begin:end]
    return Moved(
        name=pair.name,
        old="".join(blocks),
        new=_put(blocks, begin, end, to, section),
        edited=_put(blocks, begin, end, to, _edited(section, rng)),
        words=max(1, len(marks.read(markdown.render("".join(section))).side("insert").split())),
    )


def _blocks(text: str) -> tuple[list[str], list[int]]:
    """Return the source of each outermost block, ending in a blank line, and the places of the headings."""
    lines = re.split("\r\n|\r|\n", markdown.body_of(text))
    tokens = [token for token in markdown.parse(text) if token.level == 0 and token.map and token.nesting >= 0]
    starts = [token.map[0] for token in tokens if token.map]
    ends = [*starts[1:], len(lines)]
    blocks = ["\n".join(lines[start:end]).strip("\n") + "\n\n" for start, end in zip(starts, ends, strict=True)]
    return blocks, [place for place, token in enumerate(tokens) if token.type == "heading_open"]


def _choices(size: int, headings: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield each section that can move (its begin and end), and the place it can move to."""
    bounds = [*headings, size]
    for begin, end in pairwise(bounds):
        if end - begin in SIZES:
            yield from ((begin, end, to) for to in bounds if begin - to >= AWAY or to - end >= AWAY)


def _put(blocks: Sequence[str], begin: int, end: int, to: int, section: Sequence[str]) -> str:
    if to < begin:
        return "".join([*blocks[:to], *section, *blocks[to:begin], *blocks[end:]])
    return "".join([*blocks[:begin], *blocks[end:to], *section, *blocks[to:]])


def _edited(section: Sequence[str], rng: random.Random) -> list[str]:
    """Return the section with a share of its plain words replaced by words found nowhere else."""
    whole = "\f".join(section)  # no block holds a form feed of its own worth keeping
    places = [found.span() for found in _PLAIN_WORD.finditer(whole)]
    count = min(len(places), math.ceil(EDITED * len(whole.split())))
    for number, (begin, end) in sorted(enumerate(rng.sample(places, count)), key=lambda item: -item[1][0]):
        whole = f"{whole[:begin]}replaced{number}{whole[end:]}"
    return whole.split("\f")
