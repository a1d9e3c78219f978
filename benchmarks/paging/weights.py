"""What a page weighs as it is sent, besides its text; and whether anything moves while it is laid out."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks import servers
from benchmarks.decisions.figures import Figure, Goal
from benchmarks.sending.children import Stuck
from web.serving import negotiation

MOST_KB = 40
TAKEN = {"Accept-Encoding": "br, gzip"}
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
_PARTS = re.compile(rb'<(?:link rel="(?:stylesheet|icon)"|script)[^>]* (?:href|src)="(/[^"]+)"')
_SHIFTS = """() => new Promise(done => {
  let total = 0;
  new PerformanceObserver(list => list.getEntries().forEach(entry => { total += entry.value; }))
    .observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => setTimeout(() => done(total), 300));
})"""


class Weight(NamedTuple):
    """Bytes as sent. text: of the policy's text alone, compressed alike."""

    name: str
    page: int
    parts: int
    text: int

    @property
    def besides(self) -> int:
        return self.page + self.parts - self.text


def weigh(port: int, pages: dict[str, str], text: str) -> Iterator[Weight]:
    """The page and all that it loads. Raises: Stuck."""
    plain = len(negotiation.ENCODERS["br"](text.encode()))
    for name, path in pages.items():
        parts = {one.decode().replace("&amp;", "&") for one in _PARTS.findall(servers.ask(port, path, {}).body)}
        sent = [len(servers.ask(port, one, TAKEN).body) for one in (path, *sorted(parts))]
        yield Weight(name, sent[0], sum(sent[1:]), plain)


def shifts(port: int, pages: dict[str, str]) -> Iterator[tuple[str, float]]:
    """The layout shift of each page on each screen, as Chromium adds it up. Raises: Stuck without a Chromium."""
    from playwright.sync_api import Error, sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox"] if os.getuid() == 0 else []
            )
        except Error as error:
            raise Stuck(f"no Chromium: {error}") from error
        for screen, (width, height) in SCREENS.items():
            for name, address in pages.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto(f"http://127.0.0.1:{port}{address}")
                yield f"{name}, {screen}", float(page.evaluate(_SHIFTS))
                page.close()
        browser.close()


def of_weights(found: list[Weight]) -> list[Figure]:
    return [
        Figure(f"{one.name}: weight besides the text", one.besides / 1e3, Goal("<", MOST_KB), "KB", _parted(one))
        for one in found
    ]


def _parted(one: Weight) -> str:
    page, parts, text = (each / 1e3 for each in (one.page, one.parts, one.text))
    return f"page {page:.1f}, its files {parts:.1f}, its text {text:.1f} KB, as sent"


def of_shifts(found: list[tuple[str, float]]) -> list[Figure]:
    worst, most = max(found, key=lambda one: one[1])
    against = f"{len(found)} pages and screens" + (f"; the most: {worst}" if most else "")
    return [Figure("layout shift", most, Goal("==", 0), against=against)]
