"""Counting whom a notice would go to: set by set, and the same as member by member."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from database import reading, writing
from notifier import audience, facts, headcount, members
from notifier.audience import Audience, Owed, Standing
from notifier.models import Member, Notice, Suppression
from policy_versions import applicability, archive, policies
from policy_versions.archive import History
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.lives import Life, steps_of

Later = Callable[..., datetime]


def standings(session: Session, record: History, now: datetime) -> list[Standing]:
    everybody = session.exec(select(Member).where(members.retained(now)).order_by(col(Member.id))).all()
    gathered = facts.of_members(session, facts.of_policy(session, record), everybody)
    return [Standing(m, gathered[m.id], applicability.timeline(gathered[m.id])) for m in everybody]


def slowly(session: Session, record: History, secret: str, now: datetime) -> Audience:
    """Who would be told of a coming revision, each member looked at alone."""
    counted, barred, current = Audience(), audience.suppressed(session), record.in_force(now)
    for standing in standings(session, record, now):
        verdict = audience.addressed(standing.member, headcount.ANYBODY, barred, secret)
        counted.add(verdict)
        if isinstance(verdict, Owed) and verdict.channel == "email":
            counted.bases[audience.knows_of(standing, len(record.entries) + 1, now)] += 1
        span = standing.timeline.at(now)
        counted.held += bool(current and span and span.revision < current.number)
    counted.left_out.update(audience.gone(session, now))
    return counted


def slowly_of(session: Session, record: History, notice: Notice, secret: str, now: datetime) -> Audience:
    counted, barred = Audience(), audience.suppressed(session)
    entry = next(e for e in record.entries if e.revision.id == notice.revision_id)
    for standing in standings(session, record, now):
        counted.add(audience.judge(standing, record, entry, barred, secret=secret, now=now))
    counted.left_out.update(audience.gone(session, now))
    return counted


def muddle(house: House, life: Life) -> None:
    """Some addresses are suppressed, some members have none, some are gone or about to go."""
    with writing(house.runtime.engine) as session:
        for member in session.exec(select(Member).order_by(col(Member.id))).all():
            chance = life.draw.random()
            if chance < 0.15 and member.email_key:
                session.add(Suppression(email_key=member.email_key, reason="bounce", recorded_at=house.now))
            elif chance < 0.3:
                member.email = member.email_key = None
            elif chance < 0.4:
                member.retained_until = house.now + timedelta(days=life.draw.choice([-1, 5]))
            elif chance < 0.5:
                members.erase(session, member, actor="a test", now=house.now)
            session.add(member)
            session.flush()


@pytest.mark.parametrize("seed", range(20, 30))
def test_set_by_set_the_count_is_what_it_is_member_by_member(
    house: House, letters: KeptLetters, later: Later, seed: int
) -> None:
    life = Life(house, letters, later)
    life.go(steps_of(seed, 12))
    muddle(house, life)
    later(hours=life.draw.choice([0, 1, 200]))
    secret = house.runtime.secret
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        counted = headcount.before_publishing(session, record, secret=secret, now=house.now)
        assert counted == slowly(session, record, secret, house.now)
        for notice in session.exec(select(Notice).where(Notice.kind == "change")):
            entry = next(e for e in record.entries if e.revision.id == notice.revision_id)
            counted = headcount.if_opened_now(session, notice, record, entry, secret=secret, now=house.now)
            recalled_none = slowly_of(session, record, notice, secret, house.now)
            assert (counted.email, counted.site, +counted.left_out, counted.guardians) == (
                recalled_none.email,
                recalled_none.site,
                +recalled_none.left_out,
                recalled_none.guardians,
            )


def test_what_was_counted_before_opening_is_what_opening_writes(house: House, later: Later) -> None:
    house.policy()
    house.publish(FIRST)
    house.tick()
    for name, given in {
        "ada": {},
        "bob": {"email": ""},
        "cem": {"guardian_email": "g@example.com"},
        "dee": {"email": "dee@example.com"},
    }.items():
        house.member(name, **given)
    with writing(house.runtime.engine) as session:
        key = session.exec(select(Member.email_key).where(Member.external_id == "dee")).one()
        session.add(Suppression(email_key=key or "", reason="bounce", recorded_at=house.now))
    later(hours=1)
    house.publish(LONGER, rule="notice", notice_days=30)
    from notifier import deciding

    deciding.decide_due(house.runtime)
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        before = headcount.if_opened_now(
            session, house.notice(), record, record.entries[-1], secret=house.runtime.secret, now=house.now
        )
    assert (before.email, dict(before.site), before.guardians) == (2, {"no address": 1, "suppressed": 1}, 1)
    house.tick()
    with reading(house.runtime.engine) as session:
        assert headcount.as_opened(session, house.notice()) == before


def test_nobody_at_all_is_counted_as_nobody(house: House) -> None:
    house.policy()
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        assert headcount.before_publishing(session, record, secret="s", now=house.now) == Audience()
