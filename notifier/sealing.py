"""Seal what was recorded since: the scheduler's job. Letters that leave are never held up by it.

A row is sealed once no transaction is under way that could still write one with a smaller id, so that a range of
ids is whole when it is sealed. While letters leave, of each large table one seal a tick; all the rest afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, exists, func, or_, text
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, insert, select

from database import one_at_a_time, reading, writing
from notifier.models import Attempt, Batch, Delivery, Notice, Outcome
from notifier.runtime import Runtime
from notifier.seals import ANSWERED, ANSWERS, BY_NAME, COVERS, Cover, Seal, SealedAnswer, digest, facts, head, leaf
from policy_versions import chain

LETTERS = 200_000  # looked at for the answers of one seal, at most: so many requests of a thousand
REQUESTS = 100  # in a seal
_LOCK = 0x5EA1  # any number that nothing else locks
_PATIENCE, _LOOKS = 0.05, 10  # seconds between looks at who is still writing; how often before the next tick does


def seal(runtime: Runtime) -> int:
    """Seal all that is due; returns how many seals were made."""
    with reading(runtime.engine) as session:
        busy, due, answered = letters_leave(session), _due(session), bool(_unsealed(session, limit=1))
    due = _whole(runtime, due) if due else due
    made = 0
    while (due or answered) and not runtime.stopping.is_set():
        with writing(runtime.engine) as session:
            chained = _Chain(session, runtime)
            due = {cover: last for cover, last in due.items() if chained.rows(cover, last)}
            answered = chained.answers()
        made += chained.made
        if busy:
            due, answered = {cover: last for cover, last in due.items() if not cover.bulk}, False
    return made


def letters_leave(session: Session) -> bool:
    """Whether letters of a notice are leaving, or wait to."""
    waiting = select(Batch.id).where(Batch.notice_id == Notice.id, col(Batch.state).in_(("queued", "sending")))
    return session.exec(select(Notice.id).where(Notice.state == "sending", waiting.exists())).first() is not None


# -- the chain ----------------------------------------------------------------------------------


class _Chain:
    """Seals made in one transaction, each chained to the one before: of several nodes one after another."""

    def __init__(self, session: Session, runtime: Runtime) -> None:
        self._session = session
        one_at_a_time(session, _LOCK)
        self._now = runtime.clock.now(session)
        last = head(session)
        self._number, self._head = (last.id or 0, last.chain) if last else (0, "")
        self._through = dict(zip((cover.name for cover in COVERS), session.execute(_SEALED).one(), strict=True))
        self.made = 0

    def rows(self, cover: Cover, through: int) -> bool:
        """Seal the next rows of a table; whether more are left."""
        last: int | None = self._through[cover.name]
        found = list(rows(self._session, cover.table, cover.names, after=last, through=through, limit=cover.size))
        if found:
            first = 0 if last is None else last + 1
            self._add(cover.name, (first, found[-1][0]), cover.names, [leaf(row) for row in found])
        return bool(found) and found[-1][0] < through

    def answers(self) -> bool:
        """Seal what became of some requests; whether there were any."""
        found = _unsealed(self._session)
        if not found:
            return False
        leaves = [answer(self._session, each) for each in found]
        ids = [each.id for each in found]
        made = self._add(ANSWERS, (ids[0], ids[-1]), ANSWERED, leaves)
        linked = [
            {"attempt_id": number, "seal_id": made, "sha256": one} for number, one in zip(ids, leaves, strict=True)
        ]
        self._session.execute(insert(SealedAnswer), linked)
        return True

    def _add(self, subject: str, ids: tuple[int, int], names: Iterable[str], leaves: Sequence[str]) -> int:
        made = Seal(
            id=self._number + 1,
            subject=subject,
            first=ids[0],
            last=ids[1],
            rows=len(leaves),
            columns=",".join(names),
            digest=digest(leaves),
            recorded_at=self._now,
            chain="",
        )
        made.chain = chain.link(self._head, facts(made))
        self._session.execute(insert(Seal), [made.model_dump()])
        self._number, self._head = self._number + 1, made.chain
        self.made += 1
        return self._number


def rows(
    session: Session,
    table: Table,
    names: Iterable[str],
    *,
    after: int | None,
    through: int,
    limit: int | None = None,
) -> Iterable[Row[Any]]:
    """A table's rows by id, each with its id first. after: None from the very first, be its id negative."""
    query = _stretch(table, tuple(names), from_first=after is None, limited=limit is not None)
    return session.execute(query, {"after": after, "through": through, "limit": limit})


@cache
def _stretch(table: Table, names: tuple[str, ...], *, from_first: bool, limited: bool) -> Any:
    query = sa_select(table.c.id, *(table.c[name] for name in names)).order_by(table.c.id)
    query = query.where(table.c.id <= bindparam("through"))
    if not from_first:
        query = query.where(table.c.id > bindparam("after"))
    return query.limit(bindparam("limit")) if limited else query


# -- how far ------------------------------------------------------------------------------------


def _due(session: Session) -> dict[Cover, int]:
    """The tables with rows that are not sealed, and their last ids."""
    found = session.execute(_ENDS).one()
    return {
        cover: last
        for cover, last, sealed in zip(COVERS, found[: len(COVERS)], found[len(COVERS) :], strict=True)
        if last is not None and (sealed is None or sealed < last)
    }


def _sealed() -> list[Any]:
    """The last id of each table that is sealed; NULL where nothing is."""
    newest = sa_select(col(Seal.last)).order_by(col(Seal.id).desc()).limit(1)
    return [newest.where(col(Seal.subject) == cover.name).scalar_subquery() for cover in COVERS]


_SEALED = sa_select(*_sealed())
_ENDS = sa_select(*(sa_select(func.max(cover.table.c.id)).scalar_subquery() for cover in COVERS), *_sealed())


def _whole(runtime: Runtime, due: dict[Cover, int]) -> dict[Cover, int]:
    """Of these, the tables of which every row through that id is there that ever will be.

    Whoever was writing to a table when its last id was read may still write a row with a smaller one.
    """
    writers: set[tuple[str, str]] | None = None
    for look in range(_LOOKS):
        if look and writers:
            time.sleep(_PATIENCE)
        with reading(runtime.engine) as session:
            now = _writers(session)
        writers = now if writers is None else writers & now  # those that came since draw larger ids
        if not any(cover.name == table for cover in due for table, _ in writers):
            break
    busy = {table for table, _ in writers or ()}
    return {cover: last for cover, last in due.items() if cover.name not in busy}


_WRITING = text(
    "SELECT relation::regclass::text, virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted "
    "AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _writers(session: Session) -> set[tuple[str, str]]:
    """(table, transaction) of whoever is writing; on SQLite nobody else is, once one reads."""
    if session.get_bind().dialect.name != "postgresql":
        return set()
    return {(table.strip('"'), transaction) for table, transaction in session.execute(_WRITING)}


# -- answers ------------------------------------------------------------------------------------


def _unsealed(session: Session, limit: int = REQUESTS) -> Sequence[Row[Any]]:
    """Requests whose fate is final, and not sealed: of those that did not leave, once their batch is closed."""
    found: list[Row[Any]] = []
    held = 0
    for each in session.execute(_UNSEALED, {"limit": limit}):
        if found and held + each.recipients > LETTERS:
            break
        found.append(each)
        held += each.recipients
    return found


def attempts() -> Any:
    """Requests with all that is sealed of them, to be narrowed down."""
    table = BY_NAME["attempt"].table
    return sa_select(table.c.id, *(table.c[name] for name in ANSWERED)).select_from(table)


_CLOSED = col(Batch.state).not_in(("queued", "sending", "unknown"))
_FINAL = or_(
    col(Attempt.state).in_(("accepted", "refused")), and_(col(Attempt.state).in_(("not_sent", "halved")), _CLOSED)
)
_UNSEALED = (
    attempts()
    .join(Batch, col(Batch.id) == col(Attempt.batch_id))
    .where(_FINAL, ~exists().where(col(SealedAnswer.attempt_id) == col(Attempt.id)))
    .order_by(col(Attempt.id))
    .limit(bindparam("limit"))
)


def answer(session: Session, attempt: Row[Any]) -> str:
    """The hash of a request with its answer, and of the letters that were taken with it."""
    return leaf([*attempt, digest(letters(session, attempt))])


def letters(session: Session, attempt: Row[Any]) -> list[str]:
    """The hash of each letter in a request that was taken, in order."""
    return [leaf(each) for each in covered(session, attempt)] if attempt.state == "accepted" else []


def covered(session: Session, attempt: Row[Any]) -> Sequence[Any]:
    """The letters in a request, as (delivery, position, member): those of its positions not left out before it."""
    return session.execute(
        _COVERED,
        {
            "batch": attempt.batch_id,
            "first": attempt.first,
            "last": attempt.last,
            "started": attempt.started_at,
        },
    ).all()


def _left_out() -> ColumnElement[bool]:
    return exists().where(
        col(Outcome.delivery_id) == col(Delivery.id),
        col(Outcome.recorded_at) <= bindparam("started", type_=BY_NAME["attempt"].table.c.started_at.type),
    )


_COVERED = (
    sa_select(col(Delivery.id), col(Delivery.position), col(Delivery.member_id))
    .where(
        col(Delivery.batch_id) == bindparam("batch"),
        col(Delivery.position) >= bindparam("first"),
        col(Delivery.position) < bindparam("last"),
        ~_left_out(),
    )
    .order_by(col(Delivery.position))
)
