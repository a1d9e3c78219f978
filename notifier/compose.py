"""Put together what a letter says, from the record: once for each group of members that share a base.

A letter is written in its batch's locale: words, dates and the names of languages (notifier/wording.py). Where the
policy is translated into it, both texts that the letter compares among them, its passages are the translation's.

Where the publisher states that somebody else becomes responsible for the members' information, their name makes
the letter's first line and its subject, in each language; the usual first line follows as a sentence of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlmodel import Session, col, select

from errors import NoSuchRevision
from notifier import audience, letters, tokens, translated, typeset, wording
from notifier.letters import Letter, LetterContext
from notifier.models import Batch, Notice, RenderedLetter
from notifier.senders.protocol import Message
from notifier.wording import Wording
from policy_versions import archive, comparing, diff, locales, significance, translations
from policy_versions.archive import Entry, History
from policy_versions.models import Policy, Revision, Translation
from policy_versions.significance import Finding
from settings import Settings

ENGINES = f"{diff.ENGINE} {significance.ENGINE}"


def compose(
    session: Session,
    record: History,
    entry: Entry,
    settings: Settings,
    *,
    notice: Notice,
    batch: Batch,
    now: datetime,
) -> LetterContext:
    """What the letter of a batch says. now: when it is written, UTC."""
    if notice.translation_id is not None:
        return _of_translation(session, record, entry, settings, notice=notice, batch=batch)
    policy, revision = record.policy, entry.revision
    base = _base(record, batch.base_revision_id)
    home, speech = _home(settings, policy), wording.of(batch.locale)
    compared = f"{home}/compare/{base.number}..{revision.number}" if base else f"{home}/{revision.number}"
    correction = notice.kind == "correction"
    period = audience.binding_period(record, base.number if base else 0, entry)
    said: dict[str, Any] = {
        **_common(record, entry, settings, batch=batch),
        "kind": notice.kind,
        "redline_url": compared,
        "member_url": "" if correction else f"{settings.public_url}/m/",
        "governs_already": batch.already,
        "in_force": entry.live and revision.effective_at <= now,
        # an earlier text that still waits to be accepted holds this one back too, whatever its own rule
        "rule": "acceptance" if batch.asks else "notice" if period else revision.rule,
        "notice_days": period,
        "base": base.number if base else None,
        "base_label": speech.date(base.date) if base else None,
        "summary": summary(entry, speech),
        "findings": () if correction else findings(entry),
        "change": comparing.compare(session, base, revision) if base and not correction else None,
        "new_controller": _controller(record, base, revision) if base else None,
        "correction_reason": _put_right(session, notice, batch, entry),
        "corrects": batch.corrects,
        **({} if correction else _translated(session, policy, base, revision, batch, home)),
    }
    return LetterContext(**said)


def _put_right(session: Session, notice: Notice, batch: Batch, entry: Entry) -> str:
    """Why an earlier letter was wrong: the revision was withdrawn, or the letter recalled."""
    if batch.corrects and notice.replaces_id is not None:
        return session.get_one(Notice, notice.replaces_id).why
    return entry.withdrawal.reason if entry.withdrawal else ""


def _controller(record: History, base: Revision, revision: Revision) -> str | None:
    """Who became responsible last, by the revisions after the one that the reader knows, up to this one."""
    after = [e.revision for e in record.entries if e.live and base.number < e.number <= revision.number]
    return next((each.controller for each in reversed(after) if each.controller), None)


def summary(entry: Entry, speech: Wording) -> str:
    """The publisher's words; where there are none, the engine's, which are English."""
    engine_s = entry.decision.summary if entry.decision and speech.language == wording.SOURCE else ""
    return entry.revision.summary or engine_s


def _common(record: History, entry: Entry, settings: Settings, *, batch: Batch) -> dict[str, Any]:
    """What letters of every kind say of their policy and revision."""
    policy, revision = record.policy, entry.revision
    home = _home(settings, policy)
    speech = wording.of(batch.locale)
    return {
        "company": settings.company_name,
        "company_address": settings.company_address,
        "contact_email": settings.contact_email,
        "policy_title": policy.title,
        "policy_url": home,
        "text_url": f"{home}/{revision.number}",
        "history_url": f"{home}/history",
        "link_days": tokens.LETTER_LINK.days,
        "revision": revision.number,
        "revision_label": speech.date(revision.date),
        "sha256": revision.sha256,
        "chain": record.entries[-1].revision.chain,
        "effective_label": speech.day(revision.effective_at, policy.zone),
        "promise": policy.promise,
        "look": typeset.Look(settings.accents, settings.templates),
        "audience": batch.audience,
        "reader": batch.locale,
        "locale": policy.locale,
        "summary_locale": policy.locale,
        "quotes_in": foreign(policy.locale, speech),
        "zone": speech.zone(policy.zone),
        "text_language": speech.language_of(policy.locale),
    }


def _home(settings: Settings, policy: Policy) -> str:
    return f"{settings.public_url}/{quote(policy.slug)}"


def foreign(locale: str, speech: Wording) -> str:
    """The name of a text's language where it is not the letter's own; else ""."""
    return "" if locales.chosen(locale, [speech.language]) else speech.language_of(locale)


def _translated(
    session: Session, policy: Policy, base: Revision | None, revision: Revision, batch: Batch, home: str
) -> dict[str, Any]:
    """Where the reader finds the text in their own language, and what changed there, where both are translated."""
    pair = translated.both(session, policy, base, revision, batch.locale)
    if pair is None:
        return {}
    known, found = pair
    said = {
        "translation_url": f"{home}/{revision.number}/{found.locale}",
        "translation_language": wording.of(batch.locale).language_of(found.locale),
        "policy_title": found.title or policy.title,
    }
    if known is None:
        return said
    change = comparing.compare_translations(known, found)
    return {**said, "change": change, "locale": found.locale, "in_translation": True, "quotes_in": ""}


def _of_translation(
    session: Session, record: History, entry: Entry, settings: Settings, *, notice: Notice, batch: Batch
) -> LetterContext:
    """What the letter says that corrects a translation. The authoritative text did not change."""
    new = session.get_one(Translation, notice.translation_id)
    old, made = translations.replaced(session, new), translations.decision(session, new)
    address = f"{_home(settings, record.policy)}/{entry.number}/{new.locale}"
    speech = wording.of(batch.locale)
    in_words = made is not None and made.language == speech.language == wording.SOURCE  # the engine speaks English
    said: dict[str, Any] = {
        **_common(record, entry, settings, batch=batch),
        "redline_url": f"{address}/compare/{new.number - 1}..{new.number}",
        "sha256": new.sha256,
        "rule": entry.revision.rule,
        "base": None,
        "base_label": speech.day(old.recorded_at, record.policy.zone) if old else None,
        "summary": made.summary if made and in_words else "",
        "change": comparing.compare_translations(old, new) if old else None,
        "kind": "translation",
        "locale": new.locale,
        "quotes_in": foreign(new.locale, speech),
        "translation_url": address,
        "translation_language": speech.language_of(new.locale),
        "policy_title": new.title or record.policy.title,
    }
    return LetterContext(**said)


def _base(record: History, revision_id: int | None) -> Revision | None:
    return next((e.revision for e in record.entries if e.revision.id == revision_id), None)


def findings(entry: Entry) -> tuple[Finding, ...]:
    """The findings of a revision's standing decision."""
    made = entry.decision.findings if entry.decision else []
    return tuple(Finding.from_json(finding) for finding in made)


def group(batch: Batch) -> tuple[object, ...]:
    """What batches have in common that say the same, besides whether the revision is in force."""
    return (
        batch.notice_id, batch.base_revision_id, batch.locale, batch.audience, batch.already, batch.asks,
        batch.corrects,
    )  # fmt: skip


def rendered(session: Session, notice: Notice, batch: Batch, *, now: datetime) -> RenderedLetter | None:
    """The letter of a batch's group, where it has been rendered, and still speaks of its day as it is."""
    effective_at = session.exec(select(Revision.effective_at).where(Revision.id == notice.revision_id)).one()
    return session.exec(
        select(RenderedLetter).where(
            RenderedLetter.notice_id == notice.id,
            col(RenderedLetter.base_revision_id).is_not_distinct_from(batch.base_revision_id),
            RenderedLetter.locale == batch.locale,
            RenderedLetter.audience == batch.audience,
            RenderedLetter.already == batch.already,
            RenderedLetter.asks == batch.asks,
            RenderedLetter.corrects == batch.corrects,
            RenderedLetter.in_force == (effective_at <= now),
        )
    ).first()


def render(session: Session, notice: Notice, batch: Batch, settings: Settings, *, now: datetime) -> RenderedLetter:
    """Render a batch's letter, and return the row that keeps it as evidence (not yet added)."""
    policy = session.get_one(Policy, notice.policy_id)
    record = archive.history(session, policy)
    entry = next((e for e in record.entries if e.revision.id == notice.revision_id), None)
    if entry is None:
        raise NoSuchRevision(notice.revision_id)
    context = compose(session, record, entry, settings, notice=notice, batch=batch, now=now)
    letter = letters.render(context, prefix=notice.substitution_prefix)
    return _row(letter, notice, batch, entry, now)


def _row(letter: Letter, notice: Notice, batch: Batch, entry: Entry, now: datetime) -> RenderedLetter:
    return RenderedLetter(
        notice_id=notice.id or 0,
        base_revision_id=batch.base_revision_id,
        locale=batch.locale,
        audience=batch.audience,
        already=batch.already,
        asks=batch.asks,
        corrects=batch.corrects,
        in_force=entry.revision.effective_at <= now,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        sha256=letter.sha256,
        engines=ENGINES,
        decision_id=entry.decision.id if entry.decision else None,
        recorded_at=now,
    )


def message(letter: RenderedLetter, settings: Settings, *, policy_slug: str) -> Message:
    """The letter as a sender takes it."""
    host = settings.public_url.split("//", 1)[1].split("/", 1)[0].split(":", 1)[0]
    return Message(
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        sender=mailbox(settings),
        reply_to=settings.contact_email,
        headers={
            "List-Id": f"<{policy_slug}.{host}>",
            "Auto-Submitted": "auto-generated",
            "Feedback-ID": f"notice-{letter.notice_id}:{policy_slug}:gazette",
        },
    )


def mailbox(settings: Settings) -> str:
    """The letter's From: the company's name and the address that sends."""
    name = settings.company_name.replace("\\", "").replace('"', "")
    return f'"{name}" <{settings.sender_address}>'
