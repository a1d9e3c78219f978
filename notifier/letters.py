"""Write the letter a member gets when a policy changes. Pure: what is known in; subject, text and HTML out.

Each sentence stands once in templates/email/sentences.txt and is said by both parts. This module picks the
passages, leaves out what stayed, fits the whole under a size and lays it out. What is personal is left in the
letter as a key, in whose place each recipient's own words are put when it leaves.
"""

from __future__ import annotations

import json
import re
import textwrap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from policy_versions.diff.blocks import CELL
from policy_versions.diff.model import BlockChange, Change, Piece

TEMPLATES = Path(__file__).parent.parent / "templates" / "email"
PERSONAL = ("applies_from",)  # what differs between the recipients of one rendered letter
APPLIES_ON_ACCEPTANCE = "when you accept it"  # said instead of a date
LIMIT = 80_000  # bytes of HTML; past about 100 KB mail clients cut a letter short
COLUMNS = 72
FINDINGS = 12  # sentences in plain words; the page that compares both texts has the rest
UNCHANGED = 120  # characters of whole unchanged sentences that are rather shown than left out
OVERLONG = 400  # characters of unchanged text in a changed sentence, past which its middle is left out
NO_BREAK = "\N{NO-BREAK SPACE}"
GLYPHS = {"words": "±", "inserted": "+", "deleted": "−", "moved": "⇅", "link": "↗"}

Part = Literal["html", "text"]
PARTS: tuple[Part, ...] = ("html", "text")
Keys = Mapping[Part, Mapping[str, str]]  # by part and name

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(rf"[^\S{NO_BREAK}]+")
_TOGETHER = re.compile(rf"(\S+(?:{NO_BREAK}\S+)+|-[0-9a-z]+\.[a-z_]+\.html-)")
_SENTENCE_END = re.compile(r"[.!?…][\"”’)\]]*\s+|[。！？]+")
_ABBREVIATIONS = ("e.g.", "i.e.", "cf.", "vs.", "No.", "Art.", "Sec.", "Inc.", "Ltd.", "Mr.", "Ms.", "Dr.")


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
    kind: Literal["change", "correction"] = "change"  # a correction: the revision was withdrawn
    correction_reason: str = ""
    audience: Literal["member", "guardian"] = "member"
    locale: str = "en"  # of the text and the summary; the letter's own sentences are English


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


def key(prefix: str, name: str, part: Part) -> str:
    """Return what holds the place of something personal. Raises: ValueError."""
    if re.fullmatch("[0-9a-z]{6,32}", prefix) is None:
        raise ValueError("A prefix has 6 to 32 small letters and digits.")
    return f"-{prefix}.{name}.{part}-"


def keys(prefix: str) -> tuple[str, ...]:
    """Return every key a letter may hold. Raises: ValueError."""
    return tuple(key for by_name in _keys(prefix).values() for key in by_name.values())


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
    return {part: {name: "" if prefix is None else key(prefix, name, part) for name in PERSONAL} for part in PARTS}


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
        return tuple(_passages(change)) if change and self.context.kind == "change" else ()

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
                "in_form_only": sum(not _look(block) for block in numbered),
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


# -- passages -----------------------------------------------------------------------------------


class Run(NamedTuple):
    """Words in one dress. marks: strong, em, code, strike, link:URL."""

    text: str
    marks: tuple[str, ...] = ()


class Stretch(NamedTuple):
    """Words of a passage that stayed, came or went together."""

    op: str  # equal, insert, delete
    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


class Passage(NamedTuple):
    """A changed block as a letter shows it."""

    look: str  # words, inserted, deleted, moved, link
    glyph: str
    section: str
    heading: bool
    code: bool
    moved_from: str  # title of its old section; "" where it moved with it, or there was none
    moved_along: int  # passages after it that moved with it, not a word changed
    stretches: tuple[Stretch, ...]
    links: tuple[tuple[str, str], ...]  # old and new address, "" for none

    @property
    def weight(self) -> int:
        """The least it takes in bytes of HTML, so that what cannot fit is never rendered."""
        return 300 + sum(60 + len(stretch.text) for stretch in self.stretches)


class _Bit(NamedTuple):
    """A piece, or part of one. told: whether it belongs to what the letter tells of."""

    op: str
    text: str
    marks: tuple[str, ...]
    told: bool


_GAP = _Bit("equal", " … ", (), False)
_SPACE = Stretch("equal", (Run(" "),))


def _passages(change: Change) -> Iterator[Passage]:
    """Yield what changed in its words, its place or its links; what changed in form only is but counted."""
    tops = {block.section[0] for block in change.blocks if block.section}
    title = int(len(tops) == 1 and any(len(block.section) > 1 for block in change.blocks))
    told = [block for block in change.numbered if _look(block)]
    for _, group in groupby(enumerate(told), key=_moved_as_one):
        (_, first), *others = group
        yield _passage(first, first.section[title:], len(others))


def _moved_as_one(place: tuple[int, BlockChange]) -> object:
    """Return what neighbours share that moved together without a word changed; else what none shares."""
    at, block = place
    return (
        at if {piece.op for piece in block.pieces} != {"equal"} or block.moved_from is None else block.moved_from
    )


def _passage(block: BlockChange, section: tuple[str, ...], moved_along: int) -> Passage:
    look = _look(block)
    code = block.tag == "pre"
    bits = [_bit(block, piece) for piece in block.pieces]
    return Passage(
        look=look,
        glyph=GLYPHS[look],
        section=" › ".join(section),
        heading=re.fullmatch("h[1-6]", block.tag) is not None,
        code=code,
        moved_from=block.moved_from if block.moved_from and block.moved_from not in section else "",
        moved_along=moved_along,
        stretches=tuple(_stretches(bits if code else _shortened(_by_sentence(bits)))),
        links=block.links,
    )


def _look(block: BlockChange) -> str:
    """Return how a block's change looks; "" where it has no words, or changed in form only."""
    ops = {piece.op for piece in block.pieces} - {"equal"}
    if block.moved_from is not None:
        return "moved" if block.pieces else ""
    if len(ops) == 1:
        return "inserted" if "insert" in ops else "deleted"
    return "words" if ops else "link" if block.links else ""


def _bit(block: BlockChange, piece: Piece) -> _Bit:
    text = piece.text.replace(CELL, " | ") if block.tag in ("th", "tr") else piece.text
    leads_elsewhere = bool(block.links) and piece.was is not None
    return _Bit(piece.op, text, piece.marks, piece.op != "equal" or leads_elsewhere)


def _by_sentence(bits: Sequence[_Bit]) -> list[list[_Bit]]:
    """Group bits by sentence, cutting those that reach over an end."""
    ends = list(_sentence_ends("".join(bit.text for bit in bits)))
    sentences: list[list[_Bit]] = [[] for _ in ends]
    at = now = 0
    for bit in bits:
        start = 0
        while start < len(bit.text):
            text = bit.text[start : start + ends[now] - at]
            sentences[now].append(bit._replace(text=text))
            start, at = start + len(text), at + len(text)
            now += at == ends[now]
    return sentences


def _sentence_ends(text: str) -> Iterator[int]:
    """Yield the offsets at which sentences end, the text's own end last."""
    for found in _SENTENCE_END.finditer(text):
        before, after = text[max(0, found.start() - 5) : found.start() + 1], text[found.end() : found.end() + 1]
        if after and not after.islower() and not before.endswith(_ABBREVIATIONS):
            yield found.end()
    yield len(text)


def _shortened(sentences: Sequence[Sequence[_Bit]]) -> Iterator[_Bit]:
    """Yield whole sentences around what changed, and a gap for what is left out.

    Where no word of a passage changed, as when it moved, its first sentence says which one it is.
    """
    if not any(map(_is_told, sentences)):
        yield from (*sentences[0], *([_GAP] if sentences[1:] else []))
        return
    for told, group in groupby(sentences, key=_is_told):
        bits = [bit for sentence in group for bit in sentence]
        if told or sum(len(bit.text) for bit in bits) <= UNCHANGED:
            yield from (part for bit in bits for part in _without_middle(bit))
        else:
            yield _GAP


def _is_told(sentence: Sequence[_Bit]) -> bool:
    return any(bit.told for bit in sentence)


def _without_middle(bit: _Bit) -> Iterator[_Bit]:
    """Leave out the middle of a long unchanged bit, at blanks."""
    if bit.told or len(bit.text) <= OVERLONG:
        yield bit
        return
    head, tail = bit.text[: OVERLONG // 3], bit.text[-OVERLONG // 3 :]
    yield bit._replace(text=head.rpartition(" ")[0] or head)
    yield _GAP
    yield bit._replace(text=tail.partition(" ")[2] or tail)


def _stretches(bits: Iterable[_Bit]) -> Iterator[Stretch]:
    """Join bits that share a fate, and keep a word that went from touching the one that came."""
    before = ""
    for stretch in _joined(bits):
        now = "" if stretch.op == "equal" else stretch.text
        if before[-1:].isalnum() and now[:1].isalnum():
            yield _SPACE
        yield stretch
        before = now


def _joined(bits: Iterable[_Bit]) -> Iterator[Stretch]:
    for op, group in groupby(bits, key=lambda bit: bit.op):
        runs = tuple(
            Run("".join(bit.text for bit in same), marks)
            for marks, same in groupby(group, key=lambda bit: bit.marks)
        )
        yield from _bare(Stretch(op, runs))


def _bare(stretch: Stretch) -> Iterator[Stretch]:
    """Take the blanks at its ends out of a mark: no line under or through nothing."""
    text = stretch.text
    if stretch.op == "equal" or not text.strip():
        yield Stretch("equal", stretch.runs)
        return
    if text[0].isspace():
        yield _SPACE
    first, *_ = runs = list(stretch.runs)
    runs[0] = first._replace(text=first.text.lstrip())
    runs[-1] = runs[-1]._replace(text=runs[-1].text.rstrip())
    yield Stretch(stretch.op, tuple(runs))
    if text[-1].isspace():
        yield _SPACE


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
