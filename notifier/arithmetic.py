"""The arithmetic of a deadline, in words: how long the letters take, and whether the notice period holds for all.

Pure. What is said is an upper bound wherever a quota is known: its last window counts as a whole one. Where no
limit of the pace is known, nothing is said of when the last letter leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from errors import NoticePeriodNotKept
from policy_versions import dates

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST = 365_000 * DAY  # past it no date can be told, and none matters


class Limits(NamedTuple):
    """How fast letters may leave; None where no such limit is known.

    rate: letters a second, as last found. pause: how long the first letters are waited for, before the others.
    """

    hour: int | None = None
    day: int | None = None
    rate: float | None = None
    pause: timedelta = timedelta()

    @property
    def known(self) -> bool:
        return not (self.hour is None and self.day is None and self.rate is None)


@dataclass(frozen=True, slots=True)
class Plan:
    """Letters that begin to leave at `start`, and what they are to keep.

    period: the notice period that binds them; none: zero. effective_at: when the text is in force for those whose
    period is over by then; None where it applies by acceptance only.
    """

    letters: int
    limits: Limits
    start: datetime
    period: timedelta
    effective_at: datetime | None
    zone: ZoneInfo

    @property
    def lasts(self) -> timedelta | None:
        """From the start until the last letter has left; None where no limit of the pace is known."""
        return lasting(self.letters, self.limits)

    @property
    def over(self) -> datetime:
        """When the last letter has left; the start, where the pace is not known."""
        return self.start + (self.lasts or timedelta())

    @property
    def late(self) -> int:
        """Members whose letters name a day after `effective_at`, because their period ends only then."""
        if self.effective_at is None or not self.period:
            return 0
        # a letter names a day: its period is to be over by the midnight at which that begins
        by = _midnight_before(self.effective_at, self.zone) - self.period
        return self.letters - leaving(self.letters, self.limits, within=by - self.start)

    @property
    def earliest(self) -> datetime:
        """The first day that every letter could name; its first instant."""
        return dates.day_begun_after(self.over + self.period, self.zone)


def lasting(letters: int, limits: Limits) -> timedelta | None:
    """How long so many letters take, at most. None where no limit is known.

    Of a quota for a day, whole days are waited for; the letters of the last day leave at the pace of the hour.
    """
    if not letters:
        return timedelta()
    if not limits.known:
        return None
    return min(max(_by_quota(letters, limits), _by_rate(letters, limits)), LONGEST)


def _by_quota(letters: int, limits: Limits) -> timedelta:
    waited, of_last = timedelta(), letters  # whole days, and the letters of the last one
    if limits.day is not None and (limits.hour is None or limits.hour * 24 > limits.day):
        days, before = divmod(letters - 1, limits.day)
        waited, of_last = days * DAY, before + 1
    if limits.hour is None:
        return waited + (limits.pause if limits.day is not None else timedelta())
    hours = -(-of_last // limits.hour) * HOUR
    return waited + hours + max(limits.pause - HOUR, timedelta())  # a short one is within the last hour


def _by_rate(letters: int, limits: Limits) -> timedelta:
    return timedelta(seconds=letters / limits.rate) + limits.pause if limits.rate else timedelta()


def leaving(letters: int, limits: Limits, *, within: timedelta) -> int:
    """How many of so many letters have certainly left after that long; where no limit is known, all or none."""
    if within < timedelta():
        return 0
    least, most = 0, letters
    while least < most:  # the largest number that does not take longer
        middle = (least + most + 1) // 2
        if (lasting(middle, limits) or timedelta()) <= within:
            least = middle
        else:
            most = middle - 1
    return least


def _midnight_before(instant: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the day of another began: the day a letter can name without going beyond it."""
    return dates.midnight(instant.astimezone(zone).date(), zone)


def check(plan: Plan, *, strict: bool) -> None:
    """Raises: NoticePeriodNotKept, where the installation is strict and a letter would name a later day."""
    if strict and plan.late:
        by = dates.day_label(plan.effective_at or plan.start, plan.zone)
        raise NoticePeriodNotKept(plan.late, by, dates.day_label(plan.earliest, plan.zone))


# -- in words -----------------------------------------------------------------------------------


def sentences(plan: Plan) -> list[str]:
    """What the arithmetic comes to: when the last letter leaves, and what that leaves of the notice period."""
    if not plan.letters:
        return ["No letter is to leave."]
    return [f"{_head(plan)}{_shortest(plan)}.", *_kept(plan)]


def _head(plan: Plan) -> str:
    members = _count(plan.letters)
    if plan.lasts is None:
        return f"{members}: no limit is set or was met, so when the last letter leaves cannot be foretold"
    at_pace = f"{members} at {_pace(plan.letters, plan.limits)}"
    if not plan.lasts:
        return f"{at_pace}: all may leave at once"
    return f"{at_pace}: the last letter leaves {lasting_words(plan.lasts)} after the start"


def _count(number: int) -> str:
    return "1 member" if number == 1 else f"{number:,} members"


def _pace(letters: int, limits: Limits) -> str:
    """The limits that were set, and the pace that was found where it is slower."""
    set_ = ((limits.hour, "an hour"), (limits.day, "a day"))
    said = [f"{most:,} {span}" for most, span in set_ if most is not None]
    if limits.rate and _by_rate(letters, limits) > _by_quota(letters, limits):
        said = [f"about {max(1, round(limits.rate)):,} a second, as last found"]
    return " and ".join(said)


def _shortest(plan: Plan) -> str:
    """What is left between the last letter and the text being in force, where that is what counts."""
    if plan.lasts is None or plan.effective_at is None or plan.late:
        return ""
    left = plan.effective_at - plan.over
    return f", so the shortest notice is {notice_words(left)}" if left > timedelta() else ""


def _kept(plan: Plan) -> list[str]:
    if plan.effective_at is None or not plan.period:
        return []
    days = _days(plan.period.days)
    by = dates.day_label(plan.effective_at, plan.zone)
    known = "" if plan.lasts is not None else " if they leave at once"
    if not plan.late:
        return [f"Every letter leaves early enough for the notice period of {days} to be over by {by}{known}."]
    whom = "any of them" if plan.late == plan.letters else f"{plan.late:,} of them"
    names = "their letters name" if plan.late > 1 else "that member’s letter names"
    last = dates.day_label(plan.earliest, plan.zone)
    # by days of the calendar, as letters name them
    ends, begins = (at.astimezone(plan.zone).date() for at in (plan.earliest, plan.effective_at))
    after = f", {_days((ends - begins).days)} after that" if ends > begins else ""
    cannot = f"The notice period of {days} cannot be over for {whom} by {by}"
    return [f"{cannot}: {names} a later day, at the latest {last}{after}{known}."]


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"


def lasting_words(span: timedelta) -> str:
    """How long something lasts, rounded up to a minute, or past a day an hour: "5 h", "2 days 3 h", "40 min"."""
    minutes = -(-span // timedelta(minutes=1))
    if minutes > 24 * 60:
        minutes = -(-minutes // 60) * 60
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    words = [_days(days) if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(word for word in words if word) or "0 min"


def notice_words(span: timedelta) -> str:
    """How much notice there is, rounded down to an hour: "29 days 19 hours"; "40 minutes" where it is less."""
    minutes = span // timedelta(minutes=1)
    days, hours = divmod(minutes // 60, 24)
    if not days and not hours:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    words = [_days(days) if days else "", f"{hours} hour{'' if hours == 1 else 's'}" if hours else ""]
    return " ".join(word for word in words if word)
