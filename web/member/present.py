"""What the templates of a member's pages are given: plain objects with everything worked out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup

from notifier import acknowledging, forecasts
from notifier.acknowledging import Actor
from notifier.forecasts import Outlook
from notifier.models import Member
from policy_versions import archive, comparing, dates
from policy_versions.archive import Entry, History
from policy_versions.diff import redline
from policy_versions.models import Policy, Revision
from web.context import session
from web.filters import instant
from web.public import present

ANSWERS = ("accepted", "declined", "consent withdrawn")
DEEDS = {"accept": "accepted", "decline": "declined"}


class Subject(NamedTuple):
    """Whose answer to which text is asked for. base: the text that they know; None: there was none.

    speaks: whose word counts: the member's own, their guardian's, or of a ward's own page nobody's.
    """

    record: History
    entry: Entry
    member: Member
    base: Revision | None
    actor: Actor

    @property
    def speaks(self) -> bool:
        return self.actor == "guardian" or not self.member.guardian_email

    @property
    def about(self) -> str:
        """Whom pages speak of to their reader."""
        return "them" if self.actor == "guardian" else "you"


def subject(policy: Policy, number: int, member: Member, base_id: int | None, actor: Actor) -> Subject:
    """Raises: NoSuchRevision."""
    record = archive.history(session(), policy)
    base = session().get(Revision, base_id) if base_id else None
    return Subject(record, record.entry(number), member, base, actor)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said last: the word, and when."""

    kind: str
    when: str


@dataclass(frozen=True, slots=True)
class Page:
    """One text and one member: from when it applies to them, until when which other does, and what they said.

    starts, if_accepted: in words; "" where something is still to happen. standing: withdrawn, passed (a later text
    governs), governs, coming, asks (it takes their acceptance) or untold (it takes a notice). at_once: to accept
    moves them now.
    """

    title: str
    policy: present.PolicyView
    revision: present.RevisionView
    about: str
    guardian: bool
    standing: str
    starts: str
    in_force: bool
    until: str
    speaks: bool
    if_accepted: str
    at_once: bool
    sooner: bool
    base: present.RevisionView | None
    days: int
    answer: Answer | None
    locale: str  # of the text, its redline and its summary
    redline: Markup
    counts: dict[str, int]

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to answer, for whoever this page speaks to."""
        return self.speaks and self.standing not in ("withdrawn", "passed")


def page(of: Subject, now: datetime) -> Page:
    """What the page says of a text that a member was told of."""
    policy, revision = of.record.policy, of.entry.revision
    outlook = _outlook(of, now)
    change = comparing.compare(session(), of.base, revision) if of.base else None
    base = next((e for e in of.record.entries if of.base and e.number == of.base.number), None)
    governing = next((e for e in of.record.entries if e.number == outlook.governing), None)
    standing = _standing(of, outlook, now)
    return Page(
        title=_title(of, standing, outlook, now),
        policy=present.PolicyView.of(policy, None),
        revision=present.revision_view(of.record, of.entry, now),
        about=of.about,
        guardian=of.actor == "guardian",
        standing=standing,
        starts=when(outlook.starts, policy.zone),
        in_force=revision.effective_at <= now,
        until=governing.revision.date.label if governing else "",
        speaks=of.speaks,
        if_accepted=when(outlook.if_accepted, policy.zone),
        at_once=outlook.if_accepted is not None and outlook.if_accepted <= now,
        sooner=_sooner(outlook),
        base=present.revision_view(of.record, base, now) if base else None,
        days=revision.notice_days,
        answer=answer(of),
        locale=policy.locale,
        redline=Markup(redline.html(change, context=1)) if change else Markup(),  # noqa: S704 -- it is safe
        counts=present.counts(change) if change else {},
    )


def _outlook(of: Subject, now: datetime) -> Outlook:
    base = of.base.number if of.base else 0
    by_guardian = of.actor == "guardian"
    return forecasts.outlook(
        session(), of.record, of.member, of.entry.number, base=base, by_guardian=by_guardian, now=now
    )


def _standing(of: Subject, outlook: Outlook, now: datetime) -> str:
    if not of.entry.live:
        return "withdrawn"
    if outlook.governs(now):
        return "governs" if outlook.governing == of.entry.number else "passed"
    if outlook.starts is not None:
        return "coming"
    by_word = of.member.guardian_email or outlook.if_told is None
    return "asks" if by_word else "untold"


def _sooner(outlook: Outlook) -> bool:
    """Whether an acceptance would bring the text earlier than waiting does."""
    if outlook.if_accepted is None:
        return False
    return outlook.starts is None or outlook.if_accepted < outlook.starts


def _title(of: Subject, standing: str, outlook: Outlook, now: datetime) -> str:
    if standing == "withdrawn":
        return "This change was withdrawn"
    if standing == "passed":
        return f"What changed for {of.about}"
    changed = "What changed" if of.entry.revision.effective_at <= now else "What changes"
    if of.base is None:
        return "The text that applies" if standing == "governs" else "The text that comes to apply"
    if standing == "coming" and outlook.starts is not None:
        return f"What changes for {of.about} on {dates.day_label(outlook.starts, of.record.policy.zone)}"
    if standing == "asks":
        return f"What changes for {of.about} if {'you accept' if of.speaks else 'your guardian accepts'}"
    return f"{changed} for {of.about}"


def when(at: datetime | None, zone: ZoneInfo) -> str:
    """An instant in words: its day, and the time where it is not that day's first."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    begins = (local.hour, local.minute, local.second) == (0, 0, 0)
    return dates.day_label(at, zone) if begins else instant(at, zone)


def answer(of: Subject) -> Answer | None:
    """What was last said of the text by whoever this page speaks to."""
    said = [
        acknowledgement
        for acknowledgement, revision in acknowledging.of_member(session(), of.member)
        if revision.id == of.entry.revision.id
        and acknowledgement.actor == of.actor
        and acknowledgement.kind in ANSWERS
    ]
    return Answer(said[-1].kind, instant(said[-1].recorded_at, of.record.policy.zone)) if said else None
