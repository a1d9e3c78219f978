"""What a sentence says, term by term: phrases that say the same are one term, words are stems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from policy_versions.significance.normal import WORDS_KEPT, normal, remembered, stem
from policy_versions.significance.rules import rules

LIGHT = 0.3

_TIMES = {  # how many of what; months and days are never turned into each other
    "month": (1, "month"), "months": (1, "month"), "year": (12, "month"), "years": (12, "month"),
    "quarter": (3, "month"), "quarters": (3, "month"), "day": (1, "day"), "days": (1, "day"), "week": (7, "day"),
    "weeks": (7, "day"), "fortnight": (14, "day"), "hour": (1, "hour"), "hours": (1, "hour"),
    "minute": (1, "minute"), "minutes": (1, "minute"),
}  # fmt: skip
_OTHER_UNITS = {
    "%": "%", "percent": "%", "euro": "€", "euros": "€", "eur": "€", "dollar": "$", "dollars": "$", "usd": "$",
    "pound": "£", "pounds": "£", "gbp": "£", "gb": "gb", "mb": "mb", "tb": "tb",
    "$": "$", "€": "€", "£": "£", "¥": "¥",
}  # fmt: skip
_BETWEEN = frozenset("business working calendar full complete consecutive".split())
_SIGNS = frozenset("$€£¥")


class Term(NamedTuple):
    """A term, and the words [start, stop) of the sentence that say it."""

    text: str
    start: int
    stop: int


class Quantity(NamedTuple):
    """A number of something. unit: month, day, hour, minute, %, a currency; "" for a bare number."""

    number: float
    unit: str
    start: int
    stop: int
    is_again: bool = False  # whether it repeats the one before: “sixty per cent (60%)”

    @property
    def key(self) -> tuple[float, str]:
        """Equal for equal quantities."""
        return self.number, self.unit


@remembered
def terms(sentence: str) -> tuple[Term, ...]:
    """Return the terms of a sentence, in order; those without any weight are left out."""
    words = normal(sentence)
    return tuple(_terms(words, {one.start: one for one in _quantities(words)}))


def _terms(words: Sequence[str], amounts: Mapping[int, Quantity]) -> Iterator[Term]:
    known = rules()
    phrases = {match.start: match for match in known.same.longest(words)}
    place = 0
    while place < len(words):
        amount, phrase = amounts.get(place), phrases.get(place)
        text, stop = words[place], place + 1
        if amount:
            text, stop = f"{amount.number:g} {amount.unit}".strip(), amount.stop
        elif phrase:
            text, stop = phrase.value, phrase.stop
        if text not in known.weightless and not (amount and amount.is_again):
            yield Term(text if amount or phrase or text in known.force else _root(text), place, stop)
        place = stop


def _root(word: str) -> str:
    """The stem of a word, or the first of the words that say the same, where one of them has that stem."""
    root = stem(word)
    return rules().same_stems.get(root, root)


@remembered
def quantities(sentence: str) -> tuple[Quantity, ...]:
    """Return the numbers in a sentence, spans of time in months or days, sums in their currency."""
    return tuple(one for one in _quantities(normal(sentence)) if not one.is_again)


def _quantities(words: Sequence[str]) -> Iterator[Quantity]:
    last: Quantity | None = None
    for place, word in enumerate(words):
        if word[0].isdigit() and (number := _number(word)) is not None:
            found = _quantity(number, place, words)
            is_again = last is not None and (last.key, last.stop) == (found.key, found.start)
            last = found._replace(is_again=is_again)
            yield last


def _quantity(number: float, place: int, words: Sequence[str]) -> Quantity:
    following = [*words[place + 1 : place + 3], "", ""]
    skipped = following[0] in _BETWEEN
    unit = following[skipped]
    stop = place + 2 + skipped
    if place and (sign := _OTHER_UNITS.get(words[place - 1], "")) in _SIGNS:
        return Quantity(number, sign, place - 1, place + 1)
    if unit in _TIMES:
        times, name = _TIMES[unit]
        if name == "hour" and number % 24 == 0:
            return Quantity(number / 24, "day", place, stop)
        return Quantity(number * times, name, place, stop)
    if unit in _OTHER_UNITS:
        return Quantity(number, _OTHER_UNITS[unit], place, stop)
    return Quantity(number, "", place, place + 1)


def _number(word: str) -> float | None:
    """The number, or None where the word is a reference or a post code."""
    try:
        return float(word)
    except ValueError:
        return None


@lru_cache(maxsize=WORDS_KEPT)
def weight_of(term: str) -> float:
    """How much a term carries: LIGHT for a light one and for an adverb, else 1."""
    is_adverb = term.endswith(("ly", "li")) and len(term) > 5
    return LIGHT if term in rules().light or is_adverb else 1.0
