"""The first letters of a notice leave before all others, so that a bad list is met by two hundred, not by all.

The gate opens when it is known of nine in ten what came of them, or when their time is over; it shuts where too
many came back. A sender that reports nothing leaves it to a person to look.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, func, insert, select, update

from notifier import opening
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Notice

HEARD_OF = 0.9  # of the first letters, then the gate opens
BOUNCED = 0.05  # of them, then it shuts
LEAST = 50  # letters to judge by
WORTH = 5  # a notice of fewer than so many times the first letters leaves at once


class Heard(NamedTuple):
    """What is known of the first letters. left: taken by the provider, or refused for their address.

    events: of so many something came back. bounced: hard, or refused.

    What is not known of holds the others up for its time only: doubtful letters, and those put off because they
    cannot be made.
    """

    letters: int
    open: int  # queued or sending
    left: int
    events: int
    bounced: int
    silent: int = 0  # unknown or put off


def choose(session: Session, notice: Notice, first: int, *, now: datetime) -> None:
    """Put so many letters, by hash, into batches that leave first. None where the notice is small."""
    batches = session.exec(
        select(Batch).where(Batch.notice_id == notice.id, Batch.channel == "email", Batch.state == "queued")
    ).all()
    if not first or sum(batch.size for batch in batches) < first * WORTH:
        return
    draw = random.Random(notice.substitution_prefix)  # noqa: S311 -- to be drawn the same again, not to be secret
    drawn = draw.choices(batches, [batch.size for batch in batches], k=first)
    for batch in sorted({b.id: b for b in drawn}.values(), key=lambda b: b.id or 0):
        wanted = sum(1 for each in drawn if each.id == batch.id)
        _part(session, notice, batch, wanted, draw, now)
    notice.gate = "canary"
    session.add(notice)
    session.flush()


def _part(session: Session, notice: Notice, batch: Batch, wanted: int, draw: random.Random, now: datetime) -> None:
    """Move some letters of a batch into one of their own, which is like it."""
    there = session.exec(select(Delivery.id).where(Delivery.batch_id == batch.id).order_by(col(Delivery.id))).all()
    chosen = draw.sample(there, min(wanted, len(there)))
    own = {**batch.model_dump(exclude={"id"}), "canary": True, "size": len(chosen), "recorded_at": now}
    own["id"] = opening.reserve(session, 1)
    own["number"] = opening.last_number(session, notice) + 1
    session.execute(insert(Batch), [own])
    session.exec(update(Delivery).where(col(Delivery.id).in_(chosen)).values(batch_id=own["id"]))
    left = batch.size - len(chosen)
    state = batch.state if left else "skipped"
    session.exec(update(Batch).where(col(Batch.id) == batch.id).values(size=left, state=state))
    session.expire(batch)


def heard(session: Session, notice: Notice) -> Heard:
    """What came of the first letters so far."""
    batches = session.exec(select(Batch).where(Batch.notice_id == notice.id, Batch.canary)).all()
    ids = [batch.id for batch in batches]
    left, refused = _sent(session, ids, "accepted"), _sent(session, ids, "refused")
    events = session.exec(
        select(func.count(func.distinct(DeliveryEvent.delivery_id)))
        .join(Delivery, col(Delivery.id) == DeliveryEvent.delivery_id)
        .where(
            col(Delivery.batch_id).in_(ids),
            col(DeliveryEvent.event).in_(("delivered", "bounce", "dropped", "spamreport")),
        )
    ).one()
    waiting = [batch for batch in batches if batch.state in ("queued", "sending")]
    still = sum(batch.size for batch in waiting if not batch.said)
    silent = sum(batch.size for batch in batches if batch.state == "unknown" or (batch in waiting and batch.said))
    bounced = sum(batch.bounced for batch in batches)
    size = sum(batch.size for batch in batches)
    # an address that is refused at the door is as bad as one whose letter comes back
    return Heard(size, still, left + refused, events + refused, bounced + refused, silent)


def _sent(session: Session, batches: Sequence[int | None], state: str) -> int:
    """Letters in the requests of some batches that are in a state."""
    query = select(func.sum(Attempt.recipients))
    return int(session.exec(query.where(col(Attempt.batch_id).in_(batches), Attempt.state == state)).one() or 0)


def judge(
    known: Heard, *, since: datetime | None, patience: timedelta, reports: bool, now: datetime
) -> tuple[str, str]:
    """The state of the gate (canary, open, shut) and why. since: when the last of the first letters had left.

    reports: whether the sender says what became of letters.
    """
    if known.left >= LEAST and known.bounced >= BOUNCED * known.left:
        share = round(100 * known.bounced / known.left)
        return "shut", f"{known.bounced} of the first {known.left} letters bounced ({share} %): look, then go on."
    if known.open or since is None:
        return "canary", ""
    if not reports:
        return "shut", (
            f"The first {known.left} letters have left. This sender reports nothing of them: look, then go on."
        )
    if known.events >= HEARD_OF * (known.left + known.silent) or now >= since + patience:
        return "open", ""
    return "canary", ""


def watch(session: Session, notice: Notice, *, patience: timedelta, reports: bool, now: datetime) -> None:
    """Open or shut the gate of a notice being sent, by what came of its first letters. notice: locked."""
    if notice.gate != "canary" or notice.state != "sending":
        return
    known = heard(session, notice)
    if not known.open and notice.gate_since is None:
        notice.gate_since = now
    notice.gate, why = judge(known, since=notice.gate_since, patience=patience, reports=reports, now=now)
    if notice.gate == "shut":
        notice.state, notice.why = "paused", why
    session.add(notice)
    session.flush()


def open_gate(session: Session, notice: Notice) -> None:
    """A person has looked, and goes on: the others follow."""
    notice.gate = "open"
    session.add(notice)
