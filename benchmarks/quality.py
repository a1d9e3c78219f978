"""Score one redline: exact, honest, valid, quiet, and near the smallest edit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rapidfuzz.distance import Indel

from benchmarks import engine, marks
from benchmarks.corpus import Pair
from policy_versions import markdown
from policy_versions.diff import Change

CONTEXTS = (None, 2)  # in which the texts must be recoverable
_HELD = 0.5  # this share of a moved block stands in the other text

_NO_MARK_IN = frozenset("ul ol table thead tbody tr".split())
_ADDRESS = re.compile(r' href="[^"]*"')


@dataclass(frozen=True)
class Score:
    """What was found of one pair's redline."""

    name: str
    complete: bool  # nothing was shown replaced whole for lack of time
    minimum: int  # words deleted and inserted by the smallest edit of the source
    marked: int  # words in ins and del
    marked_before: int  # the same before stop-word islands are absorbed
    moved: int  # blocks marked moved
    false_moves: tuple[str, ...]  # their texts, shortened
    old_kept: bool  # without ins, the old text's letters and digits
    new_kept: bool  # without del, the new text's
    valid: bool | None  # None where a plain rendering is not
    silent: bool  # the source changed, and nothing is marked
    link_only: bool  # nothing but link targets changed
    link_shown: bool  # as link changes, without ins and del


def run(pairs: Sequence[Pair], say: Callable[[str], None]) -> tuple[list[Score], dict[str, str]]:
    """Score every pair; return the errors of those that the engine failed on, by name, beside the scores."""
    scores = []
    failed = {}
    for count, pair in enumerate(pairs, start=1):
        try:
            scores.append(score(pair))
        except Exception as error:
            failed[pair.name] = repr(error)
            say(f"the engine failed on {pair.name}: {error!r}")
        if count % 25 == 0:
            say(f"scored {count} of {len(pairs)} pairs")
    return scores, failed


def score(pair: Pair) -> Score:
    """Score one pair."""
    blocks = engine.read(pair.old), engine.read(pair.new)
    change = engine.compare(*blocks)
    redline = marks.read(engine.html(change))
    exact = marks.read(engine.html(engine.compare(*blocks, absorb=False)))
    plain = markdown.render(pair.old), markdown.render(pair.new)
    kept = [_kept(change, context, plain) for context in CONTEXTS]
    moved = redline.moved()
    return Score(
        name=pair.name,
        complete=change.is_complete,
        minimum=minimum(pair.old, pair.new),
        marked=redline.marked(),
        marked_before=exact.marked(),
        moved=len(moved),
        false_moves=tuple(was[:80].strip() for was, now in moved if _is_false(was, now, plain[0])),
        old_kept=all(old for old, _ in kept),
        new_kept=all(new for _, new in kept),
        valid=_valid(change, plain),
        silent=pair.old.split() != pair.new.split() and not redline.kinds,
        link_only=is_link_only(plain),
        link_shown=not redline.marked() and ("link" in redline.kinds or "link-note" in redline.classes),
    )


def minimum(old: str, new: str) -> int:
    """Return how many words, parted by blanks, the smallest edit deletes and inserts."""
    numbers: dict[str, int] = {}
    sides = [[numbers.setdefault(word, len(numbers)) for word in text.split()] for text in (old, new)]
    return Indel.distance(*sides)


# -- both texts, whole --------------------------------------------------------------------------


def _kept(change: Change, context: int | None, plain: tuple[str, str]) -> tuple[bool, bool]:
    """Whether the old text and the new one can be read off the redline."""
    redline = marks.read(engine.html(change, context=context))
    old, new = (marks.read(html).side("insert") for html in plain)
    read_old, read_new = redline.side("insert"), redline.side("delete")
    same_old = (
        marks.bag(read_old) == marks.bag(old)  # a moved block counts at its new place only
        if "moved" in redline.kinds
        else marks.letters(read_old) == marks.letters(old)
    )
    return same_old, marks.letters(read_new) == marks.letters(new)


# -- moves --------------------------------------------------------------------------------------


def _is_false(was: str, now: str, old: str) -> bool:
    """Whether less than half of a moved block, as it was or as it is, stands in the old text."""
    blocks = [marks.words(block.lower()) for block in marks.read(old).side("insert").split("\n")]
    return any(_held(marks.words(text.lower()), blocks) < _HELD for text in (was, now))


def _held(text: Sequence[str], blocks: Iterable[Sequence[str]]) -> float:
    """Return the share of a text's words in the block that has most of them, or of its runs of four in all."""
    count, fours = Counter(text), set(_fours(text))
    held, runs = 0.0, set()
    for block in blocks:
        held = max(held, (count & Counter(block)).total() / max(1, len(text)))
        runs |= fours.intersection(_fours(block))
    return max(held, len(runs) / len(fours) if fours else 0.0)


def _fours(text: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return zip(text, text[1:], text[2:], text[3:], strict=False)


# -- validity -----------------------------------------------------------------------------------


def _valid(change: Change, plain: tuple[str, str]) -> bool | None:
    if not all(map(is_valid, plain)):
        return None
    views: tuple[engine.View, ...] = ("inline", "side_by_side")
    return all(is_valid(engine.html(change, view)) for view in views)


def is_valid(html: str) -> bool:
    """Whether html5lib finds no fault, and no ins or del stands directly in a list, a table or a row."""
    parser: Any = import_module("html5lib").HTMLParser(namespaceHTMLElements=False)
    tree = parser.parseFragment(html)
    stray = (child for parent in tree.iter() if parent.tag in _NO_MARK_IN for child in parent)
    return not parser.errors and not any(child.tag in ("ins", "del") for child in stray)


# -- links --------------------------------------------------------------------------------------


def is_link_only(plain: tuple[str, str]) -> bool:
    """Whether two rendered texts differ in nothing but the addresses of their links."""
    old, new = (" ".join(html.split()) for html in plain)
    return old != new and _ADDRESS.sub("", old) == _ADDRESS.sub("", new)
