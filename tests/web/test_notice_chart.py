"""The chart of a notice: whatever the figures, every bar stands within, and the sentence says the sums."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier import course
from notifier.course import QUARTER
from notifier.outlook import Quota
from web.admin import notice_chart

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)
INSTANTS = st.integers(0, 900).map(lambda n: NINE + n * QUARTER)
QUARTERS = st.dictionaries(INSTANTS, st.integers(1, 10**7), max_size=9)


@settings(max_examples=40)
@given(QUARTERS, QUARTERS, QUARTERS, st.integers(0, 10**7), st.integers(1, 10**5), st.integers(1, 10**6))
def test_bars_stand_within_and_above_their_ground(
    went: dict[datetime, int],
    unknown: dict[datetime, int],
    back: dict[datetime, int],
    left: int,
    minutes: int,
    quota: int,
) -> None:
    now = NINE + timedelta(days=2)
    found = course.course(
        went or {NINE: 1}, unknown, back, left=left, last=now + timedelta(minutes=minutes), now=now
    )
    drawn = notice_chart.chart(found, [Quota(quota, timedelta(hours=1), 0)], now)
    for bar in drawn.bars:
        assert bar.x >= 0 and bar.x + bar.width <= 100
        assert bar.height >= 1
        lines = drawn.strip if bar.kind in ("back", "unknown") else drawn.grid
        ground, top = lines[0].y, lines[-1].y
        assert top - 1.5 <= bar.y and bar.y + bar.height <= ground + 0.2, bar
    assert [line.figure for line in drawn.grid] == [n * drawn.grid[1].figure for n in range(4)]
    assert all(0 <= tick.x < 100.01 for tick in drawn.ticks)
    assert len(drawn.ticks) <= 11
    assert drawn.quota is None or drawn.grid[-1].y <= drawn.quota[0] <= drawn.grid[0].y


def test_the_sentence_says_what_is_drawn() -> None:
    went = {NINE: 500, NINE + QUARTER: 1480}
    now = NINE + 2 * QUARTER
    found = course.course(went, {NINE: 29}, {NINE + QUARTER: 12}, left=740, last=now + QUARTER, now=now)
    drawn = notice_chart.chart(found, [], now)
    assert drawn.label.startswith(
        "Letters each quarter-hour from 1 June, 09:00 UTC: 1,980 taken, the most, 1,480, from 1 June, 09:15 UTC; "
        "12 bounced or dropped; 29 in doubt; 740 planned until 1 June, 09:45 UTC."
    )
    assert (drawn.step, drawn.doubtful, drawn.planned, drawn.now) == ("quarter-hour", True, True, 12.5)
    assert [(tick.words, tick.day) for tick in drawn.ticks][:2] == [("09:00", "1 Jun"), ("10:00", "")]
