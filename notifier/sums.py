"""The ledger's sums: every letter owed has one fate, and every request holds the letters it says it held."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from sqlalchemy import Row
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from notifier.models import Attempt, Batch, Delivery, Member, Outcome

STANDING = ("accepted", "unknown", "started")
CLOSED = ("accepted", "unknown", "refused")
BATCHES = 20  # looked at together


class Problem(NamedTuple):
    """Something that does not hold. where: a table and a row, or a range of rows; says: what is wrong with it."""

    where: str
    says: str


def check(session: Session) -> Iterator[int | Problem]:
    """Every batch with its letters, requests and outcomes; counts the letters."""
    yield from _strays(session)
    after = 0
    while True:
        some = session.exec(
            select(Batch).where(col(Batch.id) > after).order_by(col(Batch.id)).limit(BATCHES)
        ).all()
        if not some:
            return
        after = some[-1].id or 0
        letters, requests = _letters(session, some), _requests(session, some)
        for batch in some:
            yield len(letters[batch.id])
            yield from _batch(batch, letters[batch.id], requests[batch.id])
        session.expunge_all()


def _strays(session: Session) -> Iterator[Problem]:
    """Letters refer to rows that no foreign key checks."""
    query = (
        sa_select(col(Delivery.id), col(Delivery.notice_id), col(Batch.notice_id), col(Member.id))
        .outerjoin(Batch, col(Batch.id) == col(Delivery.batch_id))
        .outerjoin(Member, col(Member.id) == col(Delivery.member_id))
        .where((col(Batch.notice_id).is_distinct_from(col(Delivery.notice_id))) | col(Member.id).is_(None))
    )
    for number, notice, of_batch, member in session.execute(query.execution_options(yield_per=1000)):
        says = "its batch is of another notice, or there is none" if notice != of_batch else ""
        yield Problem(f"delivery {number}", says or ("its member is not on record" if member is None else ""))


def _letters(session: Session, some: Sequence[Batch]) -> Mapping[int | None, list[Row[Any]]]:
    query = (
        sa_select(
            *(col(Delivery.batch_id), col(Delivery.id), col(Delivery.position)),
            *(col(Outcome.outcome), col(Outcome.reason), col(Outcome.recorded_at)),
        )
        .outerjoin(Outcome, col(Outcome.delivery_id) == col(Delivery.id))
        .where(col(Delivery.batch_id).in_([batch.id for batch in some]))
        .order_by(col(Delivery.batch_id), col(Delivery.position))
    )
    found: defaultdict[int | None, list[Row[Any]]] = defaultdict(list)
    for batch_id, letters in groupby(session.execute(query), key=lambda row: row.batch_id):
        found[batch_id] = list(letters)
    return found


def _requests(session: Session, some: Sequence[Batch]) -> Mapping[int | None, list[Attempt]]:
    found: defaultdict[int | None, list[Attempt]] = defaultdict(list)
    query = select(Attempt).where(col(Attempt.batch_id).in_([batch.id for batch in some]))
    for attempt in session.exec(query.order_by(col(Attempt.first), col(Attempt.id))):
        found[attempt.batch_id].append(attempt)
    return found


def _batch(batch: Batch, letters: Sequence[Row[Any]], requests: Sequence[Attempt]) -> Iterator[Problem]:
    where = f"batch {batch.id}"
    if batch.size != len(letters):
        yield Problem(where, f"{len(letters):,} letters are in it, not {batch.size:,}")
    standing = [each for each in requests if each.state in STANDING and not each.duplicate]
    for one, other in pairwise(standing):
        if other.first < one.last:
            yield Problem(where, f"attempts {one.id} and {other.id} both hold letter {other.first}")
    if batch.state in CLOSED and batch.state not in {each.state for each in requests}:
        yield Problem(where, f"it is {batch.state}, and none of its requests is")
    firsts = [each.first for each in standing]
    for letter in letters:
        if letter.position is not None:
            place = bisect_right(firsts, letter.position) - 1
            holder = standing[place] if place >= 0 and letter.position < standing[place].last else None
            yield from _letter(batch, letter, holder, requests)
    yield from _counts(letters, standing)


def _letter(
    batch: Batch, letter: Row[Any], holder: Attempt | None, requests: Sequence[Attempt]
) -> Iterator[Problem]:
    where = f"delivery {letter.id}"
    if letter.outcome is None:
        if holder is None and batch.state in CLOSED:
            yield Problem(where, "its batch is closed, and nothing became of it")
        return
    if holder is not None and letter.recorded_at > holder.started_at:
        yield Problem(where, f"it is {letter.outcome}, and in attempt {holder.id} as well")
    refused = [a for a in requests if a.state == "refused" and a.first <= letter.position < a.last]
    if letter.outcome == "failed" and letter.reason not in {a.said for a in refused}:
        yield Problem(where, "it is said to have failed, and no request says so")
    if letter.outcome == "skipped" and any(a.recipients == 1 for a in refused):
        yield Problem(where, "it is said to have been skipped, and was refused")


def _counts(letters: Sequence[Row[Any]], standing: Sequence[Attempt]) -> Iterator[Problem]:
    """Of a request whose fate was never in doubt, the letters are those of its positions."""
    for attempt in standing:
        if attempt.doubted_at is not None or attempt.state != "accepted":
            continue
        held = sum(
            letter.position is not None
            and attempt.first <= letter.position < attempt.last
            and (letter.outcome is None or letter.recorded_at > attempt.started_at)
            for letter in letters
        )
        if held != attempt.recipients:
            yield Problem(f"attempt {attempt.id}", f"{held:,} letters are in it, not {attempt.recipients:,}")
