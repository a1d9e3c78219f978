"""Who must be told of a revision, by which way, and against which text; and who need not be, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, not_
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from notifier import addresses, lineage, members
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome, Suppression
from policy_versions import applicability, dates
from policy_versions.applicability import Ended, Fact, Noticed, Timeline, Undone
from policy_versions.archive import Entry, History
from policy_versions.models import Revision

Reason = str  # already told, joined under the new text, erased, lapsed, no address, suppressed


class Owed(NamedTuple):
    """What one member is owed. base: number of the text they know, None for none.

    applies_from: from when the revision applies to them if the letter leaves now; None: when it is accepted.
    already: they were governed by it (or a later one) when this was worked out.
    """

    member: Member
    channel: str  # email or site
    reason: Reason  # why the site only, or ""
    base: int | None
    audience: str  # member or guardian
    applies_from: datetime | None
    already: bool
    corrects: bool = False  # they got the recalled letter that this one puts right, or may have


class LeftOut(NamedTuple):
    """A retained member who need not be told, and why."""

    member: Member
    reason: Reason


@dataclass(slots=True)
class Audience:
    """Members counted by what becomes of them."""

    email: int = 0
    site: Counter[Reason] = field(default_factory=Counter)  # by the site notice only
    left_out: Counter[Reason] = field(default_factory=Counter)
    guardians: int = 0  # of the letters
    held: int = 0  # retained members still governed by a text earlier than the one in force
    bases: Counter[int] = field(default_factory=Counter)  # of the letters: by the text that their readers know

    @property
    def told(self) -> int:
        """Members who would be told, by letter or by site notice."""
        return self.email + self.site.total()

    def add(self, verdict: Owed | LeftOut) -> None:
        if isinstance(verdict, LeftOut):
            self.left_out[verdict.reason] += 1
        elif verdict.channel == "email":
            self.email += 1
            self.guardians += verdict.audience == "guardian"
        else:
            self.site[verdict.reason] += 1

    def add_many(self, channel: str, reason: Reason, members: int) -> None:
        """Members without a guardian who are told by one way."""
        if channel == "email":
            self.email += members
        else:
            self.site[reason] += members


class Standing(NamedTuple):
    """Where one member stands with a policy."""

    member: Member
    facts: list[Fact]
    timeline: Timeline


class Reached(NamedTuple):
    """A member's letter that was accepted, or may have left: in which locale, and when it was tried."""

    member_id: int
    batch_id: int
    locale: str
    left_at: datetime


def reached(session: Session, revision: Revision) -> Iterator[Reached]:
    """The letters of a revision's notice that reached a member, or may have."""
    rows = session.exec(
        select(lineage.person(col(Delivery.member_id)), Batch.id, Batch.locale, Attempt.started_at)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
        .outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(*_may_have_left(revision))
    )
    return (Reached(*row) for row in rows)


def members_reached(revision: Revision) -> SelectOfScalar[int]:
    """Who got a letter about a revision, or may have: a query for ids of members."""
    found = select(lineage.person(col(Delivery.member_id))).join(Notice, col(Notice.id) == Delivery.notice_id)
    found = found.join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
    return found.outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id).where(*_may_have_left(revision))


def _may_have_left(revision: Revision) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Notice.revision_id) == revision.id,
        col(Notice.kind) == "change",
        col(Attempt.state).in_(("started", "accepted", "unknown", "resent")),
        col(Attempt.first) <= col(Delivery.position),
        col(Delivery.position) < col(Attempt.last),
        col(Outcome.id).is_(None),
    )


def suppressed(session: Session) -> frozenset[str]:
    """Keyed hashes of the addresses not to be written to."""
    found = session.exec(select(Suppression.email_key).where(col(Suppression.lifted_at).is_(None)))
    return frozenset(found)


class Known(NamedTuple):
    """What a member who is owed a letter knows, and what it will say. base: 0 for none; see Owed."""

    base: int
    applies_from: datetime | None
    already: bool
    corrects: bool = False


def known(
    standing: Standing, record: History, entry: Entry, *, now: datetime, recalled: frozenset[int] = frozenset()
) -> Known | Reason:
    """Decide whether a member is owed a revision: unless the text they were told of, or joined under, is as late.

    The facts decide, and nothing else of the member: see notifier/kinds.py. Returns: why not, where not.
    recalled: notices whose letters are put right by this one.
    """
    knows = applicability.told(standing.facts, now)
    joined_under = applicability.joined_under(standing.facts)
    if max(knows, joined_under) >= entry.number:
        return "joined under the new text" if joined_under >= entry.number else "already told"
    governing = standing.timeline.at(now)
    base = knows_of(standing, entry.number, now)
    applies = _applies_from(standing, record, entry, base, now)
    taken_back = {f"notice:{notice_id}" for notice_id in recalled}
    corrects = any(isinstance(fact, Undone) and fact.id in taken_back for fact in standing.facts)
    return Known(base, applies, governing is not None and governing.revision >= entry.number, corrects)


def judge(
    standing: Standing,
    record: History,
    entry: Entry,
    barred: frozenset[str],
    *,
    secret: str,
    now: datetime,
    recalled: frozenset[int] = frozenset(),
) -> Owed | LeftOut:
    """What one member is owed, and by which way."""
    what = known(standing, record, entry, now=now, recalled=recalled)
    return addressed(standing.member, what, barred, secret)


def addressed(member: Member, what: Known | Reason, barred: frozenset[str], secret: str) -> Owed | LeftOut:
    """By which way a member is told of what they are owed: the guardian's while they have one."""
    if not isinstance(what, Known):
        return LeftOut(member, what)
    reason = unreachable(member.guardian_email or member.email, barred, secret)
    guarded = "guardian" if member.guardian_email else "member"
    way = "site" if reason else "email"
    base = what.base or None
    return Owed(member, way, reason, base, guarded, what.applies_from, what.already, what.corrects)


def knows_of(standing: Standing, number: int, now: datetime) -> int:
    """The text before that number which a letter to a member starts from; 0 for none."""
    governing = standing.timeline.at(now)
    told = applicability.told(standing.facts, now) or _began_under(standing, number)
    return min(told, governing.revision if governing else 0)


def _began_under(standing: Standing, number: int) -> int:
    """For a member who joined before there was any text: the first one they came under; 0 for none."""
    first = standing.timeline.spans[0].revision if standing.timeline.spans else 0
    return first if first < number else 0


def unreachable(address: str | None, barred: frozenset[str], secret: str) -> Reason:
    if not address:
        return "no address"
    return "suppressed" if barred and addresses.key(address, secret) in barred else ""


def _applies_from(standing: Standing, record: History, entry: Entry, base: int, now: datetime) -> datetime | None:
    """When the member will move to the revision if told now: the fold itself says, on what is known plus that."""
    hypothetical = Noticed(now, entry.number, base, stated_date(record, base, entry, now), id="if told now")
    # that a member's retention is to end meanwhile makes no difference to what their letter says
    going_on = [fact for fact in standing.facts if not isinstance(fact, Ended)]
    forecast = applicability.timeline([*going_on, hypothetical])
    return next((span.start for span in forecast.spans if span.revision >= entry.number), None)


def binding_period(record: History, base: int, entry: Entry) -> int:
    """The longest notice period, in days, among the revisions a letter tells of; 0 where none asks for one.

    A member who knows `base` comes under the revision once all that lie between are met.
    """
    asked = [
        e.revision.notice_days
        for e in record.entries
        if e.live and base < e.number <= entry.number and e.revision.rule == "notice" and e.verdict != "minor"
    ]
    return max(asked, default=0)


def stated_date(record: History, base: int, entry: Entry, departure: datetime) -> datetime:
    """The first day a letter that leaves then can name; its first instant.

    A letter names a day, so under the notice rule the period runs out at the midnight that follows it, in the
    policy's time zone.
    """
    period = binding_period(record, base, entry)
    if not period:
        return entry.revision.effective_at
    over = departure + timedelta(days=period)
    return max(entry.revision.effective_at, dates.day_begun_after(over, record.policy.zone))


def gone(session: Session, now: datetime) -> Counter[Reason]:
    """Members no longer retained: erased, or lapsed and not purged yet."""
    erased = case((col(Member.erased_at).is_not(None), 1), else_=0)
    away = select(func.count(), func.coalesce(func.sum(erased), 0)).where(not_(members.retained(now)))
    total, gone_for_good = session.exec(away.select_from(Member)).one()
    return +Counter({"erased": int(gone_for_good), "lapsed": total - int(gone_for_good)})
