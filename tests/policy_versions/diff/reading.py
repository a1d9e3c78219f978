"""Read HTML as a reader of one version would: less what belongs to the other one, and less the notes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import html5lib  # type: ignore[import-untyped]
from markdown_it.token import Token

VOID = {"br", "hr"}
BARE = ("ul", "ol", "table", "thead", "tbody", "tr")
MARKS = ("ins", "del")


class Reader(HTMLParser):
    """Gathers text outside the dropped elements, and notes what is nested wrongly."""

    def __init__(self, dropped: tuple[str, ...], classes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._dropped, self._classes = dropped, classes
        self._open: list[tuple[str, bool]] = []  # tag, and whether it and all within is dropped
        self.text: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = self._open[-1] if self._open else ("", False)
        if tag in ("ins", "del") and inside[0] in ("ul", "ol", "table", "tbody", "tr", "div", "details"):
            self.faults.append(f"{tag} in {inside[0]}")
        if tag not in VOID:
            self._open.append((tag, inside[1] or self._drops(tag, dict(attrs))))

    def _drops(self, tag: str, attrs: dict[str, str | None]) -> bool:
        classes = (attrs.get("class") or "").split()
        return tag in self._dropped or "data-note" in attrs or not set(self._classes).isdisjoint(classes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]):
            self.text.append(data)


def letters(html: str, *dropped: str, classes: tuple[str, ...] = ()) -> str:
    """Return the letters and digits outside notes and outside these elements, named or of these classes.

    Raises where tags do not match.
    """
    reader = Reader(dropped, classes)
    reader.feed(html)
    reader.close()
    assert not reader.faults
    assert not reader._open
    return "".join(filter(str.isalnum, "".join(reader.text)))


def faults(fragment: str) -> list[str]:
    """Return what a browser's parser must mend in the HTML, and marks that stand where only items or rows may."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parseFragment(fragment)
    found = [f"{code} {data}" for _, code, data in parser.errors]
    found += (
        f"{mark.tag} in {place}"
        for place in BARE
        for parent in tree.iter(place)
        for mark in parent
        if mark.tag in MARKS
    )
    return found


def open_marks(tokens: Sequence[Token]) -> list[str]:
    """Return the tags that HTML in Markdown opens and does not close, and those that it closes too early."""
    open_tags: list[str] = []
    for tag in (found for token in tokens for found in re.findall(r"</?(?!br)\w+>", token.content)):
        if not tag.startswith("</"):
            open_tags.append(tag[1:-1])
        elif open_tags[-1:] == [tag[2:-1]]:
            open_tags.pop()
        else:
            open_tags.append(tag)
    return open_tags
