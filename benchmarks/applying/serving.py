"""The API's lookup under gunicorn, beside a bare Flask route that answers with the same bytes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

import database
from benchmarks import servers
from benchmarks.sending import ground
from notifier import keys

ASKED_AT = "2023-06-01T12:00:00Z"


@dataclass
class Served:
    """Requests a second, of each round."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def run(engine: Engine, members: int, rounds: int, requests: int) -> Served:
    """Both servers run, and are asked in turns. Raises: Stuck."""
    with database.writing(engine) as session:
        token = keys.create(session, "benchmark", ["read"], actor="benchmark", now=datetime.now(UTC))
    headers, found = {"Authorization": f"Bearer {token}"}, Served()
    paths = [_path(1 + number * 7919 % members) for number in range(requests)]
    paths = [path for path in paths if path]
    with tempfile.TemporaryDirectory() as folder, servers.ours(engine, folder) as ours:
        answer = servers.ask(ours, paths[0], headers)
        with servers.bare(Path(folder) / "bare", answer) as bare:
            for number in range(rounds + 1):
                turns = [(found.ours, ours), (found.bare, bare)]
                for into, port in turns[:: -1 if number % 2 else 1]:
                    rate = servers.rate(port, paths, headers)
                    if number:  # the first round warms both
                        into.append(rate)
    return found


def _path(member_id: int) -> str:
    """Empty for a member of whom the API does not tell."""
    if member_id % ground.ERASED == 5 or member_id % ground.LAPSED == 9:  # strangers to the API
        return ""
    return f"/api/v1/members/user-{member_id}/applicability?policy=privacy&at={ASKED_AT}"
