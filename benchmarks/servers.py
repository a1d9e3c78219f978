"""Servers of a measurement, asked over kept connections: ours as `gazette serve` starts it, and a bare route."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from benchmarks.sending import ground
from benchmarks.sending.children import ROOT, Stuck

CLIENTS = 4
BARE = """
from flask import Flask, Response
app = Flask(__name__)
body, kind = {body!r}, {kind!r}
@app.get("/<path:path>")
def answer(path): return Response(body, content_type=kind)
"""


class Answer(NamedTuple):
    body: bytes
    headers: Mapping[str, str]


def settings(engine: Engine, folder: str) -> dict[str, str]:
    """What our server is told by its environment."""
    return {
        "GAZETTE_HOME": folder,
        "GAZETTE_DATABASE_URL": ground.address(engine),
        "GAZETTE_SECRET_KEY": ground.SECRET,
        "GAZETTE_COMPANY_NAME": ground.COMPANY,
        "GAZETTE_CONTACT_EMAIL": ground.CONTACT,
        "GAZETTE_MAIL": f"folder:{folder}/outbox",
    }


@contextmanager
def ours(engine: Engine, folder: str) -> Iterator[int]:
    """Our application; gives its port. Raises: Stuck."""
    with gunicorn("app:app", ROOT, settings(engine, folder)) as port:
        yield port


@contextmanager
def bare(folder: Path, answer: Answer) -> Iterator[int]:
    """A route that says the same bytes to whatever it is asked; gives its port. Raises: Stuck."""
    folder.mkdir(exist_ok=True)
    (folder / "bare.py").write_text(BARE.format(body=answer.body, kind=answer.headers["Content-Type"]))
    with gunicorn("bare:app", folder, {}) as port:
        yield port


@contextmanager
def gunicorn(app: str, folder: Path, told: Mapping[str, str]) -> Iterator[int]:
    """A server of one process with eight threads, as `gazette serve` starts it; gives its port. Raises: Stuck."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", app, "--chdir", str(folder), "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--threads", "8", "--log-level", "warning",
    ]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, **told}, cwd=folder)
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


def ask(port: int, path: str, headers: Mapping[str, str]) -> Answer:
    """One answer. Raises: Stuck when it is none of 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise Stuck(f"{path} is answered {answer.status}: {body[:500]!r}")
    return Answer(body, dict(answer.headers))


def rate(port: int, paths: Sequence[str], headers: Mapping[str, str]) -> float:
    """Requests a second, of several clients that each keep their connection. Raises: Stuck."""
    failed: list[int] = []

    def ask_all(some: Sequence[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for path in some:
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failed.append(answer.status)
        connection.close()

    clients = [threading.Thread(target=ask_all, args=(paths[first::CLIENTS],)) for first in range(CLIENTS)]
    began = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if failed:
        raise Stuck(f"{len(failed)} requests were answered {failed[0]}")
    return len(paths) / (time.perf_counter() - began)
