"""A member's or guardian's word on a revision, recorded once: read, accepted, declined, consent withdrawn.

What it means is for the fold to say (DOMAIN, Applicability 3); here it is kept: who said what of which text, as
shown in which locale, when, and by which route.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select

from errors import (
    AcknowledgementUnknown,
    NoGuardian,
    NoSuchMember,
    NoSuchRevision,
    NotAcknowledgeable,
    ShownTextUnknown,
)
from notifier import lineage, members
from notifier.models import ACKNOWLEDGEMENTS, Acknowledgement, Member
from policy_versions import translations
from policy_versions.models import Revision, Withdrawal

Actor = Literal["member", "guardian"]
# by a letter's link, on the member's page as the host opened it, on the site notice, through the API, by hand
Route = Literal["link", "session", "site notice", "api", "admin"]


def acknowledge(  # noqa: PLR0913 -- each says something of its own that is kept
    session: Session,
    member: Member,
    revision: Revision,
    kind: str,
    *,
    actor: Actor,
    route: Route,
    shown_sha256: str | None,
    locale: str,
    now: datetime,
) -> Acknowledgement:
    """Record what somebody said of a revision; the same again is recorded once, unless they said else in between.

    shown_sha256, locale: of the text that they were shown, the authoritative one or a translation; None: none was.
    Returns: the row, new or as it stood. Raises: AcknowledgementUnknown, NoSuchMember, NoSuchRevision,
    NotAcknowledgeable, NoGuardian.
    """
    if kind not in ACKNOWLEDGEMENTS:
        raise AcknowledgementUnknown(kind)
    _require_speaker(session, member, actor, now)
    _require_answerable(session, revision)
    last = _last(session, member, revision)
    if last is not None and (last.kind, last.actor, last.shown_sha256) == (kind, actor, shown_sha256):
        return last
    said = Acknowledgement(
        member_id=member.id or 0,
        revision_id=revision.id or 0,
        kind=kind,
        actor=actor,
        route=route,
        shown_sha256=shown_sha256,
        locale=locale,
        recorded_at=now,
    )
    session.add(said)
    session.flush()
    return said


def require_text(session: Session, revision: Revision, sha256: str) -> None:
    """That a host names a text of a revision as shown, authoritative or translated. Raises: ShownTextUnknown."""
    if sha256 not in {revision.sha256, *(into.sha256 for into in translations.of_revision(session, revision))}:
        raise ShownTextUnknown(revision.number)


def of_member(session: Session, member: Member) -> Sequence[tuple[Acknowledgement, Revision]]:
    """What was said by a member, and for them, in order: in the accounts merged into theirs too."""
    return session.exec(
        select(Acknowledgement, Revision)
        .join(Revision, col(Revision.id) == Acknowledgement.revision_id)
        .where(col(Acknowledgement.member_id).in_(lineage.accounts(session, member.id or 0)))
        .order_by(col(Acknowledgement.id))
    ).all()


def _require_speaker(session: Session, member: Member, actor: Actor, now: datetime) -> None:
    """Whoever acknowledges for one member waits for the other: of the same said twice at once, one is recorded."""
    standing = session.exec(
        select(Member.guardian_email).where(Member.id == member.id, members.retained(now)).with_for_update()
    ).all()
    if not standing:
        raise NoSuchMember
    if actor == "guardian" and not standing[0]:
        raise NoGuardian


def _require_answerable(session: Session, revision: Revision) -> None:
    """A draft has no id, and what is not on record no row."""
    known = revision.id is not None and session.exec(select(Revision.id).where(Revision.id == revision.id)).first()
    if not known:
        raise NoSuchRevision(revision.number)
    if session.exec(select(Withdrawal.id).where(Withdrawal.revision_id == revision.id)).first() is not None:
        raise NotAcknowledgeable(revision.number)


def _last(session: Session, member: Member, revision: Revision) -> Acknowledgement | None:
    return session.exec(
        select(Acknowledgement)
        .where(Acknowledgement.member_id == member.id, Acknowledgement.revision_id == revision.id)
        .order_by(col(Acknowledgement.id).desc())
        .limit(1)
    ).first()
