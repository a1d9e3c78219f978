"""Translations: published, found, decided. They make no revision, and the chain of revisions knows none of them.

Each service takes a session and `now`; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, select, update

from errors import (
    FieldTooLong,
    LocaleOfThePolicy,
    NoSuchTranslation,
    NotTranslatable,
    SameTranslation,
    TranslationChanged,
)
from policy_versions import archive, audit, chain, comparing, locales, markdown, policies, significance
from policy_versions.archive import Entry
from policy_versions.comparing import Written
from policy_versions.deciding import ENGINE_ACTOR, Judgement
from policy_versions.models import DueTranslation, Policy, Revision, Translation, TranslationDecision

LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Given:
    """What a person publishes. title: the policy's in that locale, "" for none.

    looked_at: the number of the translation they saw it replace, 0 for none; None where nobody looked.
    """

    locale: str
    text: str
    title: str = ""
    looked_at: int | None = None


# -- what is on record --------------------------------------------------------------------------


def of_revision(session: Session, revision: Revision) -> Sequence[Translation]:
    """Every translation of a revision, by locale and number."""
    return session.exec(
        select(Translation)
        .where(Translation.revision_id == revision.id)
        .order_by(col(Translation.locale), col(Translation.number))
    ).all()


def of_policy(session: Session, of: Policy) -> Sequence[tuple[Translation, TranslationDecision | None]]:
    """Every translation of a policy's revisions with its decision, by locale and number."""
    return session.exec(
        select(Translation, TranslationDecision)
        .join(Revision, col(Revision.id) == Translation.revision_id)
        .outerjoin(TranslationDecision, col(TranslationDecision.translation_id) == Translation.id)
        .where(Revision.policy_id == of.id)
        .order_by(col(Translation.locale), col(Translation.number))
    ).all()


def latest(session: Session, revision: Revision) -> dict[str, Translation]:
    """The translation that stands, by locale."""
    return {one.locale: one for one in of_revision(session, revision)}


def find(session: Session, revision: Revision, locale: str, number: int | None = None) -> Translation:
    """The translation into a locale that stands, or one by its number. Raises: NoSuchTranslation."""
    into = [one for one in of_revision(session, revision) if locales.same(one.locale, locale)]
    found = [one for one in into if number in (None, one.number)]
    if not found:
        raise NoSuchTranslation(revision.number, locale)
    return found[-1]


def replaced(session: Session, by: Translation) -> Translation | None:
    """The translation that one replaces; None for a first one."""
    return session.exec(
        select(Translation).where(
            Translation.revision_id == by.revision_id,
            Translation.locale == by.locale,
            Translation.number == by.number - 1,
        )
    ).one_or_none()


def decision(session: Session, on: Translation) -> TranslationDecision | None:
    return session.exec(
        select(TranslationDecision).where(TranslationDecision.translation_id == on.id)
    ).one_or_none()


# -- publishing ---------------------------------------------------------------------------------


def check(session: Session, of: Policy, number: int, given: Given) -> tuple[Entry, str, Translation | None]:
    """Whether this could be published: the revision, the locale as it is kept, and what it would replace.

    Raises: NoSuchRevision, NotTranslatable, LocaleMalformed, LocaleOfThePolicy, EmptyText and its kin,
    Unprintable, FieldTooLong, SameTranslation, TranslationChanged.
    """
    entry = archive.history(session, of).entry(number)
    if not entry.live:
        raise NotTranslatable(number)
    locale = locales.canonical(given.locale)
    if locales.same(locale, of.locale):
        raise LocaleOfThePolicy(locale)
    markdown.check(given.text)
    title = policies.one_line(given.title, "title")
    if len(title) > LONGEST_TITLE:
        raise FieldTooLong("title", LONGEST_TITLE)
    standing = latest(session, entry.revision).get(locale)
    if given.looked_at is not None and given.looked_at != (standing.number if standing else 0):
        raise TranslationChanged(locale)
    if standing and (standing.text, standing.title or "") == (given.text, title):
        raise SameTranslation(standing.number, locale)
    return entry, locale, standing


def stand_in(entry: Entry, locale: str, given: Given, *, number: int, now: datetime) -> Translation:
    """The row that a translation becomes, not yet written: what a form shows is worked out from it."""
    return Translation(
        revision_id=entry.revision.id or 0,
        locale=locale,
        number=number,
        title=policies.one_line(given.title, "title") or None,
        text=given.text,
        sha256=chain.sha256(given.text),
        published_by="",
        recorded_at=now,
    )


def publish(session: Session, of: Policy, number: int, given: Given, *, actor: str, now: datetime) -> Translation:
    """Publish a translation of a revision, and write the decision that is now due. of: locked.

    Raises: as `check`.
    """
    entry, locale, standing = check(session, of, number, given)
    made = stand_in(entry, locale, given, number=standing.number + 1 if standing else 1, now=now)
    made.published_by = actor
    session.add(made)
    session.flush()
    session.add(DueTranslation(translation_id=made.id or 0, due_at=now))
    session.flush()
    _audit(session, "translation published", made, actor, now, sha256=made.sha256)
    return made


def _audit(session: Session, action: str, on: Translation, actor: str, now: datetime, **detail: object) -> None:
    audit.record(
        session, actor=actor, action=action, subject=f"revision {on.revision_id}", now=now,
        locale=on.locale, number=on.number, **detail,
    )  # fmt: skip


# -- deciding -----------------------------------------------------------------------------------


def judge(old: Written | None, new: Written) -> Judgement:
    """Decide what a translation changes for those who read the one it replaces; a first one replaces nothing."""
    if old is None:
        return Judgement("first", 0, (), "")
    made = significance.decide(comparing.read(old), comparing.read(new))
    return Judgement(
        made.verdict,
        made.level,
        made.findings,
        made.summary,
        confidence=made.confidence,
        language=made.language,
    )


def due(session: Session, *, now: datetime) -> Sequence[DueTranslation]:
    """Translations to be decided, oldest first."""
    return session.exec(
        select(DueTranslation).where(DueTranslation.due_at <= now).order_by(col(DueTranslation.translation_id))
    ).all()


def write(session: Session, on: Translation, judged: Judgement, *, now: datetime) -> TranslationDecision | None:
    """Record the engine's decision; None where another node was first. One transaction removes the due row."""
    claimed = session.exec(delete(DueTranslation).where(col(DueTranslation.translation_id) == on.id))
    if claimed.rowcount != 1:
        return None
    base = replaced(session, on)
    made = TranslationDecision(
        translation_id=on.id or 0,
        verdict=judged.verdict,
        level=judged.level,
        findings=[asdict(finding) for finding in judged.findings],
        summary=judged.summary,
        confidence=judged.confidence,
        language=judged.language,
        base_id=base.id if base else None,
        engine=judged.engine,
        decided_by=ENGINE_ACTOR,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    _audit(session, f"translation decided {made.verdict}", on, ENGINE_ACTOR, now, engine=made.engine)
    return made


def put_off(session: Session, translation_id: int, *, error: str, until: datetime) -> None:
    """Record that the engine could not decide a translation; a person sees it, and it is tried again."""
    session.exec(
        update(DueTranslation)
        .where(col(DueTranslation.translation_id) == translation_id)
        .values(failures=DueTranslation.failures + 1, error=error, due_at=until)
    )
