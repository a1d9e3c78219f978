"""The dashboard: what needs a person, what follows, one deed; every page warns of a silent scheduler."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from database import writing
from notifier import deciding
from notifier.models import Notice, Tick
from policy_versions.models import Translation, TranslationDecision
from settings import Settings
from tests.conftest import make_settings
from tests.house import LONGER, House
from tests.notifier.ledgers import Books, Plan
from tests.web import people
from tests.web.test_admin import Administrator, admin, password_hash, running, words
from web.four_eyes import ReleaseRequest, digest_of_payload

__all__ = ["admin", "password_hash", "running"]  # fixtures


@pytest.fixture
def given_settings(database_url: str, tmp_path: object) -> Settings:
    return make_settings(database_url, tmp_path, review_minutes=60)  # type: ignore[arg-type]


@pytest.fixture
def books(running: House) -> Iterator[Books]:
    engine = running.runtime.engine.execution_options(writing=True)
    with Session(engine, expire_on_commit=False) as session:
        yield Books(session, running.now)


def needs(admin: Administrator) -> list[str]:
    page = admin.get("/admin/")
    return [words(each) for each in re.findall(r'<li class="need">.*?</li>', page, re.DOTALL)]


def ticked(house: House) -> None:
    with writing(house.runtime.engine) as session:
        session.add(Tick(job="decide", node="n", ticked_at=house.now))


def test_with_nothing_to_do_it_says_so_and_what_comes_next(admin: Administrator, running: House) -> None:
    running.tick()
    said = words(admin.get("/admin/"))
    assert "Monday 1 June 2026 New policy No notice is going out." in said
    assert "Nothing needs a person. No notice waits or is paused." in said
    assert "1 revision in unbroken chains, checked just now." in said
    assert "not been verified yet" in said
    assert "Head of the seals: " in said


def test_an_empty_house_begins_with_a_policy(admin: Administrator) -> None:
    said = words(admin.get("/admin/"))
    assert "No policy yet. Write the first one" in said
    assert "Nothing is published yet." in said


def test_a_notice_in_its_review_window_is_reviewed_until_it_leaves(admin: Administrator, running: House) -> None:
    running.tick()
    running.publish(LONGER, rule="notice", notice_days=30, effective_at=running.now + timedelta(days=40))
    deciding.decide_due(running.runtime)
    [need] = needs(admin)
    assert need.startswith(
        "Review window Privacy policy, No. 2, was decided significant. Letters leave at 15:00 CEST"
    )
    assert "1 h left. Finding: " in need
    assert need.endswith("Review")
    page = words(admin.get("/admin/"))
    assert "One thing needs a person." in page
    assert "1 Jun Letters of Privacy policy, No. 2, begin to leave 15:00 CEST" in page
    assert "11 Jul Privacy policy, No. 2, in force significant, for every member told by then" in page


def test_what_is_in_doubt_what_bounces_and_what_is_refused_needs_a_person(
    admin: Administrator, running: House, books: Books
) -> None:
    letters = ["bounced"] * 3 + ["delivered"] * 57
    books.notice([Plan("email", "sending", letters)])
    books.notice([Plan("email", "sending", ["unknown", "unknown", *letters[1:]], earlier="not_sent")], failures=2)
    books.notice([Plan("email", "accepted", letters)], state="complete", completed_at=running.now)
    books.notice(
        [Plan("email", "accepted", letters)], state="complete", completed_at=running.now - timedelta(days=9)
    )
    books.session.commit()
    found = needs(admin)
    assert [each.split(" ")[0] for each in found] == ["Failing", "Bouncing", "Bouncing", "Unknown"]
    assert "The last 2 requests of Privacy policy, No. 1, were not taken: said of a not_sent one." in found[0]
    assert "5.0 % of the letters of Privacy policy, No. 1, came back: 3 of 60." in found[1]
    assert "Of 2 letters of Privacy policy, No. 1, nobody knows whether they left." in found[3]


def test_a_good_list_s_bounces_need_nobody(admin: Administrator, running: House, books: Books) -> None:
    for back, sent in ((2, 48), (3, 61)):
        books.notice([Plan("email", "sending", ["bounced"] * back + ["delivered"] * (sent - back))])
    books.session.commit()
    assert needs(admin) == []


def test_a_job_that_failed_needs_a_person_while_its_node_ticks(admin: Administrator, running: House) -> None:
    with writing(running.runtime.engine) as session:
        session.add(Tick(job="fold", node="n", ticked_at=running.now, error="OSError: full"))
        session.add(
            Tick(job="fold", node="gone", ticked_at=running.now - timedelta(hours=2), error="OSError: old")
        )
    [need] = needs(admin)
    assert "The scheduler’s job “fold” failed: OSError: full" in need


def test_a_translation_that_says_something_else_is_brought_up_for_a_while(
    admin: Administrator, running: House
) -> None:
    with writing(running.runtime.engine) as session:
        one = Translation(revision_id=1, locale="de", number=2, text="x", sha256="x", published_by="ines",
                          recorded_at=running.now)  # fmt: skip
        session.add(one)
        session.flush()
        number, at = one.id or 0, running.now
        session.add(
            TranslationDecision(
                translation_id=number, verdict="significant", engine="e", decided_by="engine", recorded_at=at
            )
        )
    [need] = needs(admin)
    assert "translation 2 into German says something else than the one it replaced" in need
    running.runtime.clock.instant += timedelta(days=15)  # type: ignore[attr-defined]
    assert "something else" not in words(admin.get("/admin/"))


def test_every_page_says_since_when_no_scheduler_has_ticked(admin: Administrator, running: House) -> None:
    running.tick()
    pages = [f"/admin/{page}" for page in ("", "notices", "audit", "settings", "outbox", "members/1")]
    assert not any("No scheduler has" in admin.get(page) for page in pages)
    running.runtime.clock.instant += timedelta(minutes=30)  # type: ignore[attr-defined]
    for page in pages:
        assert "No scheduler has ticked since 1 June 2026, 12:00 UTC" in words(admin.get(page)), page


def test_where_none_ever_ticked_that_is_said(admin: Administrator, house: House) -> None:
    assert "No scheduler has ever ticked" in words(admin.get("/admin/"))
    ticked(house)
    assert "No scheduler" not in words(admin.get("/admin/"))


def test_what_is_going_out_says_how_far_it_is(admin: Administrator, running: House, books: Books) -> None:
    books.notice([Plan("email", "sending", ["delivered", "bounced", "untouched"])])
    books.session.commit()
    said = words(admin.get("/admin/"))
    assert "One notice is going out" in said
    assert "2 of 3 letters sent, Privacy policy, No. 1" in said
    assert "Delivered 1 50.0 % of those sent" in said
    assert books.session.exec(select(Notice.state)).all() == ["sending"]


def test_what_another_publisher_asked_for_is_looked_at(admin: Administrator, running: House) -> None:
    people.account(running, "olga", "publisher")
    with writing(running.runtime.engine) as session:
        for asked_by, title in (("olga", "Publish No. 2"), ("ines", "Publish No. 3")):
            session.add(
                ReleaseRequest(
                    kind="translate", policy_id=1, subject_id=1, title=title, payload={},
                    digest=digest_of_payload({}), asked_by=asked_by, asked_at=running.now,
                )
            )  # fmt: skip
    [need] = needs(admin)
    assert need.startswith("Two persons olga has asked for a second person: Publish No. 2.")


def test_a_silent_scheduler_is_one_of_the_things_that_need_a_person(admin: Administrator, running: House) -> None:
    running.runtime.clock.instant += timedelta(minutes=30)  # type: ignore[attr-defined]
    said = words(admin.get("/admin/"))
    assert "One thing needs a person." in said
    assert "Nothing else needs a person." in said
