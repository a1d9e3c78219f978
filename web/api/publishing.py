"""Publishing and withdrawing: the same services as the form's, and the same refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response
from sqlmodel import Session

from errors import AudienceUnsaid
from notifier import control, notices
from policy_versions import archive, drafts, policies
from policy_versions.models import Draft, Policy
from web.admin import foreseen as form
from web.api import DEEDS, api
from web.api.access import by_one, key
from web.api.repeats import Done, once
from web.api.shapes import texts as shapes
from web.api.shapes.common import Once, PolicyPath, RevisionPath
from web.api.texts import revision_of
from web.context import runtime, session


@api.on("POST", "/policies/<slug>/revisions", scope="publish", tag=DEEDS, gives={201: shapes.Published})
def publish_revision(path: PolicyPath, header: Once, body: shapes.NewRevision) -> Response:
    """Publish a revision; the scheduler decides it within seconds.

    Where members would be told, `audience` is the number of them that you expect: another one is refused, with the
    right number in the sentence.
    """
    by_one()
    return once(header, lambda own: _publish(own, path.slug, body))


def _publish(own: Session, slug: str, body: shapes.NewRevision) -> Done:
    policy = policies.lock(own, slug)
    now = runtime().clock.now(own)
    draft = _draft(body, policy)
    given = drafts.publication(draft, policy)
    archive.check(archive.history(own, policy), given, now=now)
    session().rollback()  # on SQLite it would still read what was there when the request began
    seen = form.outlook(draft, policy, now, tell_first=body.tell_first)
    if seen.refusal is not None:
        raise seen.refusal
    telling = seen.to_tell(tell_first=body.tell_first)
    if telling and body.audience != telling:
        raise AudienceUnsaid("" if body.audience is None else str(body.audience), telling)
    given = replace(given, expected_audience=telling or None, tell_first=body.tell_first)
    made = archive.publish(own, policy, given, actor=key().actor, now=now)
    record = archive.history(own, policy)
    return shapes.Published(
        revision=revision_of(record, record.entry(made.number)), foreseen=_foreseen(seen, telling)
    ), 201


def _draft(body: shapes.NewRevision, policy: Policy) -> Draft:
    """What was sent, as the form would have kept it. Raises: TextNotReadable, Unprintable."""
    fields: dict[str, Any] = {
        "revision_date": body.revision_date or "",
        "effective": body.effective_on.isoformat() if body.effective_on else "",
        "rule": body.rule,
        "summary": body.summary.strip(),
        "controller": body.controller.strip(),
    }
    days = body.notice_days if body.rule == "notice" else 0
    drafts.check_characters(drafts.DraftFields(body.text, notice_days=str(days), **fields))
    return Draft(
        policy_id=policy.id or 0,
        text=body.text,
        notice_days=days,
        **fields,
        saved_by="",
        saved_at=policy.created_at,
    )


def _foreseen(seen: form.Outlook, telling: int) -> shapes.Foreseen:
    judged = seen.judged
    assert judged is not None  # what could not be judged was refused
    return shapes.Foreseen(
        verdict=judged.verdict,  # the engine's own word
        level=judged.level,
        summary=judged.summary,
        audience=telling,
    )


@api.on(
    "POST",
    "/policies/<slug>/revisions/<number>/withdrawal",
    scope="publish",
    tag=DEEDS,
    gives={201: shapes.Withdrawn},
)
def withdraw_revision(path: RevisionPath, header: Once, body: shapes.Reason) -> Response:
    """Withdraw the latest revision before it is in force.

    It stays on record, with the reason. Those who were told of it get a correction.
    """
    return once(header, lambda own: _withdraw(own, path, body.reason))


def _withdraw(own: Session, path: RevisionPath, reason: str) -> Done:
    policy = policies.lock(own, path.slug)
    control.lock(own, policy)
    now = runtime().clock.now(own)
    because = policies.one_line(reason, "reason")
    archive.withdraw(own, policy, path.number, reason=because, actor=key().actor, now=now)
    record = archive.history(own, policy)
    entry = record.entry(path.number)
    correction = notices.withdrawn(own, entry.revision, now=now)
    return shapes.Withdrawn(
        revision=revision_of(record, entry), correction=correction.id if correction else None
    ), 201
