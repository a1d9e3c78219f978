"""Members as a host keeps them, and what they said of a text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from web.api.shapes.common import ExternalId, Instant, Locale, Number, Said, Sha256, Shape, Slug

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


class Session(Said):
    url: str = Field(description="A member's own page. Whoever has the address has the page: hand it on at once.")
    expires_at: Instant


Kind = Literal["read", "accepted", "declined", "consent withdrawn"]


class NewAcknowledgement(Shape):
    """What somebody said of a text."""

    policy: Slug
    revision: Number
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
