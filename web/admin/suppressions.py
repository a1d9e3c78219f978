"""Addresses that are not written to: found by typing one or by a member, and freed on a person's word."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from database import writing
from errors import Invalid
from notifier import barred, said
from notifier import suppressions as service
from notifier.barred import Answer
from web.admin import blueprint
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of

SHOWN = 20  # members named in one sentence
REASONS = {"bounce": "Bounced", "complaint": "Marked as unwanted", "dropped": "Dropped by the provider"}


@blueprint.get("/addresses", endpoint="addresses")
def addresses() -> str:
    return _page()


@blueprint.post("/addresses", endpoint="look_up_address")
def look_up() -> str | tuple[str, int]:
    """What is typed comes by POST and is not given back, so that it stands in no log and in no history."""
    try:
        found = barred.look_up(session(), request.form.get("who", ""), secret=runtime().secret, now=now())
    except Invalid as refusal:
        return _page(error=str(refusal)), status_of(refusal)
    return _page(answers=found)


def _page(*, answers: list[Answer] | None = None, error: str = "") -> str:
    """answers: to what was looked up."""
    return render_template(
        "admin/addresses.html",
        page_title="Addresses",
        lines=service.newest(session(), now()),
        count=service.count(session()),
        reasons=REASONS,
        answers=answers,
        error=error,
        longest=barred.LONGEST,
    )


@blueprint.get("/addresses/<row:number>", endpoint="suppression")
def suppression(number: int) -> str:
    return _one(number)


@blueprint.post("/addresses/<row:number>", endpoint="lift_suppression")
def lift(number: int) -> str | Response | tuple[str, int]:
    try:
        with writing(runtime().engine) as own:
            at, why = runtime().clock.now(own), request.form.get("reason", "")
            concerned = barred.lift(own, number, why=why, actor=actor(), secret=runtime().secret, now=at)
    except Invalid as refusal:
        return _one(number, error=str(refusal)), status_of(refusal)
    flash(f"The address may be written to again. {_concerns(concerned)}")
    return redirect(url_for("admin.addresses"))


def _concerns(names: list[str]) -> str:
    if not names:
        return "No member has it as their own just now."
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"It is that of {', '.join(names[:SHOWN])}{more}; their next letter goes to it."


def _one(number: int, *, error: str = "") -> str:
    found = service.by_id(session(), number)
    return render_template(
        "admin/address.html",
        page_title="Write to an address again",
        suppression=found,
        members=barred.whose(session(), found, secret=runtime().secret, now=now()),
        reasons=REASONS,
        error=error,
        reason=request.form.get("reason", "")[:600],
        longest_reason=said.LONGEST_REASON,
        is_sendgrid=runtime().settings.mail.startswith("sendgrid:"),
    )
