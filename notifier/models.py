"""The tables of the telling: members, notices, what was owed to whom, what was tried and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from policy_versions.models import one_of

NOTICE_STATES = ("scheduled", "waiting", "sending", "paused", "complete", "cancelled", "recalled")
BATCH_STATES = ("queued", "sending", "accepted", "unknown", "refused", "skipped")
ATTEMPT_STATES = ("started", "accepted", "not_sent", "unknown", "refused", "halved", "resent")
ACKNOWLEDGEMENTS = ("read", "accepted", "declined", "consent withdrawn")
# what takes a letter's notice back (DOMAIN, Applicability 4); a complaint proves receipt and does not
UNDOING_EVENTS = ("bounce", "dropped", "failed", "recalled")
# ten million members times a few hundred notices outgrow 32 bits
BIG: Any = BigInteger().with_variant(Integer(), "sqlite")


class Member(SQLModel, table=True):
    """A person whose personal information the company retains. `id` is the pseudonym that outlives erasure."""

    __table_args__ = (
        Index("ix_member_email_key", "email_key"),
        CheckConstraint(
            "erased_at IS NULL OR (external_id IS NULL AND email IS NULL AND email_key IS NULL "
            "AND guardian_email IS NULL)",
            name="erased_means_erased",
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    external_id: str | None = Field(default=None, unique=True)  # NULL once erased
    email: str | None = None
    email_key: str | None = None  # keyed hash of the normalised address
    locale: str = "en"
    joined_at: datetime
    retained_until: datetime | None = None
    guardian_email: str | None = None
    erased_at: datetime | None = None
    recorded_at: datetime


class GuardianChange(SQLModel, table=True):
    """From here a member has a guardian, or has none."""

    __tablename__ = "guardian_change"
    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="member.id", index=True)
    present: bool
    recorded_at: datetime


class Notice(SQLModel, table=True):
    """The telling of the retained members about a policy's significant revisions up to one."""

    __table_args__ = (
        one_of("state", NOTICE_STATES),
        one_of("kind", ("change", "correction")),
        # of a revision one of each kind; and one correction of each of its translations
        Index(
            "uq_notice_revision_id_kind",
            "revision_id",
            "kind",
            unique=True,
            sqlite_where=text("translation_id IS NULL"),
            postgresql_where=text("translation_id IS NULL"),
        ),
        Index("uq_notice_translation_id", "translation_id", unique=True),
    )
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", index=True)
    revision_id: int = Field(foreign_key="revision.id")
    kind: str = "change"
    # of a correction: the translation that was corrected; None: the revision was withdrawn
    translation_id: int | None = Field(default=None, foreign_key="translation.id")
    state: str = "scheduled"
    due_at: datetime
    expected_audience: int | None = None
    substitution_prefix: str  # random: nothing in a policy's text can be mistaken for a key
    why: str = ""  # why it waits or is paused
    held_by_id: int | None = Field(default=None, foreign_key="decision.id")  # the decision that paused it
    failures: int = 0  # requests failed in a row
    created_at: datetime
    opened_at: datetime | None = None
    completed_at: datetime | None = None


class Batch(SQLModel, table=True):
    """Deliveries that share one rendered letter and carry one sending state. Positions run from 0 to size."""

    __table_args__ = (UniqueConstraint("notice_id", "number"), one_of("state", BATCH_STATES))
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    number: int
    base_revision_id: int | None = Field(default=None, foreign_key="revision.id")
    locale: str
    audience: str  # member or guardian
    already: bool  # these members were governed by the revision when the notice opened
    asks: bool  # it will apply to them only once they accept it
    size: int
    state: str = Field(default="queued", index=True)
    not_before: datetime | None = None  # back-off
    lease_by: str = ""
    lease_until: datetime | None = None


class Delivery(SQLModel, table=True):
    """One notice owed to one member over one channel.

    A letter without a batch is to be placed in one: it is late, or what it was placed by has changed.
    """

    __table_args__ = (
        UniqueConstraint("notice_id", "member_id", "channel"),  # owed once, whoever retries
        UniqueConstraint("batch_id", "position"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    member_id: int = Field(foreign_key="member.id", index=True)
    channel: str  # email or site
    reason: str = ""  # why the site notice only: no address, suppressed
    base_revision_id: int | None = Field(default=None, foreign_key="revision.id")  # what the member knew
    batch_id: int | None = Field(default=None, foreign_key="batch.id")
    position: int | None = None
    applies_from: datetime | None = None  # as stated in the letter; None: by acceptance
    recorded_at: datetime


class Omission(SQLModel, table=True):
    """A member left out when a notice opened, counted by reason."""

    __table_args__ = (UniqueConstraint("notice_id", "reason"),)
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    reason: str  # erased, lapsed, already told, joined under the new text
    members: int


class Attempt(SQLModel, table=True):
    """One request made for positions [first, last) of a batch; committed before the request leaves."""

    __table_args__ = (
        one_of("state", ATTEMPT_STATES),
        Index("ix_attempt_batch_id_state", "batch_id", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    batch_id: int = Field(foreign_key="batch.id")
    first: int
    last: int
    body_sha256: str
    sender: str
    state: str = "started"
    status: int | None = None
    said: str = ""  # the provider's sentence, never with an address in it
    provider_message_id: str | None = Field(default=None, index=True)
    started_at: datetime
    recorded_at: datetime | None = None  # of the answer, or of its settling


class Outcome(SQLModel, table=True):
    """What became of one delivery apart from its batch: skipped or failed, and why."""

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    delivery_id: int = Field(foreign_key="delivery.id", unique=True, sa_type=BIG)
    outcome: str  # skipped or failed
    reason: str
    recorded_at: datetime


class DeliveryEvent(SQLModel, table=True):
    """What a provider or a page reported of a delivery. `happened_at` is evidence; `recorded_at` orders."""

    __tablename__ = "delivery_event"
    __table_args__ = (UniqueConstraint("delivery_id", "event", "happened_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    delivery_id: int = Field(foreign_key="delivery.id", index=True, sa_type=BIG)
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    event: str  # processed, delivered, deferred, bounce, dropped, spamreport, failed, recalled, shown
    happened_at: datetime
    recorded_at: datetime


class Acknowledgement(SQLModel, table=True):
    """A member's or guardian's recorded word on a revision."""

    __table_args__ = (one_of("kind", ACKNOWLEDGEMENTS), one_of("actor", ("member", "guardian")))
    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="member.id", index=True)
    revision_id: int = Field(foreign_key="revision.id")
    kind: str
    actor: str = "member"
    route: str  # by link, by session, by the host application, imported
    locale: str = "en"
    recorded_at: datetime


class Suppression(SQLModel, table=True):
    """An address not to be written to, as a keyed hash."""

    __table_args__ = (
        Index(
            "uq_suppression_standing",
            "email_key",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    email_key: str
    reason: str
    recorded_at: datetime
    lifted_at: datetime | None = None


class RenderedLetter(SQLModel, table=True):
    """A letter as rendered for a group, without personal fields: the evidence of what was said."""

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("notice_id", "base_revision_id", "locale", "audience", "already", "asks", "in_force"),
    )
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    base_revision_id: int | None = Field(default=None, foreign_key="revision.id")
    locale: str
    audience: str
    already: bool
    asks: bool
    in_force: (
        bool  # the revision was in force when it was rendered, so that no letter calls a past day a coming one
    )
    subject: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    html: str = Field(sa_column=Column(Text, nullable=False))
    sha256: str
    engines: str  # versions of the engines it used
    decision_id: int | None = Field(default=None, foreign_key="decision.id")
    recorded_at: datetime


class Tick(SQLModel, table=True):
    """When a node last ran a job, so that silence of the scheduler is seen."""

    job: str = Field(primary_key=True)
    node: str = Field(primary_key=True)
    ticked_at: datetime
    error: str = ""
