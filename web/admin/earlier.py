"""What a draft said before: looked at beside what it says now, and put back."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from database import writing
from errors import Refusal
from policy_versions import diff, drafts, earlier_drafts
from policy_versions.diff import redline
from policy_versions.earlier_drafts import EarlierDraft
from policy_versions.models import Draft, Policy
from web.admin import blueprint
from web.admin.sign_in import actor
from web.context import runtime, session


@blueprint.get("/drafts/<row:draft_id>/earlier", endpoint="earlier_drafts")
def index(draft_id: int) -> str:
    """The list; with `version`, that one compared with the draft as it is kept."""
    draft = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, draft.policy_id)
    return render_template(
        "admin/earlier.html",
        page_title="What the draft said before",
        policy=policy,
        draft=draft,
        earlier=earlier_drafts.of_draft(session(), draft_id),
        shown=_shown(draft),
    )


def _shown(draft: Draft) -> dict[str, Any] | None:
    asked = request.args.get("version", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        return None
    found = earlier_drafts.at_version(session(), draft.id or 0, int(asked))
    return {"one": found, "redline": _redline(found, draft), "same": found.text == draft.text}


def _redline(found: EarlierDraft, draft: Draft) -> Markup:
    try:
        return Markup(redline.html(diff.compare(draft.text, found.text), context=0))  # noqa: S704 -- escaped
    except Refusal:
        return Markup()


@blueprint.post("/drafts/<row:draft_id>/earlier", endpoint="put_back_draft")
def put_back(draft_id: int) -> Response:
    """Put one back in place of what the draft says now, which is set aside in its turn."""
    version, earlier = (_number(name) for name in ("version", "earlier"))
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        drafts.put_back(own, draft_id, earlier, version=version, actor=actor(), now=instant)
    flash("The earlier text stands in the draft again; what was there is set aside.")
    return redirect(url_for("admin.draft", draft_id=draft_id))


def _number(name: str) -> int:
    given = request.form.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
