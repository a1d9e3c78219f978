"""Sentences that promise nothing: labels, records of the paper itself, pointers, courtesies, addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policy_versions.significance.about import Place
from policy_versions.significance.phrases import Phrases
from policy_versions.significance.residue import Residue
from policy_versions.significance.rules import Rules
from policy_versions.significance.sentences import Sentence
from policy_versions.significance.terms import Term

LABEL = 3  # words; a sentence no longer is a title or a label, unless it hangs on a line that says what it is for
POINTER = 40  # words; a longer sentence that points elsewhere says something itself as well
RECORD = 30  # the same for a record
NAMED = 0.7  # share of names and numbers in an address or a signature
NEAR = 4  # words from a street or a floor that are part of its address

_EXAMPLE = re.compile(r"\((?:for example|for instance|e\.g\.|such as|like)[^()]{0,300}\)", re.IGNORECASE)
_VERBS = frozenset("is are was were be may will can must shall has have had do does not we you".split())


def is_label(one: Sentence, around: Place) -> bool:
    """Whether a sentence is too short to promise anything where it stands."""
    is_listed = one.lead or (one.tag in ("tr", "li") and any(around))
    return len(one.words) <= LABEL and not is_listed and not _VERBS & set(one.words)


def is_record(one: Sentence, rules: Rules) -> bool:
    """Whether a sentence keeps the paper's own record: its dates, versions, rights, translations."""
    if len(one.words) > RECORD:
        return False
    return _has(one, rules.idle.records) or one.words[-1:] in (("updated",), ("revised",), ("effective",))


def is_idle(one: Sentence, rules: Rules) -> bool:
    """Whether a sentence points elsewhere, is a courtesy, or keeps the paper's own record."""
    if is_record(one, rules):
        return True
    return len(one.words) <= POINTER and (_has(one, rules.idle.pointers) or _has(one, rules.idle.courtesies))


def is_example(one: Sentence, rules: Rules) -> bool:
    """Whether a sentence is an example, or made of names and numbers, as an address or a signature is."""
    if opens_with_example(one, rules):
        return True
    raw = [word for word in one.text.split() if word[:1].isalnum()]
    if not 1 < len(raw) <= POINTER or one.tag in ("tr", "li") or one.text.isupper() or _VERBS & set(one.words):
        return False
    return sum(word[0].isupper() or word[0].isdigit() for word in raw) >= NAMED * len(raw)


def opens_with_example(one: Sentence, rules: Rules) -> bool:
    """Whether a sentence says that it is an example."""
    return any(match.start == 0 for match in rules.idle.examples.find(one.words))


def differ_by_examples(was: Sentence, now: Sentence) -> bool:
    """Whether two sentences say the same but for the examples that both give in brackets."""
    before, after = (_EXAMPLE.subn(" ", side.text) for side in (was, now))
    return bool(before[1] and after[1]) and Sentence(before[0]).key == Sentence(after[0]).key


def is_address(was: Sentence, now: Sentence, residue: Residue, rules: Rules) -> bool:
    """Whether all that differs belongs to a postal address: near a street or a floor, or a post code."""
    if not (_has(was, rules.idle.places) or _has(now, rules.idle.places)):
        return False
    return _stands_near(was, residue.gone, rules) and _stands_near(now, residue.come, rules)


def _stands_near(one: Sentence, left: Sequence[Term], rules: Rules) -> bool:
    streets = {match.start for match in rules.idle.places.find(one.words)}
    numbers = {place for place, word in enumerate(one.words) if any(map(str.isdigit, word))}
    named = streets | numbers | {place for place, word in enumerate(one.words) if word in one.capitals}
    near = {place for mark in streets | numbers for place in range(mark - NEAR, mark + NEAR + 1)} & named
    near |= {place for mark in streets for place in (mark - 1, mark + 1)}  # “second floor”
    return all(place in near for term in left for place in range(term.start, term.stop))


def _has(one: Sentence, phrases: Phrases[None]) -> bool:
    return next(phrases.find(one.words), None) is not None
