"""The policy that an address is of: one that it had before leads on for good, with all that follows."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from flask import g, request
from werkzeug.routing import RequestRedirect

from policy_versions import policies, retiring
from policy_versions.models import Policy
from policy_versions.named import Retirement
from web.context import session
from web.public import blueprint
from web.serving.lately import lately


def here(slug: str) -> Policy:
    """The policy at an address. Raises: NoSuchPolicy, RequestRedirect where it has moved."""
    found = policies.policy(session(), slug)
    if found.slug != slug:
        raise _leads_on(slug, found.slug)
    g.retired = ended().get(found.id or 0)
    return found


def ended() -> Mapping[int, Retirement]:
    """The retired policies, by id."""
    return lately("retired policies", lambda: retiring.retired(session()))


def _leads_on(before: str, after: str) -> RequestRedirect:
    rest = request.path.removeprefix(f"/{before}")
    asked = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    leads = RequestRedirect(f"/{quote(after)}{quote(rest)}{asked}")
    leads.code = 301 if request.method in ("GET", "HEAD") else 308
    return leads


@blueprint.app_context_processor
def shared() -> dict[str, Retirement | None]:
    """Of the policy that a page is of: the fact by which it is retired."""
    return {"retired": g.get("retired")}
