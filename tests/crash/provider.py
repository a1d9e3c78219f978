"""A provider that misbehaves, in a process of its own: POST /v3/mail/send on 127.0.0.1.

By hand:

    python -m tests.crash.provider --port 8025 --journal requests.jsonl --control control.sock \\
        --post-to http://127.0.0.1:8000/hooks/sendgrid \\
        --plan '{"seed": 7, "slow": [0.01, 0.1], "ways": {"429": 0.05, "reset after": 0.1}, "evented": 0.5}'

It says in its first line, as JSON, where it listens and the public key that its events are signed with. Then set
GAZETTE_MAIL=sendgrid:, GAZETTE_SENDGRID_URL, GAZETTE_SENDGRID_API_KEY (any) and GAZETTE_SENDGRID_WEBHOOK_KEY.
A path before /v3/mail/send (http://127.0.0.1:8025/worker-1) names the caller in the journal.

**The plan** (tests/crash/plan.py) draws for each request how slow it is and what becomes of it: taken and
answered 202; refused before it is taken (429 with Retry-After, 500, 503, a reset); or taken and then reset,
answered 500, or left without an answer. And for what was taken, whether and how events come back: late, doubled,
shuffled, without custom arguments, never. A request that SendGrid would refuse is refused with its 400.

**The journal** has a line for each moment of a request, with its letters (delivery, address) once they are taken.
A line is in the file before the answer leaves.

**The control socket** speaks lines of JSON. It tells every moment (first byte, whole, taken, answered), and takes
    {"plan": {…}}                    fields of the plan to change from here on
    {"post_to": "http://…"}          where events go (null: they wait)
    {"hold": "taken", "name": "a"}   stop the next request at its first byte, when it is whole, or when it is
                                     taken; it says {"holding": "a"} at once, and the line that
                                     tells of the moment then has "held": "a"
    {"drop": "a"}                    stop none by that name any more
    {"release": 17, "take": false}   let request 17 go on; take: whether it will be taken, where it was not yet
When the last control connection closes, everything held goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tests.crash import plan as plans
from tests.crash.journal import Journal, Request
from tests.crash.moments import Moments
from tests.crash.plan import Draw, Plan
from tests.crash.posting import Poster, public_key
from tests.stubs.sendgrid import faults

MOST_BYTES = 32 * 1024 * 1024  # the real one takes less than 30 MB
RETRY_AFTER = 1
PATH = "/v3/mail/send"


class Provider:
    """The server. `plan` may be changed at any time, and holds for the requests that come after."""

    def __init__(self, plan: Plan, journal: Journal, key: ec.EllipticCurvePrivateKey) -> None:
        self.plan = plan
        self.poster = Poster(key, journal)
        self.hello: dict[str, Any] = {"public_key": public_key(key)}
        self._journal = journal
        self.moments = Moments(self.hello, self._obey)
        self._numbers = count(1)

    async def serve(self, port: int, control: Path | None) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", port, limit=MOST_BYTES, backlog=256)
        self.hello["url"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sys.stdout.write(json.dumps(self.hello) + "\n")
        sys.stdout.flush()
        if control is not None:
            await self.moments.listen(control)
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = Request(next(self._numbers))
        try:
            await self._exchange(request, reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            self._journal.write(request.number, "gone")
        finally:
            writer.close()

    async def _exchange(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first = await reader.readexactly(1)
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, *_ = head.split(" ", 2)
        request.caller = path.removesuffix(PATH).strip("/")
        draw = self.plan.draw(request.number)
        wanted = await self._moment(request, "first byte", caller=request.caller)
        body = json.loads(await reader.readexactly(_length(head)))
        request.attempt = _attempt(body)
        wanted &= await self._moment(request, "whole", attempt=request.attempt)
        await asyncio.sleep(draw.slow)
        if not wanted:
            self._journal.write(request.number, "dropped")
        elif method != "POST" or not path.endswith(PATH):
            await self._answer(request, writer, 404, [{"message": "Not Found"}])
        elif errors := list(faults(body)):
            await self._answer(request, writer, 400, errors)
        elif draw.way not in plans.TAKEN:
            await self._turn_away(request, writer, draw)
        else:
            await self._take(request, body, draw)
            await self._after(request, reader, writer, draw)

    async def _turn_away(self, request: Request, writer: asyncio.StreamWriter, draw: Draw) -> None:
        if draw.way == "reset before":
            self._reset(request, writer)
        else:
            await self._answer(request, writer, int(draw.way), [{"message": "Not now"}])

    async def _take(self, request: Request, body: dict[str, Any], draw: Draw) -> None:
        request.letters = [
            (int((each.get("custom_args") or {}).get("delivery", 0)), to["email"])
            for each in body["personalizations"]
            for to in each["to"]
        ]
        self._journal.write(request.number, "taken", attempt=request.attempt, letters=request.letters)
        self.poster.report(request, self.plan, draw.source)
        await self.moments.reach(request, "taken")
        await asyncio.sleep(draw.linger)

    async def _after(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: Draw
    ) -> None:
        """What comes after the taking: an answer, a wrong one, or none."""
        match draw.way:
            case "reset after":
                self._reset(request, writer)
            case "500 after":
                await self._answer(request, writer, 500, [{"message": "Something broke"}])
            case "stall":
                self._journal.write(request.number, "stalled")
                await reader.read()  # until the client hangs up
            case _:
                await self._answer(request, writer, 202, None)

    async def _answer(
        self, request: Request, writer: asyncio.StreamWriter, status: int, errors: Sequence[Any] | None
    ) -> None:
        content = b"" if errors is None else json.dumps({"errors": errors}).encode()
        headers = {"Content-Length": len(content), "Connection": "close", "X-Message-Id": f"stub-{request.number}"}
        if status == 429:
            headers["Retry-After"] = RETRY_AFTER
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._journal.write(request.number, "answered", status=status)
        writer.write(f"HTTP/1.1 {status} Stub\r\n{lines}\r\n".encode() + content)
        await writer.drain()
        self.moments.tell(request, "answered")

    def _reset(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Hang up so that the client sees a reset rather than an end."""
        self._journal.write(request.number, "reset")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _moment(self, request: Request, moment: str, **said: Any) -> bool:
        self._journal.write(request.number, moment, **said)
        return await self.moments.reach(request, moment)

    def _obey(self, command: dict[str, Any]) -> None:
        """Raises: ValueError for what is no command."""
        match command:
            case {"plan": dict(changes)}:
                self.plan = self.plan.changed(changes)
            case {"post_to": url}:
                self.poster.url = url
            case _:
                raise ValueError("that is no command")


def _length(head: str) -> int:
    lengths = [line.partition(":")[2] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
    return int(lengths[0]) if lengths else 0


def _attempt(body: dict[str, Any]) -> int | None:
    """The attempt that a request belongs to: its letters all carry the same."""
    first = next(iter(body.get("personalizations") or [{}]))
    named = (first.get("custom_args") or {}).get("attempt")
    return int(named) if named is not None else None


def main(given: Sequence[str] | None = None) -> None:
    """Serve until interrupted or terminated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path, default=Path("requests.jsonl"))
    parser.add_argument("--control", type=Path)
    parser.add_argument("--post-to")
    parser.add_argument("--plan", type=plans.from_json, default=Plan(), metavar="JSON")
    options = parser.parse_args(given)
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    provider = Provider(options.plan, Journal(options.journal), ec.generate_private_key(ec.SECP256R1()))
    provider.poster.url = options.post_to
    serving = asyncio.ensure_future(provider.serve(options.port, options.control))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    await serving


if __name__ == "__main__":
    main()
