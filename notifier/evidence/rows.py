"""The rows of a pack: read from the database as they are, with what shows that they are as they were sealed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Table
from sqlalchemy import select as sa_select
from sqlmodel import Session, SQLModel, col, select

from notifier import sealing, seals
from notifier.evidence.spool import Spool
from notifier.models import Outcome
from notifier.seals import ANSWERED, BY_NAME, Seal, SealedAnswer
from policy_versions.models import AuditEntry

STEP = 500
# What a pack holds of a table besides what is sealed of it.
BESIDES = {
    "member": ("erased_at", "retained_until"),
    "notice": ("state", "why", "opened_at", "completed_at", "recalled_at"),
    "batch": ("size", "state"),
    "delivery": ("batch_id", "position"),
    "attempt": ANSWERED,
}


def table_of(name: str) -> Table:
    return SQLModel.metadata.tables[name]


def columns(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("id", *BY_NAME[name].names, *BESIDES.get(name, ()))))


def read(session: Session, name: str, which: ColumnElement[bool] | None = None) -> Iterator[dict[str, Any]]:
    """Some rows of a table, by id."""
    table = table_of(name)
    query = sa_select(*(table.c[column] for column in columns(name))).order_by(table.c.id)
    if which is not None:
        query = query.where(which)
    for row in session.execute(query.execution_options(yield_per=STEP)).mappings():
        yield dict(row)


def among(session: Session, name: str, column: str, ids: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a table that a column holds one of some values in, by id within each thousand values."""
    wanted = sorted(set(ids))
    found: list[dict[str, Any]] = []
    for start in range(0, len(wanted), STEP):
        found += read(session, name, table_of(name).c[column].in_(wanted[start : start + STEP]))
    yield from sorted(found, key=lambda row: row["id"])


def deliveries(session: Session, which: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    """Letters by batch and place, each with its outcome if it has one of its own."""
    table, outcome = table_of("delivery"), table_of(Outcome.__table__.name)  # type: ignore[attr-defined]
    query = (
        sa_select(
            *(table.c[column] for column in columns("delivery")),
            outcome.c.outcome,
            outcome.c.reason,
            outcome.c.recorded_at.label("outcome_at"),
        )
        .outerjoin(outcome, outcome.c.delivery_id == table.c.id)
        .where(which)
        .order_by(table.c.batch_id, table.c.position, table.c.id)
    )
    for row in session.execute(query.execution_options(yield_per=STEP)).mappings():
        yield dict(row)


# -- seals --------------------------------------------------------------------------------------


def prove(session: Session, spool: Spool, held: Mapping[str, Sequence[int]], *, answers: bool) -> None:
    """Write the seals over the rows that a pack holds, with the hashes that stand for the rows it does not hold.

    held: ids by table, in order. answers: those to requests, too.
    """
    found: dict[int, dict[str, Any]] = {}
    for name, ids in held.items():
        for seal, own in _covering(session, name, ids):
            found[seal.id or 0] = _proof(session, seal, own)
        if name == "attempt" and answers:
            for seal, own in _answering(session, ids):
                found[seal.id or 0] = _answer_proof(session, seal, own)
    with spool.rows("seal") as write:
        for _, proof in sorted(found.items()):
            write(proof)


def _covering(session: Session, name: str, ids: Sequence[int]) -> Iterator[tuple[Seal, list[int]]]:
    """The seals over some rows, and which of them each covers."""
    at = 0
    while at < len(ids):
        seal = session.exec(
            select(Seal).where(Seal.subject == name, Seal.last >= ids[at]).order_by(col(Seal.id)).limit(1)
        ).first()
        if seal is None:
            return
        end = at
        while end < len(ids) and ids[end] <= seal.last:
            end += 1
        yield seal, list(ids[at:end])
        at = end


def _proof(session: Session, seal: Seal, own: Sequence[int]) -> dict[str, Any]:
    cover, names = BY_NAME[seal.subject], seal.columns.split(",")
    after = seal.first - 1 if seal.first else None
    sealed = list(sealing.rows(session, cover.table, names, after=after, through=seal.last))
    return _shown(session, seal, [row.id for row in sealed], [seals.leaf(row) for row in sealed], own)


def _answering(session: Session, ids: Sequence[int]) -> Iterator[tuple[Seal, list[int]]]:
    by_seal: dict[int, list[int]] = {}
    for start in range(0, len(ids), STEP):
        some = select(SealedAnswer).where(col(SealedAnswer.attempt_id).in_(ids[start : start + STEP]))
        for one in session.exec(some.order_by(col(SealedAnswer.attempt_id))):
            by_seal.setdefault(one.seal_id, []).append(one.attempt_id or 0)
    for number, own in by_seal.items():
        yield session.get_one(Seal, number), own


def _answer_proof(session: Session, seal: Seal, own: Sequence[int]) -> dict[str, Any]:
    kept = session.exec(
        select(SealedAnswer).where(SealedAnswer.seal_id == seal.id).order_by(col(SealedAnswer.attempt_id))
    ).all()
    shown = _shown(session, seal, [one.attempt_id or 0 for one in kept], [one.sha256 for one in kept], own)
    return {**shown, "attempts": list(own)}


def _shown(
    session: Session, seal: Seal, ids: Sequence[int], leaves: Sequence[str], own: Sequence[int]
) -> dict[str, Any]:
    wanted = set(own)
    present = [place for place, number in enumerate(ids) if number in wanted]
    before = session.get(Seal, (seal.id or 0) - 1)
    facts = seals.facts(seal)
    return {
        "id": facts.pop("number"),
        **facts,
        "chain": seal.chain,
        "previous": before.chain if before else "",
        "present": runs(present),
        "nodes": seals.nodes(leaves, present),
    }


def runs(places: Sequence[int]) -> str:
    """Places as runs, such as 0-4,7."""
    found: list[list[int]] = []
    for place in places:
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def letters_proof(session: Session, attempt: Row[Any], own: set[int]) -> tuple[dict[str, Any], list[int]]:
    """What stands for the letters of a request that a pack does not hold; and the numbers of all of them."""
    held = sealing.covered(session, attempt) if attempt.state == "accepted" else []
    present = [place for place, each in enumerate(held) if each.id in own]
    leaves = [seals.leaf(each) for each in held]
    proof = {"count": len(held), "present": runs(present), "nodes": seals.nodes(leaves, present)}
    return proof, [each.id for each in held]


# -- the audit log ------------------------------------------------------------------------------


def audited(session: Session, subjects: set[str]) -> Iterator[dict[str, Any]]:
    """The entries about some subjects, each with the hash of the one before it."""
    found: list[AuditEntry] = []
    wanted = sorted(subjects)
    for start in range(0, len(wanted), STEP):
        found += session.exec(select(AuditEntry).where(col(AuditEntry.subject).in_(wanted[start : start + STEP])))
    for entry in sorted(found, key=lambda entry: entry.id or 0):
        before = select(AuditEntry.chain).where(col(AuditEntry.id) < entry.id).order_by(col(AuditEntry.id).desc())
        yield {**entry.model_dump(), "previous": session.exec(before.limit(1)).first() or ""}
