"""The site notice on a page of another origin, under a strict content policy: seen, recorded, dismissed, over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import col, select

from database import reading, writing
from notifier import members, scheduler, tokens
from notifier.models import Acknowledgement, DeliveryEvent, Member
from notifier.runtime import Runtime
from policy_versions import archive, policies
from policy_versions.archive import Publication
from policy_versions.policies import PolicyFields
from tests.house import FIRST, LONGER

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'none'; script-src {gazette}; connect-src {gazette}; require-trusted-types-for 'script'; "
    "base-uri 'none'; form-action 'none'"
)
PAGE = """<!doctype html><html lang="en"><head><title>A shop</title>
<script src="{gazette}/site-notice.js" data-token="{token}" defer></script></head>
<body><main><h1>A shop</h1><p><a href="/other">Elsewhere</a></p></main></body></html>"""

# Something that lies over the whole page, from before a notice can be there.
COVER = """document.addEventListener("DOMContentLoaded", () => {
    const over = document.createElement("dialog");
    document.body.append(over);
    over.style.width = over.style.height = "100vw";
    over.style.margin = 0;
    over.showModal();
})"""

Opened = Callable[..., Page]


@pytest.fixture
def shop() -> Iterator[ThreadingHTTPServer]:
    """A host's site, whose page a test writes."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", self.server.policy)  # type: ignore[attr-defined]
            self.end_headers()
            self.wfile.write(self.server.page.encode())  # type: ignore[attr-defined]

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def told(runtime: Runtime) -> Runtime:
    """Dan has no address, and a change to come in thirty days."""
    given = {"actor": "a test"}
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        policy = policies.create_policy(session, PolicyFields("privacy", title="Privacy policy"), now=now, **given)
        first = Publication(FIRST, rule="posting", notice_days=0, summary="A first text.")
        archive.publish(session, policy, first, now=now, **given)
        row = {"external_id": "dan", "email": "", "joined_at": now.isoformat()}
        list(members.bring_in(session, [(1, row)], secret=runtime.secret, now=now))
    scheduler.run_all(runtime)
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        longer = Publication(LONGER, rule="notice", notice_days=30, summary="Payment records are kept longer.")
        archive.publish(session, policies.lock(session, "privacy"), longer, now=now, **given)
    for _ in range(2):
        scheduler.run_all(runtime)
    return runtime


@pytest.fixture
def opened(browser: Browser, address: str, shop: ThreadingHTTPServer, told: Runtime) -> Iterator[Opened]:
    """Open the shop with a token; a script that fails, or is refused by the page's policy, fails the test."""
    origin = f"http://127.0.0.1:{shop.server_port}"
    context = browser.new_context(base_url=origin)
    context.set_default_timeout(15_000)
    wrong: list[str] = []

    def open_with(token: str, *, covered: bool = False) -> Page:
        shop.page = PAGE.format(gazette=address, token=token)  # type: ignore[attr-defined]
        shop.policy = POLICY.format(gazette=address)  # type: ignore[attr-defined]
        page = context.new_page()
        if covered:
            page.add_init_script(COVER)
            page.clock.install()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
        page.goto("/")
        return page

    yield open_with
    context.close()
    assert wrong == []


def token(runtime: Runtime, shop: ThreadingHTTPServer) -> str:
    with reading(runtime.engine) as session:
        dan = session.exec(select(Member.id).where(Member.external_id == "dan")).one() or 0
        now = runtime.clock.now(session)
    origin = f"http://127.0.0.1:{shop.server_port}"
    audience = runtime.settings.public_url
    return tokens.site_token(dan, [origin], audience=audience, secret=runtime.secret, now=now)


def recorded(runtime: Runtime) -> tuple[list[str], list[str]]:
    with reading(runtime.engine) as session:
        said = session.exec(select(Acknowledgement.kind).order_by(col(Acknowledgement.id)))
        return list(session.exec(select(DeliveryEvent.event))), list(said)


def test_it_is_seen_recorded_dismissed_by_a_key_and_not_shown_again(
    opened: Opened, told: Runtime, shop: ThreadingHTTPServer
) -> None:
    written = token(told, shop)
    page = opened(written)
    notice = page.get_by_role("region", name="Notice of a change: “Privacy policy” has changed")
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("Payment records are kept longer.")
    expect(notice).to_contain_text("It applies to you from")
    assert page.evaluate("document.activeElement === document.body"), "it takes no focus"
    assert recorded(told) == ([], []), "it has not been in view for long enough"
    with page.expect_response(lambda answer: answer.url.endswith("/site-notice/shown") and answer.ok):
        pass
    assert recorded(told) == (["shown"], [])
    page.keyboard.press("Tab")
    expect(notice.get_by_role("button", name="I have read this")).to_be_focused()
    page.keyboard.press("Escape")
    expect(notice).to_have_count(0)
    again = opened(written)
    with again.expect_response(lambda answer: answer.url.endswith("/site-notice/pending")):
        again.reload()
    expect(again.get_by_role("region")).to_have_count(0)


def test_it_is_acknowledged_by_a_key_though_it_was_hardly_seen(
    opened: Opened, told: Runtime, shop: ThreadingHTTPServer
) -> None:
    page = opened(token(told, shop))
    button = page.get_by_role("button", name="I have read this")
    expect(button).to_be_visible()
    page.keyboard.press("Tab")
    with page.expect_response(lambda answer: answer.url.endswith("/site-notice/acknowledged") and answer.ok):
        page.keyboard.press("Enter")
    expect(button).to_have_count(0)
    assert recorded(told) == ([], ["read"])


def test_it_stays_until_what_was_said_is_recorded(
    opened: Opened, told: Runtime, shop: ThreadingHTTPServer
) -> None:
    """Whoever says that they have read it, while the network is away, is not told that this is settled."""
    page = opened(token(told, shop))
    button = page.get_by_role("button", name="I have read this")
    with page.expect_event("requestfailed"):
        page.route("**/site-notice/acknowledged", lambda route: route.abort())
        button.click()
    expect(button).to_be_focused()
    page.unroute("**/site-notice/acknowledged")
    button.click()
    expect(button).to_have_count(0)
    assert recorded(told)[1] == ["read"]


def test_what_lies_under_something_else_or_is_closed_at_once_was_not_shown(
    opened: Opened, told: Runtime, shop: ThreadingHTTPServer
) -> None:
    page = opened(token(told, shop), covered=True)
    expect(page.get_by_role("region")).to_be_visible()
    page.clock.fast_forward(10_000)  # longer than it has to be in view
    assert recorded(told) == ([], [])
    page.evaluate("document.querySelector('dialog').close()")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("region")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("region")).to_be_visible()
    assert recorded(told) == ([], [])


def test_a_forged_token_shows_nothing_and_breaks_nothing(
    opened: Opened, told: Runtime, shop: ThreadingHTTPServer
) -> None:
    page = opened(token(told, shop)[:-2] + "xx")
    with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/site-notice/pending")):
        page.reload()  # whoever forges a token may not even read why it is refused
    expect(page.get_by_role("region")).to_have_count(0)
    expect(page.get_by_role("heading", name="A shop")).to_be_visible()
    assert recorded(told) == ([], [])
