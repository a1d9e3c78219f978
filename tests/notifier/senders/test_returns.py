from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.senders import Refused
from notifier.senders.returns import ReturnAddress
from settings import LONGEST_BOUNCE_NAME

OURS = ReturnAddress("bounces@example.com", "a secret")
IDS = st.integers(-(2**63) + 1, 2**63 - 1).filter(bool)


@given(number=IDS)
def test_an_address_says_whose_letter_it_was_however_it_is_written(number: int) -> None:
    address = OURS.of(number)
    assert OURS.read(address) == OURS.read(f"To: <{address.upper()}>, x") == number
    assert address == address.lower()
    assert address.isascii()


@given(number=IDS)
def test_the_longest_name_that_is_allowed_leaves_room_for_the_number(number: int) -> None:
    longest = ReturnAddress(f"{'b' * LONGEST_BOUNCE_NAME}@example.com", "a secret").of(number)
    assert len(longest.partition("@")[0]) <= 64


def test_no_other_number_and_no_other_secret_has_that_signature() -> None:
    address = OURS.of(17)
    assert OURS.read(address.replace("+17-", "+18-")) is None
    assert OURS.read(address.replace("+17-", "+s17-")) is None
    assert OURS.read(address.replace("+17-", "+017-")) is None
    assert OURS.read(ReturnAddress("bounces@example.com", "another secret").of(17)) is None


def test_a_forged_address_does_not_hide_a_genuine_one() -> None:
    assert OURS.read(f"{OURS.of(17).replace('+17-', '+18-')} {OURS.of(5)}") == 5


def test_letters_that_left_under_another_name_are_recognised() -> None:
    assert OURS.read(ReturnAddress("returns+x@example.net", "a secret").of(17)) == 17


def test_a_domain_is_written_in_ascii() -> None:
    assert ReturnAddress("bounces@exämple.com", "a secret").of(1).endswith("@xn--exmple-cua.com")


def test_a_malformed_address_is_refused() -> None:
    with pytest.raises(Refused):
        ReturnAddress("bounces", "a secret")


@pytest.mark.parametrize(
    "text", ["", "+17-@", "bounces@example.com", "+17-aaaaaaaaaaaaaaaa@", "+" * 100_000, "+1" * 100_000]
)
def test_what_is_no_return_address_of_ours_says_nothing(text: str) -> None:
    assert OURS.read(text) is None
