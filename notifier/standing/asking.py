"""Ask for one member, or for many at once. Each answer comes of the one fold, on all facts on record by now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from errors import NoSuchMember, NoSuchPolicy, TooManyPairs
from notifier import members
from notifier.models import Member
from notifier.standing import answers, gathering, statements
from notifier.standing.alike import Life
from notifier.standing.answers import Answer, Line
from notifier.standing.grounds import Ground
from policy_versions import policies
from policy_versions.diff.collecting import uncollected

MOST_PAIRS = 10_000
LARGEST_ID = 2**31 - 1  # that a database holds


def of_member(session: Session, member: Member, slug: str, at: datetime, *, now: datetime) -> Answer:
    """Which revision governed, governs or will govern a member.

    Raises: NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    at = answers.checked(at)
    return _one(at, gathering.one(session, checked(slug), statements.BY_ID, id=member.id), now)


def of_external(session: Session, external_id: str, slug: str, at: datetime, *, now: datetime) -> Answer:
    """The same for the member of a host's key, in one statement.

    Raises: NoSuchMember (for an erased one as for any stranger), NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    at = answers.checked(at)
    key = external_id if members.can_be_a_key(external_id) else None  # of nobody
    return _one(at, gathering.one(session, checked(slug), statements.BY_KEY, key=key), now)


def _one(at: datetime, found: tuple[Ground, Life | None], now: datetime) -> Answer:
    on, life = found
    if life is None:
        raise NoSuchMember
    return answers.answer(life, on.slug, on.texts, at, now=now)


def checked(slug: str) -> str:
    """What cannot be a policy's is not looked up. Raises: NoSuchPolicy."""
    if not policies.can_be_a_slug(slug):
        raise NoSuchPolicy(slug)
    return slug


def many(session: Session, slug: str, pairs: Sequence[tuple[int, datetime]], *, now: datetime) -> list[Answer]:
    """One answer for each pair of a member's id and an instant, in their order.

    pairs: MOST_PAIRS at most; a member may stand in several. One who is none refuses all of them.
    Raises: NoSuchPolicy, NoSuchMember, TooManyPairs, InstantNaive, InstantImpossible.
    """
    if len(pairs) > MOST_PAIRS:
        raise TooManyPairs(len(pairs), MOST_PAIRS)
    asked = [(member_id, answers.checked(at)) for member_id, at in pairs]
    ids = {member_id for member_id, _ in asked}
    if any(not 0 < member_id <= LARGEST_ID for member_id in ids):
        raise NoSuchMember
    with uncollected():  # looking for cycles among so many rows took a third of the time
        return _answers(session, checked(slug), asked, ids, now)


def _answers(
    session: Session, slug: str, asked: Sequence[tuple[int, datetime]], ids: set[int], now: datetime
) -> list[Answer]:
    """What was read for them is let go of at the end, before anybody looks for cycles again."""
    on, lives = gathering.some(session, slug, statements.LISTED, ids=ids)
    found = {life.member_id: life for life in lives}
    if len(found) < len(ids):
        raise NoSuchMember
    return [answers.answer(found[member_id], on.slug, on.texts, at, now=now) for member_id, at in asked]


def timelines(session: Session, member: Member, *, now: datetime) -> list[Line]:
    """A member's timeline by each policy that has a text, by the policies' titles."""
    slugs = [policy.slug for policy in policies.published(session)]
    return [_line(*gathering.one(session, slug, statements.BY_ID, id=member.id), now) for slug in slugs]


def _line(on: Ground, life: Life | None, now: datetime) -> Line:
    assert life is not None  # no member's row is ever deleted
    return Line(
        on.slug, on.title, now, life.joined_at, life.end,
        answers.stretches(life, on.texts, now=now),
        answers.upcoming(life, on.texts, now=now),
    )  # fmt: skip
