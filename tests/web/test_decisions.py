"""The decision's page, the form that overrules it, the second person, and the notice that waits meanwhile."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, select

from database import reading, writing
from notifier.models import Notice
from policy_versions import archive, policies, reopening, significance
from policy_versions.models import AuditEntry, DecisionRecord
from settings import Settings
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, TYPO, House
from tests.once import made_once
from tests.web.test_admin import PASSWORD, Administrator, filled, password_hash, start_draft, token, words
from web import accounts, roles
from web.accounts import Account
from web.admin import findings

__all__ = ["password_hash"]  # a fixture
PAGE = "/admin/policies/privacy/2/decision"
LONGER_TYPO = LONGER.replace("e-mail address.", "e-mail adress.")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path, review_minutes=60)


def account(house: House, app: Flask, name: str, password_hash: str) -> Administrator:
    with writing(house.runtime.engine) as session:
        session.add(Account(name=name, password_hash=password_hash, roles=roles.ALL, created_at=house.now))
    person = Administrator(app.test_client(), name)
    person.post("/admin/sign-in", {"name": name, "password": PASSWORD})
    return person


@pytest.fixture
def ines(house: House, app: Flask, password_hash: str) -> Administrator:
    return account(house, app, "ines", password_hash)


@pytest.fixture
@made_once
def running(house: House) -> House:
    """Two members, and No. 2 decided significant a minute ago; it is in force in 30 days."""
    house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST)
    house.tick()
    house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("ada")
    house.member("bob")
    house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    house.tick()
    house.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    return house


def standing(house: House, number: int = 2) -> DecisionRecord:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
    decision = record.entry(number).decision
    assert decision is not None
    return decision


def override(house: House, verdict: str = "minor", number: int = 2, **others: str) -> dict[str, str]:
    given = {"verdict": verdict, "level": "", "summary": "", "reason": "Only the wording changed."}
    return {**given, "decision": str(standing(house, number).id), "reopening": opening(house, number), **others}


def opening(house: House, number: int) -> str:
    """The re-opening that the page of a revision shows, as its form says it."""
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        found = reopening.reopened(session, record.entry(number))
        return str(found.id) if found else ""


def actions(house: House) -> list[tuple[str, str]]:
    with reading(house.runtime.engine) as session:
        return [(e.actor, e.action) for e in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


# -- the page -----------------------------------------------------------------------------------


def test_the_page_shows_what_was_found_and_on_what_it_rests(ines: Administrator, running: House) -> None:
    html = ines.get(PAGE)
    text = words(html)
    assert "Decision on Privacy policy, No. 2" in text
    assert "Significant" in text
    assert f"Level {standing(running).level} of 4" in text
    assert "The engine is" in text
    assert "from 12 months to 24 months" in text
    assert "section “How long we keep it”" in text.replace("Section", "section")
    assert significance.ENGINE in text
    assert 'href="/privacy/compare/1..2"' in html
    assert "Overrule this decision" in text
    assert "by the engine" in text


def test_the_first_text_cannot_be_overruled_and_the_page_says_so(ines: Administrator, running: House) -> None:
    page = "/admin/policies/privacy/1/decision"
    text = words(ines.get(page))
    assert "There is nothing it could change" in text
    assert "Overrule this decision" not in text
    html = ines.post(page, override(running, number=1), status=409)
    assert "changes nothing" in words(html)


def test_an_undecided_or_withdrawn_revision_has_its_page_too(ines: Administrator, running: House) -> None:
    running.publish(LONGER + "\nMore.\n", effective_at=running.now + timedelta(days=40))
    page = "/admin/policies/privacy/3/decision"
    assert "Not decided yet" in words(ines.get(page))
    ines.post(page, override(running), status=409)
    running.tick()
    ines.post("/admin/policies/privacy/3/withdraw", {"reason": "Wrong."})
    assert "Overrule this decision" not in ines.get(page)
    for number in ("9", "99999999999"):
        ines.get(f"/admin/policies/privacy/{number}/decision", 404)


def test_a_finding_of_an_earlier_engine_is_shown_all_the_same(ines: Administrator, running: House) -> None:
    old = {"category": "sharing", "section": "", "before": "", "after": "We sell.", "reason": "Sold.", "level": 3,
           "rule": "GDPR"}  # fmt: skip
    with writing(running.runtime.engine) as session:
        session.add(
            DecisionRecord(
                revision_id=standing(running).revision_id,
                verdict="significant",
                level=3,
                findings=[old],
                engine="significance-0",
                decided_by="engine",
                decided_at=running.now,
                recorded_at=running.now,
            )
        )
    text = words(ines.get(PAGE))
    assert "Sold." in text
    assert "significance-0" in text
    running.runtime.clock.instant += timedelta(hours=2)  # type: ignore[attr-defined]
    running.tick()
    assert running.notice().state == "complete"


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(1.0, "very sure, 100 %"), (0.999, "very sure, 99 %"), (0.9, "sure, 90 %"), (0.7, "fairly sure, 70 %"),
     (0.5, "unsure, 50 %"), (None, "")],
)  # fmt: skip
def test_confidence_is_told_in_words_and_never_more_than_it_is(confidence: float | None, said: str) -> None:
    assert findings.in_words(confidence) == said


def test_a_finding_shows_its_words_as_a_small_redline_and_its_direction_in_plain_words() -> None:
    found = {"before": "We keep it for 12 months.", "after": "We keep it for 24 months.", "direction": "wider"}
    view = findings._finding(found)
    assert [tuple(run) for run in view.runs] == [
        ("equal", "We keep it for"),
        ("delete", "12"),
        ("insert", "24"),
        ("equal", "months."),
    ]
    assert view.direction == "Wider for the company"
    other = findings._finding({"before": "a b c d", "after": "e f g h", "direction": "narrower"})
    assert [tuple(run) for run in other.runs] == [("delete", "a b c d"), ("insert", "e f g h")]
    assert other.direction == "Better for members"
    assert findings._finding({"before": "", "after": "x" * 5000}).runs[0].text.endswith("…")


def test_what_a_policy_says_is_text_wherever_a_finding_shows_it(ines: Administrator, running: House) -> None:
    evil = '<script>alert("1")</script>'
    finding = dict.fromkeys(("category", "section", "before", "after", "reason", "rule", "direction"), evil)
    with writing(running.runtime.engine) as session:
        session.add(
            DecisionRecord(
                revision_id=standing(running).revision_id,
                verdict="significant",
                level=3,
                findings=[finding | {"level": 3, "after": "Kept " + evil}],
                summary=evil,
                reason=evil,
                decided_by=evil,
                decided_at=running.now,
                recorded_at=running.now,
            )
        )
    running.publish(f"{LONGER}\n## {evil}\n\nWe sell your data to {evil}.\n", summary=evil,
                    effective_at=running.now + timedelta(days=40))  # fmt: skip
    running.tick()
    for path in (PAGE, PAGE.replace("2", "3"), "/admin/", "/admin/policies/privacy", "/admin/notices/1"):
        assert "<script>alert" not in ines.get(path), path
    assert "&lt;script&gt;" in ines.get(PAGE)


# -- deciding again -----------------------------------------------------------------------------


def test_a_person_overrules_and_the_page_keeps_both(ines: Administrator, running: House) -> None:
    html = ines.post(PAGE, override(running))
    text = words(html)
    assert "No. 2 is decided minor" in text
    assert "“Only the wording changed.”" in text
    assert "by ines, alone" in text or standing(running).alone is None
    assert "by the engine" in text
    assert "from 12 months to 24 months" in text
    assert "a person must go on or cancel" in words(ines.get("/admin/"))
    assert "Decision on No. 2 by ines" in words(ines.get("/admin/policies/privacy"))


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"reason": " "}, 422, "Say why you decide so"),
        ({"reason": "x" * 501}, 422, "longer than 500 characters"),
        ({"reason": "a\0b"}, 422, "The reason holds a control character"),
        ({"verdict": ""}, 422, "Choose a verdict"),
        ({"level": "3"}, 422, "from 0 to 1"),
        ({"level": "9" * 30}, 422, "from 0 to 1"),
        ({"decision": "7777777"}, 409, "Somebody else decided this"),
        ({"decision": "soon"}, 409, "Somebody else decided this"),
        ({"verdict": "significant", "summary": ""}, 409, "nothing to overrule"),
    ],
)
def test_what_cannot_be_decided_is_said_and_nothing_typed_is_lost(
    ines: Administrator, running: House, given: dict[str, str], status: int, says: str
) -> None:
    fields = {**override(running, summary="In my own <words>."), **given}
    html = ines.post(PAGE, fields, status=status)
    assert says in words(html)
    if "summary" not in given:
        assert "In my own &lt;words&gt;." in html
    assert standing(running).decided_by == "engine"


def test_of_two_people_the_second_is_refused_and_stays_so(
    ines: Administrator, running: House, app: Flask, password_hash: str
) -> None:
    joel = account(running, app, "joel", password_hash)
    fields = override(running, "significant", summary="Mine.", reason="Mine is better.")
    ines.post(PAGE, override(running, "significant", summary="In short: longer."))
    html = joel.post(PAGE, fields, status=409)
    assert "Somebody else decided this" in words(html)
    assert f'name="decision" value="{fields["decision"]}"' in html
    joel.post(PAGE, fields, status=409)
    assert standing(running).summary == "In short: longer."


# -- the time to overrule -----------------------------------------------------------------------


def test_every_page_says_until_when_it_may_be_overruled(ines: Administrator, running: House) -> None:
    for path in ("/admin/", "/admin/policies/privacy", PAGE, "/admin/notices/1"):
        html = ines.get(path)
        assert "Letters leave at 15:00 CEST unless this is overruled" in words(html), path
        assert "/admin/policies/privacy/2/decision" in html
        assert ("/admin/notices/1/send-now" in html) == (path != "/admin/"), "there it is reviewed"
    running.runtime.clock.instant -= timedelta(hours=15)  # type: ignore[attr-defined]
    assert "Letters leave on 1 June 2026, 15:00 CEST" in words(ines.get(PAGE))


def test_send_now_is_a_button_once(ines: Administrator, running: House) -> None:
    html = ines.post("/admin/notices/1/send-now", seen=PAGE)
    assert "The notice is due now" in words(html)
    assert "send-now" not in html
    running.tick()
    assert running.notice().state == "complete"
    assert ("ines", "notice sent at once") in actions(running)
    ines.post("/admin/notices/1/send-now", seen=PAGE, status=409)


def test_a_notice_paused_by_a_decision_is_cancelled_or_goes_on(ines: Administrator, running: House) -> None:
    ines.post("/admin/notices/1/cancel", seen=PAGE, status=409)
    ines.post(PAGE, override(running))
    page = ines.get("/admin/notices/1")
    assert "Go on" in words(page)
    assert "Cancel it" in words(page)
    assert "The notice is cancelled" in words(ines.post("/admin/notices/1/cancel", seen="/admin/notices/1"))
    assert "Nothing of it has left" in words(ines.get("/admin/notices/1"))
    ines.post("/admin/notices/1/cancel", seen="/admin/notices/1", status=409)
    assert ("ines", "notice cancelled") in actions(running)
    for path in ("/admin/notices/99/cancel", "/admin/notices/99/send-now"):
        ines.post(path, seen=PAGE, status=404)


def test_the_notice_page_says_who_did_what_and_when(ines: Administrator, running: House) -> None:
    def press(button: str) -> None:
        running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
        ines.post(f"/admin/notices/1/{button}", seen="/admin/notices/1")

    press("pause")
    press("resume")
    running.tick()
    running.publish(LONGER.replace("24 months", "36 months"), effective_at=running.now + timedelta(days=40))
    running.tick()
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post("/admin/notices/2/send-now", seen="/admin/notices/2")
    ines.post("/admin/policies/privacy/3/decision", override(running, number=3))
    ines.post("/admin/notices/2/cancel", seen="/admin/notices/2")
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post("/admin/policies/privacy/3/decision", override(running, "significant", number=3))
    told = words(ines.get("/admin/notices/1")).split("What happened")[1]
    assert "1 June 2026, 14:00 CEST Scheduled by the decision." in told
    assert "1 June 2026, 14:02 CEST Paused by ines." in told
    assert "1 June 2026, 14:03 CEST ines went on with it." in told
    assert "1 June 2026, 14:03 CEST Opened; 2 to be told. 1 June 2026, 14:03 CEST Complete." in told
    assert "Cancelled" not in told
    told = words(ines.get("/admin/notices/2")).split("What happened")[1]
    deeds = ("ines ended the wait: sent at once.", "Paused by a decision of ines.", "Cancelled by ines.")
    assert [told.index(deed) for deed in deeds] == sorted(told.index(deed) for deed in deeds)
    assert "Scheduled again by a decision of ines." in told


# -- the second person --------------------------------------------------------------------------


@pytest.fixture
def joel(running: House, app: Flask, password_hash: str) -> Administrator:
    return account(running, app, "joel", password_hash)


def propose(ines: Administrator, running: House) -> str:
    """Decide level 4, and propose to lower it a minute later: the page that says so."""
    ines.post(PAGE, override(running, "significant", level="4", summary="Much longer."))
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    return ines.post(PAGE, override(running))


def test_level_4_waits_for_a_second_person(ines: Administrator, joel: Administrator, running: House) -> None:
    assert "your proposal waits" in words(propose(ines, running))
    assert "Take it back" in words(ines.get(PAGE))
    assert "Confirm it" not in words(ines.get(PAGE))
    assert "ines proposes to decide Privacy policy, No. 2, minor" in words(joel.get("/admin/"))
    ines.post(f"{PAGE}/confirm", {"proposal": "1"}, seen=PAGE, status=403)
    joel.post(f"{PAGE}/confirm", {"proposal": "9"}, seen=PAGE, status=404)
    joel.post(f"{PAGE}/confirm", {"proposal": ""}, seen=PAGE, status=404)
    assert standing(running).level == 4
    assert "Confirmed: No. 2 is decided minor" in words(joel.post(f"{PAGE}/confirm", {"proposal": "1"}, seen=PAGE))
    assert "by ines, confirmed by joel" in words(joel.get(PAGE))
    joel.post(f"{PAGE}/reject", {"proposal": "1"}, seen=PAGE, status=409)


def test_what_somebody_proposed_who_publishes_no_more_is_not_confirmed(
    ines: Administrator, joel: Administrator, running: House
) -> None:
    propose(ines, running)
    with writing(running.runtime.engine) as session:
        accounts.set_roles(session, accounts.named(session, "ines"), ["editor"], actor="joel", now=running.now)
    refused = words(joel.post(f"{PAGE}/confirm", {"proposal": "1"}, seen=PAGE, status=409))
    assert "ines, who proposed it, publishes no more" in refused
    assert standing(running).level == 4
    joel.post(f"{PAGE}/reject", {"proposal": "1"}, seen=PAGE)


def test_a_proposal_is_rejected_by_its_button(ines: Administrator, joel: Administrator, running: House) -> None:
    propose(ines, running)
    assert "Reject it" in words(joel.get(PAGE))
    assert "The proposal is rejected" in words(joel.post(f"{PAGE}/reject", {"proposal": "1"}, seen=PAGE))
    assert "proposes" not in words(joel.get("/admin/"))


def test_proposals_that_became_no_decision_stay_in_the_history(
    ines: Administrator, running: House, app: Flask, password_hash: str
) -> None:
    joel = account(running, app, "joel", password_hash)
    ines.post(PAGE, override(running, "significant", level="4", summary="Much longer."))

    def propose(reason: str) -> None:
        running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
        ines.post(PAGE, override(running, reason=reason))

    propose("It is a <b>joke</b>.")
    assert "minor, level 1. “It is a <b>joke</b>.” It waits for a second person." in words(ines.get(PAGE))
    joel.post(f"{PAGE}/reject", {"proposal": "1"}, seen=PAGE)
    propose("Only the wording.")
    ines.post(f"{PAGE}/reject", {"proposal": "2"}, seen=PAGE)
    propose("Once more.")
    joel.post(PAGE, override(running, "significant", summary="Longer."))
    text = words(joel.get(PAGE))
    assert "“It is a <b>joke</b>.” Rejected by joel on 1 June 2026, 14:02 CEST." in text
    assert "“Only the wording.” Taken back on 1 June 2026, 14:03 CEST." in text
    assert "“Once more.” It no longer holds: the revision was decided anew before anybody answered." in text
    assert "Every decision 3" in text
    assert "Overruled 2 times" in text
    propose("At last.")
    joel.post(f"{PAGE}/confirm", {"proposal": "4"}, seen=PAGE)
    text = words(joel.get(PAGE))
    assert "by ines, confirmed by joel. “At last.”" in text
    assert "minor, level 1. “At last.”" not in text


def test_with_one_account_the_record_says_alone(ines: Administrator, running: House) -> None:
    ines.post(PAGE, override(running, "significant", level="4", summary="Much longer."))
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert "you are the only one" in words(ines.get(PAGE))
    ines.post(PAGE, override(running))
    assert standing(running).alone
    assert "alone: there was no second account" in words(ines.get(PAGE))


# -- what is re-opened --------------------------------------------------------------------------


def test_a_reopened_decision_is_shown_and_confirmed(ines: Administrator, running: House) -> None:
    running.publish(LONGER_TYPO, effective_at=running.now + timedelta(days=40))
    running.tick()
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post(PAGE, override(running))
    overview = words(ines.get("/admin/"))
    assert "Privacy policy, No. 3, stands as minor. An earlier text was decided otherwise" in overview
    page = "/admin/policies/privacy/3/decision"
    text = words(ines.get(page))
    assert "Open again: the engine would now say significant" in text
    assert "No. 2 was decided minor by ines" in text
    assert "Confirm or change this decision" in text
    assert "Its decision is open again" in words(ines.get("/admin/policies/privacy"))
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post(page, override(running, number=3, reason="It stays so."))
    assert "Open again" not in words(ines.get(page))
    assert "Re-opened" not in words(ines.get("/admin/"))


def test_a_form_opened_before_it_was_reopened_is_refused_and_stays_so(ines: Administrator, running: House) -> None:
    running.publish(LONGER_TYPO, effective_at=running.now + timedelta(days=40))
    running.tick()
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    page = "/admin/policies/privacy/3/decision"
    stale = override(running, number=3, summary="In other words.")
    ines.post(PAGE, override(running))
    assert 'name="reopening" value="1"' in ines.get(page)
    html = ines.post(page, stale, status=409)
    assert "an earlier one that bears on it" in words(html)
    assert 'name="reopening" value=""' in html
    ines.post(page, stale, status=409)
    assert "Open again" in words(ines.get(page))


def test_a_notice_stopped_for_another_reason_is_shown_beside_the_reopened_decision(
    ines: Administrator, running: House
) -> None:
    running.publish(LONGER.replace("24 months", "36 months"), effective_at=running.now + timedelta(days=40))
    running.tick()
    running.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post("/admin/notices/2/pause", seen="/admin/notices/2")
    ines.post(PAGE, override(running))
    text = words(ines.get("/admin/"))
    assert "Privacy policy, No. 3, stands as significant. An earlier text was decided otherwise" in text
    assert "The notice of Privacy policy, No. 3, is paused. Paused by ines." in text


# -- the publish form, and what readers see -----------------------------------------------------


def test_the_publish_form_shows_how_sure_the_engine_is_and_how_long_it_can_be_overruled(
    ines: Administrator, running: House
) -> None:
    draft = start_draft(ines, running)
    draft.text = LONGER.replace("24 months", "36 months")
    page = f"/admin/drafts/{draft.id}"
    html = ines.post(page, {**filled(draft, summary="", text=draft.text), "deed": "work"})
    assert "The engine is" in words(html)
    assert "60 minutes after the decision, unless it is overruled by then" in words(html)


def test_readers_see_the_publishers_summary_else_the_decisions(
    ines: Administrator, house: House, client: FlaskClient, tmp_path: Path
) -> None:
    from policy_versions import folders, histories

    (tmp_path / "in" / "privacy").mkdir(parents=True)
    for date, text in (("2024-01-01", FIRST), ("2024-02-01", LONGER)):
        (tmp_path / "in" / "privacy" / f"{date}.md").write_text(text)
    (history,) = folders.read(tmp_path / "in")
    with writing(house.runtime.engine) as session:
        planned = histories.plan(session, history, now=house.now)
        histories.carry_out(session, planned, actor="a test", now=house.now)
    for path in ("/privacy", "/privacy/2", "/privacy/history", "/privacy/compare/1..2"):
        assert standing(house).summary in words(client.get(path).text), path
    house.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post(PAGE, override(house, "significant", summary="Records are kept twice as long."))
    for path in ("/privacy", "/privacy/2", "/privacy/history", "/privacy/compare/1..2"):
        assert "Records are kept twice as long." in words(client.get(path).text), path
    assert "Records are kept" not in words(client.get("/privacy/compare/2..1").text)
    house.publish(TYPO, summary="In the publisher's words.")
    house.tick()
    house.runtime.clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    ines.post(
        "/admin/policies/privacy/3/decision", override(house, "significant", 3, summary="In a person's words.")
    )
    text = words(client.get("/privacy").text)
    assert "In the publisher's words." in text.replace("’", "'")
    assert "In a person's words." not in text


def test_nobody_decides_without_the_forms_token(ines: Administrator, running: House) -> None:
    for path in (
        PAGE,
        f"{PAGE}/confirm",
        f"{PAGE}/reject",
        "/admin/notices/1/send-now",
        "/admin/notices/1/cancel",
    ):
        assert ines.client.post(path, data=override(running)).status_code == 400, path
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Notice)).one().state == "scheduled"
    assert token(ines.get(PAGE))
