"""Stories told as data: what happens to a policy and its members, step by step, through the services."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from database import reading, writing
from notifier import acknowledging, deciding, guardians, members, merging, notices, outbox, scheduler
from notifier.models import Batch, Delivery, DeliveryEvent, Member, Notice, Outcome
from notifier.senders.protocol import NotSent
from policy_versions import archive, folders, histories, policies
from tests.house import FIRST, TYPO, House, KeptLetters
from tests.notifier.sending import Later
from tests.policy_versions.test_histories import bring, write
from tests.policy_versions.test_translations import translate

Step = tuple[Any, ...]  # a verb of Story, what it is given, and perhaps a dict of what it is given by name
TEXTS = {
    "first": FIRST,
    "typo": TYPO,
    **{f"{n} months": FIRST.replace("12 months", f"{n} months") for n in (24, 36, 48)},
}


class Story:
    """The verbs of a story. A policy has a first text in force since yesterday, unless the story begins bare."""

    def __init__(self, house: House, letters: KeptLetters, later: Later, folder: Path) -> None:
        self.house, self.letters, self.later, self.folder = house, letters, later, folder

    def go(self, steps: Sequence[Step]) -> None:
        for verb, *given in steps:
            named = given.pop() if given and isinstance(given[-1], dict) else {}
            getattr(self, verb)(*given, **named)

    # -- the policy

    def begins(self) -> None:
        self.house.policy()
        self.publishes("first")
        self.house.tick()
        self.waits(days=1)

    def imports(self, *texts: str, told: bool = False) -> None:
        """Texts dated one after another, from the first of January 2026."""
        files = {f"d2026_01_{number:02}": TEXTS[text] for number, text in enumerate(texts, 1)}
        bring(self.house, folders.read(write(self.folder, **files)))
        if told:
            with writing(self.house.runtime.engine) as session:
                policy = policies.policy(session, "privacy")
                assert histories.told_through(session, policy, date(2026, 2, 1), now=self.house.now)

    def publishes(self, text: str, *, in_days: float = 0, **given: Any) -> None:
        if in_days:
            given["effective_at"] = self.house.now + timedelta(days=in_days)
        self.house.publish(TEXTS[text], **given)

    def another_policy(self) -> None:
        self.house.policy("terms")
        self.house.publish(FIRST, slug="terms")

    def translates(self) -> None:
        translate(self.house)

    def withdraws(self, number: int) -> None:
        with writing(self.house.runtime.engine) as session:
            policy = policies.lock(session, "privacy")
            archive.withdraw(session, policy, number, reason="A mistake.", actor="ines", now=self.house.now)
            entry = archive.history(session, policy).entry(number)
            notices.withdrawn(session, entry.revision, now=self.house.now)

    # -- members

    def joins(self, name: str, *, days_ago: float = 1 / 24, **fields: Any) -> None:
        joined = self.house.now - timedelta(days=days_ago)
        self.house.member(name, joined_at=joined.isoformat(), **fields)

    def erased(self, name: str) -> None:
        outbox.erase(self.house.runtime, self._member(name), actor="ines")

    def gets_a_guardian(self, name: str) -> None:
        with writing(self.house.runtime.engine) as session:
            address = f"guardian-of-{name}@example.com"
            guardians.appoint(session, self._member(name), address, actor="ines", now=self.house.now)

    def grows_up(self, name: str) -> None:
        with writing(self.house.runtime.engine) as session:
            guardians.discharge(session, self._member(name), actor="ines", now=self.house.now)

    def merged(self, from_: str, into: str) -> None:
        with writing(self.house.runtime.engine) as session:
            both = (members.by_external_id(session, name) for name in (from_, into))
            merging.merge(session, *both, actor="ines", now=self.house.now)

    def says(self, name: str, kind: str, number: int, *, by: Any = "member") -> None:
        with writing(self.house.runtime.engine) as session:
            record = archive.history(session, policies.policy(session, "privacy"))
            acknowledging.acknowledge(
                session, members.by_external_id(session, name), record.entry(number).revision, kind,
                actor=by, route="api", shown_sha256=None, locale="en", now=self.house.now,
            )  # fmt: skip

    # -- the telling

    def ticks(self) -> None:
        for _ in range(2):
            self.house.tick()

    def opens(self) -> None:
        """The notice opens, and no letter leaves."""
        deciding.decide_due(self.house.runtime)
        scheduler.open_due(self.house.runtime)

    def provider_is_busy(self) -> None:
        self.letters.answers.append(NotSent("busy", retry_after=3600))

    def waits(self, **by: float) -> None:
        self.later(**by)

    def comes_back(self, name: str, what: str = "bounce") -> None:
        """What is reported of the member's last delivery: a bounce, a complaint, that the banner was shown."""
        with writing(self.house.runtime.engine) as session:
            query = select(Delivery.id).where(Delivery.member_id == self._member(name).id)
            last = session.exec(query.order_by(col(Delivery.id).desc())).first()
            at = {"happened_at": self.house.now, "recorded_at": self.house.now}
            session.add(DeliveryEvent.model_validate({"delivery_id": last, "event": what, **at}))

    # -- what came of it

    def _member(self, name: str) -> Member:
        with reading(self.house.runtime.engine) as session:
            return members.by_external_id(session, name)

    def letters_taken(self) -> str:
        """Whom letters went to, in order."""
        return " ".join(recipient.address.split("@")[0] for _, recipient in self.letters.taken)

    def stands(self, name: str) -> str:
        return ", ".join(f"{span.revision} {span.basis}" for span in self.house.timeline(name).spans)

    def bases(self) -> str:
        """What each letter compares: `1-3` shows all that changed from No. 1 to No. 3."""
        with reading(self.house.runtime.engine) as session:
            record = archive.history(session, policies.policy(session, "privacy"))
            numbers = {entry.revision.id: entry.number for entry in record.entries}
            rows = session.exec(
                select(Batch.base_revision_id, Notice.revision_id)
                .join(Notice, col(Notice.id) == Batch.notice_id)
                .join(Delivery, col(Delivery.batch_id) == Batch.id)
                .where(col(Notice.revision_id).in_(numbers))
                .order_by(col(Delivery.id))
            )
            return " ".join(f"{numbers.get(base, 0)}-{numbers[revision]}" for base, revision in rows)

    def skipped(self) -> str:
        with reading(self.house.runtime.engine) as session:
            return " ".join(session.exec(select(Outcome.reason).order_by(col(Outcome.id))))
