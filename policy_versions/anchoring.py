"""The names of a text's blocks, worked out from all texts before it; each text once in a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeVar

from sqlmodel import Session

from policy_versions import anchors, comparing, diff
from policy_versions.anchors import Names
from policy_versions.archive import Entry, History
from policy_versions.comparing import Kept, Written
from policy_versions.diff import Blocks
from policy_versions.models import Translation

T = TypeVar("T", bound=Written)

_NAMES: Kept[Names] = Kept(20_000_000)  # characters of text that they are of; themselves half as large


def of_revision(session: Session, record: History, entry: Entry) -> Names:
    """The names of a revision, or of a draft at a record's end. Withdrawn texts before it lend it none."""
    before = [one.revision for one in record.entries if one.live and one.number < entry.number]
    return _of_last([*before, entry.revision], lambda revision: comparing.blocks(session, revision))


def of_translation(into: Sequence[Translation]) -> Names:
    """The names of the last of a policy's translations into one locale, given in the order of their revisions."""
    return _of_last(into, comparing.read)


def _of_last(texts: Sequence[T], blocks: Callable[[T], Blocks]) -> Names:
    written = tuple(text.sha256 for text in texts)

    def made() -> Names:
        names = anchors.first(blocks(texts[0]))
        for count, (old, new) in enumerate(pairwise(texts), start=2):
            after = partial(_carried, names, old, new, blocks)
            names = _NAMES.get((diff.ENGINE, *written[:count]), after, size=len(new.text))
        return names

    return _NAMES.get((diff.ENGINE, *written), made, size=len(texts[-1].text))


def _carried(names: Names, old: T, new: T, blocks: Callable[[T], Blocks]) -> Names:
    return anchors.carried(names, blocks(old), blocks(new))
