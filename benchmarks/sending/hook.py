"""Reports of a thousand events: posted to our endpoint under its server, beside folding the like in-process."""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sendgrid.helpers.eventwebhook import EventWebhookHeader
from sqlalchemy import Engine
from sqlalchemy import select as sa_select
from sqlmodel import col

from benchmarks.sending import ground
from benchmarks.sending.children import ROOT, Stuck, child
from database import reading, writing
from notifier import outbox, scheduler
from notifier.events import bodies, folding
from notifier.events import reading as reports
from notifier.models import Attempt, Delivery, Member
from notifier.runtime import Runtime
from notifier.senders.protocol import Accepted, Message, Recipient

EVENTS = 1000  # in a body
BODIES = 20  # in a run
KINDS = 3  # of runs in a round
STARTING = 30.0  # seconds
PATH = "/hooks/sendgrid"
Signed = tuple[bytes, dict[str, str]]


@dataclass
class Hooked:
    """Events a second of each run."""

    events: int  # in a run
    taken: list[float] = field(default_factory=list)  # posted and answered
    through: list[float] = field(default_factory=list)  # posted until folded, by a worker beside the server
    bare: list[float] = field(default_factory=list)


class _Run(NamedTuple):
    """Where a round's runs find what they need."""

    url: str
    to: str
    key: str
    bodies: int
    events: int

    def rate(self, seconds: float) -> float:
        return self.bodies * self.events / seconds


def run(engine: Engine, *, rounds: int, bodies: int = BODIES, events: int = EVENTS) -> Hooked:
    """Measure on a database with members enough: an event for each letter, and each letter once. Raises: Stuck."""
    key = ec.generate_private_key(ec.SECP256R1())
    rows = _sent(engine)
    assert len(rows) >= rounds * KINDS * bodies * events, "there are too few letters"
    url = ground.address(engine)
    found = Hooked(bodies * events)
    with tempfile.TemporaryDirectory(prefix="gazette-bench-") as name, _server(url, Path(name), key) as to:
        terms = _Run(url, to, _pem(key), bodies, events)
        for number in range(rounds):
            folders = [_written(Path(name) / f"{number}-{kind}", rows, bodies, events) for kind in range(KINDS)]
            _round(terms, folders, found)
    return found


def _round(terms: _Run, folders: Sequence[str], found: Hooked) -> None:
    bare, taken, through = folders
    patience = 60 + terms.bodies * terms.events / 500
    with child("fold_bare", url=terms.url, folder=bare) as folder:
        found.bare.append(terms.rate(folder.take(patience)["seconds"]))
    with child("post_events", to=terms.to, folder=taken, key=terms.key) as poster:
        found.taken.append(terms.rate(poster.take(patience)["seconds"]))
    with child("fold_stored", url=terms.url, bodies=terms.bodies) as folder:
        folder.take(patience)
    with (
        child("post_events", to=terms.to, folder=through, key=terms.key) as poster,
        child("fold_stored", url=terms.url, bodies=terms.bodies) as folder,
    ):
        folder.go()
        began = time.perf_counter()
        poster.take(patience)
        folder.heard(patience)
        found.through.append(terms.rate(time.perf_counter() - began))


# -- what is told -------------------------------------------------------------------------------

_Row = tuple[int, int, str]  # delivery, attempt, address


class _Taking:
    """A provider that takes everything at once."""

    name = "sendgrid"
    request_size = 1000
    window = 1
    widest = 1
    repeatable = False
    reports = True

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:  # noqa: ARG002
        return Accepted(f"stub-{attempt_id}")

    def look_up(self, attempt_id: int) -> None:
        """It keeps no log."""

    def forget(self, delivery_ids: object) -> None:
        """It keeps nothing."""

    def close(self) -> None:
        """It holds nothing open."""


def _sent(engine: Engine) -> list[_Row]:
    """Send a notice, and return its letters in an order in which events may come."""
    works = ground.runtime(engine, _Taking(), sending_threads=1)
    ground.publish(engine, works)
    scheduler.open_due(works)
    outbox.deliver(works)
    within = col(Delivery.position) >= Attempt.first, col(Delivery.position) < Attempt.last
    with reading(engine) as session:
        rows = session.execute(
            sa_select(col(Delivery.id), col(Attempt.id), col(Member.email))
            .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
            .join(Member, col(Member.id) == Delivery.member_id)
            .where(*within)
            .order_by(col(Attempt.id), col(Delivery.id))
        )
        return [(row[0], row[1], row[2] or "") for row in rows]


def _written(folder: Path, rows: list[_Row], bodies: int, events: int) -> str:
    """Write bodies about the next letters, which are taken off the rows. Returns: the folder."""
    folder.mkdir()
    for number in range(bodies):
        some = [rows.pop() for _ in range(events)]
        (folder / f"{number:05}.json").write_text(json.dumps([_event(each) for each in some]))
    return str(folder)


def _event(row: _Row) -> dict[str, Any]:
    delivery, attempt, address = row
    kind = {3: "bounce", 7: "deferred"}.get(delivery % 100, "delivered")
    return {
        "email": address,
        "timestamp": int(time.time()),
        "smtp-id": f"<{random.randbytes(12).hex()}@geopod-ismtpd-1>",
        "event": kind,
        "sg_event_id": base64.urlsafe_b64encode(random.randbytes(24)).decode(),
        "sg_message_id": f"{base64.urlsafe_b64encode(random.randbytes(16)).decode()}.recvd-1-2-3",
        "response": "250 2.0.0 OK 1700000000 a1b2c3 - gsmtp",
        "tls": 1,
        "ip": "192.0.2.7",
        "delivery": str(delivery),
        "attempt": str(attempt),
    }


# -- both ends ----------------------------------------------------------------------------------


@contextmanager
def _server(url: str, folder: Path, key: ec.EllipticCurvePrivateKey) -> Iterator[str]:
    """Our application as `gazette serve` runs it. Raises: Stuck."""
    port = _free_port()
    errors = (folder / "server.log").open("w+")
    command = [sys.executable, "-c", "import cli; cli.main()", "serve", "--bind", f"127.0.0.1:{port}"]
    with errors, subprocess.Popen(command, cwd=ROOT, env=_environment(url, folder, key), stderr=errors) as process:
        try:
            _answers(process, port, folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STARTING)
            process.kill()


def _environment(url: str, folder: Path, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    own = {
        "HOME": folder,
        "DATABASE_URL": url,
        "SECRET_KEY": ground.SECRET,
        "COMPANY_NAME": ground.COMPANY,
        "CONTACT_EMAIL": ground.CONTACT,
        "MAIL": f"folder:{folder / 'outbox'}",
        "SENDGRID_WEBHOOK_KEY": base64.b64encode(public).decode(),
        "SCHEDULER": "off",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("GAZETTE_")}
    return others | {f"GAZETTE_{name}": str(value) for name, value in own.items()}


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < until:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTING)
        with suppress(OSError), closing(line):
            line.request("GET", PATH)  # any answer will do: the application has been loaded
            line.getresponse().read()
            return
        time.sleep(0.05)
    raise Stuck(f"the server did not start:\n{log.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def signed(body: bytes, pem: str) -> Signed:
    """A body and its headers."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    stamp = str(int(time.time()))
    signature = key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    return body, {
        EventWebhookHeader.SIGNATURE: base64.b64encode(signature).decode(),
        EventWebhookHeader.TIMESTAMP: stamp,
        "Content-Type": "application/json",
    }


def post(to: str, posts: Sequence[Signed]) -> None:
    """Post one after another over one connection. Raises: Stuck."""
    line = http.client.HTTPConnection(urlsplit(to).netloc, timeout=60)
    for body, headers in posts:
        line.request("POST", PATH, body, headers)
        answer = line.getresponse()
        said = answer.read()
        if answer.status // 100 != 2:
            raise Stuck(f"a post was answered {answer.status}: {said[:200]!r}")
    line.close()


def fold(works: Runtime, body: bytes) -> None:
    """Fold a body without having stored it."""
    with writing(works.engine) as session:
        found = reports.read(body, received_at=datetime.now(UTC))
        folding.fold(session, found.events, secret=works.secret, now=works.clock.now(session))


def fold_until(works: Runtime, wanted: int) -> None:
    """Fold what is stored as it comes, until so many bodies are folded."""
    folded = 0
    while folded < wanted:
        done = bodies.fold_due(works)
        folded += done
        if not done:
            time.sleep(0.01)
