"""How values are shown: days in the policy's zone, numbers with their separators, states as words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask

from policy_versions import dates

Zone = str | ZoneInfo


def day(value: datetime, zone: Zone = "UTC") -> str:
    """The day of an instant: "12 March 2025"."""
    return dates.day_label(value, _zone(zone))


def instant(value: datetime, zone: Zone = "UTC") -> str:
    """An instant to the minute: "12 March 2025, 14:05 UTC"."""
    local = value.astimezone(_zone(zone))
    return f"{dates.of(value, _zone(zone)).label}, {local:%H:%M} {local.tzname()}"


def short_hash(value: str) -> str:
    """A hash as people compare it: "3f9a 77c1 … e04b"."""
    return f"{value[:4]} {value[4:8]} … {value[-4:]}"


def number(value: int) -> str:
    return f"{value:,}"


def _zone(zone: Zone) -> ZoneInfo:
    return dates.zone(zone) if isinstance(zone, str) else zone


def register(app: Flask) -> None:
    for shown in (day, instant, short_hash, number):
        app.add_template_filter(shown)
