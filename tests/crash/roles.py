"""What the harness's processes do: each runs the product's own code, from its own entrance where there is one."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert
from werkzeug.serving import make_server

import cli
from app import build_runtime, create_app
from database import writing
from notifier import addresses, scheduler
from notifier.models import Member
from notifier.runtime import Runtime
from notifier.senders.sendgrid import SendGridSender
from tests import house
from tests.crash import provider as stub
from tests.house import House, KeptLetters, SetClock

CHUNK = 5000
SLUG = "privacy"


def worker(request_size: int) -> None:
    """`gazette worker`, with smaller requests, so that there are more of them."""
    SendGridSender.request_size = request_size
    cli.main(["worker"], standalone_mode=False)


def gazette(*arguments: str) -> None:
    """Any other command."""
    cli.main(list(arguments), standalone_mode=False)


def web(ready: str) -> None:
    """The web application, for the webhook. ready: the file that its address is written to."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request is too much
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    _tell(Path(ready), f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def provider(*arguments: str) -> None:
    """The stub."""
    stub.main(arguments)


def _tell(path: Path, said: str) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.write_text(said)
    unfinished.replace(path)


def prepare(members: int, batch_size: int) -> None:
    """On an empty, migrated database: so many members, and an open notice of a significant revision."""
    built = build_runtime()
    clock = SetClock(datetime.now(UTC) - timedelta(minutes=2))
    home = House(Runtime(built.engine, clock, KeptLetters(request_size=batch_size), built.settings, "the harness"))
    home.policy(SLUG)
    home.publish(house.FIRST)
    _tick(home, "decide")
    clock.instant += timedelta(minutes=1)
    with writing(built.engine) as session:
        for first in range(0, members, CHUNK):
            numbers = range(first, min(first + CHUNK, members))
            session.execute(insert(Member), [_member(number, built.secret, clock.instant) for number in numbers])
    clock.instant = datetime.now(UTC)
    home.publish(house.LONGER, rule="notice", notice_days=30)
    _tick(home, "decide", "open")
    assert home.notice().state == "sending"
    built.engine.dispose()


def _tick(home: House, *names: str) -> None:
    for job in scheduler.JOBS:
        if job.name in names:
            scheduler.tick(home.runtime, job)


def address(number: int) -> str:
    return f"m{number}@example.com"


def _member(number: int, secret: str, now: datetime) -> dict[str, object]:
    return {
        "external_id": f"m{number}",
        "email": address(number),
        "email_key": addresses.key(address(number), secret),
        "locale": "en",
        "joined_at": now,
        "recorded_at": now,
    }
