"""What the public templates are given: plain objects with everything worked out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from flask import render_template

from policy_versions import anchoring, comparing, dates, locales, translations
from policy_versions.anchors import Names
from policy_versions.archive import Entry, History
from policy_versions.diff import Change
from policy_versions.models import Policy, Translation
from web.context import session
from web.public import reading


def home(policy: Policy) -> str:
    return f"/{quote(policy.slug)}"


def compare_url(policy: Policy, old: object, new: object) -> str:
    return f"{home(policy)}/compare/{old}..{new}"


def grouped(value: str) -> str:
    """The first 16 digits of a hash, in fours: as much as people compare."""
    return " ".join(value[start : start + 4] for start in range(0, 16, 4))


@dataclass(frozen=True, slots=True)
class PolicyView:
    title: str
    lead: str
    url: str
    history_url: str
    zone: str
    promise: str
    part_of_title: str | None = None
    part_of_url: str | None = None

    @classmethod
    def of(cls, policy: Policy, whole: Policy | None) -> PolicyView:
        return cls(
            policy.title,
            policy.lead,
            home(policy),
            f"{home(policy)}/history",
            policy.time_zone,
            policy.promise,
            whole.title if whole else None,
            home(whole) if whole else None,
        )


@dataclass(frozen=True, slots=True)
class RevisionView:
    number: int
    count: int
    date_label: str
    effective: datetime
    effective_label: str
    sha256: str
    chain: str
    summary: str
    status: str
    verdict: str
    imported: bool
    url: str
    markdown_url: str
    changes_url: str | None
    in_force_from: str
    in_force_to: str | None
    withdrawn_reason: str | None = None


def revision_view(record: History, entry: Entry, now: datetime) -> RevisionView:
    policy, revision = record.policy, entry.revision
    before = record.before(entry.number)
    starts, ends = held(record, entry)
    url = f"{home(policy)}/{entry.number}"
    kept = revision.id is not None  # a preview is not, and has no address of its own
    return RevisionView(
        number=entry.number,
        count=len(record.entries),
        date_label=revision.date.label,
        effective=revision.effective_at,
        effective_label=dates.day_label(revision.effective_at, policy.zone),
        sha256=revision.sha256,
        chain=revision.chain,
        summary=said(entry),
        status=record.status(entry, now),
        verdict=entry.verdict,
        imported=revision.imported,
        url=url,
        markdown_url=f"{url if kept else home(policy)}.md",
        changes_url=compare_url(policy, before.number, entry.number) if before and kept else None,
        in_force_from=dates.day_label(starts, policy.zone),
        in_force_to=dates.day_label(ends, policy.zone) if ends else None,
        withdrawn_reason=entry.withdrawal.reason if entry.withdrawal else None,
    )


def said(entry: Entry) -> str:
    """What changes, in the publisher's own words; where there are none, in those of the decision that stands."""
    return entry.revision.summary or (entry.decision.summary if entry.decision else "")


def held(record: History, entry: Entry) -> tuple[datetime, datetime | None]:
    """From when to when a revision is the one in force: until the next one not withdrawn comes into force."""
    following = [e.revision.effective_at for e in record.entries if e.live and e.number > entry.number]
    return entry.revision.effective_at, min(following, default=None)


@dataclass(frozen=True, slots=True)
class Upcoming:
    number: int
    effective: datetime
    effective_label: str
    summary: str
    changes_url: str
    url: str


def upcoming(record: History, now: datetime) -> list[Upcoming]:
    policy, current = record.policy, record.in_force(now)
    return [
        Upcoming(
            e.number,
            e.revision.effective_at,
            dates.day_label(e.revision.effective_at, policy.zone),
            said(e),
            compare_url(policy, current.number, e.number) if current else f"{home(policy)}/{e.number}",
            f"{home(policy)}/{e.number}",
        )
        for e in record.upcoming(now)
    ]


@dataclass(frozen=True, slots=True)
class IndexRow:
    title: str
    url: str
    lead: str
    history_url: str
    zone: str
    part_of_title: str | None
    in_force: RevisionView | None
    upcoming: RevisionView | None
    head: str  # of the chain


def index_row(record: History, whole: Policy | None, now: datetime) -> IndexRow:
    policy, current, coming = record.policy, record.in_force(now), record.upcoming(now)
    return IndexRow(
        policy.title,
        home(policy),
        policy.lead,
        f"{home(policy)}/history",
        policy.time_zone,
        whole.title if whole else None,
        revision_view(record, current, now) if current else None,
        revision_view(record, coming[0], now) if coming else None,
        grouped(record.entries[-1].revision.chain),
    )


def text_page(
    record: History,
    entry: Entry,
    whole: Policy | None,
    now: datetime,
    *,
    is_current: bool,
    upcoming: list[Upcoming],
    fresh: object = None,
) -> str:
    """A text as readers see it: public pages and the draft's preview are this one page."""
    view = PolicyView.of(record.policy, whole)
    revision = revision_view(record, entry, now)
    names = anchoring.of_revision(session(), record, entry)
    change = _last_change(record, entry)
    after = _margin(entry, change, names, revision.changes_url) if change and revision.changes_url else {}
    body = reading.body(entry.revision.text, view.title, names, after)
    return render_template(
        "public/policy.html",
        page_title=view.title,
        policy=view,
        revision=revision,
        body=body.html,
        contents=body.contents,
        numbered=body.numbered,
        fresh=fresh,
        weight=reading.weight(entry, change) if change else "",
        upcoming=upcoming,
        is_current_page=is_current,
        current_url=view.url,
        since_url=_since(record, entry, now),
        verdict=entry.verdict,
        locale=record.policy.locale,
        direction=locales.direction(record.policy.locale),
        languages=languages(record, entry),
    )


def _since(record: History, entry: Entry, now: datetime) -> str | None:
    """Of a text that another has followed: where it is compared with the one in force."""
    current = record.in_force(now)
    followed = current is not None and entry.live and entry.number < current.number
    return compare_url(record.policy, entry.number, current.number) if current and followed else None


def _last_change(record: History, entry: Entry) -> Change | None:
    """What a revision on record changed in the one before; None of a first one, and of a draft."""
    before = record.before(entry.number)
    if before is None or entry.revision.id is None:
        return None
    return comparing.compare(session(), before.revision, entry.revision)


def _margin(entry: Entry, change: Change, names: Names, url: str) -> dict[str, str]:
    blocks = comparing.blocks(session(), entry.revision)
    titles = {name.own: block.text for name, block in zip(names, blocks.blocks, strict=True) if block.is_heading}
    return reading.margin(reading.changed_sections(change, blocks, names), entry, url, titles)


# -- translations -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Language:
    """A language that a revision can be read in, by its own name."""

    tag: str
    own_name: str
    direction: str
    url: str
    here: bool


def languages(record: History, entry: Entry, here: str | None = None) -> list[Language]:
    """The languages of a revision, the authoritative one first; none where there is but that one.

    here: the locale that is shown, the authoritative one unless told otherwise.
    """
    if entry.revision.id is None:  # a preview
        return []
    own = record.policy.locale
    into = list(translations.latest(session(), entry.revision))
    return [
        Language(tag, locales.own_name(tag), locales.direction(tag), url, tag == (here or own))
        for tag, url in [(own, f"{home(record.policy)}/{entry.number}"), *_addresses(record, entry, into)]
        if into
    ]


def _addresses(record: History, entry: Entry, into: Iterable[str]) -> list[tuple[str, str]]:
    return [(tag, translation_url(record.policy, entry, tag)) for tag in into]


def translation_url(policy: Policy, entry: Entry, locale: str, number: int | None = None) -> str:
    """For good: of the translation that stands, or of one by its number."""
    url = f"{home(policy)}/{entry.number}/{locale}"
    return url if number is None else f"{url}/{number}"


@dataclass(frozen=True, slots=True)
class TranslationView:
    number: int
    locale: str
    name: str
    direction: str
    title: str
    title_locale: str  # the policy's own where the translation names no title
    title_direction: str
    date_label: str
    sha256: str
    url: str
    markdown_url: str
    changes_url: str | None  # against the one it replaces

    @classmethod
    def of(cls, record: History, entry: Entry, one: Translation) -> TranslationView:
        policy = record.policy
        url = translation_url(policy, entry, one.locale, one.number)
        title_locale = one.locale if one.title else policy.locale
        compared = f"{translation_url(policy, entry, one.locale)}/compare/{one.number - 1}..{one.number}"
        return cls(
            one.number,
            one.locale,
            locales.name(one.locale),
            locales.direction(one.locale),
            one.title or policy.title,
            title_locale,
            locales.direction(title_locale),
            dates.day_label(one.recorded_at, policy.zone),
            one.sha256,
            url,
            f"{url}.md",
            compared if one.number > 1 else None,
        )


def translation_page(
    record: History, entry: Entry, shown: Translation, whole: Policy | None, now: datetime
) -> str:
    """A translation as readers see it, under the line that the authoritative text prevails."""
    into = [t for t in translations.of_revision(session(), entry.revision) if t.locale == shown.locale]
    title = shown.title or record.policy.title
    body = reading.body(shown.text, title, anchoring.of_translation(_until(record, entry, shown)))
    return render_template(
        "public/translation.html",
        page_title=title,
        policy=PolicyView.of(record.policy, whole),
        revision=revision_view(record, entry, now),
        shown=TranslationView.of(record, entry, shown),
        others=[TranslationView.of(record, entry, one) for one in reversed(into)],
        standing_url=translation_url(record.policy, entry, shown.locale),
        is_standing=shown.number == into[-1].number,
        own_language=locales.name(record.policy.locale),
        languages=languages(record, entry, shown.locale),
        body=body.html,
        contents=body.contents,
        numbered=body.numbered,
    )


def _until(record: History, entry: Entry, shown: Translation) -> list[Translation]:
    """The translations into a locale that stood one after the other, up to one."""
    numbers = {one.revision.id: one.number for one in record.entries}
    into = [one for one, _ in translations.of_policy(session(), record.policy) if one.locale == shown.locale]
    told = sorted(into, key=lambda one: (numbers[one.revision_id], one.number))
    return [one for one in told if (numbers[one.revision_id], one.number) <= (entry.number, shown.number)]


def counts(change: Change) -> dict[str, int]:
    """How much changed, in numbers: the same over a public redline and in the publish form."""
    told = change.sections
    return {
        "changes": len(change.numbered),
        "sections": sum(bool(section.changed) for section in told),
        "inserted": sum(section.words_inserted for section in told),
        "deleted": sum(section.words_deleted for section in told),
        "moves": change.moves,
        "links": change.links_changed,
    }


def validity(record: History, entry: Entry, now: datetime) -> str:
    """When a revision is in force, as a sentence without a full stop."""
    zone = record.policy.zone
    starts, ends = held(record, entry)
    if entry.withdrawal is not None:
        return f"Withdrawn {dates.day_label(entry.withdrawal.recorded_at, zone)}, never in force"
    if ends is not None and ends <= starts:
        return "Never in force: another text came into force at the same instant"
    since = dates.day_label(starts, zone)
    if starts > now:
        return f"In force from {since}"
    return f"In force {since} to {dates.day_label(ends, zone)}" if ends else f"In force since {since}"
