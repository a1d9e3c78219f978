"""What a second person is shown of a request, and what is done when they confirm it: each kind of deed in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from flask import request, url_for
from markupsafe import Markup
from sqlmodel import Session

from errors import NoSuchDraft
from notifier import control, notices, translating
from policy_versions import archive, dates, drafts, locales, policies, translations
from policy_versions.diff import redline
from policy_versions.models import Draft, Policy, Revision
from policy_versions.translations import Given
from web.admin import findings, foreseen, typed
from web.context import now as this_instant
from web.context import session
from web.four_eyes import ReleaseRequest
from web.public import present

Done = tuple[str, str]  # what to say, and where to go


class Shown(NamedTuple):
    """What a page shows of what would be done."""

    facts: list[tuple[str, str]]
    links: list[tuple[str, str]]
    decided: Any = None
    redline: Markup = Markup("")
    counts: Any = None
    text: str = ""  # where there is nothing to compare it with
    to_tell: int = 0  # members, whose number the person types
    against: str = ""  # why it could not be done now


def shown(asked: ReleaseRequest, policy: Policy, at: datetime) -> Shown:
    return _SHOWN[asked.kind](asked, policy, at)


def release(own: Session, asked: ReleaseRequest, *, by: str, now: datetime) -> Done:
    """Do what was asked for. by: both persons. Raises: whatever stands against it, and then nothing is done."""
    return _RELEASED[asked.kind](own, asked, by=by, now=now)


# -- a text -------------------------------------------------------------------------------------


def _outlook(asked: ReleaseRequest, draft: Draft, policy: Policy, at: datetime) -> foreseen.Outlook:
    return foreseen.outlook(draft, policy, at, tell_first=bool(asked.payload["tell_first"]))


def _draft_shown(asked: ReleaseRequest, policy: Policy, at: datetime) -> Shown:
    draft = drafts.by_id(session(), asked.subject_id)
    seen = _outlook(asked, draft, policy, at)
    effective = draft.effective or "as soon as it is published"
    rule = f"by notice, {draft.notice_days} days" if draft.rule == "notice" else f"by {draft.rule}"
    return Shown(
        facts=[
            ("Revision date", draft.revision_date or "the day it is published"),
            ("In force from", effective),
            ("Comes to apply", rule),
            ("Summary", asked.payload["summary"] or "none"),
            *([("Becomes responsible", draft.controller)] if draft.controller else []),
            ("Members who would be told", f"{seen.to_tell(tell_first=bool(asked.payload['tell_first'])):,}"),
        ],
        links=[("As readers will see it", url_for("admin.preview", draft_id=draft.id))],
        decided=findings.of_judgement(seen.judged) if seen.judged else None,
        redline=Markup(redline.html(seen.change, context=0)) if seen.change else Markup(""),  # noqa: S704
        counts=present.counts(seen.change) if seen.change else None,
        text="" if seen.change else draft.text,
        to_tell=seen.to_tell(tell_first=bool(asked.payload["tell_first"])),
        against=str(seen.refusal or ""),
    )


def _draft_released(own: Session, asked: ReleaseRequest, *, by: str, now: datetime) -> Done:
    """Raises: AudienceDiffers, NoSuchDraft, DraftChanged, and as `archive.publish`."""
    draft = own.get(Draft, asked.subject_id)
    if draft is None:
        raise NoSuchDraft
    policy = own.get_one(Policy, asked.policy_id)
    seen = _outlook(asked, draft, policy, this_instant())
    if seen.refusal is not None:
        raise seen.refusal
    expected = typed.number(seen.to_tell(tell_first=bool(asked.payload["tell_first"])))
    given = replace(
        drafts.publication(draft, policy),
        summary=asked.payload["summary"],
        tell_first=bool(asked.payload["tell_first"]),
        expected_audience=expected,
    )
    made = archive.publish(own, policies.lock(own, policy.slug), given, actor=by, now=now)
    drafts.discard(own, asked.subject_id, version=draft.version)
    said = f"No. {made.number} of {policy.title} is published. The scheduler decides it within seconds."
    return said, url_for("admin.policy", slug=policy.slug)


# -- a notice -----------------------------------------------------------------------------------


def _notice_shown(asked: ReleaseRequest, policy: Policy, _at: datetime) -> Shown:
    found = notices.by_id(session(), asked.subject_id)
    facts = [("It is", found.state), ("Because", found.why or "it waits to be overruled")]
    if found.expected_audience:
        facts.append(("Members it was confirmed for", f"{found.expected_audience:,}"))
    facts.append(("Due", dates.day_label(found.due_at, policy.zone)))
    return Shown(facts, [("The notice", url_for("admin.notice", notice_id=asked.subject_id))])


def _resumed(own: Session, asked: ReleaseRequest, *, by: str, now: datetime) -> Done:
    control.resume(own, asked.subject_id, actor=by, now=now)
    return "The notice goes on.", url_for("admin.notice", notice_id=asked.subject_id)


def _sent_now(own: Session, asked: ReleaseRequest, *, by: str, now: datetime) -> Done:
    control.send_now(own, asked.subject_id, actor=by, now=now)
    said = "The notice is due now; its letters leave with the scheduler's next tick."
    return said, url_for("admin.notice", notice_id=asked.subject_id)


# -- a translation ------------------------------------------------------------------------------


def _given(asked: ReleaseRequest) -> Given:
    said = asked.payload
    return Given(said["locale"], said["text"], said["title"], said["looked_at"])


def _translation_shown(asked: ReleaseRequest, policy: Policy, _at: datetime) -> Shown:
    given = _given(asked)
    title = given.title or "as the text's"
    facts = [("Language", locales.name(given.locale)), ("Title", title)]
    facts.append(("Takes the place of", f"translation {given.looked_at}" if given.looked_at else "none"))
    at = url_for("public.revision", slug=policy.slug, which=asked.payload["number"])
    return Shown(facts, [("The text it translates", at)], text=given.text)


def _translated(own: Session, asked: ReleaseRequest, *, by: str, now: datetime) -> Done:
    policy = policies.lock(own, own.get_one(Policy, asked.policy_id).slug)
    number = asked.payload["number"]
    made = translations.publish(own, policy, number, _given(asked), actor=by, now=now)
    said = f"Translation {made.number} of No. {number} into {locales.name(made.locale)} is published."
    return said, _translation_url(policy, number, made.locale, made.number)


def _translation_url(policy: Policy, number: int, locale: str, which: int) -> str:
    return url_for("admin.translation", slug=policy.slug, number=number, locale=locale, which=which)


def _correction_shown(asked: ReleaseRequest, policy: Policy, at: datetime) -> Shown:
    from web.context import runtime

    said = asked.payload
    record = archive.history(session(), policy)
    one = translations.find(session(), record.entry(said["number"]).revision, said["locale"], said["which"])
    counted = translating.counted(session(), record, one, secret=runtime().secret, now=at).email
    where = _translation_url(policy, said["number"], said["locale"], said["which"])
    return Shown([("Letters", f"{counted:,}")], [("The translation", where)], to_tell=counted)


def _corrected(own: Session, asked: ReleaseRequest, *, by: str, now: datetime) -> Done:
    from web.context import runtime

    said = asked.payload
    policy = policies.lock(own, own.get_one(Policy, asked.policy_id).slug)
    revision = own.get_one(Revision, asked.subject_id)
    one = translations.find(own, revision, said["locale"], said["which"])
    number = request.form.get("confirm", "")
    notice = translating.correct(own, policy, one, typed=number, secret=runtime().secret, actor=by, now=now)
    told = "The correction is due now; its letters leave with the scheduler's next tick."
    return told, url_for("admin.notice", notice_id=notice.id)


_SHOWN: dict[str, Callable[[ReleaseRequest, Policy, datetime], Shown]] = {
    "publish": _draft_shown,
    "resume": _notice_shown,
    "send now": _notice_shown,
    "translate": _translation_shown,
    "correct": _correction_shown,
}
_RELEASED: dict[str, Callable[..., Done]] = {
    "publish": _draft_released,
    "resume": _resumed,
    "send now": _sent_now,
    "translate": _translated,
    "correct": _corrected,
}
