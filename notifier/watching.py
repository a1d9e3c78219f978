"""`gazette notices`: how far each notice is, in the terminal, for a person who looks on or for a program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sqlmodel import Session

from database import reading
from notifier import notices, outlook, progress
from notifier.models import Notice
from notifier.runtime import Runtime
from policy_versions.models import Policy, Revision

EVERY = 1.0  # seconds
WIDTH = 40
OVER = ("complete", "cancelled", "recalled")

Sleep = Callable[[float], None]


class Seen(NamedTuple):
    """A notice at one moment."""

    notice: Notice
    title: str
    number: int
    counted: progress.Progress
    outlook: outlook.Outlook

    @property
    def name(self) -> str:
        return _name(self.notice, self.title, self.number)


# -- the list -----------------------------------------------------------------------------------


def show_all(runtime: Runtime, console: Console, *, as_json: bool = False) -> None:
    """Every notice with how far it is, the newest first."""
    with reading(runtime.engine) as session:
        lines = progress.all_notices(session)
    if as_json:
        _print_json(console, [_figures(line.notice, line.title, line.number, line.progress) for line in lines])
    elif not lines:
        console.print("No notice has gone out yet.")
    elif console.is_terminal:
        console.print(_listed(lines))
    else:
        for line in lines:
            said = f"{_name(line.notice, line.title, line.number)}: {_plain(line.notice, line.progress)}"
            console.out(f"Notice {line.notice.id}, {said}.", highlight=False)


def _listed(lines: list[progress.Line]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("Notice", "Of", "State", "Sent", "", "Left", "Unknown"):
        table.add_column(name, justify="right" if name in ("Notice", "Left", "Unknown") else "left")
    for line in lines:
        counted = line.progress
        table.add_row(
            str(line.notice.id),
            Text(_name(line.notice, line.title, line.number)),
            line.notice.state,
            _bar(counted, 16),
            f"{counted.sent:,} of {counted.letters:,}",
            f"{counted.left:,}",
            f"{counted.states.get('unknown', 0):,}",
        )
    return table


# -- one ----------------------------------------------------------------------------------------


def show(
    runtime: Runtime,
    console: Console,
    notice_id: int,
    *,
    follow: bool = False,
    as_json: bool = False,
    sleep: Sleep = time.sleep,
) -> None:
    """One notice; with `follow` until it is over or the person has seen enough. Raises: NoSuchNotice.

    Where nobody looks on (no terminal) it is one line, and with `follow` one more at the end.
    """
    moments = _moments(runtime, notice_id, follow, sleep)
    first = next(moments)
    try:
        if as_json:
            for seen in chain((first,), moments):
                _print_json(console, _figures(seen.notice, seen.title, seen.number, seen.counted, seen.outlook))
        elif console.is_terminal:
            _live(console, first, moments)
        else:
            _in_lines(console, first, moments)
    except KeyboardInterrupt:
        return  # whoever looked on has seen enough; the letters go on leaving


def _live(console: Console, first: Seen, moments: Iterator[Seen]) -> None:
    with Live(_drawn(first), console=console, auto_refresh=False) as live:
        for seen in moments:
            live.update(_drawn(seen), refresh=True)


def _in_lines(console: Console, first: Seen, moments: Iterator[Seen]) -> None:
    console.out(_line(first), highlight=False)
    last = first
    for last in moments:  # noqa: B007 -- the last of them is wanted
        pass
    if last is not first:
        console.out(_line(last), highlight=False)


def _moments(runtime: Runtime, notice_id: int, follow: bool, sleep: Sleep) -> Iterator[Seen]:
    while True:
        with reading(runtime.engine) as session:
            seen = _look(runtime, session, notice_id)
        yield seen
        if not follow or seen.notice.state in OVER:
            return
        sleep(EVERY)


def _look(runtime: Runtime, session: Session, notice_id: int) -> Seen:
    notice = notices.by_id(session, notice_id)
    counted = progress.of(session, notice)
    now = runtime.clock.now(session)
    reports = runtime.sender.reports
    ahead = outlook.of(session, notice, counted, runtime.settings, reports=reports, now=now)
    title = session.get_one(Policy, notice.policy_id).title
    return Seen(notice, title, session.get_one(Revision, notice.revision_id).number, counted, ahead)


# -- in words and bars --------------------------------------------------------------------------


def _drawn(seen: Seen) -> RenderableType:
    counted = seen.counted
    head = Text.assemble((seen.name, "bold"), f"  {seen.notice.state}")
    row = Table.grid(padding=(0, 1))
    row.add_row(_bar(counted, WIDTH), f"{counted.sent:,} of {counted.letters:,} letters sent")
    states = Text(_states(counted), style="dim")
    said = [Text(words) for words in (seen.notice.why, seen.outlook.gate, seen.outlook.pace) if words]
    return Group(head, row, states, *said)


def _bar(counted: progress.Progress, width: int) -> ProgressBar:
    done = counted.letters - counted.left - counted.states.get("sending", 0)
    return ProgressBar(total=max(counted.letters, 1), completed=done, width=width)


def _line(seen: Seen) -> str:
    said = " ".join(words for words in (seen.outlook.gate, seen.outlook.pace) if words)
    line = f"Notice {seen.notice.id}, {seen.name}: {_plain(seen.notice, seen.counted)}"
    return f"{line}. {said}" if said else f"{line}."


def _name(notice: Notice, title: str, number: int) -> str:
    return f"{title}, No. {number}{', a correction' if notice.kind == 'correction' else ''}"


def _plain(notice: Notice, counted: progress.Progress) -> str:
    states = _states(counted)
    sent = f"{notice.state}, {counted.sent:,} of {counted.letters:,} letters sent"
    return f"{sent} ({states})" if states else sent


def _states(counted: progress.Progress) -> str:
    return ", ".join(f"{'left' if state == 'queued' else state} {n:,}" for state, n in counted.states.items())


# -- for programs -------------------------------------------------------------------------------


def _figures(
    notice: Notice, title: str, number: int, counted: progress.Progress, ahead: outlook.Outlook | None = None
) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "notice": notice.id,
        "policy": title,
        "revision": number,
        "kind": notice.kind,
        "state": notice.state,
        "gate": notice.gate,
        "why": notice.why,
        "opened_at": _iso(notice.opened_at),
        "completed_at": _iso(notice.completed_at),
        "total": counted.total,
        "letters": counted.letters,
        "sent": counted.sent,
        "left": counted.left,
        "states": {state: counted.states.get(state, 0) for state in progress.STATES},
    }
    if ahead is not None:
        taken = {"last_minute": ahead.rate.minute, "last_five_minutes": ahead.rate.five}
        figures |= {"taken": taken, "last_leaves_at": _iso(ahead.last)}
    return figures


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _print_json(console: Console, what: Any) -> None:
    console.out(json.dumps(what, ensure_ascii=False), highlight=False)
