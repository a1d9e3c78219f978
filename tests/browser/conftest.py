"""A real server on this machine, and a real Chromium that visits it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import database
from app import build_runtime
from notifier.runtime import Runtime
from tests.conftest import make_settings
from tests.serving import answering

QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run"]  # fmt: skip


def chromium() -> str | None:
    """Where a Chromium is; None for the one that Playwright has installed itself."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root a Chromium has no sandbox of its own; the pages it visits are ours.
        made = playwright.chromium.launch(
            executable_path=chromium(), args=QUIET if os.getuid() == 0 else QUIET[1:]
        )
        yield made
        made.close()


@pytest.fixture
def runtime(sqlite_url: str, tmp_path: Path) -> Iterator[Runtime]:
    made = build_runtime(make_settings(sqlite_url, tmp_path))
    yield made
    made.engine.dispose()


@pytest.fixture
def address(runtime: Runtime) -> Iterator[str]:
    with answering(runtime) as made:
        yield made


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page without scripts: everything works so."""
    context = browser.new_context(base_url=address, java_script_enabled=False)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def one_time_password(runtime: Runtime) -> str:
    from web import accounts

    with database.writing(runtime.engine) as session:
        return accounts.create(session, "admin", now=runtime.clock.now(session))
