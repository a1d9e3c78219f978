"""The sum of part 8: it says what the sentences say, and whether a day that was named can be kept."""

from datetime import timedelta

import pytest

from notifier.arithmetic import DAY, Limits, sentences
from notifier.reckoning import promise, rows
from tests.notifier.test_arithmetic import NOON, STOCKHOLM, plan


def figures(**given: object) -> dict[str, str]:
    letters, limits = given.pop("letters", 12_345), given.pop("limits", Limits())
    return {row.words: row.figure for row in rows(plan(letters, limits, **given))}  # type: ignore[arg-type]


def test_the_sum_leads_from_the_letters_to_the_day_that_everybody_has_had_their_notice() -> None:
    assert figures(limits=Limits(hour=2500), period=30 * DAY, effective_at=NOON, zone=STOCKHOLM) == {
        "Letters": "12,345",
        "An hour, by quota": "2,500",
        "To send them all": "5 h",
        "The first letter leaves": "1 June 2026, 14:00",
        "The last letter leaves": "1 June 2026, 19:00",
        "Notice period": "30 days",
        "The notice period is over for everybody on": "2 July 2026",
    }


def test_a_pace_that_nobody_knows_is_not_made_up() -> None:
    said = figures(effective_at=NOON + DAY)
    assert said["The last letter leaves"] == "cannot be foretold"
    assert said["In force from"] == "2 June 2026, 12:00"


def test_by_acceptance_there_is_no_day() -> None:
    said = figures(limits=Limits(day=9000, rate=3.4))
    assert said["It applies to a member"] == "when they accept it"
    assert (said["A day, by quota"], said["A second, as last found"]) == ("9,000", "3")


def test_without_letters_there_is_no_sum() -> None:
    assert rows(plan(0)) == []
    assert promise(plan(0, period=DAY, effective_at=NOON)) is None


@pytest.mark.parametrize(
    ("letters", "after", "kept", "says"),
    [
        (5000, 60 * DAY, True, "31 July 2026 can be kept: everybody has had their notice by 3 July 2026, 28 days"),
        (5000, 31 * DAY, False, "2,500 of the letters name a later day, at the latest 3 July 2026."),
        (1, DAY, False, "2 June 2026 is too soon for the notice period of 30 days: the letter names a later day"),
        (5000, DAY, False, "all 5,000 letters name a later day"),
        (2501, 31 * DAY, False, "1 of the letters names a later day"),
    ],
)  # fmt: skip
def test_whether_the_day_that_was_named_can_be_kept_is_said(
    letters: int, after: timedelta, kept: bool, says: str
) -> None:
    # 2,500 letters leave before midnight, when the day they can name is one sooner
    given = plan(
        letters, Limits(hour=2500), start=NOON + timedelta(hours=11), period=30 * DAY, effective_at=NOON + after
    )
    found = promise(given)
    assert found is not None
    assert (found.kept, found.kept == (not given.late)) == (kept, True)
    assert says in found.sentence
    assert len(sentences(given)) == 2


def test_no_promise_is_needed_where_no_period_binds() -> None:
    assert promise(plan(5, effective_at=NOON)) is None
    assert promise(plan(5, period=DAY)) is None
