"""A notice's page: every button and form does what it says, once, and refuses in a sentence what it cannot."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from database import reading, writing
from notifier import deciding
from notifier.models import Attempt, Batch, Delivery, DeliveryEvent, Member, Notice, Quarantine
from notifier.senders.protocol import NotSent, Refused, Unknown
from policy_versions.models import AuditEntry
from settings import Settings
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.once import made_once
from tests.web.test_admin import Administrator, filled, password_hash, start_draft, words
from tests.web.test_decisions import account

__all__ = ["password_hash"]  # a fixture
PAGE = "/admin/notices/1"
LONG = "x" * 10_000


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    # hours pass in these tests, and nobody is to be signed out for that
    return make_settings(database_url, tmp_path, review_minutes=60, quota_hour=2, session_idle_minutes=7 * 24 * 60)


@pytest.fixture
def ines(house: House, app: Flask, password_hash: str) -> Administrator:
    return account(house, app, "ines", password_hash)


@pytest.fixture
@made_once
def running(house: House) -> House:
    house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST)
    house.tick()
    house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    for name in ("ada", "bob", "cem"):
        house.member(name)
    return house


@pytest.fixture
@made_once
def scheduled(running: House) -> House:
    """No. 2's notice is due in an hour; three members."""
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    deciding.decide_due(running.runtime)
    return running


@pytest.fixture
@made_once
def sending(running: House, letters: KeptLetters) -> House:
    """One letter was taken, one is in doubt, and one waits, as the quota is spent."""
    letters.request_size = 1
    letters.answers.extend([None, Unknown("The connection was reset.")])
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    move(running, hours=1)
    running.tick()
    move(running, hours=1)
    running.tick()
    assert running.notice().state == "sending"
    return running


def move(house: House, **by: float) -> None:
    house.runtime.clock.instant += timedelta(**by)  # type: ignore[attr-defined]


def attempts(house: House, *states: str) -> list[Attempt]:
    with reading(house.runtime.engine) as session:
        query = select(Attempt).where(col(Attempt.state).in_(states)) if states else select(Attempt)
        return list(session.exec(query.order_by(col(Attempt.id))))


def audited(house: House) -> list[AuditEntry]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(AuditEntry).order_by(col(AuditEntry.id))))


def change(house: House, **given: Any) -> None:
    with writing(house.runtime.engine) as session:
        notice = session.get_one(Notice, house.notice().id)
        for name, value in given.items():
            setattr(notice, name, value)
        session.add(notice)


# -- the page -----------------------------------------------------------------------------------


def test_before_it_opens_the_page_says_when_and_offers_what_can_be_done(
    ines: Administrator, scheduled: House
) -> None:
    html = ines.get(PAGE)
    said = words(html)
    assert "Due 1 June 2026, 15:00 CEST" in said
    for offered in ("Send now", "Pause", "Cancel…", "Give it another time", "Would this member get it, and why?"):
        assert offered in said
    assert "Recall…" not in said
    assert "Send the failed ones again" not in said


def test_while_it_is_sent_the_page_counts_and_names_what_is_in_doubt(ines: Administrator, sending: House) -> None:
    said = words(ines.get(PAGE))
    assert "It was sent" in said and "It was not: send again" in said
    assert "Recall…" in said and "Cancel…" in said
    assert "Send now" not in said


@pytest.mark.parametrize(
    "state", ["scheduled", "waiting", "sending", "paused", "complete", "cancelled", "recalled"]
)
def test_the_page_stands_in_every_state(ines: Administrator, sending: House, state: str) -> None:
    recalled = {"recalled_at": sending.now} if state == "recalled" else {}
    change(sending, state=state, why="A reason.", **recalled)
    assert state.capitalize() in words(ines.get(PAGE))
    ines.get(f"{PAGE}/dry-run?member=ada")
    ines.get(f"{PAGE}/recall")


@pytest.mark.parametrize(
    "path",
    ["/admin/notices/99", "/admin/notices/2147483647", "/admin/notices/99/recall", "/admin/notices/99/dry-run"],
)
def test_what_there_is_not_is_not_found(ines: Administrator, scheduled: House, path: str) -> None:
    ines.get(path, 404)


@pytest.mark.parametrize("number", ["99999999999", "0x1", "-1", "2147483648"])
def test_what_no_row_can_be_is_no_address(ines: Administrator, scheduled: House, number: str) -> None:
    for path in ("", "/recall", "/dry-run"):
        ines.get(f"/admin/notices/{number}{path}", 404)


# -- buttons ------------------------------------------------------------------------------------


def test_pausing_and_going_on(ines: Administrator, sending: House) -> None:
    assert "The notice is paused" in words(ines.post(f"{PAGE}/pause", seen=PAGE))
    assert "Only a notice that is being sent" in words(ines.post(f"{PAGE}/pause", seen=PAGE, status=409))
    assert "The notice goes on" in words(ines.post(f"{PAGE}/resume", seen=PAGE))
    ines.post(f"{PAGE}/resume", seen=PAGE, status=409)


def test_nothing_goes_on_in_quarantine(ines: Administrator, sending: House) -> None:
    ines.post(f"{PAGE}/pause", seen=PAGE)
    with writing(sending.runtime.engine) as session:
        session.add(Quarantine(began_at=sending.now, actor="ines", doubted=0, erased=0))
    assert "restored from a backup" in words(ines.post(f"{PAGE}/resume", seen=PAGE, status=409))
    assert sending.notice().state == "paused"


def test_cancelling_says_how_many_are_told_and_how_many_are_not(ines: Administrator, sending: House) -> None:
    said = words(ines.post(f"{PAGE}/cancel", {"reason": "The date was wrong."}, seen=PAGE))
    assert (
        "The notice is cancelled. 1 member was told, and that stays so; of 1 nobody knows; 1 member was not. "
        "Those not told stay under the text that governs them now, until they are told."
    ) in said
    assert "Cancelled by ines: The date was wrong. 1 member was told, and 1 was not; of 1 nobody knows." in said
    assert "so there is nothing to cancel" in words(
        ines.post(f"{PAGE}/cancel", {"reason": "Again."}, seen=PAGE, status=409)
    )


def test_cancelling_before_it_opened_says_that_nobody_was_told(ines: Administrator, scheduled: House) -> None:
    said = words(ines.post(f"{PAGE}/cancel", {"reason": "The date was wrong."}, seen=PAGE))
    assert "The notice is cancelled. Nobody was told of it." in said
    assert "Nothing of it has left, and nothing will." in said


@pytest.mark.parametrize(
    ("reason", "status", "said"),
    [
        ("", 409, "or say why it is called off"),
        (LONG, 422, "longer than 500 characters"),
        ("a\x00b", 422, "control character"),
        ("two\nlines", 422, "control character"),
    ],
)
def test_a_reason_that_cannot_be_kept_calls_nothing_off(
    ines: Administrator, scheduled: House, reason: str, status: int, said: str
) -> None:
    change(scheduled, state="paused", why="Paused by ines.")
    html = ines.post(f"{PAGE}/cancel", {"reason": reason}, seen=PAGE, status=status)
    assert said in words(html)
    assert 'href="#f-reason"' in html
    assert scheduled.notice().state == "paused"


# -- another time -------------------------------------------------------------------------------


def test_another_time_is_typed_by_the_clocks_of_the_policys_place(ines: Administrator, scheduled: House) -> None:
    html = ines.get(PAGE)
    assert 'value="2026-06-01T15:00"' in html
    said = words(ines.post(f"{PAGE}/schedule", {"due": "2026-06-03T09:00"}, seen=PAGE))
    assert "Due 3 June 2026, 09:00 CEST" in said
    assert scheduled.notice().due_at.isoformat() == "2026-06-03T07:00:00+00:00"


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ("", "is not a day with a time"),
        ("soon", "is not a day with a time"),
        (LONG, "is not a day with a time"),
        ("2026-06-03\x00T09:00", "is not a day with a time"),
        ("2026-06-01T13:59", "That time is over"),
        ("1999-01-01T09:00", "That time is over"),
        ("2027-03-28T02:30", "the clocks are put forward over it"),
        ("9999-12-31T23:59", "is not a day with a time"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused_beside_its_field(
    ines: Administrator, scheduled: House, due: str, said: str
) -> None:
    before = scheduled.notice().due_at
    html = ines.post(f"{PAGE}/schedule", {"due": due}, seen=PAGE, status=422)
    assert said in words(html)
    assert 'href="#f-due"' in html and 'id="error-due"' in html
    assert scheduled.notice().due_at == before


def test_what_has_opened_gets_no_other_time(ines: Administrator, sending: House) -> None:
    assert "Give it another time" not in words(ines.get(PAGE))
    ines.post(f"{PAGE}/schedule", {"due": "2030-01-01T09:00"}, seen=PAGE, status=409)


# -- what failed, what is in doubt --------------------------------------------------------------


def test_failed_letters_are_sent_again_once(ines: Administrator, running: House, letters: KeptLetters) -> None:
    letters.refuses, letters.refusal = {"bob@example.com"}, Refused("Full.", status=400, address=True)
    letters.request_size = 1
    running.publish(LONGER)
    for _ in range(3):
        move(running, hours=1)
        running.tick()
    assert "Failed letters 1" in words(ines.get(PAGE))
    letters.refuses = set()
    said = words(ines.post(f"{PAGE}/retry", seen=PAGE))
    assert "An address that was refused and has not changed fails again." in said
    assert "ines had failed letters sent again: 1." in said
    assert "No letter of this notice has failed" in words(ines.post(f"{PAGE}/retry", seen=PAGE, status=409))
    move(running, hours=1)
    running.tick()
    running.tick()
    assert letters.addresses == ["ada@example.com", "bob@example.com", "cem@example.com"]


@pytest.mark.parametrize(
    ("sent", "state", "said"),
    [("yes", "accepted", "It counts as sent."), ("no", "resent", "wait to be sent again")],
)
def test_a_person_settles_a_request_in_doubt(
    ines: Administrator, sending: House, sent: str, state: str, said: str
) -> None:
    (doubt,) = attempts(sending, "unknown")
    path = f"{PAGE}/requests/{doubt.id}"
    assert said in words(ines.post(path, {"sent": sent}, seen=PAGE))
    assert [a.id for a in attempts(sending, state)].count(doubt.id) == 1
    assert "settled already" in words(ines.post(path, {"sent": sent}, seen=PAGE, status=409))
    assert f"ines said of request {doubt.id} that it" in words(ines.get(PAGE))


def test_requests_that_are_not_its_own_are_not_settled(ines: Administrator, sending: House) -> None:
    ines.post(f"{PAGE}/requests/9999", {"sent": "yes"}, seen=PAGE, status=404)
    ines.post(f"{PAGE}/requests/2147483648", {"sent": "yes"}, seen=PAGE, status=404)
    ines.post("/admin/notices/99/requests/1", {"sent": "yes"}, seen=PAGE, status=404)
    assert len(attempts(sending, "unknown")) == 1


# -- recall -------------------------------------------------------------------------------------


def test_the_recall_page_says_what_follows_and_the_recall_does_it(ines: Administrator, sending: House) -> None:
    said = words(ines.get(f"{PAGE}/recall"))
    assert "1 letter has not left, and stays here." in said
    assert "2 members have the wrong one, or may have" in said
    assert "opens 1 h from now" in said
    shown = ines.post(f"{PAGE}/recall", {"reason": "The link led nowhere."})
    assert "This one puts it right." in words(shown)
    assert "It puts a recalled notice right" in words(shown)
    said = words(ines.get(PAGE))
    assert "It was recalled The link led nowhere." in said
    assert "The notice that puts it right" in said
    assert "Recalled by ines; notice 2 puts it right." in said
    again = ines.post(f"{PAGE}/recall", {"reason": "Twice."}, seen=PAGE, status=409)
    assert "It cannot be recalled." in words(again)
    with reading(sending.runtime.engine) as session:
        assert len(session.exec(select(Notice)).all()) == 2


@pytest.mark.parametrize("reason", ["", "  ", LONG, "a\x00b", "two\nlines"])
def test_a_recall_needs_a_reason_in_one_line(ines: Administrator, sending: House, reason: str) -> None:
    html = ines.post(f"{PAGE}/recall", {"reason": reason}, status=422)
    assert 'id="error-reason"' in html
    assert "Recall the notice" in words(html)  # the form is there still
    assert sending.notice().state == "sending"


def test_one_that_has_not_opened_is_not_recalled(ines: Administrator, scheduled: House) -> None:
    assert "It cannot be recalled. Only a notice that has opened" in words(ines.get(f"{PAGE}/recall"))


# -- dry run ------------------------------------------------------------------------------------


def test_the_dry_run_counts_by_reason_and_says_the_arithmetic(ines: Administrator, scheduled: House) -> None:
    scheduled.member("dee", email="")
    said = words(ines.get(f"{PAGE}/dry-run"))
    assert "Told 4" in said and "no e-mail address 1" in said
    assert "3 members at 2 an hour: the last letter leaves 2 h after the start" in said
    assert "Every letter leaves early enough for the notice period of 30 days" in said


def test_the_dry_run_answers_for_one_member(ines: Administrator, scheduled: House) -> None:
    html = ines.get(f"{PAGE}/dry-run?member=ada")
    said = words(html)
    assert "Yes: ada If it opened now, they would get a letter." in said
    assert "ada@example.com" not in html


@pytest.mark.parametrize("name", ["nobody", LONG, "%00", "a%0Ab", "%FF", "<script>alert(1)</script>"])
def test_the_dry_run_of_a_stranger_is_not_found(ines: Administrator, scheduled: House, name: str) -> None:
    html = ines.get(f"{PAGE}/dry-run?member={name}", 404)
    assert "There is no such member" in words(html)
    assert "<script>alert" not in html


def test_the_dry_run_works_after_it_has_opened_too(ines: Administrator, sending: House) -> None:
    said = words(ines.get(f"{PAGE}/dry-run?member=ada"))
    assert "They are owed a letter by this notice" in said
    assert "Told 3" in said


# -- a letter to oneself ------------------------------------------------------------------------


def test_a_test_letter_goes_to_the_address_typed_and_enters_no_ledger(
    ines: Administrator, scheduled: House, letters: KeptLetters
) -> None:
    html = ines.get(PAGE)
    assert 'value="1 member en"' in html
    given = {"letter": "1 member en", "address": "me@example.com"}
    assert "The test letter was accepted." in words(ines.post(f"{PAGE}/test", given, seen=PAGE))
    assert letters.addresses == ["me@example.com"]
    subject, text, _ = letters.read("me@example.com")
    assert subject.startswith("[Test] ")
    assert text.startswith("This is a test")
    assert attempts(scheduled) == []
    with reading(scheduled.runtime.engine) as session:
        assert session.exec(select(Delivery)).all() == []
        assert session.exec(select(Batch)).all() == []
    log = audited(scheduled)
    assert log[-1].action == "test letter sent"
    assert "me@example.com" not in str([entry.detail for entry in log])


@pytest.mark.parametrize("which", ["", "nonsense", "99 member en", LONG, "0 guardian xx"])
def test_a_letter_that_is_not_offered_is_the_first_one(
    ines: Administrator, scheduled: House, letters: KeptLetters, which: str
) -> None:
    ines.post(f"{PAGE}/test", {"letter": which, "address": "me@example.com"}, seen=PAGE)
    assert len(letters.taken) == 1


@pytest.mark.parametrize(
    "address", ["", "me", "me@", LONG + "@example.com", "me@example.com\nbcc: you@example.com", "\x00"]
)
def test_what_is_no_address_is_refused_beside_its_field(
    ines: Administrator, scheduled: House, letters: KeptLetters, address: str
) -> None:
    html = ines.post(f"{PAGE}/test", {"address": address}, seen=PAGE, status=422)
    assert "That is no e-mail address" in words(html)
    assert 'id="error-address"' in html
    assert letters.taken == []


@pytest.mark.parametrize(
    ("answer", "said", "outcome"),
    [
        (Refused("550 no such user me@example.com."), "The test letter was refused: 550 no such user", "refused"),
        (NotSent("The server is busy."), "could not be sent now: The server is busy.", "not sent"),
        (Unknown("The connection was reset."), "Nobody knows whether the test letter left", "unknown"),
    ],
)
def test_what_became_of_a_test_letter_is_said_at_once(
    ines: Administrator, scheduled: House, letters: KeptLetters, answer: Any, said: str, outcome: str
) -> None:
    letters.answers.append(answer)
    shown = words(ines.post(f"{PAGE}/test", {"address": "me@example.com"}, seen=PAGE))
    assert said in shown
    assert "me@example.com" not in shown
    assert audited(scheduled)[-1].detail["outcome"] == outcome


def test_test_letters_are_throttled(ines: Administrator, scheduled: House, letters: KeptLetters) -> None:
    for _ in range(6):
        ines.post(f"{PAGE}/test", {"address": "me@example.com"}, seen=PAGE)
    ines.post(f"{PAGE}/test", {"address": "me@example.com"}, seen=PAGE, status=429)
    assert len(letters.taken) == 6


# -- governed, not reached ----------------------------------------------------------------------


def bounced(session: Session, house: House, name: str) -> None:
    member = session.exec(select(Member).where(Member.external_id == name)).one()
    delivery = session.exec(select(Delivery).where(Delivery.member_id == member.id)).one()
    session.add(
        DeliveryEvent(delivery_id=delivery.id or 0, event="bounce", happened_at=house.now, recorded_at=house.now)
    )


def test_who_is_governed_and_not_reached_is_listed_by_the_hosts_own_key(
    ines: Administrator, running: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web.admin import trials

    monkeypatch.setattr(trials, "LISTED", 2)
    page = "/admin/policies/privacy/unreached"
    assert "Nobody." in words(ines.get(page))
    running.publish(LONGER)
    for _ in range(3):
        move(running, hours=1)
        running.tick()
    with writing(running.runtime.engine) as session:
        for name in ("ada", "bob", "cem"):
            bounced(session, running, name)
    move(running, minutes=1)
    html = ines.get(page)
    assert "ada No. 2" in words(html) and "bounced" in words(html)
    assert re.search(r'href="/admin/members/\d+">ada</a>', html)
    assert "cem" not in words(html) and "@example.com" not in html.replace("privacy@plover.example", "")
    assert "cem No. 2" in words(ines.get(f"{page}?after=bob"))
    assert "Nobody behind here." in words(ines.get(f"{page}?after=zzz"))
    for odd in ("%00", LONG, "%FF", "'"):
        ines.get(f"{page}?after={odd}")
    ines.get("/admin/policies/nothing/unreached", 404)


# -- publishing ---------------------------------------------------------------------------------


def test_the_publish_form_says_the_arithmetic_before_it_is_confirmed(ines: Administrator, running: House) -> None:
    draft = start_draft(ines, running)
    fields = filled(
        draft, text=LONGER, summary="Kept longer.", rule="notice", notice_days="30", effective="2026-08-01"
    )
    said = words(ines.post(f"/admin/drafts/{draft.id}", {**fields, "deed": "work"}))
    assert "Letters 3 ÷ An hour, by quota 2 = To send them all 2 h" in said
    assert "= The last letter leaves 1 June 2026, 1" in said
    assert "+ Notice period 30 days = The notice period is over for everybody on" in said
    assert "1 August 2026 can be kept: everybody has had their notice by" in said
