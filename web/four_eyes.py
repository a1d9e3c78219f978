"""Two persons: what one publisher asks for and another confirms, where GAZETTE_FOUR_EYES is on.

A request is bound to a digest of exactly what was asked for: when the draft, or the notice, is another by the time
it is answered, the request is void. One that waits is answered once, by one conditional UPDATE.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select, update

from errors import (
    FieldMissing,
    FieldTooLong,
    NoSecondPublisher,
    NoSuchRequest,
    OwnRequest,
    RequestAnswered,
    RequestVoid,
    RequestWaits,
    SoonerByTwo,
)
from notifier.models import Notice
from policy_versions import archive, audit, chain, policies
from policy_versions.models import Draft, Policy
from web import accounts

Kind = Literal["publish", "resume", "send now", "translate", "correct"]
Answer = Literal["confirmed", "declined", "taken back", "void"]
LONGEST_WHY = 500


class ReleaseRequest(SQLModel, table=True):
    """What a publisher asked for, and what another said."""

    __tablename__ = "release_request"
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    policy_id: int = Field(foreign_key="policy.id", index=True)
    subject_id: int  # the draft (gone once it is published), the notice, or the revision of a translation
    digest: str  # of exactly what was asked for
    title: str  # in words
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # what no draft and no notice holds
    asked_by: str
    asked_at: datetime
    answer: str = ""
    answered_by: str = ""
    answered_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    kind: Kind
    policy_id: int
    subject_id: int
    digest: str
    title: str
    payload: dict[str, Any] = field(default_factory=dict)


# -- exactly what -------------------------------------------------------------------------------


def digest_of_draft(draft: Draft, payload: dict[str, Any]) -> str:
    """Of all that publishing it would make public or binding: the same again after a save that changed nothing."""
    named = ("revision_date", "effective", "rule", "notice_days", "summary", "controller")
    whole = {name: getattr(draft, name) for name in named} | {"text": chain.sha256(draft.text)}
    return _digest({"policy": draft.policy_id, "draft": draft.id, "besides": payload, **whole})


def digest_of_notice(notice: Notice) -> str:
    """Of how a notice stands: stopped again for another reason, it is another thing to go on with."""
    named = ("id", "state", "why", "gate")
    return _digest({name: getattr(notice, name) for name in named} | {"due": notice.due_at.isoformat()})


def digest_of_payload(payload: dict[str, Any]) -> str:
    """Of what stands whole in the request itself."""
    return _digest(payload)


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _lock(session: Session, policy_id: int) -> None:
    """One at a time asks about a policy, or answers."""
    session.exec(select(Policy.id).where(Policy.id == policy_id).with_for_update()).one()


def check_not_sooner(notice: Notice, due_at: datetime) -> None:
    """One person puts a notice off; to bring it forward is to send it. Raises: SoonerByTwo."""
    if due_at < notice.due_at:
        raise SoonerByTwo


# -- asked --------------------------------------------------------------------------------------


def ask(session: Session, wish: Wish, *, actor: str, now: datetime) -> ReleaseRequest:
    """Ask another publisher. A request of the same that was bound to something else is void from now on.

    Raises: NoSecondPublisher, RequestWaits.
    """
    _lock(session, wish.policy_id)
    if not [name for name in accounts.who_may(session, "publish") if name != actor]:
        raise NoSecondPublisher
    for standing in _waiting_on(session, wish.kind, wish.subject_id):
        if standing.digest == wish.digest:
            raise RequestWaits(standing.asked_by)
        _answer(session, standing, "void", actor=actor, now=now)
    made = ReleaseRequest(
        kind=wish.kind,
        policy_id=wish.policy_id,
        subject_id=wish.subject_id,
        digest=wish.digest,
        title=wish.title,
        payload=wish.payload,
        asked_by=actor,
        asked_at=now,
    )
    session.add(made)
    session.flush()
    _audit(session, made, "asked for", actor=actor, now=now, digest=made.digest)
    return made


def waiting(session: Session, policy_id: int | None = None) -> Sequence[ReleaseRequest]:
    """The requests that wait for an answer, the oldest first."""
    wanted = select(ReleaseRequest).where(ReleaseRequest.answer == "").order_by(col(ReleaseRequest.id))
    return session.exec(wanted if policy_id is None else wanted.where(ReleaseRequest.policy_id == policy_id)).all()


def answered(session: Session, most: int = 100) -> Sequence[ReleaseRequest]:
    wanted = select(ReleaseRequest).where(ReleaseRequest.answer != "")
    return session.exec(wanted.order_by(col(ReleaseRequest.answered_at).desc()).limit(most)).all()


def _waiting_on(session: Session, kind: str, subject_id: int) -> Sequence[ReleaseRequest]:
    own = ReleaseRequest.kind == kind, ReleaseRequest.subject_id == subject_id, ReleaseRequest.answer == ""
    return session.exec(select(ReleaseRequest).where(*own).with_for_update()).all()


def waiting_on(session: Session, kind: str, subject_id: int) -> ReleaseRequest | None:
    """The request on a draft or a notice that waits for an answer."""
    own = ReleaseRequest.kind == kind, ReleaseRequest.subject_id == subject_id, ReleaseRequest.answer == ""
    return session.exec(select(ReleaseRequest).where(*own)).first()


def by_id(session: Session, number: int) -> ReleaseRequest:
    """Raises: NoSuchRequest."""
    found = session.get(ReleaseRequest, number)
    if found is None:
        raise NoSuchRequest
    return found


# -- answered -----------------------------------------------------------------------------------


def current(session: Session, request: ReleaseRequest, *, lock: bool = False) -> str | None:
    """The digest of what was asked for, as it is now; None where it is gone, or whoever asked publishes no more.

    lock: nobody changes it before the transaction ends, so what is compared is what is then done.
    """
    asker = accounts.by_name(session, request.asked_by)
    if asker is None or not asker.may("publish"):
        return None  # else one publisher would be enough
    if request.kind == "publish":
        draft = session.get(Draft, request.subject_id, with_for_update=lock or None)
        return digest_of_draft(draft, request.payload) if draft and _follows_still(session, request) else None
    if request.kind in ("translate", "correct"):
        return digest_of_payload(request.payload)  # what else must stand still, the deed itself looks at
    notice = session.get(Notice, request.subject_id, with_for_update=lock or None)
    return digest_of_notice(notice) if notice else None


def _follows_still(session: Session, request: ReleaseRequest) -> bool:
    """Whether no other text was published, and none withdrawn, since a draft was looked at."""
    now = archive.history(session, session.get_one(Policy, request.policy_id), whole=False).last_number
    return bool(request.payload.get("follows", now) == now)  # asked by an earlier version, it does not say


def confirm(session: Session, number: int, *, actor: str, now: datetime) -> ReleaseRequest:
    """Take a request for the deed that the caller does in the same transaction.

    Raises: NoSuchRequest, RequestAnswered, OwnRequest, RequestVoid.
    """
    found = by_id(session, number)
    _lock(session, found.policy_id)
    if found.asked_by == actor:
        raise OwnRequest
    if found.answer:
        raise RequestAnswered(found.answer)
    if current(session, found, lock=True) != found.digest:
        raise RequestVoid
    _answer(session, found, "confirmed", actor=actor, now=now)
    return found


def decline(session: Session, number: int, why: str, *, actor: str, now: datetime) -> ReleaseRequest:
    """Say no, and why; its asker takes it back so.

    Raises: NoSuchRequest, RequestAnswered, FieldMissing, FieldTooLong, Unprintable.
    """
    found = by_id(session, number)
    because = policies.one_line(why, "why")
    if found.asked_by != actor and not because:
        raise FieldMissing("why", "Say why not; whoever asked reads it.")
    if len(because) > LONGEST_WHY:
        raise FieldTooLong("why", LONGEST_WHY)
    own = found.asked_by == actor
    _answer(session, found, "taken back" if own else "declined", why=because, actor=actor, now=now)
    return found


def _answer(
    session: Session, request: ReleaseRequest, answer: Answer, *, why: str = "", actor: str, now: datetime
) -> None:
    won = session.exec(
        update(ReleaseRequest)
        .where(col(ReleaseRequest.id) == request.id, col(ReleaseRequest.answer) == "")
        .values(answer=answer, answered_by=actor, answered_at=now, why=why)
    )
    session.refresh(request)
    if won.rowcount != 1:
        raise RequestAnswered(request.answer)
    _audit(session, request, f"request {answer}", actor=actor, now=now, asked_by=request.asked_by)


def _audit(
    session: Session, request: ReleaseRequest, action: str, *, actor: str, now: datetime, **detail: Any
) -> None:
    of_policy = request.kind == "publish"
    subject = f"policy {request.policy_id}" if of_policy else f"{_OF[request.kind]} {request.subject_id}"
    detail |= {"request": request.id, "deed": request.kind}
    audit.record(session, actor=actor, action=action, subject=subject, now=now, **detail)


_OF = {"translate": "revision", "correct": "revision", "resume": "notice", "send now": "notice"}
