"""A database restored from a backup: nothing leaves until a person has said that it may.

Letters may have left after the backup was made. So it starts in quarantine: what was not settled in it is in
doubt, and every notice waits for a person. Whoever was erased since is erased again (replaying.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, text
from sqlmodel import Session, col, func, or_, select, update

from database import writing
from errors import NotQuarantined
from notifier import control, doubts, notices
from notifier.models import Attempt, Delivery, Notice, Pace, Quarantine
from notifier.runtime import Runtime
from policy_versions import audit
from policy_versions.models import Revision

WAITING = ("scheduled", "sending", "paused", "waiting")
WHY = "The database was restored from a backup: letters of this notice may have left after that was made."
BEFORE = " It was stopped already: "
AHEAD = {"attempt": 10_000_000, "delivery": 100_000_000, "subscription_letter": 1_000_000}
SMALL = 50  # letters in a batch that is made here


class Restored(NamedTuple):
    """What stands after `begin`. is_new: it began now. letters, requests: in doubt. paused: notices that wait."""

    quarantine: Quarantine
    is_new: bool
    requests: int
    letters: int
    paused: int


def standing(session: Session) -> Quarantine | None:
    """The quarantine that has not been lifted."""
    return session.exec(select(Quarantine).where(col(Quarantine.lifted_at).is_(None))).first()


def now_standing(session: Session) -> Restored | None:
    """How it stands with the quarantine; None where there is none."""
    found = standing(session)
    return Restored(found, False, *_in_doubt(session), _paused(session)) if found else None


# -- the quarantine -----------------------------------------------------------------------------


def begin(runtime: Runtime, *, actor: str) -> Restored:
    """Put the database into quarantine, in one transaction. Where it is in one already, no more is doubted."""
    with writing(runtime.engine) as session:
        session.exec(select(Pace).where(Pace.id == 1).with_for_update()).one()  # one at a time
        found = standing(session)
        held = found or _begin(session, runtime, actor, runtime.clock.now(session))
        return Restored(held, found is None, *_in_doubt(session), _paused(session))


def _begin(session: Session, runtime: Runtime, actor: str, now: datetime) -> Quarantine:
    held = Quarantine(began_at=now, actor=actor, doubted=0, erased=0)
    session.add(held)
    session.flush()
    first = None if runtime.sender.repeatable else _skip_numbers(session, held)
    for notice in _open_ones(session):
        held.doubted += _doubt(session, runtime, notice, first, now)
    _hold(session, held, actor=actor, now=now)
    session.flush()
    audit.record(
        session, actor=actor, action="database restored", subject=f"quarantine {held.id}", now=now,
        doubted=held.doubted,
    )  # fmt: skip
    return held


def _open_ones(session: Session) -> Sequence[Notice]:
    """Notices whose letters may have gone on leaving, the latest first, locked."""
    complete = [notice.id for notice in notices.topped_up(session)]
    query = select(Notice).where(
        or_(col(Notice.state).in_(WAITING), col(Notice.id).in_(complete)),
        col(Notice.opened_at).is_not(None),
        col(Notice.due_at) <= col(Notice.opened_at),  # else it was called off, and is to open again
    )
    return session.exec(query.order_by(col(Notice.revision_id).desc()).with_for_update()).all()


def _doubt(session: Session, runtime: Runtime, notice: Notice, first: int | None, now: datetime) -> int:
    """Doubt what is not settled; before that, whoever waits for a place gets one, so that they are listed too."""
    was = notice.state
    if was in ("paused", "waiting"):
        notice.state = "sending"
        session.flush()
    notices.top_up(session, notice, secret=runtime.secret, now=now, batch_size=SMALL)
    if was in ("paused", "waiting"):
        notice.state = was
        session.add(notice)
    return doubts.doubt(session, notice, repeatable=runtime.sender.repeatable, first=first, now=now)


def _hold(session: Session, held: Quarantine, *, actor: str, now: datetime) -> None:
    """Every notice waits for a person, but for those of texts published since: none of these can have begun."""
    older = select(Revision.id).where(Revision.published_at <= held.began_at)
    query = select(Notice).where(col(Notice.state).in_(WAITING), col(Notice.revision_id).in_(older))
    for notice in session.exec(query.order_by(col(Notice.revision_id).desc()).with_for_update()).all():
        if notice.why.startswith(WHY):
            continue
        notice.why = (f"{WHY}{BEFORE}{notice.why}" if notice.why else WHY)[: control.LONGEST_WHY]
        notice.state = "waiting" if notice.state == "waiting" else "paused"
        notice.held_by_id = None  # no decision alone lets it go on
        session.add(notice)
        session.flush()
        control.note(session, "notice paused", notice.id, actor, now, because="restored")


def _in_doubt(session: Session) -> tuple[int, int]:
    """Requests, and letters in them."""
    query = select(func.count(), func.coalesce(func.sum(Attempt.recipients), 0)).where(Attempt.state == "unknown")
    requests, letters = session.exec(query).one()
    return requests, int(letters)


def _paused(session: Session) -> int:
    query = select(func.count()).where(col(Notice.state).in_(WAITING), col(Notice.why).startswith(WHY))
    return session.exec(query).one()


def lift(session: Session, *, actor: str, now: datetime) -> None:
    """Let letters leave again; each notice still waits for a person. Raises: NotQuarantined.

    Notices that began to wait or to go on meanwhile, of texts published before the restore, wait as well.
    """
    found = standing(session)
    if found is None:
        raise NotQuarantined
    _hold(session, found, actor=actor, now=now)
    won = session.exec(
        update(Quarantine)
        .where(col(Quarantine.id) == found.id, col(Quarantine.lifted_at).is_(None))
        .values(lifted_at=now, lifted_by=actor)
    )
    if won.rowcount != 1:
        raise NotQuarantined
    audit.record(session, actor=actor, action="quarantine lifted", subject=f"quarantine {found.id}", now=now)


# -- numbers that may be in use elsewhere -------------------------------------------------------


def _skip_numbers(session: Session, held: Quarantine) -> int:
    """Leave a gap: letters that left after the backup carry numbers that are not on record, and must never be.

    Else a report of one of them would be taken for another's. Returns: the least number of the next attempt.
    """
    next_attempt = (session.exec(select(func.max(Attempt.id))).one() or 0) + AHEAD["attempt"]
    if session.get_bind().dialect.name == "postgresql":
        for table, gap in AHEAD.items():
            serial = f"pg_get_serial_sequence('{table}', 'id')"
            ahead = f"nextval({serial}) + {gap}"  # numbers of our own making
            session.execute(text(f"SELECT setval({serial}, {ahead})"))
    else:
        # SQLite counts on from the largest number there is, so a row of no notice stands there
        last = session.exec(select(func.max(Delivery.id))).one() or 0
        row = {"id": last + AHEAD["delivery"], "notice_id": -(held.id or 0), "member_id": 0, "batch_id": 0}
        session.execute(insert(Delivery), [row])
    return next_attempt


# -- in words -----------------------------------------------------------------------------------

NEXT = (
    "Next: start Gazette, so that what providers report of the lost time is taken in. Look through the letters in "
    "doubt in the administration. Then lift the quarantine, there or with `gazette restored --lift`, and let each "
    "notice go on."
)


def in_words(found: Restored) -> str:
    """What the quarantine means just now, for whoever began it or asks again."""
    began = f"{found.quarantine.began_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"The database is in quarantine{'' if found.is_new else ' already'}, since {began}: "
        "no letter leaves and no notice opens.\n"
        f"Of {count(found.letters, 'letter')} in {count(found.requests, 'request')} nobody knows whether they "
        f"left. {count(found.paused, 'notice')} {'waits' if found.paused == 1 else 'wait'} for a person."
    )


def count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
