"""People with accounts, for tests: quickly made, quickly signed in, in whatever roles a test needs."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from database import writing
from tests.house import House
from web import passwords, roles
from web.accounts import Account

PASSWORD = "a password of the tests"


_made: dict[bool, Flask] = {}  # by whether it takes two persons


def app_for(house: House) -> Flask:
    """One application for many tests, each with a house of its own: making it anew takes longer than most of them.

    For tests whose settings are otherwise the usual ones, that change nothing of the application and ask for no
    page of readers, which may be kept from one test to the next.
    """
    kind = house.runtime.settings.four_eyes
    if kind not in _made:
        _made[kind] = create_app(runtime=house.runtime)
    made = _made[kind]
    made.extensions["gazette"] = house.runtime
    return made


def account(house: House, name: str, *held: str, password: str = PASSWORD) -> int:
    """An account with a password of its own; in every role where none is named. Returns: its id."""
    with writing(house.runtime.engine) as session:
        made = Account(
            name=name,
            password_hash=passwords.hashed(password),
            roles=roles.written(held or roles.ROLES),
            created_at=house.now,
        )
        session.add(made)
        session.flush()
        return made.id or 0


def sign_in(app: Flask, name: str, password: str = PASSWORD, address: str = "127.0.0.1") -> FlaskClient:
    """A browser in which somebody is signed in, as they would be."""
    from tests.web.test_admin import token

    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    page = client.get("/admin/sign-in").text
    fields = {"name": name, "password": password, "csrf_token": token(page)}
    assert client.post("/admin/sign-in", data=fields).status_code == 302
    return client
