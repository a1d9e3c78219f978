"""Opening a notice: its audience is whom each rule, applied to one member after another, would have named."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from sqlmodel import Session, col, select, update

from database import reading, writing
from errors import NoticeAlreadyOpen
from notifier import (
    addresses,
    audience,
    deciding,
    facts,
    members,
    notices,
    opening,
    outbox,
    scheduler,
    suppressions,
)
from notifier.audience import Audience, Owed, Standing
from notifier.models import Batch, Delivery, Member, Notice, Omission
from policy_versions import applicability
from policy_versions.archive import History
from tests.house import LONGER, House, KeptLetters
from tests.notifier.lives import Life, record_of, steps_of
from tests.notifier.sending import Later, batches, member, opened, people, together


class Placed(NamedTuple):
    """What a member's delivery says, by its batch."""

    channel: str
    reason: str
    base: int | None
    locale: str
    audience: str
    already: bool
    applies_from: object


def due(house: House, text: str = LONGER, **given: Any) -> Notice:
    """A notice that is to be opened."""
    house.publish(text, **given)
    deciding.decide_due(house.runtime)
    return house.notice()


def open_it(house: House, notice: Notice, **given: Any) -> Audience:
    with writing(house.runtime.engine) as session:
        held = session.get_one(Notice, notice.id, with_for_update=True)
        return notices.open_notice(session, held, secret=house.runtime.secret, now=house.now, **given)


def placed(session: Session, record: History, notice: Notice) -> dict[int, Placed]:
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    rows = session.exec(
        select(Delivery.member_id, Batch)
        .join(Batch, col(Batch.id) == Delivery.batch_id)
        .where(Delivery.notice_id == notice.id)
    )
    return {
        member_id: Placed(b.channel, b.reason, numbers.get(b.base_revision_id), b.locale, b.audience, b.already,
                          b.applies_from)
        for member_id, b in rows
    }  # fmt: skip


def alone(house: House, session: Session, record: History, number: int) -> tuple[dict[int, Placed], Counter[str]]:
    """What the rules say of each member by themselves, and why others are left out."""
    everybody = session.exec(select(Member).where(members.retained(house.now))).all()
    gathered = facts.of_members(session, facts.of_policy(session, record), everybody)
    barred, owed, left_out = audience.suppressed(session), dict[int, Placed](), Counter[str]()
    for each in everybody:
        standing = Standing(each, gathered[each.id], applicability.timeline(gathered[each.id]))
        found = audience.judge(
            standing, record, record.entry(number), barred, secret=house.runtime.secret, now=house.now
        )
        if isinstance(found, Owed):
            owed[each.id or 0] = Placed(
                found.channel, found.reason, found.base, each.locale, found.audience, found.already,
                found.applies_from,
            )  # fmt: skip
        else:
            left_out[found.reason] += 1
    return owed, left_out + audience.gone(session, house.now)


def omissions(house: House) -> dict[str, int]:
    """Of the latest notice."""
    with reading(house.runtime.engine) as session:
        found = session.exec(select(Omission).where(Omission.notice_id == house.notice().id))
        return {each.reason: each.members for each in found if each.members}


def suppress(house: House, address: str) -> None:
    with writing(house.runtime.engine) as session:
        key = addresses.key(address, house.runtime.secret)
        suppressions.suppress(session, key, "bounce", None, house.now)


# -- who is owed what ---------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "size"), [(0, 2), (1, 1000), (2, 2), (3, 1000), (4, 2)])
def test_after_whatever_happened_each_is_owed_what_the_rules_say_of_them_alone(
    house: House, letters: KeptLetters, later: Later, seed: int, size: int
) -> None:
    Life(house, letters, later).go(steps_of(seed, 12, but=("recall", "stop")))
    suppress(house, "m1@example.com")
    suppress(house, "gm2@example.com")
    later(days=30)
    text = LONGER.replace("24 months", "900 months")
    notice = due(house, text, rule="notice", notice_days=7, effective_at=house.now + timedelta(days=9))
    with reading(house.runtime.engine) as session:
        record = record_of(session)
        number = record.entries[-1].number
        owed, left_out = alone(house, session, record, number)
    counted = open_it(house, notice, batch_size=size)
    with reading(house.runtime.engine) as session:
        assert placed(session, record, notice) == owed
    assert omissions(house) == {reason: count for reason, count in left_out.items() if count}
    assert counted.told == len(owed)
    assert counted.email == sum(each.channel == "email" for each in owed.values())
    assert counted.site == Counter(each.reason for each in owed.values() if each.channel == "site")
    assert counted.guardians == sum(each == "guardian" for each in _audiences(owed))


def _audiences(owed: dict[int, Placed]) -> list[str]:
    return [each.audience for each in owed.values() if each.channel == "email"]


def test_who_is_left_out_is_counted_with_the_reason(running: House, later: Later) -> None:
    people(running, 5)
    with writing(running.runtime.engine) as session:
        members.erase(session, member(session, "m000"), actor="ines", now=running.now)
        session.exec(update(Member).where(col(Member.external_id) == "m001").values(retained_until=running.now))
    notice = due(running)
    later(hours=1)
    running.member("new", joined_at=running.now.isoformat())
    open_it(running, notice)
    assert omissions(running) == {"erased": 1, "lapsed": 1, "joined under the new text": 1}
    assert len(running.deliveries()) == 3


def test_whoever_a_letter_was_taken_for_is_told_already(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    opened(running, rule="notice", notice_days=30)
    outbox.deliver(running.runtime)
    with reading(running.runtime.engine) as session:
        record = record_of(session)
        owed, left_out = alone(running, session, record, 2)
    assert (owed, left_out) == ({}, {"already told": 2})


def test_a_guardians_suppressed_address_leaves_the_site_notice(running: House) -> None:
    people(running, 1, guardian_email="g@example.com")
    suppress(running, "G@example.com")
    open_it(running, due(running))
    (owed,) = running.deliveries()
    assert (owed.channel, owed.reason) == ("site", "suppressed")


# -- batches ------------------------------------------------------------------------------------


def test_a_batch_is_of_one_base_one_locale_and_one_audience(running: House, letters: KeptLetters) -> None:
    people(running, 6)
    for number, locale in enumerate(("fr", "fr", "de", "en")):
        running.member(f"x{number}", locale=locale)
    running.member("ward", guardian_email="g@example.com")
    running.member("bare", email="")
    notice = due(running)
    open_it(running, notice)
    with reading(running.runtime.engine) as session:
        rows = session.exec(
            select(Member, Batch)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(Batch, col(Batch.id) == Delivery.batch_id)
        ).all()
    assert len(rows) == 12
    for each, batch in rows:
        assert batch.locale == each.locale
        assert batch.audience == ("guardian" if each.guardian_email else "member")
        assert batch.channel == ("email" if each.email or each.guardian_email else "site")
    kinds = [(b.locale, b.audience, b.channel, b.base_revision_id) for b in batches(running) if b.size]
    assert len(set(kinds)) == len(kinds) == 5


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_batches_know_their_size_and_number_and_each_letter_its_place(running: House, count: int) -> None:
    if count:
        people(running, count)
    counted = open_it(running, due(running), batch_size=2)
    with reading(running.runtime.engine) as session:
        owed = session.exec(select(Delivery)).all()
    sizes = Counter(delivery.batch_id for delivery in owed)
    assert {batch.id: batch.size for batch in batches(running)} == sizes
    assert [batch.number for batch in batches(running)] == list(range(1, len(sizes) + 1))
    assert len({(delivery.batch_id, delivery.position) for delivery in owed}) == count == counted.email


def test_a_locale_that_the_sample_has_not_met_gets_its_letters_too(
    running: House, letters: KeptLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "RUN", 4)
    monkeypatch.setattr(opening, "RUNS", 1)  # looks at the first four of every forty members
    people(running, 40)
    with writing(running.runtime.engine) as session:
        session.exec(update(Member).where(col(Member.external_id) == "m033").values(locale="fi"))
    notice = due(running)
    counted = open_it(running, notice)
    scheduler.top_up(running.runtime)
    outbox.deliver(running.runtime)
    outbox.watch(running.runtime)
    assert len(letters.taken) == 40
    assert counted.told <= 40
    assert {batch.locale for batch in batches(running) if batch.size} == {"en", "fi"}
    assert running.notice().state == "complete"


def test_ids_of_batches_made_at_once_never_collide(running: House) -> None:
    people(running, 20)
    running.policy("terms", title="Terms")
    running.publish(LONGER.replace("24", "1"), slug="terms")
    running.tick()
    first = due(running)
    running.publish(LONGER.replace("24", "99"), slug="terms")
    deciding.decide_due(running.runtime)
    second = running.notice()
    found = together(lambda: open_it(running, first, batch_size=2), lambda: open_it(running, second, batch_size=2))
    assert not [each for each in found if isinstance(each, Exception)], found
    assert len(running.deliveries()) == 40


# -- once ---------------------------------------------------------------------------------------


def test_a_notice_opens_once(running: House) -> None:
    people(running, 3)
    notice = due(running)
    open_it(running, notice)
    with pytest.raises(NoticeAlreadyOpen):
        open_it(running, notice)
    assert len(running.deliveries()) == 3


def test_of_many_who_open_it_at_once_one_does(running: House) -> None:
    people(running, 10)
    notice = due(running)
    found = together(*[lambda: open_it(running, notice)] * 4)
    assert sorted(type(each).__name__ for each in found) == ["Audience", *["NoticeAlreadyOpen"] * 3]
    assert len(running.deliveries()) == 10
    assert omissions(running) == {}


# -- the number that was typed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "told", "state"),
    [
        (None, 12, "sending"),
        (12, 12, "sending"),
        (2, 12, "sending"),  # ten off
        (1, 12, "waiting"),
        (22, 12, "sending"),
        (23, 12, "waiting"),
        (0, 10, "sending"),
        (0, 11, "waiting"),
    ],
)
def test_where_it_is_off_by_more_than_ten_a_person_is_asked(
    running: House, letters: KeptLetters, typed: int | None, told: int, state: str
) -> None:
    people(running, told)
    notice = due(running, expected_audience=typed)
    open_it(running, notice)
    assert running.notice().state == state
    outbox.deliver(running.runtime)
    assert len(letters.taken) == (told if state == "sending" else 0)
    if state == "waiting":
        assert running.notice().why == f"The publisher confirmed {typed} members; {told} would be told."


@pytest.mark.parametrize(("told", "state"), [(1980, "sending"), (1979, "waiting"), (2021, "waiting")])
def test_of_many_one_per_cent_is_let_pass(running: House, told: int, state: str) -> None:
    notice = due(running)
    with writing(running.runtime.engine) as session:
        held = session.get_one(Notice, notice.id)
        held.state, held.expected_audience = "sending", 2000
        notices._hold_if_unexpected(session, held, told)
    assert running.notice().state == state
