"""What readers ask of a policy's history by its forms: the text of a day, and what changed from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from errors import FieldMissing, NothingInForceOn
from policy_versions import dates
from policy_versions.archive import Entry, History


class Asked(NamedTuple):
    """What was asked and could not be answered. field: of the form, on, from or to."""

    given: Mapping[str, str]
    field: str = ""
    sentence: str = ""

    @property
    def errors(self) -> list[tuple[str, str]]:
        return [(self.field, self.sentence)] if self.field else []


NOTHING = Asked({})


def in_force_on(record: History, written: str) -> Entry:
    """The text that was in force at the end of a day, as far as is known today; of a month or a year, of its last.

    Raises: FieldMissing, DateMalformed, NothingInForceOn.
    """
    if not written.strip():
        raise FieldMissing("on", "Say which day, as in 2018-05-25.")
    day = dates.RevisionDate.parse(written)
    entry = record.in_force(day.ends(record.policy.zone) - dates.INSTANT)
    if entry is None:
        first = min((e.revision.effective_at for e in record.entries if e.live), default=None)
        raise NothingInForceOn(day.label, dates.day_label(first, record.policy.zone) if first else None)
    return entry


def picked(given: Mapping[str, str], field: str) -> str:
    """The name of the text that was picked, a number or a date. field: from or to. Raises: FieldMissing."""
    name = given.get(field, "").strip()
    if not name:
        which = "earlier" if field == "from" else "later"
        raise FieldMissing(field, f"Pick the {which} text to compare.")
    return name
