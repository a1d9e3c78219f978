"""What is described is so: requests drawn from the document itself, right and wrong ones, find no exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies as st
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.transport.wsgi import WSGITransport

from notifier import keys
from notifier.runtime import Runtime
from tests.conftest import NOON, make_engine, make_settings
from tests.house import House, KeptLetters, SetClock
from tests.web.api.conftest import make_key
from web.api.document import described

EXAMPLES = 3  # drawn for each route, beside the hundreds that cover its description
LARGE = 100
OF_SOCKETS = ("max_redirects", "verify", "cert", "proxies")
OF_FORM = ("#request-malformed", "#body-unreadable")

# Of the years that are taken; the document says so in words.
instants = st.datetimes(datetime(1901, 1, 1), datetime(8999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
schemathesis.openapi.format("date-time", instants.map(lambda at: at.isoformat(timespec="seconds")))
schemathesis.openapi.format("date", st.dates(date(1901, 1, 1), date(8999, 1, 1)).map(str))
schemathesis.openapi.format("email", st.from_regex(r"[a-z]{1,8}@example\.com", fullmatch=True))


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its probes hand on, to an application in this process, what only a network connection knows."""
    send = WSGITransport.send

    def sent(transport: WSGITransport, case: Any, **given: Any) -> Any:
        return send(transport, case, **{name: given[name] for name in given if name not in OF_SOCKETS})

    monkeypatch.setattr(WSGITransport, "send", sent)


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> House:
    engine = make_engine(sqlite_url)
    return House(Runtime(engine, SetClock(NOON), KeptLetters(), make_settings(sqlite_url, tmp_path), "node 1"))


def without_the_largest(given: Any) -> Any:
    """The document but for its larger limits, which are met in tests of their own: to draw such takes seconds."""
    if isinstance(given, dict):
        return {
            name: without_the_largest(value)
            for name, value in given.items()
            if not (name in ("maxItems", "maxLength") and value > LARGE)
        }
    return [without_the_largest(value) for value in given] if isinstance(given, list) else given


def config(token: str) -> schemathesis.Config:
    # What is of the right form may still be refused for what it means (422): see `refused_for_its_form`.
    accepted = {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]}
    return schemathesis.Config.from_dict(
        {
            "seed": 1,
            "headers": {"Authorization": f"Bearer {token}"},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "checks": {"positive_data_acceptance": accepted},
        }
    )


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_every_answer_is_one_that_is_described(app: Flask, running: House) -> None:
    token = make_key(running, *keys.SCOPES)
    schema = schemathesis.openapi.from_dict(without_the_largest(described()), config=config(token))
    schema.app = app
    tried: Counter[str] = Counter()
    wrong: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError | FatalError):
            wrong.append(repr(event))
        if isinstance(event, ScenarioFinished):
            tried[event.phase.name] += len(event.recorder.cases)
            wrong.extend([*failures(event), *refused_for_its_form(event)])
    assert not wrong, "\n\n".join(wrong)
    assert tried["COVERAGE"] > 500 and tried["FUZZING"] > 50, tried


def failures(event: ScenarioFinished) -> Iterator[str]:
    """What a route answered and should not have, with the request that shows it."""
    for nodes in event.recorder.checks.values():
        for node in nodes:
            if node.failure_info is not None:
                failure = node.failure_info.failure
                yield f"{event.label}: {failure.title}: {failure.message}\n{node.failure_info.code_sample}"


def refused_for_its_form(event: ScenarioFinished) -> Iterator[str]:
    """Requests drawn to be of the documented form, and refused for not being of it."""
    for name, node in event.recorder.cases.items():
        exchange = event.recorder.interactions.get(name)
        answer = exchange.response if exchange else None
        is_right = node.value.meta is not None and node.value.meta.generation.mode.is_positive
        if is_right and answer is not None and answer.status_code in (400, 422):
            said = answer.json()
            if said["type"].endswith(OF_FORM):
                yield f"{event.label}: {said['detail']}\n{node.value.as_curl_command()}"
