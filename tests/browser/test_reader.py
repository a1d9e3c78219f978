"""With scripts on, contents and redlines go along with the reader, by keys as well; with them off, links do."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app import build_runtime
from database import writing
from policy_versions import archive, policies
from policy_versions.archive import Publication
from policy_versions.policies import PolicyFields
from tests.conftest import make_settings
from tests.serving import answering

pytestmark = pytest.mark.browser

SECTIONS = 6
FILL = " ".join(f"Some words that fill a line, and one more, number {number}." for number in range(20))


def text(**changed: str) -> str:
    """Sections long enough to scroll through, each with a sentence of its own."""
    parts = (
        f"## Section {n}\n\nThe sentence of section {n} says {changed.get(f's{n}', 'one thing')} only.\n\n{FILL}\n"
        for n in range(1, SECTIONS + 1)
    )
    return "# Privacy policy\n\n" + "\n".join(parts)


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with two texts, of which the second changes the second, the fourth and the last section."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copy(sqlite_template, folder / "gazette.db")
    runtime = build_runtime(make_settings(f"sqlite:///{folder / 'gazette.db'}", folder))
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        policy = policies.create_policy(
            session, PolicyFields("privacy", title="Privacy policy"), actor="a test", now=now
        )
        for written in (text(), text(s2="another thing", s4="a third thing", s6="a last thing")):
            given = Publication(written, rule="posting", notice_days=0, summary="What changes.")
            archive.publish(session, policy, given, actor="a test", now=now)
    with answering(runtime) as address:
        yield address


def opened(browser: Browser, site: str, *, scripts: bool = True) -> BrowserContext:
    context = browser.new_context(
        base_url=site, viewport={"width": 1280, "height": 800}, java_script_enabled=scripts
    )
    context.set_default_timeout(15_000)
    return context


@pytest.fixture
def reader(browser: Browser, site: str) -> Iterator[Page]:
    """Somebody with scripts on; one that fails or is refused fails the test."""
    context = opened(browser, site)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert wrong == []


def test_the_contents_follow_the_reader(reader: Page) -> None:
    reader.goto("/privacy")
    here = reader.locator(".contents [aria-current]")
    expect(here).to_have_count(0)
    reader.locator("#section-3").evaluate("heading => heading.scrollIntoView()")
    expect(here).to_have_text("Section 3")
    expect(here).to_be_in_viewport()
    width = "link => link.getBoundingClientRect().width"
    marked = here.evaluate(width)
    reader.keyboard.press("End")
    expect(here).to_have_text(f"Section {SECTIONS}")
    assert reader.locator(".contents a", has_text="Section 3").evaluate(width) == marked, "no line moves"


def test_a_passages_link_is_seen_with_the_focus_and_leads_to_it(reader: Page) -> None:
    reader.goto("/privacy")
    passage = reader.locator("article p", has_text="The sentence of section 2")
    link = passage.get_by_role("link", name="Link to this passage")
    expect(link).to_have_css("opacity", "0")
    passage.hover()
    expect(link).to_have_css("opacity", "1")
    reader.locator("h2#section-2 a").focus()
    reader.keyboard.press("Tab")  # to what says that the section was changed
    reader.keyboard.press("Tab")
    expect(link).to_be_focused()
    expect(link).to_have_css("opacity", "1")
    reader.keyboard.press("Enter")
    name = passage.get_attribute("id")
    assert reader.url.endswith(f"#{name}")
    assert passage.evaluate("element => element.matches(':target')")


def test_a_link_to_a_passage_that_is_gone_says_so(reader: Page) -> None:
    reader.goto("/privacy#p-000000000000")
    expect(reader.get_by_text("The passage that your link leads to is not in this text.")).to_be_visible()
    reader.goto("/privacy#section-2")
    expect(reader.locator("#gone")).to_be_hidden()


def test_keys_lead_from_change_to_change_and_round(reader: Page) -> None:
    reader.goto("/privacy/compare/1..2")
    changes = [change.get_attribute("id") for change in reader.locator("[data-change]").all()]
    assert len(changes) == 3
    for key, number in (("j", 0), ("n", 1), ("j", 2), ("j", 0), ("k", 2), ("p", 1)):
        reader.keyboard.press(key)
        expect(reader.locator("[data-change]:focus")).to_have_id(str(changes[number]))
        expect(reader.locator("[data-change]:target")).to_be_in_viewport()
        expect(reader.locator("#step-said")).to_have_text(f"Change {number + 1} of 3")
    reader.get_by_role("link", name="Next change").first.click()
    expect(reader.locator("[data-change]:target")).to_have_id(str(changes[2]))
    expect(reader.locator(".sections [aria-current]")).to_have_text("Section 6")
    reader.go_back()
    assert "compare" not in reader.url, "the way back leads out, not through every step"


def test_from_where_the_reader_is_the_next_change_is_the_one_below(reader: Page) -> None:
    reader.goto("/privacy/compare/1..2?view=side")
    changes = [str(change.get_attribute("id")) for change in reader.locator("[data-change]").all()]
    reader.locator(f"[id='{changes[1]}']").evaluate("change => window.scrollTo(0, change.offsetTop)")
    reader.keyboard.press("j")
    expect(reader.locator("[data-change]:target")).to_have_id(changes[2])


def test_the_keys_can_be_turned_off_and_stay_so(reader: Page) -> None:
    reader.goto("/privacy/compare/1..2")
    reader.get_by_role("button", name="Turn the keys off").click()
    reader.keyboard.press("j")
    assert "#" not in reader.url
    reader.reload()
    reader.keyboard.press("j")
    assert "#" not in reader.url
    reader.get_by_role("button", name="Turn the keys on").click()
    reader.keyboard.press("j")
    expect(reader.locator("[data-change]:target")).to_have_count(1)
    assert reader.context.cookies() == []


def test_without_scripts_links_lead_from_change_to_change(browser: Browser, site: str) -> None:
    context = opened(browser, site, scripts=False)
    page = context.new_page()
    page.goto("/privacy/compare/1..2")
    changes = [str(change.get_attribute("id")) for change in page.locator("[data-change]").all()]
    page.locator("[data-step='1']").click()
    assert page.url.endswith(f"#{changes[0]}")
    page.locator(f"[id='{changes[0]}'] .steps a").click()
    assert page.url.endswith(f"#{changes[1]}")
    page.locator("[data-step='-1']").click()
    assert page.url.endswith(f"#{changes[2]}")
    assert not page.get_by_text("Turn the keys off").is_visible()
    context.close()


def test_nothing_moves_once_a_page_is_there(reader: Page) -> None:
    for path in ("/privacy", "/privacy/history", "/privacy/compare/1..2"):
        reader.goto(path)
        shift = reader.evaluate(
            "new Promise(tell => { let sum = 0;"
            " new PerformanceObserver(list => list.getEntries().forEach(one => sum += one.value))"
            ".observe({type: 'layout-shift', buffered: true});"
            " requestAnimationFrame(() => requestAnimationFrame(() => tell(sum))) })"
        )
        assert shift == 0, path
