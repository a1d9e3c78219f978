"""Recall: stop midway, put it right, and tell those who got the wrong letter, or may have, why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from database import reading, writing
from errors import (
    FieldMissing,
    FieldTooLong,
    NoSuchNotice,
    NoticeNotCancellable,
    NoticeNotPausable,
    NoticeNotRecallable,
    Refusal,
    Unprintable,
)
from notifier import control, progress, recalling, unreached
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Notice
from notifier.senders.protocol import NotSent, Refused, Unknown
from policy_versions import archive, policies
from policy_versions.models import AuditEntry
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]
WINDOW = timedelta(hours=1)
WHY = "The letter named the wrong company."
LONGEST = LONGER.replace("24 months", "36 months")


@pytest.fixture
@made_once
def running(house: House) -> House:
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    house.tick()
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    for name in ("ada", "bob", "cem"):
        house.member(name)
    return house


def recall(house: House, notice_id: int | None = None, reason: str = WHY, actor: str = "ines") -> Notice:
    with writing(house.runtime.engine) as session:
        which = notice_id or house.notice().id or 0
        return recalling.recall(session, which, reason=reason, window=WINDOW, actor=actor, now=house.now)


def by_notice(house: House, notice_id: int | None) -> tuple[str, dict[str, int]]:
    with reading(house.runtime.engine) as session:
        notice = session.get_one(Notice, notice_id)
        return notice.state, progress.of(session, notice).states


def sending(house: House, letters: KeptLetters, *answers: object, **given: Any) -> int:
    letters.request_size = 1
    letters.answers.extend(answers)  # type: ignore[arg-type]
    house.publish(LONGER, **given)
    house.tick()
    return house.notice().id or 0


def corrected(house: House, notice_id: int | None) -> dict[str, bool]:
    """By member, whether the letter of a notice says that it puts another right."""
    from notifier.models import Member

    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Member.external_id, Batch.corrects)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(Batch, col(Batch.id) == Delivery.batch_id)
            .where(Batch.notice_id == notice_id)
        )
        return {name or "": corrects for name, corrects in rows}


def test_what_has_not_left_does_not_and_everybody_is_told_anew(
    running: House, letters: KeptLetters, later: Later
) -> None:
    first = sending(running, letters, None, Unknown("reset"), NotSent("busy", retry_after=3600))
    wrong = {letters.addresses[0]}
    new = recall(running)
    state, counted = by_notice(running, first)
    assert (state, counted) == ("recalled", {"accepted": 1, "unknown": 1, "skipped": 1})
    assert (new.state, new.replaces_id, new.due_at) == ("scheduled", first, running.now + WINDOW)
    later(minutes=59)
    running.tick()
    assert len(letters.taken) == 1
    later(minutes=1)
    running.tick()
    running.tick()
    assert by_notice(running, new.id) == ("complete", {"accepted": 3})
    assert by_notice(running, first)[0] == "recalled"
    # of three, two are told why: the one who got it, and the one who may have
    assert sorted(corrected(running, new.id).values()) == [False, True, True]
    (address,) = wrong
    assert WHY in letters.read(address)[1]
    unmoved = [a for a in set(letters.addresses) if not corrected(running, new.id)[a.split("@")[0]]]
    assert WHY not in letters.read(unmoved[0])[1]


@pytest.mark.parametrize("state", ["sending", "paused", "complete"])
def test_whatever_state_it_has_opened_into_it_can_be_recalled(
    running: House, letters: KeptLetters, state: str
) -> None:
    answers = [] if state == "complete" else [None, NotSent("busy", retry_after=3600)]
    notice_id = sending(running, letters, *answers)
    if state == "paused":
        with writing(running.runtime.engine) as session:
            control.pause(session, notice_id, actor="ines", now=running.now)
    assert running.notice().state == state
    recall(running)
    assert by_notice(running, notice_id)[0] == "recalled"


def test_one_that_waits_for_a_person_can_be_recalled(running: House) -> None:
    running.publish(LONGER, expected_audience=100)
    running.tick()
    assert running.notice().state == "waiting"
    assert recall(running).expected_audience is None


def test_the_recalled_letter_counts_for_nobody_who_has_not_moved_by_it(
    running: House, letters: KeptLetters, later: Later
) -> None:
    sending(running, letters, rule="notice", notice_days=10, effective_at=running.now + timedelta(days=12))
    assert running.notice().state == "complete"
    later(days=2)
    recall(running)
    later(days=8)  # the day that the recalled letter named is near; nothing was sent since
    with writing(running.runtime.engine) as session:
        control.cancel(session, running.notice().id or 0, why="Not now.", actor="ines", now=running.now)
    later(days=30)
    assert running.governs("ada") == 1


def test_whoever_has_moved_by_it_stays_where_they_are(running: House, letters: KeptLetters, later: Later) -> None:
    sending(running, letters, rule="notice", notice_days=3)
    later(days=5)
    assert running.governs("ada") == 2
    recall(running)
    later(days=1)
    running.tick()
    assert running.governs("ada") == 2


def test_what_was_unknown_when_it_was_recalled_stays_listed_and_is_settled_still(
    running: House, letters: KeptLetters, later: Later
) -> None:
    from notifier import mending

    first = sending(running, letters, Unknown("reset"))
    recall(running)
    later(days=3)
    running.tick()
    assert by_notice(running, first)[1]["unknown"] == 1
    with reading(running.runtime.engine) as session:
        attempt = session.exec(select(Attempt).where(Attempt.state == "unknown")).one()
    with writing(running.runtime.engine) as session:
        mending.settle(session, first, attempt.id or 0, sent=True, actor="ines", now=running.now)
    assert by_notice(running, first)[1] == {"accepted": 3}


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [
        ("", FieldMissing),
        ("  ", FieldMissing),
        ("x" * 501, FieldTooLong),
        ("x" * 10_000, FieldTooLong),
        ("two\nlines", Unprintable),
        ("a\x00b", Unprintable),
    ],
)
def test_the_reason_is_required_and_is_one_line(
    running: House, letters: KeptLetters, reason: str, refusal: type[Refusal]
) -> None:
    notice_id = sending(running, letters)
    with pytest.raises(refusal):
        recall(running, notice_id, reason)
    assert running.notice().state == "complete"


def test_only_an_open_notice_of_a_change_is_recalled(running: House, letters: KeptLetters, later: Later) -> None:
    with pytest.raises(NoSuchNotice):
        recall(running, 2**31 - 1)
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    from notifier import deciding, notices

    deciding.decide_due(running.runtime)
    with pytest.raises(NoticeNotRecallable, match="has opened"):
        recall(running)
    running.tick()
    with writing(running.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=running.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=running.now)
    running.tick()
    correction = running.notice()
    with pytest.raises(NoticeNotRecallable, match="cancelled"):
        recall(running, correction.id)
    with pytest.raises(NoticeNotRecallable, match="called off"):
        recall(running, (correction.id or 0) - 1)


def test_one_overtaken_by_a_later_text_is_put_right_by_a_revision(running: House, letters: KeptLetters) -> None:
    first = sending(running, letters)
    running.publish(LONGEST)
    running.tick()
    with pytest.raises(NoticeNotRecallable, match="by a revision"):
        recall(running, first)


def test_nothing_else_is_done_to_a_recalled_notice(running: House, letters: KeptLetters) -> None:
    first = sending(running, letters)
    new = recall(running)
    with pytest.raises(NoticeNotRecallable, match="already"):
        recall(running, first)
    with pytest.raises(NoticeNotRecallable, match="has opened"):
        recall(running, new.id)
    for deed in (control.pause, control.resume):
        with writing(running.runtime.engine) as session, pytest.raises(NoticeNotPausable):
            deed(session, first, actor="ines", now=running.now)
    with writing(running.runtime.engine) as session, pytest.raises(NoticeNotCancellable, match="recalled"):
        control.cancel(session, first, why="Again.", actor="ines", now=running.now)


def test_a_double_click_recalls_once(running: House, letters: KeptLetters) -> None:
    first = sending(running, letters, None, NotSent("busy", retry_after=3600))
    gate, told = threading.Barrier(2), list[str]()

    def press(who: str) -> None:
        gate.wait()
        try:
            recall(running, first, actor=who)
            told.append("")
        except Refusal as refusal:
            told.append(str(refusal))

    threads = [threading.Thread(target=press, args=(who,)) for who in ("ines", "olof")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(each) for each in told) == [False, True]
    with reading(running.runtime.engine) as session:
        assert len(session.exec(select(Notice)).all()) == 2
        actions = [e.action for e in session.exec(select(AuditEntry))]
    assert actions.count("notice recalled") == 1


def test_the_new_notice_can_be_recalled_too(running: House, letters: KeptLetters, later: Later) -> None:
    sending(running, letters)
    recall(running)
    later(hours=1)
    running.tick()
    third = recall(running, reason="The second was wrong as well.")
    later(hours=1)
    running.tick()
    assert by_notice(running, third.id) == ("complete", {"accepted": 3})
    assert len(letters.taken) == 9
    assert "The second was wrong as well." in letters.read("ada@example.com")[1]


def test_what_earlier_notices_left_to_it_goes_out_if_the_new_one_is_called_off(
    running: House, letters: KeptLetters, later: Later
) -> None:
    first = sending(running, letters, NotSent("busy", retry_after=86_400))
    running.publish(LONGEST)
    letters.answers.append(NotSent("busy", retry_after=86_400))
    running.tick()
    second = running.notice()
    assert by_notice(running, first)[1] == {"skipped": 3}
    new = recall(running, second.id)
    with writing(running.runtime.engine) as session:
        control.cancel(session, new.id or 0, why="The text is to be read again.", actor="ines", now=running.now)
    later(days=2)
    running.tick()
    running.tick()
    assert by_notice(running, first) == ("complete", {"accepted": 3})


def test_a_revision_that_stands_as_minor_waits_for_a_person_before_anybody_is_told_again(
    running: House, letters: KeptLetters, later: Later
) -> None:
    from tests.notifier.test_overruling import decide

    sending(running, letters)
    later(minutes=1)
    decide(running, 2, "minor")
    new = recall(running)
    assert (new.state, new.why) == ("paused", "No. 2 stands as minor: a person must go on or cancel.")
    later(days=2)
    running.tick()
    assert len(letters.taken) == 3


def test_a_decision_after_a_recall_is_about_the_new_notice(
    running: House, letters: KeptLetters, later: Later
) -> None:
    from tests.notifier.test_overruling import decide

    first = sending(running, letters)
    new = recall(running)
    later(minutes=1)
    decide(running, 2, "minor")
    assert by_notice(running, new.id)[0] == "paused"
    later(minutes=1)
    decide(running, 2, "significant")
    assert (by_notice(running, new.id)[0], by_notice(running, first)[0]) == ("scheduled", "recalled")


# -- governed, not reached ----------------------------------------------------------------------


def heard(house: House, name: str, event: str) -> None:
    from notifier.models import Member

    with writing(house.runtime.engine) as session:
        member = session.exec(select(Member).where(Member.external_id == name)).one()
        last = session.exec(
            select(Delivery).where(Delivery.member_id == member.id).order_by(col(Delivery.id).desc())
        ).first()
        assert last is not None
        session.add(
            DeliveryEvent(delivery_id=last.id or 0, event=event, happened_at=house.now, recorded_at=house.now)
        )


def listed(house: House, after: str = "", limit: int = 100) -> list[str]:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        return [
            each.external_id
            for each in unreached.unreached(session, record, now=house.now, after=after, limit=limit)
        ]


def test_a_letter_that_comes_back_after_the_move_lists_its_member(
    running: House, letters: KeptLetters, later: Later
) -> None:
    sending(running, letters, rule="notice", notice_days=3)
    later(days=1)
    heard(running, "bob", "bounce")  # in time: undoes the notice, nobody is moved
    later(days=6)
    assert (running.governs("ada"), running.governs("bob")) == (2, 1)
    assert listed(running) == []
    heard(running, "ada", "bounce")  # too late: she has moved
    heard(running, "cem", "delivered")
    later(minutes=1)
    assert running.governs("ada") == 2
    assert listed(running) == ["ada"]
    with reading(running.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        (one,) = unreached.unreached(session, record, now=running.now, limit=5)
    assert (one.span.revision, one.back.what, one.back.revision) == (2, "bounce", 2)
    assert one.back.at == running.now - timedelta(minutes=1)


@pytest.mark.parametrize("what", ["bounce", "dropped", "failed"])
def test_who_is_governed_by_posting_and_got_no_letter_is_listed(
    running: House, letters: KeptLetters, later: Later, what: str
) -> None:
    sending(running, letters)
    heard(running, "cem", what)
    later(minutes=1)
    assert (running.governs("cem"), listed(running)) == (2, ["cem"])
    heard(running, "cem", "shown")  # the site notice
    later(minutes=1)
    assert listed(running) == []


def test_a_letter_that_could_not_be_sent_at_all_lists_its_member(
    running: House, letters: KeptLetters, later: Later
) -> None:
    letters.refuses, letters.refusal = {"bob@example.com"}, Refused("Full.", status=400, address=True)
    sending(running, letters)
    later(minutes=1)
    assert listed(running) == ["bob"]


@pytest.mark.parametrize("kind", ["read", "accepted"])
def test_whoever_says_that_they_know_it_is_listed_no_more(
    running: House, letters: KeptLetters, later: Later, kind: str
) -> None:
    from notifier.models import Acknowledgement, Member

    sending(running, letters)
    heard(running, "cem", "bounce")
    later(minutes=1)
    with writing(running.runtime.engine) as session:
        member = session.exec(select(Member).where(Member.external_id == "cem")).one()
        session.add(
            Acknowledgement(
                member_id=member.id or 0,
                revision_id=running.notice().revision_id,
                kind=kind,
                route="by link",
                recorded_at=running.now,
            )
        )
    assert listed(running) == []


def test_the_list_is_paged_by_the_hosts_own_key(running: House, letters: KeptLetters, later: Later) -> None:
    sending(running, letters)
    for name in ("ada", "bob", "cem"):
        heard(running, name, "bounce")
    later(minutes=1)
    assert listed(running, limit=2) == ["ada", "bob"]
    assert listed(running, after="bob") == ["cem"]
    assert listed(running, after="cem") == []


def test_who_is_gone_is_not_listed(running: House, letters: KeptLetters, later: Later) -> None:
    sending(running, letters)
    heard(running, "ada", "bounce")
    heard(running, "bob", "bounce")
    running.members({"external_id": "bob", "retained_until": (running.now + timedelta(seconds=1)).isoformat()})
    later(minutes=1)
    assert listed(running) == ["ada"]


def test_a_first_text_that_nobody_was_written_to_about_lists_nobody(running: House) -> None:
    assert listed(running) == []
