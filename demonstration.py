"""`gazette demo`: the main job told in the terminal, on an empty temporary database, by the real services."""

from __future__ import annotations

import secrets
import tempfile
import time
from datetime import datetime
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

import database
import quickstart
import settings as configuration
from app import build_runtime
from database import reading, writing
from notifier import facts, progress, scheduler
from notifier.models import Member, Notice
from notifier.runtime import Runtime
from policy_versions import applicability, archive, dates, policies
from policy_versions.applicability import Timeline
from policy_versions.archive import Entry, History, Publication
from policy_versions.models import Revision

SLUG = "privacy-policy"
SHOWN = ("scan-0002", "scan-0014", "scan-0019")  # told by letter; by the site notice only; through a guardian
PATIENCE = 15.0  # seconds for the scheduler to decide, open and write the letters
NOTICE_DAYS = 30


def run() -> None:
    """Tell it. Raises: SettingInvalid and its kin, as a start would."""
    console = Console(highlight=False, soft_wrap=False)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gazette-demo-") as folder:
        runtime = _house(Path(folder))
        try:
            _tell(console, runtime, Path(folder))
        finally:
            runtime.engine.dispose()
    console.print(f"\nThat took {time.monotonic() - started:.1f} s; the temporary database is gone again.")


def _house(folder: Path) -> Runtime:
    settings = configuration.load(
        secret_key=secrets.token_urlsafe(48),
        company_name="Plover Instruments",
        company_address="Plover Instruments AB, Uppsala, Sweden",
        contact_email="privacy@plover.example",
        public_url="https://policies.plover.example",
        database_url=f"sqlite:///{folder / 'demo.db'}",
        mail=f"folder:{folder / 'outbox'}",
        tick_seconds=0.2,
    )
    engine = database.create_engine(settings.database_url)
    database.migrate(engine)
    engine.dispose()
    return build_runtime(settings)


def _tell(console: Console, runtime: Runtime, folder: Path) -> None:
    _heading(console, "1. The record comes in")
    console.print(quickstart.load_examples(runtime.engine, runtime.settings, actor="demo"))
    before = _timelines(runtime)
    _heading(console, "2. A revision is published")
    revision = _publish(runtime)
    console.print(
        f"Privacy policy, No. {revision.number}, by notice of {NOTICE_DAYS} days. “{revision.summary}”",
        f"\nSHA-256 {revision.sha256}",
    )
    _heading(console, "3. The scheduler decides it, opens the notice and writes the letters")
    notice = _wait(runtime)
    record = _record(runtime)
    _decision(console, record, record.entry(revision.number))
    _heading(console, "4. Who was told, who was not, and why")
    _told(console, runtime, notice)
    _letter(console, folder)
    _heading(console, "5. Which text governs three members, before and after")
    _compare(console, runtime, before, _timelines(runtime))


def _heading(console: Console, words: str) -> None:
    console.print(f"\n[bold]{words}[/bold]")


def _publish(runtime: Runtime) -> Revision:
    text = (quickstart.EXAMPLES / "drafts" / "privacy-policy-next.md").read_text(encoding="utf-8")
    with writing(runtime.engine) as session:
        policy = policies.lock(session, SLUG)
        now = runtime.clock.now(session)
        given = Publication(
            text,
            rule="notice",
            notice_days=NOTICE_DAYS,
            summary="Scans you choose to contribute may train our recognition software, a company in Canada "
            "helps with that, and payment references are kept for 24 months.",
        )
        return archive.publish(session, policy, given, actor="demo", now=now)


def _wait(runtime: Runtime) -> Notice:
    """Let the scheduler's own jobs run until the notice is complete."""
    running = scheduler.start(runtime)
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with reading(runtime.engine) as session:
                notice = session.exec(select(Notice)).first()
            if notice is not None and notice.state == "complete":
                return notice
            time.sleep(0.1)
    finally:
        running.shutdown(wait=True)
    raise SystemExit(f"The scheduler has not finished within {PATIENCE:.0f} s.")


def _record(runtime: Runtime) -> History:
    with reading(runtime.engine) as session:
        return archive.history(session, policies.policy(session, SLUG))


def _decision(console: Console, record: History, entry: Entry) -> None:
    decision = entry.decision
    assert decision is not None
    base = record.before(entry.number)
    console.print(
        f"[bold]{decision.verdict.capitalize()}[/bold], level {decision.level} of 4, by engine {decision.engine}, "
        f"compared with No. {base.number if base else '-'}. Findings:"
    )
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for name in ("Category", "Level", "Section", "What and why", "Rule"):
        table.add_column(name, overflow="fold")
    for finding in decision.findings:
        table.add_row(
            finding["category"], str(finding["level"]), finding["section"], finding["reason"], finding["rule"]
        )
    console.print(table)


def _told(console: Console, runtime: Runtime, notice: Notice) -> None:
    with reading(runtime.engine) as session:
        rows = progress.deliveries(session, notice, limit=None)
        omissions = progress.left_out(session, notice)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("What became of it", "Members", "Which"):
        table.add_column(name, overflow="fold")
    states: dict[str, list[progress.Row]] = {}
    for row in rows:
        words = f"{row.state}: {row.said}" if row.said else f"letter {row.state}"
        states.setdefault(words, []).append(row)
    for words, found in states.items():
        names = ", ".join(row.member for row in found[:4]) + (" …" if len(found) > 4 else "")
        table.add_row(words, str(len(found)), names)
    for omission in omissions:
        table.add_row(f"not told: {omission.reason}", str(omission.members), "")
    console.print(table)


def _letter(console: Console, folder: Path) -> None:
    """The head of one letter, as the member reads it in plain text."""
    file = sorted((folder / "outbox").glob("*.eml"), key=lambda f: int(f.stem))[0]
    message = BytesParser(policy=email_policy.default).parsebytes(file.read_bytes())
    part = message.get_body(("plain",))
    lines = part.get_content().splitlines() if part else []
    console.print(f"\nOne of the letters (to {message['To']}), its first lines:", style="dim")
    for line in lines[:16]:
        console.print(f"  │ {line}", markup=False)


def _timelines(runtime: Runtime) -> dict[str, Timeline]:
    with reading(runtime.engine) as session:
        record = archive.history(session, policies.policy(session, SLUG))
        policy = facts.of_policy(session, record)
        shown = session.exec(
            select(Member).where(col(Member.external_id).in_(SHOWN)).order_by(col(Member.external_id))
        ).all()
        found = facts.of_members(session, policy, shown)
        return {str(m.external_id): applicability.timeline(found[m.id]) for m in shown}


def _compare(console: Console, runtime: Runtime, before: dict[str, Timeline], after: dict[str, Timeline]) -> None:
    record = _record(runtime)
    zone, latest = record.policy.zone, record.entries[-1].number
    with reading(runtime.engine) as session:
        now = runtime.clock.now(session)
    for name in SHOWN:
        console.print(f"\n{name}")
        for label, timelines in (("before", before), ("after", after)):
            console.print(f"  [dim]{label}[/dim]")
            for span in timelines[name].spans[-3:]:
                start = dates.day_label(span.start, zone)
                end = dates.day_label(span.end, zone) if span.end else "…"
                console.print(
                    f"    No. {span.revision}  {start} – {end}  [{span.basis}, {span.evidence}]"
                    f"{_forecast(span.start, now)}",
                    markup=False,
                )
        if not _moves(after[name], now):
            console.print(f"    No. {latest} waits: it applies only once it is shown or accepted.", style="dim")


def _moves(timeline: Timeline, now: datetime) -> bool:
    return any(span.start > now for span in timeline.spans)


def _forecast(start: datetime, now: datetime) -> str:
    return "  forecast, if nothing more is recorded" if start > now else ""
