"""What gunicorn logs of a request: the page, and never the token in its address."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from gunicorn.config import Config

from web.access_log import AccessLog

TOKEN = "3b9aca00-0123456789abcdef01234567"


@pytest.fixture
def gunicorn(tmp_path: Path) -> AccessLog:
    config = Config()
    config.set("accesslog", str(tmp_path / "access.log"))
    config.set("errorlog", str(tmp_path / "error.log"))
    return AccessLog(config)


def test_no_token_and_no_address_is_written_to_either_log(gunicorn: AccessLog, tmp_path: Path) -> None:
    gunicorn.access_log.info("%(r)s %(s)s", {"r": f"GET /m/{TOKEN} HTTP/1.1", "s": "200"})
    gunicorn.error("Error handling request /m/%s by %s", TOKEN, "ada@example.com")
    for log in (gunicorn.access_log, gunicorn.error_log):
        for handler in log.handlers:
            handler.close()
        log.handlers.clear()
        log.filters.clear()
    access, error = ((tmp_path / f"{name}.log").read_text() for name in ("access", "error"))
    assert access == "GET /m/[token] HTTP/1.1 200\n"
    assert "/m/[token]" in error
    assert "ada@" not in error
    assert logging.getLogger("gunicorn.access").handlers == []
