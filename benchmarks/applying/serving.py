"""The API's lookup under gunicorn, beside a bare Flask route that answers with the same bytes."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

import database
from benchmarks.sending import ground
from benchmarks.sending.children import ROOT, Stuck
from notifier import keys

CLIENTS = 4
ASKED_AT = "2023-06-01T12:00:00Z"
BARE = """
from flask import Flask, Response
app = Flask(__name__)
body, kind = {body!r}, {kind!r}
@app.get("/<path:path>")
def answer(path): return Response(body, content_type=kind)
"""


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
    with tempfile.TemporaryDirectory() as folder, _gunicorn("app:app", ROOT, _settings(engine, folder)) as ours:
        body, kind = _answer(ours, paths[0], headers)
        (Path(folder) / "bare.py").write_text(BARE.format(body=body, kind=kind))
        with _gunicorn("bare:app", Path(folder), {}) as bare:
            for number in range(rounds + 1):
                turns = [(found.ours, ours), (found.bare, bare)]
                for into, port in turns[:: -1 if number % 2 else 1]:
                    rate = _rate(port, paths, headers)
                    if number:  # the first round warms both
                        into.append(rate)
    return found


def _path(member_id: int) -> str:
    """Empty for a member of whom the API does not tell."""
    if member_id % ground.ERASED == 5 or member_id % ground.LAPSED == 9:  # strangers to the API
        return ""
    return f"/api/v1/members/user-{member_id}/applicability?policy=privacy&at={ASKED_AT}"


def _settings(engine: Engine, folder: str) -> dict[str, str]:
    return {
        "GAZETTE_HOME": folder,
        "GAZETTE_DATABASE_URL": ground.address(engine),
        "GAZETTE_SECRET_KEY": ground.SECRET,
        "GAZETTE_COMPANY_NAME": ground.COMPANY,
        "GAZETTE_CONTACT_EMAIL": ground.CONTACT,
        "GAZETTE_MAIL": f"folder:{folder}/outbox",
    }


@contextmanager
def _gunicorn(app: str, folder: Path, settings: dict[str, str]) -> Iterator[int]:
    """A server of one process with eight threads, as `gazette serve` starts it; gives its port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", app, "--chdir", str(folder), "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--threads", "8", "--log-level", "warning",
    ]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=folder)
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise Stuck("gunicorn ended")
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise Stuck("gunicorn does not answer")


def _answer(port: int, path: str, headers: dict[str, str]) -> tuple[bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise Stuck(f"the API answers {answer.status}: {body[:500]!r}")
    return body, answer.headers["Content-Type"]


def _rate(port: int, paths: list[str], headers: dict[str, str]) -> float:
    """Requests a second, of several clients that each keep their connection."""
    failed: list[int] = []

    def ask(some: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for path in some:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failed.append(answer.status)
        connection.close()

    clients = [threading.Thread(target=ask, args=(paths[first::CLIENTS],)) for first in range(CLIENTS)]
    began = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if failed:
        raise Stuck(f"{len(failed)} requests were answered {failed[0]}")
    return len(paths) / (time.perf_counter() - began)
