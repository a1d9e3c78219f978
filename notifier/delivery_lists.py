"""A notice's deliveries as CSV that leaves the house; how a value stands in a cell is told in `cells`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlmodel import Session

from notifier.cells import Cells, lines
from notifier.deliveries import Row, Wanted, each_of
from notifier.models import Notice
from policy_versions import audit

HEADER = (
    *("delivery_id", "member_id", "external_id", "knew", "channel", "locale", "state", "said", "since"),
    *("batch_id", "attempt_id"),
)


def export(session: Session, notice: Notice, wanted: Wanted) -> Iterator[str]:
    """The deliveries that are wanted, as pieces of one CSV file; memory stays flat. session: a steady one."""
    return lines(_cells(each_of(session, notice, wanted)))


def _cells(rows: Iterable[Row]) -> Iterator[Cells]:
    yield HEADER
    for row in rows:
        yield (
            row.delivery_id, row.member_id, _name(row), row.base, row.channel, row.locale, row.state, row.said,
            row.at, row.batch_id, row.attempt_id,
        )  # fmt: skip


def _name(row: Row) -> str | None:
    """The host's key; of one erased there is none."""
    return None if row.member == f"erased member {row.member_id}" else row.member


def note(session: Session, notice: Notice, wanted: Wanted, *, actor: str, now: datetime) -> None:
    """Put on record that they were exported, and which."""
    said = {name: value for name, value in wanted._asdict().items() if value}
    audit.record(
        session, actor=actor, action="deliveries exported", subject=f"notice {notice.id}", now=now, **said
    )
