"""The other ends of a measurement: python -m benchmarks.sending.ends ROLE JSON; see children.py."""

from __future__ import annotations

import asyncio
import ctypes
import json
import resource
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.sending import provider, sink

PR_SET_PDEATHSIG = 1


def say(**said: Any) -> None:
    """Tell whoever started us."""
    print(json.dumps(said), flush=True)


def begin(roles: Mapping[str, Callable[..., None]]) -> None:
    """Do what the command line says."""
    with suppress(OSError, AttributeError):  # on Linux it ends with whoever started it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    role, given = sys.argv[1:]
    roles[role](**json.loads(given))


def serve_http(seconds: float) -> None:
    """Stand for SendGrid, with answers after so long."""
    asyncio.run(_serving(provider.serve(seconds)))


def serve_mail() -> None:
    """Stand for a mail server."""
    asyncio.run(_serving(sink.serve()))


def peak() -> float:
    """The most resident memory that this process ever had, in MB: what was before its exec is not counted."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _serving(starting: Coroutine[Any, Any, tuple[asyncio.Server, str | int]]) -> None:
    server, where = await starting
    say(where=where)
    await server.serve_forever()


ROLES: dict[str, Callable[..., None]] = {role.__name__: role for role in (serve_http, serve_mail)}

if __name__ == "__main__":
    begin(ROLES)
