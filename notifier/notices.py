"""Notices: scheduled by a decision, opened once with their audience fixed, topped up, completed, controlled."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, delete, exists, func, insert, select, update

from errors import NoSuchNotice, NoticeAlreadyOpen
from notifier import addresses, audience, facts, members, translated
from notifier.audience import Audience, LeftOut, Owed, Standing
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Omission, Outcome
from policy_versions import applicability, archive, audit
from policy_versions.archive import Entry, History
from policy_versions.models import DecisionRecord, DueDecision, Policy, Revision, Translation

BATCH_SIZE = 1000
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


class _Place(NamedTuple):
    """What the deliveries of one batch share: they get one rendered letter."""

    base: int | None
    locale: str
    audience: str
    already: bool
    asks: bool


def open_notice(session: Session, notice: Notice, *, secret: str, now: datetime) -> Audience:
    """Fix a notice's audience in the caller's transaction: one delivery for each member who is owed one.

    One that was open before, and called off, keeps the audience it had.
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
    record, entry = _about(session, notice)
    _owe(session, notice, record, _verdicts(session, notice, record, entry, secret=secret, now=now), counted, now)
    _leave_out(session, notice, counted, now)
    _hold_if_unexpected(session, notice, counted.told)
    supersede(session, notice, now)
    _audit_opening(session, "notice opened", notice, counted, now)
    return counted


def _owed(session: Session, notice: Notice) -> int:
    """How many members a notice is owed to."""
    return session.exec(select(func.count()).select_from(Delivery).where(Delivery.notice_id == notice.id)).one()


def _audit_opening(session: Session, action: str, notice: Notice, counted: Audience, now: datetime) -> None:
    audit.record(
        session, actor="scheduler", action=action, subject=f"notice {notice.id}", now=now,
        letters=counted.email, site=counted.site.total(), left_out=counted.left_out.total(),
    )  # fmt: skip


def _about(session: Session, notice: Notice) -> tuple[History, Entry]:
    policy = session.get_one(Policy, notice.policy_id)
    record = archive.history(session, policy)
    return record, next(e for e in record.entries if e.revision.id == notice.revision_id)


def _verdicts(
    session: Session, notice: Notice, record: History, entry: Entry, *, secret: str, now: datetime
) -> Iterable[Owed | LeftOut]:
    if notice.translation_id is not None:
        translation = session.get_one(Translation, notice.translation_id)
        return translated.told(session, record, entry, translation, secret=secret, now=now)
    if notice.kind == "correction":
        return _corrected(session, record, entry, secret=secret, now=now)
    return audience.survey(session, record, entry, secret=secret, now=now)


def _corrected(
    session: Session, record: History, entry: Entry, *, secret: str, now: datetime
) -> Iterable[Owed | LeftOut]:
    """A correction goes to those who got the withdrawn text's letter, or may have."""
    reached = set(_reached(session, entry))
    for verdict in audience.survey(session, record, entry, secret=secret, now=now):
        if verdict.member.id in reached:
            yield verdict if isinstance(verdict, Owed) else _owed_anyway(verdict.member)


def _owed_anyway(member: Member) -> Owed:
    kind = "guardian" if member.guardian_email else "member"
    address = member.guardian_email or member.email
    reason = "" if address else "no address"
    return Owed(member, "email" if address else "site", reason, None, kind, None, False)


def _reached(session: Session, entry: Entry) -> Iterable[int]:
    """Members whose letter about a revision was accepted, or may have left."""
    return (letter.member_id for letter in audience.reached(session, entry.revision))


def _owe(
    session: Session,
    notice: Notice,
    record: History,
    verdicts: Iterable[Owed | LeftOut],
    counted: Audience,
    now: datetime,
) -> None:
    """Write the deliveries, full batches as they fill, so that memory stays flat."""
    ids = _ids(record)
    filling: defaultdict[_Place, list[Owed]] = defaultdict(list)
    for verdict in verdicts:
        counted.add(verdict)
        if isinstance(verdict, LeftOut):
            continue
        if verdict.channel == "site":
            session.execute(insert(Delivery), [_row(notice, verdict, ids, now)])
            continue
        place = _place(notice, verdict)
        filling[place].append(verdict)
        if len(filling[place]) >= BATCH_SIZE:
            _write_batches(session, notice, place, filling.pop(place), ids, now)
    for place, owed in filling.items():
        _write_batches(session, notice, place, owed, ids, now)


def _ids(record: History) -> dict[int, int | None]:
    return {entry.number: entry.revision.id for entry in record.entries}


def _place(notice: Notice, owed: Owed) -> _Place:
    asks = notice.kind == "change" and owed.applies_from is None
    return _Place(owed.base, owed.member.locale, owed.audience, owed.already, asks)


def _row(notice: Notice, owed: Owed, ids: dict[int, int | None], now: datetime) -> dict[str, object]:
    return {
        "notice_id": notice.id,
        "member_id": owed.member.id,
        "channel": owed.channel,
        "reason": owed.reason,
        "base_revision_id": ids[owed.base] if owed.base else None,
        "applies_from": owed.applies_from,
        "recorded_at": now,
    }


def _write_batches(
    session: Session, notice: Notice, place: _Place, owed: list[Owed], ids: dict[int, int | None], now: datetime
) -> None:
    """One batch, or more where members share an address: it stands in a batch at most once.

    A provider refuses a whole request in which an address stands twice.
    """
    while owed:
        seen: set[str] = set()
        batch: list[Owed] = []
        later: list[Owed] = []
        for one in owed:
            address = addresses.normalised(one.member.guardian_email or one.member.email or "")
            (later if address in seen else batch).append(one)
            seen.add(address)
        made = _new_batch(session, notice, place, len(batch), ids)
        rows = [
            {**_row(notice, one, ids, now), "batch_id": made.id, "position": position}
            for position, one in enumerate(batch)
        ]
        session.execute(insert(Delivery), rows)
        owed = later


def _new_batch(session: Session, notice: Notice, place: _Place, size: int, ids: dict[int, int | None]) -> Batch:
    taken = session.exec(select(func.max(Batch.number)).where(Batch.notice_id == notice.id)).one()
    batch = Batch(
        notice_id=notice.id or 0,
        number=(taken or 0) + 1,
        base_revision_id=ids[place.base] if place.base else None,
        locale=place.locale,
        audience=place.audience,
        already=place.already,
        asks=place.asks,
        size=size,
    )
    session.add(batch)
    session.flush()
    return batch


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
        .where(
            Notice.policy_id == notice.policy_id,
            col(Notice.revision_id) > notice.revision_id,
            Notice.kind == "change",
            _is_open(),
        )
        .order_by(col(Notice.revision_id).desc())
        .limit(1)
    ).first()


def _is_open() -> ColumnElement[bool]:
    """A notice paused before it ever opened tells nobody anything yet."""
    return and_(col(Notice.state).in_(OPEN_STATES), col(Notice.opened_at).is_not(None))


def skip_queued(session: Session, notice: Notice, reason: str, *, now: datetime) -> None:
    """Deliveries of a notice that wait to be sent will not be: each says why.

    notice: locked, so that no worker opens a window on it meanwhile. What may have left already is not skipped.
    """
    queued = session.exec(
        select(Batch).where(Batch.notice_id == notice.id, Batch.state == "queued").with_for_update()
    ).all()
    for batch in queued:
        _skip(session, _unsent(session, batch), reason, now)
        _unknown_again(session, batch)
        batch.state = final_state(set(session.exec(select(Attempt.state).where(Attempt.batch_id == batch.id))))
        session.add(batch)
    _skip(session, _unplaced(session, notice), reason, now)
    session.flush()


def _unknown_again(session: Session, batch: Batch) -> None:
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
        select(Delivery.id).where(Delivery.batch_id == batch.id, ~left.exists(), ~_has_outcome())
    ).all()


def _unplaced(session: Session, notice: Notice) -> Sequence[int | None]:
    """Letters owed that stand in no batch."""
    return session.exec(
        select(Delivery.id).where(
            Delivery.notice_id == notice.id,
            Delivery.channel == "email",
            col(Delivery.batch_id).is_(None),
            ~_has_outcome(),
        )
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


def top_up(session: Session, notice: Notice, *, secret: str, now: datetime) -> int:
    """Owe the notice to members who came late, and place again the letters that lost their place.

    notice: locked. Returns: how many letters and site notices were written or placed.
    """
    if notice.kind != "change" or notice.state not in ("sending", "complete") or superseding(session, notice):
        return 0
    record, entry = _about(session, notice)
    barred = audience.suppressed(session)
    counted = Audience()
    for late in _late(session, notice, entry, now):
        judged = _judged(session, record, entry, late, barred, secret=secret, now=now)
        owed = [v for v in judged if isinstance(v, Owed) and _matters(record, entry, v)]
        _owe(session, notice, record, owed, counted, now)
    placed = _place_again(session, notice, record, entry, barred, secret=secret, now=now)
    if (counted.email or placed) and notice.state == "complete":
        notice.state, notice.completed_at = "sending", None
        session.add(notice)
    session.flush()
    return counted.told + placed


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


def _judged(
    session: Session,
    record: History,
    entry: Entry,
    some: Sequence[Member],
    barred: frozenset[str],
    *,
    secret: str,
    now: datetime,
) -> list[Owed | LeftOut]:
    gathered = facts.of_members(session, facts.of_policy(session, record), some)
    return [
        audience.judge(
            Standing(m, gathered[m.id], applicability.timeline(gathered[m.id])),
            record, entry, barred, secret=secret, now=now,
        )
        for m in some
    ]  # fmt: skip


def _place_again(
    session: Session,
    notice: Notice,
    record: History,
    entry: Entry,
    barred: frozenset[str],
    *,
    secret: str,
    now: datetime,
) -> int:
    """Put letters without a batch into new ones, as their members stand now; the base stays as fixed."""
    rows = session.exec(
        select(Delivery, Member)
        .join(Member, col(Member.id) == Delivery.member_id)
        .where(col(Delivery.id).in_(_unplaced(session, notice)), members.retained(now))
        .order_by(col(Delivery.id))
        .limit(BATCH_SIZE)
    ).all()
    by_member = {member.id: delivery for delivery, member in rows}
    ids, numbers = _ids(record), {entry.revision.id: entry.number for entry in record.entries}
    judged = _judged(session, record, entry, [m for _, m in rows], barred, secret=secret, now=now)
    for verdict in judged:
        delivery = by_member[verdict.member.id]
        if isinstance(verdict, LeftOut):
            _skip(session, [delivery.id], verdict.reason, now)
            continue
        base = numbers.get(delivery.base_revision_id)
        _place_one(session, notice, delivery, verdict._replace(base=base), ids)
    return len(judged)


def _place_one(
    session: Session, notice: Notice, delivery: Delivery, owed: Owed, ids: dict[int, int | None]
) -> None:
    delivery.applies_from, delivery.channel, delivery.reason = owed.applies_from, owed.channel, owed.reason
    if owed.channel == "email":
        batch = _new_batch(session, notice, _place(notice, owed), 1, ids)
        delivery.batch_id, delivery.position = batch.id, 0
    session.add(delivery)


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
    open_batches = exists().where(
        col(Batch.notice_id) == Notice.id, col(Batch.state).in_(("queued", "sending", "unknown"))
    )
    unplaced = col(Notice.id).in_(
        select(Delivery.notice_id).where(
            Delivery.channel == "email", col(Delivery.batch_id).is_(None), ~_has_outcome()
        )
    )
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice.id, col(Notice.state) == "sending", ~open_batches, ~unplaced)
        .values(state="complete", completed_at=now)
    )
    session.refresh(notice)
    return won.rowcount == 1


def withdrawn(session: Session, revision: Revision, *, now: datetime) -> Notice | None:
    """Stop the notice of a withdrawn revision; schedule a correction where anybody was told, or may have been.

    What an earlier notice left to it is owed again by that one. Corrections of its translations go no further.
    """
    _call_off_translated(session, revision, now=now)
    notice = session.exec(
        select(Notice).where(Notice.revision_id == revision.id, Notice.kind == "change").with_for_update()
    ).one_or_none()
    if notice is None:
        return None
    notice.state, notice.why, notice.held_by_id = "cancelled", f"Revision {revision.number} was withdrawn.", None
    session.add(notice)
    call_off(session, notice, f"revision {revision.number} was withdrawn", now=now)
    reached = next(iter(_reached(session, archive.Entry(revision, None, None))), None)
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
    _owe_again(session, col(Outcome.reason) == told_by(notice.id))


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
    _owe_again(session, and_(col(Outcome.reason) == reason, col(Delivery.notice_id) == notice.id))


def _owe_again(session: Session, which: ColumnElement[bool]) -> None:
    """Skipped letters lose that outcome and wait for a place; their notices, unless scheduled, go on.

    One whose revision was decided minor since waits for a person, as an open one does.
    """
    skipped = session.exec(
        select(Delivery)
        .join(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(Outcome.outcome == "skipped", which)
    ).all()
    for delivery in skipped:
        delivery.batch_id = delivery.position = None
        session.add(delivery)
    session.flush()
    session.exec(delete(Outcome).where(col(Outcome.delivery_id).in_([d.id for d in skipped])))
    for notice_id in sorted({d.notice_id for d in skipped}, reverse=True):
        notice = session.get_one(Notice, notice_id, with_for_update=True, populate_existing=True)
        if notice.state in ("complete", "cancelled"):
            _wake(session, notice)


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
    found = archive.Entry(revision, None, None)
    return len(set(_reached(session, found)))
