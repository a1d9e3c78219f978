"""What would follow if a draft were published now: the change, the decision, who is told, how long that takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from flask import current_app

from errors import NoticePeriodNotKept, Refusal
from notifier import arithmetic, audience, deadlines, headcount
from policy_versions import archive, chain, comparing, dates, deciding, drafts, markdown
from policy_versions.archive import History, Publication
from policy_versions.deciding import Judgement
from policy_versions.diff import Change
from policy_versions.models import Draft, Policy, Revision
from web.context import runtime, session

FRESH = timedelta(minutes=1)  # for how long a count serves a page that works itself out while somebody types


class Counted(NamedTuple):
    at: datetime
    audience: audience.Audience


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would follow if the draft were published now; `refusal` says why it would not be."""

    refusal: Refusal | None
    change: Change | None
    against: Revision | None
    judged: Judgement | None
    counted: audience.Audience
    counted_at: datetime
    given: Publication | None = None  # None: it cannot be read as one
    plan: arithmetic.Plan | None = None  # how long its letters take

    @property
    def verdict(self) -> str:
        return self.judged.verdict if self.judged else ""

    @property
    def proposal(self) -> str:
        """What the findings say in a sentence or two, to be the summary of a draft that has none of its own."""
        if self.judged is None or self.verdict == "first":
            return ""
        return proposed(self.judged)

    @property
    def controller_unnamed(self) -> bool:
        """Whether the findings say that somebody else becomes responsible, and the draft does not say who."""
        found = any(finding.category == "controller" for finding in self.judged.findings) if self.judged else False
        return found and not (self.given and self.given.controller.strip())

    def to_tell(self, *, tell_first: bool) -> int:
        """How many members would be told, by letter or site notice; of a first text only where that is asked."""
        tells = self.verdict == "significant" or (self.verdict == "first" and tell_first)
        return self.counted.told if tells else 0


def proposed(judged: Judgement) -> str:
    """The engine's summary as members may read it: without the count of the findings that it leaves out."""
    return _UNTOLD.sub("", judged.summary)


_UNTOLD = re.compile(r"\s+\d+ more findings?\.$")


def outlook(draft: Draft, policy: Policy, at: datetime, *, tell_first: bool, live: bool = False) -> Outlook:
    """What would follow.

    tell_first: whether a notice of a first text is asked for. live: the count may be a minute old, for a page that
    asks again and again; nobody publishes on it.
    """
    record = archive.history(session(), policy)
    counted = _counted(record, at, live=live)
    current = record.in_force(at) or record.latest()
    against = current.revision if current else None
    try:
        markdown.check(draft.text)
    except Refusal as unreadable:
        return Outlook(unreadable, None, against, None, counted.audience, counted.at)
    refusal, given, judged = _judge(draft, policy, record, at)
    change = comparing.compare_draft(session(), against, draft.text) if against else None
    plan = _plan(policy, given, counted.audience.email, at)
    seen = Outlook(refusal, change, against, judged, counted.audience, counted.at, given, plan)
    return seen if refusal else replace(seen, refusal=_period_not_kept(seen, tell_first=tell_first))


def _counted(record: History, at: datetime, *, live: bool) -> Counted:
    """Who would be told, as counted now, or a moment ago: ten million are not counted at every keystroke."""
    kept: dict[int, Counted] = current_app.extensions.setdefault("gazette counts", {})
    found = kept.get(record.policy.id or 0)
    if not live or found is None or not timedelta() <= at - found.at < FRESH:
        found = Counted(at, headcount.before_publishing(session(), record, secret=runtime().secret, now=at))
        kept[record.policy.id or 0] = found
    return found


def _plan(policy: Policy, given: Publication | None, letters: int, at: datetime) -> arithmetic.Plan | None:
    return deadlines.of_draft(session(), runtime(), policy, given, letters, now=at) if given else None


def _period_not_kept(seen: Outlook, *, tell_first: bool) -> Refusal | None:
    """Where the installation is strict: that the letters cannot leave in time for the day that the draft names."""
    if seen.plan is None or not seen.to_tell(tell_first=tell_first):
        return None
    try:
        arithmetic.check(seen.plan, strict=runtime().settings.strict_effective_date)
    except NoticePeriodNotKept as refusal:
        return refusal
    return None


Judged = tuple[Refusal | None, Publication | None, Judgement | None]


def _judge(draft: Draft, policy: Policy, record: History, at: datetime) -> Judged:
    """What the engine would decide, and why the draft could not be published as it stands.

    A draft without a summary of its own has the one that is proposed.
    """
    try:
        given = drafts.publication(draft, policy)
    except Refusal as malformed:
        return malformed, None, None
    judged = deciding.judge(record.entries, stand_in(given, record, at), partial(comparing.blocks, session()))
    given = replace(given, summary=given.summary or ("" if judged.verdict == "first" else proposed(judged)))
    try:
        archive.check(record, given, now=at)
    except Refusal as refusal:
        return refusal, given, judged
    return None, given, judged


def stand_in(given: Publication, record: History, at: datetime) -> Revision:
    """The row that publishing would write, for the engine to judge and for letters and previews to show."""
    return Revision(
        policy_id=record.policy.id or 0,
        number=len(record.entries) + 1,
        revision_date=str(given.revision_date or dates.of(at, record.policy.zone)),
        text=given.text,
        sha256=chain.sha256(given.text),
        chain="",
        published_at=at,
        effective_at=given.effective_at or at,
        rule=given.rule,
        notice_days=given.notice_days if given.rule == "notice" else 0,
        summary=given.summary,
        controller=given.controller.strip() or None,
        recorded_at=at,
    )
