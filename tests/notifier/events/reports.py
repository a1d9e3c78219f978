"""What tests of events share: a provider's words of a letter, folded, and a look at what came of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from database import reading as looking
from database import writing
from notifier import suppressions
from notifier.events import bodies, folding, reading
from notifier.events.folding import Folded
from notifier.models import Attempt, Delivery, DeliveryEvent, Member, UnmatchedEvent, WebhookBody
from tests.house import House

LEFT_OUT: Any = object()


def letter(house: House, name: str) -> int:
    """The delivery of a member in the latest notice."""
    notice = house.notice().id
    with looking(house.runtime.engine) as session:
        of = select(Delivery.id).join(Member, col(Member.id) == Delivery.member_id)
        return session.exec(of.where(Member.external_id == name, Delivery.notice_id == notice)).one() or 0


def request(house: House) -> int:
    """The last request that was made."""
    with looking(house.runtime.engine) as session:
        return session.exec(select(Attempt.id).order_by(col(Attempt.id).desc()).limit(1)).one() or 0


def of(house: House, name: str, event: str, *, hours: float = 0, **fields: Any) -> dict[str, Any]:
    """An event as SendGrid posts it, of a member's letter. hours: from now. A field of LEFT_OUT is not there."""
    said = {
        "event": event,
        "timestamp": int((house.now + timedelta(hours=hours)).timestamp()),
        "email": f"{name}@example.com",
        "delivery": fields.pop("delivery", None) or str(letter(house, name)),
        "attempt": fields.pop("attempt", None) or str(request(house)),
        **fields,
    }
    return {key: value for key, value in said.items() if value is not LEFT_OUT}


def without_ids(house: House, name: str, event: str, **fields: Any) -> dict[str, Any]:
    return of(house, name, event, delivery=LEFT_OUT, attempt=LEFT_OUT, **fields)


def body(*events: Any) -> bytes:
    return json.dumps(events).encode()


def hear(house: House, *events: dict[str, Any]) -> Folded:
    """Fold a body in a transaction of its own."""
    with writing(house.runtime.engine) as session:
        return fold(house, session, events)


def fold(house: House, session: Session, events: Sequence[dict[str, Any]]) -> Folded:
    read = reading.read(body(*events), received_at=house.now)
    assert read.bad == 0, read.said
    return folding.fold(session, read.events, secret=house.runtime.secret, now=house.now)


def take_in(house: House, *posted: bytes) -> list[bool]:
    """Keep bodies as the endpoint does; whether each was new."""
    with writing(house.runtime.engine) as session:
        return [bodies.receive(session, "sendgrid", each, now=house.now) for each in posted]


# -- what came of it ----------------------------------------------------------------------------


def heard(house: House) -> list[tuple[str, str]]:
    """Events on record, by the member's name and in the order in which they were recorded."""
    with looking(house.runtime.engine) as session:
        rows = session.exec(
            select(Member.external_id, Member.id, DeliveryEvent.event)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(DeliveryEvent, col(DeliveryEvent.delivery_id) == Delivery.id)
            .order_by(col(DeliveryEvent.id))
        )
        return [(name or f"member {number}", event) for name, number, event in rows]


def astray(house: House) -> list[UnmatchedEvent]:
    with looking(house.runtime.engine) as session:
        return list(session.exec(select(UnmatchedEvent).order_by(col(UnmatchedEvent.id))))


def kept(house: House) -> list[WebhookBody]:
    with looking(house.runtime.engine) as session:
        return list(session.exec(select(WebhookBody).order_by(col(WebhookBody.id))))


def barred(house: House, address: str) -> bool:
    with looking(house.runtime.engine) as session:
        return suppressions.standing(session, suppressions.keys(address, house.runtime.secret)) is not None


def where_written(house: House, text: str) -> set[str]:
    """The tables that hold a text in any column, in whatever case."""
    with looking(house.runtime.engine) as session:
        return {
            table.name
            for table in SQLModel.metadata.tables.values()
            for row in session.execute(table.select())
            if any(_holds(value, text) for value in row)
        }


def _holds(value: object, text: str) -> bool:
    whole = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.casefold() in whole.casefold()


def lift(house: House, address: str, by: str = "ines") -> None:
    """As a person does, in every spelling that is suppressed."""
    with writing(house.runtime.engine) as session:
        for key in suppressions.keys(address, house.runtime.secret):
            if suppressions.standing(session, [key]) is not None:
                suppressions.lift(session, key, by, house.now)


def later_by(house: House, **by: float) -> datetime:
    house.runtime.clock.instant += timedelta(**by)  # type: ignore[attr-defined]
    return house.now
