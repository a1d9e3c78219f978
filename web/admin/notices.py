"""Notices in the administration: what is going out, to whom, what came of it; pause and go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import col, select
from werkzeug.wrappers import Response

from database import writing
from notifier import control, progress
from notifier import notices as service
from notifier.models import Notice
from policy_versions import archive, locales
from policy_versions.models import AuditEntry, Policy, Translation
from web.admin import blueprint, decisions, outbox
from web.admin.sign_in import actor
from web.context import runtime, session
from web.public import present


@blueprint.get("/notices", endpoint="notices")
def index() -> str:
    return render_template("admin/notices.html", page_title="Notices", notices=progress.all_notices(session()))


@blueprint.get("/notices/<row:notice_id>", endpoint="notice")
def notice(notice_id: int) -> str:
    found = service.by_id(session(), notice_id)
    policy = session().get_one(Policy, found.policy_id)
    record = archive.history(session(), policy)
    entry = next(e for e in record.entries if e.revision.id == found.revision_id)
    return render_template(
        "admin/notice.html",
        page_title=f"Notice of {policy.title}, No. {entry.number}",
        notice=found,
        policy=policy,
        public_url=present.home(policy),
        number=entry.number,
        entry=entry,
        summary=present.said(entry),
        translation=_translation(found, policy.slug, entry.number),
        leaves=decisions.leaves(found, policy.zone),
        progress=progress.of(session(), found),
        left_out=progress.left_out(session(), found),
        deliveries=progress.deliveries(session(), found, limit=200),
        attempts=progress.doubtful(session(), found),
        happened=_happened(found),
        letters_kept=outbox.folder() is not None,
        refresh="every" in request.args,
    )


def _translation(notice: Notice, slug: str, number: int) -> dict[str, str] | None:
    """The translation whose correction a notice is, by name and address."""
    if notice.translation_id is None:
        return None
    one = session().get_one(Translation, notice.translation_id)
    return {
        "name": locales.name(one.locale),
        "url": url_for("admin.translation", slug=slug, number=number, locale=one.locale, which=one.number),
    }


_DEEDS = {
    "notice opened": "Opened; {members:,} to be told.",
    "notice opened again": "Opened again, for the members it had.",
    "notice paused": "Paused by {actor}.",
    "notice resumed": "{actor} went on with it.",
    "notice sent at once": "{actor} ended the wait: sent at once.",
    "notice cancelled": "Cancelled by {actor}.",
    "notice scheduled again": "Scheduled again by a decision of {actor}.",
}


def _happened(notice: Notice) -> list[tuple[datetime, str]]:
    """What was done with a notice, in order; by whom is in the audit log."""
    began = "Scheduled by the decision." if notice.kind == "change" else "Scheduled by the withdrawal."
    lines = [(notice.created_at, began)] if notice.translation_id is None else []  # a person did: see below
    about = AuditEntry.subject == f"notice {notice.id}"
    for entry in session().exec(select(AuditEntry).where(about).order_by(col(AuditEntry.id))):
        lines.append((entry.recorded_at, _deed(entry)))
    if notice.completed_at:
        lines.append((notice.completed_at, "Complete."))
    return sorted(lines, key=lambda line: line[0])


def _deed(entry: AuditEntry) -> str:
    if entry.action == "notice paused" and "because" in entry.detail:
        return f"Paused by a decision of {entry.actor}."
    members = entry.detail.get("letters", 0) + entry.detail.get("site", 0)
    return _DEEDS.get(entry.action, "{action}.").format(
        actor=entry.actor, members=members, action=entry.action.capitalize()
    )


@blueprint.post("/notices/<row:notice_id>/pause", endpoint="pause_notice")
def pause(notice_id: int) -> Response:
    return _do(control.pause, notice_id, "The notice is paused. Letters on their way arrive; no more leave.")


@blueprint.post("/notices/<row:notice_id>/resume", endpoint="resume_notice")
def resume(notice_id: int) -> Response:
    return _do(control.resume, notice_id, "The notice goes on.")


@blueprint.post("/notices/<row:notice_id>/send-now", endpoint="send_notice_now")
def send_now(notice_id: int) -> Response:
    said = "The notice is due now; its letters leave with the scheduler's next tick."
    return _do(control.send_now, notice_id, said)


@blueprint.post("/notices/<row:notice_id>/cancel", endpoint="cancel_notice")
def cancel(notice_id: int) -> Response:
    said = "The notice is cancelled. What had not left is skipped, with the reason."
    return _do(control.cancel, notice_id, said)


def _do(deed: Callable[..., None], notice_id: int, said: str) -> Response:
    """Do it in a transaction of its own, say so, and show the notice."""
    with writing(runtime().engine) as own:
        deed(own, notice_id, actor=actor(), now=runtime().clock.now(own))
    flash(said)
    return redirect(url_for("admin.notice", notice_id=notice_id))
