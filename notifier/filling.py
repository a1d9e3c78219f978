"""What is put in place of a letter's keys when it leaves: its day, as its reader writes it, and their own link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from notifier import letters, tokens, wording
from notifier.models import Attempt, Batch, Notice
from policy_versions.models import Policy


def applies_words(applies_from: datetime | None, *, already: bool, policy: Policy, locale: str) -> str:
    """What a letter says of its day, as its reader writes it. applies_from: None: it takes an acceptance."""
    speech = wording.of(locale)
    if applies_from is None:
        return speech.say(letters.APPLIES_ON_ACCEPTANCE)
    day = speech.day(applies_from, policy.zone)
    return speech.say(letters.APPLIES_SINCE, day=day) if already else day


def as_sent(attempt: Attempt, batch: Batch, policy: Policy) -> str:
    """The same as a request said it: kept with it, because dates may be written otherwise by now.

    Versions before that wrote English only.
    """
    return attempt.applies_words or applies_words(
        attempt.applies_from, already=batch.already, policy=policy, locale=wording.SOURCE
    )


def personal(notice: Notice, applies_words: str) -> dict[str, str]:
    """What is put in place of the letter's keys for all its recipients. applies_words: see the function."""
    return letters.substitutions(notice.substitution_prefix, applies_from=applies_words)


Words = Callable[[int, str], dict[str, str]]  # of a delivery's id and its address


def of_each(notice: Notice, batch: Batch, words: dict[str, str], *, secret: str) -> Words:
    """What is put in place of the letter's keys for one recipient: the words of all of them, and their own link.

    Asked for each of ten million letters, so whatever is the same for many is settled here.
    """
    if notice.kind != "change":
        return lambda _delivery_id, _address: words
    key, links = letters.link_key(notice.substitution_prefix), tokens.letter_links(secret)
    if batch.audience == "guardian":
        return lambda delivery_id, address: {**words, key: links.of_guardian(delivery_id, address)}
    return lambda delivery_id, _address: {**words, key: links.of_member(delivery_id)}
