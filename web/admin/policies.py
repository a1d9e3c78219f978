"""Policies in the administration: made, looked at, a draft started, a revision withdrawn."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import col, select
from werkzeug.wrappers import Response

from database import writing
from errors import Refusal
from notifier import control, notices
from notifier.models import Notice
from policy_versions import archive, drafts, reopening, retiring
from policy_versions import policies as service
from policy_versions.archive import History
from policy_versions.models import PROMISES, Policy
from policy_versions.policies import PolicyFields
from web.admin import blueprint, decisions, findings, translations
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of
from web.public import present


@blueprint.route("/policies/new", methods=["GET", "POST"], endpoint="new_policy")
def new_policy() -> str | Response | tuple[str, int]:
    """Make a policy; its first draft follows."""
    if request.method != "POST":
        return _new_form({"time_zone": "UTC", "promise": "may notify"})
    given = {
        name: request.form.get(name, "").strip() for name in ("slug", "title", "lead", "time_zone", "promise")
    }
    part_of = request.form.get("part_of") or None
    try:
        with writing(runtime().engine) as own:
            instant = runtime().clock.now(own)
            policy = service.create_policy(own, PolicyFields(**given, part_of=part_of), actor=actor(), now=instant)
            draft = drafts.start(own, policy, None, actor=actor(), now=instant)
    except Refusal as refusal:
        return _new_form({**given, "part_of": part_of}, refusal), status_of(refusal)
    return redirect(url_for("admin.draft", draft_id=draft.id))


def _new_form(given: dict[str, str | None], refusal: Refusal | None = None) -> str:
    return render_template(
        "admin/new_policy.html",
        page_title="New policy",
        given=given,
        error=str(refusal) if refusal else "",
        error_field=_field(refusal),
        promises=PROMISES,
        others=service.policies(session()),
    )


def _field(refusal: Refusal | None) -> str:
    """The form field that a refusal is about."""
    names = {"Slug": "slug", "TimeZone": "time_zone", "NoSuchPolicy": "part_of"}
    kind = type(refusal).__name__ if refusal else ""
    found = next((field for prefix, field in names.items() if kind.startswith(prefix)), "")
    return getattr(refusal, "field", found)


@blueprint.get("/policies/<slug>", endpoint="policy")
def policy(slug: str) -> str:
    found = service.policy(session(), slug)
    record = archive.history(session(), found)
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    return render_template(
        "admin/policy.html",
        page_title=found.title,
        policy=found,
        part_of=session().get(Policy, found.part_of_id) if found.part_of_id else None,
        public_url=present.home(found),
        in_force=record.in_force(now()),
        rows=_rows(record),
        drafts=[(draft, numbers.get(draft.started_from_id)) for draft in drafts.of_policy(session(), found)],
        broken=archive.broken_link(record),
        ended=retiring.retirement(session(), found),
        today=f"{now():%Y-%m-%d}",
    )


def _rows(record: History) -> list[dict[str, Any]]:
    """The revisions, the newest first, each with its decision and the notices it brought."""
    latest, ours = record.latest(), Notice.policy_id == record.policy.id
    opened = {entry.number for entry, _ in reopening.all_reopened(session(), record)}
    told = session().exec(select(Notice).where(ours).order_by(col(Notice.id))).all()
    into = translations.of_policy(record)
    return [
        {
            "view": present.revision_view(record, entry, now()),
            "revision": entry.revision,
            "validity": present.validity(record, entry, now()),
            "withdrawable": entry is latest and entry.revision.effective_at > now(),
            "decided": findings.of_record(entry.decision, redlined=False) if entry.decision else None,
            "by": entry.decision.decided_by if entry.decision and not entry.decision.engine else "",
            "is_open_again": entry.number in opened,
            "translations": into.get(entry.revision.id or 0, []),
            "notices": [
                (notice, decisions.leaves(notice, record.policy.zone))
                for notice in told
                if notice.revision_id == entry.revision.id
            ],
        }
        for entry in reversed(record.entries)
    ]


@blueprint.post("/policies/<slug>/drafts", endpoint="new_draft")
def new_draft(slug: str) -> Response:
    """Start a draft: from a revision where one is named, else from the latest."""
    with writing(runtime().engine) as own:
        found = service.policy(own, slug)
        record = archive.history(own, found)
        named = request.form.get("from", "")
        latest = record.latest()
        source = archive.by_name(own, found, named) if named else (latest.revision if latest else None)
        made = drafts.start(own, found, source, actor=actor(), now=runtime().clock.now(own))
    return redirect(url_for("admin.draft", draft_id=made.id))


@blueprint.route("/policies/<slug>/<row:number>/withdraw", methods=["GET", "POST"], endpoint="withdraw")
def withdraw(slug: str, number: int) -> str | Response | tuple[str, int]:
    """Withdraw the latest revision before it is in force, after a page that says what follows."""
    if request.method != "POST":
        return _withdraw_form(slug, number)
    try:
        with writing(runtime().engine) as own:
            found = service.lock(own, slug)
            control.lock(own, found)
            instant = runtime().clock.now(own)
            reason = service.one_line(request.form.get("reason", ""), "reason")
            archive.withdraw(own, found, number, reason=reason, actor=actor(), now=instant)
            revision = archive.history(own, found).entry(number).revision
            correction = notices.withdrawn(own, revision, now=instant)
    except Refusal as refusal:
        return _withdraw_form(slug, number, refusal), status_of(refusal)
    flash(
        f"Revision {number} is withdrawn."
        + (" A correction goes to everybody who was told of it, or may have been." if correction else "")
    )
    return redirect(url_for("admin.policy", slug=slug))


def _withdraw_form(slug: str, number: int, refusal: Refusal | None = None) -> str:
    found = service.policy(session(), slug)
    record = archive.history(session(), found)
    return render_template(
        "admin/withdraw.html",
        page_title=f"Withdraw No. {number}",
        policy=found,
        revision=present.revision_view(record, record.entry(number), now()),
        told=notices.told_of(session(), record.entry(number).revision),
        reason=request.form.get("reason", ""),
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", ""),
    )
