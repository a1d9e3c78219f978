"""Members in the administration: found without a trace, drawn as their timeline says, erased only when typed."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from database import reading, writing
from notifier import acknowledging, members, merging, suppressions
from notifier.models import Attempt, Delivery, GuardianChange, Member, RenderedLetter
from notifier.revocations import LinkRevocation
from policy_versions import dates
from policy_versions.models import AuditEntry, Policy, Revision
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.once import made_once
from tests.web.test_admin import Administrator, admin, password_hash, running, token, words

__all__ = ["admin", "password_hash", "running"]  # fixtures
LIST = "/admin/members"


def page(house: House, name: str) -> str:
    with reading(house.runtime.engine) as session:
        return f"{LIST}/{members.by_external_id(session, name).id}"


def actions(house: House) -> list[str]:
    with Session(house.runtime.engine) as session:
        return [each.action for each in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


@pytest.fixture
@made_once
def told(running: House, letters: KeptLetters) -> House:
    """Ada and Bob were told of No. 2, which waits for its period; Ada said that she has read it."""
    running.publish(LONGER, rule="notice", notice_days=10, effective_at=running.now + timedelta(days=5))
    for _ in range(4):
        running.runtime.clock.instant += timedelta(hours=1)  # type: ignore[attr-defined]
        running.tick()
    with writing(running.runtime.engine) as session:
        revision = session.exec(select(Revision).where(Revision.number == 2)).one()
        acknowledging.acknowledge(
            session, members.by_external_id(session, "ada"), revision, "read", actor="member", route="link",
            shown_sha256="ab" * 32, locale="en", now=running.now,
        )  # fmt: skip
    return running


@pytest.mark.parametrize("typed", ["ada", "ad", "ada@example.com", "1"])
def test_a_member_is_found_and_what_was_typed_stands_in_no_log(
    admin: Administrator, running: House, caplog: pytest.LogCaptureFixture, typed: str
) -> None:
    caplog.set_level(logging.DEBUG)
    html = admin.post(LIST, {"who": typed})
    assert "Found 1" in words(html) and f'href="{page(running, "ada")}"' in html
    assert "example.com" not in html + caplog.text


@pytest.mark.parametrize("typed", ["", "a\0b", "x" * 400])
def test_what_nobody_is_found_by_is_said(admin: Administrator, running: House, typed: str) -> None:
    assert "There is a problem" in words(admin.post(LIST, {"who": typed}, status=422))


def test_members_are_listed_a_page_at_a_time(admin: Administrator, running: House) -> None:
    running.members(*({"external_id": f"m{n}", "email": "", "locale": "de"} for n in range(60)))
    first = admin.get(LIST)
    after = re.search(r"after=(\d+)[^\"]*\">The next", first)
    assert after is not None and ">m59</a>" not in first
    assert ">m59</a>" in admin.get(f"{LIST}?after={after[1]}")
    assert ">ada</a>" not in admin.get(f"{LIST}?which=no+address&locale=de")
    for odd in ("which=x", "after=-1", "after=②", "after=99999999999999999999", "locale=%00"):
        admin.get(f"{LIST}?{odd}")


def test_a_member_s_page_draws_and_tells_the_timeline(told: House, admin: Administrator) -> None:
    html = admin.get(page(told, "ada"))
    said = words(html)
    bars = re.findall(r'<rect class="span--(\w+)"', html)
    assert bars == ["now", "coming"], "No. 1 governs, No. 2 is to come"
    assert html.count('class="hatched"') == 1 and html.count('class="today"') == 1
    assert "Privacy policy: No. 1 now." in html
    assert "if nothing comes between: they had been told, and the notice period was over" in said
    assert "it was in force when they joined" in said
    (delivery,) = re.findall(r'id="(delivery-\d+)"', html)
    assert f'href="#{delivery}"' in html, "the evidence leads to the letter"
    assert "Read Privacy policy, No. 2 member, by link" in said
    assert "ada@example.com" not in html and "a•••@example.com" in said
    assert "style=" not in html and "<script" not in html.replace('<script src="/static/', "")


def test_each_piece_of_evidence_leads_to_the_text_that_it_is_of(told: House, admin: Administrator) -> None:
    html = admin.get(page(told, "ada"))
    links = set(re.findall(r'href="([^"]+)">[^<]+</a> <code>(\w+:\d+)', html))
    with reading(told.runtime.engine) as session:
        revisions = session.exec(select(Revision)).all()
    expected = {(f"/privacy/{each.number}", f"revision:{each.id}") for each in revisions}
    assert {link for link in links if link[1].startswith("revision:")} <= expected
    decided = {url for url, fact in links if fact.startswith("decision:")}
    assert decided == {"/admin/policies/privacy/2/decision"}


def test_the_address_is_shown_when_asked_for_and_that_is_on_record(told: House, admin: Administrator) -> None:
    at = page(told, "ada")
    assert "ada@example.com" in admin.post(f"{at}/address", seen=at)
    assert actions(told)[-1] == "address shown"


def test_a_letter_is_shown_as_it_was_sent_whatever_carried_it(told: House, admin: Administrator) -> None:
    """Here it was no folder: the letter comes of what is kept of it."""
    at = page(told, "ada")
    (letter,) = re.findall(r'href="([^"]+)">as it was sent', admin.get(at))
    html = admin.get(letter)
    with reading(told.runtime.engine) as session:
        kept, attempt = session.exec(select(RenderedLetter)).one(), session.exec(select(Attempt)).one()
        zone = session.exec(select(Policy)).one().zone
    assert kept.subject in html and kept.sha256 in html and attempt.sender in html
    assert attempt.applies_from is not None
    stated = dates.day_label(attempt.applies_from, zone)
    alone = admin.client.get(f"{letter}/html")
    assert "sandbox" in alone.headers["Content-Security-Policy"]
    for said in (html.split("<pre")[1], alone.text):
        assert stated in said and "/m/test" in said
        assert "example.com&gt;" not in said and told.notice().substitution_prefix not in said
    admin.post(f"{at}/erase", {"confirm": "ada"}, seen=at)
    assert f'href="{letter}"' in admin.get(at), "nothing personal is in it"
    assert words(admin.get(letter)) == words(html)


def test_where_no_letter_was_taken_there_is_none_to_look_at(admin: Administrator, running: House) -> None:
    running.member("dan", email="")
    running.publish(LONGER)
    running.tick()
    assert "as it was sent" not in admin.get(page(running, "dan"))
    with reading(running.runtime.engine) as session:
        dan = members.by_external_id(session, "dan").id
        owed = session.exec(select(Delivery.id).where(Delivery.member_id == dan)).one()
    for number in (owed, 99, 2**31 - 1):
        for ending in ("", "/html"):
            admin.get(f"/admin/deliveries/{number}/letter{ending}", status=404)


def test_what_governed_on_a_day_is_answered(told: House, admin: Administrator) -> None:
    at = page(told, "ada")
    assert "No. 1 governed." in words(admin.get(f"{at}?at={told.now.isoformat().replace('+', '%2B')}"))
    assert "No. 2 will govern. On present facts, from" in words(admin.get(f"{at}?at=2026-09-01"))
    assert "none, before they joined." in words(admin.get(f"{at}?at=2020-01-01"))
    for odd in ("tomorrow", "0000-00-00", "2026-06-01T10:00", "%00", "99999-01-01"):
        assert "There is" not in words(admin.get(f"{at}?at={odd}")) and "Error:" in admin.get(f"{at}?at={odd}")


def test_an_erasure_needs_the_key_typed_and_leaves_the_pseudonym_s_page(told: House, admin: Administrator) -> None:
    at = page(told, "ada")
    for wrong in ("", "ADA", "bob"):
        assert "nobody was erased" in admin.post(f"{at}/erase", {"confirm": wrong}, seen=at, status=422)
    html = admin.post(f"{at}/erase", {"confirm": "ada"}, seen=at)
    said = words(html)
    assert "Erased member 1" in said and "Nothing personal is kept." in said and "example.com" not in html
    assert re.findall(r'<rect class="span--(\w+)"', html) == ["past"]
    assert "Read Privacy policy, No. 2" in said
    with reading(told.runtime.engine) as session:
        assert session.get_one(Member, 1).email is None
    assert admin.client.post(f"{at}/erase", data={"csrf_token": token(html)}).status_code == 404


def test_an_export_is_a_zip_and_on_record(told: House, admin: Administrator) -> None:
    at = page(told, "ada")
    answer = admin.client.post(f"{at}/export", data={"csrf_token": token(admin.get(at))})
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert b"ada@example.com" in archive.read("profile.csv")
    assert answer.headers["Content-Disposition"] == "attachment; filename=member-1.zip"
    assert actions(told)[-1] == "member exported"


def test_a_guardian_is_set_and_ended_as_dated_facts(admin: Administrator, running: House) -> None:
    at = page(running, "ada")
    wrong = admin.post(f"{at}/guardian", {"guardian": "nonsense"}, seen=at, status=422)
    assert "There is a problem" in words(wrong)
    assert "From here notices go to the guardian." in words(
        admin.post(f"{at}/guardian", {"guardian": "eve@example.com"}, seen=at)
    )
    assert "From here each text’s own rule holds." in words(admin.post(f"{at}/guardian", {"deed": "end"}, seen=at))
    admin.post(f"{at}/guardian", {"deed": "end"}, seen=at, status=409)
    with reading(running.runtime.engine) as session:
        assert [each.present for each in session.exec(select(GuardianChange))] == [True, False]


def test_links_are_taken_back(admin: Administrator, running: House) -> None:
    at = page(running, "ada")
    assert "is taken back" in words(admin.post(f"{at}/links", seen=at))
    with reading(running.runtime.engine) as session:
        assert session.exec(select(LinkRevocation)).one().member_id == 1


def test_everybodys_standing_is_exported_from_the_list(told: House, admin: Administrator) -> None:
    form = {"csrf_token": token(admin.get(LIST)), "policy": "privacy", "at": told.now.isoformat()}
    answer = admin.client.post(f"{LIST}/standing", data=form)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert [row.split(",")[1:3] for row in answer.text.splitlines()[1:]] == [["ada", "1"], ["bob", "1"]]
    assert actions(told)[-1] == "standing exported"
    assert admin.client.post(f"{LIST}/standing", data={**form, "at": "x"}).status_code == 422
    assert admin.client.post(f"{LIST}/standing", data={**form, "policy": "nope"}).status_code == 404


def test_nobody_is_at_a_number_that_nobody_has(admin: Administrator, running: House) -> None:
    seen = token(admin.get(LIST))
    for number in ("99", "2147483647"):
        admin.get(f"{LIST}/{number}", status=404)
        for deed in ("address", "export", "erase", "guardian", "links"):
            answer = admin.client.post(f"{LIST}/{number}/{deed}", data={"csrf_token": seen})
            assert answer.status_code == 404, deed


@pytest.mark.parametrize("typed", ["%", "_", "a%", "ad_", "\\", "*", "' OR 1=1 --"])
def test_characters_that_a_database_would_read_as_any_find_nobody(
    admin: Administrator, running: House, typed: str
) -> None:
    assert "Nobody is found by that." in words(admin.post(LIST, {"who": typed}))


def test_no_number_that_cannot_be_leads_to_a_member(admin: Administrator, running: House) -> None:
    for number in ("0", "-1", "1.5", "9" * 30, "%31%00", "②", "ada"):
        admin.get(f"{LIST}/{number}", status=404)


def test_each_policy_has_its_row_and_every_piece_of_evidence_stands_somewhere(
    told: House, request: pytest.FixtureRequest
) -> None:
    told.policy("terms", title="Terms of use")
    told.publish(FIRST, slug="terms")
    told.runtime.clock.instant += timedelta(days=30)  # type: ignore[attr-defined]
    told.tick()
    admin: Administrator = request.getfixturevalue("admin")  # signed in by then: no session lasts for so long
    html = admin.get(page(told, "ada"))
    assert re.findall(r'id="policy-(\w+)"', html) == ["privacy", "terms"]
    assert re.findall(r'<rect class="span--(\w+)"', html) == ["past", "now", "now"]
    assert "Privacy policy: No. 2 now; Terms of use: No. 1 now." in html
    for slug, numbers in (("privacy", ["2", "1"]), ("terms", ["1"])):
        table = html.split(f'id="policy-{slug}"')[1].split("</section>")[0]
        assert re.findall(rf'href="/{slug}/(\d+)">No', table) == numbers
        assert table.count('<ul class="evidence">') == table.count("<code>revision:") == len(numbers)
    inside = set(re.findall(r'href="#([^"]+)"', html)) - {"main"}
    assert inside and inside <= set(re.findall(r'id="([^"]+)"', html))


def test_a_pack_carries_the_name_only_where_it_was_asked_for_by_name(told: House, admin: Administrator) -> None:
    at = page(told, "ada")
    html = admin.get(at)
    assert 'name="personal" value="yes"' in html
    for form, held in (({}, False), ({"personal": "yes"}, True)):
        answer = admin.client.post("/admin/evidence/member/1", data={"csrf_token": token(html), **form})
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert ("personal.json" in archive.namelist()) is held
        answer.close()
    assert 'name="personal"' not in admin.post(f"{at}/erase", {"confirm": "ada"}, seen=at)


def test_the_deliveries_of_a_notice_lead_to_each_member(told: House, admin: Administrator) -> None:
    table = admin.get(f"/admin/notices/{told.notice().id}").split('id="deliveries"')[1]
    for name in ("ada", "bob"):
        assert f'href="{page(told, name)}">{name}</a>' in table


def test_former_names_merged_accounts_and_barred_addresses_are_told(admin: Administrator, running: House) -> None:
    with writing(running.runtime.engine) as session:
        ada, bob = (members.by_external_id(session, name) for name in ("ada", "bob"))
        merging.rename(session, ada, "zoe", actor="a test", now=running.now)
        merging.merge(session, bob, ada, actor="a test", now=running.now)
        (key,) = suppressions.keys("ada@example.com", running.runtime.secret)
        suppressions.suppress(session, key, "bounce", None, running.now)
    html = admin.get(page(running, "zoe"))
    said = words(html)
    assert "Called ada until" in said and "Member 2 was merged into member 1" in said
    assert "That of the member: bounce" in said and "example.com" not in html.replace("•@example.com", "")
