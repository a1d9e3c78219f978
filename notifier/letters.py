"""Write the letter a member gets when a policy changes. Pure: what is known in; subject, text and HTML out.

Each sentence stands once in templates/email/sentences.txt and is said by both parts, in the reader's language
(notifier/wording.py). This module fits the passages (notifier/passages.py) under a size; notifier/typeset.py lays
the whole out. What is personal is left in the letter as a key, in whose place each recipient's own words are put
when it leaves.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from typing import Literal

from jinja2 import BaseLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from notifier import typeset, wording
from notifier.passages import Passage, glyph_of, passages_of
from notifier.plain_words import Finding, PlainWords, first_of, told
from notifier.typeset import NO_BREAK, one_line, shortened, unbroken
from notifier.wording import N_, Wording
from policy_versions.diff.model import Change

PERSONAL = ("applies_from",)  # what differs between the recipients of one rendered letter, besides their link
APPLIES_ON_ACCEPTANCE = N_("when you accept it")  # said instead of a date
APPLIES_SINCE = N_("since %(day)s")  # said of a text that governs already
LIMIT = 80_000  # bytes of HTML as it travels; past about 100 KB mail clients cut a letter short
LONGEST_NAME = 300  # characters of a policy's title, or of who is responsible

Part = Literal["html", "text"]
PARTS: tuple[Part, ...] = ("html", "text")
Keys = Mapping[Part, Mapping[str, str]]  # by part and name


@dataclass(frozen=True, kw_only=True)
class LetterContext:
    """All that a letter says but for what is personal. Dates are labels, as its reader writes them.

    reader: their locale. locale: of the text whose passages are shown. quotes_in: the name of the summary's
    language where it is not the letter's own. in_translation: the passages are those of a translation.
    new_controller: who comes to be responsible for the reader's information by this change, says the first line.
    """

    company: str
    company_address: str = ""
    contact_email: str
    policy_title: str
    policy_url: str  # the current text
    text_url: str  # the text this letter is about
    redline_url: str  # base against revision
    history_url: str
    member_url: str = ""  # of the recipients' own pages, whose tokens follow it; "": the letter leads to none
    link_days: int = 0  # how long such a token holds
    revision: int
    revision_label: str
    sha256: str  # of the text, in hex
    chain: str  # head of the policy's chain, in hex
    effective_label: str
    governs_already: bool = False  # in force before the letter leaves, and the member is under it
    in_force: bool = False  # in force before the letter leaves, whoever is under it: "changed", not "changes"
    rule: Literal["posting", "notice", "acceptance"]  # the strictest of those not yet met up to the revision
    notice_days: int = 0
    base: int | None  # the text this member last knew; None: there was none
    base_label: str | None
    summary: str  # the publisher's own words
    findings: Sequence[Finding] = ()
    change: Change | None  # base -> revision
    promise: Literal["posting only", "may notify", "will notify"]
    # correction: the revision was withdrawn; translation: what changed is a translation of it, and nothing else
    kind: Literal["change", "correction", "translation"] = "change"
    correction_reason: str = ""  # of a withdrawal or a recall, in a person's words
    corrects: bool = False  # the reader got an earlier letter about this change, which was recalled
    audience: Literal["member", "guardian"] = "member"
    reader: str = "en"
    locale: str = "en"
    summary_locale: str = ""  # of the summary and of a person's reason; "": as locale
    quotes_in: str = ""
    in_translation: bool = False
    zone: str = ""  # the time zone that days are counted in, by name
    new_controller: str | None = None
    text_language: str = "English"  # of the authoritative text
    translation_url: str = ""  # the text in the reader's language, where there is a translation
    translation_language: str = ""  # as in "German"
    look: typeset.Look = typeset.PLAIN


@dataclass(frozen=True)
class Letter:
    """A letter rendered for a group of recipients, with keys where something personal goes."""

    subject: str  # one line, without keys
    text: str
    html: str

    @cached_property
    def sha256(self) -> str:
        """The hash of all three with their keys in place: evidence without anything personal."""
        return sha256(json.dumps([self.subject, self.text, self.html]).encode()).hexdigest()


def render(context: LetterContext, *, prefix: str, loader: BaseLoader | None = None) -> Letter:
    """Write a letter. prefix: random for each notice. loader: of other templates than those of its look.

    Raises: ValueError where the prefix is malformed, or stands in the letter's own words: draw another.
    """
    speech = wording.of(context.reader)
    environment = typeset.environment(loader or context.look.loader, speech.language)
    press = _Press(environment, context, _keys(prefix), speech)
    shown = press.most()
    _refuse_collision(replace(press, keys=_keys(None)).letter(shown), prefix)
    return press.letter(shown)


# -- keys ---------------------------------------------------------------------------------------


def key(prefix: str, name: str, part: Part | Literal["both"]) -> str:
    """Return what holds the place of something personal. Raises: ValueError."""
    if re.fullmatch("[0-9a-z]{6,32}", prefix) is None:
        raise ValueError("A prefix has 6 to 32 small letters and digits.")
    return f"-{prefix}.{name}.{part}-"


def link_key(prefix: str) -> str:
    """Return what holds the place of a recipient's token: the same in both parts, since it needs no escaping."""
    return key(prefix, "link", "both")


def keys(prefix: str) -> tuple[str, ...]:
    """Return every key a letter may hold. Raises: ValueError."""
    return tuple(dict.fromkeys(key for by_name in _keys(prefix).values() for key in by_name.values()))


def substitutions(prefix: str, *, applies_from: str) -> dict[str, str]:
    """Return what a recipient's keys stand for: each value twice, HTML-escaped and plain.

    applies_from: "1 December 2025" for a day to come; "when you accept it" where it is asked;
    "since 3 March 2026" where the text governs already. Raises: ValueError.
    """
    values = {"applies_from": one_line(applies_from)}
    html = {key(prefix, name, "html"): str(escape(value)) for name, value in values.items()}
    return html | {key(prefix, name, "text"): value for name, value in values.items()}


def _keys(prefix: str | None) -> Keys:
    """Return the keys; without a prefix, nothing in their places."""
    if prefix is None:
        return dict.fromkeys(PARTS, dict.fromkeys((*PERSONAL, "link"), ""))
    link = {"link": link_key(prefix)}
    return {part: {name: key(prefix, name, part) for name in PERSONAL} | link for part in PARTS}


def _refuse_collision(without_keys: Letter, prefix: str) -> None:
    """Refuse a prefix that the letter's own words hold. Raises: ValueError.

    Looked for in what was rendered, because the brackets around a passage could complete a key.
    """
    if f"{prefix}." in without_keys.subject + without_keys.text + without_keys.html:
        raise ValueError("The prefix stands in the letter's own words; draw another.")


# -- both parts ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Press:
    """A letter in the making; how many passages it shows is settled last."""

    environment: ImmutableSandboxedEnvironment
    context: LetterContext
    keys: Keys
    speech: Wording

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """What a correction withdraws is not shown again."""
        change = self.context.change
        return tuple(passages_of(change)) if change and self.context.kind != "correction" else ()

    @cached_property
    def findings(self) -> list[PlainWords]:
        return told(self.context.findings, self.context.summary, self.speech)

    def most(self) -> int:
        """Return how many passages, from the first, fit under the limit."""
        likely = sum(weight <= LIMIT for weight in accumulate(passage.weight for passage in self.passages))
        return bisect_left(range(likely), True, key=lambda last: self._too_long(last + 1))

    def letter(self, shown: int) -> Letter:
        """Render with so many passages."""
        return Letter(self._subject(shown), self._text(shown), self._html(shown))

    def _too_long(self, shown: int) -> bool:
        return typeset.weight(self._html(shown)) > LIMIT

    def _subject(self, shown: int) -> str:
        return self._sentences("text", shown)["title"].replace(NO_BREAK, " ")

    def _html(self, shown: int) -> str:
        css = self.environment.get_template("letter.css").render(letter=self.context)
        return typeset.inlined(self._part("html", "letter.html", shown), css)

    def _text(self, shown: int) -> str:
        return typeset.plain(self._part("text", "letter.txt", shown))

    def _part(self, part: Part, template: str, shown: int) -> str:
        return self.environment.get_template(template).render(
            letter=self.context,
            language=self.speech.language,
            between=self.speech.between,
            say=self._sentences(part, shown),
            subject=self._subject(shown),
            findings=first_of(self.findings),
            passages=self.passages[:shown],
        )

    def _sentences(self, part: Part, shown: int) -> dict[str, str]:
        """Return the letter's sentences by name, as plain text: whoever prints them escapes them."""
        change = self.context.change
        numbered = change.numbered if change else ()
        module = self.environment.get_template("sentences.txt").make_module(
            {
                "letter": _set(self.context),
                "language": self.speech.language,
                "between": self.speech.between,
                "personal": self.keys[part],
                "shown": shown,
                "changes": len(self.passages),
                "numbered": len(numbered),
                "in_form_only": sum(not glyph_of(block) for block in numbered),
                "unsaid": len(self.findings) - len(first_of(self.findings)),
            }
        )
        return {name: one_line(said) for name, said in vars(module).items() if isinstance(said, str)}


def _set(context: LetterContext) -> LetterContext:
    """Return it with dates that no line breaks, and with names short enough to be said many times."""
    return replace(
        context,
        policy_title=shortened(context.policy_title, LONGEST_NAME),
        new_controller=shortened(context.new_controller or "", LONGEST_NAME) or None,
        effective_label=unbroken(context.effective_label),
        revision_label=unbroken(context.revision_label),
        base_label=unbroken(context.base_label or ""),
    )
