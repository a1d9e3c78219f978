"""What needs a person of decisions and translations; the rest of it is in needs.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from flask import url_for
from sqlmodel import col, select

from notifier.models import Notice
from policy_versions import locales, overruling, reopening
from policy_versions.archive import History
from policy_versions.models import (
    DueDecision,
    DueTranslation,
    Policy,
    Revision,
    Translation,
    TranslationDecision,
)
from web.admin import four_eyes
from web.context import now, session

TRANSLATIONS = timedelta(days=14)  # how long a translation that says something else is brought up


class Need(NamedTuple):
    """kind: of its chip; text: the chip's word where it is another. deed: the button's words; it leads to url."""

    kind: str
    sentence: str
    follows: str
    url: str
    deed: str
    text: str = ""


def title(policy: Policy, number: int) -> str:
    return f"{policy.title}, No. {number}"


def of(records: Sequence[History]) -> Iterator[Need]:
    yield from _undecided()
    yield from _reopened(records)
    yield from _proposed(records)
    yield from _asked()
    yield from _translations()
    yield from _different()


# -- decisions ----------------------------------------------------------------------------------


def _undecided() -> Iterator[Need]:
    """Revisions that the engine failed on."""
    failing = session().exec(
        select(DueDecision, Revision, Policy)
        .join(Revision, col(Revision.id) == DueDecision.revision_id)
        .join(Policy, col(Policy.id) == Revision.policy_id)
        .where(DueDecision.failures > 0)
    )
    for due, revision, policy in failing:
        yield Need(
            "undecided",
            f"{title(policy, revision.number)}, could not be decided: {due.error}",
            "Held as significant until it is decided; the scheduler tries again.",
            url_for("admin.policy", slug=policy.slug),
            "See the policy",
        )


def _reopened(records: Sequence[History]) -> Iterator[Need]:
    """Decisions that are open again."""
    for record in records:
        for entry, opened in reopening.all_reopened(session(), record):
            yield Need(
                "waiting",
                f"{title(record.policy, entry.number)}, stands as {entry.verdict}. "
                f"An earlier text was decided otherwise, and the engine would now say {opened.verdict}.",
                "Its decision stands until a person confirms or changes it.",
                url_for("admin.decision", slug=record.policy.slug, number=entry.number),
                "Decide",
                "Re-opened",
            )


def _proposed(records: Sequence[History]) -> Iterator[Need]:
    """Decisions that take a second person."""
    for record in records:
        for entry, proposal in overruling.all_waiting(session(), record):
            yield Need(
                "waiting",
                f"{proposal.proposed_by} proposes to decide {title(record.policy, entry.number)}, "
                f"{proposal.verdict}, level {proposal.level}.",
                "It is at level 4, so it takes a second person to confirm.",
                url_for("admin.decision", slug=record.policy.slug, number=entry.number),
                "See the decision",
                "Proposed",
            )


def _asked() -> Iterator[Need]:
    """What one publisher has asked for and another is to confirm."""
    for one in four_eyes.to_answer():
        yield Need(
            "waiting",
            f"{one.asked_by} has asked for a second person: {one.title}.",
            "Nothing of it happens until another publisher confirms it.",
            url_for("admin.request", number=one.id),
            "Look at it",
            "Two persons",
        )


# -- translations -------------------------------------------------------------------------------


def _translations() -> Iterator[Need]:
    """Translations that the engine failed on."""
    failing = session().exec(
        select(DueTranslation, Translation, Revision, Policy)
        .join(Translation, col(Translation.id) == DueTranslation.translation_id)
        .join(Revision, col(Revision.id) == Translation.revision_id)
        .join(Policy, col(Policy.id) == Revision.policy_id)
        .where(DueTranslation.failures > 0)
    )
    for due, one, revision, policy in failing:
        yield Need(
            "undecided",
            f"{title(policy, revision.number)}: translation {one.number} into {locales.name(one.locale)} "
            f"could not be decided: {due.error}",
            "No correction of it can be sent until it is decided; the scheduler tries again.",
            _translation_url(policy, revision, one),
            "See the translation",
        )


def _different() -> Iterator[Need]:
    """Translations decided of late to say something else than those they replace, of which nobody was told."""
    told = select(Notice.id).where(Notice.translation_id == Translation.id)
    found = session().exec(
        select(Translation, Revision, Policy)
        .join(TranslationDecision, col(TranslationDecision.translation_id) == Translation.id)
        .join(Revision, col(Revision.id) == Translation.revision_id)
        .join(Policy, col(Policy.id) == Revision.policy_id)
        .where(
            TranslationDecision.verdict == "significant",
            col(TranslationDecision.recorded_at) > now() - TRANSLATIONS,
            ~told.exists(),
        )
    )
    for one, revision, policy in found:
        yield Need(
            "waiting",
            f"{title(policy, revision.number)}: translation {one.number} into {locales.name(one.locale)} says "
            "something else than the one it replaced.",
            "Those told in that language learn of it only by a correction that a person sends.",
            _translation_url(policy, revision, one),
            "See the translation",
            "Translation",
        )


def _translation_url(policy: Policy, revision: Revision, one: Translation) -> str:
    return url_for(
        "admin.translation", slug=policy.slug, number=revision.number, locale=one.locale, which=one.number
    )
