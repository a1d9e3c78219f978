"""How fast a notice goes, when its last letter leaves and what holds it back: counted, then said in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import outlook, progress
from notifier.models import Notice, Pace
from notifier.outlook import Quota, Rate, gate_words, last_leaves, moment, pace_words, settles
from notifier.pacing import DAY, HOUR
from settings import Settings
from tests.conftest import make_settings
from tests.notifier.ledgers import Books, Plan

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEADY = Rate(41_000, 205_000, NOON - 5 * MINUTE)
STOOD = Rate(0, 0, None)
HOURLY = Quota(2500, HOUR, 0)


def test_a_rate_says_when_the_last_leaves() -> None:
    said = pace_words(41_000 * 152, STEADY, [], NOON)
    assert said == "At 41,000 a minute the last leaves at about 14:32 UTC."


def test_a_rate_is_measured_from_the_first_letter_where_less_than_five_minutes_have_gone() -> None:
    began = Rate(600, 600, NOON - MINUTE)
    assert last_leaves(6000, began, [], NOON) == NOON + 10 * MINUTE
    assert last_leaves(3600, Rate(600, 600, NOON), [], NOON) == NOON + MINUTE  # no less than ten seconds


def test_a_last_letter_on_another_day_is_told_with_its_date() -> None:
    said = pace_words(1000, Rate(0, 5, NOON - 5 * MINUTE), [], NOON)
    assert said == "At 1 a minute the last leaves at about 04:40 UTC on 2 June 2026."
    assert moment(NOON + timedelta(seconds=1), NOON) == "12:01 UTC"


def test_where_nothing_leaves_nothing_is_promised() -> None:
    assert pace_words(10, STOOD, [], NOON) == "No letter has left in the last five minutes."
    assert last_leaves(10, STOOD, [], NOON) is None
    assert pace_words(10, STOOD, [HOURLY], NOON) == "No letter has left in the last five minutes."


def test_where_nothing_is_left_nothing_is_said() -> None:
    assert pace_words(0, STEADY, [HOURLY], NOON) == ""
    assert last_leaves(0, STEADY, [HOURLY], NOON) is None


def test_the_slower_of_rate_and_quota_counts() -> None:
    assert pace_words(12_345, STEADY, [HOURLY], NOON) == (
        "With the quota of 2,500 an hour the last leaves at about 16:00 UTC."
    )
    spent = HOURLY._replace(spent=2500)
    assert pace_words(12_345, STOOD, [spent], NOON) == (
        "With the quota of 2,500 an hour the last leaves at about 17:00 UTC. It is spent for now."
    )
    daily = Quota(5000, DAY, 0)
    assert "5,000 a day the last leaves at about 12:00 UTC on 3 June 2026." in pace_words(
        12_345, STEADY, [HOURLY, daily], NOON
    )
    assert pace_words(2000, Rate(10, 50, NOON - 5 * MINUTE), [HOURLY], NOON).startswith("At 10 a minute")


def test_a_provider_that_asked_for_quiet_goes_before_all_else() -> None:
    said = pace_words(10, STEADY, [], NOON, held=NOON + 3 * MINUTE)
    assert said == "The provider asked for quiet until 12:03 UTC; nothing leaves before."
    assert pace_words(10, STEADY, [], NOON, held=NOON).startswith("At 41,000 a minute")


@given(
    left=st.integers(1, 10**8),
    five=st.integers(0, 10**8),
    ago=st.integers(0, 300),
    quotas=st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 2 * 10**7)), max_size=2),
)
def test_the_last_leaves_later_the_more_are_left(
    left: int, five: int, ago: int, quotas: list[tuple[int, int]]
) -> None:
    rate = Rate(0, five, NOON - timedelta(seconds=ago)) if five else STOOD
    limits = [Quota(n, window, spent) for (n, spent), window in zip(quotas, (HOUR, DAY), strict=False)]
    sooner, later = last_leaves(left, rate, limits, NOON), last_leaves(left * 2, rate, limits, NOON)
    assert sooner is None or (later is not None and NOON <= sooner <= later)
    assert pace_words(left, rate, limits, NOON).endswith(".")


HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("gate", "since", "bounced", "reports", "said"),
    [
        ("open", None, 0, True, ""),
        (
            "canary", None, 0, True,
            "The first 200 letters leave first; the others follow when it is known of 90% of them what came of "
            "them, or 30 minutes after the last of them.",
        ),
        (
            "canary", NOON, 0, True,
            "The first 200 letters have left; the others follow when it is known of 90% of them what came of "
            "them, at 12:30 UTC at the latest.",
        ),
        (
            "canary", None, 0, False,
            "The first 200 letters leave first; the others follow when a person has looked, for this sender "
            "reports nothing of letters that have left.",
        ),
        (
            "shut", NOON, 14, True,
            "The first 200 letters have left; 14 of them bounced. The others follow when a person has looked and "
            "goes on.",
        ),
        (
            "shut", NOON, 0, False,
            "The first 200 letters have left. The others follow when a person has looked and goes on.",
        ),
    ],
)  # fmt: skip
def test_the_gate_says_what_the_others_wait_for(
    gate: str, since: datetime | None, bounced: int, reports: bool, said: str
) -> None:
    assert gate_words(gate, 200, bounced, since, HALF_AN_HOUR, reports=reports) == said


@pytest.mark.parametrize(
    ("state", "unknown", "said"),
    [
        ("sending", "at_least_once", "is sent again after 13:40 UTC unless an event comes"),
        ("paused", "at_least_once", "waits for an event or a person, for the notice is paused"),
        ("sending", "at_most_once", "waits for an event or a person; it is never sent again by itself"),
    ],
)
def test_what_settles_a_letter_in_doubt(tmp_path: Path, state: str, unknown: str, said: str) -> None:
    given = make_settings("sqlite://", tmp_path, unknown=unknown)
    assert settles(NOON - 20 * MINUTE, state, given, now=NOON) == said
    if (state, unknown) == ("sending", "at_least_once"):
        assert "next ticks" in settles(NOON - 120 * MINUTE, state, given, now=NOON)


# -- counted in the database --------------------------------------------------------------------


def taken(books: Books, notice: Notice, number: int, ago: timedelta, **given: Any) -> None:
    """A request for 100 letters, taken so long ago."""
    batch = books.batch(notice, number, Plan("email", "queued", []), iter(()), size=150)
    at = books.now - ago
    fields = {"started_at": at - timedelta(seconds=1), "recorded_at": at, **given}
    books.attempt(batch, fields.pop("state", "accepted"), 0, 100, 100, **fields)


def seen(books: Books, notice: Notice, settings: Settings, **given: bool) -> outlook.Outlook:
    counted = progress.of(books.session, notice)
    fields: dict[str, bool] = {"reports": True, **given}
    return outlook.of(books.session, notice, counted, settings, reports=fields["reports"], now=books.now)


def test_only_letters_of_this_notice_taken_lately_count(books: Books, given_settings: Settings) -> None:
    notice, other = books.notice(), books.notice()
    taken(books, notice, 1, timedelta(seconds=30))
    taken(books, notice, 2, 4 * MINUTE)
    taken(books, notice, 3, 6 * MINUTE)
    taken(books, notice, 4, MINUTE, state="unknown")
    taken(books, notice, 5, MINUTE, started_at=books.now - 2 * HOUR)  # settled late: it left long ago
    taken(books, other, 1, MINUTE)
    found = seen(books, notice, given_settings)
    assert found.rate == Rate(100, 200, books.now - 4 * MINUTE)
    assert found.last == books.now + 5 * MINUTE  # 250 are left, at 50 a minute
    assert found.pace == "At 50 a minute the last leaves at about 12:05 UTC."


def test_a_notice_that_stands_still_promises_nothing(books: Books, given_settings: Settings) -> None:
    for state in ("paused", "waiting", "scheduled", "complete", "cancelled"):
        notice = books.notice(state=state)
        taken(books, notice, 1, MINUTE)
        assert seen(books, notice, given_settings)[1:] == (None, "", "")


def test_what_all_notices_have_spent_of_a_quota_counts(books: Books, tmp_path: Path) -> None:
    notice, other = books.notice(), books.notice()
    taken(books, notice, 1, MINUTE)
    taken(books, other, 1, 30 * MINUTE)
    given = make_settings("sqlite://", tmp_path, quota_hour=200)
    assert outlook.quotas_of(books.session, given, now=books.now) == [Quota(200, HOUR, 200)]
    assert seen(books, notice, given).pace.endswith("at about 13:00 UTC. It is spent for now.")


def test_while_the_gate_is_not_open_only_the_gate_is_spoken_of(books: Books, given_settings: Settings) -> None:
    notice = books.notice(gate="canary")
    books.batch(notice, 1, Plan("email", "queued", ["untouched"] * 3), iter(range(3)), canary=True)
    books.batch(notice, 2, Plan("email", "queued", ["untouched"] * 2), iter(range(3, 5)))
    found = seen(books, notice, given_settings)
    assert (found.last, found.pace) == (None, "")
    assert found.gate.startswith("The first 3 letters leave first;")
    assert "reports nothing" in seen(books, notice, given_settings, reports=False).gate


def test_the_providers_wish_is_read_from_the_shared_row(books: Books, given_settings: Settings) -> None:
    notice = books.notice([Plan("email", "queued", ["untouched"])])
    books.session.merge(Pace(id=1, held_until=books.now + MINUTE))
    books.session.flush()
    assert "until 12:01 UTC" in seen(books, notice, given_settings).pace
