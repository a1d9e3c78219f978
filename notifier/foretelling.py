"""The letters of a draft: what members would get if it were published and told now. Nothing is written down."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from notifier import audience, compose, dry_run, filling, letters, specimen, tokens, wording
from notifier.audience import Known, Owed
from notifier.dry_run import Answer
from notifier.letters import Part
from notifier.models import Batch, Notice, RenderedLetter
from notifier.senders.protocol import Message, Recipient
from policy_versions import archive, chain
from policy_versions.archive import Entry, History
from policy_versions.deciding import Judgement
from policy_versions.models import DecisionRecord, Revision
from settings import Settings

NO_ROW = 2**31 - 1  # an id that no row has, and that comes after all that do


class Foretold(NamedTuple):
    """A letter of a draft, and what stands in place of its keys. base: the text that its readers know."""

    letter: RenderedLetter
    words: Mapping[str, str]
    base: int | None

    def read(self, part: Part) -> str:
        """A part of it as one member reads it."""
        written = self.letter.html if part == "html" else self.letter.text
        for key, said in self.words.items():
            written = written.replace(key, said)
        return written


class Told(NamedTuple):
    """What a draft is to one member. letter: None where they would get none."""

    answer: Answer
    letter: Foretold | None


class Foretelling(NamedTuple):
    """A record as it would be if the draft were published now, and decided as the engine judges it."""

    record: History
    entry: Entry
    settings: Settings
    now: datetime

    @classmethod
    def of(
        cls, record: History, revision: Revision, judged: Judgement, settings: Settings, *, now: datetime
    ) -> Foretelling:
        """revision: as publishing would write it, its chain aside; not in any session."""
        before = record.entries[-1].revision.chain if record.entries else ""
        revision.id = NO_ROW
        revision.chain = chain.link(before, archive.chained(revision))
        made = DecisionRecord(
            revision_id=0,
            verdict=judged.verdict,
            level=judged.level,
            findings=[asdict(finding) for finding in judged.findings],
            summary=judged.summary,
            engine=judged.engine,
            decided_at=now,
            recorded_at=now,
        )
        entry = Entry(revision, None, made)
        return cls(replace(record, entries=(*record.entries, entry)), entry, settings, now)

    def to_member(self, session: Session, external_id: str, *, secret: str) -> Told:
        """What one member would get, by which way, and why. Raises: NoSuchMember."""
        answer = dry_run.would_get(session, self._notice(), self.record, external_id, secret=secret, now=self.now)
        verdict = answer.verdict
        if not isinstance(verdict, Owed) or verdict.channel != "email":
            return Told(answer, None)
        return Told(answer, self._letter(session, verdict, verdict.audience, verdict.member.locale))

    def usual(self, session: Session) -> Foretold:
        """The letter to members who know the text in force, or the latest, and are governed by it."""
        before = self.record.before(self.entry.number)
        base = (self.record.in_force(self.now) or self.entry).number
        base = before.number if before and base >= self.entry.number else base if before else 0
        day = audience.stated_date(self.record, base, self.entry, self.now)
        asks = self.entry.revision.rule == "acceptance"
        known = Known(base, None if asks else day, already=not asks and day <= self.now)
        return self._letter(session, known, "member", self.record.policy.locale)

    def _notice(self) -> Notice:
        return Notice(
            policy_id=self.record.policy.id or 0,
            revision_id=NO_ROW,
            kind="change",
            due_at=self.now,
            substitution_prefix=secrets.token_hex(8),
            created_at=self.now,
        )

    def _letter(self, session: Session, known: Known | Owed, whom: str, locale: str) -> Foretold:
        notice = self._notice()
        batch = self._batch(known, whom, locale)
        context = compose.compose(
            session, self.record, self.entry, self.settings, notice=notice, batch=batch, now=self.now
        )
        made = letters.render(context, prefix=notice.substitution_prefix)
        kept = RenderedLetter(
            notice_id=0,
            locale=locale,
            audience=whom,
            already=batch.already,
            asks=batch.asks,
            in_force=self.entry.revision.effective_at <= self.now,
            subject=made.subject,
            text=made.text,
            html=made.html,
            sha256=made.sha256,
            engines=compose.ENGINES,
            recorded_at=self.now,
        )
        said = filling.applies_words(
            known.applies_from, already=known.already, policy=self.record.policy, locale=locale
        )
        words = filling.personal(notice, said) | {letters.link_key(notice.substitution_prefix): tokens.TEST}
        return Foretold(kept, words, known.base or None)

    def _batch(self, known: Known | Owed, whom: str, locale: str) -> Batch:
        base = next((e.revision.id for e in self.record.entries if e.number == known.base), None)
        return Batch(
            notice_id=0,
            number=0,
            base_revision_id=base if known.base else None,
            locale=locale,
            audience=whom,
            already=known.already,
            asks=known.applies_from is None,
            applies_from=known.applies_from,
            size=1,
            recorded_at=self.now,
        )

    def test(self, foretold: Foretold, *, address: str) -> tuple[Message, Recipient]:
        """The letter as it would leave, marked as a test, to an address; it enters no ledger."""
        message = compose.message(foretold.letter, self.settings, policy_slug=self.record.policy.slug)
        return specimen.marked(message, wording.of(foretold.letter.locale)), Recipient(
            0, address, dict(foretold.words)
        )
