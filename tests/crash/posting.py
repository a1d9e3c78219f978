"""The events that the stub provider posts back, signed as SendGrid signs them."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.crash.journal import Journal, Letter, Request
from tests.crash.plan import Plan

AGAIN = 0.3  # seconds between tries; the real one tries for 24 hours
AT_ONCE = 2  # posts under way
Event = dict[str, Any]


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """As SendGrid's settings page gives it: base64 of the DER."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed(key: ec.EllipticCurvePrivateKey, body: bytes, at: str) -> dict[str, str]:
    """The headers of a post. at: Unix time, as it is signed."""
    signature = key.sign(at.encode() + body, ec.ECDSA(SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": at,
    }


def posts(request: Request, plan: Plan, source: Random, at: float) -> list[list[Event]]:
    """The posts about a request taken at `at`: all that was processed, then what became of each letter."""
    if source.random() >= plan.evented:
        return []
    letters = [letter for letter in request.letters if source.random() < plan.reported]
    processed = [_event(request, letter, "processed", at, plan, source) for letter in letters]
    ends = ["bounce" if source.random() < plan.bounced else "delivered" for _ in letters]
    ended = [_event(request, *pair, at + 1, plan, source) for pair in zip(letters, ends, strict=True)]
    made = [processed, ended]
    made += [each for each in made if source.random() < plan.doubled]
    if plan.shuffled:
        for each in made:
            source.shuffle(each)
    return [each for each in made if each]


def _event(request: Request, letter: Letter, name: str, at: float, plan: Plan, source: Random) -> Event:
    delivery, address = letter
    event: Event = {
        "email": address,
        "timestamp": int(at),
        "event": name,
        "sg_event_id": f"{source.getrandbits(96):024x}",
        "sg_message_id": f"stub-{request.number}.filter",
    }
    if name == "bounce":
        event |= {"type": "bounce", "status": "5.1.1", "reason": f"550 5.1.1 <{address}> is not known here"}
    if source.random() >= plan.bare:
        event |= {"delivery": str(delivery), "attempt": str(request.attempt)}
    return event


class Poster:
    """Posts events when their time has come, again and again until they are taken. url: None posts nothing."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, journal: Journal) -> None:
        self.url: str | None = None
        self._key = key
        self._journal = journal
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def report(self, request: Request, plan: Plan, source: Random) -> None:
        """Plan the posts about a request that was just taken."""
        for events in posts(request, plan, source, time.time()):
            delay = source.uniform(*plan.late)
            task = asyncio.get_running_loop().create_task(self._post(request, events, delay))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post(self, request: Request, events: Sequence[Event], delay: float) -> None:
        body = json.dumps(events).encode()
        status = 0
        while not 200 <= status < 300:
            await asyncio.sleep(delay)
            if self.url is not None:
                async with self._turn:
                    status = await self._once(self.url, body)
            delay = AGAIN
        self._journal.write(request.number, "posted", events=len(events), status=status)

    async def _once(self, url: str, body: bytes) -> int:
        """One try. Returns: the status, or 0 where nobody answered."""
        headers = signed(self._key, body, str(int(time.time())))
        with suppress(OSError, EOFError, ValueError, TimeoutError):
            return await asyncio.wait_for(_posted(url, body, headers), timeout=10)
        return 0


async def _posted(url: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        told = headers | {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"POST {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        line = await reader.readline()
        return int(line.split()[1]) if line else 0
    finally:
        writer.close()
