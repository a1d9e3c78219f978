"""What needs a person: each a sentence, what follows if nobody acts, and one deed. The dashboard lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from flask import url_for
from sqlalchemy import and_, or_
from sqlmodel import col, select

from notifier import arithmetic, canary, progress
from notifier.models import Attempt, Batch, Notice
from notifier.progress import Line
from policy_versions import reopening
from policy_versions.archive import Entry, History
from policy_versions.models import Policy, Revision
from web.admin import alive, decisions, reports
from web.admin import needs_decided as decided
from web.admin.needs_decided import Need, title
from web.context import now, session

JUST_OVER = timedelta(days=3)  # bounces of a notice that is complete go on coming in


def of(records: Sequence[History]) -> list[Need]:
    """All of it, the most urgent first."""
    lines = progress.all_notices(session(), progress.OPEN)
    over = progress.all_notices(session(), ("complete",), completed_since=now() - JUST_OVER)
    return [
        *_jobs(),
        *_refused(lines),
        *_bouncing([*lines, *over]),
        *_reviews(records),
        *_held(records),
        *_unknown(lines),
        *decided.of(records),
        *(Need(**each) for each in reports.needs()),
    ]


# -- what fails ---------------------------------------------------------------------------------


def _jobs() -> Iterator[Need]:
    for job, error in alive.errors():
        yield Need(
            "failing",
            f"The scheduler’s job “{job}” failed: {error}",
            "It is tried again at every tick.",
            url_for("admin.settings"),
            "See the settings",
        )


def _refused(lines: Sequence[Line]) -> Iterator[Need]:
    """Notices whose sender refuses what it is given."""
    for line in lines:
        if line.notice.state == "sending" and line.notice.failures:
            many = line.notice.failures
            yield Need(
                "failing",
                f"The last {'request' if many == 1 else f'{many:,} requests'} of {line.title}, No. {line.number}, "
                f"{'was' if many == 1 else 'were'} not taken{_because(line.notice)}",
                "It is tried again after a while, and after more failures in a row the notice pauses.",
                url_for("admin.notice", notice_id=line.notice.id, _anchor="requests"),
                "See the requests",
            )


def _because(notice: Notice) -> str:
    """What the sender said last."""
    said = session().exec(
        select(Attempt.said)
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(Batch.notice_id == notice.id, col(Attempt.state).in_(("not_sent", "refused")))
        .order_by(col(Attempt.id).desc())
        .limit(1)
    )
    sentence = said.first()
    return f": {sentence.rstrip('.')}." if sentence else "."


def _bouncing(lines: Sequence[Line]) -> Iterator[Need]:
    """Notices of which more letters came back than a good list loses."""
    for line in lines:
        back, sent = line.progress.states.get("bounced", 0), line.progress.sent
        if sent >= canary.LEAST and back >= canary.BOUNCED * sent:
            yield Need(
                "failing",
                f"{100 * back / sent:.1f} % of the letters of {line.title}, No. {line.number}, came back: "
                f"{back:,} of {sent:,}.",
                "These members get the site notice. A provider may stop taking letters when so many come back.",
                url_for("admin.notice", notice_id=line.notice.id, state="bounced", _anchor="deliveries"),
                "See who",
                "Bouncing",
            )


# -- notices ------------------------------------------------------------------------------------


def _reviews(records: Sequence[History]) -> Iterator[Need]:
    """Notices that leave by themselves unless a person decides otherwise, the next first."""
    entries = {entry.revision.id: (record, entry) for record in records for entry in record.entries}
    waiting = select(Notice).where(Notice.state == "scheduled", Notice.why == "", col(Notice.due_at) > now())
    for notice in session().exec(waiting.order_by(col(Notice.due_at))):
        record, entry = entries[notice.revision_id]
        decision = url_for("admin.decision", slug=record.policy.slug, number=entry.number)
        is_change = notice.kind == "change" and entry.verdict != "first"
        yield Need(
            "scheduled",
            _leaving(notice, record, entry, is_change=is_change),
            " ".join([f"{_left(notice)} left.", *(_finding(entry) if is_change else [])]),
            decision if is_change else url_for("admin.notice", notice_id=notice.id),
            "Review" if is_change else "See the notice",
            "Review window",
        )


def _leaving(notice: Notice, record: History, entry: Entry, *, is_change: bool) -> str:
    leaves = decisions.leaves(notice, record.policy.zone)
    if is_change:
        return (
            f"{title(record.policy, entry.number)}, was decided {entry.verdict}. "
            f"Letters leave {leaves} unless this is overruled."
        )
    what = "A correction" if notice.kind == "correction" else "The notice"
    return f"{what} of {title(record.policy, entry.number)}, leaves {leaves}."


def _left(notice: Notice) -> str:
    return arithmetic.lasting_words(notice.due_at - now())


def _finding(entry: Entry) -> list[str]:
    """The weightiest finding of a decision, in its own words; none where it has none."""
    findings = entry.decision.findings if entry.decision else []
    said = sorted((each for each in findings if each.get("reason")), key=lambda each: -each.get("level", 0))
    return [f"Finding: {each['reason']}" for each in said[:1]]


def _held(records: Sequence[History]) -> Iterator[Need]:
    """Notices that wait for a person, are paused, or could not open."""
    cannot_open = and_(col(Notice.state) == "scheduled", col(Notice.why) != "")
    held = session().exec(
        select(Notice, Revision, Policy)
        .join(Revision, col(Revision.id) == Notice.revision_id)
        .join(Policy, col(Policy.id) == Notice.policy_id)
        .where(or_(col(Notice.state).in_(("waiting", "paused")), cannot_open))
    )
    reopened = {e.revision.id: one.because_id for r in records for e, one in reopening.all_reopened(session(), r)}
    for notice, revision, policy in held:
        if notice.held_by_id is not None and notice.held_by_id == reopened.get(revision.id):
            continue  # the decision that is open again says it already
        yield Need(
            notice.state,
            f"The notice of {title(policy, revision.number)}, is {notice.state}. {notice.why}",
            "It is tried again every few minutes."
            if notice.state == "scheduled"
            else "No letter leaves until somebody goes on with it.",
            url_for("admin.notice", notice_id=notice.id),
            "See the notice",
        )


def _unknown(lines: Sequence[Line]) -> Iterator[Need]:
    """Letters of which nobody knows whether they left."""
    for line in lines:
        letters = line.progress.states.get("unknown", 0)
        if letters:
            yield Need(
                "unknown",
                f"Of {'1 letter' if letters == 1 else f'{letters:,} letters'} of {line.title}, No. {line.number}, "
                f"nobody knows whether {'it' if letters == 1 else 'they'} left.",
                "Reports of them settle most within the hour; what settles the others stands beside each.",
                url_for("admin.notice", notice_id=line.notice.id, _anchor="doubts"),
                "Settle",
            )
