"""`make screenshots`: the faces as they are, from the examples, into docs/images/."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

import database
import quickstart
from app import build_runtime, create_app
from notifier import scheduler
from notifier.runtime import Runtime
from tests.browser.conftest import QUIET, chromium
from tests.conftest import make_settings
from web import accounts

IMAGES = database.ROOT / "docs" / "images"
DRAFT = quickstart.EXAMPLES / "drafts" / "privacy-policy-next.md"
PASSWORD = "a password for pictures"


@contextmanager
def served(folder: Path) -> Iterator[tuple[Runtime, str]]:
    url = f"sqlite:///{folder / 'gazette.db'}"
    engine = database.create_engine(url)
    database.migrate(engine)
    engine.dispose()
    runtime = build_runtime(make_settings(url, folder, company_address="Plover Instruments AB, Uppsala, Sweden"))
    quickstart.load_examples(runtime.engine, runtime.settings, actor="pictures")
    with database.writing(runtime.engine) as session:
        accounts.create(session, "ines", now=runtime.clock.now(session))
        account = accounts.by_name(session, "ines")
        assert account is not None
        accounts.change_password(session, account, PASSWORD)
    server = make_server("127.0.0.1", 0, create_app(runtime=runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield runtime, f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        runtime.engine.dispose()


def take(page: Page, name: str, height: int | None = None) -> None:
    """A picture of the whole page, or of its first `height` pixels."""
    path = IMAGES / f"{name}.png"
    if height is None:
        page.screenshot(path=path, full_page=True)
    else:
        width = (page.viewport_size or {"width": 1280})["width"]
        page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    print(path.relative_to(database.ROOT))  # noqa: T201


def administration(page: Page, runtime: Runtime) -> None:
    """Sign in, write a draft, take its picture, publish it, let the scheduler work."""
    page.goto("/admin")
    page.get_by_label("Name").fill("ines")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/admin/policies/privacy-policy")
    page.get_by_role("button", name="draft").first.click()
    page.locator("textarea[name=text]").fill(DRAFT.read_text(encoding="utf-8"))
    page.locator("textarea[name=summary]").fill(
        "Scans you choose to contribute may train our recognition software, a company in Canada helps with that, "
        "and payment references are kept for 24 months."
    )
    page.locator("input[name=effective]").fill("2099-01-01")
    page.locator("button[name=deed][value=work]").first.click()
    take(page, "publish")
    page.locator("input[name=confirm]").fill("24")
    page.get_by_role("button", name="Publish No.").click()
    scheduler.run_all(runtime)
    for name, path in (("overview", "/admin/"), ("notice", "/admin/notices/1"), ("outbox", "/admin/outbox")):
        page.goto(path)
        take(page, name)


def letters(browser: Browser, folder: Path) -> None:
    """A letter to read on a desk and on a phone, by day and by night; and one in each other language there is."""
    files = sorted((folder / "outbox").glob("*.eml"), key=lambda f: int(f.stem))
    by_language = {_language(html): html for html in map(_html_of, files)}  # of who joined last: the shortest
    for language, html in by_language.items():
        page = folder / f"letter-{language}.html"
        page.write_text(html, encoding="utf-8")
        name = "letter" if language == "en" else f"letter-{language}"
        for suffix, width, dark in (("", 760, False), ("-dark", 760, True), ("-phone", 390, False)):
            if language == "en" or not suffix:
                _letter(browser, page, name + suffix, width, dark=dark)


def _letter(browser: Browser, file: Path, name: str, width: int, *, dark: bool) -> None:
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(file.as_uri())
    take(page, name)
    page.close()


def _html_of(file: Path) -> str:
    part = BytesParser(policy=email_policy.default).parsebytes(file.read_bytes()).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def _language(html: str) -> str:
    found = re.search(r'<html lang="(\w+)"', html)
    assert found is not None
    return found[1]


def public(browser: Browser, address: str) -> None:
    pages = {
        "policy": "/privacy-policy",
        "history": "/privacy-policy/history",
        "redline": "/privacy-policy/compare/9..10",
        "side-by-side": "/privacy-policy/compare/9..10?view=side",
    }
    for suffix, width, dark in (("", 1280, False), ("-phone", 390, False), ("-dark", 1280, True)):
        context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=False,
        )
        page = context.new_page()
        for name, path in pages.items():
            page.goto(path)
            take(page, name + suffix, None if suffix == "-phone" else 1500)
        context.close()


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gazette-pictures-") as place, sync_playwright() as playwright:
        folder = Path(place)
        browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        with served(folder) as (runtime, address):
            context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
            administration(context.new_page(), runtime)
            public(browser, address)
        letters(browser, folder)
        browser.close()


if __name__ == "__main__":
    main()
