"""A decision's own page: what was found and on what it rests, who decided; and the form to decide again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import col, select
from werkzeug.wrappers import Response

from errors import DecisionChanged, NoSecondPublisher, NoSuchProposal, ProposerGone, Refusal
from notifier import overruling as service
from notifier.models import Notice
from policy_versions import archive, overruling, policies, reopening
from policy_versions.archive import Entry, History
from policy_versions.models import DecisionRecord, Proposal, ProposalAnswer, Reopening, Revision
from policy_versions.overruling import Override
from web import accounts, filters
from web.addresses import MOST
from web.admin import blueprint, findings, four_eyes
from web.admin.sign_in import actor
from web.context import now, runtime, session
from web.errors import status_of
from web.public import present


@blueprint.route("/policies/<slug>/<row:number>/decision", methods=["GET", "POST"], endpoint="decision")
def decision(slug: str, number: int) -> str | Response | tuple[str, int]:
    """Show how a revision was decided; or decide it again."""
    if request.method != "POST":
        return _page(slug, number)
    try:
        alone = _is_alone()
        if alone and four_eyes.wanted():
            raise NoSecondPublisher
        made = service.overrule(runtime(), slug, number, _given(), actor=actor(), alone=alone)
    except Refusal as refusal:
        session().rollback()  # on SQLite it would still read what was there when the request began
        return _page(slug, number, refusal), status_of(refusal)
    if isinstance(made, Proposal):
        flash("It takes a second person: your proposal waits for another publisher to confirm it.")
    else:
        flash(f"No. {number} is decided {made.verdict}. The decision before it stays on record.")
    return _back(slug, number)


def _given() -> Override:
    return Override(
        verdict=request.form.get("verdict", ""),
        reason=request.form.get("reason", ""),
        looked_at=_number("decision") or 0,
        opened=_number("reopening"),
        level=_number("level"),
        summary=request.form.get("summary"),
    )


def _number(field: str) -> int | None:
    """A number that a form's own controls send; None where there is none."""
    given = request.form.get(field, "")
    return min(int(given[:10]), MOST) if given.isascii() and given.isdigit() else None


def _is_alone() -> bool:
    """Whether nobody else could confirm what the signed-in person proposes."""
    return all(name == actor() for name in accounts.who_may(session(), "publish"))


def _back(slug: str, number: int) -> Response:
    return redirect(url_for("admin.decision", slug=slug, number=number))


@blueprint.post("/policies/<slug>/<row:number>/decision/confirm", endpoint="confirm_override")
def confirm(slug: str, number: int) -> Response:
    _check_proposer(session().get(Proposal, _proposal()))
    made = service.confirm(runtime(), slug, number, _proposal(), opened=_number("reopening"), actor=actor())
    flash(f"Confirmed: No. {number} is decided {made.verdict}.")
    return _back(slug, number)


@blueprint.post("/policies/<slug>/<row:number>/decision/reject", endpoint="reject_override")
def reject(slug: str, number: int) -> Response:
    service.reject(runtime(), slug, number, _proposal(), actor=actor())
    flash("The proposal is rejected; the decision stays as it was.")
    return _back(slug, number)


def _check_proposer(found: Proposal | None) -> None:
    """Both persons may still do it; a key that proposed is no person. Raises: ProposerGone."""
    proposer = accounts.by_name(session(), found.proposed_by) if found else None
    if proposer is not None and not proposer.may("publish"):
        raise ProposerGone(proposer.name)


def _proposal() -> int:
    found = _number("proposal")
    if found is None:
        raise NoSuchProposal
    return found


# -- the page -----------------------------------------------------------------------------------


def _page(slug: str, number: int, refusal: Refusal | None = None) -> str:
    policy = policies.policy(session(), slug)
    record = archive.history(session(), policy)
    entry = record.entry(number)
    made = reopening.decisions(session(), entry.revision)
    opened, proposal = reopening.reopened(session(), entry), overruling.waiting(session(), entry)
    return render_template(
        "admin/decision.html",
        page_title=f"Decision on {policy.title}, No. {number}",
        policy=policy,
        entry=entry,
        view=present.revision_view(record, entry, now()),
        decided=findings.of_record(entry.decision) if entry.decision else None,
        engines=[one for one in made if one.engine][-1:],
        in_words=findings.in_words,
        bases=_bases(record, entry, entry.decision) if entry.decision else [],
        history=_history(made, overruling.unconfirmed(session(), entry.revision), proposal),
        overruled=len(made) - 1,
        opened=_opened(record, entry, opened),
        proposal=proposal,
        notice=notice_of(entry.revision, policy.zone),
        overrulable=entry.live and entry.verdict in overruling.LEVELS,
        guarded=entry.decision is not None and entry.decision.level >= overruling.GUARDED,
        alone=_is_alone(),
        levels=findings.LEVELS,
        **_typed(entry, opened, refusal),
    )


def _typed(entry: Entry, opened: Reopening | None, refusal: Refusal | None) -> dict[str, Any]:
    """What stands in the form: what was typed, where it was refused."""
    standing = entry.decision
    shown = {
        "decision": str(standing.id) if standing else "",
        "reopening": str(opened.id) if opened else "",
        "verdict": standing.verdict if standing else "",
        "level": "",
        "summary": standing.summary if standing else "",
        "reason": "",
    }
    if refusal is not None:
        # the decision they looked at as well: another press of the button must not overrule an unseen one
        shown = {name: request.form.get(name, "") for name in shown}
    return {
        "typed": shown,
        "error": str(refusal) if refusal else "",
        "error_field": getattr(refusal, "field", ""),
        "is_changed_since": isinstance(refusal, DecisionChanged),
    }


def _bases(record: History, entry: Entry, of: DecisionRecord | Reopening) -> list[tuple[str, int, str]]:
    """What it was compared with, in words, its number, and where to look at the comparison."""
    numbers = {e.revision.id: e.number for e in record.entries}
    said = (
        ("the text before it", of.previous_base_id),
        ("the last that stood as significant, or the first", of.cumulative_base_id),
    )
    found = {numbers[base]: words for words, base in reversed(said) if base in numbers}
    return [
        (words, number, present.compare_url(record.policy, number, entry.number))
        for number, words in sorted(found.items(), reverse=True)
    ]


def _history(
    made: Sequence[DecisionRecord],
    proposals: Sequence[tuple[Proposal, ProposalAnswer | None]],
    waiting: Proposal | None,
) -> list[dict[str, Any]]:
    """Every decision, and every proposal that became none, the latest first."""
    lines: list[dict[str, Any]] = [{"at": one.recorded_at, "said": one, "proposed": False} for one in made]
    lines += [
        {
            "at": one.recorded_at,
            "said": one,
            "proposed": True,
            "answer": answer,
            "is_waiting": waiting is not None and waiting.id == one.id,
        }
        for one, answer in proposals
    ]
    # of one instant the decision came first: a proposal speaks of one that stood
    return sorted(lines, key=lambda line: line["at"])[::-1]


def _opened(record: History, entry: Entry, opened: Reopening | None) -> dict[str, Any] | None:
    """Why a decision is open again, and what the engine would say now."""
    if opened is None:
        return None
    because = session().get_one(DecisionRecord, opened.because_id)
    number = next(e.number for e in record.entries if e.revision.id == because.revision_id)
    return {
        "id": opened.id,
        "because": because,
        "number": number,
        "would_be": findings.of_record(opened),
        "bases": _bases(record, entry, opened),
    }


# -- a notice that waits to be overruled --------------------------------------------------------


def notice_of(revision: Revision, zone: ZoneInfo) -> dict[str, Any] | None:
    """The notice of a change, and until when nothing of it leaves."""
    found = (
        session()
        .exec(select(Notice).where(col(Notice.revision_id) == revision.id, Notice.kind == "change"))
        .first()
    )
    return {"row": found, "leaves": leaves(found, zone)} if found else None


def leaves(notice: Notice, zone: ZoneInfo) -> str:
    """When letters begin to leave: "at 14:05 UTC", on another day with its date; "" where nothing waits for it."""
    if notice.state != "scheduled" or notice.due_at <= now():
        return ""
    local = notice.due_at.astimezone(zone)
    if local.date() == now().astimezone(zone).date():
        return f"at {_minute(local)}"
    return f"on {filters.instant(notice.due_at, zone)}"


def _minute(local: datetime) -> str:
    return f"{local:%H:%M} {local.tzname()}"
