"""The publish form between people and over time: what is kept, what clashes, what is proposed, what is sent."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from database import reading
from notifier.models import Delivery, Notice
from policy_versions import drafts, earlier_drafts, policies
from policy_versions.models import AuditEntry, Draft
from tests.house import FIRST, LONGER, TYPO, House
from tests.web import people
from tests.web.test_admin import (
    PASSWORD,
    Administrator,
    admin,
    filled,
    password_hash,
    record,
    running,
    start_draft,
    token,
    words,
)

__all__ = ["admin", "password_hash", "running"]  # fixtures

JSON = {"Accept": "application/json"}


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    return url


def kept(house: House, draft: Draft) -> Draft:
    with reading(house.runtime.engine) as session:
        return drafts.by_id(session, draft.id or 0)


def field(html: str, name: str) -> str:
    """What stands in a field of the form."""
    area = re.search(rf'<textarea[^>]*name="{name}"[^>]*>\n(.*?)</textarea>', html, re.DOTALL)
    one = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', html)
    found = area or one
    assert found is not None, name
    return unescape(found[1])


@pytest.fixture
def joel(app: Flask, running: House) -> Administrator:
    """Somebody else, in a browser of their own."""
    people.account(running, "joel")
    return Administrator(people.sign_in(app, "joel"), "joel")


def test_who_only_writes_sees_neither_members_nor_a_button_to_publish(
    app: Flask, admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    people.account(running, "eve", "editor")
    editor = Administrator(people.sign_in(app, "eve"), "eve")
    html = editor.post(page, {**filled(draft), "member": "ada", "deed": "letter"})
    assert "Publishing takes the role of a publisher." in words(html)
    assert not re.search(r'name="(member|address|confirm)"|/publish"|/test"', html)
    assert "As members get it who know No. 1" in words(html), "nobody is looked up"
    assert kept(running, draft).saved_by == "eve"


# -- two people ---------------------------------------------------------------------------------


def test_a_save_over_a_newer_version_is_refused_with_both_texts_and_a_redline_between_them(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    joel.post(page, {**filled(draft, text=LONGER, summary="Joel’s."), "deed": "keep"})
    mine = LONGER.replace("24 months", "18 months")
    html = admin.post(page, {**filled(draft, text=mine, summary="Ines’s.", rule="posting")}, status=409)
    assert "joel kept another text while you had this one open" in words(html)
    assert field(html, "text") == mine
    assert LONGER in unescape(html), "theirs stands on the page too, whole"
    between = html.split("redline-box")[1]
    assert re.search(r"deleted: </span>24</del>.*inserted: </span>18</ins>", between.replace("\n", ""))
    assert re.search(r"Summary Joel’s. Ines’s.", words(html))
    assert re.search(r"How it comes to apply notice posting", words(html))
    assert (kept(running, draft).text, kept(running, draft).saved_by) == (LONGER, "joel")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), "two redlines on a page have names of their own"


def test_nobody_throws_away_what_they_have_not_seen(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    joel.post(page, {**filled(draft, text=LONGER), "deed": "keep"})
    html = admin.post(f"{page}/discard", filled(draft, text=FIRST), seen=page, status=409)
    assert "joel kept another text while you had this one open" in words(html)
    assert kept(running, draft).text == LONGER
    admin.post(f"{page}/discard", filled(draft, version="2"), seen=page)
    admin.get(page, 404)


def test_keeping_mine_in_its_place_sets_theirs_aside_to_be_put_back(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    joel.post(page, filled(draft, text=TYPO))
    html = admin.post(page, filled(draft, text=LONGER), status=409)
    theirs = field(html, "theirs")
    assert theirs == str(draft.version + 1)
    joel.post(page, filled(draft, text=TYPO + "\nMore.\n", version=theirs))
    answer = {**filled(draft, text=LONGER), "deed": "mine", "theirs": theirs}
    html = admin.post(page, answer, status=409)  # they have kept yet another one, which nobody has seen
    answer["theirs"] = field(html, "theirs")
    admin.post(page, answer)
    assert kept(running, draft).text == LONGER
    earlier = f"{page}/earlier"
    (version,) = set(re.findall(r"earlier\?version=(\d+)", admin.get(earlier)))
    assert "More." in admin.get(f"{earlier}?version={version}")
    put = {"earlier": version, "version": str(kept(running, draft).version)}
    admin.post(earlier, put)
    assert kept(running, draft).text == TYPO + "\nMore.\n"
    with reading(running.runtime.engine) as session:
        aside = earlier_drafts.of_draft(session, draft.id or 0)
    assert [one.text for one in aside] == [LONGER, TYPO + "\nMore.\n"]


def test_what_is_refused_before_it_is_kept_overwrites_nobody_the_next_time(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    joel.post(page, filled(draft, text=TYPO))
    html = admin.post(page, filled(draft, notice_days="soon"), status=422)
    admin.post(page, filled(draft, version=field(html, "version")), status=409)
    assert kept(running, draft).text == TYPO


def test_a_save_that_changes_nothing_is_no_conflict_and_no_version(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    for _ in range(2):  # the answer to the first was lost
        admin.post(page, filled(draft))
    assert kept(running, draft).version == draft.version + 1


def test_whoever_else_has_the_draft_open_is_named(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    assert "open too" not in words(admin.get(page))
    clock = running.runtime.clock
    clock.instant += timedelta(minutes=2)  # type: ignore[attr-defined]
    assert "ines has this draft open too ines opened it 2 minutes ago" in words(joel.get(page))
    assert "joel opened it just now" in words(admin.get(page))
    clock.instant += timedelta(minutes=20)  # type: ignore[attr-defined]
    assert "joel" not in words(admin.get(page))
    joel.get(page)
    said = admin.client.get(f"{page}/others").get_json()
    assert (said["version"], "joel" in said["html"]) == (draft.version, True)


# -- kept while somebody types ------------------------------------------------------------------


def test_the_script_keeps_what_is_typed_and_is_told_what_stands_in_its_way(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    sent = {"csrf_token": token(admin.get(page)), **filled(draft)}
    answer = admin.client.post(page, data=sent, headers=JSON)
    assert answer.get_json() == {"version": 2, "at": "14:00", "full": "1 June 2026, 14:00 CEST"}
    bad = admin.client.post(page, data={**sent, "version": "2", "notice_days": "soon"}, headers=JSON)
    assert (bad.status_code, bad.get_json()["changed"]) == (422, False)
    joel.post(page, filled(draft, version="2", text=TYPO))
    old = admin.client.post(page, data={**sent, "version": "2", "text": "# Mine\n"}, headers=JSON)
    assert (old.status_code, old.get_json()["changed"]) == (409, True)
    joel.post(f"{page}/discard", seen=page)
    assert admin.client.post(page, data=sent, headers=JSON).status_code == 404


def test_an_earlier_text_that_is_not_kept_is_not_found(admin: Administrator, running: House) -> None:
    page = f"/admin/drafts/{start_draft(admin, running).id}"
    assert "Nothing was set aside yet." in words(admin.get(f"{page}/earlier"))
    admin.get(f"{page}/earlier?version=99", 404)
    admin.post(f"{page}/earlier", {"earlier": "99", "version": "8"}, status=404)


def test_a_file_takes_the_place_of_the_text_and_is_published_by_nobody_unread(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"

    def sent(content: bytes, deed: str = "/publish") -> str:
        form = {"csrf_token": token(admin.get(page)), **filled(draft, version=str(kept(running, draft).version))}
        data = {**form, "confirm": "2", "file": (io.BytesIO(content), "next.md")}
        return admin.client.post(f"{page}{deed}", data=data, follow_redirects=True).text

    html = sent(b"\xef\xbb\xbf" + LONGER.encode())
    assert "The text of the file stands in the form" in words(html)
    assert (field(html, "text"), len(record(running).entries)) == (LONGER, 1)
    assert "is not UTF-8" in words(sent(b"\xff\xfe\x00x"))
    assert "NUL" in words(sent(b"# A\0", ""))
    assert kept(running, draft).text == LONGER


# -- signed out in the middle -------------------------------------------------------------------


def test_what_was_typed_survives_being_signed_out(app: Flask, admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    typed = filled(draft, text="# My <long> words\r\n", summary="Mine.", proposed="a\nb")
    stale = token(admin.get(page))
    admin.post("/admin/sign-out", seen="/admin")
    answer = admin.client.post(f"{page}/publish", data={"csrf_token": stale, **typed})
    assert answer.status_code == 401
    assert "What you typed is not lost" in words(answer.text)
    assert field(answer.text, "text") == "# My <long> words\r\n"
    carried = {name: field(answer.text, name) for name in ("text", "summary", "version", "rule", "proposed")}
    again = {"csrf_token": token(answer.text), **carried, "notice_days": "30"}
    admin.post("/admin/sign-in", {"name": "ines", "password": PASSWORD})
    html = admin.client.post(page, data=again, follow_redirects=True).text
    assert field(html, "text").replace("\r\n", "\n") == "# My <long> words\n"
    if "kept nowhere yet" in words(html):
        assert kept(running, draft).text == FIRST
    admin.client.post(page, data={**again, "csrf_token": token(html)})
    assert kept(running, draft).text == "# My <long> words\n"


def test_another_site_has_nobody_sign_in_to_what_it_wrote(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    for status in (400, 400):
        foreign = {"Sec-Fetch-Site": "cross-site"}
        answer = admin.client.post(page, data=filled(draft, text="Theirs"), headers=foreign)
        assert (answer.status_code, "Theirs" in answer.text) == (status, False)
        admin.client.post("/admin/sign-out", data={"csrf_token": token(admin.client.get("/admin/sign-in").text)})


def test_the_script_is_told_that_it_was_signed_out_and_how_to_go_on(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    old = admin.client.post(page, data={"csrf_token": "old", **filled(draft)}, headers=JSON)
    assert old.status_code == 401
    sent = {"csrf_token": old.get_json()["token"], **filled(draft)}
    assert admin.client.post(page, data=sent, headers=JSON).get_json()["version"] == 2
    admin.post("/admin/sign-out", seen="/admin")
    assert admin.client.post(page, data=sent, headers=JSON).get_json()["signed_out"] is True


# -- the summary --------------------------------------------------------------------------------


def test_a_proposed_summary_follows_the_findings_until_somebody_edits_it(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"

    def worked(version: int, text: str, **given: str) -> str:
        return admin.post(page, filled(draft, text=text, version=str(version), **given))

    html = worked(1, LONGER, summary="")
    proposed = field(html, "summary")
    assert "24 months" in proposed
    html = worked(2, LONGER.replace("24", "36"), summary=proposed.replace("\n", "\r\n"), proposed=proposed)
    assert "36 months" in field(html, "summary")
    assert kept(running, draft).summary == ""
    html = worked(3, LONGER, summary="My own words.", proposed=field(html, "summary"))
    assert field(html, "summary") == "My own words."
    html = admin.post(page, {**filled(draft, summary="My own words.", version="4"), "deed": "summary"})
    assert "24 months" in field(html, "summary")
    with reading(running.runtime.engine) as session:
        assert earlier_drafts.of_draft(session, draft.id or 0)[0].summary == "My own words."


def test_what_stands_in_the_summary_is_what_is_published(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    html = admin.post(page, filled(draft, summary=""))
    proposed = field(html, "summary")
    fields = filled(draft, summary=proposed, proposed=proposed, version="2", confirm="3", shown="2")
    html = admin.post(f"{page}/publish", fields, status=422)
    assert (field(html, "summary"), kept(running, draft).summary) == (proposed, "")
    admin.post(f"{page}/publish", {**fields, "confirm": "2"})
    assert record(running).entry(2).revision.summary == proposed


# -- the number, and the date -------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["1,002", "1.002", "1 002", "1’002", "1\u202f002", " 1002 "])
def test_the_number_may_be_typed_as_people_write_it(typed: str, app: Flask) -> None:
    from web.admin.typed import number

    with app.test_request_context("/", method="POST", data={"confirm": typed}):
        assert number(1002) == 1002


def test_a_number_that_changed_meanwhile_is_told(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    html = admin.post(page, filled(draft))
    assert field(html, "shown") == "2"
    running.member("cem")
    fields = filled(draft, version="2", shown="2", confirm="2")
    html = admin.post(f"{page}/publish", fields, status=422)
    assert "has changed since the page was worked out: it was 2. Type 3 to publish." in words(html)
    assert field(html, "shown") == "3"
    minor = filled(draft, version="2", text=TYPO, rule="posting", shown="2", confirm="2")
    assert "nobody would be told" in words(admin.post(f"{page}/publish", minor, status=422))
    assert len(record(running).entries) == 1


def test_a_date_that_cannot_be_kept_is_said_and_the_first_that_can_is_taken(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    html = admin.post(page, filled(draft, effective="2026-06-10"))
    assert "10 June 2026 is too soon for the notice period of 30 days: all 2 letters name a later day" in words(
        html
    )
    assert "Take 2 July 2026 instead" in words(html)
    html = admin.post(page, {**filled(draft, effective="2026-06-10", version="2"), "deed": "earliest"})
    assert field(html, "effective") == "2026-07-02"
    assert "2 July 2026 can be kept: everybody has had their notice by 2 July 2026." in words(html)


# -- the letter ---------------------------------------------------------------------------------


def test_the_letter_of_any_member_is_shown_alone_in_text_and_html(admin: Administrator, running: House) -> None:
    running.member("guarded", guardian_email="guardian@example.com")
    running.member("paper", email="")
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    html = admin.post(page, {**filled(draft), "member": "guarded", "deed": "letter"})
    assert "Their guardian gets it, in English: they know No. 1." in words(html)
    assert "24 months" in html.split("letter__text")[1]
    assert "@example.com" not in html
    (frame,) = re.findall(r'class="letter__frame" src="([^"]+)"', html)
    alone = admin.client.get(unescape(frame))
    assert "24" in alone.text and "applies_from" not in alone.text
    assert "style-src 'unsafe-inline'" in alone.headers["Content-Security-Policy"]
    assert "sandbox" in alone.headers["Content-Security-Policy"]
    assert "'unsafe" not in admin.client.get(page).headers["Content-Security-Policy"]
    assert "No letter goes to this member." in words(admin.get(f"{page}?member=paper"))
    assert "There is no such member" in words(admin.get(f"{page}?member=no-one"))
    admin.get(f"{page}/letter?member=paper", 404)
    admin.get(f"{page}/letter?member=no-one", 404)
    admin.get(f"{page}/letter?member=%00")
    assert "As members get it who know No. 1, in English." in words(admin.get(page))


def test_the_letter_shown_is_the_letter_that_leaves(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    admin.post(page, filled(draft))
    shown = admin.client.get(f"{page}/letter?member=ada").text
    admin.post(f"{page}/publish", filled(draft, version="2", confirm="2"))
    running.tick()
    _, _, left = running.runtime.sender.read("ada@example.com")  # type: ignore[attr-defined]
    link, chain = re.compile(r"/m/[\w-]+"), re.compile(r"\b[0-9a-f]{4} [0-9a-f]{4} … [0-9a-f]{4}\b|[0-9a-f]{64}")
    assert chain.sub("", link.sub("/m/", shown)) == chain.sub("", link.sub("/m/", left))


def test_a_test_letter_really_leaves_marked_and_counts_for_nobody(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    html = admin.post(f"{page}/test", filled(draft, address="nonsense", member="ada"), status=422)
    assert field(html, "address") == "nonsense"
    fields = filled(draft, version="2", address="ines@example.com", member="ada")
    html = admin.post(f"{page}/test", fields)
    assert "The test letter was accepted." in words(html)
    assert field(html, "address") == "ines@example.com"
    for number in range(2, 8):
        status = 200 if number < 6 else 429
        html = admin.post(
            f"{page}/test", {**fields, "summary": f"{number}.", "version": str(number)}, status=status
        )
    assert "tried too often" in words(html) and field(html, "summary") == "7.", "nothing typed is lost"
    subject, text, body = running.runtime.sender.read("ines@example.com")  # type: ignore[attr-defined]
    assert subject.startswith("[Test] ") and "This is a test" in text and "24" in body
    assert "/m/test" in body
    with reading(running.runtime.engine) as session:
        assert session.exec(select(Delivery)).all() == []
        assert session.exec(select(Notice)).all() == []
        entry = _last(session)
    assert (entry.actor, entry.action) == ("ines", "test letter sent")
    assert entry.detail == {
        "draft": draft.id,
        "base": 1,
        "locale": "en",
        "audience": "member",
        "outcome": "accepted",
    }


def _last(session: Session) -> AuditEntry:
    return session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).one()


def test_the_parts_alone_are_the_same_page_with_a_count_a_minute_old_at_most(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    admin.post(page, filled(draft))
    running.member("cem")
    clock = running.runtime.clock
    assert "Publish and tell 2 members" in words(admin.get(f"{page}/parts"))
    assert "Publish and tell 3 members" in words(admin.get(page))
    running.member("dan")
    clock.instant += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert "Publish and tell 4 members" in words(admin.get(f"{page}/parts"))


def test_a_draft_goes_with_all_that_was_set_aside_of_it(
    admin: Administrator, joel: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    joel.post(page, filled(draft, text=TYPO))
    admin.post(page, filled(draft, version="2"))
    admin.post(f"{page}/publish", filled(draft, version="3", confirm="2"))
    with reading(running.runtime.engine) as session:
        assert session.exec(select(earlier_drafts.EarlierDraft)).all() == []
        assert drafts.of_policy(session, policies.policy(session, "privacy")) == []


# -- what could get in between ------------------------------------------------------------------


def test_a_token_that_does_not_hold_opens_the_form_to_nobody_who_may_not_write(
    app: Flask, admin: Administrator, running: House
) -> None:
    people.account(running, "olga", "owner")
    olga = people.sign_in(app, "olga")
    draft = start_draft(admin, running)
    for path in ("", "/publish", "/test"):
        answer = olga.post(f"/admin/drafts/{draft.id}{path}", data={"csrf_token": "old", **filled(draft)})
        assert (answer.status_code, 'name="text"' in answer.text) == (403, False), path


def test_what_somebody_else_keeps_as_publish_is_pressed_is_not_published(
    admin: Administrator, running: House
) -> None:
    draft, engine = start_draft(admin, running), running.runtime.engine

    def keeps(_: Session) -> None:
        """Somebody else, as soon as the publisher's own words are kept."""
        with Session(engine.execution_options(writing=True)) as own:
            found = own.get(Draft, draft.id)
            if found is None or found.version != 2:
                return
            given = replace(drafts.fields(found), text=LONGER + "\nAll of it is ours.\n")
            drafts.save(own, found.id or 0, given, version=2, actor="ed", now=running.now)
            own.commit()

    event.listen(Session, "after_commit", keeps)
    try:
        html = admin.post(f"/admin/drafts/{draft.id}/publish", filled(draft, confirm="2"), status=409)
    finally:
        event.remove(Session, "after_commit", keeps)
    assert "All of it is ours." in words(html)
    assert len(record(running).entries) == 1


def test_a_text_published_meanwhile_is_looked_at_before_the_draft_is_published(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    follows = field(admin.get(page), "follows")
    running.publish(FIRST + "\nWe sell nothing.\n")
    fields = filled(draft, confirm="2", follows=follows)
    html = admin.post(f"{page}/publish", fields, status=409)
    assert "Another text of this policy was published or withdrawn" in words(html)
    assert "Against No. 2" in words(html)
    assert len(record(running).entries) == 2
    admin.post(f"{page}/publish", {**fields, "version": "2", "follows": field(html, "follows")})
    assert record(running).entry(3).revision.text == LONGER


# on SQLite one writes at a time
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_draft_is_locked_before_the_log_as_by_whoever_throws_it_away(
    admin: Administrator, running: House
) -> None:
    """The other way round, the two would wait for each other until the database ended one of them."""
    draft, engine = start_draft(admin, running), running.runtime.engine
    held: list[bool] = []

    def looks(session: Session, _context: object) -> None:
        if not any(isinstance(one, AuditEntry) and one.action == "published" for one in session.new):
            return
        with engine.connect() as own:
            try:
                own.execute(text(f"SELECT 1 FROM draft WHERE id = {draft.id} FOR UPDATE NOWAIT"))
            except OperationalError:
                held.append(True)

    event.listen(Session, "after_flush", looks)
    try:
        admin.post(f"/admin/drafts/{draft.id}/publish", filled(draft, confirm="2"))
    finally:
        event.remove(Session, "after_flush", looks)
    assert (held, len(record(running).entries)) == ([True], 2)
