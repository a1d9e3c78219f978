"""Measure which text governs whom beside bare SQL: python benchmarks/applicability.py --members N.

Every part makes its own database and people, and leaves nothing behind; what the figures mean stands in README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine

from benchmarks import command
from benchmarks.applying import asking, exporting, figures, history, serving
from benchmarks.applying.exporting import Exported
from benchmarks.decisions.figures import Figure
from benchmarks.sending import ground
from benchmarks.sending.figures import on

PARTS = ("asking", "export", "api")


class Terms(NamedTuple):
    """What is to be measured, on one database. requests: of the API, in a round."""

    database: str
    members: int
    parts: frozenset[str]
    rounds: int
    requests: int


def main(given: Sequence[str] | None = None) -> int:
    """Run, print, and return 0 when everything ran, whatever the figures; 1 when something was stuck."""
    args = _arguments().parse_args(given)
    return command.run(
        args.database,
        lambda where: measure(Terms(where, args.members, args.only, args.rounds, args.requests)),
        args.json,
        members=args.members,
        texts=history.TEXTS,
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--members", type=int, default=1_000_000)
    command.take_databases(parser)
    command.take_parts(parser, PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000, help="of the API, in a round")
    command.take_json(parser)
    return parser


def measure(terms: Terms) -> list[Figure]:
    """All figures of one database. Raises: Stuck."""
    found: list[Figure] = []
    exported = []
    if "export" in terms.parts:
        for part in (100, 10):
            with _ground(terms, terms.members // part) as engine:
                exported.append(_export(engine, terms.members // part))
    with _ground(terms, terms.members) as engine:
        if "asking" in terms.parts:
            found += figures.of_asking(asking.run(engine, terms.members, terms.rounds))
        if "export" in terms.parts:
            found += figures.of_export([*exported, _export(engine, terms.members)])
        if "api" in terms.parts:
            found += figures.of_serving(serving.run(engine, terms.members, terms.rounds, terms.requests))
    return [on(terms.database.partition(":")[0], figure) for figure in found]


@contextmanager
def _ground(terms: Terms, members: int) -> Iterator[Engine]:
    with ground.at(terms.database) as engine:
        history.write(engine, members)
        print(f"{terms.database}: {members:,} members are there", file=sys.stderr, flush=True)
        yield engine


def _export(engine: Engine, members: int) -> Exported:
    return exporting.run(ground.address(engine), members)


if __name__ == "__main__":
    sys.exit(main())
