"""Run the texts on which comparisons go wrong, each in a process of its own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.texts import KINDS, Texts

LIMIT = 60.0  # seconds
_TRIAL = Path(__file__).with_name("trial.py")


def run(seed: int, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Return, by kind, seconds and megabytes, a refusal's name, or that it timed out or failed."""
    results = {}
    for kind, make in KINDS.items():
        texts = make(random.Random(seed))
        results[kind] = {"kb": max(map(len, texts)) // 1000, **_trial(texts)}
        say(f"{kind}: {told(results[kind])}")
    return results


def _trial(texts: Texts) -> dict[str, Any]:
    with TemporaryDirectory() as name:
        files = [Path(name, side) for side in ("old.md", "new.md")]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, "utf-8")
        command = [sys.executable, str(_TRIAL), *map(str, files)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return {"timed_out": LIMIT}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    return {name: _rounded(value) for name, value in json.loads(done.stdout).items()}


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def told(result: dict[str, Any]) -> str:
    """Return a result in words."""
    if "timed_out" in result:
        return f"stopped after {result['timed_out']:.0f} s"
    if "failed" in result:
        return f"failed: {result['failed']}"
    if "refused" in result:
        return f"refused ({result['refused']}) after {result['all']:.2f} s"
    return (
        f"read {result['read']:.2f} s, compare {result['compare']:.2f} s, html {result['html']:.2f} s,"
        f" all {result['all']:.2f} s, {result['peak_mb']:.0f} MB"
        + ("" if result["complete"] else "; some blocks shown replaced whole")
    )
