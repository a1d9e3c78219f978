"""The scheduler's first job: decide what was published, and schedule the notice that a decision calls for."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from sqlmodel import Session

from database import reading, writing
from notifier import notices
from notifier.runtime import Runtime
from policy_versions import archive, comparing, deciding, policies
from policy_versions.deciding import Judgement
from policy_versions.models import DueDecision, Policy, Revision

log = logging.getLogger(__name__)
LONGEST_BACK_OFF = timedelta(hours=1)


def decide_due(runtime: Runtime) -> int:
    """Decide every revision that is due; returns how many. One that the engine fails on is put off and shown."""
    with reading(runtime.engine) as session:
        waiting = archive.due(session, now=runtime.clock.now(session))
    return sum(_decide(runtime, due) for due in waiting)


def _decide(runtime: Runtime, due: DueDecision) -> bool:
    try:
        judged = _judge(runtime, due.revision_id)
    except Exception as error:
        # Undecided counts as significant, so nobody is moved by a fault of the engine; a person is shown it.
        log.exception("revision %s could not be decided", due.revision_id)
        _put_off(runtime, due, f"{type(error).__name__}: {error}")
        return False
    return _write(runtime, due, judged)


def _judge(runtime: Runtime, revision_id: int) -> Judgement:
    """Outside any writing transaction: a comparison may take a second."""
    with reading(runtime.engine) as session:
        revision = session.get_one(Revision, revision_id)
        record = archive.history(session, session.get_one(Policy, revision.policy_id))
        return deciding.judge(record.entries, revision, partial(comparing.blocks, session))


def _write(runtime: Runtime, due: DueDecision, judged: Judgement) -> bool:
    with writing(runtime.engine) as session:
        revision = session.get_one(Revision, due.revision_id)
        policy = policies.lock(session, session.get_one(Policy, revision.policy_id).slug)
        if _bases_moved(session, policy, revision, judged):
            return False  # an earlier revision was decided meanwhile; the next tick compares anew
        if not archive.take_due(session, due.revision_id):
            return False  # another node was first, or it was withdrawn
        now = runtime.clock.now(session)
        decision = deciding.write(session, revision, judged, now=now)
        window = runtime.settings.review_window
        notices.schedule(session, revision, decision, due, window=window, now=now)
    return True


def _bases_moved(session: Session, policy: Policy, revision: Revision, judged: Judgement) -> bool:
    """Whether it would be compared with other texts now than it was outside this transaction."""
    against = deciding.bases(archive.history(session, policy).entries, revision)
    return judged.bases != ((against[0].id, against[1].id) if against else (None, None))


def _put_off(runtime: Runtime, due: DueDecision, error: str) -> None:
    with writing(runtime.engine) as session:
        until = runtime.clock.now(session) + back_off(due.failures)
        archive.put_off(session, due.revision_id, error=error[:500], until=until)


def back_off(failures: int) -> timedelta:
    """How long what the engine failed on so many times before is left alone."""
    return min(LONGEST_BACK_OFF, timedelta(seconds=30 * 2 ** min(failures, 10)))
