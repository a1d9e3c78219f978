"""Replay the erasure journal on a restored database: whoever was erased after the backup is erased again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlmodel import col, select, update

from database import forget_erased, reading, writing
from notifier import erasures, outbox
from notifier.models import Member, Quarantine
from notifier.restoring import count
from notifier.runtime import Runtime

CHUNK = 500


class Replayed(NamedTuple):
    """Lines of the journal by what came of them. strangers: of nobody in this database."""

    erased: int = 0
    already: int = 0
    strangers: int = 0
    unreadable: int = 0
    first_unreadable: int = 0  # its number, from 1


def replay(runtime: Runtime, lines: Iterable[erasures.Line | erasures.Unreadable], *, actor: str) -> Replayed:
    """Erase again whoever a journal names and this database holds still; they stand in it already.

    Only a member of whom both the number and the key fit: numbers are given anew after a restore, and a key may
    be another's by now.
    """
    done = Replayed()
    stream = iter(lines)
    while chunk := list(islice(stream, CHUNK)):
        done = _replay_chunk(runtime, chunk, done, actor)
    if done.erased:
        forget_erased(runtime.engine)
        with writing(runtime.engine) as session:
            session.exec(
                update(Quarantine)
                .where(col(Quarantine.lifted_at).is_(None))
                .values(erased=Quarantine.erased + done.erased)
            )
    return done


def _replay_chunk(
    runtime: Runtime, chunk: Sequence[erasures.Line | erasures.Unreadable], done: Replayed, actor: str
) -> Replayed:
    known = _members(runtime, {line.member_id for line in chunk if isinstance(line, erasures.Line)})
    gone = {member_id for member_id, member in known.items() if member.erased_at is not None}
    for line in chunk:
        if isinstance(line, erasures.Unreadable):
            first = done.first_unreadable or line.number
            done = done._replace(unreadable=done.unreadable + 1, first_unreadable=first)
            continue
        member = known.get(line.member_id)
        if line.member_id in gone:
            done = done._replace(already=done.already + 1)
        elif member is None or erasures.key(member.external_id or "", runtime.secret) != line.key:
            done = done._replace(strangers=done.strangers + 1)
        else:
            outbox.erase(runtime, member, actor=actor, journalled=True)
            gone.add(line.member_id)
            done = done._replace(erased=done.erased + 1)
    return done


def _members(runtime: Runtime, ids: set[int]) -> dict[int, Member]:
    with reading(runtime.engine) as session:
        found = session.exec(select(Member).where(col(Member.id).in_(ids))).all()
    return {member.id or 0: member for member in found}


def replayed_in_words(done: Replayed) -> str:
    """What came of a journal."""
    return (
        f"{count(done.erased, 'member')} erased again by the journal; {count(done.already, 'line')} of members "
        f"erased here too, {done.strangers:,} of nobody in this database."
    )


def unreadable_in_words(journal: Path, done: Replayed) -> str:
    lines = "1 line" if done.unreadable == 1 else f"{done.unreadable:,} lines"
    return (
        f"{lines} of {journal} cannot be read, the first of them line {done.first_unreadable}: "
        "whom it names cannot be erased by it."
    )
