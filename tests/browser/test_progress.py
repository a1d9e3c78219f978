"""With scripts on, the bar of a notice moves by itself; with scripts off, the page says how to read it anew."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session, col, delete, update

from database import writing
from notifier.models import Attempt, Batch, Notice
from notifier.runtime import Runtime
from policy_versions import archive, policies
from policy_versions.archive import Publication
from policy_versions.policies import PolicyFields
from tests.house import FIRST
from tests.notifier.ledgers import Books, Plan
from web import accounts
from web.accounts import Account
from web.sessions import AccountSession

pytestmark = pytest.mark.browser

PASSWORD = "a password of the tests"


@pytest.fixture
def notice_id(runtime: Runtime) -> int:
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        fields = PolicyFields("privacy", title="Privacy policy")
        policy = policies.create_policy(session, fields, actor="a test", now=now)
        archive.publish(
            session,
            policy,
            Publication(FIRST, rule="posting", notice_days=0, summary="A first text."),
            actor="a test",
            now=now,
        )
        plan = Plan("email", "sending", ["accepted", "untouched", "untouched", "untouched"])
        return Books(session, now).notice([plan]).id or 0


@pytest.fixture
def watching(browser: Browser, address: str, runtime: Runtime) -> Iterator[Page]:
    """Somebody who is signed in, with scripts on; a script that fails or is refused fails the test."""
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        accounts.create(session, "ines", now=now)
        account = accounts.by_name(session, "ines")
        assert isinstance(account, Account)
        accounts.change_password(session, account, PASSWORD)
    context = browser.new_context(base_url=address)
    context.set_default_timeout(15_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto("/admin/sign-in")
    page.get_by_label("Name").fill("ines")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()
    assert wrong == []


def widths(page: Page) -> list[str | None]:
    return [rect.get_attribute("width") for rect in page.locator("#notice-progress .progress rect").all()]


def all_taken(session: Session) -> None:
    session.exec(update(Attempt).values(recipients=4))
    session.exec(update(Batch).values(state="accepted"))


def test_the_bar_moves_by_itself_and_stops_when_all_is_done(
    watching: Page, runtime: Runtime, notice_id: int
) -> None:
    page = watching
    page.goto(f"/admin/notices/{notice_id}")
    expect(page.locator("#notice-progress .big")).to_have_text("1 of 4 letters sent")
    assert page.get_by_role("link", name=re.compile("Refresh every")).count() == 0
    before = widths(page)
    page.evaluate("window.samePage = true")
    with writing(runtime.engine) as session:
        session.exec(update(Attempt).values(recipients=3))
    expect(page.locator("#notice-progress .big")).to_have_text("3 of 4 letters sent")
    assert widths(page) != before
    with writing(runtime.engine) as session:
        all_taken(session)
        session.exec(update(Notice).where(col(Notice.id) == notice_id).values(state="complete"))
    expect(page.locator("#notice-progress .big")).to_have_text("4 of 4 letters sent")
    expect(page.locator("#notice-progress")).to_contain_text("It is complete now.")
    expect(page.locator("#notice-progress-said")).to_have_text("4 of 4 letters sent; the notice is complete")
    assert page.evaluate("window.samePage") is True


def test_a_part_that_answers_no_more_leaves_the_page_as_it_was(
    watching: Page, runtime: Runtime, notice_id: int
) -> None:
    page = watching
    page.goto(f"/admin/notices/{notice_id}")
    with page.expect_response(re.compile("/progress")):
        pass
    page.route(re.compile("/progress"), lambda route: route.fulfill(status=200, body="<p>Sign in</p>"))
    with page.expect_response(re.compile("/progress")):
        pass
    expect(page.locator("#notice-progress .big")).to_have_text("1 of 4 letters sent")


def test_whoever_was_signed_out_meanwhile_is_led_to_signing_in(
    watching: Page, runtime: Runtime, notice_id: int
) -> None:
    page = watching
    page.goto(f"/admin/notices/{notice_id}")
    with writing(runtime.engine) as session:
        session.exec(delete(AccountSession))
    expect(page).to_have_url(re.compile(f"/admin/sign-in\\?next=/admin/notices/{notice_id}$"))


def test_without_scripts_a_link_reads_the_page_anew(
    page: Page, runtime: Runtime, notice_id: int, one_time_password: str
) -> None:
    with writing(runtime.engine) as session:
        account = accounts.by_name(session, "admin")
        assert isinstance(account, Account)
        accounts.change_password(session, account, PASSWORD)
    page.goto("/admin/sign-in")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"/admin/notices/{notice_id}")
    page.get_by_role("link", name="Refresh every 5 seconds").click()
    with writing(runtime.engine) as session:
        all_taken(session)
    expect(page.locator("#notice-progress .big")).to_have_text("4 of 4 letters sent", timeout=20_000)
