"""The whole story in a browser with scripts off: sign in, draft, publish, the scheduler's ticks, the letter."""

import re
from collections.abc import Iterator
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import quickstart
from database import reading
from notifier import scheduler
from notifier.models import Delivery, Member
from notifier.runtime import Runtime
from policy_versions import archive, policies

pytestmark = pytest.mark.browser

PASSWORD = "a password of the tests"
NEXT = quickstart.EXAMPLES / "drafts" / "privacy-policy-next.md"


@pytest.fixture
def signed_in(page: Page, runtime: Runtime, one_time_password: str) -> Iterator[Page]:
    """The examples are loaded, and the administrator has changed the one-time password."""
    quickstart.load_examples(runtime.engine, runtime.settings, actor="a test")
    page.goto("/admin")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(one_time_password)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=again]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(re.compile(r"/admin/?$"))
    yield page


def test_from_a_draft_to_a_members_letter(signed_in: Page, runtime: Runtime) -> None:
    page = signed_in
    page.goto("/admin/policies/privacy-policy")
    page.get_by_role("button", name=re.compile("draft", re.IGNORECASE)).first.click()
    page.locator("textarea[name=text]").fill(NEXT.read_text(encoding="utf-8"))
    page.locator("textarea[name=summary]").fill("Contributed scans may train our recognition software.")
    page.locator("button[name=deed][value=work]").first.click()
    expect(page.locator(".redline ins").first).to_be_visible()
    expect(page.get_by_text("Significant").first).to_be_visible()

    page.locator("input[name=confirm]").fill("7")
    page.get_by_role("button", name=re.compile("^Publish No")).click()
    expect(page.locator("#errors")).to_contain_text("24")
    expect(page.locator("textarea[name=summary]")).to_have_value(re.compile("train our recognition"))

    page.locator("input[name=confirm]").fill("24")
    page.get_by_role("button", name=re.compile("^Publish No")).click()
    expect(page.get_by_text("No. 10 of Privacy policy is published")).to_be_visible()

    scheduler.run_all(runtime)
    page.goto("/admin/notices/1")
    expect(page.locator("main")).to_contain_text("Complete")
    page.goto("/admin/outbox")
    page.locator(".mailbox a").first.click()
    letter = page.frame_locator("iframe")
    expect(letter.locator("h1")).to_contain_text("rivacy policy")
    expect(letter.locator("ins").first).to_be_visible()

    member, link = last_letter(runtime)
    page.goto(link)
    page.get_by_role("link", name=re.compile("Accept")).click()
    page.get_by_role("button", name=re.compile("Accept No. 10")).click()
    page.goto(f"/admin/members/{member}")
    expect(page.locator("main")).to_contain_text(re.compile("No. 10.*accepted", re.DOTALL))

    page.goto("/privacy-policy")
    expect(page.locator("main")).to_contain_text("No. 10")
    page.goto("/privacy-policy/compare/9..10")
    expect(page.locator(".redline ins").first).to_be_visible()


def last_letter(runtime: Runtime) -> tuple[int, str]:
    """A letter in English that was written to a member: whose it is, and the link in it."""
    folder = Path(runtime.settings.mail.removeprefix("folder:"))
    with reading(runtime.engine) as session:
        for file in sorted(folder.glob("*.eml"), key=lambda file: int(file.stem), reverse=True):
            part = BytesParser(policy=email_policy.default).parsebytes(file.read_bytes()).get_body(("plain",))
            found = re.search(r"/m/[0-9a-f]+-[0-9a-f]+", part.get_content()) if part else None
            member_id = session.get_one(Delivery, int(file.stem)).member_id
            if found and session.get_one(Member, member_id).locale.startswith("en"):
                return member_id, found[0]
    raise AssertionError("no such letter")


def test_a_revision_to_come_can_be_withdrawn(signed_in: Page, runtime: Runtime) -> None:
    page = signed_in
    page.goto("/admin/policies/privacy-policy")
    page.get_by_role("button", name=re.compile("draft", re.IGNORECASE)).first.click()
    page.locator("textarea[name=text]").fill(NEXT.read_text(encoding="utf-8"))
    page.locator("textarea[name=summary]").fill("Contributed scans may train our recognition software.")
    page.locator("input[name=effective]").fill("2099-01-01")
    page.locator("input[name=confirm]").fill("24")
    page.get_by_role("button", name=re.compile("^Publish No")).click()
    page.get_by_role("link", name=re.compile("Withdraw")).first.click()
    page.locator("[name=reason]").fill("The date was wrong.")
    page.locator("main form button[type=submit]").last.click()
    expect(page.get_by_text("Revision 10 is withdrawn")).to_be_visible()
    with reading(runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy-policy"))
    assert record.entry(10).live is False


def test_a_reader_on_a_phone_never_scrolls_sideways(page: Page, runtime: Runtime) -> None:
    quickstart.load_examples(runtime.engine, runtime.settings, actor="a test")
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/", "/privacy-policy", "/privacy-policy/history", "/privacy-policy/compare/8..9",
                 "/privacy-policy/compare/8..9?view=side", "/terms-of-use"):  # fmt: skip
        page.goto(path)
        box = page.locator("html").bounding_box()
        assert box is not None
        assert box["width"] <= 390, path
        assert page.locator("main").bounding_box()["width"] <= 390, path  # type: ignore[index]
