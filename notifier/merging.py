"""Accounts that the host renamed or merged, and whose timelines go on.

A rename keeps the row, and with it all that is on record of it. Of two accounts of one person the older stays. The
other one ends: its timeline stays as it was, under its pseudonym, and what it was told or accepted counts for the
older from the merge on, as notifier/facts.py reads it (docs/decisions/0034-two-accounts-of-one-person.md).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import literal
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from errors import ExternalIdImpossible, ExternalIdTaken, MergeIntoYounger, MergeOfOne
from notifier import guardians, lineage, members
from notifier.lineage import FormerName, MemberMerge
from notifier.models import Member
from policy_versions import audit


def rename(session: Session, member: Member, new_external_id: str, *, actor: str, now: datetime) -> bool:
    """Give a member another external_id; whether it is another. The one before is free from here on.

    Raises: NoSuchMember, ExternalIdImpossible, ExternalIdTaken.
    """
    new = new_external_id.strip()
    if not members.can_be_given(new):
        raise ExternalIdImpossible(members.LONGEST_KEY)
    held = guardians.held_member(session, member, now)
    if held.external_id == new:
        return False
    _note_name(session, held, now)
    try:
        with session.begin_nested():
            held.external_id = new
            session.flush()
    except IntegrityError as error:
        raise ExternalIdTaken from error
    audit.record(session, actor=actor, action="member renamed", subject=f"member {held.id}", now=now)
    return True


def merge(session: Session, from_: Member, into: Member, *, actor: str, now: datetime) -> MemberMerge:
    """End an account, and let the older one of the same person stand for both.

    A guardian of either is the person's, and an address that only the one that ends had goes with them. What it
    was still owed by letter is left to the other. Nobody is written to.
    Raises: NoSuchMember, MergeOfOne, MergeIntoYounger.
    """
    if from_.id == into.id:
        raise MergeOfOne
    # by number, so that two who merge the same accounts wait for each other, and neither for both
    first, second = sorted((from_, into), key=lambda member: member.id or 0)
    held = {each.id: guardians.held_member(session, each, now) for each in (first, second)}
    ends, stays = held[from_.id], held[into.id]
    if ends.joined_at < stays.joined_at:
        raise MergeIntoYounger
    _take_over(session, ends, stays, now)
    _end(session, ends, now)
    merged = _record(session, ends, stays, now)
    _audit(session, ends, stays, actor, now)
    return merged


def merged_into(session: Session, member: Member) -> Member | None:
    """Who stands for the person of an account that was merged; None where it was not."""
    stays = session.exec(select(lineage.person(literal(member.id)))).one()
    return session.get_one(Member, stays) if stays != member.id else None


def _take_over(session: Session, ends: Member, stays: Member, now: datetime) -> None:
    """Who had a guardian in either account has one: a second account is no way out of guardianship."""
    if ends.guardian_email and not stays.guardian_email:
        guardians.change(session, stays, ends.guardian_email, now=now)
    if not stays.email:
        stays.email, stays.email_key = ends.email, ends.email_key
    session.add(stays)


def _end(session: Session, ends: Member, now: datetime) -> None:
    """The row ends as an erased one does: nothing personal stays in it, and nothing more is owed to it."""
    _note_name(session, ends, now)
    ends.external_id = ends.email = ends.email_key = ends.guardian_email = None
    ends.erased_at = now
    session.add(ends)
    session.flush()


def _note_name(session: Session, member: Member, now: datetime) -> None:
    """Keep a name for as long as its member: a restored backup may know them by it, and they be erased by then."""
    session.add(FormerName(member_id=member.id or 0, external_id=member.external_id or "", recorded_at=now))
    session.flush()


def _record(session: Session, ends: Member, stays: Member, now: datetime) -> MemberMerge:
    merged = MemberMerge(from_id=ends.id or 0, into_id=stays.id or 0, recorded_at=now)
    earlier = [number for number in lineage.accounts(session, ends.id or 0) if number != ends.id]
    session.add(merged)
    session.add_all(MemberMerge(from_id=number, into_id=stays.id or 0, recorded_at=now) for number in earlier)
    session.flush()
    return merged


def _audit(session: Session, ends: Member, stays: Member, actor: str, now: datetime) -> None:
    ended, going_on = f"member {ends.id}", f"member {stays.id}"
    audit.record(session, actor=actor, action="member erased", subject=ended, now=now, merged_into=stays.id)
    audit.record(session, actor=actor, action="members merged", subject=going_on, now=now, merged=ends.id)
