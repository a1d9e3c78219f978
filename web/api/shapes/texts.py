"""Policies and their revisions, as they are read, compared, published and decided again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from policy_versions.archive import MOST_NOTICE_DAYS
from policy_versions.overruling import LONGEST_REASON, LONGEST_SUMMARY
from web.api.shapes.common import AS_WHOLE, Asked, Day, Instant, Number, RowId, Said, Shape

Rule = Literal["posting", "notice", "acceptance"]
Status = Literal["in force", "upcoming", "superseded", "withdrawn"]
Verdict = Literal["first", "significant", "minor", "undecided"]


class Policy(Said):
    """A document that the service promises to keep to."""

    slug: str
    title: str
    lead: str
    promise: Literal["posting only", "may notify", "will notify"]
    time_zone: str
    locale: str
    part_of: str | None = Field(description="The policy that this one belongs to.")
    revisions: int
    in_force: int | None = Field(description="The number of the revision in force now.")
    upcoming: list[int]
    url: str = Field(description="Where readers read it.")


class Policies(Said):
    items: list[Policy]
    next: str | None = Field(description="The cursor of the next page; null: there is none.")


class Revision(Said):
    """One dated text of a policy. Immutable; `chain` covers its facts and all revisions before it."""

    policy: str
    number: int
    revision_date: str = Field(description="As readers see it: a day, a month or a year.")
    status: Status
    verdict: Verdict
    decision: int | None = Field(description="The decision that stands; null: undecided.")
    rule: Rule
    notice_days: int
    summary: str
    imported: bool
    published_at: Instant
    effective_at: Instant
    withdrawn_at: Instant | None
    withdrawn_because: str | None
    sha256: str = Field(description="Of the text's bytes.")
    chain: str
    url: str


class Revisions(Said):
    items: list[Revision]
    next: str | None = Field(description="The cursor of the next page; null: there is none.")


class WholeRevision(Revision):
    """A revision with its text."""

    text: str = Field(description="Markdown, byte for byte.")


class InForce(Said):
    """Which text of a policy was in force at an instant."""

    policy: str
    at: Instant
    revision: Revision
    first_from: Instant = Field(description="Since when there has been one in force.")


class Between(Asked):
    old: Number = Field(alias="from")
    new: Number = Field(alias="to")


class Compared(Said):
    number: int
    date: str
    sha256: str


class Comparison(Said):
    """What changed from one text to another: the same change as on the page and in the letters."""

    model_config = ConfigDict(extra="allow")
    policy: str
    old: Compared
    new: Compared
    engine: str
    words_inserted: int
    words_deleted: int
    links_changed: int
    moves: int
    is_complete: bool
    sections: list[dict[str, Any]]
    blocks: list[dict[str, Any]]


# -- publishing ---------------------------------------------------------------------------------

RevisionDate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_REASON)]


class NewRevision(Shape):
    """A text to publish, as the form has it."""

    text: str = Field(min_length=1, max_length=1_000_000, description="Markdown.")
    summary: str = Field(min_length=1, max_length=LONGEST_SUMMARY, description="What changes, for members.")
    revision_date: RevisionDate | SkipJsonSchema[None] = Field(
        default=None,
        description="As readers see it: 2026-05-25, 2026-05 or 2026; the day of publishing unless given.",
    )
    effective_on: Day | SkipJsonSchema[None] = Field(
        default=None,
        description="In force from the first instant of that day in the policy's time zone; else at once.",
    )
    rule: Rule = "notice"
    notice_days: Annotated[int, Field(ge=0, le=MOST_NOTICE_DAYS), AS_WHOLE] = 30
    controller: Annotated[str, Field(max_length=200)] = Field(
        default="",
        description="Who becomes responsible for members' personal information by this text, where that changes.",
    )
    tell_first: bool = Field(default=False, description="Open a notice of a policy's first text.")
    audience: Annotated[int, Field(ge=0), AS_WHOLE] | SkipJsonSchema[None] = Field(
        default=None,
        description="How many members you expect to be told. Needed, and compared, where any would be.",
    )


class Foreseen(Said):
    """What the engine will decide, as the record stands; the scheduler decides within seconds."""

    verdict: Verdict
    level: int
    summary: str
    audience: int = Field(description="Members who will be told, unless a person decides otherwise.")


class Published(Said):
    revision: Revision
    decision: Literal["due"] = "due"
    foreseen: Foreseen


class Reason(Shape):
    reason: Words


class Withdrawn(Said):
    revision: Revision
    correction: int | None = Field(description="The notice that tells those who were told; null: nobody was.")


# -- decisions ----------------------------------------------------------------------------------


class Decision(Said):
    """Whether a change matters, and why."""

    id: int
    policy: str
    number: int
    verdict: Literal["first", "significant", "minor"]
    level: int
    summary: str
    findings: list[dict[str, Any]]
    confidence: float | None
    engine: str = Field(description="Empty where a person decided.")
    decided_by: str
    confirmed_by: str | None
    reason: str
    decided_at: Instant
    reopening: int | None = Field(description="To be named by whoever decides again, where it is open again.")
    proposal: int | None = Field(description="A proposal to lower it that waits for a second person.")


class NewDecision(Shape):
    """To decide again. `decision` and `reopening`: the ones you looked at, so that nobody overrules unseen."""

    verdict: Literal["significant", "minor"]
    reason: Words
    decision: RowId
    reopening: RowId | SkipJsonSchema[None] = None
    level: Annotated[int, Field(ge=0, le=4), AS_WHOLE] | SkipJsonSchema[None] = None
    summary: Annotated[str, StringConstraints(max_length=LONGEST_SUMMARY)] | SkipJsonSchema[None] = None


class Overruled(Said):
    """A decision made; or, where level 4 would be lowered, proposed to a second person in the administration."""

    state: Literal["decided", "proposed"]
    id: int = Field(description="Of the decision, or of the proposal.")
    verdict: Literal["significant", "minor"]
    level: int


# -- notices ------------------------------------------------------------------------------------


class Notice(Said):
    id: int
    policy: str
    revision: int
    kind: Literal["change", "correction"]
    state: Literal["scheduled", "waiting", "sending", "paused", "complete", "cancelled", "recalled"]
    why: str = Field(description="Why it waits or is paused.")
    due_at: Instant
    created_at: Instant
    opened_at: Instant | None
    completed_at: Instant | None
    deliveries: dict[str, int] = Field(description="Members by what became of their letter.")


class Notices(Said):
    items: list[Notice]
    next: str | None = Field(description="The cursor of the next page; null: there is none.")


class When(Shape):
    due_at: Instant
