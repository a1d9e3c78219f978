"""The application on a whole house, and a client that is a reader."""

from collections.abc import Callable
from itertools import count

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from app import create_app
from tests.house import House


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Pages are tested on SQLite; the services beneath them, and the whole story, on both."""
    return sqlite_url


_builders: dict[tuple[str, str, bool], Callable[..., tuple[str, str]]] = {}


class RememberedRule(Rule):
    """Compiled for the first application that has it: there are 250, and many tests have one of their own."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (self.rule, repr(self.defaults), append_unknown)
        if key not in _builders:
            _builders[key] = super()._compile_builder(append_unknown)
        return _builders[key]


class Compiled(BytecodeCache):
    """Templates as Jinja compiled them for the first test that rendered them."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def remembered_rules() -> None:
    Flask.url_rule_class = RememberedRule


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    return Compiled()


@pytest.fixture
def app(house: House, compiled: Compiled) -> Flask:
    made = create_app(runtime=house.runtime)
    made.jinja_env.bytecode_cache = compiled
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def reader(client: FlaskClient) -> FlaskClient:
    """One whom no throttle has met in another test: at an address of their own."""
    number = next(_readers)
    client.environ_base["REMOTE_ADDR"] = f"198.51.{number // 250}.{number % 250 + 1}"
    return client


_readers = count(1)
