"""What answers are read from, in one statement: few round trips, no objects, and nothing of the policy's texts.

Its rows are of several kinds and share their columns, which the kinds use as their comments say. A member's
letters come in their one row, as three lists in one order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, String, TextualSelect, column, text
from sqlmodel import Session

from notifier.models import UNDOING_EVENTS, Member


class Kind(IntEnum):
    """Of a row, which is (kind, id, n1 … n6, s1 … s4, at1 … at4)."""

    POLICY = 0
    MEMBER = 1
    GUARDIANSHIP = 2
    SAID = 3
    EVENT = 4
    OUTCOME = 5
    MERGED = 6
    BATCH = 7


# which members: those of a condition
BY_KEY = "m.external_id = :key"
BY_ID = "m.id = :id"
LISTED = "listed"
FROM_TO = "m.id BETWEEN :first AND :last"


def read(session: Session, slug: str, which: str, *, batches: bool = False, **given: Any) -> Sequence[Any]:
    """The rows of a policy and of some members. batches: whether those of their letters come with them."""
    session.flush()  # what the caller has written and not sent yet counts
    bind = session.connection()
    name = bind.dialect.name
    if "ids" in given:
        given["ids"] = _list(name, given["ids"])
    return bind.execute(_statement(name, which, batches), {"slug": slug, **given}).all()


def read_batches(session: Session, slug: str, ids: Sequence[int]) -> Sequence[Any]:
    bind = session.connection()
    name = bind.dialect.name
    return bind.execute(_batches(name), {"slug": slug, "ids": _list(name, ids)}).all()


def _list(dialect: str, ids: Sequence[int]) -> object:
    """Many ids as one parameter."""
    return list(ids) if dialect == "postgresql" else json.dumps(list(ids))


def _in_list(dialect: str, what: str) -> str:
    return f"{what} = ANY(:ids)" if dialect == "postgresql" else f"{what} IN (SELECT value FROM json_each(:ids))"  # noqa: S608


@cache
def _statement(dialect: str, which: str, batches: bool) -> TextualSelect:
    who = _in_list(dialect, "m.id") if which == LISTED else which
    joined = "string_agg(CAST({} AS TEXT), ',')" if dialect == "postgresql" else "group_concat({})"
    lists = {name: joined.format(f"d.{name}") for name in ("id", "batch_id", "position")}
    arms = [_POLICY, _MEMBERS.format(who=who, **lists), *(arm.format(who=who) for arm in _APART)]
    if batches:
        arms.append(_BATCHES.format(of=_BATCHES_OF.format(who=who)))
    return _typed("\nUNION ALL ".join(arms))


@cache
def _batches(dialect: str) -> TextualSelect:
    return _typed(f"{_NOTHING}\nUNION ALL {_BATCHES.format(of=_in_list(dialect, 'b.id'))}")


def _typed(statement: str) -> TextualSelect:
    instant = Member.__table__.c.joined_at.type  # type: ignore[attr-defined]
    columns: list[ColumnClause[Any]] = [
        column(name, BigInteger()) for name in ("kind", "id", "n1", "n2", "n3", "n4", "n5", "n6")
    ]
    columns += [column(f"s{number}", String()) for number in range(1, 5)]
    columns += [column(f"at{number}", instant) for number in range(1, 5)]
    return text(statement).columns(*columns)


_WHOLE, _TEXT, _AT = (f"CAST(NULL AS {name})" for name in ("BIGINT", "TEXT", "TIMESTAMP WITH TIME ZONE"))
_COUNT = "(SELECT count(*) FROM revision r JOIN {table} t ON t.revision_id = r.id WHERE r.policy_id = p.id)"
# title; how many texts, decisions, withdrawals and imported tellings there are: none is ever changed or deleted
_POLICY = f"""
SELECT {Kind.POLICY} AS kind, p.id AS id,
    (SELECT count(*) FROM revision r WHERE r.policy_id = p.id) AS n1,
    {_COUNT.format(table="decision")} AS n2, {_COUNT.format(table="withdrawal")} AS n3,
    (SELECT count(*) FROM telling t WHERE t.policy_id = p.id) AS n4, {_WHOLE} AS n5, {_WHOLE} AS n6,
    p.title AS s1, {_TEXT} AS s2, {_TEXT} AS s3, {_TEXT} AS s4,
    {_AT} AS at1, {_AT} AS at2, {_AT} AS at3, {_AT} AS at4
FROM policy p WHERE p.slug = :slug"""  # noqa: S608 -- of constants only, here and below
_NOTHING = f"{_POLICY} AND 1 = 0"  # its columns have their types
_NOTICES = (
    "(SELECT n.id FROM notice n JOIN policy p ON p.id = n.policy_id WHERE p.slug = :slug AND n.kind = 'change')"
)
# external_id; deliveries, batches, positions; joined, erased, retained until, recorded
_MEMBERS = f"""
SELECT {Kind.MEMBER}, m.id, NULL, NULL, NULL, NULL, NULL, NULL, m.external_id, {{id}}, {{batch_id}}, {{position}},
    m.joined_at, m.erased_at, m.retained_until, m.recorded_at
FROM member m LEFT JOIN delivery d
    ON d.member_id = m.id AND d.position IS NOT NULL AND d.notice_id IN {_NOTICES}
WHERE {{who}} GROUP BY m.id"""  # noqa: S608
_UNDOING = ", ".join(f"'{event}'" for event in UNDOING_EVENTS)
_APART = (
    # id, whether there is one; recorded
    f"""
SELECT {Kind.GUARDIANSHIP}, m.id, g.id, CASE WHEN g.present THEN 1 ELSE 0 END, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, g.recorded_at, NULL, NULL, NULL
FROM member m JOIN guardian_change g ON g.member_id = m.id WHERE {{who}}""",  # noqa: S608
    # id, revision; kind, actor; recorded
    f"""
SELECT {Kind.SAID}, m.id, k.id, k.revision_id, NULL, NULL, NULL, NULL, k.kind, k.actor, NULL, NULL,
    k.recorded_at, NULL, NULL, NULL
FROM member m JOIN acknowledgement k ON k.member_id = m.id WHERE {{who}}""",  # noqa: S608
    # id, delivery, attempt, batch; event; recorded
    f"""
SELECT {Kind.EVENT}, m.id, e.id, e.delivery_id, e.attempt_id, d.batch_id, NULL, NULL, e.event, NULL, NULL, NULL,
    e.recorded_at, NULL, NULL, NULL
FROM member m JOIN delivery d ON d.member_id = m.id JOIN delivery_event e ON e.delivery_id = d.id
WHERE {{who}} AND e.event IN ('shown', {_UNDOING})""",  # noqa: S608
    # delivery
    f"""
SELECT {Kind.OUTCOME}, m.id, o.delivery_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL
FROM member m JOIN delivery d ON d.member_id = m.id JOIN outcome o ON o.delivery_id = d.id
WHERE {{who}}""",  # noqa: S608
    f"""
SELECT {Kind.MERGED}, m.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM member m JOIN member_merge x ON x.into_id = m.id WHERE {{who}}""",  # noqa: S608
    f"""
SELECT {Kind.MERGED}, m.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM member m JOIN member_merge x ON x.from_id = m.id WHERE {{who}}""",  # noqa: S608
)
# revision, base, attempt, first, last, notice; taken, date stated, recalled; no attempt where none was taken
_BATCHES = f"""
SELECT {Kind.BATCH}, b.id, n.revision_id, b.base_revision_id, a.id, a.first, a.last, n.id, NULL, NULL, NULL, NULL,
    a.recorded_at, a.applies_from, n.recalled_at, NULL
FROM batch b JOIN notice n ON n.id = b.notice_id
LEFT JOIN attempt a ON a.batch_id = b.id AND a.state = 'accepted' AND a.recorded_at IS NOT NULL
WHERE n.id IN {_NOTICES} AND {{of}}"""  # noqa: S608
_BATCHES_OF = "b.id IN (SELECT d.batch_id FROM member m JOIN delivery d ON d.member_id = m.id WHERE {who})"
