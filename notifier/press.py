"""The letters that a worker carries at the moment: each is rendered once for its group, and kept at hand.

What is the same for every batch of a notice (its policy, the decisions, the days that letters name) is read once
and again when a decision was made since, not for every thousand members.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, select

from database import reading, writing
from notifier import audience, compose, conditions
from notifier.conditions import Stamp
from notifier.models import Batch, Notice, RenderedLetter
from notifier.runtime import Runtime
from notifier.senders.protocol import Message
from policy_versions import archive, reopening
from policy_versions.archive import Entry, History
from policy_versions.models import Policy

_Key = tuple[object, ...]


class Printed(NamedTuple):
    """A letter as the senders take it, and its hash."""

    message: Message
    sha256: str


class _Record(NamedTuple):
    stamp: Stamp
    history: History
    entry: Entry


class Sheet(NamedTuple):
    """What a batch's letter says. applies_from: the day it names; None: by acceptance."""

    printed: Printed
    policy: Policy
    applies_from: datetime | None


@dataclass(slots=True)
class Press:
    """One for each run of the job that delivers. Safe between its threads.

    Only `letter` waits for another thread, and whoever calls it is in no transaction: one who waited here while
    holding a row would lock up with the one who prints, who needs the notice's.
    """

    runtime: Runtime
    in_a_second: int = 0  # requests that one thread made, by its last window
    _printed: dict[_Key, Printed] = field(default_factory=dict)
    _records: dict[int, _Record] = field(default_factory=dict)
    _printing: threading.Lock = field(default_factory=threading.Lock)

    def letter(self, batch: Batch, notice: Notice, *, now: datetime) -> Printed:
        """The batch's letter: the same for every batch of its group, and kept as evidence."""
        with reading(self.runtime.engine) as session:
            key = _key(batch, self._record(session, notice), now)
        if key not in self._printed:
            with self._printing:
                if key not in self._printed:
                    self._printed[key] = self._print(notice, batch, now)
        return self._printed[key]

    def _print(self, notice: Notice, batch: Batch, now: datetime) -> Printed:
        with reading(self.runtime.engine) as session:
            slug = session.get_one(Policy, notice.policy_id).slug
            letter = compose.rendered(session, notice, batch, now=now)
            fresh = letter or compose.render(session, notice, batch, self.runtime.settings, now=now)
        kept = letter or self._keep(notice, batch, fresh, now)
        return Printed(compose.message(kept, self.runtime.settings, policy_slug=slug), kept.sha256)

    def _keep(self, notice: Notice, batch: Batch, fresh: RenderedLetter, now: datetime) -> RenderedLetter:
        with writing(self.runtime.engine) as session:
            session.exec(select(Notice.id).where(Notice.id == notice.id).with_for_update()).one()
            kept = compose.rendered(session, notice, batch, now=now)
            if kept is None:
                session.add(fresh)
            return kept or fresh

    def sheet(
        self, session: Session, notice: Notice, batch: Batch, *, stamp: Stamp, now: datetime
    ) -> Sheet | None:
        """What the batch's letter says, where it is printed and nothing was decided since; it waits for nobody."""
        record = self._records.get(notice.id or 0)
        if record is None or record.stamp != stamp:
            return None
        printed = self._printed.get(_key(batch, record, now))
        if printed is None:
            return None
        return Sheet(printed, record.history.policy, _stated(session, record, notice, batch, now))

    def stated(self, session: Session, notice: Notice, batch: Batch, *, now: datetime) -> datetime | None:
        """The day that a letter of a batch names if it leaves now; None where it asks to be accepted."""
        return _stated(session, self._record(session, notice), notice, batch, now)

    def _record(self, session: Session, notice: Notice) -> _Record:
        """The policy's record, read again when a decision or a withdrawal has come since."""
        stamp = conditions.stamp(session, notice.policy_id)
        known = self._records.get(notice.id or 0)
        if known is None or known.stamp != stamp:
            history = archive.history(session, session.get_one(Policy, notice.policy_id))
            entry = next(e for e in history.entries if e.revision.id == notice.revision_id)
            known = self._records[notice.id or 0] = _Record(stamp, history, entry)
        return known

    def policy(self, session: Session, notice: Notice) -> Policy:
        return self._record(session, notice).history.policy


def _key(batch: Batch, record: _Record, now: datetime) -> _Key:
    return (*compose.group(batch), record.entry.revision.effective_at <= now)


def _stated(session: Session, record: _Record, notice: Notice, batch: Batch, now: datetime) -> datetime | None:
    """See Press.stated.

    A letter that leaves after its planned day names a later one, so that the whole period lies before it.
    """
    if batch.already or batch.asks or notice.kind != "change" or batch.applies_from is None:
        return batch.applies_from
    base = next((e.number for e in record.history.entries if e.revision.id == batch.base_revision_id), 0)
    stated = audience.stated_date(record.history, base, record.entry, now)
    if batch.applies_from >= stated:
        return batch.applies_from
    # by the decisions that stood when it was planned: one made since may bind the letter for longer
    then = reopening.as_of(session, record.history, batch.recorded_at)
    planned = audience.stated_date(then, base, record.entry, batch.recorded_at)
    # a date before the planned one is bound by no period of this letter's
    return stated if planned <= batch.applies_from else batch.applies_from
