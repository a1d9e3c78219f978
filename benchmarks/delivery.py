"""Measure delivery beside the barest that does as much: python benchmarks/delivery.py --members N.

Every part makes its own database, people and processes, and leaves nothing behind; what the figures mean stands in
README.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine

from benchmarks import command
from benchmarks.decisions.figures import Figure
from benchmarks.sending import figures, ground, hook, mail, opening, pace
from benchmarks.sending.pace import Terms
from notifier.runtime import Runtime
from notifier.senders.sendgrid import SendGridSender

NOWHERE = "http://127.0.0.1:9"
WORKERS = 3
RUNS = 5  # with one worker and with three
MOST_SHARED = 200_000  # members, by several workers
MOST_MAILED = 50_000  # letters to a mail server are one a request
MOST_HOOKED = 200_000
PARTS = ("opening", "sending", "memory", "scaling", "workers", "webhook", "smtp")


class Asked(NamedTuple):
    """What is to be measured, on one database."""

    database: str
    members: int
    terms: Terms
    parts: frozenset[str]
    runs: int


def main(given: Sequence[str] | None = None) -> int:
    """Run, print, and return 0 when everything ran, whatever the figures; 1 when something was stuck."""
    args = _arguments().parse_args(given)
    told = {"members": args.members, "answer_ms": args.answer_ms, "threads": args.threads}
    return command.run(args.database, lambda where: measure(_asked(args, where)), args.json, **told)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--answer-ms", type=float, default=200, help="until the provider answers a request")
    parser.add_argument("--threads", type=int, default=8, help="that send, of each process")
    command.take_databases(parser)
    command.take_parts(parser, PARTS)
    parser.add_argument("--rounds", type=int, help="3 unless told; 5 with one worker and with three")
    command.take_json(parser)
    return parser


def _asked(args: argparse.Namespace, where: str) -> Asked:
    terms = Terms(args.answer_ms / 1000, args.threads, args.rounds or 3)
    return Asked(where, args.members, terms, args.only, args.rounds or RUNS)


# -- parts --------------------------------------------------------------------------------------


def measure(asked: Asked) -> list[Figure]:
    """All figures of one database, in the order of the parts. Raises: Stuck."""
    parts: list[tuple[set[str], Callable[[Asked], list[Figure]]]] = [
        ({"opening"}, _opening),
        ({"sending", "memory", "scaling"}, _sending),
        ({"workers"}, _workers),
        ({"webhook"}, _webhook),
        ({"smtp"}, _smtp),
    ]
    found: list[Figure] = []
    for names, part in parts:
        if names & asked.parts:
            began = time.monotonic()
            found += part(asked)
            _tell(
                f"{asked.database}: {', '.join(sorted(names & asked.parts))} took {time.monotonic() - began:.0f} s"
            )
    return [figures.on(asked.database.partition(":")[0], figure) for figure in found]


@contextmanager
def _ground(asked: Asked, members: int) -> Iterator[tuple[Engine, Runtime]]:
    with ground.at(asked.database) as engine:
        ground.people(engine, members)
        ground.settle(engine, "member")
        yield engine, ground.runtime(engine, SendGridSender("SG.benchmark", NOWHERE))


def _opening(asked: Asked) -> list[Figure]:
    with _ground(asked, asked.members) as (engine, works):
        return figures.of_opening(opening.run(engine, works, asked.terms.rounds))


def _sending(asked: Asked) -> list[Figure]:
    few = None
    if "scaling" in asked.parts:
        with _ground(asked, asked.members // 10) as (engine, works):
            few = pace.run(engine, works, asked.terms, bare=False)
    with _ground(asked, asked.members) as (engine, works):
        sent = pace.run(engine, works, asked.terms, bare="sending" in asked.parts)
    found = figures.of_sending(sent, asked.terms) if "sending" in asked.parts else []
    found += figures.of_memory(sent) if "memory" in asked.parts else []
    return found + (figures.of_scaling(few, sent) if few else [])


def _workers(asked: Asked) -> list[Figure]:
    if asked.database == "sqlite":
        _tell("sqlite: it has one writer, so several workers are measured on PostgreSQL only")
        return []
    with _ground(asked, min(asked.members, MOST_SHARED)) as (engine, works):
        terms = asked.terms._replace(rounds=asked.runs)
        return figures.of_workers(pace.share(engine, works, terms, workers=WORKERS), terms)


def _webhook(asked: Asked) -> list[Figure]:
    members, rounds = min(asked.members, MOST_HOOKED), asked.terms.rounds
    bodies = max(1, min(hook.BODIES, members * 4 // 5 // (rounds * hook.KINDS * hook.EVENTS)))
    events = min(hook.EVENTS, members * 4 // 5 // (rounds * hook.KINDS * bodies))
    with _ground(asked, members) as (engine, _):
        return figures.of_webhook(hook.run(engine, rounds=rounds, bodies=bodies, events=events), events)


def _smtp(asked: Asked) -> list[Figure]:
    with _ground(asked, min(asked.members, MOST_MAILED)) as (engine, works):
        return figures.of_smtp(mail.run(engine, works, asked.terms), asked.terms)


# -- telling ------------------------------------------------------------------------------------


def _tell(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
