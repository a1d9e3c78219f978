"""The standing of all members at a date, streamed as CSV by a process of its own: python -m … URL."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import database
from benchmarks.sending.children import ROOT, Stuck
from benchmarks.sending.ends import peak
from notifier import standing

AT = datetime(2023, 6, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SLOWEST = 500.0  # members a second; what is slower is stuck


class Exported(NamedTuple):
    """rows: that came out. seconds: from the first row asked for to the last written. peak: of memory, in MB."""

    rows: int
    seconds: float
    peak: float


def run(url: str, members: int) -> Exported:
    """Raises: Stuck."""
    command = [sys.executable, "-m", "benchmarks.applying.exporting", url]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=120 + members / SLOWEST, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise Stuck("the export took too long") from error
    except subprocess.CalledProcessError as error:
        raise Stuck(f"the export failed:\n{error.stderr}") from error
    return Exported(**json.loads(done.stdout))


def _export(url: str) -> Exported:
    engine, rows = database.create_engine(url), 0
    began = time.perf_counter()
    with Path(os.devnull).open("w", newline="") as file, database.reading(engine) as session:
        writer = csv.writer(file)
        for row in standing.everyone(session, "privacy", AT, now=NOW):
            writer.writerow(row)
            rows += 1
    return Exported(rows, time.perf_counter() - began, peak())


if __name__ == "__main__":
    print(json.dumps(_export(sys.argv[1])._asdict()))
