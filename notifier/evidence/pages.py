"""The readable part of a pack: an index, its redlines and a README. No scripts, nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from sqlmodel import Session

from notifier.evidence.spool import Spool
from policy_versions import comparing
from policy_versions.archive import History
from policy_versions.diff import redline
from policy_versions.models import Revision

TEMPLATES = Path(__file__).parents[2] / "templates" / "evidence"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["instant"] = instant
    return made


def instant(value: datetime | None) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if value else ""


def redlines(
    session: Session, spool: Spool, records: Sequence[History], decisions: Sequence[Mapping[str, Any]]
) -> None:
    """A page for each pair of texts that a decision compared."""
    by_id = {entry.revision.id: (record, entry.revision) for record in records for entry in record.entries}
    for decision in decisions:
        record, new = by_id[decision["revision_id"]]
        for base_id in (decision["previous_base_id"], decision["cumulative_base_id"]):
            if base_id is not None:
                _redline(session, spool, record, by_id[base_id][1], new)


def _redline(session: Session, spool: Spool, record: History, old: Revision, new: Revision) -> None:
    change = comparing.compare(session, old, new)
    page = _environment().get_template("redline.html")
    body = Markup(redline.html(change, context=1))  # noqa: S704 -- made of blocks that were cleaned
    spool.text(name(record.policy.slug, old, new), page.render(policy=record.policy, old=old, new=new, body=body))


def name(slug: str, old: Revision, new: Revision) -> str:
    return f"redlines/{slug}/{old.number:03}-{new.number:03}.html"


def index(
    spool: Spool,
    *,
    kind: str,
    title: str,
    shown: Mapping[str, Sequence[dict[str, Any]]],
    held: Mapping[str, Sequence[int]],
) -> None:
    """The page that a person opens first."""
    rows = {table: shown.get(table, ()) for table in _TOLD}
    by_id = {table: {row["id"]: row for row in rows[table]} for table in ("policy", "revision", "notice", "batch")}
    counts = {table: len(ids) for table, ids in sorted(held.items()) if ids}
    files = sorted(file for file in spool.hashes if file.startswith("redlines/"))
    page = _environment().get_template("index.html").render(
        kind=kind, title=title, rows=rows, by_id=by_id, counts=counts, redlines=files,
        personal="personal.json" in spool.hashes,
    )  # fmt: skip
    spool.text("index.html", page)
    personal = "personal.json" in spool.hashes
    said = _environment().get_template("README.md").render(title=title, kind=kind, personal=personal)
    spool.text("README.md", said)


_TOLD = (
    *("policy", "revision", "withdrawal", "decision", "translation", "timelines", "notice", "letter", "omission"),
    *("member", "member_merge", "guardian_change", "acknowledgement", "delivery", "delivery_event", "attempt"),
    "batch",
)
