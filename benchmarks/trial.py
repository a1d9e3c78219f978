"""Compare two files once, alone in a fresh process, and print what that took as JSON: trial.py OLD NEW."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import engine
from errors import Refusal
from policy_versions import markdown


def main(old: str, new: str) -> dict[str, Any]:
    """Return seconds and megabytes, or the refusal's name and after how many seconds it came."""
    begin = time.perf_counter()
    try:
        markdown.check(old)
        markdown.check(new)
        return {"check": time.perf_counter() - begin, **_measured(old, new)}
    except Refusal as refusal:
        return {"refused": type(refusal).__name__, "all": time.perf_counter() - begin, "peak_mb": peak_mb()}


def _measured(old: str, new: str) -> dict[str, float]:
    clock = [time.perf_counter()]
    blocks = engine.read(old), engine.read(new)
    clock.append(time.perf_counter())
    change = engine.compare(*blocks)
    clock.append(time.perf_counter())
    html = engine.html(change)
    clock.append(time.perf_counter())
    read, compare, show = (after - before for before, after in pairwise(clock))
    return {
        "read": read,
        "compare": compare,
        "html": show,
        "all": clock[-1] - clock[0],
        "peak_mb": peak_mb(),
        "complete": change.is_complete,
        "html_bytes": len(html.encode()),
    }


def peak_mb() -> float:
    """Return this process's peak of resident memory.

    Linux hands a parent's peak on to the child in getrusage, so its own account of the process comes first.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    if found:
        return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps(main(*(Path(name).read_text("utf-8") for name in sys.argv[1:3]))))
