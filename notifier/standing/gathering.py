"""Gather what answers rest on: a policy's texts, and of members their facts, folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from notifier import facts
from notifier.facts import PolicyFacts
from notifier.models import Member
from notifier.standing.answers import Life, Text
from policy_versions import applicability, archive, policies
from policy_versions.applicability import Ended
from policy_versions.archive import Entry
from policy_versions.models import Policy

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Ground:
    """What is the same for every member of a policy. texts: by number."""

    policy: Policy
    texts: Mapping[int, Text]
    facts: PolicyFacts


def ground(session: Session, slug: str) -> Ground:
    """Raises: NoSuchPolicy."""
    return ground_of(session, policies.policy(session, slug))


def ground_of(session: Session, policy: Policy) -> Ground:
    record = archive.history(session, policy)
    texts = {entry.number: _text(entry) for entry in record.entries}
    return Ground(policy, texts, facts.of_policy(session, record))


def _text(entry: Entry) -> Text:
    revision = entry.revision
    significant = entry.verdict in ("significant", "undecided")
    return Text(
        revision.number, revision.id or 0, revision.revision_date, revision.rule, revision.effective_at,
        significant, entry.live,
    )  # fmt: skip


def lives(session: Session, on: Ground, ids: Sequence[int]) -> dict[int, Life]:
    """What governs some members; those that there are not are not there."""
    found: dict[int, Life] = {}
    for start in range(0, len(ids), CHUNK):
        some = session.exec(select(Member).where(col(Member.id).in_(ids[start : start + CHUNK]))).all()
        found |= {life.member_id: life for life in _folded(session, on, some)}
    return found


def _folded(session: Session, on: Ground, some: Sequence[Member]) -> list[Life]:
    gathered = facts.of_members(session, on.facts, some)
    found = []
    for member in some:
        own = gathered[member.id]
        end = min((fact.at for fact in own if isinstance(fact, Ended)), default=None)
        spans = applicability.timeline(own).spans
        named = (member.id or 0, member.external_id, member.joined_at)
        found.append(Life(*named, end, member.recorded_at, spans))
    return found
