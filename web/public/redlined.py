"""A comparison as readers see it: its redline, and its sections with how much of each changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from markupsafe import Markup

from policy_versions.diff import Change, Kind, redline
from web.public import reading


def without_title(change: Change, title: str) -> Change:
    """A comparison less the heading on top that says the page's title again, where it stayed as it was."""
    first = change.blocks[0] if change.blocks else None
    stayed = first.unchanged if first and first.tag == "h1" else None
    said_again = stayed is not None and stayed.text.casefold() == title.casefold()
    return replace(change, blocks=change.blocks[1:]) if said_again else change


def html(change: Change, *, side: bool = False) -> Markup:
    """A comparison as readers see it, its sections numbered as on the texts' own pages."""
    view: Literal["inline", "side_by_side"] = "side_by_side" if side else "inline"
    return Markup(redline.html(change, view, context=1, numbers=reading.numbers(change)))  # noqa: S704 -- it is safe


_OTHERWISE = {Kind.MOVED: "moved", Kind.LINK: "link"}  # where no word came or went


def sections(change: Change) -> list[dict[str, object]]:
    """Each section with how much of it changed, and where its first change stands."""
    kinds = {block.id: block.kind for block in change.blocks}
    numbered = reading.numbers(change)
    shown = {
        "".join(block.section[-1:]): numbered[block.id].new
        for block in reversed(change.blocks)
        if block.id in numbered and numbered[block.id].new
    }
    return [
        {
            "title": section.title,
            "number": shown.get(section.title),
            "anchor": section.first,
            "inserted": section.words_inserted,
            "deleted": section.words_deleted,
            "changed": section.changed,
            "otherwise": _OTHERWISE.get(kinds.get(section.first or "", Kind.EQUAL), "form"),
        }
        for section in change.sections
    ]
