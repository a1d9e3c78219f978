"""Who must be told of a revision, by which way, and against which text; and who need not be, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from notifier import addresses, facts, members
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Outcome, Suppression
from policy_versions import applicability, dates
from policy_versions.applicability import Fact, Noticed, Timeline
from policy_versions.archive import Entry, History
from policy_versions.models import Revision

CHUNK = 500

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


class Standing(NamedTuple):
    """Where one member stands with a policy."""

    member: Member
    facts: list[Fact]
    timeline: Timeline


def standings(session: Session, record: History, *, now: datetime, after: int = 0) -> Iterator[Standing]:
    """Every retained member with the facts and the timeline of a policy, by id, in chunks.

    after: only members with a higher id.
    """
    policy = facts.of_policy(session, record)
    while chunk := _chunk(session, after, now):
        gathered = facts.of_members(session, policy, chunk)
        for member in chunk:
            yield Standing(member, gathered[member.id], applicability.timeline(gathered[member.id]))
        after = chunk[-1].id or 0
        for member in chunk:
            session.expunge(member)  # memory stays flat


def _chunk(session: Session, after: int, now: datetime) -> Sequence[Member]:
    return session.exec(
        select(Member).where(members.retained(now), col(Member.id) > after).order_by(col(Member.id)).limit(CHUNK)
    ).all()


def survey(
    session: Session, record: History, entry: Entry, *, secret: str, now: datetime
) -> Iterator[Owed | LeftOut]:
    """What each retained member is owed for a revision on record."""
    barred = suppressed(session)
    for standing in standings(session, record, now=now):
        yield judge(standing, record, entry, barred, secret=secret, now=now)


class Reached(NamedTuple):
    """A member's letter that was accepted, or may have left: in which locale, and when it was tried."""

    member_id: int
    batch_id: int
    locale: str
    left_at: datetime


def reached(session: Session, revision: Revision) -> Iterator[Reached]:
    """The letters of a revision's notice that reached a member, or may have."""
    rows = session.exec(
        select(Delivery.member_id, Batch.id, Batch.locale, Attempt.started_at)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
        .outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(
            Notice.revision_id == revision.id,
            Notice.kind == "change",
            col(Attempt.state).in_(("started", "accepted", "unknown", "resent")),
            Attempt.first <= col(Delivery.position),
            col(Delivery.position) < Attempt.last,
            col(Outcome.id).is_(None),
        )
    )
    return (Reached(*row) for row in rows)


def suppressed(session: Session) -> frozenset[str]:
    """Keyed hashes of the addresses not to be written to."""
    found = session.exec(select(Suppression.email_key).where(col(Suppression.lifted_at).is_(None)))
    return frozenset(found)


def judge(
    standing: Standing,
    record: History,
    entry: Entry,
    barred: frozenset[str],
    *,
    secret: str,
    now: datetime,
) -> Owed | LeftOut:
    """Decide what one member is owed: told unless the text they were told of, or joined under, is as late."""
    knows = applicability.told(standing.facts, now)
    joined_under = applicability.joined_under(standing.facts)
    if max(knows, joined_under) >= entry.number:
        why = "joined under the new text" if joined_under >= entry.number else "already told"
        return LeftOut(standing.member, why)
    governing = standing.timeline.at(now)
    base = min(knows or _began_under(standing, entry), governing.revision if governing else 0)
    applies = _applies_from(standing, record, entry, base, now)
    address = standing.member.guardian_email or standing.member.email
    reason = unreachable(address, barred, secret)
    return Owed(
        standing.member,
        "site" if reason else "email",
        reason,
        base or None,
        "guardian" if standing.member.guardian_email else "member",
        applies,
        governing is not None and governing.revision >= entry.number,
    )


def _began_under(standing: Standing, entry: Entry) -> int:
    """For a member who joined before there was any text: the first one they came under; 0 for none."""
    first = standing.timeline.spans[0].revision if standing.timeline.spans else 0
    return first if first < entry.number else 0


def unreachable(address: str | None, barred: frozenset[str], secret: str) -> Reason:
    if not address:
        return "no address"
    return "suppressed" if barred and addresses.key(address, secret) in barred else ""


def _applies_from(standing: Standing, record: History, entry: Entry, base: int, now: datetime) -> datetime | None:
    """When the member will move to the revision if told now: the fold itself says, on what is known plus that."""
    hypothetical = Noticed(now, entry.number, base, stated_date(record, base, entry, now), id="if told now")
    forecast = applicability.timeline([*standing.facts, hypothetical])
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
    total = session.exec(select(func.count()).select_from(Member)).one()
    erased = session.exec(select(func.count()).select_from(Member).where(col(Member.erased_at).is_not(None))).one()
    kept = session.exec(select(func.count()).select_from(Member).where(members.retained(now))).one()
    return +Counter({"erased": erased, "lapsed": total - erased - kept})


def before_publishing(session: Session, record: History, *, secret: str, now: datetime) -> Audience:
    """Count who would be told of a revision not yet published (every retained member), and who is held.

    held: governed by a text earlier than the one in force, because a rule is not met.
    """
    counted = Audience()
    barred = suppressed(session)
    current = record.in_force(now)
    for standing in standings(session, record, now=now):
        address = standing.member.guardian_email or standing.member.email
        reason = unreachable(address, barred, secret)
        counted.email += not reason
        counted.guardians += not reason and bool(standing.member.guardian_email)
        if reason:
            counted.site[reason] += 1
        span = standing.timeline.at(now)
        counted.held += bool(current and span and span.revision < current.number)
    counted.left_out.update(gone(session, now))
    return counted
