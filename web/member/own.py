"""A member's own page, as the host opens it for them: their timeline, and what they said of the texts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from errors import LinkRevoked
from notifier import acknowledging, revocations, standing, tokens
from notifier.models import Member
from notifier.standing import Line, Stretch
from notifier.wording import N_
from policy_versions import dates, policies
from policy_versions.applicability import Basis
from policy_versions.models import Policy, Revision
from web import speech
from web.context import now, runtime, session
from web.member import blueprint, present, throttle
from web.member.letters import DEED, ROUTES, asked_again, take
from web.member.present import Subject
from web.public import chain
from web.public.present import compare_url, home

BASIS = {
    Basis.JOINED: N_("It was in force when you joined"),
    Basis.FIRST: N_("The first text there was"),
    Basis.POSTED: N_("Posted here, and in force"),
    Basis.NOTICE: N_("You were told, and the time given was over"),
    Basis.ACCEPTANCE: N_("It was accepted"),
}
TO_COME = {
    Basis.POSTED: N_("Posted here, and in force from then"),
    Basis.NOTICE: N_("You have been told, and the time given is over then"),
    Basis.ACCEPTANCE: N_("It has been accepted, and is in force from then"),
}
SHORT = {
    Basis.JOINED: N_("joined"),
    Basis.FIRST: N_("first"),
    Basis.POSTED: N_("posted"),
    Basis.NOTICE: N_("told"),
}
SAID = {
    "read": N_("Read"),
    "accepted": N_("Accepted"),
    "declined": N_("Declined"),
    "consent withdrawn": N_("Consent withdrawn"),
}
ROUTE = {
    "link": N_("by the link in a letter"),
    "session": N_("on this page"),
    "site notice": N_("on our site"),
    "api": N_("in our service"),
    "admin": N_("noted by us"),
}


def _member(token: str) -> Member:
    """Whose page it is. Raises: SessionInvalid, SessionExpired, LinkRevoked."""
    given = tokens.read_member_session(token, secret=runtime().secret, now=now())
    found = session().get(Member, given.member_id)
    gone = found is None or found.erased_at or (found.retained_until and found.retained_until <= now())
    if found is None or gone or revocations.is_revoked(session(), given.member_id, made=given.issued):
        raise LinkRevoked
    return found


@blueprint.get("/me/<token>")
@throttle.reads
def own(token: str) -> str:
    member = _member(token)
    speech.speak(member.locale)
    lines = [_shown(token, member, line) for line in standing.timelines(session(), member, now=now())]
    said = acknowledging.of_member(session(), member)
    return render_template(
        "member/own.html",
        page_title=speech.current().say("Your page"),
        languages=speech.languages(),
        lines=lines,
        ward=bool(member.guardian_email),
        said=[_said(acknowledgement, revision) for acknowledgement, revision in reversed(said)],
    )


class Span(NamedTuple):
    """A row of a timeline. until: "" while it goes on."""

    number: int
    date: str
    url: str
    since: str
    until: str
    basis: str
    state: str  # past, now, coming


class Coming(NamedTuple):
    """A text that is published and does not apply yet. starts: "" where something is still to happen."""

    number: int
    date: str
    url: str
    changes_url: str
    starts: str
    asks: bool
    deeds: dict[str, str]


def _shown(token: str, member: Member, line: Line) -> dict[str, Any]:
    """A policy's part of the page."""
    policy = policies.policy(session(), line.policy)
    spans = [_span(policy, stretch) for stretch in line.stretches]
    governs = next((stretch.revision for stretch in line.stretches if _state(stretch) == "now"), None)
    last = line.upcoming[-1].revision if line.upcoming else None
    return {
        "title": line.title,
        "url": home(policy),
        "head": chain.head(policy.slug),
        "spans": spans,
        "bar": _bar(line),
        "coming": [
            Coming(
                one.revision,
                _date(one.revision_date),
                f"{home(policy)}/{one.revision}",
                compare_url(policy, governs, one.revision) if governs else "",
                present.when(one.applies_from, policy.zone),
                one.rule == "acceptance" or bool(member.guardian_email),
                _deeds(token, line.policy, one.revision) if one.revision == last else {},
            )
            for one in line.upcoming
        ],
    }


def _deeds(token: str, slug: str, number: int) -> dict[str, str]:
    return {
        deed: url_for("member.own_confirming", token=token, slug=slug, number=number, deed=deed, **speech.asked())
        for deed in present.DEEDS
    }


def _date(written: str) -> str:
    return speech.current().date(dates.RevisionDate.parse(written))


def _span(policy: Policy, stretch: Stretch) -> Span:
    return Span(
        stretch.revision,
        _date(stretch.revision_date),
        f"{home(policy)}/{stretch.revision}",
        present.when(stretch.since, policy.zone),
        present.when(stretch.until, policy.zone),
        speech.current().say((TO_COME if stretch.forecast else BASIS).get(stretch.basis, BASIS[stretch.basis])),
        _state(stretch),
    )


def _state(stretch: Stretch) -> str:
    if stretch.forecast:
        return "coming"
    return "now" if stretch.until is None or stretch.until > now() else "past"


def _bar(line: Line) -> list[tuple[str, float, float, int, str]]:
    """The spans drawn over time: state, where it begins and how wide it is in hundredths, number and basis."""
    if not line.stretches:
        return []
    first, last = line.stretches[0].since, max(now(), line.stretches[-1].since)
    whole = max((last - first).total_seconds(), 1.0) * 1.08  # what goes on is seen to

    def place(at: datetime | None) -> float:
        return round((at - first).total_seconds() / whole * 100, 2) if at else 100.0

    def drawn(one: Stretch) -> tuple[str, float, float, int, str]:
        wide = round(place(one.until) - place(one.since), 2)
        basis = SHORT.get(one.basis) if wide > 25 else None
        return _state(one), place(one.since), wide, one.revision, speech.current().say(basis) if basis else ""

    return [drawn(one) for one in line.stretches]


def _said(acknowledgement: Any, revision: Revision) -> dict[str, str]:
    policy, spoken = session().get_one(Policy, revision.policy_id), speech.current()
    return {
        "when": spoken.instant(acknowledgement.recorded_at, policy.zone),
        "policy": policy.title,
        "number": str(revision.number),
        "url": f"{home(policy)}/{revision.number}",
        "kind": spoken.say(SAID[acknowledgement.kind]),
        "actor": spoken.say(N_("your guardian") if acknowledgement.actor == "guardian" else N_("you")),
        "route": spoken.say(ROUTE[acknowledgement.route]),
    }


# -- answering ----------------------------------------------------------------------------------


def _subject(token: str, slug: str, number: int) -> Subject:
    """slug: the policy's, or one that it had before. Raises: as `_member`; NoSuchPolicy, NoSuchRevision."""
    member = _member(token)
    speech.speak(member.locale)
    policy = policies.policy(session(), slug)
    lines = standing.timelines(session(), member, now=now())
    stretches = [one for line in lines if line.policy == policy.slug for one in line.stretches]
    governs = next((one.revision_id for one in stretches if _state(one) == "now"), None)
    return present.subject(policy, number, member, governs, "member")


@blueprint.get(f"/me/<token>/<slug>/<row:number>/{DEED}")
@throttle.reads
def own_confirming(token: str, slug: str, number: int, deed: str) -> str | Response:
    """Ask once more: only the form on this page records anything."""
    of = _subject(token, slug, number)
    back = url_for("member.own", token=token, **speech.asked())
    return asked_again(of, deed, _form(of, deed), back=back, route=ROUTES["session"])


@blueprint.post(f"/me/<token>/<slug>/<row:number>/{DEED}")
@throttle.answers
def own_answer(token: str, slug: str, number: int, deed: str) -> Response:
    of = _subject(token, slug, number)
    take(of, deed, _form(of, deed), "session")
    return redirect(url_for("member.own", token=token, **speech.asked()), 303)


def _form(of: Subject, deed: str) -> str:
    return f"{deed} own {of.member.id} {of.entry.revision.id}"
