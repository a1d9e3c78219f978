"""Notices: scheduled by a decision, opened once with their audience fixed, topped up, completed, controlled."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, exists, func, insert, select, update

from errors import NoSuchNotice, NoticeAlreadyOpen, NoticeNotPausable
from notifier import addresses, audience, facts, members
from notifier.audience import Audience, LeftOut, Owed, Standing
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Omission, Outcome
from policy_versions import applicability, archive, audit
from policy_versions.archive import Entry, History
from policy_versions.models import DecisionRecord, DueDecision, Policy, Revision

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
    session: Session, revision: Revision, decision: DecisionRecord, due: DueDecision, *, now: datetime
) -> Notice | None:
    """Write the notice that a decision calls for; None where nobody need be told."""
    asked = decision.verdict == "significant" or (decision.verdict == "first" and due.tell_first)
    if not asked or revision.imported or not due.tell:
        return None
    return _new(session, revision, "change", now=now, expected=due.expected_audience)


def _new(session: Session, revision: Revision, kind: str, *, now: datetime, expected: int | None = None) -> Notice:
    notice = Notice(
        policy_id=revision.policy_id,
        revision_id=revision.id or 0,
        kind=kind,
        due_at=now,
        expected_audience=expected,
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

    Returns: counts by reason. Where they differ from the number the publisher typed by more than 1 % (or 10),
    the notice waits for a person instead of sending.
    Raises: NoticeAlreadyOpen when another transaction was first.
    """
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice.id, col(Notice.state) == "scheduled")
        .values(state="sending", opened_at=now)
    )
    if won.rowcount != 1:
        raise NoticeAlreadyOpen
    session.refresh(notice)
    record, entry = _about(session, notice)
    counted = Audience()
    _owe(session, notice, record, _verdicts(session, notice, record, entry, secret=secret, now=now), counted, now)
    _leave_out(session, notice, counted, now)
    _hold_if_unexpected(session, notice, counted)
    _supersede(session, notice, now)
    audit.record(
        session, actor="scheduler", action="notice opened", subject=f"notice {notice.id}", now=now,
        letters=counted.email, site=counted.site.total(), left_out=counted.left_out.total(),
    )  # fmt: skip
    return counted


def _about(session: Session, notice: Notice) -> tuple[History, Entry]:
    policy = session.get_one(Policy, notice.policy_id)
    record = archive.history(session, policy)
    return record, next(e for e in record.entries if e.revision.id == notice.revision_id)


def _verdicts(
    session: Session, notice: Notice, record: History, entry: Entry, *, secret: str, now: datetime
) -> Iterable[Owed | LeftOut]:
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
    return session.exec(
        select(Delivery.member_id)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
        .outerjoin(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(
            Notice.revision_id == entry.revision.id,
            Notice.kind == "change",
            col(Attempt.state).in_(("started", "accepted", "unknown", "resent")),
            Attempt.first <= col(Delivery.position),
            col(Delivery.position) < Attempt.last,
            col(Outcome.id).is_(None),
        )
    )


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
    counted.left_out.update(audience.gone(session, now))
    for reason, number in counted.left_out.items():
        session.add(Omission(notice_id=notice.id or 0, reason=reason, members=number))
    session.flush()


def _supersede(session: Session, notice: Notice, now: datetime) -> None:
    """What an earlier notice of the policy still has to send is told by this one."""
    if notice.kind != "change" or notice.state != "sending":
        return
    earlier = session.exec(
        select(Notice)
        .where(
            Notice.policy_id == notice.policy_id,
            col(Notice.id) < notice.id,
            Notice.kind == "change",
            col(Notice.state).in_(("sending", "paused", "waiting")),
        )
        .order_by(col(Notice.id))
        .with_for_update()
    ).all()
    for one in earlier:
        skip_queued(session, one, told_by(notice.id), now=now)
        if one.state != "sending":
            one.state, one.why = "cancelled", f"notice {notice.id} tells of it"
            session.add(one)
        complete(session, one, now=now)


def told_by(notice_id: int | None) -> str:
    """The reason on a delivery that a later notice makes needless."""
    return f"told by notice {notice_id}"


def superseding(session: Session, notice: Notice) -> int | None:
    """The id of the latest opened notice of the policy that is later than this one; None where there is none."""
    return session.exec(
        select(func.max(Notice.id)).where(
            Notice.policy_id == notice.policy_id,
            col(Notice.id) > notice.id,
            Notice.kind == "change",
            col(Notice.state).in_(OPEN_STATES),
        )
    ).one()


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


def _hold_if_unexpected(session: Session, notice: Notice, counted: Audience) -> None:
    expected = notice.expected_audience
    if expected is None or abs(counted.told - expected) <= max(10, expected // 100):
        return
    notice.state = "waiting"
    notice.why = f"The publisher confirmed {expected:,} members; {counted.told:,} would be told."
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
        _owe(session, notice, record, [v for v in judged if isinstance(v, Owed)], counted, now)
    placed = _place_again(session, notice, record, entry, barred, secret=secret, now=now)
    if (counted.email or placed) and notice.state == "complete":
        notice.state, notice.completed_at = "sending", None
        session.add(notice)
    session.flush()
    return counted.told + placed


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
        select(func.max(Notice.id))
        .where(Notice.kind == "change", col(Notice.state).in_(OPEN_STATES))
        .group_by(col(Notice.policy_id))
    )
    return session.exec(
        select(Notice).where(col(Notice.id).in_(latest), Notice.state != "paused").order_by(col(Notice.id))
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


def pause(session: Session, notice_id: int, *, actor: str, now: datetime) -> None:
    """Stop a notice until a person goes on with it. Raises: NoticeNotPausable."""
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice_id, col(Notice.state) == "sending")
        .values(state="paused", why=f"Paused by {actor}.")
    )
    if won.rowcount != 1:
        raise NoticeNotPausable("Only a notice that is being sent can be paused.")
    audit.record(session, actor=actor, action="notice paused", subject=f"notice {notice_id}", now=now)


def resume(session: Session, notice_id: int, *, actor: str, now: datetime) -> None:
    """Go on with a paused or waiting notice. Raises: NoticeNotPausable."""
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice_id, col(Notice.state).in_(("paused", "waiting")))
        .values(state="sending", why="", failures=0)
    )
    if won.rowcount != 1:
        raise NoticeNotPausable("Only a notice that is paused or waits for a person can go on.")
    _supersede(session, session.get_one(Notice, notice_id, populate_existing=True), now)
    session.exec(update(Batch).where(col(Batch.notice_id) == notice_id).values(not_before=None))
    audit.record(session, actor=actor, action="notice resumed", subject=f"notice {notice_id}", now=now)


def withdrawn(session: Session, revision: Revision, *, now: datetime) -> Notice | None:
    """Stop the notice of a withdrawn revision; schedule a correction where anybody was told, or may have been.

    What an earlier notice left to it is owed again by that one.
    """
    notice = session.exec(
        select(Notice).where(Notice.revision_id == revision.id, Notice.kind == "change").with_for_update()
    ).one_or_none()
    if notice is None:
        return None
    notice.state, notice.why = "cancelled", f"Revision {revision.number} was withdrawn."
    session.add(notice)
    skip_queued(session, notice, f"revision {revision.number} was withdrawn", now=now)
    _owe_again(session, notice)
    reached = next(iter(_reached(session, archive.Entry(revision, None, None))), None)
    return None if reached is None else _new(session, revision, "correction", now=now)


def _owe_again(session: Session, notice: Notice) -> None:
    """Letters that earlier notices skipped because this one was to tell of them lose that outcome, and wait."""
    skipped = session.exec(
        select(Delivery)
        .join(Outcome, col(Outcome.delivery_id) == Delivery.id)
        .where(Outcome.outcome == "skipped", Outcome.reason == told_by(notice.id))
    ).all()
    for delivery in skipped:
        delivery.batch_id = delivery.position = None
        session.add(delivery)
    session.flush()
    session.exec(delete(Outcome).where(col(Outcome.delivery_id).in_([d.id for d in skipped])))
    for earlier in {d.notice_id for d in skipped}:
        session.exec(
            update(Notice)
            .where(col(Notice.id) == earlier, col(Notice.state).in_(("complete", "cancelled")))
            .values(state="sending", why="", completed_at=None)
        )


def told_of(session: Session, revision: Revision) -> int:
    """How many members' letters about a revision were accepted, or are unknown."""
    found = archive.Entry(revision, None, None)
    return len(set(_reached(session, found)))
