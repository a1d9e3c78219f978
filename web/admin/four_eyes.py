"""Two persons, where the installation asks for them: what one publisher asked for, and another looks at.

The forms hand their deed over here; nothing is done then, but asked. The deed itself is done where it is
confirmed, in one transaction with the confirmation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug.wrappers import Response

from database import writing
from errors import OwnRequest, Refusal
from notifier import notices
from notifier.models import Notice
from policy_versions.archive import History
from policy_versions.models import Draft, Policy, Revision
from policy_versions.translations import Given
from web import four_eyes as service
from web.admin import blueprint, released
from web.admin.refused import or_refused
from web.admin.sign_in import Answer, actor
from web.context import now, runtime, session
from web.four_eyes import ReleaseRequest, Wish


def wanted() -> bool:
    return runtime().settings.four_eyes


def check_not_sooner(notice: Notice, due_at: datetime) -> None:
    """Raises: SoonerByTwo where sending takes two persons."""
    if wanted():
        service.check_not_sooner(notice, due_at)


# -- asked, from the forms ----------------------------------------------------------------------


def asked_to_publish(draft: Draft, record: History, **payload: Any) -> Response | None:
    """Ask another publisher to publish a draft, where that takes two; else None.

    record: of its policy, as it was looked at. payload: `summary` and `tell_first`, which the draft does not hold.
    Raises: NoSecondPublisher, RequestWaits.
    """
    if not wanted():
        return None
    policy = record.policy
    payload["follows"] = record.last_number
    digest = service.digest_of_draft(draft, payload)
    title = f"Publish a text of {policy.title}"
    return _ask(Wish("publish", policy.id or 0, draft.id or 0, digest, title, payload))


def asked_to_send(kind: service.Kind, notice_id: int) -> Response | None:
    """Ask another publisher to let a notice go on, or leave now, where that takes two; else None.

    Raises: NoSuchNotice, NoSecondPublisher, RequestWaits.
    """
    if not wanted():
        return None
    found = notices.by_id(session(), notice_id)
    policy = session().get_one(Policy, found.policy_id)
    number = session().get_one(Revision, found.revision_id).number
    deed = "Go on with" if kind == "resume" else "Send now"
    title = f"{deed} the notice of {policy.title}, No. {number}"
    return _ask(Wish(kind, found.policy_id, notice_id, service.digest_of_notice(found), title))


def asked_to_translate(policy: Policy, revision: Revision, given: Given) -> Response | None:
    """Ask another publisher to publish a translation, where that takes two; else None. given: was checked."""
    if not wanted():
        return None
    payload = {
        "number": revision.number,
        "locale": given.locale,
        "text": given.text,
        "title": given.title,
        "looked_at": given.looked_at,
    }
    title = f"Publish a translation of {policy.title}, No. {revision.number}, into {given.locale}"
    digest = service.digest_of_payload(payload)
    return _ask(Wish("translate", policy.id or 0, revision.id or 0, digest, title, payload))


def asked_to_correct(policy: Policy, revision: Revision, locale: str, which: int) -> Response:
    """Ask another publisher to send a correction of a translation. which: could be corrected just now."""
    payload = {"number": revision.number, "locale": locale, "which": which}
    title = f"Send the correction of translation {which} into {locale} of {policy.title}, No. {revision.number}"
    digest = service.digest_of_payload(payload)
    return _ask(Wish("correct", policy.id or 0, revision.id or 0, digest, title, payload))


def _ask(wish: Wish) -> Response:
    with writing(runtime().engine) as own:
        made = service.ask(own, wish, actor=actor(), now=runtime().clock.now(own))
        number = made.id
    flash("It takes a second publisher. Your request waits for another one to confirm it; nothing is done yet.")
    return redirect(url_for("admin.request", number=number))


@blueprint.app_template_global()
def waiting_request(kind: str, subject_id: int) -> ReleaseRequest | None:
    """The request on a draft or a notice that waits and still holds, for the page of it."""
    found = service.waiting_on(session(), kind, subject_id)
    return found if found and holds(found) else None


# -- looked at ----------------------------------------------------------------------------------


@blueprint.get("/requests", endpoint="requests")
def requests() -> str:
    waiting = [(one, holds(one)) for one in service.waiting(session())]
    return render_template(
        "admin/requests.html",
        page_title="For a second person",
        waiting=waiting,
        answered=service.answered(session()),
    )


def holds(one: ReleaseRequest) -> bool:
    """Whether what was asked for is still exactly so."""
    return one.answer == "" and service.current(session(), one) == one.digest


def to_answer() -> list[ReleaseRequest]:
    """The requests that the signed-in person could answer, for the list of what needs somebody."""
    return [one for one in service.waiting(session()) if one.asked_by != actor() and holds(one)]


@blueprint.get("/requests/<row:number>", endpoint="request")
def request_page(number: int) -> str:
    return _page(number)


def _page(number: int, refusal: Refusal | None = None) -> str:
    found = service.by_id(session(), number)
    policy = session().get_one(Policy, found.policy_id)
    return render_template(
        "admin/request.html",
        page_title=found.title,
        asked=found,
        policy=policy,
        own=found.asked_by == actor(),
        holds=holds(found),
        shown=released.shown(found, policy, now()) if holds(found) else None,
        error=str(refusal) if refusal else "",
        error_field=getattr(refusal, "field", "confirm" if refusal else ""),
        typed={name: request.form.get(name, "").strip()[:500] for name in ("confirm", "why")},
    )


# -- answered -----------------------------------------------------------------------------------


@blueprint.post("/requests/<row:number>/confirm", endpoint="confirm_request")
def confirm(number: int) -> Answer:
    """Do what was asked for, by two persons."""
    return _answered(number, _confirmed)


def _confirmed(own: Session, number: int) -> tuple[str, str]:
    instant = runtime().clock.now(own)
    found = service.confirm(own, number, actor=actor(), now=instant)
    by = f"{found.asked_by}, confirmed by {actor()}"
    return released.release(own, found, by=by, now=instant)


@blueprint.post("/requests/<row:number>/decline", endpoint="decline_request")
def decline(number: int) -> Answer:
    """Say no, and why."""
    return _answered(number, lambda own, which: _declined(own, which, request.form.get("why", "")))


@blueprint.post("/requests/<row:number>/take-back", endpoint="take_back_request")
def take_back(number: int) -> Answer:
    """One's own request, before it is answered."""
    if service.by_id(session(), number).asked_by != actor():
        raise OwnRequest
    return _answered(number, lambda own, which: _declined(own, which, ""))


def _declined(own: Session, number: int, why: str) -> tuple[str, str]:
    found = service.decline(own, number, why, actor=actor(), now=runtime().clock.now(own))
    return f"The request is {found.answer}; nothing was done.", url_for("admin.request", number=number)


def _answered(number: int, deed: Callable[[Session, int], tuple[str, str]]) -> Answer:
    """Do it in one transaction; or show the request with what stands against it."""

    def answer() -> Answer:
        with writing(runtime().engine) as own:
            said, where = deed(own, number)
        flash(said)
        return redirect(where)

    return or_refused(answer, partial(_page, number))
