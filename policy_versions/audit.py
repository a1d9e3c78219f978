"""The audit log: who did what, when, from where. It only grows, and each entry's hash covers the one before."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from database import one_at_a_time
from policy_versions import chain, origins
from policy_versions.models import AuditEntry

_LOCK = 0x617564  # any number that nothing else locks


def record(session: Session, *, actor: str, action: str, subject: str, now: datetime, **detail: Any) -> AuditEntry:
    """Append an entry. detail: opaque ids, numbers and states only, never an address or a name of a member."""
    one_at_a_time(session, _LOCK)
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).first()
    entry = AuditEntry(recorded_at=now, actor=actor, action=action, subject=subject, detail=detail, chain="")
    entry.chain = _chain(last.chain if last else "", entry)
    session.add(entry)
    session.flush()
    origins.note(session, entry.id or 0)
    return entry


def broken(session: Session, *, newest: int | None = None) -> int | None:
    """Return the id of the first entry whose hash does not hold; None when all do.

    newest: look at so many only, the last ones.
    """
    first, previous = _start(session, newest) if newest is not None else (0, "")
    wanted = select(AuditEntry).where(col(AuditEntry.id) >= first).order_by(col(AuditEntry.id))
    entries = session.exec(wanted.execution_options(yield_per=1000))
    with closing(entries):
        for entry in entries:
            if entry.chain != _chain(previous, entry):
                return entry.id
            previous = entry.chain
    return None


def _start(session: Session, newest: int) -> tuple[int, str]:
    """The id of the first of the newest entries, and the hash of the one before it."""
    ids = select(AuditEntry.id).order_by(col(AuditEntry.id).desc()).offset(newest - 1).limit(1)
    first = session.exec(ids).first() or 0
    before = select(AuditEntry.chain).where(col(AuditEntry.id) < first).order_by(col(AuditEntry.id).desc())
    return first, session.exec(before.limit(1)).first() or ""


def _chain(previous: str, entry: AuditEntry) -> str:
    facts = {
        "recorded_at": entry.recorded_at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }
    return chain.link(previous, facts)
