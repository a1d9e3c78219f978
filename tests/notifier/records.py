"""A record with a row in every table of facts, for tests that look for what was changed in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from database import writing
from notifier import sealing
from notifier.lineage import MemberMerge
from notifier.models import (
    Acknowledgement,
    Delivery,
    DeliveryEvent,
    Member,
    Omission,
    Quarantine,
    Suppression,
    WebhookBody,
)
from notifier.revocations import LinkRevocation
from notifier.senders.protocol import Refused
from policy_versions import archive, naming, policies, retiring, translations
from policy_versions.models import (
    DecisionRecord,
    Proposal,
    ProposalAnswer,
    Reopening,
    Revision,
    Telling,
    Translation,
)
from policy_versions.policies import PolicyFields
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.notifier.sending import Later


def told(house: House, letters: KeptLetters, later: Later) -> None:
    """Three members and a change they were told of by letter; one letter was refused, one bounced."""
    house.policy()
    house.publish(FIRST)
    house.tick()
    later(days=1)
    for name in ("ann", "bob", "cem", "dot"):
        house.member(name)
    house.member("eve", email="")
    house.member("ward", guardian_email="guardian@example.com")
    letters.refuses, letters.refusal = {"cem@example.com"}, Refused("no such mailbox", status=400, address=True)
    house.publish(LONGER, rule="notice", notice_days=10)
    for _ in range(4):
        later(hours=1)
        house.tick()
    assert house.notice().state == "complete"


def of_everything(house: House, letters: KeptLetters, later: Later) -> None:
    """The same, with a row in each of the other tables of facts; all of it sealed."""
    told(house, letters, later)
    later(hours=1)
    with writing(house.runtime.engine) as session:
        session.add_all(_others(session, house))
        policy = policies.lock(session, "privacy")
        given = translations.Given("de", FIRST.replace("Privacy", "Datenschutz"), "Datenschutz")
        translations.publish(session, policy, 2, given, actor="a test", now=house.now)
    house.publish(TYPO, effective_at=house.now + timedelta(days=9))
    house.tick()
    later(hours=1)
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 3, reason="A slip.", actor="a test", now=house.now)
        _judged(session, house)
        _named_and_ended(session, house)
    house.tick()
    later(hours=1)
    house.tick()
    sealing.seal(house.runtime)


def _named_and_ended(session: Session, house: House) -> None:
    """A policy that was called otherwise, and was retired and taken up again."""
    cookies = policies.create_policy(
        session, PolicyFields("cookie", "Cookie policy"), actor="a test", now=house.now
    )
    given = archive.Publication(FIRST, rule="posting", summary="The first text.", controller="Plover Group")
    archive.publish(session, cookies, given, actor="a test", now=house.now)
    named = naming.Name("cookies", "Cookies", "It is about more than one.")
    naming.rename(session, cookies, named, actor="a test", now=house.now)
    record = archive.history(session, cookies)
    retiring.retire(session, record, "We set none any more.", actor="a test", now=house.now)
    retiring.resume(session, cookies, "We do again.", actor="a test", now=house.now)


def _others(session: Session, house: House) -> list[SQLModel]:
    member = session.exec(select(Member).where(Member.external_id == "ann")).one()
    other = session.exec(select(Member).where(Member.external_id == "dot")).one()
    delivery = session.exec(select(Delivery).where(Delivery.member_id == member.id)).one()
    revision = session.exec(select(Revision).where(Revision.number == 2)).one()
    now, number = house.now, revision.id or 0
    return [
        Acknowledgement(
            member_id=member.id or 0, revision_id=number, kind="read", route="by link", recorded_at=now
        ),
        DeliveryEvent(delivery_id=delivery.id or 0, event="processed", happened_at=now, recorded_at=now),
        Suppression(email_key="a key", reason="bounce", recorded_at=now),
        WebhookBody(source="sendgrid", sha256="ab", size=2, verdict="verified", received_at=now, folded_at=now),
        Quarantine(began_at=now, actor="a test", doubted=0, erased=0, lifted_at=now, lifted_by="a test"),
        LinkRevocation(member_id=member.id or 0, recorded_at=now),
        MemberMerge(from_id=other.id or 0, into_id=member.id or 0, recorded_at=now),
        Omission(notice_id=delivery.notice_id, reason="erased", members=2),
        Telling(policy_id=revision.policy_id, revision_id=number, told_at=now, recorded_at=now),
    ]


def _judged(session: Session, house: House) -> None:
    """A lowering that was proposed and rejected, and a decision that was opened again."""
    first, second = session.exec(select(DecisionRecord).order_by(col(DecisionRecord.id)).limit(2)).all()
    common: dict[str, Any] = {
        "revision_id": second.revision_id,
        "summary": "",
        "level": 1,
        "recorded_at": house.now,
    }
    proposed = Proposal(
        **common, overrules_id=second.id or 0, verdict="minor", reason="A test.", proposed_by="a test"
    )
    session.add(proposed)
    session.flush()
    session.add(
        ProposalAnswer(
            proposal_id=proposed.id or 0, answer="rejected", answered_by="another", recorded_at=house.now
        )
    )
    bases: dict[str, Any] = {"previous_base_id": first.revision_id, "cumulative_base_id": first.revision_id}
    of: dict[str, Any] = {"standing_id": second.id or 0, "because_id": first.id or 0}
    session.add(Reopening(**common, **bases, **of, verdict="minor", findings=[], engine="an engine"))
    assert session.exec(select(Translation.id)).first()
