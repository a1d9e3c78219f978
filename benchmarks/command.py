"""What the command lines of measurements share: which parts, on which databases, and where the figures go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.decisions.figures import Figure, table
from benchmarks.sending.children import Stuck


def take_databases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database", nargs="+", default=["sqlite", "postgresql"], metavar="URL",
        help="sqlite, postgresql (a server is started), or a PostgreSQL server to make databases on",
    )  # fmt: skip


def take_parts(parser: argparse.ArgumentParser, parts: Sequence[str]) -> None:
    def read(given: str) -> frozenset[str]:
        asked = frozenset(given.split(","))
        if asked - set(parts):
            raise argparse.ArgumentTypeError(f"the parts are {', '.join(parts)}")
        return asked

    parser.add_argument("--only", type=read, default=frozenset(parts), metavar="PART,…", help=", ".join(parts))


def take_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="to a file, or to standard output")


def run(where: Iterable[str], measure: Callable[[str], list[Figure]], to: str | None, **told: object) -> int:
    """Measure on each database and give the figures; 0 whatever they are, 1 when something was stuck.

    to: `-`, a file, or None. told: what goes along with the figures there.
    """
    found: list[Figure] = []
    try:
        for database in where:
            found += measure(database)
    except Stuck as stuck:
        print(f"A process was stuck: {stuck}", file=sys.stderr)
        return 1
    if to != "-":
        print(table(found))
    if to:
        _write({"figures": [one.to_json() for one in found], **told, "cores": os.cpu_count()}, to)
    return 0


def _write(told: dict[str, object], to: str) -> None:
    written = json.dumps(told, indent=1) + "\n"
    if to == "-":
        print(written, end="")
    else:
        Path(to).write_text(written)
