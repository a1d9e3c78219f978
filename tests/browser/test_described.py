"""What a page says to programs, and a company's own look, under the strict content policy of a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app import build_runtime
from tests.conftest import NOON, make_settings
from tests.house import FIRST, House, SetClock
from tests.serving import answering

pytestmark = pytest.mark.browser
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 40"><rect width="90" height="40"/></svg>'
WATCH = (
    "said = []; addEventListener('securitypolicyviolation', e => said.push(e.violatedDirective, e.blockedURI));"
)


@pytest.fixture
def address(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "logo.svg").write_bytes(LOGO)
    look = {"accent": "#1d4ed8 #93c5fd", "logo": tmp_path / "logo.svg"}
    runtime = build_runtime(make_settings(sqlite_url, tmp_path, **look), clock=SetClock(NOON))
    House(runtime).policy()
    House(runtime).publish(FIRST)
    with answering(runtime) as made:
        yield made


def test_the_description_is_no_script_and_the_look_is_loaded(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    context.set_default_timeout(15_000)
    page, told = context.new_page(), list[str]()
    page.on("console", lambda message: told.append(message.text))
    page.add_init_script(WATCH)
    page.goto("/privacy")
    assert page.evaluate("said") == []
    assert told == []
    kind = "JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)['@type']"
    assert page.evaluate(kind) == "DigitalDocument"
    colour = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
    assert colour.strip() == "#1d4ed8"
    assert page.evaluate("document.querySelector('.brand img').naturalWidth") > 0
    context.close()
