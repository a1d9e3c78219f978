"""Who may: a bearer's key with the scope of the route, judged before anything of a request is read."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask, Response, current_app, g, request
from flask_limiter.util import get_remote_address
from limits import parse
from werkzeug.exceptions import TooManyRequests

from database import writing
from errors import FourEyesNeeded, KeyRefused, ScopeMissing
from notifier import keys
from notifier.keys import Key
from web.addresses import ExternalKey
from web.admin.sign_in import limiter
from web.api import api, slashes
from web.context import now, runtime, session

OPEN = ("api.document", "api.page")  # what the API is, anybody may read
# A key cannot be guessed: this spares the database whoever tries, as signing in does.
REFUSALS = parse("300 per minute")


def register(app: Flask) -> None:
    app.url_map.converters["key"] = ExternalKey
    slashes.register(app)
    limiter.exempt(api)  # it is not asked at every request: see _key


@api.before_request
def require_key() -> None:
    """Raises: KeyRefused, ScopeMissing, TooManyRequests."""
    if request.endpoint in OPEN:
        return
    g.api_key = key = _key()
    scope = api.scopes[request.endpoint or ""]
    if not key.opens(scope):
        raise ScopeMissing(scope)
    if keys.is_unseen(key, now()) and _is_first(key):
        with writing(runtime().engine) as own:
            keys.seen(own, key, now=runtime().clock.now(own))


def _is_first(key: Key) -> bool:
    """Whether this request is the one of the minute, in this process, that writes the use down.

    On SQLite it may have to wait for another writer; the others answer meanwhile.
    """
    tried: dict[int, datetime] = current_app.extensions.setdefault("gazette_keys_seen", {})
    last = tried.get(key.id)
    if last is not None and timedelta() <= now() - last < keys.SEEN_EVERY:
        return False
    tried[key.id] = now()
    return True


def _key() -> Key:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            raise KeyRefused
        return keys.find(session(), token.strip())
    except KeyRefused:
        if limiter.enabled and not limiter.limiter.hit(REFUSALS, "api", get_remote_address()):
            raise TooManyRequests(retry_after=60) from None
        raise


def key() -> Key:
    """The key of this request."""
    found: Key = g.api_key
    return found


def by_one() -> None:
    """A key is no person, and so no second one. Raises: FourEyesNeeded where the deed takes two."""
    if runtime().settings.four_eyes:
        raise FourEyesNeeded


@api.after_request
def kept_by_nobody(response: Response) -> Response:
    """What names a member, or does something, is kept nowhere; texts may be, and are asked for by their ETag."""
    personal = request.endpoint not in KEPT or request.method not in ("GET", "HEAD")
    response.headers.setdefault("Cache-Control", "no-store" if personal else "private, no-cache")
    if request.method in ("GET", "HEAD") and response.status_code == 200 and not response.is_streamed:
        response.add_etag()  # a host that keeps the tag alone is spared the same answer again
        response.make_conditional(request)
    return response


KEPT = {
    f"api.{name}"
    for name in (
        *("list_policies", "policy", "revisions", "revision", "revision_text", "in_force", "compare", "decision"),
        *("document", "page"),
    )
}
