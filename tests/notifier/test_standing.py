"""What is answered of members: always what the plain fold of their facts says."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlmodel import Session, col, select

from database import reading, writing
from errors import InstantImpossible, InstantNaive, NoSuchMember, NoSuchPolicy, TooManyPairs
from notifier import facts, members, standing
from notifier.models import Acknowledgement, Member
from notifier.standing import Answer, Why
from policy_versions import applicability
from policy_versions.applicability import Basis, Timeline
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.notifier.lives import Life, record_of, steps_of
from tests.notifier.sending import Later

DAY = timedelta(days=1)


# -- one fold -----------------------------------------------------------------------------------


def plainly(session: Session) -> Mapping[int, Timeline]:
    """The timelines of all members, each folded alone."""
    everybody = session.exec(select(Member).order_by(col(Member.id))).all()
    gathered = facts.of_members(session, facts.of_policy(session, record_of(session)), everybody)
    return {member.id or 0: applicability.timeline(gathered[member.id]) for member in everybody}


def instants(lines: Mapping[int, Timeline], now: datetime, draw: random.Random) -> list[datetime]:
    """Some at which somebody moves, some a moment before, some at random."""
    starts = sorted({span.start for line in lines.values() for span in line.spans})
    some = draw.sample(starts, min(4, len(starts)))
    anywhen = [now + timedelta(seconds=draw.randrange(-4_000_000, 4_000_000)) for _ in range(3)]
    return [now, *some, *(at - timedelta(microseconds=1) for at in some), *anywhen]


def agree(house: House, seed: int = 0) -> None:
    """Every way of asking gives what the plain fold gives."""
    draw = random.Random(seed)
    with reading(house.runtime.engine) as session:
        lines = plainly(session)
        asked = instants(lines, house.now, draw)
        pairs = [(member_id, at) for at in asked for member_id in lines]
        draw.shuffle(pairs)
        answered = standing.many(session, "privacy", pairs, now=house.now)
        for (member_id, at), answer in zip(pairs, answered, strict=True):
            says(lines[member_id], answer, member_id, at)
        for member_id, at in pairs[:10]:
            member = session.get_one(Member, member_id)
            alone = standing.of_member(session, member, "privacy", at, now=house.now)
            assert alone in answered
            if member.external_id is not None:
                assert standing.of_external(session, member.external_id, "privacy", at, now=house.now) == alone
        for at in asked[::3]:
            listed = standing.everyone(session, "privacy", at, now=house.now)
            assert {(row.member_id, row.revision, row.since, row.until, row.basis, row.why) for row in listed} == {
                (a.member_id, a.revision, a.since, a.until, a.basis or "", a.why or "")
                for a in answered
                if a.at == at
            }
        for member in session.exec(select(Member)).all():
            (line,) = standing.timelines(session, member, now=house.now)
            told = [(s.revision, s.since, s.until, s.basis, s.evidence[0], s.evidence) for s in line.stretches]
            assert told == [tuple(span) for span in lines[member.id or 0].spans]


def says(line: Timeline, answer: Answer, member_id: int, at: datetime) -> None:
    span = line.at(at)
    assert (answer.member_id, answer.at) == (member_id, at)
    if span is None:
        assert answer.revision is None and answer.why is not None
    else:
        told = (answer.revision, answer.since, answer.until, answer.basis, answer.evidence[0], answer.evidence)
        assert told == tuple(span) and answer.why is None


@pytest.mark.parametrize("seed", range(4))
def test_every_way_of_asking_gives_what_the_plain_fold_gives(
    house: House, letters: KeptLetters, later: Later, seed: int
) -> None:
    Life(house, letters, later).go(steps_of(seed + 300, 16))
    with writing(house.runtime.engine) as session:
        member = session.exec(select(Member).where(col(Member.erased_at).is_(None))).first()
        assert member is not None
        members.erase(session, member, actor="ines", now=house.now)
    later(days=3)
    agree(house, seed)


# -- what is said -------------------------------------------------------------------------------


@pytest.fixture
def ask(running: House) -> Callable[..., Answer]:
    """Ask for Ada, at the clock's time unless told otherwise."""

    def of(at: datetime | None = None, name: str = "ada") -> Answer:
        with reading(running.runtime.engine) as session:
            return standing.of_external(session, name, "privacy", at or running.now, now=running.now)

    return of


def test_an_answer_names_the_text_the_span_its_basis_and_its_evidence(
    running: House, later: Later, ask: Callable[..., Answer]
) -> None:
    running.member("ada", joined_at=(running.now - timedelta(hours=5)).isoformat())
    joined = running.now - timedelta(hours=5)
    later(days=1)
    moved = running.now
    second = running.publish(TYPO)
    running.tick()
    later(days=1)
    before, after = ask(moved - timedelta(hours=1)), ask(moved)
    assert (before.revision, before.since, before.until, before.basis) == (1, joined, moved, Basis.JOINED)
    assert before.evidence[0] == f"member:{after.member_id}"
    assert (after.revision, after.revision_id, after.revision_date) == (2, second.id, second.revision_date)
    assert (after.since, after.until, after.basis) == (moved, None, Basis.POSTED)
    assert after.evidence[0] == f"revision:{second.id}"
    assert after.known_at == running.now and not after.provisional and not after.forecast


def test_where_no_text_governs_it_is_said_why_and_for_how_long(house: House, later: Later) -> None:
    house.policy()
    house.member("ada")
    joined = house.now - timedelta(hours=1)
    later(days=1)
    house.publish(FIRST, effective_at=house.now + DAY)
    first = house.now + DAY
    house.members({"external_id": "ada", "retained_until": (first + DAY).isoformat()})
    with reading(house.runtime.engine) as session:
        asked = [joined - DAY, joined, first, first + DAY]
        member = members.by_external_id(session, "ada")
        told = [standing.of_member(session, member, "privacy", at, now=house.now) for at in asked]
    assert [(one.revision, one.why, one.since, one.until) for one in told] == [
        (None, Why.NOT_YET, None, joined),
        (None, Why.NO_TEXT, joined, first),
        (1, None, first, first + DAY),
        (None, Why.ENDED, first + DAY, None),
    ]


def test_a_policy_without_a_text_governs_nobody(house: House) -> None:
    house.policy()
    house.member("ada")
    with reading(house.runtime.engine) as session:
        told = standing.of_external(session, "ada", "privacy", house.now, now=house.now)
        assert (told.why, told.until) == (Why.NO_TEXT, None)
        assert standing.timelines(session, members.by_external_id(session, "ada"), now=house.now) == []


@pytest.mark.parametrize(
    ("off", "provisional", "forecast"),
    [(-61, False, False), (-60, True, False), (0, True, False), (1, False, True)],
)
def test_the_last_minute_is_provisional_and_what_is_to_come_a_forecast(
    running: House, ask: Callable[..., Answer], off: int, provisional: bool, forecast: bool
) -> None:
    running.member("ada")
    told = ask(running.now + timedelta(seconds=off))
    assert (told.provisional, told.forecast) == (provisional, forecast)


def test_a_later_fact_changes_no_earlier_answer(running: House, later: Later, ask: Callable[..., Answer]) -> None:
    running.member("ada")
    running.publish(LONGER, rule="acceptance")
    running.tick()
    asked = later(days=2)
    later(days=2)
    before = ask(asked)
    accept(running, "ada", 2)
    later(days=2)
    assert ask(asked)._replace(known_at=before.known_at) == before._replace(until=running.now - 2 * DAY)
    assert ask().revision == 2


def accept(house: House, name: str, number: int) -> None:
    with writing(house.runtime.engine) as session:
        session.add(
            Acknowledgement(
                member_id=members.by_external_id(session, name).id or 0,
                revision_id=record_of(session).entry(number).revision.id or 0,
                kind="accepted",
                route="by link",
                recorded_at=house.now,
            )
        )


def test_what_is_upcoming_says_from_when_it_will_apply_on_present_facts(running: House, later: Later) -> None:
    running.member("ada")
    running.publish(LONGER, rule="notice", notice_days=10)
    told = running.now
    running.tick()
    running.publish(LONGER.replace("24", "36"), rule="acceptance")
    running.tick()
    later(days=1)
    with reading(running.runtime.engine) as session:
        (line,) = standing.timelines(session, members.by_external_id(session, "ada"), now=running.now)
    second, third = line.upcoming
    assert (second.revision, second.rule, second.significant) == (2, "notice", True)
    assert second.applies_from is not None and told + 10 * DAY <= second.applies_from <= told + 11 * DAY
    assert (third.revision, third.rule, third.applies_from) == (3, "acceptance", None)
    assert [(s.revision, s.forecast) for s in line.stretches] == [(1, False), (2, True)]


def test_nothing_is_upcoming_for_those_who_have_gone(running: House, later: Later) -> None:
    running.member("ada")
    running.publish(LONGER, rule="acceptance")
    running.tick()
    later(days=1)
    with reading(running.runtime.engine) as session:
        member = members.by_external_id(session, "ada")
    with writing(running.runtime.engine) as session:
        members.erase(session, session.get_one(Member, member.id), actor="ines", now=running.now)
    with reading(running.runtime.engine) as session:
        (line,) = standing.timelines(session, session.get_one(Member, member.id), now=running.now)
    assert line.upcoming == () and line.end == running.now


def test_an_erased_member_is_listed_without_their_key(running: House, later: Later) -> None:
    running.member("ada")
    running.member("ben")
    then = running.now
    later(days=1)
    with writing(running.runtime.engine) as session:
        members.erase(session, members.by_external_id(session, "ada"), actor="ines", now=running.now)
    with reading(running.runtime.engine) as session:
        listed = list(standing.everyone(session, "privacy", then, now=running.now))
    assert [(row.external_id, row.revision, row.until) for row in listed] == [
        (None, 1, running.now),
        ("ben", 1, None),
    ]


def test_a_time_of_another_zone_is_the_same_instant(running: House, ask: Callable[..., Answer]) -> None:
    running.member("ada")
    elsewhere = timezone(timedelta(hours=9))
    assert ask(running.now.astimezone(elsewhere)) == ask(running.now)
    assert ask(running.now.astimezone(elsewhere)).at.tzinfo is UTC


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "refused"),
    [
        (datetime(2026, 5, 1), InstantNaive),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=UTC), InstantImpossible),
        (datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12))), InstantImpossible),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(running: House, at: datetime, refused: type[Exception]) -> None:
    running.member("ada")
    with reading(running.runtime.engine) as session:
        member = members.by_external_id(session, "ada")
        for ask in (
            lambda: standing.of_member(session, member, "privacy", at, now=running.now),
            lambda: standing.of_external(session, "ada", "privacy", at, now=running.now),
            lambda: standing.many(session, "privacy", [(1, running.now), (1, at)], now=running.now),
            lambda: standing.everyone(session, "privacy", at, now=running.now),
        ):
            with pytest.raises(refused):
                ask()


def test_who_is_no_member_and_what_is_no_policy_is_refused(running: House) -> None:
    running.member("ada")
    now = running.now
    with reading(running.runtime.engine) as session:
        for member_id in (0, 999, 2**70):
            with pytest.raises(NoSuchMember):
                standing.many(session, "privacy", [(1, now), (member_id, now)], now=now)
        for name in ("bea", "", "a\x00da", "\ud800"):
            with pytest.raises(NoSuchMember):
                standing.of_external(session, name, "privacy", now, now=now)
        for slug in ("terms", "", "../x", "privacy\x00"):
            with pytest.raises(NoSuchPolicy):
                standing.of_external(session, "ada", slug, now, now=now)
            with pytest.raises(NoSuchPolicy):
                standing.many(session, slug, [], now=now)
            with pytest.raises(NoSuchPolicy):
                standing.everyone(session, slug, now, now=now)


def test_so_many_pairs_and_no_more(running: House) -> None:
    running.member("ada")
    with reading(running.runtime.engine) as session:
        pair = (1, running.now)
        most = standing.many(session, "privacy", [pair] * standing.MOST_PAIRS, now=running.now)
        assert len(most) == standing.MOST_PAIRS and set(most) == {most[0]}
        assert standing.many(session, "privacy", [], now=running.now) == []
        with pytest.raises(TooManyPairs):
            standing.many(session, "privacy", [pair] * (standing.MOST_PAIRS + 1), now=running.now)
