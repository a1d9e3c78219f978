"""Ask, confirm, stop: the life of a subscription.

Services: a Session and `now` in; the caller owns the transaction.

What a stranger is told never depends on what is found here: `ask` returns nothing, whatever it did.

An address stays in the database only while its subscription stands. Its keyed hash stays a year longer, so that
no more questions go to an address than are allowed, none to one that bounced or complained, and so that the link
in an old letter stops the letters of a newer subscription too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from errors import NothingInForce, SubscriptionLinkInvalid
from notifier import addresses, suppressions
from notifier.models import Subscription, SubscriptionLetter
from policy_versions import archive, audit
from policy_versions.models import Policy

CONFIRM_WITHIN = timedelta(hours=48)
BETWEEN = timedelta(hours=1)  # from one question to the next, of an address and a policy
MOST_QUESTIONS = 3  # that nobody answered
EXPIRED_AT_ONCE = 500
KEY_KEPT = timedelta(days=365)  # after the end of a subscription

# what a report of a letter ends its subscription with; a late or soft failure ends nothing
_ENDING_EVENTS = {"bounce": "bounce", "spamreport": "complaint", "dropped": "refused"}
_UNWELCOME = ("bounce", "complaint", "refused")


# -- asking -------------------------------------------------------------------------------------


def ask(session: Session, policy: Policy, address: str, *, secret: str, now: datetime) -> None:
    """Queue the question whether an address wants the letters, where it may be asked.

    It may not be asked when it is subscribed or suppressed, when a letter to a subscriber came back or was
    called spam, within an hour of the last question, or after three questions without an answer.
    Raises: RowInvalid for a malformed address; NothingInForce where the policy has no text.
    """
    email = addresses.checked(address)
    revision_id = _revision(session, policy, now)
    key = _key(email, secret)
    earlier = _of_address(session, policy.id, key)
    suppressed = suppressions.standing(session, suppressions.keys(email, secret)) is not None
    if suppressed or _came_back(session, key) or not _may_be_asked(earlier, now):
        return
    for standing in (one for one in earlier if one.ended_at is None):
        if not _end(session, standing.id, "asked again", now):
            return  # somebody else was first, and asks
    made = _insert(session, Subscription(policy_id=policy.id or 0, email=email, email_key=key, asked_at=now))
    if made is not None:
        session.add(
            SubscriptionLetter(subscription_id=made, kind="confirm", revision_id=revision_id, recorded_at=now)
        )


def _insert(session: Session, asked: Subscription) -> int | None:
    """Write a subscription and return its id; None where one of the same address was written meanwhile."""
    statement = suppressions.insert_new(session, Subscription).values(asked.model_dump(exclude={"id"}))
    return session.execute(statement.returning(col(Subscription.id))).scalar_one_or_none()


def _key(email: str, secret: str) -> str:
    """The keyed hash of an address, the same for every spelling of it."""
    return addresses.key(suppressions.spelled(email), secret)


def _revision(session: Session, policy: Policy, now: datetime) -> int:
    """The revision in force, or the first. Raises: NothingInForce."""
    record = archive.history(session, policy)
    entry = record.in_force(now) or next(iter(record.entries), None)
    if entry is None or entry.revision.id is None:
        raise NothingInForce
    return entry.revision.id


def _of_address(session: Session, policy_id: int | None, key: str) -> Sequence[Subscription]:
    return session.exec(
        select(Subscription).where(Subscription.policy_id == policy_id, Subscription.email_key == key)
    ).all()


def _came_back(session: Session, key: str) -> bool:
    """Whether a letter to a subscriber of this address came back or was called spam, whatever its policy."""
    found = select(Subscription.id).where(
        Subscription.email_key == key, col(Subscription.why_ended).in_(_UNWELCOME)
    )
    return session.exec(found.limit(1)).first() is not None


def _may_be_asked(earlier: Sequence[Subscription], now: datetime) -> bool:
    """Whether one more question is allowed. earlier: all that this address asked of this policy."""
    if any(one.confirmed_at and one.ended_at is None for one in earlier):
        return False
    if any(one.asked_at > now - BETWEEN for one in earlier):
        return False
    answered = max((one.confirmed_at for one in earlier if one.confirmed_at), default=None)
    unanswered = [
        one for one in earlier if one.confirmed_at is None and (answered is None or one.asked_at > answered)
    ]
    return len(unanswered) < MOST_QUESTIONS


# -- answering ----------------------------------------------------------------------------------


def find(session: Session, subscription_id: int) -> tuple[Subscription, Policy]:
    """The subscription that a link names, and its policy. Raises: SubscriptionLinkInvalid."""
    found = session.exec(
        select(Subscription, Policy)
        .join(Policy, col(Policy.id) == Subscription.policy_id)
        .where(Subscription.id == subscription_id)
    ).first()
    if found is None:
        raise SubscriptionLinkInvalid
    return found


def answerable(session: Session, subscription_id: int, *, now: datetime) -> Subscription:
    """The subscription that a link confirms: its own, or the one that a later question made of it.

    One that is confirmed already is returned too, so that a second click gets the same answer.
    Raises: SubscriptionLinkInvalid.
    """
    named, _ = find(session, subscription_id)
    early = now - CONFIRM_WITHIN
    followed = _siblings(session, named) if named.why_ended == "asked again" else ()
    for one in (named, *followed):
        answered_or_waits = one.confirmed_at is not None or one.asked_at > early
        if named.asked_at > early and one.ended_at is None and answered_or_waits:
            return one
    raise SubscriptionLinkInvalid


def confirm(session: Session, subscription_id: int, *, now: datetime) -> Policy:
    """Confirm a subscription; again and again if need be. Raises: SubscriptionLinkInvalid."""
    found = answerable(session, subscription_id, now=now)
    session.exec(
        update(Subscription)
        .where(
            col(Subscription.id) == found.id,
            col(Subscription.ended_at).is_(None),
            col(Subscription.confirmed_at).is_(None),
        )
        .values(confirmed_at=now)
    )
    session.expire_all()
    confirmed, policy = find(session, found.id or 0)
    if confirmed.ended_at is not None:  # stopped in this very moment
        raise SubscriptionLinkInvalid
    return policy


def _siblings(session: Session, named: Subscription) -> Sequence[Subscription]:
    """The other subscriptions of its address to its policy, while its key is known."""
    if not named.email_key:
        return ()
    return [one for one in _of_address(session, named.policy_id, named.email_key) if one.id != named.id]


# -- ending -------------------------------------------------------------------------------------


def unsubscribe(session: Session, subscription_id: int, *, now: datetime) -> list[int]:
    """End the subscription that a link names, or the newer one of its address to that policy; again is no error.

    Returns: what the caller has the sender forget. Raises: SubscriptionLinkInvalid.
    """
    named, _ = find(session, subscription_id)
    return _end_all(session, (named, *_siblings(session, named)), "unsubscribed", now)


def reported(session: Session, letter_id: int, event: str, now: datetime) -> None:
    """What a provider said of a subscriber's letter: a bounce, a complaint or a drop ends the subscription.

    letter_id: of the SubscriptionLetter, above zero. One that is not on record says nothing.
    """
    why = _ENDING_EVENTS.get(event)
    letter = session.get(SubscriptionLetter, letter_id) if why else None
    if letter is None or why is None:
        return
    named, _ = find(session, letter.subscription_id)
    _end_all(session, (named, *_siblings(session, named)), why, now)
    # also where it had ended by itself: the address is not to be asked again
    session.exec(update(Subscription).where(col(Subscription.id) == named.id).values(why_ended=why))


def forget(
    session: Session, address: str, secret: str, now: datetime, *, actor: str = "command line"
) -> list[int]:
    """End every subscription of an address, at a person's word.

    Returns: what the caller has the sender forget. Raises: RowInvalid.
    """
    key = _key(addresses.checked(address), secret)
    found = session.exec(select(Subscription).where(Subscription.email_key == key)).all()
    standing = [one for one in found if one.ended_at is None]
    letters = _end_all(session, found, "unsubscribed", now)
    audit.record(
        session, actor=actor, action="subscriptions ended", subject="subscriptions", now=now, ended=len(standing)
    )
    return letters


def expire(session: Session, *, now: datetime) -> list[int]:
    """Delete the addresses that nobody confirmed in time, and the keys kept long enough.

    Returns: what the caller has the sender forget.
    """
    late = session.exec(
        select(Subscription)
        .where(
            col(Subscription.ended_at).is_(None),
            col(Subscription.confirmed_at).is_(None),
            Subscription.asked_at <= now - CONFIRM_WITHIN,
        )
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    _forget_keys(session, now)
    return _end_all(session, late, "not confirmed", now)


def _forget_keys(session: Session, now: datetime) -> None:
    """Clear the keys of those long ended; not while the same address stands, whose old links are to work."""
    other = aliased(Subscription)
    stands = select(other.id).where(
        col(other.policy_id) == col(Subscription.policy_id),
        col(other.email_key) == col(Subscription.email_key),
        col(other.ended_at).is_(None),
    )
    session.exec(
        update(Subscription)
        .where(col(Subscription.ended_at) <= now - KEY_KEPT, col(Subscription.email_key) != "", ~stands.exists())
        .values(email_key="")
        .execution_options(synchronize_session=False)
    )


def _end_all(session: Session, those: Iterable[Subscription], why: str, now: datetime) -> list[int]:
    ids = [one.id for one in those if one.id is not None]
    for one in ids:
        _end(session, one, why, now)
    return deliveries(session, ids)


def _end(session: Session, subscription_id: int | None, why: str, now: datetime) -> bool:
    """End a subscription and delete its address; whether it was this call that ended it."""
    ended = session.exec(
        update(Subscription)
        .where(col(Subscription.id) == subscription_id, col(Subscription.ended_at).is_(None))
        .values(email=None, ended_at=now, why_ended=why)
    )
    session.exec(
        update(SubscriptionLetter)
        .where(
            col(SubscriptionLetter.subscription_id) == subscription_id, col(SubscriptionLetter.state) == "queued"
        )
        .values(state="skipped", said="The subscription has ended.", recorded_at=now)
    )
    return ended.rowcount == 1


def deliveries(session: Session, subscription_ids: Iterable[int]) -> list[int]:
    """The numbers by which senders know these subscriptions' letters: below zero, so that none is a delivery's."""
    ids = session.exec(
        select(SubscriptionLetter.id).where(col(SubscriptionLetter.subscription_id).in_(list(subscription_ids)))
    ).all()
    return [-i for i in ids if i is not None]
