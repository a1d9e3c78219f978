"""Decide which revision governs a member, and from when. Pure: facts in, spans out.

The ratchet: facts of one policy and one member are folded in order of time. The same facts give the same
spans, in whatever order they are handed over, and nothing recorded at an instant changes an earlier answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple

FactId = str  # opaque: names the row that a fact came from


class Rule(StrEnum):
    """How a revision comes to apply to a member."""

    POSTING = "posting"
    NOTICE = "notice"
    ACCEPTANCE = "acceptance"


class Basis(StrEnum):
    """Why a span began."""

    JOINED = "joined"
    FIRST = "first"
    POSTED = "posted"
    NOTICE = "notice"
    ACCEPTANCE = "acceptance"


# Facts. `at` (aware, UTC) is a fact's place in time; PLACE its place within one instant.


@dataclass(frozen=True, slots=True)
class Published:
    PLACE: ClassVar[int] = 0
    at: datetime
    revision: int
    effective_at: datetime
    rule: Rule = Rule.POSTING
    period: timedelta = timedelta()
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    PLACE: ClassVar[int] = 1
    at: datetime
    revision: int
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Decided:
    PLACE: ClassVar[int] = 2
    at: datetime
    revision: int
    significant: bool
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Joined:
    PLACE: ClassVar[int] = 3
    at: datetime
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Guardianship:
    """A guardian was set, or from here there is none."""

    PLACE: ClassVar[int] = 4
    at: datetime
    present: bool
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """The provider took a letter, or the site notice was shown: counts for every revision in (base, revision].

    not_before: the date stated in the letter; the member does not move before it.
    """

    PLACE: ClassVar[int] = 5
    at: datetime
    revision: int
    base: int = 0
    not_before: datetime | None = None
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Undone:
    """A bounce, drop, failure or recall of the notice with that id."""

    PLACE: ClassVar[int] = 6
    at: datetime
    notice: FactId
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    PLACE: ClassVar[int] = 7
    at: datetime
    revision: int
    kind: str  # read, accepted, declined, consent withdrawn
    by_guardian: bool = False
    id: FactId = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """Erasure, or `retained_until` has come."""

    PLACE: ClassVar[int] = 8
    at: datetime
    id: FactId = ""


Fact = Published | Withdrawn | Decided | Joined | Guardianship | Noticed | Undone | Acknowledged | Ended


class Span(NamedTuple):
    """A revision governs a member on [start, end)."""

    revision: int
    start: datetime  # aware, UTC
    end: datetime | None  # None: still governs
    basis: Basis
    evidence: FactId  # the fact that tipped it
    rests_on: tuple[FactId, ...] = ()  # all that it rests on: that fact first, then the others, each once


class Timeline(NamedTuple):
    """Contiguous spans from the first text a member was under to the end, if there is one."""

    spans: tuple[Span, ...]

    def at(self, instant: datetime) -> Span | None:
        """The span that governs an instant; None before the first and after the end."""
        for span in self.spans:
            if span.start <= instant and (span.end is None or instant < span.end):
                return span
        return None


class _Met(NamedTuple):
    at: datetime
    basis: Basis
    evidence: FactId


@dataclass(slots=True)
class _State:
    """What is known at the instant the fold has come to."""

    revisions: dict[int, Published] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)  # of those that are live, ascending
    withdrawn: dict[int, Withdrawn] = field(default_factory=dict)
    decided: dict[int, Decided] = field(default_factory=dict)
    joined: Joined | None = None
    guardianship: Guardianship | None = None
    standing: list[Noticed] = field(default_factory=list)  # given and not undone
    undone: set[FactId] = field(default_factory=set)
    accepted: list[Acknowledged] = field(default_factory=list)
    ended: bool = False

    def learn(self, fact: Fact) -> None:
        match fact:
            case Published():
                self.revisions[fact.revision] = fact
                self._list(fact.revision)
            case Withdrawn():
                self.withdrawn[fact.revision] = fact
                self._list(fact.revision)
            case Decided():
                self.decided[fact.revision] = fact
            case Joined():
                self.joined = self.joined or fact  # set once
            case Guardianship():
                self.guardianship = fact
            case Noticed():
                self._give(fact)
            case Undone():
                self.undone.add(fact.notice)
                self.standing = [notice for notice in self.standing if notice.id != fact.notice]
            case Acknowledged(kind="accepted"):
                self.accepted.append(fact)
            case Acknowledged(kind="read"):
                self._give(_as_notice(fact))
            case Ended():
                self.ended = True

    def _list(self, number: int) -> None:
        """Keep the live revisions' numbers in order: the fold walks along them at every instant."""
        place = bisect_left(self.numbers, number)
        listed = self.numbers[place : place + 1] == [number]
        if number in self.withdrawn and listed:
            del self.numbers[place]
        elif number not in self.withdrawn and not listed:
            self.numbers.insert(place, number)

    def _give(self, notice: Noticed) -> None:
        if notice.id not in self.undone:
            self.standing.append(notice)

    def live(self, after: int = 0) -> Iterator[Published]:
        """Revisions not withdrawn, by number."""
        return (self.revisions[number] for number in self.numbers[bisect_right(self.numbers, after) :])

    @property
    def guardian(self) -> bool:
        return self.guardianship is not None and self.guardianship.present

    def significant(self, number: int) -> bool:
        """Undecided counts as significant."""
        decision = self.decided.get(number)
        return decision is None or decision.significant

    def in_force(self, at: datetime, after: int = 0) -> Published | None:
        """The last live revision in force; None where that is none after that number."""
        for number in reversed(self.numbers):
            if number <= after:
                break
            if self.revisions[number].effective_at <= at:
                return self.revisions[number]
        return None


def timeline(facts: Iterable[Fact]) -> Timeline:
    """Fold facts of one policy and one member into spans.

    facts: in any order, `at` aware (UTC); at most one Joined counts, the earliest. Spans that begin after the
    last fact are a forecast: what follows if nothing more is recorded.
    """
    known = sorted(facts, key=_place)
    state, spans = _State(), list[Span]()
    for instant, arrived in _instants(known):
        for fact in arrived:
            state.learn(fact)
        if state.joined is None:
            continue
        if state.ended:
            _close(spans, instant)
            break
        _step(state, spans, instant)
    return Timeline(tuple(spans))


def told(facts: Iterable[Fact], at: datetime) -> int:
    """Return the last revision a member was told of, or joined under, up to an instant; 0 for none.

    A notice that was undone since does not count; a withdrawn revision gives way to the last one before it that
    the member was told of.
    """
    known = sorted((fact for fact in facts if fact.at <= at), key=_place)
    state = _State()
    for fact in known:
        state.learn(fact)
    began = joined_under(known)
    return max(
        (
            r.revision
            for r in state.live()
            if r.revision <= began or any(_covers(notice, r.revision) for notice in state.standing)
        ),
        default=0,
    )


def joined_under(facts: Iterable[Fact]) -> int:
    """Return the revision in force when the member joined; 0 for none."""
    known = list(facts)
    joined = min((fact.at for fact in known if isinstance(fact, Joined)), default=None)
    if joined is None:
        return 0
    state = _State()
    for fact in known:
        if fact.at <= joined and isinstance(fact, Published | Withdrawn):
            state.learn(fact)
    began = state.in_force(joined)
    return began.revision if began else 0


def _place(fact: Fact) -> tuple[object, ...]:
    """Order within one instant; of two that contradict each other the one that protects the member is last."""
    return fact.at, fact.PLACE, _protects(fact), getattr(fact, "revision", 0), fact.id


def _protects(fact: Fact) -> bool:
    return (isinstance(fact, Decided) and fact.significant) or (isinstance(fact, Guardianship) and fact.present)


def _instants(known: list[Fact]) -> Iterator[tuple[datetime, list[Fact]]]:
    """Every instant at which an answer may change, with the facts that arrive at it, in order."""
    arrivals: dict[datetime, list[Fact]] = {}
    for fact in known:
        arrivals.setdefault(fact.at, []).append(fact)
    published = [fact for fact in known if isinstance(fact, Published)]
    later = {fact.effective_at for fact in published}
    by_notice = [fact for fact in published if fact.rule is Rule.NOTICE]
    for notice in _notices(known):
        later.update(deadline(notice, r) for r in by_notice if _covers(notice, r.revision))
    for instant in sorted(arrivals.keys() | later):
        yield instant, arrivals.get(instant, [])


def _notices(known: list[Fact]) -> Iterator[Noticed]:
    for fact in known:
        if isinstance(fact, Noticed):
            yield fact
        elif isinstance(fact, Acknowledged) and fact.kind == "read":
            yield _as_notice(fact)


def _as_notice(read: Acknowledged) -> Noticed:
    """`read` is a notice, and only that: who has read a text knows all that led to it."""
    return Noticed(read.at, read.revision, id=read.id)


def _covers(notice: Noticed, revision: int) -> bool:
    return notice.base < revision <= notice.revision


def deadline(notice: Noticed, revision: Published) -> datetime:
    """From when a notice meets a revision under the notice rule: its period over, and the stated date come."""
    given = notice.at + revision.period
    return given if notice.not_before is None else max(given, notice.not_before)


def _step(state: _State, spans: list[Span], instant: datetime) -> None:
    """Start the timeline, or take the move that is open at this instant."""
    if spans:
        _move(state, spans, instant)
        return
    began, member = state.in_force(instant), state.joined
    assert member is not None
    if began is None:
        return
    at_once = member.at == instant
    basis, first, other = (Basis.JOINED, member, began) if at_once else (Basis.FIRST, began, member)
    gave_way = (w.id for number, w in sorted(state.withdrawn.items()) if number > began.revision)
    spans.append(Span(began.revision, instant, None, basis, first.id, (first.id, other.id, *gave_way)))


def _move(state: _State, spans: list[Span], instant: datetime) -> None:
    current = spans[-1].revision
    furthest = state.in_force(instant, after=current)
    if furthest is None:  # so it is at most instants
        return
    target: Published | None = None
    reasons: dict[int, _Met] = {}
    passed: dict[int, _Met] = {}  # up to the revision looked at; what lies beyond the target tipped nothing
    for revision in state.live(after=current):
        if revision.revision > furthest.revision:
            break
        if state.significant(revision.revision):
            met = _met(state, revision, instant)
            if met is None:
                break
            passed[revision.revision] = met
        if revision.effective_at <= instant:
            target, reasons = revision, dict(passed)
    if target is not None:
        _close(spans, instant)
        rests_on = tuple(_grounds(state, current, target, reasons))
        spans.append(_span(target, reasons.values(), instant, rests_on))


def _span(target: Published, reasons: Iterable[_Met], instant: datetime, rests_on: tuple[FactId, ...]) -> Span:
    """The basis is the requirement met last; posting asks for nothing, so it is named only when alone."""
    asked = [met for met in reasons if met.basis is not Basis.POSTED]
    tipping = max(asked, key=lambda met: (met.at, met.evidence), default=_Met(instant, Basis.POSTED, target.id))
    once = tuple(dict.fromkeys((tipping.evidence, *rests_on)))
    return Span(target.revision, instant, None, tipping.basis, tipping.evidence, once)


def _grounds(state: _State, current: int, target: Published, reasons: Mapping[int, _Met]) -> Iterator[FactId]:
    """Of every revision that a move passed: its text, what was decided, what met it; or that it was withdrawn."""
    for number in sorted(state.revisions):
        if not current < number <= target.revision:
            continue
        if number in state.withdrawn:
            yield state.withdrawn[number].id
            continue
        yield state.revisions[number].id
        if number in state.decided:
            yield state.decided[number].id
        if number in reasons:
            yield reasons[number].evidence
    if reasons and state.guardianship is not None:
        yield state.guardianship.id


def _close(spans: list[Span], instant: datetime) -> None:
    if spans:
        spans[-1] = spans[-1]._replace(end=instant)


def _met(state: _State, revision: Published, instant: datetime) -> _Met | None:
    """Whether what a significant revision asks for is done at an instant, and by which fact."""
    ways = [_by_acceptance(state, revision)]
    if not state.guardian:
        ways.append(_by_rule(state, revision))
    done = [met for met in ways if met is not None and met.at <= instant]
    return min(done, key=lambda met: (met.at, met.evidence), default=None)


def _by_acceptance(state: _State, revision: Published) -> _Met | None:
    """An acceptance of a revision meets every significant one up to it; a ward's own meets none."""
    counting = [
        (ack.at, ack.id)
        for ack in state.accepted
        if ack.revision >= revision.revision and (ack.by_guardian or not state.guardian)
    ]
    if not counting:
        return None
    at, evidence = min(counting)
    return _Met(at, Basis.ACCEPTANCE, evidence)


def _by_rule(state: _State, revision: Published) -> _Met | None:
    if revision.rule is Rule.POSTING:
        return _Met(revision.at, Basis.POSTED, revision.id)
    if revision.rule is Rule.ACCEPTANCE:
        return None
    covering = [notice for notice in state.standing if _covers(notice, revision.revision)]
    if not covering:
        return None
    earliest = min(notice.at for notice in covering)
    # of two given at one instant the later stated date binds: nobody moves before the date in their letter
    due, evidence = max((deadline(notice, revision), notice.id) for notice in covering if notice.at == earliest)
    return _Met(due, Basis.NOTICE, evidence)
