"""The engine decides pairs of our own as a careful reader does, and says the same why."""

from __future__ import annotations

from collections import Counter

import pytest

from policy_versions.significance import decide
from policy_versions.significance.rules import OTHER, rules
from tests.significance.known import KNOWN, MISSED, ONE_WAY, TOLD_FOR_NOTHING
from tests.significance.pairs import Pair, pairs

ALL = [
    pytest.param(
        pair,
        id=pair.name,
        marks=pytest.mark.xfail(reason=KNOWN[pair.name], strict=True) if pair.name in KNOWN else (),
    )
    for pair in pairs()
]
SIGNIFICANT = [pair for pair in pairs() if pair.is_significant]


@pytest.mark.parametrize("pair", ALL)
def test_a_change_is_decided_as_a_careful_reader_does(pair: Pair) -> None:
    decision = decide(pair.old, pair.new)
    assert decision.verdict == pair.verdict
    assert (decision.level >= 2) == bool(decision.findings) == pair.is_significant


@pytest.mark.parametrize("pair", SIGNIFICANT, ids=lambda pair: pair.name)
def test_each_finding_shows_where_what_and_why(pair: Pair) -> None:
    for finding in decide(pair.old, pair.new).findings:
        assert finding.before in pair_text(pair.old) or finding.before == ""
        assert finding.before != finding.after
        assert finding.reason.endswith(".")
        assert finding.rule
        assert finding.category == OTHER or finding.category in rules().categories


def pair_text(text: str) -> _Spoken:
    return _Spoken(text)


class _Spoken:
    """A text of which a sentence is part when all its words are: findings are shown without Markdown's signs."""

    def __init__(self, text: str) -> None:
        self._words = Counter(_letters(text))

    def __contains__(self, sentence: object) -> bool:
        return not Counter(_letters(str(sentence))) - self._words


def _letters(text: str) -> list[str]:
    return [letter for letter in text if letter.isalnum()]


def test_there_are_pairs_enough_of_both_kinds_and_none_twice() -> None:
    assert len(pairs()) >= 120
    assert len({pair.name for pair in pairs()}) == len(pairs())
    assert 0.35 <= len(SIGNIFICANT) / len(pairs()) <= 0.65
    assert {name for pair in SIGNIFICANT for name in pair.categories} == set(rules().categories)


def test_no_change_of_substance_is_missed_but_those_known() -> None:
    missed = [pair.name for pair in SIGNIFICANT if decide(pair.old, pair.new).verdict == "minor"]
    assert sorted(missed) == sorted(MISSED)
    assert len(missed) <= 0.04 * len(SIGNIFICANT)


def test_what_is_known_to_be_told_for_nothing_are_minor_pairs() -> None:
    minor = {pair.name for pair in pairs() if not pair.is_significant}
    assert minor >= TOLD_FOR_NOTHING.keys()
    assert len(TOLD_FOR_NOTHING) <= 0.13 * len(minor)


def test_the_categories_are_mostly_those_a_reader_names() -> None:
    shared = found = named = 0
    for pair in SIGNIFICANT:
        told = {finding.category for finding in decide(pair.old, pair.new).findings} - {OTHER}
        assert len(told) <= 6
        shared += len(told & set(pair.categories))
        found += len(told)
        named += len(pair.categories)
    assert 2 * shared / (found + named) >= 0.6  # F1 over all pairs


def test_the_level_is_mostly_the_one_a_reader_gives_and_hardly_ever_far_off() -> None:
    apart = Counter(abs(decide(pair.old, pair.new).level - pair.level) for pair in SIGNIFICANT)
    assert apart[0] >= 0.7 * apart.total()
    assert apart[0] + apart[1] >= 0.95 * apart.total()


def test_where_a_direction_is_told_it_is_seldom_the_wrong_one() -> None:
    told = Counter(
        finding.direction == pair.direction
        for pair in SIGNIFICANT
        if pair.direction
        for finding in decide(pair.old, pair.new).findings[:1]
        if finding.direction
    )
    assert told.total() >= 0.55 * sum(bool(pair.direction) for pair in SIGNIFICANT)
    assert told[True] >= 0.85 * told.total()


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.name)
def test_the_way_back_is_decided_alike(pair: Pair) -> None:
    if pair.name in ONE_WAY:
        pytest.skip(ONE_WAY[pair.name])
    assert decide(pair.new, pair.old).verdict == decide(pair.old, pair.new).verdict
