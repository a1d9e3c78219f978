"""Edits to the Markdown files of this repository, of which it is known what they change; for Hypothesis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from tests.policy_versions.diff.documents import (
    LEAST,
    Chunks,
    block_of,
    documents,
    places,
    sign_of,
    tag_of,
    written,
)

WORDS = st.sampled_from("quokka marmot tapir ocelot gibbon lemur okapi bongo dugong serval".split())
SENTENCES = st.lists(WORDS, min_size=5, max_size=12).map(lambda words: " ".join(words).capitalize() + ".")
ADDRESSES = ("", "https://plover.example/a", "https://plover.example/b", "/c", "mailto:d@plover.example")
NUMBERS = (("2.3 ", "2.4 "), ("(a) ", "(b) "), ("5.1. ", "6.1. "))
DRESS = {"strong": "**{}**", "em": "*{}*", "strike": "~~{}~~", "code": "`{}`"}

_PLAIN = re.compile(r"(?<= )[a-z]{3,}(?= )")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


class Spot(NamedTuple):
    """Chunks of a document that an edit can be made to; of none, the place between two."""

    document: Chunks
    place: int
    size: int


class Edit(NamedTuple):
    """What stood at a spot, and what stands there now."""

    spot: Spot
    was: Chunks
    now: Chunks

    @property
    def old(self) -> str:
        """The document before."""
        return written(self._with(self.was))

    @property
    def new(self) -> str:
        """The document after."""
        return written(self._with(self.now))

    def __repr__(self) -> str:
        """Return it without the document, which would hide the edit from whoever reads a failure."""
        return f"{self.was} -> {self.now} in {self.spot.document[:1]}"

    def _with(self, middle: Chunks) -> Chunks:
        document, place, size = self.spot
        return (*document[:place], *middle, *document[place + size :])


# -- spots --------------------------------------------------------------------------------------


def sentences(chunk: str) -> list[tuple[str, str]]:
    """Return the ways to cut a paragraph or an item in two at the end of a sentence."""
    ways = [(chunk[: at.start()], sign_of(chunk) + chunk[at.end() :]) for at in _SENTENCE_END.finditer(chunk)]
    return [way for way in ways if _joins(way, chunk)] if tag_of(chunk) in ("p", "li") else []


def _joins(parts: Sequence[str], whole: str) -> bool:
    blocks = [block_of(chunk) for chunk in (*parts, whole)]
    first, second, both = (block.text if block else "" for block in blocks)
    return f"{first} {second}" == both and min(len(first.split()), len(second.split())) >= LEAST


def plain_words(chunk: str) -> list[tuple[int, int]]:
    """Return where words stand that can be replaced or dressed without becoming part of anything else."""
    return [] if re.search(r"[\[`<~_]|://", chunk) else [found.span() for found in _PLAIN.finditer(chunk)]


@cache
def spots(deed: str) -> tuple[Spot, ...]:
    """Return where such an edit can be made, in all documents."""
    return tuple(spot for document in documents() for spot in spots_in(document, deed))


@cache
def spots_in(document: Chunks, deed: str) -> tuple[Spot, ...]:
    """Return where such an edit can be made in a document: to a block that is not like another one."""
    found = (Spot(document, place, int(deed != "insert")) for place in places(document))
    return tuple(spot for spot in found if _allows(spot, deed))


def _allows(spot: Spot, deed: str) -> bool:
    document, place, _ = spot
    chunk = document[place]
    before, after = (document[place - 1] if place else ""), (*document, "")[place + 1]
    is_head = "\n| -" in chunk
    joins_tables = tag_of(chunk) != "tr" and tag_of(before) == tag_of(after) == "tr"
    number_fits = re.match(r"[#\-*+| ]*[A-Z]", chunk) is not None
    return {
        "insert": not is_head and place > 0,
        "delete": not is_head and not joins_tables,
        "reword": bool(plain_words(chunk)) and len(chunk.split()) > LEAST,
        "retitle": tag_of(chunk) == "h",
        "renumber": tag_of(chunk) in ("h", "p", "li") and number_fits,
        "relink": bool(plain_words(chunk)) or "](" in chunk,
        "reformat": bool(plain_words(chunk)),
        "split": bool(sentences(chunk)),
        "merge": bool(sentences(chunk)),
    }[deed]


# -- edits --------------------------------------------------------------------------------------


@st.composite
def edits(draw: st.DrawFn, deed: str) -> Edit:
    """Draw one edit to one block of one document."""
    return draw(edits_at(draw(st.sampled_from(spots(deed))), deed))


@st.composite
def edits_at(draw: st.DrawFn, spot: Spot, deed: str) -> Edit:
    """Draw an edit to a spot that allows of it."""
    chunk = spot.document[spot.place]
    if deed in ("insert", "delete"):
        was, now = ((), (draw(new_chunks(chunk)),)) if deed == "insert" else ((chunk,), ())
        return Edit(spot, was, now)
    if deed in ("split", "merge"):
        parts = draw(st.sampled_from(sentences(chunk)))
        return Edit(spot, (chunk,), parts) if deed == "split" else Edit(spot, parts, (chunk,))
    was_so, now_so = draw(_REWRITTEN[deed](chunk))
    return Edit(spot, (was_so,), (now_so,))


@st.composite
def new_chunks(draw: st.DrawFn, before: str) -> str:
    """Draw a block whose words are in no document, which can stand before this one."""
    if tag_of(before) == "tr":
        cells = draw(st.lists(SENTENCES, min_size=before.count("|") - 1, max_size=before.count("|") - 1))
        return f"| {' | '.join(cells)} |"
    return draw(st.sampled_from(["", "## ", "- "])) + draw(SENTENCES)


@st.composite
def _reworded(draw: st.DrawFn, chunk: str) -> tuple[str, str]:
    start, end = draw(st.sampled_from(plain_words(chunk)))
    return chunk, chunk[:start] + draw(WORDS) + chunk[end:]


@st.composite
def _retitled(draw: st.DrawFn, chunk: str) -> tuple[str, str]:
    return chunk, sign_of(chunk) + draw(SENTENCES)


@st.composite
def _renumbered(draw: st.DrawFn, chunk: str) -> tuple[str, str]:
    sign = sign_of(chunk)
    was, now = draw(st.sampled_from(NUMBERS))
    return sign + was + chunk[len(sign) :], sign + now + chunk[len(sign) :]


@st.composite
def _relinked(draw: st.DrawFn, chunk: str) -> tuple[str, str]:
    if "](" in chunk:
        return chunk, re.sub(r"(?<=\]\()[^)\s]+", "https://plover.example/elsewhere", chunk, count=1)
    start, end = draw(st.sampled_from(plain_words(chunk)))
    word = chunk[start:end]
    addresses = draw(st.permutations(ADDRESSES))[:2]
    linked = (f"[{word}]({address})" if address else word for address in addresses)
    was, now = (chunk[:start] + words + chunk[end:] for words in linked)
    return was, now


@st.composite
def _reformatted(draw: st.DrawFn, chunk: str) -> tuple[str, str]:
    start, end = draw(st.sampled_from(plain_words(chunk)))
    dress = draw(st.sampled_from(["em", "strike", "code"] if "*" in chunk else sorted(DRESS)))
    return chunk, chunk[:start] + DRESS[dress].format(chunk[start:end]) + chunk[end:]


_REWRITTEN = {
    "reword": _reworded,
    "retitle": _retitled,
    "renumber": _renumbered,
    "relink": _relinked,
    "reformat": _reformatted,
}
DEEDS = ("insert", "delete", "split", "merge", *_REWRITTEN)


@st.composite
def several(draw: st.DrawFn, deeds: Sequence[str]) -> tuple[str, str, list[tuple[str, Edit]]]:
    """Draw a document, the same one after some edits with untouched blocks between them, and these, in order."""
    document = draw(st.sampled_from([one for one in documents() if len(places(one)) > 9]))
    chosen = draw(st.lists(st.sampled_from(places(document)), min_size=2, max_size=5, unique=True).map(sorted))
    apart = [place for before, place in pairwise([-9, *chosen]) if place - before > 2]
    done: list[tuple[str, Edit]] = []
    old, new = list(document), list(document)
    for place in reversed(apart):
        fits = [deed for deed in deeds if any(spot.place == place for spot in spots_in(document, deed))]
        if not fits:
            continue
        deed = draw(st.sampled_from(fits))
        edit = draw(edits_at(Spot(document, place, int(deed != "insert")), deed))
        old[place : place + edit.spot.size], new[place : place + edit.spot.size] = edit.was, edit.now
        done.insert(0, (deed, edit))
    return written(old), written(new), done
