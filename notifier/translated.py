"""Who was told of a revision in which locale: what their letter leads to, who gets a correction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_
from sqlmodel import Session, col, select

from notifier import audience
from notifier.audience import LeftOut, Owed
from notifier.models import Batch, Member, Notice, RenderedLetter
from policy_versions import locales, translations
from policy_versions.archive import Entry, History
from policy_versions.models import Policy, Revision, Translation

CHUNK = 500  # members read at a time


def link(session: Session, policy: Policy, revision: Revision, locale: str) -> Translation | None:
    """The translation that a letter in a locale leads to; None where the authoritative text serves it."""
    standing = translations.latest(session, revision)
    return standing.get(locales.chosen(locale, [policy.locale, *standing]) or "")


def both(
    session: Session, policy: Policy, base: Revision | None, revision: Revision, locale: str
) -> tuple[Translation | None, Translation] | None:
    """A text and the one it is compared with as a reader of a locale gets them; None where they read the original.

    The first is None where only the later text is translated.
    """
    found = link(session, policy, revision, locale)
    if found is None:
        return None
    return (translations.latest(session, base).get(found.locale) if base else None), found


def told(
    session: Session, record: History, entry: Entry, translation: Translation, *, secret: str, now: datetime
) -> Iterator[Owed | LeftOut]:
    """What is owed to each member who was told of a revision in a translation's locale, by id.

    Those no longer retained, suppressed or without an address are left out.
    """
    barred = audience.suppressed(session)
    chosen = sorted(_members(session, record.policy, entry.revision, translation))
    for start in range(0, len(chosen), CHUNK):
        some = col(Member.id).in_(chosen[start : start + CHUNK])
        for member in session.exec(select(Member).where(some).order_by(col(Member.id))).all():
            yield _verdict(member, barred, secret=secret, now=now)


def _members(session: Session, policy: Policy, revision: Revision, translation: Translation) -> set[int]:
    """Members whose letter chose the translation's locale, of those there were when it was written.

    Letters that left once the translation stood led to it, and not to the one it replaces.
    """
    since, written = _since(translations.of_revision(session, revision)), _written(session, revision)
    offered: dict[tuple[str, datetime], bool] = {}
    found = set()
    for letter in audience.reached(session, revision):
        at = max((w for w in written.get(letter.batch_id, ()) if w <= letter.left_at), default=letter.left_at)
        if (letter.locale, at) not in offered:
            offered[letter.locale, at] = _serves(letter.locale, at, policy, since, translation)
        if offered[letter.locale, at] and letter.left_at <= translation.recorded_at:
            found.add(letter.member_id)
    return found


def _written(session: Session, revision: Revision) -> Mapping[int, Sequence[datetime]]:
    """When the letters of each batch were written: once for a group, and what leaves later says the same."""
    alike = (
        getattr(RenderedLetter, name) == getattr(Batch, name)
        for name in ("notice_id", "locale", "audience", "already", "asks")
    )
    same_base = col(RenderedLetter.base_revision_id).is_not_distinct_from(col(Batch.base_revision_id))
    rows = session.exec(
        select(Batch.id, RenderedLetter.recorded_at)
        .join(Notice, col(Notice.id) == Batch.notice_id)
        .join(RenderedLetter, and_(same_base, *alike))
        .where(Notice.revision_id == revision.id, Notice.kind == "change")
    )
    found: defaultdict[int, list[datetime]] = defaultdict(list)
    for batch_id, at in rows:
        found[batch_id or 0].append(at)
    return found


def _since(published: Iterable[Translation]) -> Mapping[str, datetime]:
    """Since when there is a translation into each locale."""
    return {one.locale: one.recorded_at for one in published if one.number == 1}


def _serves(
    locale: str, written_at: datetime, policy: Policy, since: Mapping[str, datetime], translation: Translation
) -> bool:
    """Whether a letter's reader is one of the translation's.

    A locale translated only later took nobody away from the text their letter led to, in their language; those
    it led to none, as there was none, are its readers.
    """
    there = [policy.locale, *(locale for locale, at in since.items() if at <= written_at)]
    led_to = locales.chosen(locale, there)
    return (led_to or locales.chosen(locale, [translation.locale])) == translation.locale


def _verdict(member: Member, barred: frozenset[str], *, secret: str, now: datetime) -> Owed | LeftOut:
    if member.erased_at is not None:
        return LeftOut(member, "erased")
    if member.retained_until is not None and member.retained_until <= now:
        return LeftOut(member, "lapsed")
    why = audience.unreachable(member.guardian_email or member.email, barred, secret)
    if why:
        return LeftOut(member, why)
    return Owed(member, "email", "", None, "guardian" if member.guardian_email else "member", None, False)
