"""Signing in and out: the password, the second factor, and who is let through to which page."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

from flask import Flask, flash, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from database import writing
from errors import CodeRefused, NoSuchSession, Refusal, SignInRefused, TooManyTries
from web import accounts, passwords, second_factor, sessions, throttling
from web.accounts import Account
from web.admin import blueprint, browsers, permissions
from web.context import in_administration, now, runtime
from web.context import session as database_session
from web.errors import status_of
from web.sessions import AccountSession, Lasting, Whence

# Of the API, kept in the process; signing in is throttled in the database (web/throttling.py).
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=False)
HALFWAY = timedelta(minutes=5)  # between the password and the code
Answer = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


class SignedIn(UserMixin):  # type: ignore[misc]
    """An account, and the session that it is signed in by."""

    def __init__(self, account: Account, row: AccountSession, token: str) -> None:
        self.account, self.row, self._token = account, row, token

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def sure(self) -> bool:
        return sessions.is_sure(self.row, now())

    def get_id(self) -> str:
        return self._token


def lasting() -> Lasting:
    settings = runtime().settings
    return Lasting(timedelta(hours=settings.session_hours), timedelta(minutes=settings.session_idle_minutes))


def _load(token: str) -> SignedIn | None:
    """A session holds while its row does, and its account is not disabled."""
    row = sessions.find(database_session(), token, lasting(), now=now())
    account = database_session().get(Account, row.account_id) if row else None
    return SignedIn(account, row, token) if row and account and account.disabled_at is None else None


def register(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(_load)
    manager.session_protection = None  # the row in the database ends it; phones change their address
    limiter.init_app(app)
    permissions.register(app)
    browsers.register(app)


def actor() -> str:
    name: str = current_user.name
    return name


def whence() -> Whence:
    return Whence(get_remote_address(), request.headers.get("User-Agent", ""))


# -- who is let through -------------------------------------------------------------------------


@blueprint.before_request
def require_signed_in() -> Response | None:
    """Every route of the administration refuses strangers, and whoever has not the role that it takes.

    Raises: RoleMissing, RoleUndeclared.
    """
    endpoint = permissions.name(request.endpoint)
    if endpoint in permissions.OPEN:
        return None
    if not current_user.is_authenticated:
        return _asked_to_sign_in()
    _seen()
    needed = permissions.need(endpoint)
    first = _first_of_all()
    if first and endpoint not in (first, "sure"):
        return redirect(url_for(f"admin.{first}"))
    permissions.require(needed.of(request.method))
    return _make_sure() if needed.sure and not current_user.sure and not current_user.account.one_time else None


def _asked_to_sign_in() -> Response:
    """What was typed into a draft comes along; all else is asked for again."""
    from web.admin import resuming  # which shows the form, and so knows of this module

    if resuming.is_ours():
        return resuming.signed_out()
    return redirect(url_for("admin.sign_in", next=request.full_path.rstrip("?")))


# Asked again and again by a page that is open, whether or not anybody sits before it.
_BY_ITSELF = ("notice_progress", "draft_others")


def _seen() -> None:
    row = current_user.row
    if permissions.name(request.endpoint) in _BY_ITSELF or "every" in request.args:
        return  # else a session that nobody uses would not end
    if now() - row.seen_at >= sessions.SEEN_EVERY:
        with writing(runtime().engine) as own:
            sessions.seen(own, row.id, now=runtime().clock.now(own))


def _first_of_all() -> str:
    """The one page that is open to somebody who must change or set up something first; "" for the others."""
    if current_user.account.one_time:
        return "password"
    required = runtime().settings.second_factor == "required"
    if required and not second_factor.stands(database_session(), current_user.account.id):
        return "second_factor"
    return ""


def _make_sure() -> Response:
    """Ask who they are, then lead back; what was posted is not done."""
    back = request.full_path.rstrip("?") if request.method != "POST" else url_for("admin.account")
    if request.method == "POST":
        flash("Nothing was changed: confirm first that it is you, then do it again.")
        back = request.form.get("back", "") or back
    return redirect(url_for("admin.sure", next=back))


@blueprint.app_context_processor
def who() -> dict[str, Any]:
    """The signed-in administrator's name, for pages of the administration only: readers get no cookie."""
    if not in_administration(request.path):
        return {"signed_in": None, "four_eyes_on": False}
    return {
        "signed_in": current_user.name if current_user.is_authenticated else None,
        "four_eyes_on": runtime().settings.four_eyes,
    }


# -- the password -------------------------------------------------------------------------------


@blueprint.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
def sign_in() -> Answer:
    if request.method != "POST":
        return _form()
    try:
        account = _verified(request.form.get("name", "").strip(), request.form.get("password", ""))
        _leave()
        return _to_code(account) or let_in(account)
    except Refusal as refusal:
        return _refused(refusal, _form(str(refusal)))


def _to_code(account: Account) -> Response | None:
    """On to the second step, where there is one."""
    if not second_factor.stands(database_session(), account.id or 0):
        return None
    session.clear()
    session["halfway"] = [account.id, now().timestamp(), _mark(account)]
    return redirect(url_for("admin.code", next=request.args.get("next", "")))


def _verified(name: str, password: str) -> Account:
    """Raises: TooManyTries, SignInRefused."""
    kinds = throttling.sign_in_kinds(name, get_remote_address())
    claimed = claim(kinds)
    try:
        account = accounts.verify(database_session(), name, password)
    except SignInRefused:
        _note_slowed(claimed, name)
        raise
    with writing(runtime().engine) as own:
        throttling.forgive(own, claimed, kinds, runtime().secret, now=runtime().clock.now(own))
        if passwords.is_outdated(account.password_hash):
            accounts.hash_anew(own, account, password)
    return account


def claim(kinds: dict[str, str]) -> throttling.Claim:
    """Count a try, in a transaction of its own. Raises: TooManyTries."""
    with writing(runtime().engine) as own:
        return throttling.claim(own, kinds, runtime().secret, now=runtime().clock.now(own))


def _note_slowed(claimed: throttling.Claim, name: str) -> None:
    """The log says once that somebody guesses at an account, not each time."""
    account = accounts.by_name(database_session(), name)
    if not claimed.slowed or account is None:
        return
    with writing(runtime().engine) as own:
        accounts.note(own, account, "sign-in slowed down", actor="a stranger", now=runtime().clock.now(own))


def let_in(account: Account, **by: str) -> Response:
    """Begin a session under a new token, and lead to where the person wanted to go.

    by: `factor`, where a code or a recovery code opened it too. Raises: SignInRefused, as `accounts.as_verified`.
    """
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        accounts.as_verified(own, account, by_code="factor" in by).signed_in_at = instant
        sessions.forget_over(own, lasting(), now=instant)
        accounts.note(own, account, "signed in", actor=account.name, now=instant, **by)
        token = sessions.begin(own, account.id or 0, whence(), now=instant)
    session.clear()
    keep(token)
    return redirect(inside(request.args.get("next", "")))


def keep(token: str) -> None:
    """Give the browser the token of its session. Raises: NoSuchSession, where somebody has ended it already."""
    session.permanent = True
    database_session().rollback()  # on SQLite it would still read what was there when the request began
    signed_in = _load(token)
    if signed_in is None:
        raise NoSuchSession
    login_user(signed_in)


def _form(error: str = "") -> str:
    name = request.form.get("name", "").strip()[:100]
    return render_template("admin/sign_in.html", page_title="Sign in", name=name, error=error)


def _refused(refusal: Refusal, page: str) -> Answer:
    headers = {"Retry-After": str(refusal.seconds)} if isinstance(refusal, TooManyTries) else {}
    return page, status_of(refusal), headers


def inside(target: str) -> str:
    """Only an address of the administration itself: nobody is sent elsewhere by a link to the sign-in page."""
    return target if _is_inside(target) else url_for("admin.overview")


def _is_inside(target: str) -> bool:
    if not target.isprintable() or "\\" in target:
        return False  # no header may hold a line end, and browsers drop tabs and turn backslashes round
    # as it is written: what Python reads as the path "///admin/" is to a browser a host of that name
    return in_administration(target.partition("?")[0].partition("#")[0])


@blueprint.post("/sign-out", endpoint="sign_out")
def sign_out() -> Response:
    _leave()
    return redirect(url_for("admin.sign_in"))


def _leave() -> None:
    """End the session that this browser has, if it has one."""
    if current_user.is_authenticated:
        with writing(runtime().engine) as own:
            sessions.end(own, current_user.account.id, current_user.row.id)
    logout_user()
    session.clear()


# -- the code -----------------------------------------------------------------------------------


@blueprint.route("/sign-in/code", methods=["GET", "POST"], endpoint="code")
def code() -> Answer:
    """The second step, for whoever has just given the password."""
    account = _halfway()
    if account is None:
        return redirect(url_for("admin.sign_in", next=request.args.get("next", "")))
    if request.method != "POST":
        return _code_form()
    try:
        by = _code_taken(account)
        answer = let_in(account, factor=by)
    except Refusal as refusal:
        return _refused(refusal, _code_form(str(refusal)))
    if by == "recovery code":
        left = second_factor.left(database_session(), account.id or 0)
        flash(f"That recovery code is used up; {left} are left.")
    return answer


def _halfway() -> Account | None:
    number, since, mark = session.get("halfway", (None, 0.0, ""))
    if number is None or not 0 <= now().timestamp() - since < HALFWAY.total_seconds():
        return None
    found = database_session().get(Account, number)
    return found if found and found.disabled_at is None and mark == _mark(found) else None


def _mark(account: Account) -> str:
    """Another one with each password, and nothing to guess it from: whoever gave the one before starts again."""
    return hmac.digest(runtime().secret.encode(), account.password_hash.encode(), "sha256").hex()


def _code_taken(account: Account) -> str:
    """Raises: TooManyTries, CodeRefused, FactorUnreadable."""
    kinds, secret = {"code": str(account.id)}, runtime().secret
    claimed = claim(kinds)
    try:
        with writing(runtime().engine) as own:
            instant = runtime().clock.now(own)
            by = second_factor.check(own, account.id or 0, request.form.get("code", ""), secret, now=instant)
            throttling.forgive(own, claimed, kinds, secret, now=instant)
    except CodeRefused:
        _note_slowed(claimed, account.name)
        raise
    return by


def _code_form(error: str = "") -> str:
    return render_template("admin/code.html", page_title="Enter the code", error=error)


# -- once more ----------------------------------------------------------------------------------


@blueprint.route("/sure", methods=["GET", "POST"], endpoint="sure")
def sure() -> Answer:
    """Ask for the password again before a deed that a browser left open must not be enough for."""
    if request.method != "POST":
        return _sure_form()
    try:
        _made_sure(request.form.get("password", ""))
    except Refusal as refusal:
        return _refused(refusal, _sure_form(str(refusal)))
    return redirect(inside(request.args.get("next", "")))


def _made_sure(password: str) -> None:
    """Raises: TooManyTries, SignInRefused."""
    kinds, secret = {"sure": str(current_user.row.id)}, runtime().secret
    claimed = claim(kinds)
    accounts.verify(database_session(), current_user.name, password)
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        throttling.forgive(own, claimed, kinds, secret, now=instant)
        token = sessions.renew(own, current_user.get_id(), now=instant)
    if token is None:
        raise SignInRefused
    keep(token)


def _sure_form(error: str = "") -> str:
    return render_template("admin/sure.html", page_title="Confirm that it is you", error=error)
