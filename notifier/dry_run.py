"""Try a notice on one member without telling anybody: would they get it, by which way, and why?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from errors import NoSuchMember
from notifier import addresses, audience, facts, headcount, members, notices, translated
from notifier.audience import LeftOut, Owed, Standing
from notifier.deliveries import Place, Row, deliveries
from notifier.models import Delivery, Member, Notice, Suppression
from policy_versions import applicability, dates
from policy_versions.applicability import Span
from policy_versions.archive import Entry, History
from policy_versions.models import Translation

CALLED_OFF = ("cancelled", "recalled")
STOPPED_BY = {"bounce": "it bounced", "complaint": "a complaint came", "dropped": "the provider would not take it"}
STATES = {
    "delivered": "it was delivered",
    "accepted": "it was taken by the mail server",
    "bounced": "it bounced",
    "failed": "it could not be sent",
    "unknown": "nobody knows whether it left",
    "sending": "it is in a request under way",
    "skipped": "it was not sent",
    "queued": "it is still to leave",
    "site notice only": "it is shown on the site",
}
LEFT_OUT = {
    "already told": "They were told of it already, or of a later text.",
    "joined under the new text": "They joined when it was in force already, so it is the text they joined under.",
    "lapsed": "Their retention has ended, so they are not written to any more.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a notice is to one member. verdict: as things stand now; delivery: what they are owed already."""

    member: Member
    verdict: Owed | LeftOut
    governing: Span | None
    delivery: Row | None
    suppression: Suppression | None
    gets: bool  # by letter or site notice: owed already, or if it opened now
    sentences: list[str]


def would_get(
    session: Session, notice: Notice, record: History, external_id: str, *, secret: str, now: datetime
) -> Answer:
    """Say whether a member gets a notice, by which way, and why. No address is shown. Raises: NoSuchMember."""
    name = external_id.strip()
    if not name.isprintable():  # nobody's, and nothing that a database can be asked for
        raise NoSuchMember
    member = members.by_external_id(session, name)
    entry = next(e for e in record.entries if e.revision.id == notice.revision_id)
    own = facts.of_members(session, facts.of_policy(session, record), [member])[member.id]
    standing = Standing(member, own, applicability.timeline(own))
    verdict = _verdict(session, notice, record, entry, standing, secret=secret, now=now)
    owed = _owed_already(session, notice, member)
    suppression = _suppression(session, member, secret)
    later = notices.superseding(session, notice) if notice.kind == "change" else None
    told = _Told(notice, record, entry, verdict, owed, suppression, later)
    gets = owed is not None or (isinstance(verdict, Owed) and told.goes_on)
    return Answer(
        member,
        verdict,
        standing.timeline.at(now),
        owed,
        suppression,
        gets,
        told.sentences(standing.timeline.at(now)),
    )


def _verdict(
    session: Session,
    notice: Notice,
    record: History,
    entry: Entry,
    standing: Standing,
    *,
    secret: str,
    now: datetime,
) -> Owed | LeftOut:
    member = standing.member
    if member.retained_until is not None and member.retained_until <= now:
        return LeftOut(member, "lapsed")
    if notice.translation_id is not None:
        translation = session.get_one(Translation, notice.translation_id)
        told = translated.told(session, record, entry, translation, secret=secret, now=now)
        nothing = LeftOut(member, "never told of it")
        return next((verdict for verdict in told if verdict.member.id == member.id), nothing)
    if notice.kind == "correction" and not _was_reached(session, entry, member):
        return LeftOut(member, "never told of it")
    judge = headcount.judge(session, notice, record, entry, now=now)
    return audience.addressed(member, judge(standing), audience.suppressed(session), secret)


def _was_reached(session: Session, entry: Entry, member: Member) -> bool:
    """Whether the letter that a correction puts right reached a member, or may have."""
    reached = select(Member.id).where(
        Member.id == member.id, col(Member.id).in_(audience.members_reached(entry.revision))
    )
    return session.exec(reached).first() is not None


def _owed_already(session: Session, notice: Notice, member: Member) -> Row | None:
    found = session.exec(
        select(Delivery.batch_id, Delivery.id).where(
            Delivery.member_id == member.id, Delivery.notice_id == notice.id
        )
    ).first()
    if found is None:
        return None
    batch_id, delivery_id = found
    rows = deliveries(session, notice, limit=1, after=Place(batch_id, (delivery_id or 0) - 1))
    return rows[0] if rows else None


def _suppression(session: Session, member: Member, secret: str) -> Suppression | None:
    address = member.guardian_email or member.email
    if not address:
        return None
    standing: ColumnElement[bool] = col(Suppression.lifted_at).is_(None)
    key = addresses.key(address, secret)
    return session.exec(select(Suppression).where(Suppression.email_key == key, standing)).first()


# -- in words -----------------------------------------------------------------------------------


class _Told(NamedTuple):
    notice: Notice
    record: History
    entry: Entry
    verdict: Owed | LeftOut
    delivery: Row | None
    suppression: Suppression | None
    later: int | None  # the notice that tells of a later text since

    @property
    def goes_on(self) -> bool:
        """Whether it goes to anybody who is not owed it yet."""
        return self.notice.state not in CALLED_OFF and self.later is None

    def sentences(self, governing: Span | None) -> list[str]:
        if self.delivery is not None:
            return [self._owed(self.delivery), *self._way(), *self._knows(governing)]
        if isinstance(self.verdict, LeftOut):
            return [self._left_out(self.verdict), *self._governed(governing)]
        return [self._would(), *self._way(), *self._knows(governing), *self._applies()]

    def _owed(self, row: Row) -> str:
        way = "a letter" if row.channel == "email" else "the site notice only"
        since = f", since {_instant(row.at, self.record)}" if row.at else ""
        said = f" ({row.said})" if row.said and row.state in ("skipped", "failed", "queued") else ""
        return f"They are owed {way} by this notice: {STATES[row.state]}{said}{since}."

    def _would(self) -> str:
        assert isinstance(self.verdict, Owed)
        way = "a letter" if self.verdict.channel == "email" else "the site notice only"
        if self.later is not None:
            return f"They are not owed it: notice {self.later} tells of a later text since."
        if not self.goes_on:
            return f"They are not owed it, and the notice was {self.notice.state}: nobody else gets it."
        if self.notice.opened_at is not None and self.notice.state != "scheduled":
            return f"They came too late for its opening, and get {way} when late arrivals are next looked for."
        return f"If it opened now, they would get {way}."

    def _left_out(self, verdict: LeftOut) -> str:
        if verdict.reason == "never told of it":
            return "They get nothing: no letter that it puts right reached them, or may have."
        return f"They get nothing. {LEFT_OUT.get(verdict.reason, verdict.reason)}"

    def _way(self) -> list[str]:
        member = self.verdict.member
        whose = "Their guardian’s address" if member.guardian_email else "Their address"
        if not (member.guardian_email or member.email):
            return ["No address of theirs is on record, so no letter can go out."]
        if self.suppression is None:
            return [f"{whose} is on record, and nothing stands against writing to it."]
        since = _instant(self.suppression.recorded_at, self.record)
        because = STOPPED_BY.get(self.suppression.reason, self.suppression.reason)
        return [f"{whose} is on record, and not written to since {since}: {because}."]

    def _knows(self, governing: Span | None) -> list[str]:
        if self.notice.kind == "correction":
            return self._governed(governing)
        base = self.delivery.base if self.delivery else self._base()
        if not base:
            return ["They know no text of this policy yet, so the letter shows none to compare with."]
        why = "the earlier of the text that governs them and the last they were told of, or joined under"
        return [f"The letter shows all that changed since No. {base}: {why}.", *self._governed(governing)]

    def _base(self) -> int:
        return (self.verdict.base or 0) if isinstance(self.verdict, Owed) else 0

    def _governed(self, governing: Span | None) -> list[str]:
        if governing is None:
            return ["No text of this policy governs them."]
        since = dates.day_label(governing.start, self.record.policy.zone)
        return [f"No. {governing.revision} governs them, since {since}."]

    def _applies(self) -> list[str]:
        assert isinstance(self.verdict, Owed)
        if self.notice.kind == "correction":
            return []
        if self.verdict.already:
            return [f"No. {self.entry.number} governs them already; the letter says since when."]
        if self.verdict.applies_from is None:
            return [f"No. {self.entry.number} would apply to them once it is accepted for them, not before."]
        day = dates.day_label(self.verdict.applies_from, self.record.policy.zone)
        return [f"No. {self.entry.number} would apply to them from {day}, if they were told now."]


def _instant(at: datetime, record: History) -> str:
    local = at.astimezone(record.policy.zone)
    return f"{dates.day_label(at, record.policy.zone)}, {local:%H:%M} {local.tzname()}"
