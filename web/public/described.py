"""What a page says of itself to programs: where it stands for good, and what it is. In its head, nothing to run.

The description for search engines (schema.org's DigitalDocument) is a block of data, which no browser runs and a
content policy without scripts lets be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Response, g

from policy_versions import dates
from policy_versions.archive import Entry, History
from policy_versions.models import Policy, Translation
from web.context import now, runtime
from web.public import blueprint, lasting, present


@dataclass(frozen=True, slots=True)
class Described:
    """What stands in a page's head. canonical: where it stands for good; robots: what search engines may do."""

    canonical: str
    title: str
    description: str = ""
    locale: str = "en"
    kind: str = "website"  # as Open Graph calls it
    published: str = ""
    modified: str = ""
    robots: str = ""
    feeds: list[tuple[str, str, str]] = field(default_factory=list)  # media type, address, title
    data: dict[str, Any] | None = None


@blueprint.app_context_processor
def shared() -> dict[str, Described | None]:
    return {"described": g.get("described")}


@blueprint.after_request
def robots(response: Response) -> Response:
    """What the page says to search engines, said in a header too, for those that read no page."""
    found: Described | None = g.get("described")
    if found is not None and found.robots:
        response.headers["X-Robots-Tag"] = found.robots
    return response


def whole(path: str) -> str:
    """An address as others are given it."""
    return f"{runtime().settings.public_url}{path}"


def of_list(title: str) -> None:
    g.described = Described(whole("/"), title, feeds=_feeds("", "All policies"))


def of_text(record: History, entry: Entry, part_of: Policy | None, *, is_current: bool) -> None:
    """Say what a page of a text is. is_current: of the policy's own page, whose text changes."""
    policy = record.policy
    home = present.home(policy)
    address = home if is_current else f"{home}/{entry.number}"
    g.described = Described(
        whole(address),
        policy.title if is_current else f"{policy.title}, No. {entry.number}",
        policy.lead,
        policy.locale,
        kind="article",
        published=record.entries[0].revision.published_at.isoformat(timespec="seconds"),
        modified=entry.revision.published_at.isoformat(timespec="seconds"),
        feeds=_feeds(home, policy.title),
        data=_document(record, entry, part_of, whole(address)),
    )


def of_translation(policy: Policy, entry: Entry, shown: Translation, path: str) -> None:
    """path: of the translation that stands, or of one by its number."""
    g.described = Described(
        whole(path),
        f"{shown.title or policy.title}, No. {entry.number}",
        locale=shown.locale,
        kind="article",
        modified=shown.recorded_at.isoformat(timespec="seconds"),
        feeds=_feeds(present.home(policy), policy.title),
    )


def of_history(policy: Policy) -> None:
    home = present.home(policy)
    title = f"History of {policy.title}"
    g.described = Described(
        whole(f"{home}/history"), title, locale=policy.locale, feeds=_feeds(home, policy.title)
    )


def of_comparison(policy: Policy, path: str, title: str) -> None:
    """Comparisons are for readers: there are too many for search engines to list."""
    g.described = Described(whole(path), title, locale=policy.locale, robots="noindex")


def _feeds(home: str, title: str) -> list[tuple[str, str, str]]:
    return [
        (kind, f"{home}/feeds/{which}.{form}", f"{title}, {words}")
        for which, words in (("all", "every change"), ("significant", "significant changes"))
        for form, kind in (("atom", "application/atom+xml"), ("json", "application/feed+json"))
    ]


def _document(record: History, entry: Entry, part_of: Policy | None, address: str) -> dict[str, Any]:
    """Source: https://schema.org/DigitalDocument."""
    policy, revision = record.policy, entry.revision
    settings = runtime().settings
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "DigitalDocument",
        "name": policy.title,
        "url": address,
        "version": str(entry.number),
        "dateModified": revision.revision_date,
        "datePublished": record.entries[0].revision.revision_date,
        "inLanguage": policy.locale,
        "creativeWorkStatus": record.status(entry, now()),
        "identifier": f"urn:sha256:{revision.sha256}",
        "publisher": {"@type": "Organization", "name": settings.company_name, "url": settings.public_url},
        "encoding": {
            "@type": "MediaObject",
            "encodingFormat": "text/markdown",
            "contentUrl": whole(lasting.text_url(policy, revision)),
            "sha256": revision.sha256,
        },
    }
    _, ends = present.held(record, entry)
    said |= {"description": policy.lead} if policy.lead else {}
    said |= {"expires": str(dates.of(ends, policy.zone))} if ends and entry.live else {}
    if part_of is not None:
        said["isPartOf"] = {
            "@type": "DigitalDocument", "name": part_of.title, "url": whole(present.home(part_of)),
        }  # fmt: skip
    return said
