"""Drafts: revisions not yet published, saved without overwriting anybody unseen, published or thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select, update

from errors import DayMalformed, DraftChanged, FieldMissing, Invalid, NoSuchDraft, TextNotReadable
from policy_versions import archive, audit, dates, earlier_drafts, policies, presence
from policy_versions.archive import History, Publication
from policy_versions.comparing import Written
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
    controller: str = ""  # who becomes responsible for members' personal information; empty: no change


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
    _audit(session, "draft started", of.id, made.id, actor=actor, now=now)
    return made


def _audit(session: Session, action: str, policy_id: int | None, draft_id: int | None, **by: Any) -> None:
    audit.record(session, action=action, subject=f"policy {policy_id}", draft=draft_id, **by)


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


def save(
    session: Session,
    draft_id: int,
    given: DraftFields,
    *,
    version: int,
    actor: str,
    now: datetime,
    on_purpose: bool = False,
) -> int:
    """Save what was filled in, and return the draft's version, which is a new one where anything differs.

    version: the one the person opened. on_purpose: keep what is replaced, whoever wrote it, to be put back.
    Raises: DraftChanged when it has been saved since; NoSuchDraft; Invalid; Unprintable; TextNotReadable.
    """
    check_characters(given)
    found = by_id(session, draft_id)
    values = _values(given, source_of(session, found))
    if all(getattr(found, name) == value for name, value in values.items()):
        return found.version  # as it stands already: an answer that was lost on its way is no conflict
    if found.version != version:
        raise DraftChanged
    was = earlier_drafts.of(found)
    won = session.exec(
        update(Draft)
        .where(col(Draft.id) == draft_id, col(Draft.version) == version)
        .values(**values, version=version + 1, saved_by=actor, saved_at=now)
    )
    if won.rowcount != 1:
        session.expire_all()
        by_id(session, draft_id)
        raise DraftChanged
    earlier_drafts.set_aside(session, was, actor=actor, now=now, always=on_purpose)
    return version + 1


def _values(given: DraftFields, source: Revision | None) -> dict[str, Any]:
    """What a draft's row holds of what was filled in. Raises: Invalid."""
    return {
        "text": as_in_source(given.text, source),
        "revision_date": given.revision_date.strip(),
        "effective": given.effective.strip(),
        "rule": given.rule,
        "notice_days": days(given.notice_days) if given.rule == "notice" else 0,
        "summary": given.summary.strip(),
        "controller": given.controller.strip(),
    }


def fields(of: Draft | earlier_drafts.EarlierDraft) -> DraftFields:
    """A draft as a person would fill it in."""
    days = str(of.notice_days)
    return DraftFields(of.text, of.revision_date, of.effective, of.rule, days, of.summary, of.controller)


def put_back(session: Session, draft_id: int, earlier: int, *, version: int, actor: str, now: datetime) -> int:
    """Put an earlier version of a draft in place of what it says now, which is set aside in its turn.

    Raises: NoSuchDraft, NoSuchEarlierDraft, DraftChanged.
    """
    found = earlier_drafts.at_version(session, draft_id, earlier)
    return save(session, draft_id, fields(found), version=version, actor=actor, now=now, on_purpose=True)


def check_characters(given: DraftFields) -> None:
    """Refuse what cannot be stored. Raises: TextNotReadable, Unprintable."""
    if "\0" in given.text:
        raise TextNotReadable("it holds NUL characters, as binary files do")
    for name in ("revision_date", "effective", "rule", "summary", "controller"):
        policies.check_printable(getattr(given, name), name)


def source_of(session: Session, draft: Draft) -> Revision | None:
    """The revision a draft was started from."""
    return session.get(Revision, draft.started_from_id) if draft.started_from_id else None


def as_in_source(text: str, source: Written | None) -> str:
    """Give a text the line ends of the one it was started from: a browser sends each as CR LF, whatever it was.

    One in which nothing else differs is its source to the byte, mixed line ends and all.
    """
    unix, kept = text.replace("\r\n", "\n"), source.text if source else ""
    if source and _folded(text) == _folded(kept):
        return kept
    mostly_crlf = 2 * kept.count("\r\n") > kept.count("\n")
    return unix.replace("\n", "\r\n") if mostly_crlf else unix


def _folded(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def days(written: str) -> int:
    """Raises: Invalid."""
    if not (written.strip().isascii() and written.strip().isdigit() and len(written.strip()) < 5):
        raise Invalid("The notice period is a whole number of days, such as 30.")
    return int(written)


def publication(draft: Draft, policy: Policy) -> Publication:
    """Read a draft as what is to be published. Raises: DateMalformed, FieldMissing."""
    effective = None
    if draft.effective:
        effective = _begins(draft.effective, policy)
    if draft.rule not in ("posting", "notice", "acceptance"):
        raise FieldMissing("rule", "Choose how it comes to apply to a member.")
    return Publication(
        text=draft.text,
        revision_date=dates.RevisionDate.parse(draft.revision_date) if draft.revision_date else None,
        effective_at=effective,
        rule=draft.rule,
        notice_days=draft.notice_days,
        summary=draft.summary,
        controller=draft.controller,
    )


def _begins(written: str, policy: Policy) -> datetime:
    """The instant a day begins for a policy. Raises: DayMalformed, where no clock can tell that instant too."""
    try:
        return dates.midnight(dates.parse_day(written), policy.zone)
    except OverflowError as error:
        raise DayMalformed(written) from error


def throw_away(
    session: Session, draft_id: int, *, actor: str, now: datetime, version: int | None = None
) -> Policy:
    """Discard a draft that a person does not want, and return its policy.

    version: the one that they have seen; None: whatever it says. Raises: NoSuchDraft, DraftChanged.
    """
    of = session.get_one(Policy, by_id(session, draft_id).policy_id)
    discard(session, draft_id, version=version)
    _audit(session, "draft thrown away", of.id, draft_id, actor=actor, now=now)
    return of


def lock(session: Session, draft_id: int, *, version: int | None = None) -> None:
    """Let nobody keep or open a draft before the transaction ends; taken before the audit log is written.

    version: the one that was looked at. Raises: NoSuchDraft, DraftChanged.
    """
    stands_at = session.exec(select(Draft.version).where(Draft.id == draft_id).with_for_update()).first()
    if stands_at is None:
        raise NoSuchDraft
    if version is not None and stands_at != version:
        raise DraftChanged


def discard(session: Session, draft_id: int, *, version: int | None = None) -> None:
    """Delete a draft and what was set aside of it: it is published, or not wanted.

    version: the one that was published; nobody's later words may go with it.
    Raises: NoSuchDraft; DraftChanged.
    """
    lock(session, draft_id, version=version)
    presence.forget(session, draft_id)
    earlier_drafts.forget(session, draft_id)
    session.exec(delete(Draft).where(col(Draft.id) == draft_id))
