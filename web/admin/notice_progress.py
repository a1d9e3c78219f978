"""How far a notice is, for its page and the script that keeps it up to date; its deliveries, page by page."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import render_template, request, url_for
from werkzeug.exceptions import NotFound

from notifier import ledger, notices, outlook, progress
from notifier.deliveries import Doubt, Place, Row, deliveries, doubtful_deliveries
from notifier.models import NOTICE_STATES, Notice
from web.addresses import MOST
from web.admin import blueprint, outbox
from web.context import now, runtime, session

PAGE = 200
_GOING = ("scheduled", "sending")
_BAR = {"sending": "unknown"}  # states that a bar shows alike


class Doubtful(NamedTuple):
    """A letter that may or may not have left, and what settles it next."""

    doubt: Doubt
    next: str


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


# -- the deliveries, page by page ---------------------------------------------------------------


def listed(notice: Notice) -> dict[str, Any]:
    """What `admin/_notice_deliveries.html` needs: a page of deliveries of the state that the address names."""
    state = request.args.get("state", "")
    if state not in ("", *ledger.STATES):
        raise NotFound
    after = _place(request.args.get("after", ""))
    rows = deliveries(session(), notice, limit=PAGE + 1, after=after, state=state or None)
    return {
        "deliveries": rows[:PAGE],
        "deliveries_state": state,
        "deliveries_after": after is not None,
        "deliveries_next": _next(rows),
        "doubts": _doubts(notice),
    }


def _place(written: str) -> Place | None:
    """Where the page before ended, as its link says: "12-345"."""
    if not written:
        return None
    batch, _, delivery = written.partition("-")
    if not (_is_number(batch) and _is_number(delivery)) or int(batch) > MOST:
        raise NotFound
    return Place(int(batch), int(delivery))


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdigit() and len(written) < 19  # what 64 bits hold for certain


def _next(rows: list[Row]) -> str:
    if len(rows) <= PAGE:
        return ""
    place = rows[PAGE - 1].place
    return f"{place.batch_id}-{place.delivery_id}"


def _doubts(notice: Notice) -> list[Doubtful]:
    """The first of the letters in doubt; the others are a page of the deliveries, by their state."""
    return [
        Doubtful(doubt, outlook.settles(doubt.started_at, notice.state, runtime().settings, now=now()))
        for doubt in doubtful_deliveries(session(), notice, limit=PAGE)
    ]
