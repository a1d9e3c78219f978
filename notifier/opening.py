"""Fix the audience of a notice: every delivery of ten million in one statement, with its batch.

The statement goes through the members once, in no order of its own, and works out for each row the batch from the
kind of member and from the id: a batch is the members of one kind in a run of ids, wide enough for about as many
as one request takes. So nothing is sorted and nothing is counted beforehand; how common a kind is, is told by a
sample. A batch that comes out larger than a request is sent in several.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal_column, null, or_, text
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, insert, select, update

from database import one_at_a_time
from notifier.audience import Audience, Known, LeftOut, Owed, Reason
from notifier.kinds import Judged
from notifier.models import Batch, Delivery, Member, Notice
from notifier.tables import BARRED

BATCH_SIZE = 1000
RUN = 1000  # ids looked at in a row
RUNS = 32
FILL = 0.9  # of a batch, as planned: what is common here is a little more common there
_LOCK = 0x626174  # any number that nothing else locks

Verdict = Known | Reason


class Place(NamedTuple):
    """What the deliveries of one batch share; letters of one place say the same."""

    channel: str
    reason: Reason
    base: int | None
    locale: str
    audience: str
    already: bool
    asks: bool
    corrects: bool
    applies_from: datetime | None


class _Group(NamedTuple):
    """Members of one place, and the batches that they get: first batch + id / width."""

    place: Place
    first: int
    width: int


def place(notice: Notice, owed: Owed) -> Place:
    asks = notice.kind == "change" and owed.applies_from is None
    return Place(
        owed.channel, owed.reason, owed.base, owed.member.locale, owed.audience, owed.already, asks, owed.corrects,
        owed.applies_from,
    )  # fmt: skip


def batch(
    notice: Notice, of: Place, ids: Mapping[int, int | None], *, size: int, number: int, now: datetime
) -> dict[str, object]:
    """A batch's row. ids: of revisions, by number."""
    return {
        "notice_id": notice.id,
        "number": number,
        "channel": of.channel,
        "reason": of.reason,
        "base_revision_id": ids[of.base] if of.base else None,
        "locale": of.locale,
        "audience": of.audience,
        "already": of.already,
        "asks": of.asks,
        "corrects": of.corrects,
        "applies_from": of.applies_from,
        "size": size,
        "canary": False,
        "state": "site" if of.channel == "site" else "queued",
        "said": "",
        "lease_by": "",
        "delivered": 0,
        "bounced": 0,
        "dropped": 0,
        "recorded_at": now,
    }  # fmt: skip


# -- all at once --------------------------------------------------------------------------------


def owe_all(  # noqa: PLR0913 -- the terms of one statement
    session: Session,
    notice: Notice,
    judged: Judged[Verdict],
    ids: Mapping[int, int | None],
    counted: Audience,
    *,
    among: ColumnElement[bool] | None = None,
    size: int = BATCH_SIZE,
    now: datetime,
) -> None:
    """Write a delivery for every member that a verdict says is owed one, and their batches.

    among: which members, at most. ids: of revisions, by number. size: letters in a batch, about.
    Those apart are not written here.
    """
    where = judged.where if among is None else and_(judged.where, among)
    way = way_of()
    largest = session.exec(select(func.max(Member.id))).one() or 0
    shares = _sample(session, judged, way, where, largest)
    groups = _groups(session, notice, judged, shares, largest, size)
    if groups:
        _insert(session, notice, judged, where, groups)
        _write_batches(session, notice, groups, ids, counted, now)
    _count_left_out(session, judged, where, counted)


UNKNOWN = ""  # a locale that the sample has not met
WAYS = ("email", "no address", "suppressed")  # in this order of numbers


def _ways() -> list[tuple[ColumnElement[bool], int]]:
    """When a member without a guardian is told by the site notice only, and why; else by letter."""
    email = col(Member.email)
    return [(or_(email.is_(None), email == ""), 1), (BARRED.c.member_id.is_not(None), 2)]


def way_of() -> ColumnElement[int]:
    """By which way a member without a guardian is told, over a row of a source of `kinds`: a place in WAYS."""
    named: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
        (condition, literal_column(str(number))) for condition, number in _ways()
    ]
    return case(*named, else_=literal_column("0"))


class _Kind(NamedTuple):
    verdict: int  # its place in `judged.values`
    way: int
    locale: str


def _sample(
    session: Session, judged: Judged[Verdict], way: ColumnElement[int], where: ColumnElement[bool], largest: int
) -> Mapping[_Kind, float]:
    """Of each kind the largest share that it has of any run of ids looked at."""
    ids = col(Member.id)
    every = max(1, largest // (RUN * RUNS))
    starts = range(0, largest + 1, RUN * every)
    runs = or_(*(and_(ids > start, ids <= start + RUN) for start in starts))
    run = (ids - 1) // RUN
    index = judged.choose(lambda each: literal_column(str(each)))
    query = (
        sa_select(index.label("v"), way.label("w"), Member.locale, run.label("r"), func.count())  # type: ignore[call-overload]
        .select_from(judged.source)
        .where(where, runs)
        .group_by(text("v"), text("w"), col(Member.locale), text("r"))
    )
    shares: defaultdict[_Kind, float] = defaultdict(float)
    for verdict, number, locale, _, count in session.execute(query):
        kind = _Kind(verdict, number, locale)
        shares[kind] = max(shares[kind], count / RUN)
    return shares


def _groups(
    session: Session,
    notice: Notice,
    judged: Judged[Verdict],
    shares: Mapping[_Kind, float],
    largest: int,
    size: int,
) -> dict[_Kind, _Group]:
    """Every kind that may be owed something, with batches of its own; those not in the sample have one."""
    locales = sorted({kind.locale for kind in shares})
    owed = [index for index, verdict in enumerate(judged.values) if isinstance(verdict, Known)]
    kinds = [_Kind(*each) for each in product(owed, range(len(WAYS)), locales)]
    widths = {kind: _width(shares.get(kind, 0.0), size, largest) for kind in kinds}
    first = reserve(session, sum(largest // width + 1 for width in widths.values()) + len(owed))
    groups = {}
    for kind, width in widths.items():
        groups[kind] = _Group(_place(notice, judged.values[kind.verdict], kind), first, width)
        first += largest // width + 1
    for index in owed:  # of a locale that the sample has not met: placed one by one afterwards
        kind = _Kind(index, 0, UNKNOWN)
        groups[kind] = _Group(_place(notice, judged.values[index], kind), first, largest + 1)
        first += 1
    return groups


def _width(share: float, size: int, largest: int) -> int:
    return min(largest + 1, max(1, int(size * FILL / share))) if share else largest + 1


def _place(notice: Notice, verdict: Verdict, kind: _Kind) -> Place:
    assert isinstance(verdict, Known)
    asks = notice.kind == "change" and verdict.applies_from is None
    channel, reason = ("site", WAYS[kind.way]) if kind.way else ("email", "")
    base, applies_from = verdict.base or None, verdict.applies_from
    return Place(
        channel, reason, base, kind.locale, "member", verdict.already, asks, verdict.corrects, applies_from
    )


def _insert(
    session: Session,
    notice: Notice,
    judged: Judged[Verdict],
    where: ColumnElement[bool],
    groups: Mapping[_Kind, _Group],
) -> None:
    """Write every delivery. Whole numbers of our own making go in as they are, not as ten thousand parameters."""
    slots = _slots(_ways(), groups)
    ids = col(Member.id)
    chosen = judged.choose(lambda index: slots.get(index, null())).label("batch_id")
    rows = sa_select(literal_column(str(notice.id)), ids, chosen, ids).select_from(judged.source)
    rows = rows.where(where, *([] if _all_owed(judged) else [_is_owed(judged)]))
    session.execute(insert(Delivery).from_select(["notice_id", "member_id", "batch_id", "position"], rows))


_Ways = Sequence[tuple[ColumnElement[bool], int]]
_ByLocale = defaultdict[str, list[tuple[int, _Group]]]


def _slots(ways: _Ways, groups: Mapping[_Kind, _Group]) -> dict[int, ColumnElement[int]]:
    """Of each verdict, by its place: which batch a member gets, by locale, way and id."""
    by_locale: defaultdict[int, _ByLocale] = defaultdict(lambda: defaultdict(list))
    for kind, group in groups.items():
        by_locale[kind.verdict][kind.locale].append((kind.way, group))
    return {index: _by_locale(ways, some) for index, some in by_locale.items()}


def _by_locale(ways: _Ways, some: _ByLocale) -> ColumnElement[int]:
    unknown = _slot(some.pop(UNKNOWN)[0][1])
    slots = [(col(Member.locale) == locale, _by_way(ways, dict(groups))) for locale, groups in some.items()]
    return case(*slots, else_=unknown) if slots else unknown


def _by_way(ways: _Ways, groups: Mapping[int, _Group]) -> ColumnElement[int]:
    return case(*((condition, _slot(groups[way])) for condition, way in ways), else_=_slot(groups[0]))


def _slot(group: _Group) -> ColumnElement[int]:
    return literal_column(f"{group.first} + member.id / {group.width}")


def _all_owed(judged: Judged[Verdict]) -> bool:
    return all(isinstance(verdict, Known) for verdict in judged.values)


def _is_owed(judged: Judged[Verdict]) -> ColumnElement[bool]:
    return judged.sort(lambda verdict: int(isinstance(verdict, Known))) == literal_column("1")


def _write_batches(
    session: Session,
    notice: Notice,
    groups: Mapping[_Kind, _Group],
    ids: Mapping[int, int | None],
    counted: Audience,
    now: datetime,
) -> None:
    ordered = sorted(groups.values(), key=lambda group: group.first)
    starts = [group.first for group in ordered]
    sizes = session.execute(
        sa_select(Delivery.batch_id, func.count())  # type: ignore[call-overload]
        .where(col(Delivery.batch_id) >= starts[0], Delivery.notice_id == notice.id)
        .group_by(col(Delivery.batch_id))
        .order_by(col(Delivery.batch_id))
    )
    number, astray, rows = last_number(session, notice), [], []
    for batch_id, size in sizes:
        of = ordered[bisect_right(starts, batch_id) - 1].place
        number += 1
        rows.append({"id": batch_id, **batch(notice, of, ids, size=size, number=number, now=now)})
        if of.locale == UNKNOWN:
            astray.append(batch_id)
            rows[-1]["state"] = "skipped"
        else:
            counted.add_many(of.channel, of.reason, size)
    if rows:
        session.execute(insert(Batch), rows)
    if astray:
        session.exec(update(Delivery).where(col(Delivery.batch_id).in_(astray)).values(position=None))


def _count_left_out(
    session: Session, judged: Judged[Verdict], where: ColumnElement[bool], counted: Audience
) -> None:
    if _all_owed(judged):
        return
    index = judged.choose(lambda each: literal_column(str(each)))
    rows = session.execute(
        sa_select(index, func.count()).select_from(judged.source).where(where, ~_is_owed(judged)).group_by(index)
    )
    for place_of, count in rows:
        reason = judged.values[place_of]
        assert isinstance(reason, str)
        counted.left_out[reason] += count


def reserve(session: Session, count: int) -> int:
    """Set so many ids of batches aside, in a row; returns the first. Whoever makes batches asks here."""
    if session.get_bind().dialect.name != "postgresql":
        return (session.exec(select(func.max(Batch.id))).one() or 0) + 1
    one_at_a_time(session, _LOCK)
    first: int = session.execute(text("SELECT nextval(pg_get_serial_sequence('batch', 'id'))")).scalar_one()
    if count > 1:
        session.execute(
            text("SELECT setval(pg_get_serial_sequence('batch', 'id'), :last)"), {"last": first + count - 1}
        )
    return first


def last_number(session: Session, notice: Notice) -> int:
    return session.exec(select(func.max(Batch.number)).where(Batch.notice_id == notice.id)).one() or 0


# -- one by one ---------------------------------------------------------------------------------


def owe(
    session: Session,
    notice: Notice,
    verdicts: Iterable[Owed | LeftOut],
    ids: Mapping[int, int | None],
    counted: Audience,
    *,
    size: int = BATCH_SIZE,
    now: datetime,
) -> None:
    """Write the deliveries of some members, full batches as they fill, so that memory stays flat."""
    filling: defaultdict[Place, list[int]] = defaultdict(list)
    for verdict in verdicts:
        counted.add(verdict)
        if isinstance(verdict, Owed):
            where = place(notice, verdict)
            filling[where].append(verdict.member.id or 0)
            if len(filling[where]) >= size:
                _write_one(session, notice, where, filling.pop(where), ids, now)
    for where, some in filling.items():
        _write_one(session, notice, where, some, ids, now)


def _write_one(
    session: Session, notice: Notice, of: Place, some: Sequence[int], ids: Mapping[int, int | None], now: datetime
) -> None:
    batch_id = new_batch(session, notice, of, ids, size=len(some), now=now)
    rows = [{"notice_id": notice.id, "member_id": m, "batch_id": batch_id, "position": m} for m in some]
    session.execute(insert(Delivery), rows)


def new_batch(
    session: Session, notice: Notice, of: Place, ids: Mapping[int, int | None], *, size: int, now: datetime
) -> int:
    batch_id = reserve(session, 1)
    number = last_number(session, notice) + 1
    session.execute(insert(Batch), [{"id": batch_id, **batch(notice, of, ids, size=size, number=number, now=now)}])
    return batch_id
