"""Signing in and out, and the one-time password that must be changed first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, flash, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from database import writing
from errors import Refusal
from policy_versions import audit
from web import accounts
from web.accounts import Account
from web.admin import blueprint
from web.context import in_administration, now, runtime
from web.context import session as database_session

# Kept in the process: a second node allows as many tries again, which still is few.
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=False)
_OPEN = {"admin.sign_in", "admin.sign_out"}


class SignedIn(UserMixin):  # type: ignore[misc]
    """An account as the session knows it."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def name(self) -> str:
        return self.account.name

    def get_id(self) -> str:
        return f"{self.account.id}:{self.account.session_key}"


def _load(kept: str) -> SignedIn | None:
    """A session holds only while its account's key is the one it began with."""
    number, _, key = kept.partition(":")
    account = database_session().get(Account, int(number)) if number.isdigit() else None
    return SignedIn(account) if account and account.session_key == key else None


def register(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(_load)
    manager.session_protection = None  # the key in the session ends it; phones change their address
    limiter.init_app(app)


def actor() -> str:
    name: str = current_user.name
    return name


@blueprint.before_request
def require_signed_in() -> Response | None:
    """Every route of the administration refuses strangers; a one-time password opens only its own change."""
    if request.endpoint in _OPEN:
        return None
    if not current_user.is_authenticated:
        return redirect(url_for("admin.sign_in", next=request.full_path.rstrip("?")))
    if current_user.account.one_time and request.endpoint != "admin.password":
        return redirect(url_for("admin.password"))
    return None


@blueprint.app_context_processor
def who() -> dict[str, Any]:
    """The signed-in administrator's name, for pages of the administration only: readers get no cookie."""
    if not in_administration(request.path):
        return {"signed_in": None}
    return {"signed_in": current_user.name if current_user.is_authenticated else None}


def _name_given() -> str:
    return f"{get_remote_address()} {request.form.get('name', '').strip().casefold()[:100]}"


@blueprint.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
@limiter.limit("30 per minute", methods=["POST"])
@limiter.limit("8 per minute", methods=["POST"], key_func=_name_given)
def sign_in() -> str | Response | tuple[str, int]:
    if request.method == "GET":
        return _form()
    try:
        account = accounts.verify(
            database_session(), request.form.get("name", "").strip(), request.form.get("password", "")
        )
    except Refusal as refusal:
        return _form(str(refusal)), 401
    session.clear()
    session.permanent = True
    login_user(SignedIn(account))
    with writing(runtime().engine) as own:
        audit.record(own, actor=account.name, action="signed in", subject="accounts", now=now())
    return redirect(_inside(request.args.get("next", "")))


def _form(error: str = "") -> str:
    name = request.form.get("name", "").strip()[:100]
    return render_template("admin/sign_in.html", page_title="Sign in", name=name, error=error)


def _inside(target: str) -> str:
    """Only an address of the administration itself: nobody is sent elsewhere by a link to the sign-in page."""
    return target if _is_inside(target) else url_for("admin.overview")


def _is_inside(target: str) -> bool:
    if not target.isprintable() or "\\" in target:
        return False  # no header may hold a line end, and browsers drop tabs and turn backslashes round
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc and in_administration(parts.path)


@blueprint.post("/sign-out", endpoint="sign_out")
def sign_out() -> Response:
    logout_user()
    session.clear()
    return redirect(url_for("admin.sign_in"))


@blueprint.route("/password", methods=["GET", "POST"], endpoint="password")
def password() -> str | Response | tuple[str, int]:
    if request.method == "GET":
        return _password_form()
    first, again = request.form.get("password", ""), request.form.get("again", "")
    if first != again:
        return _password_form("The two passwords differ; type the same one twice.", "again"), 422
    try:
        with writing(runtime().engine) as own:
            account = own.get_one(Account, current_user.account.id)
            accounts.change_password(own, account, first)
            audit.record(own, actor=account.name, action="password changed", subject="accounts", now=now())
    except Refusal as refusal:
        return _password_form(str(refusal)), 422
    login_user(SignedIn(account))
    flash("Your password is changed.")
    return redirect(url_for("admin.overview"))


def _password_form(error: str = "", error_field: str = "password") -> str:
    return render_template(
        "admin/password.html",
        page_title="Choose a password",
        error=error,
        error_field=error_field,
        least=accounts.LEAST_PASSWORD,
        one_time=current_user.account.one_time,
    )
