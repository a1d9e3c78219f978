"""Turn what was measured into figures, each with what it stands beside."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.decisions.figures import Figure, Goal
from benchmarks.sending import opening
from benchmarks.sending.hook import Hooked
from benchmarks.sending.mail import Mailed
from benchmarks.sending.opening import Opened
from benchmarks.sending.pace import Sent, Shared, Terms

NONE = Goal("==", 0)
MOST_MB = 250


def on(database: str, figure: Figure) -> Figure:
    """Say in its name which database a figure is of."""
    return replace(figure, name=f"{database}: {figure.name}")


def of_opening(found: Opened) -> list[Figure]:
    """How long an opening takes beside statements that write as many rows."""
    counted = f"{found.told:,} of {found.members:,} members, {found.bases} bases, {found.batches:,} batches"
    into = "a bare INSERT … SELECT id, batch FROM member WHERE retained, into"
    return [
        Figure("opening", statistics.median(found.ours), unit="s", against=f"{_spread(found.ours)}; {counted}"),
        Figure(
            "opening ÷ bare, two columns",
            opening.ratio(found.ours, found.keyed),
            Goal("<=", 2),
            against=f"{into} a new table with the member as key: {_spread(found.keyed)} s",
        ),
        Figure(
            "opening ÷ bare, the ledger's columns",
            opening.ratio(found.ours, found.same),
            against=f"{into} the ledger's own table with its indexes: {_spread(found.same)} s",
        ),
    ]


def of_sending(sent: Sent, terms: Terms) -> list[Figure]:
    """How fast letters leave beside the same sender without a database."""
    ours, bare = _rates(sent.letters, sent.ours), _rates(sent.letters, sent.bare)
    how = f"{terms.threads} threads, answers after {1000 * terms.answer:g} ms"
    return [
        Figure("sending", statistics.median(ours), unit="letters/s", against=f"{_spread(ours)}; {how}"),
        Figure(
            "sending ÷ the same client without a database",
            statistics.median(ours) / statistics.median(bare),
            Goal(">=", 0.8),
            against=f"the same requests by the same sender and threads: {_spread(bare)} letters/s",
        ),
        Figure(
            "sending: computing",
            statistics.median(sent.cpu["ours"]) / sent.letters * 1e6,
            unit="µs a letter",
            against=f"the client alone: {statistics.median(sent.cpu['bare']) / sent.letters * 1e6:.3g} µs; "
            f"of one core, the database's server not counted",
        ),
        _astray("sending: letters lost or doubled", sent.astray, sent.letters, len(sent.ours) + len(sent.bare)),
    ]


def of_memory(sent: Sent) -> list[Figure]:
    return [
        Figure(
            "memory, at its peak",
            max(sent.peaks),
            Goal("<", MOST_MB),
            "MB",
            f"resident, of the process that opens and sends {sent.letters:,} letters",
        )
    ]


def of_scaling(few: Sent, many: Sent) -> list[Figure]:
    return [
        Figure(
            "time of ten times the members",
            many.whole / few.whole,
            Goal("<=", 10.5),
            against=f"opening and sending: {few.letters:,} letters in {few.whole:.2f} s, "
            f"{many.letters:,} in {many.whole:.2f} s",
        )
    ]


def of_workers(found: Shared, terms: Terms) -> list[Figure]:
    """How long several processes take beside one."""
    one, several = found.one, found.several
    return [
        Figure(
            f"time of {found.workers} workers ÷ time of one",
            statistics.median(several) / statistics.median(one),
            Goal("<=", 1),
            against=f"{found.letters:,} letters, {terms.threads} threads each: {_spread(several)} s; "
            f"one: {_spread(one)} s",
        ),
        _astray("workers: letters lost or doubled", found.astray, found.letters, len(one) + len(several)),
    ]


def of_webhook(found: Hooked, events: int) -> list[Figure]:
    """How fast reports are taken, and folded, beside folding alone."""
    bare = f"folding the like in-process, a transaction each: {_spread(found.bare)} events/s"
    middle = statistics.median(found.bare)
    posts = f"{found.events // events} posts of {events:,} events"
    return [
        Figure(
            "webhook, posted and answered ÷ bare fold",
            statistics.median(found.taken) / middle,
            Goal(">=", 0.6),
            against=f"{posts}: {_spread(found.taken)} events/s; {bare}",
        ),
        Figure(
            "webhook, posted until folded ÷ bare fold",
            statistics.median(found.through) / middle,
            Goal(">=", 0.6),
            against=f"a worker folds while the server takes: {_spread(found.through)} events/s",
        ),
    ]


def of_smtp(found: Mailed, terms: Terms) -> list[Figure]:
    """How fast letters go to a mail server beside a loop that builds nothing."""
    bare = statistics.median(found.bare)
    loop = f"sendmail of letters built beforehand, {terms.threads} connections: {_spread(found.bare)} letters/s"
    return [
        Figure(
            "smtp sender ÷ bare loop",
            statistics.median(found.ours) / bare,
            Goal(">=", 0.7),
            against=f"{_spread(found.ours)} letters/s; {loop}",
        ),
        Figure(
            "smtp, the whole outbox ÷ bare loop",
            statistics.median(found.outbox) / bare,
            against=f"as many letters a commit as leave in a second: {_spread(found.outbox)} letters/s",
        ),
        _astray("smtp: letters lost or doubled", found.astray, found.letters, 3 * len(found.ours)),
    ]


def _astray(name: str, number: int, letters: int, runs: int) -> Figure:
    return Figure(name, number, NONE, against=f"{runs} runs of {letters:,} letters, as counted by who took them")


def _rates(letters: int, seconds: Sequence[float]) -> list[float]:
    return [letters / each for each in seconds]


def _spread(values: Sequence[float]) -> str:
    """The median, and the least and most of several."""
    middle, least, most = (_number(each) for each in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
