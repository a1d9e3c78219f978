"""Notices: scheduled by a decision, opened once with their audience fixed, topped up, completed, controlled."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, exists, func, insert, select, update

from errors import NoSuchNotice, NoticeAlreadyOpen, NoticeNotPausable
from notifier import audience, facts, members
from notifier.audience import Audience, LeftOut, Owed, Standing
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Omission, Outcome
from policy_versions import applicability, archive, audit
from policy_versions.archive import Entry, History
from policy_versions.models import DecisionRecord, DueDecision, Policy, Revision

BATCH_SIZE = 1000
OPEN_STATES = ("sending", "paused", "complete")


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
    _supersede(session, notice, now)
    _hold_if_unexpected(session, notice, counted)
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
    """Members whose letter about a revision was accepted, or is unknown."""
    return session.exec(
        select(Delivery.member_id)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .join(Attempt, col(Attempt.batch_id) == Delivery.batch_id)
        .where(
            Notice.revision_id == entry.revision.id,
            Notice.kind == "change",
            col(Attempt.state).in_(("started", "accepted", "unknown", "resent")),
            Attempt.first <= col(Delivery.position),
            col(Delivery.position) < Attempt.last,
            ~exists().where(col(Outcome.delivery_id) == Delivery.id),
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
    ids = {entry.number: entry.revision.id for entry in record.entries}
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
            address = (one.member.guardian_email or one.member.email or "").casefold()
            (later if address in seen else batch).append(one)
            seen.add(address)
        _write_batch(session, notice, place, batch, ids, now)
        owed = later


def _write_batch(
    session: Session, notice: Notice, place: _Place, owed: list[Owed], ids: dict[int, int | None], now: datetime
) -> None:
    taken = session.exec(select(func.max(Batch.number)).where(Batch.notice_id == notice.id)).one()
    batch = Batch(
        notice_id=notice.id or 0,
        number=(taken or 0) + 1,
        base_revision_id=ids[place.base] if place.base else None,
        locale=place.locale,
        audience=place.audience,
        already=place.already,
        asks=place.asks,
        size=len(owed),
    )
    session.add(batch)
    session.flush()
    rows = [
        {**_row(notice, one, ids, now), "batch_id": batch.id, "position": position}
        for position, one in enumerate(owed)
    ]
    session.execute(insert(Delivery), rows)


def _leave_out(session: Session, notice: Notice, counted: Audience, now: datetime) -> None:
    counted.left_out.update(audience.gone(session, now))
    for reason, number in counted.left_out.items():
        session.add(Omission(notice_id=notice.id or 0, reason=reason, members=number))
    session.flush()


def _supersede(session: Session, notice: Notice, now: datetime) -> None:
    """What an earlier notice of the policy still has queued is told by this one."""
    if notice.kind != "change":
        return
    earlier = session.exec(
        select(Notice).where(
            Notice.policy_id == notice.policy_id,
            col(Notice.id) < notice.id,
            Notice.kind == "change",
            col(Notice.state).in_(("sending", "paused", "waiting")),
        )
    ).all()
    for one in earlier:
        skip_queued(session, one, f"told by notice {notice.id}", now=now)
        if one.state != "sending":
            one.state, one.why = "cancelled", f"notice {notice.id} tells of it"
            session.add(one)
        complete(session, one, now=now)


def skip_queued(session: Session, notice: Notice, reason: str, *, now: datetime) -> None:
    """Deliveries of a notice that wait to be sent will not be: each says why."""
    queued = session.exec(select(Batch).where(Batch.notice_id == notice.id, Batch.state == "queued")).all()
    for batch in queued:
        sent = select(Attempt.id).where(
            Attempt.batch_id == batch.id,
            col(Attempt.state).in_(("accepted", "unknown", "refused")),
            Attempt.first <= col(Delivery.position),
            col(Delivery.position) < Attempt.last,
        )
        waiting = session.exec(select(Delivery.id).where(Delivery.batch_id == batch.id, ~sent.exists())).all()
        rows = [{"delivery_id": i, "outcome": "skipped", "reason": reason, "recorded_at": now} for i in waiting]
        if rows:
            session.execute(insert(Outcome), rows)
        batch.state = "skipped" if len(rows) == batch.size else "accepted"
        session.add(batch)
    session.flush()


def _hold_if_unexpected(session: Session, notice: Notice, counted: Audience) -> None:
    expected = notice.expected_audience
    if expected is None or abs(counted.told - expected) <= max(10, expected // 100):
        return
    notice.state = "waiting"
    notice.why = f"The publisher confirmed {expected:,} members; {counted.told:,} would be told."
    session.add(notice)
    session.flush()


# -- after opening ------------------------------------------------------------------------------


def add_late(session: Session, notice: Notice, *, secret: str, now: datetime) -> int:
    """Owe the notice to members who came since it opened and know only an earlier text; returns how many."""
    if notice.kind != "change" or notice.opened_at is None:
        return 0
    owed_one = exists().where(col(Delivery.member_id) == Member.id, col(Delivery.notice_id) == notice.id)
    late = session.exec(
        select(Member)
        .where(members.retained(now), col(Member.recorded_at) > notice.opened_at, ~owed_one)
        .order_by(col(Member.id))
        .limit(BATCH_SIZE)
    ).all()
    if not late:
        return 0
    record, entry = _about(session, notice)
    gathered = facts.of_members(session, facts.of_policy(session, record), late)
    suppressed = audience.suppressed(session)
    verdicts = [
        audience.judge(
            Standing(m, gathered[m.id], applicability.timeline(gathered[m.id])),
            record, entry, suppressed, secret=secret, now=now,
        )
        for m in late
    ]  # fmt: skip
    counted = Audience()
    _owe(session, notice, record, [v for v in verdicts if isinstance(v, Owed)], counted, now)
    if counted.email and notice.state == "complete":
        notice.state, notice.completed_at = "sending", None
        session.add(notice)
    session.flush()
    return counted.told


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
    open_batches = exists().where(
        col(Batch.notice_id) == Notice.id, col(Batch.state).in_(("queued", "sending", "unknown"))
    )
    won = session.exec(
        update(Notice)
        .where(col(Notice.id) == notice.id, col(Notice.state) == "sending", ~open_batches)
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
    session.exec(update(Batch).where(col(Batch.notice_id) == notice_id).values(not_before=None))
    audit.record(session, actor=actor, action="notice resumed", subject=f"notice {notice_id}", now=now)


def withdrawn(session: Session, revision: Revision, *, now: datetime) -> Notice | None:
    """Stop the notice of a withdrawn revision; schedule a correction where anybody was told, or may have been."""
    notice = session.exec(
        select(Notice).where(Notice.revision_id == revision.id, Notice.kind == "change")
    ).one_or_none()
    if notice is None:
        return None
    opened = notice.opened_at is not None
    notice.state, notice.why = "cancelled", f"Revision {revision.number} was withdrawn."
    session.add(notice)
    skip_queued(session, notice, f"revision {revision.number} was withdrawn", now=now)
    sent = (
        select(Attempt.id)
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(Batch.notice_id == notice.id, col(Attempt.state).in_(("started", "accepted", "unknown", "resent")))
    )
    if not opened or session.exec(sent.limit(1)).first() is None:
        return None
    return _new(session, revision, "correction", now=now)


def told_of(session: Session, revision: Revision) -> int:
    """How many members' letters about a revision were accepted, or are unknown."""
    found = archive.Entry(revision, None, None)
    return len(set(_reached(session, found)))
