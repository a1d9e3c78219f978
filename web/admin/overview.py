"""The dashboard: what needs a person, what is going out, what comes next; and the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import render_template
from sqlmodel import col, func, select

from notifier import members, progress
from notifier.models import Member, Notice, Tick
from policy_versions import archive, audit, dates, policies
from policy_versions.models import AuditEntry, DueDecision, Policy, Revision
from web.admin import blueprint
from web.context import now, runtime, session
from web.public import present

SILENT_AFTER = timedelta(minutes=5)


@blueprint.get("/", endpoint="overview")
def overview() -> str:
    records = [archive.history(session(), p) for p in policies.policies(session())]
    return render_template(
        "admin/overview.html",
        page_title="Overview",
        today=dates.day_label(now(), dates.zone("UTC")),
        needs=_needs(),
        scheduler=_scheduler(),
        sending=[n for n in progress.all_notices(session()) if n.notice.state in ("sending", "scheduled")],
        rows=[present.index_row(record, None, now()) for record in records],
        coming=_coming(records),
        members=_members(),
        broken=[r.policy.title for r in records if archive.broken_link(r) is not None],
        audit_broken=audit.broken(session()),
    )


def _members() -> int:
    return session().exec(select(func.count()).select_from(Member).where(members.retained(now()))).one()


def _needs() -> list[dict[str, Any]]:
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
            "deed": "Look",
        }
        for due, revision, policy in failing
    ]
    held = session().exec(
        select(Notice, Revision, Policy)
        .join(Revision, col(Revision.id) == Notice.revision_id)
        .join(Policy, col(Policy.id) == Notice.policy_id)
        .where(col(Notice.state).in_(("waiting", "paused")))
    )
    needs += [
        {
            "kind": notice.state,
            "sentence": f"The notice of {policy.title}, No. {revision.number}, is {notice.state}. {notice.why}",
            "follows": "No letter leaves until somebody goes on with it.",
            "url": f"/admin/notices/{notice.id}",
            "deed": "Look",
        }
        for notice, revision, policy in held
    ]
    return needs


def _scheduler() -> dict[str, Any]:
    """When the scheduler last ticked, and whether it has gone silent."""
    ticks = session().exec(select(Tick).order_by(col(Tick.ticked_at).desc())).all()
    last = ticks[0].ticked_at if ticks else None
    allowed = SILENT_AFTER + timedelta(seconds=runtime().settings.tick_seconds * 2)
    return {
        "last": last,
        "silent": last is None or now() - last > allowed,
        "errors": [(tick.job, tick.error) for tick in ticks if tick.error],
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
        "admin/audit.html", page_title="Audit log", entries=entries, broken=audit.broken(session())
    )
