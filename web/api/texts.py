"""Reading: policies, their revisions, what was in force when, and what changed between any two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from flask import Response, request

from errors import BeforeFirstText, CursorMalformed, NothingInForce
from policy_versions import archive, comparing, diff, policies
from policy_versions import models as tables
from policy_versions.archive import Entry, History
from web.api import TEXTS, api
from web.api.described import answer
from web.api.shapes import texts as shapes
from web.api.shapes.common import At, Page, PolicyPath, RevisionPath
from web.context import now, runtime, session
from web.public import present

T = TypeVar("T")
MARKDOWN = {
    "description": "Markdown, byte for byte.",
    "content": {"text/markdown": {"schema": {"type": "string"}}},
}


def record_of(slug: str) -> History:
    """Raises: NoSuchPolicy."""
    return archive.history(session(), policies.policy(session(), slug))


# -- policies -----------------------------------------------------------------------------------


@api.on("GET", "/policies", scope="read", tag=TEXTS, gives={200: shapes.Policies})
def list_policies(query: Page) -> shapes.Policies:
    """List the policies that have a text."""
    found = sorted(policies.published(session()), key=lambda policy: policy.id or 0)
    some, following = page(found, query, [policy.id or 0 for policy in found])
    by_id = {policy.id: policy.slug for policy in found}
    items = [_policy(archive.history(session(), one), by_id.get(one.part_of_id)) for one in some]
    return shapes.Policies(items=items, next=following)


@api.on("GET", "/policies/<slug>", scope="read", tag=TEXTS, gives={200: shapes.Policy})
def policy(path: PolicyPath) -> shapes.Policy:
    """One policy, and what of it is in force."""
    record = record_of(path.slug)
    whole = session().get(tables.Policy, record.policy.part_of_id) if record.policy.part_of_id else None
    return _policy(record, whole.slug if whole else None)


def _policy(record: History, part_of: str | None) -> shapes.Policy:
    current, of = record.in_force(now()), record.policy
    return shapes.Policy(
        slug=of.slug,
        title=of.title,
        lead=of.lead,
        promise=of.promise,  # the table's own constraint
        time_zone=of.time_zone,
        locale=of.locale,
        part_of=part_of,
        revisions=len(record.entries),
        in_force=current.number if current else None,
        upcoming=[entry.number for entry in record.upcoming(now())],
        url=public(present.home(of)),
    )


def public(path: str) -> str:
    """An address as readers have it."""
    return f"{runtime().settings.public_url}{path}"


def page(found: Sequence[T], asked: Page, places: Sequence[int]) -> tuple[Sequence[T], str | None]:
    """Part a list for one page. places: ascending, of each, as a cursor names them. Raises: CursorMalformed."""
    after = _place(asked.cursor)
    begins = next((index for index, place in enumerate(places) if place > after), len(places))
    ends = begins + asked.limit
    return found[begins:ends], str(places[ends - 1]) if ends < len(places) else None


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise CursorMalformed
    return int(cursor)


# -- revisions ----------------------------------------------------------------------------------


@api.on("GET", "/policies/<slug>/revisions", scope="read", tag=TEXTS, gives={200: shapes.Revisions})
def revisions(path: PolicyPath, query: Page) -> shapes.Revisions:
    """List a policy's revisions, the first one first."""
    record = record_of(path.slug)
    some, following = page(record.entries, query, [entry.number for entry in record.entries])
    return shapes.Revisions(items=[revision_of(record, entry) for entry in some], next=following)


@api.on("GET", "/policies/<slug>/revisions/<number>", scope="read", tag=TEXTS, gives={200: shapes.WholeRevision})
def revision(path: RevisionPath) -> shapes.WholeRevision:
    """One revision with its text and all that is known of it."""
    record = record_of(path.slug)
    entry = record.entry(path.number)
    return shapes.WholeRevision(**dict(revision_of(record, entry)), text=entry.revision.text)


@api.on("GET", "/policies/<slug>/revisions/<number>/text", scope="read", tag=TEXTS, gives={200: MARKDOWN})
def revision_text(path: RevisionPath) -> Response:
    """One revision's text as Markdown, byte for byte. Its SHA-256 is the ETag."""
    text = record_of(path.slug).entry(path.number).revision
    made = Response(text.text, mimetype="text/markdown")
    made.set_etag(text.sha256)
    return made


def revision_of(record: History, entry: Entry) -> shapes.Revision:
    """A revision without its text."""
    of, gone = entry.revision, entry.withdrawal
    own = {name: getattr(of, name) for name in _OWN}
    return shapes.Revision(
        **own,
        policy=record.policy.slug,
        status=record.status(entry, now()),
        verdict=entry.verdict,  # the table's own constraint
        decision=entry.decision.id if entry.decision else None,
        withdrawn_at=gone.recorded_at if gone else None,
        withdrawn_because=gone.reason if gone else None,
        url=public(f"{present.home(record.policy)}/{entry.number}"),
    )


_OWN = (
    *("number", "revision_date", "rule", "notice_days", "summary", "imported", "published_at", "effective_at"),
    *("sha256", "chain"),
)


@api.on("GET", "/policies/<slug>/in-force", scope="read", tag=TEXTS, gives={200: shapes.InForce})
def in_force(path: PolicyPath, query: At) -> shapes.InForce:
    """Which text was in force at an instant. 404 before the first one."""
    record, at = record_of(path.slug), query.at or now()
    entry, first = record.in_force(at), first_from(record)
    if entry is None or first is None:
        raise none_in_force(first)
    slug, in_short = record.policy.slug, revision_of(record, entry)
    return shapes.InForce(policy=slug, at=at, revision=in_short, first_from=first)


def first_from(record: History) -> datetime | None:
    """Since when a policy has had a text in force, or from when it will; None where none is to come either."""
    return min((entry.revision.effective_at for entry in record.entries if entry.live), default=None)


def none_in_force(first: datetime | None) -> NothingInForce:
    """The refusal of an instant before a policy's first text."""
    return NothingInForce() if first is None else BeforeFirstText(f"{first:%Y-%m-%d %H:%M:%S} UTC")


@api.on("GET", "/policies/<slug>/compare", scope="read", tag=TEXTS, gives={200: shapes.Comparison})
def compare(path: PolicyPath, query: shapes.Between) -> Response | shapes.Comparison:
    """What changed from one revision to another, in either direction."""
    record = record_of(path.slug)
    old, new = record.entry(query.old), record.entry(query.new)
    etag = f"{diff.ENGINE}-{old.revision.sha256[:20]}-{new.revision.sha256[:20]}-{old.number}-{new.number}"
    if request.if_none_match.contains(etag):  # then nothing need be compared
        made = Response(status=304)
    else:
        change = comparing.compare(session(), old.revision, new.revision)
        between = {"old": _named(old), "new": _named(new)}
        made = answer(shapes.Comparison(policy=record.policy.slug, **between, **change.to_json()))
    made.set_etag(etag)
    return made


def _named(entry: Entry) -> shapes.Compared:
    of = entry.revision
    return shapes.Compared(number=of.number, date=of.revision_date, sha256=of.sha256)
