"""A member's guardian, set and ended: each a dated fact. Nobody sets their own (THREATS, Spoofing)."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from errors import MemberUnfit, NoGuardian, NoSuchMember, RowInvalid
from notifier import addresses, members
from notifier.models import GuardianChange, Member
from policy_versions import audit


def appoint(session: Session, member: Member, address: str, *, actor: str, now: datetime) -> bool:
    """Set a guardian, or another address of the one there is; whether anything changed.

    From here notices go to that address, and only the guardian's acceptance meets a significant revision.
    Raises: NoSuchMember, MemberUnfit.
    """
    try:
        checked = addresses.checked(address)
    except RowInvalid as refusal:
        raise MemberUnfit(f"A guardian needs an address that can be written to: {refusal}.") from refusal
    held = held_member(session, member, now)
    if held.guardian_email == checked:
        return False
    change(session, held, checked, now=now)
    audit.record(session, actor=actor, action="guardian set", subject=f"member {held.id}", now=now)
    return True


def discharge(session: Session, member: Member, *, actor: str, now: datetime) -> None:
    """End a guardianship: from here each revision's own rule holds. Raises: NoSuchMember, NoGuardian."""
    held = held_member(session, member, now)
    if not held.guardian_email:
        raise NoGuardian
    change(session, held, None, now=now)
    audit.record(session, actor=actor, action="guardian ended", subject=f"member {held.id}", now=now)


def change(session: Session, member: Member, address: str | None, *, now: datetime) -> None:
    """Write a guardian's address, and the fact where there was none, or is none now. member: held."""
    if bool(member.guardian_email) != bool(address):
        session.add(GuardianChange(member_id=member.id or 0, present=bool(address), recorded_at=now))
    member.guardian_email = address
    session.add(member)
    session.flush()


def held_member(session: Session, member: Member, now: datetime) -> Member:
    """The member's row as it is on record, held until the transaction ends. Raises: NoSuchMember."""
    query = select(Member).where(Member.id == member.id, members.retained(now)).with_for_update()
    found = session.exec(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NoSuchMember
    return found
