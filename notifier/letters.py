"""Write the letter a member gets when a policy changes. Pure: what is known in; subject, text and HTML out.

Each sentence stands once in templates/email/sentences.txt and is said by both parts. This module fits
the passages (notifier/passages.py) under a size and lays the whole out. What is personal is left in the
letter as a key, in whose place each recipient's own words are put when it leaves.
"""

from __future__ import annotations

import json
import re
import textwrap
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import sha256
from itertools import accumulate, groupby
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from css_inline import CSSInliner
from jinja2 import BaseLoader, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from notifier.passages import Passage, glyph_of, passages_of
from policy_versions import locales
from policy_versions.diff.model import Change

TEMPLATES = Path(__file__).parent.parent / "templates" / "email"
PERSONAL = ("applies_from",)  # what differs between the recipients of one rendered letter, besides their link
APPLIES_ON_ACCEPTANCE = "when you accept it"  # said instead of a date
LIMIT = 80_000  # bytes of HTML; past about 100 KB mail clients cut a letter short
COLUMNS = 72
FINDINGS = 12  # sentences in plain words; the page that compares both texts has the rest
NO_BREAK = "\N{NO-BREAK SPACE}"

Part = Literal["html", "text"]
PARTS: tuple[Part, ...] = ("html", "text")
Keys = Mapping[Part, Mapping[str, str]]  # by part and name

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(rf"[^\S{NO_BREAK}]+")
_TOGETHER = re.compile(rf"(\S+(?:{NO_BREAK}\S+)+|-[0-9a-z]+\.[a-z_]+\.html-)")


class Finding(Protocol):
    """What the significance engine found. section: title of a heading, or ""; reason: one sentence."""

    @property
    def section(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class LetterContext:
    """All that a letter says but for what is personal. Dates are labels, as in "1 December 2025"."""

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
    locale: str = "en"  # of the text and the summary; the letter's own sentences are English
    text_language: str = "English"  # of the authoritative text
    translation_url: str = ""  # the text in the reader's language, where there is a translation
    translation_language: str = ""  # as in "German"


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
    """Write a letter. prefix: random for each notice. loader: of the operator's own templates.

    Raises: ValueError where the prefix is malformed, or stands in the letter's own words: draw another.
    """
    press = _Press(_environment(loader), context, _keys(prefix))
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

    applies_from: "1 December 2025" for a day to come; APPLIES_ON_ACCEPTANCE where it is asked;
    "since 3 March 2026" where the text governs already. Raises: ValueError.
    """
    values = {"applies_from": _one_line(applies_from)}
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

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """What a correction withdraws is not shown again."""
        change = self.context.change
        return tuple(passages_of(change)) if change and self.context.kind != "correction" else ()

    @cached_property
    def findings(self) -> list[PlainWords]:
        return _plain_words(self.context)

    def most(self) -> int:
        """Return how many passages, from the first, fit under the limit."""
        likely = sum(weight <= LIMIT for weight in accumulate(passage.weight for passage in self.passages))
        return bisect_left(range(likely), True, key=lambda last: self._too_long(last + 1))

    def letter(self, shown: int) -> Letter:
        """Render with so many passages."""
        return Letter(self._subject(shown), self._text(shown), self._html(shown))

    def _too_long(self, shown: int) -> bool:
        return len(self._html(shown).encode()) > LIMIT

    def _subject(self, shown: int) -> str:
        return self._sentences("text", shown)["title"].replace(NO_BREAK, " ")

    def _html(self, shown: int) -> str:
        css = self.environment.get_template("letter.css").render()
        return _inliner(css).inline(self._part("html", "letter.html", shown))

    def _text(self, shown: int) -> str:
        lines = self._part("text", "letter.txt", shown).replace(NO_BREAK, " ").splitlines()
        return re.sub("\n{4,}", "\n\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n") + "\n"

    def _part(self, part: Part, template: str, shown: int) -> str:
        return self.environment.get_template(template).render(
            letter=self.context,
            say=self._sentences(part, shown),
            subject=self._subject(shown),
            findings=self.findings[:FINDINGS],
            passages=self.passages[:shown],
        )

    def _sentences(self, part: Part, shown: int) -> dict[str, str]:
        """Return the letter's sentences by name, as plain text: whoever prints them escapes them."""
        change = self.context.change
        numbered = change.numbered if change else ()
        module = self.environment.get_template("sentences.txt").make_module(
            {
                "letter": _unbroken(self.context),
                "personal": self.keys[part],
                "shown": shown,
                "changes": len(self.passages),
                "numbered": len(numbered),
                "in_form_only": sum(not glyph_of(block) for block in numbered),
                "unsaid": max(0, len(self.findings) - FINDINGS),
            }
        )
        return {name: _one_line(said) for name, said in vars(module).items() if isinstance(said, str)}


class PlainWords(NamedTuple):
    """A finding's sentence, said once for all the sections it holds for."""

    sentence: str
    sections: str  # joined; "" for none


def _plain_words(context: LetterContext) -> list[PlainWords]:
    sections: dict[str, dict[str, None]] = {}
    for finding in context.findings:
        if finding.reason not in context.summary:  # the publisher may have taken it over
            sections.setdefault(finding.reason, {}).update({finding.section: None} if finding.section else {})
    return [PlainWords(reason, ", ".join(places)) for reason, places in sections.items()]


def _unbroken(context: LetterContext) -> LetterContext:
    """Return it with dates that no line breaks."""
    return replace(
        context,
        effective_label=context.effective_label.replace(" ", NO_BREAK),
        revision_label=context.revision_label.replace(" ", NO_BREAK),
        base_label=(context.base_label or "").replace(" ", NO_BREAK),
    )


# -- setting type -------------------------------------------------------------------------------


@cache
def _environment(loader: BaseLoader | None) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader or FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is None or name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "paragraphs": _paragraphs,
        "laid": _laid,
        "lined": _lined,
        "whole": _whole,
        "direction": locales.direction,
    }
    return environment


@cache
def _inliner(css: str) -> CSSInliner:
    """Puts a stylesheet into style attributes, and fetches nothing."""
    return CSSInliner(
        extra_css=css,
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
        minify_css=True,
    )


def _one_line(text: str) -> str:
    """Return it without control characters, on one line."""
    return _BLANKS.sub(" ", _CONTROLS.sub("", text)).strip()


def _paragraphs(text: str) -> list[str]:
    """Return what blank lines part, each on one line."""
    parts = groupby(text.splitlines(), key=lambda line: bool(line.strip()))
    return [_one_line(" ".join(lines)) for said, lines in parts if said]


def _laid(text: str, first: str = "", rest: str = "", *, keep_lines: bool = False) -> str:
    """Wrap text to the letter's columns. first, rest: what begins the first and the other lines."""
    if keep_lines:
        return textwrap.indent(text, rest).replace(rest, first, 1)
    wrapper = textwrap.TextWrapper(
        COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.fill(_one_line(text))


def _lined(text: str, line: str) -> str:
    """Draw a line under a heading."""
    heading = _laid(text)
    return f"{heading}\n{line * max(map(len, heading.splitlines()), default=0)}"


def _whole(text: str) -> Markup:
    """Escape a sentence, and keep its dates and numbers from being broken by a line's end."""
    span = Markup('<span class="whole">{}</span>')
    parts = enumerate(_TOGETHER.split(text))
    return Markup("").join(span.format(part.replace(NO_BREAK, " ")) if at % 2 else part for at, part in parts)
