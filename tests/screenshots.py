"""`make screenshots`: every page and letter as it is, light, dark and on a phone, into docs/images/."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import database
from tests import world as worlds
from tests.browser import pages
from tests.browser.conftest import QUIET, chromium
from tests.web.people import PASSWORD
from tests.world import World

IMAGES = database.ROOT / "docs" / "images"
TALLEST = 1700  # pixels of a page; what is below says no more about its looks
COLOURS = 48  # a picture of text takes a third of the bytes so, and looks the same


class Look(NamedTuple):
    suffix: str
    width: int
    scheme: Literal["light", "dark"]


LOOKS = (Look("", 1280, "light"), Look("-dark", 1280, "dark"), Look("-phone", 390, "light"))


def take(page: Page, name: str) -> None:
    """A picture of a page, or of its upper part."""
    size = page.evaluate("({width: innerWidth, height: document.documentElement.scrollHeight})")
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], TALLEST)}
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))  # type: ignore[arg-type]
    few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(IMAGES / f"{name}.png", optimize=True)
    print(f"docs/images/{name}.png")  # noqa: T201


def named(found: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """A picture's name for each page."""
    for endpoint, paths in found.items():
        for number, path in enumerate(paths, 1):
            name = endpoint.removeprefix("public.").replace(".", "-").replace("_", "-")
            yield name if number == 1 else f"{name}-{number}", path


def of_pages(browser: Browser, world: World) -> None:
    for look in LOOKS:
        size = {"width": look.width, "height": 900}
        context = browser.new_context(
            base_url=world.address, viewport=size, color_scheme=look.scheme, reduced_motion="reduce"  # type: ignore[arg-type]
        )  # fmt: skip
        page = context.new_page()
        for name, path in named(pages.public(world)):
            page.goto(path)
            take(page, name + look.suffix)
        sign_in(page)
        for name, path in named(pages.administration(world)):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            take(page, name + look.suffix)
        context.close()


def sign_in(page: Page) -> None:
    page.goto("/admin/sign-in")
    page.get_by_label("Name").fill(worlds.ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/admin/?$"))


def of_letters(browser: Browser, world: World) -> None:
    """One in each language there is, to a member themselves who joined last; and a subscriber's two."""
    for name, html in _letters(world).items():
        file = world.folder / f"{name}.html"
        file.write_text(html, encoding="utf-8")
        for suffix, width, scheme in LOOKS:
            page = browser.new_page(viewport={"width": min(width, 760), "height": 900}, color_scheme=scheme)
            page.goto(file.as_uri())
            take(page, name + suffix)
            page.close()


def _letters(world: World) -> dict[str, str]:
    """HTML of letters, by the name of their picture."""
    subscribers = [file for file in world.letters() if file.stem.startswith("-")]  # the latest first
    found = {"letter-confirm": _html_of(subscribers[-1]), "letter-subscriber": _html_of(subscribers[0])}
    for file in world.letters()[len(subscribers) :]:
        if b"To: guardian" not in file.read_bytes():
            html = _html_of(file)
            language = _language(html)
            found["letter" if language == "en" else f"letter-{language}"] = html
    return found


def _html_of(file: Path) -> str:
    part = BytesParser(policy=email_policy.default).parsebytes(file.read_bytes()).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def _language(html: str) -> str:
    found = re.search(r'<html lang="(\w+)"', html)
    assert found is not None
    return found[1]


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    os.environ["GAZETTE_HOME"] = "/srv/gazette"  # what pages say of this machine is the same on every one
    place = Path(tempfile.gettempdir()) / "gazette-pictures"
    place.mkdir()
    try:
        with sync_playwright() as playwright, worlds.served(place) as world:
            browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
            of_pages(browser, world)
            of_letters(browser, world)
            browser.close()
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
