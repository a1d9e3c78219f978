"""The audit log as CSV that leaves the house; how a value stands in a cell is told in `cells`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlmodel import Session

from notifier.cells import Cells, lines
from policy_versions import audit, audit_reading
from policy_versions.audit_reading import Asked, Read

HEADER = ("id", "recorded_at", "actor", "action", "subject", "detail", "door", "address", "chain")


def export(session: Session, asked: Asked) -> Iterator[str]:
    """The entries that are looked for, the oldest first, as pieces of one file. session: a steady one."""
    return lines(_cells(audit_reading.in_order(session, asked)))


def _cells(found: Iterable[Read]) -> Iterator[Cells]:
    yield HEADER
    for each in found:
        entry = each.entry
        detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True)
        yield (
            entry.id, entry.recorded_at, entry.actor, entry.action, entry.subject, detail, each.door,
            each.address, entry.chain,
        )  # fmt: skip


def note(session: Session, asked: Asked, *, actor: str, now: datetime) -> None:
    """Put on record that the log was exported, and by what it was narrowed."""
    by = {name: str(value) for name, value in asked._asdict().items() if value}
    audit.record(session, actor=actor, action="audit log exported", subject="audit log", now=now, by=by)
