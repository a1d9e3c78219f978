"""Letters that failed, and requests of which nobody knows whether they left: what a person does about them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, delete, select, update

from errors import AttemptNotSettled, NoSuchAttempt, NoticeNotRetriable
from notifier import control, notices, settling
from notifier.models import Attempt, Batch, Delivery, Notice, Outcome

RETRIABLE = ("sending", "paused", "complete")
CHUNK = 1000


def retry_failures(session: Session, notice_id: int, *, actor: str, now: datetime) -> int:
    """Owe the letters that failed again: they lose their outcome and are placed anew, as their members stand now.

    Returns: how many. Raises: NoSuchNotice, NoticeNotRetriable.
    """
    notice = control.locked(session, notice_id)
    check(session, notice)
    failed = session.exec(
        select(Outcome.delivery_id)
        .join(Delivery, col(Delivery.id) == Outcome.delivery_id)
        .where(Outcome.outcome == "failed", Delivery.notice_id == notice.id)
        .order_by(col(Outcome.delivery_id))
    ).all()
    if not failed:
        raise NoticeNotRetriable("No letter of this notice has failed, or they wait to be sent again already.")
    for start in range(0, len(failed), CHUNK):
        some = failed[start : start + CHUNK]
        session.exec(update(Delivery).where(col(Delivery.id).in_(some)).values(position=None))
        session.exec(delete(Outcome).where(col(Outcome.delivery_id).in_(some)))
    control.note(session, "failed letters sent again", notice_id, actor, now, letters=len(failed))
    return len(failed)


def check(session: Session, notice: Notice) -> None:
    """Whether failed letters of a notice can be sent again. Raises: NoticeNotRetriable."""
    if notice.kind != "change" or notice.state not in RETRIABLE or notice.opened_at is None:
        raise NoticeNotRetriable(
            "Only the failed letters of a notice of a change that has opened, and was not called off, "
            "can be sent again."
        )
    later = notices.superseding(session, notice)
    if later is not None:
        raise NoticeNotRetriable(f"Notice {later} tells of it since, to those whose letters failed too.")


def settle(session: Session, notice_id: int, attempt_id: int, *, sent: bool, actor: str, now: datetime) -> None:
    """Take a person's word on a request whose fate is unknown: it was sent, or it was not and is sent again.

    Raises: NoSuchNotice, NoSuchAttempt, AttemptNotSettled.
    """
    notices.by_id(session, notice_id)
    attempt = session.get(Attempt, attempt_id)
    batch = session.get_one(Batch, attempt.batch_id) if attempt else None
    if attempt is None or batch is None or batch.notice_id != notice_id:
        raise NoSuchAttempt
    if sent:
        done = settling.accept(session, attempt_id, by="person", now=now)
    else:
        done = settling.give_up(session, attempt_id, now=now)
    if not done:
        raise AttemptNotSettled(_why_not(session.get_one(Attempt, attempt_id)))
    if not sent:
        attempt.settled_by = "person"
        session.add(attempt)
        session.flush()
    control.note(session, "request settled", notice_id, actor, now, attempt=attempt_id, sent=sent)


def _why_not(attempt: Attempt) -> str:
    if attempt.state == "unknown":
        return "Letters are sent again only while their notice is being sent; let it go on first."
    became = {"accepted": "it was sent", "resent": "it is sent again"}.get(attempt.state, attempt.state)
    return f"That request was settled already: {became}."
