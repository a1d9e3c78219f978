"""Addresses that name what stands there: texts by their hash, redlines by two hashes and the engine. For good.

What is at such an address never changes, so whoever has it once need never ask again.
"""

from __future__ import annotations

import re

from flask import Response, jsonify, redirect
from sqlmodel import col, select
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from errors import NoSuchRevision
from policy_versions import comparing, diff
from policy_versions.comparing import Written
from policy_versions.diff import Change, redline
from policy_versions.models import Policy, Revision, Translation
from web.context import session
from web.headers import FOR_GOOD
from web.public import blueprint, moved, present, turns

FORMS = ("json", "txt", "md", "html")
_HASH = re.compile(r"[0-9a-f]{64}")


def text_url(policy: Policy, of: Written) -> str:
    return f"{present.home(policy)}/texts/{of.sha256}.md"


def redline_url(policy: Policy, old: Written, new: Written, form: str) -> str:
    return f"{present.home(policy)}/redlines/{diff.ENGINE}/{old.sha256}..{new.sha256}.{form}"


@blueprint.get("/<slug>/texts/<sha256>.md")
def lasting_text(slug: str, sha256: str) -> Response:
    """A text of a policy, or a translation of one, by its hash."""
    return _for_good(Response(_of(moved.here(slug), sha256).text, mimetype="text/markdown"), sha256)


@blueprint.get("/<slug>/redlines/<engine>/<pair>.<any(json, txt, md, html):form>")
def lasting_redline(slug: str, engine: str, pair: str, form: str) -> BaseResponse:
    """What changed from one text to another, as this version of the comparison tells it."""
    policy = moved.here(slug)
    first, _, second = pair.partition("..")
    old, new = _of(policy, first), _of(policy, second)
    if engine != diff.ENGINE:  # what that one told can be told no more
        return redirect(redline_url(policy, old, new, form))
    with turns.taken(old, new):
        change = _change(old, new)
    answer = _for_good(_as(form, change, old, new), f"{engine}-{first}-{second}-{form}")
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _change(old: Written, new: Written) -> Change:
    if isinstance(old, Revision) and isinstance(new, Revision):
        return comparing.compare(session(), old, new)
    return comparing.compare_translations(old, new)


def _as(form: str, change: Change, old: Written, new: Written) -> Response:
    if form == "json":
        return jsonify({**change.to_json(), "old": {"sha256": old.sha256}, "new": {"sha256": new.sha256}})
    if form == "html":  # the redline's own markup, without a page around it
        return Response(redline.html(change, context=1), mimetype="text/html")
    plain = form == "txt"
    said_so = redline.text(change) if plain else redline.markdown(change)
    return Response(said_so, mimetype="text/plain" if plain else "text/markdown")


def _of(policy: Policy, sha256: str) -> Written:
    """The text of that hash. Raises: NoSuchRevision."""
    if not _HASH.fullmatch(sha256):
        raise NotFound
    own = select(Revision).where(Revision.policy_id == policy.id, Revision.sha256 == sha256)
    into = (
        select(Translation)
        .join(Revision, col(Revision.id) == Translation.revision_id)
        .where(Revision.policy_id == policy.id, Translation.sha256 == sha256)
    )
    found = session().exec(own.limit(1)).first() or session().exec(into.limit(1)).first()
    if found is None:
        raise NoSuchRevision(f"{sha256[:12]}…")
    return found


def _for_good(answer: Response, etag: str) -> Response:
    answer.headers["Cache-Control"] = FOR_GOOD
    answer.set_etag(etag)
    return answer
