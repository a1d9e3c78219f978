"""What became of a campaign: judged by the provider's journal, the log of violence and the ledger. Pure.

The rules: nobody is lost; nobody is written to again whose letter was known to be taken when the repeat began;
each repeat follows an attempt that was listed as unknown before; and what the ledger says of an attempt is true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from tests.crash.journal import Request
from tests.crash.rows import NEVER, Attempt, Ledger, Violence

NOT_TAKEN = ("not_sent", "refused", "halved")  # the ledger says that nobody got a letter by these
UNSETTLED = ("started", "unknown")


class Restored(NamedTuple):
    """What was found after a restore; empty throughout when the rules held, but for the two numbers."""

    lost: tuple[str, ...]  # addresses that the provider never took, before or after
    unlisted: tuple[int, ...]  # deliveries taken again that the restored ledger did not list as unknown
    early: tuple[int, ...]  # requests that came before a person had said that letters may leave
    unsettled: tuple[str, ...]
    repeats: int
    listed: int  # deliveries that were listed as unknown

    @property
    def violations(self) -> dict[str, object]:
        found = {name: getattr(self, name) for name in ("lost", "unlisted", "early", "unsettled")}
        return {name: value for name, value in found.items() if value}


class Repeat(NamedTuple):
    """A letter taken by two attempts. known_at: when it was first known to have been taken before."""

    delivery: int
    earlier: int
    later: int
    known_at: float
    began: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The violations, each as what it concerns; empty throughout when the rules held."""

    lost: tuple[str, ...]  # addresses that the provider never took
    needless: tuple[Repeat, ...]  # taken again though known to be taken
    unlisted: tuple[int, ...]  # attempts open at a kill, or repeated, and not listed as unknown before
    untrue: tuple[int, ...]  # attempts whose recorded fate is not what the provider did
    astray: tuple[int, ...]  # attempts that carried letters which are not theirs, or went out twice
    unmarked: tuple[Repeat, ...]  # of two attempts known to be taken neither is marked as a duplicate
    unsettled: tuple[str, ...]  # what still waits
    excess: int  # repeats beyond the recipients of the attempts that may be repeated

    @property
    def violations(self) -> dict[str, object]:
        """What is not as it should be, by name."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value}


class Counts(NamedTuple):
    """The numbers behind a verdict. letters: taken in all."""

    kills: int
    inside: int
    letters: int
    repeats: int
    after_violence: int  # repeats of attempts open at a kill, a stop or a cut
    open_recipients: int  # recipients of those attempts
    after_silence: int  # repeats of other attempts that were listed as unknown: a reset, a 500, no answer
    silent_recipients: int
    duplicates: int  # attempts marked as taken twice
    heard: int  # events recorded


def judge(requests: Sequence[Request], violence: Sequence[Violence], ledger: Ledger) -> Verdict:
    taken = [request for request in requests if request.taken is not None]
    found = list(repeats(taken, ledger))
    counted = count(requests, violence, ledger)
    return Verdict(
        lost=tuple(_lost(taken, ledger)),
        needless=tuple(each for each in found if each.known_at < each.began),
        unlisted=tuple(sorted(set(_unlisted(violence, found, ledger)))),
        untrue=tuple(_untrue(taken, ledger)),
        astray=tuple(sorted(set(_astray(taken, ledger)))),
        unmarked=tuple(_unmarked(found, ledger)),
        unsettled=tuple(_unsettled(ledger)),
        excess=max(0, counted.after_violence - counted.open_recipients)
        + max(0, counted.after_silence - counted.silent_recipients),
    )


def count(requests: Sequence[Request], violence: Sequence[Violence], ledger: Ledger) -> Counts:
    taken = [request for request in requests if request.taken is not None]
    found = list(repeats(taken, ledger))
    struck = {id for each in violence for id in _open(each, requests, ledger)}
    silent = {each.id for each in ledger.attempts.values() if each.doubted_at is not None} - struck
    kills = [each for each in violence if each.what == "kill"]
    return Counts(
        kills=len(kills),
        inside=sum(is_inside(each, requests) for each in kills),
        letters=sum(len(request.letters) for request in taken),
        repeats=len(found),
        after_violence=sum(each.earlier in struck for each in found),
        open_recipients=sum(ledger.attempts[id].recipients for id in struck if id in ledger.attempts),
        after_silence=sum(each.earlier in silent for each in found),
        silent_recipients=sum(ledger.attempts[id].recipients for id in silent),
        duplicates=sum(each.duplicate for each in ledger.attempts.values()),
        heard=len(ledger.events),
    )


def is_inside(kill: Violence, requests: Iterable[Request]) -> bool:
    """Whether it fell between the first byte of a request and the commit of its answer."""
    return any(request.attempt in kill.open and request.came <= kill.at for request in requests)


def _open(violence: Violence, requests: Iterable[Request], ledger: Ledger) -> Iterator[int]:
    """The attempts that were open when it was done: as the ledger showed then, and as the times tell."""
    yield from violence.open
    if violence.what == "cut":
        for attempt in ledger.attempts.values():
            ended = min(attempt.doubted, NEVER if attempt.recorded_at is None else attempt.recorded_at)
            if attempt.started_at <= violence.until and ended >= violence.at:
                yield attempt.id
    for request in requests:
        its = ledger.attempts.get(request.attempt or 0)
        if its is None or request.caller != violence.caller or request.came > violence.until:
            continue
        if its.started_at <= violence.until and NEVER > its.doubted >= violence.at:
            yield its.id


# -- repeats ------------------------------------------------------------------------------------


def repeats(taken: Iterable[Request], ledger: Ledger) -> Iterator[Repeat]:
    """Each taking of a letter after its first, in the order in which the attempts began."""
    takings: defaultdict[int, dict[int, Attempt]] = defaultdict(dict)
    for request in taken:
        attempt = ledger.attempts.get(request.attempt or 0)
        if attempt is not None:
            for delivery, _ in request.letters:
                takings[delivery][attempt.id] = attempt
    known = _Known(ledger)
    for delivery, attempts in takings.items():
        if len(attempts) > 1:
            ordered = sorted(attempts.values(), key=lambda each: (each.started_at, each.id))
            for number, later in enumerate(ordered[1:], 1):
                first_known = min(known.at(delivery, each) for each in ordered[:number])
                yield Repeat(delivery, ordered[number - 1].id, later.id, first_known, later.started_at)


class _Known:
    """When a letter was known to be taken: its answer recorded, or an event of it or of its attempt."""

    def __init__(self, ledger: Ledger) -> None:
        self._of_attempts: dict[int, float] = {}
        self._of_deliveries: defaultdict[int, list[float]] = defaultdict(list)
        for event in ledger.events:
            self._of_deliveries[event.delivery].append(event.recorded_at)
            if event.attempt is not None:
                before = self._of_attempts.get(event.attempt, NEVER)
                self._of_attempts[event.attempt] = min(before, event.recorded_at)

    def at(self, delivery: int, attempt: Attempt) -> float:
        answered = attempt.recorded_at if attempt.state == "accepted" else None
        evidenced = self._of_attempts.get(attempt.id, NEVER)
        bare = min((at for at in self._of_deliveries[delivery] if at >= attempt.started_at), default=NEVER)
        return min(NEVER if answered is None else answered, evidenced, bare)


# -- the rules ----------------------------------------------------------------------------------


def _lost(taken: Iterable[Request], ledger: Ledger) -> Iterator[str]:
    reached = {delivery for request in taken for delivery, _ in request.letters}
    for delivery in ledger.deliveries.values():
        if delivery.id not in reached and not delivery.outcome:
            yield delivery.address


def _unlisted(violence: Iterable[Violence], found: Iterable[Repeat], ledger: Ledger) -> Iterator[int]:
    for kill in violence:
        if kill.what == "kill":
            yield from (id for id in kill.open if not _was_listed(ledger.attempts.get(id), kill))
    for repeat in found:
        if ledger.attempts[repeat.earlier].doubted > repeat.began:
            yield repeat.earlier


def _was_listed(attempt: Attempt | None, kill: Violence) -> bool:
    """Whether one that was open at a kill stood as unknown before it was settled.

    Two were never in doubt: one whose lease had not run out when an event of it came; and one whose answer the
    worker had asked to commit before it died, which the database did when it had been read as open already.
    """
    if attempt is None:
        return False
    if attempt.doubted_at is None:
        in_time = attempt.recorded_at is not None and attempt.recorded_at <= kill.until
        return attempt.settled_by == "event" or (attempt.settled_by == "answer" and in_time)
    return attempt.recorded_at is None or attempt.doubted_at <= attempt.recorded_at


def _untrue(taken: Sequence[Request], ledger: Ledger) -> Iterator[int]:
    carried = {request.attempt for request in taken}
    for attempt in ledger.attempts.values():
        if attempt.state == "accepted" and attempt.id not in carried:
            yield attempt.id
        if attempt.state in NOT_TAKEN and attempt.id in carried:
            yield attempt.id


def _astray(taken: Sequence[Request], ledger: Ledger) -> Iterator[int]:
    seen: set[int] = set()
    for request in taken:
        attempt = ledger.attempts.get(request.attempt or 0)
        if attempt is None or attempt.id in seen or len(request.letters) != attempt.recipients:
            yield request.attempt or 0
            continue
        seen.add(attempt.id)
        if not all(_belongs(delivery, address, attempt, ledger) for delivery, address in request.letters):
            yield attempt.id


def _belongs(delivery_id: int, address: str, attempt: Attempt, ledger: Ledger) -> bool:
    delivery = ledger.deliveries.get(delivery_id)
    if delivery is None or delivery.address != address:
        return False
    if delivery.batch != attempt.batch or delivery.position is None:
        return True  # it was placed anew since
    return attempt.first <= delivery.position < attempt.last


def _unmarked(found: Iterable[Repeat], ledger: Ledger) -> Iterator[Repeat]:
    for repeat in found:
        pair = (ledger.attempts[repeat.earlier], ledger.attempts[repeat.later])
        if all(each.state == "accepted" for each in pair) and not any(each.duplicate for each in pair):
            yield repeat


def _unsettled(ledger: Ledger) -> Iterator[str]:
    if ledger.state != "complete":
        yield f"the notice is {ledger.state}"
    for attempt in ledger.attempts.values():
        if attempt.state in UNSETTLED:
            yield f"attempt {attempt.id} is {attempt.state}"


# -- after a restore ----------------------------------------------------------------------------


def judge_restored(
    requests: Sequence[Request], listed: Ledger, final: Ledger, *, lost_at: float, lifted_at: float
) -> Restored:
    """Judge what came of a ledger that was put back. The numbers of attempts mean nothing across a restore.

    listed: the ledger as it stood once the restore was declared. lost_at: when the database that it replaces was
    lost. lifted_at: when a person said that letters may leave.
    """
    before = {d for r in requests if r.taken is not None and r.came <= lost_at for d, _ in r.letters}
    after = {d for r in requests if r.taken is not None and r.came > lost_at for d, _ in r.letters}
    doubtful = set(_listed(listed))
    return Restored(
        lost=tuple(d.address for d in final.deliveries.values() if d.id not in before | after),
        unlisted=tuple(sorted((before & after) - doubtful)),
        early=tuple(r.number for r in requests if lost_at < r.came < lifted_at),
        unsettled=tuple(_unsettled(final)),
        repeats=len(before & after),
        listed=len(doubtful),
    )


def _listed(ledger: Ledger) -> Iterator[int]:
    """The deliveries that an unknown attempt covers."""
    spans: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for attempt in ledger.attempts.values():
        if attempt.state == "unknown":
            spans[attempt.batch].append((attempt.first, attempt.last))
    for delivery in ledger.deliveries.values():
        at = delivery.position
        if at is not None and any(first <= at < last for first, last in spans[delivery.batch]):
            yield delivery.id
