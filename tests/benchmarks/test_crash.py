"""A campaign's figures say which rule was broken, and whether as much was done as was asked for."""

from __future__ import annotations

from typing import Any

from benchmarks.crash import figures
from tests.crash.campaign import Result
from tests.crash.verdict import Counts, Verdict

NOTHING: dict[str, Any] = dict.fromkeys(("lost", "needless", "unlisted", "untrue", "astray", "unmarked"), ())
COUNTS = Counts(60, 25, 51_000, 1_000, 750, 900, 250, 300, 1, 9_000)


def broken(counts: Counts = COUNTS, **changed: Any) -> list[str]:
    """The figures that do not hold."""
    verdict = Verdict(**{**NOTHING, "unsettled": (), "excess": 0, **changed})
    found = Result(verdict, counts, 40.0, [], {"kill": 60, "stop": 1, "cut": 1})
    return [each.name for each in figures(found, kills=60) if each.holds is False]


def test_every_rule_held() -> None:
    assert broken() == []


def test_a_lost_member_is_one_too_many() -> None:
    assert broken(lost=("m1@example.com",)) == ["members lost"]


def test_repeats_are_at_most_the_recipients_of_what_was_open() -> None:
    assert broken(COUNTS._replace(after_violence=901)) == ["letters repeated after violence"]


def test_fewer_kills_than_were_asked_for_are_not_enough() -> None:
    short = COUNTS._replace(kills=59, inside=19)
    assert broken(short) == ["kills", "kills between the first byte and the commit"]
