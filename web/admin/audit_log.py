"""The audit log: who did what, when, from where; narrowed, page by page, and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from flask import Response, render_template, request, url_for
from sqlmodel import Session, col, func, select

from database import writing
from errors import DayMalformed
from notifier import audit_export, exporting, verifications
from notifier.models import Notice
from policy_versions import audit, audit_reading, policies
from policy_versions.audit_reading import Asked, Read
from policy_versions.models import AuditEntry, Revision
from web.addresses import MOST
from web.admin import blueprint, permissions
from web.admin.sign_in import actor
from web.context import runtime, session
from web.errors import status_of

PAGE = 100
CHECKED = 1000  # of the newest entries, whose chain is gone through whenever somebody looks
LONGEST = 200
FIELDS = ("actor", "action", "subject", "since", "until")
_NUMBERED = {"member": "admin.member", "account": "admin.user", "suppression": "admin.suppression"}

Page = str | tuple[str, int]


@blueprint.get("/audit", endpoint="audit")
def audit_log() -> Page:
    typed = _typed(request.args)
    try:
        return _page(_asked(typed), typed)
    except DayMalformed as refusal:
        return _page(Asked(), typed, error=str(refusal)), status_of(refusal)


def _page(asked: Asked, typed: dict[str, str], *, error: str = "") -> str:
    before = request.args.get("before", "")
    behind = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    found = audit_reading.newest(session(), asked, limit=PAGE + 1, before=behind)
    entries = [each.entry for each in found[:PAGE]]
    return render_template(
        "admin/audit.html",
        page_title="Audit log",
        found=found[:PAGE],
        next=entries[-1].id if len(found) > PAGE else None,
        later=behind is not None,
        typed=typed,
        given={name: value for name, value in typed.items() if value},
        error=error,
        error_field="since" if typed["since"] and not _is_day(typed["since"]) else "until",
        actors=audit_reading.known(session(), col(AuditEntry.actor)),
        actions=audit_reading.known(session(), col(AuditEntry.action)),
        count=session().exec(select(func.count()).select_from(AuditEntry)).one(),
        subjects=subjects(session(), entries),
        broken=audit.broken(session(), newest=CHECKED),
        checked=CHECKED,
        last=verifications.last(session()),
    )


def _typed(given: Mapping[str, str]) -> dict[str, str]:
    """What was typed, shortened; what no entry can hold looks for nothing."""
    return {name: "".join(c for c in given.get(name, "")[:LONGEST].strip() if c.isprintable()) for name in FIELDS}


def _asked(typed: dict[str, str]) -> Asked:
    """Raises: DayMalformed."""
    days = {name: _day(typed[name]) for name in ("since", "until")}
    return Asked(typed["actor"], typed["action"], typed["subject"], **days)


def _day(written: str) -> date | None:
    if written and not _is_day(written):
        raise DayMalformed(written)
    return date.fromisoformat(written) if written else None


def _is_day(written: str) -> bool:
    try:
        return len(written) == 10 and 1970 <= date.fromisoformat(written).year <= 9000
    except ValueError:
        return False


# -- what an entry is about ---------------------------------------------------------------------


def subjects(session: Session, entries: Sequence[AuditEntry]) -> dict[str, tuple[str, str]]:
    """What the log's opaque subjects are called, and where they are looked at."""
    found: dict[str, tuple[str, str]] = {}
    titles = {p.id: p for p in policies.policies(session)}
    for policy in titles.values():
        found[f"policy {policy.id}"] = found[f"policy {policy.slug}"] = (policy.title, _policy_url(policy.slug))
    told = _rows(session, Notice, _ids(entries, "notice"))
    revisions = _rows(session, Revision, _ids(entries, "revision") | {each.revision_id for each in told})
    for one in revisions:
        policy = titles[one.policy_id]
        url = f"{_policy_url(policy.slug)}#no-{one.number}"
        found[f"revision {one.id}"] = (f"{policy.title}, No. {one.number}", url)
    for notice in told:
        title, _ = found[f"revision {notice.revision_id}"]
        found[f"notice {notice.id}"] = (f"Notice of {title}", url_for("admin.notice", notice_id=notice.id))
    for kind, endpoint in _NUMBERED.items():
        if permissions.may(endpoint):
            for number in _ids(entries, kind):
                found[f"{kind} {number}"] = (f"{kind.capitalize()} {number}", url_for(endpoint, number=number))
    return found


def _policy_url(slug: str) -> str:
    return url_for("admin.policy", slug=slug)


def _rows(session: Session, table: Any, ids: set[int]) -> Sequence[Any]:
    return session.exec(select(table).where(col(table.id).in_(ids))).all()


def _ids(entries: Sequence[AuditEntry], kind: str) -> set[int]:
    """The numbers of the subjects of a kind: 7 of "revision 7"."""
    words = (entry.subject.split(" ") for entry in entries)
    named = (each[1] for each in words if len(each) == 2 and each[0] == kind)
    return {int(number) for number in named if number.isascii() and number.isdigit() and int(number) <= MOST}


# -- as a file ----------------------------------------------------------------------------------


@blueprint.post("/audit", endpoint="export_audit")
def export() -> Response | tuple[str, int]:
    """The entries that are looked for, as CSV, streamed as they are read."""
    typed, engine = _typed(request.form), runtime().engine
    try:
        asked = _asked(typed)
    except DayMalformed as refusal:
        return _page(Asked(), typed, error=str(refusal)), status_of(refusal)
    session().close()  # the export has a session of its own, for as long as it is read
    with writing(engine) as own:
        audit_export.note(own, asked, actor=actor(), now=runtime().clock.now(own))

    def pieces() -> Iterator[str]:
        with exporting.steady(engine) as own:
            yield from audit_export.export(own, asked)

    answer = Response(pieces(), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="audit-log.csv")
    return answer


def where(found: Read) -> str:
    """Where a deed came from, in words."""
    return f"{found.door}, {found.address}" if found.address else found.door


blueprint.add_app_template_filter(where, "where_from")
