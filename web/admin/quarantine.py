"""A restored database: what the quarantine means, and the button that ends it."""

from __future__ import annotations

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from database import writing
from notifier import restoring
from web.admin import blueprint
from web.admin.sign_in import actor
from web.context import runtime, session


@blueprint.post("/quarantine/lift", endpoint="lift_quarantine")
def lift() -> Response:
    with writing(runtime().engine) as own:
        restoring.lift(own, actor=actor(), now=runtime().clock.now(own))
    flash("The quarantine is lifted. Each notice waits still, until a person lets it go on.")
    return redirect(url_for("admin.overview"))


def standing() -> restoring.Restored | None:
    """How it stands, for the overview; None where there is no quarantine."""
    return restoring.now_standing(session())
