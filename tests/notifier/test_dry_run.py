"""Would this member get it, and why? The answer agrees with what opening does, and shows no address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from database import reading, writing
from errors import NoSuchMember
from notifier import control, deciding, dry_run, specimen
from notifier.audience import LeftOut, Owed
from notifier.dry_run import Answer
from notifier.models import Attempt, Batch, Delivery, Member, Notice, Suppression
from notifier.senders.protocol import NotSent, Refused
from notifier.specimen import Specimen
from policy_versions import archive, policies
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.lives import Life, steps_of
from tests.once import made_once

Later = Callable[..., datetime]
LONGEST = LONGER.replace("24 months", "36 months")


@pytest.fixture
@made_once
def running(house: House) -> House:
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST)
    house.tick()
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("ada")
    return house


def scheduled(house: House, **given: Any) -> None:
    """No. 2 is decided, and its notice has not opened."""
    house.publish(LONGER, **given)
    deciding.decide_due(house.runtime)


def ask(house: House, name: str, notice_id: int | None = None) -> Answer:
    with reading(house.runtime.engine) as session:
        notice = session.get_one(Notice, notice_id or house.notice().id)
        record = archive.history(session, policies.policy(session, "privacy"))
        return dry_run.would_get(session, notice, record, name, secret=house.runtime.secret, now=house.now)


def words(house: House, name: str, notice_id: int | None = None) -> str:
    return " ".join(ask(house, name, notice_id).sentences)


def suppress(house: House, name: str, reason: str = "bounce") -> None:
    with writing(house.runtime.engine) as session:
        key = session.exec(select(Member.email_key).where(Member.external_id == name)).one()
        session.add(Suppression(email_key=key or "", reason=reason, recorded_at=house.now))


# -- before it opens ----------------------------------------------------------------------------


def test_it_says_by_which_way_against_which_text_and_from_when(running: House) -> None:
    scheduled(running, rule="notice", notice_days=30)
    answer = ask(running, " ada ")
    assert answer.gets
    assert answer.sentences == [
        "If it opened now, they would get a letter.",
        "Their address is on record, and nothing stands against writing to it.",
        "The letter shows all that changed since No. 1: the earlier of the text that governs them and the last "
        "they were told of, or joined under.",
        "No. 1 governs them, since 1 June 2026.",
        "No. 2 would apply to them from 2 July 2026, if they were told now.",
    ]


def test_it_says_why_there_is_no_letter(running: House) -> None:
    running.member("bob", email="")
    running.member("cem")
    running.member("dee", guardian_email="guardian@example.com")
    suppress(running, "cem")
    scheduled(running)
    assert "they would get the site notice only. No address of theirs is on record" in words(running, "bob")
    assert "not written to since 1 June 2026, 14:00 CEST: it bounced." in words(running, "cem")
    dee = words(running, "dee")
    assert "Their guardian’s address is on record, and nothing stands against" in dee
    assert "No. 2 would apply to them once it is accepted for them" in dee


def test_a_suppressed_guardian_is_found_by_the_address_alone(running: House) -> None:
    from notifier import addresses

    running.member("dee", guardian_email="guardian@example.com")
    with writing(running.runtime.engine) as session:
        key = addresses.key("guardian@example.com", running.runtime.secret)
        session.add(Suppression(email_key=key, reason="complaint", recorded_at=running.now))
    scheduled(running)
    assert "Their guardian’s address is on record, and not written to" in words(running, "dee")
    assert "a complaint came" in words(running, "dee")
    assert ask(running, "dee").verdict.channel == "site"  # type: ignore[union-attr]


def test_it_says_why_somebody_gets_nothing(running: House, later: Later) -> None:
    running.member("lea", retained_until=(running.now + timedelta(minutes=1)).isoformat())
    scheduled(running)
    later(minutes=5)
    running.member("new", joined_at=running.now.isoformat())
    new, lea = ask(running, "new"), ask(running, "lea")
    assert (new.gets, lea.gets) == (False, False)
    assert "They joined when it was in force already" in " ".join(new.sentences)
    assert "Their retention has ended" in " ".join(lea.sentences)


@pytest.mark.parametrize(
    "name", ["nobody", "", " ", "x" * 10_000, "a\tb", "a\x00b", "'; DROP TABLE member; --", "ädä", "1"]
)
def test_who_is_unknown_is_unknown(running: House, name: str) -> None:
    scheduled(running)
    with pytest.raises(NoSuchMember):
        ask(running, name)


def test_who_was_erased_is_a_stranger(running: House) -> None:
    from notifier import outbox

    scheduled(running)
    with reading(running.runtime.engine) as session:
        member = session.exec(select(Member)).one()
    outbox.erase(running.runtime, member, actor="a test")
    with pytest.raises(NoSuchMember):
        ask(running, "ada")


def test_no_address_is_ever_said(running: House) -> None:
    running.member("dee", guardian_email="guardian@example.com")
    suppress(running, "ada")
    scheduled(running)
    for name in ("ada", "dee"):
        assert "@" not in words(running, name)
    running.tick()
    for name in ("ada", "dee"):
        assert "@" not in words(running, name)


# -- after it opened ----------------------------------------------------------------------------


def test_who_is_owed_it_already_is_shown_what_became_of_it(running: House, letters: KeptLetters) -> None:
    running.member("bob")
    letters.request_size = 1
    letters.refuses, letters.refusal = {"bob@example.com"}, Refused("Full.", status=400, address=True)
    scheduled(running)
    running.tick()
    ada, bob = ask(running, "ada"), ask(running, "bob")
    assert ada.delivery is not None and ada.delivery.state == "accepted"
    assert ada.sentences[0] == (
        "They are owed a letter by this notice: it was taken by the mail server, since 1 June 2026, 14:00 CEST."
    )
    assert bob.sentences[0].startswith("They are owed a letter by this notice: it could not be sent (Full.)")


def test_who_came_late_is_told_when_they_will_be(running: House, letters: KeptLetters, later: Later) -> None:
    scheduled(running, effective_at=running.now + timedelta(days=9))
    running.tick()
    later(days=1)
    running.member("late")
    assert "They came too late for its opening, and get a letter when" in words(running, "late")
    running.tick()
    assert "They are owed a letter" in words(running, "late")


def test_of_a_notice_called_off_or_overtaken_nobody_else_gets_anything(
    running: House, letters: KeptLetters, later: Later
) -> None:
    scheduled(running, effective_at=running.now + timedelta(days=9))
    with writing(running.runtime.engine) as session:
        control.cancel(session, running.notice().id or 0, why="No.", actor="ines", now=running.now)
    answer = ask(running, "ada")
    assert (answer.gets, answer.sentences[0]) == (
        False,
        "They are not owed it, and the notice was cancelled: nobody else gets it.",
    )
    first = running.notice().id
    running.publish(LONGEST, effective_at=running.now + timedelta(days=9))
    running.tick()
    assert "tells of a later text since" in words(running, "ada", first) or "told of it already" in words(
        running, "ada", first
    )


def test_a_correction_goes_to_those_who_got_the_letter(running: House, letters: KeptLetters) -> None:
    from notifier import notices

    scheduled(running, effective_at=running.now + timedelta(days=9))
    running.tick()
    running.member("late")
    with writing(running.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=running.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=running.now)
    assert running.notice().kind == "correction"
    assert ask(running, "ada").gets
    assert "no letter that it puts right reached them" in words(running, "late")
    assert not ask(running, "late").gets


# -- at random ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40, 46))
def test_the_answer_is_what_opening_then_does(house: House, letters: KeptLetters, later: Later, seed: int) -> None:
    life = Life(house, letters, later)
    life.go(steps_of(seed, 8, but=("leave",)))
    house.tick()
    later(days=1)
    ahead = house.now + timedelta(days=60)
    house.publish(LONGER.replace("24 months", "99 months"), rule="notice", notice_days=3, effective_at=ahead)
    deciding.decide_due(house.runtime)
    notice = house.notice()
    if notice.state != "scheduled":
        return
    foreseen = {name: ask(house, name) for name in life.names}
    letters.answers.clear()
    letters.answers.append(NotSent("busy", retry_after=3600))
    house.tick()
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Member.external_id, Batch)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(Batch, col(Batch.id) == Delivery.batch_id)
            .where(Delivery.notice_id == notice.id)
        ).all()
        record = archive.history(session, policies.policy(session, "privacy"))
    numbers = {entry.revision.id: entry.number for entry in record.entries}
    owed = {
        name: (b.channel, b.reason, numbers.get(b.base_revision_id), b.audience, b.applies_from, b.already)
        for name, b in rows
    }
    for name, answer in foreseen.items():
        verdict = answer.verdict
        if isinstance(verdict, LeftOut):
            assert (name in owed, answer.gets) == (False, False)
        else:
            assert isinstance(verdict, Owed) and answer.gets
            assert owed[name] == (
                verdict.channel,
                verdict.reason,
                verdict.base,
                verdict.audience,
                verdict.applies_from,
                verdict.already,
            )


# -- a letter to oneself ------------------------------------------------------------------------


def specimens(house: House) -> list[Specimen]:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        return list(specimen.specimens(session, house.notice(), record))


def make(house: House, which: Specimen) -> tuple[str, str, str]:
    """Subject, text and HTML of a test letter, with its own fields put in."""
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        message, recipient = specimen.letter(
            session,
            house.notice(),
            record,
            which,
            house.runtime.settings,
            address="me@example.com",
            now=house.now,
        )
    assert (recipient.delivery_id, recipient.address) == (0, "me@example.com")
    parts = [message.subject, message.text, message.html]
    for key, value in recipient.substitutions.items():
        parts = [part.replace(key, value) for part in parts]
    assert house.notice().substitution_prefix not in "".join(parts)
    return parts[0], parts[1], parts[2]


def test_before_it_opens_any_letter_that_there_could_be_can_be_tried(running: House) -> None:
    running.member("gus", locale="de")
    scheduled(running, rule="notice", notice_days=30)
    there = specimens(running)
    assert Specimen(1, "en", "member") in there
    assert Specimen(None, "de", "guardian") in there
    for which in there:
        subject, text, html = make(running, which)
        assert subject.startswith("[Test] ")
        mark = "Dies ist ein Test, von Hand" if which.locale == "de" else "This is a test, sent by hand"
        assert text.startswith(mark)
        assert html.count(mark) == 1
    assert "2 July 2026" in make(running, Specimen(1, "en", "member"))[1]


def test_once_it_has_opened_the_letters_are_those_it_has(running: House) -> None:
    scheduled(running, rule="notice", notice_days=30)
    running.tick()
    assert specimens(running) == [Specimen(1, "en", "member")]
    make(running, Specimen(1, "en", "member"))


def test_a_letter_by_acceptance_names_no_day(running: House) -> None:
    scheduled(running, rule="acceptance")
    assert "when you accept it" in make(running, Specimen(1, "en", "member"))[1]


def test_a_test_letter_enters_no_ledger(running: House) -> None:
    scheduled(running)
    make(running, Specimen(1, "en", "member"))
    with reading(running.runtime.engine) as session:
        for table in (Attempt, Batch, Delivery):
            assert session.exec(select(table)).all() == []
