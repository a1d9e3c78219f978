"""Let subscribers' letters leave: each alone, at most once.

A subscription is a courtesy, so it is the other way round than with legal notices: a letter of which it is not
known whether it left is not sent again. A silence harms less here than two letters.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, func, or_, select, update

from database import forget_erased, reading, writing
from notifier import outbox
from notifier.models import Pace, Subscription, SubscriptionLetter
from notifier.runtime import Runtime
from notifier.senders.protocol import Message, NotSent, Recipient, Refused, Unknown
from notifier.subscriptions import composing, owing, subscribing
from notifier.subscriptions.composing import Printed
from policy_versions.models import Withdrawal
from settings import Settings

log = logging.getLogger(__name__)

LETTERS = 500  # in one tick
TRIES = 6
BACK_OFF = timedelta(minutes=5)  # after the first try; twice as long after each further one
UNWRITTEN = timedelta(hours=1)  # until a letter that met a fault is written anew
MOST_SECONDS = 86_400.0  # that a provider may ask us to wait
SHARE = 10  # of a provider's quota, one letter in so many may be a subscriber's


def tick(runtime: Runtime) -> int:
    """Delete what was not confirmed, queue the news, and send what is due; returns how many letters left."""
    _tidy(runtime)
    return _send_due(runtime)


def _tidy(runtime: Runtime) -> None:
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        late = subscribing.expire(session, now=now)
        runtime.sender.forget(late)  # before it is committed: a crash in between leaves no letter in the folder
        owing.give_up(session, runtime.settings, now=now)
        owing.owe(session, runtime.settings, now=now)
    if late:
        forget_erased(runtime.engine)


# -- what leaves --------------------------------------------------------------------------------


class _Due(NamedTuple):
    """A letter that may leave."""

    id: int
    kind: str
    revision_id: int


class _Fate(NamedTuple):
    """What came of a letter. stop: nothing more is to be tried in this tick."""

    taken: bool = False
    stop: bool = False


def _send_due(runtime: Runtime) -> int:
    """Send until all is sent, or the provider takes no more for now."""
    printed: dict[tuple[str, int], Printed | None] = {}
    left = 0
    for due in _due(runtime):
        group = due.kind, due.revision_id
        if group not in printed:
            printed[group] = _print(runtime, due)
        letter = printed[group]
        fate = _send(runtime, due, letter) if letter else _Fate()
        left += fate.taken
        if fate.stop or runtime.stopping.is_set():
            break
    return left


def _due(runtime: Runtime) -> Sequence[_Due]:
    """The letters that may leave now, questions first, for somebody waits for them."""
    with reading(runtime.engine) as session:
        now = runtime.clock.now(session)
        room = _room(session, runtime.settings, now)
        if room <= 0:
            return []
        wait = col(SubscriptionLetter.not_before)
        found = session.exec(
            select(SubscriptionLetter.id, SubscriptionLetter.kind, SubscriptionLetter.revision_id)
            .where(SubscriptionLetter.state == "queued", or_(wait.is_(None), wait <= now))
            .order_by(col(SubscriptionLetter.kind).desc(), col(SubscriptionLetter.id))
            .limit(room)
        )
        return [_Due(i, kind, revision) for i, kind, revision in found if i is not None]


def _room(session: Session, settings: Settings, now: datetime) -> int:
    """How many letters may leave: none in quarantine or while the provider wants quiet, few of a quota."""
    quiet = session.exec(select(Pace.id).where(col(Pace.held_until) > now).limit(1)).first()
    if outbox.quarantined(session) or quiet is not None:
        return 0
    rooms = [LETTERS]
    for quota, window in ((settings.quota_hour, timedelta(hours=1)), (settings.quota_day, timedelta(days=1))):
        if quota is not None:
            rooms.append(max(1, quota // SHARE) - _started_since(session, now - window))
    return min(rooms)


def _started_since(session: Session, since: datetime) -> int:
    counted = (
        select(func.count()).select_from(SubscriptionLetter).where(col(SubscriptionLetter.started_at) > since)
    )
    return session.exec(counted).one()


def _print(runtime: Runtime, due: _Due) -> Printed | None:
    """Write the letter of a group; where that fails its letters wait, and hold up no others."""
    try:
        with reading(runtime.engine) as session:
            now = runtime.clock.now(session)
            return composing.written(session, due.kind, due.revision_id, runtime.settings, now=now)
    except Exception:
        log.exception("the %s letter of revision %s cannot be written", due.kind, due.revision_id)
    with writing(runtime.engine) as session:
        later = runtime.clock.now(session) + UNWRITTEN
        session.exec(
            update(SubscriptionLetter)
            .where(
                col(SubscriptionLetter.state) == "queued",
                col(SubscriptionLetter.kind) == due.kind,
                col(SubscriptionLetter.revision_id) == due.revision_id,
            )
            .values(not_before=later, said="The letter cannot be written; see the log.")
        )
    return None


def _send(runtime: Runtime, due: _Due, printed: Printed) -> _Fate:
    claimed = _claim(runtime, due, printed)
    if claimed is None:
        return _Fate()
    message, recipient = claimed
    try:
        answer = runtime.sender.send(message, [recipient], attempt_id=0)
    except Refused as refusal:
        return _refused(runtime, due, refusal)
    except NotSent as failure:
        return _put_off(runtime, due, str(failure), failure.retry_after)
    except Unknown as failure:
        return _record(runtime, due, "unknown", str(failure))
    except Exception as fault:  # it may have left before the fault
        log.exception("the letter %s to a subscriber met a fault", due.id)
        return _record(runtime, due, "unknown", f"A fault of our own: {type(fault).__name__}.")
    _record(runtime, due, "accepted", "")
    return _Fate(taken=True, stop=answer.pause is not None)


def _claim(runtime: Runtime, due: _Due, printed: Printed) -> tuple[Message, Recipient] | None:
    """Commit that a letter is about to leave, and address it; None where it is not to leave after all."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        won = session.exec(
            update(SubscriptionLetter)
            .where(col(SubscriptionLetter.id) == due.id, col(SubscriptionLetter.state) == "queued")
            .values(state="started", started_at=now, tries=SubscriptionLetter.tries + 1, recorded_at=now)
        )
        if won.rowcount != 1:
            return None  # another node sends it
        letter = session.get_one(SubscriptionLetter, due.id)
        subscription = session.get_one(Subscription, letter.subscription_id)
        if why := _needless(session, letter, subscription, now):
            letter.state, letter.said, letter.started_at = "skipped", why, None
            session.add(letter)
            return None
        return composing.addressed(printed, letter, subscription, runtime.settings, secret=runtime.secret)


def _needless(session: Session, letter: SubscriptionLetter, subscription: Subscription, now: datetime) -> str:
    """Why a letter need not leave any more, or ""."""
    if subscription.email is None:
        return "The subscription has ended."
    if letter.kind == "confirm":
        late = subscription.confirmed_at is None and subscription.asked_at <= now - subscribing.CONFIRM_WITHIN
        return "It was not sent in time." if late else ""
    withdrawn = select(Withdrawal.id).where(Withdrawal.revision_id == letter.revision_id)
    return "The text was withdrawn." if session.exec(withdrawn).first() is not None else ""


def _refused(runtime: Runtime, due: _Due, refusal: Refused) -> _Fate:
    """An address that is refused is not tried again; an account that is refused today may not be tomorrow."""
    if not refusal.address:
        return _put_off(runtime, due, str(refusal), None)
    fate = _record(runtime, due, "failed", str(refusal))
    if due.kind == "confirm":
        with writing(runtime.engine) as session:
            subscribing.reported(session, due.id, "dropped", runtime.clock.now(session))
    return fate


def _put_off(runtime: Runtime, due: _Due, said: str, retry_after: float | None) -> _Fate:
    """Certainly not sent: queued again for later, but not for ever; and the others wait for the next tick."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        letter = session.get_one(SubscriptionLetter, due.id, with_for_update=True)
        if letter.state == "started":
            letter.state = "queued" if letter.tries < TRIES else "failed"
            letter.not_before = now + _wait(letter.tries, retry_after)
            letter.started_at, letter.said, letter.recorded_at = None, said[:500], now
            session.add(letter)
        _ended_meanwhile(runtime, session, letter)
    return _Fate(stop=True)


def _wait(tries: int, retry_after: float | None) -> timedelta:
    if retry_after is None:
        return BACK_OFF * (1 << (tries - 1))
    return timedelta(seconds=min(max(retry_after, 0.0), MOST_SECONDS))


def _record(runtime: Runtime, due: _Due, state: str, said: str) -> _Fate:
    """What became of a letter. An answer that comes after it was given up still says that it was taken."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        letter = session.get_one(SubscriptionLetter, due.id, with_for_update=True)
        if letter.state == "started" or (state == "accepted" and letter.state == "unknown"):
            letter.state, letter.said, letter.recorded_at = state, said[:500], now
            session.add(letter)
        _ended_meanwhile(runtime, session, letter)
    return _Fate()


def _ended_meanwhile(runtime: Runtime, session: Session, letter: SubscriptionLetter) -> None:
    """A subscription that ended while its letter was under way leaves no letter behind."""
    subscription = session.get_one(Subscription, letter.subscription_id)
    if subscription.ended_at is None:
        return
    if letter.state == "queued":
        letter.state, letter.said = "skipped", "The subscription has ended."
    runtime.sender.forget([-(letter.id or 0)])
