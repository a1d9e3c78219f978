"""The stub provider's journal: a line for each moment of each request, on file before the request is answered."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Letter = tuple[int, str]  # delivery and address


class Journal:
    """Writes lines that outlive whatever is killed: each is one `write`, to a file opened for appending."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, request: int, moment: str, **said: Any) -> None:
        """moment: first byte, whole, taken, answered, dropped, reset, stalled, gone."""
        line = json.dumps({"request": request, "moment": moment, "at": time.time(), **said})
        os.write(self._file, line.encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


@dataclass(slots=True)
class Request:
    """What the provider knows of one request. Times are Unix time; None: it never came to that."""

    number: int
    caller: str = ""
    attempt: int | None = None
    came: float = 0.0
    taken: float | None = None
    answered: float | None = None
    status: int | None = None
    letters: Sequence[Letter] = ()


def read(path: Path) -> list[Request]:
    """Return the requests in the order they came. A last line that is being written is left out."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return requests(json.loads(line) for line in lines)


def requests(lines: Iterable[dict[str, Any]]) -> list[Request]:
    """Put the moments of each request together."""
    found: dict[int, Request] = {}
    for line in lines:
        request = found.setdefault(line["request"], Request(line["request"], came=line["at"]))
        _add(request, line)
    return list(found.values())


def _add(request: Request, line: dict[str, Any]) -> None:
    request.caller = line.get("caller", request.caller)
    request.attempt = line.get("attempt", request.attempt)
    if line["moment"] == "taken":
        request.taken = line["at"]
        request.letters = [(delivery, address) for delivery, address in line["letters"]]
    if line["moment"] == "answered":
        request.answered, request.status = line["at"], line["status"]
