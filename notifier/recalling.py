"""Recall a notice: stop it where it is, and tell those who got the wrong letter, or may have, anew.

What its letters said counts for nobody who had not moved by them (notifier/facts.py). A new notice of the same
revision takes its place; it opens only after the time in which a decision, and its summary with it, can be put
right. Whoever got the recalled letter, or may have, is told by the new one why.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, update

from errors import NoticeNotRecallable
from notifier import control, notices, said
from notifier.models import Batch, Notice, Outcome
from policy_versions import archive
from policy_versions.archive import Entry
from policy_versions.models import Policy

RECALLABLE = ("sending", "paused", "waiting", "complete")
RECALLED = "recalled"  # the reason on each letter that had not left


def recall(
    session: Session, notice_id: int, *, reason: str, window: timedelta, actor: str, now: datetime
) -> Notice:
    """Take a notice back, and schedule the one that puts it right.

    reason: one line, shown in the letter that corrects. window: how long the new notice waits before it opens.
    Returns: the new notice; it waits for a person where the revision stands as minor.
    Raises: NoSuchNotice, NoticeNotRecallable, FieldMissing, FieldTooLong, Unprintable.
    """
    because = said.reason(reason, "Say what was wrong: the letter that corrects it carries your words.")
    notice = control.locked(session, notice_id)
    check(session, notice)
    notice.state, notice.why, notice.recalled_at, notice.held_by_id = "recalled", because, now, None
    session.add(notice)
    session.flush()  # before the new one: of a revision one stands
    notices.skip_queued(session, notice, RECALLED, now=now)
    entry = _entry(session, notice)
    new = notices.new(session, entry.revision, "change", now=now, due_at=now + window)
    new.replaces_id = notice.id
    _hold_if_minor(new, entry)
    session.add(new)
    session.flush()
    _leave_to(session, notice, new)
    control.note(session, "notice recalled", notice.id, actor, now, by=new.id)
    return new


def check(session: Session, notice: Notice) -> None:
    """Whether a notice can be recalled as it stands. Raises: NoticeNotRecallable."""
    if notice.kind != "change":
        raise NoticeNotRecallable("A correction is not recalled; what is left of it can be cancelled.")
    if notice.state == "recalled":
        raise NoticeNotRecallable("The notice was recalled already; another one puts it right.")
    if notice.state not in RECALLABLE or notice.opened_at is None:
        raise NoticeNotRecallable("Only a notice that has opened, and was not called off, can be recalled.")
    later = notices.superseding(session, notice)
    if later is not None:
        raise NoticeNotRecallable(
            f"Notice {later} tells of a later text since, to those who were told by this one too; "
            "what is wrong in this one is put right by a revision."
        )


def _entry(session: Session, notice: Notice) -> Entry:
    record = archive.history(session, session.get_one(Policy, notice.policy_id))
    return next(entry for entry in record.entries if entry.revision.id == notice.revision_id)


def _hold_if_minor(new: Notice, entry: Entry) -> None:
    """Nobody need be told of what stands as minor, but who got a wrong letter may be: a person decides."""
    if entry.verdict == "minor":
        new.state, new.held_by_id = "paused", entry.decision.id if entry.decision else None
        new.why = f"No. {entry.number} stands as minor: a person must go on or cancel."


def _leave_to(session: Session, notice: Notice, new: Notice) -> None:
    """What earlier notices left to the recalled one they leave to the new one, to be owed again if that ends."""
    old_reason, reason = notices.told_by(notice.id), notices.told_by(new.id)
    session.exec(update(Outcome).where(col(Outcome.reason) == old_reason).values(reason=reason))
    session.exec(update(Batch).where(col(Batch.said) == old_reason).values(said=reason))
    stopped = notices.tells_of_it(notice.id)
    session.exec(update(Notice).where(col(Notice.why) == stopped).values(why=notices.tells_of_it(new.id)))
