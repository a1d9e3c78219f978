"""One of a notice's letters, sent to oneself: as it would be now, marked as a test. It enters no ledger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from sqlmodel import Session, col, select

from notifier import audience, compose, filling, letters, tokens, typeset, wording
from notifier.audience import Known
from notifier.models import Batch, Member, Notice
from notifier.senders.protocol import Message, Recipient
from notifier.wording import N_, Wording
from policy_versions.archive import Entry, History
from settings import Settings

TEST = N_("This is a test, sent by hand from the administration. It counts for nobody, and nobody else got it.")


class Specimen(NamedTuple):
    """Which of a notice's letters: for members who know that text (None: none), in that locale, to whom."""

    base: int | None
    locale: str
    audience: str  # member or guardian


def specimens(session: Session, notice: Notice, record: History) -> Sequence[Specimen]:
    """The letters that a notice has; before it has opened, or where it has none, those that it could have."""
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    rows = session.exec(
        select(Batch.base_revision_id, Batch.locale, Batch.audience)
        .where(Batch.notice_id == notice.id, Batch.channel == "email", Batch.locale != "")
        .distinct()
    ).all()
    found = {Specimen(numbers.get(base), locale, audience) for base, locale, audience in rows}
    if not found:
        entry = next(e for e in record.entries if e.revision.id == notice.revision_id)
        earlier = [e.number for e in record.entries if e.live and e.number < entry.number]
        bases = [None] if notice.kind == "correction" else [*earlier, None]
        locales = session.exec(select(Member.locale).distinct().order_by(col(Member.locale)).limit(20)).all()
        found = {
            Specimen(base, locale, whom)
            for base in bases
            for locale in {record.policy.locale, *locales}
            for whom in ("member", "guardian")
        }
    return sorted(found, key=lambda s: (-(s.base or 0), s.locale, s.audience != "member"))


def letter(
    session: Session,
    notice: Notice,
    record: History,
    which: Specimen,
    settings: Settings,
    *,
    address: str,
    now: datetime,
) -> tuple[Message, Recipient]:
    """One of a notice's letters, rendered as it would be now, marked as a test; it enters no ledger."""
    entry = next(e for e in record.entries if e.revision.id == notice.revision_id)
    batch = _batch(session, notice, record, entry, which, now)
    rendered = compose.render(session, notice, batch, settings, now=now)
    message = compose.message(rendered, settings, policy_slug=record.policy.slug)
    said = filling.applies_words(
        batch.applies_from, already=batch.already, policy=record.policy, locale=batch.locale
    )
    words = filling.personal(notice, said)
    words |= {letters.link_key(notice.substitution_prefix): tokens.TEST}
    return marked(message, wording.of(batch.locale)), Recipient(0, address, words)


def _batch(
    session: Session, notice: Notice, record: History, entry: Entry, which: Specimen, now: datetime
) -> Batch:
    """A batch as the notice has it; else as it would have it for members who know that text. Not kept."""
    base_id = next((e.revision.id for e in record.entries if e.number == which.base), None)
    there = session.exec(
        select(Batch)
        .where(
            Batch.notice_id == notice.id,
            Batch.channel == "email",
            col(Batch.base_revision_id).is_not_distinct_from(base_id),
            Batch.locale == which.locale,
            Batch.audience == which.audience,
        )
        .order_by(col(Batch.corrects).desc(), col(Batch.id))
    ).first()
    if there is not None:
        return there
    known = _known(notice, record, entry, which, now)
    return Batch(
        notice_id=notice.id or 0,
        number=0,
        base_revision_id=base_id,
        locale=which.locale,
        audience=which.audience,
        already=known.already,
        asks=notice.kind == "change" and known.applies_from is None,
        corrects=notice.replaces_id is not None,
        applies_from=known.applies_from,
        size=1,
        recorded_at=now,
    )


def _known(notice: Notice, record: History, entry: Entry, which: Specimen, now: datetime) -> Known:
    """What the letter says of the day: as for a member whom that text governs, and who is told now."""
    if notice.kind == "correction":
        return Known(0, None, already=False)
    if which.audience == "guardian" or entry.revision.rule == "acceptance":
        return Known(which.base or 0, None, already=False)
    day = audience.stated_date(record, which.base or 0, entry, now)
    return Known(which.base or 0, day, already=day <= now)


_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)
_MARK = "margin:0;padding:12px 16px;font-family:sans-serif;font-size:14px;background-color:#fbf4dc;color:#1b1e1c"


def marked(message: Message, speech: Wording) -> Message:
    """The same letter, which says first that it is a test."""
    test = speech.say(TEST)
    said = f'<p lang="{speech.language}" style="{_MARK}">{escape(test)}</p>'
    html = _BODY.sub(lambda body: body[0] + said, message.html, count=1)
    if html == message.html:
        html = said + html
    subject = speech.say(N_("[Test] %(subject)s"), subject=message.subject)
    return message._replace(subject=subject, text=f"{typeset.laid(test)}\n\n{message.text}", html=html)
