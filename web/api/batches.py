"""Ten thousand members in a request: JSON lines in, what became of each line out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flask import Response
from pydantic import ValidationError
from sqlmodel import Session

from errors import RowInvalid, TooMany
from notifier import keeping
from notifier.members import LONGEST_LINE
from policy_versions import audit
from web.api import MEMBERS, api, bodies
from web.api.access import key
from web.api.described import malformed
from web.api.members import written
from web.api.repeats import Done, once
from web.api.shapes import members as shapes
from web.api.shapes.common import ExternalId, Once
from web.context import runtime

MOST_LINES = 10_000
_LINES = {
    "required": True,
    "description": "One member a line, as PUT takes them, with their `external_id`.",
    "content": {
        kind: {"example": '{"external_id": "1001", "email": "ada@example.com"}\n'} for kind in bodies.LINES
    },
}


class Row(shapes.MemberFields):
    external_id: ExternalId


@api.on("POST", "/members:batch", scope="members", tag=MEMBERS, takes=_LINES, gives={200: shapes.RowsDone})
def bring_members(header: Once) -> Response:
    """Bring up to 10,000 members in, or up to date.

    In one transaction: each line that can be used is, and each that cannot is named with the reason.
    """
    rows = list(_rows(bodies.lines()))
    names = [fields["external_id"] for _, fields in rows if not isinstance(fields, RowInvalid)]
    keeping.bury(runtime(), names, actor=key().actor)
    return once(header, lambda own: _bring(own, rows))


def _rows(text: str) -> Iterator[tuple[int, dict[str, Any] | RowInvalid]]:
    """Raises: TooMany, before anything is done."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > MOST_LINES:
        raise TooMany("lines", MOST_LINES)
    return ((number, _fields(line)) for number, line in lines)


def _fields(line: str) -> dict[str, Any] | RowInvalid:
    """A member as a line has them; else what is wrong with it, without anything that stands in it."""
    if len(line) > LONGEST_LINE:
        return RowInvalid(f"the line is longer than {LONGEST_LINE:,} characters")
    try:
        bodies.require_unambiguous(line)
        return written(Row.model_validate_json(line))
    except bodies.Unreadable as error:
        return RowInvalid(str(error))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        if faults[0]["type"] == "extra_forbidden":
            return RowInvalid("it has a field that is none of a member's")
        where, what = malformed(faults).faults[0]
        return RowInvalid(f"{where}: {what}" if where else what)


def _bring(own: Session, rows: list[tuple[int, dict[str, Any] | RowInvalid]]) -> Done:
    now = runtime().clock.now(own)
    done = keeping.bring(own, rows, secret=runtime().secret, now=now)
    counted = Counter(one.result for one in done)
    audit.record(
        own, actor=key().actor, action="members imported", subject="members", now=now,
        added=counted["added"], changed=counted["changed"], refused=counted["refused"],
    )  # fmt: skip
    tally = {name: counted[name] for name in ("added", "changed", "unchanged", "refused")}
    return shapes.RowsDone(**tally, rows=[shapes.RowDone(**one._asdict()) for one in done]), 200
