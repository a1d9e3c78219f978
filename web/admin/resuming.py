"""Signed out in the middle of a draft: what was typed stays with the person until they are signed in again.

Their form comes in without a session, or with a token of an old one. It is given back, whole, on a page that says
how to go on; when it comes again from somebody signed in, it stands in the form, kept nowhere yet.
"""

from __future__ import annotations

from flask import Response, jsonify, render_template, request, url_for
from flask_wtf.csrf import CSRFError, generate_csrf
from werkzeug.wrappers import Response as AnyResponse

from errors import NoSuchDraft, Refusal
from web import errors
from web.admin import blueprint, draft_page, drafting, sign_in, typed
from web.context import session

FORMS = ("admin.keep_draft", "admin.publish_draft", "admin.test_draft")
CARRIED: tuple[str, ...] = (*typed.FIELDS, "version", "theirs", "proposed", "policy", "tell_first", "member")
Answer = AnyResponse | tuple[str, int] | tuple[str, int, dict[str, str]]


def is_ours() -> bool:
    """Whether a publish form of ours was sent: no other site may have somebody sign in to what it wrote."""
    from_here = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    return request.method == "POST" and request.endpoint in FORMS and "text" in request.form and from_here


@blueprint.errorhandler(CSRFError)
def forged(error: CSRFError) -> Answer:
    """A token of a session that is over."""
    if not is_ours():
        return errors.forged(error)
    try:
        led = sign_in.require_signed_in()  # the token was looked at first, and nobody has asked yet who may
    except Refusal as refusal:
        return errors.page(errors.status_of(refusal), str(refusal))
    if led is not None:
        return led
    if drafting.wants_json():
        return _again()
    return _loose(request.view_args or {})


def signed_out() -> Response:
    """What was typed, and how to go on with it."""
    if drafting.wants_json():
        return _json(signed_out=True, sign_in=url_for("admin.sign_in"))
    given = {name: request.form.get(name, "") for name in CARRIED}
    page = render_template(
        "admin/signed_out.html",
        page_title="You were signed out",
        given=given,
        action=url_for("admin.keep_draft", **(request.view_args or {})),
    )
    return Response(page, 401)


def _again() -> Response:
    """For the script: a token that holds, to send the same with."""
    return _json(token=generate_csrf())


def _json(**said: object) -> Response:
    answer = jsonify(**said)
    answer.status_code = 401
    return answer


def _loose(values: dict[str, int]) -> Answer:
    """The form with what was typed, which nobody has kept: it came with a token that does not hold."""
    given = typed.fields()
    try:
        found = draft_page.as_typed(values["draft_id"], given)
    except NoSuchDraft as gone:
        return typed.page(given, gone, policy_slug=request.form.get("policy", ""))
    session().rollback()
    return draft_page.page(found, loose=True), 200
