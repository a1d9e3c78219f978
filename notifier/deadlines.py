"""The arithmetic of a deadline, for what is on record: a draft that is to be published, a notice that goes out."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from notifier import audience, canary
from notifier.arithmetic import Limits, Plan
from notifier.models import Notice, Pace
from notifier.runtime import Runtime
from policy_versions.archive import Entry, History, Publication
from policy_versions.models import Policy


def limits(session: Session, runtime: Runtime, letters: int) -> Limits:
    """What is known of the pace at which so many letters may leave."""
    settings, pace = runtime.settings, session.get(Pace, 1)
    pause = timedelta(minutes=settings.canary_minutes) if _first(runtime, letters) else timedelta()
    return Limits(settings.quota_hour, settings.quota_day, pace.rate if pace else None, pause)


def _first(runtime: Runtime, letters: int) -> int:
    """How many letters leave before all others; 0: none, as opening decides it too."""
    first = 0 if runtime.sender.repeatable else runtime.settings.canary
    return first if letters >= first * canary.WORTH else 0


def gate(runtime: Runtime, letters: int) -> str:
    """What the letters after the first ones wait for; "" where all leave at once."""
    first = _first(runtime, letters)
    if not first:
        return ""
    if not runtime.sender.reports:
        return (
            f"The first {first:,} leave alone. This sender reports nothing of them, so the others wait until a "
            "person goes on; that time is not in the sum."
        )
    minutes = f"{runtime.settings.canary_minutes:g}"
    return (
        f"The first {first:,} leave alone; the others follow within {minutes} minutes, unless too many come back."
    )


def of_draft(
    session: Session, runtime: Runtime, policy: Policy, given: Publication, letters: int, *, now: datetime
) -> Plan:
    """What follows if a draft were published now, decided at once and overruled by nobody."""
    effective = None if given.rule == "acceptance" else given.effective_at or now
    days = given.notice_days if given.rule == "notice" else 0
    start = now + runtime.settings.review_window
    return Plan(letters, limits(session, runtime, letters), start, timedelta(days=days), effective, policy.zone)


def of_notice(
    session: Session,
    runtime: Runtime,
    notice: Notice,
    record: History,
    entry: Entry,
    letters: int,
    *,
    now: datetime,
) -> Plan:
    """What is to come of a notice with so many letters left, for members who know the text before it."""
    revision, before = entry.revision, record.before(entry.number)
    tells = notice.kind == "change"
    days = audience.binding_period(record, before.number if before else 0, entry) if tells else 0
    effective = revision.effective_at if tells and revision.rule != "acceptance" else None
    start = max(now, notice.due_at) if notice.state == "scheduled" else now
    return Plan(
        letters,
        limits(session, runtime, letters),
        start,
        timedelta(days=days),
        effective,
        record.policy.zone,
    )
