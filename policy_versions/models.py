"""The record's tables: what each policy said, when it held, and whether a change mattered.

Rows of Revision, Withdrawal, Translation, DecisionRecord, TranslationDecision, Proposal, ProposalAnswer, Reopening
and AuditEntry are facts: the database refuses to change or delete them (see migrations/).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlmodel import AutoString, Field, SQLModel

from policy_versions import dates

PROMISES = ("posting only", "may notify", "will notify")
RULES = ("posting", "notice", "acceptance")
LEAST_NOTICE_DAYS = 3  # a letter accepted today may bounce for 72 hours


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A constraint that a column holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Policy(SQLModel, table=True):
    """A document with a slug, a title, a time zone and a promise; perhaps part of another policy.

    Slug and title are those it has now; a change of them is a fact of its own (policy_versions/naming.py). What it
    was made with is kept beside them, for good, in the columns that seals cover.
    """

    __table_args__ = (one_of("promise", PROMISES), Index("uq_policy_address", "address", unique=True))
    id: int | None = Field(default=None, primary_key=True)
    first_slug: str = Field(sa_column=Column("slug", AutoString, unique=True, nullable=False))
    first_title: str = Field(sa_column=Column("title", AutoString, nullable=False))
    slug: str = Field(sa_column=Column("address", AutoString, nullable=False, server_default=""))
    title: str = Field(sa_column=Column("called", AutoString, nullable=False, server_default=""))
    lead: str = ""  # one sentence under the title
    time_zone: str = "UTC"
    promise: str = "may notify"  # what the policy itself says about telling members
    part_of_id: int | None = Field(default=None, foreign_key="policy.id")
    locale: str = "en"  # of the authoritative text
    manifest: str = Field(default="", sa_column=Column(Text, nullable=False))  # policy.yaml as imported
    created_at: datetime

    @property
    def zone(self) -> ZoneInfo:
        return dates.zone(self.time_zone)


class Revision(SQLModel, table=True):
    """One dated text of a policy. Immutable."""

    __table_args__ = (
        UniqueConstraint("policy_id", "number"),
        one_of("rule", RULES),
        CheckConstraint("effective_at >= published_at", name="forward"),
    )
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", index=True)
    number: int  # 1, 2, 3 …
    revision_date: str  # 2018-05-25, 2018-05 or 2018, as shown to readers
    text: str = Field(sa_column=Column(Text, nullable=False))  # Markdown, byte for byte (UTF-8)
    sha256: str  # of the text
    chain: str  # hash over this revision's facts and the chain of the one before
    published_at: datetime
    effective_at: datetime
    rule: str = "posting"
    notice_days: int = 0  # whole days of 24 h
    summary: str = ""  # what changed, in the publisher's words
    controller: str | None = None  # who becomes responsible for personal information by it; None: no change stated
    imported: bool = False
    published_by: str = ""
    recorded_at: datetime

    @property
    def date(self) -> dates.RevisionDate:
        return dates.RevisionDate.parse(self.revision_date)


class RevisionBlocks(SQLModel, table=True):
    """A revision's text cut into blocks, so that no comparison parses it. No fact: it can be made anew."""

    __tablename__ = "revision_blocks"
    revision_id: int | None = Field(default=None, foreign_key="revision.id", primary_key=True)
    engine: str  # the diff engine that made them; `gazette reindex` replaces those of another
    content: str = Field(sa_column=Column(Text, nullable=False))  # see policy_versions/diff/stored.py


class Withdrawal(SQLModel, table=True):
    """A published revision taken back before it was in force."""

    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", unique=True)
    reason: str
    withdrawn_by: str
    recorded_at: datetime


class Filing(SQLModel, table=True):
    """A dated file of a policy: the one that brought a revision, or a further date of the same text."""

    __table_args__ = (UniqueConstraint("policy_id", "revision_date", "sequence"),)
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id")
    revision_id: int = Field(foreign_key="revision.id", index=True)
    revision_date: str
    sequence: int = 1  # <date>.md is 1, <date>.2.md is 2 …
    front_matter: str = Field(default="", sa_column=Column(Text, nullable=False))  # ours, byte for byte

    @property
    def name(self) -> str:
        ordinal = "" if self.sequence == 1 else f".{self.sequence}"
        return f"{self.revision_date}{ordinal}"


class Telling(SQLModel, table=True):
    """An imported fact: members who had joined by then were told of the revisions up to this one."""

    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", index=True)
    revision_id: int = Field(foreign_key="revision.id")
    told_at: datetime
    recorded_at: datetime


class DueDecision(SQLModel, table=True):
    """A revision that waits to be decided. Written with the revision, deleted with the decision."""

    __tablename__ = "due_decision"
    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", unique=True)
    due_at: datetime
    tell: bool = True  # False: decided, but opens no notice
    tell_first: bool = False  # the publisher asked for a notice of a first revision
    expected_audience: int | None = None  # the number the publisher typed
    failures: int = 0
    error: str = ""


class DecisionRecord(SQLModel, table=True):
    """A decision as made; the latest of a revision stands.

    A person's keeps the findings and the bases of what it overrules, so that it shows what it judged.
    """

    __tablename__ = "decision"
    __table_args__ = (
        one_of("verdict", ("first", "significant", "minor")),
        Index("uq_decision_overrules_id", "overrules_id", unique=True),  # of two people at once, one
    )
    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", index=True)
    verdict: str
    level: int = 0
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    summary: str = Field(default="", sa_column=Column(Text, nullable=False))
    previous_base_id: int | None = Field(default=None, foreign_key="revision.id")
    cumulative_base_id: int | None = Field(default=None, foreign_key="revision.id")
    engine: str = ""  # the engine's version; empty when a person decided
    decided_by: str = ""
    reason: str = ""
    decided_at: datetime  # the fact's place in time; earlier than recorded_at only for an import
    recorded_at: datetime
    confidence: float | None = None  # 0.5 to 1, of the verdict; None: a person's, or older than the column
    language: str | None = None  # en, or other where the words were not judged
    overrules_id: int | None = Field(default=None, foreign_key="decision.id")
    confirmed_by: str | None = None  # the second person, where one was needed
    alone: bool | None = None  # one was needed, and there was no other account


class Proposal(SQLModel, table=True):
    """A person's decision that takes effect only when a second one confirms it: a lowering of level 4."""

    __table_args__ = (one_of("verdict", ("significant", "minor")),)
    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", index=True)
    overrules_id: int = Field(foreign_key="decision.id")  # stale once another decision stands
    verdict: str
    level: int
    summary: str = Field(sa_column=Column(Text, nullable=False))
    reason: str
    proposed_by: str
    recorded_at: datetime


class ProposalAnswer(SQLModel, table=True):
    """A proposal confirmed or rejected, once."""

    __tablename__ = "proposal_answer"
    __table_args__ = (one_of("answer", ("confirmed", "rejected")),)
    id: int | None = Field(default=None, primary_key=True)
    proposal_id: int = Field(foreign_key="proposal.id", unique=True)
    answer: str
    answered_by: str
    decision_id: int | None = Field(default=None, foreign_key="decision.id")  # what a confirmed one became
    recorded_at: datetime


class Reopening(SQLModel, table=True):
    """What the engine would say of a decided revision, now that an earlier one was decided otherwise.

    The latest of a revision counts, while the decision it speaks of stands and rests on other bases.
    """

    __table_args__ = (one_of("verdict", ("significant", "minor")),)
    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", index=True)
    standing_id: int = Field(foreign_key="decision.id")  # what stood when it was written
    because_id: int = Field(foreign_key="decision.id")  # the person's decision that changed its bases
    verdict: str
    level: int
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    summary: str = Field(sa_column=Column(Text, nullable=False))
    previous_base_id: int = Field(foreign_key="revision.id")
    cumulative_base_id: int = Field(foreign_key="revision.id")
    engine: str
    confidence: float | None = None
    language: str | None = None
    recorded_at: datetime


class Translation(SQLModel, table=True):
    """A dated, numbered text of a revision in another locale. Immutable; the authoritative text prevails."""

    __table_args__ = (UniqueConstraint("revision_id", "locale", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(foreign_key="revision.id", index=True)
    locale: str  # BCP 47, as policy_versions/locales.py writes it; never the policy's own
    number: int  # 1, 2, 3 … of the revision and the locale
    title: str | None = None  # the policy's title in this locale
    text: str = Field(sa_column=Column(Text, nullable=False))  # Markdown, byte for byte (UTF-8)
    sha256: str  # of the text
    published_by: str
    recorded_at: datetime


class DueTranslation(SQLModel, table=True):
    """A translation that waits to be decided. Written with it, deleted with the decision."""

    __tablename__ = "due_translation"
    id: int | None = Field(default=None, primary_key=True)
    translation_id: int = Field(foreign_key="translation.id", unique=True)
    due_at: datetime
    failures: int = 0
    error: str = ""


class TranslationDecision(SQLModel, table=True):
    """Whether a translation says something else than the one it replaces, as the engine decided once."""

    __tablename__ = "translation_decision"
    __table_args__ = (one_of("verdict", ("first", "significant", "minor")),)
    id: int | None = Field(default=None, primary_key=True)
    translation_id: int = Field(foreign_key="translation.id", unique=True)
    verdict: str
    level: int = 0
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    summary: str = Field(default="", sa_column=Column(Text, nullable=False))
    confidence: float | None = None
    language: str | None = None
    base_id: int | None = Field(default=None, foreign_key="translation.id")  # the one it replaces
    engine: str
    decided_by: str
    reason: str = ""
    recorded_at: datetime


class Draft(SQLModel, table=True):
    """A revision not yet published. `version` rises with each save, so that nobody overwrites unseen."""

    # an id is never given again: a page left open on a draft that is gone must not reach another one
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", index=True)
    started_from_id: int | None = Field(default=None, foreign_key="revision.id")
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    revision_date: str = ""
    effective: str = ""  # a day in the policy's time zone; empty: as soon as it is published
    rule: str = "notice"
    notice_days: int = 30
    summary: str = ""
    controller: str = Field(default="", sa_column=Column(AutoString, nullable=False, server_default=""))
    version: int = 1
    saved_by: str
    saved_at: datetime


class AuditEntry(SQLModel, table=True):
    """Who did what, when. Only grows; each entry's hash covers the one before. Never personal information."""

    __tablename__ = "audit"
    __table_args__ = (  # the log is read by each of these, the newest first
        *(Index(f"ix_audit_{name}_id", name, "id") for name in ("actor", "action", "subject")),
        Index("ix_audit_recorded_at", "recorded_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    recorded_at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    chain: str
