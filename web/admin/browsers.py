"""How sessions are told to people: a browser by its name, a stretch of time in words."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

# In this order: each of them names those after it as well, for old servers' sake.
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Macintosh", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


def browser_name(calls_itself: str) -> str:
    """Such as “Firefox on Linux”; what it calls itself, cut short, where that tells nothing."""
    browser = next((name for mark, name in _BROWSERS if mark in calls_itself), "")
    system = next((name for mark, name in _SYSTEMS if mark in calls_itself), "")
    return " on ".join(filter(None, (browser, system))) or calls_itself[:40] or "Unknown"


def duration(stretch: timedelta) -> str:
    """Such as “12 hours” or “90 minutes”."""
    minutes = round(stretch.total_seconds() / 60)
    if minutes % 60:
        return f"{minutes} minutes"
    return "1 hour" if minutes == 60 else f"{minutes // 60} hours"


def register(app: Flask) -> None:
    for shown in (browser_name, duration):
        app.add_template_filter(shown)
