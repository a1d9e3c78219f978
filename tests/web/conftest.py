"""The application on a whole house, and a client that is a reader."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from tests.house import House


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Pages are tested on SQLite; the services beneath them, and the whole story, on both."""
    return sqlite_url


@pytest.fixture
def app(house: House) -> Flask:
    return create_app(runtime=house.runtime)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
