"""Translations in the telling: the scheduler decides those that are due, and a person has one corrected."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, select

from database import reading, writing
from errors import NotCorrectable, RecipientsDiffer
from notifier import audience, notices, translated
from notifier.audience import LeftOut, Owed
from notifier.deciding import back_off
from notifier.models import Notice
from notifier.runtime import Runtime
from policy_versions import archive, audit, translations
from policy_versions.archive import History
from policy_versions.deciding import Judgement
from policy_versions.models import DueTranslation, Policy, Revision, Translation

log = logging.getLogger(__name__)


def decide_due(runtime: Runtime) -> int:
    """Decide every translation that is due; returns how many. What the engine fails on is put off and shown."""
    with reading(runtime.engine) as session:
        waiting = translations.due(session, now=runtime.clock.now(session))
    return sum(_decide(runtime, due) for due in waiting)


def _decide(runtime: Runtime, due: DueTranslation) -> bool:
    try:
        judged = _judge(runtime, due.translation_id)
    except Exception as error:
        log.exception("translation %s could not be decided", due.translation_id)
        _put_off(runtime, due, f"{type(error).__name__}: {error}")
        return False
    with writing(runtime.engine) as session:
        translation = session.get_one(Translation, due.translation_id)
        return translations.write(session, translation, judged, now=runtime.clock.now(session)) is not None


def _judge(runtime: Runtime, translation_id: int) -> Judgement:
    """Outside any writing transaction: a comparison may take a second."""
    with reading(runtime.engine) as session:
        translation = session.get_one(Translation, translation_id)
        return translations.judge(translations.replaced(session, translation), translation)


def _put_off(runtime: Runtime, due: DueTranslation, error: str) -> None:
    with writing(runtime.engine) as session:
        until = runtime.clock.now(session) + back_off(due.failures)
        translations.put_off(session, due.translation_id, error=error[:500], until=until)


# -- a correction -------------------------------------------------------------------------------


def correction(session: Session, translation: Translation) -> Notice | None:
    """The notice that tells of a corrected translation, if there is one."""
    return session.exec(select(Notice).where(Notice.translation_id == translation.id)).one_or_none()


def refusal(session: Session, record: History, translation: Translation) -> NotCorrectable | None:
    """Why no correction of a translation can be sent; None where one can."""
    made = translations.decision(session, translation)
    entry = next(e for e in record.entries if e.revision.id == translation.revision_id)
    if made is None:
        return NotCorrectable("This translation is not decided yet; the scheduler does so within seconds.")
    if made.verdict != "significant":
        return NotCorrectable(f"This translation stands as {made.verdict}, so there is nothing to correct.")
    if not entry.live:
        return NotCorrectable(f"Revision {entry.number} was withdrawn, and the members were told so.")
    if correction(session, translation) is not None:
        return NotCorrectable("A correction of this translation was made already.")
    return None


def correct(
    session: Session, of: Policy, translation: Translation, *, typed: str, secret: str, actor: str, now: datetime
) -> Notice:
    """Schedule the correction that goes to the members told in a translation's locale. of: locked.

    typed: how many there are, as the person typed it. Raises: NotCorrectable, RecipientsDiffer.
    """
    count = confirmed(session, archive.history(session, of), translation, typed=typed, secret=secret, now=now)
    revision = session.get_one(Revision, translation.revision_id)
    notice = notices.new(session, revision, "correction", now=now, due_at=now, translation=translation)
    notice.expected_audience = count
    session.add(notice)
    session.flush()
    audit.record(
        session, actor=actor, action="correction of a translation scheduled", now=now,
        subject=f"notice {notice.id}", locale=translation.locale, number=translation.number, letters=count,
    )  # fmt: skip
    return notice


def confirmed(
    session: Session, record: History, translation: Translation, *, typed: str, secret: str, now: datetime
) -> int:
    """How many letters a correction is, where it can be sent and that number was typed.

    Raises: NotCorrectable, RecipientsDiffer.
    """
    why_not = refusal(session, record, translation)
    if why_not is not None:
        raise why_not
    count = counted(session, record, translation, secret=secret, now=now).email
    if not count:
        raise NotCorrectable("No member who was told in this locale can be written to.")
    if typed.strip().replace(",", "") != str(count):
        raise RecipientsDiffer(typed.strip()[:40], count)
    return count


def counted(
    session: Session, record: History, translation: Translation, *, secret: str, now: datetime
) -> audience.Audience:
    """How many of the members told in a translation's locale a correction would go to, and who is left out."""
    found = audience.Audience()
    for verdict in told(session, record, translation, secret=secret, now=now):
        found.add(verdict)
    return found


def told(
    session: Session, record: History, translation: Translation, *, secret: str, now: datetime
) -> Iterator[Owed | LeftOut]:
    """Each member told in a translation's locale, by id, with what they would be owed."""
    entry = next(e for e in record.entries if e.revision.id == translation.revision_id)
    return translated.told(session, record, entry, translation, secret=secret, now=now)
