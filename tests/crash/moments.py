"""The stub provider's control socket: it tells each moment of each request, and holds those it is asked to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.crash.journal import Request

MOMENTS = ("first byte", "whole", "taken", "answered")  # the last cannot be held: it is over when it is told


class _Hold(NamedTuple):
    moment: str
    name: str


class Moments:
    """obey: does what a command asks that is not about holding. Raises: ValueError for what is no command."""

    def __init__(self, hello: dict[str, Any], obey: Callable[[dict[str, Any]], None]) -> None:
        self._hello = hello
        self._obey_others = obey
        self._holds: list[_Hold] = []
        self._held: dict[int, asyncio.Future[bool]] = {}
        self._listeners: set[asyncio.StreamWriter] = set()

    async def listen(self, path: Path) -> None:
        await asyncio.start_unix_server(self._controlled, path)

    async def reach(self, request: Request, moment: str) -> bool:
        """Tell that a moment has come, and stay in it while held.

        Returns: whether the request is to be taken, where it was not yet.
        """
        hold = next((each for each in self._holds if each.moment == moment), None)
        if hold is None:
            self.tell(request, moment)
            return True
        self._holds.remove(hold)
        self._held[request.number] = asyncio.get_running_loop().create_future()
        self.tell(request, moment, held=hold.name)
        try:
            return await self._held[request.number]
        finally:
            del self._held[request.number]

    def tell(self, request: Request, moment: str, held: str | None = None) -> None:
        said = {"request": request.number, "caller": request.caller, "attempt": request.attempt}
        self._say(self._listeners, {"moment": moment, "held": held, **said})

    async def _controlled(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._listeners.add(writer)
        self._say({writer}, {"hello": self._hello})
        try:
            while line := await reader.readline():
                self._obey(json.loads(line))
        except (ConnectionError, ValueError) as error:
            with suppress(ConnectionError):
                self._say({writer}, {"error": str(error)})
        finally:
            self._listeners.discard(writer)
            writer.close()
            if not self._listeners:
                self._let_go()

    def _say(self, to: set[asyncio.StreamWriter], said: dict[str, Any]) -> None:
        line = json.dumps(said).encode() + b"\n"
        for listener in to:
            listener.write(line)

    def _obey(self, command: dict[str, Any]) -> None:
        match command:
            case {"hold": str(moment), "name": str(name)} if moment in MOMENTS[:-1]:
                self._holds.append(_Hold(moment, name))
                self._say(self._listeners, {"holding": name})
            case {"drop": str(name)}:
                self._holds = [hold for hold in self._holds if hold.name != name]
            case {"release": int(number), **rest}:
                self._release(number, take=bool(rest.get("take", True)))
            case _:
                self._obey_others(command)

    def _release(self, number: int, *, take: bool) -> None:
        held = self._held.get(number)
        if held is not None and not held.done():
            held.set_result(take)

    def _let_go(self) -> None:
        self._holds.clear()
        for number in self._held:
            self._release(number, take=True)
