"""What a member, or their guardian, said of a text, as the host took it down."""

from __future__ import annotations

from flask import Response
from sqlmodel import Session

from notifier import acknowledging, keeping
from policy_versions import archive, policies
from web.api import WORDS, api
from web.api.members import ONE
from web.api.repeats import Done, once
from web.api.shapes import members as shapes
from web.api.shapes.common import MemberPath, Once
from web.context import runtime


@api.on("POST", f"{ONE}/acknowledgements", scope="acknowledge", tag=WORDS, gives={201: shapes.Acknowledgement})
def acknowledge(path: MemberPath, header: Once, body: shapes.NewAcknowledgement) -> Response:
    """Record that a member read, accepted or declined a text, or withdrew their consent.

    An acceptance meets every significant text up to that one; to decline moves nobody back. The same said again is
    recorded once. `guardian`: who spoke is the member's guardian.
    """
    return once(header, lambda own: _acknowledge(own, path.external_id, body))


def _acknowledge(own: Session, external_id: str, body: shapes.NewAcknowledgement) -> Done:
    now = runtime().clock.now(own)
    member = keeping.find(own, external_id, now=now)
    policy = policies.policy(own, body.policy)
    revision = archive.history(own, policy).entry(body.revision).revision
    if body.shown_sha256 is not None:
        acknowledging.require_text(own, revision, body.shown_sha256)
    said = acknowledging.acknowledge(
        own, member, revision, body.kind,
        actor=body.actor, route="api", shown_sha256=body.shown_sha256,
        locale=body.locale or policy.locale, now=now,
    )  # fmt: skip
    fields = {
        name: getattr(said, name)
        for name in ("id", "kind", "actor", "route", "locale", "shown_sha256", "recorded_at")
    }
    made = shapes.Acknowledgement(member=said.member_id, policy=policy.slug, revision=revision.number, **fields)
    return made, 201
