"""The ratchet: named scenarios, properties for each rule of DOMAIN.md, a second opinion on drawn histories.

Ten thousand more are in test_applicability_at_random.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_versions.applicability import (
    Acknowledged,
    Basis,
    Decided,
    Ended,
    Fact,
    Guardianship,
    Joined,
    Noticed,
    Published,
    Rule,
    Span,
    Timeline,
    Undone,
    Withdrawn,
    joined_under,
    timeline,
    told,
)
from tests.policy_versions import applicability_oracle as oracle
from tests.policy_versions.applicability_oracle import DAY, Record, day, every, histories

often = settings(max_examples=150, deadline=None, derandomize=True)

# Short words for facts. Days are numbers; a revision is significant (undecided) and in force at once unless told.


def published(
    number: int, on: int, *, effective: int | None = None, rule: str = "posting", period: int = 3
) -> Fact:
    effective_at = day(on if effective is None else effective)
    return Published(day(on), number, effective_at, Rule(rule), DAY * period, f"revision {number}")


def withdrawn(number: int, on: int) -> Fact:
    return Withdrawn(day(on), number, f"withdrawal of {number}")


def decided(number: int, verdict: str, on: int) -> Fact:
    return Decided(day(on), number, verdict == "significant", f"decision on {number} of day {on}")


def joined(on: int) -> Fact:
    return Joined(day(on), "member")


def guardian(verb: str, on: int) -> Fact:
    return Guardianship(day(on), verb == "set", f"guardian {verb} on {on}")


def letter(number: int, on: int, *, base: int = 1, stating: int | None = None) -> Fact:
    return Noticed(day(on), number, base, None if stating is None else day(stating), f"letter of {number} on {on}")


def shown(number: int, on: int, *, base: int = 1) -> Fact:
    return Noticed(day(on), number, base, None, f"site notice of {number} on {on}")


def bounced(number: int, sent: int, on: int) -> Fact:
    return Undone(day(on), f"letter of {number} on {sent}", f"bounce on {on}")


def acknowledged(number: int, on: int, kind: str = "accepted", *, by: str = "member") -> Fact:
    return Acknowledged(day(on), number, kind, by == "guardian", f"{kind} {number} on {on}")


def ended(on: int) -> Fact:
    return Ended(day(on), "erasure")


UNDER_1 = (published(1, 0), joined(0))  # a member who has been under revision 1 since day 0


def notice_of_2(**given: Any) -> tuple[Fact, ...]:
    """UNDER_1 and a revision 2 that asks for three days' notice, published on day 1."""
    return (*UNDER_1, published(2, 1, rule="notice", **given))


def acceptance_of_2(**given: Any) -> tuple[Fact, ...]:
    """UNDER_1 and a revision 2 that asks for acceptance, published on day 1."""
    return (*UNDER_1, published(2, 1, rule="acceptance", **given))


def drawn(line: Timeline) -> str:
    """Spans in words: `0-4: 1 joined, 4-: 2 notice` is revision 1 on [day 0, day 4), then 2 for good."""

    def number(span_edge: Any) -> str:
        return "" if span_edge is None else f"{(span_edge - oracle.EPOCH) / DAY:g}"

    return ", ".join(f"{number(s.start)}-{number(s.end)}: {s.revision} {s.basis}" for s in line.spans)


class Scenario(NamedTuple):
    says: str
    facts: Sequence[Fact]
    spans: str


RULE_1_START = [
    Scenario(
        "it starts under the revision in force", [published(1, 0), published(2, 3), joined(5)], "5-: 2 joined"
    ),
    Scenario(
        "whatever its rule",
        [published(1, 0), published(2, 3, rule="acceptance"), joined(5)],
        "5-: 2 joined",
    ),
    Scenario(
        "one published at the instant of joining is in force already",
        [published(1, 0), published(2, 5, rule="acceptance"), joined(5)],
        "5-: 2 joined",
    ),
    Scenario(
        "one published but effective later is not yet in force",
        [published(1, 0), published(2, 3, effective=9), joined(5)],
        "5-9: 1 joined, 9-: 2 posted",
    ),
    Scenario(
        "of those in force the highest number, whether or not it was significant",
        [published(1, 0), published(2, 1), decided(2, "minor", 1), joined(5)],
        "5-: 2 joined",
    ),
    Scenario(
        "it is empty until the first revision is in force, whatever that one's rule",
        [joined(0), published(1, 2, effective=4, rule="acceptance")],
        "4-: 1 first",
    ),
    Scenario(
        "where the first was withdrawn, the first in force is the second",
        [joined(0), published(1, 1, effective=5), withdrawn(1, 2), published(2, 3, effective=7, rule="notice")],
        "7-: 2 first",
    ),
    Scenario("it ends with erasure", [*UNDER_1, published(2, 4), ended(7)], "0-4: 1 joined, 4-7: 2 posted"),
    Scenario("and nothing recorded later counts", [*UNDER_1, ended(3), published(2, 4)], "0-3: 1 joined"),
    Scenario("one who ends at the instant of joining has no span", [*UNDER_1, ended(0)], ""),
    Scenario("a member joins once", [*UNDER_1, published(2, 3, rule="notice"), joined(5)], "0-: 1 joined"),
]

RULE_2_MOVE = [
    Scenario(
        "a member moves to the greatest; a skipped revision never governed",
        [*UNDER_1, published(2, 3), published(3, 3)],
        "0-3: 1 joined, 3-: 3 posted",
    ),
    Scenario(
        "no revision governs before its effective date, though accepted",
        [*acceptance_of_2(effective=9), acknowledged(2, 2)],
        "0-9: 1 joined, 9-: 2 acceptance",
    ),
    Scenario(
        "a significant revision that is not met holds back every later one",
        [*acceptance_of_2(), published(3, 2), published(4, 3), decided(4, "minor", 3)],
        "0-: 1 joined",
    ),
    Scenario(
        "a minor revision holds nobody back, whatever its rule",
        [*acceptance_of_2(), decided(2, "minor", 1)],
        "0-1: 1 joined, 1-: 2 posted",
    ),
    Scenario(
        "an undecided revision holds back until it is decided minor",
        [*acceptance_of_2(), decided(2, "minor", 6)],
        "0-6: 1 joined, 6-: 2 posted",
    ),
    Scenario(
        "an override up, before the move, holds back",
        [*acceptance_of_2(effective=5), decided(2, "minor", 1), decided(2, "significant", 4)],
        "0-: 1 joined",
    ),
    Scenario(
        "an override up, after the move, moves nothing back",
        [*acceptance_of_2(), decided(2, "minor", 1), decided(2, "significant", 4)],
        "0-1: 1 joined, 1-: 2 posted",
    ),
    Scenario(
        "a withdrawn revision stands in nobody's way",
        [*acceptance_of_2(effective=5), withdrawn(2, 3), published(3, 4)],
        "0-4: 1 joined, 4-: 3 posted",
    ),
    Scenario(
        "and moves nobody, though accepted",
        [*acceptance_of_2(effective=5), acknowledged(2, 2), withdrawn(2, 3)],
        "0-: 1 joined",
    ),
    Scenario(
        "a member may move to a revision already superseded",
        [*notice_of_2(), published(3, 2, rule="acceptance"), letter(2, 4)],
        "0-7: 1 joined, 7-: 2 notice",
    ),
]

RULE_3_MET = [
    Scenario("posting: at once", [*UNDER_1, published(2, 3, period=9)], "0-3: 1 joined, 3-: 2 posted"),
    Scenario("notice: not without one", notice_of_2(), "0-: 1 joined"),
    Scenario(
        "notice: at the notice plus the period",
        [*notice_of_2(period=5), letter(2, 2)],
        "0-7: 1 joined, 7-: 2 notice",
    ),
    Scenario(
        "notice: not before the date stated in the letter",
        [*notice_of_2(), letter(2, 2, stating=8)],
        "0-8: 1 joined, 8-: 2 notice",
    ),
    Scenario(
        "notice: a stated date does not shorten the period",
        [*notice_of_2(), letter(2, 2, stating=4)],
        "0-5: 1 joined, 5-: 2 notice",
    ),
    Scenario(
        "notice: a letter counts for all after its base, each by its own period",
        [*notice_of_2(), published(3, 2, rule="notice", period=6), letter(3, 3)],
        "0-6: 1 joined, 6-9: 2 notice, 9-: 3 notice",
    ),
    Scenario(
        "notice: a letter does not count for its base",
        [*notice_of_2(), published(3, 2, rule="notice"), letter(3, 3, base=2)],
        "0-: 1 joined",
    ),
    Scenario("acceptance: a notice is not enough", [*acceptance_of_2(), letter(2, 2)], "0-: 1 joined"),
    Scenario(
        "acceptance: at an accepted",
        [*acceptance_of_2(), acknowledged(2, 4)],
        "0-4: 1 joined, 4-: 2 acceptance",
    ),
    Scenario(
        "an accepted ends a notice period early",
        [*notice_of_2(period=9), letter(2, 2), acknowledged(2, 4)],
        "0-4: 1 joined, 4-: 2 acceptance",
    ),
    Scenario(
        "an accepted meets every significant revision up to it, under any rule",
        [*notice_of_2(), published(3, 2, rule="acceptance"), published(4, 3), acknowledged(3, 5)],
        "0-5: 1 joined, 5-: 4 acceptance",
    ),
    Scenario(
        "but none after it",
        [*acceptance_of_2(), published(3, 2, rule="acceptance"), acknowledged(2, 5)],
        "0-5: 1 joined, 5-: 2 acceptance",
    ),
    Scenario("a read accepts nothing", [*acceptance_of_2(), acknowledged(2, 4, "read")], "0-: 1 joined"),
    Scenario(
        "a read is a notice, and only that",
        [*notice_of_2(), acknowledged(2, 2, "read")],
        "0-5: 1 joined, 5-: 2 notice",
    ),
    Scenario("a declined meets nothing", [*acceptance_of_2(), acknowledged(2, 4, "declined")], "0-: 1 joined"),
    Scenario(
        "a declined does not stop a notice",
        [*notice_of_2(), letter(2, 2), acknowledged(2, 4, "declined")],
        "0-5: 1 joined, 5-: 2 notice",
    ),
    Scenario(
        "a consent withdrawn moves nothing back",
        [*acceptance_of_2(), acknowledged(2, 4), acknowledged(2, 6, "consent withdrawn")],
        "0-4: 1 joined, 4-: 2 acceptance",
    ),
    Scenario(
        "a declined takes no accepted back, though the effective date still holds the move",
        [*acceptance_of_2(effective=9), acknowledged(2, 4), acknowledged(2, 6, "declined")],
        "0-9: 1 joined, 9-: 2 acceptance",
    ),
    Scenario(
        "of two ways to meet one revision, the basis is the one that came first",
        [*notice_of_2(effective=9), letter(2, 2), acknowledged(2, 6)],
        "0-9: 1 joined, 9-: 2 notice",
    ),
    Scenario(
        "of two revisions met, the basis is what was met last",
        [*notice_of_2(effective=9), acknowledged(2, 3), published(3, 2, effective=9, rule="notice"), letter(3, 4)],
        "0-9: 1 joined, 9-: 3 notice",
    ),
    Scenario(
        "a minor revision on the way to one not yet effective is posted, whatever has met that one",
        [
            *(*UNDER_1, published(2, 1, effective=5), decided(2, "minor", 1)),
            *(published(3, 1, effective=9, rule="notice"), letter(3, 1, base=2)),
        ],
        "0-5: 1 joined, 5-9: 2 posted, 9-: 3 notice",
    ),
]

RULE_4_NOTICE = [
    Scenario("a site notice that was shown", [*notice_of_2(), shown(2, 2)], "0-5: 1 joined, 5-: 2 notice"),
    Scenario(
        "the earliest standing one counts",
        [*notice_of_2(), letter(2, 2), shown(2, 4)],
        "0-5: 1 joined, 5-: 2 notice",
    ),
    Scenario("a bounce before the move", [*notice_of_2(), letter(2, 2), bounced(2, 2, on=4)], "0-: 1 joined"),
    Scenario("a bounce at its instant", [*notice_of_2(), letter(2, 2), bounced(2, 2, on=5)], "0-: 1 joined"),
    Scenario(
        "a bounce recorded after the move changes no span",
        [*notice_of_2(), letter(2, 2), bounced(2, 2, on=6)],
        "0-5: 1 joined, 5-: 2 notice",
    ),
    Scenario(
        "a bounce after the period, while the effective date still holds the move",
        [*notice_of_2(effective=9), letter(2, 2), bounced(2, 2, on=7)],
        "0-: 1 joined",
    ),
    Scenario(
        "after a bounce the next standing one counts, from when it was given",
        [*notice_of_2(), letter(2, 2), shown(2, 4), bounced(2, 2, on=4)],
        "0-7: 1 joined, 7-: 2 notice",
    ),
    Scenario(
        "a bounce undoes no other notice",
        [*notice_of_2(), letter(2, 2), letter(2, 3), bounced(2, 3, on=4)],
        "0-5: 1 joined, 5-: 2 notice",
    ),
    Scenario(
        "two given at one instant: nobody moves before the date in their letter",
        [*notice_of_2(), shown(2, 2), letter(2, 2, stating=8)],
        "0-8: 1 joined, 8-: 2 notice",
    ),
]

RULE_5_ONE_INSTANT = [
    Scenario(
        "a notice, then its undoing",
        [*notice_of_2(effective=9), bounced(2, 2, on=2), letter(2, 2)],
        "0-: 1 joined",
    ),
    Scenario(
        "of two decisions at once the significant one stands",
        [*acceptance_of_2(effective=5), decided(2, "significant", 4), decided(2, "minor", 4)],
        "0-: 1 joined",
    ),
    Scenario(
        "published and decided minor before the move is taken",
        [*UNDER_1, decided(2, "minor", 3), published(2, 3, rule="notice")],
        "0-3: 1 joined, 3-: 2 posted",
    ),
    Scenario(
        "a guardian set, before the notice of that instant is counted",
        [*notice_of_2(), letter(2, 2), guardian("set", 5)],
        "0-: 1 joined",
    ),
    Scenario(
        "a guardian set, then a guardian's accepted",
        [*acceptance_of_2(), acknowledged(2, 4, by="guardian"), guardian("set", 4)],
        "0-4: 1 joined, 4-: 2 acceptance",
    ),
    Scenario(
        "of a guardian set and ended at once, the set one stands",
        [*notice_of_2(), letter(2, 2), guardian("set", 4), guardian("unset", 4)],
        "0-: 1 joined",
    ),
    Scenario(
        "an erasure is last, and no move is taken with it",
        [*acceptance_of_2(), ended(4), acknowledged(2, 4)],
        "0-4: 1 joined",
    ),
    Scenario(
        "the move is taken once: accepted and posted together",
        [*acceptance_of_2(), published(3, 4), acknowledged(2, 4)],
        "0-4: 1 joined, 4-: 3 acceptance",
    ),
]

RULE_6_GUARDIAN = [
    Scenario(
        "a ward starts like anybody",
        [published(1, 0, rule="acceptance"), joined(2), guardian("set", 2)],
        "2-: 1 joined",
    ),
    Scenario("posting does not move a ward", [*UNDER_1, guardian("set", 1), published(2, 3)], "0-: 1 joined"),
    Scenario("nor does a notice", [*notice_of_2(), guardian("set", 1), letter(2, 2), shown(2, 2)], "0-: 1 joined"),
    Scenario(
        "nor their own accepted", [*acceptance_of_2(), guardian("set", 1), acknowledged(2, 3)], "0-: 1 joined"
    ),
    Scenario(
        "nor one from before they had a guardian",
        [*acceptance_of_2(effective=5), acknowledged(2, 3), guardian("set", 4)],
        "0-: 1 joined",
    ),
    Scenario(
        "the guardian's accepted does, whatever the rule",
        [*notice_of_2(), guardian("set", 1), acknowledged(2, 2, by="guardian")],
        "0-2: 1 joined, 2-: 2 acceptance",
    ),
    Scenario(
        "also when the guardianship has ended before the move",
        [
            *acceptance_of_2(effective=9),
            guardian("set", 1),
            acknowledged(2, 3, by="guardian"),
            guardian("unset", 5),
        ],
        "0-9: 1 joined, 9-: 2 acceptance",
    ),
    Scenario(
        "a minor revision needs nobody's",
        [*UNDER_1, guardian("set", 1), published(2, 3), decided(2, "minor", 3)],
        "0-3: 1 joined, 3-: 2 posted",
    ),
    Scenario(
        "from the end of guardianship the revision's own rule holds",
        [*notice_of_2(), guardian("set", 1), letter(2, 2), guardian("unset", 8)],
        "0-8: 1 joined, 8-: 2 notice",
    ),
    Scenario(
        "which may still hold them back",
        [*acceptance_of_2(), guardian("set", 1), guardian("unset", 8)],
        "0-: 1 joined",
    ),
    Scenario(
        "what moved them before they had a guardian moves nothing back",
        [*acceptance_of_2(), acknowledged(2, 3), guardian("set", 4)],
        "0-3: 1 joined, 3-: 2 acceptance",
    ),
]


def rows(scenarios: Iterable[NamedTuple]) -> list[Any]:
    return [pytest.param(*scenario[1:], id=str(scenario[0])) for scenario in scenarios]


@pytest.mark.parametrize(("facts", "spans"), rows(RULE_1_START))
def test_rule_1_start(facts: Sequence[Fact], spans: str) -> None:
    assert drawn(timeline(facts)) == spans


@pytest.mark.parametrize(("facts", "spans"), rows(RULE_2_MOVE))
def test_rule_2_move(facts: Sequence[Fact], spans: str) -> None:
    assert drawn(timeline(facts)) == spans


@pytest.mark.parametrize(("facts", "spans"), rows(RULE_3_MET))
def test_rule_3_met(facts: Sequence[Fact], spans: str) -> None:
    assert drawn(timeline(facts)) == spans


@pytest.mark.parametrize(("facts", "spans"), rows(RULE_4_NOTICE))
def test_rule_4_notice(facts: Sequence[Fact], spans: str) -> None:
    assert drawn(timeline(facts)) == spans


@pytest.mark.parametrize(("facts", "spans"), rows(RULE_5_ONE_INSTANT))
def test_rule_5_one_instant(facts: Sequence[Fact], spans: str) -> None:
    assert drawn(timeline(facts)) == spans


@pytest.mark.parametrize(("facts", "spans"), rows(RULE_6_GUARDIAN))
def test_rule_6_guardian(facts: Sequence[Fact], spans: str) -> None:
    assert drawn(timeline(facts)) == spans


def test_the_scenarios_agree_with_the_second_opinion() -> None:
    for scenario in [
        *RULE_1_START,
        *RULE_2_MOVE,
        *RULE_3_MET,
        *RULE_4_NOTICE,
        *RULE_5_ONE_INSTANT,
        *RULE_6_GUARDIAN,
    ]:
        assert governed(timeline(scenario.facts)) == oracle.spans(scenario.facts), scenario.says


# Who is told, and a letter's base


class Telling(NamedTuple):
    says: str
    facts: Sequence[Fact]
    on: int
    told: int


THREE = (*UNDER_1, published(2, 1), published(3, 2))
TOLD = [
    Telling("nobody before they joined", [published(1, 0), joined(5)], 4, 0),
    Telling("of the revision they joined under", [published(1, 0), published(2, 3), joined(5)], 5, 2),
    Telling("not of one posted since, though it governs", [*UNDER_1, published(2, 3)], 9, 1),
    Telling("of the one in the letter", [*THREE, letter(2, 3)], 3, 2),
    Telling("not before the letter was taken", [*THREE, letter(2, 3)], 2, 1),
    Telling("of the last one, not of the last letter", [*THREE, letter(3, 3), letter(2, 4)], 9, 3),
    Telling("by a site notice too", [*THREE, shown(3, 3)], 9, 3),
    Telling("not by a notice that failed since", [*THREE, letter(2, 3), letter(3, 4), bounced(3, 4, 6)], 6, 2),
    Telling("as long as it has not failed yet", [*THREE, letter(2, 3), letter(3, 4), bounced(3, 4, 6)], 5, 3),
    Telling(
        "not of one withdrawn, but of those before it that its letter showed",
        [*UNDER_1, published(2, 1), published(3, 2, effective=9), letter(3, 3), withdrawn(3, 4)],
        4,
        2,
    ),
    Telling(
        "not of one whose notice failed, though a letter that took it as its base has told of a withdrawn one",
        [
            *(*UNDER_1, published(2, 1), letter(2, 1), bounced(2, 1, on=3)),
            *(published(3, 2, effective=9), letter(3, 2, base=2), withdrawn(3, 4)),
        ],
        4,
        1,
    ),
    Telling(
        "of none by what was in force only after they joined: they joined under no text",
        [joined(0), published(1, 3)],
        9,
        0,
    ),
]

JOINED_UNDER = [
    ("the one in force, not the upcoming one", [published(1, 0), published(2, 1, effective=9), joined(5)], 1),
    ("the one in force then, not the one that came", [*UNDER_1, published(2, 3)], 1),
    ("a member joins once", [*UNDER_1, published(2, 3), joined(5)], 1),
    (
        "the upcoming one was withdrawn later",
        [published(1, 0), published(2, 1, effective=9), joined(5), withdrawn(2, 6)],
        1,
    ),
    (
        "the first was withdrawn in time",
        [published(1, 0, effective=4), withdrawn(1, 1), published(2, 2), joined(5)],
        2,
    ),
    ("none in force yet", [published(1, 0, effective=4), joined(3)], 0),
    ("nobody joined", [published(1, 0)], 0),
]


@pytest.mark.parametrize(("facts", "on", "revision"), rows(TOLD))
def test_a_member_was_told(facts: Sequence[Fact], on: int, revision: int) -> None:
    assert told(facts, day(on)) == revision


@pytest.mark.parametrize(("facts", "revision"), [pytest.param(*row[1:], id=row[0]) for row in JOINED_UNDER])
def test_a_member_joined_under(facts: Sequence[Fact], revision: int) -> None:
    assert joined_under(facts) == revision


# Random histories: a second opinion, then one property for each rule


def governed(line: Timeline) -> list[oracle.Governed]:
    return [(span.revision, span.start, span.end) for span in line.spans]


def unguarded(facts: Iterable[Fact]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, Guardianship)]


def published_as(facts: Iterable[Fact], number: int) -> Published:
    return next(fact for fact in every(facts, Published) if fact.revision == number)


def by_guardian(fact: Fact) -> bool:
    return isinstance(fact, Acknowledged) and fact.kind == "accepted" and fact.by_guardian


def answer(line: Timeline, now: datetime) -> tuple[object, ...] | None:
    """What an instant is answered; when the span will end is a forecast."""
    span = line.at(now)
    return span and (span.revision, span.start, span.basis, span.evidence)


def moves(line: Timeline) -> list[tuple[Span, Span]]:
    return list(pairwise(line.spans))


def to_be_met(facts: Sequence[Fact], before: Span, after: Span) -> list[Published]:
    """The revisions that a move passed and that were significant when it was taken."""
    record = Record(facts, after.start)
    passed = [revision for number, revision in record.live().items() if before.revision < number <= after.revision]
    return [revision for revision in passed if record.significant(revision.revision)]


def instants(facts: Sequence[Fact]) -> Iterator[datetime]:
    """Every day that matters, and the middle of it."""
    for today in oracle.days(facts):
        yield from (today, today + DAY / 2)


@often
@given(histories())
def test_the_spans_agree_with_a_second_opinion(facts: list[Fact]) -> None:
    assert governed(timeline(facts)) == oracle.spans(facts)


@often
@given(histories())
def test_who_was_told_agrees_with_a_second_opinion(facts: list[Fact]) -> None:
    assert joined_under(facts) == oracle.joined_under(facts)
    for now in {fact.at for fact in facts}:
        assert told(facts, now) == oracle.told(facts, now)


@often
@given(histories())
def test_rule_1_it_starts_under_what_is_in_force_else_when_the_first_is(facts: list[Fact]) -> None:
    [member] = every(facts, Joined)
    end = min((fact.at for fact in every(facts, Ended)), default=None)
    found = timeline(facts).spans[:1]
    days = [today for today in oracle.days(facts) if member.at <= today and (end is None or today < end)]
    start = next((today for today in days if Record(facts, today).effective()), None)
    assert [span.start for span in found] == [start] * (start is not None)
    for span in found:
        first = published_as(facts, max(Record(facts, span.start).effective()))
        joined_under_it = (first.revision, Basis.JOINED, member.id)
        waited_for_it = (first.revision, Basis.FIRST, first.id)
        expected = joined_under_it if span.start == member.at else waited_for_it
        assert (span.revision, span.basis, span.evidence) == expected


@often
@given(histories())
def test_rule_1_the_start_does_not_depend_on_any_rule_decision_or_guardian(facts: list[Fact]) -> None:
    bare = [
        replace(fact, rule=Rule.ACCEPTANCE) if isinstance(fact, Published) else fact
        for fact in facts
        if isinstance(fact, Published | Withdrawn | Joined | Ended)
    ]
    assert [span[:2] for span in timeline(bare).spans[:1]] == [span[:2] for span in timeline(facts).spans[:1]]


@often
@given(histories())
def test_rule_2_revisions_only_grow_and_none_governs_before_its_effective_date(facts: list[Fact]) -> None:
    withdrawn_ones = {fact.revision for fact in every(facts, Withdrawn)}
    spans = timeline(facts).spans
    assert all(before.revision < after.revision for before, after in pairwise(spans))
    assert all(span.start >= published_as(facts, span.revision).effective_at for span in spans)
    assert withdrawn_ones.isdisjoint(span.revision for span in spans)


@often
@given(histories())
def test_rule_2_a_move_goes_to_the_greatest_and_is_never_put_off(facts: list[Fact]) -> None:
    line = timeline(facts)
    for now in instants(facts):
        span, record = line.at(now), Record(facts, now)
        if span is not None:
            open_to_them = [
                r for r in record.effective() if r > span.revision and record.may_move(span.revision, r)
            ]
            assert not open_to_them, f"on {now} a member at {span.revision} could be at {open_to_them}"


@often
@given(histories())
def test_rule_2_undecided_counts_as_significant(facts: list[Fact]) -> None:
    at_once = [Decided(fact.at, fact.revision, True, "as undecided") for fact in every(facts, Published)]
    decided_at_once = {(fact.revision, fact.at) for fact in every(facts, Decided)}
    added = [fact for fact in at_once if (fact.revision, fact.at) not in decided_at_once]
    with_them, without = timeline([*facts, *added]), timeline(facts)
    assert [span[:5] for span in with_them.spans] == [span[:5] for span in without.spans]  # all but grounds


@often
@given(histories())
def test_rule_2_where_all_is_minor_what_is_in_force_governs(facts: list[Fact]) -> None:
    minor = [Decided(fact.at, fact.revision, False, f"minor {fact.revision}") for fact in every(facts, Published)]
    undecided = [fact for fact in facts if not isinstance(fact, Decided)]
    line = timeline([*undecided, *minor])
    for now in instants(facts):
        record, span = Record(facts, now), line.at(now)
        in_force = max(record.effective(), default=None) if record.retained() else None
        assert (span.revision if span else None) == in_force


REQUIRED: dict[Rule, Callable[[int, int, int, int], int]] = {
    Rule.POSTING: lambda told, period, stated, accepted: 0,
    Rule.NOTICE: lambda told, period, stated, accepted: min(accepted, max(told + period, stated)),
    Rule.ACCEPTANCE: lambda told, period, stated, accepted: accepted,
}
when = st.integers(1, 20)


@often
@given(st.sampled_from(Rule), when, when, st.integers(3, 9), when, when)
def test_rule_3_each_rule_is_met_in_its_own_way(
    rule: Rule, effective: int, sent: int, period: int, stated: int, accepted: int
) -> None:
    new = published(2, 1, effective=effective, rule=rule, period=period)
    line = timeline([*UNDER_1, new, letter(2, sent, stating=stated), acknowledged(2, accepted)])
    assert line.spans[1].start == day(max(effective, REQUIRED[rule](sent, period, stated, accepted)))


@often
@given(histories(), st.data())
def test_rule_3_an_accepted_meets_all_up_to_it_under_any_rule(facts: list[Fact], data: st.DataObject) -> None:
    facts = [fact for fact in unguarded(facts) if not isinstance(fact, Ended)]
    last_day = oracle.days(facts)[-1]
    number = data.draw(st.sampled_from(sorted(Record(facts, last_day).effective()) or [0]))
    accepted = Acknowledged(last_day, number, "accepted", False, "accepted at last")
    span = timeline([*facts, accepted]).at(last_day)
    assert span is None or span.revision >= number


@often
@given(histories())
def test_rule_3_a_declined_and_a_consent_withdrawn_meet_nothing(facts: list[Fact]) -> None:
    telling = ("accepted", "read")
    without = [fact for fact in facts if not isinstance(fact, Acknowledged) or fact.kind in telling]
    assert timeline(without) == timeline(facts)


@often
@given(histories())
def test_rule_3_the_basis_and_the_evidence_say_what_met_the_revisions_passed(facts: list[Fact]) -> None:
    for before, after in moves(timeline(facts)):
        record, passed = Record(facts, after.start), to_be_met(facts, before, after)
        if after.basis == Basis.POSTED:
            assert after.evidence == f"revision {after.revision}"
            assert not passed or not record.guarded()
            assert all(revision.rule == Rule.POSTING for revision in passed)
        elif after.basis == Basis.NOTICE:
            [notice] = [fact for fact in record.standing() if fact.id == after.evidence]
            told_of = [r for r in passed if notice.base < r.revision <= notice.revision and r.rule == Rule.NOTICE]
            assert told_of, f"{notice.id} tells of none of the revisions that the move to {after.revision} passed"
        else:
            [accepted] = [fact for fact in record.every(Acknowledged) if fact.id == after.evidence]
            assert accepted.kind == "accepted"
            assert any(revision.revision <= accepted.revision for revision in passed)
            assert accepted.by_guardian or not record.guarded()


@often
@given(histories())
def test_what_a_span_rests_on_is_enough_to_judge_it(facts: list[Fact]) -> None:
    by_id = {fact.id: fact for fact in facts}
    line = timeline(facts)
    for span in line.spans:
        assert span.rests_on[0] == span.evidence
        assert len(span.rests_on) == len(set(span.rests_on))
        assert all(by_id[name].at <= span.start for name in span.rests_on)
    for first in line.spans[:1]:
        record = Record([by_id[name] for name in first.rests_on], first.start)
        assert record.retained()
        assert max(record.effective()) == first.revision
    for before, after in moves(line):
        record = Record([by_id[name] for name in after.rests_on], after.start)
        whole = Record(facts, after.start)
        assert record.may_move(before.revision, after.revision)
        assert after.revision in record.effective()
        passed = {number for number in whole.live() if before.revision < number <= after.revision}
        assert passed == record.live().keys()


tellings = st.lists(
    st.tuples(st.integers(1, 12), st.none() | st.integers(0, 6)), max_size=4, unique_by=lambda t: t[0]
)


@often
@given(st.integers(1, 15), tellings)
def test_rule_4_the_earliest_notice_standing_at_the_move_counts(
    effective: int, given_ones: list[tuple[int, int | None]]
) -> None:
    facts: list[Fact] = list(notice_of_2(effective=effective))
    for sent, fails_after in given_ones:
        facts.append(letter(2, sent))
        facts += [] if fails_after is None else [bounced(2, sent, on=sent + fails_after)]

    def earliest_standing(now: int) -> int:
        return min((sent for sent, fails in given_ones if fails is None or sent + fails > now), default=99)

    move = next((now for now in range(effective, 50) if earliest_standing(now) + 3 <= now), None)
    assert [span.start for span in timeline(facts).spans[1:]] == ([] if move is None else [day(move)])


@often
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12))
def test_rule_4_a_bounce_up_to_the_move_undoes_and_a_later_one_changes_nothing(
    effective: int, sent: int, fails_after: int
) -> None:
    told_once = [*notice_of_2(effective=effective), letter(2, sent)]
    move = timeline(told_once).spans[1].start
    failed = timeline([*told_once, bounced(2, sent, on=sent + fails_after)])
    assert failed == timeline(told_once if day(sent + fails_after) > move else notice_of_2(effective=effective))


def test_rule_4_a_complaint_is_no_fact() -> None:
    known = {kind.__name__ for kind in get_args(Fact)}
    policy_facts = {"Published", "Withdrawn", "Decided"}
    assert known == policy_facts | {"Joined", "Guardianship", "Noticed", "Undone", "Acknowledged", "Ended"}


@often
@given(histories(), st.integers())
def test_rule_5_facts_in_any_order_of_arrival_give_the_same_answers(facts: list[Fact], seed: int) -> None:
    shuffled = random.Random(seed).sample(facts, len(facts))
    now = oracle.days(facts)[-1]
    assert timeline(shuffled) == timeline(facts)
    assert (told(shuffled, now), joined_under(shuffled)) == (told(facts, now), joined_under(facts))


@often
@given(histories())
def test_rule_6_a_guardian_alone_moves_a_ward_past_what_is_significant(facts: list[Fact]) -> None:
    for before, after in moves(timeline(facts)):
        record = Record(facts, after.start)
        if record.guarded():
            needed = max((revision.revision for revision in to_be_met(facts, before, after)), default=0)
            answers = [fact.revision for fact in record.every(Acknowledged) if by_guardian(fact)]
            assert not needed or max(answers, default=0) >= needed


@often
@given(histories(), st.sampled_from(Rule))
def test_rule_6_for_a_ward_no_notice_rule_or_own_answer_matters(facts: list[Fact], rule: Rule) -> None:
    [member] = every(facts, Joined)
    ward = [*unguarded(facts), Guardianship(member.at, True, "guardian")]
    stripped = [
        replace(fact, rule=rule) if isinstance(fact, Published) else fact
        for fact in ward
        if not isinstance(fact, Noticed | Undone | Acknowledged) or by_guardian(fact)
    ]
    assert governed(timeline(stripped)) == governed(timeline(ward))


@often
@given(histories())
def test_rule_6_a_guardian_only_ever_holds_back(facts: list[Fact]) -> None:
    guarded, free = timeline(facts), timeline(unguarded(facts))
    for now in instants(facts):
        with_one, without = guarded.at(now), free.at(now)
        assert (with_one is None) == (without is None)
        assert with_one is None or without is None or with_one.revision <= without.revision


@often
@given(histories())
def test_rule_7_nothing_recorded_at_an_instant_changes_an_earlier_answer(facts: list[Fact]) -> None:
    whole = timeline(facts)
    for recorded in sorted({fact.at for fact in facts}):
        before = timeline(fact for fact in facts if fact.at < recorded)
        for now in instants(facts):
            if now < recorded:
                assert answer(before, now) == answer(whole, now)


@often
@given(histories())
def test_rule_7_what_a_member_was_told_by_then_does_not_change(facts: list[Fact]) -> None:
    for now in oracle.days(facts):
        assert told([fact for fact in facts if fact.at <= now], now) == told(facts, now)


@often
@given(histories())
def test_rule_8_one_revision_governs_each_instant_from_the_start_to_the_end(facts: list[Fact]) -> None:
    line = timeline(facts)
    end = min((fact.at for fact in every(facts, Ended)), default=None)
    assert all(before.end == after.start for before, after in moves(line))
    assert all(span.end is None or span.start < span.end for span in line.spans)
    assert [span.end for span in line.spans[-1:]] == [end] * len(line.spans[-1:])
    for now in instants(facts):
        holding = [span for span in line.spans if span.start <= now and (span.end is None or now < span.end)]
        assert len(holding) <= 1
        assert line.at(now) == next(iter(holding), None)
