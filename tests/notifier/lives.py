"""Policies and their members through weeks in which anything may happen; and each member judged by both ways."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal_column
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from database import reading, writing
from errors import Refusal
from notifier import audience, control, facts, kinds, members, notices, recalling
from notifier.audience import Known, Standing
from notifier.models import Acknowledgement, Attempt, Delivery, DeliveryEvent, Member, Notice
from notifier.senders.protocol import NotSent, Refused, Unknown
from policy_versions import applicability, archive, policies
from policy_versions.archive import History
from policy_versions.models import Revision
from tests.house import FIRST, House, KeptLetters
from tests.notifier.sending import Later

RULES: list[dict[str, Any]] = [
    {"rule": "posting"},
    {"rule": "notice", "notice_days": 3},
    {"rule": "notice", "notice_days": 10},
    {"rule": "acceptance"},
]


def text(months: int) -> str:
    return FIRST.replace("12 months", f"{months} months")


def by_kind(session: Session, record: History, now: datetime, number: int | None = None) -> dict[int, object]:
    """What members are owed of a revision (the latest unless told otherwise), judged by their kinds."""
    entry = record.entries[-1] if number is None else record.entry(number)

    def judge(standing: Standing) -> Known | str:
        return audience.known(standing, record, entry, now=now)

    judged = kinds.judged(session, record, judge, now=now)
    place = judged.choose(lambda index: literal_column(str(index)))
    query = sa_select(Member.id, place).select_from(judged.source).where(judged.where)  # type: ignore[call-overload]
    found = {member_id: judged.values[index] for member_id, index in session.execute(query)}
    alone = {member.id or 0: verdict for member, verdict in judged.apart()}
    assert not found.keys() & alone.keys()
    return found | alone


def one_by_one(session: Session, record: History, now: datetime, number: int | None = None) -> dict[int, object]:
    """The same, each member judged alone."""
    entry = record.entries[-1] if number is None else record.entry(number)
    everybody = session.exec(select(Member).where(members.retained(now))).all()
    gathered = facts.of_members(session, facts.of_policy(session, record), everybody)
    return {
        member.id or 0: audience.known(
            Standing(member, gathered[member.id], applicability.timeline(gathered[member.id])),
            record, entry, now=now,
        )
        for member in everybody
    }  # fmt: skip


def record_of(session: Session) -> History:
    return archive.history(session, policies.policy(session, "privacy"))


def steps_of(seed: int, count: int, *, but: Sequence[str] = ()) -> list[tuple[str, int]]:
    """Steps drawn by a number. but: those that are not to happen."""
    draw = random.Random(seed)
    names = [name for name in Life.STEPS if name not in but]
    return [(draw.choice(names), draw.randrange(2**16)) for _ in range(count)]


class Life:
    """A policy and its members. A step is a name and a number from which all that is left to chance follows."""

    STEPS = (
        *("join", "join_exactly", "publish", "publish", "tell", "tell", "hear", "say", "grow"),
        *("withdraw", "recall", "stop", "go_on", "leave"),
    )

    def __init__(self, house: House, letters: KeptLetters, later: Later) -> None:
        self.house, self.letters, self.later = house, letters, later
        self.draw = random.Random(0)
        self.names: list[str] = []
        self.months = 12
        self.house.policy()
        self.join()
        self.house.publish(text(self.months))
        self.house.tick()

    def go(self, steps: Sequence[tuple[str, int]]) -> None:
        for name, seed in steps:
            self.draw = random.Random(seed)
            self.later(hours=self.draw.choice([0, 1, 30, 100, 400]))
            with suppress(Refusal):  # as a person would be told
                getattr(self, name)()
        self.join()

    # -- members

    def join(self) -> None:
        for _ in range(self.draw.randrange(1, 6)):
            self._join(self.house.now - timedelta(hours=self.draw.choice([0, 0, 5, 90, 1000])))

    def join_exactly(self) -> None:
        """At an instant of the policy's own, or as close to it as can be."""
        with reading(self.house.runtime.engine) as session:
            instants = [
                at
                for revision in session.exec(select(Revision))
                for at in (revision.published_at, revision.effective_at)
            ]
            instants += [n.opened_at for n in session.exec(select(Notice)) if n.opened_at]
            instants += [a.recorded_at for a in session.exec(select(Attempt)) if a.recorded_at]
        past = [at for at in instants if at < self.house.now]
        if past:
            off = self.draw.choice([-1, 0, 0, 1])
            self._join(self.draw.choice(past) + timedelta(microseconds=off))

    def _join(self, at: datetime) -> None:
        name = f"m{len(self.names)}"
        self.names.append(name)
        guardian = {"guardian_email": f"g{name}@example.com"} if self.draw.random() < 0.1 else {}
        others = {"locale": "fr"} if self.draw.random() < 0.2 else {}
        others |= {"email": ""} if self.draw.random() < 0.1 else {}
        self.house.member(name, joined_at=at.isoformat(), **guardian, **others)

    def grow(self) -> None:
        """A member's guardian goes, or one comes."""
        with reading(self.house.runtime.engine) as session:
            member = self._somebody(session)
        guardian = "" if member.guardian_email else f"g{member.external_id}@example.com"
        self.house.members({"external_id": member.external_id, "guardian_email": guardian})

    def leave(self) -> None:
        """A member's retention ends, soon or already."""
        until = self.house.now + timedelta(hours=self.draw.choice([-1, 0, 50]))
        with reading(self.house.runtime.engine) as session:
            name = self._somebody(session).external_id
        if name != self.names[0]:
            self.house.members({"external_id": name, "retained_until": until.isoformat()})

    def _somebody(self, session: Session) -> Member:
        """Not erased; the first member never is, so that there is always somebody."""
        there = session.exec(select(Member).where(col(Member.erased_at).is_(None)).order_by(col(Member.id))).all()
        return self.draw.choice(there)

    def say(self) -> None:
        with writing(self.house.runtime.engine) as session:
            record = record_of(session)
            member = self._somebody(session)
            session.add(
                Acknowledgement(
                    member_id=member.id or 0,
                    revision_id=self.draw.choice(record.entries).revision.id or 0,
                    kind=self.draw.choice(["read", "accepted", "declined"]),
                    actor=self.draw.choice(["member", "guardian"]),
                    route="by link",
                    recorded_at=self.house.now,
                )
            )

    # -- the policy

    def publish(self) -> None:
        self.months += self.draw.choice([0, 5])
        given: dict[str, Any] = dict(self.draw.choice(RULES))
        if self.draw.random() < 0.5:
            given["effective_at"] = self.house.now + timedelta(days=self.draw.choice([1, 8, 20]))
        wrong = self.draw.choice(["e-mail adress.", "e-mail address!"])
        minor = text(self.months).replace("e-mail address.", wrong)
        self.house.publish(minor if self.draw.random() < 0.4 else text(self.months), **given)

    def withdraw(self) -> None:
        with writing(self.house.runtime.engine) as session:
            policy = policies.lock(session, "privacy")
            number = record_of(session).entries[-1].number
            archive.withdraw(session, policy, number, reason="A mistake.", actor="ines", now=self.house.now)
            notices.withdrawn(session, record_of(session).entry(number).revision, now=self.house.now)

    # -- the telling

    def tell(self) -> None:
        self.letters.request_size = self.draw.choice([1, 2, 1000])  # so that a batch is taken in part
        answers = [None, None, NotSent("not now", retry_after=0), Unknown("lost"), Refused("no", address=True)]
        self.letters.answers.extend(self.draw.choices(answers, k=3))
        self.house.tick()

    def _act(self, deed: Any, *given: Any, **named: Any) -> None:
        with writing(self.house.runtime.engine) as session:
            ids = session.exec(select(Notice.id).order_by(col(Notice.id))).all()
            if ids:
                deed(session, self.draw.choice(ids), *given, actor="ines", now=self.house.now, **named)

    def recall(self) -> None:
        self._act(recalling.recall, reason="A wrong link.", window=timedelta(hours=self.draw.choice([0, 60])))

    def stop(self) -> None:
        self._act(self.draw.choice([control.pause, control.cancel]))

    def go_on(self) -> None:
        self._act(control.resume)

    def hear(self) -> None:
        """Something comes back of a few letters, or an unknown one is settled."""
        with writing(self.house.runtime.engine) as session:
            for attempt in session.exec(select(Attempt).where(Attempt.state == "unknown")):
                if self.draw.random() < 0.5:
                    attempt.state, attempt.recorded_at = "accepted", self.house.now
                    session.add(attempt)
            owed = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
            for delivery in self.draw.sample(owed, min(2, len(owed))):
                event = self.draw.choice(["bounce", "delivered", "dropped", "shown"])
                heard = {"event": event, "happened_at": self.house.now, "recorded_at": self.house.now}
                session.add(DeliveryEvent.model_validate({"delivery_id": delivery.id, **heard}))
