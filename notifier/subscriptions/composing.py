"""Put together, from the record, what a subscriber's letter says and how it travels."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlmodel import Session

from notifier import compose, typeset, wording
from notifier.letters import Letter
from notifier.models import Subscription, SubscriptionLetter
from notifier.senders.protocol import Message, Recipient
from notifier.subscriptions import letters, tokens
from notifier.subscriptions.letters import News, Question
from policy_versions import archive, comparing
from policy_versions.archive import Entry, History
from policy_versions.models import Policy, Revision
from settings import Settings


@dataclass(frozen=True, slots=True)
class Printed:
    """A letter as all its readers get it, with the prefix of the keys in it."""

    letter: Letter
    prefix: str
    kind: str
    policy_slug: str
    about: str  # what its Feedback-ID names: nothing personal


def written(session: Session, kind: str, revision_id: int, settings: Settings, *, now: datetime) -> Printed:
    """Write the letter of a kind about a revision, once for all its readers."""
    revision = session.get_one(Revision, revision_id)
    policy = session.get_one(Policy, revision.policy_id)
    if kind == "confirm":
        return _printed(Question(**_common(policy, settings)), policy, "confirmation")
    record = archive.history(session, policy)
    news = _news(session, record, record.entry(revision.number), settings, now)
    return _printed(news, policy, f"revision-{revision_id}")


def _printed(what: Question, policy: Policy, about: str) -> Printed:
    for _ in range(4):
        prefix = secrets.token_hex(6)
        try:
            return Printed(letters.render(what, prefix=prefix), prefix, what.kind, policy.slug, about)
        except ValueError:
            continue  # it stands in the letter's own words, by a chance of one in billions
    raise ValueError("no prefix could be drawn that the letter does not hold")


def _common(policy: Policy, settings: Settings) -> dict[str, Any]:
    return {
        "company": settings.company_name,
        "company_address": settings.company_address,
        "contact_email": settings.contact_email,
        "policy_title": policy.title,
        "policy_url": _home(policy, settings),
        "locale": policy.locale,
        "zone": wording.of(policy.locale).zone(policy.zone),
        "look": typeset.Look(settings.accents, settings.templates),
    }


def _home(policy: Policy, settings: Settings) -> str:
    return f"{settings.public_url}/{quote(policy.slug)}"


def _news(session: Session, record: History, entry: Entry, settings: Settings, now: datetime) -> News:
    policy, revision, home = record.policy, entry.revision, _home(record.policy, settings)
    before, speech = record.before(entry.number), wording.of(policy.locale)
    compared = f"{home}/compare/{before.number}..{entry.number}" if before else f"{home}/{entry.number}"
    return News(
        **_common(policy, settings),
        revision=entry.number,
        revision_label=speech.date(revision.date),
        effective_label=speech.day(revision.effective_at, policy.zone),
        in_force=revision.effective_at <= now,
        sha256=revision.sha256,
        chain=record.entries[-1].revision.chain,
        verdict=_verdict(entry),
        summary=compose.summary(entry, speech),
        findings=compose.findings(entry),
        base=before.number if before else None,
        changes=len(comparing.compare(session, before.revision, revision).numbered) if before else 0,
        redline_url=compared,
        text_url=f"{home}/{entry.number}",
        history_url=f"{home}/history",
    )


def _verdict(entry: Entry) -> Any:
    return entry.verdict


def message(printed: Printed, link: str, settings: Settings) -> Message:
    """The letter as a sender takes it: one message for each reader, whose link to stop it stands in its head.

    Source: RFC 2369 and RFC 8058. Another List-Id than that of the legal notices, so that nobody who sorts out
    the one loses the other.
    """
    host = settings.public_url.split("//", 1)[1].split("/", 1)[0].split(":", 1)[0]
    stop = {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Message(
        subject=printed.letter.subject,
        text=printed.letter.text,
        html=printed.letter.html,
        sender=compose.mailbox(settings),
        reply_to=settings.contact_email,
        headers={
            "List-Id": f"<{printed.policy_slug}.subscribers.{host}>",
            "Auto-Submitted": "auto-generated",
            "Feedback-ID": f"subscription-{printed.about}:{printed.policy_slug}:gazette",
            **(stop if printed.kind == "change" else {}),
        },
    )


def addressed(
    printed: Printed, letter: SubscriptionLetter, subscription: Subscription, settings: Settings, *, secret: str
) -> tuple[Message, Recipient]:
    """A letter to one reader. Its delivery's number is below zero, which no delivery of a notice has."""
    link = _link(subscription, printed.kind, settings, secret)
    personal = letters.substitutions(printed.prefix, link=link)
    return message(printed, link, settings), Recipient(-(letter.id or 0), subscription.email or "", personal)


def _link(subscription: Subscription, kind: str, settings: Settings, secret: str) -> str:
    number = subscription.id or 0
    if kind == "confirm":
        return f"{settings.public_url}/subscribe/{tokens.token(number, 'confirm', secret)}"
    return f"{settings.public_url}/unsubscribe/{tokens.token(number, 'unsubscribe', secret)}"
