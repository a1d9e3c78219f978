"""The publish form: one page from text to confirmation, which shows everything before anything leaves.

Each deed has an address of its own: to keep a draft, publish it, try its letter on oneself, throw it away. A deed
done leads back by a redirect, so that reloading the page does nothing twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask_limiter.errors import RateLimitExceeded
from sqlmodel import Session
from werkzeug.wrappers import Response as AnyResponse

from database import writing
from errors import AddressMalformed, DayMalformed, DraftChanged, Refusal, RowInvalid, TooManyTries
from notifier import addresses
from policy_versions import archive, audit, drafts, policies, presence
from policy_versions.archive import History
from policy_versions.models import Policy
from web import filters
from web.admin import blueprint, draft_letters, draft_page, drafting, foreseen, four_eyes, trials, typed
from web.admin.sign_in import actor, limiter
from web.context import now, runtime, session

Answer = str | AnyResponse | tuple[str, int]


@blueprint.get("/drafts/<row:draft_id>", endpoint="draft")
def draft(draft_id: int) -> str:
    drafting.opened(draft_id)
    return draft_page.page(drafts.by_id(session(), draft_id))


@blueprint.get("/drafts/<row:draft_id>/parts", endpoint="draft_parts")
def parts(draft_id: int) -> str:
    """The same page for the script, which takes from it the parts that are worked out."""
    return draft_page.page(drafts.by_id(session(), draft_id), live=True)


# -- keeping it ---------------------------------------------------------------------------------


@blueprint.post("/drafts/<row:draft_id>", endpoint="keep_draft")
def keep(draft_id: int) -> Answer:
    """Keep what was typed, and do what the button says besides; nothing that anybody but us sees."""
    given, deed = typed.fields(), request.form.get("deed", "work")
    try:
        drafting.save(draft_id, given)
        if deed == "summary":
            drafting.change(draft_id, summary="")
        if deed == "earliest":
            drafting.change(draft_id, effective=_earliest(draft_id))
    except Refusal as refusal:
        return draft_page.refused(draft_id, given, refusal)
    if drafting.wants_json():
        return _kept(draft_id)
    if deed == "keep":
        flash("The draft is kept. Nothing is public.")
    if typed.has_file():
        flash("The text of the file stands in the form, and is kept. Nothing is public.")
    return drafting.back_to(draft_id, _ANCHORS.get(deed))


_ANCHORS = {"work": "changes", "summary": "summary", "earliest": "dates", "letter": "letter", "mine": "changes"}


def _earliest(draft_id: int) -> str:
    """The first day that every letter could name. Raises: DayMalformed where none can be told."""
    found = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, found.policy_id)
    plan = foreseen.outlook(found, policy, now(), tell_first=drafting.tell_first(), live=True).plan
    if plan is None:
        raise DayMalformed(found.effective)
    return f"{plan.earliest.astimezone(policy.zone):%Y-%m-%d}"


def _kept(draft_id: int) -> Response:
    found = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, found.policy_id)
    return jsonify(
        version=found.version,
        at=f"{now().astimezone(policy.zone):%H:%M}",
        full=filters.instant(now(), policy.zone),
    )


@blueprint.get("/drafts/<row:draft_id>/others", endpoint="draft_others")
def others(draft_id: int) -> Response:
    """For the script, now and then: whether somebody else has the draft open, or has kept another text."""
    drafting.opened(draft_id)
    found = drafts.by_id(session(), draft_id)
    seen = presence.others(session(), draft_id, actor(), now=now())
    html = render_template("admin/_draft_others.html", others=seen, draft=found, at=now())
    return jsonify(version=found.version, by=found.saved_by, html=html)


@blueprint.post("/drafts/<row:draft_id>/discard", endpoint="discard_draft")
def discard(draft_id: int) -> Answer:
    """Throw it away; but not what somebody else has kept since."""
    seen = drafting.version() if "version" in request.form else None
    try:
        with writing(runtime().engine) as own:
            at = runtime().clock.now(own)
            policy = drafts.throw_away(own, draft_id, actor=actor(), now=at, version=seen)
    except DraftChanged as refusal:
        return draft_page.refused(draft_id, typed.fields(), refusal)
    flash("The draft is thrown away.")
    return redirect(url_for("admin.policy", slug=policy.slug))


# -- publishing ---------------------------------------------------------------------------------


@blueprint.route("/drafts/<row:draft_id>/publish", methods=["GET", "POST"], endpoint="publish_draft")
def publish(draft_id: int) -> Answer:
    """Keep what was typed, then publish it. A file that was chosen is shown first: nobody has read it yet."""
    if request.method != "POST":
        return drafting.back_to(draft_id, "publish")
    if typed.has_file():
        return keep(draft_id)
    given = typed.fields()
    try:
        drafting.save(draft_id, given)
        return _publish(draft_id, given.summary)
    except Refusal as refusal:
        return draft_page.refused(draft_id, given, refusal)


def _publish(draft_id: int, summary: str) -> AnyResponse:
    """Publish in one transaction with the due decision, if the number typed is the number that would be told.

    Where publishing takes two persons, the other one is asked.
    """
    at = now()
    found = drafts.by_id(session(), draft_id)
    if found.version != drafting.version_seen():
        raise DraftChanged  # since it was kept a moment ago: nobody publishes unread what somebody else wrote
    policy = session().get_one(Policy, found.policy_id)
    given, record = replace(drafts.publication(found, policy), summary=summary.strip()), _record(session(), policy)
    archive.check(record, given, now=at)
    seen = foreseen.outlook(found, policy, at, tell_first=drafting.tell_first())
    if seen.refusal is not None:
        raise seen.refusal
    expected = typed.number(seen.to_tell(tell_first=drafting.tell_first()))
    waiting = four_eyes.asked_to_publish(found, record, summary=given.summary, tell_first=drafting.tell_first())
    if waiting is not None:
        return waiting
    with writing(runtime().engine) as own:
        locked = policies.lock(own, policy.slug)
        _record(own, locked)
        drafts.lock(own, draft_id, version=found.version)
        instant = runtime().clock.now(own)
        publication = replace(given, expected_audience=expected, tell_first=drafting.tell_first())
        made = archive.publish(own, locked, publication, actor=actor(), now=instant)
        drafts.discard(own, draft_id)
    flash(f"No. {made.number} of {policy.title} is published. The scheduler decides it within seconds.")
    return redirect(url_for("admin.policy", slug=policy.slug))


def _record(session: Session, policy: Policy) -> History:
    """The texts of a policy, those that the person was shown the draft against. Raises: AnotherTextSince."""
    found = archive.history(session, policy)
    typed.check_follows(found)
    return found


# -- trying it on oneself -------------------------------------------------------------------------


@blueprint.route("/drafts/<row:draft_id>/test", methods=["GET", "POST"], endpoint="test_draft")
def test(draft_id: int) -> Answer:
    """Keep what was typed, and send the letter that is shown to an address: marked as a test, and no delivery."""
    if request.method != "POST":
        return drafting.back_to(draft_id, "letter")
    given = typed.fields()
    try:
        drafting.save(draft_id, given)
        flash(_send_test(draft_id))
    except RateLimitExceeded:
        return draft_page.refused(draft_id, given, TooManyTries(60))
    except Refusal as refusal:
        return draft_page.refused(draft_id, given, refusal)
    return drafting.back_to(draft_id, "letter")


@limiter.limit("6 per minute")
def _send_test(draft_id: int) -> str:
    """Raises: RateLimitExceeded, AddressMalformed, NoSuchMember, and whatever keeps the draft from being read."""
    try:
        address = addresses.checked(request.form.get("address", ""))
    except RowInvalid as error:
        raise AddressMalformed from error
    draft_letters.remember(address)
    kept, found, foretold = draft_letters.chosen(draft_id)
    if foretold is None:
        return "That member would get no letter, so none was sent."
    message, recipient = found.test(foretold, address=address)
    which: dict[str, Any] = {"base": foretold.base, "locale": foretold.letter.locale, "draft": draft_id}
    session().close()  # the connection is given back before the network is used
    outcome, said = trials.send(message, recipient)
    with writing(runtime().engine) as own:
        audit.record(
            own,
            actor=actor(),
            action="test letter sent",
            subject=f"policy {kept.policy_id}",
            now=runtime().clock.now(own),
            audience=foretold.letter.audience,
            outcome=outcome,
            **which,
        )
    return said


from web.admin import draft_frames, earlier, resuming  # noqa: E402 -- their routes and refusals are the form's

ROUTES = (draft_frames, earlier, resuming)
