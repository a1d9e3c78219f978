"""The site notice: the script that a host's page includes, and what it asks here.

A question is a plain-text POST with the member's token in its body: no cookie, no token in an address, nothing
that a browser asks leave for beforehand. Who may read the answer is said by the token: pages of its origins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask_wtf.csrf import CSRFProtect

import colours
from database import writing
from errors import Gone, LinkInvalid, NoSuchMember, NoSuchNotice, Refusal, SiteTokenExpired, SiteTokenInvalid
from notifier import acknowledging, letter_links, revocations, site_notices, tokens
from notifier.models import Member
from notifier.site_notices import Pending
from policy_versions import archive, translations
from web import assets
from web.context import now, runtime, session
from web.errors import status_of
from web.member import throttle, words
from web.public import present

blueprint = Blueprint("site_notice", __name__)

MOST_BYTES = 4096


class Asked(NamedTuple):
    """A genuine question. notice: the number it names, or 0."""

    member: Member
    notice: int
    now: datetime


@blueprint.get("/site-notice.js")
def script() -> Response:
    answer = _coloured() if runtime().settings.accent else current_app.send_static_file("site-notice.js")
    answer.headers["Content-Type"] = "text/javascript; charset=utf-8"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # it is for other people's pages
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer


def _coloured() -> Response:
    """The script with the company's accent in place of ours."""
    said = (assets.FOLDER / "site-notice.js").read_text(encoding="utf-8")
    for ours, theirs in zip(colours.OURS, runtime().settings.accents, strict=True):
        said = said.replace(f"--accent: {ours.accent};", f"--accent: {theirs.accent};")
    dark = colours.OURS.dark.on_accent, runtime().settings.accents.dark.on_accent
    return Response(said.replace(f"--on: {dark[0]};", f"--on: {dark[1]};"))


@blueprint.post("/site-notice/pending")
@throttle.questions
def pending() -> Response:
    """What a member is still to be shown, in their language."""
    return _answer(lambda asked: {"notices": [_said(asked, one) for one in _pending(asked)]})


@blueprint.post("/site-notice/shown")
@throttle.questions
def shown() -> Response:
    """It has been in view: that is notice."""
    return _answer(_shown)


@blueprint.post("/site-notice/acknowledged")
@throttle.questions
def acknowledged() -> Response:
    """The member says that they have read it."""
    return _answer(_acknowledged)


def register(app: Flask, csrf: CSRFProtect) -> None:
    csrf.exempt(blueprint)  # the token says who may ask, and no cookie is looked at
    app.register_blueprint(blueprint)


# -- questions ----------------------------------------------------------------------------------


def _answer(work: Callable[[Asked], dict[str, Any]]) -> Response:
    """Answer a question, or refuse it, so that pages of the token's origins, and no others, can read which."""
    allowed: str | None = None
    try:
        token, notice = _read()
        asking = request.headers.get("Origin")
        allowed = asking if asking in token.origins else None
        tokens.allow(token, asking, now=now())
        answer = jsonify(work(Asked(_member(token), notice, now())))
    except Refusal as refusal:
        answer = jsonify(detail=str(refusal))
        answer.status_code = status_of(refusal)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Origin"
    if allowed:
        answer.headers["Access-Control-Allow-Origin"] = allowed
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _read() -> tuple[tokens.SiteToken, int]:
    """The token of a question, and the notice it names. Raises: SiteTokenInvalid."""
    request.max_content_length = MOST_BYTES
    try:
        given = json.loads(request.get_data())
        written, notice = given["token"], given.get("notice") or 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SiteTokenInvalid from error
    if not isinstance(written, str) or not isinstance(notice, int) or not 0 <= notice < 2**31:
        raise SiteTokenInvalid
    settings = runtime().settings
    return tokens.read_site_token(written, audience=settings.public_url, secret=runtime().secret), notice


def _member(token: tokens.SiteToken) -> Member:
    """Raises: NoSuchMember, SiteTokenExpired."""
    member = session().get(Member, token.member_id)
    if member is None or member.erased_at is not None:
        raise NoSuchMember
    if revocations.is_revoked(session(), token.member_id, made=token.issued):
        raise SiteTokenExpired
    return member


def _pending(asked: Asked) -> list[Pending]:
    return site_notices.pending(session(), asked.member, now=asked.now)


def _shown(asked: Asked) -> dict[str, Any]:
    with writing(runtime().engine) as own:
        new = site_notices.shown(own, asked.member, asked.notice, now=runtime().clock.now(own))
    return {"recorded": new}


def _acknowledged(asked: Asked) -> dict[str, Any]:
    """What they were shown is the notice and not the text, so no text is recorded as shown."""
    one = site_notices.find(session(), asked.member, asked.notice, now=asked.now)
    if one.kind != "change":
        raise NoSuchNotice
    with writing(runtime().engine) as own:
        acknowledging.acknowledge(
            own,
            asked.member,
            one.revision,
            "read",
            actor="member",
            route="site notice",
            shown_sha256=None,
            locale=words.of(asked.member.locale).language,
            now=runtime().clock.now(own),
        )
    return {"recorded": True}


# -- words --------------------------------------------------------------------------------------


def _said(asked: Asked, one: Pending) -> dict[str, Any]:
    """A notice as the script shows it: sentences in the member's language, and instants for the browser to set."""
    language, dates, say = words.of(asked.member.locale)
    entry = archive.history(session(), one.policy).entry(one.revision.number)
    summary = present.said(entry) if one.kind == "change" else ""
    applies, at = _applies(one)
    return {
        "notice": one.notice_id,
        "language": language,
        "dates": dates,
        "label": say["label"],
        "heading": say[_heading(one, asked.now)].format(title=_title(asked.member, one)),
        "summary": summary,
        "summary_language": one.policy.locale,
        "applies": say[applies] if applies else "",
        "at": at.isoformat() if at else None,
        "zone": one.policy.time_zone,
        "asks": one.asks,
        "link": _link(one),
        "link_words": say["read" if one.kind != "change" or not one.base else "decide" if one.asks else "see"],
        "acknowledge": say["acknowledge"] if one.kind == "change" else "",
        "close": say["close"],
    }


def _heading(one: Pending, now: datetime) -> str:
    if one.kind != "change":
        return "translated" if one.translated else "withdrawn"
    return "changed" if one.revision.effective_at <= now else "changes"


def _applies(one: Pending) -> tuple[str, datetime | None]:
    if one.kind != "change":
        return "", None
    if one.applies_from is None:
        return "asks", None
    return "since" if one.already else "from", one.applies_from


def _title(member: Member, one: Pending) -> str:
    """The policy's title in the member's language, where a translation names one."""
    into = translations.latest(session(), one.revision)
    found = into.get(member.locale) or into.get(member.locale.split("-", 1)[0])
    return (found.title if found else None) or one.policy.title


def _link(one: Pending) -> str:
    """Where it can be read and answered: the page that their letter leads to, as long as that holds."""
    public = runtime().settings.public_url
    home = present.home(one.policy)
    if one.kind != "change":
        return f"{public}{home}"
    if not one.base:
        return f"{public}{home}/{one.revision.number}"
    own = tokens.letter_links(runtime().secret).of_member(one.delivery_id)
    try:
        letter_links.follow(session(), own, secret=runtime().secret, now=now())
    except (Gone, LinkInvalid):
        return f"{public}{present.compare_url(one.policy, one.base, one.revision.number)}"
    return f"{public}/m/{own}"
