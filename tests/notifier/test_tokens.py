"""Signed tokens: each holds for its own purpose, member and time; whatever else is written is refused alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import (
    LinkInvalid,
    LinkOfATest,
    OriginMalformed,
    OriginRefused,
    SessionExpired,
    SessionInvalid,
    SiteTokenExpired,
    SiteTokenInvalid,
)
from notifier import tokens

SECRET = "a secret of the tests, long enough to pass"
OTHER = "another secret of the tests, as long as that"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE = "https://policies.example.com"
SHOP = "https://www.example.com"
LINKS = tokens.letter_links(SECRET)


def site_token(*origins: str, **given: object) -> str:
    said = {"audience": HERE, "secret": SECRET, "now": NOW} | given
    return tokens.site_token(7, origins or (SHOP,), **said)  # type: ignore[arg-type]


# -- letters ------------------------------------------------------------------------------------


@given(st.integers(0, 2**63 - 1))
def test_a_letter_s_link_names_its_delivery_in_few_characters_that_an_address_takes(delivery_id: int) -> None:
    made = LINKS.of_member(delivery_id)
    assert LINKS.read(made)[:2] == (delivery_id, False)
    assert len(made) <= 41
    assert set(made) <= set("0123456789abcdef-")


def test_a_guardian_s_link_is_not_the_member_s_and_ends_with_that_guardian() -> None:
    made = LINKS.of_guardian(7, "Parent@example.com")
    link = LINKS.read(made)
    assert link[:2] == (7, True)
    LINKS.check(link, "parent@example.com")
    for guardian in ("another@example.com", "", None):
        with pytest.raises(LinkInvalid):
            LINKS.check(link, guardian)
    with pytest.raises(LinkInvalid):
        LINKS.check(LINKS.read("g" + LINKS.of_member(7)), "parent@example.com")
    with pytest.raises(LinkInvalid):
        LINKS.read(made.removeprefix("g"))


def test_a_link_for_nobody_is_no_guardian_s() -> None:
    with pytest.raises(LinkInvalid):
        LINKS.check(LINKS.read(LINKS.of_guardian(7, "")), None)


@given(st.integers(0, 40), st.sampled_from("0123456789abcdefgxé-"))
def test_a_link_of_which_one_character_differs_is_refused(place: int, other: str) -> None:
    made = LINKS.of_member(123_456_789)
    place %= len(made)
    changed = made[:place] + other + made[place + 1 :]
    if changed != made:
        with pytest.raises(LinkInvalid):
            LINKS.check(LINKS.read(changed), "parent@example.com")


@example("7-" + "0" * 24)
@example("ffffffffffffffff-" + "0" * 24)
@example("a" * 1_000_000)
@given(st.text())
def test_whatever_else_is_written_is_no_link(written: str) -> None:
    with pytest.raises(LinkInvalid):
        LINKS.read(written)


def test_a_link_of_another_installation_is_refused_and_one_of_a_test_is_told_so() -> None:
    with pytest.raises(LinkInvalid):
        LINKS.read(tokens.letter_links(OTHER).of_member(7))
    with pytest.raises(LinkOfATest):
        LINKS.read(tokens.TEST)


# -- sessions -----------------------------------------------------------------------------------


def test_a_session_names_a_member_and_ends_after_minutes() -> None:
    made = tokens.member_session(7, secret=SECRET, now=NOW)
    last = NOW + tokens.SESSION - timedelta(seconds=1)
    assert tokens.read_member_session(made, secret=SECRET, now=last) == (7, NOW, NOW + tokens.SESSION)
    with pytest.raises(SessionExpired):
        tokens.read_member_session(made, secret=SECRET, now=NOW + tokens.SESSION)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        "é",
        tokens.member_session(7, secret=SECRET, now=NOW)[:-1],
        tokens.member_session(7, secret=OTHER, now=NOW),
        site_token(),
        LINKS.of_member(7),
        "a" * 100_000,
    ],
)
def test_what_is_no_session_of_ours_is_refused_alike(written: str) -> None:
    with pytest.raises(SessionInvalid):
        tokens.read_member_session(written, secret=SECRET, now=NOW)


# -- the site notice ----------------------------------------------------------------------------


def test_a_site_token_is_for_pages_of_its_origins_until_it_ends() -> None:
    token = tokens.read_site_token(site_token(SHOP, "http://localhost:8080"), audience=HERE, secret=SECRET)
    assert tuple(token) == (7, NOW, NOW + tokens.SITE_TOKEN, (SHOP, "http://localhost:8080"))
    tokens.allow(token, SHOP, now=NOW)
    for asking in (
        "https://evil.example.com",
        "http://www.example.com",
        "https://www.example.com:8443",
        "null",
        "",
        None,
    ):
        with pytest.raises(OriginRefused):
            tokens.allow(token, asking, now=NOW)
    with pytest.raises(SiteTokenExpired):
        tokens.allow(token, SHOP, now=token.ends)


def test_a_site_token_holds_a_day_at_most() -> None:
    made = site_token(lifetime=timedelta(days=365))
    assert tokens.read_site_token(made, audience=HERE, secret=SECRET).ends == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    "written",
    [
        "",
        site_token()[:-1],
        site_token(secret=OTHER),
        site_token(audience="https://elsewhere.example.com"),
        tokens.member_session(7, secret=SECRET, now=NOW),
        LINKS.of_member(7),
    ],
)
def test_what_is_no_site_token_of_ours_is_refused_alike(written: str) -> None:
    with pytest.raises(SiteTokenInvalid):
        tokens.read_site_token(written, audience=HERE, secret=SECRET)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("HTTPS://WWW.Example.com/", SHOP),
        ("https://www.example.com:443", SHOP),
        ("http://www.example.com:443", "http://www.example.com:443"),
        (" http://[::1]:8000 ", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_read_as_browsers_write_it(written: str, read: str) -> None:
    assert tokens.origin(written) == read


@pytest.mark.parametrize(
    "written",
    ["", "*", "null", "www.example.com", "ftp://example.com", "https://", "https://example.com/page",
     "https://example.com?x", "https://a b.com", "https://me@example.com", "https://example.com:99999",
     "https://[::1", "https://exa\nmple.com", "https://*.example.com"],
)  # fmt: skip
def test_what_names_no_pages_is_refused(written: str) -> None:
    with pytest.raises(OriginMalformed):
        site_token(written)


def test_a_site_token_names_one_to_ten_origins() -> None:
    with pytest.raises(OriginMalformed):
        tokens.site_token(7, [], audience=HERE, secret=SECRET, now=NOW)
    with pytest.raises(OriginMalformed):
        site_token(*(f"https://{number}.example.com" for number in range(11)))
