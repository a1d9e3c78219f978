"""Ten years of a policy: fifty texts, ten of them significant and told by letter, and what came of the letters.

The ledger is written straight into its tables, as sending would have left it: a million members have five million
letters behind them, and nobody wants to wait for those to be sent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, TextClause, bindparam, insert, select, text
from sqlmodel import Session, col

from benchmarks.sending import ground
from database import writing
from notifier.models import Attempt, Batch, Member, Notice
from policy_versions import archive, policies
from policy_versions.archive import Text
from policy_versions.models import DecisionRecord, Policy
from policy_versions.policies import PolicyFields

BEGAN = datetime(2015, 3, 1, 9, tzinfo=UTC)
BETWEEN = timedelta(days=72)  # of two texts
TEXTS, EVERY = 50, 5  # each fifth is significant
PERIOD = 30  # days
SIZE = 1000  # letters of a batch
ONE_AFTER_ANOTHER = timedelta(milliseconds=700)  # requests
# one in so many members, or letters
GUARDED, ACCEPTED, READ, SKIPPED, BOUNCED, DELIVERED = 100, 20, 11, 211, 53, 10


class Told(NamedTuple):
    """A significant text and its notice."""

    number: int
    notice_id: int
    at: datetime


def write(engine: Engine, members: int) -> None:
    """Fill an empty database: so many members, the policy `privacy`, and their letters."""
    ground.people(engine, members)
    with writing(engine) as session:
        policy = _policy(session)
        ids = _texts(session, policy)
        told = _notices(session, policy, ids)
    with engine.execution_options(writing=True).begin() as connection:
        for place, one in enumerate(told):
            _letters(connection, ids, told[place - 1] if place else None, one)
    with engine.execution_options(writing=True).begin() as connection:
        for statement in _OTHERS:
            connection.execute(_sql(statement), {"last": ids[told[-1].number], "at": told[-1].at})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))


def _policy(session: Session) -> Policy:
    return policies.create_policy(
        session, PolicyFields("privacy", "Privacy policy"), actor="benchmark", now=BEGAN - timedelta(days=1)
    )


def published(number: int) -> datetime:
    return BEGAN + (number - 1) * BETWEEN


def _significant(number: int) -> bool:
    return number % EVERY == 0


def _texts(session: Session, policy: Policy) -> dict[int, int]:
    """Publish and decide; returns ids by number."""
    ids = {}
    for number in range(1, TEXTS + 1):
        at, told = published(number), _significant(number)
        text_ = Text(
            ground.TEXT.format(months=12 + number), str(at.date()), at, at + timedelta(days=35 if told else 0),
            "notice" if told else "posting", PERIOD if told else 0, "Kept for longer.",
        )  # fmt: skip
        made = archive.append(session, archive.history(session, policy), text_, actor="benchmark", now=at)
        ids[number] = made.id or 0
        verdict = "first" if number == 1 else "significant" if told else "minor"
        decided = at + timedelta(minutes=1)
        session.add(DecisionRecord(
            revision_id=ids[number], verdict=verdict, decided_at=decided, recorded_at=decided, engine="benchmark"
        ))  # fmt: skip
    session.flush()
    return ids


def _notices(session: Session, policy: Policy, ids: dict[int, int]) -> list[Told]:
    found = []
    for number in filter(_significant, ids):
        at = published(number) + timedelta(hours=2)
        notice = Notice(
            policy_id=policy.id or 0, revision_id=ids[number], state="complete", due_at=at,
            substitution_prefix="x", created_at=at, opened_at=at, completed_at=at + timedelta(hours=6),
        )  # fmt: skip
        session.add(notice)
        session.flush()
        found.append(Told(number, notice.id or 0, at))
    return found


def _letters(connection: Connection, ids: dict[int, int], before: Told | None, one: Told) -> None:
    """Those told by the notice before know its text; the others the one that they joined under."""
    knowing = [(before.number, datetime(2000, 1, 1, tzinfo=UTC), before.at)] if before else []
    for number in range(before.number if before else 1, one.number):
        begins = max(published(number), before.at) if before else published(number)
        knowing.append((number, begins, published(number + 1)))
    sent = one.at
    for number, begins, ends in knowing:
        sent = _group(connection, ids[number], one, begins, min(ends, one.at), sent)


def _group(
    connection: Connection, base_id: int, one: Told, begins: datetime, ends: datetime, sent: datetime
) -> datetime:
    """The letters to all who joined in a time; returns when the last of them was taken."""
    given = {"begins": begins, "ends": ends, "at": one.at, "notice": one.notice_id}
    owed = connection.execute(_sql(_COUNT), given).scalar_one()
    first = (connection.execute(select(col(Batch.id)).order_by(col(Batch.id).desc()).limit(1)).scalar() or 0) + 1
    stated = (one.at + timedelta(days=PERIOD + 1)).replace(hour=0, minute=0)
    batches, attempts = [], []
    for place in range(0, owed, SIZE):
        batch_id, size = first + place // SIZE, min(SIZE, owed - place)
        sent += ONE_AFTER_ANOTHER
        batches.append({
            "id": batch_id, "notice_id": one.notice_id, "number": batch_id, "base_revision_id": base_id,
            "locale": "en", "audience": "member", "already": False, "asks": False, "applies_from": stated,
            "size": size, "state": "accepted", "recorded_at": one.at,
        })  # fmt: skip
        attempts.append({
            "id": batch_id, "batch_id": batch_id, "first": 0, "last": size, "recipients": size,
            "body_sha256": "", "sender": "benchmark", "applies_from": stated, "state": "accepted",
            "started_at": sent, "recorded_at": sent,
        })  # fmt: skip
    if batches:
        connection.execute(insert(Batch), batches)
        connection.execute(insert(Attempt), attempts)
        connection.execute(_sql(_OWED), {**given, "first": first})
    return sent


def _sql(statement: str) -> TextClause:
    """With instants written as the tables have them."""
    type_ = Member.__table__.c.joined_at.type  # type: ignore[attr-defined]
    names = [name for name in ("at", "begins", "ends") if f":{name}" in statement]
    return text(statement).bindparams(*(bindparam(name, type_=type_) for name in names))


_WHO = (
    "FROM member WHERE joined_at >= :begins AND joined_at < :ends "
    "AND (erased_at IS NULL OR erased_at > :at) AND (retained_until IS NULL OR retained_until > :at)"
)
_COUNT = f"SELECT count(*) {_WHO}"
_OWED = (
    "INSERT INTO delivery (notice_id, member_id, batch_id, position) "
    f"SELECT :notice, id, :first + place / {SIZE}, place % {SIZE} "
    f"FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place {_WHO}) AS owed"
)
_OTHERS = (
    f"INSERT INTO guardian_change (member_id, present, recorded_at) "
    f"SELECT id, true, joined_at FROM member WHERE id % {GUARDED} = 1",
    f"INSERT INTO acknowledgement (member_id, revision_id, kind, actor, route, locale, recorded_at) "
    f"SELECT id, :last, CASE WHEN id % {ACCEPTED} = 3 THEN 'accepted' ELSE 'read' END, 'member', 'by link', 'en', "
    f":at FROM member WHERE id % {ACCEPTED} = 3 OR id % {READ} = 4",
    f"INSERT INTO outcome (delivery_id, outcome, reason, recorded_at) "
    f"SELECT id, 'skipped', 'no address', :at FROM delivery WHERE id % {SKIPPED} = 7",
    f"INSERT INTO delivery_event (delivery_id, event, happened_at, recorded_at) "
    f"SELECT d.id, CASE WHEN d.id % {BOUNCED} = 5 THEN 'bounce' ELSE 'delivered' END, "
    f"a.recorded_at, a.recorded_at "
    f"FROM delivery d JOIN attempt a ON a.batch_id = d.batch_id "
    f"WHERE d.id % {BOUNCED} = 5 OR d.id % {DELIVERED} = 2",
)
