"""Who moved to which text, and when: for a host that has something to do then.

No job flips a flag when a date passes, so a movement is not recorded: it is the start of a span, and the fold
says which there are. A window of time is gone through member by member; a cursor says how far, and where the next
window begins. A window ends a minute before now, for somebody may be about to commit what they recorded before
that; so what was handed out never changes, and nothing is left out or told twice.

What was brought in with an earlier time (a member's `joined_at`, an imported text) is told when it came to be
known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from errors import CursorMalformed, LimitImpossible
from notifier.standing import answers, everybody, gathering, statements, touched
from notifier.standing.alike import Life
from notifier.standing.asking import checked
from notifier.standing.grounds import Ground
from policy_versions.applicability import Basis, FactId
from policy_versions.models import Revision, Telling

MOST_MOVEMENTS = 10_000
MOST_LOOKED_AT = 20_000  # members, for one page
NEVER = datetime(1800, 1, 1, tzinfo=UTC)  # and any notice period after it is a date still
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,10})\.(-?\d{1,18})\.(-?\d{1,18})\.(\d{1,18})", re.ASCII)


class Movement(NamedTuple):
    """A member came under a revision at an instant. before: the one that governed until then; None: none did."""

    member_id: int
    external_id: str | None
    revision: int
    revision_id: int
    revision_date: str
    before: int | None
    at: datetime
    basis: Basis
    evidence: tuple[FactId, ...]


class Movements(NamedTuple):
    """A page, by member. cursor: where the next one begins. more: whether to ask for it at once.

    through: all that became known up to then has been told once `more` is false.
    """

    movements: list[Movement]
    cursor: str
    more: bool
    through: datetime


class _Window(NamedTuple):
    """What became known of a policy on (after, through], of members with a greater id."""

    policy_id: int
    after: datetime
    through: datetime
    member_id: int = 0

    @classmethod
    def read(cls, written: str) -> _Window:
        """Raises: CursorMalformed."""
        match = _CURSOR.fullmatch(written)
        if match is None:
            raise CursorMalformed
        try:
            after, through = (_EPOCH + timedelta(microseconds=int(match[part])) for part in (2, 3))
        except OverflowError as error:
            raise CursorMalformed from error
        return cls(int(match[1]), after, through, int(match[4]))

    def written(self) -> str:
        after, through = ((at - _EPOCH) // timedelta(microseconds=1) for at in (self.after, self.through))
        return f"{self.policy_id}.{after}.{through}.{self.member_id}"


def movements(
    session: Session, slug: str, since: str | datetime | None, *, limit: int = 1000, now: datetime
) -> Movements:
    """Who moved since an instant, or since a cursor that an earlier page gave; None: from the first on.

    limit: a page ends with the member that reaches it, so that it may hold a few more.
    Raises: NoSuchPolicy, CursorMalformed, LimitImpossible, InstantNaive, InstantImpossible.
    """
    if not 1 <= limit <= MOST_MOVEMENTS:
        raise LimitImpossible(limit, MOST_MOVEMENTS)
    on, _ = gathering.some(session, checked(slug), statements.FROM_TO, first=0, last=0)
    window = _window(on.policy_id, since, now - answers.SETTLED_AFTER)
    return _page(session, on, window, limit)


def _window(policy_id: int, since: str | datetime | None, settled: datetime) -> _Window:
    """The window to go on with: where an earlier one is done, all since then."""
    if isinstance(since, str):
        window = _Window.read(since)
        if window.policy_id != policy_id or window.through > max(settled, window.after):
            raise CursorMalformed
        return window if window.through > window.after else window._replace(through=max(settled, window.after))
    after = NEVER if since is None else answers.checked(since)
    return _Window(policy_id, after, max(settled, after))


def _page(session: Session, on: Ground, window: _Window, limit: int) -> Movements:
    found: list[Movement] = []
    known_from = _brought_in(session, on)
    last, looked_at = window.member_id, 0
    for life in _lives(session, on, window, known_from):
        if len(found) >= limit or looked_at >= MOST_LOOKED_AT:
            return Movements(found, window._replace(member_id=last).written(), True, window.through)
        found += _of_life(on, life, window, known_from)
        last, looked_at = life.member_id, looked_at + 1
    return Movements(found, _Window(on.policy_id, window.through, window.through).written(), False, window.through)


def _lives(session: Session, on: Ground, window: _Window, known_from: datetime) -> Iterator[Life]:
    """Everybody, where the policy itself had an instant in that time; else those who may have moved."""
    if window.after < known_from <= window.through or on.order.any_in(window.after, window.through):
        yield from everybody.lives(session, on.slug, window.member_id)
        return
    time = (window.after, window.through)
    ids = touched.ids(session, on, time, beyond=window.member_id, limit=MOST_LOOKED_AT + 1)
    for first in range(0, len(ids), everybody.CHUNK):
        some = ids[first : first + everybody.CHUNK]
        _, found = gathering.some(session, on.slug, statements.LISTED, ids=some)
        yield from sorted(found, key=lambda life: life.member_id)


def _brought_in(session: Session, on: Ground) -> datetime:
    """When the last was written of what carries an earlier time than that at which it was."""
    told = select(func.max(Telling.recorded_at)).where(Telling.policy_id == on.policy_id)
    texts = select(func.max(Revision.recorded_at)).where(
        Revision.policy_id == on.policy_id, col(Revision.imported)
    )
    instants = [session.exec(query).one() for query in (told, texts)]
    return max((at for at in instants if at is not None), default=NEVER)


def _of_life(on: Ground, life: Life, window: _Window, known_from: datetime) -> Iterator[Movement]:
    known_from = max(known_from, life.recorded_at)
    before = None
    for span in life.spans():
        if span.basis is not Basis.JOINED and window.after < max(span.start, known_from) <= window.through:
            text = on.texts[span.revision]
            yield Movement(
                life.member_id, life.external_id, text.number, text.id, text.date, before,
                span.start, span.basis, span.rests_on,
            )  # fmt: skip
        before = span.revision
