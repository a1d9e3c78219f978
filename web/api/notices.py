"""Notices: how far they are, and what a person's buttons do, for a key that may send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response
from sqlmodel import Session, col, select

from notifier import control, progress
from notifier import notices as service
from notifier.models import Notice
from policy_versions.models import Policy, Revision
from web import four_eyes
from web.api import DEEDS, api
from web.api.access import by_one, key
from web.api.repeats import Done, once
from web.api.shapes import texts as shapes
from web.api.shapes.common import NoticePath, Once, Page
from web.api.texts import page
from web.context import runtime, session

ONE = "/notices/<notice>"


@api.on("GET", "/notices", scope="read", tag=DEEDS, gives={200: shapes.Notices})
def list_notices(query: Page) -> shapes.Notices:
    """List the notices, the first one first."""
    found = session().exec(select(Notice).order_by(col(Notice.id))).all()
    some, following = page(found, query, [notice.id or 0 for notice in found])
    return shapes.Notices(items=[_notice(session(), notice) for notice in some], next=following)


@api.on("GET", ONE, scope="read", tag=DEEDS, gives={200: shapes.Notice})
def notice(path: NoticePath) -> shapes.Notice:
    """One notice, and what became of it."""
    return _notice(session(), service.by_id(session(), path.notice))


def _notice(within: Session, found: Notice) -> shapes.Notice:
    own = {name: getattr(found, name) for name in _OWN}
    states = progress.of(within, found).states
    return shapes.Notice(
        **own,
        policy=within.get_one(Policy, found.policy_id).slug,
        revision=within.get_one(Revision, found.revision_id).number,
        deliveries={state: number for state, number in states.items() if number},
    )


_OWN = ("id", "kind", "state", "why", "due_at", "created_at", "opened_at", "completed_at")


# -- what a person's buttons do -----------------------------------------------------------------

Deed = Callable[..., Any]


@api.on("POST", f"{ONE}/schedule", scope="send", tag=DEEDS, gives={200: shapes.Notice})
def schedule_notice(path: NoticePath, header: Once, body: shapes.When) -> Response:
    """Give a notice that has not opened another time."""
    return _do(path, header, partial(_schedule, due_at=body.due_at))


def _schedule(own: Session, which: int, *, due_at: datetime, **by: Any) -> None:
    if runtime().settings.four_eyes:
        four_eyes.check_not_sooner(control.locked(own, which), due_at)
    control.schedule(own, which, due_at, **by)


@api.on("POST", f"{ONE}/send", scope="send", tag=DEEDS, gives={200: shapes.Notice})
def send_notice(path: NoticePath, header: Once) -> Response:
    """End the time in which a notice waits to be overruled: its letters leave with the scheduler's next tick."""
    by_one()
    return _do(path, header, control.send_now)


@api.on("POST", f"{ONE}/pause", scope="send", tag=DEEDS, gives={200: shapes.Notice})
def pause_notice(path: NoticePath, header: Once) -> Response:
    """Stop a notice until somebody goes on with it. Letters on their way arrive."""
    return _do(path, header, control.pause)


@api.on("POST", f"{ONE}/resume", scope="send", tag=DEEDS, gives={200: shapes.Notice})
def resume_notice(path: NoticePath, header: Once) -> Response:
    """Go on with a notice that is paused, or waits for a person."""
    by_one()
    return _do(path, header, control.resume)


@api.on("POST", f"{ONE}/cancel", scope="send", tag=DEEDS, gives={200: shapes.Notice})
def cancel_notice(path: NoticePath, header: Once, body: shapes.Reason) -> Response:
    """Call a notice off: what waits is skipped, with the reason; whoever was told stays told."""
    return _do(path, header, partial(control.cancel, why=body.reason))


def _do(path: NoticePath, header: Once, deed: Deed) -> Response:
    def work(own: Session) -> Done:
        service.by_id(own, path.notice)
        deed(own, path.notice, actor=key().actor, now=runtime().clock.now(own))
        own.expire_all()
        return _notice(own, service.by_id(own, path.notice)), 200

    return once(header, work)
