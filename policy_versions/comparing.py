"""Compare published texts: from the blocks kept with each, so that nothing is parsed, and each pair once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Engine, and_
from sqlmodel import Session, col, select

from database import reading, writing
from policy_versions import diff
from policy_versions.diff import Blocks, Change, stored
from policy_versions.models import Revision, RevisionBlocks

T = TypeVar("T")


class Written(Protocol):
    """A text on record: of a revision, or of a translation."""

    @property
    def text(self) -> str: ...
    @property
    def sha256(self) -> str: ...


class Kept(Generic[T]):
    """The results last asked for. Each is made once, one at a time: a crowd of readers costs one processor.
    What is there already waits for nobody.

    most: characters of text that results are kept of; what is in memory is up to ten times as large.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock, self._making = most, threading.Lock(), threading.RLock()
        self._results: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T], *, size: int) -> T:
        """The result of that key; size: characters of text that it comes from."""
        found = self._look(key)
        if found is None:
            with self._making:
                found = self._look(key) or self._keep(key, (make(), size))
        return found[0]

    def holds(self, key: Hashable) -> bool:
        return self._look(key) is not None

    def _look(self, key: Hashable) -> tuple[T, int] | None:
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def _keep(self, key: Hashable, made: tuple[T, int]) -> tuple[T, int]:
        with self._lock:
            self._results[key] = made
            while sum(size for _, size in self._results.values()) > self._most:
                self._results.popitem(last=False)
        return made


_TEXTS: Kept[Blocks] = Kept(4_000_000)
_PAIRS: Kept[Change] = Kept(12_000_000)


def keep(session: Session, revision: Revision) -> None:
    """Write down a revision's blocks, in the caller's transaction, in place of those of an earlier engine."""
    content = stored.dump(read(revision))
    session.merge(RevisionBlocks(revision_id=revision.id, engine=diff.ENGINE, content=content))


def read(written: Written) -> Blocks:
    """The blocks of a text whose blocks are not kept.

    Raises: TextTooLong, TooManyBlocks, TooManyCells, NestedTooDeep, where nobody has checked the text.
    """
    key = diff.ENGINE, written.sha256
    return _TEXTS.get(key, lambda: diff.read(written.text), size=len(written.text))


def blocks(session: Session, revision: Revision) -> Blocks:
    """The blocks of a revision: as kept, or read from its text where they are missing or of another engine."""

    def found() -> Blocks:
        kept = session.get(RevisionBlocks, revision.id) if revision.id is not None else None
        current = kept is not None and kept.engine == diff.ENGINE
        return stored.load(kept.content) if kept and current else diff.read(revision.text)

    return _TEXTS.get((diff.ENGINE, revision.sha256), found, size=len(revision.text))


def compare(session: Session, old: Revision, new: Revision) -> Change:
    """The change between two revisions, which never differs for the same texts and the same engine."""

    def made() -> Change:
        return diff.compare(blocks(session, old), blocks(session, new))

    key = diff.ENGINE, old.sha256, new.sha256
    return _PAIRS.get(key, made, size=len(old.text) + len(new.text))


def is_kept(old: Written, new: Written) -> bool:
    """Whether two texts were compared lately, so that it costs nothing to do so again."""
    return _PAIRS.holds((diff.ENGINE, old.sha256, new.sha256))


def compare_translations(old: Written, new: Written) -> Change:
    """The change between two texts whose blocks are not kept, by the same rules and in the same memory."""
    key = diff.ENGINE, old.sha256, new.sha256
    size = len(old.text) + len(new.text)
    return _PAIRS.get(key, lambda: diff.compare(read(old), read(new)), size=size)


def compare_draft(session: Session, old: Revision, text: str) -> Change:
    """The change from a revision to a text that is not published; nothing of it is kept.

    Raises: TextTooLong, TooManyBlocks, TooManyCells, NestedTooDeep.
    """
    return diff.compare(blocks(session, old), text)


def stale(session: Session) -> list[int]:
    """The revisions whose blocks are missing or of another engine, by id."""
    current = and_(col(RevisionBlocks.revision_id) == col(Revision.id), col(RevisionBlocks.engine) == diff.ENGINE)
    rows = select(Revision.id).outerjoin(RevisionBlocks, current).where(col(RevisionBlocks.engine).is_(None))
    return [found for found in session.exec(rows.order_by(col(Revision.id))) if found is not None]


def reindex(engine: Engine) -> Iterator[int]:
    """Write down the blocks that are missing or of another engine, each in a transaction of its own.

    Yields: how many are left, first and after each.
    """
    with reading(engine) as session:
        left = stale(session)
    yield len(left)
    for done, revision_id in enumerate(left, start=1):
        with writing(engine) as session:
            keep(session, session.get_one(Revision, revision_id))
        yield len(left) - done
