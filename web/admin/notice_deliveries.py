"""A notice's deliveries: page by page, by state and by reason, one member's, and all of them as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Response, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from database import writing
from errors import Invalid
from notifier import deliveries as service
from notifier import delivery_lists, exporting, ledger, notices, outlook, searching
from notifier.deliveries import Doubt, Place, Row, Wanted, doubtful_deliveries
from notifier.models import Notice
from web.addresses import MOST
from web.admin import blueprint
from web.admin.sign_in import actor
from web.context import now, runtime, session

PAGE = 50
LONGEST = 300  # of a reason
IN_DOUBT = 10  # letters named before the deliveries
FOUND = 20  # members that a search leads to


class Doubtful(NamedTuple):
    """A letter that may or may not have left, and what settles it next."""

    doubt: Doubt
    next: str


def listed(notice: Notice) -> dict[str, Any]:
    """What `admin/_notice_deliveries.html` needs: a page of the deliveries that the address names."""
    wanted, after, members = _wanted(request.args), _place(request.args.get("after", "")), _members()
    rows = _of_members(notice, members) if members is not None else _page(notice, wanted, after)
    return {
        "deliveries": rows[:PAGE],
        "deliveries_state": wanted.state or "",
        "deliveries_reason": wanted.reason or "",
        "deliveries_reasons": service.reasons(session(), notice) if notice.opened_at else [],
        "deliveries_after": after is not None,
        "deliveries_next": _next(rows),
        "deliveries_found": members is not None,
        "doubts": _doubts(notice),
    }


def _wanted(given: Any) -> Wanted:
    state, reason = given.get("state", ""), given.get("reason", "")
    if state not in ("", *ledger.STATES) or len(reason) > LONGEST or not reason.isprintable():
        raise NotFound
    return Wanted(state or None, reason or None)


def _page(notice: Notice, wanted: Wanted, after: Place | None) -> list[Row]:
    return service.deliveries(session(), notice, limit=PAGE + 1, after=after, **wanted._asdict())


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
        for doubt in doubtful_deliveries(session(), notice, limit=IN_DOUBT)
    ]


# -- one member's -------------------------------------------------------------------------------


@blueprint.post("/notices/<row:notice_id>/deliveries/find", endpoint="find_delivery")
def find(notice_id: int) -> BaseResponse:
    """Whoever is looked for comes by POST and goes on by number, so that no key or address stands in a log."""
    notices.by_id(session(), notice_id)
    try:
        found = searching.find(session(), request.form.get("who", ""), secret=runtime().secret)
    except Invalid:
        found = []
    numbers = [member.id for member in found[:FOUND]] or [0]
    return redirect(url_for("admin.notice", notice_id=notice_id, member=numbers, _anchor="deliveries"))


def _members() -> list[int] | None:
    """The members whose deliveries are asked for, by number; None where all are."""
    given = request.args.getlist("member")[:FOUND]
    if not all(_is_number(each) and int(each) <= MOST for each in given):
        raise NotFound
    return [int(each) for each in given] or None


def _of_members(notice: Notice, members: list[int]) -> list[Row]:
    return [row for number, row in service.of_members(session(), members) if number == notice.id]


# -- as a file ----------------------------------------------------------------------------------


@blueprint.post("/notices/<row:notice_id>/deliveries", endpoint="export_deliveries")
def export(notice_id: int) -> Response:
    """What is on the page, and all pages after it, as CSV, streamed as it is read."""
    notice, wanted, engine = notices.by_id(session(), notice_id), _wanted(request.form), runtime().engine
    session().close()  # the export has a session of its own, for as long as it is read
    with writing(engine) as own:
        delivery_lists.note(own, notice, wanted, actor=actor(), now=runtime().clock.now(own))

    def pieces() -> Iterator[str]:
        with exporting.steady(engine) as own:
            yield from delivery_lists.export(own, notice, wanted)

    answer = Response(pieces(), mimetype="text/csv")
    name = "-".join(["notice", str(notice_id), *(wanted.state or "deliveries").split()])
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return answer
