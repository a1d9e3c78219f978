"""Ten thousand random histories: what DOMAIN.md says of each, and a slow second opinion on all of them.

A failure names the number of its history: `applicability_histories.history(number)` is that history for good.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import get_args

from policy_versions.applicability import (
    Acknowledged,
    Basis,
    Ended,
    Fact,
    Joined,
    Published,
    Timeline,
    joined_under,
    timeline,
    told,
)
from tests.policy_versions import applicability_oracle as oracle
from tests.policy_versions.applicability_histories import features, history
from tests.policy_versions.applicability_oracle import every

MANY = 10_000
LEAST = 50  # histories that put a rule to work

RARE = {"by another notice than one that came back": 25}

KINDS = [kind.__name__ for kind in get_args(Fact)]
RULES_AT_WORK = [
    *KINDS,
    *(f"begins: {basis}" for basis in Basis),
    *(f"says: {kind}" for kind in ("read", "accepted", "declined", "consent withdrawn")),
    "several facts at one instant",
    "decided twice at once",
    "a guardian set and ended at once",
    "told twice at once",
    "never under any text",
    "joined before any text was in force",
    "joined while one was upcoming",
    "facts after the end",
    "ended under a text",
    "skipped a revision",
    "a minor one moved with a significant one",
    "moved to one superseded already",
    "passed a withdrawn one",
    "a ward moved by the guardian's word",
    "accepted under another rule",
    "moved when decided minor",
    "moved when guardianship ended",
    "moved by a read",
    "moved on the day that the letter named",
    "by a letter that told of several",
    "came back after the move",
    "by another notice than one that came back",
    "a minor one held behind an unmet significant one",
    "held back by an undecided one",
    "a ward held back from what was posted",
    "held back as the notice came back",
    "held back by an override up",
]


@cache
def drawn() -> Sequence[tuple[int, list[Fact], Timeline]]:
    """Every history with its number and its timeline."""
    return [(number, facts, timeline(facts)) for number in range(MANY) for facts in [history(number)]]


@cache
def counted() -> Counter[str]:
    return Counter(feature for _, facts, line in drawn() for feature in set(features(facts, line)))


def said(number: int, facts: Sequence[Fact], line: Timeline) -> str:
    """A history in words, for whoever meets it in a failure."""
    known = "\n".join(f"  {fact}" for fact in sorted(facts, key=lambda fact: (fact.at, fact.PLACE)))
    return f"history {number}:\n{known}\n" + "\n".join(f"  -> {span}" for span in line.spans)


def test_the_histories_put_every_kind_of_fact_and_every_rule_to_work() -> None:
    seldom = {name: counted()[name] for name in RULES_AT_WORK if counted()[name] < RARE.get(name, LEAST)}
    assert seldom == {}


def test_nothing_that_the_histories_are_counted_by_is_left_out_above() -> None:
    assert set(counted()) == set(RULES_AT_WORK)


def test_an_instant_by_instant_reading_of_the_rules_agrees_on_all_of_them() -> None:
    for number, facts, line in drawn():
        found = [(span.revision, span.start, span.end) for span in line.spans]
        assert found == oracle.spans(facts), said(number, facts, line)


def test_it_agrees_on_who_was_told_of_what() -> None:
    for number, facts, line in drawn()[: MANY // 5]:
        assert joined_under(facts) == oracle.joined_under(facts), said(number, facts, line)
        for now in {fact.at for fact in facts}:
            assert told(facts, now) == oracle.told(facts, now), f"{now} {said(number, facts, line)}"


def test_spans_are_contiguous_and_half_open_from_when_they_joined() -> None:
    for number, facts, line in drawn():
        [member], ends = every(facts, Joined), [fact.at for fact in every(facts, Ended)]
        told_of = said(number, facts, line)
        assert all(before.end == after.start for before, after in pairwise(line.spans)), told_of
        assert all(span.end is None or span.start < span.end for span in line.spans), told_of
        assert [span.end for span in line.spans[-1:]] == [*ends, None][:1] * len(line.spans[-1:]), told_of
        starts_at = [span.start for span in line.spans if span.basis is Basis.JOINED]
        assert starts_at in ([], [member.at]), told_of
        assert all(member.at < span.start for span in line.spans if span.basis is not Basis.JOINED), told_of


def test_revisions_never_decrease_and_none_governs_before_its_effective_date() -> None:
    for number, facts, line in drawn():
        effective = {fact.revision: fact.effective_at for fact in every(facts, Published)}
        told_of = said(number, facts, line)
        assert all(before.revision < after.revision for before, after in pairwise(line.spans)), told_of
        assert all(span.start >= effective[span.revision] for span in line.spans), told_of


def test_no_fact_changes_an_answer_for_a_time_before_it_was_recorded() -> None:
    for number, facts, whole in drawn():
        for recorded in {fact.at for fact in facts}:
            before = timeline(fact for fact in facts if fact.at < recorded)
            assert list(until(before, recorded)) == list(until(whole, recorded)), (
                f"{recorded} {said(number, facts, whole)}"
            )


def until(line: Timeline, now: datetime) -> Iterator[tuple[object, ...]]:
    """What all instants before now are answered; an end that is not past is a forecast."""
    for span in line.spans:
        if span.start < now:
            yield *span[:2], span.basis, span.rests_on, span.end if span.end and span.end < now else None


def test_facts_in_another_order_change_nothing() -> None:
    for number, facts, line in drawn():
        other = random.Random(number + 1).sample(facts, len(facts))
        assert timeline(other) == line, said(number, facts, line)


def test_a_declined_and_a_withdrawn_consent_change_nothing() -> None:
    silent = ("declined", "consent withdrawn")
    for number, facts, line in drawn():
        without = [f for f in facts if not isinstance(f, Acknowledged) or f.kind not in silent]
        if len(without) < len(facts):
            assert timeline(without) == line, said(number, facts, line)


def test_a_number_is_one_history_for_good() -> None:
    for number, facts, _ in drawn()[:100]:
        assert history(number) == facts
