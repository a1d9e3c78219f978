"""Whether words are English: only then can what they mean be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from policy_versions.significance.rules import Rules
from policy_versions.significance.sentences import Sentence

FEW = 8  # words, too few to tell a language by
MANY = 12  # words, enough to tell a sentence's language by itself


def is_english(words: Iterable[str], rules: Rules) -> bool:
    """Whether enough of the words are the small ones that every English sentence needs, or are the rules' own.

    Few words pass, and a table of names may have hardly any small ones.
    """
    found = Counter(words)
    small = sum(count for word, count in found.items() if word in rules.small)
    known = sum(count for word, count in found.items() if word in rules.vocabulary)
    total = found.total()
    return total < FEW or small >= rules.threshold["english"] * total or known >= rules.threshold["known"] * total


def is_foreign(one: Sentence, rules: Rules, *, among_english: bool) -> bool:
    """Whether a sentence is in another language; a short one is taken to be in its text's."""
    if len(one.words) < MANY:
        return not among_english
    if among_english:  # a list of names has few small words too, but some that the rules know
        known = sum(word in rules.small or word in rules.vocabulary for word in one.words)
        return known < rules.threshold["foreign"] * len(one.words)
    return not is_english(one.words, rules)
