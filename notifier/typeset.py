"""Set the type of letters: the templates' environment for each language, their filters, the stylesheet inlined."""

from __future__ import annotations

import re
import textwrap
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from css_inline import CSSInliner
from jinja2 import BaseLoader, BytecodeCache, ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

import colours
from colours import Accents
from notifier import columns, wording
from notifier.senders import quoted
from policy_versions import locales
from policy_versions.dates import RevisionDate

TEMPLATES = Path(__file__).parent.parent / "templates" / "email"
COLUMNS = 72
LABEL = 22  # columns that the labels of facts take, unless one is wider
WIDEST_LABEL = 30  # past which values stand under their labels
MOST_SAID = 3_000  # characters of a summary or a reason, each by a person, that a letter repeats
NO_BREAK = "\N{NO-BREAK SPACE}"
_LONGEST_DAY = RevisionDate(2026, 9, 23)  # of those whose labels are widest
_STAND_IN = "\0"  # which no line holds by then

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(rf"[^\S{NO_BREAK}]+")
_KEY = re.compile(r"-[0-9a-z]+\.[a-z_]+\.(?:html|text)-")
_TOGETHER = re.compile(rf"(\S+(?:{NO_BREAK}\S+)+|{_KEY.pattern})")


class Look(NamedTuple):
    """A company's own look. templates: the operator's folder; letters are looked for in its `email`."""

    accents: Accents = colours.OURS
    templates: Path | None = None

    @property
    def loader(self) -> BaseLoader | None:
        """None: ours alone."""
        return _own(self.templates / "email") if self.templates else None


PLAIN = Look()


@cache
def _own(folder: Path) -> BaseLoader:
    ours = FileSystemLoader(TEMPLATES)
    return ChoiceLoader([FileSystemLoader(folder), ours, PrefixLoader({"gazette": ours})])


class _Compiled(BytecodeCache):
    """Templates as they were compiled for the first language: the code is the same in each."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        kept = self._kept.get((bucket.key, bucket.checksum))
        if kept is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


@cache
def environment(loader: BaseLoader | None, language: str) -> ImmutableSandboxedEnvironment:
    """Where the letters of a language are rendered; a template is made ready there once. loader: None: ours."""
    made = ImmutableSandboxedEnvironment(
        loader=loader or FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is None or name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    spoken = wording.of(language)
    wording.speak(made, lambda: spoken)
    made.filters |= {
        "paragraphs": paragraphs,
        "laid": partial(laid, day=_day_width(language)),
        "lined": lined,
        "whole": whole,
        "direction": locales.direction,
        "of_address": of_address,
    }
    made.globals |= {"facts": facts, "columns": COLUMNS}
    return made


def _day_width(language: str) -> int:
    return columns.width(wording.of(language).date(_LONGEST_DAY))


def inlined(html: str, css: str) -> str:
    """Put a stylesheet into the style attributes of a page."""
    return _inliner(css).inline(html)


@cache
def _inliner(css: str) -> CSSInliner:
    """It fetches nothing."""
    return CSSInliner(
        extra_css=css,
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
        minify_css=True,
    )


def weight(html: str) -> int:
    """How many bytes a letter's HTML takes on its way: its characters past ASCII take three for each byte."""
    return len(quoted.encoded(quoted.unified(html)))


def plain(text: str) -> str:
    """Finish a text part: no blank at a line's end, never more than two empty lines."""
    lines = text.replace(NO_BREAK, " ").splitlines()
    return re.sub("\n{4,}", "\n\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n") + "\n"


def one_line(text: str) -> str:
    """Return it without control characters, on one line."""
    return _BLANKS.sub(" ", _CONTROLS.sub("", text)).strip()


def unbroken(label: str) -> str:
    """A label that no line's end may part."""
    return label.replace(" ", NO_BREAK)


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, cut between words where it can be."""
    if len(text) <= most:
        return text
    head = text[: most - 2]
    cut = head.rpartition(" ")[0]
    return f"{cut if len(cut) > most // 2 else head} …"


# -- filters of the templates -------------------------------------------------------------------


def paragraphs(text: str) -> list[str]:
    """What blank lines part, each on one line; of a very long text its beginning."""
    parts = groupby(shortened(text, MOST_SAID).splitlines(), key=lambda line: bool(line.strip()))
    return [one_line(" ".join(lines)) for said, lines in parts if said]


def laid(text: str, first: str = "", rest: str = "", *, keep_lines: bool = False, day: int = 24) -> str:
    """Wrap text to the letter's columns. first, rest: what begins the first and the other lines.

    day: columns that are kept for what is put in place of a key, which is no wider than a date.
    """
    if keep_lines:
        return textwrap.indent(text, rest).replace(rest, first, 1)
    line = one_line(text)
    keys = _KEY.findall(line)
    filled = columns.wrap(_KEY.sub(_STAND_IN * day, line), COLUMNS, first, rest)
    for key in keys:
        filled = filled.replace(_STAND_IN * day, key, 1)
    return filled


def lined(text: str, line: str) -> str:
    """Draw a line under a heading."""
    heading = laid(text)
    return f"{heading}\n{line * max(map(columns.width, heading.splitlines()), default=0)}"


def facts(*given: tuple[str, str, str]) -> str:
    """Labels, values and hints as a table of two columns; one under the other where a label is too wide."""
    widest = max(columns.width(label) for label, _, _ in given) + 2
    if widest > WIDEST_LABEL:
        return "\n".join(_stacked(*fact) for fact in given)
    column = max(LABEL, widest)
    return "\n".join(_beside(column, *fact) for fact in given)


def _beside(column: int, label: str, value: str, hint: str) -> str:
    margin = " " * column
    said = laid(value, columns.padded(label, column), margin)
    return f"{said}\n{laid(hint, margin, margin)}" if hint else said


def _stacked(label: str, value: str, hint: str) -> str:
    said = f"{laid(label)}\n{laid(value, '  ', '  ')}"
    return f"{said}\n{laid(hint, '  ', '  ')}" if hint else said


def of_address(company: str, address: str) -> str:
    """A company and where it is, its name once."""
    return ", ".join(filter(None, (company, address))) if not address.startswith(company) else address


def whole(text: str) -> Markup:
    """Escape a sentence, and keep its dates and numbers from being broken by a line's end."""
    span = Markup('<span class="whole">{}</span>')
    parts = enumerate(_TOGETHER.split(text))
    return Markup("").join(span.format(part.replace(NO_BREAK, " ")) if at % 2 else part for at, part in parts)
