"""Each refusal's HTTP status, in one place; and the pages that say it."""

from __future__ import annotations

import logging
import re

from flask import Flask, Response, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from errors import (
    BodyUnreadable,
    CodeRefused,
    ComparisonsBusy,
    Conflict,
    FourEyesNeeded,
    Gone,
    Invalid,
    KeyRefused,
    NotFound,
    OriginRefused,
    OwnProposal,
    OwnRequest,
    Refusal,
    RoleMissing,
    RoleUndeclared,
    ScopeMissing,
    SettingInvalid,
    SignInRefused,
    Spoken,
    TooMany,
    TooManyComparisons,
    TooManyTries,
)
from notifier.wording import N_
from web import problems, speech
from web.context import forget_session, in_administration, runtime

log = logging.getLogger(__name__)

STATUS: dict[type[Refusal], int] = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    Gone: 410,
    SignInRefused: 401,
    OwnProposal: 403,
    OwnRequest: 403,
    RoleMissing: 403,
    RoleUndeclared: 403,
    FourEyesNeeded: 403,
    CodeRefused: 401,
    TooManyTries: 429,
    TooManyComparisons: 429,
    ComparisonsBusy: 503,
    OriginRefused: 403,
    KeyRefused: 401,
    ScopeMissing: 403,
    BodyUnreadable: 400,
    TooMany: 413,
    SettingInvalid: 500,  # met only if a setting breaks while serving
}

_HEADINGS = {
    400: N_("That request cannot be understood"),
    401: N_("Please sign in"),
    403: N_("That is not allowed"),
    404: N_("Page not found"),
    405: N_("That cannot be done here"),
    409: N_("That clashes with what is on record"),
    410: N_("That holds no longer"),
    413: N_("That is too large"),
    422: N_("That cannot be done as given"),
    429: N_("Too many tries"),
    500: N_("Something went wrong here"),
    503: N_("Busy just now"),
}
_SENTENCES = {
    404: N_("If you typed the address, check it is right. Every text we have published stays at its own address."),
    405: N_("This address is for reading."),
    413: N_("What was sent is larger than is taken here."),
    429: N_("Wait a minute, then try again."),
}

_OWN = re.compile("/(m|me|subscribe|unsubscribe)/")  # pages that stand for somebody's own


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal: its own type's, else that of the nearest type it descends from."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def register(app: Flask) -> None:
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


Answer = tuple[str, int] | tuple[str, int, dict[str, str]]


def _refused(refusal: Refusal) -> Answer | Response:
    if problems.in_api(request.path):
        return problems.of_refusal(refusal, status_of(refusal))
    html, status = page(status_of(refusal), refusal, getattr(refusal, "heading", ""))
    wait = getattr(refusal, "seconds", None)
    return (html, status) if wait is None else (html, status, {"Retry-After": str(wait)})


def forged(_error: CSRFError) -> Answer:
    return page(
        400, N_("The form was open too long, or came from elsewhere. Go back, reload it and send it again.")
    )


def _http(error: HTTPException) -> Answer | HTTPException | Response:
    status = error.code or 500
    if status < 400:
        return error  # a redirect
    if problems.in_api(request.path):
        return problems.of_http(error)
    return page(status, _SENTENCES.get(status, N_("Go back and try again.")))


def _fault(error: Exception) -> Answer | Response:
    log.exception("a request failed", exc_info=error)
    if problems.in_api(request.path):
        return problems.of_status(500)
    forget_session()  # its transaction may be aborted, and the page asks for the policies' names
    return page(500, N_("It has been noted. Nothing was changed; try again in a moment."))


def page(status: int, sentence: str | Refusal, heading: str = "") -> tuple[str, int]:
    """A refusal's page, in its reader's language where it stands for one of their own."""
    is_own = bool(_OWN.match(request.path))
    if is_own:
        speech.speak_to_browser()
    say = speech.current().say
    heading = say(heading or _HEADINGS.get(status, _HEADINGS[400]))
    links = (
        [{"title": "Overview", "url": "/admin"}]
        if in_administration(request.path)
        else [{"title": say("All policies"), "url": "/"}]
    )
    given = {
        "status": status,
        "heading": heading,
        "sentence": _said(sentence),
        "links": links,
        "page_title": heading,
        "languages": speech.languages() if is_own else [],
    }
    try:
        face = "admin" if in_administration(request.path) else "public"
        return render_template(f"{face}/error.html", **given), status
    except Exception as error:
        log.exception("an error's page asked for what cannot be had", exc_info=error)
        return _without_database(given), status


def _said(sentence: str | Refusal) -> str:
    say = speech.current().say
    return say(sentence.message, **sentence.parts) if isinstance(sentence, Spoken) else say(str(sentence))


def _without_database(given: dict[str, object]) -> str:
    """The same page without what every other has from the database: its template alone, and the settings."""
    settings = runtime().settings
    template = current_app.jinja_env.get_template("public/error.html")
    return template.render(
        **given, company=settings.company_name, contact_email=settings.contact_email, nav=[], footer_links=[]
    )
