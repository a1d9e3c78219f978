"""The tables of the telling: members, notices, what was owed to whom, what was tried and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from policy_versions.models import one_of

NOTICE_STATES = ("scheduled", "waiting", "sending", "paused", "complete", "cancelled", "recalled")
BATCH_STATES = ("queued", "sending", "accepted", "unknown", "refused", "skipped", "site")
ATTEMPT_STATES = ("started", "accepted", "not_sent", "unknown", "refused", "halved", "resent")
ACKNOWLEDGEMENTS = ("read", "accepted", "declined", "consent withdrawn")
# what a provider, a mail server or a page may report of a delivery; `blocked` is a soft bounce
EVENTS = ("processed", "deferred", "blocked", "delivered", "dropped", "bounce", "spamreport", "failed", "shown")
# what takes a letter's notice back (DOMAIN, Applicability 4); a complaint proves receipt and does not
UNDOING_EVENTS = ("bounce", "dropped", "failed")
_TAKEN = "state = 'accepted'"
# how an attempt's fate came to be known
SETTLED_BY = ("", "answer", "event", "log", "person")
# ten million members times a few hundred notices outgrow 32 bits
BIG: Any = BigInteger().with_variant(Integer(), "sqlite")


class Member(SQLModel, table=True):
    """A person whose personal information the company retains. `id` is the pseudonym that outlives erasure."""

    __table_args__ = (
        Index("ix_member_email_key", "email_key"),
        # what is so of few of ten million is found without looking at all of them (notifier/searching.py)
        *(
            Index(name, column, sqlite_where=text(which), postgresql_where=text(which))
            for name, column, which in (
                ("ix_member_erased", "id", "erased_at IS NOT NULL"),
                ("ix_member_lapsing", "retained_until", "erased_at IS NULL AND retained_until IS NOT NULL"),
                ("ix_member_no_address", "id", "erased_at IS NULL AND email IS NULL"),
                ("ix_member_guardian", "id", "guardian_email IS NOT NULL"),
            )
        ),
        Index("ix_member_locale_id", "locale", "id"),
        Index(
            "ix_member_external_id_prefix",
            "external_id",
            postgresql_ops={"external_id": "text_pattern_ops"},
            sqlite_where=text("id IS NULL"),  # of none: SQLite orders by bytes, and has an index of that already
        ),
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
    recorded_at: datetime = Field(index=True)


class GuardianChange(SQLModel, table=True):
    """From here a member has a guardian, or has none."""

    __tablename__ = "guardian_change"
    id: int | None = Field(default=None, primary_key=True)
    member_id: int = Field(foreign_key="member.id", index=True)
    present: bool
    recorded_at: datetime = Field(index=True)


class Notice(SQLModel, table=True):
    """The telling of the retained members about a policy's significant revisions up to one."""

    __table_args__ = (
        one_of("state", NOTICE_STATES),
        one_of("gate", ("canary", "open", "shut")),
        one_of("kind", ("change", "correction")),
        # of a revision one of each kind, but for those recalled; and one correction of each of its translations
        Index(
            "uq_notice_revision_id_kind",
            "revision_id",
            "kind",
            unique=True,
            sqlite_where=text("translation_id IS NULL AND recalled_at IS NULL"),
            postgresql_where=text("translation_id IS NULL AND recalled_at IS NULL"),
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
    gate: str = "open"  # canary: only the first letters leave; shut: a person must look at what came of them
    gate_since: datetime | None = None  # when the last of the first letters had left
    replaces_id: int | None = Field(default=None, foreign_key="notice.id")  # the recalled notice it puts right
    recalled_at: datetime | None = None  # from here its letters count for nobody who had not moved by them
    created_at: datetime
    opened_at: datetime | None = None
    completed_at: datetime | None = None


class Batch(SQLModel, table=True):
    """Deliveries that share one rendered letter, or none (the site notice only), and carry one sending state.

    Everything that they have in common stands here, so that a delivery's row is short.
    """

    __table_args__ = (
        UniqueConstraint("notice_id", "number"),
        Index("ix_batch_notice_id_state_id", "notice_id", "state", "id"),  # the queue: what is next
        one_of("state", BATCH_STATES),
        one_of("channel", ("email", "site")),
    )
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id")
    number: int
    channel: str = "email"
    reason: str = ""  # why the site notice only: no address, suppressed
    base_revision_id: int | None = Field(default=None, foreign_key="revision.id")  # what these members knew
    locale: str
    audience: str  # member or guardian
    already: bool  # these members were governed by the revision when the notice opened
    asks: bool  # it will apply to them only once they accept it
    corrects: bool = False  # they got the recalled letter that this one puts right, or may have
    applies_from: datetime | None = None  # as planned when it was placed; None: by acceptance
    size: int  # deliveries placed here at first; positions run from 0
    canary: bool = False  # these leave first, and the others when it is known what came of them
    state: str = Field(default="queued", index=True)
    said: str = ""  # why it waits or was skipped
    not_before: datetime | None = None  # back-off
    lease_by: str = ""
    lease_until: datetime | None = None
    # Of its letters, by the event that ranks highest. No facts: `gazette reindex` counts them anew.
    delivered: int = 0
    bounced: int = 0
    dropped: int = 0
    recorded_at: datetime


class Delivery(SQLModel, table=True):
    """One notice owed to one member over one channel; what it is owed as stands on its batch.

    One without a position is to be placed anew: what it was placed by has changed. Its rows are written in one
    statement for ten million members and refer to rows that are never deleted, so no foreign key is checked for
    each (docs/decisions/0020-the-ledger.md).
    """

    __table_args__ = (
        UniqueConstraint("member_id", "notice_id"),  # owed once, whoever retries
        UniqueConstraint("batch_id", "position"),  # an attempt covers positions
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    notice_id: int
    member_id: int
    batch_id: int
    position: int | None = None


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
        one_of("settled_by", SETTLED_BY),
        Index("ix_attempt_batch_id_state", "batch_id", "state"),
        Index("ix_attempt_started_at", "started_at"),  # what is spent of a quota
        *(  # who moved since
            Index(name, column, sqlite_where=text(_TAKEN), postgresql_where=text(_TAKEN))
            for name, column in (("ix_attempt_taken", "recorded_at"), ("ix_attempt_stated", "applies_from"))
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    batch_id: int = Field(foreign_key="batch.id")
    first: int
    last: int
    recipients: int  # in the request: fewer than positions where members have gone
    body_sha256: str
    sender: str
    applies_from: datetime | None = None  # as stated in the letter; None: by acceptance
    applies_words: str = Field(default="", sa_column_kwargs={"server_default": ""})  # as it was read
    state: str = "started"
    status: int | None = None
    said: str = ""  # the provider's sentence, never with an address in it
    provider_message_id: str | None = Field(default=None, index=True)
    started_at: datetime
    doubted_at: datetime | None = None  # when it became unknown; it stays once it is settled
    settled_by: str = ""
    duplicate: bool = False  # taken after all, when it had been sent again already: these members got two letters
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
    __table_args__ = (
        UniqueConstraint("delivery_id", "event", "happened_at"),
        Index(  # few of many millions: a notice's chart asks when they came back
            "ix_delivery_event_undoing",
            "recorded_at",
            sqlite_where=text("event IN ('bounce', 'dropped', 'failed')"),
            postgresql_where=text("event IN ('bounce', 'dropped', 'failed')"),
        ),
        Index(  # who moved since (notifier/standing/touched.py)
            "ix_delivery_event_shown",
            "recorded_at",
            sqlite_where=text("event = 'shown'"),
            postgresql_where=text("event = 'shown'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    delivery_id: int = Field(foreign_key="delivery.id", index=True, sa_type=BIG)
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    event: str
    happened_at: datetime
    recorded_at: datetime


class WebhookBody(SQLModel, table=True):
    """What a provider posted: kept as it came until it is folded, then only its hash and the verdict on it."""

    __tablename__ = "webhook_body"
    id: int | None = Field(default=None, primary_key=True)
    source: str  # sendgrid, bounces
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # None: folded, or too old
    sha256: str = Field(index=True)
    size: int
    verdict: str  # verified, or why it was refused
    received_at: datetime
    folded_at: datetime | None = Field(default=None, index=True)
    events: int = 0  # recorded from it
    repeated: int = 0  # known already
    unmatched: int = 0
    said: str = ""  # why it could not be folded


class UnmatchedEvent(SQLModel, table=True):
    """An event of no delivery that we know. address_key: keyed hash, or "" where there was no address."""

    __tablename__ = "unmatched_event"
    __table_args__ = (UniqueConstraint("address_key", "event", "happened_at", "named"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    address_key: str = ""
    named: str = ""  # the delivery it named, where that is none of ours
    event: str
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
    route: str  # link, session, site notice, api, admin; by link, by session and so on in older rows
    locale: str = "en"
    shown_sha256: str | None = None  # of the text that was shown, authoritative or translated; None: none was
    recorded_at: datetime = Field(index=True)


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
    reason: str  # bounce, complaint, dropped, or a person's word
    delivery_id: int | None = Field(default=None, sa_type=BIG)  # the letter it came of
    recorded_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str = ""  # who, or "changed address"


class RenderedLetter(SQLModel, table=True):
    """A letter as rendered for a group, without personal fields: the evidence of what was said."""

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint(
            "notice_id", "base_revision_id", "locale", "audience", "already", "asks", "corrects", "in_force"
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    base_revision_id: int | None = Field(default=None, foreign_key="revision.id")
    locale: str
    audience: str
    already: bool
    asks: bool
    corrects: bool = False
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


class Pace(SQLModel, table=True):
    """One row that all workers lock to learn how fast letters may leave: what is spent is counted, not kept."""

    id: int = Field(primary_key=True)
    held_until: datetime | None = None  # the provider asked for quiet until then
    rate: float | None = None  # letters a second found to be taken; None: no limit was met yet
    said: str = ""
    recorded_at: datetime | None = None


class Quarantine(SQLModel, table=True):
    """A restored database: nothing leaves until a person has said that it may."""

    id: int | None = Field(default=None, primary_key=True)
    began_at: datetime
    actor: str
    doubted: int  # attempts that became unknown
    erased: int  # members erased again by the journal
    lifted_at: datetime | None = None
    lifted_by: str = ""


class Subscription(SQLModel, table=True):
    """Somebody who asked to be told of every change of a policy: no member, and apart from legal notices."""

    __table_args__ = (
        Index(
            "uq_subscription_standing",
            "policy_id",
            "email_key",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id")
    email: str | None  # None once it has ended
    email_key: str
    locale: str = "en"
    asked_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    why_ended: str = ""  # unsubscribed, not confirmed, bounce, complaint, refused


class SubscriptionLetter(SQLModel, table=True):
    """A letter to a subscriber: the question whether they meant it, or the news of a revision."""

    __tablename__ = "subscription_letter"
    __table_args__ = (
        UniqueConstraint("subscription_id", "kind", "revision_id"),
        one_of("kind", ("confirm", "change")),
        one_of("state", ("queued", "started", "accepted", "unknown", "failed", "skipped")),
    )
    id: int | None = Field(default=None, primary_key=True)
    subscription_id: int = Field(foreign_key="subscription.id", index=True)
    kind: str
    revision_id: int = Field(foreign_key="revision.id")  # of a question: the one in force, or the first
    state: str = Field(default="queued", index=True)
    said: str = ""
    tries: int = 0
    not_before: datetime | None = None
    started_at: datetime | None = None
    recorded_at: datetime


class Tick(SQLModel, table=True):
    """When a node last ran a job, so that silence of the scheduler is seen."""

    job: str = Field(primary_key=True)
    node: str = Field(primary_key=True)
    ticked_at: datetime
    error: str = ""
