"""From a published revision to the letters and what they set in motion: who is told, of what, once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from database import reading, writing
from errors import NoticeAlreadyOpen, NoticeNotPausable
from notifier import compose, control, facts, notices, outbox, progress, settling
from notifier.models import (
    Acknowledgement,
    Attempt,
    Batch,
    Delivery,
    DeliveryEvent,
    Member,
    Notice,
    Omission,
    Outcome,
    RenderedLetter,
)
from notifier.press import Press
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, Unknown
from policy_versions import archive, policies
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]


@pytest.fixture
@made_once
def running(house: House) -> House:
    """A policy with a first text in force since yesterday's noon, decided, and nobody told of anything yet."""
    clock = house.runtime.clock
    clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    house.tick()
    clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    return house


def states(house: House) -> dict[str, int]:
    with reading(house.runtime.engine) as session:
        return progress.of(session, session.get_one(Notice, house.notice().id)).states


def act(house: House, deed: Callable[[Session], object]) -> None:
    with writing(house.runtime.engine) as session:
        deed(session)


def event(house: House, kind: str, *, delivery: int = 0) -> None:
    owed = house.deliveries()[delivery]
    assert owed.id is not None
    act(
        house,
        lambda s: s.add(
            DeliveryEvent(delivery_id=owed.id or 0, event=kind, happened_at=house.now, recorded_at=house.now)
        ),
    )


def withdraw(house: House, number: int) -> None:
    def deed(session: Session) -> None:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, number, reason="A mistake.", actor="a test", now=house.now)
        notices.withdrawn(session, archive.history(session, policy).entry(number).revision, now=house.now)

    act(house, deed)


# -- who is told --------------------------------------------------------------------------------


def test_a_significant_revision_is_told_to_the_retained_members(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.member("bob")
    running.publish(LONGER)
    running.tick()
    assert letters.addresses == ["ada@example.com", "bob@example.com"]
    assert running.notice().state == "complete"
    assert states(running) == {"accepted": 2}


def test_a_minor_revision_is_told_to_nobody(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.publish(TYPO)
    running.tick()
    assert letters.taken == []
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Notice)).all() == []


def test_the_first_revision_is_told_only_if_the_publisher_asks(house: House, letters: KeptLetters) -> None:
    house.member("ada")
    house.policy()
    house.publish(FIRST)
    house.tick()
    assert letters.taken == []
    house.policy("terms")
    house.publish(FIRST, slug="terms", effective_at=house.now + timedelta(days=3), tell_first=True)
    house.tick()
    assert letters.addresses == ["ada@example.com"]


def test_ticks_again_and_again_tell_nobody_twice(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.publish(LONGER)
    for _ in range(4):
        running.tick()
    assert len(letters.taken) == 1


def test_who_has_no_address_gets_the_site_notice_and_is_counted(running: House) -> None:
    running.member("ada", email="")
    running.publish(LONGER)
    running.tick()
    (delivery,) = running.deliveries()
    assert (delivery.channel, delivery.reason) == ("site", "no address")


def test_members_left_out_are_counted_with_the_reason(running: House, later: Later) -> None:
    running.member("gone", retained_until="2026-06-02")
    running.member("ada")
    later(days=2)
    running.publish(LONGER, effective_at=running.now)
    running.member("joined-under-it", joined_at=running.now.isoformat())
    running.tick()
    with reading(running.runtime.engine) as session:
        omitted = {o.reason: o.members for o in session.exec(select(Omission))}
    assert omitted == {"lapsed": 1, "joined under the new text": 1}


def test_who_joins_during_the_notice_period_is_told_too(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    running.publish(LONGER, effective_at=running.now + timedelta(days=10))
    running.tick()
    later(days=1)
    running.member("late")
    running.tick()
    assert letters.addresses == ["ada@example.com", "late@example.com"]
    later(days=10)
    running.member("after")
    running.tick()
    assert len(letters.taken) == 2


def test_a_guardian_gets_the_letter_in_the_members_place(running: House, letters: KeptLetters) -> None:
    running.member("kid", guardian_email="guardian@example.com")
    running.publish(LONGER)
    running.tick()
    assert letters.addresses == ["guardian@example.com"]
    assert "whose guardian you are" in letters.read("guardian@example.com")[1]


def test_members_who_share_an_address_get_a_letter_each_in_different_requests(
    running: House, letters: KeptLetters
) -> None:
    running.member("ada", email="both@example.com")
    running.member("bob", email="BOTH@example.com")
    running.publish(LONGER)
    running.tick()
    assert [len(request) for request in letters.requests] == [1, 1]


def test_an_audience_other_than_the_publisher_confirmed_waits_for_a_person(
    running: House, letters: KeptLetters
) -> None:
    for name in "abcdefghijkl":
        running.member(name)
    running.publish(LONGER, expected_audience=1)
    running.tick()
    assert running.notice().state == "waiting"
    assert letters.taken == []
    notice_id = running.notice().id or 0
    act(running, lambda s: control.resume(s, notice_id, actor="a test", now=running.now))
    running.tick()
    assert len(letters.taken) == 12


def test_a_notice_opens_once_whoever_tries(running: House) -> None:
    running.member("ada")
    running.publish(LONGER)
    running.tick()
    with writing(running.runtime.engine) as session, pytest.raises(NoticeAlreadyOpen):
        notice = session.get_one(Notice, running.notice().id)
        notices.open_notice(session, notice, secret="s", now=running.now)


def test_a_later_notice_skips_what_the_earlier_has_queued(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    letters.answers.append(NotSent("not now", retry_after=3600))
    running.publish(LONGER)
    running.tick()
    first = running.notice()
    running.publish(LONGER.replace("your name", "your name and telephone number"))
    running.tick()
    with reading(running.runtime.engine) as session:
        earlier = progress.deliveries(session, session.get_one(Notice, first.id), limit=None)
    assert [(row.state, row.said) for row in earlier] == [("skipped", f"told by notice {running.notice().id}")]
    assert len(letters.taken) == 1


# -- what the letter says -----------------------------------------------------------------------


def test_the_letter_shows_all_that_changed_since_what_the_member_knows(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    running.publish(TYPO)
    running.tick()
    later(hours=2)
    running.member("bob")  # joined under the typo fix
    running.publish(LONGER)
    running.tick()
    bases = {d.member_id: d.base_revision_id for d in running.deliveries()}
    assert len(set(bases.values())) == 2
    assert "compare/1..3" in letters.read("ada@example.com")[1]
    assert "compare/2..3" in letters.read("bob@example.com")[1]


def test_the_letter_names_the_day_from_which_it_applies_to_the_member(
    running: House, letters: KeptLetters
) -> None:
    running.member("ada")
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    subject, text, html = letters.read("ada@example.com")
    # noon of 1 June and thirty days: the day that follows
    assert "2 July 2026" in text
    assert "2 July 2026" in html
    assert running.deliveries()[0].applies_from == datetime(2026, 7, 2, tzinfo=UTC)
    assert "privacy policy" in subject


def test_a_letter_that_leaves_late_names_a_later_day(running: House, letters: KeptLetters, later: Later) -> None:
    running.member("ada")
    letters.answers.append(NotSent("not now", retry_after=3600))
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    later(days=3)
    running.tick()
    assert "5 July 2026" in letters.read("ada@example.com")[1]
    assert running.deliveries()[0].applies_from == datetime(2026, 7, 5, tzinfo=UTC)


def test_the_rendered_letter_is_kept_without_personal_fields(running: House) -> None:
    running.member("ada")
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    with reading(running.runtime.engine) as session:
        letter = session.exec(select(RenderedLetter)).one()
        notice = session.get_one(Notice, letter.notice_id)
    assert notice.substitution_prefix in letter.text
    assert "2 July 2026" not in letter.text


def test_a_template_that_fails_for_one_locale_stops_no_other_and_says_why(
    running: House, letters: KeptLetters, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.member("ada")
    running.member("bob", locale="fr")
    running.publish(LONGER)

    whole = compose.render

    def broken_for_one(
        session: Session, notice: Notice, batch: Batch, *given: Any, **terms: Any
    ) -> RenderedLetter:
        if batch.locale == "fr":
            raise ValueError("no such template")
        return whole(session, notice, batch, *given, **terms)

    with monkeypatch.context() as patched:
        patched.setattr(compose, "render", broken_for_one)
        running.tick()
    assert letters.addresses == ["ada@example.com"]
    with reading(running.runtime.engine) as session:
        waiting = session.exec(select(Batch).where(Batch.state == "queued")).one()
    assert (waiting.locale, waiting.said) == ("fr", "The letter cannot be made: ValueError: no such template")
    assert running.notice().state == "sending"
    later(minutes=6)
    running.tick()
    assert letters.addresses == ["ada@example.com", "bob@example.com"]
    assert running.notice().state == "complete"


# -- what it sets in motion ---------------------------------------------------------------------


def test_by_posting_a_revision_governs_at_once(running: House) -> None:
    running.member("ada")
    running.publish(LONGER)
    assert running.governs("ada") == 2


def test_by_notice_a_member_moves_on_the_day_their_letter_names(running: House) -> None:
    running.member("ada")
    running.publish(LONGER, rule="notice", notice_days=30)
    assert running.governs("ada", running.now + timedelta(days=400)) == 1, "nobody moves before being told"
    running.tick()
    stated = datetime(2026, 7, 2, tzinfo=UTC)
    assert running.governs("ada", stated - timedelta(microseconds=1)) == 1
    assert running.governs("ada", stated) == 2


def test_a_bounce_before_the_move_holds_the_member_back_and_one_after_does_not(
    running: House, later: Later
) -> None:
    running.member("ada")
    running.member("bob")
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    later(days=2)
    event(running, "bounce", delivery=0)
    far = running.now + timedelta(days=100)
    assert (running.governs("ada", far), running.governs("bob", far)) == (1, 2)
    later(days=40)
    event(running, "bounce", delivery=1)
    assert running.governs("bob", far) == 2


def test_a_site_notice_counts_when_it_was_shown(running: House) -> None:
    running.member("ada", email="")
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    far = running.now + timedelta(days=100)
    assert running.governs("ada", far) == 1
    event(running, "shown")
    assert running.governs("ada", far) == 2


def test_by_acceptance_a_member_moves_when_they_accept(running: House, later: Later, letters: KeptLetters) -> None:
    running.member("ada")
    revision = running.publish(LONGER, rule="acceptance")
    running.tick()
    assert "accept" in letters.read("ada@example.com")[1]
    at = later(days=3)
    with reading(running.runtime.engine) as session:
        member = session.exec(select(Member)).one()
    act(
        running,
        lambda s: s.add(
            Acknowledgement(
                member_id=member.id or 0,
                revision_id=revision.id or 0,
                kind="accepted",
                route="by link",
                recorded_at=at,
            )
        ),
    )
    assert running.governs("ada", at - timedelta(microseconds=1)) == 1
    assert running.governs("ada", at) == 2


# -- when things go wrong -----------------------------------------------------------------------


def test_what_was_certainly_not_sent_is_sent_later(running: House, letters: KeptLetters, later: Later) -> None:
    running.member("ada")
    letters.answers.append(NotSent("busy", retry_after=60))
    running.publish(LONGER)
    running.tick()
    assert letters.taken == []
    running.tick()
    assert letters.requests == [("ada@example.com",)], "not before it is time"
    later(minutes=2)
    running.tick()
    assert len(letters.taken) == 1


def test_unknown_is_shown_and_not_sent_again_before_its_time(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(Unknown("the answer did not come"))
    running.publish(LONGER)
    running.tick()
    assert states(running) == {"unknown": 1}
    assert running.notice().state == "sending", "not complete while anything is unknown"
    later(minutes=119)
    running.tick()
    assert len(letters.requests) == 1
    later(minutes=2)
    running.tick()
    running.tick()
    assert len(letters.requests) == 2
    assert states(running) == {"accepted": 1}
    assert running.notice().state == "complete"


def test_at_most_once_leaves_unknown_to_a_person(running: House, letters: KeptLetters, later: Later) -> None:
    careful = running.runtime.settings.model_copy(update={"unknown": "at_most_once"})
    house = House(replace(running.runtime, settings=careful))
    house.member("ada")
    letters.answers.append(Unknown("the answer did not come"))
    house.publish(LONGER)
    house.tick()
    later(days=30)
    house.tick()
    assert len(letters.requests) == 1


def test_one_bad_address_is_found_and_the_others_get_their_letter(running: House, letters: KeptLetters) -> None:
    for number in range(7):
        running.member(f"m{number}")
    letters.refuses, letters.refusal = {"m4@example.com"}, Refused("no such address", status=400, address=True)
    running.publish(LONGER)
    running.tick()
    assert "m4@example.com" not in letters.addresses
    assert len(letters.addresses) == 6
    assert states(running) == {"accepted": 6, "failed": 1}
    assert running.notice().state == "complete"
    assert running.governs("m4", running.now) == 2


def test_a_fault_of_the_letter_pauses_the_notice_instead_of_failing_everybody(
    running: House, letters: KeptLetters
) -> None:
    names = [f"m{number}" for number in range(8)]
    for name in names:
        running.member(name)
    letters.refuses = {f"{name}@example.com" for name in names}
    letters.refusal = Refused("the subject is bad", status=400, address=True)
    running.publish(LONGER)
    running.tick()
    assert running.notice().state == "paused"
    assert len(letters.requests) == 3, "the whole, then both its halves"
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Outcome)).all() == []


def test_a_refused_account_pauses_the_notice_and_says_why(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    letters.answers.append(Refused("The key is not known.", status=401))
    running.publish(LONGER)
    running.tick()
    assert (running.notice().state, running.notice().why) == ("paused", "The key is not known.")
    act(running, lambda s: control.resume(s, running.notice().id or 0, actor="a test", now=running.now))
    running.tick()
    assert len(letters.taken) == 1


def test_ten_failures_in_a_row_pause_the_notice(running: House, letters: KeptLetters, later: Later) -> None:
    running.member("ada")
    letters.answers.extend(NotSent("down", retry_after=1) for _ in range(20))
    running.publish(LONGER)
    for _ in range(15):
        running.tick()
        later(minutes=20)
    assert running.notice().state == "paused"
    assert len(letters.requests) == 10


def test_only_what_is_being_sent_can_be_paused(running: House) -> None:
    running.member("ada")
    running.publish(LONGER)
    running.tick()
    with writing(running.runtime.engine) as session, pytest.raises(NoticeNotPausable):
        control.pause(session, running.notice().id or 0, actor="a test", now=running.now)


def test_who_is_erased_before_the_letter_leaves_is_skipped(
    running: House, letters: KeptLetters, later: Later
) -> None:
    from notifier import members

    running.member("ada")
    running.member("bob")
    letters.answers.append(NotSent("busy", retry_after=1))
    running.publish(LONGER)
    running.tick()
    act(
        running,
        lambda s: members.erase(s, members.by_external_id(s, "ada"), actor="a test", now=running.now),
    )
    later(minutes=1)
    running.tick()
    assert letters.addresses == ["bob@example.com"]
    assert states(running) == {"accepted": 1, "skipped": 1}


def test_a_worker_that_dies_between_request_and_answer_leaves_it_unknown(
    running: House, letters: KeptLetters, later: Later
) -> None:
    class Dies(KeptLetters):
        def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
            raise SystemExit  # as SIGKILL would: nothing of ours runs after it

    running.member("ada")
    running.publish(LONGER)
    dying = House(replace(running.runtime, sender=Dies(), node="node 2"))
    with pytest.raises(SystemExit):
        dying.tick()
    assert states(running) == {"sending": 1}
    running.tick()
    assert letters.requests == [], "the lease is still the dead node's"
    later(minutes=4)
    running.tick()
    running.tick()
    assert letters.requests == [], "expired into unknown, never into queued"
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Attempt.state)).all() == ["unknown"]
        assert session.exec(select(Batch.state)).all() == ["unknown"]


def test_a_second_node_finds_nothing_left_to_do(running: House, letters: KeptLetters) -> None:
    other = House(replace(running.runtime, node="node 2"))
    running.member("ada")
    running.publish(LONGER)
    running.tick()
    other.tick()
    assert outbox.deliver(other.runtime) == 0
    assert len(letters.taken) == 1


# -- withdrawal ---------------------------------------------------------------------------------


def test_withdrawing_what_was_told_sends_a_correction_to_those_told(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    running.publish(LONGER, effective_at=running.now + timedelta(days=10))
    running.tick()
    later(days=1)
    running.member("late-and-told")
    running.tick()
    withdraw(running, 2)
    running.member("never-told")
    running.tick()
    running.tick()
    assert [r.address for m, r in letters.taken if m.subject.startswith("Withdrawn")] == [
        "ada@example.com",
        "late-and-told@example.com",
    ]
    assert "A mistake." in letters.read("ada@example.com")[1]
    assert running.notice().kind == "correction"
    assert running.governs("ada", running.now + timedelta(days=100)) == 1


def test_withdrawing_before_anybody_was_told_tells_nobody(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.publish(LONGER, effective_at=running.now + timedelta(days=10))
    withdraw(running, 2)
    running.tick()
    assert letters.taken == []


def test_a_withdrawn_revision_is_never_a_base(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.publish(LONGER, effective_at=running.now + timedelta(days=10))
    running.tick()
    withdraw(running, 2)
    running.tick()
    running.publish(LONGER.replace("24", "36"), effective_at=running.now + timedelta(days=20))
    running.tick()
    assert "compare/1..3" in letters.read("ada@example.com")[1]


# -- deciding -----------------------------------------------------------------------------------


def test_a_revision_the_engine_fails_on_stays_undecided_and_is_shown(
    running: House, monkeypatch: pytest.MonkeyPatch, later: Later
) -> None:
    from policy_versions import significance
    from policy_versions.models import DueDecision

    def broken(*_: object) -> None:
        raise RecursionError("too deep")

    running.publish(LONGER)
    with monkeypatch.context() as patched:
        patched.setattr(significance, "decide", broken)
        running.tick()
    with reading(running.runtime.engine) as session:
        due = session.exec(select(DueDecision)).one()
        assert (due.failures, "too deep" in due.error) == (1, True)
        record = archive.history(session, policies.policy(session, "privacy"))
        assert record.entry(2).verdict == "undecided"
    later(minutes=10)
    running.tick()
    with reading(running.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
    decision = record.entry(2).decision
    assert decision is not None
    assert (decision.verdict, decision.engine) == ("significant", significance.ENGINE)


def test_minor_edits_that_add_up_are_significant(running: House) -> None:
    """Each step alone keeps the words of the one before nearly whole; all together a promise has gone."""
    from policy_versions import deciding
    from policy_versions.archive import Entry
    from policy_versions.models import DecisionRecord, Revision

    def revision(number: int, text: str) -> Revision:
        return Revision(
            id=number, policy_id=1, number=number, revision_date="2026-06-01", text=text, sha256=str(number),
            chain="", published_at=running.now, effective_at=running.now, recorded_at=running.now,
        )  # fmt: skip

    def entry(number: int, text: str, verdict: str) -> Entry:
        decision = DecisionRecord(
            revision_id=number, verdict=verdict, decided_at=running.now, recorded_at=running.now
        )
        return Entry(revision(number, text), None, decision)

    entries = [entry(1, FIRST, "first"), entry(2, LONGER, "minor")]  # as if the step had slipped through
    judged = deciding.judge(entries, revision(3, LONGER.replace("e-mail address", "e-mail adress")))
    assert judged.verdict == "significant"
    assert (judged.previous, judged.cumulative) == (entries[1].revision, entries[0].revision)


def test_a_changed_rule_alone_is_significant(running: House, letters: KeptLetters) -> None:
    running.member("ada")
    running.publish(FIRST, rule="acceptance")
    running.tick()
    assert letters.addresses == ["ada@example.com"]


# -- told, as an imported fact ------------------------------------------------------------------


def test_an_imported_telling_counts_as_told(running: House) -> None:
    from policy_versions.models import Telling

    running.member("ada", joined_at="2026-05-30")
    with writing(running.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        record = archive.history(session, policy)
        session.add(
            Telling(
                policy_id=policy.id or 0,
                revision_id=record.entries[0].revision.id or 0,
                told_at=running.now,
                recorded_at=running.now,
            )
        )
    with reading(running.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        gathered = facts.of_policy(session, record)
    assert [(t.revision, t.at) for t in gathered.tellings] == [(1, running.now)]
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Delivery)).all() == []


# -- found by a walk through what could go wrong ------------------------------------------------

MUCH_LONGER = LONGER.replace("24 months", "36 months")


def resume(house: House, notice_id: int) -> None:
    act(house, lambda s: control.resume(s, notice_id, actor="a test", now=house.now))


def notice_of(house: House, notice_id: int) -> Notice:
    with reading(house.runtime.engine) as session:
        return session.get_one(Notice, notice_id)


def test_what_was_left_to_a_notice_that_is_withdrawn_is_told_by_the_earlier_one(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(NotSent("not now", retry_after=3600))
    running.publish(LONGER)
    running.tick()
    running.publish(MUCH_LONGER, effective_at=running.now + timedelta(days=9))
    letters.answers.append(NotSent("not now", retry_after=3600))
    running.tick()
    withdraw(running, 3)
    later(hours=3)
    running.tick()
    running.tick()
    assert letters.addresses == ["ada@example.com"]
    assert "compare/1..2" in letters.read("ada@example.com")[1]
    assert notice_of(running, 1).state == "complete"


def test_a_notice_that_waits_for_a_person_supersedes_nothing_yet(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(NotSent("not now", retry_after=3600))
    running.publish(LONGER)
    running.tick()
    running.publish(MUCH_LONGER, effective_at=running.now + timedelta(days=9), expected_audience=500)
    running.tick()
    assert notice_of(running, 2).state == "waiting"
    later(hours=2)
    running.tick()
    assert len(letters.taken) == 1
    resume(running, 2)
    running.tick()
    assert len(letters.taken) == 2


def test_a_thousand_joiners_under_the_new_text_do_not_hide_a_late_member(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.publish(LONGER)
    running.tick()
    later(days=1)
    running.members(*({"external_id": f"new{i}", "joined_at": running.now.isoformat()} for i in range(1100)))
    running.member("old", joined_at=(running.now - timedelta(days=1, hours=1)).isoformat())
    running.tick()
    assert letters.addresses == ["old@example.com"]


def test_a_member_whose_retention_ended_is_not_revived_and_comes_back_as_somebody_new(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada", retained_until="2026-06-02")
    later(days=2)
    running.publish(LONGER)
    again = {"external_id": "ada", "email": "ada@example.com", "retained_until": "2030-01-01"}
    report = running.members(again)
    assert (report.added, report.changed, report.refused) == (0, 0, 1)
    assert "no longer retained" in report.rejected[0][1]
    running.tick()
    assert running.members(again).added == 1, "the tick has erased who they were"
    running.tick()
    assert (letters.addresses, running.governs("ada")) == ([], 2), "they joined under the new text"


def test_a_guardian_set_between_opening_and_sending_gets_the_guardians_letter(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("kid")
    letters.answers.append(NotSent("busy", retry_after=60))
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    running.member("kid", guardian_email="guardian@example.com")
    later(minutes=5)
    for _ in range(3):
        running.tick()
    assert letters.addresses == ["guardian@example.com"]
    assert "whose guardian you are" in letters.read("guardian@example.com")[1]


def test_an_address_taken_away_before_sending_leaves_the_site_notice(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(NotSent("busy", retry_after=60))
    running.publish(LONGER)
    running.tick()
    running.member("ada", email="")
    later(minutes=5)
    for _ in range(3):
        running.tick()
    assert letters.taken == []
    assert states(running) == {"site notice only": 1}
    assert running.notice().state == "complete"


def test_an_address_that_two_come_to_share_before_sending_is_in_two_requests(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    running.member("bob")
    letters.answers.append(NotSent("busy", retry_after=60))
    running.publish(LONGER)
    running.tick()
    running.member("ada", email="BOB@example.com")
    later(minutes=5)
    running.tick()
    assert [len(request) for request in letters.requests] == [2, 1, 1]
    assert states(running) == {"accepted": 2}


@pytest.mark.parametrize("bad", [0, 1, 7, 8, 15])
def test_one_bad_address_never_pauses_a_notice_wherever_it_stands(
    running: House, letters: KeptLetters, bad: int
) -> None:
    for number in range(16):
        running.member(f"m{number:02}")
    letters.refuses, letters.refusal = {f"m{bad:02}@example.com"}, Refused("malformed", address=True)
    running.publish(LONGER)
    running.tick()
    assert states(running) == {"accepted": 15, "failed": 1}
    assert running.notice().state == "complete"


def test_two_addresses_that_no_request_can_carry_stop_nobody_else(running: House, letters: KeptLetters) -> None:
    for number in range(16):
        running.member(f"m{number:02}")
    # found by the sender itself, before any provider was asked: no status
    letters.refuses = {"m01@example.com", "m14@example.com"}
    letters.refusal = Refused("The address is malformed.", address=True)
    running.publish(LONGER)
    running.tick()
    assert states(running) == {"accepted": 14, "failed": 2}
    assert running.notice().state == "complete"


def test_unknown_then_to_be_resent_then_withdrawn_gets_its_correction(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(Unknown("reset"))
    running.publish(LONGER, effective_at=running.now + timedelta(days=9))
    running.tick()
    later(hours=3)
    settling.settle(running.runtime)
    withdraw(running, 2)
    for _ in range(2):
        running.tick()
    assert [m.subject.startswith("Withdrawn") for m, _ in letters.taken] == [True]
    with reading(running.runtime.engine) as session:
        first = progress.of(session, session.get_one(Notice, 1)).states
    assert first == {"unknown": 1}


def test_an_unknown_of_a_superseded_notice_is_not_sent_again(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(Unknown("reset"))
    running.publish(LONGER)
    running.tick()
    running.publish(MUCH_LONGER)
    running.tick()
    later(hours=5)
    for _ in range(2):
        running.tick()
    assert len(letters.taken) == 1


def test_a_late_answer_settles_what_was_closed_as_unknown(
    running: House, letters: KeptLetters, later: Later
) -> None:
    class Stalls(KeptLetters):
        def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
            later(minutes=10)  # the lease runs out, and another node settles it
            settling.settle(running.runtime)
            outbox.deliver(running.runtime)
            return Accepted("late")

    running.member("ada")
    running.publish(LONGER)
    House(replace(running.runtime, sender=Stalls(), node="node 2")).tick()
    running.tick()
    assert states(running) == {"accepted": 1}
    assert running.notice().state == "complete"


def test_a_worker_that_lost_its_lease_does_not_take_the_next_ones(
    running: House, letters: KeptLetters, later: Later
) -> None:
    class Stalls(KeptLetters):
        def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
            later(minutes=10)
            settling.settle(running.runtime)
            outbox._claim(replace(running.runtime, node="node 3"))
            raise NotSent("too late", retry_after=0)

    running.member("ada")
    running.publish(LONGER)
    slow = replace(running.runtime, sender=Stalls(), node="node 2")
    from notifier import deciding, scheduler

    deciding.decide_due(slow)
    scheduler.open_due(slow)
    batch = outbox._claim(slow)
    assert batch is not None
    outbox._work(slow, Press(slow), batch)
    with reading(running.runtime.engine) as session:
        kept = session.get_one(Batch, batch.id)
    assert (kept.state, kept.lease_by) == ("sending", "node 3")


def test_the_letter_names_the_day_that_the_strictest_unmet_rule_allows(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    letters.answers.append(NotSent("not now", retry_after=3600))
    running.publish(LONGER, rule="notice", notice_days=30)
    running.tick()
    running.publish(MUCH_LONGER)
    running.tick()
    assert "2 July 2026" in letters.read("ada@example.com")[1]
    stated = datetime(2026, 7, 2, tzinfo=UTC)
    assert running.governs("ada", stated - timedelta(microseconds=1)) == 1
    assert running.governs("ada", stated) == 3


def test_a_letter_to_a_late_arrival_does_not_call_a_past_day_a_coming_one(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada")
    running.publish(LONGER, effective_at=running.now + timedelta(days=5), rule="notice", notice_days=30)
    running.tick()
    later(days=40)
    running.member("late", joined_at="2026-06-01T11:00:00+00:00")
    running.tick()
    running.tick()
    assert "changes on" in letters.read("ada@example.com")[0]
    assert "changed on" in letters.read("late@example.com")[0]


def test_a_notice_that_cannot_be_opened_holds_up_no_other(
    running: House, letters: KeptLetters, monkeypatch: pytest.MonkeyPatch, later: Later
) -> None:
    running.member("ada")
    running.policy("terms")
    running.publish(FIRST, slug="terms", effective_at=running.now + timedelta(days=1), tell_first=True)
    running.publish(LONGER)
    opened = notices.open_notice

    def fails_for_the_first(session: Session, notice: Notice, **given: object) -> object:
        if notice.id == 1:
            raise ValueError("a fault")
        return opened(session, notice, **given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(notices, "open_notice", fails_for_the_first)
        running.tick()
    assert len(letters.taken) == 1
    assert "a fault" in notice_of(running, 1).why
    later(minutes=6)
    running.tick()
    assert len(letters.taken) == 2


def test_a_letter_written_while_its_member_is_erased_is_forgotten(running: House, letters: KeptLetters) -> None:
    from notifier import members

    class Erases(KeptLetters):
        def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
            with reading(running.runtime.engine) as session:
                member = members.by_external_id(session, "ada")
            outbox.erase(running.runtime, member, actor="a test")
            return Accepted("written")

    running.member("ada")
    running.publish(LONGER)
    erasing = Erases(repeatable=True)  # as the folder, which keeps what it was given
    House(replace(running.runtime, sender=erasing, node="node 2")).tick()
    assert erasing.forgotten == {running.deliveries()[0].id}


def test_a_fault_while_forgetting_leaves_the_member_to_be_erased_again(running: House) -> None:
    from notifier import members

    class Fails(KeptLetters):
        def forget(self, delivery_ids: object) -> None:
            raise OSError("the disk is gone")

    running.member("ada", retained_until="2026-06-01T12:00:00+00:00")
    failing = replace(running.runtime, sender=Fails())
    with pytest.raises(OSError, match="disk"):
        outbox.purge(failing)
    with reading(running.runtime.engine) as session:
        assert members.by_external_id(session, "ada").email == "ada@example.com"
    assert outbox.purge(running.runtime) == 1
