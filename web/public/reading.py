"""A text on its page: its blocks named and linked, its contents, and what the last revision changed in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from policy_versions import anchored, markdown
from policy_versions.anchors import Names
from policy_versions.archive import Entry
from policy_versions.diff import Blocks, Change, Kind
from policy_versions.markdown import Heading
from policy_versions.significance.rules import rules

TOP = 2  # contents and notes in the margin speak of headings down to this level
_TITLE = re.compile(r"\s*<h1[^>]*>.*?</h1>\s*", re.DOTALL)
_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()


class Body(NamedTuple):
    """A text as HTML, and the headings that its contents list."""

    html: Markup
    contents: list[Heading]

    @property
    def numbered(self) -> bool:
        """Whether our numbers stand beside its sections: only where the text has none of its own."""
        return len(self.contents) > 2 and all(h.level == TOP and _is_bare(h.text) for h in self.contents)


def _is_bare(title: str) -> bool:
    return bool(title) and title[0] not in "§(" and not title[0].isnumeric()


def body(text: str, title: str, names: Names, after: Mapping[str, str] | None = None) -> Body:
    """The text less a heading on top that says the page's title again. after: see `anchored.html`."""
    html = anchored.html(text, names, after)
    contents = list(markdown.outline(text))
    first = _TITLE.match(html)
    if first and contents and contents[0].text.casefold() == title.casefold():
        html, contents = html[first.end() :], contents[1:]
    return Body(Markup(html), [h for h in contents if h.level <= TOP])  # noqa: S704 -- the renderer's is safe


# -- what the last revision changed -------------------------------------------------------------


def changed_sections(change: Change, blocks: Blocks, names: Names) -> dict[str, str]:
    """Of each section with changes, its heading's name and the id of its first change in the redline.

    blocks, names: of the new text.
    """
    own = {f"c{block.id}": name.own for block, name in zip(blocks.blocks, names, strict=True)}
    told = {block.id for block in change.numbered}
    found: dict[str, str] = {}
    here = ""
    for block in change.blocks:
        in_new = block.kind is not Kind.DELETED and not block.is_placeholder
        if in_new and block.tag in ("h1", "h2"):
            here = own[block.id]
        if here and block.id in told:
            found.setdefault(here, block.id)
    return found


def margin(changed: Mapping[str, str], entry: Entry, url: str, titles: Mapping[str, str]) -> dict[str, str]:
    """Notes beside the sections that a revision changed, by their headings' names. titles: of the headings."""
    day = entry.revision.date.label.replace(" ", "&nbsp;")
    said = f"Changed in No.&nbsp;{entry.number}, {day}."
    return {
        name: f'<p class="changed" lang="en">{said} <a href="{escape(url)}#{change}">See the change'
        f'<span class="visually-hidden"> in “{escape(titles.get(name, ""))}”</span></a></p>'
        for name, change in changed.items()
    }


def weight(entry: Entry, change: Change) -> str:
    """How much changed and why it counts, in a sentence; "" of a first text."""
    if entry.verdict == "first":
        return ""
    count = len(change.numbered)
    if not count:
        return "Nothing that a reader sees changed."
    sections = sum(bool(section.changed) for section in change.sections)
    where = f", in {plural(sections, 'section')}," if sections > 1 else ""
    subject = f"The {plural(count, 'change')}{where} {'is' if count == 1 else 'are'}"
    if entry.verdict == "minor":
        return f"{subject} minor."
    if entry.verdict == "undecided":
        return f"{subject} not decided yet: until then we treat them as significant."
    about = categories(entry)
    verb = "it concerns" if count == 1 else "they concern"
    why = f"; {verb} {_listed([uncapped(one) for one in about])}" if about else ""
    return f"{subject} significant{why}."


def categories(entry: Entry) -> list[str]:
    """The kinds of finding of a revision's decision, each once, as words."""
    found = entry.decision.findings if entry.decision else []
    return list(dict.fromkeys(rules().category(str(finding["category"])).title for finding in found))


def uncapped(words: str) -> str:
    return words[:1].lower() + words[1:]


def plural(count: int, noun: str) -> str:
    """A number and a noun as they stand in a sentence: "four changes"; past twelve in figures."""
    number = _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"
    return f"{number} {noun}{'s' * (count != 1)}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
