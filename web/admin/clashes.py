"""Two people in one draft: what is kept and what was typed over it, side by side, so that nothing is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from errors import Refusal
from policy_versions import diff, drafts
from policy_versions.diff import redline
from policy_versions.models import Draft, Policy
from web import filters
from web.admin import typed
from web.context import session

NAMES = {
    "revision_date": "Date of revision",
    "effective": "In force from",
    "rule": "How it comes to apply",
    "notice_days": "Notice period",
    "summary": "Summary",
    "controller": "Who becomes responsible",
}


@dataclass(frozen=True, slots=True)
class Clash:
    """What somebody else kept meanwhile. redline: from their text to the one typed; "" where they are equal.

    fields: name, theirs, and the one typed, of those that differ.
    """

    by: str
    at: str
    version: int
    text: str
    redline: Markup
    counted: int
    fields: list[tuple[str, str, str]]


def of(mine: Draft, policy: Policy) -> Clash:
    """mine: the draft as typed, not in the session. Raises: NoSuchDraft."""
    theirs = drafts.by_id(session(), mine.id or 0)
    shown, counted = _redline(theirs.text, mine.text)
    fields = [
        (NAMES[name], str(getattr(theirs, name)), str(getattr(mine, name)))
        for name in typed.FIELDS
        if name != "text" and getattr(theirs, name) != getattr(mine, name)
    ]
    at = filters.instant(theirs.saved_at, policy.zone)
    return Clash(theirs.saved_by, at, theirs.version, theirs.text, shown, counted, fields)


def _redline(theirs: str, mine: str) -> tuple[Markup, int]:
    """What the typed text has that theirs has not, and how many changes; nothing where it cannot be compared."""
    if theirs == mine:
        return Markup(), 0
    try:
        change = diff.compare(theirs, mine)
    except Refusal:
        return Markup(), 0
    html = _TAG.sub(_apart, redline.html(change, context=0))
    return Markup(html), len(change.numbered)  # noqa: S704 -- the words in it are escaped


_TAG = re.compile(r"<[^>]+>")
_NAMED = re.compile(r'\b(id="|href="#)')


def _apart(tag: re.Match[str]) -> str:
    """Names of its own, because the page holds another redline."""
    return _NAMED.sub(r"\1clash-", tag[0])
