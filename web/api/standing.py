"""Which text governs whom: one instant, a timeline, ten thousand pairs, and who moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select

from notifier import keeping
from notifier import standing as service
from notifier.members import retained
from notifier.models import Member
from web.api import STANDING, api
from web.api.members import ONE, one
from web.api.shapes import standing as shapes
from web.api.shapes.common import MemberPath
from web.api.texts import first_from, none_in_force, record_of
from web.context import now, session

CHUNK = 500
STRANGER = "no such member"


@api.on("GET", f"{ONE}/applicability", scope="read", tag=STANDING, gives={200: shapes.Answer})
def applicability(path: MemberPath, query: shapes.Governed) -> shapes.Answer:
    """Which revision governed, governs or will govern a member.

    Before they joined, and after their end, the answer has no revision and says why. 404 before the first text.
    """
    at = query.at or now()
    keeping.require(session(), path.external_id, now=now())
    found = service.of_external(session(), path.external_id, query.policy, at, now=now())
    if found.revision is None:
        _require_some_text(query.policy, at)
    return _answer(path.external_id, found)


def _require_some_text(slug: str, at: datetime) -> None:
    """Raises: BeforeFirstText, NothingInForce."""
    first = first_from(record_of(slug))
    if first is None or at < first:
        raise none_in_force(first)


def _answer(external_id: str, found: service.Answer) -> shapes.Answer:
    return shapes.Answer(external_id=external_id, **{name: getattr(found, name) for name in _ANSWERED})


_ANSWERED = tuple(name for name in shapes.Answer.model_fields if name != "external_id")


@api.on("GET", f"{ONE}/timeline", scope="read", tag=STANDING, gives={200: shapes.Timeline})
def timeline(path: MemberPath) -> shapes.Timeline:
    """A member's whole timeline, by each policy, and what is to come."""
    lines = service.timelines(session(), one(path), now=now())
    return shapes.Timeline(
        external_id=path.external_id, policies=[shapes.Line.model_validate(line) for line in lines]
    )


@api.on("POST", "/applicability:query", scope="read", tag=STANDING, gives={200: shapes.Answers})
def query_applicability(body: shapes.Pairs) -> shapes.Answers:
    """Which revision governed each of up to 10,000 members, each at an instant of their own.

    One answer for each pair, in their order; for who is no member, one that says so.
    """
    asked = [(pair.external_id, pair.at or now()) for pair in body.pairs]
    ids = _ids([name for name, _ in asked])
    known = [(ids[name], at) for name, at in asked if name in ids]
    answers = iter(service.many(session(), body.policy, known, now=now()))
    return shapes.Answers(
        items=[
            _answer(name, next(answers)) if name in ids else _of_stranger(name, body.policy, at)
            for name, at in asked
        ]
    )


def _ids(names: Sequence[str]) -> dict[str, int]:
    """The retained members of some of a host's keys; the others are not there."""
    found: dict[str, int] = {}
    wanted = list(dict.fromkeys(names))
    for start in range(0, len(wanted), CHUNK):
        some = col(Member.external_id).in_(wanted[start : start + CHUNK])
        rows = session().exec(select(Member.external_id, Member.id).where(some, retained(now())))
        found.update((name, number) for name, number in rows if name is not None and number is not None)
    return found


def _of_stranger(external_id: str, slug: str, at: datetime) -> shapes.Answer:
    return shapes.Answer(
        external_id=external_id, policy=slug, at=at, known_at=now(), revision=None, revision_date=None,
        since=None, until=None, basis=None, evidence=[], why=STRANGER, provisional=False, forecast=False,
    )  # fmt: skip


@api.on("GET", "/movements", scope="read", tag=STANDING, gives={200: shapes.Movements})
def movements(query: shapes.Since) -> shapes.Movements:
    """Who came under which revision, when, and by what.

    Ask with `since` the first time, and then with the answer's cursor: nothing is told twice, or left out.
    """
    since = query.since if query.cursor is None else query.cursor
    found = service.movements(session(), query.policy, since, limit=query.limit, now=now())
    items = [shapes.Movement.model_validate({**one._asdict(), "member": one.member_id}) for one in found.movements]
    return shapes.Movements(items=items, next=found.cursor, more=found.more, through=found.through)
