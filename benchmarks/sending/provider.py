"""A provider that costs next to nothing: it takes whatever is posted, and answers 202 after a while.

No parser and no stream: where two processes share two cores, a stand-in that reads JSON would be what is measured.
GET /taken tells how many requests, letters and bytes came; a letter is counted by its custom argument.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass

_LETTER = b'"delivery"'
_HEAD = b"\r\n\r\n"


@dataclass
class Taken:
    """What was answered 202."""

    requests: int = 0
    letters: int = 0
    bytes: int = 0


class Exchange(asyncio.Protocol):
    """One connection: a request, and after it perhaps another."""

    def __init__(self, taken: Taken, seconds: float) -> None:
        self._taken = taken
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._begin()

    def _begin(self) -> None:
        self._chunks: list[bytes] = []
        self._missing: int | None = None  # None: the head has not come yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        if self._missing is not None:
            self._missing -= len(data)
        else:
            self._look_for_head()
        if self._missing is not None and self._missing <= 0:
            self._whole()

    def _look_for_head(self) -> None:
        so_far = b"".join(self._chunks)
        head, found, body = so_far.partition(_HEAD)
        if found:
            self._missing = _length(head) - len(body)
            self._chunks = [head[:20], body]

    def _whole(self) -> None:
        first, *chunks = self._chunks
        self._begin()
        if first.startswith(b"GET"):
            self._answer(200, json.dumps(asdict(self._taken)).encode())
        else:
            self._loop.call_later(self._seconds, self._take, b"".join(chunks))

    def _take(self, body: bytes) -> None:
        self._taken.requests += 1
        self._taken.letters += body.count(_LETTER)
        self._taken.bytes += len(body)
        self._answer(202, b"")

    def _answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} Stub\r\nX-Message-Id: stub-{self._taken.requests}\r\n"
        self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve(seconds: float) -> tuple[asyncio.Server, str]:
    """Begin to serve on a free port. Returns: the server and its address."""
    taken = Taken()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Exchange(taken, seconds), "127.0.0.1", 0, backlog=256)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
