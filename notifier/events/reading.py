"""Read what SendGrid posts: a list of events, each judged by itself, so that a bad one spoils no other. Pure.

Source: docs.sendgrid.com “Event Webhook Reference”. Custom arguments come back as keys of the event itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

# Opens, clicks and the like say nothing of whether a letter came; they are neither stored nor counted.
_IGNORED = frozenset(
    ("open", "click", "unsubscribe", "group_unsubscribe", "group_resubscribe", "account_status_change")
)
_TAKEN = frozenset(("processed", "deferred", "blocked", "delivered", "dropped", "bounce", "spamreport"))
# A letter dropped for one of these reasons was not dropped for its address, which may be written to again.
_NO_FAULT_OF_THE_ADDRESS = ("quota", "smtpapi", "spam content", "unsubscribe")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)  # how far a provider's clock may be ahead of ours
_ID = re.compile(r"-?[0-9]{1,19}")
_LARGEST_ID = 2**63 - 1
_LONGEST_ADDRESS = 320
_DEEPEST = 20  # brackets within brackets; an event of SendGrid's is flat
# A run of brackets is one token, a string without end too; nothing is tried twice, so that no text takes long.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{]+|[\]}]+|,', re.DOTALL)


class Reported(NamedTuple):
    """One thing said of one letter.

    delivery: as named; negative for a letter to a subscriber, None where none is named. named: what was named
    in its place, where that is no number of ours. returned: it came back by the return address, so it says no
    attempt, there is one outcome for each, and it may bar nobody's address but the member's own.
    """

    event: str  # one of models.EVENTS
    happened_at: datetime  # as the reporter says: evidence
    delivery: int | None = None
    named: str = ""
    attempt: int | None = None
    address: str = ""
    message_id: str = ""
    bars: bool = False  # the address is not to be written to again
    returned: bool = False


class Reading(NamedTuple):
    """What a body says. bad: elements that could not be read. said: why, in a sentence, or ""."""

    events: list[Reported]
    bad: int = 0
    said: str = ""


def read(body: bytes, *, received_at: datetime) -> Reading:
    """Read a body whose signature holds. It never raises, whatever the body is."""
    try:
        elements = _elements(body.decode("utf-8-sig"))
    except ValueError:  # no UTF-8, or no JSON
        return Reading([], said="It is not JSON.")
    if not isinstance(elements, list):
        return Reading([], said="It is no list of events.")
    events, bad = [], 0
    for element in elements:
        if isinstance(element, dict) and _text(element.get("event")) in _IGNORED:
            continue
        event = _event(element, received_at) if isinstance(element, dict) else None
        if event is None:
            bad += 1
        else:
            events.append(event)
    said = f"{bad:,} of {len(elements):,} elements could not be read." if bad else ""
    return Reading(events, bad, said)


def _elements(text: str) -> Any:
    """Parse a body. One that is nested too deep for the parser is taken apart first. Raises: ValueError."""
    try:
        return _parse(text)
    except RecursionError:
        return [_parsed_or_none(element) for element in _apart(text)] if text.lstrip().startswith("[") else None


def _parse(text: str) -> Any:
    return json.loads(text, parse_int=_whole, parse_constant=_nothing)


def _whole(digits: str) -> int | None:
    """A number that no column holds is none: Python refuses the longest, which would spoil the whole body."""
    return int(digits) if len(digits) < 20 else None


def _nothing(_name: str) -> None:
    """NaN and Infinity are no JSON."""


def _parsed_or_none(element: str | None) -> Any:
    try:
        return _parse(element) if element is not None else None
    except ValueError:
        return None


def _apart(text: str) -> Iterator[str | None]:
    """The elements of a list as text; None for one that is nested too deep to be an event, or is cut off."""
    depth = deepest = start = 0
    for token in _TOKEN.finditer(text):
        at, run = token.start(), token.end() - token.start()
        if text[at] in "[{":
            start = start if depth else at + 1
            depth += run
            deepest = max(deepest, depth)
        elif text[at] in "]}":
            if run >= depth:  # it closes the list itself
                yield _piece(text, start, at + depth - 1, deepest)
                return
            depth -= run
        elif text[at] == "," and depth == 1:
            yield _piece(text, start, at, deepest)
            start, deepest = at + 1, 0
    yield None


def _piece(text: str, start: int, end: int, deepest: int) -> str | None:
    return text[start:end].strip() or None if deepest <= _DEEPEST else None


def _event(element: Mapping[str, Any], received_at: datetime) -> Reported | None:
    event = _name(element)
    happened_at = _instant(element.get("timestamp"), received_at)
    if not event or happened_at is None:
        return None
    delivery, named = _delivery(element)
    return Reported(
        event,
        happened_at,
        delivery,
        named,
        _attempt(event, element),
        _text(element.get("email")),
        _text(element.get("sg_message_id")),
        _bars(event, element),
    )


def _name(element: Mapping[str, Any]) -> str:
    """Our name of an event; "" for one that is not known."""
    name = _text(element.get("event"))
    return name if name in _TAKEN else ""


def _attempt(event: str, element: Mapping[str, Any]) -> int | None:
    """The attempt named. A deferral has a field of its own by that name: how often the letter was tried."""
    return _number(element.get("attempt")) if event != "deferred" else None


def _bars(event: str, element: Mapping[str, Any]) -> bool:
    """Whether it says that the address is not to be written to. A bounce of a type such as “blocked” was given up
    as any, after 72 hours or at once, but for no fault of the address."""
    if event == "bounce":
        return element.get("type") in (None, "", "bounce")
    if event != "dropped":
        return event == "spamreport"
    reason = _text(element.get("reason")).lower()
    return not any(fault in reason for fault in _NO_FAULT_OF_THE_ADDRESS)


def _delivery(element: Mapping[str, Any]) -> tuple[int | None, str]:
    """The delivery named, and what is named instead. Only digits are kept: anything else might be personal."""
    if "delivery" not in element:
        return None, ""
    number = _number(element["delivery"])
    return (number, str(number)) if number else (None, "no number")


def _number(value: object) -> int | None:
    """An id as custom arguments carry it: a string of digits."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _ID.fullmatch(text):
        return None
    number = int(text)
    return number if abs(number) <= _LARGEST_ID else None


def _instant(value: object, received_at: datetime) -> datetime | None:
    """A time in Unix seconds; None unless it lies between the year 2000 and a day from now."""
    seconds = int(value) if isinstance(value, str) and _ID.fullmatch(value) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not _EARLIEST.timestamp() <= seconds <= (received_at + _AHEAD).timestamp():
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _text(value: object) -> str:
    """A short text that can be hashed and compared; "" for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS or "\0" in value:
        return ""
    return value if _is_unicode(value) else ""


def _is_unicode(value: str) -> bool:
    """Whether it can be written as UTF-8: JSON may hold half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
