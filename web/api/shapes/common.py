"""The kinds of values that the API knows, and what every part of it answers with."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from policy_versions import dates
from web.addresses import MOST

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS = f"of the years {dates.FIRST_YEAR} to {dates.LAST_YEAR}"


def instant(given: Any) -> datetime:
    """Read an instant (RFC 3339) into UTC: one without an offset is nobody's. Raises: ValueError."""
    if isinstance(given, datetime):
        return given
    if not isinstance(given, str) or not _INSTANT.fullmatch(given):
        raise ValueError("write an instant with its offset, as in 2026-05-25T09:30:00Z (a + in an address is %2B)")
    try:
        read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", given.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such day or time") from None
    if not dates.FIRST_YEAR <= read.year <= dates.LAST_YEAR:
        raise ValueError(f"an instant is {_YEARS}")
    return read


def day(given: Any) -> date:
    """Read a day. Raises: ValueError."""
    if not isinstance(given, str) or not _DAY.fullmatch(given):
        raise ValueError("write a day as in 2026-05-25")
    try:
        read = date.fromisoformat(given)
    except ValueError:
        raise ValueError("there is no such day") from None
    if not dates.FIRST_YEAR <= read.year <= dates.LAST_YEAR:
        raise ValueError(f"a day is {_YEARS}")
    return read


Instant = Annotated[
    datetime,
    BeforeValidator(instant),
    WithJsonSchema({"type": "string", "format": "date-time", "example": "2026-05-25T09:30:00Z"}),
]
Day = Annotated[
    date,
    BeforeValidator(day),
    WithJsonSchema({"type": "string", "format": "date", "example": "2026-05-25"}),
]
_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_EXTERNAL_ID = r"^[^\s\x00-\x1f\x7f\ufffd]([^\x00-\x1f\x7f\ufffd]*[^\s\x00-\x1f\x7f\ufffd])?$"
_LOCALE = r"^[A-Za-z0-9]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}$"
_SHA256 = r"^[0-9a-f]{64}$"
_REPEAT_KEY = r"^[!-~]+$"
# What each asks for, for whoever sent something else: the document has the expression itself.
IN_WORDS = {
    _SLUG: "write small letters, digits and single hyphens",
    _EXTERNAL_ID: "a key has no blanks around it, and nothing in it that nobody could see",
    _LOCALE: "write a locale such as en, pt-BR or zh-Hant",
    _SHA256: "write 64 small hexadecimal digits",
    _REPEAT_KEY: "write visible ASCII characters, without blanks",
}
Slug = Annotated[str, StringConstraints(pattern=_SLUG, max_length=60)]
ExternalId = Annotated[str, StringConstraints(pattern=_EXTERNAL_ID, max_length=255)]  # a host's own, for a member
Locale = Annotated[str, StringConstraints(pattern=_LOCALE, max_length=35)]
Sha256 = Annotated[str, StringConstraints(pattern=_SHA256)]


# A query and a path hold text, whatever it means: digits only, so that " 1", "+1" and "1.0" are no numbers.
def _number(given: Any) -> Any:
    """Raises: ValueError."""
    if not isinstance(given, str):
        return _whole(given)
    if not (given.isascii() and given.isdigit()) or len(given) > 10:
        raise ValueError("write a whole number")
    return int(given)


def _whole(given: Any) -> Any:
    """JSON has one kind of number: 3.0 is the whole number 3."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


AS_WHOLE = BeforeValidator(_whole)  # stands after a field's limits, or they would not be documented
RowId = Annotated[int, Field(ge=1, le=MOST), AS_WHOLE]
Number = Annotated[int, Field(ge=1, le=MOST), BeforeValidator(_number)]
Limit = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_number)]
Cursor = Annotated[str, StringConstraints(max_length=200)]
RepeatKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_REPEAT_KEY)]


class Shape(BaseModel):
    """What is read from a body: exactly the documented form, no more and nothing taken for something else."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Asked(BaseModel):
    """What is read from an address."""

    model_config = ConfigDict(extra="forbid")


class Said(BaseModel):
    """What is answered."""

    model_config = ConfigDict(from_attributes=True)


class Fault(Said):
    """One thing that is wrong with a request."""

    at: str = Field(description="Where: a field, or a path of fields parted by dots.")
    detail: str


class Problem(Said):
    """What was refused, and why (RFC 9457). Nothing was changed."""

    type: str = Field(description="A stable address of the kind of problem, or about:blank.")
    title: str
    status: int
    detail: str
    errors: list[Fault] | SkipJsonSchema[None] = None


class PolicyPath(Asked):
    slug: Slug


class RevisionPath(Asked):
    slug: Slug
    number: Number


class MemberPath(Asked):
    external_id: ExternalId


class NoticePath(Asked):
    notice: Number


class Page(Asked):
    """Where in a list to begin, and how much of it to give."""

    limit: Limit = 100
    cursor: Cursor | SkipJsonSchema[None] = Field(
        default=None, description="As `next` of the page before gave it."
    )


class At(Asked):
    at: Instant | SkipJsonSchema[None] = Field(default=None, description="Now, unless it is given.")


class Once(BaseModel):
    """A key under which a request may be sent again, and is done once."""

    key: RepeatKey | SkipJsonSchema[None] = Field(
        default=None,
        alias="Idempotency-Key",
        description="Of this request alone. Sent again within 24 hours, it is answered as it was the first time.",
    )
