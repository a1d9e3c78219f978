"""Logs: text or JSON, about a notice, a batch, an attempt by id; and never an address, whatever goes wrong."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

import database
from notifier import logs, outbox
from notifier.logs import about, without_addresses
from notifier.models import Attempt
from notifier.senders.protocol import Accepted, Message, Recipient
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House

log = logging.getLogger("notifier.tests")


class Written:
    """What is written to standard error."""

    def __init__(self) -> None:
        self.file = io.StringIO()

    @property
    def text(self) -> str:
        return self.file.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """Puts the logging of the process back as it was."""
    stderr = Written()
    monkeypatch.setattr("sys.stderr", stderr.file)
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    named = {name: logging.getLogger(name).level for name in (*logs._TEDIOUS, *logs._TALKATIVE)}
    yield stderr
    root.handlers[:], root.level = handlers, level
    for name, before in named.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def as_json(written: Written, tmp_path: Path) -> Written:
    logs.configure(make_settings("sqlite://", tmp_path, log="json"))
    return written


@pytest.fixture
def as_text(written: Written, tmp_path: Path) -> Written:
    logs.configure(make_settings("sqlite://", tmp_path))
    return written


def test_a_line_of_json_says_what_it_is_about(as_json: Written) -> None:
    log.warning("%s letters wait", 7, extra=about(notice=3, batch=41))
    (line,) = as_json.lines
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "warning", "logger": "notifier.tests", "message": "7 letters wait", "notice": 3, "batch": 41,
    }  # fmt: skip


def test_a_line_of_text_says_the_same(as_text: Written) -> None:
    log.warning("%s letters wait", 7, extra=about(notice=3, attempt=5))
    assert as_text.text.split(" ", 1)[1] == "WARNING notifier.tests: 7 letters wait [notice 3, attempt 5]\n"
    log.info("nothing else")
    assert as_text.text.endswith("INFO notifier.tests: nothing else\n")


def test_an_error_is_one_line_of_json_with_its_type_and_its_traceback(as_json: Written) -> None:
    try:
        raise ValueError("no letter for ada@example.com today")
    except ValueError:
        log.exception("it broke for %s", "ada@example.com", extra=about(batch=1))
    (line,) = as_json.lines
    assert line["exception"] == "ValueError"
    assert line["message"] == "it broke for [address]"
    assert "ValueError: no letter for [address] today" in line["traceback"]
    assert "test_logs.py" in line["traceback"]
    assert "ada" not in as_json.text


def test_a_chain_of_errors_names_nobody_either(as_text: Written) -> None:
    try:
        try:
            raise KeyError('{"to":[{"email":"ada@example.com"}]}')
        except KeyError as first:
            raise RuntimeError("<ada@example.com>: refused") from first
    except RuntimeError:
        log.exception("twice")
    assert "ada" not in as_text.text
    assert "RuntimeError: [address] refused" in as_text.text
    assert "KeyError" in as_text.text


@pytest.mark.parametrize(
    "given",
    [
        "ada@example.com", "Ada <ada@example.com>,", "mailto:ada@example.com?subject=x", "'ada@example.com'",
        '"ada the first"@example.com', "to=ada%40example.com&x", "b+ada@example.com;", "(ada@[192.0.2.1])",
        "ada＠example.com",
    ],
)  # fmt: skip
def test_addresses_are_taken_out_however_they_are_written(given: str) -> None:
    said = without_addresses(f"before {given} after")
    assert "ada@" not in said
    assert "example" not in said
    assert "[address]" in said
    assert said.startswith("before ")
    assert said.endswith(" after")


@given(st.text(max_size=200))
def test_no_at_sign_is_left_and_what_holds_none_stays(text: str) -> None:
    assert "@" not in without_addresses(text)
    plain = text.replace("@", "").replace("＠", "").replace("%40", "")
    if "%40" not in plain:
        assert without_addresses(plain) == plain


def test_a_long_word_takes_no_longer_than_its_length() -> None:
    assert without_addresses("a" * 100_000) == "a" * 100_000


def test_words_and_arguments_that_do_not_fit_are_written_without_addresses(as_json: Written) -> None:
    log.warning("%s and %s of ada@example.com", *["one"])
    (line,) = as_json.lines
    assert line["message"] == "%s and %s of [address]"


def test_only_ids_are_taken_from_what_a_record_is_about(as_json: Written) -> None:
    log.warning("odd", extra={"notice": "ada@example.com", "batch": 2, "member": "ada@example.com"})
    (line,) = as_json.lines
    assert line["batch"] == 2
    assert "ada" not in as_json.text
    assert about() == {}


def test_it_may_be_set_up_twice(as_json: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", as_json.file)
    logs.configure(make_settings("sqlite://", tmp_path, log="json"))
    log.warning("once")
    assert len(as_json.lines) == 1


def test_statements_and_authorization_headers_are_never_written(as_json: Written) -> None:
    for name in logs._TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG)  # as somebody in search of a fault may do
        logging.getLogger(name).info("Bearer SG.secret")
        logging.getLogger(name).debug("SELECT 1")
    assert as_json.text == ""


class Breaking:
    """A sender that fails in a way nobody foresaw, with the recipients' addresses in the error's words."""

    name, request_size, window, widest, repeatable, reports = "breaking", 1000, 1, 1, False, True

    def send(self, message: Message, recipients: list[Recipient], *, attempt_id: int) -> Accepted:
        raise RuntimeError(f"cannot encode {[each.address for each in recipients]} of {message.sender}")

    def look_up(self, attempt_id: int) -> bool | None:
        return None

    def forget(self, delivery_ids: object) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_failing_send_leaves_no_address_in_any_log(
    house: House, as_json: Written, caplog: pytest.LogCaptureFixture
) -> None:
    house.policy()
    house.publish(FIRST)
    house.member("ada")
    house.member("bob")
    house.tick()
    house.publish(LONGER)
    object.__setattr__(house.runtime, "sender", Breaking())
    house.tick()
    outbox.deliver(house.runtime)
    with database.reading(house.runtime.engine) as session:
        attempts = _attempts(session)
    assert [attempt.state for attempt in attempts] == ["unknown"]
    (line,) = [line for line in as_json.lines if line["level"] == "error"]
    assert line["attempt"] == attempts[0].id
    assert line["exception"] == "RuntimeError"
    for kept in (as_json.text, attempts[0].said):
        assert "@" not in kept
        assert "ada" not in kept


def _attempts(session: Session) -> list[Attempt]:
    return list(session.exec(select(Attempt)))


@pytest.mark.parametrize(
    "line",
    [
        '"GET /m/3b9aca00-0123456789abcdef01234567 HTTP/1.1" 200',
        '"POST /m/g7-0123456789abcdef01234567/accept?x=1 HTTP/1.1" 303',
        "https://policies.example.com/me/WzEsMTc5.SjaKvqNReX4",
        "/unsubscribe/NDE.0123456789abcdef",
    ],
)
def test_a_token_in_an_address_is_never_written(as_json: Written, line: str) -> None:
    log.warning("%s", line)
    assert "[token]" in as_json.lines[-1]["message"]
    for secret in ("0123456789abcdef", "SjaKvqNReX4"):
        assert secret not in as_json.text


def test_what_a_policy_s_own_pages_are_called_is_written(as_json: Written) -> None:
    log.warning("/terms/compare/1..2 and /static/gazette.css")
    assert as_json.lines[-1]["message"] == "/terms/compare/1..2 and /static/gazette.css"


@pytest.mark.parametrize(
    "line",
    [
        *("GET /api/v1/members/zsolnay HTTP/1.1", "PUT /api/v1/members/zsolnay/acknowledgements"),
        "/admin/notices/1/dry-run?a=1&member=zsolnay",
        *('"GET /admin/notices/1/dry-run?member=zsolnay"', "/admin/policies/privacy/unreached?after=zsolnay&x=y"),
        "/api/v1/members/shop%2Fzsolnay/applicability?policy=privacy",
    ],
)
def test_a_host_s_key_in_an_address_is_never_written(as_json: Written, line: str) -> None:
    log.warning("%s", line)
    assert "[key]" in as_json.lines[-1]["message"] and "zsolnay" not in as_json.text


def test_addresses_of_no_member_are_written(as_json: Written) -> None:
    log.warning("POST /api/v1/members:batch and /api/v1/movements?since=3 and /admin/members/7")
    assert as_json.lines[-1]["message"] == (
        "POST /api/v1/members:batch and /api/v1/movements?since=3 and /admin/members/7"
    )
