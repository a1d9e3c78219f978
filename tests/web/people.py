"""People with accounts, for tests: quickly made, quickly signed in, in whatever roles a test needs."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from database import writing
from tests.house import House
from web import passwords, roles
from web.accounts import Account

PASSWORD = "a password of the tests"


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
