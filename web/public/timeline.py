"""The history page: each text of a policy with its date, its standing and its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policy_versions import archive, comparing, dates
from policy_versions.archive import Entry, History
from policy_versions.models import Filing
from web.context import session
from web.public import reading
from web.public.present import compare_url, home, said, validity


@dataclass(frozen=True, slots=True)
class HistoryRow:
    number: int
    date_label: str
    verdict: str
    status: str
    summary: str
    categories: list[str]
    inserted: int | None
    deleted: int | None
    links_changed: int
    moves: int
    words: int
    validity: str
    url: str
    changes_url: str | None
    further_dates: list[str]
    imported: bool


@dataclass(slots=True)
class HistoryView:
    years: list[tuple[int, list[HistoryRow]]] = field(default_factory=list)
    scale: int = 1  # words inserted and deleted by the largest change


def history_view(record: History, filings: Sequence[Filing], now: datetime) -> HistoryView:
    further: dict[int, list[str]] = {}
    for filing in filings:
        further.setdefault(filing.revision_id, []).append(filing.revision_date)
    view = HistoryView()
    for entry in reversed(record.entries):
        other_dates = further.get(entry.revision.id or 0, [])[1:]
        row = _history_row(record, entry, other_dates, now)
        year = entry.revision.date.year
        if not view.years or view.years[-1][0] != year:
            view.years.append((year, []))
        view.years[-1][1].append(row)
        view.scale = max(view.scale, (row.inserted or 0) + (row.deleted or 0))
    return view


def _history_row(record: History, entry: Entry, further: Iterable[str], now: datetime) -> HistoryRow:
    policy, revision, before = record.policy, entry.revision, record.before(entry.number)
    change = comparing.compare(session(), before.revision, revision) if before else None
    return HistoryRow(
        number=entry.number,
        date_label=_short(revision.date),
        verdict=entry.verdict,
        status=record.status(entry, now),
        summary=said(entry) or ("The first text." if entry.verdict == "first" else ""),
        categories=reading.categories(entry),
        inserted=change.words_inserted if change else None,
        deleted=change.words_deleted if change else None,
        links_changed=change.links_changed if change else 0,
        moves=change.moves if change else 0,
        words=len(revision.text.split()),
        validity=validity(record, entry, now),
        url=f"{home(policy)}/{entry.number}",
        changes_url=compare_url(policy, before.number, entry.number) if before else None,
        further_dates=[dates.RevisionDate.parse(d).label for d in further],
        imported=revision.imported,
    )


def _short(date: dates.RevisionDate) -> str:
    """The date less its year, which stands above: "14 Oct", "Sep", "2015"."""
    words = date.label.split()[:-1]
    return " ".join(word[:3] if word.isalpha() else word for word in words) or str(date.year)


def facts(record: History, now: datetime) -> list[dict[str, Any]]:
    """The dateline of the history page: what is in force, what comes, and that the chain of texts is whole."""
    zone = record.policy.zone
    current, coming = record.in_force(now), record.upcoming(now)
    told: list[dict[str, Any]] = [
        {"label": "In force today", "value": f"No. {current.number}" if current else "none yet"}
    ]
    if coming:
        when = dates.day_label(coming[0].revision.effective_at, zone).replace(" ", "\u00a0")
        told.append({"label": "Upcoming", "value": f"No. {coming[0].number}, from {when}"})
    if record.entries:
        told.append({"label": "First published", "value": record.entries[0].revision.date.label})
        told.append(
            {"label": "Record", "url": f"{home(record.policy)}/chain", "link": _chain(record), "end": True}
        )
    return told


def _chain(record: History) -> str:
    broken, count = archive.broken_link(record), len(record.entries)
    return f"Broken at No. {broken}" if broken else f"Unbroken, {count:,} of {count:,} verified"


def lead(record: History) -> str:
    """What the history page is, in a sentence or two."""
    if not record.entries:
        return "Every text of this policy will stand here."
    count, since = len(record.entries), min(entry.revision.date.year for entry in record.entries)
    texts = reading.plural(count, "text")
    stays = "It stays at its own address, with its date and its hash."
    each = "Each stays at its own address, with its date, its hash and the change from the one before."
    return f"{texts[:1].upper()}{texts[1:]} since {since}. {stays if count == 1 else each}"
