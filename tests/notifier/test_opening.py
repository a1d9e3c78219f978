"""Opening a notice: judged by kinds, ten million members get what each of them would have got alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import literal_column
from sqlalchemy import select as sa_select
from sqlmodel import Session, select

from database import reading, writing
from notifier import audience, facts, kinds, members
from notifier.audience import Standing
from notifier.models import (
    Acknowledgement,
    Attempt,
    Delivery,
    DeliveryEvent,
    Member,
)
from notifier.senders.protocol import NotSent, Refused, Unknown
from policy_versions import applicability, archive, policies
from policy_versions.archive import History
from tests.house import FIRST, House, KeptLetters

Later = Callable[..., datetime]
RULES: list[dict[str, Any]] = [
    {"rule": "posting"},
    {"rule": "notice", "notice_days": 3},
    {"rule": "notice", "notice_days": 10},
    {"rule": "acceptance"},
]


def text(months: int) -> str:
    return FIRST.replace("12 months", f"{months} months")


def by_kind(session: Session, record: History, now: datetime) -> dict[int, object]:
    """What members are owed of the latest revision, judged by their kinds."""
    entry = record.entries[-1]
    judged = kinds.judged(session, record, lambda s: audience.known(s, record, entry, now=now), now=now)
    place = judged.choose(lambda index: literal_column(str(index)))
    query = sa_select(Member.id, place).select_from(judged.source).where(judged.where)  # type: ignore[call-overload]
    found = {member_id: judged.values[index] for member_id, index in session.execute(query)}
    alone = {member.id or 0: verdict for member, verdict in judged.apart()}
    assert not found.keys() & alone.keys()
    return found | alone


def one_by_one(session: Session, record: History, now: datetime) -> dict[int, object]:
    """The same, each member judged alone."""
    everybody = session.exec(select(Member).where(members.retained(now))).all()
    gathered = facts.of_members(session, facts.of_policy(session, record), everybody)
    return {
        member.id or 0: audience.known(
            Standing(member, gathered[member.id], applicability.timeline(gathered[member.id])),
            record, record.entries[-1], now=now,
        )
        for member in everybody
    }  # fmt: skip


class Life:
    """A policy and its members through some weeks in which anything may happen."""

    def __init__(self, house: House, letters: KeptLetters, later: Later, seed: int) -> None:
        self.house, self.letters, self.later = house, letters, later
        self.draw = random.Random(seed)
        self.names: list[str] = []
        self.months = 12

    def go(self, steps: int) -> None:
        self.house.policy()
        self.join()
        self.house.publish(text(self.months))
        self.house.tick()
        for _ in range(steps):
            self.later(hours=self.draw.choice([0, 1, 30, 100, 400]))
            self.draw.choice(
                [self.join, self.publish, self.publish, self.tell, self.tell, self.hear, self.say, self.grow]
            )()
        self.join()

    def join(self) -> None:
        for _ in range(self.draw.randrange(1, 6)):
            name = f"m{len(self.names)}"
            self.names.append(name)
            joined = self.house.now - timedelta(hours=self.draw.choice([0, 0, 5, 90, 1000]))
            guardian = {"guardian_email": f"g{name}@example.com"} if self.draw.random() < 0.1 else {}
            self.house.member(name, joined_at=joined.isoformat(), **guardian)

    def publish(self) -> None:
        self.months += self.draw.choice([0, 5])
        given: dict[str, Any] = dict(self.draw.choice(RULES))
        if self.draw.random() < 0.5:
            given["effective_at"] = self.house.now + timedelta(days=self.draw.choice([1, 8, 20]))
        minor = text(self.months).replace(
            "e-mail address.", "e-mail adress." if self.draw.random() < 0.5 else "e-mail address!"
        )
        try:
            self.house.publish(minor if self.draw.random() < 0.4 else text(self.months), **given)
        except Exception as refusal:  # the same text, or before an earlier one: as a person would meet it
            assert type(refusal).__name__ in ("SameText", "BeforeEarlierRevision"), refusal

    def tell(self) -> None:
        answers = [None, None, NotSent("not now", retry_after=0), Unknown("lost"), Refused("no", address=True)]
        self.letters.answers.extend(self.draw.choices(answers, k=3))
        self.house.tick()

    def hear(self) -> None:
        """Something comes back of a few letters, or an unknown one is settled."""
        with writing(self.house.runtime.engine) as session:
            for attempt in session.exec(select(Attempt).where(Attempt.state == "unknown")):
                if self.draw.random() < 0.5:
                    attempt.state, attempt.recorded_at = "accepted", self.house.now
                    session.add(attempt)
            for delivery in session.exec(select(Delivery)):
                if self.draw.random() < 0.1:
                    event = self.draw.choice(["bounce", "delivered", "dropped", "shown"])
                    session.add(
                        DeliveryEvent(
                            delivery_id=delivery.id or 0, event=event, happened_at=self.house.now,
                            recorded_at=self.house.now,
                        )
                    )  # fmt: skip
                    session.flush()
                    break

    def say(self) -> None:
        with writing(self.house.runtime.engine) as session:
            record = archive.history(session, policies.policy(session, "privacy"))
            member = session.exec(select(Member).where(Member.external_id == self.draw.choice(self.names))).one()
            session.add(
                Acknowledgement(
                    member_id=member.id or 0,
                    revision_id=record.entries[-1].revision.id or 0,
                    kind=self.draw.choice(["read", "accepted", "declined"]),
                    route="by link",
                    recorded_at=self.house.now,
                )
            )

    def grow(self) -> None:
        """A member's guardian goes, or one comes."""
        name = self.draw.choice(self.names)
        with reading(self.house.runtime.engine) as session:
            member = session.exec(select(Member).where(Member.external_id == name)).one()
        guardian = "" if member.guardian_email else f"g{name}@example.com"
        self.house.members({"external_id": name, "guardian_email": guardian})


@pytest.mark.parametrize("seed", range(10))
def test_by_kinds_each_member_is_owed_what_they_would_be_alone(
    house: House, letters: KeptLetters, later: Later, seed: int
) -> None:
    life = Life(house, letters, later, seed)
    life.go(14)
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        assert by_kind(session, record, house.now) == one_by_one(session, record, house.now)
