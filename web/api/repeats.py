"""Requests that may come twice: done once under their Idempotency-Key, and answered as the first time.

What is kept is an answer that names nobody: ids, numbers, states. So nothing personal outlives an erasure in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Response, request
from pydantic import BaseModel
from sqlmodel import Session

from database import writing
from notifier import idempotency
from notifier.idempotency import Request
from web.api import bodies
from web.api.access import key
from web.api.described import answer
from web.api.shapes.common import Once
from web.context import runtime, session

T = TypeVar("T")
Done = tuple[BaseModel | None, int]


def once(given: Once, work: Callable[[Session], Done]) -> Response:
    """Do it in one transaction with the claim of its key, and answer; or answer as before.

    work: reads the clock itself, after what it locks. Raises: what it raises, RepeatDiffers, RepeatUnderWay.
    """
    with writing(runtime().engine) as own:
        claimed = None
        if given.key is not None:
            claimed = idempotency.claim(own, _request(given.key), now=runtime().clock.now(own))
            if claimed.status is not None:
                return _again(claimed.status, claimed.answer)
        done = work(own)
        if claimed is not None:
            idempotency.answered(own, claimed, done[1], _said(done[0]))
    return _answer(done)


def once_apart(given: Once, work: Callable[[], Done]) -> Response:
    """The same for what has transactions of its own: the claim comes first, and is taken back on a refusal."""
    if given.key is None:
        return _answer(work())
    asked = _request(given.key)
    with writing(runtime().engine) as own:
        claimed = idempotency.claim(own, asked, now=runtime().clock.now(own))
        if claimed.status is not None:
            return _again(claimed.status, claimed.answer)
    try:
        done = work()
    except Exception:
        with writing(runtime().engine) as own:
            idempotency.take_back(own, claimed)
        raise
    with writing(runtime().engine) as own:
        idempotency.answered(own, claimed, done[1], _said(done[0]))
    return _answer(done)


def _request(name: str) -> Request:
    parts = request.method.encode(), request.full_path.encode(), bodies.read()
    return Request.of(key().id, name, *parts, secret=runtime().secret)


def _said(said: BaseModel | None) -> str:
    return said.model_dump_json() if said is not None else ""


def _answer(done: Done) -> Response:
    session().rollback()  # on SQLite it would still read what was there when the request began
    return answer(done)


def _again(status: int, said: str) -> Response:
    made = Response(said, status=status, mimetype="application/json")
    made.headers["Idempotency-Replayed"] = "true"
    return made
