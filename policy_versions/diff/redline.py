"""Show a change: as HTML for pages, as plain text for letters and terminals, as Markdown for everything else.

In the HTML, what belongs to neither text stands in elements with `data-note`. Without those, dropping `ins` gives
the old text's letters and dropping `del` the new one's (a moved block counts at its new place only).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import chain
from typing import Literal

from policy_versions.diff import marked, notes, plain
from policy_versions.diff.folds import passages
from policy_versions.diff.model import BlockChange, Change
from policy_versions.diff.page import Numbers, Page


def html(
    change: Change,
    view: Literal["inline", "side_by_side"] = "inline",
    context: int | None = None,
    numbers: Mapping[str, Numbers] | None = None,
) -> str:
    """Return the redline as an HTML fragment. context: see `folds.passages`.

    numbers: of sections, by the ids of their headings' blocks; they come as attributes for the stylesheet.
    """
    shown = tuple(without_repeated_places(change.blocks))
    page = Page.of(change, numbers)
    out = [] if change.is_complete else [f'<p class="note note--incomplete" data-note>{notes.INCOMPLETE}</p>']
    for passage in passages(shown, context):
        blocks = "\n".join(page.pairs(passage.blocks) if view == "side_by_side" else page.blocks(passage.blocks))
        label = f"<summary data-note>{escape(passage.label)}</summary>"
        out.append(f'<details class="fold">{label}\n{blocks}\n</details>' if passage.folded else blocks)
    return '<div class="redline">\n' + "\n".join(out) + "\n</div>"


def text(change: Change, context: int | None = 0, *, coloured: bool = False) -> str:
    """Return the redline as plain text of 72 columns: `[-12-] [+24+]`, headings underlined with dashes.

    What would be folded in HTML is left out. coloured: with the terminal's colours in place of the brackets.
    """
    shown = _unfolded(change, context)
    if not shown and not change.is_empty:
        return f"[{notes.QUIET}]\n"
    return plain.paragraphs(shown, complete=change.is_complete, coloured=coloured)


def markdown(change: Change, context: int | None = 0) -> str:
    """Return the redline as Markdown in which `<ins>` and `<del>` stand around words; all else is as written.

    What would be folded in HTML is left out. Other HTML of the texts is escaped, so that it stays text.
    """
    shown = _unfolded(change, context)
    if not shown and not change.is_empty:
        return f"*{notes.QUIET}*\n"
    return marked.paragraphs(shown, complete=change.is_complete)


def _unfolded(change: Change, context: int | None) -> list[BlockChange]:
    shown = passages(tuple(_told_once(without_repeated_places(change.blocks))), context)
    return [*chain.from_iterable(passage.blocks for passage in shown if not passage.folded)]


def _told_once(blocks: Iterable[BlockChange]) -> Iterator[BlockChange]:
    """Take from where it came from all but the first block of a passage that moved."""
    last: int | None = None
    for block in blocks:
        along = block.move is not None and block.move == last and not block.is_placeholder
        yield block._replace(moved_from=None) if along else block
        last = last if block.is_placeholder else block.move


def without_repeated_places(blocks: Iterable[BlockChange]) -> Iterator[BlockChange]:
    """Leave out all but the first of the placeholders of blocks that moved together."""
    told = set()
    for block in blocks:
        if not block.is_placeholder:
            yield block
        elif block.move not in told:
            told.add(block.move)
            yield block
