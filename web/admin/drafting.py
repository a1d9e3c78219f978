"""What the publish form's views share: what was asked, keeping what was typed, and where they lead back to."""

from __future__ import annotations

from typing import Any

from flask import g, redirect, request, url_for
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from database import writing
from policy_versions import drafts, presence
from policy_versions.drafts import DraftFields
from web.admin import permissions, typed
from web.admin.sign_in import actor
from web.context import runtime, session

LONGEST_NAME = 200


def tell_first() -> bool:
    """Whether a notice of a first text is asked for: no part of the draft, so the form carries it along."""
    given = request.form if request.method == "POST" else request.args
    return given.get("tell_first") == "yes"


def member() -> str:
    """The member whose letter is to be shown; "" for none, and for whoever may not look members up."""
    asked = request.values.get("member", "").strip()[:LONGEST_NAME]
    return asked if asked.isprintable() and permissions.may("dry_run") else ""


def version() -> int:
    """The version of the draft that the person has before them; what they were shown, where they keep theirs."""
    kept_over = request.form.get("deed") == "mine"
    given = request.form.get("theirs" if kept_over else "version", "")
    return int(given[:9]) if given.isascii() and given.isdigit() else 0


def version_seen() -> int:
    """The same, or the version that they have made of it with this request."""
    made: int | None = g.get("draft_version")
    return version() if made is None else made


def wants_json() -> bool:
    """Whether it is publish.js that asks, which keeps what is typed while somebody types."""
    return request.accept_mimetypes.best == "application/json"


def save(draft_id: int, given: DraftFields) -> None:
    """Keep what was typed, in a transaction of its own: it stays kept even where publishing is refused."""
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        kept = drafts.save(own, draft_id, typed.to_keep(given), version=version(), actor=actor(), now=instant)
        presence.see(own, draft_id, actor(), now=instant)
    g.draft_version = kept
    session().rollback()  # on SQLite it would still read what was there when the request began


def change(draft_id: int, **fields: str) -> None:
    """Put something else into a draft that this request has kept; what it said is set aside."""
    with writing(runtime().engine) as own:
        kept = {name: getattr(drafts.fields(drafts.by_id(own, draft_id)), name) for name in typed.FIELDS}
        by: dict[str, Any] = {"actor": actor(), "now": runtime().clock.now(own), "on_purpose": True}
        given = DraftFields(**{**kept, **fields})
        g.draft_version = drafts.save(own, draft_id, given, version=version_seen(), **by)
    session().rollback()


def opened(draft_id: int) -> None:
    """Note that the signed-in person has the draft open. Raises: NoSuchDraft."""
    if not permissions.may("draft", "POST"):
        drafts.by_id(session(), draft_id)
        return
    try:
        with writing(runtime().engine) as own:
            presence.see(own, draft_id, actor(), now=runtime().clock.now(own))
    except OperationalError:  # somebody writes for long; who else is here is not worth waiting for
        drafts.by_id(session(), draft_id)


def back_to(draft_id: int, anchor: str | None = None) -> Response:
    """To the form as it is kept, with what it is asked besides."""
    asked = "yes" if tell_first() else None
    return redirect(
        url_for("admin.draft", draft_id=draft_id, tell_first=asked, member=member() or None, _anchor=anchor)
    )
