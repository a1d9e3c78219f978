"""Which subscribers are owed a letter about which text, and which letters are given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import literal
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select, update

from notifier import suppressions
from notifier.doubts import restored_at
from notifier.models import Subscription, SubscriptionLetter
from policy_versions.models import DecisionRecord, Revision, Withdrawal
from settings import Settings

NEWS_FOR = timedelta(days=30)  # a text published longer ago is no news, if nothing ran until then


def give_up(session: Session, settings: Settings, *, now: datetime) -> int:
    """Give up letters of which it is not known whether they left; returns how many.

    Those are the ones whose sending was cut short, and in a restored database all that had not left when it was
    kept: they may have left since.
    """
    state, cut_short = col(SubscriptionLetter.state), now - timedelta(seconds=settings.lease_seconds)
    doubted = (state == "started") & (col(SubscriptionLetter.started_at) <= cut_short)
    restored = restored_at(session)
    if restored is not None:
        doubted |= state.in_(("queued", "started")) & (col(SubscriptionLetter.recorded_at) <= restored)
    return session.exec(
        update(SubscriptionLetter)
        .where(doubted)
        .values(state="unknown", said="It is not known whether it left.", recorded_at=now)
    ).rowcount


def owe(session: Session, settings: Settings, *, now: datetime) -> int:
    """Queue a letter for everybody who had confirmed before a text was published; returns how many.

    A text is told once it is decided and the review window has passed, so that one withdrawn at once is not.
    One published before the database was restored is not told by it: its letters may have left.
    """
    until = now - settings.review_window
    since = max(until - NEWS_FOR, restored_at(session) or until - NEWS_FOR)
    news = session.exec(
        select(Revision.id, Revision.policy_id, Revision.published_at).where(
            col(Revision.imported).is_(False),
            Revision.published_at <= until,
            Revision.published_at > since,
            select(DecisionRecord.id).where(DecisionRecord.revision_id == Revision.id).exists(),
            ~select(Withdrawal.id).where(Withdrawal.revision_id == Revision.id).exists(),
        )
    ).all()
    return sum(_owe(session, i, policy_id, published_at, now) for i, policy_id, published_at in news)


def _owe(session: Session, revision_id: int | None, policy_id: int, published_at: datetime, now: datetime) -> int:
    told = select(SubscriptionLetter.id).where(
        SubscriptionLetter.kind == "change", SubscriptionLetter.revision_id == revision_id
    )
    if session.exec(told.limit(1)).first() is not None:
        return 0  # who had confirmed by then is settled, and all are owed in one statement
    same: dict[str, object] = {"kind": "change", "revision_id": revision_id, "state": "queued"}
    same |= {"said": "", "tries": 0, "recorded_at": now}
    table = SubscriptionLetter.__table__  # type: ignore[attr-defined]
    readers = sa_select(
        col(Subscription.id), *(literal(value, table.c[name].type) for name, value in same.items())
    )
    readers = readers.where(
        col(Subscription.policy_id) == policy_id,
        col(Subscription.ended_at).is_(None),
        col(Subscription.confirmed_at) < published_at,
    )
    readers = readers.order_by(col(Subscription.id))
    statement = suppressions.insert_new(session, SubscriptionLetter).from_select(
        ["subscription_id", *same], readers, include_defaults=False
    )
    # a count of inserted rows is otherwise not kept on PostgreSQL
    counted = statement.execution_options(preserve_rowcount=True)
    return session.connection().execute(counted).rowcount
