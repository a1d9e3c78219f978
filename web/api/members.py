"""Members: brought in, up to date, read, renamed, merged, erased; and the address of their own page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from sqlmodel import Session

from database import forget_erased
from notifier import keeping, merging, outbox, tokens
from notifier.models import Member
from web.api import MEMBERS, api
from web.api.access import key
from web.api.repeats import Done, once
from web.api.shapes import members as shapes
from web.api.shapes.common import MemberPath, Once
from web.context import now, runtime, session

ONE = "/members/<key:external_id>"


@api.on("PUT", ONE, scope="members", tag=MEMBERS, gives={200: shapes.Member, 201: shapes.Member})
def put_member(path: MemberPath, body: shapes.MemberFields) -> tuple[shapes.Member, int]:
    """Bring a member in, or up to date.

    What is left out stays as it is, null clears it, and `joined_at` stays as first set. Nobody is mailed.
    """
    member, is_new = keeping.put(runtime(), path.external_id, written(body), actor=key().actor)
    return shapes.Member.model_validate(member), 201 if is_new else 200


def written(fields: shapes.MemberFields) -> dict[str, Any]:
    """What a host said of a member, as a members file would: what it left out is not there."""
    given = fields.model_dump(exclude_unset=True)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}


@api.on("GET", ONE, scope="members", tag=MEMBERS, gives={200: shapes.Member})
def member(path: MemberPath) -> shapes.Member:
    """What is on record of a member."""
    return shapes.Member.model_validate(one(path))


def one(path: MemberPath) -> Member:
    """Raises: NoSuchMember."""
    return keeping.find(session(), path.external_id, now=now())


@api.on("POST", f"{ONE}/rename", scope="members", tag=MEMBERS, gives={204: None})
def rename_member(path: MemberPath, header: Once, body: shapes.NewName) -> Response:
    """Give a member another external_id.

    Their timeline goes on. The name before is free from here on.
    """
    return once(header, lambda own: _rename(own, path.external_id, body.external_id))


def _rename(own: Session, old: str, new: str) -> Done:
    now = runtime().clock.now(own)
    merging.rename(own, keeping.find(own, old, now=now), new, actor=key().actor, now=now)
    return None, 204


@api.on("POST", f"{ONE}/merge", scope="members", tag=MEMBERS, gives={204: None})
def merge_member(path: MemberPath, header: Once, body: shapes.Merge) -> Response:
    """End an account, and let the older one of the same person stand for both.

    From then on what either was told and accepted counts for the one that stays.
    """
    return once(header, lambda own: _merge(own, path.external_id, body.into))


def _merge(own: Session, ends: str, stays: str) -> Done:
    now = runtime().clock.now(own)
    first, second = (keeping.find(own, name, now=now) for name in (ends, stays))
    merging.merge(own, first, second, actor=key().actor, now=now)
    return None, 204


@api.on("POST", f"{ONE}/session", scope="members", tag=MEMBERS, gives={201: shapes.Session})
def open_session(path: MemberPath) -> tuple[shapes.Session, int]:
    """Make the address of a member's own page, which holds for a quarter of an hour.

    Send the signed-in member there at once: whoever has the address has the page.
    """
    made = tokens.member_session(one(path).id or 0, secret=runtime().secret, now=now())
    return shapes.Session(url=f"{runtime().settings.public_url}/me/{made}", expires_at=now() + tokens.SESSION), 201


@api.on("DELETE", ONE, scope="erase", tag=MEMBERS, gives={204: None})
def erase_member(path: MemberPath) -> tuple[None, int]:
    """Erase a member.

    Nothing personal stays; the pseudonymous timeline and its evidence do. Whoever comes back is a new member.
    """
    outbox.erase(runtime(), one(path), actor=key().actor)
    session().rollback()  # no reader may hold the log that is cut short now
    forget_erased(runtime().engine)
    return None, 204
