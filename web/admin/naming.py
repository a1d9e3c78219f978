"""A policy renamed, retired, or taken up again: each after a page that says what follows."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for

from database import writing
from errors import Refusal
from policy_versions import archive, naming, policies, retiring
from policy_versions.models import Policy
from policy_versions.naming import Name
from web.admin import blueprint
from web.admin.sign_in import Answer, actor
from web.context import runtime, session
from web.errors import status_of


@blueprint.route("/policies/<slug>/rename", methods=["GET", "POST"], endpoint="rename_policy")
def rename(slug: str) -> Answer:
    """First what would follow, then the deed; what was typed is checked both times."""
    found = policies.policy(session(), slug)
    if request.method != "POST":
        return _rename_form(found, Name(found.slug, found.title, ""))
    given = Name(*(request.form.get(name, "").strip() for name in ("slug", "title", "reason")))
    try:
        given = naming.check(session(), found, given)
        if request.form.get("sure") != "yes":
            return _rename_form(found, given, asked=True)
        session().rollback()  # on SQLite it would still read what was there when the request began
        with writing(runtime().engine) as own:
            policy = policies.lock(own, slug)
            naming.rename(own, policy, given, actor=actor(), now=runtime().clock.now(own))
    except Refusal as refusal:
        return _rename_form(policies.policy(session(), slug), given, refusal), status_of(refusal)
    flash(f"It is “{given.title}” now, at /{given.slug}.")
    return redirect(url_for("admin.policy", slug=given.slug))


def _rename_form(policy: Policy, given: Name, refusal: Refusal | None = None, *, asked: bool = False) -> str:
    kind = type(refusal).__name__ if refusal else ""
    return render_template(
        "admin/rename.html",
        page_title="Rename",
        policy=policy,
        given=given,
        former=naming.former(session(), policy),
        public_url=runtime().settings.public_url,
        asked=asked,
        error=str(refusal) if refusal else "",
        error_field="slug" if kind.startswith(("Slug", "SameName")) else getattr(refusal, "field", ""),
    )


@blueprint.route("/policies/<slug>/retire", methods=["GET", "POST"], endpoint="retire_policy")
def retire(slug: str) -> Answer:
    """Retire a policy; one that is retired, take up again."""
    if request.method != "POST":
        return _retire_form(slug)
    reason = request.form.get("reason", "")
    try:
        with writing(runtime().engine) as own:
            policy, instant = policies.lock(own, slug), runtime().clock.now(own)
            if retiring.retirement(own, policy) is None:
                retiring.retire(own, archive.history(own, policy), reason, actor=actor(), now=instant)
                done = "It is retired. Its texts stay where they are."
            else:
                retiring.resume(own, policy, reason, actor=actor(), now=instant)
                done = "It is taken up again."
    except Refusal as refusal:
        return _retire_form(slug, refusal), status_of(refusal)
    flash(done)
    return redirect(url_for("admin.policy", slug=policy.slug))


def _retire_form(slug: str, refusal: Refusal | None = None) -> str:
    policy = policies.policy(session(), slug)
    ended = retiring.retirement(session(), policy)
    return render_template(
        "admin/retire.html",
        page_title=f"Take {policy.title} up again" if ended else f"Retire {policy.title}",
        policy=policy,
        ended=ended,
        given=request.form.get("reason", ""),
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", ""),
    )
