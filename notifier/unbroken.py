"""The chain of seals and every row that they cover: each as it was when it was sealed, or named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, literal
from sqlmodel import Session, col, select

from notifier.sealing import answer, attempts, rows
from notifier.seals import ANSWERS, BY_NAME, Seal, SealedAnswer, digest, facts, leaf
from notifier.sums import Problem
from policy_versions import chain
from policy_versions.models import AuditEntry

STEP = 500
Found = Iterator[int | Problem]


def check(session: Session) -> Found:
    """The chain of seals from the first to the head, and every row that they cover."""
    before: Seal | None = None
    reached: dict[str, int] = {}
    while some := _next_seals(session, before):
        for seal in some:
            yield from _link(before, seal)
            yield from _rows(session, seal, reached) if seal.subject != ANSWERS else _answers(session, seal)
            before = seal
        session.expunge_all()
    yield from _anchors(session)


def _next_seals(session: Session, after: Seal | None) -> list[Seal]:
    later = col(Seal.id) > after.id if after else literal(True)
    return list(session.exec(select(Seal).where(later).order_by(col(Seal.id)).limit(STEP)))


def _link(before: Seal | None, seal: Seal) -> Found:
    expected = chain.link(before.chain if before else "", facts(seal))
    number = (before.id or 0) + 1 if before else 1
    if seal.id != number or seal.chain != expected:
        yield Problem(f"seal {number}", "the chain of seals is broken here")


def _rows(session: Session, seal: Seal, reached: dict[str, int]) -> Found:
    cover, names = BY_NAME.get(seal.subject), seal.columns.split(",")
    if cover is None or not set(names) <= set(cover.table.columns.keys()):
        yield Problem(f"seal {seal.id}", f"it is of {seal.subject}, which this version does not know so")
        return
    after = reached.get(seal.subject)
    if seal.first != (0 if after is None else after + 1):
        yield Problem(f"seal {seal.id}", f"rows of {seal.subject} before it are in no seal")
    reached[seal.subject] = seal.last
    where = f"{seal.subject} {seal.first} to {seal.last}"
    try:
        leaves = [leaf(row) for row in rows(session, cover.table, names, after=after, through=seal.last)]
    except Exception as error:
        yield Problem(where, f"a row cannot be read: {type(error).__name__}: {first_line(error)}")
        return
    yield seal.rows
    if len(leaves) != seal.rows:
        yield Problem(
            where, f"{len(leaves):,} rows instead of {seal.rows:,}, as sealed on {seal.recorded_at:%F %T}"
        )
    elif digest(leaves) != seal.digest:
        yield Problem(where, f"a row is not as it was when it was sealed on {seal.recorded_at:%F %T} UTC")


def _answers(session: Session, seal: Seal) -> Found:
    """What became of requests, and the letters in those that were taken."""
    kept = session.exec(
        select(SealedAnswer).where(SealedAnswer.seal_id == seal.id).order_by(col(SealedAnswer.attempt_id))
    ).all()
    if len(kept) != seal.rows or _digest(kept) != seal.digest:
        yield Problem(f"sealed_answer of seal {seal.id}", "these are not the hashes that were sealed")
    number = BY_NAME["attempt"].table.c.id
    found = session.execute(attempts().where(number.in_([one.attempt_id for one in kept])))
    by_id: dict[int, Row[Any]] = {each.id: each for each in found}
    yield len(kept)
    for one in kept:
        request = by_id.get(one.attempt_id or 0)
        if request is None:
            yield Problem(f"attempt {one.attempt_id}", "it is gone")
        elif answer(session, request) != one.sha256:
            says = "its answer, or the letters in it, are not as they were when they were sealed"
            yield Problem(f"attempt {one.attempt_id}", says)


def _digest(kept: Sequence[SealedAnswer]) -> str:
    """The root over some answers; none where one of them is no hash at all."""
    try:
        return digest(one.sha256 for one in kept)
    except ValueError:
        return ""


def _anchors(session: Session) -> Found:
    """Heads of the chain of seals that the audit log took down: nobody can take the last seals off unseen."""
    noted = select(AuditEntry).where(AuditEntry.action == "record verified").order_by(col(AuditEntry.id))
    for entry in session.exec(noted.execution_options(yield_per=STEP)):
        seal = session.get(Seal, entry.detail.get("seal") or 0)
        if entry.detail.get("seal") and (seal is None or seal.chain != entry.detail.get("head")):
            yield Problem(f"seal {entry.detail.get('seal')}", f"not the one that audit entry {entry.id} took down")


def first_line(error: Exception) -> str:
    """What an error says, short enough to stand in a problem."""
    return str(error).split("\n", 1)[0][:200]
