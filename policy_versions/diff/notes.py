"""Say in words what a redline's marks cannot show."""

from __future__ import annotations

from policy_versions.diff.blocks import HEADINGS
from policy_versions.diff.model import BlockChange, Kind

NOUNS = {
    "p": "paragraph",
    "li": "list item",
    "tr": "table row",
    "th": "table head",
    "pre": "code block",
    "hr": "rule",
}
INCOMPLETE = (
    "These texts differ so much that comparing all of their words would take too long: "
    "some passages are shown replaced as a whole."
)
QUIET = "Nothing changed but what no reader sees, or the numbers of list items."
_SUMMARY = {
    Kind.INSERTED: "inserted",
    Kind.DELETED: "deleted",
    Kind.MOVED: "moved",
    Kind.WORDS: "reworded",
    Kind.STRUCTURE: "another kind of block",
    Kind.LINK: "link changed",
    Kind.FORMATTING: "formatting changed",
    Kind.RENUMBERED: "renumbered",
    Kind.SOURCE: "written otherwise, reads alike",
}
_ONLY = {
    Kind.STRUCTURE: "Only its depth in lists or quotes changed.",
    Kind.FORMATTING: "Only the formatting changed.",
    Kind.SOURCE: "Only the source changed; it reads the same.",
}


def summary(block: BlockChange) -> str:
    """Return a few words for those who do not see the marks."""
    if block.kind is Kind.MOVED and block.words_inserted + block.words_deleted:
        return "moved and reworded"
    if block.kind is Kind.STRUCTURE and (block.parts > 1 or block.joined > 1):
        return "split" if block.parts > 1 else "joined"
    return _SUMMARY[block.kind]


def said(block: BlockChange) -> str:
    """Return what the words do not show, as a sentence or "". A place is not told again along one passage."""
    if block.kind is not Kind.MOVED:
        return difference(block)
    return "" if block.moved_from is None and block.moved_to is None else "".join(moved(block))


def moved(block: BlockChange) -> tuple[str, str, str]:
    """Return the sentence on a move in three parts; the middle one names the other place."""
    if block.tag in HEADINGS and block.is_placeholder:
        return f"The section “{''.join(block.section[-1:])}” stood here; it is at ", "its new place", " now."
    there = block.moved_to if block.is_placeholder else block.moved_from
    # Within its section, with it, or a heading, which stood in no other section than its own.
    if block.tag in HEADINGS or (there,) == block.section[-1:]:
        kept = ("A passage stood here; it is at ", "its new place", " now.")
        return kept if block.is_placeholder else ("Moved here from ", "its old place", ".")
    name = f"“{there}”" if there else "the beginning"
    return (
        ("A passage stood here; it is in ", name, " now.")
        if block.is_placeholder
        else ("Moved here from ", name, ".")
    )


def difference(block: BlockChange) -> str:
    """Return the sentence on a difference that the words do not show, or ""."""
    if block.tag == "front-matter":
        return "The front matter, which no reader sees, changed."
    if block.parts > 1:
        return f"One {_noun(block.old_tag or block.tag)} was split into {block.parts} parts." * (block.part == 1)
    if block.joined > 1:
        return f"{block.joined} blocks were joined into this one."
    return _form(block) or _ONLY.get(block.kind, "")


def _form(block: BlockChange) -> str:
    if block.old_tag:
        return f"It was a {_noun(block.old_tag)} and is a {_noun(block.tag)} now."
    if None not in (block.number, block.old_number) and block.number != block.old_number:
        return f"It was number {block.old_number} and is number {block.number} now."
    if block.kind is Kind.STRUCTURE and (block.number is None) != (block.old_number is None):
        return "Only the signs of its list changed."
    return ""


def _noun(tag: str) -> str:
    return NOUNS.get(tag) or f"heading of level {tag[1]}"
