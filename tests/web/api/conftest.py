"""A program with a key, as a host application is one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from database import writing
from notifier import deciding, keys
from tests.house import FIRST, House
from tests.once import made_once


@dataclass(slots=True)
class Program:
    """A client that sends its key with every request, and JSON."""

    client: FlaskClient
    token: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """body: JSON, or bytes as they are."""
        sent = {"Authorization": f"Bearer {self.token}"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return self.client.open(f"/api/v1{path}", method=method, data=data, headers=sent)

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return self._said(self.send("GET", path, **headers), status)

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        return self._said(self.send("POST", path, body, **headers), status)

    def put(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._said(self.send("PUT", path, body), status)

    def _said(self, answer: TestResponse, status: int) -> Any:
        assert answer.status_code == status, (answer.status_code, answer.text[:600])
        if status >= 400:
            assert answer.mimetype == "application/problem+json"
            assert answer.get_json()["status"] == status
        return answer.get_json() if answer.data else None


def make_key(house: House, *scopes: str, name: str = "host") -> str:
    with writing(house.runtime.engine) as session:
        return keys.create(session, name, scopes, actor="a test", now=house.now)


@pytest.fixture
def program(client: FlaskClient, running: House) -> Program:
    """One that may do everything, of a service with a text in force and a member."""
    return Program(client, make_key(running, *keys.SCOPES))


@pytest.fixture
@made_once
def running(house: House) -> House:
    """A text in force since yesterday's noon, decided, and a member who joined an hour ago."""
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    deciding.decide_due(house.runtime)
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("ada")
    return house


@pytest.fixture
def bare(app: Flask) -> FlaskClient:
    """A stranger."""
    return app.test_client()
