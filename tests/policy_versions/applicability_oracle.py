"""A second opinion on the ratchet, written from DOMAIN.md alone and as slow as it likes; and random histories.

It asks, for one day after another, what is on record that day and what follows from it: plain sets, no order of
facts, no state but the revision that governed the day before. All times must lie on whole days from EPOCH.

Where DOMAIN.md leaves a choice, it takes that of the code: a `read` gives no notice by itself; the date in a later
letter does not put off the earliest notice; what a ward accepted counts once they have no guardian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from hypothesis import strategies as st

from policy_versions.applicability import (
    Acknowledged,
    Decided,
    Ended,
    Fact,
    Guardianship,
    Joined,
    Noticed,
    Published,
    Rule,
    Undone,
    Withdrawn,
)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Kind = TypeVar("Kind")
Governed = tuple[int, datetime, datetime | None]  # revision, from, to (None: for good)


def every(facts: Iterable[Fact], kind: type[Kind]) -> list[Kind]:
    return [fact for fact in facts if isinstance(fact, kind)]


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record at one instant."""

    facts: Sequence[Fact]
    now: datetime

    def every(self, kind: type[Kind]) -> list[Kind]:
        return every([fact for fact in self.facts if fact.at <= self.now], kind)

    def live(self) -> dict[int, Published]:
        withdrawn = {fact.revision for fact in self.every(Withdrawn)}
        return {fact.revision: fact for fact in self.every(Published) if fact.revision not in withdrawn}

    def effective(self) -> set[int]:
        return {number for number, revision in self.live().items() if revision.effective_at <= self.now}

    def significant(self, number: int) -> bool:
        """The latest decision stands; of two at once the significant one; undecided counts as significant."""
        decisions = [fact for fact in self.every(Decided) if fact.revision == number]
        latest = max((fact.at for fact in decisions), default=None)
        return not decisions or any(fact.significant for fact in decisions if fact.at == latest)

    def guarded(self) -> bool:
        """Whether there is a guardian; of set and ended at once, where DOMAIN.md is silent, set stands."""
        changes = self.every(Guardianship)
        latest = max((fact.at for fact in changes), default=None)
        return any(fact.present for fact in changes if fact.at == latest)

    def accepted(self, number: int, *, by_guardian_only: bool) -> bool:
        return any(
            fact.kind == "accepted" and fact.revision >= number and (fact.by_guardian or not by_guardian_only)
            for fact in self.every(Acknowledged)
        )

    def standing(self) -> list[Noticed]:
        undone = {fact.notice for fact in self.every(Undone)}
        return [fact for fact in self.every(Noticed) if fact.id not in undone]

    def period_is_over(self, revision: Published) -> bool:
        """By the earliest standing notice: its period has run, its date has come; of two at once, both."""
        notices = [fact for fact in self.standing() if fact.base < revision.revision <= fact.revision]
        earliest = [fact for fact in notices if fact.at == min(notice.at for notice in notices)]
        stated = [fact.not_before for fact in earliest if fact.not_before is not None]
        return bool(earliest) and max([earliest[0].at + revision.period, *stated]) <= self.now

    def met(self, number: int) -> bool:
        if self.guarded():
            return self.accepted(number, by_guardian_only=True)
        revision = self.live()[number]
        in_its_own_way = {
            Rule.POSTING: True,
            Rule.NOTICE: self.period_is_over(revision),
            Rule.ACCEPTANCE: False,
        }
        return in_its_own_way[revision.rule] or self.accepted(number, by_guardian_only=False)

    def may_move(self, here: int, there: int) -> bool:
        between = {number for number in self.live() if here < number <= there}
        return all(self.met(number) for number in between if self.significant(number))

    def move(self, here: int) -> int:
        return max({there for there in self.effective() if there > here and self.may_move(here, there)} | {here})

    def retained(self) -> bool:
        return bool(self.every(Joined)) and not self.every(Ended)


def governing(facts: Sequence[Fact]) -> Iterator[tuple[datetime, int | None]]:
    """What governs on each day, from EPOCH until nothing can change any more."""
    here: int | None = None
    for today in days(facts):
        record = Record(facts, today)
        if not record.retained():
            yield today, None
            continue
        # A timeline starts under what is in force, whatever its rule; from then on it only moves.
        here = record.move(here) if here is not None else max(record.effective(), default=None)
        yield today, here


def days(facts: Sequence[Fact]) -> list[datetime]:
    """Every day on which anything could happen, and one more."""
    times = [EPOCH]
    for fact in facts:
        times += [
            getattr(fact, name) for name in ("at", "effective_at", "not_before") if getattr(fact, name, None)
        ]
    periods = [fact.period for fact in every(facts, Published)]
    last = max(times) + max(periods, default=DAY) + DAY
    return [EPOCH + DAY * number for number in range((last - EPOCH).days + 1)]


def spans(facts: Sequence[Fact]) -> list[Governed]:
    """The days run together; a span that reaches the last day has no end."""
    found: list[Governed] = []
    for today, revision in governing(facts):
        if found and found[-1][2] is None and found[-1][0] != revision:
            found[-1] = (*found[-1][:2], today)
        if revision is not None and (not found or found[-1][2] is not None):
            found.append((revision, today, None))
    return found


def told(facts: Sequence[Fact], now: datetime) -> int:
    """The last revision a member was told of by a notice that has not failed since, or joined under; 0 for none.

    A notice of r counts for every revision after its base up to r; a withdrawn revision is never a base.
    """
    record = Record(facts, now)
    if not record.every(Joined):
        return 0
    counted = {number for fact in record.standing() for number in range(fact.base + 1, fact.revision + 1)}
    return max(({joined_under(facts)} | counted) & {0, *record.live()}, default=0)


def joined_under(facts: Sequence[Fact]) -> int:
    """The revision in force at `joined_at`; 0 for none."""
    joined = [fact.at for fact in every(facts, Joined)]
    return max(Record(facts, min(joined)).effective(), default=0) if joined else 0


def day(number: int) -> datetime:
    return EPOCH + DAY * number


rules = st.sampled_from((Rule.POSTING, Rule.NOTICE, Rule.NOTICE, Rule.NOTICE, Rule.ACCEPTANCE))


@st.composite
def policies(draw: st.DrawFn) -> list[Fact]:
    """Up to six revisions as a publisher may make them; only the latest is withdrawn, before it is in force."""
    facts: list[Fact] = []
    live: list[Published] = []
    today = 0
    for number in range(1, draw(st.integers(1, 6)) + 1):
        today += draw(st.integers(0, 4))
        floor = max([day(today), *(revision.effective_at for revision in live)])
        effective, period = floor + DAY * draw(st.integers(0, 5)), DAY * draw(st.integers(3, 5))
        live.append(Published(day(today), number, effective, draw(rules), period, f"revision {number}"))
        facts += [live[-1], *draw(decisions(number, today))]
        while live and live[-1].effective_at > day(today) and draw(st.integers(0, 4)) == 4:
            today = draw(st.integers(today, (live[-1].effective_at - EPOCH).days - 1))
            facts.append(Withdrawn(day(today), live.pop().revision, f"withdrawal {len(facts)}"))
    return facts


@st.composite
def decisions(draw: st.DrawFn, number: int, published: int) -> list[Fact]:
    """None, one, or one that persons decided again, up or down, perhaps at the same instant."""
    made = draw(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=3))
    return [
        Decided(day(published + after), number, significant, f"decision {number}.{index}")
        for index, (after, significant) in enumerate(made)
    ]


@st.composite
def members(draw: st.DrawFn, policy: Sequence[Fact]) -> list[Fact]:
    """One member: joined at any time, told, bounced, answered; nothing is told of what is not yet published."""
    joined = draw(st.integers(0, 6) | st.integers(0, 14))
    facts: list[Fact] = [Joined(day(joined), "member")]
    for index, (after, present) in enumerate(draw(guardianships)):
        facts.append(Guardianship(day(joined + after), present, f"guardian {index}"))
    for revision in every(policy, Published):
        earliest = max(revision.at, day(joined))
        for index in range(draw(st.sampled_from((0, 1, 1, 2)))):
            facts += draw(notices(revision, earliest, f"notice {revision.revision}.{index}"))
        for index in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
            facts.append(draw(acknowledgements(revision, earliest, f"answer {revision.revision}.{index}")))
    if draw(st.integers(0, 5)) == 5:
        facts.append(Ended(day(joined + draw(st.integers(0, 30))), "end"))
    return facts


no_guardian: st.SearchStrategy[list[tuple[int, bool]]] = st.just([])
guardianships = no_guardian | st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=3)


@st.composite
def notices(draw: st.DrawFn, revision: Published, earliest: datetime, name: str) -> list[Fact]:
    """A notice, with or without a date in the letter, and perhaps its bounce."""
    at = earliest + DAY * draw(st.integers(0, 5))
    stated = draw(st.none() | st.integers(0, 9).map(lambda days: at + DAY * days))
    base = draw(st.just(0) | st.integers(max(0, revision.revision - 3), revision.revision - 1))
    given: list[Fact] = [Noticed(at, revision.revision, base, stated, name)]
    if draw(st.integers(0, 2)) == 2:
        given.append(Undone(at + DAY * draw(st.integers(0, 8)), name, f"bounce of {name}"))
    return given


@st.composite
def acknowledgements(draw: st.DrawFn, revision: Published, earliest: datetime, name: str) -> Acknowledged:
    at = earliest + DAY * draw(st.integers(0, 8))
    kind = draw(st.sampled_from(("accepted", "accepted", "read", "declined", "consent withdrawn")))
    return Acknowledged(at, revision.revision, kind, draw(st.booleans()), name)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """A policy and one of its members."""
    policy = draw(policies())
    return [*policy, *draw(members(policy))]
