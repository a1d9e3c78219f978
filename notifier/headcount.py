"""Count whom a notice would go to before it opens: by way and by reason, a million members in a statement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, and_, func, literal_column, text
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from notifier import audience, kinds, notices, opening, translated
from notifier.audience import Audience, Known, Owed, Reason, Standing
from notifier.kinds import Judge, Judged, V
from notifier.models import Batch, Member, Notice, Omission
from policy_versions.archive import Entry, History
from policy_versions.models import Translation

WAYS = ("", "no address", "suppressed")  # why not by letter, in the order of opening's numbers
ANYBODY = Known(0, None, already=False)  # a member who is owed something, whatever that is


def before_publishing(session: Session, record: History, *, secret: str, now: datetime) -> Audience:
    """Count who would be told of a revision not yet published (every retained member), and what they know.

    held: governed by a text earlier than the one in force, because a rule is not met.
    """
    current, counted = record.in_force(now), Audience()
    coming = len(record.entries) + 1

    def stands(standing: Standing) -> tuple[bool, int]:
        span = standing.timeline.at(now)
        held = bool(current and span and span.revision < current.number)
        return held, audience.knows_of(standing, coming, now)

    judged = kinds.judged(session, record, stands, now=now)
    for (held, base), reason, number in _by_way(session, judged):
        counted.add_many(_channel(reason), reason, number)
        counted.held += held * number
        counted.bases[base] += 0 if reason else number
    barred = audience.suppressed(session)
    for member, (held, base) in judged.apart():
        verdict = audience.addressed(member, ANYBODY, barred, secret)
        counted.add(verdict)
        counted.held += held
        counted.bases[base] += isinstance(verdict, Owed) and verdict.channel == "email"
    counted.bases = +counted.bases
    counted.left_out.update(audience.gone(session, now))
    return counted


def if_opened_now(
    session: Session, notice: Notice, record: History, entry: Entry, *, secret: str, now: datetime
) -> Audience:
    """Count by reason whom a notice that has not opened would go to, and who would be left out."""
    if notice.translation_id is not None:
        return _of_translation(session, notice, record, entry, secret=secret, now=now)
    counted, among = Audience(), None
    if notice.kind == "correction":
        among = col(Member.id).in_(audience.members_reached(entry.revision))
    judged = kinds.judged(session, record, judge(session, notice, record, entry, now=now), now=now)
    for verdict, reason, number in _by_way(session, judged, among):
        if isinstance(verdict, Known):
            counted.add_many(_channel(reason), reason, number)
        else:
            counted.left_out[verdict] += number
    barred = audience.suppressed(session)
    for member, own in judged.apart(among):
        counted.add(audience.addressed(member, own, barred, secret))
    counted.left_out.update(audience.gone(session, now))
    return counted


def _of_translation(
    session: Session, notice: Notice, record: History, entry: Entry, *, secret: str, now: datetime
) -> Audience:
    counted, translation = Audience(), session.get_one(Translation, notice.translation_id)
    for verdict in translated.told(session, record, entry, translation, secret=secret, now=now):
        counted.add(verdict)
    return counted


def judge(
    session: Session, notice: Notice, record: History, entry: Entry, *, now: datetime
) -> Judge[Known | Reason]:
    """What a notice of a revision owes a member, by their facts alone: a change, or that it was withdrawn."""
    if notice.kind == "correction":
        return lambda _: ANYBODY
    recalled = notices.recalled_of(session, notice)
    return partial(audience.known, record=record, entry=entry, now=now, recalled=recalled)


def as_opened(session: Session, notice: Notice) -> Audience:
    """The same counts of a notice that has opened, by its batches and omissions; late arrivals are among them."""
    counted = Audience()
    rows = session.exec(
        select(Batch.channel, Batch.reason, Batch.audience, func.sum(Batch.size))
        .where(Batch.notice_id == notice.id)
        .group_by(col(Batch.channel), col(Batch.reason), col(Batch.audience))
    )
    for channel, reason, guarded, size in rows:
        if size:
            counted.add_many(channel, reason, int(size))
            counted.guardians += int(size) if channel == "email" and guarded == "guardian" else 0
    for omission in session.exec(select(Omission).where(Omission.notice_id == notice.id)):
        counted.left_out[omission.reason] += omission.members
    return counted


def _channel(reason: Reason) -> str:
    return "site" if reason else "email"


def _by_way(
    session: Session, judged: Judged[V], among: ColumnElement[bool] | None = None
) -> Iterator[tuple[V, Reason, int]]:
    """Members not judged alone, counted by verdict and by why they get no letter ("": they do)."""
    verdict = judged.choose(lambda index: literal_column(str(index))).label("v")
    way = opening.way_of().label("w")
    where = judged.where if among is None else and_(judged.where, among)
    rows = session.execute(
        sa_select(verdict, way, func.count())
        .select_from(judged.source)
        .where(where)
        .group_by(text("v"), text("w"))
    )
    for place, number, count in rows:
        yield judged.values[place], WAYS[number], count
