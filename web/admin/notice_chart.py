"""The chart of a notice over time as plain values: bars, grid, ticks, the same in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from notifier.course import Course, Slice, floor
from notifier.outlook import Quota

LEAST = 16  # slices that the width is cut into at least, so that few bars are no walls
TOP, LETTERS, BETWEEN, BACK, FOOT = 24, 170, 26, 50, 42  # pixels, from above
_GROUND = TOP + LETTERS
_SECOND = _GROUND + BETWEEN + BACK
_GRID = 3  # lines above the ground
_MOST_TICKS = 10
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_BETWEEN_TICKS = [h * _HOUR for h in (1, 2, 3, 6, 12)] + [d * _DAY for d in (1, 2, 7, 14, 28, 84)]
_STEPS = {
    15 * 60: "quarter-hour",
    3600: "hour",
    6 * 3600: "six hours",
    86400: "day",
    7 * 86400: "week",
    28 * 86400: "four weeks",
}


class Bar(NamedTuple):
    """x, width: in hundredths. y, height: in pixels. kind: left, planned, back, unknown."""

    kind: str
    x: float
    width: float
    y: float
    height: float


class Line(NamedTuple):
    """A line of the grid, with its figure."""

    y: float
    figure: int


class Tick(NamedTuple):
    """day: beneath the time, where it is the first or a new one; "" elsewhere."""

    x: float
    words: str
    day: str


class Chart(NamedTuple):
    """now: in hundredths. quota: the line, in pixels, and its words. None of either where it has no place."""

    step: str
    bars: list[Bar]
    grid: list[Line]
    strip: list[Line]
    ticks: list[Tick]
    now: float | None
    quota: tuple[float, str] | None
    height: int
    label: str
    rows: list[Slice]
    later: int
    doubtful: bool
    planned: bool


def chart(course: Course, quotas: Sequence[Quota], now: datetime) -> Chart:
    across = max(len(course.slices), LEAST)
    quota = _quota(course, quotas)
    most = max(each.left + each.planned for each in course.slices)
    grid = _lines(max(most, quota or 0 if (quota or 0) < 2 * most else 0), _GROUND, LETTERS)
    strip = _lines(max(each.back + each.unknown for each in course.slices), _SECOND, BACK, lines=2)
    place = (now - course.slices[0].start) / course.step / across * 100
    return Chart(
        step_words(course.step),
        list(_bars(course, across, grid[-1], strip[-1])),
        grid,
        strip,
        _ticks(course, across),
        round(place, 2) if 0 <= place <= 100 and now < course.end else None,
        _quota_line(quota, grid[-1], quotas),
        _SECOND + FOOT,
        sentence(course),
        course.slices,
        course.later,
        any(each.unknown for each in course.slices),
        any(each.planned for each in course.slices),
    )


def step_words(step: timedelta) -> str:
    return _STEPS[int(step.total_seconds())]


def sentence(course: Course) -> str:
    """The chart for those who do not see it."""
    left, unknown = sum(each.left for each in course.slices), sum(each.unknown for each in course.slices)
    back, planned = sum(each.back for each in course.slices), sum(each.planned for each in course.slices)
    most = max(course.slices, key=lambda each: each.left)
    said = [
        f"Letters each {step_words(course.step)} from {_moment(course.slices[0].start)}: {left:,} taken, "
        f"the most, {most.left:,}, from {_moment(most.start)}",
        f"{back:,} bounced or dropped",
    ]
    said += [f"{unknown:,} in doubt"] if unknown else []
    said += [f"{planned:,} planned until {_moment(course.end)}"] if planned else []
    return f"{'; '.join(said)}. The table below says the same in full."


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%B, %H:%M} UTC"


# -- bars ---------------------------------------------------------------------------------------


def _bars(course: Course, across: int, top: Line, strip: Line) -> Iterator[Bar]:
    for number, each in enumerate(course.slices):
        x, width = round((number + 0.1) / across * 100, 2), round(0.8 / across * 100, 2)
        gone = _height(each.left, top, _GROUND)
        back = _height(each.back, strip, _SECOND)
        for kind, letters, ground, scale in (
            ("left", each.left, float(_GROUND), top),
            ("planned", each.planned, _GROUND - gone, top),
            ("back", each.back, float(_SECOND), strip),
            ("unknown", each.unknown, _SECOND - back, strip),
        ):
            if letters:
                high = max(_height(letters, scale, _GROUND if scale is top else _SECOND), 1.0)
                yield Bar(kind, x, width, round(ground - high, 1), high)


def _height(letters: int, top: Line, ground: int) -> float:
    """In pixels. top: the highest line of the scale."""
    return round((ground - top.y) * letters / max(top.figure, 1), 1)


def _lines(most: int, ground: int, height: int, lines: int = _GRID) -> list[Line]:
    """The ground, and lines at round figures of which the highest has room for the most."""
    unit = _round_up(ceil(max(most, 1) / lines))
    return [Line(round(ground - height * each / lines, 1), unit * each) for each in range(lines + 1)]


def _round_up(figure: int) -> int:
    """The next of 1, 2, 3, 5, 10, 15, 20, 25, 50, 100 …"""
    scale = 1
    while True:
        for digit in (1, 2, 3, 5) if scale == 1 else (1, 1.5, 2, 2.5, 3, 4, 5):
            if digit * scale >= figure:
                return int(digit * scale)
        scale *= 10


# -- time ---------------------------------------------------------------------------------------


def _ticks(course: Course, across: int) -> list[Tick]:
    first, whole = course.slices[0].start, across * course.step
    apart = next((each for each in _BETWEEN_TICKS if whole / each <= _MOST_TICKS), _BETWEEN_TICKS[-1])
    at = floor(first, apart)
    at = at if at == first else at + apart
    found: list[Tick] = []
    while at < first + whole:
        found.append(Tick(round((at - first) / whole * 100, 2), *_tick_words(at, apart, named=not found)))
        at += apart
    return found


def _tick_words(at: datetime, apart: timedelta, *, named: bool) -> tuple[str, str]:
    day = f"{at.day} {at:%b}"
    if apart >= _DAY:
        return day, ""
    return f"{at:%H:%M}", day if named or (at.hour == 0 and at.minute == 0) else ""


# -- the quota ----------------------------------------------------------------------------------


def _quota(course: Course, quotas: Sequence[Quota]) -> int | None:
    """What the tightest quota comes to in one step, were it spent evenly."""
    return min((round(each.letters * (course.step / each.window)) for each in quotas), default=None)


def _quota_line(quota: int | None, top: Line, quotas: Sequence[Quota]) -> tuple[float, str] | None:
    if quota is None or quota > top.figure:
        return None
    tightest = min(quotas, key=lambda each: each.letters / each.window.total_seconds())
    return _GROUND - _height(quota, top, _GROUND), f"quota, {tightest.words}"
