"""Check the whole record: every chain, seal and sum, and name what does not hold. Nothing is changed.

Each check goes through the database in steps, so that memory stays flat however many rows there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, or_
from sqlalchemy import select as sa_select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from notifier import sums, unbroken
from notifier.events import counting
from notifier.letters import Letter
from notifier.models import Attempt, Batch, Member, Notice, Outcome, RenderedLetter, Subscription
from notifier.seals import leaf
from notifier.sums import Problem
from notifier.unbroken import first_line
from policy_versions import archive, audit, chain, diff, naming, policies
from policy_versions.diff import stored
from policy_versions.models import AuditEntry, Revision, RevisionBlocks, Translation

STEP = 500
MOST = 100  # problems of one check that are told one by one
Found = Iterator[int | Problem]


class Result(NamedTuple):
    """What a check came to. looked_at: how many rows; found: its first hundred problems; more: of further ones."""

    check: str
    looked_at: int
    found: list[Problem]
    more: int

    @property
    def holds(self) -> bool:
        return not self.found


def verify(engine: Engine) -> Iterator[Result]:
    """Run every check, each on a state of the database that stands still meanwhile."""
    for name in CHECKS:
        with _snapshot(engine) as session:
            yield run(session, name)


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Session]:
    """What is written meanwhile is not seen, so that nothing is called broken that is only being written."""
    steady = engine.execution_options(isolation_level="REPEATABLE READ") if _is_postgresql(engine) else engine
    with Session(steady) as session:
        yield session


def _is_postgresql(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def run(session: Session, name: str) -> Result:
    """Run one of CHECKS."""
    looked_at, found, more = 0, list[Problem](), 0
    try:
        for each in CHECKS[name](session):
            if isinstance(each, int):
                looked_at += each
            elif len(found) < MOST:
                found.append(each)
            else:
                more += 1
    except Exception as error:  # a row so changed that it cannot even be read is a finding, too
        found.append(Problem("", f"what follows cannot be read: {type(error).__name__}: {first_line(error)}"))
    return Result(name, looked_at, found, more)


def in_words(result: Result) -> Iterator[str]:
    """A check and what it found, a line each."""
    if result.holds:
        yield f"holds  {result.check}: {result.looked_at:,} checked"
    for each in result.found:
        yield f"FAILS  {result.check}: {': '.join(filter(None, each))}"
    if result.more:
        yield f"FAILS  {result.check}: and {result.more:,} more"


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    checks = [
        {
            "check": result.check,
            "looked_at": result.looked_at,
            "holds": result.holds,
            "problems": [each._asdict() for each in result.found],
            "further": result.more,
        }
        for result in results
    ]
    return {"holds": all(result.holds for result in results), "checks": checks}


# -- texts --------------------------------------------------------------------------------------


def _texts(session: Session) -> Found:
    """Every policy's chain of revisions, and each text's hash."""
    for policy in policies.policies(session):
        record = archive.history(session, policy)
        yield len(record.entries)
        broken = archive.broken_link(record)
        if broken is not None:
            yield Problem(f"revision {policy.slug}@{broken}", "its text or its facts are not what its chain says")
        session.expunge_all()


def _names(session: Session) -> Found:
    """What policies are called follows from their renamings."""
    yield len(policies.policies(session))
    for policy in naming.astray(session):
        yield Problem(f"policy {policy.id}", "its address or title is not the one that its last renaming gave it")


def _translations(session: Session) -> Found:
    for one in session.exec(select(Translation).execution_options(yield_per=STEP)):
        yield 1
        if chain.sha256(one.text) != one.sha256:
            yield Problem(f"translation {one.id}", "its text is not the one of its hash")


def _blocks(session: Session) -> Found:
    """What texts are compared by is made of them alone."""
    query = select(RevisionBlocks, Revision).join(Revision, col(Revision.id) == RevisionBlocks.revision_id)
    for kept, revision in session.exec(query.execution_options(yield_per=10)):
        yield 1
        if kept.engine == diff.ENGINE and kept.content != stored.dump(diff.read(revision.text)):
            yield Problem(
                f"revision_blocks {kept.revision_id}", "not made of the revision's text; run gazette reindex"
            )


def _audit(session: Session) -> Found:
    yield session.exec(select(func.count()).select_from(AuditEntry)).one()
    broken = audit.broken(session)
    if broken is not None:
        yield Problem(f"audit {broken}", "the entry, or one before it, is not what its chain says")


# -- the telling --------------------------------------------------------------------------------


def _letters(session: Session) -> Found:
    for kept in session.exec(select(RenderedLetter).execution_options(yield_per=50)):
        yield 1
        if Letter(kept.subject, kept.text, kept.html).sha256 != kept.sha256:
            yield Problem(f"letter {kept.id}", "it is not the one of its hash")


def _figures(session: Session) -> Found:
    yield session.exec(select(func.count()).select_from(Batch)).one()
    for (batch_id, name), missing in sorted(counting.wrong(session).items()):
        yield Problem(f"batch {batch_id}", f"{name}: off by {missing:+d}; run gazette reindex")


def _notices(session: Session) -> Found:
    """When a notice opened and was recalled is also in the audit log, and the other way round."""
    noted = _noted(session)
    for notice in session.exec(select(Notice).order_by(col(Notice.id))):
        yield 1
        for column, actions in _AUDITED.items():
            at, times = getattr(notice, column), set[datetime]().union(*(noted[notice.id, a] for a in actions))
            if at not in times if at is not None else times:
                yield Problem(f"notice {notice.id}", f"{column} is not the time in the audit log")


_AUDITED = {"opened_at": ("notice opened", "notice opened again"), "recalled_at": ("notice recalled",)}


def _noted(session: Session) -> Mapping[tuple[int | None, str], set[datetime]]:
    """When the audit log has notices opened and recalled."""
    found: defaultdict[tuple[int | None, str], set[datetime]] = defaultdict(set)
    actions = [action for some in _AUDITED.values() for action in some]
    of = (AuditEntry.subject, AuditEntry.action, AuditEntry.recorded_at)
    for subject, action, at in session.exec(select(*of).where(col(AuditEntry.action).in_(actions))):
        number = subject.removeprefix("notice ")
        found[int(number) if number.isdecimal() else 0, action].add(at)
    return found


# -- erasure ------------------------------------------------------------------------------------


def _erasures(session: Session) -> Found:
    """Erasures are in the audit log, each at its time."""
    on_record, noted = _Sum(), _Sum()
    for number, at in _erased(session):
        yield 1
        on_record.add(number, at)
    for number, at in _noted_erased(session):
        noted.add(number, at)
    if on_record == noted:
        return
    known = set(_noted_erased(session))  # something is wrong: now it may cost what it costs
    for number, at in _erased(session):
        if (number, at) not in known:
            yield Problem(f"member {number}", "erased_at is not a time at which the audit log has them erased")
        known.discard((number, at))
    for number, _ in sorted(known):
        yield Problem(f"member {number}", "the audit log has them erased at a time at which they were not")


@dataclass(slots=True)
class _Sum:
    """Of many facts one number, the same in whatever order they come."""

    total: int = 0

    def add(self, *facts: object) -> None:
        self.total = (self.total + int(leaf(facts), 16)) % (1 << 256)


def _erased(session: Session) -> Iterator[tuple[int, datetime]]:
    query = sa_select(col(Member.id), col(Member.erased_at)).where(col(Member.erased_at).is_not(None))
    return ((number, at) for number, at in session.execute(query.execution_options(yield_per=STEP)))


def _noted_erased(session: Session) -> Iterator[tuple[int, datetime]]:
    query = sa_select(col(AuditEntry.subject), col(AuditEntry.recorded_at)).where(
        col(AuditEntry.action) == "member erased"
    )
    for subject, at in session.execute(query.execution_options(yield_per=STEP)):
        number = subject.removeprefix("member ")
        yield int(number) if number.isdecimal() else 0, at


def _personal(session: Session) -> Found:
    """No personal information stands where none may."""
    own = (col(Member.external_id), col(Member.email), col(Member.email_key), col(Member.guardian_email))
    kept = or_(*(column.is_not(None) for column in own))
    for number in session.exec(select(Member.id).where(col(Member.erased_at).is_not(None), kept)):
        yield Problem(f"member {number}", "erased, and yet something personal is on record")
    ended = select(Subscription.id).where(
        col(Subscription.ended_at).is_not(None), col(Subscription.email).is_not(None)
    )
    for number in session.exec(ended):
        yield Problem(f"subscription {number}", "ended, and yet its address is on record")
    for name, (ids, said) in _SAID.items():
        for row in session.scalars(sa_select(ids).where(said.like("%_@_%._%"))):
            yield Problem(f"{name} {row}", "what was said seems to hold an address")
        yield 1


_SAID: dict[str, tuple[Mapped[Any], Mapped[str]]] = {
    "attempt": (col(Attempt.id), col(Attempt.said)),
    "outcome": (col(Outcome.id), col(Outcome.reason)),
}

CHECKS: dict[str, Callable[[Session], Found]] = {
    "texts": _texts,
    "names": _names,
    "translations": _translations,
    "derived blocks": _blocks,
    "audit log": _audit,
    "seals": unbroken.check,
    "letters": _letters,
    "ledger": sums.check,
    "figures": _figures,
    "notices": _notices,
    "erasures": _erasures,
    "personal information": _personal,
}
