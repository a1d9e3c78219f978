"""Notices in the administration: what is going out, to whom, what came of it; pause and go on."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from database import writing
from notifier import control, progress
from notifier import notices as service
from policy_versions import archive
from policy_versions.models import Policy
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
        leaves=decisions.leaves(found, policy.zone),
        progress=progress.of(session(), found),
        left_out=progress.left_out(session(), found),
        deliveries=progress.deliveries(session(), found, limit=200),
        attempts=progress.doubtful(session(), found),
        letters_kept=outbox.folder() is not None,
        refresh="every" in request.args,
    )


@blueprint.post("/notices/<row:notice_id>/pause", endpoint="pause_notice")
def pause(notice_id: int) -> Response:
    with writing(runtime().engine) as own:
        control.pause(own, notice_id, actor=actor(), now=runtime().clock.now(own))
    flash("The notice is paused. Letters on their way arrive; no more leave.")
    return redirect(url_for("admin.notice", notice_id=notice_id))


@blueprint.post("/notices/<row:notice_id>/resume", endpoint="resume_notice")
def resume(notice_id: int) -> Response:
    with writing(runtime().engine) as own:
        control.resume(own, notice_id, actor=actor(), now=runtime().clock.now(own))
    flash("The notice goes on.")
    return redirect(url_for("admin.notice", notice_id=notice_id))


@blueprint.post("/notices/<row:notice_id>/send-now", endpoint="send_notice_now")
def send_now(notice_id: int) -> Response:
    with writing(runtime().engine) as own:
        control.send_now(own, notice_id, actor=actor(), now=runtime().clock.now(own))
    flash("The notice is due now; its letters leave with the scheduler's next tick.")
    return redirect(url_for("admin.notice", notice_id=notice_id))


@blueprint.post("/notices/<row:notice_id>/cancel", endpoint="cancel_notice")
def cancel(notice_id: int) -> Response:
    with writing(runtime().engine) as own:
        control.cancel(own, notice_id, actor=actor(), now=runtime().clock.now(own))
    flash("The notice is cancelled. What had not left is skipped, with the reason.")
    return redirect(url_for("admin.notice", notice_id=notice_id))
