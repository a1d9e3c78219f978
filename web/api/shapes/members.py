"""Members as a host keeps them, and what they said of a text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from notifier.tokens import MOST_ORIGINS
from web.api.shapes.common import ExternalId, Instant, Locale, RowId, Said, Sha256, Shape, Slug

Email = Annotated[str, StringConstraints(min_length=3, max_length=254)]
_EMAIL: dict[str, Any] = {"format": "email"}


class MemberFields(Shape):
    """What a host knows of a member. What is left out stays as it is; null clears it."""

    email: Email | None = Field(default=None, json_schema_extra=_EMAIL)
    locale: Locale = "en"
    joined_at: Instant | None = Field(
        default=None, description="Set once; now, unless it is given the first time."
    )
    retained_until: Instant | None = Field(
        default=None, description="From then on nothing personal is kept; in the past only for who is new."
    )
    guardian_email: Email | None = Field(default=None, json_schema_extra=_EMAIL)


class Member(Said):
    external_id: str
    id: int = Field(description="The pseudonym, which outlives erasure.")
    email: str | None
    locale: str
    joined_at: Instant
    retained_until: Instant | None
    guardian_email: str | None
    recorded_at: Instant


class RowDone(Said):
    """What became of one line."""

    line: int
    result: Literal["added", "changed", "unchanged", "refused"]
    detail: str = Field(description="Why it was refused.")


class RowsDone(Said):
    added: int
    changed: int
    unchanged: int
    refused: int
    rows: list[RowDone]


class NewName(Shape):
    external_id: ExternalId


class Merge(Shape):
    into: ExternalId = Field(description="The account that stays: the older one.")


class Session(Said):
    url: str = Field(description="A member's own page. Whoever has the address has the page: hand it on at once.")
    expires_at: Instant


class Origins(Shape):
    origins: list[Annotated[str, StringConstraints(min_length=1, max_length=300)]] = Field(
        min_length=1,
        max_length=MOST_ORIGINS,
        description="Of the pages that show it, as in https://www.example.com.",
    )


class SiteToken(Said):
    token: str = Field(description="For the script of the site notice, on pages of those origins only.")
    expires_at: Instant


class Pending(Said):
    """A notice that a member is still to be shown on the host's pages."""

    notice: int
    kind: Literal["change", "correction"]
    policy: str
    title: str
    revision: int
    revision_date: str
    summary: str
    knows: int | None = Field(description="The revision that the member knows; null: none.")
    applies_from: Instant | None = Field(description="If they are shown it now; null: once they accept it.")
    already: bool = Field(description="It governs them already.")
    asks: bool = Field(description="It applies to them only once they accept it.")
    url: str
    compare_url: str | None


class SiteNotice(Said):
    items: list[Pending] = Field(description="The latest first; none: there is nothing to show.")


class Shown(Said):
    notice: int
    new: bool = Field(description="False: they had been shown it before.")


Kind = Literal["read", "accepted", "declined", "consent withdrawn"]


class NewAcknowledgement(Shape):
    """What somebody said of a text."""

    policy: Slug
    revision: RowId
    kind: Kind
    actor: Literal["member", "guardian"] = "member"
    locale: Locale | SkipJsonSchema[None] = Field(
        default=None, description="Of the text shown; the policy's, unless given."
    )
    shown_sha256: Sha256 | SkipJsonSchema[None] = Field(
        default=None, description="Of the text shown, authoritative or translated."
    )


class Acknowledgement(Said):
    id: int
    member: int = Field(description="The member's pseudonym.")
    policy: str
    revision: int
    kind: Kind
    actor: Literal["member", "guardian"]
    route: str
    locale: str
    shown_sha256: str | None
    recorded_at: Instant
