"""What is the same for every member of a policy: read once, and again when more of it is on record.

The stamp is read in the statement that reads the members. It counts rows that are never changed or deleted, so an
equal stamp means the same facts, whichever transactions were how late to commit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlmodel import Session

from notifier import facts
from notifier.facts import PolicyFacts
from notifier.standing import alike
from notifier.standing.alike import Key, Order, Own, Shape
from notifier.standing.answers import Text
from policy_versions import archive
from policy_versions.applicability import Fact, FactId, Joined, Noticed, Published, deadline, timeline
from policy_versions.archive import Entry, History
from policy_versions.models import Policy

MOST_KEPT = 50_000  # shapes of timelines, and letters, of a policy


class Stamp(NamedTuple):
    """How much is on record of a policy: texts, decisions, withdrawals, imported tellings."""

    texts: int
    decisions: int
    withdrawals: int
    tellings: int


@dataclass(slots=True)
class Ground:
    """texts: by number. shapes: of members who are alike. Safe between threads: what is lost is made again."""

    stamp: Stamp
    policy_id: int
    slug: str
    title: str
    texts: Mapping[int, Text]
    facts: PolicyFacts
    order: Order
    by_notice: list[Published]
    shapes: dict[Key, Shape] = field(default_factory=dict)
    _letters: dict[Key, Own] = field(default_factory=dict)
    _kinds: dict[Key, int] = field(default_factory=dict)
    _numbering: threading.Lock = field(default_factory=threading.Lock)

    def letter(self, row: tuple[int, int | None, int, datetime, datetime | None, datetime | None]) -> Own:
        """What a request that was taken is for all whose letters were in it.

        row: revision's id, base's id, attempt's id; when it was taken, the date stated, when it was recalled.
        """
        known = self._letters.get(row)
        if known is None:
            if len(self._letters) >= MOST_KEPT:
                self._letters.clear()
            known = self._letters[row] = self._letter(*row)
        return known

    def _letter(
        self, revision_id: int, base_id: int | None, attempt_id: int, taken: datetime,
        stated: datetime | None, recalled: datetime | None,
    ) -> Own:  # fmt: skip
        numbers = self.facts.numbers
        fact = Noticed(taken, numbers[revision_id], numbers.get(base_id, 0), stated)
        return self.own(fact, recalled, attempt_id)

    def own(self, fact: Fact, undone_at: datetime | None = None, attempt_id: int = 0) -> Own:
        """A fact of a member's own, sorted."""
        one = alike.own(fact, self.by_notice, self.order, undone_at)
        key = alike.sort(one)
        kind = self._kinds.get(key)
        if kind is None:
            with self._numbering:
                kind = self._kinds.setdefault(key, len(self._kinds) + 1)
        return one._replace(kind=kind, attempt_id=attempt_id)

    def shape(self, key: Key, joined_at: datetime, owned: Sequence[Own], names: Sequence[FactId]) -> Shape | None:
        """Fold the first member with that key, for all. names: of joining, then of the own facts."""
        joining, *others = names
        spans = timeline(self.facts_of(joined_at, joining, alike.facts(owned, others)))
        numbered = {name: number for number, name in enumerate(names, alike.JOINED)}
        made = alike.shape(spans, joined_at, owned, numbered, self.order)
        if made is not None:
            if len(self.shapes) >= MOST_KEPT:
                self.shapes.clear()
            self.shapes[key] = made
        return made

    def facts_of(self, joined_at: datetime, name: str, own: list[Fact]) -> Iterator[Fact]:
        """All that the fold needs of a member but for their end: no span begins at it or later."""
        yield from self.facts.facts
        yield Joined(joined_at, name)
        yield from (telling for telling in self.facts.tellings if joined_at <= telling.at)
        yield from own


_KNOWN: WeakKeyDictionary[Any, dict[str, Ground]] = WeakKeyDictionary()  # by database


def ground(session: Session, slug: str, row: Any) -> Ground:
    """row: of the policy, as read (see statements)."""
    stamp = Stamp(*row[2:6])
    of_this_database = _KNOWN.setdefault(session.get_bind().engine.pool, {})
    known = of_this_database.get(slug)
    if known is None or known.stamp != stamp or known.policy_id != row[1] or known.title != row[8]:
        known = of_this_database[slug] = read(session, session.get_one(Policy, row[1]), stamp)
    return known


def read(session: Session, policy: Policy, stamp: Stamp) -> Ground:
    record = archive.history(session, policy)
    known = facts.of_policy(session, record)
    asked = alike.by_notice(known.facts)
    return Ground(
        stamp, policy.id or 0, policy.slug, policy.title, texts(record), known, Order(_instants(known)), asked
    )


def texts(record: History) -> dict[int, Text]:
    return {entry.number: _text(entry) for entry in record.entries}


def _text(entry: Entry) -> Text:
    revision = entry.revision
    significant = entry.verdict in ("significant", "undecided")
    return Text(
        revision.number, revision.id or 0, revision.revision_date, revision.rule, revision.effective_at,
        significant, entry.live,
    )  # fmt: skip


def _instants(known: PolicyFacts) -> Iterator[datetime]:
    """Every instant of the policy's own at which an answer may change."""
    published = [fact for fact in known.facts if isinstance(fact, Published)]
    for fact in (*known.facts, *known.tellings):
        yield fact.at
    yield from (fact.effective_at for fact in published)
    for telling in known.tellings:
        covered = (fact for fact in published if telling.base < fact.revision <= telling.revision)
        yield from (deadline(telling, fact) for fact in covered)
