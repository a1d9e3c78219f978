"""Comparisons that nobody asked for lately: few wait at once, and no reader asks for many."""

from __future__ import annotations

import threading
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient

from policy_versions import comparing
from tests.house import FIRST, House
from tests.once import made_once
from tests.web.test_public import words
from web.public import turns


class Text(NamedTuple):
    text: str
    sha256: str


@pytest.fixture
@made_once
def texts(house: House) -> House:
    house.policy()
    for number in range(4):
        house.publish(f"{FIRST}\nA paragraph of this test, {number} of them.\n")
    return house


def test_whoever_asks_for_many_is_told_to_wait_and_what_is_there_is_still_given(
    reader: FlaskClient, texts: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MOST", "2 per minute")
    for pair in ("1..2", "2..3"):
        assert reader.get(f"/privacy/compare/{pair}").status_code == 200
    for path in ("/privacy/compare/3..1", "/privacy/compare/3..1.json"):
        refused = reader.get(path)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 61
        assert "Too many comparisons" in words(refused.text)
        assert "Wait" in words(refused.text)
    for path in (
        "/privacy/compare/1..2",
        "/privacy/compare/1..2?view=side",
        "/privacy/compare/2..3.json",
        "/privacy/3",
    ):
        assert reader.get(path).status_code == 200, "nothing need be compared"
    reader.environ_base["REMOTE_ADDR"] = "203.0.113.250"
    assert reader.get("/privacy/compare/3..1").status_code == 200, "another reader"


def test_where_others_wait_already_one_is_told_to_come_again(
    reader: FlaskClient, texts: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PLACES", threading.BoundedSemaphore(1))
    with turns._PLACES:
        busy = reader.get("/privacy/compare/4..1")
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        assert "Busy just now" in words(busy.text)
    assert reader.get("/privacy/compare/4..1").status_code == 200


def test_a_comparison_that_fails_leaves_its_place(
    app: Flask, texts: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PLACES", threading.BoundedSemaphore(1))
    old, new = (Text(letter, letter * 64) for letter in "ab")
    assert not comparing.is_kept(old, new)
    with app.test_request_context(environ_base={"REMOTE_ADDR": "203.0.113.251"}):
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), turns.taken(old, new):
                raise ZeroDivisionError
