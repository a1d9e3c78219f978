"""What is answered: one instant, a whole timeline, a row of an export. Pure: spans in, answers out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from errors import InstantImpossible, InstantNaive
from notifier.standing.alike import Life
from policy_versions import dates
from policy_versions.applicability import Basis, FactId

SETTLED_AFTER = timedelta(seconds=60)  # a writer may be about to commit what it recorded before that


class Why(StrEnum):
    """Why no text of a policy governed a member."""

    NOT_YET = "before they joined"
    ENDED = "after their end"  # erased, or no longer retained
    NO_TEXT = "before the first text"


class Text(NamedTuple):
    """A revision as answers name it. rule, effective_at: see Revision. live: not withdrawn."""

    number: int
    id: int
    date: str
    rule: str
    effective_at: datetime
    significant: bool  # as it stands now; undecided counts
    live: bool


class Stretch(NamedTuple):
    """A revision governs a member on [since, until). until: None where nothing known ends it.

    evidence: the fact that tipped it, then all others that it rests on. forecast: it begins after `known_at`.
    """

    revision: int
    revision_id: int
    revision_date: str
    since: datetime
    until: datetime | None
    basis: Basis
    evidence: tuple[FactId, ...]
    forecast: bool = False


class Answer(NamedTuple):
    """Which revision governs a member at an instant, by what is known at `known_at`.

    Where none does, `revision` and what belongs to it are None, `why` says why, and [since, until) is the time in
    which none does; None for without an end. until: on present facts. evidence: see Stretch.
    provisional: somebody may be about to commit a fact recorded before that instant. forecast: the instant is to
    come, and later facts may change the answer.
    """

    member_id: int
    policy: str
    at: datetime
    known_at: datetime
    revision: int | None
    revision_id: int | None
    revision_date: str | None
    since: datetime | None
    until: datetime | None
    basis: Basis | None
    evidence: tuple[FactId, ...]
    why: Why | None
    provisional: bool
    forecast: bool


class Upcoming(NamedTuple):
    """A text that is published and does not govern the member yet.

    applies_from: when it will, or a later one in its stead, on present facts; None where something is still to
    happen: their notice, or their acceptance (`rule`).
    """

    revision: int
    revision_id: int
    revision_date: str
    rule: str
    significant: bool
    effective_at: datetime
    applies_from: datetime | None


class Line(NamedTuple):
    """A member's timeline by one policy, as known at `known_at`."""

    policy: str
    title: str
    known_at: datetime
    joined_at: datetime
    end: datetime | None
    stretches: tuple[Stretch, ...]
    upcoming: tuple[Upcoming, ...]


class Row(NamedTuple):
    """A member's standing at a date, as exported. external_id: None once erased. revision: None: see `why`."""

    member_id: int
    external_id: str | None
    revision: int | None
    revision_date: str | None
    since: datetime | None
    until: datetime | None
    basis: str
    why: str


def checked(at: datetime) -> datetime:
    """The instant in UTC. Raises: InstantNaive, InstantImpossible."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise InstantNaive
    if not dates.FIRST_YEAR <= at.year <= dates.LAST_YEAR:
        raise InstantImpossible(dates.FIRST_YEAR, dates.LAST_YEAR)
    return at.astimezone(UTC)


def answer(life: Life, slug: str, texts: Mapping[int, Text], at: datetime, *, now: datetime) -> Answer:
    """What governs a member at an instant."""
    forecast = at > now
    provisional = not forecast and at >= now - SETTLED_AFTER
    known = (life.member_id, slug, at, now)
    span = life.at(at)
    if span is None:
        why, since, until = gap(life, at)
        return Answer(*known, None, None, None, since, until, None, (), why, provisional, forecast)
    text = texts[span.revision]
    return Answer(
        *known, text.number, text.id, text.date, span.start, span.end, span.basis, span.rests_on, None,
        provisional, forecast,
    )  # fmt: skip


def gap(life: Life, at: datetime) -> tuple[Why, datetime | None, datetime | None]:
    """Why nothing governs a member at an instant, and from when until when nothing does."""
    if at < life.joined_at:
        return Why.NOT_YET, None, life.joined_at
    if life.end is not None and at >= life.end:
        return Why.ENDED, life.end, None
    return Why.NO_TEXT, life.joined_at, life.first() or life.end


def stretches(life: Life, texts: Mapping[int, Text], *, now: datetime) -> tuple[Stretch, ...]:
    """A member's spans, each with its text."""
    return tuple(
        Stretch(
            span.revision, texts[span.revision].id, texts[span.revision].date,
            span.start, span.end, span.basis, span.rests_on, span.start > now,
        )
        for span in life.spans()
    )  # fmt: skip


def upcoming(life: Life, texts: Mapping[int, Text], *, now: datetime) -> tuple[Upcoming, ...]:
    """The published texts after the one that governs a member; none for those who have gone."""
    if life.end is not None and life.end <= now:
        return ()
    governs, spans = life.at(now), life.spans()
    after = governs.revision if governs else 0
    return tuple(
        Upcoming(
            text.number, text.id, text.date, text.rule, text.significant, text.effective_at,
            next((span.start for span in spans if span.revision >= text.number), None),
        )
        for text in texts.values()
        if text.live and text.number > after
    )  # fmt: skip


def row(life: Life, texts: Mapping[int, Text], at: datetime) -> Row:
    """A member's row of an export."""
    span = life.at(at)
    if span is None:
        why, since, until = gap(life, at)
        return Row(life.member_id, life.external_id, None, None, since, until, "", why)
    date = texts[span.revision].date
    return Row(life.member_id, life.external_id, span.revision, date, span.start, span.end, span.basis, "")
