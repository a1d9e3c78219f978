"""What words are about: the ideas that stand in them, and the category that most of them belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from policy_versions.significance.normal import normal
from policy_versions.significance.phrases import Match
from policy_versions.significance.rules import Idea, Rules
from policy_versions.significance.sentences import Sentence
from policy_versions.significance.terms import Term

IDEA, HINT = 4, 1  # what an idea adds to its category


class Place(NamedTuple):
    """The categories of the line that a sentence hangs on, and of its section; "" for none."""

    lead: str
    section: str


def matches(words: Sequence[str], rules: Rules) -> list[Match[Idea]]:
    """Return the phrases that stand in words, less those within a longer one: a parent company is no parent."""
    found = list(rules.ideas.find(words))
    return [one for one in found if not any(_is_within(one, other) for other in found)]


def _is_within(one: Match[Idea], other: Match[Idea]) -> bool:
    is_shorter = one.stop - one.start < other.stop - other.start
    return is_shorter and other.start <= one.start <= one.stop <= other.stop and _is_apart(one, other)


def _is_apart(one: Match[Idea], other: Match[Idea]) -> bool:
    return other.value.category != one.value.category


def ideas_of(words: Sequence[str], rules: Rules) -> list[Idea]:
    """Return the ideas that stand in words."""
    return [match.value for match in matches(words, rules)]


def touched(one: Sentence, left: Sequence[Term], rules: Rules) -> Iterator[Match[Idea]]:
    """Yield the phrases of a sentence that terms which differ are part of."""
    places = {place for term in left for place in range(term.start, term.stop)}
    return (match for match in matches(one.words, rules) if places & set(range(match.start, match.stop)))


def weighed(ideas: Iterable[Idea]) -> Counter[str]:
    """Return how much there is of each category; an idea told twice counts once."""
    found: Counter[str] = Counter()
    for idea in set(ideas):
        found[idea.category] += HINT if idea.is_hint else IDEA
    return found


def first(found: Counter[str], rules: Rules) -> str:
    """Return the category with most; of several the narrowest; "" for none."""
    return min(found, key=lambda name: (-found[name], rules.category(name).place), default="")


def about(text: str, rules: Rules) -> str:
    """Return the category that a title or a lead is about, "" for none; what names parties is about sharing."""
    words = normal(text) if text else ()
    category = first(weighed(ideas_of(words, rules)), rules)
    return category or ("sharing" if next(rules.parties.find(words), None) else "")


def place(one: Sentence, rules: Rules) -> Place:
    """Return what the place of a sentence is about."""
    return Place(about(one.lead, rules), about(" ".join(one.section[-1:]), rules))
