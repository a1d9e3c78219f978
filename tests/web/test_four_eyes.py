"""Two persons: what one publisher asks for and another confirms, by every door."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session, col, select

import cli
from database import reading, writing
from errors import RequestAnswered
from notifier import keys, members
from notifier.models import Member
from policy_versions import archive, drafts, policies
from policy_versions.models import AuditEntry, Draft
from settings import Settings
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House
from tests.once import made_once
from tests.web import people
from tests.web.test_admin import token, words
from tests.web.test_signing_in import later, post
from web import accounts, four_eyes
from web.four_eyes import ReleaseRequest

FORM = {"revision_date": "", "effective": "", "rule": "notice", "notice_days": "30", "summary": "Kept longer."}


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    return url


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path, four_eyes=True, review_minutes=60)


@pytest.fixture
def app(house: House) -> Flask:
    return people.app_for(house)


@pytest.fixture
@made_once
def running(house: House) -> House:
    later(house, days=-1)
    house.policy()
    house.publish(FIRST)
    house.tick()
    later(house, days=1)
    house.member("ada")
    people.account(house, "ed", "editor")
    for name in ("ines", "joel"):
        people.account(house, name, "publisher")
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        source = archive.history(session, policy).entry(1).revision
        drafts.start(session, policy, source, actor="ed", now=house.now)
    return house


@pytest.fixture
def ines(app: Flask, running: House) -> FlaskClient:
    return people.sign_in(app, "ines")


@pytest.fixture
def joel(app: Flask, running: House) -> FlaskClient:
    return people.sign_in(app, "joel")


def texts(house: House) -> int:
    with reading(house.runtime.engine) as session:
        return len(archive.history(session, policies.policy(session, "privacy")).entries)


def requests(house: House) -> list[ReleaseRequest]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(ReleaseRequest).order_by(col(ReleaseRequest.id))))


def ask(client: FlaskClient, house: House, **others: str) -> Any:
    """Press Publish in the form, as it stands now."""
    with reading(house.runtime.engine) as session:
        version = drafts.by_id(session, 1).version
    fields = {**FORM, "text": LONGER, "version": str(version), "confirm": "1", **others}
    return post(client, "/admin/drafts/1/publish", seen="/admin/drafts/1", **fields)


def keep(client: FlaskClient, house: House, **others: str) -> Any:
    with reading(house.runtime.engine) as session:
        version = drafts.by_id(session, 1).version
    fields = {**FORM, "text": LONGER, "version": str(version), "deed": "keep", **others}
    return post(client, "/admin/drafts/1", **fields)


def answer(client: FlaskClient, deed: str, number: int = 1, **fields: str) -> Any:
    # the token is of the session: any page of theirs has it, also where the form is not shown to them
    csrf = token(client.get("/admin/account").text)
    return client.post(f"/admin/requests/{number}/{deed}", data={"csrf_token": csrf, **fields})


def test_publishing_is_asked_for_and_done_when_another_publisher_confirms(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    assert ask(ines, running).location == "/admin/requests/1"
    assert texts(running) == 1
    page = words(joel.get("/admin/requests/1").text)
    assert "from 12 months to 24 months" in page
    assert "Kept longer." in page
    assert answer(joel, "confirm", confirm="1").location == "/admin/policies/privacy"
    assert texts(running) == 2
    with reading(running.runtime.engine) as session:
        made = archive.history(session, policies.policy(session, "privacy")).entry(2).revision
        log = [(one.actor, one.action) for one in session.exec(select(AuditEntry))]
        assert session.exec(select(Draft)).all() == []
    assert (made.text, made.summary) == (LONGER, "Kept longer.")
    assert made.published_by == "ines, confirmed by joel"
    assert ("ines", "asked for") in log
    assert ("joel", "request confirmed") in log
    running.tick()
    assert running.notice().expected_audience == 1


def test_nobody_confirms_their_own(ines: FlaskClient, running: House) -> None:
    ask(ines, running)
    assert "/confirm" not in ines.get("/admin/requests/1").text
    refused = answer(ines, "confirm", confirm="1")
    assert (refused.status_code, "You asked for it yourself" in words(refused.text)) == (403, True)
    assert texts(running) == 1


def test_an_editor_answers_nothing(app: Flask, ines: FlaskClient, running: House) -> None:
    ask(ines, running)
    ed = people.sign_in(app, "ed")
    assert ed.get("/admin/requests/1").status_code == 200
    assert answer(ed, "confirm", confirm="1").status_code == 403
    assert texts(running) == 1


CHANGES = (
    {"text": LONGER + "\nMore.\n"},
    {"effective": "2026-12-01"},
    {"rule": "acceptance"},
    {"notice_days": "31"},
    {"summary": "Something else."},
    {"revision_date": "2026-06-02"},
)


def test_a_changed_draft_voids_the_request_and_the_same_again_does_not(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    ask(ines, running)
    for changed in CHANGES:
        assert keep(joel, running, **changed).status_code == 302
        assert "It holds no longer" in words(joel.get("/admin/requests/1").text), changed
        assert answer(joel, "confirm", confirm="1").status_code == 409, changed
    assert texts(running) == 1
    keep(joel, running)
    assert answer(joel, "confirm", confirm="1").status_code == 302
    assert texts(running) == 2


def test_another_text_published_meanwhile_voids_the_request(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    """What would change, and what would be decided, is no longer what either of them looked at."""
    ask(ines, running)
    running.publish(FIRST + "\nWe sell nothing.\n")
    assert "It holds no longer" in words(joel.get("/admin/requests/1").text)
    assert answer(joel, "confirm", confirm="1").status_code == 409
    assert texts(running) == 2


@pytest.mark.parametrize("deed", ["disabled", "demoted"])
def test_what_somebody_asked_for_who_publishes_no_more_is_void(
    ines: FlaskClient, joel: FlaskClient, running: House, deed: str
) -> None:
    ask(ines, running)
    people.account(running, "olga", "owner")
    with writing(running.runtime.engine) as session:
        found = accounts.named(session, "ines")
        if deed == "disabled":
            accounts.disable(session, found, actor="olga", now=running.now)
        else:
            accounts.set_roles(session, found, ["editor"], actor="olga", now=running.now)
    assert "It holds no longer" in words(joel.get("/admin/requests/1").text)
    assert answer(joel, "confirm", confirm="1").status_code == 409
    assert texts(running) == 1


def test_asking_for_something_else_voids_what_was_asked_before_and_the_same_twice_is_refused(
    ines: FlaskClient, running: House
) -> None:
    ask(ines, running)
    again = ask(ines, running)
    assert (again.status_code, "has asked for exactly that already" in words(again.text)) == (409, True)
    assert ask(ines, running, summary="Otherwise.").status_code == 302
    assert [one.answer for one in requests(running)] == ["void", ""]


def test_the_second_person_types_the_number_too(ines: FlaskClient, joel: FlaskClient, running: House) -> None:
    ask(ines, running)
    for typed in ("", "2", "one", "1 or so", "-1"):
        assert answer(joel, "confirm", confirm=typed).status_code == 422, typed
    assert (texts(running), requests(running)[0].answer) == (1, "")


def test_a_number_typed_where_nobody_would_be_told_any_more_publishes_nothing(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    ask(ines, running)
    with writing(running.runtime.engine) as session:
        members.erase(session, session.exec(select(Member)).one(), actor="olga", now=running.now)
    refused = answer(joel, "confirm", confirm="1")
    assert (refused.status_code, "nobody would be told" in words(refused.text)) == (422, True)
    assert texts(running) == 1


def test_a_request_is_declined_with_a_reason_or_taken_back(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    ask(ines, running)
    assert answer(joel, "decline", why=" ").status_code == 422
    assert answer(joel, "decline", why="Not on a Friday.").status_code == 302
    assert "Not on a Friday." in words(ines.get("/admin/requests/1").text)
    assert answer(joel, "confirm", confirm="1").status_code == 409
    ask(ines, running)
    assert answer(joel, "take-back", 2).status_code == 403
    assert answer(ines, "take-back", 2).status_code == 302
    assert [one.answer for one in requests(running)] == ["declined", "taken back"]
    assert texts(running) == 1


def test_of_two_answers_at_once_one_wins(ines: FlaskClient, joel: FlaskClient, running: House) -> None:
    ask(ines, running)
    with writing(running.runtime.engine) as session:
        seen = four_eyes.by_id(session, 1)  # unanswered, as far as this session knows
        session.connection().execute(text("UPDATE release_request SET answer = 'declined'"))
        with pytest.raises(RequestAnswered):
            four_eyes.confirm(session, seen.id or 0, actor="joel", now=running.now)


def test_without_a_second_publisher_nothing_can_be_asked_for(ines: FlaskClient, running: House) -> None:
    with writing(running.runtime.engine) as session:
        accounts.named(session, "joel").roles = "editor"
    refused = ask(ines, running)
    assert (refused.status_code, "no other account with that role" in words(refused.text)) == (409, True)


def test_a_request_that_is_not_there_is_not_found(joel: FlaskClient) -> None:
    for number in (9, 99999999999):
        assert joel.get(f"/admin/requests/{number}").status_code == 404
        assert answer(joel, "confirm", number).status_code == 404


# -- the other deeds ----------------------------------------------------------------------------


@pytest.fixture
@made_once
def noticed(running: House) -> House:
    """A notice that waits to be overruled."""
    running.publish(LONGER, effective_at=running.now + timedelta(days=40))
    running.tick()
    assert running.notice().state == "scheduled"
    return running


def test_sending_now_and_going_on_take_two_and_stopping_takes_one(
    ines: FlaskClient, joel: FlaskClient, noticed: House
) -> None:
    page = "/admin/notices/1"
    assert post(ines, f"{page}/pause", seen=page).location == page
    assert noticed.notice().state == "paused"
    assert post(ines, f"{page}/resume", seen=page).location == "/admin/requests/1"
    assert noticed.notice().state == "paused"
    assert "paused" in words(joel.get("/admin/requests/1").text)
    assert answer(joel, "confirm").location == page
    assert noticed.notice().state == "scheduled"
    post(joel, f"{page}/pause", seen=page)
    post(joel, f"{page}/resume", seen=page)
    post(ines, f"{page}/cancel", seen=page, reason="A slip.")
    void = answer(ines, "confirm", 2)
    assert (void.status_code, noticed.notice().state) == (409, "cancelled")


def test_sending_now_is_asked_for_and_a_time_is_put_off_but_not_brought_forward_alone(
    ines: FlaskClient, joel: FlaskClient, noticed: House
) -> None:
    page = "/admin/notices/1"
    sooner = post(ines, f"{page}/schedule", seen=page, due="2026-06-01T12:30")
    assert (sooner.status_code, "takes two publishers" in words(sooner.text)) == (409, True)
    assert post(ines, f"{page}/schedule", seen=page, due="2026-06-03T12:30").status_code == 302
    assert post(ines, f"{page}/send-now", seen=page).location == "/admin/requests/1"
    noticed.tick()
    assert noticed.notice().opened_at is None
    answer(joel, "confirm")
    noticed.tick()
    assert noticed.notice().opened_at is not None


def test_every_override_takes_two(ines: FlaskClient, joel: FlaskClient, noticed: House) -> None:
    later(noticed, minutes=1)
    page = "/admin/policies/privacy/2/decision"
    with reading(noticed.runtime.engine) as session:
        entry = archive.history(session, policies.policy(session, "privacy")).entry(2)
    assert entry.decision is not None
    given = {"verdict": "minor", "level": "", "summary": "", "reason": "Wording.", "reopening": ""}
    post(ines, page, decision=str(entry.decision.id), **given)
    with reading(noticed.runtime.engine) as session:
        assert archive.history(session, policies.policy(session, "privacy")).entry(2).verdict == "significant"
    post(joel, f"{page}/confirm", seen=page, proposal="1", reopening="")
    with reading(noticed.runtime.engine) as session:
        decided = archive.history(session, policies.policy(session, "privacy")).entry(2).decision
    assert decided is not None
    assert (decided.verdict, decided.decided_by, decided.confirmed_by) == ("minor", "ines", "joel")


def test_a_translation_is_published_by_two(ines: FlaskClient, joel: FlaskClient, running: House) -> None:
    page = "/admin/policies/privacy/1/translate"
    german = FIRST.replace("Privacy policy", "Datenschutz")
    asked = post(ines, page, locale="de", title="Datenschutz", text=german, deed="publish")
    assert asked.location == "/admin/requests/1"
    assert "Datenschutz" in words(joel.get("/admin/requests/1").text)
    assert answer(joel, "confirm").location == "/admin/policies/privacy/1/translations/de/1"


def test_a_correction_that_could_not_be_sent_is_not_asked_for(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    german = FIRST.replace("Privacy policy", "Datenschutz")
    post(ines, "/admin/policies/privacy/1/translate", locale="de", text=german, deed="publish")
    answer(joel, "confirm")
    page = "/admin/policies/privacy/1/translations/de"
    csrf = token(ines.get("/admin/account").text)
    for which, status in ((1, 409), (7, 404)):
        refused = ines.post(f"{page}/{which}/correct", data={"csrf_token": csrf, "confirm": "1"})
        assert (refused.status_code, len(requests(running))) == (status, 1)


def test_keys_and_the_command_line_publish_and_send_nothing_alone(
    app: Flask, noticed: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with writing(noticed.runtime.engine) as session:
        key = keys.create(session, "host", keys.SCOPES, actor="a test", now=noticed.now)
    program, head = app.test_client(), {"Authorization": f"Bearer {key}"}
    asked = {
        "/notices/1/send": {},
        "/notices/1/resume": {},
        "/policies/privacy/revisions": {"text": FIRST, "summary": "More."},
    }
    for number, (path, body) in enumerate(asked.items()):
        said = program.post(f"/api/v1{path}", json=body, headers={**head, "Idempotency-Key": f"key-{number}"})
        assert (said.status_code, "takes two persons" in said.text) == (403, True), (path, said.text)
    sooner = {"due_at": (noticed.now + timedelta(minutes=1)).isoformat()}
    said = program.post("/api/v1/notices/1/schedule", json=sooner, headers={**head, "Idempotency-Key": "key-9"})
    assert said.status_code == 409
    monkeypatch.setattr("settings.load", lambda **_: noticed.runtime.settings)
    from click.testing import CliRunner

    (tmp_path / "de.md").write_text("# Datenschutz\n")
    result = CliRunner().invoke(cli.main, ["translate", "privacy@1", "de", str(tmp_path / "de.md")])
    assert (result.exit_code, "takes two persons" in result.output) == (1, True)


# on SQLite one writes at a time
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_changes_what_was_compared_before_it_is_published(
    ines: FlaskClient, joel: FlaskClient, running: House
) -> None:
    engine = running.runtime.engine
    ask(ines, running)
    held: list[bool] = []

    def keeps(_: Session, *__: Any) -> None:
        """Somebody else, once what was asked for has been compared with the draft."""
        with Session(engine) as own:
            found = drafts.by_id(own, 1)
            given = replace(drafts.fields(found), text=LONGER + "\nMore.\n")
            own.execute(text("SET LOCAL lock_timeout = '50ms'"))
            try:
                drafts.save(own, 1, given, version=found.version, actor="ed", now=running.now)
                own.commit()
            except OperationalError:
                held.append(True)

    event.listen(Session, "after_flush", keeps, once=True)
    assert answer(joel, "confirm", confirm="1").status_code == 302
    with reading(engine) as session:
        made = archive.history(session, policies.policy(session, "privacy")).entry(2).revision
    assert (made.text, held) == (LONGER, [True])


# on SQLite one writes at a time
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_puts_a_notice_off_between_the_look_at_its_time_and_another_one(
    ines: FlaskClient, noticed: House
) -> None:
    engine, page = noticed.runtime.engine, "/admin/notices/1"
    held: list[bool] = []

    def puts_off(state: ORMExecuteState) -> None:
        """Somebody else, once its time was compared with the one that was typed."""
        if not state.is_update or held:
            return
        held.append(False)
        with engine.connect() as own:
            own.execute(text("SET LOCAL lock_timeout = '50ms'"))
            try:
                own.execute(text("UPDATE notice SET due_at = due_at + interval '1 day'"))
                own.commit()
            except OperationalError:
                held[0] = True

    csrf = token(ines.get(page).text)
    event.listen(Session, "do_orm_execute", puts_off)
    try:
        ines.post(f"{page}/schedule", data={"csrf_token": csrf, "due": "2026-06-01T14:30"})
    finally:
        event.remove(Session, "do_orm_execute", puts_off)
    assert (held, noticed.notice().due_at.hour) == ([True], 14)
