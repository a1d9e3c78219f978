"""The dashboard: what needs a person, what is going out, the policies, what comes next, how the record stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import render_template, url_for
from sqlmodel import and_, col, func, select

from notifier import outlook, progress, seals, verifications
from notifier.models import Member, Notice
from notifier.outlook import Outlook
from notifier.progress import Line
from policy_versions import archive, audit, dates, drafts, policies
from policy_versions.archive import Entry, History
from policy_versions.models import DueDecision
from web.admin import alive, audit_log, blueprint, evidence, needs, quarantine, settings_shown
from web.admin.needs_decided import title
from web.context import now, runtime, session
from web.public import present

ROUTES = (alive, audit_log, settings_shown)
CHECKED = 200  # of the audit log's newest entries, at each look
_SMALL = "no one two three four five six seven eight nine ten eleven twelve".split()


class Date(NamedTuple):
    """A coming date. said: a line on it. url: where it is looked at."""

    at: datetime
    day: str
    what: str
    said: str
    url: str


class Going(NamedTuple):
    """A notice that is going out, and how fast."""

    line: Line
    outlook: Outlook


@blueprint.get("/", endpoint="overview", strict_slashes=False)
def overview() -> str:
    records = [archive.history(session(), p) for p in policies.policies(session())]
    going = [_going(line) for line in progress.all_notices(session(), ("sending",))]
    return render_template(
        "admin/overview.html",
        page_title="Overview",
        today=f"{now():%A} {dates.day_label(now(), dates.zone('UTC'))}",
        year=str(now().year),
        quarantine=quarantine.standing(),
        needs=needs.of(records),
        in_words=in_words,
        moment=lambda at: outlook.moment(at, now()),
        undecided=session().exec(select(func.count()).where(DueDecision.failures == 0)).one(),
        going=going,
        rows=[_row(record) for record in records],
        coming=_coming(records, going),
        members=_members(),
        **_record(records),
    )


def in_words(number: int, *, first: bool = False) -> str:
    """Up to twelve as a word, beyond in figures. first: it begins a sentence."""
    word = _SMALL[number] if number < len(_SMALL) else f"{number:,}"
    return word.capitalize() if first else word


def _going(line: Line) -> Going:
    reports = runtime().sender.reports
    ahead = outlook.of(session(), line.notice, line.progress, runtime().settings, reports=reports, now=now())
    return Going(line, ahead)


def _row(record: History) -> dict[str, Any]:
    """A policy in the list: its texts, its drafts, and when members were last told of a change."""
    told = select(func.max(Notice.opened_at)).where(Notice.policy_id == record.policy.id, Notice.kind == "change")
    return {
        "slug": record.policy.slug,
        "view": present.index_row(record, None, now()),
        "drafts": len(drafts.of_policy(session(), record.policy)),
        "told": session().exec(told).one(),
    }


def _members() -> int:
    """The members whose information is retained: all but the few who are not, whom indexes find."""
    few = (
        col(Member.erased_at).is_not(None),
        and_(col(Member.erased_at).is_(None), col(Member.retained_until) <= now()),
    )
    count = select(func.count()).select_from(Member)
    return session().exec(count).one() - sum(session().exec(count.where(one)).one() for one in few)


# -- how the record stands ----------------------------------------------------------------------


def _record(records: Sequence[History]) -> dict[str, Any]:
    """The chains of texts are gone through at every look, of the audit log its end; the rest every night."""
    return {
        "revisions": sum(len(record.entries) for record in records),
        "broken": [r.policy.title for r in records if archive.broken_link(r) is not None],
        "audit_broken": audit.broken(session(), newest=CHECKED),
        "unproved": evidence.failing(),
        "head": seals.head(session()),
        "verified": verifications.last(session()),
    }


# -- coming dates -------------------------------------------------------------------------------


def _coming(records: Sequence[History], going: Sequence[Going]) -> list[Date]:
    """Texts that come to apply, letters that begin to leave, the last that leave; the next first."""
    found = [*_in_force(records), *_begin(records), *(_last(each) for each in going if each.outlook.last)]
    return sorted(found, key=lambda date: date.at)


def _in_force(records: Sequence[History]) -> list[Date]:
    return [
        Date(
            entry.revision.effective_at,
            dates.day_label(entry.revision.effective_at, record.policy.zone),
            f"{title(record.policy, entry.number)}, in force",
            _for_whom(entry),
            url_for("admin.policy", slug=record.policy.slug, _anchor=f"no-{entry.number}"),
        )
        for record in records
        for entry in record.upcoming(now())
    ]


def _for_whom(entry: Entry) -> str:
    rule = entry.revision.rule if entry.verdict == "significant" else ""
    said = {"notice": "significant, for every member told by then", "acceptance": "for whoever has accepted it"}
    return said.get(rule, entry.verdict)


def _begin(records: Sequence[History]) -> list[Date]:
    """Notices that are scheduled, each on the day that it is due."""
    entries = {entry.revision.id: (record, entry) for record in records for entry in record.entries}
    found = []
    for notice in session().exec(select(Notice).where(Notice.state == "scheduled", Notice.due_at > now())):
        record, entry = entries[notice.revision_id]
        local = notice.due_at.astimezone(record.policy.zone)
        found.append(
            Date(
                notice.due_at,
                dates.day_label(notice.due_at, record.policy.zone),
                f"Letters of {title(record.policy, entry.number)}, begin to leave",
                f"{local:%H:%M} {local.tzname()}{', a correction' if notice.kind == 'correction' else ''}",
                url_for("admin.notice", notice_id=notice.id),
            )
        )
    return found


def _last(going: Going) -> Date:
    line, last = going.line, going.outlook.last
    assert last is not None
    return Date(
        last,
        dates.day_label(last, dates.zone("UTC")),
        f"The last letter of {line.title}, No. {line.number}",
        f"at about {outlook.moment(last, last)}",
        url_for("admin.notice", notice_id=line.notice.id),
    )
