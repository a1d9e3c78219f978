"""Users: made, given roles, disabled, let in again; by an owner in the administration, and at the command line."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, select

from database import reading, writing
from errors import AccountExists, FieldMissing, LastOwner, NameMalformed, NameReserved, RoleUnknown, Unprintable
from policy_versions.models import AuditEntry
from tests.house import House
from tests.web import people
from tests.web.test_admin import words
from tests.web.test_signing_in import is_in, log, post, set_up
from web import accounts, roles
from web.accounts import Account


@pytest.fixture
def app(house: House) -> Flask:
    return people.app_for(house)


@pytest.fixture
def owner(app: Flask, house: House) -> FlaskClient:
    people.account(house, "ona", "owner")
    return people.sign_in(app, "ona")


def found(house: House, name: str) -> Account:
    with reading(house.runtime.engine) as session:
        return accounts.named(session, name)


def password_in(answer: Any) -> str:
    shown = re.search(r'class="mono key">([^<]+)<', answer.text)
    assert shown is not None
    return shown[1]


def test_an_owner_makes_an_account_whose_password_is_shown_once(
    app: Flask, owner: FlaskClient, house: House
) -> None:
    answer = post(owner, "/admin/users/new", name="joel", roles=["editor", "publisher"])
    assert answer.status_code == 200
    password = password_in(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert password not in owner.get("/admin/users/2").text
    made = found(house, "joel")
    assert (made.held, made.one_time) == (("editor", "publisher"), True)
    joel = people.sign_in(app, "joel", password)
    assert joel.get("/admin/").location == "/admin/password"
    assert ("ona", "account made") in log(house)


NOBODY: list[tuple[str, list[str], type[Exception]]] = [
    ("", ["editor"], FieldMissing),
    ("ona", ["editor"], AccountExists),
    ("ONA", ["editor"], AccountExists),
    ("ｏｎａ", ["editor"], AccountExists),
    ("åSA", ["editor"], AccountExists),
    ("Scheduler", ["editor"], NameReserved),
    ("engine", ["editor"], NameReserved),
    ("key host", ["editor"], NameMalformed),
    ("ines at the command line", ["editor"], NameMalformed),
    ("x" * 61, ["editor"], NameMalformed),
    ("-x", ["editor"], NameMalformed),
    ("jo\0el", ["editor"], Unprintable),
    ("joel", [], FieldMissing),
    ("joel", ["emperor"], RoleUnknown),
]


def test_an_account_that_could_pass_for_somebody_else_is_not_made(
    app: Flask, owner: FlaskClient, house: House
) -> None:
    people.account(house, "Åsa", "editor")
    for name, held, refusal in NOBODY:
        with writing(house.runtime.engine) as session, pytest.raises(refusal):
            accounts.create(session, name, held=held, actor="a test", now=house.now)
        assert post(owner, "/admin/users/new", name=name, roles=held).status_code in (409, 422), name
    with reading(house.runtime.engine) as session:
        assert len(accounts.listed(session)) == 2


def test_changed_roles_hold_at_once_and_end_the_sessions_that_had_others(
    app: Flask, owner: FlaskClient, house: House
) -> None:
    number = people.account(house, "joel", "publisher")
    joel = people.sign_in(app, "joel")
    answer = post(owner, f"/admin/users/{number}/roles", seen=f"/admin/users/{number}", roles=["auditor"])
    assert answer.status_code == 302
    assert found(house, "joel").held == ("auditor",)
    assert not is_in(joel)
    assert people.sign_in(app, "joel").get("/admin/policies/new").status_code == 403
    with reading(house.runtime.engine) as session:
        noted = session.exec(select(AuditEntry).where(AuditEntry.action == "roles changed")).one()
    assert noted.detail == {"name": "joel", "roles": "auditor", "before": "publisher"}


def test_a_disabled_account_is_signed_out_and_stays_out_until_it_is_enabled(
    app: Flask, owner: FlaskClient, house: House
) -> None:
    number = people.account(house, "joel", "editor")
    joel, page = people.sign_in(app, "joel"), f"/admin/users/{number}"
    post(owner, f"{page}/disable", seen=page)
    assert not is_in(joel)
    refused = post(app.test_client(), "/admin/sign-in", name="joel", password=people.PASSWORD)
    assert (refused.status_code, "do not go together" in words(refused.text)) == (401, True)
    post(owner, f"{page}/enable", seen=page)
    assert is_in(people.sign_in(app, "joel"))


def test_a_lost_password_is_replaced_by_a_one_time_one_and_sessions_end(
    app: Flask, owner: FlaskClient, house: House
) -> None:
    number = people.account(house, "joel", "editor")
    joel, page = people.sign_in(app, "joel"), f"/admin/users/{number}"
    password = password_in(post(owner, f"{page}/reset", seen=page))
    assert not is_in(joel)
    assert people.sign_in(app, "joel", password).get("/admin/").location == "/admin/password"


def test_a_lost_telephone_is_helped_by_an_owner(app: Flask, owner: FlaskClient, house: House) -> None:
    number = people.account(house, "joel", "editor")
    set_up(people.sign_in(app, "joel"), house)
    page = f"/admin/users/{number}"
    post(owner, f"{page}/remove-factor", seen=page)
    assert is_in(people.sign_in(app, "joel"))
    assert ("ona", "second factor removed") in log(house)


def test_an_owner_ends_somebodys_sessions(app: Flask, owner: FlaskClient, house: House) -> None:
    number = people.account(house, "joel", "editor")
    joel, page = people.sign_in(app, "joel"), f"/admin/users/{number}"
    assert "127.0.0.1" in words(owner.get(page).text)
    post(owner, f"{page}/end-sessions", seen=page)
    assert not is_in(joel)


def test_the_last_owner_stays_one(owner: FlaskClient, house: House) -> None:
    for deed, fields in (("disable", {}), ("roles", {"roles": "editor"})):
        answer = post(owner, f"/admin/users/1/{deed}", seen="/admin/users/1", **fields)
        assert (answer.status_code, "the last owner" in words(answer.text)) == (409, True)
    people.account(house, "joel", "owner")
    assert post(owner, "/admin/users/1/roles", seen="/admin/users/1", roles="editor").status_code == 302


def test_of_two_owners_who_leave_at_once_one_stays(house: House) -> None:
    one, two = (people.account(house, name, "owner") for name in ("ona", "joel"))
    with writing(house.runtime.engine) as session:
        accounts.disable(session, accounts.by_id(session, one), actor="a test", now=house.now)
        with pytest.raises(LastOwner):
            accounts.disable(session, accounts.by_id(session, two), actor="a test", now=house.now)


@pytest.mark.parametrize("number", ["99", "99999999999"])
def test_an_account_that_is_not_there_is_not_found(owner: FlaskClient, number: str) -> None:
    assert owner.get(f"/admin/users/{number}").status_code == 404


def test_the_first_account_holds_every_role_and_later_ones_those_they_are_given(house: House) -> None:
    with writing(house.runtime.engine) as session:
        accounts.create(session, "first", now=house.now)
        accounts.create(session, "later", held=["auditor"], now=house.now)
        with pytest.raises(FieldMissing):
            accounts.create(session, "third", now=house.now)
        assert accounts.named(session, "first").held == tuple(roles.ROLES)
        assert accounts.who_may(session, "publish") == ["first"]


def test_every_deed_about_an_account_is_in_the_log_by_its_name(
    app: Flask, owner: FlaskClient, house: House
) -> None:
    number = people.account(house, "joel", "editor")
    page = f"/admin/users/{number}"
    for deed in ("disable", "enable", "reset", "end-sessions"):
        post(owner, f"{page}/{deed}", seen=page)
    with reading(house.runtime.engine) as session:
        of_joel = select(AuditEntry).where(AuditEntry.subject == f"account {number}").order_by(col(AuditEntry.id))
        noted = [(one.actor, one.action, one.detail["name"]) for one in session.exec(of_joel)]
    actions = ("account disabled", "account enabled", "password reset", "sessions ended")
    assert noted == [("ona", action, "joel") for action in actions]
