"""Revision dates: a day, a month or a year, in the policy's own time zone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import DateMalformed, DayMalformed, TimeZoneUnknown
from policy_versions import dates
from policy_versions.dates import RevisionDate

STOCKHOLM = dates.zone("Europe/Stockholm")


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("2018-05-25", "25 May 2018"),
        ("2015-09", "September 2015"),
        ("2015", "2015"),
        (" 2015-09 ", "September 2015"),
    ],
)
def test_a_date_is_shown_as_exactly_as_it_was_given(written: str, label: str) -> None:
    assert RevisionDate.parse(written).label == label


@pytest.mark.parametrize(
    "written",
    ["", "2018-13", "2018-02-30", "18-05-25", "2018-5-25", "2018-05-25T00:00", "٢٠١٨", "9999", "0000-01-01", "x"],
)
def test_what_is_no_date_is_refused(written: str) -> None:
    with pytest.raises(DateMalformed):
        RevisionDate.parse(written)


@pytest.mark.parametrize("written", ["0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31"])
def test_years_that_no_time_zone_can_tell_are_refused(written: str) -> None:
    with pytest.raises(DateMalformed):
        RevisionDate.parse(written)
    with pytest.raises(DayMalformed):
        dates.parse_day(written)


@pytest.mark.parametrize("written", ["1900-01-01", "1900", "9000-12-31", "9000"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_year_can_be_told_in_every_zone(written: str, zone: str) -> None:
    date = RevisionDate.parse(written)
    assert date.starts(dates.zone(zone)) < date.ends(dates.zone(zone))
    assert dates.parse_day("9000-12-31").year == 9000


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("2018-05-25", datetime(2018, 5, 25, 22, tzinfo=UTC)),  # summer time: the day after begins at 22:00 UTC
        ("2018-12", datetime(2018, 12, 31, 23, tzinfo=UTC)),
        ("2018-02", datetime(2018, 2, 28, 23, tzinfo=UTC)),
        ("2018", datetime(2018, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_span_ends_where_the_next_day_begins_in_the_policys_zone(written: str, ends: datetime) -> None:
    assert RevisionDate.parse(written).ends(STOCKHOLM) == ends


def test_dates_sort_by_the_end_of_their_span() -> None:
    written = ["2018", "2018-05-31", "2018-05", "2018-05-25"]
    ordered = sorted(map(RevisionDate.parse, written), key=lambda d: d.order)
    assert [str(d) for d in ordered] == ["2018-05-25", "2018-05-31", "2018-05", "2018"]


@given(st.dates(min_value=datetime(1990, 1, 1).date(), max_value=datetime(2100, 1, 1).date()))  # noqa: DTZ001
def test_a_day_written_and_read_is_the_same_day(day: object) -> None:
    assert str(RevisionDate.parse(str(day))) == str(day)


def test_a_date_that_is_stated_begins_at_or_after_the_instant() -> None:
    instant = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # 00:30 on the 29th, the night summer time begins
    assert dates.day_begun_after(instant, STOCKHOLM) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert dates.day_begun_after(midnight, STOCKHOLM) == midnight


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe/\x00"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(TimeZoneUnknown):
        dates.zone(name)
