"""A text on its page: its blocks named and linked, its contents, and what the last revision changed in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from policy_versions import anchored, markdown
from policy_versions.anchors import Names
from policy_versions.archive import Entry
from policy_versions.diff import BlockChange, Blocks, Change, Kind
from policy_versions.diff.page import Numbers
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
        return _countable([(heading.level, heading.text) for heading in self.contents])


def _countable(headings: Sequence[tuple[int, str]]) -> bool:
    return len(headings) > 2 and all(level == TOP and _is_bare(title) for level, title in headings)


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
        if _stands(block) and block.tag in ("h1", "h2"):
            here = own[block.id]
        if here and block.id in told:
            found.setdefault(here, block.id)
    return found


def numbers(change: Change) -> dict[str, Numbers]:
    """The numbers that the texts' own pages show beside their sections, by the ids of the headings' blocks.

    None where a text's page shows none, or a heading was split, joined, put on another level, or was no heading.
    """
    headings = [block for block in change.blocks if block.tag in ("h1", "h2") or block.old_tag in ("h1", "h2")]
    if any(one.old_tag or one.parts > 1 or one.joined > 1 for one in headings):
        return {}
    old, new = [one for one in headings if _stood(one)], [one for one in headings if _stands(one)]
    told = [(int(one.tag[1]), "".join((one.old_section or one.section)[-1:])) for one in old]
    tells = [(int(one.tag[1]), "".join(one.section[-1:])) for one in new]
    if not (_countable(told) and _countable(tells)):
        return {}
    before = {str(one.twin) if one.is_placeholder else one.id: number for number, one in enumerate(old, 1)}
    after = {one.id: number for number, one in enumerate(new, 1)}
    return {one.id: Numbers(before.get(one.id), after.get(one.id)) for one in headings}


def _stands(block: BlockChange) -> bool:
    return block.kind is not Kind.DELETED and not block.is_placeholder


def _stood(block: BlockChange) -> bool:
    """Whether it, or for a passage that moved its old place, is a block of the old text."""
    return block.is_placeholder or block.kind not in (Kind.INSERTED, Kind.MOVED)


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
