"""Named scenarios of "Who is told" and of what is cumulative, a sentence of DOMAIN.md each; and their evidence.

They run through the services: texts published and decided, notices opened, letters sent, spans folded of the rows.
The ratchet's own scenarios are in tests/policy_versions/test_applicability.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlmodel import SQLModel, select

from database import reading
from notifier.lineage import MemberMerge
from notifier.models import Acknowledgement, Attempt, Delivery, DeliveryEvent, GuardianChange, Member
from policy_versions import archive, policies
from policy_versions.applicability import Basis, Span
from policy_versions.models import DecisionRecord, Revision, Telling, Withdrawal
from tests.house import House, KeptLetters
from tests.notifier.sending import Later
from tests.notifier.stories import Step, Story

NOTICE = {"rule": "notice", "notice_days": 3}
SOON: dict[str, Any] = {"in_days": 9}


class Scenario(NamedTuple):
    """letters: whom letters went to, in order. stands: each member's spans in the end, with their bases."""

    says: str
    steps: Sequence[Step]
    letters: str
    stands: Mapping[str, str]
    bases: str = ""  # of all deliveries, where they matter
    skipped: str = ""


BEGINS: Step = ("begins",)
WHO_IS_TOLD = [
    Scenario(
        "an imported revision is decided, but opens no notice; its rule is posting",
        [("joins", "ada", {"days_ago": 900}), ("imports", "first", "24 months"), ("ticks",)],
        "",
        {"ada": "1 first, 2 posted"},
    ),
    Scenario(
        "who was told of the imported texts is not told of them again by the first live notice",
        [
            *(("joins", "ada", {"days_ago": 150}), ("imports", "first", "24 months", {"told": True})),
            *(("publishes", "36 months"), ("ticks",)),
        ],
        "ada",
        {"ada": "1 joined, 2 posted, 3 posted"},
        bases="2-3",
    ),
    Scenario(
        "without that record the letter shows all that changed since they joined",
        [
            *(("joins", "ada", {"days_ago": 150}), ("imports", "first", "24 months")),
            *(("publishes", "36 months"), ("ticks",)),
        ],
        "ada",
        {"ada": "1 joined, 2 posted, 3 posted"},
        bases="1-3",
    ),
    Scenario(
        "the audience is fixed when the notice opens: who was there is told",
        [BEGINS, ("joins", "ada"), ("joins", "bob"), ("publishes", "24 months"), ("ticks",)],
        "ada bob",
        {"ada": "1 joined, 2 posted", "bob": "1 joined, 2 posted"},
    ),
    Scenario(
        "who joins during the notice period is told at joining what is upcoming, and has the whole period",
        [
            *(BEGINS, ("publishes", "24 months", NOTICE | SOON), ("ticks",), ("waits", {"days": 8})),
            *(("joins", "ada"), ("ticks",), ("waits", {"days": 2})),
        ],
        "ada",
        {"ada": "1 joined, 2 notice"},
    ),
    Scenario(
        "who joins then and has read the upcoming text as they joined is told by that",
        [
            *(BEGINS, ("publishes", "24 months", NOTICE | SOON), ("ticks",), ("waits", {"days": 1})),
            *(("joins", "ada"), ("says", "ada", "read", 2), ("ticks",)),
        ],
        "",
        {"ada": "1 joined, 2 notice"},
    ),
    Scenario(
        "who joins once it is in force has joined under it, and is not told",
        [
            BEGINS,
            ("publishes", "24 months", NOTICE),
            ("ticks",),
            ("waits", {"days": 1}),
            ("joins", "ada"),
            ("ticks",),
        ],
        "",
        {"ada": "2 joined"},
    ),
    Scenario(
        "who was brought in late, having joined before it, is told and governed already",
        [
            *(BEGINS, ("publishes", "24 months"), ("ticks",), ("waits", {"days": 5})),
            *(("joins", "ada", {"days_ago": 5.5}), ("ticks",)),
        ],
        "ada",
        {"ada": "1 joined, 2 posted"},
    ),
    Scenario(
        "a later notice tells what the earlier one had not sent yet, and skips it",
        [
            *(BEGINS, ("joins", "ada"), ("provider_is_busy",), ("publishes", "24 months"), ("ticks",)),
            *(("publishes", "36 months"), ("ticks",), ("waits", {"hours": 2}), ("ticks",)),
        ],
        "ada",
        {"ada": "1 joined, 3 posted"},
        bases="1-2 1-3",
        skipped="told by notice 2",
    ),
    Scenario(
        "once a later notice is open, late arrivals get that one only",
        [
            *(BEGINS, ("publishes", "24 months"), ("ticks",), ("publishes", "36 months"), ("ticks",)),
            *(("waits", {"days": 1}), ("joins", "ada", {"days_ago": 1.2}), ("ticks",)),
        ],
        "ada",
        {"ada": "1 joined, 3 posted"},
        bases="1-3",
    ),
    Scenario(
        "a minor revision is told to nobody, and what it changed stands in the next letter",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "typo"), ("ticks",), ("waits", {"days": 1})),
            *(("publishes", "24 months"), ("ticks",)),
        ],
        "ada",
        {"ada": "1 joined, 2 posted, 3 posted"},
        bases="1-3",
    ),
    Scenario(
        "who was told of the last one is told what changed since that",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months"), ("ticks",), ("waits", {"days": 1})),
            *(("publishes", "36 months"), ("ticks",)),
        ],
        "ada ada",
        {"ada": "1 joined, 2 posted, 3 posted"},
        bases="1-2 2-3",
    ),
    Scenario(
        "a notice that failed since is no base: the next letter shows what it told of as well",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months"), ("ticks",), ("comes_back", "ada")),
            *(("waits", {"days": 1}), ("publishes", "36 months"), ("ticks",)),
        ],
        "ada ada",
        {"ada": "1 joined, 2 posted, 3 posted"},
        bases="1-2 1-3",
    ),
    Scenario(
        "who is held behind is written to from what governs them, and that letter tells of both",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", NOTICE), ("ticks",)),
            *(("comes_back", "ada"), ("waits", {"days": 9}), ("publishes", "36 months", NOTICE), ("ticks",)),
            ("waits", {"days": 9}),
        ],
        "ada ada",
        {"ada": "1 joined, 3 notice"},
        bases="1-2 1-3",
    ),
    Scenario(
        "a withdrawn revision is never a base, and moves nobody",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", SOON), ("ticks",), ("withdraws", 2)),
            *(("ticks",), ("waits", {"days": 1}), ("publishes", "36 months"), ("ticks",), ("waits", {"days": 20})),
        ],
        "ada ada ada",  # of the revision, of its withdrawal, of the next
        {"ada": "1 joined, 3 posted"},
        bases="1-2 1-2 1-3",
    ),
    Scenario(
        "minor revisions are held behind one that is not met",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", {"rule": "acceptance"}), ("ticks",)),
            *(("publishes", "typo"), ("ticks",), ("waits", {"days": 9})),
        ],
        "ada ada",  # shorter again, and so worth a letter of its own
        {"ada": "1 joined"},
    ),
    Scenario(
        "an accepted of the later one meets both",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", {"rule": "acceptance"}), ("ticks",)),
            *(("publishes", "36 months", {"rule": "acceptance"}), ("ticks",), ("says", "ada", "accepted", 3)),
        ],
        "ada ada",
        {"ada": "1 joined, 3 acceptance"},
    ),
    Scenario(
        "a declined is kept, and moves nobody",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", {"rule": "acceptance"}), ("ticks",)),
            *(("says", "ada", "declined", 2), ("waits", {"days": 9})),
        ],
        "ada",
        {"ada": "1 joined"},
    ),
    Scenario(
        "a consent withdrawn moves nobody back",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", {"rule": "acceptance"}), ("ticks",)),
            *(("says", "ada", "accepted", 2), ("waits", {"days": 1})),
            *(("says", "ada", "consent withdrawn", 2), ("waits", {"days": 9})),
        ],
        "ada",
        {"ada": "1 joined, 2 acceptance"},
    ),
    Scenario(
        "a ward's guardian is told in their place, and moves them",
        [
            *(BEGINS, ("joins", "kid", {"guardian_email": "guardian@example.com"})),
            *(("publishes", "24 months", NOTICE), ("ticks",), ("waits", {"days": 9})),
            *(("says", "kid", "accepted", 2), ("waits", {"days": 1})),
            ("says", "kid", "accepted", 2, {"by": "guardian"}),
        ],
        "guardian",
        {"kid": "1 joined, 2 acceptance"},
    ),
    Scenario(
        "a guardian set in time holds back, and from the end of guardianship the revision's own rule holds",
        [
            *(BEGINS, ("joins", "kid"), ("publishes", "24 months", NOTICE), ("ticks",), ("waits", {"days": 1})),
            *(("gets_a_guardian", "kid"), ("waits", {"days": 9}), ("grows_up", "kid")),
        ],
        "kid",
        {"kid": "1 joined, 2 notice"},
    ),
    Scenario(
        "a complaint proves receipt and undoes nothing",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", NOTICE), ("ticks",)),
            *(("comes_back", "ada", "spamreport"), ("waits", {"days": 9})),
        ],
        "ada",
        {"ada": "1 joined, 2 notice"},
    ),
    Scenario(
        "who has no address is told when the site notice was shown",
        [
            *(BEGINS, ("joins", "ada", {"email": ""}), ("publishes", "24 months", NOTICE), ("ticks",)),
            *(("comes_back", "ada", "shown"), ("waits", {"days": 9})),
        ],
        "",
        {"ada": "1 joined, 2 notice"},
    ),
    Scenario(
        "a letter of one policy counts for no other",
        [
            *(
                BEGINS,
                ("another_policy",),
                ("joins", "ada"),
                ("publishes", "24 months", {"slug": "terms"} | NOTICE),
            ),
            *(("ticks",), ("publishes", "24 months", NOTICE), ("opens",), ("waits", {"days": 9})),
        ],
        "ada",
        {"ada": "1 joined"},
    ),
    Scenario(
        "a translation makes no revision, and is told to nobody",
        [BEGINS, ("joins", "ada", {"locale": "de"}), ("translates",), ("ticks",), ("waits", {"days": 9})],
        "",
        {"ada": "1 joined"},
    ),
    Scenario(
        "who is erased and joins again is a new member: what was told before counts for nothing",
        [
            *(BEGINS, ("joins", "ada"), ("publishes", "24 months", SOON | NOTICE), ("ticks",)),
            *(("erased", "ada"), ("waits", {"hours": 1}), ("joins", "ada", {"days_ago": 0}), ("ticks",)),
        ],
        "ada ada",
        {"ada": "1 joined, 2 notice"},
        bases="1-2 1-2",
    ),
    Scenario(
        "what an account that was merged accepted counts for the other from then on",
        [
            *(BEGINS, ("joins", "ada", {"days_ago": 0.5}), ("joins", "ada2")),
            *(("publishes", "24 months", {"rule": "acceptance"}), ("ticks",), ("says", "ada2", "accepted", 2)),
            *(("waits", {"days": 1}), ("merged", "ada2", "ada")),
        ],
        "ada ada2",
        {"ada": "1 joined, 2 acceptance"},
    ),
]


@pytest.fixture
def story(house: House, letters: KeptLetters, later: Later, tmp_path: Path) -> Story:
    return Story(house, letters, later, tmp_path / "texts")


@pytest.mark.parametrize("scenario", WHO_IS_TOLD, ids=lambda scenario: scenario.says)
def test_who_is_told(story: Story, scenario: Scenario) -> None:
    story.go(scenario.steps)
    assert story.letters_taken() == scenario.letters
    assert {name: story.stands(name) for name in scenario.stands} == scenario.stands
    assert scenario.bases in ("", story.bases())
    assert story.skipped() == scenario.skipped


# -- evidence ---------------------------------------------------------------------------------------

TABLES: dict[str, tuple[type[SQLModel], ...]] = {
    "member": (Member,),
    "revision": (Revision,),
    "withdrawal": (Withdrawal,),
    "decision": (DecisionRecord,),
    "delivery": (Delivery, Attempt),  # of an attempt, the letter of one delivery
    "event": (DeliveryEvent,),
    "acknowledgement": (Acknowledgement,),
    "guardian": (GuardianChange,),
    "telling": (Telling,),
    "merge": (MemberMerge,),
}


def followed(house: House, span: Span) -> list[SQLModel]:
    """The rows that a span rests on; each name leads to as many as it has numbers."""
    with reading(house.runtime.engine) as session:
        return [
            session.get_one(table, int(number))
            for kind, *numbers in (name.split(":") for name in span.rests_on)
            for table, number in zip(TABLES[kind], numbers, strict=True)
        ]


def test_the_evidence_of_every_basis_leads_to_rows(story: Story) -> None:
    story.go([
        *(("joins", "early", {"days_ago": 3}), BEGINS, ("joins", "ada"), ("joins", "bob", {"email": ""})),
        *(("publishes", "24 months"), ("ticks",), ("waits", {"days": 1})),  # 2: posted
        *(("publishes", "36 months", NOTICE), ("ticks",), ("comes_back", "bob", "shown"), ("waits", {"days": 9})),
        *(("publishes", "48 months", {"rule": "acceptance"}), ("ticks",), ("says", "ada", "accepted", 4)),
    ])  # fmt: skip
    found = {(name, span.revision): span for name in ("early", "ada", "bob") for span in spans_of(story, name)}
    assert {span.basis for span in found.values()} == set(Basis)
    kinds = {key: {type(row).__name__ for row in followed(story.house, span)} for key, span in found.items()}
    assert kinds["early", 1] == kinds["ada", 1] == {"Member", "Revision"}
    assert kinds["ada", 2] == {"Revision", "DecisionRecord"}
    assert kinds["ada", 3] == {"Revision", "DecisionRecord", "Delivery", "Attempt"}
    assert kinds["bob", 3] == {"Revision", "DecisionRecord", "DeliveryEvent"}
    assert kinds["ada", 4] == {"Revision", "DecisionRecord", "Acknowledgement"}


def test_the_rows_of_the_evidence_are_the_members_own_and_no_later_than_the_move(story: Story) -> None:
    story.go([
        *(BEGINS, ("joins", "ada"), ("joins", "bob"), ("joins", "kid", {"guardian_email": "g@example.com"})),
        *(("publishes", "24 months", NOTICE), ("ticks",), ("waits", {"days": 9})),
        ("says", "kid", "accepted", 2, {"by": "guardian"}),
    ])  # fmt: skip
    for name in ("ada", "bob", "kid"):
        own = story.house.timeline(name).spans[-1]
        assert own.revision == 2
        with reading(story.house.runtime.engine) as session:
            member = session.exec(select(Member).where(Member.external_id == name)).one()
            record = archive.history(session, policies.policy(session, "privacy"))
        for row in followed(story.house, own):
            assert getattr(row, "member_id", member.id) == member.id
            assert getattr(row, "revision_id", record.entry(2).revision.id) == record.entry(2).revision.id
            assert getattr(row, "recorded_at", own.start) <= own.start


def spans_of(story: Story, name: str) -> Sequence[Span]:
    return story.house.timeline(name).spans
