"""Members: brought in, up to date, read, renamed, merged, erased; and the address of their own page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from database import forget_erased
from notifier import keeping, outbox
from notifier.models import Member
from web.api import MEMBERS, api
from web.api.access import key
from web.api.shapes import members as shapes
from web.api.shapes.common import MemberPath
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


@api.on("DELETE", ONE, scope="erase", tag=MEMBERS, gives={204: None})
def erase_member(path: MemberPath) -> tuple[None, int]:
    """Erase a member.

    Nothing personal stays; the pseudonymous timeline and its evidence do. Whoever comes back is a new member.
    """
    outbox.erase(runtime(), one(path), actor=key().actor)
    session().rollback()  # no reader may hold the log that is cut short now
    forget_erased(runtime().engine)
    return None, 204
