"""The services of the record: make policies, publish, withdraw, decide, and ask what holds.

Each takes a session and `now`; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import defer
from sqlmodel import Session, col, delete, func, select, update

from errors import (
    BeforeEarlierRevision,
    DateMalformed,
    FieldMissing,
    IntoThePast,
    Invalid,
    NoSuchRevision,
    NothingInForce,
    NoticePeriodTooShort,
    NotWithdrawable,
    SameText,
)
from policy_versions import audit, chain, comparing, dates, markdown, policies, retiring
from policy_versions.models import (
    LEAST_NOTICE_DAYS,
    RULES,
    DecisionRecord,
    DueDecision,
    Filing,
    Policy,
    Revision,
    Withdrawal,
)

MOST_NOTICE_DAYS = 3650

Status = Literal["in force", "upcoming", "superseded", "withdrawn"]


# -- what is on record --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A revision with what is known of it."""

    revision: Revision
    withdrawal: Withdrawal | None
    decision: DecisionRecord | None  # the latest; None: undecided

    @property
    def number(self) -> int:
        return self.revision.number

    @property
    def verdict(self) -> str:
        return self.decision.verdict if self.decision else "undecided"

    @property
    def live(self) -> bool:
        return self.withdrawal is None


@dataclass(frozen=True, slots=True)
class History:
    """A policy's revisions by number, each with its standing."""

    policy: Policy
    entries: tuple[Entry, ...]

    def entry(self, number: int) -> Entry:
        """Raises: NoSuchRevision."""
        for entry in self.entries:
            if entry.number == number:
                return entry
        raise NoSuchRevision(number)

    def in_force(self, at: datetime) -> Entry | None:
        """Of the revisions not withdrawn and effective by then, the one with the highest number."""
        effective = [e for e in self.entries if e.live and e.revision.effective_at <= at]
        return effective[-1] if effective else None

    def upcoming(self, at: datetime) -> tuple[Entry, ...]:
        return tuple(e for e in self.entries if e.live and e.revision.effective_at > at)

    def latest(self) -> Entry | None:
        """The last revision not withdrawn: what the next one is compared with."""
        return next((e for e in reversed(self.entries) if e.live), None)

    @property
    def last_number(self) -> int:
        """The number of the last revision not withdrawn; 0 where there is none."""
        latest = self.latest()
        return latest.number if latest else 0

    def before(self, number: int) -> Entry | None:
        """The revision before one, of those not withdrawn."""
        return next((e for e in reversed(self.entries) if e.live and e.number < number), None)

    def status(self, entry: Entry, at: datetime) -> Status:
        if not entry.live:
            return "withdrawn"
        if entry.revision.effective_at > at:
            return "upcoming"
        current = self.in_force(at)
        return "in force" if current and current.number == entry.number else "superseded"


def history(session: Session, of: Policy, *, whole: bool = True) -> History:
    """Read a policy's revisions, their withdrawals and their latest decisions.

    whole: else a text, and a decision's findings, are fetched when they are first asked for, one by one.
    """
    rows = session.exec(
        select(Revision, Withdrawal)
        .outerjoin(Withdrawal, col(Withdrawal.revision_id) == Revision.id)
        .where(Revision.policy_id == of.id)
        .order_by(col(Revision.number))
        .options(*([] if whole else [defer(Revision.text)]))  # type: ignore[arg-type]
    ).all()
    standing = _latest_decisions(session, of, whole=whole)
    return History(of, tuple(Entry(r, w, standing.get(r.id or 0)) for r, w in rows))


def _latest_decisions(session: Session, of: Policy, *, whole: bool) -> dict[int, DecisionRecord]:
    made = session.exec(
        select(DecisionRecord)
        .join(Revision, col(Revision.id) == DecisionRecord.revision_id)
        .where(Revision.policy_id == of.id)
        .order_by(
            col(DecisionRecord.decided_at),
            col(DecisionRecord.verdict) == "significant",
            col(DecisionRecord.id),
        )
        .options(*([] if whole else [defer(DecisionRecord.findings)]))  # type: ignore[arg-type]
    )
    return {decision.revision_id: decision for decision in made}


def in_force(session: Session, of: Policy, *, at: datetime) -> Revision:
    """Return the revision in force at an instant. Raises: NothingInForce."""
    entry = history(session, of).in_force(at)
    if entry is None:
        raise NothingInForce
    return entry.revision


def by_name(session: Session, of: Policy, name: str) -> Revision:
    """Return the revision of a number ("7") or of a file's name ("2018-05-25", "2018-05-25.2").

    Raises: NoSuchRevision.
    """
    if name.isascii() and name.isdigit() and len(name) < 4:
        found = session.exec(
            select(Revision).where(Revision.policy_id == of.id, Revision.number == int(name))
        ).one_or_none()
    else:
        found = _by_date(session, of, name)
    if found is None:
        raise NoSuchRevision(name)
    return found


def _by_date(session: Session, of: Policy, name: str) -> Revision | None:
    date, _, ordinal = name.partition(".")
    if ordinal and not (ordinal.isascii() and ordinal.isdigit() and len(ordinal) < 7):
        return None
    try:
        dates.RevisionDate.parse(date)
    except DateMalformed:
        return None
    return session.exec(
        select(Revision)
        .join(Filing, col(Filing.revision_id) == Revision.id)
        .where(
            Filing.policy_id == of.id,
            Filing.revision_date == date,
            Filing.sequence == int(ordinal or 1),
        )
    ).one_or_none()


# -- publishing ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Publication:
    """What a person publishes. revision_date: None for the day it is published; effective_at: None for at once."""

    text: str
    revision_date: dates.RevisionDate | None = None
    effective_at: datetime | None = None
    rule: str = "notice"
    notice_days: int = 30
    summary: str = ""
    controller: str = ""  # who becomes responsible for members' personal information; empty: no change
    tell_first: bool = False
    expected_audience: int | None = None


def check(record: History, given: Publication, *, now: datetime) -> None:
    """Whether this could be published now, as the record stands.

    Raises: EmptyText and its kin, FieldMissing, Invalid, NoticePeriodTooShort, IntoThePast,
    BeforeEarlierRevision, SameText.
    """
    markdown.check(given.text)
    if not given.summary.strip():
        raise FieldMissing("summary", "Say in a sentence or two what changes; members read it first.")
    policies.one_line(given.controller, "controller")
    check_rule(given.rule, given.notice_days)
    effective = given.effective_at or now
    if effective < now:
        raise IntoThePast
    check_order(record, effective)
    last = record.latest()
    if last is not None and _says_the_same(last.revision, given, effective):
        raise SameText(last.number)


def check_rule(rule: str, notice_days: int) -> None:
    """Raises: Invalid, NoticePeriodTooShort."""
    if rule not in RULES:
        raise Invalid(f"The rule is one of: {', '.join(RULES)}.")
    if rule == "notice" and notice_days < LEAST_NOTICE_DAYS:
        raise NoticePeriodTooShort(LEAST_NOTICE_DAYS)
    if not 0 <= notice_days <= MOST_NOTICE_DAYS:
        raise Invalid(f"The notice period is a number of days from 0 to {MOST_NOTICE_DAYS:,}.")


def check_order(record: History, effective: datetime) -> None:
    """Raises: BeforeEarlierRevision."""
    for entry in reversed(record.entries):
        if entry.live and entry.revision.effective_at > effective:
            when = dates.day_label(entry.revision.effective_at, record.policy.zone)
            raise BeforeEarlierRevision(entry.number, when)


def _says_the_same(last: Revision, given: Publication, effective: datetime) -> bool:
    """Equal in text, rule and dates. A date not chosen (today, at once) is no difference."""
    period = given.notice_days if given.rule == "notice" else 0
    dated = given.effective_at is not None and effective != last.effective_at
    redated = given.revision_date is not None and given.revision_date != last.date
    return (
        chain.sha256(given.text) == last.sha256
        and (given.rule, period) == (last.rule, last.notice_days)
        and not dated
        and not redated
    )


def publish(session: Session, of: Policy, given: Publication, *, actor: str, now: datetime) -> Revision:
    """Publish a revision, and write the decision that is now due, in the caller's transaction.

    of: locked (see `lock`). Raises: as `check`.
    """
    record = history(session, of)
    check(record, given, now=now)
    made = append(
        session,
        record,
        Text(
            given.text,
            str(given.revision_date or dates.of(now, of.zone)),
            published_at=now,
            effective_at=given.effective_at or now,
            rule=given.rule,
            notice_days=given.notice_days if given.rule == "notice" else 0,
            summary=given.summary.strip(),
            controller=policies.one_line(given.controller, "controller") or None,
        ),
        actor=actor,
        now=now,
    )
    due = DueDecision(
        revision_id=made.id or 0,
        due_at=now,
        tell_first=given.tell_first,
        expected_audience=given.expected_audience,
    )
    session.add(due)
    file(session, made, made.revision_date)
    audit.record(
        session, actor=actor, action="published", subject=f"revision {made.id}", now=now, sha256=made.sha256
    )
    return made


@dataclass(frozen=True, slots=True)
class Text:
    """A revision's own facts, checked already."""

    text: str
    revision_date: str
    published_at: datetime
    effective_at: datetime
    rule: str = "posting"
    notice_days: int = 0
    summary: str = ""
    imported: bool = False
    controller: str | None = None


def append(session: Session, record: History, given: Text, *, actor: str, now: datetime) -> Revision:
    """Write the next revision of a policy and chain it to the one before. Raises: PolicyRetired."""
    retiring.check_open(session, record.policy)
    last = record.entries[-1].revision if record.entries else None
    made = Revision(
        policy_id=record.policy.id or 0,
        number=last.number + 1 if last else 1,
        revision_date=given.revision_date,
        text=given.text,
        sha256=chain.sha256(given.text),
        chain="",
        published_at=given.published_at,
        effective_at=given.effective_at,
        rule=given.rule,
        notice_days=given.notice_days,
        summary=given.summary,
        controller=given.controller,
        imported=given.imported,
        published_by=actor,
        recorded_at=now,
    )
    made.chain = chain.link(last.chain if last else "", chained(made))
    session.add(made)
    session.flush()
    comparing.keep(session, made)
    return made


def chained(revision: Revision) -> Mapping[str, object]:
    """The facts of a revision that its chain hash covers."""
    return {
        "number": revision.number,
        "revision_date": revision.revision_date,
        "sha256": revision.sha256,
        "published_at": revision.published_at,
        "effective_at": revision.effective_at,
        "rule": revision.rule,
        "notice_days": revision.notice_days,
        "summary": revision.summary,
        "imported": revision.imported,
        **({"controller": revision.controller} if revision.controller else {}),  # older links know of none
    }


def broken_link(record: History) -> int | None:
    """Return the number of the first revision whose text or chain hash does not hold; None when all do."""
    previous = ""
    for entry in record.entries:
        revision = entry.revision
        expected = chain.link(previous, chained(revision))
        if revision.chain != expected or revision.sha256 != chain.sha256(revision.text):
            return revision.number
        previous = revision.chain
    return None


def file(
    session: Session, of: Revision, date: str, *, sequence: int | None = None, front_matter: str = ""
) -> Filing:
    """Give a revision a dated file name; the next free one of that date unless a sequence is given."""
    if sequence is None:
        taken = session.exec(
            select(func.max(Filing.sequence)).where(Filing.policy_id == of.policy_id, Filing.revision_date == date)
        ).one()
        sequence = (taken or 0) + 1
    filing = Filing(
        policy_id=of.policy_id,
        revision_id=of.id or 0,
        revision_date=date,
        sequence=sequence,
        front_matter=front_matter,
    )
    session.add(filing)
    session.flush()
    return filing


def filings(session: Session, of: Policy) -> Sequence[Filing]:
    """A policy's dated files in the order of their revisions and dates."""
    found = session.exec(select(Filing).where(Filing.policy_id == of.id).order_by(col(Filing.id))).all()
    return sorted(found, key=lambda f: (dates.RevisionDate.parse(f.revision_date).order, f.sequence))


def withdraw(session: Session, of: Policy, number: int, *, reason: str, actor: str, now: datetime) -> Withdrawal:
    """Take back the latest published revision before it is in force. of: locked.

    Raises: NoSuchRevision, NotWithdrawable, FieldMissing.
    """
    record = history(session, of)
    entry = record.entry(number)
    latest = record.latest()
    if not entry.live:
        raise NotWithdrawable(f"Revision {number} is withdrawn already.")
    if entry is not latest:
        raise NotWithdrawable(
            f"Only the latest revision can be withdrawn; that is No. {latest and latest.number}."
        )
    if entry.revision.effective_at <= now:
        raise NotWithdrawable(f"Revision {number} is in force and governs; publish a new revision instead.")
    if not reason.strip():
        raise FieldMissing("reason", "Say why it is withdrawn; the record and any correction carry the reason.")
    made = Withdrawal(
        revision_id=entry.revision.id or 0,
        reason=_sentence(reason),
        withdrawn_by=actor,
        recorded_at=now,
    )
    session.add(made)
    session.exec(delete(DueDecision).where(col(DueDecision.revision_id) == entry.revision.id))
    session.flush()
    audit.record(session, actor=actor, action="withdrawn", subject=f"revision {entry.revision.id}", now=now)
    return made


def _sentence(words: str) -> str:
    """A reason as it stands on pages and in letters: one line, closed."""
    line = policies.one_line(words)
    return line if line.endswith((".", "!", "?")) else f"{line}."


# -- due decisions ------------------------------------------------------------------------------


def due(session: Session, *, now: datetime) -> Sequence[DueDecision]:
    """Decisions that are due, oldest first."""
    return session.exec(
        select(DueDecision).where(DueDecision.due_at <= now).order_by(col(DueDecision.revision_id))
    ).all()


def take_due(session: Session, revision_id: int) -> bool:
    """Whether this transaction is the one that decides a revision: it has removed the due row."""
    result = session.exec(delete(DueDecision).where(col(DueDecision.revision_id) == revision_id))
    return result.rowcount == 1


def put_off(session: Session, revision_id: int, *, error: str, until: datetime) -> None:
    """Record that the engine could not decide a revision; a person sees it, and it is tried again."""
    session.exec(
        update(DueDecision)
        .where(col(DueDecision.revision_id) == revision_id)
        .values(failures=DueDecision.failures + 1, error=error, due_at=until)
    )
