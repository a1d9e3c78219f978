"""What keeps strangers out, on both databases: sessions, tries counted by many at once, codes used once …"""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlmodel import select

from database import reading, writing
from errors import AccountExists, CodeRefused, RequestAnswered, TooManyTries
from policy_versions import archive, drafts, policies
from tests.house import FIRST, House
from tests.web import people
from web import accounts, four_eyes, passwords, second_factor, sessions, throttling
from web.sessions import Lasting, Whence
from web.throttling import Tally

SECRET = "a secret of the tests, long enough to pass"
LASTING = Lasting(timedelta(hours=12), timedelta(hours=1))


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@both
def test_of_many_tries_at_once_no_more_than_the_free_ones_are_looked_at(house: House) -> None:
    kinds = throttling.sign_in_kinds("ines", "192.0.2.1")

    def attempt(_: int) -> bool:
        try:
            with writing(house.runtime.engine) as session:
                throttling.claim(session, kinds, SECRET, now=house.now)
        except TooManyTries:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        looked_at = sum(pool.map(attempt, range(12)))
    assert looked_at == throttling.RULES["name from address"].free


@both
def test_what_succeeds_is_forgiven_and_old_tallies_go(house: House) -> None:
    kinds = throttling.sign_in_kinds("ines", "192.0.2.1")
    with writing(house.runtime.engine) as session:
        claimed = throttling.claim(session, kinds, SECRET, now=house.now)
        throttling.forgive(session, claimed, kinds, SECRET, now=house.now)
        assert {row.count for row in session.exec(select(Tally))} == {0.0}
    house.runtime.clock.instant += timedelta(days=91)  # type: ignore[attr-defined]
    others = throttling.sign_in_kinds("joel", "192.0.2.2")
    with writing(house.runtime.engine) as session:
        claimed = throttling.claim(session, others, SECRET, now=house.now)
        throttling.forgive(session, claimed, others, SECRET, now=house.now)
        assert len(session.exec(select(Tally)).all()) == 3


@both
def test_sessions_begin_are_found_and_end(house: House) -> None:
    number = people.account(house, "ines")
    with writing(house.runtime.engine) as session:
        first, second = (
            sessions.begin(session, number, Whence("192.0.2.1", "x"), now=house.now) for _ in range(2)
        )
    with writing(house.runtime.engine) as session:
        found = sessions.find(session, first, LASTING, now=house.now)
        assert found is not None
        assert sessions.end_all(session, number, but=found.id) == 1
        assert sessions.find(session, second, LASTING, now=house.now) is None
        sessions.forget_over(session, LASTING, now=house.now + timedelta(hours=1))
        assert sessions.listed(session, number, LASTING, now=house.now) == []


@both
def test_of_two_uses_of_a_code_at_once_one_opens_and_so_of_a_recovery_code(house: House) -> None:
    number = people.account(house, "ines")
    with writing(house.runtime.engine) as session:
        sealed = second_factor.begin(SECRET)
        secret = base64.b32decode(second_factor.shown(sealed, SECRET) or "")
        step = int(house.now.timestamp()) // second_factor.STEP
        first = second_factor.code_at(secret, step - 1).decode()
        recovery = second_factor.confirm(session, number, sealed, first, SECRET, now=house.now)
    code = second_factor.code_at(secret, step).decode()

    def use(typed: str) -> bool:
        try:
            with writing(house.runtime.engine) as session:
                second_factor.check(session, number, typed, SECRET, now=house.now)
        except CodeRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for typed in (code, recovery[0]):
            assert sorted(pool.map(use, (typed, typed))) == [False, True]


class Meanwhile(PasswordHasher):
    """While the first password is hashed, somebody makes an account of that name."""

    def __init__(self, deed: Callable[[], None]) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self._deed = deed

    def hash(self, *given: Any, **named: Any) -> str:
        deed, self._deed = self._deed, lambda: None
        deed()
        return super().hash(*given, **named)


# on SQLite one writes at a time
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_accounts_of_one_name_made_at_once_one_is(house: House) -> None:
    def make() -> None:
        with writing(house.runtime.engine) as session:
            accounts.create(session, "joel", held=["editor"], actor="olga", now=house.now)

    usual = passwords.hasher()
    passwords.use(Meanwhile(make))
    try:
        with pytest.raises(AccountExists):
            make()
    finally:
        passwords.use(usual)
    with reading(house.runtime.engine) as session:
        assert len(accounts.listed(session)) == 1


@both
def test_of_two_publishers_who_answer_at_once_one_does(house: House) -> None:
    for name in ("ines", "joel", "mara"):
        people.account(house, name, "publisher")
    house.policy()
    house.publish(FIRST)
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        source = archive.history(session, policy).entry(1).revision
        draft = drafts.start(session, policy, source, actor="ines", now=house.now)
        digest = four_eyes.digest_of_draft(draft, {})
        wish = four_eyes.Wish("publish", policy.id or 0, draft.id or 0, digest, "Publish it", {})
        four_eyes.ask(session, wish, actor="ines", now=house.now)

    def answer(name: str) -> bool:
        try:
            with writing(house.runtime.engine) as session:
                four_eyes.confirm(session, 1, actor=name, now=house.now)
        except RequestAnswered:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(answer, ("joel", "mara"))) == [False, True]
    with reading(house.runtime.engine) as session:
        assert accounts.who_may(session, "publish") == ["ines", "joel", "mara"]
