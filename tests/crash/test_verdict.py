"""The judge is judged: a campaign without fault passes, and each fault is found by its own name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.crash.journal import Request
from tests.crash.rows import Attempt, Delivery, Event, Ledger, Violence
from tests.crash.verdict import Verdict, count, judge, judge_restored

LETTERS = [(1, "m1@example.com"), (2, "m2@example.com")]
DELIVERIES = {
    id: Delivery(id, address, batch=1, position=position, outcome="")
    for position, (id, address) in enumerate(LETTERS)
}


def attempt(id: int, state: str = "accepted", *, at: float, **others: Any) -> Attempt:
    """One that began at `at` and was settled half a second later."""
    usual = {
        "batch": 1,
        "first": 0,
        "last": 2,
        "recipients": 2,
        "doubted_at": None,
        "recorded_at": at + 0.5,
        "settled_by": "answer",
        "duplicate": False,
    }
    return Attempt(**{"id": id, "state": state, "started_at": at, **usual, **others})


def request(of: int, *, at: float, **others: Any) -> Request:
    """One that came and was taken at `at`."""
    usual = {"caller": "worker-1", "came": at, "taken": at, "answered": at, "status": 202, "letters": LETTERS}
    return Request(**{"number": of, "attempt": of, **usual, **others})


def kill(*open_: int, at: float = 10.3) -> Violence:
    return Violence("kill", "worker-1", at, at, frozenset(open_))


def ledger(*attempts: Attempt, state: str = "complete", events: Iterable[Event] = ()) -> Ledger:
    return Ledger(state, {each.id: each for each in attempts}, DELIVERIES, list(events))


def judged(requests: list[Request], violence: list[Violence], after: Ledger) -> Verdict:
    return judge(requests, violence, after)


# what a kill between the taking and the commit of the answer leads to: unknown, then sent again
KILLED = attempt(1, "resent", at=10, doubted_at=12, recorded_at=14, settled_by="")
AGAIN = attempt(2, at=15)


def test_a_notice_sent_once_breaks_no_rule() -> None:
    assert judged([request(1, at=10.1)], [], ledger(attempt(1, at=10))).violations == {}


def test_a_repeat_of_what_was_open_at_a_kill_and_listed_breaks_no_rule() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    assert judged(requests, [kill(1)], ledger(KILLED, AGAIN)).violations == {}


def test_kills_and_repeats_are_counted() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    counts = count(requests, [kill(1), kill(at=20)], ledger(KILLED, AGAIN))
    assert (counts.kills, counts.inside, counts.letters, counts.repeats) == (2, 1, 4, 2)
    assert (counts.after_violence, counts.open_recipients, counts.after_silence) == (2, 2, 0)


def test_a_kill_before_the_first_byte_is_not_inside_a_request() -> None:
    counts = count([request(1, at=10.4)], [kill(1, at=10.3)], ledger(attempt(1, at=10)))
    assert counts.inside == 0


def test_an_address_that_was_never_taken_is_lost_whatever_the_ledger_says() -> None:
    found = judged([request(1, at=10.1, letters=LETTERS[:1])], [], ledger(attempt(1, at=10, recipients=1)))
    assert found.violations == {"lost": ("m2@example.com",)}


def test_a_letter_that_the_ledger_says_failed_is_not_lost() -> None:
    after = ledger(attempt(1, at=10, recipients=1))
    failed = {2: DELIVERIES[2]._replace(outcome="failed")}
    found = judged([request(1, at=10.1, letters=LETTERS[:1])], [], after._replace(deliveries=DELIVERIES | failed))
    assert found.violations == {}


def test_sent_again_after_its_answer_was_recorded() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    known = attempt(1, at=10, doubted_at=10.2, recorded_at=14.9, duplicate=True)
    found = judged(requests, [kill(1)], ledger(known, AGAIN))
    assert [(each.delivery, each.earlier, each.later) for each in found.needless] == [(1, 1, 2), (2, 1, 2)]
    assert found.violations.keys() == {"needless"}


@pytest.mark.parametrize("named", [1, None])
def test_sent_again_after_an_event_of_it_was_recorded(named: int | None) -> None:
    """Whether the event carried the attempt, or was only matched to the letter."""
    requests = [request(1, at=10.1), request(2, at=15.1)]
    found = judged(requests, [kill(1)], ledger(KILLED, AGAIN, events=[Event(1, named, 14.5)]))
    assert {each.delivery for each in found.needless} == ({1, 2} if named else {1})


def test_an_event_that_came_after_the_repeat_began_was_too_late_to_stop_it() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    found = judged(requests, [kill(1)], ledger(KILLED, AGAIN, events=[Event(1, 1, 15.05)]))
    assert found.violations == {}


def test_a_third_taking_is_needless_when_the_first_was_known() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1), request(3, at=19.1)]
    late = attempt(1, at=10, doubted_at=12, recorded_at=17, settled_by="event", duplicate=True)
    doubtful = attempt(2, "resent", at=15, doubted_at=16, recorded_at=18)
    found = judged(requests, [kill(1), kill(2, at=15.3)], ledger(late, doubtful, attempt(3, at=19)))
    assert {(each.earlier, each.later) for each in found.needless} == {(2, 3)}


def test_a_repeat_of_what_nobody_had_listed_as_unknown() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    silently = attempt(1, "resent", at=10, recorded_at=14)
    assert judged(requests, [], ledger(silently, AGAIN)).unlisted == (1,)


def test_a_repeat_that_began_before_it_was_listed_as_unknown() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    afterwards = KILLED._replace(doubted_at=15.2, recorded_at=15.3)
    assert judged(requests, [], ledger(afterwards, AGAIN)).unlisted == (1,)


@pytest.mark.parametrize("doubted_at", [None, 13.0])
def test_open_at_a_kill_and_settled_before_it_was_listed(doubted_at: float | None) -> None:
    settled = attempt(1, at=10, recorded_at=12, doubted_at=doubted_at)
    assert judged([request(1, at=10.1)], [kill(1)], ledger(settled)).violations == {"unlisted": (1,)}


def test_open_at_a_kill_and_evidenced_before_its_lease_ran_out() -> None:
    """It was never in doubt."""
    settled = attempt(1, at=10, recorded_at=11, settled_by="event")
    assert judged([request(1, at=10.1)], [kill(1)], ledger(settled)).violations == {}


def test_open_at_a_kill_whose_answer_was_being_committed() -> None:
    """The database finishes a commit that it was asked for, though whoever asked is dead."""
    settled = attempt(1, at=10, recorded_at=10.25)
    assert judged([request(1, at=10.1)], [kill(1)], ledger(settled)).violations == {}


def test_an_attempt_that_vanished_after_a_kill_is_missed() -> None:
    assert judged([request(1, at=10.1)], [kill(7)], ledger(attempt(1, at=10))).unlisted == (7,)


def test_open_at_a_stop_and_recorded_after_waking_needs_no_listing() -> None:
    stopped = Violence("stop", "worker-1", 10.2, 12.0, frozenset({1}))
    woke = attempt(1, at=10, recorded_at=12.1)
    assert judged([request(1, at=10.1)], [stopped], ledger(woke)).violations == {}


@pytest.mark.parametrize("state", ["not_sent", "refused", "halved"])
def test_taken_though_recorded_as_not_taken(state: str) -> None:
    assert judged([request(1, at=10.1)], [], ledger(attempt(1, state, at=10))).untrue == (1,)


def test_recorded_as_taken_though_the_provider_never_did() -> None:
    found = judged([request(1, at=10.1, taken=None, letters=())], [], ledger(attempt(1, at=10)))
    assert found.violations == {"lost": ("m1@example.com", "m2@example.com"), "untrue": (1,)}


@pytest.mark.parametrize(
    "carried",
    [
        [(1, "m1@example.com"), (2, "m1@example.com")],  # somebody else's address
        [(1, "m1@example.com"), (9, "m9@example.com")],  # no delivery of ours
        [*LETTERS, *LETTERS[:1]],  # one twice
    ],
)
def test_letters_that_are_not_the_attempts_own(carried: list[tuple[int, str]]) -> None:
    assert 1 in judged([request(1, at=10.1, letters=carried)], [], ledger(attempt(1, at=10))).astray


def test_letters_of_other_positions() -> None:
    assert judged([request(1, at=10.1)], [], ledger(attempt(1, at=10, first=1, last=3))).astray == (1,)


def test_one_attempt_that_went_out_twice() -> None:
    requests = [request(1, at=10.1), request(1, at=10.2)]
    assert judged(requests, [kill(1)], ledger(attempt(1, at=10, doubted_at=10.3))).violations == {"astray": (1,)}


def test_a_request_without_an_attempt_on_record() -> None:
    assert judged([request(1, at=10.1), request(8, at=10.1)], [], ledger(attempt(1, at=10))).astray == (8,)


def test_two_letters_known_and_neither_marked() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    known_late = attempt(1, at=10, doubted_at=12, recorded_at=16)
    assert {each.delivery for each in judged(requests, [kill(1)], ledger(known_late, AGAIN)).unmarked} == {1, 2}
    marked = known_late._replace(duplicate=True)
    assert judged(requests, [kill(1)], ledger(marked, AGAIN)).violations == {}


@pytest.mark.parametrize("state", ["started", "unknown"])
def test_an_attempt_that_nobody_settled(state: str) -> None:
    found = judged([request(1, at=10.1)], [], ledger(attempt(1, state, at=10, recorded_at=None)))
    assert found.violations == {"unsettled": (f"attempt 1 is {state}",)}


def test_a_notice_that_did_not_complete() -> None:
    found = judged([request(1, at=10.1)], [], ledger(attempt(1, at=10), state="sending"))
    assert found.violations == {"unsettled": ("the notice is sending",)}


def test_repeats_after_silence_are_counted_apart_from_those_after_violence() -> None:
    requests = [request(1, at=10.1, answered=None, status=None), request(2, at=15.1)]
    counts = count(requests, [], ledger(KILLED, AGAIN))
    assert (counts.after_violence, counts.after_silence, counts.silent_recipients) == (0, 2, 2)


def test_what_was_open_while_the_database_was_cut_off_is_told_by_the_times() -> None:
    requests = [request(1, at=10.1), request(2, at=15.1)]
    cut = Violence("cut", "", 10.2, 11.0, frozenset())
    counts = count(requests, [cut], ledger(KILLED, AGAIN))
    assert (counts.after_violence, counts.open_recipients) == (2, 2)


# -- after a restore ----------------------------------------------------------------------------

LISTED = ledger(attempt(1, "unknown", at=10, recorded_at=None), state="paused")
CALM = {"lost_at": 20.0, "lifted_at": 30.0}


def test_what_a_restored_ledger_listed_as_unknown_may_be_taken_again() -> None:
    requests = [request(1, at=10.1), request(2, at=31.0)]
    found = judge_restored(requests, LISTED, ledger(attempt(2, at=31)), **CALM)
    assert (found.violations, found.repeats, found.listed) == ({}, 2, 2)


def test_what_it_did_not_list_may_not() -> None:
    requests = [request(1, at=10.1), request(2, at=31.0)]
    told = ledger(attempt(1, at=10), state="paused")
    assert judge_restored(requests, told, ledger(attempt(2, at=31)), **CALM).violations == {"unlisted": (1, 2)}


def test_nothing_may_leave_before_a_person_has_said_so() -> None:
    found = judge_restored([request(1, at=25.0)], LISTED, ledger(attempt(1, at=25)), **CALM)
    assert found.violations == {"early": (1,)}


def test_whom_neither_the_lost_database_nor_the_restored_one_reached_is_lost() -> None:
    requests = [request(1, at=10.1, letters=LETTERS[:1])]
    found = judge_restored(requests, LISTED, ledger(attempt(1, "unknown", at=10)), **CALM)
    assert found.violations == {"lost": ("m2@example.com",), "unsettled": ("attempt 1 is unknown",)}
