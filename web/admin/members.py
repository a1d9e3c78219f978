"""Members in the administration: found and listed, one on a page of their own, and what can be done with one.

A key or an address that is looked for comes by POST, and pages are named by the pseudonym, so that neither stands
in a log or in a browser's history.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from database import forget_erased, writing
from errors import ErasureNotConfirmed, Invalid, NoSuchMember, Refusal
from notifier import dossier, exporting, guardians, outbox, revocations, searching, standing
from notifier.models import Member
from notifier.searching import PAGE, Which
from policy_versions import audit, locales, policies
from web.admin import blueprint, member_shown
from web.admin import outbox as mailbox
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of

LONGEST_LOCALE, LONGEST_DATE = 35, 40
Page = str | tuple[str, int]
Answer = Page | BaseResponse


# -- found, and listed --------------------------------------------------------------------------


@blueprint.get("/members", endpoint="members")
def index() -> str:
    which, locale = _which(), request.args.get("locale", "")[:LONGEST_LOCALE]
    locale = locale if locale.isprintable() else ""  # PostgreSQL would not look for a NUL
    after = request.args.get("after", "")
    behind = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
    some = searching.page(session(), which, locale=locale, after=behind, limit=PAGE + 1, now=now())
    return _list(
        some[:PAGE],
        which=which.value,
        locale=locale,
        after=behind,
        next=some[PAGE - 1].id if len(some) > PAGE else None,
    )


def _which() -> Which:
    try:
        return Which(request.args.get("which", Which.ALL))
    except ValueError:
        return Which.ALL


@blueprint.post("/members", endpoint="find_members")
def find() -> Page:
    try:
        found = searching.find(session(), request.form.get("who", ""), secret=runtime().secret)
    except Invalid as refusal:
        return _list([], error=str(refusal), found=True), status_of(refusal)
    return _list(found, found=True)


def _list(some: list[Member], **given: Any) -> str:
    """found: these were looked for, and are no page of the list. error, error_at: of the search, of a date.

    policy, at: as typed for everybody's standing.
    """
    shown: dict[str, Any] = {"which": Which.ALL.value, "locale": "", "after": 0, "next": None}
    shown |= {"error": "", "error_at": "", "found": False, "policy": "", "at": f"{now():%Y-%m-%d}"}
    return render_template(
        "admin/members.html",
        page_title="Members",
        rows=[(member, standing_of(member)) for member in some],
        choices=[(each.value, each.value.capitalize()) for each in Which],
        policies=[(each.slug, each.title) for each in policies.published(session())],
        longest=searching.LONGEST,
        most=PAGE,
        **{**shown, **given},
    )


def standing_of(member: Member) -> str:
    """Whether what is personal of a member is retained, in a word."""
    if member.erased_at is not None:
        return "erased"
    lapsed = member.retained_until is not None and member.retained_until <= now()
    return "lapsed" if lapsed else "retained"


@blueprint.post("/members/standing", endpoint="export_standing")
def export_standing() -> Answer:
    """The standing of all members by a policy at a date, streamed as it is worked out."""
    slug, engine, instant = request.form.get("policy", "")[:100], runtime().engine, now()
    typed = request.form.get("at", "")
    try:
        at = exporting.instant(typed)
    except Invalid as refusal:
        return _list([], error_at=str(refusal), policy=slug, at=typed[:LONGEST_DATE]), status_of(refusal)
    policies.policy(session(), slug)
    session().close()  # the export has a session of its own, for as long as it is read
    with writing(engine) as own:
        exporting.note_standing(own, slug, at, actor=actor(), now=runtime().clock.now(own))

    def pieces() -> Iterator[str]:
        with exporting.steady(engine) as own:
            yield from exporting.of_everyone(own, slug, at, now=instant)

    answer = Response(pieces(), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"standing-{slug}-{at:%Y-%m-%d}.csv")
    return answer


# -- one of them --------------------------------------------------------------------------------


@blueprint.get("/members/<row:number>", endpoint="member")
def member(number: int) -> str:
    return _page(number)


def _page(number: int, *, error: str = "", field: str = "", address: bool = False) -> str:
    """error: of a form on the page. address: whether addresses are shown whole."""
    found = dossier.by_id(session(), number)
    whole = dossier.of_member(session(), found, secret=runtime().secret, now=now())
    return render_template(
        "admin/member.html",
        page_title=found.external_id or f"Erased member {found.id}",
        member=found,
        whole=whole,
        standing=standing_of(found),
        language=locales.name(found.locale),
        chart=member_shown.chart(whole.lines, now()),
        lines=member_shown.shown(whole, now()),
        last_told=member_shown.last_told(whole),
        in_folder=mailbox.holds,
        shown=(lambda given: given) if address else member_shown.masked,
        whole_address=address,
        on_a_day=_on_a_day(found),
        error=error,
        error_field=field,
    )


def _on_a_day(found: Member) -> dict[str, Any] | None:
    """What governed at a time that was asked for."""
    written = request.args.get("at", "").strip()
    if not written:
        return None
    try:
        at = exporting.instant(written)
        answers = [
            (each.title, standing.of_member(session(), found, each.slug, at, now=now()))
            for each in policies.published(session())
        ]
    except Invalid as refusal:
        return {"written": written[:40], "error": str(refusal), "answers": []}
    return {"written": written, "error": "", "answers": answers, "at": at}


@blueprint.post("/members/<row:number>/address", endpoint="show_address")
def show_address(number: int) -> str:
    """The addresses whole; that somebody asked is on record."""
    dossier.by_id(session(), number)
    _note(number, "address shown")
    return _page(number, address=True)


@blueprint.post("/members/<row:number>/export", endpoint="export_member")
def export_member(number: int) -> Response:
    target = io.BytesIO()  # what is held of one member is small, and so touches no disk
    with writing(runtime().engine) as own:
        exporting.note_member(own, dossier.by_id(own, number), actor=actor(), now=runtime().clock.now(own))
    with exporting.steady(runtime().engine) as own:
        found = dossier.by_id(own, number)
        exporting.of_member(own, found, target, secret=runtime().secret, now=runtime().clock.now(own))
    target.seek(0)
    return send_file(target, "application/zip", as_attachment=True, download_name=f"member-{number}.zip")


@blueprint.post("/members/<row:number>/erase", endpoint="erase_member")
def erase(number: int) -> Answer:
    """Erase a member, once their key was typed: nothing brings them back."""
    found = dossier.by_id(session(), number)
    if found.erased_at is not None:
        raise NoSuchMember
    if request.form.get("confirm", "").strip() != (found.external_id or ""):
        refusal = ErasureNotConfirmed()
        return _page(number, error=str(refusal), field="confirm"), status_of(refusal)
    session().close()  # of a database that is being read, what was erased cannot leave the log
    outbox.erase(runtime(), found, actor=actor())
    forget_erased(runtime().engine)
    flash(f"Erased. What stays is the timeline of member {number}, without anything personal.")
    return redirect(url_for("admin.member", number=number))


@blueprint.post("/members/<row:number>/guardian", endpoint="member_guardian")
def guardian(number: int) -> Answer:
    """Set a guardian, or end the guardianship."""
    found, ending = dossier.by_id(session(), number), request.form.get("deed") == "end"
    try:
        with writing(runtime().engine) as own:
            at = runtime().clock.now(own)
            if ending:
                guardians.discharge(own, found, actor=actor(), now=at)
            else:
                guardians.appoint(own, found, request.form.get("guardian", ""), actor=actor(), now=at)
    except Refusal as refusal:
        return _page(number, error=str(refusal), field="guardian"), status_of(refusal)
    flash("From here each text’s own rule holds." if ending else "From here notices go to the guardian.")
    return redirect(url_for("admin.member", number=number, _anchor="guardian"))


@blueprint.post("/members/<row:number>/links", endpoint="revoke_member_links")
def revoke_links(number: int) -> Answer:
    with writing(runtime().engine) as own:
        revocations.revoke(own, dossier.by_id(own, number), actor=actor(), now=runtime().clock.now(own))
    flash("Every link, page and site-notice token they were given so far is taken back.")
    return redirect(url_for("admin.member", number=number))


def _note(number: int, action: str) -> None:
    with writing(runtime().engine) as own:
        at = runtime().clock.now(own)
        audit.record(own, actor=actor(), action=action, subject=f"member {number}", now=at)
