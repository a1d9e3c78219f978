"""Revision dates: a day, a month or a year in the policy's own time zone. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from errors import DateMalformed, DayMalformed, TimeZoneUnknown

_WRITTEN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_MONTHS = "January February March April May June July August September October November December".split()


INSTANT = timedelta(microseconds=1)  # the least that is told apart
FIRST_YEAR, LAST_YEAR = 1900, 9000  # every instant of these years can be told in every time zone


class RevisionDate(NamedTuple):
    """The date a text shows to its readers, as exactly as it was given."""

    year: int
    month: int | None = None
    day: int | None = None

    @classmethod
    def parse(cls, written: str) -> RevisionDate:
        """Read 2018-05-25, 2018-05 or 2018, of the years 1900 to 9000. Raises: DateMalformed."""
        match = _WRITTEN.fullmatch(written.strip())
        if match is None:
            raise DateMalformed(written)
        parts = [int(part) for part in match.groups() if part is not None]
        try:
            check(date(*[*parts, 1, 1][:3]))
        except ValueError as error:
            raise DateMalformed(written) from error
        return cls(*parts)

    def __str__(self) -> str:
        return "-".join([f"{self.year:04}", *(f"{part:02}" for part in self[1:] if part is not None)])

    @property
    def label(self) -> str:
        """As readers see it: "14 October 2025", "September 2015", "2015"."""
        words = [str(self.year)]
        if self.month is not None:
            words.insert(0, _MONTHS[self.month - 1])
        if self.day is not None:
            words.insert(0, str(self.day))
        return " ".join(words)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def day_after(self) -> date:
        """The first day after the span."""
        if self.month is None:
            return date(self.year + 1, 1, 1)
        if self.day is None:
            return date(self.year + self.month // 12, self.month % 12 + 1, 1)
        return self.first_day + timedelta(days=1)

    def starts(self, zone: ZoneInfo) -> datetime:
        """The instant the span begins (UTC)."""
        return midnight(self.first_day, zone)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The instant the span is over (UTC): from here a text of that date is in force."""
        return midnight(self.day_after, zone)

    @property
    def order(self) -> tuple[date, int]:
        """Sorts by the end of the span; a day before the month or year that ends with it."""
        return self.day_after, -sum(part is not None for part in self)


def of(instant: datetime, zone: ZoneInfo) -> RevisionDate:
    """The day an instant falls on in a time zone."""
    local = instant.astimezone(zone)
    return RevisionDate(local.year, local.month, local.day)


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that IANA name. Raises: TimeZoneUnknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneUnknown(name) from error


def midnight(day: date, at: ZoneInfo) -> datetime:
    """The instant a day begins in a time zone (UTC)."""
    return datetime.combine(day, time.min, tzinfo=at).astimezone(UTC)


def day_begun_after(instant: datetime, at: ZoneInfo) -> datetime:
    """The first midnight in a time zone at or after an instant (UTC): a date that can be stated as a day."""
    local = instant.astimezone(at)
    begins = midnight(local.date(), at)
    return begins if begins == instant else midnight(local.date() + timedelta(days=1), at)


def day_label(instant: datetime, at: ZoneInfo) -> str:
    """The day of an instant as readers see it: "1 December 2025"."""
    return of(instant, at).label


def parse_day(written: str) -> date:
    """Read 2018-05-25, of the years 1900 to 9000. Raises: DayMalformed."""
    try:
        day = date.fromisoformat(written.strip())
        check(day)
    except (ValueError, DateMalformed) as error:
        raise DayMalformed(written) from error
    return day


def check(day: date) -> None:
    """Whether a day or an instant is within the years that are taken. Raises: DateMalformed."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DateMalformed(str(day))
