"""Notices in the administration: what is going out, to whom, what came of it, what a person can do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import render_template, request, url_for
from sqlmodel import col, select

from errors import Refusal
from notifier import arithmetic, control, deadlines, mending, progress, recalling, said, specimen
from notifier import notices as service
from notifier.models import Notice
from notifier.progress import Progress
from policy_versions import archive, locales
from policy_versions.archive import Entry, History
from policy_versions.models import AuditEntry, Policy, Translation
from web.admin import blueprint, decisions, notice_deliveries, notice_progress
from web.context import now, runtime, session
from web.public import present

TOLD = ("delivered", "accepted")
DOUBTFUL = ("unknown", "sending")
TYPED = ("reason", "due", "address", "letter")  # fields of the page's own forms


class Reckoned(NamedTuple):
    """Members of a notice by whether they were told; the site notice tells whoever it is shown to."""

    told: int
    doubtful: int
    untold: int

    @classmethod
    def of(cls, counted: Progress) -> Reckoned:
        told, doubtful = (sum(counted.states.get(state, 0) for state in some) for some in (TOLD, DOUBTFUL))
        return cls(told, doubtful, counted.total - told - doubtful)


@blueprint.get("/notices", endpoint="notices")
def index() -> str:
    return render_template("admin/notices.html", page_title="Notices", notices=progress.all_notices(session()))


@blueprint.get("/notices/<row:notice_id>", endpoint="notice")
def notice(notice_id: int) -> str:
    return page(notice_id)


def page(notice_id: int, refusal: Refusal | None = None) -> str:
    """A notice's page; with what was typed into one of its forms, where that was refused."""
    found, record, entry = about(notice_id)
    policy = record.policy
    counted, going = progress.of(session(), found), notice_progress.shown(found)
    return render_template(
        "admin/notice.html",
        **{**going, "whole": True},
        **notice_progress.drawn(found, going),
        **notice_deliveries.listed(found),
        **_forms(found, record, counted),
        page_title=title(found, record, entry),
        policy=policy,
        public_url=present.home(policy),
        number=entry.number,
        entry=entry,
        summary=present.said(entry),
        translation=_translation(found, policy.slug, entry.number),
        leaves=decisions.leaves(found, policy.zone),
        left_out=progress.left_out(session(), found),
        attempts=progress.doubtful(session(), found),
        happened=_happened(found),
        deadline=_deadline(found, record, entry, counted),
        reckoned=Reckoned.of(counted),
        untold=control.untold(entry.revision.rule),
        others=_others(found),
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", "reason") if refusal else "",
        typed={name: request.form.get(name, "")[:600] for name in TYPED},
    )


def about(notice_id: int) -> tuple[Notice, History, Entry]:
    """A notice with its policy's record and the revision it tells of. Raises: NoSuchNotice."""
    found = service.by_id(session(), notice_id)
    record = archive.history(session(), session().get_one(Policy, found.policy_id))
    return found, record, next(e for e in record.entries if e.revision.id == found.revision_id)


def title(found: Notice, record: History, entry: Entry) -> str:
    what = "Correction to the translation of" if found.translation_id else "Notice of"
    if found.kind == "correction" and not found.translation_id:
        what = "Correction to"
    return f"{what} {record.policy.title}, No. {entry.number}"


def _forms(found: Notice, record: History, counted: Progress) -> dict[str, Any]:
    """Which deeds there are for a notice as it stands, and what their forms offer."""
    local = found.due_at.astimezone(record.policy.zone)
    return {
        "can_cancel": found.state in control.CANCELLABLE,
        "can_schedule": found.state == "scheduled",
        "can_recall": _can_recall(found),
        "failed": counted.states.get("failed", 0) if _can_retry(found) else 0,
        "specimens": [(key(one), _name(one)) for one in specimen.specimens(session(), found, record)],
        "due": f"{local:%Y-%m-%dT%H:%M}",
        "longest_reason": said.LONGEST_REASON,
    }


def _can_recall(found: Notice) -> bool:
    try:
        recalling.check(session(), found)
    except Refusal:
        return False
    return True


def _can_retry(found: Notice) -> bool:
    try:
        mending.check(session(), found)
    except Refusal:
        return False
    return True


def key(one: specimen.Specimen) -> str:
    """How a form names a letter."""
    return f"{one.base or 0} {one.audience} {one.locale}"


def _name(one: specimen.Specimen) -> str:
    knew = f"who know No. {one.base}" if one.base else "who know no text yet"
    whom = "Guardians of members" if one.audience == "guardian" else "Members"
    return f"{whom} {knew}, {locales.name(one.locale)}"


def _deadline(found: Notice, record: History, entry: Entry, counted: Progress) -> list[str]:
    """What the pace means for the notice period, of a notice that still has letters to send."""
    unopened = found.opened_at is None
    left = (found.expected_audience or 0) if unopened else counted.left
    if not left or found.state not in control.CANCELLABLE:
        return []
    plan = deadlines.of_notice(session(), runtime(), found, record, entry, left, now=now())
    sentences = arithmetic.sentences(plan)
    return sentences if unopened else sentences[1:]  # how fast it goes is said with its progress


def _others(found: Notice) -> list[tuple[str, str]]:
    """The notice that this one puts right, and the one that puts this one right."""
    after = session().exec(select(Notice.id).where(Notice.replaces_id == found.id)).first()
    links = []
    if found.replaces_id is not None:
        links.append(("The recalled notice that it puts right", found.replaces_id))
    if after is not None:
        links.append(("The notice that puts it right", after))
    return [(name, url_for("admin.notice", notice_id=which)) for name, which in links]


def _translation(notice: Notice, slug: str, number: int) -> dict[str, str] | None:
    """The translation whose correction a notice is, by name and address."""
    if notice.translation_id is None:
        return None
    one = session().get_one(Translation, notice.translation_id)
    return {
        "name": locales.name(one.locale),
        "url": url_for("admin.translation", slug=slug, number=number, locale=one.locale, which=one.number),
    }


# -- what happened ------------------------------------------------------------------------------

_DEEDS = {
    "notice opened": "Opened; {members:,} to be told.",
    "notice opened again": "Opened again, for the members it had.",
    "notice paused": "Paused by {actor}.",
    "notice resumed": "{actor} went on with it.",
    "notice sent at once": "{actor} ended the wait: sent at once.",
    "notice cancelled": "Cancelled by {actor}.",
    "notice scheduled again": "Scheduled again by a decision of {actor}.",
    "notice rescheduled": "{actor} gave it another time.",
    "notice recalled": "Recalled by {actor}; notice {by} puts it right.",
    "failed letters sent again": "{actor} had failed letters sent again: {letters:,}.",
    "test letter sent": "{actor} sent themselves a test letter: {outcome}.",
}


def _happened(notice: Notice) -> list[tuple[datetime, str]]:
    """What was done with a notice, in order; by whom is in the audit log."""
    lines = (
        [(notice.created_at, _began(notice))] if notice.translation_id is None else []
    )  # a person did: see below
    about_it = AuditEntry.subject == f"notice {notice.id}"
    for entry in session().exec(select(AuditEntry).where(about_it).order_by(col(AuditEntry.id))):
        lines.append((entry.recorded_at, _deed(entry)))
    if notice.completed_at:
        lines.append((notice.completed_at, "Complete."))
    return sorted(lines, key=lambda line: line[0])


def _began(notice: Notice) -> str:
    if notice.replaces_id is not None:
        return f"Scheduled by the recall of notice {notice.replaces_id}."
    return "Scheduled by the decision." if notice.kind == "change" else "Scheduled by the withdrawal."


def _deed(entry: AuditEntry) -> str:
    if entry.action == "notice paused" and "because" in entry.detail:
        return f"Paused by a decision of {entry.actor}."
    if entry.action == "request settled":
        word = "was sent" if entry.detail.get("sent") else "was not, and is sent again"
        return f"{entry.actor} said of request {entry.detail.get('attempt')} that it {word}."
    given = {"letters": 0, "by": "", "outcome": "", **entry.detail}
    members = given["letters"] + entry.detail.get("site", 0)
    said_so = _DEEDS.get(entry.action, "{action}.")
    return said_so.format(
        **{**given, "actor": entry.actor, "members": members, "action": entry.action.capitalize()}
    )


def review_words() -> str:
    """How long a new notice waits before it opens, in words."""
    window = runtime().settings.review_window
    return arithmetic.lasting_words(window) if window > timedelta() else ""


from web.admin import controls, trials  # noqa: E402 -- their routes show this page

ROUTES = (controls, trials)
