"""Find phrases among words: many at once, in one pass over the words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Match(NamedTuple, Generic[T]):
    """Words [start, stop) are a phrase, which stands for a value."""

    start: int
    stop: int
    value: T


class _Pattern(NamedTuple, Generic[T]):
    words: tuple[str, ...]
    value: T


class Phrases(Generic[T]):
    """Phrases to look for. In one, `word*` is any word that begins so, and `*` alone any one word."""

    def __init__(self, phrases: Iterable[tuple[str, T]]) -> None:
        self._exact: defaultdict[str, list[_Pattern[T]]] = defaultdict(list)
        self._begun: defaultdict[str, list[_Pattern[T]]] = defaultdict(list)
        self._shortest = 1_000
        for phrase, value in phrases:
            first, *_ = words = tuple(phrase.split())
            if first.endswith("*"):
                self._begun[first[:-1]].append(_Pattern(words, value))
                self._shortest = min(self._shortest, len(first) - 1)
            else:
                self._exact[first].append(_Pattern(words, value))

    def find(self, words: Sequence[str]) -> Iterator[Match[T]]:
        """Yield every phrase that stands in the words, by where it starts; phrases may overlap."""
        for place, word in enumerate(words):
            for pattern in self._candidates(word):
                stop = place + len(pattern.words)
                if len(pattern.words) == 1 or _fits(pattern.words, words[place:stop]):
                    yield Match(place, stop, pattern.value)

    def longest(self, words: Sequence[str]) -> Iterator[Match[T]]:
        """Yield phrases that do not overlap: from the left, of several the longest."""
        end = 0
        best: Match[T] | None = None
        for match in self.find(words):
            if match.start < end:
                continue
            if best is not None and match.start > best.start:
                yield best
                end, best = best.stop, None
                if match.start < end:
                    continue
            if best is None or match.stop > best.stop:
                best = match
        if best is not None:
            yield best

    def _candidates(self, word: str) -> Iterator[_Pattern[T]]:
        yield from self._exact.get(word, ())
        for size in range(self._shortest, len(word) + 1):
            if found := self._begun.get(word[:size]):
                yield from found


def _fits(pattern: Sequence[str], words: Sequence[str]) -> bool:
    return len(pattern) == len(words) and all(map(_is, pattern, words))


def _is(pattern: str, word: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern
