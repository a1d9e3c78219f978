"""The page that a letter's link leads to: what changes for its reader, and a place to answer.

It shows nothing else of them: no name, no address, no timeline. Opening it, or the page that asks once more,
records nothing, since programs that look through mail open whatever they find.
"""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from database import writing
from notifier import acknowledging, letter_links
from notifier.letter_links import Opened
from notifier.wording import N_
from policy_versions.models import Policy, Revision
from web import own_forms, speech
from web.context import now, runtime, session
from web.member import blueprint, present, throttle
from web.member.present import DEEDS, Subject
from web.public import chain

ROUTES = {
    "link": N_("We record your answer, the day and the hour, and that you gave it by the link in your letter."),
    "session": N_("We record your answer, the day and the hour, and that you gave it on your own page."),
}
DEED = f"<any({', '.join(DEEDS)}):deed>"


def _follow(token: str) -> tuple[Opened, Subject]:
    """Raises: LinkInvalid, LinkOfATest, LinkExpired, LinkRevoked."""
    opened = letter_links.follow(session(), token, secret=runtime().secret, now=now())
    number = session().get_one(Revision, opened.notice.revision_id).number
    policy = session().get_one(Policy, opened.notice.policy_id)
    speech.speak(opened.member.locale)
    of = present.subject(policy, number, opened.member, opened.batch.base_revision_id, opened.actor)
    return opened, of


@blueprint.get("/m/<token>")
@throttle.reads
def letter(token: str) -> str:
    opened, of = _follow(token)
    page = present.page(of, now())
    return render_template(
        "member/letter.html",
        page_title=page.title,
        page=page,
        languages=speech.languages(),
        chain_head=chain.head(of.record.policy.slug),
        recalled=opened.notice.recalled_at is not None,
        deeds={deed: url_for("member.confirming", token=token, deed=deed, **speech.asked()) for deed in DEEDS},
    )


@blueprint.get(f"/m/<token>/{DEED}")
@throttle.reads
def confirming(token: str, deed: str) -> str | Response:
    """Ask once more: only the form on this page records anything."""
    opened, of = _follow(token)
    back = url_for("member.letter", token=token, **speech.asked())
    return asked_again(of, deed, _form(opened, deed), back=back, route=ROUTES["link"])


@blueprint.post(f"/m/<token>/{DEED}")
@throttle.answers
def answer(token: str, deed: str) -> Response:
    opened, of = _follow(token)
    take(of, deed, _form(opened, deed), "link")
    return redirect(url_for("member.letter", token=token, **speech.asked()), 303)


def asked_again(of: Subject, deed: str, form: str, *, back: str, route: str) -> str | Response:
    """The page that asks once more, or the way back where nothing is asked. form: what it may be used for."""
    page, say = present.page(of, now()), speech.current().say
    if not page.is_asked:
        return redirect(back, 303)
    return render_template(
        "member/confirm.html",
        page_title=say(N_("Accept this text?") if deed == "accept" else N_("Decline this text?")),
        page=page,
        chain_head=chain.head(of.record.policy.slug),
        deed=deed,
        languages=speech.languages(),
        route=say(route),
        back=back,
        form_token=own_forms.token(_after_last(of, form)),
    )


def _form(opened: Opened, deed: str) -> str:
    return f"{deed} {opened.actor} {opened.delivery.id}"


def take(of: Subject, deed: str, form: str, route: acknowledging.Route) -> None:
    """Put the answer of a form on record; sent twice it is one, and sent again after another answer none.

    Raises: CSRFError, NotAcknowledgeable, NoSuchMember.
    """
    last = present.last_word(of)
    if last is not None and last.kind == DEEDS[deed]:
        return
    own_forms.require(_after_last(of, form))
    if of.speaks:
        record(of, deed, route)


def _after_last(of: Subject, form: str) -> str:
    """A form holds for the answer that comes next: whoever has kept it cannot change a later one with it."""
    last = present.last_word(of)
    return f"{form} {last.id if last else 0}"


def record(of: Subject, deed: str, route: acknowledging.Route) -> None:
    """Put an answer on record, to the text that the page shows. Raises: NotAcknowledgeable, NoSuchMember."""
    shown = present.shown(of)
    with writing(runtime().engine) as own:
        acknowledging.acknowledge(
            own,
            of.member,
            of.entry.revision,
            DEEDS[deed],
            actor=of.actor,
            route=route,
            shown_sha256=shown.sha256,
            locale=shown.locale,
            now=runtime().clock.now(own),
        )
