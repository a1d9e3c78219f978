"""The dashboard: what needs a person, what is going out, what comes next; and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import render_template, url_for
from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, func, select

from notifier import members, progress
from notifier.models import Member, Notice, Tick
from policy_versions import archive, audit, dates, drafts, locales, overruling, policies, reopening
from policy_versions.models import AuditEntry, DueDecision, DueTranslation, Policy, Revision, Translation
from web.admin import blueprint, decisions, evidence, quarantine, reports
from web.context import now, runtime, session
from web.public import present

SILENT_AFTER = timedelta(minutes=5)


@blueprint.get("/", endpoint="overview", strict_slashes=False)
def overview() -> str:
    records = [archive.history(session(), p) for p in policies.policies(session())]
    return render_template(
        "admin/overview.html",
        page_title="Overview",
        today=f"{now():%A} {dates.day_label(now(), dates.zone('UTC'))}",
        year=str(now().year),
        quarantine=quarantine.standing(),
        needs=[*_to_decide(records), *_needs(records), *_translations(), *reports.needs()],
        undecided=session().exec(select(func.count()).where(DueDecision.failures == 0)).one(),
        scheduler=_scheduler(),
        sending=progress.all_notices(session(), ("sending", "scheduled")),
        leaves=_leaves(records),
        rows=[_row(record) for record in records],
        coming=_coming(records),
        members=_members(),
        revisions=sum(len(record.entries) for record in records),
        broken=[r.policy.title for r in records if archive.broken_link(r) is not None],
        audit_broken=audit.broken(session()),
        unproved=evidence.failing(),
    )


def _row(record: archive.History) -> dict[str, Any]:
    """A policy in the list: its texts, its drafts, and when members were last told of a change."""
    told = select(func.max(Notice.opened_at)).where(Notice.policy_id == record.policy.id, Notice.kind == "change")
    return {
        "slug": record.policy.slug,
        "view": present.index_row(record, None, now()),
        "drafts": len(drafts.of_policy(session(), record.policy)),
        "told": session().exec(told).one(),
    }


def _members() -> int:
    return session().exec(select(func.count()).select_from(Member).where(members.retained(now()))).one()


def _leaves(records: list[archive.History]) -> dict[int | None, dict[str, str]]:
    """Of each scheduled notice, by its id: until when it waits, and the verdict on its revision."""
    zones = {record.policy.id: record.policy.zone for record in records}
    verdicts = {entry.revision.id: entry.verdict for record in records for entry in record.entries}
    return {
        notice.id: {
            "until": decisions.leaves(notice, zones[notice.policy_id]),
            "verdict": verdicts[notice.revision_id],
        }
        for notice in session().exec(select(Notice).where(Notice.state == "scheduled"))
    }


def _to_decide(records: list[archive.History]) -> list[dict[str, Any]]:
    """What a person is to decide: decisions open again, and proposals that take a second person."""
    needs = []
    for record in records:
        for entry, opened in reopening.all_reopened(session(), record):
            needs.append(
                _decide(record, entry, "Re-opened")
                | {
                    "sentence": f"{record.policy.title}, No. {entry.number}, stands as {entry.verdict}. "
                    f"An earlier text was decided otherwise, and the engine would now say {opened.verdict}.",
                    "follows": "Its decision stands until a person confirms or changes it.",
                }
            )
        for entry, proposal in overruling.all_waiting(session(), record):
            needs.append(
                _decide(record, entry, "Proposed")
                | {
                    "sentence": f"{proposal.proposed_by} proposes to decide {record.policy.title}, "
                    f"No. {entry.number}, {proposal.verdict}, level {proposal.level}.",
                    "follows": "It is at level 4, so it takes a second person to confirm.",
                }
            )
    return needs


def _decide(record: archive.History, entry: archive.Entry, word: str) -> dict[str, Any]:
    url = url_for("admin.decision", slug=record.policy.slug, number=entry.number)
    return {"kind": "waiting", "text": word, "url": url, "deed": "See the decision"}


def _needs(records: list[archive.History]) -> list[dict[str, Any]]:
    """What waits for a person: undecided revisions the engine failed on, notices that wait or are paused."""
    failing = session().exec(
        select(DueDecision, Revision, Policy)
        .join(Revision, col(Revision.id) == DueDecision.revision_id)
        .join(Policy, col(Policy.id) == Revision.policy_id)
        .where(DueDecision.failures > 0)
    )
    needs = [
        {
            "kind": "undecided",
            "sentence": f"{policy.title}, No. {revision.number}, could not be decided: {due.error}",
            "follows": "Held as significant until it is decided; the scheduler tries again.",
            "url": f"/admin/policies/{policy.slug}",
            "deed": "See the policy",
        }
        for due, revision, policy in failing
    ]
    held = session().exec(
        select(Notice, Revision, Policy)
        .join(Revision, col(Revision.id) == Notice.revision_id)
        .join(Policy, col(Policy.id) == Notice.policy_id)
        .where(or_(col(Notice.state).in_(("waiting", "paused")), _cannot_open()))
    )
    reopened = {e.revision.id: one.because_id for r in records for e, one in reopening.all_reopened(session(), r)}
    needs += [
        {
            "kind": notice.state,
            "sentence": f"The notice of {policy.title}, No. {revision.number}, is {notice.state}. {notice.why}",
            "follows": "It is tried again every few minutes."
            if notice.state == "scheduled"
            else "No letter leaves until somebody goes on with it.",
            "url": f"/admin/notices/{notice.id}",
            "deed": "See the notice",
        }
        for notice, revision, policy in held
        if notice.held_by_id is None or notice.held_by_id != reopened.get(revision.id)  # which says it already
    ]
    return needs


def _translations() -> list[dict[str, Any]]:
    """Translations that the engine failed on."""
    failing = session().exec(
        select(DueTranslation, Translation, Revision, Policy)
        .join(Translation, col(Translation.id) == DueTranslation.translation_id)
        .join(Revision, col(Revision.id) == Translation.revision_id)
        .join(Policy, col(Policy.id) == Revision.policy_id)
        .where(DueTranslation.failures > 0)
    )
    return [
        {
            "kind": "undecided",
            "sentence": f"{policy.title}, No. {revision.number}: translation {one.number} into "
            f"{locales.name(one.locale)} could not be decided: {due.error}",
            "follows": "No correction of it can be sent until it is decided; the scheduler tries again.",
            "url": url_for(
                "admin.translation", slug=policy.slug, number=revision.number, locale=one.locale, which=one.number
            ),
            "deed": "See the translation",
        }
        for due, one, revision, policy in failing
    ]


def _cannot_open() -> ColumnElement[bool]:
    """A notice that is scheduled and says why is one that could not be opened."""
    return and_(col(Notice.state) == "scheduled", col(Notice.why) != "")


def _scheduler() -> dict[str, Any]:
    """When the scheduler last ticked, and whether it has gone silent."""
    ticks = session().exec(select(Tick).order_by(col(Tick.ticked_at).desc())).all()
    last = ticks[0].ticked_at if ticks else None
    allowed = SILENT_AFTER + timedelta(seconds=runtime().settings.tick_seconds * 2)
    return {
        "last": last,
        "silent": last is None or now() - last > allowed,
        "errors": [(t.job, t.error) for t in ticks if t.error and now() - t.ticked_at <= allowed],
    }


def _coming(records: list[archive.History]) -> list[dict[str, Any]]:
    rows = [
        {
            "at": entry.revision.effective_at,
            "day": dates.day_label(entry.revision.effective_at, record.policy.zone),
            "what": f"{record.policy.title}, No. {entry.number}, in force",
            "verdict": entry.verdict,
        }
        for record in records
        for entry in record.upcoming(now())
    ]
    return sorted(rows, key=lambda row: row["at"])


@blueprint.get("/audit", endpoint="audit")
def audit_log() -> str:
    entries = session().exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(500)).all()
    return render_template(
        "admin/audit.html",
        page_title="Audit log",
        entries=entries,
        count=session().exec(select(func.count()).select_from(AuditEntry)).one(),
        subjects=_subjects(entries),
        broken=audit.broken(session()),
    )


def _subjects(entries: Sequence[AuditEntry]) -> dict[str, tuple[str, str]]:
    """What the log's opaque subjects are called, and where they are looked at."""
    titles = {p.id: (p.title, url_for("admin.policy", slug=p.slug)) for p in policies.policies(session())}
    said = {f"policy {number}": of for number, of in titles.items()}
    named = _ids(entries, "notice")
    told = {n.id: n for n in session().exec(select(Notice).where(col(Notice.id).in_(named)))}
    wanted = _ids(entries, "revision") | {notice.revision_id for notice in told.values()}
    for revision in session().exec(select(Revision).where(col(Revision.id).in_(wanted))):
        title, url = titles[revision.policy_id]
        said[f"revision {revision.id}"] = (f"{title}, No. {revision.number}", f"{url}#no-{revision.number}")
    for notice in told.values():
        title, _ = said[f"revision {notice.revision_id}"]
        said[f"notice {notice.id}"] = (f"Notice of {title}", url_for("admin.notice", notice_id=notice.id))
    return said


def _ids(entries: Sequence[AuditEntry], kind: str) -> set[int]:
    """The numbers of the subjects of a kind: 7 of "revision 7"."""
    split = (entry.subject.split(" ") for entry in entries)
    return {int(words[1]) for words in split if len(words) == 2 and words[0] == kind and words[1].isdigit()}
