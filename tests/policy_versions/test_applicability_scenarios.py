"""The ratchet as a specification: each sentence of the rules, a life that keeps it, and its nearest other case.

A row reads: the sentence; facts and the spans that follow; what is added to them, and the spans that follow then.
`0-4: 1 joined, 4-: 2 notice` is revision 1 on [day 0, day 4), then revision 2. Words for facts, and more cases
for each rule, are in test_applicability.py; who is told is in tests/notifier/test_scenarios.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from policy_versions.applicability import Fact, timeline
from tests.policy_versions import applicability_oracle as oracle
from tests.policy_versions.test_applicability import (
    UNDER_1,
    acceptance_of_2,
    acknowledged,
    bounced,
    decided,
    drawn,
    ended,
    guardian,
    joined,
    letter,
    notice_of_2,
    published,
    shown,
    withdrawn,
)


class Rule(NamedTuple):
    says: str
    facts: Sequence[Fact]
    spans: str
    added: Sequence[Fact]
    then: str


STAYS = "0-: 1 joined"
TOLD_ON_2 = (*notice_of_2(), letter(2, 2))
WARD = (*notice_of_2(), guardian("set", 1), letter(2, 2))

SPECIFICATION = [
    Rule("1 starts under what is in force", [published(1, 0), joined(5)], "5-: 1 joined",
         [published(2, 5, rule="acceptance")], "5-: 2 joined"),
    Rule("1 empty until the first is in force", [joined(0), published(1, 2, effective=4)], "4-: 1 first",
         [withdrawn(1, 3)], ""),
    Rule("1 ends with erasure or retention", [*UNDER_1, ended(7)], "0-7: 1 joined",
         [published(2, 7)], "0-7: 1 joined"),
    Rule("1 one who joins in a notice period begins under the old text",
         [published(1, 0), published(2, 1, effective=9, rule="notice"), joined(5)], "5-: 1 joined",
         [letter(2, 5)], "5-9: 1 joined, 9-: 2 notice"),
    Rule("2 to the greatest; skipped ones never governed", [*UNDER_1, published(3, 3)],
         "0-3: 1 joined, 3-: 3 posted",
         [published(2, 3)], "0-3: 1 joined, 3-: 3 posted"),
    Rule("2 a withdrawn revision neither governs nor holds back", acceptance_of_2(effective=5), STAYS,
         [withdrawn(2, 3), published(3, 4)], "0-4: 1 joined, 4-: 3 posted"),
    Rule("2 never before the effective date", [*acceptance_of_2(effective=9)], STAYS,
         [acknowledged(2, 2)], "0-9: 1 joined, 9-: 2 acceptance"),
    Rule("2 a minor one is held behind an unmet significant one",
         [*acceptance_of_2(), published(3, 2), decided(3, "minor", 2)], STAYS,
         [acknowledged(2, 4)], "0-4: 1 joined, 4-: 3 acceptance"),
    Rule("2 undecided counts as significant", acceptance_of_2(), STAYS,
         [decided(2, "minor", 6)], "0-6: 1 joined, 6-: 2 posted"),
    Rule("2 an override before the effective date holds back",
         [*acceptance_of_2(effective=5), decided(2, "minor", 1)], "0-5: 1 joined, 5-: 2 posted",
         [decided(2, "significant", 4)], STAYS),
    Rule("2 an override after the move changes no span",
         [*acceptance_of_2(effective=5), decided(2, "minor", 1)], "0-5: 1 joined, 5-: 2 posted",
         [decided(2, "significant", 6)], "0-5: 1 joined, 5-: 2 posted"),
    Rule("2 also to one already superseded", [*notice_of_2(), published(3, 2, rule="acceptance")], STAYS,
         [letter(2, 4)], "0-7: 1 joined, 7-: 2 notice"),
    Rule("3 posting: at once", [*UNDER_1, published(2, 3, period=9)], "0-3: 1 joined, 3-: 2 posted",
         [guardian("set", 2)], STAYS),
    Rule("3 notice: the notice plus the period", notice_of_2(period=5), STAYS,
         [letter(2, 2)], "0-7: 1 joined, 7-: 2 notice"),
    Rule("3 notice: the later of that and the stated date", notice_of_2(), STAYS,
         [letter(2, 2, stating=8)], "0-8: 1 joined, 8-: 2 notice"),
    Rule("3 acceptance: at an accepted", [*acceptance_of_2(), letter(2, 2)], STAYS,
         [acknowledged(2, 4)], "0-4: 1 joined, 4-: 2 acceptance"),
    Rule("3 an accepted meets all up to it, under any rule",
         [*notice_of_2(), published(3, 2, rule="acceptance")], STAYS,
         [acknowledged(3, 5)], "0-5: 1 joined, 5-: 3 acceptance"),
    Rule("3 a read is only a notice", [*acceptance_of_2(), acknowledged(2, 2, "read")], STAYS,
         [decided(2, "minor", 6)], "0-6: 1 joined, 6-: 2 posted"),
    Rule("3 a declined meets nothing", [*acceptance_of_2(), acknowledged(2, 2, "declined")], STAYS,
         [acknowledged(2, 4)], "0-4: 1 joined, 4-: 2 acceptance"),
    Rule("3 a consent withdrawn moves nothing back",
         [*acceptance_of_2(), acknowledged(2, 4)], "0-4: 1 joined, 4-: 2 acceptance",
         [acknowledged(2, 6, "consent withdrawn")], "0-4: 1 joined, 4-: 2 acceptance"),
    Rule("4 the earliest standing notice counts", [*notice_of_2(), shown(2, 4)], "0-7: 1 joined, 7-: 2 notice",
         [letter(2, 2)], "0-5: 1 joined, 5-: 2 notice"),
    Rule("4 a bounce before the move undoes", TOLD_ON_2, "0-5: 1 joined, 5-: 2 notice", [bounced(2, 2, 4)], STAYS),
    Rule("4 a bounce at its instant undoes", TOLD_ON_2, "0-5: 1 joined, 5-: 2 notice", [bounced(2, 2, 5)], STAYS),
    Rule("4 a bounce after the move changes no span", TOLD_ON_2, "0-5: 1 joined, 5-: 2 notice",
         [bounced(2, 2, 6)], "0-5: 1 joined, 5-: 2 notice"),
    Rule("4 a bounce undoes that mail's notice only", [*TOLD_ON_2, shown(2, 3)], "0-5: 1 joined, 5-: 2 notice",
         [bounced(2, 2, 4)], "0-6: 1 joined, 6-: 2 notice"),
    Rule("5 two decisions at once: significant stands",
         [*acceptance_of_2(effective=5), decided(2, "minor", 4)], "0-5: 1 joined, 5-: 2 posted",
         [decided(2, "significant", 4)], STAYS),
    Rule("5 erasure is last: no move with it",
         [*acceptance_of_2(), acknowledged(2, 4)], "0-4: 1 joined, 4-: 2 acceptance", [ended(4)], "0-4: 1 joined"),
    Rule("5 the move is taken once", [*acceptance_of_2(), acknowledged(2, 4)], "0-4: 1 joined, 4-: 2 acceptance",
         [published(3, 4)], "0-4: 1 joined, 4-: 3 acceptance"),
    Rule("6 only the guardian's accepted moves a ward", [*WARD, acknowledged(2, 3)], STAYS,
         [acknowledged(2, 6, by="guardian")], "0-6: 1 joined, 6-: 2 acceptance"),
    Rule("6 from its end the revision's own rule holds", WARD, STAYS,
         [guardian("unset", 8)], "0-8: 1 joined, 8-: 2 notice"),
]  # fmt: skip


@pytest.mark.parametrize("rule", SPECIFICATION, ids=lambda rule: rule.says)
def test_the_ratchet_keeps_each_sentence_and_its_nearest_other_case(rule: Rule) -> None:
    assert drawn(timeline(rule.facts)) == rule.spans
    assert drawn(timeline([*rule.facts, *rule.added])) == rule.then


@pytest.mark.parametrize("rule", SPECIFICATION, ids=lambda rule: rule.says)
def test_a_second_opinion_reads_each_sentence_alike(rule: Rule) -> None:
    for facts in (list(rule.facts), [*rule.facts, *rule.added]):
        assert [(span.revision, span.start, span.end) for span in timeline(facts).spans] == oracle.spans(facts)
