"""What a policy is called and where it stands may change: each change is a fact of its own.

A former address is never another policy's, so that it may lead on for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from errors import FieldMissing, SameName, SlugTaken
from policy_versions import audit, policies
from policy_versions.models import Policy
from policy_versions.named import Renaming


@dataclass(frozen=True, slots=True)
class Name:
    """What a policy is to be called, and where. reason: for the record."""

    slug: str
    title: str
    reason: str


def check(session: Session, of: Policy, given: Name) -> Name:
    """Whether a policy could be called so: the name as it would stand.

    Raises: SlugMalformed, SlugReserved, SlugTaken, FieldMissing, Unprintable, SameName.
    """
    title = policies.one_line(given.title, "title")
    if not title:
        raise FieldMissing("title", "Give the policy a title.")
    if (given.slug, title) == (of.slug, of.title):
        raise SameName
    if given.slug != of.slug:
        policies.check_slug(given.slug)
        held = policies.find(session, given.slug)
        if held is not None and held.id != of.id:
            raise SlugTaken(given.slug)
    reason = policies.sentence(given.reason, "Say why it is renamed; the record keeps the reason.")
    return Name(given.slug, title, reason)


def rename(session: Session, of: Policy, given: Name, *, actor: str, now: datetime) -> Renaming:
    """Give a policy another address or title. of: locked. Raises: as `check`."""
    policies.lock_addresses(session)
    name = check(session, of, given)
    made = Renaming(
        policy_id=of.id or 0,
        slug_before=of.slug,
        slug_after=name.slug,
        title_before=of.title,
        title_after=name.title,
        reason=name.reason,
        renamed_by=actor,
        recorded_at=now,
    )
    of.slug, of.title = name.slug, name.title
    session.add_all([made, of])
    session.flush()
    audit.record(
        session, actor=actor, action="policy renamed", subject=f"policy {of.id}", now=now,
        slug=made.slug_after, before=made.slug_before,
    )  # fmt: skip
    return made


def renamings(session: Session, of: Policy) -> Sequence[Renaming]:
    """In order of time."""
    ours = select(Renaming).where(Renaming.policy_id == of.id)
    return session.exec(ours.order_by(col(Renaming.id))).all()


def former(session: Session, of: Policy) -> list[str]:
    """The addresses that a policy had before, each once."""
    return [slug for slug in dict.fromkeys(one.slug_before for one in renamings(session, of)) if slug != of.slug]


def astray(session: Session) -> list[Policy]:
    """Policies whose address or title is not what their renamings, or their making, say."""
    latest = {one.policy_id: one for one in session.exec(select(Renaming).order_by(col(Renaming.id)))}
    return [each for each in policies.policies(session) if not _holds(each, latest.get(each.id or 0))]


def _holds(each: Policy, last: Renaming | None) -> bool:
    said = (last.slug_after, last.title_after) if last else (each.first_slug, each.first_title)
    return (each.slug, each.title) == said
