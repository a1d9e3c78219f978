"""Governed, not reached: members under a text that they were not told of, as their letter came back or failed.

A bounce that comes after a member has moved by that very letter moves nobody back (DOMAIN, Applicability 4), and a
text that applies by posting waits for no letter. Both are listed by name, until another letter, the site notice or
the member's own word shows that they know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Select, literal, union_all
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from notifier import facts, lineage, members
from notifier.models import UNDOING_EVENTS, Delivery, DeliveryEvent, Member, Notice, Outcome
from policy_versions import applicability
from policy_versions.applicability import Acknowledged, Fact, Span
from policy_versions.archive import History

CHUNK = 500
WORDS = {"bounce": "bounced", "dropped": "was dropped", "failed": "could not be sent"}


class Back(NamedTuple):
    """A letter that came back, or failed. what: an event of UNDOING_EVENTS."""

    notice_id: int
    revision: int
    what: str
    at: datetime


class Unreached(NamedTuple):
    """A member governed by a text that they do not know of. external_id: the host's own key, never an address."""

    member_id: int
    external_id: str
    span: Span  # what governs them
    back: Back  # the last of their letters that came back


def unreached(session: Session, record: History, *, now: datetime, after: str = "", limit: int) -> list[Unreached]:
    """The first so many behind `after`, by external_id. Only members with a letter that came back are folded."""
    return list(islice(_all(session, record, now, after), limit))


def _all(session: Session, record: History, now: datetime, after: str) -> Iterator[Unreached]:
    policy = facts.of_policy(session, record)
    while chunk := _chunk(session, record, now, after):
        gathered, letters = facts.of_members(session, policy, chunk), _letters(session, record, chunk)
        for member in chunk:
            found = _judged(member, gathered[member.id], letters.get(member.id or 0, []), now)
            if found is not None:
                yield found
        after = chunk[-1].external_id or ""


def _judged(member: Member, own: list[Fact], letters: Sequence[Back], now: datetime) -> Unreached | None:
    span = applicability.timeline(own).at(now)
    knows = max(applicability.told(own, now), _accepted(own, now))
    if span is None or span.revision <= knows:
        return None
    wrong = [each for each in letters if knows < each.revision <= span.revision and each.at <= now]
    if not wrong:
        return None
    return Unreached(member.id or 0, member.external_id or "", span, max(wrong, key=lambda each: each.at))


def _accepted(own: Sequence[Fact], now: datetime) -> int:
    """The latest text a member has accepted: who accepted it knows it."""
    return max(
        (f.revision for f in own if isinstance(f, Acknowledged) and f.kind == "accepted" and f.at <= now),
        default=0,
    )


# -- who may be among them ----------------------------------------------------------------------


def _chunk(session: Session, record: History, now: datetime, after: str) -> Sequence[Member]:
    some = _came_back(record).subquery()
    return session.exec(
        select(Member)
        .where(
            members.retained(now),
            col(Member.external_id) > after,
            col(Member.id).in_(sa_select(some.c.member_id)),
        )
        .order_by(col(Member.external_id))
        .limit(CHUNK)
    ).all()


def _letters(session: Session, record: History, chunk: Sequence[Member]) -> dict[int, list[Back]]:
    """Of some members the letters of a policy that came back or failed."""
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    some = _came_back(record).subquery()
    rows = session.execute(sa_select(some).where(some.c.member_id.in_([member.id for member in chunk])))
    found: dict[int, list[Back]] = {}
    for member_id, notice_id, revision_id, what, at in rows:
        found.setdefault(member_id, []).append(Back(notice_id, numbers[revision_id], what, at))
    return found


def _came_back(record: History) -> Select[tuple[int, int, int, str, datetime]]:
    """Letters of changes of a policy that came back or failed: of whom, of which notice, how and when."""
    revisions = [entry.revision.id for entry in record.entries]

    person = lineage.person(col(Delivery.member_id)).label("member_id")

    def of(what: object, at: object) -> Select[tuple[int, int, int, str, datetime]]:
        query: Select[tuple[int, int, int, str, datetime]] = sa_select(  # type: ignore[call-overload]
            person, Delivery.notice_id, Notice.revision_id, what, at
        )
        query = query.join(Notice, col(Notice.id) == Delivery.notice_id)
        return query.where(col(Notice.kind) == "change", col(Notice.revision_id).in_(revisions))

    heard = of(col(DeliveryEvent.event).label("what"), col(DeliveryEvent.recorded_at).label("at"))
    heard = heard.join(DeliveryEvent, col(DeliveryEvent.delivery_id) == Delivery.id)
    heard = heard.where(col(DeliveryEvent.event).in_(UNDOING_EVENTS))
    failed = of(literal("failed").label("what"), col(Outcome.recorded_at).label("at"))
    failed = failed.join(Outcome, col(Outcome.delivery_id) == Delivery.id).where(col(Outcome.outcome) == "failed")
    both = union_all(heard, failed).subquery()
    return sa_select(*both.c)
