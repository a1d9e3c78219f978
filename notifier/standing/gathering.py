"""Gather members' own facts from rows, and fold them: once for all who are alike.

Most members have letters and nothing else; what is the same of these for a thousand is worked out once. What is a
member's alone (a guardian, an acknowledgement, a bounce) comes beside them. Accounts that were merged are few, and
are folded one by one from their objects.
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
from policy_versions import applicability, policies
from policy_versions.applicability import Acknowledged, Ended, Fact, Guardianship, Noticed

CHUNK = 500


class _Cover(NamedTuple):
    """A request that was taken, for those of a batch at positions [first, last)."""

    first: int
    last: int
    letter: Own


class _Batch(NamedTuple):
    """A batch of one of the policy's notices. told: its revision's number, and that of its base.

    whole: the request's id and the letter of all of it, where that was taken in one request.
    """

    covers: tuple[_Cover, ...]
    whole: tuple[int, Own] | None
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
    slug, rows = _read(session, slug, which, whole=True, **given)
    found = _sorted(session, slug, rows)
    return found.ground, next(_lives(session, found, _batches(found)), None)


def some(session: Session, slug: str, which: str, **given: Any) -> tuple[Ground, Iterator[Life]]:
    """The same of many members. Raises: NoSuchPolicy."""
    slug, rows = _read(session, slug, which, **given)
    found = _sorted(session, slug, rows)
    if ids := wanted(rows):
        found.batches = [*statements.read_batches(session, slug, ids)]
    return found.ground, _lives(session, found, _batches(found))


def _read(session: Session, slug: str, which: str, **given: Any) -> tuple[str, Sequence[Any]]:
    """The rows, and where the policy stands now: it may be asked for by an earlier one. Raises: NoSuchPolicy."""
    rows = statements.read(session, slug, which, **given)
    if any(row[0] == Kind.POLICY for row in rows):
        return slug, rows
    standing = policies.policy(session, slug).slug
    return standing, statements.read(session, standing, which, **given)


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
    numbers, batches = found.ground.facts.numbers, dict[str, _Batch]()
    for _, batch_id, revision, base, attempt, first, last, size, *_, taken, stated, recalled in found.batches:
        name, covers, whole = str(batch_id), tuple[_Cover, ...](), None
        if name in batches:
            covers = batches[name].covers
        if attempt is not None:
            letter = found.ground.letter((revision, base, attempt, taken, stated, recalled))
            covers = (*covers, _Cover(first, last, letter))
            whole = (attempt, letter) if len(covers) == 1 and first == 0 and last >= size else None
        batches[name] = _Batch(covers, whole, (numbers[revision], numbers.get(base, 0)), recalled)
    return batches


def _lives(session: Session, found: Gathered, batches: _Batches) -> Iterator[Life]:
    merged = [each for each, rows in found.apart.items() if any(row[0] == Kind.MERGED for row in rows)]
    alone = dict(_alone(session, found.ground, merged)) if merged else {}
    for row in found.members:
        life = alone.get(row[1]) or _life(found.ground, batches, row, found.apart.get(row[1], ()))
        yield life or next(each for _, each in _alone(session, found.ground, [row[1]]))


def _life(ground: Ground, batches: _Batches, row: Any, apart: Sequence[Any]) -> Life | None:
    """None for one whose timeline has no shape."""
    _, member_id, *_, external_id, deliveries, in_batches, positions, joined_at, end, recorded_at = row
    letters = _letters(batches, in_batches, positions) if in_batches else []
    if apart:
        letters = _what_came_of(ground, letters, deliveries, apart)
    letters.sort()  # by request: who has the same ones has them in one order
    owned, which = [one for _, _, one in letters], [number for _, number, _ in letters]
    if apart:
        owned += _said(ground, batches, apart)
    life = Life(member_id, external_id, joined_at, end, recorded_at, _NONE, ground.order, owned, deliveries, which)
    key = alike.key(joined_at, owned, life.name, ground.order)
    shape = ground.shapes.get(key)
    if shape is None:
        shape = ground.shape(key, joined_at, owned, [life.name(each) for each in range(alike.JOINED, len(owned))])
    if shape is None:
        return None
    life.shape = shape
    return life


_NONE = Shape((), ())
_Letter = tuple[int, int, Own]  # the attempt's id, and which of a member's deliveries it is of


def _letters(batches: _Batches, in_batches: str, positions: str) -> list[_Letter]:
    """The letters that were taken for a member."""
    found: list[_Letter] = []
    for number, name in enumerate(in_batches.split(",")):
        batch = batches.get(name)
        if batch is None:
            continue
        whole = batch.whole
        if whole is not None:
            found.append((whole[0], number, whole[1]))
            continue
        position = int(positions.split(",")[number])
        found += ((c.letter.attempt_id, number, c.letter) for c in batch.covers if c.first <= position < c.last)
    return found


def _what_came_of(ground: Ground, letters: list[_Letter], deliveries: str, apart: Sequence[Any]) -> list[_Letter]:
    """The same without those that were skipped, and with those undone that bounced."""
    ids = [int(each) for each in deliveries.split(",")] if deliveries else []
    skipped = {row[2] for row in apart if row[0] == Kind.OUTCOME}
    events = [row for row in apart if row[0] == Kind.EVENT and row[8] != "shown"]
    found = []
    for attempt_id, number, letter in letters:
        if ids[number] not in skipped:
            undone = [row[12] for row in events if row[3] == ids[number] and row[4] in (None, attempt_id)]
            found.append((attempt_id, number, _undone(ground, letter, undone) if undone else letter))
    return found


def _undone(ground: Ground, letter: Own, at: list[datetime]) -> Own:
    recalled = letter.instants.get(alike.UNDONE)
    return ground.own(letter.fact, min(at if recalled is None else [*at, recalled]), letter.attempt_id)


def _said(ground: Ground, batches: _Batches, apart: Sequence[Any]) -> list[Own]:
    """The other facts of a member's own, in an order of their own."""
    made = (_fact(ground, batches, row) for row in apart)
    facts_ = [(fact.at, fact.id, fact, undone) for fact, undone in made if fact is not None]
    return [ground.own(fact, undone) for _, _, fact, undone in sorted(facts_, key=lambda each: each[:2])]


def _fact(ground: Ground, batches: _Batches, row: Any) -> tuple[Fact | None, datetime | None]:
    """What a row says, and when it was undone; None for what is said by others, or concerns another policy."""
    kind, own_id, at = row[0], row[2], row[12]
    if kind == Kind.GUARDIANSHIP:
        return Guardianship(at, bool(row[3]), f"guardian:{own_id}"), None
    if kind == Kind.SAID and row[3] in ground.facts.numbers and row[8] in ("read", "accepted"):
        number, by_guardian = ground.facts.numbers[row[3]], row[9] == "guardian"
        return Acknowledged(at, number, row[8], by_guardian, f"acknowledgement:{own_id}"), None
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
