"""Notices: scheduled by a decision, opened once with their audience fixed, topped up, completed, controlled."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_
from sqlmodel import Session, col, delete, exists, func, insert, select, update

from errors import NoSuchNotice, NoticeAlreadyOpen
from notifier import audience, canary, facts, kinds, members, opening, translated
from notifier.audience import Audience, Known, LeftOut, Owed, Standing
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Omission, Outcome
from policy_versions import applicability, archive, audit
from policy_versions.archive import Entry, History
from policy_versions.models import DecisionRecord, DueDecision, Policy, Revision, Translation

BATCH_SIZE = opening.BATCH_SIZE
OPEN_STATES = ("sending", "paused", "complete")
MAY_HAVE_LEFT = (
    "started",
    "accepted",
    "unknown",
    "resent",
    "refused",
)  # attempts not to be made as if nothing was


def by_id(session: Session, notice_id: int) -> Notice:
    """Raises: NoSuchNotice."""
    found = session.get(Notice, notice_id)
    if found is None:
        raise NoSuchNotice
    return found


def schedule(
    session: Session,
    revision: Revision,
    decision: DecisionRecord,
    due: DueDecision,
    *,
    window: timedelta,
    now: datetime,
) -> Notice | None:
    """Write the notice that the engine's decision calls for; None where nobody need be told.

    window: how long it waits, for a person to overrule the decision before anything leaves.
    """
    asked = decision.verdict == "significant" or (decision.verdict == "first" and due.tell_first)
    if not asked or revision.imported or not due.tell:
        return None
    notice = new(session, revision, "change", now=now, due_at=now + window)
    notice.expected_audience = due.expected_audience
    session.flush()
    return notice


def new(
    session: Session,
    revision: Revision,
    kind: str,
    *,
    now: datetime,
    due_at: datetime,
    translation: Translation | None = None,
) -> Notice:
    """Write a notice that opens when it is due. translation: the one that a correction is of."""
    notice = Notice(
        policy_id=revision.policy_id,
        revision_id=revision.id or 0,
        kind=kind,
        translation_id=translation.id if translation else None,
        due_at=due_at,
        substitution_prefix=secrets.token_hex(8),
        created_at=now,
    )
    session.add(notice)
    session.flush()
    return notice


def due(session: Session, *, now: datetime) -> Sequence[Notice]:
    return session.exec(
        select(Notice).where(Notice.state == "scheduled", Notice.due_at <= now).order_by(col(Notice.id))
    ).all()


# -- opening ------------------------------------------------------------------------------------


def open_notice(
    session: Session,
    notice: Notice,
    *,
    secret: str,
    now: datetime,
    first: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Audience:
    """Fix a notice's audience in the caller's transaction: one delivery for each member who is owed one.

    One that was open before, and called off, keeps the audience it had.
    first: how many letters leave before all others; 0: none. batch_size: letters in a batch, about.
    Returns: counts by reason. Where they differ from the number the publisher typed by more than 1 % (or 10),
    the notice waits for a person instead of sending.
    Raises: NoticeAlreadyOpen when another transaction was first.
    """
    was_open = notice.opened_at is not None
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice.id, col(Notice.state) == "scheduled")
        .values(state="sending", why="", opened_at=now)
    )
    if won.rowcount != 1:
        raise NoticeAlreadyOpen
    session.refresh(notice)
    counted = Audience()
    if was_open:
        _hold_if_unexpected(session, notice, _owed(session, notice))
        supersede(session, notice, now)
        _audit_opening(session, "notice opened again", notice, counted, now)
        return counted
    _fix(session, notice, counted, secret=secret, size=batch_size, now=now)
    _leave_out(session, notice, counted, now)
    canary.choose(session, notice, first, now=now)
    _hold_if_unexpected(session, notice, counted.told)
    supersede(session, notice, now)
    _audit_opening(session, "notice opened", notice, counted, now)
    return counted


def _owed(session: Session, notice: Notice) -> int:
    """How many members a notice is owed to."""
    of_batches = session.exec(select(func.sum(Batch.size)).where(Batch.notice_id == notice.id)).one()
    return int(of_batches or 0)


def _audit_opening(session: Session, action: str, notice: Notice, counted: Audience, now: datetime) -> None:
    audit.record(
        session, actor="scheduler", action=action, subject=f"notice {notice.id}", now=now,
        letters=counted.email, site=counted.site.total(), left_out=counted.left_out.total(),
    )  # fmt: skip


def _about(session: Session, notice: Notice) -> tuple[History, Entry]:
    policy = session.get_one(Policy, notice.policy_id)
    record = archive.history(session, policy)
    return record, next(e for e in record.entries if e.revision.id == notice.revision_id)


def _fix(session: Session, notice: Notice, counted: Audience, *, secret: str, size: int, now: datetime) -> None:
    record, entry = _about(session, notice)
    ids = _ids(record)
    if notice.translation_id is not None:
        translation = session.get_one(Translation, notice.translation_id)
        verdicts = translated.told(session, record, entry, translation, secret=secret, now=now)
        opening.owe(session, notice, verdicts, ids, counted, size=size, now=now)
        return
    among = None
    if notice.kind == "correction":  # goes to those who got the withdrawn text's letter, or may have
        among = col(Member.id).in_(audience.members_reached(entry.revision))
    judge = _judge(session, notice, record, entry, now)
    judged = kinds.judged(session, record, judge, now=now)
    opening.owe_all(session, notice, judged, ids, counted, among=among, size=size, now=now)
    barred = audience.suppressed(session)
    alone = (audience.addressed(member, verdict, barred, secret) for member, verdict in judged.apart(among))
    opening.owe(session, notice, alone, ids, counted, size=size, now=now)


def _judge(
    session: Session, notice: Notice, record: History, entry: Entry, now: datetime
) -> Callable[[Standing], Known | str]:
    recalled = recalled_of(session, notice)
    judge = partial(audience.known, record=record, entry=entry, now=now, recalled=recalled)
    return partial(_anyway, judge) if notice.kind == "correction" else judge


def _anyway(judge: Callable[[Standing], Known | str], standing: Standing) -> Known:
    """A correction is owed also to those who, by all else that they know, need not be told."""
    verdict = judge(standing)
    return verdict if isinstance(verdict, Known) else Known(0, None, already=False)


def recalled_of(session: Session, notice: Notice) -> frozenset[int]:
    """The recalled notices of a revision, which one of the same revision puts right."""
    found = session.exec(
        select(Notice.id).where(
            Notice.revision_id == notice.revision_id,
            Notice.kind == "change",
            col(Notice.recalled_at).is_not(None),
        )
    )
    return frozenset(notice_id for notice_id in found if notice_id is not None)


def _ids(record: History) -> dict[int, int | None]:
    return {entry.number: entry.revision.id for entry in record.entries}


def _leave_out(session: Session, notice: Notice, counted: Audience, now: datetime) -> None:
    if notice.translation_id is None:  # else only those who were told of it are counted, who is gone among them
        counted.left_out.update(audience.gone(session, now))
    for reason, number in counted.left_out.items():
        session.add(Omission(notice_id=notice.id or 0, reason=reason, members=number))
    session.flush()


def supersede(session: Session, notice: Notice, now: datetime) -> None:
    """What an earlier notice of the policy still has to send is told by this one."""
    if notice.kind != "change" or notice.state != "sending":
        return
    earlier = session.exec(
        select(Notice)
        .where(
            Notice.policy_id == notice.policy_id,
            col(Notice.revision_id) < notice.revision_id,
            Notice.kind == "change",
            col(Notice.state).in_(("sending", "paused", "waiting")),
        )
        .order_by(col(Notice.revision_id).desc())
        .with_for_update()
    ).all()
    for one in earlier:
        skip_queued(session, one, told_by(notice.id), now=now)
        if one.state != "sending":
            one.state, one.why, one.held_by_id = "cancelled", tells_of_it(notice.id), None
            session.add(one)
        complete(session, one, now=now)


def told_by(notice_id: int | None) -> str:
    """The reason on a delivery that a later notice makes needless."""
    return f"told by notice {notice_id}"


def tells_of_it(notice_id: int | None) -> str:
    """The reason on a stopped notice that a later one makes needless."""
    return f"notice {notice_id} tells of it"


def superseding(session: Session, notice: Notice) -> int | None:
    """The id of the opened notice of the policy's latest revision after this one's; None where there is none.

    By the revision, not the notice: a person's decision may schedule the notice of an earlier one afterwards.
    """
    return session.exec(
        select(Notice.id)
        .where(supersedes(notice.policy_id, notice.revision_id))
        .order_by(col(Notice.revision_id).desc())
        .limit(1)
    ).first()


def supersedes(policy: int | BindParameter[Any], revision: int | BindParameter[Any]) -> ColumnElement[bool]:
    """Whether a notice is an opened one of a later revision than this of the policy. Both by id."""
    return and_(
        col(Notice.policy_id) == policy,
        col(Notice.revision_id) > revision,
        col(Notice.kind) == "change",
        _is_open(),
    )


def _is_open() -> ColumnElement[bool]:
    """A notice paused before it ever opened tells nobody anything yet."""
    return and_(col(Notice.state).in_(OPEN_STATES), col(Notice.opened_at).is_not(None))


def skip_queued(session: Session, notice: Notice, reason: str, *, now: datetime) -> None:
    """Deliveries of a notice that wait to be sent will not be: each says why, or its whole batch does.

    notice: locked, so that no worker opens a window on it meanwhile. What may have left already is not skipped.
    """
    tried = exists().where(col(Attempt.batch_id) == Batch.id)
    session.exec(
        update(Batch)
        .where(col(Batch.notice_id) == notice.id, col(Batch.state) == "queued", ~tried)
        .values(state="skipped", said=reason, not_before=None)
    )
    queued = session.exec(
        select(Batch)
        .where(Batch.notice_id == notice.id, Batch.state == "queued")
        .order_by(col(Batch.id))
        .with_for_update()
    ).all()
    for batch in queued:
        _skip(session, _unsent(session, batch), reason, now)
        unknown_again(session, batch)
        batch.state = final_state(set(session.exec(select(Attempt.state).where(Attempt.batch_id == batch.id))))
        session.add(batch)
    _skip(session, _unplaced(session, notice), reason, now)
    session.flush()


def unknown_again(session: Session, batch: Batch) -> None:
    """Attempts that were to be made again, and will not be, are unknown as before."""
    attempts = session.exec(select(Attempt).where(Attempt.batch_id == batch.id).order_by(col(Attempt.id))).all()
    for number, attempt in enumerate(attempts):
        made = any(
            later.first <= attempt.first and attempt.last <= later.last and later.state != "not_sent"
            for later in attempts[number + 1 :]
        )
        if attempt.state == "resent" and not made:
            attempt.state = "unknown"
            session.add(attempt)
    session.flush()


def _skip(session: Session, deliveries: Sequence[int | None], reason: str, now: datetime) -> None:
    rows = [{"delivery_id": i, "outcome": "skipped", "reason": reason, "recorded_at": now} for i in deliveries]
    if rows:
        session.execute(insert(Outcome), rows)


def _unsent(session: Session, batch: Batch) -> Sequence[int | None]:
    """Deliveries of a batch of which nothing can have left, and nothing else has become."""
    left = select(Attempt.id).where(
        Attempt.batch_id == batch.id,
        col(Attempt.state).in_(MAY_HAVE_LEFT),
        Attempt.first <= col(Delivery.position),
        col(Delivery.position) < Attempt.last,
    )
    return session.exec(
        select(Delivery.id).where(
            Delivery.batch_id == batch.id, col(Delivery.position).is_not(None), ~left.exists(), ~_has_outcome()
        )
    ).all()


def _unplaced(session: Session, notice: Notice, limit: int | None = None) -> Sequence[int | None]:
    """Letters owed that are to be placed anew."""
    return session.exec(
        select(Delivery.id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .where(Batch.notice_id == notice.id, col(Delivery.position).is_(None), ~_has_outcome())
        .order_by(col(Delivery.id))
        .limit(limit)
    ).all()


def _has_outcome() -> ColumnElement[bool]:
    return exists().where(col(Outcome.delivery_id) == Delivery.id)


def final_state(states: set[str]) -> str:
    """A batch's state by its attempts', once nothing of it waits."""
    if "started" in states:
        return "sending"  # somebody's, until its lease runs out
    for state in ("unknown", "accepted", "refused"):
        if state in states:
            return state
    return "skipped"


def _hold_if_unexpected(session: Session, notice: Notice, told: int) -> None:
    expected = notice.expected_audience
    if expected is None or abs(told - expected) <= max(10, expected // 100):
        return
    notice.state = "waiting"
    notice.why = f"The publisher confirmed {expected:,} members; {told:,} would be told."
    session.add(notice)
    session.flush()


# -- after opening ------------------------------------------------------------------------------


def top_up(session: Session, notice: Notice, *, secret: str, now: datetime, batch_size: int = BATCH_SIZE) -> int:
    """Owe the notice to members who came late, and place again the letters that lost their place.

    notice: locked. Returns: how many letters and site notices were written or placed.
    """
    if notice.kind != "change" or notice.state not in ("sending", "complete") or superseding(session, notice):
        return 0
    record, entry = _about(session, notice)
    counted, ids = Audience(), _ids(record)
    judged = _Judging(session, notice, record, entry, secret, now)
    for late in _late(session, notice, entry, now):
        owed = [v for v in judged.of(late) if isinstance(v, Owed) and _matters(record, entry, v)]
        opening.owe(session, notice, owed, ids, counted, size=batch_size, now=now)
    placed = 0
    while again := _place_again(session, notice, judged, ids, batch_size, now):
        placed += again
    if (counted.email or placed) and notice.state == "complete":
        notice.state, notice.completed_at = "sending", None
        session.add(notice)
    session.flush()
    return counted.told + placed


def wants_top_up(session: Session, notice: Notice, *, now: datetime) -> bool:
    """Whether `top_up` may find anybody: asked before the notice is locked, since it looks at every member."""
    if _awaits_a_place(session, notice):
        return True
    _, entry = _about(session, notice)
    return next(_late(session, notice, entry, now), None) is not None


def _matters(record: History, entry: Entry, owed: Owed) -> bool:
    """Whether what a late member does not know holds anything that is not minor, or was decided so since.

    The revision itself may have been; an earlier one that this notice told of as well may not.
    """
    unknown = (e for e in record.entries if e.live and (owed.base or 0) < e.number <= entry.number)
    return entry.verdict != "minor" or any(e.verdict in ("significant", "undecided") for e in unknown)


def _late(session: Session, notice: Notice, entry: Entry, now: datetime) -> Iterator[Sequence[Member]]:
    """Retained members without a delivery who joined before the revision was in force, in chunks.

    Those who joined later are under it; whether the others know it already is judged one by one.
    """
    owed_one = exists().where(col(Delivery.member_id) == Member.id, col(Delivery.notice_id) == notice.id)
    after = 0
    while True:
        chunk = session.exec(
            select(Member)
            .where(
                members.retained(now),
                col(Member.id) > after,
                col(Member.joined_at) < entry.revision.effective_at,
                ~owed_one,
            )
            .order_by(col(Member.id))
            .limit(BATCH_SIZE)
        ).all()
        if not chunk:
            return
        yield chunk
        after = chunk[-1].id or 0


class _Judging:
    """Says one by one what members are owed by a notice, as they stand now."""

    def __init__(
        self, session: Session, notice: Notice, record: History, entry: Entry, secret: str, now: datetime
    ) -> None:
        self.record = record
        self._session, self._entry, self._secret, self._now = session, entry, secret, now
        self._policy = facts.of_policy(session, record)
        self._barred = audience.suppressed(session)
        self._recalled = recalled_of(session, notice)

    def of(self, some: Sequence[Member]) -> list[Owed | LeftOut]:
        gathered = facts.of_members(self._session, self._policy, some)
        return [
            audience.judge(
                Standing(member, gathered[member.id], applicability.timeline(gathered[member.id])),
                self.record, self._entry, self._barred,
                secret=self._secret, now=self._now, recalled=self._recalled,
            )
            for member in some
        ]  # fmt: skip


def _place_again(
    session: Session,
    notice: Notice,
    judging: _Judging,
    ids: dict[int, int | None],
    batch_size: int,
    now: datetime,
) -> int:
    """Put up to a thousand letters without a place into new batches, as their members stand now.

    The base stays as it was fixed. Whoever is not retained any more, or was told meanwhile, is skipped.
    """
    waiting = _unplaced(session, notice, BATCH_SIZE)
    rows = session.exec(
        select(Delivery, Member, Batch.base_revision_id)
        .join(Member, col(Member.id) == Delivery.member_id)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .where(col(Delivery.id).in_(waiting), members.retained(now))
        .order_by(col(Delivery.id))
    ).all()
    kept = {delivery.id for delivery, _, _ in rows}
    _skip(session, [each for each in waiting if each not in kept], "no longer retained", now)
    numbers = {entry.revision.id: entry.number for entry in judging.record.entries}
    verdicts = judging.of([member for _, member, _ in rows])
    placing: defaultdict[opening.Place, list[Delivery]] = defaultdict(list)
    for (delivery, _, base_id), verdict in zip(rows, verdicts, strict=True):
        if isinstance(verdict, LeftOut):
            _skip(session, [delivery.id], verdict.reason, now)
        else:
            placing[opening.place(notice, verdict._replace(base=numbers.get(base_id)))].append(delivery)
    for place, some in placing.items():
        for start in range(0, len(some), batch_size):
            _move(session, notice, place, some[start : start + batch_size], ids, now)
    return len(waiting)


def _move(
    session: Session,
    notice: Notice,
    place: opening.Place,
    some: Sequence[Delivery],
    ids: dict[int, int | None],
    now: datetime,
) -> None:
    batch_id = opening.new_batch(session, notice, place, ids, size=len(some), now=now)
    for delivery in some:
        session.exec(update(Batch).where(col(Batch.id) == delivery.batch_id).values(size=Batch.size - 1))
        delivery.batch_id, delivery.position = batch_id, delivery.member_id
        session.add(delivery)
    session.flush()


def topped_up(session: Session) -> Sequence[Notice]:
    """The latest opened notice of each policy, where its revision still stands: late arrivals are told by it."""
    latest = (
        select(func.max(Notice.revision_id))
        .where(Notice.kind == "change", _is_open())
        .group_by(col(Notice.policy_id))
    )
    return session.exec(
        select(Notice)
        .where(Notice.kind == "change", col(Notice.revision_id).in_(latest), Notice.state != "paused")
        .order_by(col(Notice.id))
    ).all()


def complete(session: Session, notice: Notice, *, now: datetime) -> bool:
    """Mark a notice complete where nothing is queued, sending or unknown; whether it is."""
    # Locked by a statement of its own: an UPDATE that waits for the lock would judge by what it saw before.
    session.exec(select(Notice.id).where(Notice.id == notice.id).with_for_update()).one()
    session.refresh(notice)
    if notice.state != "sending" or _has_open_batch(session, notice) or _awaits_a_place(session, notice):
        return False
    notice.state, notice.completed_at = "complete", now
    session.add(notice)
    session.flush()
    return True


def _has_open_batch(session: Session, notice: Notice) -> bool:
    some = select(Batch.id).where(
        Batch.notice_id == notice.id, col(Batch.state).in_(("queued", "sending", "unknown"))
    )
    return session.exec(some.limit(1)).first() is not None


def _awaits_a_place(session: Session, notice: Notice) -> bool:
    """Whether a letter waits to be placed anew: by its batches, whose index has those without a place."""
    some = select(Delivery.id).where(
        col(Delivery.batch_id).in_(select(Batch.id).where(Batch.notice_id == notice.id)),
        col(Delivery.position).is_(None),
        ~_has_outcome(),
    )
    return session.exec(some.limit(1)).first() is not None


def withdrawn(session: Session, revision: Revision, *, now: datetime) -> Notice | None:
    """Stop the notice of a withdrawn revision; schedule a correction where anybody was told, or may have been.

    What an earlier notice left to it is owed again by that one. Corrections of its translations go no further.
    """
    _call_off_translated(session, revision, now=now)
    notice = session.exec(
        select(Notice)
        .where(Notice.revision_id == revision.id, Notice.kind == "change", col(Notice.recalled_at).is_(None))
        .with_for_update()
    ).one_or_none()
    if notice is None:
        return None
    notice.state, notice.why, notice.held_by_id = "cancelled", f"Revision {revision.number} was withdrawn.", None
    session.add(notice)
    call_off(session, notice, f"revision {revision.number} was withdrawn", now=now)
    reached = session.exec(audience.members_reached(revision).limit(1)).first()
    return None if reached is None else new(session, revision, "correction", now=now, due_at=now)


def _call_off_translated(session: Session, revision: Revision, *, now: datetime) -> None:
    going = session.exec(
        select(Notice)
        .where(
            Notice.revision_id == revision.id,
            col(Notice.translation_id).is_not(None),
            col(Notice.state).in_(("scheduled", "sending", "paused", "waiting")),
        )
        .with_for_update()
    ).all()
    for notice in going:
        notice.state, notice.why = "cancelled", f"Revision {revision.number} was withdrawn."
        session.add(notice)
        skip_queued(session, notice, f"revision {revision.number} was withdrawn", now=now)


def call_off(session: Session, notice: Notice, reason: str, *, now: datetime) -> None:
    """Skip what a cancelled notice still has to send; what earlier notices left to it, they owe again."""
    skip_queued(session, notice, reason, now=now)
    _stop_again(session, notice)
    _owe_again(session, told_by(notice.id), None)


def _stop_again(session: Session, notice: Notice) -> None:
    """Earlier notices that a person had to go on with, until this one told of it, wait for that person again."""
    stopped = session.exec(
        select(Notice)
        .where(
            Notice.policy_id == notice.policy_id,
            Notice.state == "cancelled",
            Notice.why == tells_of_it(notice.id),
        )
        .order_by(col(Notice.revision_id).desc())
        .with_for_update()
    ).all()
    for one in stopped:
        one.state = "paused"
        one.why = f"It was stopped before; notice {notice.id}, which was to tell of it, was called off since."
        session.add(one)
    session.flush()


def call_on(session: Session, notice: Notice, reason: str) -> None:
    """Letters of a notice that were skipped for a reason which no longer holds wait again."""
    _owe_again(session, reason, notice.id)


def _owe_again(session: Session, reason: str, notice_id: int | None) -> None:
    """Skipped letters lose that outcome and wait for a place; their notices, unless scheduled, go on.

    notice_id: only of that notice. One whose revision was decided minor since waits for a person, as an open one
    does.
    """
    skipped = select(Outcome.delivery_id).where(Outcome.outcome == "skipped", Outcome.reason == reason)
    single = select(Delivery.id, Delivery.notice_id).where(col(Delivery.id).in_(skipped))
    whole = select(Batch.id, Batch.notice_id).where(Batch.state == "skipped", Batch.said == reason)
    if notice_id is not None:
        single = single.where(Delivery.notice_id == notice_id)
        whole = whole.where(Batch.notice_id == notice_id)
    deliveries, batches = session.exec(single).all(), session.exec(whole).all()
    _take_outcomes(session, [each for each, _ in deliveries])
    _take_places(session, [each for each, _ in batches])
    for each in sorted({of for _, of in (*deliveries, *batches)}, reverse=True):
        notice = session.get_one(Notice, each, with_for_update=True, populate_existing=True)
        if notice.state in ("complete", "cancelled"):
            _wake(session, notice)


def _take_outcomes(session: Session, some: Sequence[int | None]) -> None:
    for start in range(0, len(some), BATCH_SIZE):
        chunk = some[start : start + BATCH_SIZE]
        session.exec(update(Delivery).where(col(Delivery.id).in_(chunk)).values(position=None))
        session.exec(delete(Outcome).where(col(Outcome.delivery_id).in_(chunk)))


def _take_places(session: Session, some: Sequence[int | None]) -> None:
    """Of batches skipped as a whole; a delivery of one with an outcome of its own keeps that."""
    for start in range(0, len(some), BATCH_SIZE):
        chunk = some[start : start + BATCH_SIZE]
        unsaid = col(Delivery.batch_id).in_(chunk) & ~_has_outcome()
        session.exec(update(Delivery).where(unsaid).values(position=None))
        session.exec(update(Batch).where(col(Batch.id).in_(chunk)).values(said=""))


def _wake(session: Session, notice: Notice) -> None:
    entry = _about(session, notice)[1]
    minor = entry.decision if entry.verdict == "minor" else None
    notice.state, notice.completed_at = "paused" if minor else "sending", None
    notice.why = f"No. {entry.number} stands as minor: a person must go on or cancel." if minor else ""
    notice.held_by_id = minor.id if minor else None
    session.add(notice)
    session.flush()


def told_of(session: Session, revision: Revision) -> int:
    """How many members' letters about a revision were accepted, or are unknown."""
    found = audience.members_reached(revision).distinct().subquery()
    return session.exec(select(func.count()).select_from(found)).one()
