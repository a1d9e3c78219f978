"""Ask for one member, or for many at once. Each answer comes of the one fold, on all facts on record by now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, select

from errors import NoSuchMember, TooManyPairs
from notifier import members
from notifier.models import Member
from notifier.standing import answers, gathering
from notifier.standing.answers import Answer, Life, Line
from notifier.standing.gathering import Ground
from policy_versions import policies

MOST_PAIRS = 10_000
LARGEST_ID = 2**31 - 1  # that a database holds


def of_member(session: Session, member: Member, slug: str, at: datetime, *, now: datetime) -> Answer:
    """Which revision governed, governs or will govern a member.

    Raises: NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    return many(session, slug, [(member.id or 0, at)], now=now)[0]


def of_external(session: Session, external_id: str, slug: str, at: datetime, *, now: datetime) -> Answer:
    """The same for the member of a host's key, in one go.

    Raises: NoSuchMember (for an erased one as for any stranger), NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    at = answers.checked(at)
    if not members.can_be_a_key(external_id):
        raise NoSuchMember
    member_id = session.exec(select(Member.id).where(Member.external_id == external_id)).one_or_none()
    if member_id is None:
        raise NoSuchMember
    return many(session, slug, [(member_id, at)], now=now)[0]


def many(session: Session, slug: str, pairs: Sequence[tuple[int, datetime]], *, now: datetime) -> list[Answer]:
    """One answer for each pair of a member's id and an instant, in their order.

    pairs: MOST_PAIRS at most; a member may stand in several. One who is none refuses all of them.
    Raises: NoSuchPolicy, NoSuchMember, TooManyPairs, InstantNaive, InstantImpossible.
    """
    if len(pairs) > MOST_PAIRS:
        raise TooManyPairs(len(pairs), MOST_PAIRS)
    asked = [(member_id, answers.checked(at)) for member_id, at in pairs]
    if any(not 0 < member_id <= LARGEST_ID for member_id, _ in asked):
        raise NoSuchMember
    on = gathering.ground(session, slug)
    found = gathering.lives(session, on, list({member_id for member_id, _ in asked}))
    if any(member_id not in found for member_id, _ in asked):
        raise NoSuchMember
    return [answers.answer(found[member_id], slug, on.texts, at, now=now) for member_id, at in asked]


def timelines(session: Session, member: Member, *, now: datetime) -> list[Line]:
    """A member's timeline by each policy that has a text, by the policies' titles."""
    lines = []
    for policy in policies.published(session):
        on = gathering.ground_of(session, policy)
        lines.append(_line(on, gathering.lives(session, on, [member.id or 0])[member.id or 0], now))
    return lines


def _line(on: Ground, life: Life, now: datetime) -> Line:
    return Line(
        on.policy.slug, on.policy.title, now, life.joined_at, life.end,
        answers.stretches(life, on.texts, now=now),
        answers.upcoming(life, on.texts, now=now),
    )  # fmt: skip
