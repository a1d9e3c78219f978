"""Letters that come back: what the ledger says of them, however often, late or damaged they are read."""

from __future__ import annotations

import io
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr
from sqlmodel import col, select

import cli
from database import reading, writing
from errors import BouncesUnreadable
from notifier import members, scheduler, senders, suppressions, unreached
from notifier.bounces import taking
from notifier.events import folding
from notifier.models import (
    Attempt,
    DeliveryEvent,
    Member,
    Subscription,
    SubscriptionLetter,
    Suppression,
    UnmatchedEvent,
)
from notifier.runtime import Runtime
from notifier.senders.protocol import Unknown
from policy_versions import archive
from policy_versions.models import Policy, Revision
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.bounces.reports import OURS, exchange, exim, gmail, plain, status
from tests.stubs.imap import PASSWORD, USER, Mailserver
from tests.stubs.smtp import Inbox

Later = Callable[..., datetime]
ADDRESS = "bounces@plover.example"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


@pytest.fixture
def watched(house: House, maildir: Path) -> House:
    """A house that reads a Maildir."""
    return House(replace(house.runtime, settings=with_bounces(house.runtime, maildir)))


@pytest.fixture
def told(watched: House, letters: KeptLetters) -> House:
    """The same, and its members zoe and max were each sent a letter."""
    letters.request_size = 1
    house = watched
    house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    house.tick()
    house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("zoe", email="zoe@example.org")
    house.member("max", email="max@example.org")
    house.publish(LONGER, rule="notice", notice_days=30)
    house.tick()
    assert len(letters.taken) == 2
    return house


def with_bounces(runtime: Runtime, where: object) -> Any:
    return runtime.settings.model_copy(update={"bounce_address": ADDRESS, "bounces": SecretStr(str(where))})


def delivery(house: House, name: str = "zoe") -> int:
    with reading(house.runtime.engine) as session:
        member = session.exec(select(Member).where(Member.external_id == name)).one()
    return next(each.id for each in house.deliveries() if each.member_id == member.id)


def events(house: House) -> list[tuple[int, str]]:
    with reading(house.runtime.engine) as session:
        found = session.exec(select(DeliveryEvent).order_by(col(DeliveryEvent.id)))
        return [(each.delivery_id, each.event) for each in found]


def suppressed(house: House, address: str = "zoe@example.org") -> bool:
    with reading(house.runtime.engine) as session:
        return suppressions.standing(session, suppressions.keys(address, house.runtime.secret)) is not None


def lay(maildir: Path, *messages: bytes) -> None:
    for number, raw in enumerate(messages, len(list(maildir.rglob("*.m")))):
        (maildir / "new" / f"{number:04}.m").write_bytes(raw)


# -- what comes of it ---------------------------------------------------------------------------


def test_a_hard_bounce_takes_the_notice_back_and_bars_the_members_address(told: House) -> None:
    zoe = delivery(told)
    assert told.governs("zoe", told.now + timedelta(days=40)) == 2
    assert taking.take(told.runtime, status(delivery=zoe)) == "recorded"
    assert events(told) == [(zoe, "bounce")]
    assert suppressed(told)
    assert told.governs("zoe", told.now + timedelta(days=40)) == 1
    assert told.governs("max", told.now + timedelta(days=40)) == 2


def test_a_full_mailbox_takes_the_notice_back_and_bars_nobody(told: House) -> None:
    assert taking.take(told.runtime, exim(delivery(told))) == "recorded"
    assert not suppressed(told)
    assert told.governs("zoe", told.now + timedelta(days=40)) == 1


def test_a_delay_changes_nothing_but_that_it_is_known(told: House) -> None:
    assert taking.take(told.runtime, gmail(delivery(told))) == "recorded"
    assert [event for _, event in events(told)] == ["deferred"]
    assert told.governs("zoe", told.now + timedelta(days=40)) == 2


def test_a_delay_and_then_a_bounce_are_both_recorded_and_a_delay_after_it_is_not(told: House) -> None:
    zoe = delivery(told)
    came = [taking.take(told.runtime, raw) for raw in (gmail(zoe), exchange(zoe), gmail(zoe), plain(zoe))]
    assert came == ["recorded", "recorded", "known already", "known already"]
    assert events(told) == [(zoe, "deferred"), (zoe, "bounce")]


def test_a_letter_has_one_outcome_however_often_it_is_said_to_come_back(told: House) -> None:
    zoe = delivery(told)
    for hour in range(10, 20):
        taking.take(told.runtime, status(delivery=zoe, date=f"Mon, 01 Jun 2026 {hour}:00:00 +0000"))
    assert events(told) == [(zoe, "bounce")]


def test_a_member_can_bar_only_their_own_address(told: House) -> None:
    zoe = delivery(told)
    assert taking.take(told.runtime, status(delivery=zoe, final="rfc822; max@example.org")) == "recorded"
    assert not suppressed(told, "max@example.org")
    assert not suppressed(told)


def test_the_letter_of_an_erased_member_is_noted_by_the_pseudonym_only(told: House) -> None:
    zoe = delivery(told)
    with writing(told.runtime.engine) as session:
        members.erase(session, members.by_external_id(session, "zoe"), actor="a test", now=told.now)
    assert taking.take(told.runtime, status(delivery=zoe)) == "recorded"
    assert events(told) == [(zoe, "bounce")]
    assert not suppressed(told)


def test_a_bounce_after_the_move_lists_the_member_as_not_reached(told: House, later: Later) -> None:
    later(days=40)
    taking.take(told.runtime, status(delivery=delivery(told)))
    assert told.governs("zoe") == 2
    with reading(told.runtime.engine) as session:
        record = archive.history(session, session.exec(select(Policy)).one())
        [listed] = unreached.unreached(session, record, now=told.now, limit=9)
    assert listed.external_id == "zoe"


def test_a_letter_whose_fate_was_unknown_is_known_once_it_comes_back(
    house: House, letters: KeptLetters, maildir: Path
) -> None:
    letters.request_size = 1
    letters.answers.append(Unknown("The line was lost."))
    house = House(replace(house.runtime, settings=with_bounces(house.runtime, maildir)))
    house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
    house.policy()
    house.publish(FIRST)
    house.tick()
    house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
    house.member("zoe", email="zoe@example.org")
    house.publish(LONGER, rule="notice", notice_days=30)
    house.tick()
    taking.take(house.runtime, gmail(delivery(house)))
    with reading(house.runtime.engine) as session:
        [attempt] = session.exec(select(Attempt)).all()
    assert (attempt.state, attempt.settled_by) == ("accepted", "event")


def test_a_subscribers_letter_that_comes_back_ends_the_subscription(told: House) -> None:
    with writing(told.runtime.engine) as session:
        policy, revision = session.exec(select(Policy)).one(), session.exec(select(Revision)).first()
        assert revision is not None
        kept = Subscription(
            policy_id=policy.id or 0,
            email="sub@example.org",
            email_key="k",
            asked_at=told.now,
            confirmed_at=told.now,
        )
        session.add(kept)
        session.flush()
        letter = SubscriptionLetter(
            subscription_id=kept.id or 0,
            kind="change",
            revision_id=revision.id or 0,
            state="accepted",
            recorded_at=told.now,
        )
        session.add(letter)
        session.flush()
        number = letter.id or 0
    assert taking.take(told.runtime, status(delivery=-number)) == "recorded"
    with reading(told.runtime.engine) as session:
        assert session.get_one(Subscription, kept.id).email is None
    assert events(told) == []


@pytest.mark.parametrize(
    "raw", [status(to=ADDRESS), status(to=OURS.of(1).replace("+1-", "+2-")), b"", b"\xff" * 9]
)
def test_what_bears_no_genuine_address_leaves_no_trace(watched: House, raw: bytes) -> None:
    assert taking.take(watched.runtime, raw) == "not ours"
    assert events(watched) == []
    with reading(watched.runtime.engine) as session:
        assert session.exec(select(UnmatchedEvent)).all() == []


def test_a_letter_that_is_on_no_record_is_kept_without_its_address(watched: House) -> None:
    came = [
        taking.take(watched.runtime, status(delivery=number)) for number in (999, 999, 2**63 - 1, -(2**63) + 1)
    ]
    assert came == ["of no letter on record", "known already", *["of no letter on record"] * 2]
    with reading(watched.runtime.engine) as session:
        kept = session.exec(select(UnmatchedEvent)).all()
    assert not any("@" in f"{each.address_key}{each.named}" for each in kept)


# -- from a mailbox -----------------------------------------------------------------------------


def test_a_tick_reads_the_mailbox_and_each_message_stands_alone(told: House, maildir: Path) -> None:
    zoe, max_ = delivery(told), delivery(told, "max")
    bomb = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000))
    junk = [b"", b"\xff\xfe\x00" * 1000, status(to=ADDRESS), plain(zoe, "zoe@example.org", words="ü" * 9), bomb]
    lay(maildir, *junk, status(delivery=zoe), b"x" * 3_000_000, status(delivery=max_))
    assert taking.tick(told.runtime) == 8
    assert events(told) == [(zoe, "bounce"), (max_, "bounce")]
    assert list((maildir / "new").iterdir()) == []
    assert taking.tick(told.runtime) == 0


def test_a_message_that_cannot_be_folded_holds_up_no_other_and_is_tried_again(
    told: House, maildir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    zoe, max_ = delivery(told), delivery(told, "max")
    lay(maildir, status(delivery=zoe), status(delivery=max_))
    fold = folding.fold

    def broken(session: Any, reports: Any, **given: Any) -> Any:
        if reports[0].delivery == zoe:
            raise RuntimeError("zoe@example.org")
        return fold(session, reports, **given)

    with monkeypatch.context() as patched:
        patched.setattr(folding, "fold", broken)
        assert taking.tick(told.runtime) == 1
    assert "example.org" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert taking.tick(told.runtime) == 1
    assert sorted(events(told)) == sorted([(zoe, "bounce"), (max_, "bounce")])


def test_a_crash_between_commit_and_mark_repeats_without_harm(told: House, maildir: Path) -> None:
    zoe = delivery(told)
    lay(maildir, status(delivery=zoe))
    [waiting] = (maildir / "new").iterdir()
    taking.take(told.runtime, waiting.read_bytes())  # and then it died
    assert taking.take_all(told.runtime) == {"known already": 1}
    assert events(told) == [(zoe, "bounce")]


def test_a_person_who_lifted_a_suppression_is_not_overruled_by_the_same_message(told: House) -> None:
    raw = status(delivery=delivery(told))
    taking.take(told.runtime, raw)
    with writing(told.runtime.engine) as session:
        key = suppressions.keys("zoe@example.org", told.runtime.secret)[0]
        suppressions.lift(session, key, "a person", told.now)
    taking.take(told.runtime, raw)
    assert not suppressed(told)


def test_one_tick_deals_with_so_many_and_the_next_goes_on(
    watched: House, maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MOST", 3)
    lay(maildir, *[b"x"] * 5)
    assert [taking.tick(watched.runtime) for _ in range(3)] == [3, 2, 0]


def test_a_node_that_is_to_stop_begins_no_other_message(watched: House, maildir: Path) -> None:
    lay(maildir, b"x")
    watched.runtime.stopping.set()
    assert taking.tick(watched.runtime) == 0
    assert len(list((maildir / "new").iterdir())) == 1


def test_without_the_setting_nothing_is_read_and_a_person_who_asks_is_told(house: House) -> None:
    assert taking.tick(house.runtime) == 0
    with pytest.raises(BouncesUnreadable, match="GAZETTE_BOUNCES is not set"):
        taking.take_all(house.runtime)
    with pytest.raises(BouncesUnreadable, match="GAZETTE_BOUNCE_ADDRESS is not set"):
        taking.take(house.runtime, status())


def test_a_mailbox_that_cannot_be_read_is_said_by_the_job_and_stops_no_other(
    watched: House, maildir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (maildir / "new").rmdir()
    job = next(each for each in scheduler.JOBS if each.name == "bounces")
    assert scheduler.tick(watched.runtime, job) == 0
    assert "GAZETTE_BOUNCES names a Maildir whose folder `new` cannot be used" in caplog.text


@pytest.mark.socket
def test_by_imap_what_was_recorded_is_marked_as_seen(told: House) -> None:
    zoe = delivery(told)
    with Mailserver(b"junk", status(delivery=zoe)) as server:
        where = f"imap://{quote(USER)}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
        runtime = replace(told.runtime, settings=with_bounces(told.runtime, where))
        server.refuses.add("UID STORE")
        with pytest.raises(BouncesUnreadable) as failed:
            taking.tick(runtime)
        assert "hun" not in "".join(traceback.format_exception(failed.value))
        server.refuses.clear()
        assert taking.take_all(runtime) == {"not ours": 1, "recorded": 1}
        assert server.seen == {101, 102}
    assert events(told) == [(zoe, "bounce")]


@pytest.mark.socket
def test_the_whole_way_a_letter_sent_by_smtp_comes_back_to_its_own_address(told: House, later: Later) -> None:
    with Inbox() as inbox:
        settings = told.runtime.settings.model_copy(update={"mail": inbox.url, "review_minutes": 0})
        with closing(senders.chosen(settings)) as sender:
            assert sender.reports
            house = House(replace(told.runtime, settings=settings, sender=sender))
            house.publish(LONGER.replace("24 months", "36 months"), rule="notice", notice_days=30)
            house.tick()
    came_to = next(each.mail_from for each in inbox.letters if each.rcpt_tos == ["zoe@example.org"])
    assert came_to is not None
    assert taking.take(house.runtime, status(to=came_to)) == "recorded"
    assert suppressed(house)
    assert not suppressed(house, "max@example.org")


# -- at the command line ------------------------------------------------------------------------


@pytest.fixture
def at_hand(told: House, maildir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The same house for `gazette`, by its settings."""
    settings = told.runtime.settings
    for name, value in {
        "SECRET_KEY": told.runtime.secret,
        "COMPANY_NAME": settings.company_name,
        "CONTACT_EMAIL": settings.contact_email,
        "DATABASE_URL": settings.database_url,
        "MAIL": settings.mail,
        "BOUNCE_ADDRESS": ADDRESS,
        "BOUNCES": str(maildir),
    }.items():
        monkeypatch.setenv(f"GAZETTE_{name}", value)
    yield told


def gazette(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(cli.main, ["bounces", *arguments], input=io.BytesIO(given))


def test_the_command_reads_the_mailbox(at_hand: House, maildir: Path) -> None:
    lay(maildir, status(delivery=delivery(at_hand)), b"junk")
    assert gazette().output == "Messages: 1 not ours, 1 recorded.\n"
    assert gazette().output == "Messages: none.\n"


def test_the_command_takes_files_and_one_that_is_missing_is_said(at_hand: House, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(status(delivery=delivery(at_hand)))
    assert (
        gazette(str(tmp_path / "one"), str(tmp_path / "one")).output == "Messages: 1 known already, 1 recorded.\n"
    )
    missing = gazette(str(tmp_path / "two"))
    assert missing.exit_code == 1
    assert "No such file" in missing.output


def test_a_mail_server_pipes_a_message_and_is_told_to_come_again_where_it_could_not_be_taken(
    at_hand: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = status(delivery=delivery(at_hand))
    monkeypatch.setenv("GAZETTE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    refused = gazette("-", given=raw)
    assert refused.exit_code == os.EX_TEMPFAIL
    assert "Traceback" not in refused.output
    monkeypatch.setenv("GAZETTE_DATABASE_URL", at_hand.runtime.settings.database_url)
    taken = gazette("-", given=raw + b"x" * 3_000_000)
    assert (taken.exit_code, taken.output) == (0, "Messages: 1 recorded.\n")
    assert gazette("-", given=b"junk").exit_code == 0  # it would be bounced to its sender for nothing
    with reading(at_hand.runtime.engine) as session:
        assert session.exec(select(Suppression)).one().reason == "bounce"


def test_a_setting_that_cannot_be_used_is_said_without_its_password(
    at_hand: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAZETTE_BOUNCES", "imap://anna:hunter2@mail.example/INBOX")
    refused = gazette()
    assert refused.exit_code == 1
    assert "GAZETTE_BOUNCES would send its password in the clear" in refused.output
    assert "hunter2" not in refused.output
