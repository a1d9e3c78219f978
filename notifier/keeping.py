"""Members as the host application keeps them: one brought in or up to date, or ten thousand at once.

Who is no longer retained is erased first, if the scheduler has not come to it yet: whoever comes back under the
same key is a new member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_
from sqlalchemy import select as sa_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from database import reading, writing
from errors import MemberUnfit, NoSuchMember, RowInvalid
from notifier import members, outbox
from notifier.members import Row
from notifier.models import Member
from notifier.runtime import Runtime

UTC_INSTANT = Member.__table__.c.joined_at.type  # type: ignore[attr-defined]
CHUNK = 1000
TRIES = 3  # of a chunk that somebody else brings in at the same time

Fields = Mapping[str, Any]


def find(session: Session, external_id: str, *, now: datetime) -> Member:
    """The retained member of a host's key. Raises: NoSuchMember."""
    member = members.by_external_id(session, external_id)
    if member.retained_until is not None and member.retained_until <= now:
        raise NoSuchMember
    return member


_ID = sa_select(col(Member.id)).where(
    col(Member.external_id) == bindparam("name"),
    or_(col(Member.retained_until).is_(None), col(Member.retained_until) > bindparam("now", type_=UTC_INSTANT)),
)


def require(session: Session, external_id: str, *, now: datetime) -> None:
    """That there is a retained member of a host's key, and no more of them. Raises: NoSuchMember."""
    found = session.connection().execute(_ID, {"name": external_id, "now": now}).scalar()
    if found is None:
        raise NoSuchMember


def bury(runtime: Runtime, external_ids: Sequence[str], *, actor: str) -> None:
    """Erase those of them who are no longer retained. Raises: JournalUnwritable."""
    for start in range(0, len(external_ids), CHUNK):
        with reading(runtime.engine) as session:
            now = runtime.clock.now(session)
            some = col(Member.external_id).in_(external_ids[start : start + CHUNK])
            lapsed = session.exec(select(Member).where(some, col(Member.retained_until) <= now)).all()
        for member in lapsed:
            outbox.erase(runtime, member, actor=actor)


# -- one ----------------------------------------------------------------------------------------


def put(runtime: Runtime, external_id: str, fields: Fields, *, actor: str) -> tuple[Member, bool]:
    """Bring a member in, or up to date in what the fields say. Nobody is mailed.

    fields: texts by the names of a members file; instants as ISO 8601.
    Returns: the member, and whether they are new.
    Raises: MemberUnfit, JournalUnwritable.
    """
    bury(runtime, [external_id], actor=actor)
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        row = _one(external_id, fields, now)
        is_new = _added(session, row, secret=runtime.secret, now=now)
        member = _held(session, external_id)
        if not is_new:
            _update(session, member, row, secret=runtime.secret, now=now)
            session.flush()
        return member, is_new


def _one(external_id: str, fields: Fields, now: datetime) -> Row:
    try:
        return members.check({**fields, "external_id": external_id}, now=now)
    except RowInvalid as refusal:
        raise MemberUnfit(sentence(refusal)) from refusal


def sentence(refusal: RowInvalid) -> str:
    """What is wrong with a row, as a sentence of its own."""
    said = str(refusal)
    return f"{said[:1].upper()}{said[1:]}."


def _added(session: Session, row: Row, *, secret: str, now: datetime) -> bool:
    """Whether this request is the one that brings a member in: of two at once, one is."""
    known = select(Member.id).where(Member.external_id == row.external_id)
    if session.exec(known).first() is not None:
        return False
    try:
        with session.begin_nested():
            members.insert_rows(session, [row], secret=secret, now=now)
    except IntegrityError:
        return False
    return True


def _held(session: Session, external_id: str) -> Member:
    return session.exec(select(Member).where(Member.external_id == external_id).with_for_update()).one()


def _update(session: Session, member: Member, row: Row, *, secret: str, now: datetime) -> bool:
    """Raises: MemberUnfit."""
    try:
        return members.update(session, member, row, secret=secret, now=now)
    except RowInvalid as refusal:
        raise MemberUnfit(sentence(refusal)) from refusal


# -- many ---------------------------------------------------------------------------------------


class Done(NamedTuple):
    """What became of a row. detail: why it was refused, without anything that stood in it."""

    line: int
    result: str  # added, changed, unchanged, refused
    detail: str = ""


def bring(
    session: Session, rows: Iterable[tuple[int, Fields | RowInvalid]], *, secret: str, now: datetime
) -> list[Done]:
    """Bring many in, or up to date, in the caller's one transaction: what can be used is, the rest is said.

    rows: (line, fields, external_id among them).
    """
    done: list[Done] = []
    lines: dict[str, int] = {}
    stream = iter(rows)
    while chunk := list(islice(stream, CHUNK)):
        good = list(_usable(chunk, lines, done, now))
        done.extend(_bring_chunk(session, good, secret=secret, now=now))
    return sorted(done)


def _usable(
    chunk: Sequence[tuple[int, Fields | RowInvalid]], lines: dict[str, int], done: list[Done], now: datetime
) -> Iterable[tuple[int, Row]]:
    for line, fields in chunk:
        try:
            if isinstance(fields, RowInvalid):
                raise fields
            row = members.check(fields, now=now)
            first = lines.setdefault(row.external_id, line)
            if first != line:
                raise RowInvalid(f"its external_id stands on line {first} already")
            yield line, row
        except RowInvalid as refusal:
            done.append(Done(line, "refused", sentence(refusal)))


def _bring_chunk(
    session: Session, good: Sequence[tuple[int, Row]], *, secret: str, now: datetime, tries: int = TRIES
) -> list[Done]:
    wanted = col(Member.external_id).in_([row.external_id for _, row in good])
    known = {member.external_id: member for member in session.exec(select(Member).where(wanted))}
    # in one order, so that two who bring in the same members wait for each other, and neither for both
    new = sorted((row for _, row in good if row.external_id not in known), key=lambda row: row.external_id)
    try:
        with session.begin_nested():
            members.insert_rows(session, new, secret=secret, now=now)
    except IntegrityError:  # somebody brought one of them in meanwhile
        if tries == 1:
            raise
        return _bring_chunk(session, good, secret=secret, now=now, tries=tries - 1)
    done = [_brought(session, line, row, known.get(row.external_id), secret=secret, now=now) for line, row in good]
    session.flush()
    return done


def _brought(session: Session, line: int, row: Row, member: Member | None, *, secret: str, now: datetime) -> Done:
    if member is None:
        return Done(line, "added")
    try:
        is_other = _update(session, member, row, secret=secret, now=now)
    except MemberUnfit as refusal:
        return Done(line, "refused", str(refusal))
    return Done(line, "changed" if is_other else "unchanged")
