"""What answers are read from, in one statement: few round trips, no objects, and nothing of the policy's texts.

Its rows are of several kinds and share their columns, which the kinds use as their comments say. A member's
letters come in their one row, as three lists in one order.
"""

# ruff: noqa: S608 -- statements are put together of constants only
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, Dialect, String, TextualSelect, column, text
from sqlalchemy.types import UserDefinedType
from sqlmodel import Session

from notifier.models import UNDOING_EVENTS


class Kind(IntEnum):
    """Of a row, which is (kind, id, n1 … n6, s1 … s4, at1 … at3)."""

    POLICY = 0
    MEMBER = 1
    GUARDIANSHIP = 2
    SAID = 3
    EVENT = 4
    OUTCOME = 5
    MERGED = 6
    BATCH = 7


# which members
BY_KEY = "{id} = (SELECT id FROM member WHERE external_id = :key)"
BY_ID = "{id} = :id"
LISTED = "{id} IN (SELECT {listed})"
FROM_TO = "{id} BETWEEN :first AND :last"


def read(session: Session, slug: str, which: str, *, whole: bool = False, **given: Any) -> Sequence[Any]:
    """The rows of a policy and of some members. whole: with the batches of their letters."""
    session.flush()  # what the caller has written and not sent yet counts
    bind = session.connection()
    name = bind.dialect.name
    if "ids" in given:
        given["ids"] = listed(name, given["ids"])
    return bind.execute(statement(name, which, batches=whole), {"slug": slug, **given}).all()


def read_batches(session: Session, slug: str, ids: Sequence[int]) -> Sequence[Any]:
    bind = session.connection()
    name = bind.dialect.name
    return bind.execute(batches(name), {"slug": slug, "ids": listed(name, ids)}).all()


def listed(dialect: str, ids: Sequence[int]) -> object:
    """Many ids as one parameter."""
    return list(ids) if dialect == "postgresql" else json.dumps(list(ids))


def _which(dialect: str, which: str, id_: str) -> str:
    """A condition on a column of ids."""
    listed = "unnest(CAST(:ids AS INTEGER[]))" if dialect == "postgresql" else "value FROM json_each(:ids)"
    return which.format(id=id_, listed=listed)


@cache
def statement(dialect: str, which: str, *, batches: bool) -> TextualSelect:
    joined = "string_agg(CAST({} AS TEXT), ',')" if dialect == "postgresql" else "group_concat({})"
    lists = {name: joined.format(f"d.{name}") for name in ("id", "batch_id", "position")}
    arms = [_POLICY, _MEMBERS.format(who=_which(dialect, which, "m.id"), **lists)]
    arms += (arm.format(who=_which(dialect, which, id_)) for id_, arm in _APART)
    if batches:
        arms.append(_BATCHES.format(of=_BATCHES_OF.format(who=_which(dialect, which, "d.member_id"))))
    return _typed("\nUNION ALL ".join(arms))


@cache
def batches(dialect: str) -> TextualSelect:
    return _typed(f"{_NOTHING}\nUNION ALL {_BATCHES.format(of=_which(dialect, LISTED, 'b.id'))}")


class _Instant(UserDefinedType[datetime]):
    """As the models' own, in one call a value: an export reads millions of them."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], datetime | None]:
        return _aware if dialect.name == "postgresql" else _parsed


def _aware(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _parsed(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "Z")


def _typed(statement: str) -> TextualSelect:
    instant = _Instant()
    columns: list[ColumnClause[Any]] = [
        column(name, BigInteger()) for name in ("kind", "id", "n1", "n2", "n3", "n4", "n5", "n6")
    ]
    columns += [column(f"s{number}", String()) for number in range(1, 5)]
    columns += [column(f"at{number}", instant) for number in range(1, 4)]
    return text(statement).columns(*columns)


_WHOLE, _TEXT, _AT = (f"CAST(NULL AS {name})" for name in ("BIGINT", "TEXT", "TIMESTAMP WITH TIME ZONE"))
_COUNT = "(SELECT count(*) FROM revision r JOIN {table} t ON t.revision_id = r.id WHERE r.policy_id = p.id)"
# title; how many texts, decisions, withdrawals and imported tellings there are: none is ever changed or deleted
_POLICY = f"""
SELECT {Kind.POLICY} AS kind, p.id AS id,
    (SELECT count(*) FROM revision r WHERE r.policy_id = p.id) AS n1,
    {_COUNT.format(table="decision")} AS n2, {_COUNT.format(table="withdrawal")} AS n3,
    (SELECT count(*) FROM telling t WHERE t.policy_id = p.id) AS n4, {_WHOLE} AS n5, {_WHOLE} AS n6,
    p.called AS s1, {_TEXT} AS s2, {_TEXT} AS s3, {_TEXT} AS s4,
    {_AT} AS at1, {_AT} AS at2, {_AT} AS at3
FROM policy p WHERE p.address = :slug"""
_NOTHING = f"{_POLICY} AND 1 = 0"  # its columns have their types
_NOTICES = (
    "(SELECT n.id FROM notice n JOIN policy p ON p.id = n.policy_id WHERE p.address = :slug AND n.kind = 'change')"
)
_GONE = (
    "CASE WHEN m.erased_at IS NULL OR m.retained_until < m.erased_at THEN m.retained_until ELSE m.erased_at END"
)
# external_id; deliveries, batches, positions; joined, gone, recorded
_MEMBERS = f"""
SELECT {Kind.MEMBER}, m.id, NULL, NULL, NULL, NULL, NULL, NULL, m.external_id, {{id}}, {{batch_id}}, {{position}},
    m.joined_at, {_GONE}, m.recorded_at
FROM member m LEFT JOIN delivery d
    ON d.member_id = m.id AND d.position IS NOT NULL AND d.notice_id IN {_NOTICES}
WHERE {{who}} GROUP BY m.id"""
_UNDOING = ", ".join(f"'{event}'" for event in UNDOING_EVENTS)
_MERGED = f"""
SELECT {Kind.MERGED}, x.{{side}}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL
FROM member_merge x WHERE {{{{who}}}}"""
# each with the column of its members
_APART = (
    # id, whether there is one; recorded
    ("g.member_id", f"""
SELECT {Kind.GUARDIANSHIP}, g.member_id, g.id, CASE WHEN g.present THEN 1 ELSE 0 END, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, g.recorded_at, NULL, NULL
FROM guardian_change g WHERE {{who}}"""),
    # id, revision; kind, actor; recorded
    ("k.member_id", f"""
SELECT {Kind.SAID}, k.member_id, k.id, k.revision_id, NULL, NULL, NULL, NULL, k.kind, k.actor, NULL, NULL,
    k.recorded_at, NULL, NULL
FROM acknowledgement k WHERE {{who}}"""),
    # id, delivery, attempt, batch; event; recorded
    ("d.member_id", f"""
SELECT {Kind.EVENT}, d.member_id, e.id, e.delivery_id, e.attempt_id, d.batch_id, NULL, NULL,
    e.event, NULL, NULL, NULL, e.recorded_at, NULL, NULL
FROM delivery d JOIN delivery_event e ON e.delivery_id = d.id
WHERE {{who}} AND e.event IN ('shown', {_UNDOING})"""),
    # delivery
    ("d.member_id", f"""
SELECT {Kind.OUTCOME}, d.member_id, o.delivery_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL
FROM delivery d JOIN outcome o ON o.delivery_id = d.id WHERE {{who}}"""),
    ("x.into_id", _MERGED.format(side="into_id")),
    ("x.from_id", _MERGED.format(side="from_id")),
)  # fmt: skip
# revision, base, attempt, first, last, size; taken, date stated, recalled; no attempt where none was taken
_BATCHES = f"""
SELECT {Kind.BATCH}, b.id, n.revision_id, b.base_revision_id, a.id, a.first, a.last, b.size,
    NULL, NULL, NULL, NULL, a.recorded_at, a.applies_from, n.recalled_at
FROM batch b JOIN notice n ON n.id = b.notice_id
LEFT JOIN attempt a ON a.batch_id = b.id AND a.state = 'accepted' AND a.recorded_at IS NOT NULL
WHERE n.id IN {_NOTICES} AND {{of}}"""
_BATCHES_OF = "b.id IN (SELECT d.batch_id FROM delivery d WHERE {who})"
