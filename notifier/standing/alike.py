"""Fold once for all members who are alike. Pure: facts in, shapes of timelines out.

The fold compares instants with each other, and the names of facts where two come at one instant; it does nothing
else with them. So two members of a policy have the same timeline, but for the instants and names of their own,
when what happened to them is of the same sort and their instants stand in the same order, among each other and
among those of the policy. One of them is folded; the shape that is kept says of each span where its start and its
evidence are to be taken from. A start that is not found among the instants known makes no shape: that member is
folded alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from policy_versions.applicability import (
    Acknowledged,
    Basis,
    Fact,
    FactId,
    Noticed,
    Published,
    Rule,
    Span,
    Timeline,
    Undone,
    deadline,
)

JOINED = -1  # in place of one of a member's own facts: that they joined
ITSELF, UNDONE = 0, -1  # in place of a revision, of the instants of a fact

Key = tuple[object, ...]


class Order:
    """A policy's own instants; tells where another lies among them."""

    def __init__(self, instants: Iterable[datetime]) -> None:
        self._instants = sorted(set(instants))

    def place(self, at: datetime) -> int:
        """An odd number for one of them, an even one for the time between two."""
        instants = self._instants
        found = bisect_left(instants, at)
        return 2 * found + (found < len(instants) and instants[found] == at)

    def any_in(self, after: datetime, through: datetime) -> bool:
        """Whether one lies on (after, through]."""
        return bisect_right(self._instants, after) < bisect_right(self._instants, through)


class Own(NamedTuple):
    """A fact of a member's own, with all instants that follow from it.

    fact: for those of letters without its name, as it is the same for all whose letters were in one request.
    instants: by ITSELF, by UNDONE, and by each revision that it meets, from when it does.
    placed: the same with the place of each, as (instant, which, place). touches: these places, as bits.
    kind: two of one kind are alike, where no other touches their places.
    """

    fact: Fact
    instants: Mapping[int, datetime]
    placed: Sequence[tuple[datetime, int, int]]
    touches: int
    kind: int = 0
    attempt_id: int = 0  # of a letter


def own(fact: Fact, by_notice: Iterable[Published], order: Order, undone_at: datetime | None = None) -> Own:
    """by_notice: the revisions that are met by notice."""
    instants, touches = {ITSELF: fact.at}, 0
    notice = _as_notice(fact)
    if notice is not None:
        covered = (r for r in by_notice if notice.base < r.revision <= notice.revision)
        instants |= {r.revision: deadline(notice, r) for r in covered}
    if undone_at is not None:
        instants[UNDONE] = undone_at
    placed = tuple((at, which, order.place(at)) for which, at in instants.items())
    for _, _, place in placed:
        touches |= 1 << place
    return Own(fact, instants, placed, touches)


def by_notice(facts: Iterable[Fact]) -> list[Published]:
    return [fact for fact in facts if isinstance(fact, Published) and fact.rule is Rule.NOTICE]


def _as_notice(fact: Fact) -> Noticed | None:
    if isinstance(fact, Noticed):
        return fact
    if isinstance(fact, Acknowledged) and fact.kind == "read":
        return Noticed(fact.at, fact.revision, id=fact.id)
    return None


def sort(one: Own) -> Key:
    """What makes a fact alike to another, where nothing else happened at their places."""
    entries = sorted((at, "", 0, which, place) for at, which, place in one.placed)
    names = ("revision", "base", "kind", "by_guardian", "present")
    return (type(one.fact).__name__, *(getattr(one.fact, name, None) for name in names), *_ordered(entries))


def key(joined_at: datetime, owned: Sequence[Own], name: Callable[[int], FactId], order: Order) -> Key:
    """What makes members alike. name: of an own fact; it is asked for where two have instants at one place."""
    joined = order.place(joined_at)
    once, twice = 1 << joined, 0
    for one in owned:
        touches = one.touches
        twice |= once & touches
        once |= touches
    kinds = (joined, *[one.kind for one in owned])
    return (kinds, *_entangled((joined_at, "", JOINED, ITSELF, joined), owned, name, twice)) if twice else (kinds,)


_Entry = tuple[datetime, FactId, int, int, int]  # instant, name, which own fact, which of its instants; place


def _entangled(
    joining: _Entry, owned: Sequence[Own], name: Callable[[int], FactId], twice: int
) -> Iterator[object]:
    """The order of all instants at the places that several have instants at."""
    entries = [joining]
    for number, one in enumerate(owned):
        if one.touches & twice:
            named = name(number)
            entries += [(at, named, number, which, place) for at, which, place in one.placed]
    entries.sort()
    return _ordered(entries)


def _ordered(entries: Iterable[_Entry]) -> Iterator[object]:
    before = None
    for at, _, number, which, place in entries:
        yield place, at == before, number, which
        before = at


def facts(owned: Sequence[Own], names: Sequence[FactId]) -> list[Fact]:
    """A member's own facts as the fold takes them."""
    found: list[Fact] = []
    for one, name in zip(owned, names, strict=True):
        fact = one.fact
        if isinstance(fact, Noticed) and fact.id != name:
            fact = Noticed(fact.at, fact.revision, fact.base, fact.not_before, name)
        found.append(fact)
        if UNDONE in one.instants:
            found.append(Undone(one.instants[UNDONE], name, f"undoing:{name}"))
    return found


# -- shapes -------------------------------------------------------------------------------------


class Mark(NamedTuple):
    """A span of all who are alike. start: an instant of the policy's, or (which own fact, which of its instants).

    rests_on: names of the policy's facts, and numbers of own ones.
    """

    revision: int
    start: datetime | tuple[int, int]
    basis: Basis
    rests_on: tuple[FactId | int, ...]


class Shape(NamedTuple):
    """places: of the starts, each as late as the one before or later."""

    marks: Sequence[Mark]
    places: Sequence[int]


def shape(
    timeline: Timeline, joined_at: datetime, owned: Sequence[Own], own_names: Names, order: Order
) -> Shape | None:
    """A timeline with its starts and its evidence named; None where one has no name.

    own_names: those of `owned`, and of joining.
    """
    sources = {at: (number, which) for number, one in enumerate(owned) for which, at in one.instants.items()}
    sources[joined_at] = (JOINED, ITSELF)
    marks, places = [], []
    for span in timeline.spans:
        place = order.place(span.start)
        start = span.start if place % 2 else sources.get(span.start)
        if start is None:
            return None
        rests_on = tuple(own_names.get(name, name) for name in span.rests_on)
        marks.append(Mark(span.revision, start, span.basis, rests_on))
        places.append(place)
    return Shape(marks, places)


Names = Mapping[FactId, int]


@dataclass(slots=True)
class Life:
    """A member and what governs them by one policy. end: from then on they are erased, or not retained; or None.

    deliveries, which: the ids of their deliveries, and which of them each of their letters is of: they come first.
    """

    member_id: int
    external_id: str | None
    joined_at: datetime
    end: datetime | None
    recorded_at: datetime
    shape: Shape
    order: Order
    owned: Sequence[Own] = ()
    deliveries: str = ""
    which: Sequence[int] = ()

    def at(self, instant: datetime) -> Span | None:
        """The span that governs an instant."""
        if instant < self.joined_at or (self.end is not None and instant >= self.end):
            return None
        number = self._before(instant)
        return self.span(number) if number >= 0 else None

    def _before(self, instant: datetime) -> int:
        """The last span that has begun by an instant; -1 for none."""
        place = self.order.place(instant)
        number = bisect_right(self.shape.places, place) - 1
        while number >= 0 and self.shape.places[number] == place and self.start(number) > instant:
            number -= 1
        return number

    def start(self, number: int) -> datetime:
        start = self.shape.marks[number].start
        if isinstance(start, datetime):
            return start
        own_number, which = start
        return self.joined_at if own_number == JOINED else self.owned[own_number].instants[which]

    def first(self) -> datetime | None:
        """When the first span begins."""
        begins = self.start(0) if self.shape.marks else None
        return None if begins is None or (self.end is not None and begins >= self.end) else begins

    def span(self, number: int) -> Span:
        mark = self.shape.marks[number]
        end = self.start(number + 1) if number + 1 < len(self.shape.marks) else None
        if self.end is not None and (end is None or end > self.end):
            end = self.end
        rests_on = tuple(self.name(each) if isinstance(each, int) else each for each in mark.rests_on)
        return Span(mark.revision, self.start(number), end, mark.basis, rests_on[0], rests_on)

    def spans(self) -> list[Span]:
        numbers = range(len(self.shape.marks))
        return [self.span(n) for n in numbers if self.end is None or self.start(n) < self.end]

    def name(self, number: int) -> FactId:
        """Of an own fact."""
        if number == JOINED:
            return f"member:{self.member_id}"
        one = self.owned[number]
        if not one.attempt_id:
            return one.fact.id
        return f"delivery:{self.deliveries.split(',')[self.which[number]]}:{one.attempt_id}"
