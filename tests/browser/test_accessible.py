"""Every page, in a real Chromium, as axe-core sees it: light and dark, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from app import create_app
from tests import world as worlds
from tests.browser import pages
from tests.web.people import PASSWORD
from tests.world import World

pytestmark = pytest.mark.browser

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS = (("light", DESK), ("dark", PHONE), ("dark", DESK), ("light", PHONE))
# What a colour scheme or a width alone can change: the whole is asked once of each, these of all four.
SEEN = {
    "type": "rule",
    "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with worlds.served(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    context = browser.new_context(base_url=world.address)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_every_page_is_known(world: World) -> None:
    assert pages.forgotten(create_app(runtime=world.house.runtime), world) == set()


def test_no_violation_on_what_readers_see(world: World, page: Page) -> None:
    assert _violations(page, pages.public(world)) == {}


def test_no_violation_in_the_administration(world: World, page: Page) -> None:
    page.goto("/admin/sign-in")
    page.get_by_label("Name").fill(worlds.ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert _violations(page, pages.administration(world)) == {}


def _violations(page: Page, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """What axe-core says, by address and look; what is in order is left out."""
    said: dict[str, list[str]] = {}
    for path in (path for paths in found.values() for path in paths):
        answer = page.goto(path)
        assert answer is not None
        assert "/sign-in" not in page.url or "/sign-in" in path, path
        assert page.locator("html[lang]").count() == 1, path
        page.evaluate(Axe().axe_script)
        for number, (scheme, size) in enumerate(LOOKS):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(size)  # type: ignore[arg-type]
            options = {"resultTypes": ["violations"], **({"runOnly": SEEN} if number > 1 else {})}
            violations = page.evaluate("options => axe.run(options)", options)["violations"]
            if violations:
                said[f"{path} {scheme} {size['width']}"] = [_sentence(one) for one in violations]
            assert _no_wider(page), f"{path} is wider than {size['width']} pixels"
    return said


def _no_wider(page: Page) -> bool:
    wider: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return not wider


def _sentence(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    return f"{violation['id']}: {'; '.join(str(node['html'])[:120] for node in nodes[:4])}"
