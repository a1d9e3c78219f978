"""What the site notice says, in each language there is a catalogue of its own for; in any other, English."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from notifier import wording
from notifier.wording import N_

MESSAGES: Mapping[str, str] = {
    "label": N_("Notice of a change"),
    "changes": N_("“{title}” changes"),
    "changed": N_("“{title}” has changed"),
    "withdrawn": N_("A change to “{title}” was withdrawn and does not apply"),
    "translated": N_("The translation of “{title}” was corrected"),
    "from": N_("It applies to you from {date}."),
    "since": N_("It has applied to you since {date}."),
    "asks": N_("It applies to you only once you accept it."),
    "see": N_("See what changes for you"),
    "decide": N_("See what changes, then decide"),
    "read": N_("Read the text"),
    "acknowledge": N_("I have read this"),
    "close": N_("Close"),
}


class Words(NamedTuple):
    """A member's language, whose dates they are shown, and each sentence by name; {title}, {date} stand open."""

    language: str
    dates: str
    said: Mapping[str, str]


@cache
def of(locale: str) -> Words:
    """How the site notice speaks to a member of a locale. Dates are set by the browser."""
    spoken = wording.of(locale, wording.SITE_NOTICE)
    said = {name: spoken.catalogue.gettext(message) for name, message in MESSAGES.items()}
    return Words(spoken.language, str(spoken.dating).replace("_", "-"), said)
