"""A person decides again: the time to do so, what it stops, starts and re-opens, and that nobody is moved back."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from database import reading, writing
from errors import (
    DecidedThisInstant,
    DecisionChanged,
    FieldMissing,
    FieldTooLong,
    LevelUnfit,
    NoSuchProposal,
    NothingOverruled,
    NoticeNotCancellable,
    NoticeNotPausable,
    NoticeNotScheduled,
    NotOverrulable,
    OwnProposal,
    ProposalAnswered,
    ProposalStale,
    ProposalWaits,
    Refusal,
    Unprintable,
    VerdictUnknown,
)
from notifier import control, deciding, overruling, progress, scheduler
from notifier.models import Notice, Outcome, RenderedLetter
from policy_versions import archive, policies, reopening, significance
from policy_versions import overruling as record_of
from policy_versions.applicability import Span
from policy_versions.archive import Entry, History
from policy_versions.models import AuditEntry, DecisionRecord, Policy, Proposal, ProposalAnswer, Reopening
from policy_versions.overruling import Override
from settings import Settings
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]
LONGER_TYPO = LONGER.replace("e-mail address.", "e-mail adress.")


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path, review_minutes=60)


@pytest.fixture
@made_once
def running(house: House) -> House:
    """A first text in force since yesterday's noon, and two members."""
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    house.tick()
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("ada")
    house.member("bob")
    return house


def record(house: House) -> History:
    with reading(house.runtime.engine) as session:
        return archive.history(session, policies.policy(session, "privacy"))


def standing(house: House, number: int) -> DecisionRecord:
    decision = record(house).entry(number).decision
    assert decision is not None
    return decision


def decide(house: House, number: int, verdict: str, **given: object) -> DecisionRecord | Proposal:
    """Overrule as a person who has the standing decision before them, alone unless told otherwise."""
    actor, alone = str(given.pop("actor", "ines")), bool(given.pop("alone", True))
    seen = {"looked_at": standing(house, number).id or 0, "opened": opening(house, number)}
    fields = {"reason": "A person looked.", **seen, **given}
    override = Override(verdict, **fields)  # type: ignore[arg-type]
    return overruling.overrule(house.runtime, "privacy", number, override, actor=actor, alone=alone)


def opening(house: House, number: int) -> int | None:
    """The id of the re-opening that the page of a revision shows."""
    with reading(house.runtime.engine) as session:
        found = reopening.reopened(session, record(house).entry(number))
        return found.id if found else None


def act(house: House, deed: Callable[..., object], *given: object) -> None:
    with writing(house.runtime.engine) as session:
        deed(session, *given, actor="ines", now=house.now)


def notices_of(house: House) -> dict[int, Notice]:
    """Notices by the number of their revision."""
    numbers = {e.revision.id: e.number for e in record(house).entries}
    with reading(house.runtime.engine) as session:
        return {numbers[n.revision_id]: n for n in session.exec(select(Notice).where(Notice.kind == "change"))}


def said(house: House, number: int) -> str:
    return notices_of(house)[number].why


def states(house: House) -> dict[int, str]:
    return {number: notice.state for number, notice in notices_of(house).items()}


def deliveries(house: House, number: int = 2) -> dict[str, int]:
    with reading(house.runtime.engine) as session:
        return progress.of(session, session.get_one(Notice, notices_of(house)[number].id)).states


def reopened(house: House) -> dict[int, str]:
    """What the engine would now say of the revisions that are open again."""
    with reading(house.runtime.engine) as session:
        found = reopening.all_reopened(session, archive.history(session, policies.policy(session, "privacy")))
        for entry, one in found:
            assert reopening.reopened(session, entry) == one
        return {entry.number: one.verdict for entry, one in found}


def log(house: House) -> list[str]:
    with reading(house.runtime.engine) as session:
        return [e.action for e in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


# -- the time to overrule -----------------------------------------------------------------------


def test_letters_leave_only_when_the_time_to_overrule_has_passed(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("cyd", email=None)
    running.publish(LONGER)
    running.tick()
    notice = running.notice()
    assert (notice.state, notice.due_at) == ("scheduled", running.now + timedelta(minutes=60))
    later(minutes=59, seconds=59)
    running.tick()
    assert letters.taken == []
    assert running.deliveries() == []  # nor a site notice
    later(seconds=1)
    running.tick()
    assert letters.addresses == ["ada@example.com", "bob@example.com"]
    assert [d.channel for d in running.deliveries()].count("site") == 1


def test_without_a_window_letters_leave_at_once(
    running: House, letters: KeptLetters, database_url: str, tmp_path: Path
) -> None:
    from dataclasses import replace

    house = House(replace(running.runtime, settings=make_settings(database_url, tmp_path)))
    house.publish(LONGER)
    house.tick()
    assert len(letters.taken) == 2


def test_send_now_ends_the_wait(running: House, letters: KeptLetters, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    later(minutes=5)
    act(running, control.send_now, running.notice().id)
    running.tick()
    assert len(letters.taken) == 2
    assert "notice sent at once" in log(running)
    with pytest.raises(NoticeNotScheduled):
        act(running, control.send_now, running.notice().id)


def test_what_is_withdrawn_meanwhile_is_never_told(running: House, letters: KeptLetters, later: Later) -> None:
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    later(minutes=30)
    from notifier import notices

    with writing(running.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=running.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=running.now)
    later(hours=2)
    running.tick()
    assert letters.taken == []
    assert states(running) == {2: "cancelled"}
    with pytest.raises(NotOverrulable, match="withdrawn"):
        decide(running, 2, "minor")


def test_a_scheduled_notice_can_be_paused_and_goes_on_when_due_anew(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER)
    running.tick()
    act(running, control.pause, running.notice().id)
    later(hours=2)
    running.tick()
    assert letters.taken == []
    act(running, control.resume, running.notice().id)
    assert states(running) == {2: "scheduled"}
    running.tick()
    assert len(letters.taken) == 2


# -- down ---------------------------------------------------------------------------------------


def test_overruled_down_in_time_nothing_leaves(running: House, letters: KeptLetters, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    later(minutes=10)
    decide(running, 2, "minor", reason="Only the wording changed.")
    assert states(running) == {2: "paused"}
    assert said(running, 2) == "No. 2 was decided minor by ines: a person must go on or cancel."
    later(days=3)
    running.tick()
    assert letters.taken == []
    assert running.deliveries() == []
    act(running, control.cancel, running.notice().id)
    running.tick()
    assert (states(running), letters.taken) == ({2: "cancelled"}, [])


def test_a_person_may_go_on_with_it_all_the_same(running: House, letters: KeptLetters, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    later(minutes=10)
    decide(running, 2, "minor")
    later(minutes=10)
    act(running, control.resume, running.notice().id)
    running.tick()
    assert (states(running), len(letters.taken)) == ({2: "complete"}, 2)


def test_an_open_notice_is_paused_and_what_waits_is_skipped_with_the_reason_when_it_is_cancelled(
    running: House, letters: KeptLetters, later: Later
) -> None:
    letters.request_size = 1
    running.publish(LONGER)
    running.tick()
    later(minutes=60)
    from notifier.senders.protocol import NotSent

    letters.answers.extend([None, NotSent("busy", retry_after=600)])
    running.tick()
    assert deliveries(running) == {"accepted": 1, "queued": 1}
    decide(running, 2, "minor")
    assert states(running) == {2: "paused"}
    later(hours=1)
    running.tick()
    assert deliveries(running) == {"accepted": 1, "queued": 1}
    act(running, control.cancel, running.notice().id)
    assert deliveries(running) == {"accepted": 1, "skipped": 1}
    with reading(running.runtime.engine) as session:
        (outcome,) = session.exec(select(Outcome)).all()
    assert outcome.reason == "No. 2 was decided minor; cancelled by ines."
    assert log(running)[-2:] == ["notice paused", "notice cancelled"]
    # and taken up again where it is decided significant after all, in its own time
    later(minutes=1)
    decide(running, 2, "significant")
    assert (states(running), deliveries(running)) == ({2: "scheduled"}, {"accepted": 1, "queued": 1})
    running.tick()
    assert len(letters.taken) == 1
    later(minutes=60)
    running.tick()
    running.tick()
    assert (states(running), letters.addresses) == ({2: "complete"}, ["ada@example.com", "bob@example.com"])


def test_a_notice_that_waited_for_a_person_already_does_not_go_on_by_a_decision(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER, expected_audience=100)
    running.tick()
    later(minutes=60)
    running.tick()
    assert states(running) == {2: "waiting"}
    decide(running, 2, "minor")
    assert "confirmed 100" in said(running, 2)
    later(minutes=1)
    decide(running, 2, "significant")
    assert said(running, 2) == "The publisher confirmed 100 members; 2 would be told."
    later(hours=2)
    running.tick()
    assert (states(running), letters.taken) == ({2: "paused"}, [])


def test_an_audience_that_nobody_expected_waits_for_a_person_also_when_its_notice_is_taken_up_again(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER, expected_audience=100)
    running.tick()
    later(minutes=60)
    running.tick()
    decide(running, 2, "minor")
    act(running, control.cancel, running.notice().id)
    later(minutes=1)
    decide(running, 2, "significant")
    later(minutes=60)
    running.tick()
    assert (states(running), letters.taken) == ({2: "waiting"}, [])
    assert said(running, 2) == "The publisher confirmed 100 members; 2 would be told."
    act(running, control.resume, running.notice().id)
    running.tick()
    assert (states(running), len(letters.taken)) == ({2: "complete"}, 2)


def test_a_notice_paused_by_a_person_says_only_that_once_no_decision_holds_it(
    running: House, later: Later
) -> None:
    running.publish(LONGER)
    running.tick()
    act(running, control.pause, running.notice().id)
    later(minutes=1)
    decide(running, 2, "minor")
    assert said(running, 2).endswith("must go on or cancel. Before that: Paused by ines.")
    later(minutes=1)
    decide(running, 2, "significant")
    assert (states(running), said(running, 2)) == ({2: "paused"}, "Paused by ines.")


def test_only_the_notice_of_a_minor_revision_can_be_cancelled(running: House, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    act(running, control.pause, running.notice().id)
    with pytest.raises(NoticeNotCancellable, match="stands as significant"):
        act(running, control.cancel, running.notice().id)
    act(running, control.resume, running.notice().id)
    with pytest.raises(NoticeNotCancellable, match="paused"):
        act(running, control.cancel, running.notice().id)
    with pytest.raises(NoticeNotPausable):
        act(running, control.resume, running.notice().id)


def test_late_arrivals_are_not_told_of_what_was_decided_minor_since(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    running.tick()
    later(minutes=60)
    running.tick()
    assert states(running) == {2: "complete"}
    later(minutes=1)
    decide(running, 2, "minor")
    assert states(running) == {2: "complete"}
    running.member("cyd")
    running.tick()
    assert len(letters.taken) == 2


def test_cancelling_gives_back_what_an_earlier_notice_had_left_to_it(
    running: House, letters: KeptLetters, later: Later
) -> None:
    """No. 3's notice took over No. 2's letters; when it is called off, No. 2's go out after all."""
    from notifier.senders.protocol import NotSent

    running.publish(LONGER)
    running.tick()
    later(minutes=60)
    letters.answers.append(NotSent("busy", retry_after=86_400))
    running.tick()
    running.publish(LONGER.replace("24 months", "36 months"))
    running.tick()
    later(minutes=60)
    letters.answers.append(NotSent("busy", retry_after=86_400))
    running.tick()
    assert deliveries(running, 2) == {"skipped": 2}
    decide(running, 3, "minor")
    running.tick()
    assert letters.taken == []
    act(running, control.cancel, notices_of(running)[3].id)
    later(minutes=10)
    running.tick()
    running.tick()
    assert (deliveries(running, 2), deliveries(running, 3)) == ({"accepted": 2}, {"skipped": 2})
    assert states(running) == {2: "complete", 3: "cancelled"}


def test_a_notice_paused_before_it_opened_holds_up_no_earlier_one(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER)
    running.tick()
    running.publish(LONGER.replace("24 months", "36 months"))
    running.tick()
    later(minutes=10)
    decide(running, 3, "minor")
    later(minutes=50)
    running.tick()
    assert states(running) == {2: "complete", 3: "paused"}
    assert len(letters.taken) == 2
    running.member("cyd", joined_at=(running.now - timedelta(days=1)).isoformat())
    running.tick()
    assert deliveries(running, 2) == {"accepted": 3}


def called_off(house: House, number: int, way: str) -> None:
    """Stop the notice of a revision for good, by either of the two ways."""
    if way == "overruled":
        decide(house, number, "minor")
        act(house, control.cancel, notices_of(house)[number].id)
        return
    from notifier import notices

    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        control.lock(session, policy)
        archive.withdraw(session, policy, number, reason="A mistake.", actor="a test", now=house.now)
        notices.withdrawn(session, archive.history(session, policy).entry(number).revision, now=house.now)


@pytest.mark.parametrize("way", ["overruled", "withdrawn"])
@pytest.mark.parametrize("minutes", [5, 61])
def test_a_notice_that_a_person_stopped_waits_for_them_again_once_the_later_one_is_called_off(
    running: House, letters: KeptLetters, later: Later, way: str, minutes: int
) -> None:
    """No. 2's was stopped, before it opened or after, and No. 3's was to tell of it."""
    from notifier.senders.protocol import NotSent

    running.publish(LONGER)
    running.tick()
    later(minutes=minutes)
    letters.answers.append(NotSent("busy", retry_after=86_400))
    running.tick()
    letters.answers.clear()
    act(running, control.pause, notices_of(running)[2].id)
    soon = running.now + timedelta(days=30)
    running.publish(LONGER.replace("24 months", "36 months"), effective_at=soon)
    running.tick()
    later(minutes=61)
    letters.answers.append(NotSent("busy", retry_after=86_400))
    running.tick()
    assert states(running) == {2: "cancelled", 3: "sending"}
    called_off(running, 3, way)
    assert states(running) == {2: "paused", 3: "cancelled"}
    assert "was called off since" in said(running, 2)
    later(days=2)
    running.tick()
    assert letters.taken == []
    act(running, control.resume, notices_of(running)[2].id)
    running.tick()
    running.tick()
    assert (states(running)[2], letters.addresses) == ("complete", ["ada@example.com", "bob@example.com"])


def test_late_arrivals_are_told_of_an_earlier_significant_text_though_the_last_is_minor_since(
    running: House, letters: KeptLetters, later: Later
) -> None:
    for days, text in ((40, LONGER), (50, LONGER.replace("24 months", "36 months"))):
        at = running.now + timedelta(days=days)
        running.publish(text, rule="notice", notice_days=30, effective_at=at)
        running.tick()
        later(minutes=61)
        running.tick()
    assert states(running) == {2: "complete", 3: "complete"}
    decide(running, 3, "minor")
    running.member("cyd")
    running.tick()
    running.tick()
    assert letters.addresses.count("cyd@example.com") == 1
    assert (states(running), len(letters.taken)) == ({2: "complete", 3: "complete"}, 5)
    later(days=45)
    running.member("dan", joined_at=running.now.isoformat())  # under No. 2 already
    running.tick()
    assert len(letters.taken) == 5


# -- up -----------------------------------------------------------------------------------------


def test_overruled_up_a_notice_is_scheduled_and_nobody_is_moved_back(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(TYPO)
    running.tick()
    moved_at = running.now
    assert running.governs("ada") == 2
    before = running.timeline("ada").spans
    later(days=1)
    decide(running, 2, "significant", reason="It matters to members.")
    assert (running.notice().state, running.notice().due_at) == ("scheduled", running.now + timedelta(minutes=60))
    assert running.timeline("ada").spans == before
    later(minutes=60)
    running.tick()
    assert "changed on" in letters.read("ada@example.com")[0]
    assert running.governs("ada", moved_at) == running.governs("ada") == 2
    assert running.timeline("ada").spans == before


def running_text(letters: KeptLetters, name: str) -> str:
    return letters.read(f"{name}@example.com")[1]


def test_overruled_up_before_it_is_in_force_it_waits_for_its_rule(running: House, later: Later) -> None:
    running.publish(TYPO, rule="acceptance", effective_at=running.now + timedelta(days=10))
    running.tick()
    later(minutes=5)
    if record(running).entry(2).verdict == "significant":  # a changed rule alone is
        decide(running, 2, "minor")
        later(minutes=5)
    at = running.now + timedelta(days=11)
    assert running.governs("ada", at) == 2
    decide(running, 2, "significant")
    assert running.governs("ada", at) == 1


def test_overruled_down_members_move_from_then_on_and_not_before(running: House, later: Later) -> None:
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    asked_at = later(days=1)
    assert running.governs("ada") == 1
    decided_at = later(days=1)
    decide(running, 2, "minor")
    assert running.timeline("ada").spans[-1][:2] == (2, decided_at)
    assert running.governs("ada", asked_at) == 1
    assert running.governs("ada", decided_at - timedelta(microseconds=1)) == 1
    spans: tuple[Span, ...] = running.timeline("ada").spans
    later(minutes=1)
    decide(running, 2, "significant")
    assert running.timeline("ada").spans == spans


def test_down_and_up_again_in_time_lets_the_notice_go_on(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER)
    running.tick()
    engines = standing(running, 2).level
    later(minutes=10)
    decide(running, 2, "minor")
    later(minutes=10)
    made = decide(running, 2, "significant")
    assert isinstance(made, DecisionRecord)
    assert made.level == engines
    assert (running.notice().state, running.notice().due_at) == ("scheduled", running.now + timedelta(minutes=60))
    later(minutes=60)
    running.tick()
    assert len(letters.taken) == 2
    with reading(running.runtime.engine) as session:
        assert len(session.exec(select(Notice)).all()) == 1


def test_a_notice_taken_up_again_has_its_time_however_often_it_is_decided(
    running: House, letters: KeptLetters, later: Later
) -> None:
    from notifier.senders.protocol import NotSent

    letters.request_size = 1
    running.publish(LONGER)
    running.tick()
    later(minutes=60)
    letters.answers.extend([None, NotSent("busy", retry_after=600)])
    running.tick()
    decide(running, 2, "minor")
    act(running, control.cancel, running.notice().id)
    for verdict in ("significant", "minor", "significant"):
        later(minutes=1)
        decide(running, 2, verdict)
    assert (states(running), running.notice().due_at) == (
        {2: "scheduled"},
        running.now + timedelta(minutes=60),
    )
    later(minutes=59)
    running.tick()
    assert len(letters.taken) == 1
    later(minutes=1)
    running.tick()
    running.tick()
    assert (states(running), letters.addresses) == ({2: "complete"}, ["ada@example.com", "bob@example.com"])


def test_the_notice_of_an_earlier_revision_takes_nothing_from_a_later_one(
    running: House, letters: KeptLetters, later: Later
) -> None:
    """A notice made afterwards for an earlier text must not pass for the later one."""
    running.publish(TYPO)
    running.tick()
    running.publish(LONGER)
    running.tick()
    later(minutes=60)
    act(running, control.pause, notices_of(running)[3].id)
    act(running, control.resume, notices_of(running)[3].id)
    from notifier.senders.protocol import NotSent

    letters.answers.append(NotSent("busy", retry_after=7200))
    running.tick()
    decide(running, 2, "significant")
    later(minutes=60)
    running.tick()
    assert letters.taken == []
    assert deliveries(running, 2) == {"skipped": 2}  # told by the later one
    later(hours=2)
    running.tick()
    assert deliveries(running, 3) == {"accepted": 2}
    assert len(letters.taken) == 2


def test_an_imported_revision_may_be_overruled_and_mails_nobody(
    house: House, letters: KeptLetters, later: Later, tmp_path: Path
) -> None:
    from policy_versions import folders, histories

    for date, text in (("2024-01-01", FIRST), ("2024-02-01", TYPO)):
        (tmp_path / "privacy").mkdir(exist_ok=True)
        (tmp_path / "privacy" / f"{date}.md").write_text(text)
    (history,) = folders.read(tmp_path)
    with writing(house.runtime.engine) as session:
        planned = histories.plan(session, history, now=house.now)
        histories.carry_out(session, planned, actor="a test", now=house.now)
    house.member("ada", joined_at="2024-01-15")
    later(minutes=1)
    decide(house, 2, "significant")
    house.tick()
    assert (notices_of(house), letters.taken) == ({}, [])
    before = house.timeline("ada").spans
    assert before[-1].revision == 2
    house.publish(LONGER_TYPO, rule="posting", effective_at=house.now + timedelta(days=9))
    house.tick()
    base = standing(house, 3).cumulative_base_id
    assert base == record(house).entry(2).revision.id


def test_a_letter_that_waits_names_the_later_day_that_a_decision_asks_for_meanwhile(
    house: House, letters: KeptLetters, later: Later
) -> None:
    """No. 3's letters tell of No. 2 as well; once that is significant, its longer notice period binds them."""
    from notifier.senders.protocol import NotSent

    house.policy()
    house.publish(FIRST, rule="notice", notice_days=90)
    house.tick()
    later(hours=2)
    house.member("ada")
    soon = house.now + timedelta(days=1)
    house.publish(TYPO, rule="notice", notice_days=90, effective_at=soon)
    house.tick()
    assert standing(house, 2).verdict == "minor"
    thirty = LONGER_TYPO.replace("24 months", "36 months")
    house.publish(thirty, rule="notice", notice_days=30, effective_at=soon)
    house.tick()
    later(minutes=60)
    letters.answers.append(NotSent("busy", retry_after=7200))
    house.tick()
    later(minutes=1)
    decide(house, 2, "significant")
    later(hours=3)
    house.tick()
    moved = house.timeline("ada").spans[-1]
    assert (moved.revision, moved.start.date().isoformat()) == (3, "2026-08-31")
    assert "31 August 2026" in running_text(letters, "ada")
    assert "2 July 2026" not in running_text(letters, "ada")


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"reason": "  "}, FieldMissing),
        ({"reason": "x" * 501}, FieldTooLong),
        ({"reason": "a\0b"}, Unprintable),
        ({"summary": "x" * 2001}, FieldTooLong),
        ({"summary": "a\x1bb"}, Unprintable),
        ({"verdict": "first"}, VerdictUnknown),
        ({"verdict": ""}, VerdictUnknown),
        ({"level": 2}, LevelUnfit),
        ({"verdict": "significant", "level": 1}, LevelUnfit),
        ({"verdict": "significant", "level": 5}, LevelUnfit),
        ({"looked_at": 0}, DecisionChanged),
        ({"verdict": "significant"}, NothingOverruled),
    ],
)
def test_what_cannot_be_decided_is_refused_and_changes_nothing(
    running: House, later: Later, given: dict[str, object], refusal: type[Refusal]
) -> None:
    running.publish(LONGER)
    running.tick()
    later(minutes=1)
    before = log(running)
    fields = {"verdict": "minor", **given}
    with pytest.raises(refusal):
        decide(running, 2, **fields)  # type: ignore[arg-type]
    assert log(running) == before
    assert (states(running), standing(running, 2).decided_by) == ({2: "scheduled"}, "engine")


def test_a_first_text_and_an_undecided_one_cannot_be_overruled(running: House) -> None:
    with pytest.raises(NotOverrulable, match="first text of a policy"):
        decide(running, 1, "minor")
    running.publish(LONGER)
    with pytest.raises(NotOverrulable, match="not decided yet"):
        overruling.overrule(running.runtime, "privacy", 2, Override("minor", "Why.", 1), actor="ines", alone=True)


def test_of_two_at_one_instant_significant_stands_so_minor_is_refused(running: House) -> None:
    running.publish(LONGER)
    running.tick()
    with pytest.raises(DecidedThisInstant):
        decide(running, 2, "minor")


@pytest.mark.parametrize("verdict", ["significant", "minor"])
def test_while_the_clock_is_behind_the_decision_that_stands_another_is_refused(
    running: House, later: Later, verdict: str
) -> None:
    """It would be on record and never stand; and as each is overruled once only, nothing ever could again."""
    running.publish(TYPO)
    running.tick()
    later(minutes=10)
    decide(running, 2, "minor", summary="In other words.")
    later(minutes=-5)
    with pytest.raises(DecidedThisInstant, match="clock was set back"):
        decide(running, 2, verdict, summary="Anew.")
    assert (standing(running, 2).summary, states(running)) == ("In other words.", {})
    later(minutes=5)
    decide(running, 2, "significant", summary="Anew.")
    assert standing(running, 2).summary == "Anew."


def test_a_decision_keeps_what_it_overruled(running: House, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    engines = standing(running, 2)
    assert (engines.engine, engines.language) == (significance.ENGINE, "en")
    assert engines.confidence is not None
    assert 0.5 <= engines.confidence <= 1
    later(minutes=1)
    decide(running, 2, "minor", reason=" Only \n the wording. ", summary="Nothing of note.\r\nReally.")
    made = standing(running, 2)
    assert (made.verdict, made.level, made.decided_by) == ("minor", 1, "ines")
    assert (made.reason, made.summary) == ("Only the wording.", "Nothing of note.\nReally.")
    assert (made.engine, made.confidence) == ("", None)
    assert bool(made.alone) == (engines.level == 4)
    assert made.overrules_id == engines.id
    assert made.findings == engines.findings != []
    assert (made.previous_base_id, made.cumulative_base_id) == (
        engines.previous_base_id,
        engines.cumulative_base_id,
    )


def test_two_people_at_once_decide_once(running: House, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    later(minutes=1)
    looked_at = standing(running, 2).id or 0
    answers: list[object] = []

    def press(actor: str) -> None:
        given = Override("minor", "Why.", looked_at)
        try:
            answers.append(overruling.overrule(running.runtime, "privacy", 2, given, actor=actor, alone=True))
        except Refusal as refusal:
            answers.append(refusal)

    threads = [threading.Thread(target=press, args=(name,)) for name in ("ines", "joel", "kim")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(answer).__name__ for answer in answers) == [
        "DecisionChanged",
        "DecisionChanged",
        "DecisionRecord",
    ]
    with reading(running.runtime.engine) as session:
        assert len(session.exec(select(DecisionRecord)).all()) == 3


@pytest.mark.parametrize("attempt", range(4))
def test_whoever_is_first_of_the_person_and_the_scheduler_nothing_leaves_afterwards(
    running: House, letters: KeptLetters, later: Later, attempt: int
) -> None:
    """The notice opens while it is overruled: either is whole, and neither waits for the other for ever."""
    letters.request_size = 1
    running.publish(LONGER)
    running.tick()
    later(minutes=60)
    faults: list[BaseException] = []

    def guarded_by(deed: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                deed()
            except BaseException as fault:
                faults.append(fault)

        return threading.Thread(target=run)

    deeds: list[Callable[[], object]] = [
        lambda: [job.run(running.runtime) for job in scheduler.JOBS],
        lambda: decide(running, 2, "minor"),
        lambda: [job.run(running.runtime) for job in scheduler.JOBS],
    ]
    threads = [guarded_by(deed) for deed in deeds]
    for thread in threads if attempt % 2 else reversed(threads):
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    sent = len(letters.taken)
    assert states(running)[2] in ("paused", "complete")
    later(hours=1)
    running.tick()
    assert len(letters.taken) == sent
    assert max(letters.addresses.count(address) for address in ["ada@example.com", "bob@example.com"]) <= 1


# -- the summary --------------------------------------------------------------------------------


def test_letters_not_written_yet_use_the_latest_summary_where_the_publisher_has_none(
    running: House, letters: KeptLetters, later: Later
) -> None:
    revision = running.publish(LONGER)
    running.tick()
    level = standing(running, 2).level
    later(minutes=1)
    decide(running, 2, "significant", summary="Payment records are kept twice as long.")
    assert standing(running, 2).level == level
    later(minutes=60)
    running.tick()
    assert revision.summary in running_text(letters, "ada")  # the publisher's own stays
    with reading(running.runtime.engine) as session:
        (letter,) = session.exec(select(RenderedLetter)).all()
    assert letter.decision_id == standing(running, 2).id


# -- the second person --------------------------------------------------------------------------


@pytest.fixture
@made_once
def guarded(running: House, later: Later) -> House:
    """No. 2 stands at level 4, and is upcoming; so is No. 3, which mends a word of it."""
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    later(minutes=1)
    decide(running, 2, "significant", level=4, summary="Much longer.")
    running.publish(LONGER_TYPO, effective_at=running.now + timedelta(days=40))
    running.tick()
    later(minutes=1)
    return running


def test_level_4_is_lowered_by_two_persons(guarded: House, later: Later) -> None:
    proposal = decide(guarded, 2, "minor", alone=False, reason="It is a joke.")
    assert isinstance(proposal, Proposal)
    assert (standing(guarded, 2).summary, states(guarded)) == ("Much longer.", {2: "scheduled"})
    with pytest.raises(ProposalWaits, match="ines"):
        decide(guarded, 2, "significant", level=3, alone=False, actor="joel")
    with pytest.raises(OwnProposal):
        overruling.confirm(guarded.runtime, "privacy", 2, proposal.id or 0, actor="ines")
    with pytest.raises(NoSuchProposal):
        overruling.confirm(guarded.runtime, "privacy", 1, proposal.id or 0, actor="joel")
    made = overruling.confirm(guarded.runtime, "privacy", 2, proposal.id or 0, actor="joel")
    assert (made.verdict, made.decided_by, made.confirmed_by) == ("minor", "ines", "joel")
    assert (made.reason, made.alone, states(guarded)) == ("It is a joke.", None, {2: "paused"})
    with pytest.raises(ProposalAnswered, match="confirmed already"):
        overruling.confirm(guarded.runtime, "privacy", 2, proposal.id or 0, actor="joel")
    with reading(guarded.runtime.engine) as session:
        (answer,) = session.exec(select(ProposalAnswer)).all()
    assert (answer.answer, answer.decision_id) == ("confirmed", made.id)
    assert "override proposed" in log(guarded)
    assert "override confirmed" in log(guarded)


@pytest.mark.parametrize("actor", ["joel", "ines"])
def test_a_proposal_may_be_rejected_or_taken_back(guarded: House, actor: str) -> None:
    proposal = decide(guarded, 2, "significant", level=3, alone=False)
    overruling.reject(guarded.runtime, "privacy", 2, proposal.id or 0, actor=actor)
    assert standing(guarded, 2).level == 4
    with pytest.raises(ProposalAnswered, match="rejected already"):
        overruling.confirm(guarded.runtime, "privacy", 2, proposal.id or 0, actor="kim")
    assert isinstance(decide(guarded, 2, "minor", alone=False), Proposal)


def test_a_proposal_is_stale_once_another_decision_stands(guarded: House, later: Later) -> None:
    proposal = decide(guarded, 2, "minor", alone=False)
    decide(guarded, 2, "significant", summary="In other words.", alone=False, actor="joel")
    for deed in (overruling.confirm, overruling.reject):
        with pytest.raises(ProposalStale):
            deed(guarded.runtime, "privacy", 2, proposal.id or 0, actor="joel")
    with reading(guarded.runtime.engine) as session:
        assert record_of.all_waiting(session, record(guarded)) == []
        assert record_of.waiting(session, record(guarded).entry(2)) is None


def test_alone_it_takes_effect_at_once_and_the_record_says_so(guarded: House, later: Later) -> None:
    decide(guarded, 2, "significant", level=3)
    assert (standing(guarded, 2).level, standing(guarded, 2).alone) == (3, True)
    later(minutes=1)
    decide(guarded, 2, "minor")  # no longer at level 4
    assert standing(guarded, 2).alone is None


def reopening_of(house: House) -> Reopening:
    with reading(house.runtime.engine) as session:
        return session.exec(select(Reopening)).one()


# -- what is re-opened --------------------------------------------------------------------------


@pytest.fixture
@made_once
def upcoming(running: House, later: Later) -> House:
    """No. 2 keeps records longer; No. 3 mends a word of it. Neither is in force yet."""
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    running.publish(LONGER_TYPO, effective_at=running.now + timedelta(days=40))
    running.tick()
    later(minutes=1)
    return running


def test_a_later_revision_is_reopened_and_its_decision_stands_until_a_person_decides(
    upcoming: House, later: Later
) -> None:
    assert standing(upcoming, 3).verdict == "minor"
    decide(upcoming, 2, "minor")
    assert reopened(upcoming) == {3: "significant"}  # the longer retention is new against No. 1 now
    assert standing(upcoming, 3).verdict == "minor"
    assert "decision re-opened" in log(upcoming)
    later(minutes=1)
    decide(upcoming, 3, "minor", reason="It stays minor.")  # to confirm is to decide, too
    assert reopened(upcoming) == {}
    first = record(upcoming).entry(1).revision.id
    assert (standing(upcoming, 3).reason, standing(upcoming, 3).cumulative_base_id) == ("It stays minor.", first)


def test_whoever_has_not_seen_that_it_is_reopened_does_not_settle_it(upcoming: House, later: Later) -> None:
    decide(upcoming, 2, "minor")
    later(minutes=1)
    with pytest.raises(DecisionChanged):
        decide(upcoming, 3, "minor", summary="In other words.", opened=None)
    assert (reopened(upcoming), standing(upcoming, 3).decided_by) == ({3: "significant"}, "engine")


def test_nor_does_a_second_person_who_has_not_seen_it(upcoming: House, later: Later) -> None:
    decide(upcoming, 3, "significant", level=4)
    later(minutes=1)
    proposal = decide(upcoming, 3, "minor", alone=False)
    decide(upcoming, 2, "minor")
    later(minutes=1)
    with pytest.raises(DecisionChanged):
        overruling.confirm(upcoming.runtime, "privacy", 3, proposal.id or 0, actor="joel")
    assert (reopened(upcoming), standing(upcoming, 3).level) == ({3: "significant"}, 4)
    seen = opening(upcoming, 3)
    overruling.confirm(upcoming.runtime, "privacy", 3, proposal.id or 0, opened=seen, actor="joel")
    assert (reopened(upcoming), standing(upcoming, 3).verdict) == ({}, "minor")


def test_what_a_reopening_found_gives_the_level_of_later_decisions_too(upcoming: House, later: Later) -> None:
    decide(upcoming, 2, "minor")
    found = reopening_of(upcoming).level
    assert found > 2
    for verdict in ("minor", "significant"):
        later(minutes=1)
        decide(upcoming, 3, verdict)
    assert standing(upcoming, 3).level == found


def test_what_came_into_force_while_it_was_open_settles_all_the_same(upcoming: House, later: Later) -> None:
    decide(upcoming, 2, "minor")
    assert reopened(upcoming) == {3: "significant"}
    later(days=50)
    decide(upcoming, 2, "significant")
    assert reopened(upcoming) == {}


def test_a_reopened_revision_decided_significant_is_told(
    upcoming: House, letters: KeptLetters, later: Later
) -> None:
    decide(upcoming, 2, "minor")
    later(minutes=1)
    decide(upcoming, 3, "significant")
    made, engines = standing(upcoming, 3), reopening_of(upcoming)
    assert (made.level, made.findings) == (engines.level, engines.findings)
    assert made.findings != []
    assert states(upcoming) == {2: "paused", 3: "scheduled"}
    later(minutes=60)
    upcoming.tick()
    assert len(letters.taken) == 2
    assert states(upcoming) == {2: "cancelled", 3: "complete"}


def test_what_is_undone_in_time_settles_again(upcoming: House, later: Later) -> None:
    decide(upcoming, 2, "minor")
    later(minutes=1)
    decide(upcoming, 2, "significant")
    assert reopened(upcoming) == {}
    assert "decision settled again" in log(upcoming)


def test_a_scheduled_notice_waits_where_the_engine_would_now_say_minor(
    running: House, letters: KeptLetters, later: Later
) -> None:
    soon = running.now + timedelta(days=30)
    running.publish(LONGER, effective_at=soon)
    running.tick()
    later(minutes=1)
    decide(running, 2, "minor")
    running.publish(LONGER_TYPO, effective_at=soon)
    running.tick()
    assert standing(running, 3).verdict == "significant"  # small changes add up, against No. 1
    later(minutes=1)
    decide(running, 2, "significant")
    assert reopened(running) == {3: "minor"}
    assert states(running) == {2: "scheduled", 3: "paused"}
    assert "would be minor, now that No. 2 was decided significant by ines" in said(running, 3)
    later(minutes=90)
    running.tick()
    assert states(running) == {2: "complete", 3: "paused"}
    with pytest.raises(NoticeNotCancellable):
        act(running, control.cancel, notices_of(running)[3].id)
    decide(running, 3, "minor")
    act(running, control.cancel, notices_of(running)[3].id)
    assert (states(running), len(letters.taken)) == ({2: "complete", 3: "cancelled"}, 2)


@pytest.mark.parametrize("way", ["confirmed", "settled"])
def test_a_notice_that_waited_for_a_reopened_decision_goes_on_once_it_is_significant(
    running: House, letters: KeptLetters, later: Later, way: str
) -> None:
    soon = running.now + timedelta(days=30)
    running.publish(LONGER, effective_at=soon)
    running.tick()
    later(minutes=1)
    decide(running, 2, "minor")
    running.publish(LONGER_TYPO, effective_at=soon)
    running.tick()
    later(minutes=1)
    decide(running, 2, "significant")
    later(minutes=1)
    if way == "confirmed":
        decide(running, 3, "significant")
    else:
        decide(running, 2, "minor")
    assert reopened(running) == {}
    assert states(running)[3] == "scheduled"
    later(minutes=60)
    running.tick()
    assert states(running)[3] == "complete"


def test_what_is_in_force_or_undecided_is_not_reopened(running: House, later: Later) -> None:
    running.publish(LONGER)
    running.tick()
    running.publish(LONGER_TYPO)
    running.tick()
    later(minutes=1)
    running.publish(LONGER_TYPO + "\nMore.\n", effective_at=running.now + timedelta(days=3))
    decide(running, 2, "minor")
    assert reopened(running) == {}
    running.tick()
    assert standing(running, 4).cumulative_base_id == record(running).entry(1).revision.id
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Reopening)).all() == []


def test_what_the_engine_compared_before_an_override_is_compared_again(
    running: House, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine works outside the transaction: a person may decide an earlier revision meanwhile."""
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    later(minutes=1)
    running.publish(LONGER_TYPO, effective_at=running.now + timedelta(days=40))
    judge = deciding._judge

    def meanwhile(runtime: object, revision_id: int) -> object:
        judged = judge(runtime, revision_id)  # type: ignore[arg-type]
        decide(running, 2, "minor")
        return judged

    with monkeypatch.context() as patched:
        patched.setattr(deciding, "_judge", meanwhile)
        assert deciding.decide_due(running.runtime) == 0
    assert record(running).entry(3).verdict == "undecided"
    assert deciding.decide_due(running.runtime) == 1
    assert standing(running, 3).verdict == "significant"


def test_what_moved_between_foreseeing_and_writing_is_judged_anew(
    upcoming: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overruling, "_foresee", lambda *_: {})
    decide(upcoming, 2, "minor")
    assert reopened(upcoming) == {3: "significant"}


def test_the_engine_runs_outside_the_transaction_that_writes(
    upcoming: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    judged = overruling._judged

    def watched(session: Session, of: History, entry: Entry) -> object:
        inside.append(bool(session.connection().get_execution_options().get("writing")))
        return judged(session, of, entry)

    monkeypatch.setattr(overruling, "_judged", watched)
    decide(upcoming, 2, "minor")
    assert inside == [False]


# -- facts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["proposal", "proposal_answer", "reopening", "decision"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_change_what_was_decided(guarded: House, table: str, deed: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DatabaseError

    proposal = decide(guarded, 2, "minor", alone=False)
    overruling.confirm(guarded.runtime, "privacy", 2, proposal.id or 0, actor="joel")
    assert reopened(guarded) == {3: "significant"}
    with pytest.raises(DatabaseError, match="record of facts"), writing(guarded.runtime.engine) as session:
        session.execute(text(deed.format(table)))


def test_nobody_decides_a_policy_that_is_not_there(running: House) -> None:
    given = Override("minor", "Why.", 1)
    for slug, number in (("nothing", 1), ("privacy", 9)):
        with pytest.raises(Refusal, match=r"no policy|no revision"):
            overruling.overrule(running.runtime, slug, number, given, actor="ines", alone=True)
    assert isinstance(policy_of(running), Policy)


def policy_of(house: House) -> Policy:
    with reading(house.runtime.engine) as session:
        return policies.policy(session, "privacy")
