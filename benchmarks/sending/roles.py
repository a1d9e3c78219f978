"""What the processes of a measurement do: python -m benchmarks.sending.roles ROLE JSON; see children.py."""

from __future__ import annotations

import gc
import smtplib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import database
from benchmarks.sending import ground, hook, same
from benchmarks.sending.ends import begin, peak, say
from benchmarks.sending.same import Request
from notifier import outbox, scheduler
from notifier.runtime import Runtime
from notifier.senders.mime import Envelope, Letter
from notifier.senders.protocol import Sender
from notifier.senders.sendgrid import SendGridSender
from notifier.senders.smtp import Server, SmtpSender

KEY = "SG.benchmark"
AT_ONCE = 4  # connections that a provider posts its events over


def _wait() -> None:
    sys.stdin.readline()


# -- sending ------------------------------------------------------------------------------------


def work(url: str, to: str | int, threads: int) -> None:
    """Open the notice that is due, if one is, and send it. to: SendGrid's address, or a mail server's port."""
    works = _works(url, to, threads)
    scheduler.collect_less()  # as every worker does
    say(ready=True)
    _wait()
    began = time.perf_counter()
    scheduler.open_due(works)
    opened, spent = time.perf_counter(), time.process_time()
    outbox.deliver(works)
    say(opened=opened - began, sent=time.perf_counter() - opened, peak=peak(), cpu=time.process_time() - spent)
    works.sender.close()


def _works(url: str, to: str | int, threads: int) -> Runtime:
    return ground.runtime(database.create_engine(url), _sender(to), sending_threads=threads)


def _sender(to: str | int) -> Sender:
    return SendGridSender(KEY, to) if isinstance(to, str) else SmtpSender(Server("127.0.0.1", to))


def post(url: str, to: str | int, threads: int, most: int | None = None) -> None:
    """Hand the same requests to the same sender, without a database. most: requests."""
    works = _works(url, to, threads)
    requests = list(islice(same.requests(works, size=works.sender.request_size), most))
    works.engine.dispose()
    numbers = count(1)
    scheduler.collect_less()  # as ours; and a million recipients are no heap: nothing has to look through them
    _timed(lambda: _in_threads(threads, requests, lambda each: _hand_over(works.sender, each, next(numbers))))
    works.sender.close()


def _hand_over(sender: Sender, request: Request, number: int) -> None:
    sender.send(request.message, request.recipients, attempt_id=number)


def _in_threads(threads: int, things: Iterable[Any], deed: Callable[[Any], object]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(deed, things):
            pass


def _timed(deed: Callable[[], object]) -> None:
    say(ready=True)
    _wait()
    began, spent = time.perf_counter(), time.process_time()
    deed()
    say(seconds=time.perf_counter() - began, cpu=time.process_time() - spent)


def post_built(url: str, to: int, threads: int, most: int) -> None:
    """Hand letters that were built beforehand to a mail server: smtplib's own `sendmail` in a loop."""
    works = _works(url, to, threads)
    letters = [_built(each) for each in islice(same.requests(works, size=1), most)]
    works.engine.dispose()
    gc.freeze()
    _timed(
        lambda: _in_threads(threads, [letters[n::threads] for n in range(threads)], lambda each: _loop(to, each))
    )


def _built(request: Request) -> Envelope:
    return Letter(request.message).to(request.recipients[0], datetime.now(UTC))


def _loop(port: int, letters: Sequence[Envelope]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as line:
        for letter in letters:
            line.sendmail(letter.sender, [letter.address], letter.content)


# -- what comes back ----------------------------------------------------------------------------


def post_events(to: str, folder: str, key: str) -> None:
    """Post the bodies in a folder, signed. key: PEM."""
    signed = [hook.signed(path.read_bytes(), key) for path in sorted(Path(folder).iterdir())]
    _timed(
        lambda: _in_threads(
            AT_ONCE, [signed[n::AT_ONCE] for n in range(AT_ONCE)], lambda each: hook.post(to, each)
        )
    )


def fold_bare(url: str, folder: str) -> None:
    """Fold the bodies in a folder, each in its transaction, with neither network nor store."""
    works = _works(url, "http://127.0.0.1:9", 1)
    bodies = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    _timed(lambda: deque(map(partial(hook.fold, works), bodies), maxlen=0))


def fold_stored(url: str, bodies: int) -> None:
    """Fold what the endpoint has stored, as it comes, until so many are folded."""
    works = _works(url, "http://127.0.0.1:9", 1)
    _timed(lambda: hook.fold_until(works, bodies))


ROLES: dict[str, Callable[..., None]] = {
    role.__name__: role for role in (work, post, post_built, post_events, fold_bare, fold_stored)
}

if __name__ == "__main__":
    begin(ROLES)
