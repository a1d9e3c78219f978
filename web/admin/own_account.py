"""One's own account: the password, the second factor and its recovery codes, and where one is signed in."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import current_user
from markupsafe import Markup
from sqlmodel import Session
from werkzeug.wrappers import Response

from database import writing
from errors import NoSuchSession, Refusal
from web import accounts, passwords, second_factor, sessions
from web.accounts import Account
from web.admin import blueprint
from web.admin.sign_in import Answer, keep, lasting, whence
from web.context import now, runtime, session
from web.errors import status_of


def own(within: Session) -> Account:
    """The signed-in account, locked, in a transaction that writes.

    Raises: NoSuchSession where the session that asks was ended meanwhile.
    """
    found = within.get_one(Account, current_user.account.id, with_for_update=True)
    if not sessions.holds(within, current_user.get_id()):
        raise NoSuchSession
    return found


@blueprint.get("/account", endpoint="account")
def account() -> str:
    found: Account = current_user.account
    return render_template(
        "admin/account.html",
        page_title="Your account",
        account=found,
        factor=second_factor.stands(session(), found.id or 0),
        required=runtime().settings.second_factor == "required",
        codes_left=second_factor.left(session(), found.id or 0),
        sessions=sessions.listed(session(), found.id or 0, lasting(), now=now()),
        here=current_user.row.id,
        lasting=lasting(),
    )


# -- the password -------------------------------------------------------------------------------


@blueprint.route("/password", methods=["GET", "POST"], endpoint="password")
def password() -> Answer:
    """Choose a password. Every session ends with the old one, and one's own goes on under a new token."""
    if request.method != "POST":
        return _password_form()
    first, again = request.form.get("password", ""), request.form.get("again", "")
    if first != again:
        return _password_form("The two passwords differ; type the same one twice.", "again"), 422
    try:
        with writing(runtime().engine) as within:
            instant = runtime().clock.now(within)
            accounts.change_password(within, own(within), first, now=instant)
            token = sessions.begin(within, current_user.account.id, whence(), now=instant)
    except Refusal as refusal:
        return _password_form(str(refusal)), status_of(refusal)
    keep(token)
    flash("Your password is changed.")
    return redirect(url_for("admin.overview"))


def _password_form(error: str = "", error_field: str = "password") -> str:
    return render_template(
        "admin/password.html",
        page_title="Choose a password",
        error=error,
        error_field=error_field,
        least=passwords.LEAST,
        one_time=current_user.account.one_time,
    )


# -- the second factor --------------------------------------------------------------------------


@blueprint.route("/account/second-factor", methods=["GET", "POST"], endpoint="second_factor")
def set_up_factor() -> Answer:
    """Show the secret as a picture and in letters; take it into use with a first code."""
    if second_factor.stands(session(), current_user.account.id):
        return redirect(url_for("admin.account"))
    if request.method != "POST":
        return _factor_form()
    try:
        with writing(runtime().engine) as within:
            instant, key = runtime().clock.now(within), runtime().secret
            found = own(within)
            typed, sealed = request.form.get("code", ""), _begun()
            codes = second_factor.confirm(within, found.id or 0, sealed, typed, key, now=instant)
            accounts.note(within, found, "second factor set up", actor=found.name, now=instant)
            sessions.end_all(within, found.id or 0, but=current_user.row.id)
            token = sessions.renew(within, current_user.get_id(), now=instant)
    except Refusal as refusal:
        return _factor_form(str(refusal)), status_of(refusal)
    cookie.pop(_BEGUN, None)
    keep(token or "")
    return _codes_page(codes)


_BEGUN = "second_factor"  # in the cookie of whoever sets one up, so that no other session is shown the same


def _begun() -> str:
    """The secret that is being set up in this browser, sealed; made where there is none."""
    known = str(cookie.get(_BEGUN, ""))
    if second_factor.shown(known, runtime().secret) is None:
        known = cookie[_BEGUN] = second_factor.begin(runtime().secret)
    return known


def _factor_form(error: str = "") -> str:
    secret = second_factor.shown(_begun(), runtime().secret) or ""
    address = second_factor.address(secret, current_user.name, runtime().settings.company_name)
    return render_template(
        "admin/second_factor.html",
        page_title="Set up a second factor",
        picture=Markup(second_factor.picture(address)),  # noqa: S704 -- our own drawing
        secret=second_factor.grouped(secret),
        error=error,
        required=runtime().settings.second_factor == "required",
    )


def _codes_page(codes: list[str]) -> str:
    return render_template("admin/recovery_codes.html", page_title="Your recovery codes", codes=codes)


@blueprint.post("/account/second-factor/remove", endpoint="remove_second_factor")
def remove_factor() -> Response:
    with writing(runtime().engine) as within:
        found = own(within)
        if second_factor.remove(within, found.id or 0):
            instant = runtime().clock.now(within)
            accounts.note(within, found, "second factor removed", actor=found.name, now=instant)
    flash("Signing in takes no code any more.")
    return redirect(url_for("admin.account"))


@blueprint.post("/account/recovery-codes", endpoint="renew_recovery")
def renew_recovery() -> Answer:
    """New recovery codes; those before open nothing any more."""
    if not second_factor.stands(session(), current_user.account.id):
        return redirect(url_for("admin.account"))
    with writing(runtime().engine) as within:
        found = own(within)
        codes = second_factor.renew_recovery(within, found.id or 0)
        instant = runtime().clock.now(within)
        accounts.note(within, found, "recovery codes made anew", actor=found.name, now=instant)
    return _codes_page(codes)


# -- where one is signed in ---------------------------------------------------------------------


@blueprint.post("/account/sessions/<row:number>/end", endpoint="end_session")
def end_session(number: int) -> Response:
    """End one of one's own sessions, this one too."""
    _end(number=number)
    flash("That session has ended.")
    return redirect(url_for("admin.account"))


@blueprint.post("/account/sessions/end-others", endpoint="end_other_sessions")
def end_other_sessions() -> Response:
    ended = _end(number=None)
    flash("1 other session has ended." if ended == 1 else f"{ended} other sessions have ended.")
    return redirect(url_for("admin.account"))


def _end(number: int | None) -> int:
    """Raises: NoSuchSession."""
    with writing(runtime().engine) as within:
        found = own(within)
        if number is None:
            ended = sessions.end_all(within, found.id or 0, but=current_user.row.id)
        elif not (ended := int(sessions.end(within, found.id or 0, number))):
            raise NoSuchSession
        instant = runtime().clock.now(within)
        accounts.note(within, found, "sessions ended", actor=found.name, now=instant, ended=ended)
    return ended
