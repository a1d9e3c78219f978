"""Policies: made, found, locked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from database import one_at_a_time
from errors import FieldMissing, Invalid, NoSuchPolicy, SlugMalformed, SlugReserved, SlugTaken, Unprintable
from policy_versions import audit, dates, locales
from policy_versions.models import PROMISES, Policy, Revision
from policy_versions.named import Renaming

RESERVED = frozenset(
    "admin api hooks metrics static feed feeds health login logout signin sign-in m me member members "
    "site-notice theme assets compare history search sitemap robots favicon well-known account "
    "policies about help subscribe unsubscribe".split()
)
_ADDRESSES = 0x736C75  # any number that nothing else locks
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


def check_slug(slug: str) -> None:
    """Raises: SlugMalformed, SlugReserved."""
    if len(slug) > 60 or not _SLUG.fullmatch(slug) or re.fullmatch(r"[0-9-]+", slug):
        raise SlugMalformed(slug)
    if slug in RESERVED:
        raise SlugReserved(slug)


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """What a policy is made of. part_of: the slug of the policy it belongs to, or None."""

    slug: str
    title: str
    lead: str = ""
    time_zone: str = "UTC"
    promise: str = "may notify"
    part_of: str | None = None
    locale: str = "en"
    manifest: str = ""  # policy.yaml as imported, byte for byte


def create_policy(session: Session, fields: PolicyFields, *, actor: str, now: datetime) -> Policy:
    """Add a policy.

    Raises: SlugMalformed, SlugReserved, SlugTaken, FieldMissing, Invalid, LocaleMalformed, Unprintable,
    TimeZoneUnknown, NoSuchPolicy.
    """
    check_slug(fields.slug)
    if not fields.title.strip():
        raise FieldMissing("title", "Give the policy a title.")
    if fields.promise not in PROMISES:
        raise Invalid(f"The promise is one of: {', '.join(PROMISES)}.")
    dates.zone(fields.time_zone)
    lock_addresses(session)
    if find(session, fields.slug) is not None:
        raise SlugTaken(fields.slug)
    whole = policy(session, fields.part_of) if fields.part_of else None
    title = one_line(fields.title, "title")
    made = Policy(
        slug=fields.slug,
        first_slug=fields.slug,
        title=title,
        first_title=title,
        lead=one_line(fields.lead, "lead"),
        time_zone=fields.time_zone,
        promise=fields.promise,
        part_of_id=whole.id if whole else None,
        locale=locales.canonical(fields.locale),
        manifest=fields.manifest,
        created_at=now,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor=actor, action="policy made", subject=f"policy {made.id}", now=now, slug=made.slug)
    return made


def one_line(text: str, field: str = "line") -> str:
    """Fold white space, so that no newline gets into a title, a subject or a header.

    field: what it is called in the refusal. Raises: Unprintable.
    """
    folded = " ".join(text.split())
    check_printable(folded, field)
    return folded


def sentence(reason: str, missing: str) -> str:
    """A reason as it stands on pages and in the record: one line, closed.

    missing: what to say where there is none. Raises: FieldMissing, Unprintable.
    """
    line = one_line(reason, "reason")
    if not line:
        raise FieldMissing("reason", missing)
    return line if line.endswith((".", "!", "?")) else f"{line}."


def check_printable(text: str, field: str) -> None:
    """Refuse control characters, but for tabs and line ends: they hide in pages, and PostgreSQL keeps no NUL.

    Raises: Unprintable.
    """
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\r\n" for c in text):
        raise Unprintable(field)


def policies(session: Session) -> Sequence[Policy]:
    return session.exec(select(Policy).order_by(col(Policy.title), col(Policy.id))).all()


def published(session: Session) -> Sequence[Policy]:
    """The policies that readers can read: those with a revision, by title."""
    written = select(Revision.id).where(col(Revision.policy_id) == Policy.id)
    return session.exec(select(Policy).where(written.exists()).order_by(col(Policy.title), col(Policy.id))).all()


def can_be_a_slug(slug: str) -> bool:
    """What cannot be an address is not looked up."""
    return _SLUG.fullmatch(slug) is not None


def find(session: Session, slug: str) -> Policy | None:
    """The policy at an address, or that was there before it was renamed."""
    if not can_be_a_slug(slug):
        return None
    found = session.exec(select(Policy).where(Policy.slug == slug)).one_or_none()
    if found is None:
        moved = select(Renaming.policy_id).where(Renaming.slug_before == slug).limit(1)
        found = session.exec(select(Policy).where(col(Policy.id).in_(moved))).one_or_none()
    return found


def lock_addresses(session: Session) -> None:
    """Let nobody else take an address until this transaction ends: an old address is taken too, by no constraint.

    Call it after a policy is locked, and before the audit log is written to.
    """
    one_at_a_time(session, _ADDRESSES)


def policy(session: Session, slug: str) -> Policy:
    """The policy at an address, or that was there before it was renamed. Raises: NoSuchPolicy."""
    found = find(session, slug)
    if found is None:
        raise NoSuchPolicy(slug)
    return found


def lock(session: Session, slug: str) -> Policy:
    """Return a policy that no other transaction changes until this one ends. Raises: NoSuchPolicy.

    Call it before the clock is read, so that facts of one policy are recorded in the order they are written.
    """
    held = select(Policy).where(Policy.id == policy(session, slug).id).with_for_update()
    return session.exec(held.execution_options(populate_existing=True)).one()
