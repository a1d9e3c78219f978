"""The administration: strangers are refused everywhere; the publish form shows, refuses, and loses nothing."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, select

from database import reading, writing
from errors import Unprintable
from notifier.models import Notice
from policy_versions import archive, drafts, policies
from policy_versions.archive import History
from policy_versions.models import AuditEntry, Draft
from tests.house import FIRST, LONGER, TYPO, House
from tests.once import made_once
from web import accounts, passwords, roles
from web.accounts import Account

PASSWORD = "a password of the tests"


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


class Administrator:
    """A signed-in person with a browser that keeps cookies and sends each form's token.

    Where a test moves the clock by more than a session holds, they sign in again.
    """

    def __init__(self, client: FlaskClient, name: str = "ines") -> None:
        self.client, self.name = client, name
        self._given: dict[str, str] = {}  # what they signed in with

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, follow_redirects=True)
        if self._given and answer.request.path == "/admin/sign-in" != path:
            self.client.post("/admin/sign-in", data={"csrf_token": token(answer.text), **self._given})
            answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == status, (path, answer.status_code, words(answer.text)[:400])
        return answer.text

    def post(self, path: str, fields: dict[str, str] | None = None, *, status: int = 200, seen: str = "") -> str:
        """Fill a form that stands on the page `seen` (or the path itself), and follow where it leads."""
        page = self.get(seen or path)
        if path == "/admin/sign-in" and status == 200:
            self._given = fields or {}
        answer = self.client.post(path, data={"csrf_token": token(page), **(fields or {})}, follow_redirects=True)
        assert answer.status_code == status, (path, answer.status_code, words(answer.text)[:400])
        return answer.text


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Quickly made and quickly looked at; that of a real account is slow by design."""
    return passwords.hashed(PASSWORD)


@pytest.fixture
def admin(client: FlaskClient, house: House, password_hash: str) -> Administrator:
    with writing(house.runtime.engine) as session:
        session.add(Account(name="ines", password_hash=password_hash, roles=roles.ALL, created_at=house.now))
    signed_in = Administrator(client)
    signed_in.post("/admin/sign-in", {"name": "ines", "password": PASSWORD})
    return signed_in


@pytest.fixture
@made_once
def running(house: House) -> House:
    house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST)
    house.tick()
    house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("ada")
    house.member("bob")
    return house


def record(house: House) -> History:
    with reading(house.runtime.engine) as session:
        return archive.history(session, policies.policy(session, "privacy"))


def start_draft(admin: Administrator, house: House, source: str = "1") -> Draft:
    admin.post("/admin/policies/privacy/drafts", {"from": source}, seen="/admin/policies/privacy")
    with reading(house.runtime.engine) as session:
        return drafts.of_policy(session, policies.policy(session, "privacy"))[-1]


def filled(draft: Draft | None, **others: str) -> dict[str, str]:
    fields = {
        "text": LONGER,
        "revision_date": "",
        "effective": "",
        "rule": "notice",
        "notice_days": "30",
        "summary": "Payment records are kept for 24 months.",
        "version": str(draft.version if draft else 1),
    }
    return {**fields, **others}


# -- who gets in --------------------------------------------------------------------------------


def test_every_route_of_the_administration_refuses_strangers(app: Flask, client: FlaskClient) -> None:
    values = {
        **{"slug": "privacy", "number": 1, "draft_id": 1, "notice_id": 1, "delivery_id": 1},
        **{"locale": "de", "which": 1},
    }
    app.config["WTF_CSRF_ENABLED"] = False  # so that it is the sign-in that refuses
    routes = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]
    assert len(routes) > 12
    for rule in routes:
        if rule.endpoint in ("admin.sign_in", "admin.sign_out"):
            continue
        path = rule.rule
        for name in rule.arguments:
            path = re.sub(rf"<(\w+:)?{name}>", str(values[name]), path)
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            answer = client.open(path, method=method)
            assert answer.status_code == 302, (method, path)
            assert "/admin/sign-in" in answer.location, (method, path)


def test_every_form_that_posts_needs_its_token(admin: Administrator, running: House) -> None:
    for path in ("/admin/sign-out", "/admin/policies/new", "/admin/policies/privacy/drafts", "/admin/password"):
        assert admin.client.post(path).status_code == 400


def test_a_one_time_password_opens_only_its_own_change(client: FlaskClient, house: House) -> None:
    with writing(house.runtime.engine) as session:
        password = accounts.create(session, "new", now=house.now)
    person = Administrator(client)
    assert "Choose a password" in person.post("/admin/sign-in", {"name": "new", "password": password})
    assert "Choose a password" in person.get("/admin/audit")
    short = person.post("/admin/password", {"password": "short", "again": "short"}, status=422)
    assert "at least 12" in words(short)
    person.post("/admin/password", {"password": PASSWORD, "again": "another password"}, status=422)
    same = person.post("/admin/password", {"password": password, "again": password}, status=422)
    assert "whoever gave it to you knows it" in words(same)
    person.post("/admin/password", {"password": PASSWORD, "again": PASSWORD})
    assert "Audit log" in person.get("/admin/audit")
    with reading(house.runtime.engine) as session, pytest.raises(Exception, match="do not go together"):
        accounts.verify(session, "new", password)


@pytest.mark.parametrize(("name", "password"), [("ines", "wrong"), ("nobody", PASSWORD), ("", ""), ("ines", "")])
def test_a_wrong_name_or_password_says_the_same_sentence(
    admin: Administrator, app: Flask, name: str, password: str
) -> None:
    stranger = Administrator(app.test_client())
    html = stranger.post("/admin/sign-in", {"name": name, "password": password}, status=401)
    assert "That name and password do not go together." in words(html)


def test_guessing_is_slowed_down_and_shuts_nobody_else_out(admin: Administrator, app: Flask) -> None:
    guesser, owner = app.test_client(), app.test_client()
    wrong = {"name": "ines", "password": "wrong", "csrf_token": token(guesser.get("/admin/sign-in").text)}
    answers = [guesser.post("/admin/sign-in", data=wrong).status_code for _ in range(10)]
    assert answers[0] == 401
    assert answers[-1] == 429
    right = {"name": "ines", "password": PASSWORD, "csrf_token": token(owner.get("/admin/sign-in").text)}
    elsewhere = owner.post("/admin/sign-in", data=right, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 302


def test_a_changed_password_ends_every_other_session(admin: Administrator, app: Flask) -> None:
    elsewhere = Administrator(app.test_client())
    elsewhere.post("/admin/sign-in", {"name": "ines", "password": PASSWORD})
    admin.post("/admin/password", {"password": "another password", "again": "another password"})
    assert elsewhere.client.get("/admin/audit").status_code == 302
    assert admin.client.get("/admin/audit").status_code == 200


def test_signing_out_ends_the_session(admin: Administrator) -> None:
    admin.post("/admin/sign-out", seen="/admin")
    assert admin.client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://example.com/",
        "//example.com",
        "/\\example.com",
        "/privacy",
        "javascript:x",
        "//[x",
        "http://[",
        "/adminevil",
        "/admin\r\nX-Y: z",
        "/admin?x=\n",
        "/admin\t/x",
        "/admin/\0",
    ],
)
def test_the_sign_in_page_sends_nobody_elsewhere(admin: Administrator, app: Flask, target: str) -> None:
    person = Administrator(app.test_client())
    page = person.get("/admin/sign-in")
    answer = person.client.post(
        "/admin/sign-in",
        query_string={"next": target},
        data={"name": "ines", "password": PASSWORD, "csrf_token": token(page)},
    )
    assert answer.location.rstrip("/") == "/admin"


def test_pages_of_the_administration_are_never_kept(admin: Administrator, running: House) -> None:
    for path in ("/admin/", "/admin/policies/privacy", "/admin/audit"):
        assert admin.client.get(path).headers["Cache-Control"] == "no-store"


def test_the_session_cookie_is_for_this_site_only(admin: Administrator, app: Flask) -> None:
    answer = app.test_client().get("/admin/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_sign_in_page_leads_to_where_the_stranger_wanted_to_go(admin: Administrator, app: Flask) -> None:
    person = Administrator(app.test_client())
    asked = person.client.get("/admin/audit?page=2").location
    page = person.get(asked)
    fields = {"name": "ines", "password": PASSWORD, "csrf_token": token(page)}
    assert person.client.post(asked, data=fields).location == "/admin/audit?page=2"


@pytest.mark.parametrize("name", ["in\0es", "ines\x1b", "\0"])
def test_a_name_with_a_control_character_is_nobodys(admin: Administrator, app: Flask, name: str) -> None:
    stranger = Administrator(app.test_client())
    html = stranger.post("/admin/sign-in", {"name": name, "password": PASSWORD}, status=401)
    assert "do not go together" in words(html)


def test_no_account_is_made_with_a_control_character(house: House) -> None:
    with writing(house.runtime.engine) as session, pytest.raises(Unprintable):
        accounts.create(session, "in\0es", now=house.now)


@pytest.mark.parametrize("number", ["2147483648", "99999999999", "9" * 23, "9" * 5000])
def test_a_number_that_no_row_can_have_is_not_found(admin: Administrator, running: House, number: str) -> None:
    for path in ("notices/{}", "drafts/{}", "drafts/{}/preview", "outbox/{}", "outbox/{}/html",
                 "policies/privacy/{}/withdraw", "policies/privacy/{}/decision"):  # fmt: skip
        admin.get(f"/admin/{path.format(number)}", 404)


# -- making a policy ----------------------------------------------------------------------------


def test_a_policy_is_made_and_its_draft_follows(admin: Administrator, house: House) -> None:
    fields = {"slug": "cookies", "title": "Cookies", "lead": "", "time_zone": "UTC", "promise": "may notify"}
    assert "Publish Cookies, No. 1" in words(admin.post("/admin/policies/new", fields))


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"slug": "privacy"}, 409, "exists already"),
        ({"slug": "admin"}, 422, "needed by Gazette"),
        ({"slug": "No Good"}, 422, "cannot be an address"),
        ({"title": ""}, 422, "Give the policy a title"),
        ({"time_zone": "Mars"}, 422, "no time zone"),
        ({"promise": "cross my heart"}, 422, "promise is one of"),
        ({"part_of": "nothing"}, 404, "no policy at"),
        ({"title": "A\0B\x1bC"}, 422, "The title holds a control character"),
        ({"lead": "What we\x07 learn."}, 422, "The lead holds a control character"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_a_sentence(
    admin: Administrator, running: House, given: dict[str, str], status: int, says: str
) -> None:
    fields = {
        "slug": "cookies",
        "title": "Cookies",
        "lead": "",
        "time_zone": "UTC",
        "promise": "may notify",
        **given,
    }
    html = admin.post("/admin/policies/new", fields, status=status)
    assert says in words(html)


# -- the publish form ---------------------------------------------------------------------------


def test_the_form_shows_redline_decision_and_audience_before_anything_leaves(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    html = admin.post(f"/admin/drafts/{draft.id}", {**filled(draft), "deed": "work"})
    text = words(html)
    assert re.search(r"<ins>[^<]*(<[^>]*>[^<]*)*24", html)
    assert "Significant" in text
    assert "from 12 months to 24 months" in text
    assert len(record(running).entries) == 1


def test_publishing_asks_for_the_number_and_then_publishes_and_tells(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}/publish"
    html = admin.post(page, {**filled(draft), "confirm": "7"}, status=422)
    assert "2 is the number of members" in words(html)
    again = {**filled(draft, version=str(draft.version + 1)), "confirm": "2"}
    assert "No. 2 of Privacy policy is published" in words(admin.post(page, again))
    running.tick()
    with reading(running.runtime.engine) as session:
        notice = session.exec(select(Notice)).one()
        assert session.exec(select(Draft)).all() == []
    assert (notice.state, notice.expected_audience) == ("complete", 2)
    assert record(running).entry(2).revision.published_by == "ines"


def test_a_minor_revision_needs_no_number(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    admin.post(f"/admin/drafts/{draft.id}/publish", filled(draft, text=TYPO, rule="posting"))
    assert len(record(running).entries) == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": ""}, "The text is empty"),
        ({"text": FIRST}, "equal to revision 1"),
        ({"effective": "2026-06-01"}, "before now"),
        ({"effective": "1999-01-01"}, "before now"),
        ({"effective": "tomorrow"}, "is not a day"),
        ({"revision_date": "last week"}, "is not a date"),
        ({"summary": "  "}, "Say in a sentence or two"),
        ({"notice_days": "2"}, "at least 3 whole days"),
        ({"notice_days": "soon"}, "whole number of days"),
        ({"rule": "telepathy"}, "how it comes to apply"),
        ({"text": "> " * 30 + "deep"}, "nested more than"),
        ({"text": "x" * 1_000_001}, "is the most that is taken"),
        ({"text": "# Kept\0 words"}, "NUL characters"),
        ({"effective": "2027-01\0"}, "The effective holds a control character"),
    ],
)
def test_what_cannot_be_published_is_refused_with_a_sentence_and_nothing_typed_is_lost(
    admin: Administrator, running: House, given: dict[str, str], says: str
) -> None:
    draft = start_draft(admin, running)
    fields = {**filled(draft, **{"rule": "posting", **given}), "confirm": "2"}
    if "notice_days" in given:
        fields["rule"] = "notice"
    answer = admin.client.post(
        f"/admin/drafts/{draft.id}/publish",
        data={"csrf_token": token(admin.get(f"/admin/drafts/{draft.id}")), **fields},
        follow_redirects=True,
    )
    assert answer.status_code in (409, 422)
    assert says in words(answer.text)
    if given.get("summary", "x").strip():
        assert "Payment records are kept for 24 months." in unescape(answer.text)
    assert len(record(running).entries) == 1


def test_coming_into_force_before_an_earlier_one_is_refused(admin: Administrator, running: House) -> None:
    running.publish(TYPO, effective_at=running.now + timedelta(days=30))
    draft = start_draft(admin, running)
    fields = {**filled(draft, effective="2026-06-20"), "confirm": "2"}
    html = admin.post(f"/admin/drafts/{draft.id}/publish", fields, status=422)
    assert "before revision 2 does" in words(html)


def test_publishing_twice_publishes_once(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    fields = {**filled(draft), "confirm": "2"}
    page = admin.get(f"/admin/drafts/{draft.id}")
    answers = [
        admin.client.post(
            f"/admin/drafts/{draft.id}/publish", data={"csrf_token": token(page), **fields}
        ).status_code
        for _ in range(2)
    ]
    assert answers == [302, 404]
    assert len(record(running).entries) == 2


def test_typed_text_with_a_nul_stands_in_the_form_again(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    html = admin.post(
        f"/admin/drafts/{draft.id}", {**filled(draft, text="# My\0 long words"), "deed": "keep"}, status=422
    )
    assert "long words</textarea>" in html
    with reading(running.runtime.engine) as session:
        assert drafts.by_id(session, draft.id or 0).text == FIRST


@pytest.mark.parametrize("deed", ["", "/publish", "/test"])
def test_what_was_typed_into_a_draft_that_is_gone_is_given_back(
    admin: Administrator, running: House, deed: str
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    open_form = admin.get(page)
    admin.post(f"{page}/discard", seen=page)
    fields = filled(draft, text="# My <long> words", policy="privacy", controller="Another AB")
    answer = admin.client.post(f"{page}{deed}", data={"csrf_token": token(open_form), **fields})
    assert answer.status_code == 404
    assert "That draft is gone" in words(answer.text)
    assert "# My &lt;long&gt; words</textarea>" in answer.text
    assert "Payment records are kept for 24 months." in answer.text
    assert "/admin/policies/privacy/drafts/again" in answer.text
    assert '<input type="hidden" name="controller" value="Another AB">' in answer.text


@pytest.mark.parametrize("slug", ["", "nothing", "no\0ne"])
def test_what_was_typed_is_given_back_without_its_policy_too(
    admin: Administrator, running: House, slug: str
) -> None:
    fields = {**filled(None, text="# My words", notice_days="soon", policy=slug), "deed": "keep"}
    html = admin.post("/admin/drafts/99", fields, seen="/admin/policies/privacy", status=404)
    assert "# My words</textarea>" in html
    assert "Start a new draft" not in html


def test_a_new_draft_is_started_from_what_was_typed(admin: Administrator, running: House) -> None:
    again = "/admin/policies/privacy/drafts/again"
    typed = filled(None, text="# Mine\r\n\r\nWords.\r\n", effective="2027-01-01")
    bad = admin.post(again, {**typed, "notice_days": "soon"}, seen="/admin/policies/privacy", status=422)
    assert "Words.\r\n</textarea>" in bad
    assert "whole number of days" in words(bad)
    admin.post(again, typed, seen="/admin/policies/privacy")
    with reading(running.runtime.engine) as session:
        (made,) = drafts.of_policy(session, policies.policy(session, "privacy"))
    assert (made.text, made.effective, made.summary) == ("# Mine\n\nWords.\n", "2027-01-01", typed["summary"])


def test_a_withdrawals_reason_holds_no_control_character(admin: Administrator, running: House) -> None:
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    html = admin.post("/admin/policies/privacy/2/withdraw", {"reason": "Wrong\0 date"}, status=422)
    assert "The reason holds a control character" in words(html)
    assert record(running).entry(2).live


@pytest.mark.parametrize(
    ("zone", "given"),
    [
        ("Asia/Tokyo", {"effective": "0001-01-01"}),
        ("America/New_York", {"effective": "9999-12-31"}),
        ("Asia/Tokyo", {"revision_date": "0001-01-01"}),
        ("Asia/Tokyo", {"effective": "20270101x"}),
        ("UTC", {"rule": "telepathy"}),
        ("UTC", {"text": "> " * 30 + "deep"}),
        ("UTC", {"text": ""}),
    ],
)
def test_whatever_is_in_a_draft_its_form_opens_and_says_what_is_wrong(
    admin: Administrator, house: House, zone: str, given: dict[str, str]
) -> None:
    house.policy(time_zone=zone)
    with writing(house.runtime.engine) as session:
        made = drafts.start(session, policies.policy(session, "privacy"), None, actor="a test", now=house.now)
        made.summary = "A summary."
        for name, value in {"text": "# T\n\nWords.", "rule": "posting", **given}.items():
            setattr(made, name, value)
    assert "It cannot be published as it stands" in words(admin.get(f"/admin/drafts/{made.id}"))
    assert "That cannot be done as given" in words(admin.get(f"/admin/drafts/{made.id}/preview", 422))


def test_throwing_a_draft_away_stands_in_the_audit_log(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    admin.post(f"/admin/drafts/{draft.id}/discard", seen=f"/admin/drafts/{draft.id}")
    with reading(running.runtime.engine) as session:
        log = [
            (e.actor, e.action, e.detail) for e in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
        ][-2:]
    draft_of = {"draft": draft.id}
    assert log == [("ines", "draft started", draft_of), ("ines", "draft thrown away", draft_of)]
    assert "draft thrown away" in words(admin.get("/admin/audit"))


@pytest.mark.parametrize(
    "source",
    ["# A\r\n\r\nWords here.\r\n", "# A\n\nWords here.\n", "# A\r\n\nWords here.\n", "# A\r\rWords here.\r"],
    ids=["CRLF", "LF", "mixed", "CR"],
)
def test_a_draft_published_with_no_change_is_the_same_text_whatever_its_line_ends(
    admin: Administrator, house: House, source: str
) -> None:
    house.policy()
    house.publish(source, rule="posting")
    draft = start_draft(admin, house)
    sent = re.sub(r"\r\n|\r|\n", "\r\n", source)  # as browsers send it
    fields = filled(draft, text=sent, rule="posting")
    assert "equal to revision 1" in words(admin.post(f"/admin/drafts/{draft.id}/publish", fields, status=409))
    assert len(record(house).entries) == 1


def test_a_draft_keeps_the_line_ends_of_the_text_it_was_started_from(admin: Administrator, running: House) -> None:
    running.publish(FIRST.replace("\n", "\r\n"), rule="posting", effective_at=running.now)
    draft = start_draft(admin, running, source="2")
    typed = LONGER.replace("\n", "\r\n")
    admin.post(f"/admin/drafts/{draft.id}", {**filled(draft, text=typed), "deed": "keep"})
    with reading(running.runtime.engine) as session:
        assert drafts.by_id(session, draft.id or 0).text == typed


def test_a_draft_keeps_the_line_ends_it_was_typed_with(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    typed = LONGER.replace("\n", "\r\n")  # as browsers send it
    admin.post(f"/admin/drafts/{draft.id}/publish", {**filled(draft, text=typed), "confirm": "2"})
    assert record(running).entry(2).revision.text == LONGER


def test_a_draft_may_start_from_any_revision_and_be_thrown_away(admin: Administrator, running: House) -> None:
    running.publish(LONGER)
    draft = start_draft(admin, running, source="1")
    assert draft.text == FIRST
    admin.post(f"/admin/drafts/{draft.id}/discard", filled(draft), seen=f"/admin/drafts/{draft.id}")
    admin.get(f"/admin/drafts/{draft.id}", 404)


def test_the_preview_is_the_page_that_readers_will_see(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    admin.post(f"/admin/drafts/{draft.id}", {**filled(draft), "deed": "keep"})
    preview = admin.get(f"/admin/drafts/{draft.id}/preview")
    admin.post(
        f"/admin/drafts/{draft.id}/publish",
        {**filled(draft, version=str(draft.version + 1)), "confirm": "2"},
    )
    public = admin.get("/privacy")
    body = re.compile(r'<h2 id="what-we-collect">.*?24 months', re.DOTALL)
    public = re.sub(r'<p class="changed".*?</p>', "", public)  # what says that it is another text than before
    before, after = body.search(preview), body.search(public)
    assert before is not None
    assert after is not None
    assert before[0] == after[0]


def test_members_still_held_by_an_unmet_rule_are_counted(admin: Administrator, running: House) -> None:
    running.publish(LONGER, rule="acceptance")
    running.tick()
    draft = start_draft(admin, running, source="2")
    text = words(admin.get(f"/admin/drafts/{draft.id}"))
    assert re.search(r"\b2 members? (are|is)? ?still", text) or "2 members are held" in text, text[-1500:]


# -- afterwards ---------------------------------------------------------------------------------


def test_a_revision_to_come_is_withdrawn_with_a_reason(admin: Administrator, running: House) -> None:
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    page = "/admin/policies/privacy/2/withdraw"
    assert "2" in words(admin.get(page))
    admin.post(page, {"reason": " "}, status=422)
    assert "A correction goes to everybody" in words(admin.post(page, {"reason": "Wrong date"}))
    assert record(running).entry(2).live is False
    admin.post("/admin/policies/privacy/1/withdraw", {"reason": "no"}, status=409)


def test_notices_letters_and_the_audit_log_can_be_looked_at(admin: Administrator, running: House) -> None:
    running.publish(LONGER)
    running.tick()
    assert "Privacy policy" in words(admin.get("/admin/notices"))
    detail = words(admin.get("/admin/notices/1"))
    assert "ada" in detail
    assert "ada@example.com" not in detail
    assert "published" in words(admin.get("/admin/audit"))
    admin.get("/admin/notices/99", 404)
    admin.get("/admin/outbox")
    admin.get("/admin/outbox/99", 404)
    with reading(running.runtime.engine) as session:
        log = " ".join(f"{e.actor} {e.subject} {e.detail}" for e in session.exec(select(AuditEntry)))
    assert "@" not in log.replace("at the command line", "")


def test_a_paused_notice_needs_a_person_who_may_go_on_with_it(admin: Administrator, running: House) -> None:
    running.publish(LONGER, expected_audience=100)
    running.tick()
    assert "confirmed 100" in words(admin.get("/admin/"))
    admin.post("/admin/notices/1/resume", seen="/admin/notices/1")
    running.tick()
    assert running.notice().state == "complete"
    admin.post("/admin/notices/1/pause", seen="/admin/policies/privacy", status=409)


def test_a_silent_scheduler_is_warned_of(admin: Administrator, running: House) -> None:
    assert "No scheduler has ticked" in words(admin.get("/admin/"))
    running.tick()
    assert "No scheduler has ticked" not in words(admin.get("/admin/"))
