"""Read HTML as a reader of one version would: less what belongs to the other one, and less the notes."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"br", "hr"}


class Reader(HTMLParser):
    """Gathers text outside the dropped elements, and notes what is nested wrongly."""

    def __init__(self, dropped: tuple[str, ...]) -> None:
        super().__init__()
        self._dropped = dropped
        self._open: list[tuple[str, bool]] = []  # tag, and whether it and all within is dropped
        self.text: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = self._open[-1] if self._open else ("", False)
        if tag in ("ins", "del") and inside[0] in ("ul", "ol", "table", "tbody", "tr", "div", "details"):
            self.faults.append(f"{tag} in {inside[0]}")
        if tag not in VOID:
            drop = inside[1] or tag in self._dropped or "data-note" in dict(attrs)
            self._open.append((tag, drop))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]):
            self.text.append(data)


def letters(html: str, *dropped: str) -> str:
    """Return the letters and digits outside these elements and outside notes. Raises where tags do not match."""
    reader = Reader(dropped)
    reader.feed(html)
    reader.close()
    assert not reader.faults
    assert not reader._open
    return "".join(filter(str.isalnum, "".join(reader.text)))
