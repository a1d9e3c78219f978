"""Judge members by their kind: those to whom the same things happened are judged once, in one fold for them all.

What a member knows, and what governs them, follows from when they joined and which letters were taken for them.
Most members differ in nothing else, so a policy sorts ten million of them into a few hundred kinds, and the
database says which member is of which kind while it writes. Those with facts of their own (a guardian, an
acknowledgement, a bounce, a skipped letter) stand apart, and are judged one by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Join, Table, case, func, literal_column, text
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from notifier import facts, members
from notifier.audience import Standing
from notifier.facts import PolicyFacts
from notifier.lineage import MemberMerge
from notifier.models import (
    UNDOING_EVENTS,
    Acknowledgement,
    Attempt,
    Batch,
    Delivery,
    DeliveryEvent,
    GuardianChange,
    Member,
    Notice,
    Outcome,
)
from notifier.tables import APART, BARRED, LETTERS
from policy_versions import applicability
from policy_versions.applicability import Fact, Joined, Noticed, Published
from policy_versions.archive import History

V = TypeVar("V", bound=Hashable)
CHUNK = 500
MOST_KINDS = 2000  # of letters and times of joining; past them, only those that occur are judged
LARGEST = 2**62  # a kind of letters is one whole number in the database

Judge = Callable[[Standing], V]
Leaf = Callable[[int], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Judged(Generic[V]):
    """What the judge says of every retained member.

    values: each verdict once. source: the members, with what tells their kinds.
    """

    values: Sequence[V]
    source: Join
    where: ColumnElement[bool]  # retained, and not apart
    _session: Session
    _record: History
    _judge: Judge[V]
    _now: datetime
    _spans: Sequence[_Span]
    _by_signature: Mapping[int, Sequence[int]]

    def sort(self, key: Callable[[V], int]) -> ColumnElement[int]:
        """An expression over a row of `source`: what a verdict's key is; few keys are found sooner than many."""
        keys = [key(value) for value in self.values]
        found = {each: [keys[place] for place in places] for each, places in self._by_signature.items()}
        return self._choose(found, lambda each: literal_column(str(each)))

    def choose(self, leaf: Leaf) -> ColumnElement[Any]:
        """An expression over a row of `source`. leaf: what it is where the verdict has that place in `values`."""
        return self._choose(self._by_signature, leaf)

    def _choose(self, by_signature: Mapping[int, Sequence[int]], leaf: Leaf) -> ColumnElement[Any]:
        plain, *others = (
            (signature, _tree(_merged(places, self._spans), leaf)) for signature, places in by_signature.items()
        )
        if not others:
            return plain[1]
        having = ((LETTERS.c.signature == signature, tree) for signature, tree in others)
        return case((LETTERS.c.signature.is_(None), plain[1]), *having, else_=plain[1])

    def apart(self, among: ColumnElement[bool] | None = None) -> Iterator[tuple[Member, V]]:
        """Those with facts of their own, judged one by one, by id. among: which, at most."""
        policy, after = facts.of_policy(self._session, self._record), 0
        while chunk := self._apart_after(after, among):
            gathered = facts.of_members(self._session, policy, chunk)
            for member in chunk:
                own = gathered[member.id]
                yield member, self._judge(Standing(member, own, applicability.timeline(own)))
            after = chunk[-1].id or 0
            for member in chunk:
                self._session.expunge(member)  # memory stays flat

    def _apart_after(self, after: int, among: ColumnElement[bool] | None) -> Sequence[Member]:
        query = select(Member).join(APART, APART.c.member_id == Member.id)
        query = query.where(members.retained(self._now), APART.c.member_id > after)
        if among is not None:
            query = query.where(among)
        return self._session.exec(query.order_by(APART.c.member_id).limit(CHUNK)).all()


def judged(session: Session, record: History, judge: Judge[V], *, now: datetime) -> Judged[V]:
    """Sort the retained members by what a judge says of them.

    judge: may look at the facts, the timeline and `joined_at` of a standing, and at nothing else of its member.
    """
    policy = facts.of_policy(session, record)
    letters = _Letters.of(session, policy, now)
    _set_apart(session, record, letters)
    _set_barred(session)
    signatures = _write_letters(session, letters)
    spans = _spans(policy, now)
    kinds = _Kinds(policy, letters, spans, judge)
    source = _source(has_letters=len(signatures) > 1)
    where = members.retained(now) & APART.c.member_id.is_(None)
    occurring = _occurring(session, signatures, spans)
    by_signature = {each: kinds.of(each, occurring[each] if occurring else None) for each in signatures}
    return Judged(kinds.values, source, where, session, record, judge, now, spans, by_signature)


def _source(*, has_letters: bool) -> Join:
    table: Table = Member.__table__  # type: ignore[attr-defined]
    joined = table.outerjoin(APART, APART.c.member_id == table.c.id)
    joined = joined.outerjoin(BARRED, BARRED.c.member_id == table.c.id)
    return joined.outerjoin(LETTERS, LETTERS.c.member_id == table.c.id) if has_letters else joined


# -- when they joined ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Span:
    """Members who joined from here on, up to the next span, are of one kind. at: an instant within."""

    at: datetime
    begins: datetime | None  # None: from ever on
    after: bool = False  # begins right after that instant, not at it


def _spans(policy: PolicyFacts, now: datetime) -> list[_Span]:
    """Part the times of joining, up to now, at every instant of the policy's own, which is a span for itself."""
    instants = sorted(
        at
        for at in {fact.at for fact in policy.facts}
        | {fact.effective_at for fact in policy.facts if isinstance(fact, Published)}
        | {telling.at for telling in policy.tellings}
        if at <= now
    )
    if not instants:
        return [_Span(now, None)]
    spans = [_Span(instants[0] - timedelta(days=1), None)]
    for instant, following in pairwise([*instants, now]):
        spans.append(_Span(instant, instant))
        if following - instant > timedelta(microseconds=1):
            spans.append(_Span(instant + (following - instant) / 2, instant, after=True))
    return spans


# -- which letters were taken for them ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cover:
    """An accepted attempt: these positions of a batch have the letter of a kind."""

    batch_id: int
    first: int
    last: int
    kind: int  # from 1; of its notice


@dataclass(frozen=True, slots=True)
class _Letters:
    """The letters of a policy that were taken. kinds: by notice, the facts of one letter of each kind."""

    covers: Mapping[int, Sequence[_Cover]]  # by notice
    kinds: Mapping[int, Sequence[Sequence[Fact]]]
    odd: frozenset[int]  # batches whose members stand apart

    @classmethod
    def of(cls, session: Session, policy: PolicyFacts, now: datetime) -> _Letters:
        rows = _accepted(session, policy)
        instants = _instants(policy, rows, now)
        odd = _odd(rows)
        covers: defaultdict[int, list[_Cover]] = defaultdict(list)
        kinds: defaultdict[int, dict[Hashable, Sequence[Fact]]] = defaultdict(dict)
        for notice, batch, attempt in rows:
            if batch.id in odd:
                continue
            letter, key = _letter(policy, notice, batch, attempt, instants, now)
            known = kinds[notice.id or 0]
            known.setdefault(key, letter)
            number = list(known).index(key) + 1
            covers[notice.id or 0].append(_Cover(batch.id or 0, attempt.first, attempt.last, number))
        if _too_many(kinds):
            return cls({}, {}, odd | {cover.batch_id for some in covers.values() for cover in some})
        return cls(covers, {notice: list(known.values()) for notice, known in kinds.items()}, odd)

    def weights(self) -> Iterator[tuple[int, int]]:
        """(notice, weight): a kind of letters of all notices is a number in a mixed radix."""
        weight = 1
        for notice, kinds in self.kinds.items():
            yield notice, weight
            weight *= len(kinds) + 1

    def facts(self, signature: int) -> list[Fact]:
        """What a signature stands for."""
        found: list[Fact] = []
        for notice, weight in self.weights():
            kind = signature // weight % (len(self.kinds[notice]) + 1)
            if kind:
                found.extend(self.kinds[notice][kind - 1])
        return found


def _too_many(kinds: Mapping[int, Mapping[Hashable, object]]) -> bool:
    product_of = 1
    for known in kinds.values():
        product_of *= len(known) + 1
    return product_of >= LARGEST


_Row = tuple[Notice, Batch, Attempt]


def _accepted(session: Session, policy: PolicyFacts) -> Sequence[_Row]:
    rows = session.exec(
        select(Notice, Batch, Attempt)
        .join(Batch, col(Batch.notice_id) == Notice.id)
        .join(Attempt, col(Attempt.batch_id) == Batch.id)
        .where(
            Notice.kind == "change",
            col(Notice.revision_id).in_(policy.numbers.keys()),
            facts.counting(),
        )
        .order_by(col(Notice.id), col(Attempt.id))
    ).all()
    return [(notice, batch, attempt) for notice, batch, attempt in rows]


def _instants(policy: PolicyFacts, rows: Sequence[_Row], now: datetime) -> list[datetime]:
    """The instants between which it makes no difference when a letter was taken."""
    own = {fact.at for fact in policy.facts} | {now}
    effective = {fact.effective_at for fact in policy.facts if isinstance(fact, Published)}
    opened = {notice.opened_at for notice, _, _ in rows if notice.opened_at is not None}
    return sorted(own | effective | opened)


def _odd(rows: Sequence[_Row]) -> frozenset[int]:
    """Batches with letters taken twice, or taken only after a later notice had opened: what came first counts."""
    opened = sorted({notice.opened_at for notice, _, _ in rows if notice.opened_at is not None})
    odd, reached = set(), dict[int, int]()
    for notice, batch, attempt in sorted(rows, key=lambda row: (row[1].id or 0, row[2].first)):
        batch_id, taken = batch.id or 0, attempt.recorded_at
        later = [at for at in opened if notice.opened_at is not None and at > notice.opened_at]
        if attempt.first < reached.get(batch_id, 0) or (later and taken is not None and taken >= later[0]):
            odd.add(batch_id)
        reached[batch_id] = max(reached.get(batch_id, 0), attempt.last)
    return frozenset(odd)


def _letter(
    policy: PolicyFacts, notice: Notice, batch: Batch, attempt: Attempt, instants: list[datetime], now: datetime
) -> tuple[Sequence[Fact], Hashable]:
    """The facts of a letter, and what makes it of one kind with others."""
    letter = list(facts.of_letter(policy, notice, batch, attempt, f"attempt:{attempt.id}"))
    taken = next((fact for fact in letter if isinstance(fact, Noticed)), None)
    if taken is None:
        return letter, "may have left"
    deadlines = tuple(
        _bracket(applicability.deadline(taken, fact), instants, now)
        for fact in policy.facts
        if isinstance(fact, Published) and taken.base < fact.revision <= taken.revision
    )
    key = (taken.revision, taken.base, taken.not_before, _bracket(taken.at, instants, now), deadlines)
    return letter, key


def _bracket(at: datetime, instants: list[datetime], now: datetime) -> Hashable:
    """What is yet to come is told by its very instant; what is past, by what lies around it."""
    return at if at > now else (bisect_left(instants, at), bisect_right(instants, at))


def _write_letters(session: Session, letters: _Letters) -> list[int]:
    """Write each member's signature down; returns those there are, 0 (no letter) first."""
    covers = [
        {"batch_id": c.batch_id, "first": c.first, "last": c.last, "weight": c.kind * weight}
        for notice, weight in letters.weights()
        for c in letters.covers[notice]
    ]
    if not covers:
        return [0]
    _fresh(session, "covering", "batch_id INTEGER, first INTEGER, last INTEGER, weight BIGINT")
    _fresh(session, "letters", "member_id INTEGER PRIMARY KEY, signature BIGINT")
    session.execute(text("INSERT INTO covering VALUES (:batch_id, :first, :last, :weight)"), covers)
    session.execute(
        text(
            "INSERT INTO letters SELECT d.member_id, sum(c.weight) FROM covering c JOIN delivery d "
            "ON d.batch_id = c.batch_id AND d.position >= c.first AND d.position < c.last GROUP BY d.member_id"
        )
    )
    _analyse(session, "letters")
    found = session.execute(text("SELECT DISTINCT signature FROM letters ORDER BY signature"))
    return [0, *(int(row[0]) for row in found)]


def _occurring(
    session: Session, signatures: Sequence[int], spans: Sequence[_Span]
) -> Mapping[int, frozenset[int]] | None:
    """Of each signature the spans in which anybody has it; None where there are few enough to judge all."""
    if len(signatures) * len(spans) <= MOST_KINDS:
        return None
    span = _tree([(each, number) for number, each in enumerate(spans)], lambda each: literal_column(str(each)))
    has_letters = len(signatures) > 1
    signature = func.coalesce(LETTERS.c.signature, 0) if has_letters else literal_column("0")
    rows = session.execute(
        sa_select(signature.label("s"), span.label("j"))
        .select_from(_source(has_letters=has_letters))
        .group_by(text("s"), text("j"))
    )
    found: defaultdict[int, set[int]] = defaultdict(set)
    for each, number in rows:
        found[int(each)].add(int(number))
    return {each: frozenset(found[each]) for each in signatures}


# -- those with facts of their own --------------------------------------------------------------


def _set_apart(session: Session, record: History, letters: _Letters) -> None:
    """Write down who is judged alone."""
    _fresh(session, "apart", "member_id INTEGER PRIMARY KEY")
    revisions = [entry.revision.id for entry in record.entries]
    own = sa_select(Delivery.id, Delivery.member_id).join(  # type: ignore[call-overload]
        Notice, col(Notice.id) == Delivery.notice_id
    )
    own = own.where(Notice.kind == "change", col(Notice.revision_id).in_(revisions)).subquery()
    telling = col(DeliveryEvent.event).in_((*UNDOING_EVENTS, "shown"))
    statements = [
        sa_select(GuardianChange.member_id),  # type: ignore[call-overload]
        sa_select(MemberMerge.into_id.label("member_id")),  # type: ignore[attr-defined]
        sa_select(Acknowledgement.member_id).where(  # type: ignore[call-overload]
            col(Acknowledgement.revision_id).in_(revisions)
        ),
        sa_select(own.c.member_id).join(DeliveryEvent, col(DeliveryEvent.delivery_id) == own.c.id).where(telling),
        sa_select(own.c.member_id).join(Outcome, col(Outcome.delivery_id) == own.c.id),
        *(sa_select(Delivery.member_id).where(Delivery.batch_id == odd) for odd in sorted(letters.odd)),  # type: ignore[call-overload]
    ]
    for statement in statements:
        found = statement.subquery()
        new = sa_select(found.c.member_id).distinct()
        new = new.where(found.c.member_id.not_in(sa_select(APART.c.member_id)))
        session.execute(APART.insert().from_select(["member_id"], new))
    _analyse(session, "apart")


def _set_barred(session: Session) -> None:
    """Write down whose own address is suppressed: few, found by their keys; not every member is looked up."""
    _fresh(session, "barred", "member_id INTEGER PRIMARY KEY")
    session.execute(
        text(
            # SQLite keeps the order of a CROSS JOIN: first the suppressions, then the member of each
            "INSERT INTO barred SELECT member.id FROM suppression CROSS JOIN member "
            "WHERE member.email_key = suppression.email_key AND suppression.lifted_at IS NULL"
        )
    )
    _analyse(session, "barred")


def _fresh(session: Session, name: str, columns: str) -> None:
    """A table of this transaction's own, empty."""
    session.execute(text(f"DROP TABLE IF EXISTS {_own(session, name)}"))
    drops = " ON COMMIT DROP" if session.get_bind().dialect.name == "postgresql" else ""
    session.execute(text(f"CREATE TEMPORARY TABLE {name} ({columns}){drops}"))


def _own(session: Session, name: str) -> str:
    return f"pg_temp.{name}" if session.get_bind().dialect.name == "postgresql" else f"temp.{name}"


def _analyse(session: Session, name: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {name}"))


# -- both together ------------------------------------------------------------------------------


class _Kinds(Generic[V]):
    """The verdicts on each kind, found as they are asked for."""

    def __init__(self, policy: PolicyFacts, letters: _Letters, spans: Sequence[_Span], judge: Judge[V]) -> None:
        self.values: list[V] = []
        self._places: dict[V, int] = {}
        self._policy, self._letters, self._spans, self._judge = policy, letters, spans, judge

    def of(self, signature: int, occurring: frozenset[int] | None) -> list[int]:
        """The place of the verdict for each span, of members with these letters.

        occurring: the only spans, by place, in which there are such members; None: perhaps in all.
        """
        letters = self._letters.facts(signature)
        places: list[int] = []
        for number, span in enumerate(self._spans):
            if occurring is None or number in occurring:
                places.append(self._place(self._judge(self._standing(span, letters))))
            else:  # of nobody: whatever costs no fold
                places.append(places[-1] if places else 0)
        return places

    def _standing(self, span: _Span, letters: Sequence[Fact]) -> Standing:
        tellings = [telling for telling in self._policy.tellings if span.at <= telling.at]
        known: list[Fact] = [*self._policy.facts, Joined(span.at, "a member of this kind"), *tellings, *letters]
        member = Member(locale="", joined_at=span.at, recorded_at=span.at)
        return Standing(member, known, applicability.timeline(known))

    def _place(self, verdict: V) -> int:
        if verdict not in self._places:
            self._places[verdict] = len(self.values)
            self.values.append(verdict)
        return self._places[verdict]


def _merged(places: Sequence[int], spans: Sequence[_Span]) -> list[tuple[_Span, int]]:
    """Spans that follow each other with one verdict are one."""
    merged: list[tuple[_Span, int]] = []
    for span, place in zip(spans, places, strict=True):
        if not merged or merged[-1][1] != place:
            merged.append((span, place))
    return merged


def _tree(spans: Sequence[tuple[_Span, int]], leaf: Leaf) -> ColumnElement[Any]:
    """A search by halves, as the database compares `joined_at` with a few of a hundred instants only."""
    if len(spans) == 1:
        return leaf(spans[0][1])
    middle = len(spans) // 2
    return case((_before(spans[middle][0]), _tree(spans[:middle], leaf)), else_=_tree(spans[middle:], leaf))


def _before(span: _Span) -> ColumnElement[bool]:
    assert span.begins is not None
    joined = col(Member.joined_at)
    return joined <= span.begins if span.after else joined < span.begins
