"""What providers report of letters: what was posted last, what waits, and events of no letter that is known."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import Any

from flask import render_template, url_for

from notifier.events import listing
from web.admin import blueprint
from web.context import now, runtime, session

WITHOUT_A_KEY = "without a key"  # the verdict on what was posted while no key was set


@blueprint.get("/reports", endpoint="reports")
def reports() -> str:
    days = listing.unmatched_by_day(session(), now())
    return render_template(
        "admin/reports.html",
        page_title="Reports",
        posted=listing.newest(session()),
        behind=listing.behind(session(), now()),
        days=[(day, list(some)) for day, some in groupby(days, key=lambda each: each.day)],
        unmatched=sum(each.number for each in days),
        within=listing.DAYS,
        strays=listing.strays(session(), now()),
        size=size,
        takes=runtime().settings.sendgrid_webhook_key is not None,
        is_sendgrid=_is_sendgrid(),
    )


def size(number: int) -> str:
    """Bytes, as people read them."""
    return f"{number:,} bytes" if number < 1000 else f"{number / 1000:,.1f} kB"


def _is_sendgrid() -> bool:
    return runtime().settings.mail.startswith("sendgrid:")


def needs() -> list[dict[str, Any]]:
    """What of the reports needs a person."""
    late = listing.behind(session(), now())
    found = []
    if late.waiting:
        found.append(
            {
                "kind": "waiting",
                "sentence": f"{_reports(late.waiting)} from providers {_wait(late.waiting)} to be taken in "
                f"for more than {listing.LATE.seconds // 60} minutes.",
                "follows": "Until then nobody learns what became of letters. The scheduler takes them in: see "
                "whether it ticks.",
            }
        )
    if late.failing:
        found.append(
            {
                "kind": "failing",
                "sentence": f"{_reports(late.failing)} from providers could not be taken in.",
                "follows": "It is tried again at every tick, and given up after 7 days.",
            }
        )
    if _is_sendgrid() and listing.refused_since(session(), WITHOUT_A_KEY, now() - timedelta(days=1)):
        found.append(
            {
                "kind": "failing",
                "sentence": "SendGrid’s reports are refused, as no key is set to check them with.",
                "follows": "Set GAZETTE_SENDGRID_WEBHOOK_KEY; what is refused is posted again for 24 hours.",
            }
        )
    return [need | {"url": url_for("admin.reports"), "deed": "See the reports"} for need in found]


def _reports(number: int) -> str:
    return "1 report" if number == 1 else f"{number:,} reports"


def _wait(number: int) -> str:
    return "has waited" if number == 1 else "have waited"
