"""Drafts: revisions not yet published, saved without overwriting anybody unseen, published or thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, select, update

from errors import DraftChanged, FieldMissing, Invalid, NoSuchDraft
from policy_versions import archive, dates
from policy_versions.archive import History, Publication
from policy_versions.models import Draft, Policy, Revision


@dataclass(frozen=True, slots=True)
class DraftFields:
    """What a person fills in, as written; `publication` reads it."""

    text: str
    revision_date: str = ""  # empty: the day it is published
    effective: str = ""  # a day in the policy's time zone; empty: as soon as it is published
    rule: str = "notice"
    notice_days: str = "30"
    summary: str = ""


def start(session: Session, of: Policy, source: Revision | None, *, actor: str, now: datetime) -> Draft:
    """Start a draft from a revision's text, or empty; its rule is that of the latest revision published here."""
    rule, days = _usual_rule(archive.history(session, of))
    made = Draft(
        policy_id=of.id or 0,
        started_from_id=source.id if source else None,
        text=source.text if source else "",
        rule=rule,
        notice_days=days,
        saved_by=actor,
        saved_at=now,
    )
    session.add(made)
    session.flush()
    return made


def _usual_rule(record: History) -> tuple[str, int]:
    """An imported text's rule is only a default, so what a policy usually does is read from the others."""
    for entry in reversed(record.entries):
        if entry.live and not entry.revision.imported:
            return entry.revision.rule, entry.revision.notice_days
    return "notice", 30


def by_id(session: Session, draft_id: int) -> Draft:
    """Raises: NoSuchDraft."""
    found = session.get(Draft, draft_id)
    if found is None:
        raise NoSuchDraft
    return found


def of_policy(session: Session, of: Policy) -> Sequence[Draft]:
    return session.exec(select(Draft).where(Draft.policy_id == of.id).order_by(col(Draft.id))).all()


def save(session: Session, draft_id: int, given: DraftFields, *, version: int, actor: str, now: datetime) -> int:
    """Save what was filled in, and return the draft's new version.

    version: the one the person opened. Raises: DraftChanged when it has been saved since; NoSuchDraft; Invalid.
    """
    values = {
        "text": unix_lines(given.text),
        "revision_date": given.revision_date.strip(),
        "effective": given.effective.strip(),
        "rule": given.rule,
        "notice_days": days(given.notice_days) if given.rule == "notice" else 0,
        "summary": given.summary.strip(),
    }
    won = session.exec(
        update(Draft)
        .where(col(Draft.id) == draft_id, col(Draft.version) == version)
        .values(**values, version=version + 1, saved_by=actor, saved_at=now)
    )
    if won.rowcount != 1:
        by_id(session, draft_id)
        raise DraftChanged
    return version + 1


def unix_lines(text: str) -> str:
    """Browsers send a form's line ends as CR LF; a text is kept with the ends it was typed with."""
    return text.replace("\r\n", "\n")


def days(written: str) -> int:
    """Raises: Invalid."""
    if not (written.strip().isascii() and written.strip().isdigit() and len(written.strip()) < 5):
        raise Invalid("The notice period is a whole number of days, such as 30.")
    return int(written)


def publication(draft: Draft, policy: Policy) -> Publication:
    """Read a draft as what is to be published. Raises: DateMalformed, FieldMissing."""
    effective = None
    if draft.effective:
        effective = dates.midnight(dates.parse_day(draft.effective), policy.zone)
    if draft.rule not in ("posting", "notice", "acceptance"):
        raise FieldMissing("rule", "Choose how it comes to apply to a member.")
    return Publication(
        text=draft.text,
        revision_date=dates.RevisionDate.parse(draft.revision_date) if draft.revision_date else None,
        effective_at=effective,
        rule=draft.rule,
        notice_days=draft.notice_days,
        summary=draft.summary,
    )


def discard(session: Session, draft_id: int) -> None:
    """Throw a draft away. Raises: NoSuchDraft."""
    gone = session.exec(delete(Draft).where(col(Draft.id) == draft_id))
    if gone.rowcount != 1:
        raise NoSuchDraft
