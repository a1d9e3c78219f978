"""The audit log: who did what, when. It only grows, and each entry's hash covers the one before."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from policy_versions import chain
from policy_versions.models import AuditEntry

_LOCK = 0x617564  # any number that nothing else locks


def record(session: Session, *, actor: str, action: str, subject: str, now: datetime, **detail: Any) -> AuditEntry:
    """Append an entry. detail: opaque ids, numbers and states only, never an address or a name of a member."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).first()
    entry = AuditEntry(recorded_at=now, actor=actor, action=action, subject=subject, detail=detail, chain="")
    entry.chain = _chain(last.chain if last else "", entry)
    session.add(entry)
    session.flush()
    return entry


def broken(session: Session) -> int | None:
    """Return the id of the first entry whose hash does not hold; None when all do."""
    previous = ""
    entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.id)).execution_options(yield_per=1000))
    with closing(entries):
        for entry in entries:
            if entry.chain != _chain(previous, entry):
                return entry.id
            previous = entry.chain
    return None


def _chain(previous: str, entry: AuditEntry) -> str:
    facts = {
        "recorded_at": entry.recorded_at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }
    return chain.link(previous, facts)
