"""A member's page as plain values: bars over time, the same in a table, where each piece of evidence stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from flask import url_for

from notifier.dossier import Dossier
from notifier.standing import Line, Stretch, Upcoming
from policy_versions import dates
from policy_versions.applicability import Basis

BASIS = {
    Basis.JOINED: "it was in force when they joined",
    Basis.FIRST: "the first text that there was",
    Basis.POSTED: "posted and in force; nothing else was owed",
    Basis.NOTICE: "they had been told, and the notice period was over",
    Basis.ACCEPTANCE: "it was accepted",
}
SHORT = {
    Basis.JOINED: "joined",
    Basis.FIRST: "first",
    Basis.POSTED: "posted",
    Basis.NOTICE: "notice",
    Basis.ACCEPTANCE: "acceptance",
}
KINDS = {
    "member": "their account",
    "revision": "the text",
    "decision": "the decision",
    "withdrawal": "the withdrawal",
    "telling": "told before the import",
    "delivery": "the letter",
    "event": "what was reported",
    "undoing": "what undid it",
    "acknowledgement": "their word",
    "guardian": "the guardian",
    "merge": "the merge",
    "notice": "the notice",
}
MOST_TICKS = 8
ROW = 44  # pixels to a policy
ROOM = 0.06  # of the axis, to the right of all that is known


class Link(NamedTuple):
    """A piece of evidence: what it is, its id, and where it stands; url "" where there is no page of it."""

    what: str
    id: str
    url: str


class Bar(NamedTuple):
    """A span as drawn. x, width: in hundredths of the axis."""

    state: str  # past, now, coming
    x: float
    width: float
    number: int
    basis: str
    y: int


class Span(NamedTuple):
    """A span in the table. until: None while nothing known ends it."""

    number: int
    date: str
    url: str
    since: datetime
    until: datetime | None
    by: str
    because: str
    state: str
    evidence: Sequence[Link]


class Coming(NamedTuple):
    """A text that waits for something, so that no day can be told."""

    number: int
    date: str
    waits: str


class Shown(NamedTuple):
    """A policy of a member's page."""

    slug: str
    title: str
    spans: Sequence[Span]
    coming: Sequence[Coming]


class Chart(NamedTuple):
    """All policies over one axis. ticks: (year, hundredths). now: hundredths. height: of all, in pixels."""

    rows: Sequence[tuple[str, int]]
    bars: Sequence[Bar]
    ticks: Sequence[tuple[int, float]]
    now: float
    height: int
    label: str


def state(stretch: Stretch, now: datetime) -> str:
    if stretch.since > now:
        return "coming"
    return "now" if stretch.until is None or stretch.until > now else "past"


# -- the chart ----------------------------------------------------------------------------------


class _Axis:
    """From the first span's start until a little after all that is known."""

    def __init__(self, lines: Iterable[Line], now: datetime) -> None:
        starts = [one.since for line in lines for one in line.stretches]
        self.first = min([*starts, now - timedelta(days=30)])
        last = max([*starts, now])
        self._length = max((last - self.first).total_seconds(), 1.0) * (1 + 2 * ROOM)
        self.last = self.first + timedelta(seconds=self._length)

    def place(self, at: datetime | None) -> float:
        gone = self._length if at is None else (at - self.first).total_seconds()
        return round(min(max(gone / self._length, 0.0), 1.0) * 100, 2)

    def ticks(self) -> list[tuple[int, float]]:
        years = range(self.first.year + 1, self.last.year + 1)
        step = -(-len(years) // MOST_TICKS) or 1
        return [(year, self.place(datetime(year, 1, 1, tzinfo=UTC))) for year in years[::step]]


def chart(lines: Sequence[Line], now: datetime) -> Chart | None:
    """Which text governed when, drawn; None where none has yet."""
    drawn = [line for line in lines if line.stretches]
    if not drawn:
        return None
    axis, bars = _Axis(drawn, now), list[Bar]()
    for row, line in enumerate(drawn):
        bars += (_bar(axis, one, row, now) for one in line.stretches)
    rows = [(line.title, _y(row)) for row, line in enumerate(drawn)]
    return Chart(rows, bars, axis.ticks(), axis.place(now), _y(len(drawn)) + 16, _label(drawn, now))


def _y(row: int) -> int:
    return 26 + row * ROW


def _bar(axis: _Axis, one: Stretch, row: int, now: datetime) -> Bar:
    x, end = axis.place(one.since), axis.place(one.until)
    width = max(round(end - x, 2), 0.3)
    return Bar(state(one, now), min(x, 99.7), width, one.revision, SHORT.get(one.basis, ""), _y(row))


def _label(lines: Sequence[Line], now: datetime) -> str:
    """The chart in a sentence, for those who do not see it; the tables below say all of it."""
    said = []
    for line in lines:
        governs = [one for one in line.stretches if state(one, now) == "now"]
        said.append(f"{line.title}: {f'No. {governs[0].revision} now' if governs else 'none now'}")
    return f"Which text governs this member over time. {'; '.join(said)}. The tables below say the same in full."


# -- the table ----------------------------------------------------------------------------------


def shown(whole: Dossier, now: datetime) -> list[Shown]:
    """Each policy's spans, the latest first, and the texts that wait for something."""
    found, ward = evidence(whole), bool(whole.member.guardian_email)
    return [
        Shown(
            line.policy,
            line.title,
            [_span(line, one, found, whole.numbers, now) for one in reversed(line.stretches)],
            [_coming(one, ward=ward) for one in line.upcoming if not one.applies_from],
        )
        for line in whole.lines
    ]


def _span(line: Line, one: Stretch, found: Mapping[str, str], numbers: Mapping[str, int], now: datetime) -> Span:
    because = BASIS.get(one.basis, str(one.basis))
    links = [_link(each, line, found, numbers) for each in dict.fromkeys(one.evidence)]
    return Span(
        one.revision,
        label(one.revision_date),
        f"/{quote(line.policy)}/{one.revision}",
        one.since,
        one.until,
        SHORT.get(one.basis, str(one.basis)).capitalize(),
        f"if nothing comes between: {because}" if one.forecast else because,
        state(one, now),
        links,
    )


def _link(fact: str, line: Line, found: Mapping[str, str], numbers: Mapping[str, int]) -> Link:
    kind, _, number = fact.partition(":")
    own = f"{kind}:{number.partition(':')[0]}"
    url = found.get(own, "")
    if fact in numbers and kind == "revision":
        url = f"/{quote(line.policy)}/{numbers[fact]}"
    elif fact in numbers:
        url = url_for("admin.decision", slug=line.policy, number=numbers[fact])
    return Link(KINDS.get(kind, kind), fact, url)


def evidence(whole: Dossier) -> dict[str, str]:
    """Where on the member's page each fact of theirs stands, by its id."""
    found = {f"member:{number}": "#facts" for number in whole.accounts}
    found |= {f"merge:{merge.id}": "#accounts" for merge in whole.merges}
    found |= {f"guardian:{one.id}": "#guardian" for one in whole.guardians}
    found |= {f"acknowledgement:{one.word.id}": f"#acknowledgement-{one.word.id}" for one in whole.said}
    for told in whole.told:
        at = f"#delivery-{told.row.delivery_id}"
        found[f"delivery:{told.row.delivery_id}"] = found[f"undoing:{told.row.delivery_id}"] = at
        found |= {f"event:{event.id}": at for event in told.events}
        found[f"notice:{told.notice.id}"] = url_for("admin.notice", notice_id=told.notice.id)
    return found


def _coming(one: Upcoming, *, ward: bool) -> Coming:
    if ward and one.significant:
        waits = "waits until their guardian accepts it"
    elif one.rule == "acceptance":
        waits = "waits until they accept it"
    else:
        waits = "waits until they have been told, or an earlier text is met"
    return Coming(one.revision, label(one.revision_date), waits)


def label(revision_date: str) -> str:
    return dates.RevisionDate.parse(revision_date).label


def last_told(whole: Dossier) -> str:
    """The last letter taken, or notice shown: "14 Oct 2025, Privacy policy No. 7"; "" where there is none."""
    told = [(one.row.at, one) for one in whole.told if one.row.at and one.row.state in ("accepted", "delivered")]
    if not told:
        return ""
    at, one = max(told, key=lambda pair: pair[0])
    return f"{at.day} {at:%b %Y}, {one.policy.title} No. {one.revision.number}"


def masked(address: str) -> str:
    """Enough of an address to recognise one that is known already: "a•••a@example.com"."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}•••{local[-1:] if len(local) > 3 else ''}{at}{domain}"
