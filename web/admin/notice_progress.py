"""How far a notice is, for its page and the script that keeps it up to date; its chart over time."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for

from notifier import arithmetic, course, notices, outlook, progress
from notifier.models import NOTICE_STATES, Notice
from notifier.outlook import Outlook
from web.admin import blueprint, notice_chart, outbox
from web.context import now, runtime, session

_GOING = ("scheduled", "sending")
_BAR = {"sending": "unknown"}  # states that a bar shows alike


def shown(notice: Notice) -> dict[str, Any]:
    """What `admin/_notice_progress.html` needs."""
    counted = progress.of(session(), notice)
    return {
        "notice": notice,
        "progress": counted,
        "progress_bar": _bar(counted),
        "progress_words": _words(notice, counted),
        "progress_url": url_for("admin.notice_progress", notice_id=notice.id, was=_was(notice)),
        "going": notice.state in _GOING,
        "became": _was(notice) != notice.state,
        "outlook": outlook.of(
            session(), notice, counted, runtime().settings, reports=runtime().sender.reports, now=now()
        ),
        "letters_kept": outbox.folder() is not None,
        "whole": request.endpoint == "admin.notice",
        "refresh": "every" in request.args,
    }


def _bar(counted: progress.Progress) -> list[tuple[str, int]]:
    """The parts of the bar: what is under way is drawn as what is in doubt, which it is."""
    parts: dict[str, int] = {}
    for state, count in counted.states.items():
        alike = _BAR.get(state, state)
        parts[alike] = parts.get(alike, 0) + count
    return list(parts.items())


def _words(notice: Notice, counted: progress.Progress) -> str:
    said = f"{counted.sent:,} of {counted.letters:,} letters sent"
    return said if notice.state == "sending" else f"{said}; the notice is {notice.state}"


def _was(notice: Notice) -> str:
    """The notice's state when the whole page was read."""
    given = request.args.get("was", "")
    return given if given in NOTICE_STATES else notice.state


@blueprint.get("/notices/<row:notice_id>/progress", endpoint="notice_progress")
def part(notice_id: int) -> str:
    """The part alone, as progress.js asks for it."""
    return render_template("admin/_notice_progress.html", **shown(notices.by_id(session(), notice_id)))


# -- over time ----------------------------------------------------------------------------------


def drawn(notice: Notice, given: dict[str, Any]) -> dict[str, Any]:
    """What `admin/_notice_chart.html` needs, once letters have left over more than one step. given: as `shown`."""
    counted, ahead = given["progress"], given["outlook"]
    found = course.of(session(), notice, left=counted.left, last=ahead.last, now=now())
    if found is None or len(found.slices) < 2:
        return {"chart": None, "chart_note": ""}
    quotas = outlook.quotas_of(session(), runtime().settings, now=now()) if notice.state == "sending" else []
    return {"chart": notice_chart.chart(found, quotas, now()), "chart_note": _beside(found, ahead)}


def _beside(found: course.Course, ahead: Outlook) -> str:
    """What stands beside the chart's heading: when the last leaves, or how long it took."""
    if ahead.last is not None:
        return f"Now {now():%H:%M}. The last leaves at about {outlook.moment(ahead.last, now())}."
    return f"Over {arithmetic.lasting_words(found.end - found.slices[0].start)}; times are UTC."
