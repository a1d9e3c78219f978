"""A whole service for tests: short words for what they do often, a clock that stands, letters that are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from database import reading, writing
from notifier import facts, members, scheduler
from notifier.models import Attempt, Batch, Delivery, Member, Notice
from notifier.runtime import Runtime
from notifier.senders.protocol import Accepted, Message, Recipient, SendFailure
from policy_versions import applicability, archive, dates, policies
from policy_versions.applicability import Timeline
from policy_versions.models import Policy, Revision
from policy_versions.policies import PolicyFields

FIRST = """# Privacy policy

## What we collect

We collect your name and your e-mail address.

## How long we keep it

We keep payment records for 12 months.
"""
LONGER = FIRST.replace("12 months", "24 months")  # significant: kept longer
TYPO = FIRST.replace("e-mail address.", "e-mail adress.")  # minor


@dataclass(slots=True)
class SetClock:
    """Stands until a test moves it."""

    instant: datetime

    def now(self, session: Session) -> datetime:
        return self.instant


@dataclass(slots=True)
class KeptLetters:
    """A sender that keeps what it takes; `answers` are failures for the next requests, None to take one."""

    name: str = "kept"
    request_size: int = 1000
    window: int = 1
    widest: int = 1
    repeatable: bool = False
    reports: bool = False
    log: dict[int, bool] = field(default_factory=dict)  # what the provider's log shows, by attempt
    answers: deque[SendFailure | None] = field(default_factory=deque)
    refuses: set[str] = field(default_factory=set)  # addresses whose presence refuses the request
    refusal: SendFailure | None = None
    taken: list[tuple[Message, Recipient]] = field(default_factory=list)
    requests: list[tuple[str, ...]] = field(default_factory=list)
    forgotten: set[int] = field(default_factory=set)

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        self.requests.append(tuple(r.address for r in recipients))
        failure = self.answers.popleft() if self.answers else None
        if failure is None and any(r.address in self.refuses for r in recipients):
            failure = self.refusal
        if failure is not None:
            raise failure
        self.taken.extend((message, recipient) for recipient in recipients)
        return Accepted(f"message-{attempt_id}")

    def look_up(self, attempt_id: int) -> bool | None:
        return self.log.get(attempt_id)

    def forget(self, delivery_ids: Iterable[int]) -> None:
        self.forgotten.update(delivery_ids)

    def close(self) -> None:
        pass

    @property
    def addresses(self) -> list[str]:
        return sorted(recipient.address for _, recipient in self.taken)

    def read(self, address: str) -> tuple[str, str, str]:
        """Subject, text and HTML of the last letter to an address, with its own fields put in."""
        message, recipient = [(m, r) for m, r in self.taken if r.address == address][-1]
        parts = [message.subject, message.text, message.html]
        for key, value in recipient.substitutions.items():
            parts = [part.replace(key, value) for part in parts]
        return parts[0], parts[1], parts[2]


class Placed(NamedTuple):
    """A delivery and its batch in one."""

    id: int
    member_id: int
    batch_id: int | None  # None: to be placed anew
    channel: str
    reason: str
    base_revision_id: int | None
    applies_from: datetime | None
    notice_id: int

    @classmethod
    def of(cls, session: Session, delivery: Delivery, batch: Batch) -> Placed:
        covering = session.exec(
            select(Attempt)
            .where(
                Attempt.batch_id == batch.id,
                Attempt.first <= (delivery.position or 0),
                Attempt.last > (delivery.position or 0),
            )
            .order_by(col(Attempt.id).desc())
        ).first()
        return cls(
            delivery.id or 0,
            delivery.member_id,
            None if delivery.position is None else delivery.batch_id,
            batch.channel,
            batch.reason,
            batch.base_revision_id,
            covering.applies_from if covering else batch.applies_from,
            batch.notice_id,
        )


@dataclass(slots=True)
class House:
    runtime: Runtime
    stand: Any = None  # as which it was put back last (see tests/once.py)

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now(None)  # type: ignore[arg-type]

    def policy(self, slug: str = "privacy", **fields: Any) -> Policy:
        with writing(self.runtime.engine) as session:
            given = PolicyFields(slug, **{"title": "Privacy policy", **fields})
            return policies.create_policy(session, given, actor="a test", now=self.now)

    def publish(self, text: str, *, slug: str = "privacy", **given: Any) -> Revision:
        """Publish as a person would; in force at once and by posting unless told otherwise."""
        fields: dict[str, Any] = {"rule": "posting", "notice_days": 0, "summary": "What changes.", **given}
        if isinstance(fields.get("revision_date"), str):
            fields["revision_date"] = dates.RevisionDate.parse(fields["revision_date"])
        with writing(self.runtime.engine) as session:
            policy = policies.lock(session, slug)
            publication = archive.Publication(text, **fields)
            return archive.publish(session, policy, publication, actor="a test", now=self.now)

    def members(self, *rows: dict[str, Any]) -> members.Report:
        with writing(self.runtime.engine) as session:
            reports = members.bring_in(session, enumerate(rows, 1), secret=self.runtime.secret, now=self.now)
            return list(reports)[-1]

    def member(self, name: str, **fields: Any) -> None:
        """A member called so, with an address of that name, joined an hour ago unless told otherwise."""
        joined = (self.now - timedelta(hours=1)).isoformat()
        row = {"external_id": name, "email": f"{name}@example.com", "joined_at": joined, **fields}
        report = self.members(row)
        assert report.refused == 0, report.rejected

    def tick(self) -> None:
        """One tick of every job of the scheduler."""
        scheduler.run_all(self.runtime)

    def notice(self) -> Notice:
        """The latest notice."""
        with reading(self.runtime.engine) as session:
            return session.exec(select(Notice).order_by(col(Notice.id).desc()).limit(1)).one()

    def deliveries(self) -> list[Placed]:
        """Every delivery with what its batch says of it, and the day that its last letter named."""
        with reading(self.runtime.engine) as session:
            rows = session.exec(
                select(Delivery, Batch).join(Batch, col(Batch.id) == Delivery.batch_id).order_by(col(Delivery.id))
            )
            return [Placed.of(session, delivery, batch) for delivery, batch in rows]

    def timeline(self, name: str, *, slug: str = "privacy") -> Timeline:
        with reading(self.runtime.engine) as session:
            record = archive.history(session, policies.policy(session, slug))
            member = session.exec(select(Member).where(Member.external_id == name)).one()
            found = facts.of_members(session, facts.of_policy(session, record), [member])
            return applicability.timeline(found[member.id])

    def governs(self, name: str, at: datetime | None = None) -> int | None:
        span = self.timeline(name).at(at or self.now)
        return span.revision if span else None
