"""Structured logs: text or a JSON object a line, with the notice, the batch and the attempt by id.

No address ever gets into a log. Whoever writes one sees to that; what is here is the last wall: whatever a
message, its arguments or an error's own words hold, each word with an “@” in it is taken out before it is written.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from settings import Settings

IDS = ("notice", "batch", "attempt")
# a word with an @, as it is or as links encode it; before it perhaps a quoted name
_ADDRESS = re.compile(r'(?:"[^"\n]{0,64}")?[^\s"]{0,320}(?:@|%40|＠)[^\s"]{0,320}')
# in the address of a page of somebody's own: whoever has it can answer for them
_TOKEN = re.compile(r"(/(?:m|me|subscribe|unsubscribe)/)[^\s/?#\"']+")
# a host's key for a member, which may be a name: in addresses of the API, and in what a page is asked with
_KEY = re.compile(r"(/api/v1/members/|[?&](?:member|after)=)[^\s/?&#\"']+")
_TEXT = logging.Formatter()
_TEDIOUS = ("apscheduler", "alembic")
# Statements, which hold what they were given; and the Authorization header (see senders/sendgrid).
_TALKATIVE = ("sqlalchemy.engine", "sqlalchemy.pool", "python_http_client.client")


def about(*, notice: int | None = None, batch: int | None = None, attempt: int | None = None) -> dict[str, int]:
    """What a record is about, for `extra`: opaque ids only."""
    given = {"notice": notice, "batch": batch, "attempt": attempt}
    return {name: value for name, value in given.items() if value is not None}


def configure(settings: Settings) -> None:
    """Write logs to standard error in the form that the settings name. May be called again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson() if settings.log == "json" else AsText())
    handler.addFilter(WithoutAddresses())
    handler.set_name("gazette")
    root = logging.getLogger()
    for earlier in [one for one in root.handlers if one.get_name() == "gazette"]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in _TEDIOUS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        if _is_worth_saying not in logger.filters:
            logger.addFilter(_is_worth_saying)  # since a level can be set again by anybody


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO


def without_addresses(text: str) -> str:
    """Take each word out that holds an address. Lines stay, so that a traceback can still be read."""
    return _ADDRESS.sub("[address]", text)


def without_tokens(text: str) -> str:
    """Take the token out of each address of a page that is somebody's own."""
    return _TOKEN.sub(r"\1[token]", text)


class WithoutAddresses(logging.Filter):
    """Takes addresses, tokens and members' keys out of a record itself, so that no later handler sees any."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # its words and arguments do not fit together
            message = str(record.msg)
        record.msg, record.args = _clean(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _TEXT.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = _clean(record.exc_text)
        if record.stack_info:
            record.stack_info = _clean(record.stack_info)
        return True


def _clean(text: str) -> str:
    return _KEY.sub(r"\1[key]", without_tokens(without_addresses(text)))


class AsText(logging.Formatter):
    """As "2026-06-01T12:00:00.000Z WARNING notifier.settling: a lease ran out [notice 3, batch 41]"."""

    def format(self, record: logging.LogRecord) -> str:
        ids = ", ".join(f"{name} {number}" for name, number in _ids(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}"
        traceback = f"\n{record.exc_text}" if record.exc_text else ""
        return f"{line} [{ids}]{traceback}" if ids else f"{line}{traceback}"


class AsJson(logging.Formatter):
    """One JSON object a line: time, level, logger, message; the ids; of an error its type and its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(record),
        }
        if record.exc_info and record.exc_info[0]:
            said["exception"] = record.exc_info[0].__name__
        if record.exc_text:
            said["traceback"] = record.exc_text
        return json.dumps(said, ensure_ascii=False)


def _ids(record: logging.LogRecord) -> Mapping[str, int]:
    found = {name: getattr(record, name, None) for name in IDS}
    return {name: number for name, number in found.items() if isinstance(number, int)}


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
