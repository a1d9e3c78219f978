"""Feeds: each policy's changes, or all policies', as Atom and as JSON Feed; all, or the significant alone.

An entry's id is made of the policy and of its place in the chain, so that no change of address makes it new. The
head of the chain stands in every feed, where readers keep it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from flask import Response, render_template

from policy_versions import archive, comparing, dates, locales, policies, retiring
from policy_versions.archive import Entry, History
from policy_versions.models import Policy, Revision
from web.context import now, runtime, session
from web.public import blueprint, moved, present, reading
from web.public.described import whole

MOST = 30  # entries, the newest; the history has all
ATOM, JSON = "application/atom+xml", "application/feed+json"
Which = Literal["all", "significant"]
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Head(NamedTuple):
    """Where a policy's chain ends."""

    policy: str
    chain: str


@dataclass(frozen=True, slots=True)
class Item:
    """A revision as an entry of a feed. size, sections: of its redline against the one before."""

    id: str
    title: str
    url: str
    changes_url: str | None
    summary: str
    published: datetime
    updated: datetime
    locale: str
    kind: str  # Significant, Minor, First text, Undecided, Withdrawn
    reasons: list[str]
    validity: str
    size: str
    sections: list[str]
    sha256: str
    chain: str


@dataclass(frozen=True, slots=True)
class Feed:
    id: str
    title: str
    home: str
    url: str
    updated: datetime
    locale: str
    heads: list[Head]
    items: list[Item]


@blueprint.get("/feeds/<any(all, significant):which>.<any(atom, json):form>")
def feed_of_all(which: Which, form: str) -> Response:
    """The changes of every policy that goes on."""
    ended = retiring.retired(session())
    some = [p for p in policies.published(session()) if (p.id or 0) not in ended]
    company = runtime().settings.company_name
    return _answer(_feed(company, [archive.history(session(), p) for p in some], which, "", form), form)


@blueprint.get("/<slug>/feeds/<any(all, significant):which>.<any(atom, json):form>")
def feed(slug: str, which: Which, form: str) -> Response:
    """The changes of one policy."""
    record = archive.history(session(), moved.here(slug))
    return _answer(_feed(record.policy.title, [record], which, present.home(record.policy), form), form)


def _feed(title: str, records: Sequence[History], which: Which, home: str, form: str) -> Feed:
    chosen = [(r, e) for r in records for e in r.entries if which == "all" or e.verdict == "significant"]
    newest = sorted(chosen, key=lambda one: (one[1].revision.published_at, one[1].number), reverse=True)[:MOST]
    items = [_item(record, entry, alone=bool(home)) for record, entry in newest]
    began = [record.policy.created_at for record in records]
    words = "significant changes" if which == "significant" else "every change"
    return Feed(
        _urn(which, *(_made(records[0].policy) if home else [runtime().settings.public_url])),
        f"{title}: {words}",
        whole(home or "/"),
        whole(f"{home}/feeds/{which}.{form}"),
        max((item.updated for item in items), default=min(began, default=now())),
        records[0].policy.locale if records else "en",
        [Head(r.policy.title, r.entries[-1].revision.chain) for r in records if r.entries],
        items,
    )


def _made(policy: Policy) -> list[str]:
    """What a policy keeps whatever it is called, and has alone even if others were made with it."""
    return [str(policy.id), str(policy.created_at)]


def _urn(*parts: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, "/".join(["gazette", *parts])).urn


def _item(record: History, entry: Entry, *, alone: bool) -> Item:
    policy, revision, before = record.policy, entry.revision, record.before(entry.number)
    size, sections = _change(before.revision, revision) if before else ("", [])
    times = [revision.published_at, *([entry.decision.decided_at] if entry.decision else [])]
    times += [entry.withdrawal.recorded_at] if entry.withdrawal else []
    address = f"{present.home(policy)}/{entry.number}"
    return Item(
        _urn(str(policy.id), revision.chain),
        f"{'' if alone else policy.title + ', '}No. {entry.number}, {revision.date.label}",
        whole(address),
        whole(present.compare_url(policy, before.number, entry.number)) if before else None,
        present.said(entry),
        revision.published_at,
        max(times),
        policy.locale,
        _kind(entry),
        reading.categories(entry),
        _validity(policy, entry),
        size,
        sections,
        revision.sha256,
        revision.chain,
    )


def _kind(entry: Entry) -> str:
    if not entry.live:
        return "Withdrawn"
    return "First text" if entry.verdict == "first" else entry.verdict.capitalize()


def _validity(policy: Policy, entry: Entry) -> str:
    """As it was published: an entry does not change because a day has come."""
    if entry.withdrawal is not None:
        return f"Withdrawn: {entry.withdrawal.reason}"
    return f"In force from {dates.day_label(entry.revision.effective_at, policy.zone)}."


def _change(old: Revision, new: Revision) -> tuple[str, list[str]]:
    """How large a change is, in words, and the sections that it touches."""
    change = comparing.compare(session(), old, new)
    count = present.counts(change)
    said = [_many(count["changes"], "change"), f"{_many(count['inserted'], 'word')} inserted"]
    said += [f"{_many(count['deleted'], 'word')} deleted"]
    said += [f"{_many(count['moves'], 'passage')} moved"] if count["moves"] else []
    said += [f"{_many(count['links'], 'link')} changed"] if count["links"] else []
    return ", ".join(said), [one.title for one in change.sections if one.changed and one.title]


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


# -- as it is sent ------------------------------------------------------------------------------


def _answer(made: Feed, form: str) -> Response:
    if form == "atom":
        xml = render_template(
            "public/feed.xml", feed=made, company=runtime().settings.company_name, content=content
        )
        return Response(_NOT_IN_XML.sub("", xml), content_type=f"{ATOM}; charset=utf-8")
    return Response(json.dumps(_as_json(made), ensure_ascii=False, indent=1) + "\n", content_type=JSON)


def content(item: Item) -> str:
    """What an entry says, as HTML."""
    return render_template("public/_feed_entry.html", item=item, direction=locales.direction(item.locale))


def _as_json(made: Feed) -> dict[str, object]:
    """Source: https://www.jsonfeed.org/version/1.1/."""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": made.title,
        "home_page_url": made.home,
        "feed_url": made.url,
        "description": heads_in_words(made.heads),
        "language": made.locale,
        "authors": [{"name": runtime().settings.company_name, "url": whole("/")}],
        "_gazette": {"about": whole("/.well-known/change-history"), "heads": [h._asdict() for h in made.heads]},
        "items": [_item_as_json(item) for item in made.items],
    }


def _item_as_json(item: Item) -> dict[str, object]:
    said = {
        "id": item.id,
        "url": item.url,
        "title": item.title,
        "summary": item.summary,
        "content_html": content(item),
        "date_published": item.published.isoformat(timespec="seconds"),
        "date_modified": item.updated.isoformat(timespec="seconds"),
        "language": item.locale,
        "tags": [item.kind, *item.reasons],
        "_gazette": {"sha256": item.sha256, "chain": item.chain, "changes": item.changes_url},
    }
    return {name: value for name, value in said.items() if value != ""}


def heads_in_words(heads: Iterable[Head]) -> str:
    """The heads of the chains, for whoever keeps the feed."""
    return " ".join(f"Head of the chain of {head.policy}: {head.chain}." for head in heads)


@blueprint.app_template_filter("heads_in_words")
def _heads(heads: Iterable[Head]) -> str:
    return heads_in_words(heads)
