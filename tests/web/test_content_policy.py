"""Every page that is registered: a policy under which nothing foreign and nothing inline runs; bodies to match."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from database import writing
from notifier import senders, subscriptions, tokens
from notifier.models import Suppression
from notifier.subscriptions import subscribing
from policy_versions import archive, chain, diff, drafts, policies, translations
from tests.house import FIRST, LONGER, House
from tests.web import people
from tests.web.test_subscriptions import link as subscription_link
from web import four_eyes

Later = Callable[..., datetime]
# Shown in a sandboxed frame as they were sent: their styles are inlined, and nothing else in them may do anything.
LETTERS = {"admin.letter_html", "admin.sent_letter_html", "admin.draft_letter"}
# What answers a GET with no page of its own: it leads elsewhere, or is for programs.
NO_PAGES = {
    *("public.slashed", "public.pick", "public.on", "admin.code", "admin.publish_draft", "admin.test_draft"),
    *("metrics.metrics", "public.logo"),  # without a token for the one, a picture for the other, there is none
}


class Body(HTMLParser):
    """What a page holds that its policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_data = given.get("type") == "application/ld+json"  # nothing that runs, and no matter of the policy
        self._open = tag if tag in ("script", "style") and "src" not in given and not is_data else ""
        self.refused += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action", "formaction", "srcset", "data"):
            if tag not in ("a", "link", "form", "button") and "//" in given.get(name, ""):
                self.refused.append(f"{tag} {name}={given[name]}")
            if given.get(name, "").strip().lower().startswith(("javascript:", "data:")):
                self.refused.append(f"{tag} {name}={given[name][:40]}")
        if tag == "meta" and "http-equiv" in given and given["http-equiv"].lower() != "refresh":
            self.refused.append("meta http-equiv")

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.refused.append(f"inline {self._open}")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def refused(html: str) -> list[str]:
    body = Body()
    body.feed(html)
    return body.refused


@pytest.mark.parametrize(
    "html",
    [
        "<p style='color: red'>", "<p onclick=x>", "<style>p {}</style>", "<script>x</script>",
        "<a href='javascript:x'>", "<img src='https://example.com/x.png'>", "<iframe src='data:text/html,x'>",
    ],
)  # fmt: skip
def test_the_walk_would_find_it(html: str) -> None:
    assert refused(html)


@pytest.fixture
def whole(house: House, later: Later) -> House:
    """A row for each page: texts, translations, a notice, a letter, a member, a draft, a request …"""
    house = House(replace(house.runtime, sender=senders.chosen(house.runtime.settings)))  # letters are files
    house.policy()
    house.publish(FIRST)
    house.tick()
    later(days=1)
    house.member("ada")
    house.publish(LONGER, rule="acceptance", summary="Kept longer.")
    house.tick()
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        german = translations.Given("de", FIRST.replace("Privacy", "Datenschutz"), "Datenschutz")
        for given in (german, translations.Given("de", LONGER, "Datenschutz", 1)):
            translations.publish(session, policy, 2, given, actor="a test", now=house.now)
        source = archive.history(session, policy).entry(1).revision
        drafts.start(session, policy, source, actor="a test", now=house.now)
        subscribing.ask(session, policy, "reader@example.com", secret=house.runtime.secret, now=house.now)
        session.add(Suppression(email_key="a hash", reason="bounce", recorded_at=house.now))
    for name in ("ines", "joel"):
        people.account(house, name)
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        draft, besides = drafts.of_policy(session, policy)[0], {"summary": "Why.", "tell_first": False}
        digest = four_eyes.digest_of_draft(draft, besides)
        wish = four_eyes.Wish("publish", policy.id or 0, draft.id or 0, digest, "Publish it", besides)
        four_eyes.ask(session, wish, actor="joel", now=house.now)
    house.tick()
    return house


def values(house: House, rule: Rule) -> dict[str, Any]:
    """What the variable parts of a rule are filled with."""
    given: dict[str, Any] = {
        **{"slug": "privacy", "which": "2", "pair": "1..2", "locale": "de", "deed": "accept", "form": "json"},
        **{"draft_id": 1, "notice_id": 1, "delivery_id": 1, "number": 2, "filename": "gazette.css"},
    }
    if rule.endpoint.startswith("admin."):
        given |= {"number": 2 if "slug" in rule.arguments else 1, "which": 1}
    if "which" in rule.arguments and "feed" in rule.endpoint:
        given |= {"which": "all", "form": "atom"}
    if "lasting" in rule.endpoint:
        given |= {"engine": diff.ENGINE, "form": "html", **_by_hash()}
    if "token" in rule.arguments:
        given["token"] = _token(house, rule.endpoint)
    return {name: given.get(name, "1") for name in rule.arguments}


def _by_hash() -> dict[str, str]:
    first, second = chain.sha256(FIRST), chain.sha256(LONGER)
    return {"sha256": first, "pair": f"{first}..{second}"}


def _token(house: House, endpoint: str) -> str:
    if endpoint.startswith("member.own"):
        return tokens.member_session(1, secret=house.runtime.secret, now=house.now)
    if endpoint.startswith("member."):
        return _letter(house).rsplit("/m/", 1)[1].split()[0]
    purpose: subscriptions.Purpose = "confirm" if endpoint == "public.confirming" else "unsubscribe"
    return subscription_link(house, purpose).rsplit("/", 1)[1]


def _letter(house: House) -> str:
    """The text of the letter that was sent to the member."""
    files = sorted(Path(house.runtime.settings.mail.removeprefix("folder:")).rglob("*.eml"))
    texts = [message_from_bytes(file.read_bytes(), policy=default).get_body(("plain",)) for file in files]
    return next(said for text in texts if text and "/m/" in (said := str(text.get_content())))


def rules(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        for_programs = rule.endpoint != "api.page" and rule.rule.startswith(("/api", "/site-notice/"))
        if "GET" in (rule.methods or set()) and not for_programs:
            yield rule


def test_every_page_holds_to_a_policy_that_lets_nothing_foreign_and_nothing_inline_run(
    app: Flask, whole: House
) -> None:
    browser = people.sign_in(app, "ines")
    urls = app.url_map.bind("localhost")
    faults, missed, seen = [], [], set()
    for rule in rules(app):
        path = urls.build(rule.endpoint, values(whole, rule))
        answer = browser.get(path)
        html = answer.text if answer.content_type.startswith("text/html") else ""
        answer.close()
        faults += [f"{path}: {fault}" for fault in policy_faults(rule, answer.headers["Content-Security-Policy"])]
        faults += [f"{path}: {fault}" for fault in refused(html if rule.endpoint not in LETTERS else "")]
        if answer.status_code == 200:
            seen.add(rule.endpoint)
        elif rule.endpoint not in NO_PAGES:
            missed.append(f"{rule.endpoint} {path} {answer.status_code}")
    assert "\n".join(faults + missed) == ""
    assert len(seen) > 50


def policy_faults(rule: Rule, policy: str) -> list[str]:
    directives = dict(one.strip().partition(" ")[::2] for one in policy.split(";"))
    found = [] if directives.get("default-src") == "'none'" else ["default-src"]
    if rule.endpoint in LETTERS:
        strict = directives.get("sandbox") == "" and "script-src" not in directives
        return found + ([] if strict else ["a letter that is not shut in"])
    wide = {"'self'", "'none'", ""}
    loose = [f"{name} {value}" for name, value in directives.items() if name not in ("default-src", "sandbox")
             and not set(value.split()) <= wide]  # fmt: skip
    missing = [name for name in ("base-uri", "frame-ancestors", "form-action") if name not in directives]
    return found + loose + missing


def test_pages_of_errors_hold_to_it_too(client: FlaskClient, house: House) -> None:
    house.policy()
    for path in ("/nothing", "/privacy/99", "/admin/notices/99", "/admin/nothing", "/m/forged"):
        answer = client.get(path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
        assert "unsafe" not in answer.headers["Content-Security-Policy"], path
        assert refused(answer.text) == [], path
