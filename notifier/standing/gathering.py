"""Gather members' own facts from rows, and fold them: once for all who are alike.

Most members have letters and nothing else; what is the same of these for a thousand is worked out once. Those with
facts of their own (a guardian, an acknowledgement, a bounce) are sorted by all of them. Accounts that were merged
are few, and are folded one by one from their objects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from errors import NoSuchPolicy
from notifier import facts
from notifier.models import Member
from notifier.standing import alike, grounds, statements
from notifier.standing.alike import Life, Mark, Order, Own, Shape
from notifier.standing.grounds import Ground
from notifier.standing.statements import Kind
from policy_versions import applicability
from policy_versions.applicability import Acknowledged, Ended, Fact, Guardianship, Noticed

CHUNK = 500


class _Cover(NamedTuple):
    """A request that was taken, for those of a batch at positions [first, last)."""

    first: int
    last: int
    letter: Own


class _Batch(NamedTuple):
    """A batch of one of the policy's notices. told: its revision's number, and that of its base."""

    covers: tuple[_Cover, ...]
    told: tuple[int, int]
    recalled_at: datetime | None


_Batches = Mapping[str, _Batch]  # by id, as the lists have it


@dataclass(slots=True)
class Gathered:
    """Rows by what they say. apart: of members with facts of their own."""

    ground: Ground
    members: list[Any]
    apart: defaultdict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    batches: list[Any] = field(default_factory=list)


def one(session: Session, slug: str, which: str, **given: Any) -> tuple[Ground, Life | None]:
    """A policy, and what governs a member. which: see statements. Raises: NoSuchPolicy."""
    found = _sorted(session, slug, statements.read(session, slug, which, whole=True, **given))
    return found.ground, next(_lives(session, found, _batches(found)), None)


def some(session: Session, slug: str, which: str, **given: Any) -> tuple[Ground, Iterator[Life]]:
    """The same of many members. Raises: NoSuchPolicy."""
    rows = statements.read(session, slug, which, **given)
    found = _sorted(session, slug, rows)
    if ids := wanted(rows):
        found.batches = [*statements.read_batches(session, slug, ids)]
    return found.ground, _lives(session, found, _batches(found))


def _sorted(session: Session, slug: str, rows: Sequence[Any]) -> Gathered:
    policy = next((row for row in rows if row[0] == Kind.POLICY), None)
    if policy is None:
        raise NoSuchPolicy(slug)
    found = Gathered(grounds.ground(session, slug, policy), [])
    for row in rows:
        if row[0] == Kind.MEMBER:
            found.members.append(row)
        elif row[0] == Kind.BATCH:
            found.batches.append(row)
        elif row[0] != Kind.POLICY:
            found.apart[row[1]].append(row)
    return found


def wanted(rows: Sequence[Any]) -> list[int]:
    """The batches that rows speak of."""
    named, shown = set[str](), set[int]()
    for row in rows:
        if row[0] == Kind.MEMBER and row[10]:
            named.update(row[10].split(","))
        elif row[0] == Kind.EVENT:
            shown.add(row[5])
    return [*{int(each) for each in named} | shown]


def _batches(found: Gathered) -> _Batches:
    numbers, covers = found.ground.facts.numbers, defaultdict[str, list[_Cover]](list)
    batches: dict[str, _Batch] = {}
    for _, batch_id, revision, base, attempt, first, last, *_, taken, stated, recalled, _ in found.batches:
        name = str(batch_id)
        if attempt is not None:
            letter = found.ground.letter((revision, base, attempt, taken, stated, recalled))
            covers[name].append(_Cover(first, last, letter))
        told = (numbers[revision], numbers.get(base, 0))
        batches[name] = _Batch(tuple(covers[name]), told, recalled)
    return batches


def _lives(session: Session, found: Gathered, batches: _Batches) -> Iterator[Life]:
    merged = [each for each, rows in found.apart.items() if any(row[0] == Kind.MERGED for row in rows)]
    alone = dict(_alone(session, found.ground, merged)) if merged else {}
    for row in found.members:
        member_id = row[1]
        if member_id in alone:
            yield alone[member_id]
        elif member_id in found.apart:
            yield _apart(session, found, batches, row)
        else:
            yield _alike(found.ground, batches, row) or _apart(session, found, batches, row)


def _end(row: Any) -> datetime | None:
    return min((at for at in (row[13], row[14]) if at is not None), default=None)


# -- those with letters and nothing else --------------------------------------------------------


def _alike(ground: Ground, batches: _Batches, row: Any) -> Life | None:
    """None for one to whom several things happened at about one time: what came first then counts."""
    _, member_id, *_, external_id, deliveries, in_batches, positions, joined_at, _, _, recorded_at = row
    letters: list[tuple[int, int, Own]] = []  # by request: who has the same ones has them in one order
    for number, name in enumerate(in_batches.split(",") if in_batches else ()):
        letters += ((one.attempt_id, number, one) for one in _covering(batches.get(name), positions, number))
    letters.sort()
    owned, which = [one for _, _, one in letters], [number for _, number, _ in letters]
    place = ground.order.place(joined_at)
    touched = 1 << place
    for letter in owned:
        if touched & letter.touches:
            return None
        touched |= letter.touches
    key = (place, *[letter.kind for letter in owned])
    shape = ground.shapes.get(key)
    if shape is None:
        ids = (deliveries or "").split(",")
        names = [f"delivery:{ids[w]}:{letter.attempt_id}" for w, letter in zip(which, owned, strict=True)]
        shape = ground.shape(key, joined_at, owned, [f"member:{member_id}", *names])
    if shape is None:
        return None
    end = _end(row)
    return Life(
        member_id, external_id, joined_at, end, recorded_at, shape, ground.order, owned, deliveries or "", which
    )


def _covering(batch: _Batch | None, positions: str, number: int) -> Iterator[Own]:
    """The letters of a delivery that were taken. number: which of the lists' it is."""
    if batch is None:
        return
    position = int(positions.split(",")[number])
    for cover in batch.covers:
        if cover.first <= position < cover.last:
            yield cover.letter


# -- those with facts of their own --------------------------------------------------------------


def _apart(session: Session, found: Gathered, batches: _Batches, row: Any) -> Life:
    ground, member_id, joined_at = found.ground, row[1], row[12]
    owned = sorted(
        _owned(ground, batches, row, found.apart.get(member_id, ())), key=lambda o: (o.fact.at, o.fact.id)
    )
    key = ("apart", *alike.key(joined_at, owned, ground.order))
    names = [f"member:{member_id}", *(one.fact.id for one in owned)]
    shape = ground.shape(key, joined_at, owned, names)
    if shape is None:
        return next(life for _, life in _alone(session, ground, [member_id]))
    return Life(member_id, row[8], joined_at, _end(row), row[15], shape, ground.order, owned)


def _owned(ground: Ground, batches: _Batches, row: Any, rows: Sequence[Any]) -> Iterator[Own]:
    """All own facts of a member, each with its name."""
    skipped = {each[2] for each in rows if each[0] == Kind.OUTCOME}
    undone = [each for each in rows if each[0] == Kind.EVENT and each[8] != "shown"]
    for delivery_id, letter in _letters(batches, row):
        if delivery_id in skipped:
            continue
        by = [e[12] for e in undone if e[3] == delivery_id and e[4] in (None, letter.attempt_id)]
        at = min([*by, *(letter.instants[each] for each in letter.instants if each == alike.UNDONE)], default=None)
        yield alike.own(_named(letter.fact, f"delivery:{delivery_id}:{letter.attempt_id}"), ground.by_notice, at)
    for each in rows:
        fact, recalled = _fact(ground, batches, each)
        if fact is not None:
            yield alike.own(fact, ground.by_notice, recalled)


def _letters(batches: _Batches, row: Any) -> Iterator[tuple[int, Own]]:
    if row[10]:
        ids = row[9].split(",")
        for number, name in enumerate(row[10].split(",")):
            for letter in _covering(batches.get(name), row[11], number):
                yield int(ids[number]), letter


def _named(fact: Fact, name: str) -> Fact:
    assert isinstance(fact, Noticed)
    return Noticed(fact.at, fact.revision, fact.base, fact.not_before, name)


def _fact(ground: Ground, batches: _Batches, row: Any) -> tuple[Fact | None, datetime | None]:
    """What a row of a member's own says, and when it was undone; None for what concerns another policy."""
    kind, own_id, at = row[0], row[2], row[12]
    if kind == Kind.GUARDIANSHIP:
        return Guardianship(at, bool(row[3]), f"guardian:{own_id}"), None
    if kind == Kind.SAID and row[3] in ground.facts.numbers and row[8] in ("read", "accepted"):
        by_guardian = row[9] == "guardian"
        return Acknowledged(
            at, ground.facts.numbers[row[3]], row[8], by_guardian, f"acknowledgement:{own_id}"
        ), None
    if kind == Kind.EVENT and row[8] == "shown" and str(row[5]) in batches:
        batch = batches[str(row[5])]
        return Noticed(at, *batch.told, None, f"event:{own_id}"), batch.recalled_at
    return None, None


# -- those who are folded alone -----------------------------------------------------------------


def _alone(session: Session, ground: Ground, ids: Sequence[int]) -> Iterator[tuple[int, Life]]:
    """Accounts that were merged, folded from their objects."""
    for start in range(0, len(ids), CHUNK):
        found = session.exec(select(Member).where(col(Member.id).in_(ids[start : start + CHUNK]))).all()
        gathered = facts.of_members(session, ground.facts, found)
        for member in found:
            yield member.id or 0, _folded(member, gathered[member.id])


def _folded(member: Member, own: list[Fact]) -> Life:
    end = min((fact.at for fact in own if isinstance(fact, Ended)), default=None)
    spans = applicability.timeline(fact for fact in own if not isinstance(fact, Ended)).spans
    order = Order(span.start for span in spans)
    marks = [Mark(span.revision, span.start, span.basis, span.rests_on) for span in spans]
    shape = Shape(marks, [order.place(span.start) for span in spans])
    return Life(member.id or 0, member.external_id, member.joined_at, end, member.recorded_at, shape, order)
