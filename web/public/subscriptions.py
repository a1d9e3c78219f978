"""Subscribing to every change of a policy: for anybody, by an address and a confirmation."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.blueprints import BlueprintSetupState

from database import writing
from errors import NothingInForce, RowInvalid
from notifier import addresses, subscriptions, wording
from notifier.wording import N_
from policy_versions import archive
from policy_versions.models import Policy
from web import own_forms, speech
from web.admin.sign_in import limiter
from web.context import now, runtime, session
from web.public import blueprint, moved, present

SHOWN = 254  # of what was typed, when it is shown again


@blueprint.get("/<slug>/subscribe")
def subscribe(slug: str) -> Response:
    """The page where an address is given."""
    return _form(_readable(slug))


@blueprint.post("/<slug>/subscribe")
@limiter.limit("5 per minute; 20 per hour")
def ask(slug: str) -> Response:
    """Take an address. Whatever is known of it, the answer is the same."""
    policy = _readable(slug)
    own_forms.require(f"subscribe {slug}")
    given = request.form.get("email", "")
    try:
        with writing(runtime().engine) as own:
            instant = runtime().clock.now(own)
            subscriptions.ask(own, policy, given, secret=runtime().secret, now=instant)
    except RowInvalid as refusal:
        return _form(policy, given[:SHOWN], _sentence(refusal, policy))
    return _page("public/subscribe.html", policy=policy, sent_to=addresses.checked(given))


def _readable(slug: str) -> Policy:
    """A policy that has a text. Raises: NoSuchPolicy, NothingInForce."""
    policy = moved.here(slug)
    if not archive.history(session(), policy).entries:
        raise NothingInForce
    return policy


def _form(policy: Policy, email: str = "", error: str = "") -> Response:
    answer = _page(
        "public/subscribe.html",
        policy=policy,
        sent_to="",
        email=email,
        error=error,
        form_token=own_forms.token(f"subscribe {policy.slug}"),
    )
    answer.status_code = 422 if error else 200
    return answer


def _sentence(refusal: RowInvalid, policy: Policy) -> str:
    spoken, said = wording.of(policy.locale), str(refusal)
    if spoken.language != wording.SOURCE:
        return spoken.say(N_("We cannot write to this address; type one such as name@example.com."))
    return f"{said[:1].upper()}{said[1:]}; type one such as name@example.com."


# -- the links in the letters -------------------------------------------------------------------


@blueprint.get("/subscribe/<token>")
def confirming(token: str) -> Response:
    """A page with a button: programs that look through mail open links, and must not confirm by it."""
    number = subscriptions.read(token, "confirm", runtime().secret)
    subscriptions.answerable(session(), number, now=now())
    _, policy = subscriptions.find(session(), number)
    return _page(
        "public/subscribe_confirm.html",
        policy=policy,
        done=False,
        form_token=own_forms.token(f"confirm {number}"),
    )


@blueprint.post("/subscribe/<token>")
def confirm(token: str) -> Response:
    number = subscriptions.read(token, "confirm", runtime().secret)
    own_forms.require(f"confirm {number}")
    with writing(runtime().engine) as own:
        policy = subscriptions.confirm(own, number, now=runtime().clock.now(own))
    return _page("public/subscribe_confirm.html", policy=policy, done=True, form_token="")


@blueprint.get("/unsubscribe/<token>")
def unsubscribing(token: str) -> Response:
    number = subscriptions.read(token, "unsubscribe", runtime().secret)
    _, policy = subscriptions.find(session(), number)
    return _page("public/subscribe_end.html", policy=policy, done=False)


@blueprint.post("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """End the subscription: by the page's button, or by the reader's mail provider (RFC 8058), which sends no
    cookie, knows no form and follows no redirect. The token alone says that it may."""
    number = subscriptions.read(token, "unsubscribe", runtime().secret)
    with writing(runtime().engine) as own:
        letters = subscriptions.unsubscribe(own, number, now=runtime().clock.now(own))
    runtime().sender.forget(letters)
    _, policy = subscriptions.find(session(), number)
    return _page("public/subscribe_end.html", policy=policy, done=True)


# -- pages and forms ----------------------------------------------------------------------------


def _page(template: str, *, policy: Policy, **given: object) -> Response:
    """A page for one reader, in the policy's language: nobody keeps it, no search engine lists it."""
    title = speech.speak(policy.locale).say(N_("Be told of every change"))
    answer = make_response(render_template(template, page_title=title, policy=_view(policy), **given))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _view(policy: Policy) -> present.PolicyView:
    return present.PolicyView.of(policy, None)


@blueprint.record
def _spare_from_cookies(state: BlueprintSetupState) -> None:
    """These posts are not checked by a token in a cookie's session: see above, and `unsubscribe`."""
    for view in (ask, confirm, unsubscribe):
        state.app.extensions["csrf"].exempt(view)
