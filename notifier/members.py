"""Members: brought in from a file, erased, and purged when they are no longer retained."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy import update as sa_update
from sqlmodel import Session, col, func, insert, select

from errors import FileInvalid, NoSuchMember, RowInvalid
from notifier import addresses, lineage
from notifier.models import Delivery, GuardianChange, Member, Suppression
from policy_versions import audit, dates

COLUMNS = ("external_id", "email", "locale", "joined_at", "retained_until", "guardian_email")
CHUNK = 1000
LONG = timedelta(seconds=30)  # half of what others wait for one who is about to commit
LONGEST_LINE = 64 * 1024
LONGEST_KEY = 255
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]")


def retained(now: datetime) -> ColumnElement[bool]:
    """The members whose personal information is retained at an instant: at once, before anything is purged."""
    lapse = col(Member.retained_until)
    return and_(col(Member.erased_at).is_(None), or_(lapse.is_(None), lapse > now))


def by_external_id(session: Session, external_id: str) -> Member:
    """Raises: NoSuchMember, for an erased member as for any stranger."""
    if not can_be_a_key(external_id):
        raise NoSuchMember
    found = session.exec(select(Member).where(Member.external_id == external_id)).one_or_none()
    if found is None:
        raise NoSuchMember
    return found


# -- import -------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A member as given by a file, checked. given: the columns it has; the others say nothing."""

    external_id: str
    email: str | None
    locale: str
    joined_at: datetime
    retained_until: datetime | None
    guardian_email: str | None
    given: frozenset[str]


@dataclass(slots=True)
class Report:
    """What an import did. rejected: (line, sentence) of each row left out; the first 10,000 are kept."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def reject(self, line: int, sentence: str) -> None:
        self.refused += 1
        if len(self.rejected) < 10_000:
            self.rejected.append((line, sentence))


def read(path: Path) -> Iterator[tuple[int, Mapping[str, Any] | RowInvalid]]:
    """Stream a CSV or JSON-lines file as (line, fields); a line that cannot be read comes as its refusal.

    Raises: FileInvalid when the file as a whole is of neither kind.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            json_lines = path.suffix.lower() in (".jsonl", ".ndjson", ".json")
            yield from _json_lines(file) if json_lines else _csv(file, path)
    except OSError as error:
        raise FileInvalid(f"{path} cannot be read: {error.strerror}.") from error


def _csv(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any] | RowInvalid]]:
    reader = csv.DictReader(lines, strict=True)
    try:
        header = set(reader.fieldnames or ())
    except csv.Error as error:
        raise FileInvalid(f"{path} is not CSV: {error}.") from error
    if "external_id" not in header:
        raise FileInvalid(f"{path} has no column external_id; its columns are to be among {', '.join(COLUMNS)}.")
    if unknown := sorted(header - set(COLUMNS)):
        raise FileInvalid(f"{path} has a column “{unknown[0]}”; its columns are to be among {', '.join(COLUMNS)}.")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, RowInvalid(f"it is not CSV ({error})")
            continue
        yield reader.line_num, _whole(row)


def _whole(row: dict[str | Any, Any]) -> Mapping[str, Any] | RowInvalid:
    if None in row:
        return RowInvalid("it has more cells than the header")
    if None in row.values():
        return RowInvalid("it has fewer cells than the header")
    return row


def _json_lines(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | RowInvalid]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            yield number, RowInvalid(f"the line is longer than {LONGEST_LINE:,} characters")
            continue
        yield number, _object(line)


def _object(line: str) -> Mapping[str, Any] | RowInvalid:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return RowInvalid("it is not a JSON object")
    if not isinstance(fields, dict):
        return RowInvalid("it is not a JSON object")
    if unknown := sorted(fields.keys() - set(COLUMNS)):
        return RowInvalid(f"“{unknown[0]}” is no field of a member")
    return fields


def check(fields: Mapping[str, Any], *, now: datetime) -> Row:
    """Check one row. Raises: RowInvalid."""
    given = {name: _text(name, fields.get(name)) for name in COLUMNS}
    if not given["external_id"]:
        raise RowInvalid("external_id is empty")
    if len(given["external_id"]) > LONGEST_KEY:
        raise RowInvalid(f"external_id is longer than {LONGEST_KEY} characters")
    if not can_be_given(given["external_id"]):
        raise RowInvalid("external_id holds a line break or another character that nobody sees")
    joined = _instant("joined_at", given["joined_at"]) or now
    if joined.year < dates.FIRST_YEAR:
        raise RowInvalid(f"joined_at is before the year {dates.FIRST_YEAR}")
    if joined > now:
        raise RowInvalid("joined_at is in the future")
    return Row(
        external_id=given["external_id"],
        email=addresses.checked(given["email"]) if given["email"] else None,
        locale=_locale(given["locale"]),
        joined_at=joined,
        retained_until=_instant("retained_until", given["retained_until"]),
        guardian_email=addresses.checked(given["guardian_email"]) if given["guardian_email"] else None,
        given=frozenset(fields),
    )


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RowInvalid(f"{name} is not a text")
    text = str(value).strip()
    if not _is_text(text):
        raise RowInvalid(f"{name} holds characters that are not UTF-8 text")
    return text


def can_be_a_key(external_id: str) -> bool:
    """Whether a member could have it; what could not is not looked up, for databases refuse some of it."""
    return 0 < len(external_id) <= LONGEST_KEY and _is_text(external_id)


def can_be_given(external_id: str) -> bool:
    """Whether a member may get it as a key, by a file as through the API: no line break gets into a name."""
    return can_be_a_key(external_id) and not _UNSEEN.search(external_id)


def _is_text(text: str) -> bool:
    return not any(
        c in "\x00\ufffd" or "\ud800" <= c <= "\udfff" for c in text
    )  # JSON may escape half a character


def _locale(written: str) -> str:
    locale = (written or "en").replace("_", "-")
    if not (locale.isascii() and locale.replace("-", "").isalnum() and 2 <= len(locale) <= 35):
        raise RowInvalid("the locale is not one such as en or de-AT")
    return locale


def _instant(name: str, written: str) -> datetime | None:
    """A date is its first instant; a time without an offset is UTC."""
    if not written:
        return None
    try:
        if len(written) == 10:
            read = datetime.combine(date.fromisoformat(written), datetime.min.time())
        else:
            read = datetime.fromisoformat(written)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RowInvalid(f"{name} is not a date such as 2024-05-01 or 2024-05-01T12:00:00Z") from error


def bring_in(
    session: Session,
    rows: Iterable[tuple[int, Mapping[str, Any] | RowInvalid]],
    *,
    secret: str,
    now: datetime,
    finished: Callable[[], datetime] | None = None,
) -> Iterator[Report]:
    """Import rows in the caller's one transaction; yields the report after each chunk, for a progress bar.

    A member on record already is brought up to date in what the rows say; `joined_at` stays as first set.
    Nobody is mailed. finished: tells the instant at the end, since a large file takes longer than others wait for
    whoever is about to commit.
    """
    report = Report()
    first_new = (session.exec(select(func.max(Member.id))).one() or 0) + 1
    stream = iter(rows)
    while chunk := list(islice(stream, CHUNK)):
        _bring_in_chunk(session, _checked(chunk, report, now), report, first_new, secret=secret, now=now)
        yield report
    ended = finished() if finished else now
    if ended - now > LONG:
        _record_as_of(session, ended, began=now, first_new=first_new)
    audit.record(
        session, actor="command line", action="members imported", subject="members", now=max(now, ended),
        added=report.added, changed=report.changed, refused=report.refused,
    )  # fmt: skip
    yield report


def _record_as_of(session: Session, ended: datetime, *, began: datetime, first_new: int) -> None:
    """Date what was recorded at the beginning by the end: an answer given meanwhile stays as it was given.

    Of new members the guardians stay as old as their membership.
    """
    session.exec(
        sa_update(Member)
        .where(col(Member.id) >= first_new, col(Member.recorded_at) == began)
        .values(recorded_at=ended)
    )
    session.exec(
        sa_update(GuardianChange)
        .where(col(GuardianChange.member_id) < first_new, col(GuardianChange.recorded_at) == began)
        .values(recorded_at=ended)
    )


def _checked(
    chunk: Sequence[tuple[int, Mapping[str, Any] | RowInvalid]], report: Report, now: datetime
) -> dict[str, tuple[int, Row]]:
    good: dict[str, tuple[int, Row]] = {}
    for line, fields in chunk:
        try:
            if isinstance(fields, RowInvalid):
                raise fields
            row = check(fields, now=now)
            if row.external_id in good:
                raise RowInvalid(f"its external_id stands on line {good[row.external_id][0]} already")
            good[row.external_id] = line, row
        except RowInvalid as refusal:
            report.reject(line, str(refusal))
    return good


def _bring_in_chunk(
    session: Session,
    good: dict[str, tuple[int, Row]],
    report: Report,
    first_new: int,
    *,
    secret: str,
    now: datetime,
) -> None:
    found = session.exec(select(Member).where(col(Member.external_id).in_(list(good))))
    known = {member.external_id: member for member in found}
    new = []
    for line, row in good.values():
        member = known.get(row.external_id)
        if member is None:
            new.append(row)
        elif (member.id or 0) >= first_new:
            report.reject(line, "its external_id stands on an earlier line already")
        else:
            _update_or_reject(session, line, member, row, report, secret=secret, now=now)
    insert_rows(session, new, secret=secret, now=now)
    report.added += len(new)
    session.flush()
    session.expunge_all()  # memory stays flat over a large file


def _update_or_reject(
    session: Session, line: int, member: Member, row: Row, report: Report, *, secret: str, now: datetime
) -> None:
    try:
        if update(session, member, row, secret=secret, now=now):
            report.changed += 1
        else:
            report.unchanged += 1
    except RowInvalid as refusal:
        report.reject(line, str(refusal))


def insert_rows(session: Session, rows: Sequence[Row], *, secret: str, now: datetime) -> None:
    """Add members who are on record nowhere yet."""
    if not rows:
        return
    session.execute(insert(Member), [_values(row, secret, now) for row in rows])
    wards = [row for row in rows if row.guardian_email]
    if wards:
        ids = session.exec(
            select(Member.id, Member.joined_at).where(col(Member.external_id).in_([r.external_id for r in wards]))
        ).all()
        # an imported fact: the guardian has been there from the start
        facts = [{"member_id": i, "present": True, "recorded_at": joined} for i, joined in ids]
        session.execute(insert(GuardianChange), facts)


def _values(row: Row, secret: str, now: datetime) -> dict[str, object]:
    values = {name: getattr(row, name) for name in COLUMNS}
    return {**values, "email_key": _key(row.email, secret), "recorded_at": now}


def _key(email: str | None, secret: str) -> str | None:
    return addresses.key(email, secret) if email else None


def update(session: Session, member: Member, row: Row, *, secret: str, now: datetime) -> bool:
    """Bring a member up to date; whether anything changed.

    A column that is not there leaves what is on record; an empty cell clears it. `joined_at` never changes.
    Raises: RowInvalid, where an end that is over would move: what governed them until now, governed them.
    """
    new = {name: getattr(row, name) for name in ("email", "locale", "retained_until", "guardian_email")}
    changes = {name: new[name] for name in new if name in row.given and new[name] != getattr(member, name)}
    if not changes:
        return False
    _check_end(member, changes.get("retained_until"), now)
    guarded = bool(member.guardian_email)
    for name, value in changes.items():
        setattr(member, name, value)
    if bool(member.guardian_email) != guarded:
        session.add(GuardianChange(member_id=member.id or 0, present=not guarded, recorded_at=now))
    member.email_key = _key(member.email, secret)
    session.add(member)
    return True


def _check_end(member: Member, new: datetime | None, now: datetime) -> None:
    """Raises: RowInvalid."""
    if member.retained_until is not None and member.retained_until <= now:
        raise RowInvalid("the member is no longer retained, and erased shortly; bring them in again after that")
    if new is not None and new <= now:
        raise RowInvalid("retained_until of a member on record cannot be in the past; erase them instead")


# -- erasure ------------------------------------------------------------------------------------


def erase(session: Session, member: Member, *, actor: str, now: datetime) -> list[int]:
    """Cut the link between a person and their timeline; no personal information stays in the database.

    The accounts that were merged into theirs go with it: their letters, and every name that any of them had.
    Returns: the ids of the deliveries, whose letters the caller has the sender forget.
    """
    accounts = lineage.accounts(session, member.id or 0)
    lineage.forget_names(session, accounts)
    member.external_id = member.email = member.email_key = member.guardian_email = None
    member.erased_at = now
    session.add(member)
    session.flush()
    audit.record(session, actor=actor, action="member erased", subject=f"member {member.id}", now=now)
    theirs = select(Delivery.id).where(col(Delivery.member_id).in_(accounts))
    ids = [i for i in session.exec(theirs) if i is not None]
    # An address stays suppressed, but says no more by which letter, which would lead from it to the pseudonym.
    session.exec(sa_update(Suppression).where(col(Suppression.delivery_id).in_(ids)).values(delivery_id=None))
    return ids


def lapsed(session: Session, *, now: datetime, limit: int = CHUNK) -> Sequence[Member]:
    """Members no longer retained whose personal information is still here."""
    return session.exec(
        select(Member)
        .where(col(Member.erased_at).is_(None), col(Member.retained_until) <= now)
        .order_by(col(Member.retained_until))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
