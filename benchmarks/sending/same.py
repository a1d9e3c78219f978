"""The requests that sending a notice makes, read from the database beforehand: what the peers are to post."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from database import reading
from notifier import filling
from notifier.models import Batch, Delivery, Member, Notice
from notifier.press import Press
from notifier.runtime import Runtime
from notifier.senders.protocol import Message, Recipient
from policy_versions.models import Policy


class Request(NamedTuple):
    """What is handed to a sender at once."""

    message: Message
    recipients: tuple[Recipient, ...]


def requests(works: Runtime, *, size: int) -> Iterator[Request]:
    """The letters of the one notice that is open, parted as the outbox does. size: recipients in a request."""
    press = Press(works)
    with reading(works.engine) as session:
        notice = session.exec(select(Notice).where(col(Notice.opened_at).is_not(None))).one()
        batches = (
            select(Batch).where(Batch.notice_id == notice.id, Batch.channel == "email").order_by(col(Batch.id))
        )
        for batch in session.exec(batches).all():
            yield from _of_batch(session, works, press, notice, batch, size)


def _of_batch(
    session: Session, works: Runtime, press: Press, notice: Notice, batch: Batch, size: int
) -> Iterator[Request]:
    printed = press.letter(batch, notice, now=works.clock.now(session))
    policy = session.get_one(Policy, notice.policy_id)
    # the planned day: nothing here leaves so late that another is named
    said = filling.applies_words(batch.applies_from, already=batch.already, policy=policy, locale=batch.locale)
    words = filling.personal(notice, said)
    own = filling.of_each(notice, batch, words, secret=works.secret)
    rows = session.execute(
        sa_select(col(Delivery.id), col(Member.email))
        .join(Member, col(Member.id) == Delivery.member_id)
        .where(col(Delivery.batch_id) == batch.id, col(Delivery.position).is_not(None))
        .order_by(col(Delivery.position))
    ).all()
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        recipients = (Recipient(number, address or "", own(number, address or "")) for number, address in some)
        yield Request(printed.message, tuple(recipients))
