"""How fast a notice goes, when its last letter leaves, what holds the others back. The sentences are pure.

What was taken is counted from the attempts of the last five minutes; what is spent of a quota, as the workers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from sqlmodel import Session, case, col, func, select

from notifier import canary, pacing
from notifier.arithmetic import LONGEST
from notifier.models import Attempt, Batch, Notice, Pace
from notifier.progress import Progress
from settings import Settings

MINUTE, FIVE = timedelta(minutes=1), timedelta(minutes=5)
SHORTEST = timedelta(seconds=10)  # a rate is not told from less


class Rate(NamedTuple):
    """Letters taken in the last minute and in the last five; since: when the first of those was taken."""

    minute: int
    five: int
    since: datetime | None


class Quota(NamedTuple):
    """So many letters in any such time; spent: in the one that ends now."""

    letters: int
    window: timedelta
    spent: int

    @property
    def words(self) -> str:
        return f"{self.letters:,} {'an hour' if self.window == pacing.HOUR else 'a day'}"

    def ready(self, left: int, now: datetime) -> datetime:
        """When the last of so many letters may leave at the latest."""
        beyond = left - max(self.letters - self.spent, 0)
        windows = min(ceil(beyond / self.letters), LONGEST // self.window)
        return now + windows * self.window if beyond > 0 else now


class Outlook(NamedTuple):
    """What is said of a notice that goes out."""

    rate: Rate
    last: datetime | None  # when the last letter leaves; None: not known
    pace: str  # how fast, and when the last leaves; "" where nothing is to be said
    gate: str  # what the others wait for; "" where they do not wait


def of(
    session: Session, notice: Notice, counted: Progress, settings: Settings, *, reports: bool, now: datetime
) -> Outlook:
    """reports: whether the sender says what becomes of letters."""
    rate, quotas, held = (
        rate_of(session, notice, now=now),
        quotas_of(session, settings, now=now),
        held_until(session),
    )
    gate = gate_of(session, notice, settings, reports=reports) if notice.gate != "open" else ""
    if notice.state != "sending":
        return Outlook(rate, None, "", gate)
    goes_on = notice.gate == "open"
    last = last_leaves(counted.left, rate, quotas, now) if goes_on else None
    sentence = pace_words(counted.left, rate, quotas, now, held=held) if goes_on else ""
    return Outlook(rate, last, sentence, gate)


# -- what is counted ----------------------------------------------------------------------------


def rate_of(session: Session, notice: Notice, *, now: datetime) -> Rate:
    """Letters taken lately: of attempts begun in the last quarter of an hour, which an index finds."""
    late = case((col(Attempt.recorded_at) > now - MINUTE, col(Attempt.recipients)), else_=0)
    minute, five, since = session.exec(
        select(func.sum(late), func.sum(Attempt.recipients), func.min(Attempt.recorded_at))
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(
            Batch.notice_id == notice.id,
            Attempt.state == "accepted",
            Attempt.started_at > now - 3 * FIVE,
            col(Attempt.recorded_at) > now - FIVE,
        )
    ).one()
    return Rate(int(minute or 0), int(five or 0), since)


def quotas_of(session: Session, settings: Settings, *, now: datetime) -> list[Quota]:
    given = ((settings.quota_hour, pacing.HOUR), (settings.quota_day, pacing.DAY))
    return [Quota(n, window, pacing.spent(session, since=now - window)) for n, window in given if n]


def held_until(session: Session) -> datetime | None:
    """Until when the provider asked for quiet."""
    pace = session.get(Pace, 1)
    return pace.held_until if pace else None


def gate_of(session: Session, notice: Notice, settings: Settings, *, reports: bool) -> str:
    first, bounced = session.exec(
        select(func.sum(Batch.size), func.sum(Batch.bounced)).where(Batch.notice_id == notice.id, Batch.canary)
    ).one()
    patience = timedelta(minutes=settings.canary_minutes)
    return gate_words(
        notice.gate, int(first or 0), int(bounced or 0), notice.gate_since, patience, reports=reports
    )


# -- what follows from it -----------------------------------------------------------------------


def per_minute(rate: Rate, now: datetime) -> float:
    """Letters a minute: over the five, or over the time since the first where that is shorter."""
    if rate.since is None:
        return 0.0
    return rate.five / (min(max(now - rate.since, SHORTEST), FIVE) / MINUTE)


def last_leaves(left: int, rate: Rate, quotas: Sequence[Quota], now: datetime) -> datetime | None:
    """When the last of what is left leaves; None where nothing is, or where nothing tells."""
    by_quota = [quota.ready(left, now) for quota in quotas]
    each = per_minute(rate, now)
    if each:
        by_quota.append(now + min(timedelta(minutes=left / each), LONGEST))
    waits = any(quota.ready(left, now) > now for quota in quotas)
    return max(by_quota) if left and (each or waits) else None


def pace_words(
    left: int, rate: Rate, quotas: Sequence[Quota], now: datetime, *, held: datetime | None = None
) -> str:
    """As "At 41,000 a minute the last leaves at about 14:32 UTC."; "" where nothing is left."""
    if not left:
        return ""
    if held is not None and held > now:
        return f"The provider asked for quiet until {moment(held, now)}; nothing leaves before."
    last, each = last_leaves(left, rate, quotas, now), per_minute(rate, now)
    slow = max(quotas, key=lambda quota: quota.ready(left, now), default=None)
    if last is not None and slow is not None and slow.ready(left, now) == last > now:
        spent = " It is spent for now." if slow.spent >= slow.letters else ""
        return f"With the quota of {slow.words} the last leaves at about {moment(last, now)}.{spent}"
    if last is None:
        return "No letter has left in the last five minutes."
    return f"At {_figure(each)} a minute the last leaves at about {moment(last, now)}."


def _figure(each: float) -> str:
    """Two digits of it are meant: 41,000, 320, 7."""
    whole = max(1, round(each))
    unit = 10 ** max(len(str(whole)) - 2, 0)
    return f"{round(whole / unit) * unit:,}"


def moment(at: datetime, now: datetime) -> str:
    """An instant to the minute, rounded up: "14:32 UTC", on another day with its date."""
    whole = at if at == at.replace(second=0, microsecond=0) else at + MINUTE
    day = "" if whole.date() == now.date() else f" on {whole.day} {whole:%B %Y}"
    return f"{whole:%H:%M} UTC{day}"


def gate_words(
    gate: str, first: int, bounced: int, since: datetime | None, patience: timedelta, *, reports: bool
) -> str:
    """What the letters after the first wait for. since: when the last of the first had left."""
    letters = f"The first {first:,} letter{'s' if first != 1 else ''}"
    if gate == "shut":
        came = f"; {bounced:,} of them bounced" if bounced else ""
        return f"{letters} have left{came}. The others follow when a person has looked and goes on."
    if gate != "canary":
        return ""
    heard = f"it is known of {canary.HEARD_OF:.0%} of them what came of them"
    if not reports:
        follow = "when a person has looked, for this sender reports nothing of letters that have left"
    elif since is None:
        follow = f"when {heard}, or {patience / MINUTE:,.0f} minutes after the last of them"
    else:
        follow = f"when {heard}, at {since + patience:%H:%M} UTC at the latest"
    return f"{letters} {'have left' if since else 'leave first'}; the others follow {follow}."


def settles(started: datetime, notice_state: str, settings: Settings, *, now: datetime) -> str:
    """What settles a letter whose fate is not known, if no event does before."""
    if settings.unknown == "at_most_once":
        return "waits for an event or a person; it is never sent again by itself"
    after = started + timedelta(minutes=settings.resend_minutes)
    if notice_state != "sending":
        return f"waits for an event or a person, for the notice is {notice_state}"
    if after <= now:
        return "is sent again with one of the next ticks unless an event comes"
    return f"is sent again after {moment(after, now)} unless an event comes"
