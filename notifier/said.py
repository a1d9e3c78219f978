"""What a person types about a notice: a reason in one line, a time by the clocks of the policy's place. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from errors import DateMalformed, FieldMissing, FieldTooLong, TimeMalformed, TimeSkipped, Unprintable
from policy_versions import dates

LONGEST_REASON = 500
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?", re.ASCII)


def reason(written: str, asked: str = "Say why.") -> str:
    """Return a reason in one line. asked: what is said where there is none.

    Raises: FieldMissing, FieldTooLong, Unprintable.
    """
    said = written.strip()
    if not said:
        raise FieldMissing("reason", asked)
    if len(said) > LONGEST_REASON:
        raise FieldTooLong("reason", LONGEST_REASON)
    if not all(character.isprintable() for character in said):
        raise Unprintable("reason")
    return said


def time_of(written: str, zone: ZoneInfo) -> datetime:
    """Read a local time, as in 2026-05-25 09:30 or with a T between, as an instant (UTC).

    Of a time that the clocks show twice the first is meant. Raises: TimeMalformed, TimeSkipped.
    """
    given = written.strip()
    if _TIME.fullmatch(given) is None:
        raise TimeMalformed(given)
    try:
        local = datetime.fromisoformat(given)
        dates.check(local.date())
    except (ValueError, DateMalformed) as error:
        raise TimeMalformed(given) from error
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        raise TimeSkipped(f"{local:%Y-%m-%d %H:%M}", str(zone))
    return instant
