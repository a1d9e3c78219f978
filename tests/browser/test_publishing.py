"""The publish form with scripts on: kept while one types, by keys alone, beside somebody else, signed out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from app import build_runtime
from database import reading, writing
from notifier import members, scheduler
from notifier.models import Member
from notifier.runtime import Runtime
from policy_versions import archive, drafts, policies
from policy_versions.archive import Publication
from policy_versions.policies import PolicyFields
from tests.conftest import make_settings
from tests.house import FIRST, LONGER
from tests.serving import answering
from web import passwords, roles
from web.accounts import Account

pytestmark = pytest.mark.browser

PASSWORD = "a password of the tests"
LATEST = LONGER.replace("24 months", "36 months")  # nothing but the file holds it
Opened = Callable[[str], Page]


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runtime, str]]:
    """A policy with one text, a member, two people in the office, and a server."""
    folder = tmp_path_factory.mktemp("publishing")
    shutil.copy(sqlite_template, folder / "gazette.db")
    runtime = build_runtime(make_settings(f"sqlite:///{folder / 'gazette.db'}", folder))
    with writing(runtime.engine) as session:
        now, by = runtime.clock.now(session), "a test"
        for name in ("ines", "joel", "anna"):
            hashed = passwords.hashed(PASSWORD)
            session.add(Account(name=name, password_hash=hashed, roles=roles.ALL, created_at=now))
        policy = policies.create_policy(
            session, PolicyFields("privacy", title="Privacy policy"), actor=by, now=now
        )
        first = Publication(FIRST, rule="posting", notice_days=0, summary="A first text.")
        archive.publish(session, policy, first, actor=by, now=now)
        row = {"external_id": "ada", "email": "ada@example.com", "joined_at": now.isoformat()}
        list(members.bring_in(session, [(1, row)], secret=runtime.secret, now=now))
    scheduler.run_all(runtime)
    with answering(runtime) as address:
        yield runtime, address


@pytest.fixture(scope="module")
def signed_in() -> dict[str, Any]:
    """What a browser keeps of who signed in there, by name."""
    return {}


@pytest.fixture
def opened(browser: Browser, served: tuple[Runtime, str], signed_in: dict[str, Any]) -> Iterator[Opened]:
    """Open the administration as somebody; a script that fails, or is refused, fails the test."""
    contexts, wrong = [], []

    def open_as(name: str) -> Page:
        context = browser.new_context(base_url=served[1], storage_state=signed_in.get(name))
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
        if name not in signed_in:
            page.goto("/admin/sign-in")
            sign_in(page, name)
            signed_in[name] = context.storage_state()
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert wrong == []


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=name)).to_be_visible()


def new_draft(page: Page) -> int:
    page.goto("/admin/policies/privacy")
    page.get_by_role("button", name="New draft").click()
    expect(page.locator("#kept")).to_contain_text("Kept")
    page.wait_for_load_state()  # by then its script hears what is done
    return int(page.url.split("/")[-1].split("#")[0])


def kept(served: tuple[Runtime, str], draft_id: int) -> str:
    with reading(served[0].engine) as session:
        return drafts.by_id(session, draft_id).text


def is_kept(page: Page) -> None:
    expect(page.locator("#kept")).to_have_text(re.compile(r"^Kept at \d\d:\d\d$"))


def tab_to(page: Page, what: str) -> None:
    """Go there by the Tab key alone; whatever has the focus on the way is to be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(what) => { const at = document.activeElement; return [at.matches(what), at.tagName,"
            " at.checkVisibility({visibilityProperty: true, opacityProperty: true})] }",
            what,
        )
        assert found[2], found
        if found[0]:
            return
    raise AssertionError(f"the Tab key never came to {what}")


def letter_link(runtime: Runtime) -> str:
    """The link in the last letter that was written."""
    folder = Path(runtime.settings.mail.removeprefix("folder:"))
    newest = max(folder.glob("*.eml"), key=lambda file: int(file.stem))
    part = BytesParser(policy=email_policy.default).parsebytes(newest.read_bytes()).get_body(("plain",))
    assert part is not None
    found = re.search(r"/m/[0-9a-f-]+", part.get_content())
    assert found is not None
    return found[0]


def test_the_whole_story_by_keys_alone(served: tuple[Runtime, str], opened: Opened) -> None:
    runtime, page = served[0], opened("ines")
    page.goto("/admin/policies/privacy")
    tab_to(page, "form[action$='/drafts'] button")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("Publish Privacy policy, No. 2"))
    tab_to(page, "#f-text")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(LONGER)
    expect(page.locator("#decision .verdict")).to_have_text("Significant")
    expect(page.locator("#changes ins")).to_contain_text("24")
    expect(page.locator("#f-summary")).to_have_value(re.compile("24 months"))
    tab_to(page, "input[name=rule]")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    tab_to(page, "#f-summary")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("Payment records are kept for 24 months.")
    expect(page.locator("#dates")).to_contain_text("when they accept it")
    expect(page.locator("[data-live=proposal]")).to_contain_text("What the findings would say")
    is_kept(page)
    tab_to(page, "#f-member")
    page.keyboard.type("ada")
    tab_to(page, "#f-confirm")
    expect(page.locator("#letter")).to_contain_text("This member gets it, in English: they know No. 1.")
    page.keyboard.type("3")
    tab_to(page, "button[formaction$='/publish']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("1 is the number of members. Type 1 to publish.")
    tab_to(page, "#errors a")
    page.keyboard.press("Enter")
    expect(page.locator("#f-confirm")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("1")
    tab_to(page, "button[formaction$='/publish']")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No. 2 of Privacy policy is published")).to_be_visible()

    for _ in range(2):
        scheduler.run_all(runtime)
    page.goto("/admin/outbox")
    tab_to(page, ".mailbox a")
    page.keyboard.press("Enter")
    expect(page.frame_locator("iframe").locator("ins").first).to_be_visible()

    page.goto(letter_link(runtime))
    for _ in range(2):  # the answer, and that it is meant
        tab_to(page, ".buttons > :first-child")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("No. 2")
    with reading(runtime.engine) as session:
        ada = session.exec(select(Member.id).where(Member.external_id == "ada")).one()
    page.goto(f"/admin/members/{ada}")
    expect(page.locator("main")).to_contain_text(re.compile("No. 2.*accept", re.DOTALL))


def test_two_people_in_one_draft_lose_nothing(served: tuple[Runtime, str], opened: Opened) -> None:
    ines, joel = opened("ines"), opened("joel")
    draft_id = new_draft(ines)
    ines.locator("#f-text").fill("# Theirs\n")
    is_kept(ines)
    joel.goto(f"/admin/drafts/{draft_id}")
    expect(joel.locator("#others")).to_contain_text("ines has this draft open too")
    ines.locator("#f-text").fill("# Theirs, again\n")
    expect(ines.locator("#kept")).to_have_text("Not kept yet")
    is_kept(ines)
    joel.locator("#f-text").fill("# Mine\n")
    expect(joel.locator("#trouble")).to_contain_text("Another text was kept meanwhile")
    expect(joel.locator("#f-text")).to_have_value("# Mine\n")
    joel.get_by_role("button", name="Show both texts").click()
    expect(joel.locator(".clash ins")).to_have_text(re.compile("Mine"))
    expect(joel.locator("#f-text")).to_have_value("# Mine\n")
    joel.get_by_role("button", name="Keep mine in its place").click()
    expect(joel.locator("#kept")).to_contain_text("by joel")
    assert kept(served, draft_id) == "# Mine\n"
    joel.get_by_role("link", name="What it said before").click()
    expect(joel.locator("tbody th")).to_have_count(1)


def test_signed_out_in_the_middle_one_goes_on_where_one_was(served: tuple[Runtime, str], opened: Opened) -> None:
    page = opened("anna")
    draft_id = new_draft(page)
    other = page.context.new_page()
    other.goto("/admin/")
    other.get_by_role("button", name="Sign out").click()
    page.locator("#f-text").fill("# Typed when signed out\n")
    expect(page.locator("#trouble")).to_contain_text("You were signed out")
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Sign in again").click()
    sign_in(opening.value, "anna")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    is_kept(page)
    expect(page.locator("#trouble")).to_be_hidden()
    assert kept(served, draft_id) == "# Typed when signed out\n"


def test_a_file_dropped_on_the_text_is_kept_though_the_network_failed_at_first(
    served: tuple[Runtime, str], opened: Opened
) -> None:
    page = opened("ines")
    draft_id = new_draft(page)
    drop = """(words) => { const data = new DataTransfer(); data.items.add(new File([words], "next.md"));
        document.getElementById("f-text").dispatchEvent(
            new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data})) }"""
    keeping = re.compile(r"/drafts/\d+$")
    page.route(keeping, lambda route: route.abort())
    page.evaluate(drop, LATEST)
    expect(page.locator("#f-text")).to_have_value(LATEST)
    expect(page.locator("#kept")).to_contain_text("Not kept: no answer came. It is tried again in 2 s.")
    page.unroute(keeping)
    is_kept(page)
    assert kept(served, draft_id) == LATEST
    page.set_input_files("#f-file", {"name": "odd.md", "mimeType": "text/markdown", "buffer": b"\xff\xfe\x00"})
    expect(page.locator("#kept")).to_have_text("Not taken: the file is not UTF-8 text.")
    page.reload()
    expect(page.locator("#f-text")).to_have_value(LATEST)
