"""Signing in: sessions that end, guesses that are slowed down, a second factor, and asking once more."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, text
from sqlmodel import Session, col, select

from app import create_app
from database import reading, writing
from errors import FactorUnreadable
from policy_versions.models import AuditEntry
from policy_versions.origins import AuditOrigin
from tests.conftest import make_settings
from tests.house import House
from tests.web import people
from tests.web.people import PASSWORD
from tests.web.test_admin import token, words
from web import accounts, passwords, second_factor, sessions, throttling
from web.accounts import Account
from web.second_factor import SecondFactor
from web.sessions import AccountSession


@pytest.fixture
def app(house: House) -> Flask:
    return people.app_for(house)


@pytest.fixture
def ines(app: Flask, house: House) -> FlaskClient:
    people.account(house, "ines")
    return people.sign_in(app, "ines")


def post(client: FlaskClient, path: str, seen: str = "", **fields: Any) -> Any:
    page = client.get(seen or path).text
    return client.post(path, data={"csrf_token": token(page), **fields})


def is_in(client: FlaskClient) -> bool:
    return client.get("/admin/").status_code == 200


def rows(house: House) -> list[AccountSession]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(AccountSession).order_by(col(AccountSession.id))))


def log(house: House) -> list[tuple[str, str]]:
    with reading(house.runtime.engine) as session:
        return [(one.actor, one.action) for one in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


def later(house: House, **by: float) -> None:
    house.runtime.clock.instant += timedelta(**by)  # type: ignore[attr-defined]


# -- sessions -----------------------------------------------------------------------------------


def test_a_session_ends_when_it_was_not_used_for_an_hour(ines: FlaskClient, house: House) -> None:
    for _ in range(3):
        later(house, minutes=50)
        assert is_in(ines)
    later(house, minutes=60)
    assert not is_in(ines)


@pytest.mark.parametrize("path", ["notices/1/progress", "notices/1?every=5", "drafts/1/others"])
def test_a_page_that_asks_by_itself_does_not_keep_a_session(ines: FlaskClient, house: House, path: str) -> None:
    for _ in range(2):
        later(house, minutes=25)
        assert ines.get(f"/admin/{path}").status_code == 404  # let in, though there is none
    later(house, minutes=10)
    assert not is_in(ines)


def test_a_session_ends_after_twelve_hours_however_busy_it_was(ines: FlaskClient, house: House) -> None:
    for _ in range(14):
        later(house, minutes=50)
        assert is_in(ines)
    later(house, minutes=20)
    assert not is_in(ines)


def test_a_cookie_that_we_did_not_make_opens_nothing(app: Flask, house: House) -> None:
    for cookie in ("", "x", "eyJfdXNlcl9pZCI6IjE6Zmlyc3QifQ.aaaa.bbbb"):
        stranger = app.test_client()
        stranger.set_cookie("gazette", cookie)
        assert not is_in(stranger)


def test_signing_out_ends_the_session_and_not_only_the_cookie(app: Flask, ines: FlaskClient, house: House) -> None:
    copied = app.test_client()
    copied.set_cookie("gazette", ines.get_cookie("gazette").value)  # type: ignore[union-attr]
    assert is_in(copied)
    post(ines, "/admin/sign-out", seen="/admin/account")
    assert not is_in(copied)
    assert rows(house) == []


def test_the_token_is_another_after_signing_in_again_and_after_confirming(ines: FlaskClient, house: House) -> None:
    first = rows(house)[0].token_sha256
    later(house, minutes=11)
    assert post(ines, "/admin/sure", password=PASSWORD).status_code == 302
    assert rows(house)[0].token_sha256 != first
    assert is_in(ines)


def test_signing_in_again_ends_the_session_that_the_browser_had(ines: FlaskClient, house: House) -> None:
    first = rows(house)[0].token_sha256
    post(ines, "/admin/sign-in", name="ines", password=PASSWORD)
    (row,) = rows(house)
    assert row.token_sha256 != first


def test_the_log_says_from_where_somebody_signed_in(app: Flask, house: House) -> None:
    people.account(house, "ines")
    people.sign_in(app, "ines", address="192.0.2.44")
    with reading(house.runtime.engine) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "signed in")).one()
        origin = session.get_one(AuditOrigin, entry.id)
    assert (entry.actor, origin.address) == ("ines", "192.0.2.44")


def test_no_token_is_kept_but_its_hash(ines: FlaskClient, house: House) -> None:
    with ines.session_transaction() as kept:
        secret = kept["_user_id"]
    assert len(secret) > 40
    with reading(house.runtime.engine) as session:
        assert sessions.find(session, secret, sessions.Lasting(timedelta(1), timedelta(1)), now=house.now)
    assert secret not in rows(house)[0].model_dump().values()


def test_ones_sessions_are_listed_and_one_or_all_others_are_ended(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    phone, desk = (people.sign_in(app, "ines", address=place) for place in ("192.0.2.7", "2001:db8::9"))
    said = words(ines.get("/admin/account", headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}).text)
    assert "192.0.2.7" in said
    assert "2001:db8::9" in said
    number = rows(house)[1].id
    assert post(ines, f"/admin/account/sessions/{number}/end", seen="/admin/account").status_code == 302
    assert [is_in(one) for one in (ines, phone, desk)] == [True, False, True]
    post(ines, "/admin/account/sessions/end-others", seen="/admin/account")
    assert [is_in(one) for one in (ines, phone, desk)] == [True, False, False]
    assert post(ines, f"/admin/account/sessions/{number}/end", seen="/admin/account").status_code == 404
    assert ("ines", "sessions ended") in log(house)


def test_nobody_ends_the_session_of_somebody_else(app: Flask, ines: FlaskClient, house: House) -> None:
    people.account(house, "joel", "editor")
    joel = people.sign_in(app, "joel")
    number = rows(house)[0].id
    assert post(joel, f"/admin/account/sessions/{number}/end", seen="/admin/account").status_code == 404
    assert is_in(ines)


def test_the_cookie_over_https_is_the_hosts_own(house: House, database_url: str, tmp_path: Any) -> None:
    from dataclasses import replace

    settings = make_settings(database_url, tmp_path, public_url="https://policies.example.com")
    made = create_app(runtime=replace(house.runtime, settings=settings))
    cookie = (
        made.test_client().get("/admin/sign-in", base_url="https://policies.example.com").headers["Set-Cookie"]
    )
    assert cookie.startswith("__Host-gazette=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_a_hash_made_at_another_cost_is_made_anew_at_the_next_sign_in(app: Flask, house: House) -> None:
    people.account(house, "ines")
    with writing(house.runtime.engine) as session:
        old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
        accounts.named(session, "ines").password_hash = old
    people.sign_in(app, "ines")
    with reading(house.runtime.engine) as session:
        kept = accounts.named(session, "ines").password_hash
    assert kept != old
    assert not passwords.is_outdated(kept)
    assert is_in(people.sign_in(app, "ines"))


class Meanwhile(PasswordHasher):
    """While a password is looked at, which takes its time, somebody does something else."""

    def __init__(self, deed: Callable[[], Any]) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self._deed = deed

    def verify(self, *given: Any) -> Literal[True]:
        found = super().verify(*given)
        self._deed()
        return found


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], Any]], None]]:
    usual = passwords.hasher()
    yield lambda deed: passwords.use(Meanwhile(deed))
    passwords.use(usual)


def _reset(session: Session, one: Account, house: House) -> None:
    accounts.reset(session, one, actor="olga", now=house.now)


def _disable(session: Session, one: Account, house: House) -> None:
    one.disabled_at = house.now
    session.add(one)


def _ask_for_a_code(session: Session, one: Account, house: House) -> None:
    session.add(SecondFactor(account_id=one.id or 0, sealed="", confirmed_at=house.now))


@pytest.mark.parametrize("deed", [_reset, _disable, _ask_for_a_code])
def test_what_changes_while_a_password_is_looked_at_lets_nobody_in_by_how_it_was(
    app: Flask, house: House, meanwhile: Any, deed: Callable[[Session, Account, House], None]
) -> None:
    people.account(house, "ines")
    client = app.test_client()
    csrf = token(client.get("/admin/sign-in").text)

    def changed() -> None:
        with writing(house.runtime.engine) as session:
            deed(session, accounts.named(session, "ines"), house)

    meanwhile(changed)
    answer = client.post("/admin/sign-in", data={"csrf_token": csrf, "name": "ines", "password": PASSWORD})
    assert (answer.status_code, rows(house)) == (401, [])


def test_nobody_comes_into_the_session_that_bears_the_number_of_their_own(
    app: Flask, house: House, meanwhile: Any
) -> None:
    """SQLite gives a number again once its row is gone."""
    people.account(house, "eve", "editor")
    olga = people.account(house, "olga", "owner")
    eve = people.sign_in(app, "eve")
    csrf = token(eve.get("/admin/sure").text)

    def in_her_place() -> None:
        with writing(house.runtime.engine) as session:
            sessions.end_all(session, accounts.named(session, "eve").id or 0)
            sessions.begin(session, olga, sessions.Whence("192.0.2.1", ""), now=house.now)

    meanwhile(in_her_place)
    assert eve.post("/admin/sure", data={"csrf_token": csrf, "password": PASSWORD}).status_code == 401
    assert not is_in(eve)
    assert [row.account_id for row in rows(house)] == [olga]


def test_a_session_that_is_ended_as_soon_as_it_begins_is_said_to_have_ended(app: Flask, house: House) -> None:
    people.account(house, "ines")
    client = app.test_client()
    csrf = token(client.get("/admin/sign-in").text)

    def ended(_session: Session) -> None:
        with house.runtime.engine.execution_options(writing=True).begin() as own:
            own.execute(text("DELETE FROM account_session"))

    event.listen(Session, "after_commit", ended)
    try:
        answer = client.post("/admin/sign-in", data={"csrf_token": csrf, "name": "ines", "password": PASSWORD})
    finally:
        event.remove(Session, "after_commit", ended)
    assert (answer.status_code, "has ended already" in words(answer.text)) == (404, True)


def test_a_hash_made_anew_leads_on_to_the_code(app: Flask, ines: FlaskClient, house: House) -> None:
    secret, _ = set_up(ines, house)
    later(house, seconds=30)
    with writing(house.runtime.engine) as session:
        old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
        accounts.named(session, "ines").password_hash = old
    client = halfway(app)
    assert post(client, "/admin/sign-in/code", code=code(house, secret)).status_code == 302
    assert is_in(client)


@pytest.mark.parametrize("kept", ["", "nonsense", "$argon2id$v=19$broken"])
def test_a_hash_that_is_none_opens_nothing(kept: str) -> None:
    assert not passwords.matches(kept, PASSWORD)


PATHS = {
    "/admin/password": {"password": "another password of the tests", "again": "another password of the tests"},
    "/admin/account/second-factor": {"code": "000000"},
    "/admin/account/second-factor/remove": {},
    "/admin/account/sessions/end-others": {},
}


@pytest.mark.parametrize("path", PATHS)
def test_a_session_that_ends_while_it_asks_changes_nothing_of_the_account(
    ines: FlaskClient, house: House, path: str
) -> None:
    csrf, before = token(ines.get("/admin/account").text), log(house)

    def ended(_session: Session, _transaction: object, connection: Connection) -> None:
        if connection.get_execution_options().get("writing"):
            connection.execute(text("DELETE FROM account_session"))

    event.listen(Session, "after_begin", ended)
    try:
        answer = ines.post(path, data={"csrf_token": csrf, **PATHS[path]})
    finally:
        event.remove(Session, "after_begin", ended)
    assert (answer.status_code, log(house)) == (404, before)
    with reading(house.runtime.engine) as session:
        assert passwords.matches(accounts.named(session, "ines").password_hash, PASSWORD)


# -- guessing -----------------------------------------------------------------------------------


def guess(app: Flask, name: str = "ines", address: str = "192.0.2.1", password: str = "wrong") -> int:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return int(post(client, "/admin/sign-in", name=name, password=password).status_code)


def test_the_wait_after_wrong_passwords_grows_and_the_right_one_waits_too(app: Flask, house: House) -> None:
    people.account(house, "ines")
    assert [guess(app) for _ in range(6)] == [401] * 5 + [429]
    assert guess(app, password=PASSWORD) == 429
    waits = []
    for _ in range(4):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
        answer = post(client, "/admin/sign-in", name="ines", password="wrong")
        assert answer.status_code == 429
        waits.append(int(answer.headers["Retry-After"]))
        later(house, seconds=waits[-1])
        assert guess(app) == 401
    assert waits == [1, 2, 4, 8]
    assert ("a stranger", "sign-in slowed down") in log(house)
    later(house, minutes=15)
    assert guess(app, password=PASSWORD) == 302


def test_a_name_that_nobody_bears_is_slowed_down_alike(app: Flask, house: House) -> None:
    assert [guess(app, name="nobody") for _ in range(6)] == [401] * 5 + [429]
    assert ("a stranger", "sign-in slowed down") not in log(house)


def test_guesses_elsewhere_do_not_hold_up_whoever_signs_in_from_a_known_place(
    app: Flask, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = throttling.RULES["name"]._replace(free=8)
    monkeypatch.setattr(throttling, "RULES", {**throttling.RULES, "name": few})
    people.account(house, "ines")
    assert guess(app, address="198.51.100.1", password=PASSWORD) == 302
    for number in range(8):
        guess(app, address=f"203.0.113.{number}")
    assert guess(app, address="192.0.2.9", password=PASSWORD) == 429  # a new place waits meanwhile
    assert guess(app, address="198.51.100.1", password=PASSWORD) == 302
    later(house, minutes=5)
    assert guess(app, address="192.0.2.9", password=PASSWORD) == 302


def test_one_address_trying_many_names_is_slowed_down(
    app: Flask, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = throttling.RULES["address"]._replace(free=6)
    monkeypatch.setattr(throttling, "RULES", {**throttling.RULES, "address": few})
    answers = [guess(app, name=f"user{number}") for number in range(7)]
    assert answers == [401] * 6 + [429]
    assert guess(app, name="another", address="192.0.2.2") == 401


def test_one_ipv6_subscriber_is_one_address(app: Flask, house: House) -> None:
    answers = [guess(app, address=f"2001:db8:0:1::{number:x}") for number in range(1, 7)]
    assert answers == [401] * 5 + [429]
    assert guess(app, address="2001:db8:0:2::1") == 401


def test_readers_of_ipv4_on_a_socket_of_ipv6_are_not_one_address(app: Flask, house: House) -> None:
    """A server bound to [::] is told of 192.0.2.1 as ::ffff:192.0.2.1."""
    answers = [guess(app, address="::ffff:192.0.2.1") for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert guess(app, address="192.0.2.1") == 429
    assert guess(app, address="::ffff:192.0.2.2") == 401


def test_another_port_is_no_other_address(app: Flask, house: House) -> None:
    """Some proxies name the client's port as well, which is another one each time."""
    for places in ((f"192.0.2.1:{port}" for port in range(6)), (f"[2001:db8::1]:{port}" for port in range(6))):
        assert [guess(app, address=place) for place in places] == [401] * 5 + [429]


def test_the_tallies_hold_no_name_and_no_address(app: Flask, house: House) -> None:
    guess(app, name="my secret password", address="192.0.2.77")
    with reading(house.runtime.engine) as session:
        from web.throttling import Tally

        kept = str([row.model_dump() for row in session.exec(select(Tally))])
    assert "secret" not in kept
    assert "192.0.2" not in kept


# -- the second factor --------------------------------------------------------------------------


def code(house: House, secret: str, step: int = 0) -> str:
    here = int(house.now.timestamp()) // second_factor.STEP + step
    return second_factor.code_at(base64.b32decode(secret.replace(" ", "")), here).decode()


def offered(client: FlaskClient) -> str:
    """The secret that is to be set up in a browser."""
    page = client.get("/admin/account/second-factor").text
    assert "<svg" in page
    secret = re.search(r'class="mono key">([A-Z2-7 ]+)<', page)
    assert secret is not None
    return secret[1]


def set_up(client: FlaskClient, house: House) -> tuple[str, list[str]]:
    """Returns: the secret, and the recovery codes."""
    secret = offered(client)
    answer = post(client, "/admin/account/second-factor", code=code(house, secret))
    assert answer.status_code == 200
    return secret, re.findall(r'<li class="mono">([a-z2-7-]+)</li>', answer.text)


def test_codes_are_those_of_the_standard() -> None:
    secret = b"12345678901234567890"  # RFC 6238, appendix B, in six digits
    told = {59: b"287082", 1111111109: b"081804", 1234567890: b"005924", 20000000000: b"353130"}
    assert {at: second_factor.code_at(secret, at // 30) for at in told} == told


def halfway(app: Flask) -> FlaskClient:
    client = app.test_client()
    answer = post(client, "/admin/sign-in", name="ines", password=PASSWORD)
    assert "/admin/sign-in/code" in answer.location
    assert not is_in(client)
    return client


def test_with_a_second_factor_signing_in_takes_a_code_and_each_opens_once(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    secret, _ = set_up(ines, house)
    assert is_in(ines)
    used_to_set_it_up = code(house, secret)
    assert post(halfway(app), "/admin/sign-in/code", code=used_to_set_it_up).status_code == 401
    later(house, seconds=30)
    client = halfway(app)
    now = code(house, secret)
    assert post(client, "/admin/sign-in/code", code=f" {now[:3]} {now[3:]} ").status_code == 302
    assert is_in(client)
    replay = post(halfway(app), "/admin/sign-in/code", code=now)
    assert (replay.status_code, "was used already" in words(replay.text)) == (401, True)


def test_a_clock_may_be_half_a_minute_off(app: Flask, ines: FlaskClient, house: House) -> None:
    secret, _ = set_up(ines, house)
    answers = {}
    for step in (-2, -1, 0, 1, 2):
        later(house, minutes=5)
        answers[step] = post(halfway(app), "/admin/sign-in/code", code=code(house, secret, step)).status_code
    assert answers == {-2: 401, -1: 302, 0: 302, 1: 302, 2: 401}


def test_what_is_no_code_opens_nothing(app: Flask, ines: FlaskClient, house: House) -> None:
    set_up(ines, house)
    for typed in ("", "12345", "abcdef", "１２３４５６", "\0", "x" * 5000, "aaaa-aaaa-aaaa-aaaa"):
        client = halfway(app)
        assert post(client, "/admin/sign-in/code", code=typed).status_code == 401, typed
        later(house, minutes=16)  # so that none of them has to wait


def test_codes_cannot_be_guessed_from_anywhere(app: Flask, ines: FlaskClient, house: House) -> None:
    secret, _ = set_up(ines, house)
    later(house, minutes=1)
    answers = [post(halfway(app), "/admin/sign-in/code", code="000000").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    client = halfway(app)
    assert post(client, "/admin/sign-in/code", code=code(house, secret)).status_code == 429


def test_the_step_between_password_and_code_lasts_five_minutes(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    secret, _ = set_up(ines, house)
    client = halfway(app)
    csrf = token(client.get("/admin/sign-in/code").text)
    later(house, minutes=5)
    answer = client.post("/admin/sign-in/code", data={"csrf_token": csrf, "code": code(house, secret)})
    assert answer.status_code == 302
    assert not is_in(client)


def test_a_password_set_anew_ends_the_step_between_it_and_the_code(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    secret, _ = set_up(ines, house)
    later(house, seconds=30)
    client = halfway(app)
    csrf = token(client.get("/admin/sign-in/code").text)
    with writing(house.runtime.engine) as session:
        accounts.reset(session, accounts.named(session, "ines"), actor="olga", now=house.now)
    answer = client.post("/admin/sign-in/code", data={"csrf_token": csrf, "code": code(house, secret)})
    assert (answer.location, rows(house)) == ("/admin/sign-in?next=", [])


def test_a_recovery_code_opens_once(app: Flask, ines: FlaskClient, house: House) -> None:
    _, codes = set_up(ines, house)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    client = halfway(app)
    assert post(client, "/admin/sign-in/code", code=codes[0].upper()).status_code == 302
    assert "9 are left" in words(client.get("/admin/").text)
    assert post(halfway(app), "/admin/sign-in/code", code=codes[0]).status_code == 401
    with reading(house.runtime.engine) as session:
        kept = str([one.model_dump() for one in session.exec(select(second_factor.RecoveryCode))])
    assert codes[1].replace("-", "") not in kept


def test_new_recovery_codes_end_those_before(app: Flask, ines: FlaskClient, house: House) -> None:
    _, codes = set_up(ines, house)
    answer = post(ines, "/admin/account/recovery-codes", seen="/admin/account")
    fresh = re.findall(r'<li class="mono">([a-z2-7-]+)</li>', answer.text)
    assert post(halfway(app), "/admin/sign-in/code", code=codes[1]).status_code == 401
    assert post(halfway(app), "/admin/sign-in/code", code=fresh[1]).status_code == 302


def test_the_secret_is_kept_encrypted_and_with_another_key_recovery_codes_still_open(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    secret, codes = set_up(ines, house)
    with reading(house.runtime.engine) as session:
        kept = session.exec(select(second_factor.SecondFactor)).one()
    assert base64.b32decode(secret.replace(" ", "")) not in base64.urlsafe_b64decode(kept.sealed)
    with writing(house.runtime.engine) as session, pytest.raises(FactorUnreadable):
        second_factor.check(session, kept.account_id, "123456", "another key of the server", now=house.now)
    with writing(house.runtime.engine) as session:
        used = second_factor.check(session, kept.account_id, codes[3], "another key of the server", now=house.now)
    assert used == "recovery code"


def test_setting_it_up_with_a_wrong_code_takes_nothing_into_use(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    assert post(ines, "/admin/account/second-factor", code="000000").status_code == 401
    assert is_in(people.sign_in(app, "ines"))


def test_nobody_sets_up_a_secret_that_was_shown_to_another_session(
    app: Flask, ines: FlaskClient, house: House
) -> None:
    shown = offered(people.sign_in(app, "ines"))
    own = offered(ines)
    assert own != shown
    assert post(ines, "/admin/account/second-factor", code=code(house, shown)).status_code == 401
    later(house, minutes=11)
    post(ines, "/admin/sure", password=PASSWORD)
    assert offered(ines) == own  # which the app has read already
    post(ines, "/admin/account/second-factor", code=code(house, own))
    later(house, minutes=1)
    assert post(halfway(app), "/admin/sign-in/code", code=code(house, own)).status_code == 302
    post(ines, "/admin/account/second-factor/remove", seen="/admin/account")
    assert offered(ines) != own


def test_setting_it_up_ends_the_other_sessions(app: Flask, ines: FlaskClient, house: House) -> None:
    other = people.sign_in(app, "ines")
    set_up(ines, house)
    assert not is_in(other)


def test_it_is_removed_by_its_owner_and_the_log_says_so(app: Flask, ines: FlaskClient, house: House) -> None:
    set_up(ines, house)
    post(ines, "/admin/account/second-factor/remove", seen="/admin/account")
    assert is_in(people.sign_in(app, "ines"))
    assert ("ines", "second factor removed") in log(house)


def test_where_it_is_required_nothing_opens_before_it_is_set_up(
    house: House, app: Flask, database_url: str, tmp_path: Any
) -> None:
    from dataclasses import replace

    settings = make_settings(database_url, tmp_path, second_factor="required")
    strict = create_app(runtime=replace(house.runtime, settings=settings))
    people.account(house, "ines")
    ines = people.sign_in(strict, "ines")
    for path in ("/admin/", "/admin/audit", "/admin/users", "/admin/account"):
        assert ines.get(path).location == "/admin/account/second-factor"
    set_up(ines, house)
    assert is_in(ines)


# -- once more ----------------------------------------------------------------------------------


def test_a_browser_left_open_is_asked_again_before_users_are_touched(ines: FlaskClient, house: House) -> None:
    people.account(house, "joel", "editor")
    csrf = token(ines.get("/admin/users/2").text)
    later(house, minutes=11)
    answer = ines.get("/admin/users/2")
    assert answer.location == "/admin/sure?next=/admin/users/2"
    refused = ines.post("/admin/users/2/disable", data={"csrf_token": csrf})
    assert refused.location.startswith("/admin/sure")
    assert "Nothing was changed" in words(ines.get(refused.location).text)
    assert post(ines, "/admin/sure", password="wrong").status_code == 401
    right = post(ines, "/admin/sure?next=/admin/users/2", password=PASSWORD)
    assert right.location == "/admin/users/2"
    post(ines, "/admin/users/2/disable", seen="/admin/users/2")
    with reading(house.runtime.engine) as session:
        assert accounts.named(session, "joel").disabled_at is not None


def test_the_password_asked_for_again_cannot_be_guessed(ines: FlaskClient, house: House) -> None:
    answers = [post(ines, "/admin/sure", password="wrong").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_where_it_leads_next_is_inside(ines: FlaskClient) -> None:
    csrf = token(ines.get("/admin/account").text)
    for target in ("https://example.com/", "//example.com/admin/", "///admin/", "/%5Cadmin/", "%20/admin/"):
        led = ines.post(f"/admin/sure?next={target}", data={"csrf_token": csrf, "password": PASSWORD})
        assert led.location == "/admin/", target
        csrf = token(ines.get("/admin/account").text)
    led = ines.post("/admin/sure?next=/admin/audit?page=2%23x", data={"csrf_token": csrf, "password": PASSWORD})
    assert led.location == "/admin/audit?page=2#x"
