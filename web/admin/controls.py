"""What a person does about a notice: its buttons and forms, the recall, the dry run, a letter to oneself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from flask import flash, redirect, render_template, request, url_for

from database import writing
from errors import Refusal
from notifier import control, mending, progress, recalling
from notifier import notices as service
from notifier import said as words
from policy_versions.models import Policy
from web.admin import blueprint, four_eyes
from web.admin import notices as pages
from web.admin.refused import or_refused
from web.admin.sign_in import Answer, actor
from web.context import runtime, session


@blueprint.post("/notices/<row:notice_id>/pause", endpoint="pause_notice")
def pause(notice_id: int) -> Answer:
    return _do(control.pause, notice_id, "The notice is paused. Letters on their way arrive; no more leave.")


@blueprint.post("/notices/<row:notice_id>/resume", endpoint="resume_notice")
def resume(notice_id: int) -> Answer:
    return _released("resume", notice_id, control.resume, "The notice goes on.")


@blueprint.post("/notices/<row:notice_id>/send-now", endpoint="send_notice_now")
def send_now(notice_id: int) -> Answer:
    said = "The notice is due now; its letters leave with the scheduler's next tick."
    return _released("send now", notice_id, control.send_now, said)


def _released(kind: Literal["resume", "send now"], notice_id: int, deed: Callable[..., Any], said: str) -> Answer:
    """Let letters leave; where that takes two persons, ask the second one."""

    def answer() -> Answer:
        return four_eyes.asked_to_send(kind, notice_id) or _do(deed, notice_id, said)

    return or_refused(answer, partial(pages.page, notice_id))


@blueprint.post("/notices/<row:notice_id>/cancel", endpoint="cancel_notice")
def cancel(notice_id: int) -> Answer:
    return _do(control.cancel, notice_id, _how_many_told, why=request.form.get("reason", ""))


def _how_many_told(notice_id: int) -> str:
    """Said when a notice was called off: how many were told of it, and what follows for the others."""
    found, _, entry = pages.about(notice_id)
    reckoned = pages.Reckoned.of(progress.of(session(), found))
    if found.opened_at is None:
        return "The notice is cancelled. Nobody was told of it."
    doubt = f"of {reckoned.doubtful:,} nobody knows; " if reckoned.doubtful else ""
    return (
        f"The notice is cancelled. {_members(reckoned.told)} told, and that stays so; {doubt}"
        f"{_members(reckoned.untold)} not. {control.untold(entry.revision.rule)}"
    )


def _members(number: int) -> str:
    return "1 member was" if number == 1 else f"{number:,} members were"


@blueprint.post("/notices/<row:notice_id>/schedule", endpoint="schedule_notice")
def schedule(notice_id: int) -> Answer:
    def deed(own: Any, which: int, **by: Any) -> None:
        found = control.locked(own, which)
        due = words.time_of(request.form.get("due", ""), own.get_one(Policy, found.policy_id).zone)
        four_eyes.check_not_sooner(found, due)
        control.schedule(own, which, due, **by)

    return _do(deed, notice_id, "The notice has another time.")


@blueprint.post("/notices/<row:notice_id>/retry", endpoint="retry_notice")
def retry(notice_id: int) -> Answer:
    return _do(
        mending.retry_failures,
        notice_id,
        "The failed letters wait to be sent again. An address that was refused and has not changed fails again.",
    )


@blueprint.post("/notices/<row:notice_id>/requests/<row:number>", endpoint="settle_request")
def settle(notice_id: int, number: int) -> Answer:
    """Take a person's word on a request in doubt."""
    sent = request.form.get("sent") == "yes"
    said = "It counts as sent." if sent else "Its letters wait to be sent again."
    return _do(lambda own, which, **by: mending.settle(own, which, number, sent=sent, **by), notice_id, said)


def _do(deed: Callable[..., Any], notice_id: int, said: str | Callable[[int], str], **given: Any) -> Answer:
    """Do it in a transaction of its own, say so, and show the notice; or show it with what stands against it."""

    def answer() -> Answer:
        with writing(runtime().engine) as own:
            deed(own, notice_id, actor=actor(), now=runtime().clock.now(own), **given)
        session().rollback()  # on SQLite it would still read what was there when the request began
        flash(said if isinstance(said, str) else said(notice_id))
        return redirect(url_for("admin.notice", notice_id=notice_id))

    return or_refused(answer, partial(pages.page, notice_id))


# -- recall -------------------------------------------------------------------------------------


@blueprint.route("/notices/<row:notice_id>/recall", methods=["GET", "POST"], endpoint="recall_notice")
def recall(notice_id: int) -> Answer:
    """Show what a recall does, and ask why; or do it."""
    if request.method != "POST":
        return _recall_page(notice_id)
    return or_refused(lambda: _recalled(notice_id), partial(_recall_page, notice_id))


def _recalled(notice_id: int) -> Answer:
    with writing(runtime().engine) as own:
        made = recalling.recall(
            own,
            notice_id,
            reason=request.form.get("reason", ""),
            window=runtime().settings.review_window,
            actor=actor(),
            now=runtime().clock.now(own),
        )
    flash("The notice is recalled; nothing more of it leaves. This one puts it right.")
    return redirect(url_for("admin.notice", notice_id=made.id))


def _recall_page(notice_id: int, refusal: Refusal | None = None) -> str:
    found, record, entry = pages.about(notice_id)
    against = refusal
    try:
        recalling.check(session(), found)
    except Refusal as standing:
        against = standing
    return render_template(
        "admin/recall.html",
        page_title="Recall the notice",
        notice=found,
        policy=record.policy,
        entry=entry,
        number=entry.number,
        reached=service.told_of(session(), entry.revision),
        left=progress.of(session(), found).left,
        waits=pages.review_words(),
        summary_is_texts=bool(entry.revision.summary),
        possible=against is None or against is refusal,
        error=str(against) if against else "",
        error_field=getattr(refusal, "field", "") if against is refusal else "",
        reason=request.form.get("reason", "")[:600],
        longest_reason=words.LONGEST_REASON,
    )
