"""The notice on our own pages: a significant revision is upcoming, or came into force a short while ago.

It tells whoever comes by, and counts for nobody: no member is told by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from flask import request
from sqlalchemy.orm import aliased, defer
from sqlmodel import Session, col, func, select

from notifier import wording
from policy_versions import dates, retiring
from policy_versions.models import DecisionRecord, Policy, Revision, Withdrawal
from web import speech
from web.context import now, runtime, session
from web.public import blueprint, present
from web.serving.lately import lately


class News(NamedTuple):
    """A revision that readers should know of."""

    slug: str
    number: int
    coming: bool  # else it is in force, since a short while
    title: str  # the policy's
    heading: str
    summary: str
    url: str
    changes_url: str


@blueprint.context_processor
def shared() -> dict[str, list[News]]:
    """What pages say under their head: on a policy's own page, and on the comparison itself, nothing of that.

    It speaks English, as public pages do: a page of somebody's own, in another language, goes without.
    """
    speaks_english = speech.current().language == wording.SOURCE
    return {"news": [one for one in current() if not _said_here(one)] if speaks_english else []}


def _said_here(one: News) -> bool:
    return request.path in (f"/{one.slug}", one.changes_url, one.url)


def current() -> list[News]:
    """The news of each policy that has any."""
    young = timedelta(days=runtime().settings.banner_days)
    return lately("news", lambda: latest(session(), now(), young))


def in_force(policy: Policy) -> News | None:
    """The news of a policy, where it is in force already."""
    return next((one for one in current() if one.slug == policy.slug and not one.coming), None)


def latest(session: Session, now: datetime, young: timedelta) -> list[News]:
    """Of each policy that goes on, its next significant revision; else the last one in force within `young`."""
    ended = retiring.retired(session)
    rows = [row for row in _rows(session, now - young) if (row.policy.id or 0) not in ended]
    verdicts = _verdicts(session, [row.revision.id or 0 for row in rows])
    told = [row for row in rows if verdicts.get(row.revision.id or 0, _UNDECIDED)[0] == "significant"]
    return [_news([*own], verdicts, now) for _, own in groupby(told, key=lambda row: row.policy.id)]


_UNDECIDED = ("significant", "")  # as long as nobody has decided, it counts as that


class _Row(NamedTuple):
    policy: Policy
    revision: Revision
    before: int  # the number of the revision before it


def _rows(session: Session, after: datetime) -> list[_Row]:
    """Revisions not withdrawn that are in force from later than that; no policy's first."""
    earlier, taken_back = aliased(Revision), aliased(Withdrawal)
    before = (
        select(func.max(earlier.number))
        .outerjoin(taken_back, col(taken_back.revision_id) == earlier.id)
        .where(earlier.policy_id == Revision.policy_id, earlier.number < Revision.number)
        .where(col(taken_back.id).is_(None))
        .scalar_subquery()
    )
    found = session.exec(
        select(Policy, Revision, before)
        .join(Revision, col(Revision.policy_id) == Policy.id)
        .outerjoin(Withdrawal, col(Withdrawal.revision_id) == Revision.id)
        .where(Revision.effective_at > after, col(Withdrawal.id).is_(None), before.is_not(None))
        .order_by(col(Policy.title), col(Policy.id), col(Revision.number))
        .options(defer(Revision.text))  # type: ignore[arg-type]
    )
    return [_Row(*row) for row in found]


def _verdicts(session: Session, revision_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """The verdict and the summary that stand, by revision; of an undecided one none."""
    made = session.exec(
        select(DecisionRecord.revision_id, DecisionRecord.verdict, DecisionRecord.summary)
        .where(col(DecisionRecord.revision_id).in_(revision_ids))
        .order_by(
            col(DecisionRecord.decided_at),
            col(DecisionRecord.verdict) == "significant",
            col(DecisionRecord.id),
        )
    )
    return {revision_id: (verdict, summary) for revision_id, verdict, summary in made}


def _news(rows: Sequence[_Row], verdicts: Mapping[int, tuple[str, str]], now: datetime) -> News:
    """The next of a policy's revisions, else the last. rows: ascending."""
    coming = [row for row in rows if row.revision.effective_at > now]
    policy, revision, before = (coming or rows[-1:])[0]
    day = dates.day_label(revision.effective_at, policy.zone).replace(" ", "\u00a0")  # no line breaks within
    comes = f"comes into force on {day}" if coming else f"is in force since {day}"
    home = present.home(policy)
    return News(
        slug=policy.slug,
        number=revision.number,
        coming=bool(coming),
        title=policy.title,
        heading=f"a new text {comes}",
        summary=revision.summary or verdicts.get(revision.id or 0, _UNDECIDED)[1],
        url=f"{home}/{revision.number}",
        changes_url=present.compare_url(policy, before, revision.number),
    )
