"""What is sealed of each table, and how: rows as hashes, hashes in seals, seals in a chain.

A table's rows are sealed by ranges of their ids, in the columns that nothing changes once they are written. What
is settled later, the answer to a request, is sealed by itself when it is final, with the letters that it covers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlmodel import Field, Session, SQLModel, col, select

from notifier import lineage, models, revocations
from notifier.models import BIG
from policy_versions import chain, named, origins
from policy_versions import models as record

ANSWERS = "answer"  # the subject of seals over what became of requests
ANSWERED = (
    *("batch_id", "first", "last", "recipients", "body_sha256", "sender", "applies_from", "state", "status"),
    *("said", "provider_message_id", "started_at", "doubted_at", "settled_by", "duplicate", "recorded_at"),
)
FEW, MANY = 100, 1000  # rows in a seal: of tables that grow by hand, and by the million


class Seal(SQLModel, table=True):
    """The rows of one table from an id through another, as they were. Numbered without a gap; each chained."""

    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(index=True)
    first: int = Field(sa_type=BIG)
    last: int = Field(sa_type=BIG)
    rows: int
    columns: str  # the names of what is covered, with commas
    digest: str  # the root of the tree of its rows' hashes
    recorded_at: datetime
    chain: str


class SealedAnswer(SQLModel, table=True):
    """What became of a request, as it was sealed."""

    __tablename__ = "sealed_answer"
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id", primary_key=True)
    seal_id: int = Field(foreign_key="seal.id", index=True)
    sha256: str


class Cover(NamedTuple):
    """What is sealed of a table. bulk: it grows by the million while letters leave."""

    model: type[SQLModel]
    columns: tuple[str, ...] = ()  # none named: all
    bulk: bool = False

    @property
    def table(self) -> Table:
        found: Table = self.model.__table__  # type: ignore[attr-defined]
        return found

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns or tuple(c.name for c in self.table.columns if c.name != "id")

    @property
    def size(self) -> int:
        return MANY if self.bulk else FEW


_WHOLE: tuple[type[SQLModel], ...] = (
    *(record.Revision, record.Withdrawal, record.Filing, record.Telling, record.DecisionRecord),
    *(named.Renaming, named.Retirement),
    *(record.Proposal, record.ProposalAnswer, record.Reopening, record.Translation, record.TranslationDecision),
    *(record.AuditEntry, models.GuardianChange, models.Acknowledgement, models.RenderedLetter, models.Omission),
    *(revocations.LinkRevocation, lineage.MemberMerge, origins.AuditOrigin),
)
COVERS = (
    *(Cover(model) for model in _WHOLE),
    # what a policy is called now follows from its renamings
    Cover(
        record.Policy,
        ("slug", "title", "lead", "time_zone", "promise", "part_of_id", "locale", "manifest", "created_at"),
    ),
    # the rest of a member may change: an address, a language, how long they are retained
    Cover(models.Member, ("joined_at", "recorded_at"), bulk=True),
    Cover(
        models.Notice,
        (
            *("policy_id", "revision_id", "kind", "translation_id", "substitution_prefix", "replaces_id"),
            "created_at",
        ),
    ),
    Cover(
        models.Batch,
        (
            *("notice_id", "number", "channel", "reason", "base_revision_id", "locale", "audience", "already"),
            *("asks", "corrects", "applies_from", "canary", "recorded_at"),
        ),
        bulk=True,
    ),
    Cover(models.Delivery, ("notice_id", "member_id"), bulk=True),
    # which letters it holds is sealed with its answer: one in doubt may be parted by what is heard of some of them
    Cover(
        models.Attempt,
        ("batch_id", "body_sha256", "sender", "applies_from", "applies_words", "started_at"),
        bulk=True,
    ),
    Cover(models.DeliveryEvent, bulk=True),
    Cover(models.Suppression, ("email_key", "reason", "recorded_at")),
    Cover(models.WebhookBody, ("source", "sha256", "size", "verdict", "received_at")),
    Cover(models.Quarantine, ("began_at", "actor", "doubted", "erased")),
)
BY_NAME = {cover.name: cover for cover in COVERS}


def leaf(values: Sequence[Any]) -> str:
    """The hash of one row: SHA-256 over its values as one line of JSON, instants in UTC with microseconds."""
    line = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain)
    return chain.sha256(line)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a seal")


def digest(leaves: Iterable[str]) -> str:
    """The root of a tree of hashes: each node is the SHA-256 over its two halves, one without a partner rises."""
    level = [bytes.fromhex(one) for one in leaves]
    while len(level) > 1:
        level = _above(level)
    return level[0].hex() if level else chain.sha256("")


def nodes(leaves: Sequence[str], present: Iterable[int]) -> list[str]:
    """What shows that some leaves are in a tree without the others: the nodes above none of them, from the left.

    present: places of the leaves that are shown.
    """
    levels = [[bytes.fromhex(one) for one in leaves]]
    there = [set(present)]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
        there.append({place // 2 for place in there[-1]})
    return list(_missing(levels, there, len(levels) - 1, 0)) if leaves else []


def _missing(
    levels: Sequence[Sequence[bytes]], there: Sequence[set[int]], level: int, place: int
) -> Iterator[str]:
    if place not in there[level]:
        yield levels[level][place].hex()
    elif level:
        yield from _missing(levels, there, level - 1, 2 * place)
        if 2 * place + 1 < len(levels[level - 1]):
            yield from _missing(levels, there, level - 1, 2 * place + 1)


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
    return [*pairs, *level[len(pairs) * 2 :]]


def facts(seal: Seal) -> dict[str, object]:
    """What of a seal its chain hash covers."""
    names = ("subject", "first", "last", "rows", "columns", "digest", "recorded_at")
    return {"number": seal.id, **{name: getattr(seal, name) for name in names}}


def head(session: Session) -> Seal | None:
    """The last seal: it holds for all before it."""
    return session.exec(select(Seal).order_by(col(Seal.id).desc()).limit(1)).first()
