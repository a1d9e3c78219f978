"""The publish form: one page from text to confirmation, which shows everything before anything leaves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from database import writing
from errors import AudienceDiffers, DateMalformed, DraftChanged, NoSuchDraft, NoticePeriodNotKept, Refusal
from notifier import arithmetic, audience, deadlines, headcount
from policy_versions import archive, chain, comparing, dates, deciding, drafts, markdown, policies
from policy_versions.archive import History, Publication
from policy_versions.deciding import Judgement
from policy_versions.diff import Change, redline
from policy_versions.drafts import DraftFields
from policy_versions.models import LEAST_NOTICE_DAYS, DecisionRecord, Draft, Policy, Revision
from web.admin import blueprint, findings, typed
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of
from web.public import present


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would follow if the draft were published now; `refusal` says why it would not be."""

    refusal: Refusal | None
    change: Change | None
    against: Revision | None
    judged: Judgement | None
    counted: audience.Audience
    plan: arithmetic.Plan | None = (
        None  # how long its letters take; None where the draft says not what it would be
    )

    def to_tell(self, *, tell_first: bool) -> int:
        """How many members would be told, by letter or site notice; of a first text only where that is asked."""
        verdict = self.judged.verdict if self.judged else ""
        tells = verdict == "significant" or (verdict == "first" and tell_first)
        return self.counted.told if tells else 0


def outlook(draft: Draft, policy: Policy, at: datetime, *, tell_first: bool | None = None) -> Outlook:
    """What would follow. tell_first: whether a notice of a first text is asked for; None: as the form says."""
    record = archive.history(session(), policy)
    counted = headcount.before_publishing(session(), record, secret=runtime().secret, now=at)
    current = record.in_force(at) or record.latest()
    against = current.revision if current else None
    try:
        markdown.check(draft.text)
    except Refusal as unreadable:
        return Outlook(unreadable, None, against, None, counted)
    refusal, judged = _judge(draft, policy, record, at)
    change = comparing.compare_draft(session(), against, draft.text) if against else None
    seen = Outlook(refusal, change, against, judged, counted, _plan(draft, policy, counted.email, at))
    asked = _tell_first() if tell_first is None else tell_first
    return seen if refusal else replace(seen, refusal=_period_not_kept(seen, tell_first=asked))


def _plan(draft: Draft, policy: Policy, letters: int, at: datetime) -> arithmetic.Plan | None:
    try:
        given = drafts.publication(draft, policy)
    except Refusal:
        return None
    return deadlines.of_draft(session(), runtime(), policy, given, letters, now=at)


def _period_not_kept(seen: Outlook, *, tell_first: bool) -> Refusal | None:
    """Where the installation is strict: that the letters cannot leave in time for the day that the draft names."""
    if seen.plan is None or not seen.to_tell(tell_first=tell_first):
        return None
    try:
        arithmetic.check(seen.plan, strict=runtime().settings.strict_effective_date)
    except NoticePeriodNotKept as refusal:
        return refusal
    return None


def _judge(draft: Draft, policy: Policy, record: History, at: datetime) -> tuple[Refusal | None, Judgement | None]:
    """What the engine would decide, and why the draft could not be published as it stands."""
    try:
        given = drafts.publication(draft, policy)
    except Refusal as malformed:
        return malformed, None
    stand_in = _stand_in(given, record, at)
    judged = deciding.judge(record.entries, stand_in, partial(comparing.blocks, session()))
    try:
        archive.check(record, given, now=at)
    except Refusal as refusal:
        return refusal, judged
    return None, judged


def _stand_in(given: Publication, record: History, at: datetime) -> Revision:
    """The row that publishing would write, for the engine to judge."""
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
        recorded_at=at,
    )


@blueprint.route("/drafts/<row:draft_id>", methods=["GET", "POST"], endpoint="draft")
def draft(draft_id: int) -> str | Response | tuple[str, int]:
    """Show the form; or do what its button says: work it out, keep, publish, throw away."""
    if request.method == "GET":
        return _form(drafts.by_id(session(), draft_id))
    deed = request.form.get("deed", "work")
    if deed == "discard":
        return _discard(draft_id)
    given = typed.fields()
    try:
        _save(draft_id, given)
        if deed == "publish":
            return _publish(draft_id)
        if deed == "summary":
            _take_summary(draft_id)
    except Refusal as refusal:
        return _again(draft_id, given, refusal)
    if deed == "keep":
        flash("The draft is kept. Nothing is public.")
    anchor = {"work": "changes", "summary": "summary"}.get(deed)
    asked = "yes" if _tell_first() else None
    return redirect(url_for("admin.draft", draft_id=draft_id, tell_first=asked, _anchor=anchor))


def _tell_first() -> bool:
    """Whether a notice of a first text is asked for: no part of the draft, so the form carries it along."""
    given = request.form if request.method == "POST" else request.args
    return given.get("tell_first") == "yes"


def _save(draft_id: int, given: DraftFields) -> None:
    """In a transaction of its own: what was typed is kept even where publishing is refused."""
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        drafts.save(own, draft_id, given, version=_opened(), actor=actor(), now=instant)
    session().rollback()  # on SQLite it would still read what was there when the request began


def _take_summary(draft_id: int) -> None:
    """Put what the engine would say into the draft's own summary, where that is empty."""
    found = drafts.by_id(session(), draft_id)
    judged = outlook(found, session().get_one(Policy, found.policy_id), now()).judged
    if found.summary or judged is None:
        return
    given = DraftFields(
        found.text, found.revision_date, found.effective, found.rule, str(found.notice_days), judged.summary
    )
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        drafts.save(own, draft_id, given, version=found.version, actor=actor(), now=instant)
    session().rollback()


def _opened() -> int:
    """The version of the draft that the person has before them."""
    version = request.form.get("version", "")
    return int(version[:9]) if version.isascii() and version.isdigit() else 0


def _again(draft_id: int, given: DraftFields, refusal: Refusal) -> tuple[str, int]:
    """The form with what was typed; where the draft is gone meanwhile, what was typed alone."""
    session().rollback()  # the draft may have gone since the request began to read
    try:
        return _form(_as_given(draft_id, given, refusal), refusal), status_of(refusal)
    except NoSuchDraft as gone:
        return typed.page(given, gone, policy_slug=request.form.get("policy", ""))


def _as_given(draft_id: int, given: DraftFields, refusal: Refusal) -> Draft:
    """The draft with what the person typed in it, so that a refusal loses nothing."""
    found = drafts.by_id(session(), draft_id)
    session().expunge(found)
    if isinstance(refusal, DraftChanged):
        found.version = _opened()  # another press of the button must not overwrite what they have not seen
    for name in typed.FIELDS:
        if name != "notice_days":
            setattr(found, name, getattr(given, name))
    found.text = drafts.as_in_source(given.text, drafts.source_of(session(), found))
    if given.notice_days.isascii() and given.notice_days.isdigit():
        found.notice_days = int(given.notice_days[:4])
    return found


def _publish(draft_id: int) -> Response:
    """Publish in one transaction with the due decision, if the number typed is the number that would be told."""
    at = now()
    found = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, found.policy_id)
    given = drafts.publication(found, policy)
    archive.check(archive.history(session(), policy), given, now=at)
    seen = outlook(found, policy, at)
    if seen.refusal is not None:
        raise seen.refusal
    expected = _confirmed(seen)
    with writing(runtime().engine) as own:
        locked = policies.lock(own, policy.slug)
        instant = runtime().clock.now(own)
        publication = replace(given, expected_audience=expected, tell_first=_tell_first())
        made = archive.publish(own, locked, publication, actor=actor(), now=instant)
        drafts.discard(own, draft_id)
    flash(f"No. {made.number} of {policy.title} is published. The scheduler decides it within seconds.")
    return redirect(url_for("admin.policy", slug=policy.slug))


def _confirmed(seen: Outlook) -> int | None:
    """The number the publisher typed, where anybody would be told. Raises: AudienceDiffers."""
    telling = seen.to_tell(tell_first=_tell_first())
    if not telling:
        return None
    typed = request.form.get("confirm", "").strip().replace(",", "")
    if typed != str(telling):
        raise AudienceDiffers(request.form.get("confirm", "").strip()[:40], telling)
    return telling


def _discard(draft_id: int) -> Response:
    with writing(runtime().engine) as own:
        policy = drafts.throw_away(own, draft_id, actor=actor(), now=runtime().clock.now(own))
    flash("The draft is thrown away.")
    return redirect(url_for("admin.policy", slug=policy.slug))


def _form(found: Draft, refusal: Refusal | None = None) -> str:
    policy = session().get_one(Policy, found.policy_id)
    seen = outlook(found, policy, now())
    record = archive.history(session(), policy)
    return render_template(
        "admin/draft.html",
        page_title=f"Publish {policy.title}, No. {len(record.entries) + 1}",
        policy=policy,
        draft=found,
        number=len(record.entries) + 1,
        error=str(refusal) if refusal else "",
        error_field=_field(refusal, found),
        is_changed_since=isinstance(refusal, DraftChanged),
        outlook=seen,
        decided=findings.of_judgement(seen.judged) if seen.judged else None,
        arithmetic=_arithmetic(seen),
        review_minutes=int(runtime().settings.review_window.total_seconds()) // 60,
        refusal_field=_field(seen.refusal, found),
        tell_first=_tell_first(),
        to_tell=seen.to_tell(tell_first=_tell_first()),
        typed={name: request.form.get(name, "").strip()[:40] for name in ("confirm", "notice_days")},
        labels=_labels(found),
        against=_against(seen),
        redline=Markup(redline.html(seen.change, context=0)) if seen.change else "",  # noqa: S704
        counts=present.counts(seen.change) if seen.change else None,
        words=len(found.text.split()),
        sections=sum(h.level == 2 for h in markdown.outline(found.text)),
        earliest=dates.day_label(_earliest(found, policy), policy.zone),
        least_days=LEAST_NOTICE_DAYS,
        started_from=drafts.source_of(session(), found),
    )


def _arithmetic(seen: Outlook) -> list[str]:
    """How long the letters take, and whether the notice period holds for all: in words, where anybody is told."""
    if seen.plan is None or not seen.to_tell(tell_first=_tell_first()):
        return []
    first = deadlines.gate(runtime(), seen.plan.letters)
    return [*arithmetic.sentences(seen.plan), *([first] if first else [])]


def _earliest(found: Draft, policy: Policy) -> datetime:
    """The first day on which everybody told today could be under the text, by its rule."""
    from datetime import timedelta

    period = timedelta(days=found.notice_days if found.rule == "notice" else 0)
    return dates.day_begun_after(now() + period, policy.zone)


def _against(seen: Outlook) -> dict[str, Any] | None:
    if seen.against is None:
        return None
    return {"number": seen.against.number, "date_label": seen.against.date.label}


def _labels(found: Draft) -> dict[str, str]:
    """The dates as readers will see them; nothing for one that is empty or malformed."""
    said = {"revision_date": "", "effective": ""}
    with suppress(DateMalformed):
        said["revision_date"] = dates.RevisionDate.parse(found.revision_date).label
    with suppress(DateMalformed):
        said["effective"] = dates.RevisionDate.parse(str(dates.parse_day(found.effective))).label
    return said


_FIELD_OF = {
    "AudienceDiffers": "confirm",
    "IntoThePast": "effective",
    "BeforeEarlierRevision": "effective",
    "NoticePeriodTooShort": "notice_days",
    "Invalid": "notice_days",
    "DraftChanged": "",
}


def _field(refusal: Refusal | None, found: Draft) -> str:
    """The form field that a refusal is about: it gets the red bar, and the summary on top leads to it."""
    if refusal is None:
        return ""
    if isinstance(refusal, DateMalformed):
        return "effective" if found.effective and not _labels(found)["effective"] else "revision_date"
    return getattr(refusal, "field", _FIELD_OF.get(type(refusal).__name__, "text"))


@blueprint.get("/drafts/<row:draft_id>/preview", endpoint="preview")
def preview(draft_id: int) -> str:
    """The draft exactly as readers would see it."""
    found = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, found.policy_id)
    markdown.check(found.text)
    given = drafts.publication(found, policy)
    record = archive.history(session(), policy)
    row = _stand_in(given, record, now())
    row.summary = found.summary
    first = DecisionRecord(revision_id=0, verdict="first", decided_at=now(), recorded_at=now())
    entry = archive.Entry(row, None, None if record.latest() else first)
    whole = session().get(Policy, policy.part_of_id) if policy.part_of_id else None
    return present.text_page(
        archive.History(policy, (*record.entries, entry)), entry, whole, now(), is_current=True, upcoming=[]
    )
