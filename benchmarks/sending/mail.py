"""Letters to a mail server: by our sender, by the whole outbox, and by a loop over letters built beforehand."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from benchmarks.sending import ground, pace
from benchmarks.sending.children import child
from benchmarks.sending.pace import Terms
from notifier.runtime import Runtime


@dataclass
class Mailed:
    """Letters a second of each run. letters: of a run."""

    letters: int = 0
    ours: list[float] = field(default_factory=list)
    outbox: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    astray: int = 0  # letters, of all runs, that the server did not get, or got twice


def run(engine: Engine, works: Runtime, terms: Terms) -> Mailed:
    """Send by each in turns. terms: its answer is not used, as the server answers at once. Raises: Stuck."""
    found = Mailed()
    ground.publish(engine, works)
    with child("serve_mail") as sink:
        given = {"url": ground.address(engine), "to": sink.hello["where"], "threads": terms.threads}
        for number in range(terms.rounds):
            if number:
                ground.again(engine)
            found.outbox.append(_by("work", given, terms, found, works))
            for role, runs in (("post", found.ours), ("post_built", found.bare))[:: -1 if number % 2 else 1]:
                runs.append(_by(role, {**given, "most": found.letters}, terms, found, works))
    return found


def _by(role: str, given: dict[str, Any], terms: Terms, found: Mailed, works: Runtime) -> float:
    before = _taken(given["to"])
    with child(role, **given) as poster:
        took = poster.take(terms.patience(20 * (found.letters or pace.members(works.engine))))
    found.letters = found.letters or pace.letters(works.engine)
    found.astray += abs(found.letters - (_taken(given["to"]) - before))
    return found.letters / float(took.get("sent") or took["seconds"])


def _taken(port: int) -> int:
    """How many letters the sink took so far."""
    with smtplib.SMTP("127.0.0.1", port) as line:
        return int(line.verify("")[1])
