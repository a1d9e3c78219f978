"""What the templates of a member's pages are given: plain objects with everything worked out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from notifier import acknowledging, compose, forecasts, translated
from notifier.acknowledging import Actor
from notifier.forecasts import Outlook
from notifier.models import Acknowledgement, Member
from notifier.passages import Passage, glyph_of, passages_of
from notifier.typeset import unbroken
from notifier.wording import N_
from policy_versions import archive, comparing
from policy_versions.archive import Entry, History
from policy_versions.diff import Change
from policy_versions.models import Policy, Revision, Translation
from web import speech
from web.context import session
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


class Shown(NamedTuple):
    """A text as its reader is shown it: the policy's own, or its translation."""

    title: str
    locale: str
    sha256: str
    change: Change | None
    translation: Translation | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One text and one member: from when it applies to them, until when which other does, and what they said.

    starts, if_accepted: in words; "" where something is still to happen. standing: withdrawn, passed (a later text
    governs), governs, coming, asks (it takes their acceptance) or untold (it takes a notice). at_once: to accept
    moves them now. locale: of the passages; summary_locale: of the summary. quotes_in, in_translation and
    text_language are names of languages, the first two "" where there is nothing to say of them.
    """

    title: str
    policy: present.PolicyView
    revision: present.RevisionView
    date: str
    effective: str
    in_force_from: str
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
    base_date: str
    days: int
    answer: Answer | None
    summary: str
    summary_locale: str
    quotes_in: str
    locale: str
    passages: tuple[Passage, ...]
    in_form_only: int
    in_translation: str
    text_language: str
    zone: str

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to answer, for whoever this page speaks to."""
        return self.speaks and self.standing not in ("withdrawn", "passed")


def page(of: Subject, now: datetime) -> Page:
    """What the page says of a text that a member was told of."""
    policy, revision = of.record.policy, of.entry.revision
    spoken = speech.current()
    base = next((e for e in of.record.entries if of.base and e.number == of.base.number), None)
    return Page(
        policy=replace(present.PolicyView.of(policy, None), title=shown(of).title),
        revision=present.revision_view(of.record, of.entry, now),
        date=spoken.date(revision.date),
        effective=spoken.day(revision.effective_at, policy.zone),
        in_force_from=spoken.day(revision.effective_at, policy.zone),
        guardian=of.actor == "guardian",
        in_force=revision.effective_at <= now,
        speaks=of.speaks,
        base=present.revision_view(of.record, base, now) if base else None,
        base_date=spoken.date(of.base.date) if of.base else "",
        days=revision.notice_days,
        answer=answer(of),
        summary=compose.summary(of.entry, spoken),
        zone=spoken.zone(policy.zone),
        **_applying(of, now),
        **_quoted(of),
    )


def _applying(of: Subject, now: datetime) -> dict[str, Any]:
    """What the page says of when the text applies."""
    outlook, zone = _outlook(of, now), of.record.policy.zone
    governing = next((e for e in of.record.entries if e.number == outlook.governing), None)
    standing = _standing(of, outlook, now)
    return {
        "title": _title(of, standing, outlook, now),
        "standing": standing,
        "starts": when(outlook.starts, zone),
        "until": speech.current().date(governing.revision.date) if governing else "",
        "if_accepted": when(outlook.if_accepted, zone),
        "at_once": outlook.if_accepted is not None and outlook.if_accepted <= now,
        "sooner": _sooner(outlook),
    }


def _quoted(of: Subject) -> dict[str, Any]:
    """What changed, word for word, and in which language."""
    text, spoken, own = shown(of), speech.current(), of.record.policy.locale
    numbered = text.change.numbered if text.change else ()
    return {
        "summary_locale": own,
        "quotes_in": "" if text.translation else compose.foreign(own, spoken),
        "locale": text.locale,
        "passages": tuple(passages_of(text.change)) if text.change else (),
        "in_form_only": sum(not glyph_of(block) for block in numbered),
        "in_translation": spoken.language_of(text.locale) if text.translation else "",
        "text_language": spoken.language_of(own),
    }


def shown(of: Subject) -> Shown:
    """The text that the page shows: its translation into the reader's language, where both texts have one."""
    policy, revision = of.record.policy, of.entry.revision
    pair = translated.both(session(), policy, of.base, revision, str(speech.current().tag))
    if pair is None:
        change = comparing.compare(session(), of.base, revision) if of.base else None
        return Shown(policy.title, policy.locale, revision.sha256, change)
    known, into = pair
    title = into.title or policy.title
    if known is None:
        change = comparing.compare(session(), of.base, revision) if of.base else None
        return Shown(title, policy.locale, revision.sha256, change)
    return Shown(title, into.locale, into.sha256, comparing.compare_translations(known, into), into)


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
    spoken, guardian = speech.current(), of.actor == "guardian"
    if standing == "withdrawn":
        return spoken.say(N_("This change was withdrawn"))
    if of.base is None and standing != "passed":
        first = N_("The text that applies") if standing == "governs" else N_("The text that comes to apply")
        return spoken.say(first)
    if standing == "coming" and outlook.starts is not None:
        on = N_("What changes for them on %(day)s") if guardian else N_("What changes for you on %(day)s")
        return spoken.say(on, day=unbroken(spoken.day(outlook.starts, of.record.policy.zone)))
    if standing == "asks":
        return spoken.say(_if_accepted(of))
    if standing == "passed" or of.entry.revision.effective_at <= now:
        return spoken.say(N_("What changed for them") if guardian else N_("What changed for you"))
    return spoken.say(N_("What changes for them") if guardian else N_("What changes for you"))


def _if_accepted(of: Subject) -> str:
    if of.actor == "guardian":
        return N_("What changes for them if you accept")
    return (
        N_("What changes for you if you accept")
        if of.speaks
        else N_("What changes for you if your guardian accepts")
    )


def when(at: datetime | None, zone: ZoneInfo) -> str:
    """An instant in words: its day, and the time where it is not that day's first."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    begins = (local.hour, local.minute, local.second) == (0, 0, 0)
    spoken = speech.current()
    return spoken.day(at, zone) if begins else spoken.instant(at, zone)


def last_word(of: Subject) -> Acknowledgement | None:
    """What was last said of the text by whoever this page speaks to."""
    said = [
        acknowledgement
        for acknowledgement, revision in acknowledging.of_member(session(), of.member)
        if revision.id == of.entry.revision.id
        and acknowledgement.actor == of.actor
        and acknowledgement.kind in ANSWERS
    ]
    return said[-1] if said else None


def answer(of: Subject) -> Answer | None:
    """The last word, as the page tells it."""
    last = last_word(of)
    if last is None:
        return None
    return Answer(last.kind, speech.current().instant(last.recorded_at, of.record.policy.zone))
