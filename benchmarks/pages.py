"""Measure the public pages beside a bare route and a bare comparison: python benchmarks/pages.py.

Every part makes its own database and texts, and leaves nothing behind; what the figures mean stands in README.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import command, servers
from benchmarks.decisions.figures import Figure
from benchmarks.paging import firsts, rates, texts, weights
from benchmarks.sending import ground
from benchmarks.sending.figures import on
from notifier.senders.folder import FolderSender

PARTS = ("rate", "first", "weight", "shift")
REVISIONS = 16


class Terms(NamedTuple):
    """What is to be measured, on one database. requests: in a round."""

    database: str
    parts: frozenset[str]
    rounds: int
    requests: int
    revisions: int
    bytes: int


def main(given: Sequence[str] | None = None) -> int:
    """Run, print, and return 0 when everything ran, whatever the figures; 1 when something was stuck."""
    args = _arguments().parse_args(given)
    terms = [args.only, args.rounds, args.requests, args.revisions, args.bytes]
    told = {"revisions": args.revisions, "bytes": args.bytes}
    return command.run(args.database, lambda where: list(measure(Terms(where, *terms))), args.json, **told)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    command.take_databases(parser)
    command.take_parts(parser, PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=3000, help="in a round")
    parser.add_argument("--revisions", type=int, default=REVISIONS, help="at least 4")
    parser.add_argument("--bytes", type=int, default=texts.BYTES, help="of each text")
    command.take_json(parser)
    return parser


def measure(terms: Terms) -> Iterator[Figure]:
    """All figures of one database. Raises: Stuck."""
    kind = terms.database.partition(":")[0]
    with ground.at(terms.database) as engine, tempfile.TemporaryDirectory() as folder:
        works = ground.runtime(engine, FolderSender(Path(folder) / "outbox"))
        written = texts.publish(engine, works, terms.revisions, size=terms.bytes)
        with servers.ours(engine, folder) as port:
            for figure in _of_server(terms, port, Path(folder), written):
                yield on(kind, figure)


def _of_server(terms: Terms, port: int, folder: Path, written: Sequence[str]) -> Iterator[Figure]:
    last = terms.revisions
    pages = {"current page": f"/{texts.SLUG}", "cached redline": f"/{texts.SLUG}/compare/{last - 1}..{last}"}
    if "first" in terms.parts:  # before anything else has compared them
        yield from firsts.figures(firsts.run(port, written))
    if "rate" in terms.parts:
        for found in rates.run(port, folder, pages, terms.rounds, terms.requests):
            yield from rates.figures(found)
    all_pages = {**pages, "history": f"/{texts.SLUG}/history"}
    if "weight" in terms.parts:
        yield from weights.of_weights(list(weights.weigh(port, pages, written[-1])))
        yield from weights.of_weights(list(weights.weigh(port, {"history": all_pages["history"]}, "")))
    if "shift" in terms.parts:
        yield from weights.of_shifts(list(weights.shifts(port, all_pages)))


if __name__ == "__main__":
    raise SystemExit(main())
