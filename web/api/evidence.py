"""Evidence packs: each one made is on record, so they are asked for by POST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import Response

from notifier import notices
from notifier.evidence.handing import Asked
from policy_versions import policies
from web.admin import evidence as packs
from web.api import PROOF, api
from web.api.access import key
from web.api.members import ONE, one
from web.api.shapes.common import MemberPath, NoticePath, PolicyPath
from web.context import session

PACK = {
    "description": "An archive with its own verify.py.",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}


@api.on("POST", f"{ONE}/evidence", scope="evidence", tag=PROOF, gives={200: PACK})
def member_evidence(path: MemberPath) -> Response:
    """Make a member's pack, with what is held of them by name: an access request."""
    return _sent(Asked("member", str(one(path).id), personal=True))


@api.on("POST", "/notices/<notice>/evidence", scope="evidence", tag=PROOF, gives={200: PACK})
def notice_evidence(path: NoticePath) -> Response:
    """Make a notice's pack: what was owed, tried and heard, by pseudonym."""
    return _sent(Asked("notice", str(notices.by_id(session(), path.notice).id)))


@api.on("POST", "/policies/<slug>/evidence", scope="evidence", tag=PROOF, gives={200: PACK})
def policy_evidence(path: PolicyPath) -> Response:
    """Make a policy's pack: its texts, decisions and notices; of members numbers only."""
    return _sent(Asked("policy", policies.policy(session(), path.slug).slug))


def _sent(asked: Asked) -> Response:
    return Response(_pieces(packs.made(asked, by=key().actor)), mimetype="application/zip")


def _pieces(pack: IO[bytes]) -> Iterator[bytes]:
    with pack:
        while piece := pack.read(64 * 1024):
            yield piece
