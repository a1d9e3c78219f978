"""The arithmetic of a deadline: its sentences, and that it never promises a letter too early."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import NoticePeriodNotKept
from notifier import arithmetic
from notifier.arithmetic import DAY, HOUR, Limits, Plan, lasting, leaving, sentences

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NONE = Limits()


def plan(letters: int, limits: Limits = NONE, **given: object) -> Plan:
    fields: dict[str, object] = {
        "start": NOON,
        "period": timedelta(),
        "effective_at": None,
        "zone": ZoneInfo("UTC"),
    }
    return Plan(letters, limits, **{**fields, **given})  # type: ignore[arg-type]


# -- in words -----------------------------------------------------------------------------------


def test_the_sentence_says_how_long_it_takes_and_what_notice_that_leaves() -> None:
    given = plan(12_345, Limits(hour=2500), effective_at=NOON + 30 * DAY)
    assert sentences(given) == [
        "12,345 members at 2,500 an hour: the last letter leaves 5 h after the start, "
        "so the shortest notice is 29 days 19 hours."
    ]


def test_where_the_period_cannot_be_kept_it_says_for_how_many_and_by_how_much() -> None:
    midnight = datetime(2026, 7, 2, tzinfo=UTC)
    given = plan(12_345, Limits(hour=2500), period=30 * DAY, effective_at=midnight)
    # 12 h of slack: all keep it
    assert sentences(given)[1] == (
        "Every letter leaves early enough for the notice period of 30 days to be over by 2 July 2026."
    )
    late = plan(12_345, Limits(hour=1000), period=30 * DAY, effective_at=midnight)
    assert sentences(late) == [
        "12,345 members at 1,000 an hour: the last letter leaves 13 h after the start.",
        "The notice period of 30 days cannot be over for 345 of them by 2 July 2026: their letters name a later "
        "day, at the latest 3 July 2026, 1 day after that.",
    ]


def test_where_no_limit_is_known_nothing_is_said_of_the_last_letter() -> None:
    given = plan(500, effective_at=NOON + 40 * DAY, period=30 * DAY)
    first, kept = sentences(given)
    assert first == ("500 members: no limit is set or was met, so when the last letter leaves cannot be foretold.")
    assert kept.endswith("to be over by 11 July 2026 if they leave at once.")


def test_where_none_can_keep_it_that_is_said() -> None:
    given = plan(500, effective_at=NOON, period=30 * DAY)
    assert sentences(given)[1] == (
        "The notice period of 30 days cannot be over for any of them by 1 June 2026: their letters name a later "
        "day, at the latest 2 July 2026, 31 days after that if they leave at once."
    )


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(day=20_000), "at 20,000 a day: the last letter leaves 2 days after the start"),
        (Limits(hour=5000, day=20_000), "at 5,000 an hour and 20,000 a day: the last letter leaves 2 days 2 h"),
        (Limits(hour=500, day=20_000), "at 500 an hour and 20,000 a day: the last letter leaves 4 days 4 h"),
        (Limits(rate=41.6), "at about 42 a second, as last found: the last letter leaves 21 min"),
        (Limits(hour=10**9, rate=1.0), "at about 1 a second, as last found: the last letter leaves 13 h 54 min"),
        (Limits(day=10**6), "at 1,000,000 a day: all may leave at once"),
        (Limits(day=10**6, pause=HOUR / 2), "at 1,000,000 a day: the last letter leaves 30 min after the start"),
    ],
)
def test_each_limit_is_named(limits: Limits, said: str) -> None:
    assert said in sentences(plan(50_000, limits))[0]


def test_one_member_is_one_and_none_is_none() -> None:
    assert sentences(plan(0, Limits(hour=1))) == ["No letter is to leave."]
    assert sentences(plan(1, Limits(hour=1)))[0].startswith("1 member at 1 an hour")
    one = plan(1, Limits(hour=1), period=3 * DAY, effective_at=NOON)
    assert "that" not in sentences(one)[1] or "their letters" not in sentences(one)[1]


@pytest.mark.parametrize(
    ("span", "lasts", "notice"),
    [
        (timedelta(hours=5), "5 h", "5 hours"),
        (timedelta(minutes=59, seconds=1), "1 h", "59 minutes"),
        (timedelta(minutes=1), "1 min", "1 minute"),
        (timedelta(days=1), "1 day", "1 day"),
        (timedelta(days=29, hours=19, minutes=59), "29 days 20 h", "29 days 19 hours"),
        (timedelta(days=2, hours=1), "2 days 1 h", "2 days 1 hour"),
        (timedelta(0), "0 min", "0 minutes"),
    ],
)
def test_spans_in_words_are_never_better_than_they_are(span: timedelta, lasts: str, notice: str) -> None:
    assert (arithmetic.lasting_words(span), arithmetic.notice_words(span)) == (lasts, notice)


# -- strictness ---------------------------------------------------------------------------------


def test_a_strict_installation_refuses_a_date_that_cannot_be_kept_for_all() -> None:
    late = plan(12_345, Limits(hour=1000), period=30 * DAY, effective_at=datetime(2026, 7, 2, tzinfo=UTC))
    arithmetic.check(late, strict=False)
    with pytest.raises(NoticePeriodNotKept, match=r"345 members by 2 July 2026, .* choose 3 July 2026 or a later"):
        arithmetic.check(late, strict=True)
    arithmetic.check(plan(12_345, Limits(hour=1000)), strict=True)


@given(
    letters=st.integers(1, 10**7),
    hour=st.none() | st.integers(1, 10**5),
    day=st.none() | st.integers(1, 10**6),
    days=st.integers(3, 90),
    ahead=st.integers(0, 10**7),
)
def test_the_day_it_tells_to_choose_is_one_that_is_kept(
    letters: int, hour: int | None, day: int | None, days: int, ahead: int
) -> None:
    limits = Limits(hour, day)
    late = plan(letters, limits, period=days * DAY, effective_at=NOON + timedelta(seconds=ahead), zone=STOCKHOLM)
    if late.earliest.year < 9000:
        better = plan(letters, limits, period=days * DAY, effective_at=late.earliest, zone=STOCKHOLM)
        assert better.late == 0
        assert 0 <= late.late <= letters


# -- it is an upper bound -----------------------------------------------------------------------


def simulated(letters: int, limits: Limits, first: int) -> timedelta:
    """When the last letter leaves if all do as soon as the rolling windows let them, the first ones alone."""
    left: list[tuple[timedelta, int]] = []
    at, remaining = timedelta(), letters

    def room(now: timedelta) -> int:
        rooms = [
            most - sum(n for when, n in left if when > now - window)
            for most, window in ((limits.hour, HOUR), (limits.day, DAY))
            if most is not None
        ]
        return min([remaining, *rooms])

    if limits.pause:
        sent = min(first, room(at))
        left.append((at, sent))
        remaining -= sent
        at += limits.pause if remaining else timedelta()
    while remaining:
        sent = room(at)
        if sent:
            left.append((at, sent))
            remaining -= sent
        if remaining:
            windows = [w for most, w in ((limits.hour, HOUR), (limits.day, DAY)) if most is not None]
            at = min(when + w for when, n in left for w in windows if n and when + w > at)
    return at


@given(
    letters=st.integers(1, 400),
    hour=st.none() | st.integers(1, 60),
    day=st.none() | st.integers(1, 200),
    pause=st.sampled_from([0, 10, 30, 60, 300]),
    first=st.integers(1, 30),
)
def test_no_letter_leaves_later_than_said(
    letters: int, hour: int | None, day: int | None, pause: int, first: int
) -> None:
    limits = Limits(hour, day, pause=timedelta(minutes=pause))
    said = lasting(letters, limits)
    if hour is None and day is None:
        assert said is None
        return
    assert said is not None
    assert simulated(letters, limits, min(first, hour or first, day or first)) <= said


limits_ = st.builds(
    Limits,
    st.none() | st.integers(1, 10**6),
    st.none() | st.integers(1, 10**7),
    st.none() | st.floats(1, 10**5),
    st.timedeltas(timedelta(), timedelta(days=1)),
)


@given(st.integers(0, 10**7), limits_)
def test_more_letters_never_take_less_time(letters: int, limits: Limits) -> None:
    fewer, more = lasting(letters, limits), lasting(letters + 1, limits)
    assert more is None or fewer is None or fewer <= more


@given(st.integers(0, 10**6), limits_, st.timedeltas(timedelta(days=-1), timedelta(days=400)))
def test_what_has_left_by_a_time_is_as_much_as_that_time_allows(
    letters: int, limits: Limits, within: timedelta
) -> None:
    left = leaving(letters, limits, within=within)
    assert 0 <= left <= letters
    if left:
        assert (lasting(left, limits) or timedelta()) <= within
    if left < letters and within >= timedelta():
        longer = lasting(left + 1, limits)
        assert longer is not None and longer > within


@given(
    st.integers(0, 10**7),
    limits_,
    st.integers(0, 400),
    st.none() | st.timedeltas(timedelta(), timedelta(days=2000)).map(lambda ahead: NOON + ahead),
)
def test_every_plan_is_said_in_sentences(letters: int, limits: Limits, days: int, at: datetime | None) -> None:
    given = plan(letters, limits, period=days * DAY, effective_at=at, zone=STOCKHOLM)
    for sentence in sentences(given):
        assert sentence.endswith(".") and "  " not in sentence and ".." not in sentence
