"""Hand packs over: whose pack is asked for, and that it was made is in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from sqlalchemy import Engine
from sqlmodel import Session

from database import Clock, reading, writing
from errors import NoSuchMember
from notifier import members, notices
from notifier.evidence import making
from notifier.models import Member
from policy_versions import audit, policies

LARGEST_ID = 2**31 - 1  # that a database holds


class Asked(NamedTuple):
    """A pack that somebody asks for. kind: member, notice or policy; name: its number, a policy's slug.

    personal: of a member, by their name, so that what is held of them is in it.
    """

    kind: str
    name: str
    personal: bool = False

    @property
    def file(self) -> str:
        return f"evidence-{self.kind}-{self.name}.zip"


def of_member(session: Session, external_id: str) -> Asked:
    """An access request. Raises: NoSuchMember, for an erased member as for any stranger."""
    if not members.can_be_a_key(external_id):
        raise NoSuchMember
    return Asked("member", str(members.by_external_id(session, external_id).id), personal=True)


def make(engine: Engine, clock: Clock, asked: Asked, target: IO[bytes], *, actor: str) -> None:
    """Write a pack, and in the audit log that it was made. Raises: NoSuchMember, NoSuchNotice, NoSuchPolicy."""
    with _steady(engine) as session:
        _make(session, asked, target)
    with writing(engine) as session:
        audit.record(
            session, actor=actor, action="evidence made", subject="evidence", now=clock.now(session),
            of=f"{asked.kind} {asked.name}", personal=asked.personal,
        )  # fmt: skip


@contextmanager
def _steady(engine: Engine) -> Iterator[Session]:
    """What is written meanwhile is not in the pack, so that all of it is of one moment."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with reading(engine) as session:
        yield session


def _make(session: Session, asked: Asked, target: IO[bytes]) -> None:
    if asked.kind == "policy":
        making.of_policy(session, policies.policy(session, asked.name), target)
    elif asked.kind == "notice":
        making.of_notice(session, notices.by_id(session, int(asked.name)), target)
    else:
        making.of_member(session, _member(session, asked.name), target, personal=asked.personal)


def _member(session: Session, pseudonym: str) -> Member:
    number = int(pseudonym) if pseudonym.isascii() and pseudonym.isdigit() and len(pseudonym) < 11 else 0
    found = session.get(Member, number) if 0 < number <= LARGEST_ID else None
    if found is None:
        raise NoSuchMember
    return found
