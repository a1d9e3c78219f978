"""What SendGrid posts is read element by element: nothing in a body spoils the rest, or is believed blindly."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.events import reading
from notifier.events.reading import Reading, Reported
from notifier.models import EVENTS

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())
PLAIN = {"event": "delivered", "timestamp": SECONDS, "delivery": "7", "attempt": "3", "email": "ada@example.com"}
DEEP = "[" * 10_000 + "]" * 10_000


def read(given: object) -> Reading:
    raw = given if isinstance(given, bytes) else json.dumps(given).encode()
    return reading.read(raw, received_at=NOON)


def event(**fields: Any) -> Reported:
    """The one event of a body, of which some fields are as given."""
    (found,) = read([{**PLAIN, **fields}]).events
    return found


def is_bad(**fields: Any) -> bool:
    found = read([{**PLAIN, **fields}])
    return found.events == [] and found.bad == 1


def test_an_event_says_what_when_and_of_which_letter_in_which_request() -> None:
    assert event(sg_message_id="x.recvd-1") == Reported(
        "delivered", NOON, 7, "7", 3, "ada@example.com", "x.recvd-1"
    )


# -- no events ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no",
        b"\xff\xfe",
        b"[",
        b'[{"event": "delivered", "timest',
        b'[{"event": "delivered"}',
        b"[1,]",
        b"[]]",
    ],
)
def test_what_is_not_json_is_said_to_be_none(raw: bytes) -> None:
    assert read(raw) == Reading([], said="It is not JSON.")


@pytest.mark.parametrize("given", [{}, PLAIN, 1, "x", None, True, 1.5])
def test_what_is_no_list_is_said_to_be_none(given: object) -> None:
    assert read(given) == Reading([], said="It is no list of events.")


def test_an_empty_list_says_nothing() -> None:
    assert read([]) == Reading([])


def test_a_byte_order_mark_is_no_fault() -> None:
    assert len(read(b"\xef\xbb\xbf" + json.dumps([PLAIN]).encode()).events) == 1


@pytest.mark.parametrize("given", [[1, 2, 3], [None, True, "x"], [[PLAIN]] * 3, [{}, {"event": 5}, {"event": []}]])
def test_elements_that_are_no_events_are_counted(given: list[object]) -> None:
    assert read(given) == Reading([], 3, "3 of 3 elements could not be read.")


def test_one_bad_element_spoils_no_other() -> None:
    found = read([PLAIN, 5, {**PLAIN, "timestamp": "soon"}, {**PLAIN, "delivery": "8"}])
    assert [each.delivery for each in found.events] == [7, 8]
    assert found.said == "2 of 4 elements could not be read."


@pytest.mark.parametrize("name", ["open", "click", "unsubscribe", "group_resubscribe", "account_status_change"])
def test_what_says_nothing_of_whether_a_letter_came_is_passed_over(name: str) -> None:
    assert read([{"event": name}, PLAIN]) == Reading([event()])


@pytest.mark.parametrize(
    "name", ["shown", "failed", "bounced", "BOUNCE", "", "x" * 1000, "bounce\0", None, 5, ["bounce"]]
)
def test_a_name_that_is_not_sendgrids_is_no_event(name: object) -> None:
    """Nor is one that only we may give."""
    assert is_bad(event=name)


# -- deep, long and broken ----------------------------------------------------------------------


def test_an_element_nested_too_deep_spoils_no_other() -> None:
    good = json.dumps(PLAIN)
    raw = f'[{good}, {{"event": "bounce", "x": {DEEP}}}, {DEEP}, {good}]'.encode()
    assert read(raw) == Reading([event(), event()], 2, "2 of 4 elements could not be read.")


def test_what_is_nested_too_deep_and_is_no_list_is_said_to_be_none() -> None:
    assert read(f'{{"event": "bounce", "x": {DEEP}}}'.encode()) == Reading([], said="It is no list of events.")


@pytest.mark.parametrize("tail", ["", '"', '"\\', '"\\"', "}" * 20_000, "]" * 9_000, ",,"])
def test_what_is_nested_too_deep_and_cut_off_is_said_to_be_bad(tail: str) -> None:
    found = read(b"[" * 10_000 + tail.encode())
    assert (found.events, found.bad > 0) == ([], True)


def test_brackets_in_words_are_no_nesting() -> None:
    words = json.dumps({**PLAIN, "reason": '[[{{"\\' * 50})
    raw = f"[{words}, {DEEP}, {words}]".encode()
    assert (len(read(raw).events), read(raw).bad) == (2, 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 30_000_000,
        b"[" * 2000 + b'"' + b'\\"' * 14_000_000,
        b"[" * 2000 + b"]" * 1999 + b"," + b" " * 29_000_000,
        b"[" + b"9" * 30_000_000 + b"]",
    ],
    ids=["brackets", "a string without end", "blanks", "digits"],
)
def test_30_mb_take_no_more_memory_than_a_few_copies(raw: bytes) -> None:
    tracemalloc.start()
    try:
        assert read(raw).events == []
        assert tracemalloc.get_traced_memory()[1] < 4 * len(raw)
    finally:
        tracemalloc.stop()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*PLAIN, "type", "reason"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.one_of(st.binary(), json_values.map(lambda value: json.dumps(value).encode()), st.text().map(str.encode))
)
def test_whatever_is_read_gives_only_what_columns_hold(raw: bytes) -> None:
    assert_sound(read(raw))


@given(
    st.lists(
        st.fixed_dictionaries(
            {"event": st.sampled_from(["bounce", "dropped"])},
            optional=dict.fromkeys([*list(PLAIN)[1:], "type", "reason"], json_values),
        )
    )
)
def test_whatever_an_event_says_gives_only_what_columns_hold(elements: list[object]) -> None:
    found = read(elements)
    assert_sound(found)
    assert len(found.events) + found.bad == len(elements) or any("open" in str(each) for each in elements)


def assert_sound(found: Reading) -> None:
    for each in found.events:
        assert each.event in EVENTS
        assert datetime(2000, 1, 1, tzinfo=UTC) <= each.happened_at <= NOON + timedelta(days=1)
        assert all(abs(number) < 2**63 for number in (each.delivery, each.attempt) if number is not None)
        assert "\0" not in (each.named + each.address + each.message_id).encode().decode()
        assert not set(each.named) - set("-0123456789no number")


# -- times --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (SECONDS, 0),
        (str(SECONDS), 0),
        (SECONDS + 0.9, 0),
        (SECONDS - 86_400 * 365, -86_400 * 365),
        (SECONDS + 86_400, 86_400),
    ],
)
def test_a_time_is_in_whole_unix_seconds(given: object, seconds: int) -> None:
    assert event(timestamp=given).happened_at == NOON + timedelta(seconds=seconds)


NO_TIMES: list[object] = [
    *(None, True, "", "soon", "1e9", "2026-06-01", [SECONDS], {}, "9" * 19, "9" * 5000, "١٢٣"),
    *(-1, 0, 946_684_799, SECONDS + 86_401, SECONDS * 1000, 10**18, 10**400, 1e308, float("inf"), float("nan")),
]


@pytest.mark.parametrize("given", NO_TIMES)
def test_a_time_that_cannot_be_is_none(given: object) -> None:
    assert is_bad(timestamp=given)


def test_a_number_beyond_all_measure_spoils_nothing_else() -> None:
    raw = (
        b'[{"event": "delivered", "timestamp": 1e999}, {"x": '
        + b"9" * 5000
        + b"}, "
        + json.dumps(PLAIN).encode()
        + b"]"
    )
    assert read(raw) == Reading([event()], 2, "2 of 3 elements could not be read.")


# -- ids ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [7, "7", "0007"])
def test_an_id_is_digits(given: object) -> None:
    assert (event(delivery=given).delivery, event(attempt=given).attempt) == (7, 7)


def test_a_letter_to_a_subscriber_is_named_below_zero() -> None:
    assert event(delivery="-7").delivery == -7


NO_IDS: list[object] = [
    *("", "0", 0, "ada@example.com", "7; DROP", "7\n", " 7", "७", "+7", "7.0", 7.0, True, None, [7]),
    *(str(2**63), "9" * 19, "9" * 40),
]


@pytest.mark.parametrize("given", NO_IDS)
def test_what_is_named_and_is_no_id_is_of_no_letter_and_is_not_kept(given: object) -> None:
    """The member that its address belongs to is not looked for either: something else was meant."""
    found = event(delivery=given)
    assert (found.delivery, found.named) == (None, "no number")


def test_the_largest_id_is_one() -> None:
    assert event(delivery=str(2**63 - 1)).delivery == 2**63 - 1


def test_nothing_named_is_nothing() -> None:
    (found,) = read([{"event": "bounce", "timestamp": SECONDS}]).events
    assert found == Reported("bounce", NOON, bars=True)


@pytest.mark.parametrize("given", ["", "x", "-", None, True, 1.5, "9" * 30, {}])
def test_a_request_that_is_no_number_is_none(given: object) -> None:
    assert event(attempt=given).attempt is None


def test_how_often_a_letter_was_tried_is_not_taken_for_its_request() -> None:
    """A deferral has a field of its own called as ours."""
    assert event(event="deferred", attempt="5").attempt is None
    assert event(event="processed", attempt="5").attempt == 5


# -- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, 5, ["a@b.example"], "a\0@b.example", "a" * 311 + "@b.example"])
def test_an_address_that_cannot_be_hashed_is_none(given: object) -> None:
    assert event(email=given).address == ""


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "a\\ud83d@b.example"])
def test_half_a_surrogate_pair_is_no_text(half: str) -> None:
    raw = f'[{{"event": "bounce", "timestamp": {SECONDS}, "email": "{half}", "sg_message_id": "{half}"}}]'
    (found,) = read(raw.encode()).events
    assert (found.address, found.message_id) == ("", "")
    assert read(f'[{{"event": "{half}", "timestamp": {SECONDS}}}]'.encode()).bad == 1


@pytest.mark.parametrize("kind", ["bounce", None, ""])
def test_a_hard_bounce_bars_its_address(kind: str | None) -> None:
    found = event(event="bounce", type=kind)
    assert (found.event, found.bars) == ("bounce", True)


@pytest.mark.parametrize("kind", ["blocked", "expired", "something new", 5])
def test_a_letter_given_up_for_no_fault_of_the_address_bars_nothing(kind: object) -> None:
    """So ends what was deferred for 72 hours: it came back as any."""
    found = event(event="bounce", type=kind)
    assert (found.event, found.bars) == ("bounce", False)


@pytest.mark.parametrize("reason", ["Bounced Address", "Spam Reporting Address", "Invalid", "invalid", ""])
def test_a_drop_for_the_addresss_sake_bars_it(reason: str) -> None:
    assert event(event="dropped", reason=reason).bars


@pytest.mark.parametrize(
    "reason",
    ["Recipient List over Package Quota", "Invalid SMTPAPI header", "Spam Content", "Unsubscribed Address"],
)
def test_a_drop_for_another_reason_bars_nothing(reason: str) -> None:
    assert not event(event="dropped", reason=reason).bars


def test_a_complaint_bars_and_what_went_well_does_not() -> None:
    barring = {
        name for name in ("processed", "deferred", "blocked", "delivered", "spamreport") if event(event=name).bars
    }
    assert barring == {"spamreport"}
