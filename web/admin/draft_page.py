"""The publish form as it is shown: everything in it worked out, with whatever was typed and refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from flask import jsonify, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from errors import DateMalformed, DraftChanged, NoSuchDraft, Refusal
from notifier import deadlines, reckoning
from notifier.reckoning import Promise
from policy_versions import archive, dates, drafts, earlier_drafts, markdown, presence
from policy_versions.diff import redline
from policy_versions.drafts import DraftFields
from policy_versions.models import LEAST_NOTICE_DAYS, Draft, Policy
from web import filters
from web.admin import clashes, draft_letters, drafting, findings, foreseen, typed
from web.admin.foreseen import Outlook
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of
from web.public import present

CARRIED = ("confirm", "notice_days", "address", "member")  # typed, and not (or not so) in the draft


def page(found: Draft, refusal: Refusal | None = None, *, live: bool = False, loose: bool = False) -> str:
    """The form. live: asked for by the script while somebody types. loose: what it holds is kept nowhere."""
    policy, asked = session().get_one(Policy, found.policy_id), drafting.tell_first()
    record = archive.history(session(), policy)
    seen = foreseen.outlook(found, policy, now(), tell_first=asked, live=live)
    number = len(record.entries) + 1
    return render_template(
        "admin/draft.html",
        page_title=f"Publish {policy.title}, No. {number}",
        policy=policy,
        draft=found,
        number=number,
        follows=record.last_number,
        error=str(refusal) if refusal else "",
        error_field=field_of(refusal, found),
        loose=loose,
        clash=clashes.of(found, policy) if isinstance(refusal, DraftChanged) else None,
        outlook=seen,
        decided=findings.of_judgement(seen.judged) if seen.judged else None,
        refusal_field=field_of(seen.refusal, found),
        summary=_summary(found, seen, is_typed=refusal is not None or loose),
        tell_first=asked,
        to_tell=seen.to_tell(tell_first=asked),
        typed={name: request.form.get(name, "").strip()[: drafting.LONGEST_NAME] for name in CARRIED},
        **_reckoned(found, policy, seen),
        **_compared(found, seen),
        letter=draft_letters.view(found, policy, seen),
        own_address=draft_letters.own_address(),
        others=presence.others(session(), found.id or 0, actor(), now=now()),
        earlier=len(earlier_drafts.of_draft(session(), found.id or 0)),
        started_from=drafts.source_of(session(), found),
        at=now(),
        kept=_kept(found, policy),
    )


def _kept(found: Draft, policy: Policy) -> str:
    """When the draft was kept: the time of day, where it was today."""
    at, today = found.saved_at.astimezone(policy.zone), now().astimezone(policy.zone).date()
    when = f"at {at:%H:%M}" if at.date() == today else filters.instant(at, policy.zone)
    return f"Kept {when} by {found.saved_by}"


def _summary(found: Draft, seen: Outlook, *, is_typed: bool) -> str:
    """What stands in the summary's field: what was typed, else what is proposed."""
    return found.summary if found.summary or is_typed else seen.proposal


def _reckoned(found: Draft, policy: Policy, seen: Outlook) -> dict[str, Any]:
    """Dates and the sum of part 8, in words."""
    minutes = int(runtime().settings.review_window.total_seconds()) // 60
    waits = f"{minutes} minutes after the decision, in which it can be overruled." if minutes else ""
    plan = seen.plan
    first = deadlines.gate(runtime(), plan.letters) if plan else ""
    return {
        "review_minutes": minutes,
        "sum": reckoning.rows(plan, waits=waits, first=first) if plan else [],
        "promise": _promise(found, seen),
        "labels": _labels(found),
        "earliest": dates.day_label(_earliest(found, policy), policy.zone),
        "least_days": LEAST_NOTICE_DAYS,
    }


def _promise(found: Draft, seen: Outlook) -> Promise | None:
    """Whether the day that the draft names can be kept, where it names one and its letters would go out."""
    tells = seen.plan is not None and seen.to_tell(tell_first=drafting.tell_first())
    return reckoning.promise(seen.plan) if tells and seen.plan and found.effective else None


def _compared(found: Draft, seen: Outlook) -> dict[str, Any]:
    """The text and its redline, with what there is to count in them."""
    change, against = seen.change, seen.against
    return {
        "against": {"number": against.number, "date_label": against.date.label} if against else None,
        "redline": Markup(redline.html(change, context=0)) if change else "",  # noqa: S704
        "counts": present.counts(change) if change else None,
        "words": len(found.text.split()),
        "sections": sum(heading.level == 2 for heading in markdown.outline(found.text)),
    }


def _earliest(found: Draft, policy: Policy) -> datetime:
    """The first day on which everybody told today could be under the text, by its rule."""
    period = timedelta(days=found.notice_days if found.rule == "notice" else 0)
    return dates.day_begun_after(now() + period, policy.zone)


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
    "AddressMalformed": "address",
    "NoSuchMember": "member",
    "TooManyTries": "address",
    "IntoThePast": "effective",
    "BeforeEarlierRevision": "effective",
    "NoticePeriodNotKept": "effective",
    "NoticePeriodTooShort": "notice_days",
    "Invalid": "notice_days",
    "DraftChanged": "",
    "AnotherTextSince": "",
}


def field_of(refusal: Refusal | None, found: Draft) -> str:
    """The form field that a refusal is about: it gets the red bar, and the summary on top leads to it."""
    if refusal is None:
        return ""
    if isinstance(refusal, DateMalformed):
        return "effective" if found.effective and not _labels(found)["effective"] else "revision_date"
    named = _FIELD_OF.get(type(refusal).__name__)
    return named if named is not None else getattr(refusal, "field", "text")


# -- what was typed, and not taken --------------------------------------------------------------


def refused(draft_id: int, given: DraftFields, refusal: Refusal) -> Response | tuple[str, int]:
    """The form with what was typed; where the draft is gone meanwhile, what was typed alone."""
    session().rollback()  # the draft may have gone since the request began to read
    try:
        found = as_typed(draft_id, given)
    except NoSuchDraft as gone:
        refusal = gone
    if drafting.wants_json():
        return _refused_script(refusal)
    if isinstance(refusal, NoSuchDraft):
        return typed.page(given, refusal, policy_slug=request.form.get("policy", ""))
    return page(found, refusal), status_of(refusal)


def _refused_script(refusal: Refusal) -> Response:
    answer = jsonify(sentence=str(refusal), changed=isinstance(refusal, DraftChanged))
    answer.status_code = status_of(refusal)
    return answer


def as_typed(draft_id: int, given: DraftFields) -> Draft:
    """The draft with what the person typed in it, so that a refusal loses nothing. Raises: NoSuchDraft."""
    found = drafts.by_id(session(), draft_id)
    session().expunge(found)
    found.version = drafting.version_seen()  # no press of a button may overwrite what they have not seen
    for name in typed.FIELDS:
        if name != "notice_days":
            setattr(found, name, getattr(given, name))
    found.text = drafts.as_in_source(given.text, drafts.source_of(session(), found))
    if given.notice_days.isascii() and given.notice_days.isdigit():
        found.notice_days = int(given.notice_days[:4])
    return found
