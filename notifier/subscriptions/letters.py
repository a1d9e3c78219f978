"""Write the two letters that subscribers get: the question whether they meant it, and the news of a text.

Pure: what is known in; subject, text and HTML out. Each sentence stands once, in
templates/email/subscription_sentences.txt, and is said by both parts, in the policy's own language where Gazette
speaks it. The reader's own link is left as a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jinja2 import Environment
from markupsafe import escape

from notifier import letters, plain_words, typeset, wording
from notifier.letters import PARTS, Letter, Part
from notifier.plain_words import Finding, PlainWords
from notifier.typeset import NO_BREAK, unbroken

LINK = "link"  # the name of the key in whose place each reader's own address of a page is put


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the letter says that asks for a confirmation."""

    company: str
    company_address: str = ""
    contact_email: str
    policy_title: str
    policy_url: str
    locale: str = "en"  # of the policy's text and summary, and of the letter
    zone: str = ""  # the time zone that days are counted in, by name
    look: typeset.Look = typeset.PLAIN

    @property
    def kind(self) -> str:
        return "confirm"


@dataclass(frozen=True, kw_only=True)
class News(Question):
    """What the letter says of a published revision. Dates are labels, as in "1 December 2025"."""

    revision: int
    revision_label: str
    effective_label: str
    in_force: bool  # when the letter is written
    sha256: str  # of the text, in hex
    chain: str  # head of the policy's chain, in hex
    verdict: Literal["first", "significant", "minor"]
    summary: str = ""
    findings: Sequence[Finding] = ()
    base: int | None  # the number of the text before; None: there is none
    changes: int = 0  # against it
    redline_url: str
    text_url: str
    history_url: str

    @property
    def kind(self) -> str:
        return "change"


def render(about: Question, *, prefix: str) -> Letter:
    """Write a letter, with the reader's link left as a key. prefix: random, 6 to 32 small letters and digits.

    Raises: ValueError where the prefix is malformed or stands in the letter's own words: draw another.
    """
    keys = {part: letters.key(prefix, LINK, part) for part in PARTS}
    bare = _letter(about, dict.fromkeys(PARTS, ""))
    if f"{prefix}." in bare.subject + bare.text + bare.html:
        raise ValueError("The prefix stands in the letter's own words; draw another.")
    return _letter(about, keys)


def substitutions(prefix: str, *, link: str) -> dict[str, str]:
    """Return what a reader's keys stand for. link: the page where they confirm, or stop the letters."""
    return {letters.key(prefix, LINK, "html"): str(escape(link)), letters.key(prefix, LINK, "text"): link}


def _letter(about: Question, links: Mapping[Part, str]) -> Letter:
    return Letter(_sentences(about)["subject"].replace(NO_BREAK, " "), _text(about, links), _html(about, links))


def _html(about: Question, links: Mapping[Part, str]) -> str:
    css = _environment(about).get_template("letter.css").render(letter=about)
    return typeset.inlined(_part(about, "html", links["html"]), css)


def _text(about: Question, links: Mapping[Part, str]) -> str:
    return typeset.plain(_part(about, "txt", links["text"]))


def _environment(about: Question) -> Environment:
    return typeset.environment(about.look.loader, wording.of(about.locale).language)


def _part(about: Question, ending: Literal["html", "txt"], link: str) -> str:
    template = _environment(about).get_template(f"subscription_{about.kind}.{ending}")
    language = wording.of(about.locale).language
    return template.render(
        letter=about,
        language=language,
        say=_sentences(about),
        findings=plain_words.first_of(_told(about)),
        link=link,
    )


def _sentences(about: Question) -> dict[str, str]:
    """Return the letter's sentences by name, as plain text: whoever prints them escapes them."""
    template = _environment(about).get_template("subscription_sentences.txt")
    told = _told(about)
    language = wording.of(about.locale).language
    module = template.make_module(
        {"letter": _unbroken(about), "language": language, "unsaid": len(told) - len(plain_words.first_of(told))}
    )
    return {name: typeset.one_line(said) for name, said in vars(module).items() if isinstance(said, str)}


def _told(about: Question) -> list[PlainWords]:
    """The findings, each as its sentence and the sections it holds for."""
    if not isinstance(about, News):
        return []
    return plain_words.told(about.findings, about.summary, wording.of(about.locale))


def _unbroken(about: Question) -> Question:
    """Return it with dates that no line breaks."""
    if not isinstance(about, News):
        return about
    return replace(
        about,
        effective_label=unbroken(about.effective_label),
        revision_label=unbroken(about.revision_label),
    )
