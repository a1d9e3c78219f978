"""Ledgers made up for tests: batches with their letters, requests and what was heard, as the engine writes them.

Each letter is a word: what became of it. A batch's requests, outcomes, events and figures follow from its words.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlmodel import Session, col, select

from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Outcome
from policy_versions.models import Revision

# what became of a letter, and the state that it is in then
FATES = {
    "accepted": "accepted",
    "processed": "accepted",
    "delivered": "delivered",
    "complained": "delivered",
    "bounced": "bounced",
    "delivered, then bounced": "bounced",
    "dropped": "failed",
    "unknown": "unknown",
    "started": "sending",
    "refused": "failed",
    "left out": "skipped",
    "left out, but heard of": "delivered",  # by an earlier request, which was taken after all
    "moved": "queued",  # lost its place and has none yet
    "moved, then skipped": "skipped",
    "untouched": "",  # by its batch
}
EVENTS = {
    "processed": ("processed",),
    "delivered": ("processed", "delivered"),
    "complained": ("delivered", "spamreport"),
    "bounced": ("deferred", "bounce"),
    "delivered, then bounced": ("delivered", "bounce"),
    "dropped": ("dropped",),
    "left out, but heard of": ("delivered",),
}
COUNTED = {"delivered": "delivered", "bounced": "bounced", "failed": "dropped"}
IN_ACCEPTED = ("accepted", "processed", "delivered", "complained", "bounced", "delivered, then bounced", "dropped")
NOT_TRIED = ("left out", "left out, but heard of", "moved", "moved, then skipped", "untouched")
UNTOUCHED = {
    ("email", "queued"): "queued",
    ("email", "sending"): "queued",
    ("email", "skipped"): "skipped",
    ("site", "site"): "site notice only",
    ("site", "skipped"): "skipped",
}


@dataclass
class Plan:
    """A batch: its channel, its state and its letters in order of their places."""

    channel: str
    state: str
    letters: Sequence[str]
    earlier: str = ""  # a request for all of it that was superseded: not_sent, halved, resent

    @property
    def states(self) -> list[str]:
        return [FATES[letter] or UNTOUCHED[self.channel, self.state] for letter in self.letters]


def letters(*words: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=7)


EARLIER = st.sampled_from(("", "not_sent", "halved", "resent"))
OPEN_EMAIL = st.builds(
    Plan, st.just("email"), st.sampled_from(("queued", "sending")), letters(*FATES), earlier=EARLIER
)
CLOSED_EMAIL = st.builds(
    Plan,
    st.just("email"),
    st.sampled_from(("accepted", "unknown", "refused")),
    letters(*(fate for fate in FATES if fate not in ("untouched", "started"))),
    earlier=EARLIER,
)
SKIPPED_EMAIL = st.builds(
    Plan, st.just("email"), st.just("skipped"), letters(*NOT_TRIED, "unknown", "accepted"), earlier=EARLIER
)
SITE = st.builds(
    Plan,
    st.just("site"),
    st.sampled_from(("site", "skipped")),
    letters("untouched", "left out", "moved", "moved, then skipped"),
)
LEDGERS = st.lists(st.one_of(OPEN_EMAIL, CLOSED_EMAIL, SKIPPED_EMAIL, SITE), max_size=4)


@dataclass
class Books:
    """Writes plans as a notice's rows. Members are the same for all notices; each has one delivery of each."""

    session: Session
    now: datetime
    members: list[int] = field(default_factory=list)

    def notice(self, plans: Iterable[Plan] = (), **given: Any) -> Notice:
        revision = self.session.exec(select(Revision).order_by(col(Revision.id))).first()
        assert revision is not None
        fields: dict[str, Any] = {
            "policy_id": revision.policy_id,
            "revision_id": revision.id,
            "state": "sending",
            "due_at": self.now,
            "substitution_prefix": "x",
            "created_at": self.now,
            "opened_at": self.now,
            "recalled_at": self.now,  # so that there may be several of one revision
        }
        notice = Notice(**fields | given)
        self.session.add(notice)
        self.session.flush()
        owed = itertools.count()
        for number, plan in enumerate(plans, 1):
            self.batch(notice, number, plan, owed)
        return notice

    def _member(self, number: int) -> int:
        while len(self.members) <= number:
            name = f"member-{len(self.members)}"
            member = Member(
                external_id=name, email=f"{name}@example.com", joined_at=self.now, recorded_at=self.now
            )
            self.session.add(member)
            self.session.flush()
            self.members.append(member.id or 0)
        return self.members[number]

    def batch(self, notice: Notice, number: int, plan: Plan, owed: Iterable[int], **given: Any) -> Batch:
        heard_of = (FATES[letter] for letter in plan.letters if letter in EVENTS)
        counted = Counter(COUNTED[state] for state in heard_of if state in COUNTED)
        fields: dict[str, Any] = {
            **{"notice_id": notice.id, "number": number, "channel": plan.channel, "state": plan.state},
            **{"locale": "en", "audience": "member", "already": False, "asks": False},
            **{"size": len(plan.letters), "recorded_at": self.now, **counted},
        }
        batch = Batch(**fields | given)
        self.session.add(batch)
        self.session.flush()
        places = [self._member(next(iter(owed))) for _ in plan.letters]
        if plan.earlier and places:
            self.attempt(batch, plan.earlier, places[0], places[-1] + 1, len(places))
        for letter, run in itertools.groupby(zip(plan.letters, places, strict=True), lambda pair: _state(pair[0])):
            self._write(batch, letter, list(run))
        return batch

    def _write(self, batch: Batch, state: str, run: Sequence[tuple[str, int]]) -> None:
        step = 1 if state == "refused" else len(run)
        if state:
            for first in range(0, len(run), step):
                some = run[first : first + step]
                self.attempt(batch, state, some[0][1], some[-1][1] + 1, len(some))
        for letter, member_id in run:
            self._letter(batch, letter, member_id)

    def attempt(self, batch: Batch, state: str, first: int, last: int, recipients: int, **given: Any) -> Attempt:
        fields: dict[str, Any] = {
            **{"batch_id": batch.id, "first": first, "last": last, "recipients": recipients, "state": state},
            **{"body_sha256": "", "sender": "kept", "started_at": self.now, "said": f"said of a {state} one"},
            "recorded_at": None if state == "started" else self.now,
        }
        attempt = Attempt(**fields | given)
        self.session.add(attempt)
        self.session.flush()
        return attempt

    def _letter(self, batch: Batch, letter: str, member_id: int) -> None:
        delivery = Delivery(
            notice_id=batch.notice_id,
            member_id=member_id,
            batch_id=batch.id or 0,
            position=None if letter.startswith("moved") else member_id,
        )
        self.session.add(delivery)
        self.session.flush()
        outcome = (
            "failed" if letter == "refused" else "skipped" if "left out" in letter or "skipped" in letter else ""
        )
        if outcome:
            said = Outcome(delivery_id=delivery.id or 0, outcome=outcome, reason="a reason", recorded_at=self.now)
            self.session.add(said)
        for hours, event in enumerate(EVENTS.get(letter, ())):
            at = self.now + timedelta(hours=hours)
            heard = DeliveryEvent(delivery_id=delivery.id or 0, event=event, happened_at=at, recorded_at=at)
            self.session.add(heard)
        self.session.flush()


def _state(letter: str) -> str:
    """The state of the request that carries a letter; "" where none does."""
    if letter in NOT_TRIED:
        return ""
    return "accepted" if letter in IN_ACCEPTED else letter
