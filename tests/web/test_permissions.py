"""Who may open and do what: every route by every role, and pages that show nobody what is closed to them."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests.house import House
from tests.web import people
from tests.web.test_admin import words
from tests.web.test_content_policy import whole
from web import roles
from web.admin import permissions

__all__ = ["whole"]  # a fixture
OPEN = permissions.OPEN
OWN = {
    *("account", "password", "sure", "end_session", "end_other_sessions"),
    *("second_factor", "remove_second_factor", "renew_recovery"),
}
VALUES = {"slug": "privacy", "locale": "de"}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Each endpoint of the administration with a method and an address: of everything the first."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and permissions.name(rule.endpoint) not in OPEN:
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                yield permissions.name(rule.endpoint), method, address(app, rule)


def address(app: Flask, rule: Rule) -> str:
    number = 2 if "slug" in rule.arguments else 1
    values = {name: VALUES.get(name, number if name == "number" else 1) for name in rule.arguments}
    return str(app.url_map.bind("localhost").build(rule.endpoint, values))


def test_every_route_says_whom_it_is_for(app: Flask) -> None:
    declared, there = set(permissions.NEEDS), {endpoint for endpoint, _, _ in routes(app)}
    assert there - declared == set()
    assert declared - there == set()


def test_a_route_that_does_not_is_nobodys(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    people.account(house, "ines")
    ines = people.sign_in(app, "ines")
    monkeypatch.delitem(permissions.NEEDS, "notices")
    answer = ines.get("/admin/notices")
    assert (answer.status_code, "does not say which role it takes" in words(answer.text)) == (403, True)


@pytest.mark.parametrize("role", ["", *roles.ROLES])
def test_every_route_opens_to_the_roles_that_it_names_and_refuses_the_others(
    app: Flask, house: House, role: str
) -> None:
    walked = list(routes(app))
    for endpoint in {endpoint for endpoint, _, _ in walked}:
        app.view_functions[f"admin.{endpoint}"] = lambda **_: "let in"  # so that nothing is done
    app.config["WTF_CSRF_ENABLED"] = False
    people.account(house, "ines", *([role] if role else []))
    if not role:
        _take_roles(house, "ines")
    ines = people.sign_in(app, "ines")
    for endpoint, method, path in walked:
        needed = permissions.NEEDS[endpoint].of(method)
        answer = ines.open(path, method=method)
        open_to = needed == "own" or (role != "" and needed in roles.OPENS[role])
        assert (answer.status_code, answer.text == "let in") == ((200, True) if open_to else (403, False)), (
            endpoint,
            method,
        )


def _take_roles(house: House, name: str) -> None:
    from database import writing
    from web import accounts

    with writing(house.runtime.engine) as session:
        accounts.named(session, name).roles = ""


# What each role may post, named once more: whoever widens it changes this too.
DOES: dict[str, set[str]] = {
    "editor": {"new_draft", "draft", "draft_again", "keep_draft", "discard_draft", "put_back_draft"},
    "auditor": {
        *("find_members", "show_address", "look_up_address", "verify_record", "export_standing", "export_member"),
        *("make_evidence_of", "member_evidence", "notice_evidence", "policy_evidence", "find_letters"),
        *("export_audit", "export_deliveries", "find_delivery"),
    },
    "owner": {
        *("find_members", "show_address", "look_up_address", "verify_record", "find_letters"),
        *("find_delivery", "erase_member", "member_guardian", "revoke_member_links", "lift_suppression"),
        *("new_user", "user_roles", "disable_user", "enable_user", "reset_user", "end_user_sessions"),
        *("remove_user_factor",),
    },
}


@pytest.mark.parametrize("role", list(DOES))
def test_a_role_does_no_more_than_it_is_for(app: Flask, role: str) -> None:
    posts = {endpoint for endpoint, method, _ in routes(app) if method == "POST"}
    does = {one for one in posts - OWN if permissions.NEEDS[one].of("POST") in roles.OPENS[role]}
    assert does <= DOES[role]


def test_publishing_and_sending_are_the_publishers_alone(app: Flask) -> None:
    deeds = ("publish_draft", "withdraw", "resume_notice", "send_notice_now", "confirm_override", "decision")
    for endpoint in deeds:
        assert roles.holders(permissions.NEEDS[endpoint].of("POST")) == ("publisher",)


def test_a_refused_deed_has_a_page_that_says_which_role_it_takes(app: Flask, house: House) -> None:
    people.account(house, "ed", "editor")
    answer = people.sign_in(app, "ed").get("/admin/policies/new")
    said = words(answer.text)
    assert answer.status_code == 403
    assert "That is not allowed" in said
    assert "takes the role of publisher, which an owner can give you. Nothing was changed." in said


# -- what pages show ----------------------------------------------------------------------------


class Ways(HTMLParser):
    """The addresses that a page links to, and those that its forms and buttons send to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.links, self.deeds = page, set[str](), set[str]()
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.add(self._inside(given["href"]))
        if tag == "form":
            posts = (given.get("method") or "get").lower() == "post"
            (self.deeds if posts else self.links).add(self._inside(given.get("action")))
        if tag == "button" and given.get("formaction"):
            self.deeds.add(self._inside(given["formaction"]))

    def _inside(self, target: str | None) -> str:
        return urlsplit(urljoin(self.page, target or self.page)).path


def test_pages_show_nobody_a_way_that_is_closed_to_them(app: Flask, whole: House) -> None:
    closed = [fault for role in roles.ROLES for fault in ways_closed_to(app, whole, role)]
    assert "\n".join(sorted(map(str, closed))) == ""


def ways_closed_to(app: Flask, house: House, role: str) -> list[tuple[str, ...]]:
    """The ways on pages that open to a role which do not themselves."""
    people.account(house, f"an-{role}", role)
    browser = people.sign_in(app, f"an-{role}")
    closed: list[tuple[str, ...]] = []
    seen = 0
    for _, method, path in sorted(set(routes(app))):
        if method != "GET" or not opens(app, role, path):
            continue
        answer = browser.get(path)
        if answer.status_code != 200 or "html" not in answer.content_type:
            continue
        seen += 1
        ways = Ways(path)
        ways.feed(answer.text)
        closed += [(role, path, way) for way in ways.links if not opens(app, role, way)]
        closed += [(role, path, "POST", way) for way in ways.deeds if not opens(app, role, way, "POST")]
    assert seen > 5
    return closed


def opens(app: Flask, role: str, path: str, method: str = "GET") -> bool:
    needed = permissions.takes(app.url_map, path, method)
    return needed is None or roles.may((role,), needed)
