"""What many tests start from is made once: a fixture's house as it then stood, put back for every other test."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from functools import wraps
from typing import Any, NamedTuple, ParamSpec

from sqlalchemy import Engine, inspect, text

from tests.house import House, KeptLetters
from tests.postgresql import as_it_stands

Given = ParamSpec("Given")
OF_ONE_TEST = {"database_url", "mail", "erasure_journal"}  # settings that name a place of its own


class Stand(NamedTuple):
    """How a house stood. rows: how many each table had, which tells whether anybody wrote since."""

    name: str
    rows: tuple[int, ...]
    content: Any  # a SQLite database in memory, or the statements by which PostgreSQL has these rows again
    instant: datetime
    letters: dict[str, Any]


NAMES: set[str] = set()  # of such fixtures: a test asks for them before it asks for others
_stands: dict[tuple[object, ...], Stand] = {}
_empty: dict[str, tuple[int, ...]] = {}  # rows of a new database, by kind
_counting: dict[str, str] = {}


def know_empty(engine: Engine) -> None:
    """Have it known how many rows a new database has. engine: on one that nothing was written to."""
    _empty[engine.dialect.name] = _rows(engine)


def made_once(make: Callable[Given, House]) -> Callable[Given, House]:
    """For a fixture that makes a house stand by what it writes, and nothing else: put back after the first time.

    It is made anew where something was written before it, save by fixtures that are made once themselves.
    """
    name = f"{make.__module__}.{make.__qualname__}"
    NAMES.add(make.__qualname__)

    @wraps(make)
    def made(*args: Given.args, **given: Given.kwargs) -> House:
        house = next(one for one in given.values() if isinstance(one, House))
        before = _before(house)
        if before is None:
            return make(*args, **given)
        key = (name, *before)
        if key in _stands:
            _put_back(house, _stands[key])
        else:
            assert make(*args, **given) is house
            _stands[key] = _taken(house, repr(key))
        house.stand = _stands[key]
        return house

    return made


def _before(house: House) -> tuple[object, ...] | None:
    """What a house is of, and as what it stands before a fixture; None where something else was written."""
    engine, letters = house.runtime.engine, house.runtime.sender
    stand: Stand | None = house.stand
    kind, rows = engine.dialect.name, stand.rows if stand else _empty[engine.dialect.name]
    if not isinstance(letters, KeptLetters) or letters.taken[len(stand.letters["taken"]) if stand else 0 :]:
        return None
    if rows != _rows(engine):
        return None
    settings = house.runtime.settings.model_dump_json(exclude=OF_ONE_TEST)
    given = {
        one.name: getattr(letters, one.name) for one in fields(letters) if one.name not in ("taken", "requests")
    }
    return kind, stand.name if stand else "", house.now, settings, repr(given)


def _rows(engine: Engine) -> tuple[int, ...]:
    kind = engine.dialect.name
    if kind not in _counting:
        tables = sorted(inspect(engine).get_table_names())
        _counting[kind] = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    with engine.connect() as connection:
        return tuple(connection.execute(text(_counting[kind])).one())


def _taken(house: House, name: str) -> Stand:
    letters = house.runtime.sender
    state = {one.name: copy.copy(getattr(letters, one.name)) for one in fields(letters)}  # type: ignore[arg-type]
    rows, raw = _rows(house.runtime.engine), house.runtime.engine.raw_connection()
    try:
        return Stand(name, rows, _content(raw.driver_connection), house.now, state)
    finally:
        raw.close()


def _content(driven: Any) -> Any:
    if not isinstance(driven, sqlite3.Connection):
        return as_it_stands(driven)
    memory = sqlite3.connect(":memory:")
    driven.backup(memory)
    return memory


def _put_back(house: House, stand: Stand) -> None:
    raw = house.runtime.engine.raw_connection()
    try:
        driven: Any = raw.driver_connection
        if isinstance(driven, sqlite3.Connection):
            stand.content.backup(driven)
        else:
            driven.execute(stand.content)
            driven.commit()
    finally:
        raw.close()
    house.runtime.clock.instant = stand.instant  # type: ignore[attr-defined]
    for name, value in stand.letters.items():
        setattr(house.runtime.sender, name, copy.copy(value))
