"""Translations on the pages: what readers find, what a publisher sees, what nobody can make run."""

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from database import reading, writing
from notifier.models import Notice
from policy_versions import archive, policies, translations
from policy_versions.models import AuditEntry, Translation
from policy_versions.translations import Given
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.once import made_once
from tests.policy_versions.test_translations import GERMAN, LONGER_GERMAN, translate
from tests.web.test_admin import Administrator, admin, password_hash, token
from tests.web.test_public import get, words

__all__ = ["admin", "password_hash"]  # fixtures
Later = Callable[..., datetime]
ARABIC = "# الخصوصية\n\n- نجمع اسمك\n\n| أ | ب |\n| - | - |\n| ١ | ٢ |\n"
HOSTILE = """# <script>alert(1)</script>

<img src=x onerror=alert(2)> [x](javascript:alert(3)) ![y](data:text/html,z) "><svg onload=alert(4)>
"""


@pytest.fixture
@made_once
def published(house: House, later: Later) -> House:
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST, revision_date="2026-05")
    house.tick()
    later(days=1)
    house.member("ada", locale="de")
    house.member("bea", locale="de-AT")
    house.member("cy")
    house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    translate(house, GERMAN, number=2)
    house.tick()
    return house


@pytest.fixture
@made_once
def corrected(published: House) -> House:
    translate(published, Given("de", LONGER_GERMAN, "Datenschutzerklärung"), number=2)
    published.tick()
    return published


# -- readers ------------------------------------------------------------------------------------


def test_a_translation_has_its_page_and_says_which_text_prevails(client: FlaskClient, corrected: House) -> None:
    html = get(client, "/privacy/2/de")
    assert "24 Monate" in html
    assert '<article class="prose" lang="de" dir="ltr">' in html
    said = words(html)
    assert "This is a translation. The text in English prevails" in said
    assert "Datenschutzerklärung" in said
    assert 'href="/privacy/2"' in html


def test_every_translation_has_an_address_for_good(client: FlaskClient, corrected: House) -> None:
    assert get(client, "/privacy/2/de.md") == LONGER_GERMAN
    assert get(client, "/privacy/2/de/1.md") == GERMAN
    old = words(get(client, "/privacy/2/de/1"))
    assert "This translation was replaced" in old
    assert "12 Monate" in old
    assert "This translation was replaced" not in words(get(client, "/privacy/2/de/2"))


def test_a_text_lists_the_languages_it_can_be_read_in(client: FlaskClient, corrected: House, later: Later) -> None:
    for path in ("/privacy/2", "/privacy/2/de"):
        html = get(client, path)
        assert re.search(r'hreflang="de"[^>]*>Deutsch|<span aria-current="page" lang="de" dir="ltr">Deutsch', html)
        assert re.search(r'hreflang="en"[^>]*>English|<span aria-current="page" lang="en" dir="ltr">English', html)
        assert '<link rel="alternate" hreflang="de" href="/privacy/2/de">' in html
    assert "Languages" not in get(client, "/privacy/1"), "only one"
    assert "/privacy/2/de" not in get(client, "/privacy"), "not of the text in force"
    later(days=40)
    assert 'href="/privacy/2/de"' in get(client, "/privacy")


@pytest.mark.parametrize(
    ("path", "status", "to"),
    [
        ("/privacy/2/DE", 301, "/privacy/2/de"),
        ("/privacy/2/De/1", 301, "/privacy/2/de/1"),
        ("/privacy/2/en", 302, "/privacy/2"),
        ("/privacy/2/EN", 302, "/privacy/2"),
    ],
)
def test_another_spelling_leads_to_the_one_address(
    client: FlaskClient, corrected: House, path: str, status: int, to: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.location) == (status, to)


@pytest.mark.parametrize(
    "path",
    ["/privacy/2/fr", "/privacy/1/de", "/privacy/9/de", "/nothing/2/de", "/privacy/2/de/0", "/privacy/2/de/3",
     "/privacy/2/de/99999999999", "/privacy/2/de/x", "/privacy/2/%00", "/privacy/%00/de", "/privacy/2/de/%00",
     "/privacy/2/fr.md", "/privacy/2/de/9.md", "/privacy/2/de/compare/1..9", "/privacy/2/de/compare/1",
     "/privacy/2/de/compare/..", "/privacy/2/de/compare/-1..2", "/privacy/2/de/compare/1..99999999999999",
     "/privacy/2/fr/compare/1..2", "/privacy/2/de/compare/%00..1", "/privacy/2/..%2Fadmin", "/privacy/2/de-AT",
     "/privacy/2/" + "a" * 3000],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(client: FlaskClient, corrected: House, path: str) -> None:
    html = get(client, path, 404)
    assert "<h1" in html
    assert "Traceback" not in html


def test_two_translations_can_be_compared(client: FlaskClient, corrected: House) -> None:
    html = get(client, "/privacy/2/de/compare/1..2")
    assert re.search(r"<del>[^<]*(<[^>]*>[^<]*)*12", html)
    assert re.search(r"<ins>[^<]*(<[^>]*>[^<]*)*24", html)
    assert '<div lang="de" dir="ltr">' in html
    assert "Only the translation differs" in words(html)
    assert "They read alike" in words(get(client, "/privacy/2/de/compare/1..1"))
    assert "/privacy/2/de/compare/1..2" in get(client, "/privacy/2/de")


def test_a_text_from_right_to_left_is_marked_so(client: FlaskClient, published: House) -> None:
    translate(published, ARABIC, number=2, locale="ar")
    html = get(client, "/privacy/2/ar")
    assert '<article class="prose" lang="ar" dir="rtl">' in html
    assert '<html lang="en">' in html, "the page around it is English"


def test_a_title_nobody_translated_is_marked_as_in_the_policys_own_language(
    client: FlaskClient, published: House
) -> None:
    translate(published, ARABIC, number=2, locale="ar")
    assert '<span lang="en" dir="ltr">Privacy policy</span>' in get(client, "/privacy/2/ar")
    translate(published, Given("ar", ARABIC, "الخصوصية"), number=2)
    assert '<span lang="ar" dir="rtl">الخصوصية</span>' in get(client, "/privacy/2/ar")


def test_sections_of_a_translation_are_marked_as_in_its_language(client: FlaskClient, corrected: House) -> None:
    html = get(client, "/privacy/2/de/compare/1..2")
    assert re.search(r'<a href="#[^"]*" lang="de" dir="ltr">Wie lange wir es behalten</a>', html)


def test_a_translation_of_the_first_text_to_come_speaks_of_no_text_before_it(
    client: FlaskClient, house: House
) -> None:
    house.policy()
    house.publish(FIRST, effective_at=house.now + timedelta(days=9))
    translate(house, GERMAN)
    said = words(get(client, "/privacy/1/de"))
    assert "Until that day no text of this policy is in force." in said
    assert "the text before it" not in said
    assert "in force today" not in said


def test_what_a_translation_holds_is_shown_and_never_run(client: FlaskClient, published: House) -> None:
    translate(published, Given("fr", HOSTILE, "<script>alert(5)</script>"), number=2)
    translate(published, Given("fr", HOSTILE + "\n<script>alert(6)</script>\n", '"><b onclick=x>'), number=2)
    for path in ("/privacy/2/fr", "/privacy/2/fr/1", "/privacy/2/fr/compare/1..2", "/privacy/2"):
        html = get(client, path)
        html = re.sub(r'<script type="application/ld\+json">.*?</script>', "", html)  # data, which nothing runs
        assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|<img|<svg onload|<b onclick", html), path
        assert not re.search(r'href="(javascript|data):', html)
    assert "&lt;script&gt;alert(1)" in get(client, "/privacy/2/fr")


PATHS = ["/privacy/2/de", "/privacy/2/de/1", "/privacy/2/de.md", "/privacy/2/de/compare/1..2"]


@pytest.mark.parametrize("path", PATHS)
def test_it_is_served_as_every_other_page(client: FlaskClient, corrected: House, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert first.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Set-Cookie" not in first.headers
    assert client.post(path).status_code in (400, 405)


def test_a_translation_of_an_earlier_or_a_withdrawn_text_says_so(
    client: FlaskClient, published: House, later: Later
) -> None:
    translate(published, GERMAN)
    with writing(published.runtime.engine) as session:
        of = policies.lock(session, "privacy")
        archive.withdraw(session, of, 2, reason="A mistake.", actor="a test", now=published.now)
    assert "The text was withdrawn" in words(get(client, "/privacy/2/de"))
    published.publish(LONGER)
    later(days=1)
    assert "It translates an earlier text" in words(get(client, "/privacy/1/de"))


# -- publishing ---------------------------------------------------------------------------------

FORM = "/admin/policies/privacy/2/translate"


def of_revision(house: House) -> list[Translation]:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        return list(translations.of_revision(session, record.entry(2).revision))


def test_what_would_follow_is_shown_before_anything_is_public(admin: Administrator, published: House) -> None:
    html = admin.post(FORM, {"locale": "de", "text": LONGER_GERMAN, "deed": "work"})
    said = words(html)
    assert "Significant" in said
    assert "Against translation 1 into German" in said
    assert "2 members told of No. 2 in this language can be sent a correction" in said
    assert re.search(r"<ins>[^<]*(<[^>]*>[^<]*)*24", html)
    assert len(of_revision(published)) == 1
    first = words(admin.post(FORM, {"locale": "fr", "text": GERMAN, "deed": "work"}))
    assert "First translation" in first


def test_a_translation_is_published_and_its_page_follows(admin: Administrator, published: House) -> None:
    form = admin.get(f"{FORM}?locale=de")
    assert "12 Monate" in form, "it begins with what stands"
    fields = {"locale": "de", "text": LONGER_GERMAN, "deed": "publish", "seen_locale": "de", "seen": "1"}
    said = words(admin.post(FORM, fields))
    assert "Translation 2 of No. 2 into German is published." in said
    assert "Not decided yet" in said
    published.tick()
    page = words(admin.get("/admin/policies/privacy/2/translations/de/2"))
    assert "Significant" in page
    assert "German, translation 2" in words(admin.get("/admin/policies/privacy"))


def test_line_ends_of_a_browser_change_nothing(admin: Administrator, published: House) -> None:
    fields = {
        "locale": "de",
        "text": LONGER_GERMAN.replace("\n", "\r\n"),
        "deed": "publish",
        "seen_locale": "de",
        "seen": "1",
    }
    admin.post(FORM, fields)
    assert of_revision(published)[-1].text == LONGER_GERMAN
    again = {**fields, "seen": "2"}
    assert "equal to translation 2" in words(admin.post(FORM, again, status=409))


def test_a_file_takes_the_place_of_what_was_typed(admin: Administrator, published: House) -> None:
    data = {"csrf_token": token(admin.get(FORM)), "locale": "fr", "text": "typed", "deed": "publish"}
    crlf = GERMAN.replace("\n", "\r\n").encode()
    answer = admin.client.post(FORM, data={**data, "file": (io.BytesIO(crlf), "fr.md")})
    assert answer.status_code == 302
    assert of_revision(published)[-1].text.encode() == crlf, "byte for byte"
    refused = admin.client.post(FORM, data={**data, "locale": "it", "file": (io.BytesIO(b"\xff\xfe"), "x.md")})
    assert refused.status_code == 422
    assert "not UTF-8" in words(refused.text)


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"locale": "en", "text": GERMAN}, 422, "own locale"),
        ({"locale": "", "text": GERMAN}, 422, "is no locale"),
        ({"locale": "d\0e", "text": GERMAN}, 422, "is no locale"),
        ({"locale": "<b>", "text": GERMAN}, 422, "is no locale"),
        ({"locale": "fr", "text": ""}, 422, "text is empty"),
        ({"locale": "fr", "text": "a\0b"}, 422, "NUL"),
        ({"locale": "fr", "text": GERMAN, "title": "x" * 300}, 422, "title is longer"),
        ({"locale": "fr", "text": GERMAN, "title": "a\0"}, 422, "control character"),
        ({"locale": "de", "text": GERMAN, "seen_locale": "de", "seen": "1"}, 409, "nothing to publish"),
        ({"locale": "de", "text": LONGER_GERMAN}, 409, "you have not looked at"),
        (
            {"locale": "de", "text": LONGER_GERMAN, "seen_locale": "de", "seen": "9" * 30},
            409,
            "have not looked at",
        ),
        ({"locale": "de", "text": LONGER_GERMAN, "seen_locale": "fr", "seen": "1"}, 409, "have not looked at"),
    ],
)
def test_what_cannot_be_published_is_refused_and_nothing_typed_is_lost(
    admin: Administrator, published: House, fields: dict[str, str], status: int, sentence: str
) -> None:
    html = admin.post(FORM, {**fields, "deed": "publish"}, status=status)
    assert sentence in words(html)
    assert fields["text"].split("\n", maxsplit=1)[0] in html
    assert len(of_revision(published)) == 1
    assert "<script" not in html
    worked = admin.post(FORM, {**fields, "deed": "work"})
    assert "<h1" in worked


def test_whoever_was_refused_for_what_they_had_not_seen_sees_it_then(
    admin: Administrator, published: House
) -> None:
    html = admin.post(FORM, {"locale": "de", "text": LONGER_GERMAN, "deed": "publish"}, status=409)
    assert 'name="seen" value="1"' in html
    assert re.search(r"<ins>[^<]*(<[^>]*>[^<]*)*24", html)


def test_a_withdrawn_revision_offers_no_translating(admin: Administrator, published: House) -> None:
    with writing(published.runtime.engine) as session:
        of = policies.lock(session, "privacy")
        archive.withdraw(session, of, 2, reason="A mistake.", actor="a test", now=published.now)
    assert FORM not in admin.get("/admin/policies/privacy")
    assert "was withdrawn" in words(
        admin.post(FORM, {"locale": "fr", "text": GERMAN, "deed": "publish"}, status=409)
    )


# -- a correction -------------------------------------------------------------------------------

PAGE = "/admin/policies/privacy/2/translations/de/2"


def test_those_told_are_listed_by_key_and_never_by_address(admin: Administrator, corrected: House) -> None:
    html = admin.get(PAGE)
    said = words(html)
    assert "Told in this language 2" in said
    assert "ada" in said
    assert "bea" in said
    assert "@example.com" not in html
    assert ">cy<" not in html


def test_a_correction_is_sent_once_its_number_is_typed(
    admin: Administrator, corrected: House, letters: KeptLetters
) -> None:
    letters.taken.clear()
    assert "Type 2 to send" in words(admin.post(f"{PAGE}/correct", {"confirm": "3"}, status=422, seen=PAGE))
    assert "Type 2 to send" in words(admin.post(f"{PAGE}/correct", {}, status=422, seen=PAGE))
    said = words(admin.post(f"{PAGE}/correct", {"confirm": "2"}, seen=PAGE))
    assert "Correction to the translation of Privacy policy, No. 2" in said
    assert "Its translation into German was corrected" in said
    corrected.tick()
    assert letters.addresses == ["ada@example.com", "bea@example.com"]
    assert "A correction was made" in words(admin.get(PAGE))
    assert "made already" in words(admin.post(f"{PAGE}/correct", {"confirm": "2"}, status=409, seen=PAGE))
    with reading(corrected.runtime.engine) as session:
        log = session.exec(select(AuditEntry.action, AuditEntry.actor)).all()
        assert len(session.exec(select(Notice).where(Notice.kind == "correction")).all()) == 1
    assert ("correction of a translation scheduled", "ines") in log


def test_what_is_not_significant_has_no_button(admin: Administrator, corrected: House) -> None:
    first = PAGE.replace("/2/translations/de/2", "/2/translations/de/1")
    html = admin.get(first)
    assert "Send them a correction" not in html
    assert "It was replaced" in words(html)
    assert "stands as first" in words(admin.post(f"{first}/correct", {"confirm": "2"}, status=409, seen=PAGE))


def test_a_translation_that_cannot_be_decided_is_shown_to_a_person(
    admin: Administrator, published: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(translations, "judge", broken)
    translate(published, LONGER_GERMAN, number=2)
    published.tick()
    said = words(admin.get("/admin"))
    assert "translation 2 into German could not be decided: RuntimeError: no luck" in said


def test_the_corrections_letter_of_a_hostile_translation_runs_nothing(
    admin: Administrator, published: House, letters: KeptLetters
) -> None:
    translate(published, Given("de", HOSTILE, "<script>alert(5)</script>"), number=2)
    published.tick()
    letters.taken.clear()
    html = admin.post(f"{PAGE}/correct", {"confirm": "2"}, seen=PAGE)
    published.tick()
    for page in (html, admin.get(PAGE), letters.read("ada@example.com")[2]):
        ours = r"<script(?! src=./static/progress.js)"
        assert not re.search(ours + r"|<img|<svg onload|href=\"(javascript|data):", page)


def test_strangers_see_nothing_and_send_nothing(app: Flask, corrected: House) -> None:
    client = app.test_client()
    for path in (FORM, PAGE):
        assert "/admin/sign-in" in client.get(path).location
    app.config["WTF_CSRF_ENABLED"] = False
    for path in (FORM, f"{PAGE}/correct"):
        assert "/admin/sign-in" in client.post(path, data={"confirm": "2"}).location
    assert len(of_revision(corrected)) == 2


@pytest.mark.parametrize(
    "path",
    ["policies/privacy/9/translate", "policies/nothing/1/translate", "policies/privacy/99999999999/translate",
     "policies/privacy/2/translations/fr/1", "policies/privacy/2/translations/de/0",
     "policies/privacy/2/translations/%00/1", "policies/privacy/2/translations/de/99999999999"],
)  # fmt: skip
def test_what_is_not_there_is_not_found_in_the_administration(
    admin: Administrator, corrected: House, path: str
) -> None:
    admin.get(f"/admin/{path}", 404)
    assert admin.client.post(f"/admin/{path}").status_code in (400, 404, 405)
