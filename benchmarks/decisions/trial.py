"""Decide on two files once, alone in a fresh process, and print what that took.

`python -m benchmarks.decisions.trial OLD NEW` prints JSON. The files are read as `gazette decide` reads them;
what it refuses is an answer too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.trial import peak_mb
from errors import Refusal
from policy_versions import markdown
from policy_versions.significance import decide


def main(files: Sequence[str]) -> dict[str, Any]:
    """Return the verdict or the refusal's name, after how many seconds, and the megabytes it took at most.

    `own_mb` is what the process took above what it held when all was imported and nothing read.
    """
    held = peak_mb()
    begin = time.perf_counter()
    outcome = _outcome(files)
    seconds = time.perf_counter() - begin
    peak = peak_mb()
    return {**outcome, "seconds": round(seconds, 3), "peak_mb": round(peak, 1), "own_mb": round(peak - held, 1)}


def _outcome(files: Sequence[str]) -> dict[str, Any]:
    try:
        old, new = (markdown.decoded(Path(file).read_bytes()) for file in files)
        decision = decide(old, new)
    except Refusal as refusal:
        return {"refused": type(refusal).__name__}
    return {"verdict": decision.verdict, "level": decision.level, "findings": len(decision.findings)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:3])))
