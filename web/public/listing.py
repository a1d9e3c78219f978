"""What programs find their way by: an index of every text with its hashes, a site map, robots.txt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, jsonify, render_template

from policy_versions import archive, naming, policies, retiring, translations
from policy_versions.archive import Entry, History
from policy_versions.models import Policy
from web.context import runtime, session
from web.public import blueprint, lasting, present
from web.public.described import whole

# Comparisons are left alone: 97 texts make 9,312 of them.
ROBOTS = """User-agent: *
Disallow: /admin
Disallow: /api/
Disallow: /m/
Disallow: /me/
Disallow: /*/compare
Disallow: /*/redlines/
Disallow: /*/on?

Sitemap: {sitemap}
"""


@blueprint.get("/robots.txt")
def robots() -> Response:
    return Response(ROBOTS.format(sitemap=whole("/sitemap.xml")), mimetype="text/plain")


def _records() -> list[History]:
    return [archive.history(session(), policy) for policy in policies.published(session())]


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """Every page that stays. Source: https://www.sitemaps.org/protocol.html."""
    pages = [("/", None), *(page for record in _records() for page in _pages(record))]
    listed = [(whole(path), when and when.date().isoformat()) for path, when in pages]
    return Response(render_template("public/sitemap.xml", pages=listed), content_type="application/xml")


def _pages(record: History) -> Iterator[tuple[str, Any]]:
    home = present.home(record.policy)
    newest = record.entries[-1].revision.published_at
    yield home, newest
    yield f"{home}/history", newest
    for entry in record.entries:
        yield f"{home}/{entry.number}", entry.revision.published_at
        for locale, one in translations.latest(session(), entry.revision).items():
            yield present.translation_url(record.policy, entry, locale), one.recorded_at


# -- the index ----------------------------------------------------------------------------------


@blueprint.get("/.well-known/change-history")
def change_history() -> Response:
    """Every text of every policy, with what shows that it is the same: for whoever keeps watch by program."""
    settings = runtime().settings
    ended = retiring.retired(session())
    return jsonify(
        version=1,
        publisher={"name": settings.company_name, "url": whole("/")},
        feeds={form: whole(f"/feeds/all.{form}") for form in ("atom", "json")},
        policies=[_policy(record, ended.get(record.policy.id or 0)) for record in _records()],
    )


def _policy(record: History, ended: Any) -> dict[str, Any]:
    policy, home = record.policy, present.home(record.policy)
    whole_policy = session().get(Policy, policy.part_of_id) if policy.part_of_id else None
    return {
        "slug": policy.slug,
        "former_slugs": naming.former(session(), policy),
        "title": policy.title,
        "url": whole(home),
        "history": whole(f"{home}/history"),
        "chain": whole(f"{home}/chain.json"),
        "head": record.entries[-1].revision.chain if record.entries else None,
        "locale": policy.locale,
        "time_zone": policy.time_zone,
        "promise": policy.promise,
        "part_of": whole_policy.slug if whole_policy else None,
        "retired_since": _instant(ended.recorded_at) if ended else None,
        "retired_because": ended.reason if ended else None,
        "revisions": [_revision(record, entry) for entry in record.entries],
    }


def _revision(record: History, entry: Entry) -> dict[str, Any]:
    policy, revision, before = record.policy, entry.revision, record.before(entry.number)
    return {
        "number": entry.number,
        "revision_date": revision.revision_date,
        "published_at": _instant(revision.published_at),
        "effective_at": _instant(revision.effective_at),
        "verdict": entry.verdict,
        "controller": revision.controller,
        "withdrawn_at": _instant(entry.withdrawal.recorded_at) if entry.withdrawal else None,
        "sha256": revision.sha256,
        "chain": revision.chain,
        "url": whole(f"{present.home(policy)}/{entry.number}"),
        "markdown": whole(lasting.text_url(policy, revision)),
        "changes": whole(lasting.redline_url(policy, before.revision, revision, "json")) if before else None,
        "translations": [
            {
                "locale": one.locale,
                "number": one.number,
                "sha256": one.sha256,
                "url": whole(present.translation_url(policy, entry, one.locale, one.number)),
                "markdown": whole(lasting.text_url(policy, one)),
            }
            for one in translations.of_revision(session(), revision)
        ],
    }


def _instant(value: Any) -> str:
    return str(value.isoformat(timespec="seconds"))
