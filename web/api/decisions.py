"""Deciding again whether a revision matters. Level 4 is lowered by two persons, by this door as by every other."""

from __future__ import annotations

from flask import Response

from errors import Undecided
from notifier import overruling as service
from policy_versions import overruling, reopening
from policy_versions.models import Proposal
from policy_versions.overruling import Override
from web.api import DEEDS, api
from web.api.access import key
from web.api.repeats import Done, once_apart
from web.api.shapes import texts as shapes
from web.api.shapes.common import Once, RevisionPath
from web.api.texts import record_of
from web.context import runtime, session

RULE = "/policies/<slug>/revisions/<number>/decision"


@api.on("GET", RULE, scope="read", tag=DEEDS, gives={200: shapes.Decision})
def decision(path: RevisionPath) -> shapes.Decision:
    """The decision that stands on a revision, with its findings. 404 until the engine has decided."""
    record = record_of(path.slug)
    entry = record.entry(path.number)
    standing = entry.decision
    if standing is None:
        raise Undecided(path.number)
    opened, waiting = reopening.reopened(session(), entry), overruling.waiting(session(), entry)
    own = {name: getattr(standing, name) for name in _OWN}
    return shapes.Decision(
        **own,
        policy=record.policy.slug,
        number=path.number,
        reopening=opened.id if opened else None,
        proposal=waiting.id if waiting else None,
    )


_OWN = (
    *("id", "verdict", "level", "summary", "findings", "confidence", "engine", "decided_by", "confirmed_by"),
    *("reason", "decided_at"),
)


@api.on("POST", RULE, scope="override", tag=DEEDS, gives={201: shapes.Overruled, 202: shapes.Overruled})
def decide_again(path: RevisionPath, header: Once, body: shapes.NewDecision) -> Response:
    """Decide a revision again, with a reason.

    To lower level 4 is a proposal (202): it takes effect when a person confirms it in the administration. No key
    confirms.
    """
    return once_apart(header, lambda: _decide(path, body))


def _decide(path: RevisionPath, body: shapes.NewDecision) -> Done:
    given = Override(
        verdict=body.verdict,
        reason=body.reason,
        looked_at=body.decision,
        opened=body.reopening,
        level=body.level,
        summary=body.summary,
    )
    made = service.overrule(runtime(), path.slug, path.number, given, actor=key().actor, alone=False)
    is_proposal = isinstance(made, Proposal)
    said = shapes.Overruled(
        state="proposed" if is_proposal else "decided",
        id=made.id or 0,
        verdict=made.verdict,  # the table's own constraint
        level=made.level,
    )
    return said, 202 if is_proposal else 201
