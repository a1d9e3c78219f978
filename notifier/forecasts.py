"""From when a text applies to a member: as it stands, if they were told now, and if they accepted now.

The fold itself says, on what is known plus the one fact that is supposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from notifier import facts
from notifier.models import Member
from policy_versions import applicability
from policy_versions.applicability import Acknowledged, Ended, Fact, Noticed
from policy_versions.archive import History


class Outlook(NamedTuple):
    """One text and one member. governing: the number of the text that governs them now; None: none does.

    starts: from when the text, or a later one in its stead, governs them, on present facts. if_told, if_accepted:
    the same were they told, or did they accept, now. None: something is still to happen.
    """

    governing: int | None
    starts: datetime | None
    if_told: datetime | None
    if_accepted: datetime | None

    def governs(self, now: datetime) -> bool:
        return self.starts is not None and self.starts <= now


def outlook(
    session: Session, record: History, member: Member, number: int, *, base: int, by_guardian: bool, now: datetime
) -> Outlook:
    """base: of the notice they would be told by; by_guardian: who would accept."""
    policy = facts.of_policy(session, record)
    # that a member's retention is to end meanwhile makes no difference to what they are told
    own = [f for f in facts.of_members(session, policy, [member])[member.id] if not isinstance(f, Ended)]
    governing = applicability.timeline(own).at(now)
    told = Noticed(now, number, base, None, "if told now")
    accepted = Acknowledged(now, number, "accepted", by_guardian, "if accepted now")
    return Outlook(
        governing.revision if governing else None,
        _starts(own, number),
        _starts([*own, told], number),
        _starts([*own, accepted], number),
    )


def _starts(own: Sequence[Fact], number: int) -> datetime | None:
    return next((span.start for span in applicability.timeline(own).spans if span.revision >= number), None)
