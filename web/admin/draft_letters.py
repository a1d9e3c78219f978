"""The letter of a draft in the publish form: as a chosen member would get it, or as most would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import session as cookie
from flask import url_for
from werkzeug.exceptions import NotFound

from errors import NoSuchMember
from notifier.foretelling import Foretelling, Foretold, Told
from policy_versions import archive, drafts, locales
from policy_versions.models import Draft, Policy
from web.admin import drafting, foreseen
from web.admin.foreseen import Outlook
from web.context import now, runtime, session


@dataclass(frozen=True, slots=True)
class LetterView:
    """What part 9 of the form shows. whom: who gets it; sentences: why that member does, or does not."""

    name: str
    missing: bool
    whom: str
    sentences: list[str]
    subject: str  # "" where no letter goes to that member
    text: str
    url: str
    kilobytes: int


def view(draft: Draft, policy: Policy, seen: Outlook) -> LetterView | None:
    """The letter of the member asked for; else of those who know the text in force."""
    found, name = of_draft(policy, seen, now()), drafting.member()
    if found is None:
        return None
    told, missing = None, False
    if name:
        try:
            told = found.to_member(session(), name, secret=runtime().secret)
        except NoSuchMember:
            missing = True
    letter = told.letter if told else found.usual(session())
    return LetterView(
        name=name,
        missing=missing,
        whom=_whom(letter, told),
        sentences=told.answer.sentences if told else [],
        subject=letter.letter.subject if letter else "",
        text=letter.read("text") if letter else "",
        url=url_for("admin.draft_letter", draft_id=draft.id, member=name if told else None) if letter else "",
        kilobytes=-(-len(letter.letter.html.encode()) // 1000) if letter else 0,
    )


def of_draft(policy: Policy, seen: Outlook, at: datetime) -> Foretelling | None:
    """What the letters of a draft are made from; None where it cannot be read as what is to be published."""
    if seen.given is None or seen.judged is None:
        return None
    record = archive.history(session(), policy)
    revision = foreseen.stand_in(seen.given, record, at)
    return Foretelling.of(record, revision, seen.judged, runtime().settings, now=at)


def chosen(draft_id: int) -> tuple[Draft, Foretelling, Foretold | None]:
    """A kept draft, and the letter of the member asked for; None where they would get none.

    Raises: NoSuchDraft, NoSuchMember, and whatever keeps the draft from being read.
    """
    draft = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, draft.policy_id)
    seen = foreseen.outlook(draft, policy, now(), tell_first=drafting.tell_first(), live=True)
    found, name = of_draft(policy, seen, now()), drafting.member()
    if found is None:
        raise seen.refusal or NotFound
    if name:
        return draft, found, found.to_member(session(), name, secret=runtime().secret).letter
    return draft, found, found.usual(session())


def _whom(letter: Foretold | None, told: Told | None) -> str:
    if letter is None:
        return "No letter goes to this member."
    language, base = locales.name(letter.letter.locale), letter.base
    if told is None:
        return f"As members get it who know {f'No. {base}' if base else 'no text yet'}, in {language}."
    whose = "Their guardian gets it" if letter.letter.audience == "guardian" else "This member gets it"
    return f"{whose}, in {language}: they know {f'No. {base}' if base else 'no text yet'}."


def own_address() -> str:
    """Where the signed-in person had a test letter sent last."""
    return str(cookie.get("test_address", ""))


def remember(address: str) -> None:
    """In the signed-in person's own cookie, and nowhere else."""
    cookie["test_address"] = address
