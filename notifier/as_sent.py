"""A letter as one member got it, put together again from what is kept, whatever carried it.

The letter was kept once for all of its group (compose.py), the day that it named with the request that carried it.
The link of one's own is the one thing left out: whoever has it can answer for that member.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import Session, col, select

from errors import NoSuchLetter
from notifier import compose, filling, letters, tokens
from notifier.models import Attempt, Batch, Delivery, Notice, RenderedLetter
from notifier.senders.mime import substituted
from policy_versions.models import Policy


class Sent(NamedTuple):
    """A letter that a provider took. html, text: with what was put in for that member, but for their link."""

    notice: Notice
    attempt: Attempt
    sha256: str  # of the letter as it was kept
    subject: str
    html: str
    text: str


def of_delivery(session: Session, delivery_id: int) -> Sent:
    """The last letter that was taken for a delivery. Raises: NoSuchLetter."""
    row = session.exec(
        select(Notice, Batch, Attempt)
        .join(Batch, col(Batch.notice_id) == Notice.id)
        .join(Delivery, col(Delivery.batch_id) == Batch.id)
        .join(Attempt, col(Attempt.batch_id) == Batch.id)
        .where(
            Delivery.id == delivery_id,
            Attempt.state == "accepted",
            col(Attempt.first) <= col(Delivery.position),
            col(Attempt.last) > col(Delivery.position),
        )
        .order_by(col(Attempt.id).desc())
        .limit(1)
    ).first()
    if row is None:
        raise NoSuchLetter
    notice, batch, attempt = row
    kept = compose.rendered(session, notice, batch, now=attempt.started_at)
    if kept is None:
        raise NoSuchLetter
    return _filled(kept, notice, attempt, _words(session, notice, batch, attempt))


def _words(session: Session, notice: Notice, batch: Batch, attempt: Attempt) -> dict[str, str]:
    policy = session.get_one(Policy, notice.policy_id)
    words = filling.personal(notice, filling.as_sent(attempt, batch, policy))
    return words | {letters.link_key(notice.substitution_prefix): tokens.TEST}


def _filled(kept: RenderedLetter, notice: Notice, attempt: Attempt, words: dict[str, str]) -> Sent:
    subject, html, text = (substituted(part, words) for part in (kept.subject, kept.html, kept.text))
    return Sent(notice, attempt, kept.sha256, subject, html, text)
