"""What tests of sending share: a notice that is on its way, other workers, and a look at the ledger."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from database import reading, writing
from notifier import deciding, progress, scheduler
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome
from notifier.runtime import Runtime
from notifier.senders.protocol import Accepted, Message, Recipient
from tests.house import LONGER, House, KeptLetters

Later = Callable[..., datetime]


@dataclass(slots=True)
class DoesFirst(KeptLetters):
    """Keeps letters; before it takes one of the first requests, something happens."""

    deeds: list[Callable[[], object]] = field(default_factory=list)  # one for each of the first requests

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        if self.deeds:
            self.deeds.pop(0)()
        return KeptLetters.send(self, message, recipients, attempt_id=attempt_id)


def opened(house: House, text: str = LONGER, **given: Any) -> Notice:
    """A notice whose audience is fixed, and of which nothing has left."""
    house.publish(text, **given)
    deciding.decide_due(house.runtime)
    scheduler.open_due(house.runtime)
    return house.notice()


def parted(house: House, size: int) -> None:
    """Part the one batch of a notice into batches of so many: of a few members opening makes no more."""
    with writing(house.runtime.engine) as session:
        whole = session.exec(select(Batch)).one()
        owed = session.exec(select(Delivery).order_by(col(Delivery.position))).all()
        for number, first in enumerate(range(size, len(owed), size), 2):
            some = owed[first : first + size]
            part = Batch(**whole.model_dump(exclude={"id", "number", "size"}), number=number, size=len(some))
            session.add(part)
            session.flush()
            for delivery in some:
                delivery.batch_id = part.id or 0
        whole.size = min(size, len(owed))
        session.add_all([whole, *owed])


def people(house: House, count: int, **fields: Any) -> None:
    """Members m000, m001 and so on, in one file."""
    joined = {"joined_at": "2026-01-01"}
    names = [f"m{number:03}" for number in range(count)]
    report = house.members(
        *({"external_id": name, "email": f"{name}@example.com", **joined, **fields} for name in names)
    )
    assert report.refused == 0, report.rejected


def soon(house: House) -> str:
    """A second from now: an end that is over is refused, so the clock has to pass it."""
    return (house.now + timedelta(seconds=1)).isoformat()


def worker(house: House, name: str, **changed: Any) -> Runtime:
    """Another process on the same database. changed: a sender, or settings of its own."""
    sender = changed.pop("sender", house.runtime.sender)
    settings = house.runtime.settings.model_copy(update=changed)
    return replace(house.runtime, node=name, sender=sender, settings=settings, stopping=threading.Event())


def act(house: House, deed: Callable[..., Any], *given: Any, **named: Any) -> Any:
    with writing(house.runtime.engine) as session:
        return deed(session, *given, **{"actor": "ines", "now": house.now} | named)


def states(house: House, notice_id: int | None = None) -> dict[str, int]:
    """Letters of a notice (the latest unless told otherwise), counted by state."""
    with reading(house.runtime.engine) as session:
        return progress.of(session, session.get_one(Notice, notice_id or house.notice().id)).states


def attempts(house: House) -> list[Attempt]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Attempt).order_by(col(Attempt.id))))


def fates(house: House) -> Counter[str]:
    """Requests, counted by state."""
    return Counter(attempt.state for attempt in attempts(house))


def batches(house: House) -> list[Batch]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Batch).order_by(col(Batch.id))))


def outcomes(house: House) -> dict[str, tuple[str, str]]:
    """By the member's name: outcome and reason; the erased have none."""
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Member.id, Member.external_id, Outcome.outcome, Outcome.reason)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(Outcome, col(Outcome.delivery_id) == Delivery.id)
        )
        return {name or f"member {number}": (outcome, reason) for number, name, outcome, reason in rows}


def together(*deeds: Callable[[], Any]) -> list[Any]:
    """Several things done at once, each in a thread of its own; what each returned, or the fault it met."""
    gate, found = threading.Barrier(len(deeds)), list[Any]([None] * len(deeds))

    def do(number: int, deed: Callable[[], Any]) -> None:
        gate.wait()
        try:
            found[number] = deed()
        except Exception as fault:
            found[number] = fault

    threads = [threading.Thread(target=do, args=each) for each in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def change(house: House, name: str, **fields: Any) -> None:
    """What a host says of a member it has named before."""
    report = house.members({"external_id": name, **fields})
    assert report.refused == 0, report.rejected


def set_notice(house: House, notice_id: int | None, **fields: Any) -> None:
    with writing(house.runtime.engine) as session:
        notice = session.get_one(Notice, notice_id)
        for name, value in fields.items():
            setattr(notice, name, value)
        session.add(notice)


def member(session: Session, name: str) -> Member:
    return session.exec(select(Member).where(Member.external_id == name)).one()
