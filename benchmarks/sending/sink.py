"""A mail server that costs next to nothing: it says yes to everything, and keeps nothing but a count."""

from __future__ import annotations

import asyncio

_END = b"\r\n.\r\n"
_GREETING = b"220 sink\r\n"
_HELLO = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 33554432\r\n250 8BITMIME\r\n"
_YES = b"250 2.0.0 Ok\r\n"


class Taken:
    """How many letters were taken."""

    letters = 0


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self._so_far = b""
        self._in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        self._so_far += data
        answers: list[bytes] = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        if answers:
            self._transport.write(b"".join(answers))
        if answers and answers[-1].startswith(b"221"):
            self._transport.close()

    def _next(self) -> bytes | None:
        """The answer to what has come whole; None where nothing has."""
        before, found, after = self._so_far.partition(_END if self._in_letter else b"\r\n")
        if not found:
            return None
        self._so_far = after
        if self._in_letter:
            self._in_letter = False
            self._taken.letters += 1
            return _YES
        return self._obey(before[:4].upper())

    def _obey(self, command: bytes) -> bytes:
        match command:
            case b"EHLO" | b"HELO":
                return _HELLO
            case b"DATA":
                self._in_letter = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
            case b"VRFY":
                return f"252 {self._taken.letters}\r\n".encode()
        return _YES


async def serve() -> tuple[asyncio.Server, int]:
    """Begin to serve on a free port. Returns: the server and its port."""
    taken = Taken()
    server = await asyncio.get_running_loop().create_server(lambda: Session(taken), "127.0.0.1", 0, backlog=256)
    return server, int(server.sockets[0].getsockname()[1])
