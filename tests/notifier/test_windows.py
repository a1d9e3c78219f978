"""Windows: who is written to at the last moment, how requests are cut, and how a bad address is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, insert, select, update

from database import reading, writing
from notifier import addresses, control, members, outbox, scheduler, suppressions, windows
from notifier.models import Attempt, Batch, Delivery, Member
from notifier.senders.protocol import NotSent, Refused, Unknown
from notifier.senders.sendgrid import SendGridSender
from tests.house import House, KeptLetters
from tests.notifier.sending import (
    Later,
    act,
    attempts,
    batches,
    change,
    fates,
    member,
    opened,
    outcomes,
    people,
    states,
    worker,
)
from tests.stubs.sendgrid import KEY, Stub

MALFORMED = Refused("The address is malformed (personalizations.to).", status=400, address=True)


def deliver(house: House) -> None:
    """Send what is due, placing again what lost its place."""
    for _ in range(2):
        outbox.deliver(house.runtime)
        scheduler.top_up(house.runtime)
    outbox.deliver(house.runtime)


def suppress(house: House, address: str) -> None:
    with writing(house.runtime.engine) as session:
        key = addresses.key(address, house.runtime.secret)
        suppressions.suppress(session, key, "bounce", None, house.now)


# -- who is written to at the last moment -------------------------------------------------------


def test_who_was_erased_or_has_lapsed_since_gets_nothing_and_the_reason_is_kept(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 4)
    change(running, "m001", retained_until=(running.now + timedelta(hours=1)).isoformat())
    opened(running)
    with writing(running.runtime.engine) as session:
        gone = member(session, "m002")
        members.erase(session, gone, actor="ines", now=running.now)
    later(hours=1)
    deliver(running)
    assert letters.requests == [("m000@example.com", "m003@example.com")]
    assert outcomes(running) == {"m001": ("skipped", "lapsed"), f"member {gone.id}": ("skipped", "erased")}
    assert attempts(running)[0].recipients == 2
    assert (states(running), running.notice().state) == ({"accepted": 2, "skipped": 2}, "complete")


def test_who_is_suppressed_since_gets_the_site_notice(running: House, letters: KeptLetters) -> None:
    people(running, 2)
    opened(running)
    suppress(running, "m001@example.com")
    deliver(running)
    assert letters.addresses == ["m000@example.com"]
    assert states(running) == {"accepted": 1, "site notice only": 1}
    assert {(b.channel, b.reason) for b in batches(running)} == {("email", ""), ("site", "suppressed")}


def test_who_changed_their_address_is_written_to_at_the_new_one(running: House, letters: KeptLetters) -> None:
    people(running, 2)
    opened(running)
    change(running, "m001", email="new@example.com")
    deliver(running)
    assert letters.requests == [("m000@example.com", "new@example.com")]


def test_who_has_a_guardian_since_is_told_through_them(running: House, letters: KeptLetters) -> None:
    people(running, 2)
    opened(running)
    change(running, "m001", guardian_email="guardian@example.com")
    deliver(running)
    assert letters.addresses == ["guardian@example.com", "m000@example.com"]
    assert {batch.audience for batch in batches(running)} == {"member", "guardian"}


def test_a_guardian_who_is_suppressed_since_leaves_the_site_notice(running: House, letters: KeptLetters) -> None:
    people(running, 2, guardian_email="a@example.com")
    change(running, "m001", guardian_email="b@example.com")
    opened(running)
    suppress(running, "b@example.com")
    deliver(running)
    assert letters.addresses == ["a@example.com"]
    assert states(running) == {"accepted": 1, "site notice only": 1}


def test_a_member_of_age_since_is_told_themselves(running: House, letters: KeptLetters) -> None:
    people(running, 1, guardian_email="guardian@example.com")
    opened(running)
    change(running, "m000", guardian_email="")
    deliver(running)
    assert letters.addresses == ["m000@example.com"]


def test_where_a_whole_window_is_left_out_those_behind_it_are_not_forgotten(
    running: House, letters: KeptLetters
) -> None:
    people(running, 6)
    letters.request_size = 2
    opened(running)
    with writing(running.runtime.engine) as session:  # all in one batch, so that windows follow each other
        first = session.exec(select(Batch.id).order_by(col(Batch.id))).first()
        session.exec(update(Delivery).values(batch_id=first))
        session.exec(update(Member).where(col(Member.id) <= 4).values(retained_until=running.now))
    outbox.deliver(running.runtime)
    assert letters.addresses == ["m004@example.com", "m005@example.com"]


# -- cutting requests ---------------------------------------------------------------------------

SPELLINGS = (
    "ann@example.com",
    "Ann@Example.com",
    "bo@example.com",
    "e\u0301va@example.com",
    "\u00e9va@example.com",
)


@given(
    st.lists(st.sampled_from(SPELLINGS) | st.emails(), max_size=25),
    st.sets(st.integers(0, 30)),
    st.integers(1, 8),
)
def test_an_address_stands_in_a_request_once_and_nobody_is_left_out(
    written: list[str], barriers: set[int], size: int
) -> None:
    ready = [windows._Ready(place, 100 + place, address) for place, address in enumerate(written)]
    chunks = windows._cut(ready, addresses.all_normalised(written), sorted(barriers), size)
    assert [one for chunk in chunks for one in chunk] == ready
    for chunk in chunks:
        mailboxes = [addresses.normalised(one.address) for one in chunk]
        assert 0 < len(mailboxes) <= size
        assert len(set(mailboxes)) == len(mailboxes)
        crossed = {cut for cut in barriers if chunk[0].position < cut <= chunk[-1].position}
        assert not crossed, "a request begins at each barrier"


@given(st.lists(st.emails() | st.text(alphabet="aB\u00c9\u0301 \n\t\r@.\x1c\u212a\u00df", max_size=6), max_size=8))
def test_all_at_once_addresses_are_normalised_as_one_by_one(written: list[str]) -> None:
    assert addresses.all_normalised(written) == [addresses.normalised(each) for each in written]


def test_members_who_share_an_address_get_a_letter_each_in_requests_of_their_own(
    running: House, letters: KeptLetters
) -> None:
    people(running, 6)
    for name, address in (
        ("m001", "home@example.com"),
        ("m003", "HOME@example.com"),
        ("m004", "home@example.com"),
    ):
        change(running, name, email=address)
    opened(running)
    outbox.deliver(running.runtime)
    assert len(letters.taken) == 6
    assert len({recipient.delivery_id for _, recipient in letters.taken}) == 6
    for request in letters.requests:
        assert len({address.casefold() for address in request}) == len(request)
    assert running.notice().state == "complete"


def test_letters_leave_in_requests_no_larger_than_the_sender_takes(running: House, letters: KeptLetters) -> None:
    people(running, 10)
    opened(running)  # one batch
    letters.request_size, letters.window = 4, 2
    outbox.deliver(running.runtime)
    assert sorted(map(len, letters.requests)) == [2, 4, 4]
    spans = sorted((each.first, each.last) for each in attempts(running))
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_what_is_written_of_a_request_names_no_address(running: House, letters: KeptLetters, later: Later) -> None:
    """So that the evidence outlives an erasure: the same letters to other addresses have the same hash."""
    people(running, 2)
    letters.answers.append(NotSent("busy", retry_after=60))
    opened(running)
    outbox.deliver(running.runtime)
    change(running, "m001", email="new@example.com")
    later(minutes=1)
    outbox.deliver(running.runtime)
    first, second = attempts(running)
    assert first.body_sha256 == second.body_sha256
    assert len(first.body_sha256) == 64


def test_a_repeat_without_those_who_left_meanwhile_has_a_hash_of_its_own(
    running: House, letters: KeptLetters, later: Later
) -> None:
    people(running, 2)
    letters.answers.append(NotSent("busy", retry_after=60))
    opened(running)
    outbox.deliver(running.runtime)
    with writing(running.runtime.engine) as session:
        members.erase(session, member(session, "m001"), actor="ines", now=running.now)
    later(minutes=1)
    outbox.deliver(running.runtime)
    first, second = attempts(running)
    assert first.body_sha256 != second.body_sha256
    assert (first.recipients, second.recipients) == (2, 1)


# -- finding a bad address ----------------------------------------------------------------------


@pytest.mark.parametrize("bad", [{0}, {31}, {13}, {0, 31}, {7, 8, 24}, set(range(5))])
def test_a_refused_request_is_halved_until_the_bad_addresses_stand_alone(
    running: House, letters: KeptLetters, bad: set[int]
) -> None:
    people(running, 32)
    letters.refuses = {f"m{number:03}@example.com" for number in bad}
    letters.refusal = Refused("The address is malformed.", address=True)
    opened(running)
    outbox.deliver(running.runtime)
    good = sorted(f"m{number:03}@example.com" for number in range(32) if number not in bad)
    assert letters.addresses == good
    assert {name: why for name, (_, why) in outcomes(running).items()} == {
        f"m{number:03}": "The address is malformed." for number in bad
    }
    assert states(running) == {"accepted": 32 - len(bad), "failed": len(bad)}
    assert running.notice().state == "complete"
    assert len(letters.requests) <= 1 + 2 * 5 * len(bad)  # halves, for each of 2⁵


def test_both_halves_refused_alike_are_no_fault_of_an_address(running: House, letters: KeptLetters) -> None:
    people(running, 8)
    letters.refuses = {f"m{number:03}@example.com" for number in range(8)}
    letters.refusal = Refused("SendGrid answered 400: Bad Request (content).", status=400, address=True)
    opened(running)
    outbox.deliver(running.runtime)
    notice = running.notice()
    assert notice.state == "paused"
    assert notice.why.endswith("refused with the same error: SendGrid answered 400: Bad Request (content).")
    assert [len(request) for request in letters.requests] == [8, 4, 4]
    assert states(running) == {"queued": 8}
    letters.refuses.clear()
    act(running, control.resume, notice.id)
    outbox.deliver(running.runtime)
    assert [len(request) for request in letters.requests[3:]] == [8], "the whole is tried again"
    assert states(running) == {"accepted": 8}


def test_two_halves_refused_for_different_addresses_go_on(running: House, letters: KeptLetters) -> None:
    people(running, 8)
    opened(running)
    letters.answers.extend(
        Refused(f"SendGrid answered 400: malformed (personalizations.{place}.to).", status=400, address=True)
        for place in (0, 1, 3)
    )
    outbox.deliver(running.runtime)
    assert running.notice().state == "complete"
    assert fates(running)["halved"] == 3


def test_a_refused_address_among_the_erased_is_found_too(running: House, letters: KeptLetters) -> None:
    """Halves are of what stands there, whoever of them is left out."""
    people(running, 9)
    letters.refuses, letters.refusal = {"m008@example.com"}, MALFORMED
    opened(running)
    with writing(running.runtime.engine) as session:
        for number in (1, 2, 5, 6, 7):
            members.erase(session, member(session, f"m{number:03}"), actor="ines", now=running.now)
    outbox.deliver(running.runtime)
    assert letters.addresses == [f"m{number:03}@example.com" for number in (0, 3, 4)]
    assert states(running) == {"accepted": 3, "failed": 1, "skipped": 5}
    assert running.notice().state == "complete"


def test_a_batch_of_a_thousand_that_is_sent_one_by_one_comes_to_its_end(
    running: House, letters: KeptLetters
) -> None:
    """As where SMTP takes the place of a sender of large requests: a thousand runs of positions were tried."""
    people(running, 1200)
    letters.request_size = 1400
    opened(running)
    letters.request_size, letters.window = 1, 10
    with writing(running.runtime.engine) as session:  # every second member is not of the notice
        for factor in (-1, -2):  # in two steps, for each has a place of its own
            session.exec(update(Delivery).values(position=col(Delivery.position) * factor))
        batch = session.exec(select(Batch)).one()
        places = session.exec(
            select(Delivery.position).where(Delivery.batch_id == batch.id).order_by(col(Delivery.position))
        ).all()
        done = places[:-25]
        session.execute(insert(Attempt), [_taken(batch.id, place or 0, running) for place in done])
    assert len(done) > 990
    outbox.deliver(running.runtime)
    with reading(running.runtime.engine) as session:
        assert session.get_one(Batch, batch.id).state == "accepted"
    assert len(letters.requests) == 25


def _taken(batch_id: int | None, place: int, house: House) -> dict[str, object]:
    span = {"batch_id": batch_id, "first": place, "last": place + 1, "recipients": 1, "state": "accepted"}
    told = {"body_sha256": "", "sender": "kept", "said": "", "settled_by": "answer", "duplicate": False}
    return span | told | {"started_at": house.now, "recorded_at": house.now}


def test_what_may_have_left_is_not_in_a_request_again(running: House, letters: KeptLetters) -> None:
    people(running, 6)
    opened(running)
    letters.request_size = 2
    letters.answers.extend([Unknown("reset"), None, NotSent("busy", retry_after=0)])
    outbox.deliver(running.runtime)
    outbox.deliver(running.runtime)
    tried = Counter(address for request in letters.requests for address in request)
    assert tried["m000@example.com"] == tried["m001@example.com"] == 1
    assert fates(running) == {"unknown": 1, "accepted": 2, "not_sent": 1}


# -- addresses that no provider takes -----------------------------------------------------------


@pytest.fixture
def provider() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


BAD = ("no-at-sign", "two\nlines@example.com", "a" * 400 + "@example.com", "ann@@example.com", " @example.com")
GOOD = ("ann@example.com", "ann@b\u00fccher.example", "ANN@example.com", "o'brien+x@example.com")


@pytest.mark.socket
def test_bad_addresses_on_record_stop_nobody_and_each_has_its_sentence(running: House, provider: Stub) -> None:
    """However they came into the database: an import refuses them (notifier/addresses.py)."""
    people(running, 30)
    with writing(running.runtime.engine) as session:
        for number, address in enumerate((*BAD, *GOOD)):
            found = member(session, f"m{3 * number:03}")
            found.email, found.email_key = address, addresses.key(address, running.runtime.secret)
            session.add(found)
    opened(running)
    sender = SendGridSender(KEY, provider.url)
    house = House(replace(running.runtime, sender=sender))
    outbox.deliver(house.runtime)
    assert states(house) == {"accepted": 25, "failed": 5}, running.notice().why
    assert set(outcomes(house)) == {f"m{3 * number:03}" for number in range(len(BAD))}
    said = [why for _, why in outcomes(house).values()]
    assert all(why.endswith(".") for why in said)
    assert not any("@" in why for why in said)
    assert house.notice().state == "complete"


def test_another_worker_takes_up_what_was_halved(running: House, letters: KeptLetters) -> None:
    people(running, 8)
    letters.refuses, letters.refusal = {"m005@example.com"}, MALFORMED
    opened(running)
    letters.answers.extend([MALFORMED, NotSent("busy", retry_after=0)])
    outbox.deliver(running.runtime)
    outbox.deliver(worker(running, "node 2"))
    assert states(running) == {"accepted": 7, "failed": 1}
    assert letters.addresses == [f"m{n:03}@example.com" for n in range(8) if n != 5]
