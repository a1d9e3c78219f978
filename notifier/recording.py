"""What a sender said, written down: on the attempts, on their batch, and where it went wrong on the notice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, exists, func, or_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, insert, select, update

from database import writing
from notifier import notices, pacing
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome, Pace
from notifier.runtime import Runtime
from notifier.senders.protocol import Accepted, NotSent, Refused, SendFailure, Unknown
from notifier.windows import Request
from policy_versions import audit

ALIKE = 4  # recipients; of fewer, two may well be bad in the same way
FAILURES = 10  # in a row, then the notice pauses and a person looks

Verdict = Accepted | SendFailure
Answer = tuple[Request, Verdict]


class NotTried(NotSent):
    """A request did not leave because of one before it, or because the batch went away: no failure of its own."""


class Footing(NamedTuple):
    """How a notice stands while an answer is recorded. paced: its rate was found by being refused once."""

    failures: int
    state: str
    gate: str
    paced: bool


Then = Callable[[Session, Footing, datetime], None]


class Recorded(NamedTuple):
    """going: whether to go on with the batch. erased: deliveries to be forgotten."""

    going: bool
    erased: list[int]


def record(
    runtime: Runtime, batch: Batch, answers: Sequence[Answer], *, last: bool = False, then: Then | None = None
) -> Recorded:
    """Write what the sender said.

    Where all went well nobody waits for anybody: the notice itself is written to only when something failed.
    last: nothing else of the batch waits, so that it is closed at once where all went well; and then what comes
    next is done in the same transaction, with the notice locked.
    """
    verdicts = [verdict for _, verdict in answers]
    with writing(runtime.engine) as session:
        # notice, batch, attempts: everybody locks in this order
        footing = Footing(*session.connection().execute(_FOOTING, {"of": batch.notice_id}).one())
        session.connection().execute(_LOCKED, {"of": batch.id})
        now = runtime.clock.now(session)
        _record_all(session, answers, now)
        smooth = footing.failures == 0 and all(isinstance(verdict, Accepted) for verdict in verdicts)
        _settle_batch(session, runtime, batch, ours=smooth and last)
        _mind_the_pace(session, verdicts, now, paced=footing.paced)
        erased = _erased_meanwhile(session, answers) if runtime.sender.repeatable else []
        if then is not None and smooth and last:
            then(session, footing, now)
    if smooth:
        return Recorded(not last, erased)
    return Recorded(_after_trouble(runtime, batch, verdicts), erased)


_FOOTING = (
    sa_select(
        col(Notice.failures),
        col(Notice.state),
        col(Notice.gate),
        exists().where(col(Pace.id) == 1, col(Pace.rate).is_not(None)),
    )
    .where(col(Notice.id) == bindparam("of"))
    .with_for_update(read=True)
)
_LOCKED = sa_select(col(Batch.id)).where(col(Batch.id) == bindparam("of")).with_for_update()


def _erased_meanwhile(session: Session, answers: Sequence[Answer]) -> list[int]:
    """Deliveries of members who were erased while their letters were being written."""
    sent = [recipient.delivery_id for request, _ in answers for recipient in request.recipients]
    gone = session.exec(
        select(Delivery.id)
        .join(Member, col(Member.id) == Delivery.member_id)
        .where(col(Delivery.id).in_(sent), col(Member.erased_at).is_not(None))
    )
    return [delivery_id for delivery_id in gone if delivery_id is not None]


_STATES = sa_select(col(Attempt.state)).where(col(Attempt.batch_id) == bindparam("of")).distinct()


def states(session: Session, batch: Batch) -> set[str]:
    return set(session.scalars(_STATES, {"of": batch.id}))


def _settle_batch(session: Session, runtime: Runtime, batch: Batch, *, ours: bool) -> None:
    """Set a batch's state by its attempts': an answer that came late settles one that was closed as unknown.

    ours: one that we still have is done, too.
    """
    closed, state = col(Batch.state) == "unknown", notices.final_state(states(session, batch))
    if ours and state != "sending":
        closed |= (col(Batch.state) == "sending") & (col(Batch.lease_by) == runtime.node)
    session.execute(
        update(Batch)
        .where(col(Batch.id) == batch.id, closed)
        .values(state=state, lease_by="", lease_until=None, not_before=None, said=""),
        execution_options=_UNSEEN,
    )


_UNSEEN = {"synchronize_session": False}  # nothing loaded is looked at again
_ANSWERED = (
    update(Attempt)
    .where(
        col(Attempt.id) == bindparam("of"), or_(col(Attempt.state) == "started", col(Attempt.state) == "unknown")
    )
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("state", "said", "status", "provider_message_id", "settled_by", "recorded_at")
        }
        | {"doubted_at": func.coalesce(col(Attempt.doubted_at), bindparam("doubted"))}
    )
)


def _record_all(session: Session, answers: Sequence[Answer], now: datetime) -> None:
    """Where all were taken they are written at once; one by one where any of them is not as it was left."""
    if len(answers) > 1 and all(isinstance(verdict, Accepted) for _, verdict in answers):
        given = [_answer(request, verdict, "accepted", now) for request, verdict in answers]
        if session.connection().execute(_ANSWERED, given).rowcount == len(answers):
            return
    for request, verdict in answers:
        _record_one(session, request, verdict, now)


def _answer(request: Request, verdict: Verdict, state: str, now: datetime) -> dict[str, object]:
    return {
        "of": request.attempt_id,
        "new_state": state,
        "new_said": "" if isinstance(verdict, Accepted) else str(verdict)[:1000],
        "new_status": getattr(verdict, "status", None),
        "new_provider_message_id": verdict.message_id if isinstance(verdict, Accepted) else None,
        "new_settled_by": "" if state == "unknown" else "answer",
        "new_recorded_at": now,
        "doubted": now if state == "unknown" else None,
    }


def _record_one(session: Session, request: Request, verdict: Verdict, now: datetime) -> None:
    state = _state(request, verdict)
    answer = _answer(request, verdict, state, now)
    known = session.connection().execute(_ANSWERED, answer).rowcount == 1
    if not known and isinstance(verdict, Accepted):
        taken_after_all(session, request.attempt_id, by="answer", now=now)
    if known and state == "refused":
        reason = str(verdict)[:1000]
        failed = {"outcome": "failed", "reason": reason, "recorded_at": now}
        session.execute(insert(Outcome), [{"delivery_id": request.recipients[0].delivery_id, **failed}])


def taken_after_all(session: Session, attempt_id: int, *, by: str, now: datetime) -> None:
    """An attempt that was given up was taken: where nothing of it left again yet, nothing will.

    Else it is known as a duplicate: its members got two letters. Its batch is locked.
    """
    given_up = session.get_one(Attempt, attempt_id, populate_existing=True)
    if given_up.state != "resent":
        return
    again = select(Attempt.id).where(
        Attempt.batch_id == given_up.batch_id,
        col(Attempt.id) > attempt_id,
        Attempt.first < given_up.last,
        Attempt.last > given_up.first,
        col(Attempt.state).in_(("started", "accepted", "unknown", "resent")),
    )
    given_up.duplicate = session.exec(again.limit(1)).first() is not None
    given_up.state, given_up.settled_by, given_up.recorded_at = "accepted", by, now
    session.add(given_up)
    session.flush()


def _state(request: Request, verdict: Verdict) -> str:
    match verdict:
        case Accepted():
            return "accepted"
        case Unknown():
            return "unknown"
        case Refused(address=True):
            return "refused" if len(request.recipients) == 1 else "halved"
        case _:
            return "not_sent"


def _mind_the_pace(session: Session, verdicts: Sequence[Verdict], now: datetime, *, paced: bool) -> None:
    for verdict in verdicts:
        if isinstance(verdict, Accepted):
            if verdict.pause:
                pacing.hold(session, seconds=verdict.pause, now=now)
        elif isinstance(verdict, NotSent) and verdict.status == 429:
            pacing.refused(session, retry_after=verdict.retry_after, said=str(verdict), now=now)
            return
    if paced and all(isinstance(verdict, Accepted) for verdict in verdicts):
        pacing.taken(session, now=now)


# -- when it did not go well --------------------------------------------------------------------


def _after_trouble(runtime: Runtime, batch: Batch, verdicts: Sequence[Verdict]) -> bool:
    """Count failures in a row; back off, or pause the notice and say why. Whether to go on with the batch."""
    with writing(runtime.engine) as session:
        notice = session.get_one(Notice, batch.notice_id, with_for_update=True)
        held = session.get_one(Batch, batch.id, with_for_update=True)
        now = runtime.clock.now(session)
        account = next((v for v in verdicts if isinstance(v, Refused) and not v.address), None)
        alike = _refused_alike(session, held, now) if account is None else ""
        if account is not None or alike:
            why = (
                str(account) if account else f"Both halves of a request were refused with the same error: {alike}"
            )
            return _pause(session, runtime, notice, held, why, now)
        failed = [v for v in verdicts if isinstance(v, NotSent | Unknown)]
        notice.failures = _in_a_row(notice, verdicts, failed)
        session.add(notice)
        if notice.failures >= FAILURES:
            why = f"{notice.failures} requests failed in a row: {failed[0]}"
            return _pause(session, runtime, notice, held, why, now)
        return not _back_off(session, runtime, held, failed, notice.failures, now)


def _in_a_row(notice: Notice, verdicts: Sequence[Verdict], failed: Sequence[NotSent | Unknown]) -> int:
    if len(failed) < len(verdicts):
        return 0
    return notice.failures + sum(map(_counts, failed))


def _counts(failure: NotSent | Unknown) -> bool:
    """A provider that asks for patience has not failed, nor has what was not tried."""
    return failure.status != 429 and not isinstance(failure, NotTried)


def _back_off(
    session: Session,
    runtime: Runtime,
    batch: Batch,
    failed: Sequence[NotSent | Unknown],
    failures: int,
    now: datetime,
) -> bool:
    refused = next((v for v in failed if isinstance(v, NotSent)), None)
    if refused is None:
        return False
    wait = refused.retry_after if refused.retry_after is not None else min(600, 5 * 2**failures)
    release(session, runtime, batch, state="queued", not_before=now + timedelta(seconds=wait))
    return True


def _refused_alike(session: Session, batch: Batch, now: datetime) -> str:
    """The error with which both halves of a whole request were refused, "" for none: it is no address's fault.

    What a sender refuses by itself, before it asks a provider (no status), it says of an address it has seen.
    The attempts become "not sent", so that the whole is tried again when a person lets the notice go on.
    """
    halved = session.exec(
        select(Attempt)
        .where(Attempt.batch_id == batch.id, Attempt.state == "halved", col(Attempt.status).is_not(None))
        .order_by(col(Attempt.first))
    ).all()
    for whole in halved:
        inside = [a for a in halved if a is not whole and whole.first <= a.first and a.last <= whole.last]
        if _is_inside(whole, halved) or whole.recipients < ALIKE or len(inside) != 2:
            continue
        left, right = inside
        if left.last <= right.first and left.said == right.said:
            for attempt in halved:
                attempt.state, attempt.recorded_at = "not_sent", now
            session.add_all(halved)
            session.flush()
            return left.said
    return ""


def _is_inside(one: Attempt, others: Sequence[Attempt]) -> bool:
    return any(
        other is not one
        and other.first <= one.first
        and one.last <= other.last
        and other.recipients > one.recipients
        for other in others
    )


def _pause(session: Session, runtime: Runtime, notice: Notice, batch: Batch, why: str, now: datetime) -> bool:
    """Give our batch back to the queue; the notice pauses until a person goes on."""
    release(session, runtime, batch, state="queued")
    if notice.state == "sending":
        notice.state, notice.why = "paused", why[:1000]
        session.add(notice)
        session.flush()
        audit.record(
            session,
            actor="scheduler",
            action="notice paused",
            subject=f"notice {notice.id}",
            now=now,
            why=why[:300],
        )
    return False


def stopped(session: Session, notice: Notice) -> str:
    """Why what is left of a notice will not be sent; "" where it will."""
    if notice.state in ("cancelled", "recalled"):
        return notice.why if notice.state == "cancelled" else "recalled"
    later = notices.superseding(session, notice) if notice.kind == "change" else None
    return notices.told_by(later) if later is not None else ""


def release(
    session: Session,
    runtime: Runtime,
    batch: Batch,
    *,
    state: str,
    not_before: datetime | None = None,
    said: str = "",
) -> None:
    """Give up the lease on a batch and set its state; nothing happens where the lease is no longer ours."""
    session.exec(
        update(Batch)
        .where(
            col(Batch.id) == batch.id,
            col(Batch.state) == "sending",
            col(Batch.lease_by) == runtime.node,
        )
        .values(state=state, lease_by="", lease_until=None, not_before=not_before, said=said)
    )
