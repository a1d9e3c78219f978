"""CSV that leaves the house: all that is on record of one member, and the standing of all at an instant.

Each file has a header row; how a value stands in a cell is told in `cells`. The same facts, at the same `now`,
give the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

from sqlalchemy import Engine
from sqlmodel import Session

from errors import InstantMalformed
from notifier import dossier, standing
from notifier.cells import Cells, cell, lines
from notifier.dossier import Dossier, Told
from notifier.models import Member
from notifier.standing import Row, answers
from policy_versions import audit

STANDING = ("member_id", "external_id", "revision", "revision_date", "since", "until", "basis", "why")
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that an archive can hold; its own would be the machine's clock

Table = tuple[tuple[str, ...], list[Cells]]  # its header, and its rows


@contextmanager
def steady(engine: Engine) -> Iterator[Session]:
    """A session for reading that sees the database as it was at one moment, however long it takes."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with Session(engine, expire_on_commit=False) as session:
        yield session


# -- the standing of all ------------------------------------------------------------------------


def instant(written: str) -> datetime:
    """The instant that somebody typed; a date is its first one, in UTC.

    Raises: InstantMalformed, InstantNaive, InstantImpossible.
    """
    try:
        found = datetime.fromisoformat(written.strip())
    except ValueError as error:
        raise InstantMalformed(written) from error
    return answers.checked(found.replace(tzinfo=UTC) if len(written.strip()) == 10 else found)


def of_everyone(session: Session, slug: str, at: datetime, *, now: datetime) -> Iterator[str]:
    """The standing of all members by a policy at an instant, as pieces of one CSV file; memory stays flat.

    Raises, at the call: NoSuchPolicy, InstantNaive, InstantImpossible.
    """
    rows = standing.everyone(session, slug, at, now=now)
    return lines(_standing(rows))


def _standing(rows: Iterable[Row]) -> Iterator[Cells]:
    yield STANDING
    for row in rows:
        yield (
            row.member_id, row.external_id, row.revision, row.revision_date, row.since, row.until, row.basis,
            row.why,
        )  # fmt: skip


def note_standing(session: Session, slug: str, at: datetime, *, actor: str, now: datetime) -> None:
    """Put on record that the standing of all was exported."""
    subject = f"policy {slug}"
    audit.record(session, actor=actor, action="standing exported", subject=subject, now=now, at=at.isoformat())


# -- one member ---------------------------------------------------------------------------------


def note_member(session: Session, member: Member, *, actor: str, now: datetime) -> None:
    """Put on record that what is held of a member was exported; by pseudonym."""
    audit.record(session, actor=actor, action="member exported", subject=f"member {member.id}", now=now)


def of_member(session: Session, member: Member, target: IO[bytes], *, secret: str, now: datetime) -> None:
    """Write everything about a member as a ZIP of CSV files, a README.txt among them that says what each holds."""
    whole = dossier.of_member(session, member, secret=secret, now=now)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_file("README.txt"), _README.format(now=cell(now)))
        for name, (header, rows) in tables(whole).items():
            archive.writestr(_file(f"{name}.csv"), "".join(lines([header, *rows])))


def _file(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    info.create_system = 3  # the same bytes, wherever it is made
    return info


def tables(whole: Dossier) -> dict[str, Table]:
    """Everything about a member, as tables by name."""
    return {
        "profile": _profile(whole.member),
        "accounts": _accounts(whole),
        "guardianship": _guardianship(whole),
        "timeline": _timeline(whole),
        "upcoming": _upcoming(whole),
        "notices": _notices(whole.told),
        "attempts": _attempts(whole.told),
        "events": _events(whole.told),
        "reports_unmatched": _strays(whole),
        "acknowledgements": _acknowledgements(whole),
        "suppressions": _suppressions(whole),
        "links_revoked": _revocations(whole),
        "audit": _audit(whole),
    }


def _profile(member: Member) -> Table:
    header = (
        *("member_id", "external_id", "email", "locale", "joined_at", "retained_until", "guardian_email"),
        *("erased_at", "recorded_at"),
    )
    return header, [[getattr(member, "id" if name == "member_id" else name) for name in header]]


def _accounts(whole: Dossier) -> Table:
    """What the member was called before, and which accounts were merged."""
    rows: list[Cells] = [
        (name.member_id, "former external_id", name.external_id, None, name.recorded_at)
        for name in whole.former_names
    ]
    rows += [(merge.from_id, "merged into", None, merge.into_id, merge.recorded_at) for merge in whole.merges]
    return ("member_id", "what", "external_id", "into_member_id", "recorded_at"), rows


def _guardianship(whole: Dossier) -> Table:
    rows: list[Cells] = [
        (f"guardian:{one.id}", one.member_id, "set" if one.present else "ended", one.recorded_at)
        for one in whole.guardians
    ]
    return ("id", "member_id", "guardian", "recorded_at"), rows


def _timeline(whole: Dossier) -> Table:
    header = ("policy", "revision", "revision_date", "since", "until", "basis", "evidence", "forecast", "known_at")
    rows: list[Cells] = [
        (
            line.policy, one.revision, one.revision_date, one.since, one.until, one.basis.value,
            " ".join(one.evidence), one.forecast, line.known_at,
        )
        for line in whole.lines
        for one in line.stretches
    ]  # fmt: skip
    return header, rows


def _upcoming(whole: Dossier) -> Table:
    header = ("policy", "revision", "revision_date", "rule", "significant", "effective_at", "applies_from")
    rows: list[Cells] = [
        (
            line.policy, one.revision, one.revision_date, one.rule, one.significant, one.effective_at,
            one.applies_from,
        )
        for line in whole.lines
        for one in line.upcoming
    ]  # fmt: skip
    return header, rows


def _notices(told: Sequence[Told]) -> Table:
    header = (
        *("delivery_id", "notice_id", "kind", "policy", "revision", "base_revision", "channel", "locale"),
        *("state", "said", "since", "applies_from"),
    )
    rows: list[Cells] = [
        (
            one.row.delivery_id, one.notice.id, one.notice.kind, one.policy.slug, one.revision.number,
            one.row.base, one.row.channel, one.row.locale, one.row.state, one.row.said, one.row.at,
            one.applies_from,
        )
        for one in told
    ]  # fmt: skip
    return header, rows


def _attempts(told: Sequence[Told]) -> Table:
    header = (
        *("delivery_id", "attempt_id", "sender", "state", "said", "provider_message_id", "started_at"),
        *("doubted_at", "recorded_at", "applies_from", "duplicate"),
    )
    rows: list[Cells] = [
        (one.row.delivery_id, each.id, *(getattr(each, name) for name in header[2:]))
        for one in told
        for each in one.attempts
    ]
    return header, rows


def _events(told: Sequence[Told]) -> Table:
    header = ("id", "delivery_id", "attempt_id", "event", "happened_at", "recorded_at")
    rows: list[Cells] = [
        (f"event:{event.id}", *(getattr(event, name) for name in header[1:]))
        for one in told
        for event in one.events
    ]
    return header, rows


def _strays(whole: Dossier) -> Table:
    rows: list[Cells] = [
        (one.event.id, one.whose, one.event.event, one.event.happened_at, one.event.recorded_at)
        for one in whole.strays
    ]
    return ("id", "address_of", "event", "happened_at", "recorded_at"), rows


def _acknowledgements(whole: Dossier) -> Table:
    header = ("id", "policy", "revision", "kind", "actor", "route", "locale", "shown_sha256", "recorded_at")
    rows: list[Cells] = [
        (
            f"acknowledgement:{one.word.id}", one.policy.slug, one.revision.number,
            *(getattr(one.word, name) for name in header[3:]),
        )
        for one in whole.said
    ]  # fmt: skip
    return header, rows


def _suppressions(whole: Dossier) -> Table:
    header = ("id", "address_of", "reason", "delivery_id", "recorded_at", "lifted_at", "lifted_by")
    rows: list[Cells] = [
        (one.suppression.id, one.whose, *(getattr(one.suppression, name) for name in header[2:]))
        for one in whole.barred
    ]
    return header, rows


def _revocations(whole: Dossier) -> Table:
    rows: list[Cells] = [(one.id, one.member_id, one.delivery_id, one.recorded_at) for one in whole.revocations]
    return ("id", "member_id", "delivery_id", "recorded_at"), rows


def _audit(whole: Dossier) -> Table:
    rows: list[Cells] = [(e.id, e.recorded_at, e.actor, e.action, e.subject) for e in whole.audited]
    return ("id", "recorded_at", "actor", "action", "subject"), rows


_README = """\
All that Gazette has on record of one member, as known at {now}.

UTF-8, a header row in each file, instants in UTC. A cell that begins with = + - @, a tab or a line end has an
apostrophe before it, so that no spreadsheet takes it for a formula.

profile.csv           who they are to us, and how long they are retained
accounts.csv          what they were called before, and which of their accounts were merged
guardianship.csv      from when they had a guardian, and had none
timeline.csv          which text governed them from when until when, why, and the facts that show it
upcoming.csv          texts that are published and do not govern them yet
notices.csv           what they were owed, and what became of each: see state and said
attempts.csv          each request that carried, or may have carried, one of their letters
events.csv            what providers and pages reported of these letters
reports_unmatched.csv what was reported of their address, and of no letter that is known
acknowledgements.csv  what they, or their guardian, said of which text
suppressions.csv      whether their address is not written to, and why
links_revoked.csv     when links of theirs were taken back
audit.csv             what was done with their record, and by whom

Subscriptions to news of changes are kept apart from members, with no link between the two, and are not in here:
whoever gave an address there ends that by a link in each of its letters.
"""
