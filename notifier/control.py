"""What stops a notice and what sets it going again: a person's button, and a person's decision.

A decision that nobody need be told pauses the notice until a person goes on with it or cancels it; no letter
leaves meanwhile, and none that waits is lost. Every deed locks the notice, or is one conditional UPDATE, so of two
persons at once one wins and the other is told how it stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select, update

from errors import (
    DueInThePast,
    NoSuchNotice,
    NoticeNotCancellable,
    NoticeNotPausable,
    NoticeNotReschedulable,
    NoticeNotScheduled,
    SendingQuarantined,
)
from notifier import canary, notices, said
from notifier.models import Batch, Notice
from policy_versions import archive, audit
from policy_versions.models import DecisionRecord, Policy, Revision

STOPPABLE = ("scheduled", "sending")
CANCELLABLE = ("scheduled", "waiting", "sending", "paused")
LONGEST_WHY = 1000
BEFORE = " Before that: "  # stands before the reason that a notice was stopped for already


def lock(session: Session, of: Policy) -> None:
    """Lock a policy's notices, the latest first as everybody does, before anything is written in the audit log."""
    held = select(Notice.id).where(Notice.policy_id == of.id).order_by(col(Notice.revision_id).desc())
    session.exec(held.with_for_update()).all()


def about(session: Session, revision: Revision) -> Notice | None:
    """The notice of a change, locked; None where there is none but those recalled."""
    return session.exec(
        select(Notice)
        .where(Notice.revision_id == revision.id, Notice.kind == "change", col(Notice.recalled_at).is_(None))
        .with_for_update()
    ).one_or_none()


def locked(session: Session, notice_id: int) -> Notice:
    """A notice, locked to the end of the transaction. Raises: NoSuchNotice."""
    found = session.get(Notice, notice_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NoSuchNotice
    return found


# -- by a person's button -----------------------------------------------------------------------


def schedule(session: Session, notice_id: int, due_at: datetime, *, actor: str, now: datetime) -> None:
    """Give a notice that has not opened another time.

    Raises: NoSuchNotice, DueInThePast, NoticeNotReschedulable.
    """
    notices.by_id(session, notice_id)
    if due_at <= now:
        raise DueInThePast
    unopened = col(Notice.opened_at).is_(None)
    won = session.exec(
        update(Notice)
        .where(
            col(Notice.id) == notice_id,
            or_(col(Notice.state) == "scheduled", (col(Notice.state) == "waiting") & unopened),
        )
        .values(due_at=due_at, why="")
    )
    if won.rowcount != 1:
        raise NoticeNotReschedulable
    note(session, "notice rescheduled", notice_id, actor, now, due_at=due_at.isoformat())


def pause(session: Session, notice_id: int, *, actor: str, now: datetime) -> None:
    """Stop a notice until a person goes on with it. Raises: NoticeNotPausable."""
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice_id, col(Notice.state).in_(STOPPABLE))
        .values(state="paused", why=f"Paused by {actor}.")
    )
    if won.rowcount != 1:
        raise NoticeNotPausable("Only a notice that is being sent, or about to be, can be paused.")
    note(session, "notice paused", notice_id, actor, now)


def resume(session: Session, notice_id: int, *, actor: str, now: datetime) -> None:
    """Go on with a paused or waiting notice; one that never opened is due now.

    Where the gate shut behind its first letters, a person has looked now, and it opens.
    Raises: NoticeNotPausable, SendingQuarantined.
    """
    notice = session.get(Notice, notice_id, with_for_update=True, populate_existing=True)
    if notice is None or notice.state not in ("paused", "waiting"):
        raise NoticeNotPausable("Only a notice that is paused or waits for a person can go on.")
    if _quarantined(session):
        raise SendingQuarantined
    looked = notice.gate == "shut"
    if looked:
        canary.open_gate(session, notice)
    _go_on(session, notice, due_at=now, now=now)
    note(session, "notice resumed", notice_id, actor, now, **({"gate": "opened"} if looked else {}))


def _quarantined(session: Session) -> bool:
    from notifier.outbox import quarantined

    return quarantined(session)


def send_now(session: Session, notice_id: int, *, actor: str, now: datetime) -> None:
    """End the time in which a scheduled notice waits to be overruled. Raises: NoticeNotScheduled."""
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice_id, col(Notice.state) == "scheduled", col(Notice.due_at) > now)
        .values(due_at=now, why="")
    )
    if won.rowcount != 1:
        raise NoticeNotScheduled
    note(session, "notice sent at once", notice_id, actor, now)


def cancel(session: Session, notice_id: int, *, actor: str, now: datetime, why: str = "") -> None:
    """Call off a notice: what waits is skipped, with the reason; whoever was told stays told.

    why: as the person typed it. The notice of a revision that was decided minor since needs none, that being why.
    Raises: NoSuchNotice, NoticeNotCancellable, FieldTooLong, Unprintable.
    """
    notice = locked(session, notice_id)
    because = f"Cancelled by {actor}: {said.reason(why)}" if why.strip() else _minor_since(session, notice, actor)
    if notice.state not in CANCELLABLE:
        raise NoticeNotCancellable(f"The notice is {notice.state}, so there is nothing to cancel.")
    # the reason on each letter too, by which they are found again if the revision is decided significant
    notice.state, notice.why, notice.held_by_id = "cancelled", because, None
    session.add(notice)
    session.flush()
    notices.call_off(session, notice, notice.why, now=now)
    note(session, "notice cancelled", notice_id, actor, now)


def _minor_since(session: Session, notice: Notice, actor: str) -> str:
    """Why a notice may be cancelled without a person's saying why. Raises: NoticeNotCancellable."""
    number, verdict = _decided(session, notice)
    if notice.kind != "change" or notice.state not in ("paused", "waiting"):
        raise NoticeNotCancellable(
            "Without a reason, only a notice of a change that is paused or waits for a person can be cancelled."
        )
    if verdict != "minor":
        raise NoticeNotCancellable(
            f"No. {number} stands as {verdict}, so its members are to be told; decide it minor first, "
            "or say why it is called off."
        )
    return f"No. {number} was decided minor; cancelled by {actor}."


def _decided(session: Session, notice: Notice) -> tuple[int, str]:
    """The number and the verdict of the revision that a notice is about."""
    record = archive.history(session, session.get_one(Policy, notice.policy_id))
    return next((e.number, e.verdict) for e in record.entries if e.revision.id == notice.revision_id)


def untold(rule: str) -> str:
    """What follows for members whom a cancelled notice has not told, by the revision's rule: it is the fold's."""
    if rule == "posting":
        return "Those not told come under the text all the same, as it applies by posting."
    if rule == "acceptance":
        return "Those not told stay under the text that governs them now, until they accept the new one."
    return "Those not told stay under the text that governs them now, until they are told."


# -- by a person's decision ---------------------------------------------------------------------


def hold(
    session: Session, revision: Revision, because: DecisionRecord, why: str, *, actor: str, now: datetime
) -> None:
    """Pause a revision's notice until a person goes on or cancels.

    One that was paused or waited already stays so for its own reason too, and no decision lets it go on.
    """
    notice = about(session, revision)
    if notice is None or notice.state not in (*STOPPABLE, "paused", "waiting"):
        return
    if notice.state in STOPPABLE:
        notice.held_by_id = because.id
    elif notice.held_by_id is None:
        why = f"{why}{BEFORE}{notice.why}"
    notice.state, notice.why = "paused", why[:LONGEST_WHY]
    session.add(notice)
    session.flush()
    note(session, "notice paused", notice.id, actor, now, because=because.id)


def hold_scheduled(
    session: Session, revision: Revision, because: DecisionRecord, why: str, *, actor: str, now: datetime
) -> None:
    """Pause a revision's notice if it has not opened: nobody has been told of it yet."""
    notice = about(session, revision)
    if notice is not None and notice.state == "scheduled":
        hold(session, revision, because, why, actor=actor, now=now)


def release(session: Session, revision: Revision, *, window: timedelta, actor: str, now: datetime) -> None:
    """Go on with a notice that only a decision held; one that never opened has its time to be overruled again."""
    notice = about(session, revision)
    if notice is None or notice.state != "paused":
        return
    if notice.held_by_id is None:
        notice.why = notice.why.rpartition(BEFORE)[2]  # the decision no longer holds it, its own reason does
        session.add(notice)
        return
    _go_on(session, notice, due_at=now + window, now=now)
    note(session, "notice resumed", notice.id, actor, now)


def tell(session: Session, revision: Revision, *, window: timedelta, actor: str, now: datetime) -> None:
    """See to the notice of a revision that is significant now: made, taken up again, or left where it stands."""
    notice = about(session, revision)
    if notice is None:
        if not revision.imported:
            notices.new(session, revision, "change", now=now, due_at=now + window)
    elif notice.state == "cancelled":
        _take_up(session, notice, due_at=now + window)
        note(session, "notice scheduled again", notice.id, actor, now)
    else:
        release(session, revision, window=window, actor=actor, now=now)


def _take_up(session: Session, notice: Notice, *, due_at: datetime) -> None:
    reason = notice.why
    notice.state, notice.why, notice.due_at = "scheduled", "", due_at
    session.add(notice)
    session.flush()
    notices.call_on(session, notice, reason)


def _go_on(session: Session, notice: Notice, *, due_at: datetime, now: datetime) -> None:
    notice.why, notice.failures, notice.held_by_id = "", 0, None
    # one that was called off, and taken up again, is due after it was open: see _take_up
    is_open = notice.opened_at is not None and notice.due_at <= notice.opened_at
    notice.state = "sending" if is_open else "scheduled"
    if notice.state == "scheduled":
        notice.due_at = due_at
    session.add(notice)
    session.flush()
    notices.supersede(session, notice, now)
    put_off = col(Batch.not_before).is_not(None)
    session.exec(update(Batch).where(col(Batch.notice_id) == notice.id, put_off).values(not_before=None))


def note(
    session: Session, action: str, notice_id: int | None, actor: str, now: datetime, **detail: object
) -> None:
    audit.record(session, actor=actor, action=action, subject=f"notice {notice_id}", now=now, **detail)
