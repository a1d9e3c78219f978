"""Translations in the administration: added or replaced with the decision shown, and corrected by letter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from database import writing
from errors import LocaleMalformed, Refusal
from notifier import translating
from notifier.audience import Audience, LeftOut, Owed
from policy_versions import archive, comparing, drafts, locales, markdown, policies
from policy_versions import translations as service
from policy_versions.archive import Entry, History
from policy_versions.deciding import Judgement
from policy_versions.diff import Change, redline
from policy_versions.models import Translation, TranslationDecision
from policy_versions.translations import Given
from web.admin import blueprint, findings, four_eyes
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of
from web.public import present

LISTED = 200  # members shown by name


def of_policy(record: History) -> dict[int, list[dict[str, Any]]]:
    """The translations that stand, by revision: each with its decision and its correction."""
    standing: dict[tuple[int, str], tuple[Translation, TranslationDecision | None]] = {}
    for one, made in service.of_policy(session(), record.policy):
        standing[one.revision_id, one.locale] = one, made
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    rows: dict[int, list[dict[str, Any]]] = {}
    for one, made in standing.values():
        row = {
            "row": one,
            "name": locales.name(one.locale),
            "verdict": made.verdict if made else "undecided",
            "url": _page_url(record.policy.slug, numbers[one.revision_id], one),
            "correction": translating.correction(session(), one),
        }
        rows.setdefault(one.revision_id, []).append(row)
    return rows


def _page_url(slug: str, number: int, one: Translation) -> str:
    return url_for("admin.translation", slug=slug, number=number, locale=one.locale, which=one.number)


def _record(slug: str) -> History:
    return archive.history(session(), policies.policy(session(), slug))


# -- adding and replacing -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would follow if the translation were published now; `refusal` says why it would not be."""

    refusal: Refusal | None = None
    replaces: Translation | None = None
    change: Change | None = None
    judged: Judgement | None = None
    counted: Audience | None = None  # who was told in that locale, where it is significant


def outlook(record: History, number: int, given: Given) -> Outlook:
    if not (given.text.strip() or given.locale.strip()):
        return Outlook()
    try:
        entry, locale, standing = service.check(session(), record.policy, number, replace(given, looked_at=None))
    except Refusal as refusal:
        return Outlook(refusal, _standing(record.entry(number), given.locale))
    new = service.stand_in(entry, locale, given, number=standing.number + 1 if standing else 1, now=now())
    judged = service.judge(standing, new)
    change = comparing.compare_translations(standing, new) if standing else None
    significant = judged.verdict == "significant"
    return Outlook(None, standing, change, judged, _counted(record, new) if significant else None)


def _standing(entry: Entry, locale: str) -> Translation | None:
    """The translation into a locale that stands, where the locale is one."""
    try:
        return service.latest(session(), entry.revision).get(locales.canonical(locale))
    except LocaleMalformed:
        return None


def _counted(record: History, one: Translation) -> Audience:
    return translating.counted(session(), record, one, secret=runtime().secret, now=now())


@blueprint.route("/policies/<slug>/<row:number>/translate", methods=["GET", "POST"], endpoint="translate")
def translate(slug: str, number: int) -> str | Response | tuple[str, int]:
    """Show the form; or work out what would follow from what was typed; or publish it."""
    record = _record(slug)
    entry = record.entry(number)
    if request.method != "POST":
        return _form(record, number, _as_it_stands(entry))
    given = _typed(entry)
    try:
        given = _with_file(given)
        if request.form.get("deed") == "publish":
            return _two_persons(entry, record, given) or _publish(slug, number, given)
    except Refusal as refusal:
        session().rollback()  # on SQLite it would still read what was there when the request began
        return _form(_record(slug), number, given, refusal), status_of(refusal)
    return _form(record, number, given)


def _as_it_stands(entry: Entry) -> Given:
    """What the form begins with: the translation that is to be replaced, where a locale is named."""
    standing = _standing(entry, request.args.get("locale", ""))
    if standing is None:
        return Given(request.args.get("locale", "")[: locales.LONGEST], "")
    return Given(standing.locale, standing.text, standing.title or "", standing.number)


def _typed(entry: Entry) -> Given:
    locale = request.form.get("locale", "")
    standing = _standing(entry, locale)
    text = drafts.as_in_source(request.form.get("text", ""), standing)
    return Given(locale, text, request.form.get("title", ""), _looked_at(locale))


def _looked_at(locale: str) -> int:
    """The number of the translation they saw this one against; 0 where they saw none into that locale."""
    seen, number = request.form.get("seen_locale", ""), request.form.get("seen", "")
    known = locales.same(seen, locale.strip()) and number.isascii() and number.isdigit()
    return int(number[:9]) if known else 0


def _with_file(given: Given) -> Given:
    """A file takes the place of what was typed. Raises: TextNotReadable."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return given
    return replace(given, text=markdown.decoded(file.read()))


def _two_persons(entry: Entry, record: History, given: Given) -> Response | None:
    """Where publishing takes two persons, ask the second one; what could not be published is refused now."""
    if not four_eyes.wanted():
        return None
    service.check(session(), record.policy, entry.number, given)
    return four_eyes.asked_to_translate(record.policy, entry.revision, given)


def _publish(slug: str, number: int, given: Given) -> Response:
    with writing(runtime().engine) as own:
        of = policies.lock(own, slug)
        made = service.publish(own, of, number, given, actor=actor(), now=runtime().clock.now(own))
    flash(f"Translation {made.number} of No. {number} into {locales.name(made.locale)} is published.")
    return redirect(_page_url(slug, number, made))


def _form(record: History, number: int, given: Given, refusal: Refusal | None = None) -> str:
    seen = outlook(record, number, given)
    standing = seen.replaces
    shown = refusal or (seen.refusal if given.text.strip() else None)
    return render_template(
        "admin/translate.html",
        page_title=f"Translate No. {number}",
        policy=record.policy,
        revision=present.revision_view(record, record.entry(number), now()),
        own_language=locales.name(record.policy.locale),
        given=given,
        error=str(refusal) if refusal else "",
        error_field=_field(refusal) if refusal else "",
        why_not=str(seen.refusal) if shown and not refusal else "",
        standing=standing,
        language=locales.name(standing.locale) if standing else "",
        direction=locales.direction(given.locale.strip() or "en"),
        outlook=seen,
        decided=findings.of_judgement(seen.judged) if seen.judged else None,
        counts=present.counts(seen.change) if seen.change else None,
        redline=Markup(redline.html(seen.change, context=0)) if seen.change else "",  # noqa: S704
    )


def _field(refusal: Refusal) -> str:
    """The form field that a refusal is about."""
    return getattr(refusal, "field", "" if status_of(refusal) == 409 else "text")


# -- one translation ----------------------------------------------------------------------------


@blueprint.get("/policies/<slug>/<row:number>/translations/<locale>/<row:which>", endpoint="translation")
def translation(slug: str, number: int, locale: str, which: int) -> str:
    """A translation with its decision, its redline, and who was told of its revision in its locale."""
    return _page(slug, number, locale, which)


@blueprint.post(
    "/policies/<slug>/<row:number>/translations/<locale>/<row:which>/correct", endpoint="correct_translation"
)
def correct(slug: str, number: int, locale: str, which: int) -> Response | tuple[str, int]:
    """Send the members who were told in that locale a correction, if their number was typed."""
    try:
        if four_eyes.wanted():
            return _asked_to_correct(_record(slug), number, locale, which)
        with writing(runtime().engine) as own:
            of = policies.lock(own, slug)
            entry = archive.history(own, of).entry(number)
            one = service.find(own, entry.revision, locale, which)
            notice = translating.correct(
                own, of, one, typed=request.form.get("confirm", ""), secret=runtime().secret, actor=actor(),
                now=runtime().clock.now(own),
            )  # fmt: skip
    except Refusal as refusal:
        session().rollback()
        return _page(slug, number, locale, which, refusal), status_of(refusal)
    flash("The correction is due now; its letters leave with the scheduler's next tick.")
    return redirect(url_for("admin.notice", notice_id=notice.id))


def _asked_to_correct(record: History, number: int, locale: str, which: int) -> Response:
    """Ask the second person; what could not be sent is refused now, and the number is typed by both."""
    revision = record.entry(number).revision
    one = service.find(session(), revision, locale, which)
    typed = request.form.get("confirm", "")
    translating.confirmed(session(), record, one, typed=typed, secret=runtime().secret, now=now())
    return four_eyes.asked_to_correct(record.policy, revision, one.locale, which)


def _page(slug: str, number: int, locale: str, which: int, refusal: Refusal | None = None) -> str:
    record = _record(slug)
    entry = record.entry(number)
    one = service.find(session(), entry.revision, locale, which)
    old, made = service.replaced(session(), one), service.decision(session(), one)
    change = comparing.compare_translations(old, one) if old else None
    significant = made is not None and made.verdict == "significant"
    return render_template(
        "admin/translation.html",
        page_title=f"Translation {one.number} of No. {number} into {locales.name(one.locale)}",
        policy=record.policy,
        revision=present.revision_view(record, entry, now()),
        one=one,
        view=present.TranslationView.of(record, entry, one),
        earlier=old,
        standing=service.find(session(), entry.revision, locale),
        own_language=locales.name(record.policy.locale),
        made=made,
        decided=findings.of_record(made) if made else None,
        counts=present.counts(change) if change else None,
        redline=Markup(redline.html(change, context=0)) if change else "",  # noqa: S704
        correction=translating.correction(session(), one),
        why_not=translating.refusal(session(), record, one),
        told=_told(record, one) if significant else None,
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", ""),
        typed=request.form.get("confirm", "").strip()[:40],
    )


def _told(record: History, one: Translation) -> dict[str, Any]:
    """Who was told in the locale: by the host's own key or the pseudonym, never by address."""
    counted = Audience()
    rows: list[dict[str, str]] = []
    for verdict in translating.told(session(), record, one, secret=runtime().secret, now=now()):
        counted.add(verdict)
        if len(rows) < LISTED:
            rows.append(_line(verdict))
    return {"counted": counted, "total": counted.told + counted.left_out.total(), "rows": rows}


def _line(verdict: Owed | LeftOut) -> dict[str, str]:
    member = verdict.member
    return {
        "name": member.external_id or f"erased member {member.id}",
        "locale": member.locale,
        "said": verdict.reason if isinstance(verdict, LeftOut) else "a letter to the guardian"
        if verdict.audience == "guardian" else "a letter",
    }  # fmt: skip
