"""Import and export of dated histories: plan what a history adds to the record, then carry it out.

Planning reads and decides but writes nothing, so that the transaction that writes is short and whole:
of a policy whose history does not fit the record, nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import yaml
from sqlmodel import Session, select

from errors import FrontMatterInvalid, ImportConflict, Refusal, TextNotReadable
from policy_versions import archive, audit, chain, dates, deciding, markdown, policies
from policy_versions.archive import Entry
from policy_versions.models import DecisionRecord, Filing, Policy, Revision, Telling
from policy_versions.policies import PolicyFields

OURS = "gazette"


@dataclass(frozen=True, slots=True)
class DatedFile:
    """One dated text as it lies in a folder or a git history. `where` names it for people."""

    date: dates.RevisionDate
    sequence: int
    data: bytes
    where: str

    @property
    def order(self) -> tuple[object, ...]:
        return self.date.order, self.sequence

    @property
    def key(self) -> tuple[str, int]:
        return str(self.date), self.sequence


@dataclass(frozen=True, slots=True)
class DatedHistory:
    """A policy's dated texts, in order of date and of number within a day."""

    fields: PolicyFields
    files: tuple[DatedFile, ...]
    where: str


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What our own front matter says of a revision; the rest of the file is its text."""

    raw: str = ""
    published: datetime | None = None
    effective: datetime | None = None
    rule: str | None = None
    notice_days: int | None = None
    summary: str = ""
    controller: str | None = None

    @property
    def says_how(self) -> bool:
        """Whether it gives the text a date or rule of its own, so that an equal text is a new revision."""
        return self.effective is not None or self.rule is not None


@dataclass(frozen=True, slots=True)
class Step:
    """One file's part in an import: a revision to append, or (None) a further date of the one before."""

    file: DatedFile
    front: FrontMatter
    text: archive.Text | None
    judged: deciding.Judgement | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import will do to one policy. known: files on record already."""

    history: DatedHistory
    policy: Policy | None
    known: int
    steps: tuple[Step, ...]
    seen: int  # revisions on record when this was planned

    @property
    def revisions(self) -> int:
        return sum(step.text is not None for step in self.steps)


@dataclass(slots=True)
class _Draft:
    """The record as it will be, while planning."""

    zone: ZoneInfo
    now: datetime
    entries: list[Entry] = field(default_factory=list)

    @property
    def last(self) -> Revision | None:
        return self.entries[-1].revision if self.entries else None


# -- planning -----------------------------------------------------------------------------------


def plan(
    session: Session,
    history: DatedHistory,
    *,
    now: datetime,
    progress: Callable[[], None] = lambda: None,
) -> Plan:
    """Work out what a history adds. progress: called once for each file.

    Raises: ImportConflict when the record holds another history; any Refusal that a text or its dates meet,
    with the file named.
    """
    found = policies.find(session, history.fields.slug)
    if found is None:
        policies.check_slug(history.fields.slug)
    entries = archive.history(session, found).entries if found else ()
    filings = _expected(history, archive.filings(session, found), entries) if found else ()
    known = _known(history, filings, {e.revision.id: e.revision for e in entries})
    new = history.files[known:]
    if new and any(not e.revision.imported for e in entries):
        raise ImportConflict(
            f"{history.where}: {history.fields.slug} has revisions published here, so past dates "
            f"can no longer be imported; {new[0].where} is not on record."
        )
    zone = found.zone if found else dates.zone(history.fields.time_zone)
    draft = _Draft(zone, now, list(entries))
    steps: list[Step] = []
    for file in history.files:
        if len(steps) < len(new) and file is new[len(steps)]:
            steps.append(_named(draft, file))
        progress()
    return Plan(history, found, known, tuple(steps), len(entries))


def _expected(history: DatedHistory, filings: Sequence[Filing], entries: Sequence[Entry]) -> Sequence[Filing]:
    """The files on record that a history is to hold: an export leaves out what was withdrawn."""
    live = {entry.revision.id for entry in entries if entry.live}
    given = {file.key for file in history.files}
    return [f for f in filings if f.revision_id in live or (f.revision_date, f.sequence) in given]


def _known(history: DatedHistory, filings: Sequence[Filing], revisions: dict[int | None, Revision]) -> int:
    """How many of the files are on record: all of the record's, in order, or all of the history's."""
    for file, filing in zip(history.files, filings, strict=False):
        text = revisions[filing.revision_id].text
        same = file.key == (filing.revision_date, filing.sequence)
        if not same or not _same_bytes(file, filing, revisions[filing.revision_id], text):
            raise ImportConflict(
                f"{history.where}: {history.fields.slug} is on record with another history "
                f"({file.where} differs from what is kept as {filing.name}); import it under a --prefix."
            )
    return min(len(history.files), len(filings))


def _same_bytes(file: DatedFile, filing: Filing, revision: Revision, text: str) -> bool:
    if revision.imported:
        return file.data == (filing.front_matter + text).encode()
    return file.data.endswith(text.encode())  # published here: its front matter was made by the export


def _named(draft: _Draft, file: DatedFile) -> Step:
    """Plan one file; a refusal names it."""
    try:
        return _step(draft, file)
    except FrontMatterInvalid:
        raise
    except Refusal as refusal:
        raise ImportConflict(f"{file.where}: {refusal}") from refusal


def _step(draft: _Draft, file: DatedFile) -> Step:
    front, body = read_front_matter(file, draft.zone)
    markdown.check(body)
    last = draft.last
    if last is not None and last.sha256 == chain.sha256(body) and not front.says_how:
        return Step(file, front, None, None)
    text = _text(draft, file, front, body)
    # A stand-in for the row to come, so that later files of this import are compared with it.
    revision = Revision(
        policy_id=0,
        number=last.number + 1 if last else 1,
        sha256=chain.sha256(body),
        chain="",
        recorded_at=draft.now,
        **{name: getattr(text, name) for name in archive.Text.__slots__},
    )
    judged = deciding.judge(draft.entries, revision)
    decision = DecisionRecord(revision_id=0, verdict=judged.verdict, decided_at=draft.now, recorded_at=draft.now)
    draft.entries.append(Entry(revision, None, decision))
    return Step(file, front, text, judged)


def _text(draft: _Draft, file: DatedFile, front: FrontMatter, body: str) -> archive.Text:
    """A text is in force from the end of the span its date names, unless its front matter says otherwise."""
    if file.date.starts(draft.zone) > draft.now:
        raise ImportConflict("its date has not come yet; a text to come is published, not imported")
    floor = draft.last.effective_at if draft.last else None
    if front.effective is not None and floor is not None and front.effective < floor:
        raise ImportConflict("it would come into force before the text that precedes it")
    over = file.date.ends(draft.zone)
    effective = front.effective or (max(over, floor) if floor else over)
    published = front.published or min(over, effective, draft.now)
    if effective < published or published > draft.now:
        raise ImportConflict("it would be in force before it was published")
    rule = front.rule or "posting"
    notice_days = front.notice_days or 0
    archive.check_rule(rule, notice_days)
    return archive.Text(
        body,
        str(file.date),
        published_at=published,
        effective_at=effective,
        rule=rule,
        notice_days=notice_days if rule == "notice" else 0,
        summary=front.summary,
        imported=True,
        controller=front.controller,
    )


# -- front matter -------------------------------------------------------------------------------


def read_front_matter(file: DatedFile, zone: ZoneInfo) -> tuple[FrontMatter, str]:
    """Part a file into our own front matter and its text. A front matter that is not ours is part of the text.

    Raises: TextNotReadable when it is not UTF-8; FrontMatterInvalid.
    """
    try:
        whole = file.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextNotReadable("it is not UTF-8") from error
    raw, body = markdown.split_front_matter(whole)
    said = _ours(raw, file.where)
    if said is None:
        return FrontMatter(), whole
    try:
        return _front_matter(raw, said, zone), body
    except (ValueError, TypeError, Refusal) as error:
        raise FrontMatterInvalid(file.where, str(error).rstrip(".")) from error


def read_yaml(raw: str, where: str) -> object:
    """Read YAML that somebody else wrote. Raises: FrontMatterInvalid for whatever cannot be made sense of."""
    try:
        return yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        # beside its own errors, the parser lets through those of what it builds: 2018-13-45, !!int "", [[[[…
        raise FrontMatterInvalid(where, "it is not YAML") from error


def is_text(value: str) -> bool:
    """Whether it can be kept. YAML writes escapes for characters that no UTF-8 file can hold."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _ours(raw: str, where: str) -> dict[str, object] | None:
    lines = raw.strip().splitlines()[1:-1]
    if not any(line.startswith(f"{OURS}:") for line in lines):
        return None  # the common case, without parsing other people's YAML
    document = read_yaml("\n".join(lines), where)
    said = document.get(OURS) if isinstance(document, dict) else None
    return said if isinstance(said, dict) else {} if isinstance(document, dict) and said is None else None


def _front_matter(raw: str, said: dict[str, object], zone: ZoneInfo) -> FrontMatter:
    known = {"published", "effective", "rule", "notice_days", "summary", "controller"}
    if unknown := sorted(map(str, said.keys() - known)):
        raise ValueError(f"“{unknown[0]}” is no key of it")
    if nested := [key for key, value in said.items() if isinstance(value, (dict, list, set, tuple, bytes))]:
        raise ValueError(f"“{nested[0]}” is a single value")
    summary = str(said.get("summary") or "").strip()
    if not is_text(summary):
        raise ValueError("the summary holds characters that are no text")
    days = said.get("notice_days")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool)):
        raise ValueError("notice_days is a whole number")
    return FrontMatter(
        raw=raw,
        published=_instant(said.get("published"), zone),
        effective=_instant(said.get("effective"), zone),
        rule=str(said["rule"]) if said.get("rule") is not None else None,
        notice_days=days,
        summary=summary,
        controller=policies.one_line(str(said.get("controller") or ""), "controller") or None,
    )


def _instant(value: object, zone: ZoneInfo) -> datetime | None:
    """A date is its first instant in the policy's time zone; an instant is taken as it is.

    Raises: ValueError; DateMalformed when it lies outside the years that are taken.
    """
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        dates.check(value)
        return dates.midnight(value, zone)
    read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    dates.check(read)
    return read if read.tzinfo else read.replace(tzinfo=zone)


def write_front_matter(revision: Revision) -> str:
    """The front matter of a revision published here, from which an import makes the same revision again."""
    said = {
        "published": revision.published_at.isoformat(),
        "effective": revision.effective_at.isoformat(),
        "rule": revision.rule,
        "notice_days": revision.notice_days,
        "summary": revision.summary,
        **({"controller": revision.controller} if revision.controller else {}),
    }
    return f"---\n{yaml.safe_dump({OURS: said}, allow_unicode=True, sort_keys=False)}---\n"


# -- carrying out -------------------------------------------------------------------------------


def carry_out(session: Session, made: Plan, *, actor: str, now: datetime) -> Policy:
    """Write a plan. Raises: ImportConflict when the record has moved on since it was planned."""
    if made.policy is None:
        policy = policies.create_policy(session, made.history.fields, actor=actor, now=now)
    else:
        policy = policies.lock(session, made.policy.slug)
    record = archive.history(session, policy)
    if len(record.entries) != made.seen:
        raise ImportConflict(f"{made.history.where}: the policy changed while it was read; import it again.")
    entries = list(record.entries)
    for step in made.steps:
        _write(session, policy, entries, step, actor=actor, now=now)
    if made.steps:
        head = entries[-1].revision.chain
        audit.record(
            session, actor=actor, action="imported", subject=f"policy {policy.id}", now=now,
            revisions=made.revisions, files=len(made.steps), chain=head,
        )  # fmt: skip
    return policy


def _write(
    session: Session, policy: Policy, entries: list[Entry], step: Step, *, actor: str, now: datetime
) -> None:
    if step.text is not None and step.judged is not None:
        record = archive.History(policy, tuple(entries[-1:]))
        revision = archive.append(session, record, step.text, actor=actor, now=now)
        judged = _rebased(step.judged, entries)
        decision = deciding.write(session, revision, judged, now=now, decided_at=revision.published_at)
        entries.append(Entry(revision, None, decision))
    archive.file(
        session,
        entries[-1].revision,
        str(step.file.date),
        sequence=step.file.sequence,
        front_matter=step.front.raw,
    )


def _rebased(judged: deciding.Judgement, entries: Sequence[Entry]) -> deciding.Judgement:
    """Name the rows now written in place of the stand-ins that were compared."""
    from dataclasses import replace

    rows = {entry.number: entry.revision for entry in entries}
    return replace(
        judged,
        previous=rows[judged.previous.number] if judged.previous else None,
        cumulative=rows[judged.cumulative.number] if judged.cumulative else None,
    )


def told_through(session: Session, policy: Policy, day: date, *, now: datetime) -> Telling | None:
    """Record as an imported fact that members who had joined by the end of a day were told of the texts so far.

    Returns None where no revision is that old, or the fact is on record already. Raises: ImportConflict.
    """
    begins, over = (dates.midnight(d, policy.zone) for d in (day, day + timedelta(days=1)))
    record = archive.history(session, policy)
    live = [e.revision.published_at for e in record.entries if not e.revision.imported]
    if begins > now or (live and over > min(live)):
        raise ImportConflict("--told-through names a day on or after the first revision published here.")
    at = min(over - dates.INSTANT, now)  # the day's last instant: who joins at midnight has joined the day after
    told = [e.revision for e in record.entries if e.live and e.revision.date.first_day <= day]
    if not told:
        return None
    made = Telling(policy_id=policy.id or 0, revision_id=told[-1].id or 0, told_at=at, recorded_at=now)
    known = select(Telling.id).where(
        Telling.policy_id == made.policy_id,
        Telling.revision_id == made.revision_id,
        Telling.told_at == made.told_at,
    )
    if session.exec(known).first() is not None:
        return None
    session.add(made)
    session.flush()
    return made


def export(session: Session, policy: Policy) -> list[tuple[str, bytes]]:
    """A policy's files as (name, bytes); what was imported comes out as it went in."""
    record = archive.history(session, policy)
    live = {e.revision.id: e.revision for e in record.entries if e.live}
    files = [("policy.yaml", policy.manifest.encode())] if policy.manifest else []
    for filing in archive.filings(session, policy):
        revision = live.get(filing.revision_id)
        if revision is not None:
            front = filing.front_matter if revision.imported else write_front_matter(revision)
            files.append((f"{filing.name}.md", (front + revision.text).encode()))
    return files
