"""The outbox: claim a batch, commit what is about to be tried, call the sender, record what it said.

The connection is given back before the network is used; an attempt is on record before its request leaves, so
that whatever dies in between, what may have been sent is known by name.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_
from sqlmodel import Session, col, insert, select, update

from database import reading, writing
from notifier import addresses, audience, compose, members, notices
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome, RenderedLetter
from notifier.runtime import Runtime
from notifier.senders.mime import without_addresses
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, SendFailure, Unknown
from policy_versions import archive, reopening
from policy_versions.models import Policy

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)  # longer than any one request's total deadline (60 s) and the minute to record it
FINAL = ("accepted", "unknown", "refused", "started")  # attempts whose recipients are not tried again
ALIKE = 4  # recipients; of fewer, two may well be bad in the same way
FAILURES = 10  # in a row, then the notice pauses and a person looks
UNKNOWN_RESENT_AFTER = timedelta(hours=2)


class Request(NamedTuple):
    """One request about to leave: positions [first, last) of its batch, as committed under `attempt_id`."""

    attempt_id: int
    first: int
    last: int
    recipients: tuple[Recipient, ...]


Verdict = Accepted | SendFailure


def deliver(runtime: Runtime) -> int:
    """Send what is queued until nothing is due; returns how many batches were worked on."""
    worked = 0
    while (batch := _claim(runtime)) is not None:
        _work(runtime, batch)
        worked += 1
    _complete(runtime)
    return worked


def _claim(runtime: Runtime) -> Batch | None:
    """Lease one queued batch of a notice that is being sent; None when there is none for us."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        found = session.exec(
            select(Batch)
            .join(Notice, col(Notice.id) == Batch.notice_id)
            .where(
                Batch.state == "queued",
                Notice.state == "sending",
                or_(col(Batch.not_before).is_(None), col(Batch.not_before) <= now),
            )
            .order_by(col(Batch.id))
            .limit(1)
            .with_for_update(skip_locked=True, of=Batch)
        ).first()
        if found is None:
            return None
        found.state, found.lease_by, found.lease_until = "sending", runtime.node, now + LEASE
        session.add(found)
        return found


def _work(runtime: Runtime, batch: Batch) -> None:
    try:
        message = _message(runtime, batch)
    except Exception as error:
        log.exception("the letter of batch %s cannot be made", batch.id)
        _give_up(runtime, batch, f"The letter cannot be made: {type(error).__name__}: {error}")
        return
    while requests := _open_window(runtime, batch):
        verdicts = list(_send(runtime, batch, message, requests))
        if not _record(runtime, batch, verdicts):
            return
    _close(runtime, batch)


def _message(runtime: Runtime, batch: Batch) -> Message:
    """The batch's letter: rendered once for its group, kept as evidence, the same for every later batch."""
    with reading(runtime.engine) as session:
        notice = session.get_one(Notice, batch.notice_id)
        slug = session.get_one(Policy, notice.policy_id).slug
        now = runtime.clock.now(session)
        letter = compose.rendered(session, notice, batch, now=now)
        fresh = letter or compose.render(session, notice, batch, runtime.settings, now=now)
    if letter is None:
        letter = _keep(runtime, notice, batch, fresh, now)
    return compose.message(letter, runtime.settings, policy_slug=slug)


def _keep(runtime: Runtime, notice: Notice, batch: Batch, fresh: RenderedLetter, now: datetime) -> RenderedLetter:
    with writing(runtime.engine) as session:
        session.exec(select(Notice.id).where(Notice.id == notice.id).with_for_update()).one()
        kept = compose.rendered(session, notice, batch, now=now)
        if kept is None:
            session.add(fresh)
        return kept or fresh


# -- a window of requests -----------------------------------------------------------------------


def _open_window(runtime: Runtime, batch: Batch) -> list[Request]:
    """Commit the attempts of the next requests; empty when nothing is left, or the batch is no longer ours."""
    with writing(runtime.engine) as session:
        # Locked first, so that a window is not opened while its notice is being stopped.
        notice = session.get_one(Notice, batch.notice_id, with_for_update={"read": True})
        now = runtime.clock.now(session)
        if not _renew(session, runtime, batch, now):
            return []
        policy = session.get_one(Policy, notice.policy_id)
        ready = _ready(session, runtime, batch, now)
        _restate(session, batch, notice, policy, [d for d, _ in ready.values()], now)
        chunks = _chunks(session, batch, ready, runtime.sender.request_size)
        return [
            _open(session, runtime, batch, notice, policy, [ready[p] for p in chunk], now)
            for chunk in chunks[: runtime.sender.window]
        ]


def _renew(session: Session, runtime: Runtime, batch: Batch, now: datetime) -> bool:
    """Whether the lease is still ours and the notice still being sent; if so, it runs anew."""
    notice = session.get_one(Notice, batch.notice_id)
    if notice.kind == "change" and notices.superseding(session, notice) is not None:
        return False
    sending = select(Notice.id).where(Notice.id == batch.notice_id, Notice.state == "sending")
    won = session.exec(
        update(Batch)
        .where(
            col(Batch.id) == batch.id,
            col(Batch.state) == "sending",
            col(Batch.lease_by) == runtime.node,
            col(Batch.lease_until) > now,
            sending.exists(),
        )
        .values(lease_until=now + LEASE)
    )
    return won.rowcount == 1


def _ready(session: Session, runtime: Runtime, batch: Batch, now: datetime) -> dict[int, tuple[Delivery, Member]]:
    """Deliveries of a batch not tried yet, by position.

    Those of members gone meanwhile are skipped, with why; those whose address or guardian has changed so that
    they are owed another letter, or the site notice, lose their place and are placed again; of a correction,
    which nothing places again, they are skipped too.
    """
    rows = session.exec(
        select(Delivery, Member)
        .join(Member, col(Member.id) == Delivery.member_id)
        .outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(Delivery.batch_id == batch.id, col(Outcome.id).is_(None))
        .order_by(col(Delivery.position))
    ).all()
    done = _tried(session, batch)
    barred = audience.suppressed(session)
    placed_again = session.get_one(Notice, batch.notice_id).kind == "change"
    ready, skipped = {}, []
    for delivery, member in rows:
        if delivery.position in done or delivery.position is None:
            continue
        why = _gone(member, now)
        otherwise = _owed_otherwise(member, batch, barred, runtime.secret)
        if otherwise and not why and not placed_again:
            why = "cannot be written to as planned"
        if why:
            skipped.append({"delivery_id": delivery.id, "outcome": "skipped", "reason": why, "recorded_at": now})
        elif otherwise:
            delivery.batch_id = delivery.position = None
            session.add(delivery)
        else:
            ready[delivery.position] = delivery, member
    if skipped:
        session.execute(insert(Outcome), skipped)
    session.flush()
    return ready


def _gone(member: Member, now: datetime) -> str:
    """Why a member is not told after all; "" where they are."""
    if member.erased_at is not None:
        return "erased"
    lapsed = member.retained_until is not None and member.retained_until <= now
    return "lapsed" if lapsed else ""


def _owed_otherwise(member: Member, batch: Batch, barred: frozenset[str], secret: str) -> bool:
    address = _address(member)
    if not address or (batch.audience == "guardian") != bool(member.guardian_email):
        return True
    return bool(barred) and addresses.key(address, secret) in barred


def _address(member: Member) -> str:
    """While a member has a guardian, letters go to the guardian only."""
    return member.guardian_email or member.email or ""


def _tried(session: Session, batch: Batch) -> set[int]:
    attempts = session.exec(
        select(Attempt.first, Attempt.last).where(Attempt.batch_id == batch.id, col(Attempt.state).in_(FINAL))
    )
    return {position for first, last in attempts for position in range(first, last)}


def _restate(
    session: Session,
    batch: Batch,
    notice: Notice,
    policy: Policy,
    deliveries: Sequence[Delivery],
    now: datetime,
) -> None:
    """A letter that leaves after its planned day names a later date, so that the whole period lies before it."""
    if batch.already or batch.asks or not deliveries or notice.kind != "change":
        return
    record = archive.history(session, policy)
    entry = next(e for e in record.entries if e.revision.id == notice.revision_id)
    base = next((e.number for e in record.entries if e.revision.id == batch.base_revision_id), 0)
    stated = audience.stated_date(record, base, entry, now)
    then = {at: reopening.as_of(session, record, at) for at in {d.recorded_at for d in deliveries}}
    for delivery in deliveries:
        # by the decisions that stood when it was planned: one made since may bind the letter for longer
        planned = audience.stated_date(then[delivery.recorded_at], base, entry, delivery.recorded_at)
        # a date before the planned one is bound by no period of this letter's
        if delivery.applies_from is not None and planned <= delivery.applies_from < stated:
            delivery.applies_from = stated
            session.add(delivery)


def _chunks(
    session: Session, batch: Batch, ready: Mapping[int, tuple[Delivery, Member]], size: int
) -> list[list[int]]:
    """Part positions into requests: runs of at most `size`, cut where a request was halved or an address recurs.

    The longest come first: both halves of a refused request are tried before either is halved again.
    """
    halved = session.exec(
        select(Attempt.first, Attempt.last).where(Attempt.batch_id == batch.id, Attempt.state == "halved")
    ).all()
    cuts = {cut for first, last in halved for cut in (first, (first + last) // 2, last)}
    barriers = cuts | _tried(session, batch)
    runs: list[list[int]] = []
    seen: set[str] = set()
    for position in sorted(ready):
        address = addresses.normalised(_address(ready[position][1]))
        last = runs[-1][-1] if runs else None
        apart = last is None or len(runs[-1]) >= size or address in seen
        if apart or any(between in barriers for between in range((last or 0) + 1, position + 1)):
            runs.append([])
            seen.clear()
        runs[-1].append(position)
        seen.add(address)
    return sorted(runs, key=lambda run: (-len(run), run[0]))


def _open(
    session: Session,
    runtime: Runtime,
    batch: Batch,
    notice: Notice,
    policy: Policy,
    rows: Sequence[tuple[Delivery, Member]],
    now: datetime,
) -> Request:
    recipients = tuple(
        Recipient(
            delivery.id or 0,
            _address(member),
            compose.personal(notice, delivery, already=batch.already, policy=policy),
        )
        for delivery, member in rows
    )
    attempt = Attempt(
        batch_id=batch.id or 0,
        first=rows[0][0].position or 0,
        last=(rows[-1][0].position or 0) + 1,
        body_sha256=_body(recipients),
        sender=runtime.sender.name,
        started_at=now,
    )
    session.add(attempt)
    session.flush()
    return Request(attempt.id or 0, attempt.first, attempt.last, recipients)


def _body(recipients: Sequence[Recipient]) -> str:
    """A hash of what goes to whom, by delivery: no address goes in, so the evidence outlives an erasure."""
    said = [(recipient.delivery_id, sorted(recipient.substitutions.items())) for recipient in recipients]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


# -- sending ------------------------------------------------------------------------------------


def _send(
    runtime: Runtime, batch: Batch, message: Message, requests: Sequence[Request]
) -> Iterator[tuple[Request, Verdict]]:
    """Make the requests one after another; after one that could not be sent the rest are not tried."""
    stopped: SendFailure | None = None
    for request in requests:
        if stopped is None and not _still_ours(runtime, batch):
            stopped = NotSent("the batch was taken over, or its notice stopped")
        if stopped is not None:
            yield request, NotSent(str(stopped), retry_after=0)
            continue
        verdict = _send_one(runtime, message, request)
        if isinstance(verdict, NotSent) or (isinstance(verdict, Refused) and not verdict.address):
            stopped = verdict
        yield request, verdict


def _still_ours(runtime: Runtime, batch: Batch) -> bool:
    """Asked right before each request leaves. A sender that may repeat itself needs no such care."""
    if runtime.sender.repeatable:
        return True
    with writing(runtime.engine) as session:
        return _renew(session, runtime, batch, runtime.clock.now(session))


def _send_one(runtime: Runtime, message: Message, request: Request) -> Verdict:
    try:
        return runtime.sender.send(message, request.recipients, attempt_id=request.attempt_id)
    except SendFailure as failure:
        return failure
    except ValueError as error:
        # senders find fault with what they are handed before they touch the network
        return Refused(f"The letter cannot be sent as it is: {without_addresses(str(error))}")
    except Exception as error:
        # a fault of ours, somewhere around the call: what left is not known
        log.exception("attempt %s broke off", request.attempt_id)
        return Unknown(f"{type(error).__name__} while sending")


# -- recording ----------------------------------------------------------------------------------


def _record(runtime: Runtime, batch: Batch, verdicts: Sequence[tuple[Request, Verdict]]) -> bool:
    """Write what the sender said; whether to go on with the batch."""
    with writing(runtime.engine) as session:
        # notice, batch, attempts: everybody locks in this order
        session.get_one(Notice, batch.notice_id, with_for_update=True)
        session.get_one(Batch, batch.id, with_for_update=True)
        now = runtime.clock.now(session)
        for request, verdict in verdicts:
            _record_one(session, request, verdict, now)
        _settle_batch(session, batch)
        going = _go_on(session, runtime, batch, [verdict for _, verdict in verdicts], now)
        erased = _erased_meanwhile(session, verdicts)
    runtime.sender.forget(erased)
    return going


def _erased_meanwhile(session: Session, verdicts: Sequence[tuple[Request, Verdict]]) -> Sequence[int]:
    """Deliveries of members who were erased while their letters were being written."""
    sent = [recipient.delivery_id for request, _ in verdicts for recipient in request.recipients]
    gone = session.exec(
        select(Delivery.id)
        .join(Member, col(Member.id) == Delivery.member_id)
        .where(col(Delivery.id).in_(sent), col(Member.erased_at).is_not(None))
    )
    return [delivery_id for delivery_id in gone if delivery_id is not None]


def _settle_batch(session: Session, batch: Batch) -> None:
    """An answer that came late settles a batch that was closed as unknown."""
    states = set(session.exec(select(Attempt.state).where(Attempt.batch_id == batch.id)))
    session.exec(
        update(Batch)
        .where(col(Batch.id) == batch.id, col(Batch.state) == "unknown")
        .values(state=notices.final_state(states))
    )


def _record_one(session: Session, request: Request, verdict: Verdict, now: datetime) -> None:
    state = _state(request, verdict)
    known = session.exec(
        update(Attempt)
        .where(col(Attempt.id) == request.attempt_id, col(Attempt.state).in_(("started", "unknown")))
        .values(
            state=state,
            said="" if isinstance(verdict, Accepted) else str(verdict)[:1000],
            status=getattr(verdict, "status", None),
            provider_message_id=verdict.message_id if isinstance(verdict, Accepted) else None,
            recorded_at=now,
        )
    )
    if state == "refused" and known.rowcount == 1:
        session.add(
            Outcome(
                delivery_id=request.recipients[0].delivery_id,
                outcome="failed",
                reason=str(verdict)[:1000],
                recorded_at=now,
            )
        )
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


def _go_on(session: Session, runtime: Runtime, batch: Batch, verdicts: Sequence[Verdict], now: datetime) -> bool:
    """Count failures in a row; back off, or pause the notice and say why."""
    failed = [v for v in verdicts if isinstance(v, NotSent | Unknown)]
    account = next((v for v in verdicts if isinstance(v, Refused) and not v.address), None)
    if account is not None or _refused_alike(session, batch, now):
        why = str(account) if account else "Both halves of a request were refused with the same error."
        _stop(session, runtime, batch, why, not_before=None)
        return False
    failures = session.exec(
        update(Notice)
        .where(col(Notice.id) == batch.notice_id)
        .values(failures=Notice.failures + len(failed) if len(failed) == len(verdicts) else 0)
        .returning(col(Notice.failures))
    ).scalar_one()
    if failures >= FAILURES:
        _stop(session, runtime, batch, f"{failures} requests failed in a row: {failed[-1]}", not_before=None)
        return False
    refused = next((v for v in failed if isinstance(v, NotSent)), None)
    if refused is not None:
        wait = refused.retry_after if refused.retry_after is not None else min(600, 5 * 2**failures)
        _stop(session, runtime, batch, "", not_before=now + timedelta(seconds=wait))
        return False
    return True


def _refused_alike(session: Session, batch: Batch, now: datetime) -> bool:
    """Whether both halves of a whole request were refused with one error: then it is no address's fault.

    What a sender refuses by itself, before it asks a provider (no status), it says of an address it has seen.
    The attempts become "not sent", so that the whole is tried again when a person lets the notice go on.
    """
    halved = session.exec(
        select(Attempt).where(
            Attempt.batch_id == batch.id, Attempt.state == "halved", col(Attempt.status).is_not(None)
        )
    ).all()
    said = {(attempt.first, attempt.last): attempt.said for attempt in halved}
    for first, last in said:
        inside = any(a <= first and last <= b and (a, b) != (first, last) for a, b in said)
        middle = (first + last) // 2
        left, right = said.get((first, middle)), said.get((middle, last))
        if not inside and last - first >= ALIKE and left is not None and left == right:
            for attempt in halved:
                attempt.state, attempt.recorded_at = "not_sent", now
            session.add_all(halved)
            return True
    return False


def _stop(session: Session, runtime: Runtime, batch: Batch, why: str, *, not_before: datetime | None) -> None:
    """Give our batch back to the queue, for later; with a reason, the notice pauses until a person goes on."""
    _release(session, runtime, batch, state="queued", not_before=not_before)
    if why:
        session.exec(
            update(Notice)
            .where(col(Notice.id) == batch.notice_id, col(Notice.state) == "sending")
            .values(state="paused", why=why[:1000])
        )


def _release(
    session: Session, runtime: Runtime, batch: Batch, *, state: str, not_before: datetime | None = None
) -> None:
    """Give up the lease on a batch and set its state; nothing happens where the lease is no longer ours."""
    session.exec(
        update(Batch)
        .where(
            col(Batch.id) == batch.id,
            col(Batch.state) == "sending",
            col(Batch.lease_by) == runtime.node,
        )
        .values(state=state, lease_by="", lease_until=None, not_before=not_before)
    )


def _give_up(runtime: Runtime, batch: Batch, why: str) -> None:
    with writing(runtime.engine) as session:
        _stop(session, runtime, batch, why, not_before=None)


def _close(runtime: Runtime, batch: Batch) -> None:
    """Set the batch's final state by its attempts, if it is still ours; else leave it to whoever has it."""
    with writing(runtime.engine) as session:
        notice = session.get_one(Notice, batch.notice_id, with_for_update=True)
        stopped = _stopped(session, notice)
        states = set(session.exec(select(Attempt.state).where(Attempt.batch_id == batch.id)))
        waits = notice.state != "sending" or bool(stopped)
        state = "queued" if waits else notices.final_state(states)
        if state != "sending":  # else an attempt is under way, and the lease is to run out
            _release(session, runtime, batch, state=state)
        if stopped:
            notices.skip_queued(session, notice, stopped, now=runtime.clock.now(session))


def _stopped(session: Session, notice: Notice) -> str:
    """Why what is left of a notice will not be sent; "" where it will."""
    if notice.state == "cancelled":
        return notice.why
    later = notices.superseding(session, notice) if notice.kind == "change" else None
    return notices.told_by(later) if later is not None else ""


def _complete(runtime: Runtime) -> None:
    with reading(runtime.engine) as session:
        sending = session.exec(select(Notice).where(Notice.state == "sending")).all()
    for notice in sending:
        with writing(runtime.engine) as session:
            notices.complete(session, session.get_one(Notice, notice.id), now=runtime.clock.now(session))


# -- settling -----------------------------------------------------------------------------------


def settle(runtime: Runtime) -> int:
    """Take back expired leases, and send again what has stayed unknown long enough where the setting says so."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        expired = session.exec(
            select(Batch)
            .where(Batch.state == "sending", col(Batch.lease_until) <= now)
            .order_by(col(Batch.id))
            .with_for_update(skip_locked=True)
        ).all()
        for batch in expired:
            _expire(session, batch, now)
        return len(expired) + _resend(session, runtime, now)


def _expire(session: Session, batch: Batch, now: datetime) -> None:
    """What was in flight when a worker died is unknown; only the folder can be written to again without harm."""
    for attempt in session.exec(select(Attempt).where(Attempt.batch_id == batch.id, Attempt.state == "started")):
        attempt.state = "not_sent" if attempt.sender == "folder" else "unknown"
        attempt.said = f"in flight when {batch.lease_by} stopped"
        attempt.recorded_at = now
        session.add(attempt)
    batch.state, batch.lease_by, batch.lease_until = "queued", "", None
    session.add(batch)
    session.flush()


def _resend(session: Session, runtime: Runtime, now: datetime) -> int:
    if runtime.settings.unknown == "at_most_once":
        return 0
    doubtful = session.exec(
        select(Attempt, Batch, Notice)
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .join(Notice, col(Notice.id) == Batch.notice_id)
        .where(
            Attempt.state == "unknown",
            Batch.state == "unknown",
            Notice.state == "sending",
            Attempt.started_at <= now - UNKNOWN_RESENT_AFTER,
        )
    ).all()
    again = [(a, b) for a, b, notice in doubtful if not _stopped(session, notice)]
    for attempt, batch in again:
        attempt.state, batch.state = "resent", "queued"
        session.add_all((attempt, batch))
    session.flush()
    return len(again)


# -- purging ------------------------------------------------------------------------------------


def purge(runtime: Runtime) -> int:
    """Erase the members whose retention has ended; returns how many."""
    with reading(runtime.engine) as session:
        lapsed = members.lapsed(session, now=runtime.clock.now(session))
    for member in lapsed:
        erase(runtime, member, actor="scheduler")
    return len(lapsed)


def erase(runtime: Runtime, member: Member, *, actor: str) -> None:
    """Erase a member: first the letters kept, then the rows, so that a fault leaves a name to try again by.

    A letter that is being written meanwhile is forgotten by whoever records it.
    """
    with reading(runtime.engine) as session:
        found = session.exec(select(Delivery.id).where(Delivery.member_id == member.id))
        letters = [delivery_id for delivery_id in found if delivery_id is not None]
    runtime.sender.forget(letters)
    with writing(runtime.engine) as session:
        held = session.get_one(Member, member.id, with_for_update=True)
        if held.erased_at is None:
            members.erase(session, held, actor=actor, now=runtime.clock.now(session))
    runtime.sender.forget(letters)
