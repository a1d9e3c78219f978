"""The public pages: read only, without cookies, the same for everybody."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, redirect, render_template, request, url_for
from sqlmodel import select
from werkzeug.wrappers import Response as BaseResponse

from errors import NoSuchRevision, NoSuchTranslation, NothingInForce, Refusal
from policy_versions import archive, comparing, diff, locales, policies, translations
from policy_versions.archive import Entry, History
from policy_versions.diff import Change, redline
from policy_versions.models import Policy, Translation
from web.context import now, runtime, session
from web.errors import status_of
from web.public import asking, blueprint, described, lasting, moved, news, present, redlined, timeline, turns
from web.public.asking import Asked
from web.serving.lately import lately

Answer = BaseResponse | tuple[str, int]


@blueprint.app_context_processor
def shared() -> dict[str, Any]:
    """What every page has: the company, and its policies to go to."""
    settings = runtime().settings
    return {
        "company": settings.company_name,
        "company_address": settings.company_address,
        "contact_email": settings.contact_email,
        "nav": _nav(),
        "footer_links": [{"title": "All policies", "url": "/"}],
    }


def _nav() -> list[dict[str, object]]:
    here = request.path
    return [
        {"title": p.title, "url": url, "current": here == url or here.startswith(f"{url}/")}
        for p in lately("policies going on", _going_on)[:6]
        for url in (present.home(p),)
    ]


def _going_on() -> list[Policy]:
    """The policies that readers can read, but for those retired."""
    ended = moved.ended()
    return [p for p in policies.published(session()) if (p.id or 0) not in ended]


def _record(slug: str, *, whole: bool = True) -> History:
    """whole: else the texts that a page does not show are not fetched."""
    return archive.history(session(), moved.here(slug), whole=whole)


def _whole(policy: Policy) -> Policy | None:
    return session().get(Policy, policy.part_of_id) if policy.part_of_id else None


@blueprint.get("/")
def index() -> str:
    by_id, ended = {p.id or 0: p for p in policies.published(session())}, moved.ended()
    rows = [
        (number, present.index_row(archive.history(session(), p), by_id.get(p.part_of_id or 0), now()))
        for number, p in by_id.items()
    ]
    described.of_list("Policies")
    return render_template(
        "public/index.html",
        policies=[row for number, row in rows if number not in ended],
        ended=[(row, by_id[number].zone, ended[number]) for number, row in rows if number in ended],
        page_title="Policies",
    )


@blueprint.get("/<slug>")
def policy(slug: str) -> str:
    record = _record(slug, whole=False)
    current = record.in_force(now())
    if current is None:
        coming = record.upcoming(now())
        if not coming:
            raise NothingInForce
        current = coming[0]
    return _text(record, current, is_current=True)


@blueprint.get("/<slug>/")
def slashed(slug: str) -> BaseResponse:
    """A policy's address as some people type it."""
    return redirect(present.home(policies.policy(session(), slug)), 301)


@blueprint.get("/<slug>/<which>")
def revision(slug: str, which: str) -> str:
    record = _record(slug, whole=False)
    return _text(record, _entry(record, which), is_current=False)


def _entry(record: History, which: str) -> Entry:
    if which.isascii() and which.isdigit() and len(which) < 4:
        return record.entry(int(which))
    return record.entry(archive.by_name(session(), record.policy, which).number)


def _text(record: History, entry: Entry, *, is_current: bool) -> str:
    coming = present.upcoming(record, now()) if is_current else []
    fresh = news.in_force(record.policy) if is_current else None
    whole = _whole(record.policy)
    described.of_text(record, entry, whole, is_current=is_current)
    return present.text_page(record, entry, whole, now(), is_current=is_current, upcoming=coming, fresh=fresh)


@blueprint.get("/<slug>.md")
def current_markdown(slug: str) -> Response:
    record = _record(slug, whole=False)
    entry = record.in_force(now())
    if entry is None:
        raise NothingInForce
    return _markdown(entry)


@blueprint.get("/<slug>/<which>.md")
def revision_markdown(slug: str, which: str) -> Response:
    return _markdown(_entry(_record(slug, whole=False), which))


def _markdown(entry: Entry) -> Response:
    answer = Response(entry.revision.text, mimetype="text/markdown")
    answer.set_etag(entry.revision.sha256)
    return answer


# -- translations -------------------------------------------------------------------------------


@blueprint.get("/<slug>/<which>/<locale>")
@blueprint.get("/<slug>/<which>/<locale>/<row:number>")
def translation(slug: str, which: str, locale: str, number: int | None = None) -> str | BaseResponse:
    """A revision in another language: the translation that stands, or one by its number."""
    record = _record(slug)
    entry = _entry(record, which)
    if number is None and locales.same(locale, record.policy.locale):
        return redirect(f"{present.home(record.policy)}/{entry.number}")
    found = translations.find(session(), entry.revision, locale, number)
    address = present.translation_url(record.policy, entry, found.locale, number)
    if found.locale != locale:
        return redirect(address, 301)
    described.of_translation(record.policy, entry, found, address)
    return present.translation_page(record, entry, found, _whole(record.policy), now())


@blueprint.get("/<slug>/<which>/<locale>.md")
@blueprint.get("/<slug>/<which>/<locale>/<row:number>.md")
def translation_markdown(slug: str, which: str, locale: str, number: int | None = None) -> Response:
    found = translations.find(session(), _entry(_record(slug), which).revision, locale, number)
    answer = Response(found.text, mimetype="text/markdown")
    answer.set_etag(found.sha256)
    return answer


@blueprint.get("/<slug>/<which>/<locale>/compare/<pair>")
def translation_comparison(slug: str, which: str, locale: str, pair: str) -> str:
    """What changed from one translation of a revision to another."""
    record = _record(slug)
    entry = _entry(record, which)
    old, new = _translations(entry, locale, pair)
    with turns.taken(old, new):
        change = comparing.compare_translations(old, new)
    title = f"What changed in the translation of {record.policy.title}"
    described.of_comparison(record.policy, request.path, title)
    return render_template(
        "public/translation_compare.html",
        page_title=f"What changed in the translation of {record.policy.title}",
        policy=present.PolicyView.of(record.policy, _whole(record.policy)),
        revision=present.revision_view(record, entry, now()),
        old=present.TranslationView.of(record, entry, old),
        new=present.TranslationView.of(record, entry, new),
        own_language=locales.name(record.policy.locale),
        counts=present.counts(change),
        changes=[block.id for block in change.numbered],
        sections=redlined.sections(change),
        redline=redlined.html(change),
    )


def _translations(entry: Entry, locale: str, pair: str) -> tuple[Translation, Translation]:
    """The translations that an address such as 1..2 names. Raises: NoSuchTranslation."""
    first, dots, second = pair.partition("..")
    if not (dots and all(n.isascii() and n.isdigit() and len(n) < 6 for n in (first, second))):
        raise NoSuchTranslation(entry.number, locale)
    old, new = (translations.find(session(), entry.revision, locale, int(n)) for n in (first, second))
    return old, new


@blueprint.get("/<slug>/history")
def history(slug: str) -> str:
    return _history(_record(slug), asking.NOTHING)


def _history(record: History, asked: Asked) -> str:
    """The history, with what was asked of it and could not be answered."""
    view = timeline.history_view(record, archive.filings(session(), record.policy), now())
    described.of_history(record.policy)
    options = [(e.number, f"No. {e.number}, {e.revision.date.label}") for e in record.entries]
    return render_template(
        "public/history.html",
        page_title=f"History of {record.policy.title}",
        policy=present.PolicyView.of(record.policy, _whole(record.policy)),
        years=view.years,
        scale=view.scale,
        facts=timeline.facts(record, now()),
        lead=timeline.lead(record),
        options=options,
        asked=asked,
        compare_action=url_for("public.pick", slug=record.policy.slug),
        on_action=url_for("public.on", slug=record.policy.slug),
    )


@blueprint.get("/<slug>/compare")
def pick(slug: str) -> Answer:
    """The form on the history page: two numbers, sent on to the comparison's own address."""
    record, found = _record(slug), []
    for field in ("from", "to"):
        try:
            found.append(_entry(record, asking.picked(request.args, field)))
        except Refusal as refusal:
            return _again(record, field, refusal)
    return redirect(present.compare_url(record.policy, found[0].number, found[1].number))


@blueprint.get("/<slug>/on")
def on(slug: str) -> Answer:
    """Which text was in force on a day: the one that was at its end."""
    record = _record(slug)
    try:
        entry = asking.in_force_on(record, request.args.get("on", ""))
    except Refusal as refusal:
        return _again(record, "on", refusal)
    return redirect(f"{present.home(record.policy)}/{entry.number}")


def _again(record: History, field: str, refusal: Refusal) -> tuple[str, int]:
    """The history once more, with what was asked and why it cannot be answered."""
    return _history(record, Asked(request.args, field, str(refusal))), status_of(refusal)


@blueprint.get("/<slug>/compare/<pair>.<any(json, txt, md):form>")
def comparison_as(slug: str, pair: str, form: str) -> Response:
    """The same redline for programs: as data, plain text, or Markdown with ins and del."""
    record = _record(slug, whole=False)
    old, new = _pair(record, pair)
    etag = f"{diff.ENGINE}-{old.revision.sha256[:20]}-{new.revision.sha256[:20]}-{old.number}-{new.number}-{form}"
    known = request.if_none_match.contains(etag)  # then nothing need be compared
    answer = Response(status=304) if known else _as(form, slug, old, new)
    answer.set_etag(etag)
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _as(form: str, slug: str, old: Entry, new: Entry) -> Response:
    change = _change(old, new)
    if form == "json":
        return jsonify(policy=slug, old=_named(old), new=_named(new), **change.to_json())
    if form == "txt":
        return Response(redline.text(change), mimetype="text/plain")
    return Response(redline.markdown(change), mimetype="text/markdown")


def _change(old: Entry, new: Entry) -> Change:
    """Raises: TooManyComparisons, ComparisonsBusy."""
    with turns.taken(old.revision, new.revision):
        return comparing.compare(session(), old.revision, new.revision)


def _named(entry: Entry) -> dict[str, object]:
    revision = entry.revision
    return {"number": entry.number, "date": revision.revision_date, "sha256": revision.sha256}


def _pair(record: History, pair: str) -> tuple[Entry, Entry]:
    """The revisions that an address such as 3..5 names. Raises: NoSuchRevision."""
    first, dots, second = pair.partition("..")
    if not dots:
        raise NoSuchRevision(pair)
    return _entry(record, first), _entry(record, second)


@blueprint.get("/<slug>/compare/<pair>")
def comparison(slug: str, pair: str) -> str:
    record = _record(slug, whole=False)
    old, new = _pair(record, pair)
    first, _, second = pair.partition("..")
    change = _change(old, new)
    side = request.args.get("view") == "side"
    view = present.PolicyView.of(record.policy, _whole(record.policy))
    here = present.compare_url(record.policy, first, second)
    lasts = present.compare_url(record.policy, old.number, new.number)
    described.of_comparison(record.policy, lasts, f"What changed in {view.title}")
    change = redlined.without_title(change, view.title)
    previous = record.before(new.number)
    adjacent = previous is not None and previous.number == old.number
    return render_template(
        "public/compare.html",
        page_title=f"What changed in {view.title}",
        policy=view,
        old=present.revision_view(record, old, now()),
        new=present.revision_view(record, new, now()),
        verdict=new.verdict if adjacent else None,
        summary=new.revision.summary if adjacent else "",
        counts=present.counts(change),
        sections=redlined.sections(change),
        redline=redlined.html(change, side=side),
        view="side_by_side" if side else "inline",
        inline_url=here,
        side_url=f"{here}?view=side",
        forms=[
            (words, lasting.redline_url(record.policy, old.revision, new.revision, form))
            for words, form in (("plain text", "txt"), ("Markdown", "md"), ("JSON", "json"))
        ],
        changes=[block.id for block in change.numbered],
        same=change.is_empty,
        reverse_url=present.compare_url(record.policy, second, first),
    )  # fmt: skip


@blueprint.get("/health")
def health() -> tuple[dict[str, str], dict[str, str]]:
    """Whether the service answers and reaches its database."""
    session().exec(select(1)).one()
    return {"status": "ok"}, {"Cache-Control": "no-store"}
