"""Subscriptions: asked for, confirmed, told, stopped; by strangers, at most once, and apart from legal notices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select, update

from database import reading, writing
from errors import NothingInForce, RowInvalid, SubscriptionLinkInvalid
from notifier import addresses, deciding, subscriptions
from notifier.models import (
    Notice,
    Pace,
    Quarantine,
    Subscription,
    SubscriptionLetter,
    Suppression,
)
from notifier.runtime import Runtime
from notifier.senders.folder import FolderSender
from notifier.senders.protocol import Message, NotSent, Recipient, Refused, SendFailure, Unknown
from notifier.subscriptions import composing, owing, sending, subscribing
from notifier.subscriptions import letters as printing
from notifier.subscriptions.letters import News, Question
from policy_versions import archive, policies
from policy_versions.models import AuditEntry, DueDecision
from policy_versions.significance import Finding
from settings import Settings
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.once import made_once

Later = Callable[..., datetime]
READER = "reader@example.com"


@pytest.fixture
@made_once
def published(house: House) -> House:
    house.policy()
    house.publish(FIRST)
    deciding.decide_due(house.runtime)
    return house


def ask(house: House, address: str = READER, slug: str = "privacy") -> None:
    with writing(house.runtime.engine) as session:
        policy = policies.policy(session, slug)
        subscriptions.ask(session, policy, address, secret=house.runtime.secret, now=house.now)


def confirm(house: House, number: int = 1) -> None:
    with writing(house.runtime.engine) as session:
        subscriptions.confirm(session, number, now=house.now)


def unsubscribe(house: House, number: int = 1) -> list[int]:
    with writing(house.runtime.engine) as session:
        return subscriptions.unsubscribe(session, number, now=house.now)


def report(house: House, event: str, letter: int = 1) -> None:
    with writing(house.runtime.engine) as session:
        subscriptions.reported(session, letter, event, house.now)


def send(house: House) -> int:
    return subscriptions.tick(house.runtime)


def publish(house: House, text: str = LONGER, **given: Any) -> None:
    house.publish(text, **given)
    deciding.decide_due(house.runtime)


def subscribed(house: House, later: Later, address: str = READER) -> None:
    """Asked, confirmed and a minute later, with no letter kept."""
    ask(house, address)
    send(house)
    with reading(house.runtime.engine) as session:
        latest = session.exec(select(Subscription.id).order_by(col(Subscription.id).desc()).limit(1)).one()
    confirm(house, latest or 0)
    later(minutes=1)
    kept(house).taken.clear()


def kept(house: House) -> KeptLetters:
    sender = house.runtime.sender
    assert isinstance(sender, KeptLetters)
    return sender


def rows(house: House) -> list[Subscription]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(Subscription).order_by(col(Subscription.id))))


def states(house: House, kind: str = "change") -> list[str]:
    with reading(house.runtime.engine) as session:
        found = select(SubscriptionLetter.state).where(SubscriptionLetter.kind == kind)
        return list(session.exec(found.order_by(col(SubscriptionLetter.id))))


def suppress(house: House, address: str) -> None:
    with writing(house.runtime.engine) as session:
        key = addresses.key(address, house.runtime.secret)
        session.add(Suppression(email_key=key, reason="bounce", recorded_at=house.now))


def with_settings(house: House, **changed: object) -> House:
    settings: Settings = house.runtime.settings.model_copy(update=changed)
    return House(replace(house.runtime, settings=settings))


# -- asking -------------------------------------------------------------------------------------


def test_a_question_goes_to_the_address_and_nothing_else(published: House, later: Later) -> None:
    ask(published)
    assert send(published) == 1
    assert kept(published).addresses == [READER]
    later(minutes=1)
    publish(published)
    assert send(published) == 0, "it was never confirmed"


def test_asking_a_hundred_times_sends_one_letter_an_hour_and_three_in_all(published: House, later: Later) -> None:
    for _ in range(100):
        ask(published)
        send(published)
    assert len(kept(published).taken) == 1
    for _ in range(100):
        later(minutes=59)
        ask(published)
        send(published)
    assert len(kept(published).taken) == 3


def test_a_spelling_of_the_same_address_is_the_same_address(published: House) -> None:
    for written in (READER, " Reader@Example.COM ", READER.upper()):
        ask(published, written)
    assert len(rows(published)) == 1
    for written in ("lesare@bücher.example", "lesare@xn--bcher-kva.example", "LESARE@BÜCHER.example"):
        ask(published, written)
    assert len(rows(published)) == 2


def test_another_policy_and_another_address_are_asked_each(published: House) -> None:
    published.policy("terms", title="Terms of use")
    published.publish(FIRST, slug="terms")
    ask(published)
    ask(published, slug="terms")
    ask(published, "other@example.com")
    assert send(published) == 3


def test_an_address_that_answered_may_be_asked_three_times_again(published: House, later: Later) -> None:
    for _ in range(3):
        ask(published)
        later(hours=2)
    confirm(published, 3)
    unsubscribe(published, 3)
    later(minutes=1)
    for _ in range(5):
        ask(published)
        later(hours=2)
    assert len(rows(published)) == 3 + 3


def test_who_is_subscribed_is_not_asked_again(published: House, later: Later) -> None:
    subscribed(published, later)
    later(days=1)
    ask(published)
    assert send(published) == 0
    assert len(rows(published)) == 1


def test_a_suppressed_address_is_not_written_to_nor_put_on_record(published: House) -> None:
    suppress(published, READER)
    ask(published)
    ask(published, READER.upper())
    assert send(published) == 0
    assert rows(published) == []


@pytest.mark.parametrize("event", ["bounce", "spamreport", "dropped"])
def test_an_address_whose_letter_failed_or_was_called_spam_is_asked_of_no_policy(
    published: House, later: Later, event: str
) -> None:
    published.policy("terms", title="Terms of use")
    published.publish(FIRST, slug="terms")
    ask(published)
    send(published)
    report(published, event)
    later(days=1)
    ask(published)
    ask(published, slug="terms")
    assert send(published) == 0
    assert len(rows(published)) == 1


@pytest.mark.parametrize(
    "written",
    ["", "nobody", "a@b@example.com", "a b@example.com", "a@example.com\nBcc: b@example.com", "a" * 400,
     "a@" + "b" * 400 + ".example", "a@example.com\x00", "<a@example.com>", "a@exa\u200bmple.com", "a@-.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_saying_it(published: House, written: str) -> None:
    with pytest.raises(RowInvalid) as refusal:
        ask(published, written)
    assert "@" not in str(refusal.value)
    assert rows(published) == []


@pytest.mark.parametrize(
    "written", ["lesare@bücher.example", "lesare@xn--bcher-kva.example", "läsare@example.com"]
)
def test_an_international_address_is_asked(published: House, written: str) -> None:
    ask(published, written)
    assert send(published) == 1
    assert kept(published).addresses == [written]


def test_a_policy_without_a_text_has_nothing_to_subscribe_to(house: House) -> None:
    house.policy()
    with pytest.raises(NothingInForce):
        ask(house)


def test_a_policy_whose_first_text_is_to_come_can_be_subscribed_to(house: House) -> None:
    house.policy()
    house.publish(FIRST, effective_at=house.now + timedelta(days=30))
    ask(house)
    assert send(house) == 1


def test_two_who_ask_at_once_make_one_subscription(published: House) -> None:
    meet = threading.Barrier(2)
    faults: list[Exception] = []

    def one() -> None:
        meet.wait()
        try:
            ask(published)
        except Exception as fault:
            faults.append(fault)

    together = [threading.Thread(target=one) for _ in range(2)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert not faults
    assert len(rows(published)) == 1
    assert send(published) == 1


# -- confirming ---------------------------------------------------------------------------------


def test_confirming_twice_is_confirming_once(published: House, later: Later) -> None:
    ask(published)
    confirm(published)
    first = rows(published)[0].confirmed_at
    later(minutes=1)
    confirm(published)
    assert rows(published)[0].confirmed_at == first


def test_two_who_confirm_at_once_both_find_it_confirmed(published: House) -> None:
    ask(published)
    meet = threading.Barrier(2)
    faults: list[Exception] = []

    def one() -> None:
        meet.wait()
        try:
            confirm(published)
        except Exception as fault:
            faults.append(fault)

    together = [threading.Thread(target=one) for _ in range(2)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert not faults
    assert rows(published)[0].confirmed_at == published.now


def test_after_48_hours_the_link_is_dead_and_a_tick_deletes_the_address(published: House, later: Later) -> None:
    ask(published)
    later(hours=48)
    with pytest.raises(SubscriptionLinkInvalid):
        confirm(published)
    send(published)
    [gone] = rows(published)
    assert (gone.email, gone.why_ended, gone.ended_at) == (None, "not confirmed", published.now)
    with pytest.raises(SubscriptionLinkInvalid):
        confirm(published)


def test_an_address_that_was_not_confirmed_leaves_the_file_too(published: House, later: Later) -> None:
    path = published.runtime.engine.url.database or ""
    if published.runtime.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL gives the bytes up by vacuum")
    ask(published, "unmistakable@example.com")
    later(hours=48)
    send(published)
    files = [Path(path), Path(f"{path}-wal")]
    assert b"unmistakable" not in b"".join(file.read_bytes() for file in files if file.exists())


def test_just_before_48_hours_the_link_holds(published: House, later: Later) -> None:
    ask(published)
    later(hours=48, seconds=-1)
    send(published)
    confirm(published)
    later(days=30)
    send(published)
    assert rows(published)[0].email == READER


def test_a_question_that_could_not_leave_in_time_does_not_leave_later(published: House, later: Later) -> None:
    kept(published).answers.append(NotSent("The server was not reached.", retry_after=86_400))
    ask(published)
    send(published)
    later(hours=49)
    assert send(published) == 0
    assert states(published, "confirm") == ["skipped"]


def test_the_link_of_the_first_letter_confirms_after_a_second_one_was_asked_for(
    published: House, later: Later
) -> None:
    ask(published)
    later(hours=2)
    ask(published)
    confirm(published, 1)
    first, second = rows(published)
    assert (first.email, first.why_ended) == (None, "asked again")
    assert second.confirmed_at == published.now


def test_a_link_too_old_confirms_no_newer_question(published: House, later: Later) -> None:
    ask(published)
    later(hours=47)
    ask(published)
    later(hours=1)
    with pytest.raises(SubscriptionLinkInvalid):
        confirm(published, 1)
    confirm(published, 2)


def test_a_link_that_was_used_does_not_undo_the_stopping(published: House, later: Later) -> None:
    ask(published)
    confirm(published)
    unsubscribe(published)
    with pytest.raises(SubscriptionLinkInvalid):
        confirm(published)
    later(hours=2)
    ask(published)
    with pytest.raises(SubscriptionLinkInvalid):
        confirm(published, 1)
    assert rows(published)[1].confirmed_at is None


def test_nobody_confirms_what_is_not_there(published: House) -> None:
    for number in (0, 7, 2**31 - 1):
        with pytest.raises(SubscriptionLinkInvalid):
            confirm(published, number)


# -- tokens -------------------------------------------------------------------------------------


def test_a_token_serves_its_own_purpose_only_and_holds_no_address() -> None:
    secret = "a secret of the tests"
    confirming = subscriptions.token(12, "confirm", secret)
    assert subscriptions.read(confirming, "confirm", secret) == 12
    assert subscriptions.token(12, "unsubscribe", secret) != confirming
    assert confirming.replace("-", "").replace("_", "").replace(".", "").isalnum()
    for purpose, with_secret in (("unsubscribe", secret), ("confirm", "another secret")):
        with pytest.raises(SubscriptionLinkInvalid):
            subscriptions.read(confirming, purpose, with_secret)  # type: ignore[arg-type]


@pytest.mark.parametrize("spoil", [
    lambda good: good[:-1], lambda good: good[1:], lambda good: "", lambda good: ".", lambda good: "12",
    lambda good: good + "A", lambda good: good.replace("MTI", "MTM"), lambda good: "ä" + good,
    lambda good: good.split(".")[0], lambda good: "MTI." + "A" * 43, lambda good: "A" * 10_000,
    lambda good: "." + good, lambda good: good + "\n",
])  # fmt: skip
def test_a_forged_or_truncated_token_is_refused(spoil: Callable[[str], str]) -> None:
    good = subscriptions.token(12, "unsubscribe", "a secret of the tests")
    with pytest.raises(SubscriptionLinkInvalid):
        subscriptions.read(spoil(good), "unsubscribe", "a secret of the tests")


# -- ending -------------------------------------------------------------------------------------


def test_stopping_deletes_the_address_and_may_be_done_again(published: House, later: Later) -> None:
    subscribed(published, later)
    first = unsubscribe(published)
    later(minutes=1)
    assert unsubscribe(published) == first == [-1]
    [gone] = rows(published)
    assert (gone.email, gone.why_ended) == (None, "unsubscribed")
    assert gone.ended_at is not None
    assert gone.ended_at < published.now
    publish(published)
    assert send(published) == 0


def test_the_link_in_an_old_letter_stops_the_letters_of_a_newer_subscription(
    published: House, later: Later
) -> None:
    subscribed(published, later)
    unsubscribe(published)
    later(days=500)
    subscribed(published, later)
    send(published)
    assert rows(published)[1].email == READER
    unsubscribe(published, 1)
    assert [one.email for one in rows(published)] == [None, None]


def test_stopping_leaves_others_alone(published: House, later: Later) -> None:
    published.policy("terms", title="Terms of use")
    published.publish(FIRST, slug="terms")
    subscribed(published, later)
    subscribed(published, later, "other@example.com")
    ask(published, slug="terms")
    unsubscribe(published, 1)
    assert [one.email for one in rows(published)] == [None, "other@example.com", READER]


@pytest.mark.parametrize(
    ("event", "why"), [("bounce", "bounce"), ("spamreport", "complaint"), ("dropped", "refused")]
)
def test_a_bounce_a_complaint_and_a_drop_end_the_subscription(
    published: House, later: Later, event: str, why: str
) -> None:
    subscribed(published, later)
    publish(published)
    send(published)
    report(published, event, 2)
    report(published, event, 2)
    [gone] = rows(published)
    assert (gone.email, gone.why_ended) == (None, why)


@pytest.mark.parametrize("event", ["processed", "delivered", "deferred", "blocked", "failed", "open", ""])
def test_other_events_end_nothing(published: House, later: Later, event: str) -> None:
    subscribed(published, later)
    report(published, event)
    assert rows(published)[0].email == READER


def test_an_event_of_a_letter_that_is_not_ours_says_nothing(published: House, later: Later) -> None:
    subscribed(published, later)
    report(published, "bounce", 99)
    assert rows(published)[0].email == READER


def test_a_complaint_after_the_stopping_still_bars_the_address(published: House, later: Later) -> None:
    subscribed(published, later)
    unsubscribe(published)
    report(published, "spamreport")
    later(days=1)
    ask(published)
    assert send(published) == 0


def test_a_bounce_of_a_subscribers_letter_does_not_touch_legal_notices(published: House, later: Later) -> None:
    published.member("ada", email=READER)
    subscribed(published, later)
    report(published, "bounce")
    with reading(published.runtime.engine) as session:
        assert session.exec(select(Suppression)).all() == []


def test_at_a_persons_word_all_subscriptions_of_an_address_end(published: House, later: Later) -> None:
    published.policy("terms", title="Terms of use")
    published.publish(FIRST, slug="terms")
    subscribed(published, later)
    ask(published, slug="terms")
    ask(published, "other@example.com")
    with writing(published.runtime.engine) as session:
        forgotten = subscriptions.forget(session, "READER@example.com", published.runtime.secret, published.now)
    assert sorted(forgotten) == [-2, -1]
    assert [one.email for one in rows(published)] == [None, None, "other@example.com"]
    with reading(published.runtime.engine) as session:
        [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "subscriptions ended")).all()
    assert entry.detail == {"ended": 2}


def test_a_year_after_the_end_not_even_the_keyed_hash_is_left(published: House, later: Later) -> None:
    ask(published)
    later(days=3)
    send(published)
    later(days=364)
    send(published)
    assert rows(published)[0].email_key != ""
    later(days=2)
    send(published)
    assert rows(published)[0].email_key == ""
    assert unsubscribe(published) == [-1], "no other subscription without a key is touched"


# -- what is owed -------------------------------------------------------------------------------


def test_every_text_is_told_once_small_ones_too(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published, TYPO)
    later(minutes=1)
    publish(published, LONGER)
    assert send(published) == 2
    assert send(published) == 0
    assert [message.subject for message, _ in kept(published).taken] == [
        "Privacy policy, No. 2: in force since 1 June 2026",
        "Privacy policy, No. 3: in force since 1 June 2026",
    ]


def test_who_confirmed_after_the_publishing_is_not_told_of_it(published: House, later: Later) -> None:
    ask(published)
    later(minutes=1)
    publish(published)
    later(minutes=1)
    confirm(published)
    assert send(published) == 1, "the question alone"
    assert states(published) == []


def test_nothing_is_told_before_it_is_decided(published: House, later: Later) -> None:
    subscribed(published, later)
    published.publish(LONGER)
    assert send(published) == 0
    deciding.decide_due(published.runtime)
    assert send(published) == 1


def test_what_is_withdrawn_within_the_review_window_is_not_told(published: House, later: Later) -> None:
    house = with_settings(published, review_minutes=60)
    subscribed(house, later)
    publish(house, LONGER, effective_at=house.now + timedelta(days=30))
    later(minutes=59)
    assert send(house) == 0
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=house.now)
    later(minutes=2)
    assert send(house) == 0
    assert states(house) == []


def test_what_stands_after_the_review_window_is_told(published: House, later: Later) -> None:
    house = with_settings(published, review_minutes=60)
    subscribed(house, later)
    publish(house)
    later(minutes=60)
    assert send(house) == 1


def test_what_is_withdrawn_while_its_letter_waits_is_not_told(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published, LONGER, effective_at=published.now + timedelta(days=30))
    with writing(published.runtime.engine) as session:
        assert owing.owe(session, published.runtime.settings, now=published.now) == 1
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=published.now)
    assert send(published) == 0
    assert states(published) == ["skipped"]


def test_an_imported_text_is_no_news(house: House, later: Later) -> None:
    house.policy()
    with writing(house.runtime.engine) as session:
        record = archive.history(session, policies.lock(session, "privacy"))
        for day in (10, 5):
            then = house.now - timedelta(days=day)
            text = archive.Text(f"{FIRST}\n{day}", "2026-05", published_at=then, effective_at=then, imported=True)
            made = archive.append(session, record, text, actor="a test", now=house.now)
            session.add(DueDecision(revision_id=made.id or 0, due_at=then, tell=False))
            record = archive.history(session, record.policy)
        session.add(
            Subscription(
                policy_id=record.policy.id or 0, email=READER, email_key="k",
                asked_at=house.now - timedelta(days=30), confirmed_at=house.now - timedelta(days=30),
            )
        )  # fmt: skip
    assert deciding.decide_due(house.runtime) == 2
    assert send(house) == 0


def test_a_letter_of_another_policy_goes_to_nobody_here(published: House, later: Later) -> None:
    subscribed(published, later)
    published.policy("terms", title="Terms of use")
    publish(published, FIRST, slug="terms")
    assert send(published) == 0


def test_owing_twice_owes_once(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    for owed in (1, 0):
        with writing(published.runtime.engine) as session:
            assert owing.owe(session, published.runtime.settings, now=published.now) == owed


def test_a_text_of_long_ago_is_no_news(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    later(days=31)
    assert send(published) == 0


# -- how it leaves ------------------------------------------------------------------------------


def test_a_letter_stops_by_one_click_and_stands_apart_from_legal_notices(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    send(published)
    [(message, recipient)] = kept(published).taken
    token = subscriptions.token(1, "unsubscribe", published.runtime.secret)
    link = f"{published.runtime.settings.public_url}/unsubscribe/{token}"
    assert message.headers["List-Unsubscribe"] == f"<{link}>"
    assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.headers["List-Id"] == "<privacy.subscribers.127.0.0.1>"
    assert message.headers["Auto-Submitted"] == "auto-generated"
    assert message.headers["Feedback-ID"] == "subscription-revision-2:privacy:gazette"
    assert message.reply_to == "privacy@plover.example"
    assert recipient.delivery_id == -2, "minus the letter's own number"
    assert READER not in str(message)


def test_two_readers_get_a_message_each_with_their_own_link(published: House, later: Later) -> None:
    subscribed(published, later)
    subscribed(published, later, "other@example.com")
    publish(published)
    assert send(published) == 2
    assert [len(addresses) for addresses in kept(published).requests[-2:]] == [1, 1]
    links = {message.headers["List-Unsubscribe"] for message, _ in kept(published).taken}
    assert len(links) == 2
    for address, number in ((READER, 1), ("other@example.com", 2)):
        _, text, html = kept(published).read(address)
        link = f"/unsubscribe/{subscriptions.token(number, 'unsubscribe', published.runtime.secret)}"
        assert link in text
        assert link in html


def test_the_question_has_its_own_link_and_nothing_to_stop(published: House) -> None:
    ask(published)
    send(published)
    [(message, recipient)] = kept(published).taken
    assert "List-Unsubscribe" not in message.headers
    assert recipient.delivery_id == -1
    _, text, html = kept(published).read(READER)
    link = f"/subscribe/{subscriptions.token(1, 'confirm', published.runtime.secret)}"
    assert link in text
    assert link in html


def test_a_letter_not_sent_waits_and_is_given_up_after_six_tries(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    kept(published).answers.extend(NotSent("The server was not reached.") for _ in range(7))
    kept(published).requests.clear()
    for _ in range(200):
        send(published)
        later(minutes=5)
    assert len(kept(published).requests) == 6
    assert states(published) == ["failed"]


def test_a_provider_that_names_a_time_is_not_asked_before_it(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    kept(published).answers.append(NotSent("Too many requests.", status=429, retry_after=600))
    assert send(published) == 0
    later(seconds=599)
    assert send(published) == 0
    later(seconds=1)
    assert send(published) == 1


def test_after_a_letter_not_sent_the_others_wait_for_the_next_tick(published: House, later: Later) -> None:
    subscribed(published, later)
    subscribed(published, later, "other@example.com")
    publish(published)
    kept(published).answers.append(NotSent("The server was not reached."))
    assert send(published) == 0
    assert send(published) == 1
    assert kept(published).addresses == ["other@example.com"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Unknown("It was reset."), "unknown"), (Refused("The address is malformed.", address=True), "failed")],
)
def test_what_is_unknown_or_refused_is_not_sent_again(
    published: House, later: Later, answer: SendFailure, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    subscribed(published, later)
    publish(published)
    kept(published).answers.append(answer)
    kept(published).requests.clear()
    for _ in range(10):
        send(published)
        later(hours=3)
    assert len(kept(published).requests) == 1
    assert states(published) == [state]
    assert rows(published)[0].email == READER
    assert caplog.text == "", "a provider's answer is no fault of ours"
    with reading(published.runtime.engine) as session:
        assert session.get_one(SubscriptionLetter, 2).said == str(answer)


def test_an_account_that_is_refused_loses_no_letters_at_once(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    kept(published).answers.append(Refused("The key is not valid.", status=401))
    assert send(published) == 0
    later(minutes=5)
    assert send(published) == 1


def test_a_question_that_is_refused_deletes_the_address_at_once(published: House) -> None:
    ask(published)
    kept(published).answers.append(Refused("The address is malformed.", address=True))
    send(published)
    [gone] = rows(published)
    assert (gone.email, gone.why_ended) == (None, "refused")


def test_a_fault_of_our_own_is_an_unknown_fate_and_holds_up_nobody(
    published: House, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    subscribed(published, later)
    subscribed(published, later, "other@example.com")
    publish(published)
    kept(published).answers.append(ValueError("a bug"))  # type: ignore[arg-type]
    assert send(published) == 1
    assert states(published) == ["unknown", "accepted"]
    assert "@example.com" not in caplog.text


def test_a_letter_cut_short_is_given_up_after_the_lease(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    with writing(published.runtime.engine) as session:
        owing.owe(session, published.runtime.settings, now=published.now)
        session.exec(
            update(SubscriptionLetter)
            .where(col(SubscriptionLetter.kind) == "change")
            .values(state="started", started_at=published.now, tries=1)
        )
    later(seconds=179)
    send(published)
    assert states(published) == ["started"]
    later(seconds=1)
    assert send(published) == 0
    assert states(published) == ["unknown"]


def test_two_nodes_send_a_letter_once(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    meet = threading.Barrier(2)

    def one() -> None:
        meet.wait()
        send(published)

    together = [threading.Thread(target=one) for _ in range(2)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    send(published)
    assert kept(published).addresses == [READER]


def test_a_letter_is_on_record_as_started_before_it_leaves(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    seen: list[list[str]] = []

    class Watching(KeptLetters):
        def send(self, message: Message, recipients: object, *, attempt_id: int) -> object:  # type: ignore[override]
            assert attempt_id == 0
            seen.append(states(published))
            return super().send(message, recipients, attempt_id=attempt_id)  # type: ignore[arg-type]

    subscriptions.tick(replace(published.runtime, sender=Watching()))  # type: ignore[arg-type]
    assert seen == [["started"]]


def test_who_stops_while_the_letter_is_under_way_leaves_none_behind(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)

    class Stopping(KeptLetters):
        def send(self, message: Message, recipients: object, *, attempt_id: int) -> object:  # type: ignore[override]
            unsubscribe(published)
            return super().send(message, recipients, attempt_id=attempt_id)  # type: ignore[arg-type]

    sender = Stopping()
    subscriptions.tick(replace(published.runtime, sender=sender))  # type: ignore[arg-type]
    assert sender.forgotten == {-2}


def test_in_quarantine_nothing_leaves(published: House, later: Later) -> None:
    subscribed(published, later)
    with writing(published.runtime.engine) as session:
        session.add(Quarantine(began_at=published.now, actor="a test", doubted=0, erased=0))
    later(minutes=1)
    publish(published)
    ask(published, "other@example.com")
    assert send(published) == 0
    with writing(published.runtime.engine) as session:
        session.exec(update(Quarantine).values(lifted_at=published.now))
    assert send(published) == 2


def test_after_a_restoring_what_may_have_left_before_does_not_leave_again(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published, TYPO)
    with writing(published.runtime.engine) as session:
        owing.owe(session, published.runtime.settings, now=published.now)
    later(minutes=1)
    publish(published, LONGER)
    ask(published, "other@example.com")
    later(minutes=1)
    with writing(published.runtime.engine) as session:
        began = Quarantine(began_at=published.now, actor="a test", doubted=0, erased=0, lifted_at=published.now)
        session.add(began)
    later(minutes=1)
    assert send(published) == 0
    assert (states(published), states(published, "confirm")[1:]) == (["unknown"], ["unknown"])
    publish(published, FIRST)
    assert send(published) == 1


def test_while_the_provider_wants_quiet_nothing_leaves(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    with writing(published.runtime.engine) as session:
        session.merge(Pace(id=1, held_until=published.now + timedelta(minutes=5)))
    assert send(published) == 0
    later(minutes=5)
    assert send(published) == 1


def test_subscribers_take_a_tenth_of_a_quota_at_most(published: House, later: Later) -> None:
    house = with_settings(published, quota_hour=20)
    for name in "abcde":
        ask(house, f"{name}@example.com")
    assert [send(house), send(house)] == [2, 0]
    later(hours=1)
    assert send(house) == 2


def test_a_tick_sends_no_more_than_it_may(published: House, later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LETTERS", 2)
    for name in "abc":
        ask(published, f"{name}@example.com")
    assert [send(published), send(published), send(published)] == [2, 1, 0]


def test_a_process_that_is_to_end_finishes_the_letter_under_way_and_no_more(published: House) -> None:
    for name in "abc":
        ask(published, f"{name}@example.com")
    published.runtime.stopping.set()
    assert send(published) == 1


def test_questions_leave_before_news(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published)
    ask(published, "other@example.com")
    send(published)
    assert [recipient.address for _, recipient in kept(published).taken] == ["other@example.com", READER]


def test_a_letter_that_cannot_be_written_holds_up_no_other(
    published: House, later: Later, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    subscribed(published, later)
    publish(published)
    ask(published, "other@example.com")
    whole = composing.written

    def broken(session: Any, kind: str, *rest: Any, **named: Any) -> object:
        if kind == "change":
            raise RuntimeError("a bug")
        return whole(session, kind, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(composing, "written", broken)
        assert send(published) == 1
    assert states(published) == ["queued"]
    later(hours=1)
    assert send(published) == 1


def test_no_notice_and_no_delivery_comes_of_a_subscription(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published, TYPO)
    send(published)
    with reading(published.runtime.engine) as session:
        assert session.exec(select(Notice)).all() == []


def test_in_the_folder_a_letter_has_a_number_below_zero_and_goes_with_the_address(
    published: House, later: Later, tmp_path: Path
) -> None:
    folder = tmp_path / "letters"
    house = House(replace(published.runtime, sender=FolderSender(folder)))
    ask(house)
    send(house)
    assert [file.name for file in folder.iterdir()] == ["-1.eml"]
    later(hours=48)
    send(house)
    assert list(folder.iterdir()) == []


def test_as_a_whole_with_the_settings_of_an_installation(database_url: str, tmp_path: Path) -> None:
    """`review_window` is an hour where letters really leave."""
    settings = make_settings(database_url, tmp_path).model_copy(update={"mail": "smtp://mail.example.com"})
    assert settings.review_window == timedelta(hours=1)


# -- what the letters say -----------------------------------------------------------------------


QUESTION = Question(
    company="Plover Instruments",
    company_address="Harbour Street 4, Uppsala",
    contact_email="privacy@plover.example",
    policy_title="Privacy policy",
    policy_url="https://policies.example.com/privacy",
)


def finding(number: int, section: str = "What we collect") -> Finding:
    return Finding("collection", section, "", "", f"Collection: thing {number} was added.", 3, "a rule")


def news(**changed: object) -> News:
    fields: dict[str, object] = {
        **vars(QUESTION),
        "revision": 3,
        "revision_label": "1 June 2026",
        "effective_label": "1 July 2026",
        "in_force": False,
        "sha256": "ab" * 32,
        "chain": "cd" * 32,
        "verdict": "minor",
        "summary": "We say it more clearly.",
        "base": 2,
        "changes": 4,
        "redline_url": "https://policies.example.com/privacy/compare/2..3",
        "text_url": "https://policies.example.com/privacy/3",
        "history_url": "https://policies.example.com/privacy/history",
    }
    return News(**{**fields, **changed})  # type: ignore[arg-type]


def read(about: Question) -> tuple[str, str, str]:
    letter = printing.render(about, prefix="abc123")
    parts = [letter.subject, letter.text, letter.html]
    for key, value in printing.substitutions("abc123", link="https://policies.example.com/t/TOKEN").items():
        parts = [part.replace(key, value) for part in parts]
    return parts[0], parts[1], parts[2]


EVERY = [
    QUESTION,
    news(),
    news(verdict="significant", findings=[finding(n) for n in range(20)], in_force=True),
    news(base=None, verdict="first", changes=0, redline_url="https://policies.example.com/privacy/1"),
    news(
        changes=0, summary="", policy_title="Terms & conditions of “use”, with a title longer than a line of it is"
    ),
    news(summary="One long sentence " * 30 + ".\n\nAnd another."),
]


@pytest.mark.parametrize("about", EVERY)
def test_the_text_stands_alone_in_72_columns(about: Question) -> None:
    subject, text, html = read(about)
    assert "\n" not in subject
    assert text.startswith(("Confirm your subscription\n====", about.policy_title[:20]))
    for line in text.splitlines():
        assert len(line) <= 72 or line.startswith("https://"), line
    for part in (text, html):
        assert "https://policies.example.com/t/TOKEN" in part
        assert "privacy@plover.example" in part
        assert "abc123" not in part, "a key that nothing stands in for"
        assert "None" not in part


@pytest.mark.parametrize("about", EVERY)
def test_the_html_needs_nothing_loaded_and_stands_without_its_style(about: Question) -> None:
    _, _, html = read(about)
    assert "<img" not in html
    assert "src=" not in html
    assert "<script" not in html
    assert "<link" not in html
    assert 'style="' in html
    assert len(html) < 80_000


def test_the_news_says_what_changed_when_it_holds_and_how_to_stop() -> None:
    subject, text, _ = read(news(verdict="significant", findings=[finding(1), finding(1, "How long we keep it")]))
    assert subject == "Privacy policy, No. 3: in force from 1 July 2026"
    folded = " ".join(text.split())
    for said in (
        "We say it more clearly.",
        "– Collection: thing 1 was added. (What we collect, How long we keep it)",
        "In force from 1 July 2026",
        "Changes 4 against No. 2 judged significant",
        "See all 4 changes in place: https://policies.example.com/privacy/compare/2..3",
        "Read the whole new text: https://policies.example.com/privacy/3",
        "This letter is no legal notice",
        "Stop these letters: https://policies.example.com/t/TOKEN",
        "ab" * 32,
        "cd" * 32,
    ):
        assert said in folded


def test_of_many_findings_twelve_are_said_and_the_others_counted() -> None:
    _, text, html = read(news(findings=[finding(n) for n in range(14)]))
    for part in (text, html):
        assert part.count("Collection: thing") == 12
        assert "and 2 more, which the page" in " ".join(part.split())


def test_a_sentence_that_the_summary_holds_is_not_said_again() -> None:
    _, text, _ = read(news(summary=finding(1).reason, findings=[finding(1)]))
    assert text.count("Collection: thing 1") == 1


def test_nothing_in_a_text_becomes_markup_or_a_line_of_its_own() -> None:
    subject, text, html = read(
        news(policy_title="A <b>bold</b>\r\nBcc: x", summary="<script>x</script>", company="A & B")
    )
    assert "\n" not in subject
    assert "\nBcc" not in text
    tags: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.add(tag)  # type: ignore[method-assign]
    parser.feed(html)
    assert tags.isdisjoint({"b", "script"})
    assert "A &amp; B" in html


def test_words_that_hold_the_prefix_ask_for_another() -> None:
    with pytest.raises(ValueError, match="prefix"):
        printing.render(news(summary="abc123.link"), prefix="abc123")


def test_a_text_in_another_language_is_marked_so() -> None:
    _, _, html = read(news(locale="ar", summary="نص"))
    paragraph = html[: html.rindex("نص")].rpartition("<p ")[2]
    assert 'lang="ar"' in paragraph
    assert 'dir="rtl"' in paragraph


def test_the_letter_takes_its_words_from_the_record(published: House, later: Later) -> None:
    subscribed(published, later)
    publish(published, LONGER, effective_at=published.now + timedelta(days=30), summary="We keep records longer.")
    send(published)
    subject, text, _ = kept(published).read(READER)
    assert subject == "Privacy policy, No. 2: in force from 1 July 2026"
    assert "We keep records longer." in text
    assert "from 12 months to 24 months" in text
    assert "1 against No. 1" in text
    assert f"{published.runtime.settings.public_url}/privacy/compare/1..2" in text


def test_a_recipient_is_never_without_an_address(published: House, later: Later) -> None:
    """A subscription that ended between the reading and the claiming of its letter."""
    subscribed(published, later)
    publish(published)
    with writing(published.runtime.engine) as session:
        owing.owe(session, published.runtime.settings, now=published.now)
        session.exec(update(Subscription).values(email=None, ended_at=published.now, why_ended="unsubscribed"))
    assert send(published) == 0
    assert states(published) == ["skipped"]
    assert all(isinstance(r, Recipient) and r.address for _, r in kept(published).taken)


def test_the_package_says_what_it_offers() -> None:
    assert set(subscriptions.__all__) <= set(vars(subscriptions))
    assert subscribing.MOST_QUESTIONS == 3
    assert isinstance(Runtime.__doc__, str)
