"""Which text governed, governs or will govern a member, and how that is known."""

from __future__ import annotations

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from notifier.standing import MOST_PAIRS
from web.api.shapes.common import Asked, Cursor, ExternalId, Instant, Limit, Said, Shape, Slug


class Governed(Asked):
    policy: Slug
    at: Instant | SkipJsonSchema[None] = Field(default=None, description="Now, unless it is given.")


class Answer(Said):
    """Which revision governs a member at an instant, by what is known now. Where none does, `why` says why."""

    external_id: str
    policy: str
    at: Instant
    known_at: Instant
    revision: int | None
    revision_date: str | None
    since: Instant | None = Field(description="The revision governs on [since, until).")
    until: Instant | None
    basis: str | None = Field(description="By what it came to apply: first, joined, posted, notice, acceptance …")
    evidence: list[str] = Field(description="The facts that tipped it.")
    why: str | None
    provisional: bool = Field(description="Somebody may be about to commit a fact recorded before `at`.")
    forecast: bool = Field(description="`at` is to come: later facts may change the answer.")


class Stretch(Said):
    revision: int
    revision_date: str
    since: Instant
    until: Instant | None
    basis: str
    evidence: list[str]
    forecast: bool


class Upcoming(Said):
    revision: int
    revision_date: str
    rule: str
    significant: bool
    effective_at: Instant
    applies_from: Instant | None = Field(description="Null: the member's notice or acceptance is still to come.")


class Line(Said):
    policy: str
    title: str
    known_at: Instant
    joined_at: Instant
    end: Instant | None
    stretches: list[Stretch]
    upcoming: list[Upcoming]


class Timeline(Said):
    external_id: str
    policies: list[Line]


class Pair(Shape):
    external_id: ExternalId
    at: Instant | SkipJsonSchema[None] = Field(default=None, description="Now, unless it is given.")


class Pairs(Shape):
    policy: Slug
    pairs: list[Pair] = Field(max_length=MOST_PAIRS)


class Answers(Said):
    """One answer for each pair, in their order; for who is no member, one without a revision that says so."""

    items: list[Answer]


class Since(Asked):
    policy: Slug
    since: Instant | SkipJsonSchema[None] = Field(default=None, description="All, unless it or a cursor is given.")
    cursor: Cursor | SkipJsonSchema[None] = Field(
        default=None, description="As `next` of the page before gave it. Goes before `since`."
    )
    limit: Limit = 1000


class Movement(Said):
    """A member came under a revision."""

    external_id: str | None = Field(description="Null: erased since.")
    member: int = Field(description="The pseudonym.")
    revision: int
    revision_date: str
    before: int | None
    at: Instant
    basis: str
    evidence: list[str]


class Movements(Said):
    items: list[Movement]
    next: str = Field(description="Where to go on: at once where `more`, else the next time.")
    more: bool
    through: Instant = Field(description="All that became known up to then has been told once `more` is false.")
