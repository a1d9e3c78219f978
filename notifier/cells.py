"""Rows as CSV that a spreadsheet may open. Pure: values in, text out.

UTF-8, instants in UTC as ISO 8601, an empty cell for what there is not. A cell that a spreadsheet would take for
a formula has an apostrophe before it, so that it shows as text and runs nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

# The wide forms too: where people write Chinese or Japanese, a spreadsheet takes them for the narrow ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_AT_ONCE = 1000  # rows to a piece of what is streamed

Cells = Sequence[object]


def cell(value: object) -> str:
    """A value as it stands in a file. Numbers of ours are never negative, so that none is touched."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def lines(rows: Iterable[Cells]) -> Iterator[str]:
    """Rows as CSV, some at a time."""
    text = io.StringIO()
    writer = csv.writer(text)
    for number, row in enumerate(rows, 1):
        writer.writerow([cell(value) for value in row])
        if number % _AT_ONCE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    if text.tell():
        yield text.getvalue()
