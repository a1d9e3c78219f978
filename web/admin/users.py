"""Users: who has an account, in which roles; made, disabled, let in again when a password or telephone is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session

from database import writing
from errors import Refusal
from web import accounts, second_factor, sessions
from web.accounts import Account
from web.admin import blueprint
from web.admin.refused import or_refused
from web.admin.sign_in import Answer, actor, lasting
from web.context import now, runtime, session
from web.errors import status_of
from web.roles import ROLES


@blueprint.get("/users", endpoint="users")
def users() -> str:
    found = accounts.listed(session())
    return render_template(
        "admin/users.html",
        page_title="Users",
        accounts=found,
        with_factor=second_factor.owners(session()),
        open_sessions={one.id: len(_sessions(one)) for one in found},
        required=runtime().settings.second_factor == "required",
    )


def _sessions(one: Account) -> Any:
    return sessions.listed(session(), one.id or 0, lasting(), now=now())


@blueprint.route("/users/new", methods=["GET", "POST"], endpoint="new_user")
def new_user() -> Answer:
    """Make an account, and show its one-time password this once."""
    if request.method != "POST":
        return _new_form()
    name = request.form.get("name", "").strip()
    try:
        with writing(runtime().engine) as own:
            instant, held = runtime().clock.now(own), request.form.getlist("roles")
            password = accounts.create(own, name, held=held, actor=actor(), now=instant)
            number = accounts.named(own, name).id
    except Refusal as refusal:
        return _new_form(refusal), status_of(refusal)
    return _one_time(name, password, number or 0)


def _new_form(refusal: Refusal | None = None) -> str:
    return render_template(
        "admin/new_user.html",
        page_title="New user",
        name=request.form.get("name", "").strip()[:100],
        held=request.form.getlist("roles"),
        roles=ROLES,
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", "name"),
    )


def _one_time(name: str, password: str, number: int) -> str:
    """Shown in the answer itself: it is kept nowhere, the browser's cookie included."""
    return render_template(
        "admin/one_time.html", page_title="A one-time password", name=name, password=password, number=number
    )


@blueprint.get("/users/<row:number>", endpoint="user")
def user(number: int) -> str:
    return _page(number)


def _page(number: int, refusal: Refusal | None = None) -> str:
    found = accounts.by_id(session(), number)
    return render_template(
        "admin/user.html",
        page_title=found.name,
        account=found,
        roles=ROLES,
        held=request.form.getlist("roles") if refusal else found.held,
        factor=second_factor.stands(session(), number),
        sessions=_sessions(found),
        own=found.name == actor(),
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", ""),
    )


Deed = Callable[..., Any]


def _do(number: int, deed: Deed, said: str) -> Answer:
    """Do it to the account in a transaction of its own, and show the account; or what stands against it."""

    def answer() -> Answer:
        with writing(runtime().engine) as own:
            deed(own, accounts.by_id(own, number), actor=actor(), now=runtime().clock.now(own))
        flash(said)
        return redirect(url_for("admin.user", number=number))

    return or_refused(answer, partial(_page, number))


@blueprint.post("/users/<row:number>/roles", endpoint="user_roles")
def user_roles(number: int) -> Answer:
    def deed(own: Session, one: Account, **by: Any) -> None:
        accounts.set_roles(own, one, request.form.getlist("roles"), **by)

    return _do(number, deed, "The roles are changed. Whoever was signed in with the account signs in again.")


@blueprint.post("/users/<row:number>/disable", endpoint="disable_user")
def disable_user(number: int) -> Answer:
    return _do(number, accounts.disable, "The account is disabled. Nobody is signed in with it any more.")


@blueprint.post("/users/<row:number>/enable", endpoint="enable_user")
def enable_user(number: int) -> Answer:
    return _do(number, accounts.enable, "The account may sign in again, with the password that it had.")


@blueprint.post("/users/<row:number>/reset", endpoint="reset_user")
def reset_user(number: int) -> Answer:
    """Give a one-time password, and show it this once."""
    with writing(runtime().engine) as own:
        found = accounts.by_id(own, number)
        password = accounts.reset(own, found, actor=actor(), now=runtime().clock.now(own))
        name = found.name
    return _one_time(name, password, number)


@blueprint.post("/users/<row:number>/end-sessions", endpoint="end_user_sessions")
def end_user_sessions(number: int) -> Answer:
    return _do(number, accounts.end_sessions, "Whoever was signed in with the account is so no longer.")


@blueprint.post("/users/<row:number>/remove-factor", endpoint="remove_user_factor")
def remove_user_factor(number: int) -> Answer:
    return _do(
        number, accounts.remove_factor, "Signing in with the account takes no code until a new one is set up."
    )
