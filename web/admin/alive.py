"""Whether a scheduler ticks: without one nothing is decided and nothing leaves, so every page says since when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import request
from flask_login import current_user
from sqlmodel import col, func, select

from notifier.models import Tick
from web.admin import blueprint
from web.context import in_administration, now, runtime, session

SILENT_AFTER = timedelta(minutes=5)


class Scheduler(NamedTuple):
    """last: when any of its jobs last ran, on any node; None: never."""

    last: datetime | None
    silent: bool


def scheduler() -> Scheduler:
    last = session().exec(select(func.max(Tick.ticked_at))).one()
    return Scheduler(last, last is None or now() - last > allowed())


def allowed() -> timedelta:
    """How long it may be quiet."""
    return SILENT_AFTER + timedelta(seconds=runtime().settings.tick_seconds * 2)


def errors() -> list[tuple[str, str]]:
    """Jobs whose last run failed, on nodes that still tick, each with its sentence."""
    recent = select(Tick).where(col(Tick.ticked_at) >= now() - allowed(), Tick.error != "")
    return [(tick.job, tick.error) for tick in session().exec(recent.order_by(col(Tick.ticked_at).desc()))]


@blueprint.app_context_processor
def silence() -> dict[str, Any]:
    """For `admin/base.html`: how the scheduler stands, for whoever is signed in."""
    inside = in_administration(request.path) and current_user and current_user.is_authenticated
    return {"scheduler": scheduler() if inside else None}
