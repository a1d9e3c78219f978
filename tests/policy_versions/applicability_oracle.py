"""A second opinion on the ratchet, written from DOMAIN.md alone and as slow as it likes; and random histories.

It asks, for one day after another, what is on record that day and what follows from it: plain sets, no order of
facts, no state but the revision that governed the day before. All times must lie on whole days from EPOCH.

Where DOMAIN.md leaves a choice, it takes that of the code: a `read` is a notice of all that led to it; the date in
a later letter does not put off the earliest notice; what a ward accepted counts once they have no guardian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice, product
from typing import Any, TypeVar

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
        reads = [fact for fact in self.every(Acknowledged) if fact.kind == "read"]
        return [
            *(fact for fact in self.every(Noticed) if fact.id not in undone),
            *(Noticed(fact.at, fact.revision, id=fact.id) for fact in reads),
        ]

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


# Each strategy below draws a whole row at once: that is several times as fast as a draw for each field of it.


def one_of_each(*fields: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.sampled_from(list(product(*fields)))


RULES = (Rule.POSTING, Rule.NOTICE, Rule.NOTICE, Rule.NOTICE, Rule.ACCEPTANCE)
KINDS = ("accepted", "accepted", "accepted", "read", "declined", "consent withdrawn")
VERDICTS = ("", "m", "s", "mm", "ms", "sm", "ss", "msm", "sms")  # minor, significant: as persons decided again
revisions = one_of_each(range(5), range(6), RULES, (3, 4, 5))  # waits, holds, rule, period; all in days
withdrawals = st.sampled_from((False, False, False, False, True))
decisions = one_of_each(VERDICTS, range(5), range(4), range(4))  # verdicts, and how long each took
notices = one_of_each(range(6), (None, *range(10)), (None, *range(8), *[None] * 8), (0, 1, 2, 9))
answers = one_of_each(range(9), KINDS, (False, True))
guardianships = one_of_each((None, None, *range(12)), (None, None, *range(8)), (True, False))


@st.composite
def policies(draw: st.DrawFn) -> list[Fact]:
    """Up to six revisions as a publisher may make them; only the latest is withdrawn, before it is in force."""
    facts: list[Fact] = []
    live: list[Published] = []
    today = 0
    for number in range(1, draw(st.integers(1, 6)) + 1):
        waits, holds, rule, period = draw(revisions)
        today += waits
        effective = max([day(today), *(revision.effective_at for revision in live)]) + DAY * holds
        live.append(Published(day(today), number, effective, rule, DAY * period, f"revision {number}"))
        facts += [live[-1], *decided(number, today, draw(decisions))]
        while live and live[-1].effective_at > day(today) and draw(withdrawals):
            today = draw(st.integers(today, (live[-1].effective_at - EPOCH).days - 1))
            facts.append(Withdrawn(day(today), live.pop().revision, f"withdrawal {len(facts)}"))
    return facts


def decided(number: int, published: int, drawn: tuple[Any, ...]) -> list[Fact]:
    """None, one, or one that persons decided again, up or down, perhaps at the same instant."""
    times = accumulate(drawn[1:], initial=published)
    return [
        Decided(day(at), number, verdict == "s", f"decision {number}.{at}{verdict}{index}")
        for index, (verdict, at) in enumerate(zip(drawn[0], islice(times, 1, None), strict=False))
    ]


@st.composite
def members(draw: st.DrawFn, policy: Sequence[Fact]) -> list[Fact]:
    """One member: joined at any time, told, bounced, answered; nothing is told of what is not yet published."""
    joined = draw(st.sampled_from((*range(8), *range(15))))
    facts: list[Fact] = [Joined(day(joined), "member")]
    guardian_set, guardian_lasts, again = draw(guardianships)
    if guardian_set is not None:
        facts.append(Guardianship(day(joined + guardian_set), True, "guardian"))
        if guardian_lasts is not None:
            facts.append(Guardianship(day(joined + guardian_set + guardian_lasts), False, "no guardian"))
            facts += [Guardianship(day(joined + guardian_set + 9), True, "another guardian")] if again else []
    for revision in every(policy, Published):
        earliest = max(revision.at, day(joined))
        for index in range(draw(st.sampled_from((0, 1, 1, 2)))):
            facts += noticed(revision.revision, earliest, f"notice {revision.revision}.{index}", draw(notices))
        for index in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
            after, kind, by_guardian = draw(answers)
            name = f"answer {revision.revision}.{index}"
            facts.append(Acknowledged(earliest + DAY * after, revision.revision, kind, by_guardian, name))
    lasts = draw(st.sampled_from((*[None] * 150, *range(30))))
    return facts if lasts is None else [*facts, Ended(day(joined + lasts), "end")]


def noticed(number: int, earliest: datetime, name: str, drawn: tuple[Any, ...]) -> list[Fact]:
    """A notice, with or without a date in the letter, and perhaps its bounce."""
    after, stated, fails, back = drawn
    at = earliest + DAY * after
    not_before = None if stated is None else at + DAY * stated
    given: list[Fact] = [Noticed(at, number, max(0, number - 1 - back), not_before, name)]
    return given if fails is None else [*given, Undone(at + DAY * fails, name, f"bounce of {name}")]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """A policy and one of its members."""
    policy = draw(policies())
    return [*policy, *draw(members(policy))]
