"""The arithmetic of a deadline as a sum to read down: letters, pace, notice period, and the day that comes of it.

Pure. The figures are those of notifier/arithmetic.py, whose sentences say the same where a sum has no room.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifier.arithmetic import Plan, lasting_words
from policy_versions import dates


class Row(NamedTuple):
    """A line of the sum. sign: before the words; line: the rule above it, "" for none, result or last."""

    sign: str
    words: str
    figure: str
    hint: str = ""
    line: str = ""


class Promise(NamedTuple):
    """Whether the day that a draft names can be kept for everybody. earliest: the first day that could."""

    kept: bool
    sentence: str
    earliest: datetime


def rows(plan: Plan, *, waits: str = "", first: str = "") -> list[Row]:
    """The sum. waits: why letters do not leave at once; first: what those after the first ones wait for."""
    if not plan.letters:
        return []
    return [Row("", "Letters", f"{plan.letters:,}"), *_pace(plan, first), *_leaving(plan, waits), *_applying(plan)]


def _pace(plan: Plan, first: str) -> list[Row]:
    limits = plan.limits
    if plan.lasts is None:
        return []
    quotas = (("An hour, by quota", limits.hour), ("A day, by quota", limits.day))
    said = [Row("÷", words, f"{most:,}") for words, most in quotas if most is not None]
    if limits.rate:
        said.append(Row("÷", "A second, as last found", f"{max(1, round(limits.rate)):,}"))
    return [*said, Row("=", "To send them all", lasting_words(plan.lasts), first, "result")]


def _leaving(plan: Plan, waits: str) -> list[Row]:
    begins = Row(
        "" if plan.lasts is None else "+", "The first letter leaves", _instant(plan.start, plan.zone), waits
    )
    if plan.lasts is None:
        why = "No limit of the pace is set, and none was met yet."
        return [begins, Row("", "The last letter leaves", "cannot be foretold", why)]
    return [begins, Row("=", "The last letter leaves", _instant(plan.over, plan.zone), line="result")]


def _applying(plan: Plan) -> list[Row]:
    if plan.effective_at is None:
        return [Row("", "It applies to a member", "when they accept it", line="last")]
    if not plan.period:
        return [Row("", "In force from", _instant(plan.effective_at, plan.zone), line="last")]
    days = plan.period.days
    known = "" if plan.lasts is not None else "If the letters leave at once."
    everybody = "The notice period is over for everybody on"
    return [
        Row("+", "Notice period", "1 day" if days == 1 else f"{days:,} days"),
        Row("=", everybody, dates.day_label(plan.earliest, plan.zone), known, "last"),
    ]


def promise(plan: Plan) -> Promise | None:
    """What becomes of the day named for a text to be in force; None where no notice period stands in its way."""
    if not plan.letters or not plan.period or plan.effective_at is None:
        return None
    named = plan.effective_at.astimezone(plan.zone).date()
    by, last = dates.day_label(plan.effective_at, plan.zone), dates.day_label(plan.earliest, plan.zone)
    apart = (named - plan.earliest.astimezone(plan.zone).date()).days
    if not plan.late:
        room = f", {_days(apart)} before it" if apart > 0 else ""
        return Promise(True, f"{by} can be kept: everybody has had their notice by {last}{room}.", plan.earliest)
    if plan.late == plan.letters:
        whom = "the letter names" if plan.letters == 1 else f"all {plan.letters:,} letters name"
    else:
        whom = f"{plan.late:,} of the letters name{'s' if plan.late == 1 else ''}"
    cannot = f"{by} is too soon for the notice period of {_days(plan.period.days)}"
    return Promise(False, f"{cannot}: {whom} a later day, at the latest {last}.", plan.earliest)


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"


def _instant(at: datetime, zone: ZoneInfo) -> str:
    return f"{dates.day_label(at, zone)}, {at.astimezone(zone):%H:%M}"
