"""Bodies that a provider posted: kept as they came before they are answered, folded later, then forgotten.

Any node may fold, any number at once: each body is claimed by its row's lock, and a node that dies in the
middle leaves it as it was.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, delete, select, update

from database import one_at_a_time, writing
from notifier.events import folding, reading
from notifier.models import UnmatchedEvent, WebhookBody
from notifier.runtime import Runtime

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)  # a body that cannot be folded
UNMATCHED_KEPT = timedelta(days=90)  # an event of no delivery: a keyed hash is still about a person
REFUSALS_APART = timedelta(minutes=1)
VERIFIED = "verified"


def receive(session: Session, source: str, body: bytes, *, now: datetime) -> bool:
    """Keep a body whose signature holds, to be folded; whether it is new. The caller commits before it answers."""
    sha256 = hashlib.sha256(body).hexdigest()
    one_at_a_time(session, int(sha256[:15], 16))  # two that bring the same body
    known = select(WebhookBody.id).where(WebhookBody.source == source, WebhookBody.sha256 == sha256, _not_lost())
    if session.exec(known.limit(1)).first() is not None:
        return False
    kept = WebhookBody(source=source, body=body, sha256=sha256, size=len(body), verdict=VERIFIED, received_at=now)
    session.add(kept)
    session.flush()
    return True


def refuse(session: Session, source: str, verdict: str, *, size: int, now: datetime) -> bool:
    """Note that a body was refused, and why; whether it was worth noting. Nothing of it is kept.

    Anybody may post, so one row stands for all that were refused for one reason, and it is written at most once
    in a while.
    """
    refused = select(WebhookBody).where(WebhookBody.source == source, WebhookBody.verdict == verdict)
    known = session.exec(refused.limit(1)).first()
    if known is not None and now - known.received_at < REFUSALS_APART:
        return False
    noted = known or WebhookBody(source=source, sha256="", size=size, verdict=verdict, received_at=now)
    noted.received_at, noted.size = now, size
    session.add(noted)
    session.flush()
    return True


def _not_lost() -> ColumnElement[bool]:
    """One that was deleted before it could be folded is taken again."""
    return or_(col(WebhookBody.folded_at).is_not(None), col(WebhookBody.body).is_not(None))


def _is_due() -> ColumnElement[bool]:
    return and_(col(WebhookBody.folded_at).is_(None), col(WebhookBody.body).is_not(None))


# -- folding ------------------------------------------------------------------------------------


def fold_due(runtime: Runtime) -> int:
    """Fold every body that waits, each in its own transaction; returns how many. One that fails stops no other."""
    done = last = 0
    while not runtime.stopping.is_set() and (body_id := _next(runtime, last)) is not None:
        last = body_id
        done += _fold_one(runtime, body_id)
    return done


def _next(runtime: Runtime, after: int) -> int | None:
    with Session(runtime.engine) as session:
        waiting = select(WebhookBody.id).where(_is_due(), col(WebhookBody.id) > after)
        return session.exec(waiting.order_by(col(WebhookBody.id)).limit(1)).first()


def _fold_one(runtime: Runtime, body_id: int) -> bool:
    """Whether it was ours to fold, and was."""
    try:
        with writing(runtime.engine) as session:
            kept = _claim(session, body_id)
            if kept is not None:
                _fold(session, kept, secret=runtime.secret, now=runtime.clock.now(session))
            return kept is not None
    except Exception as fault:
        # Only the type is kept and logged: a database's message may quote what was to be written.
        _cannot(runtime, body_id, type(fault).__name__)
        return False


def _claim(session: Session, body_id: int) -> WebhookBody | None:
    """Lock a body that still waits; None where another node has it, or has folded it."""
    waiting = select(WebhookBody).where(WebhookBody.id == body_id, _is_due())
    return session.exec(waiting.with_for_update(skip_locked=True)).first()


def _fold(session: Session, kept: WebhookBody, *, secret: str, now: datetime) -> None:
    read = reading.read(kept.body or b"", received_at=kept.received_at)
    folded = folding.fold(session, read.events, secret=secret, now=now)
    kept.events, kept.repeated, kept.unmatched = folded
    kept.said, kept.folded_at, kept.body = read.said, now, None
    session.add(kept)
    session.flush()


def _cannot(runtime: Runtime, body_id: int, why: str) -> None:
    """Note that a body cannot be folded, so that the admin sees it; it is tried again until it is forgotten."""
    said = f"It could not be folded: {why}."
    with writing(runtime.engine) as session:
        noted: Any = session.execute(
            update(WebhookBody)
            .where(col(WebhookBody.id) == body_id, _is_due(), col(WebhookBody.said) != said)
            .values(said=said)
        )
    if noted.rowcount:
        log.error("webhook body %s could not be folded: %s", body_id, why)


# -- forgetting ---------------------------------------------------------------------------------


def forget_old(session: Session, now: datetime) -> int:
    """Delete bodies that could not be folded for a week, and events of no delivery; returns how many bodies."""
    never = "It was deleted after 7 days without having been folded."
    forgotten: Any = session.execute(
        update(WebhookBody)
        .where(_is_due(), col(WebhookBody.received_at) <= now - KEPT)
        .values(body=None, said=func.trim(col(WebhookBody.said) + " " + never))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(UnmatchedEvent)
        .where(col(UnmatchedEvent.recorded_at) <= now - UNMATCHED_KEPT)
        .execution_options(synchronize_session=False)
    )
    return int(forgotten.rowcount)
