"""Members whose addresses are no good, or odd: each is one outcome with its sentence, and stops nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from database import reading, writing
from notifier import addresses, progress, senders
from notifier.models import Delivery, Member, Outcome
from notifier.senders.protocol import Sender
from tests.house import FIRST, LONGER, House
from tests.stubs.sendgrid import KEY, Stub
from tests.stubs.smtp import Inbox

ODD = {
    "malformed": "nobody",
    "two": "zoe@example.org, eve@example.net",
    "command": "zoe@example.org> SIZE=1",
    "newline": "zoe@example.org\r\nBcc: eve@example.net",
    "long": f"{'z' * 388}@example.org",
}
GOOD = {
    "ada": "ada@example.com",
    "shared 1": "both@example.com",
    "shared 2": "Both@example.com",
    "idn": "zoe@exämple.org",
    "script": "zoë@例え.example",
    "bob": "bob@example.com",
}
WRITTEN = ["ada@example.com", "bob@example.com", "both@example.com", "both@example.com", "zoe@xn--exmple-cua.org"]
ANY_SCRIPT = "zoë@xn--r8jz45g.example"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The wire is what is looked at here."""
    return sqlite_url


@pytest.fixture
def told(house: House) -> Callable[[Sender], House]:
    """Members with such addresses in the database, however they got there, told by a sender until all is done."""

    def by(sender: Sender) -> House:
        house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
        house.policy()
        house.publish(FIRST)
        house.tick()
        house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
        for number, name in enumerate([*ODD, *GOOD]):
            house.member(name, email=f"m{number}@example.com")
        with writing(house.runtime.engine) as session:
            for member in session.exec(select(Member)):
                member.email = (ODD | GOOD)[member.external_id or ""]
                member.email_key = addresses.key(member.email, house.runtime.secret)
                session.add(member)
        house.publish(LONGER, rule="notice", notice_days=30)
        running = House(replace(house.runtime, sender=sender))
        for _ in range(12):  # a request refused for an address is halved until that stands alone
            running.tick()
            house.runtime.clock.instant += timedelta(minutes=11)  # type: ignore[attr-defined]
        return running

    return by


def outcomes(house: House) -> dict[str, str]:
    """Why a member's letter failed, by the member's name."""
    with reading(house.runtime.engine) as session:
        rows = session.exec(
            select(Member.external_id, Outcome.reason)
            .join(Delivery, col(Delivery.member_id) == Member.id)
            .join(Outcome, col(Outcome.delivery_id) == Delivery.id)
        )
        return {name or "": reason for name, reason in rows}


def check(house: House, written: list[str], *, any_script: bool = True) -> None:
    """any_script: the sender takes an address with any letters before the @."""
    assert sorted(each.casefold() for each in written) == [*WRITTEN, *[ANY_SCRIPT] * any_script]
    failed = outcomes(house)
    assert sorted(failed) == sorted([*ODD, *["script"] * (not any_script)])
    assert all(reason.endswith(".") and "@" not in reason for reason in failed.values())
    with reading(house.runtime.engine) as session:
        states = progress.of(session, house.notice()).states
    counted = {state: number for state, number in states.items() if number}
    assert counted == {"accepted": len(written), "failed": len(failed)}
    assert house.notice().state == "complete"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.mark.socket
def test_by_smtp(inbox: Inbox, told: Callable[[Sender], House]) -> None:
    with closing(senders.build(inbox.url)) as sender:
        house = told(sender)
    check(house, [address for letter in inbox.letters for address in letter.rcpt_tos])


@pytest.mark.socket
def test_by_the_providers_api(told: Callable[[Sender], House]) -> None:
    with Stub() as stub, closing(senders.build("sendgrid:", sendgrid_key=KEY, sendgrid_url=stub.url)) as sender:
        house = told(sender)
        check(house, stub.accepted, any_script=False)


def test_into_a_folder(told: Callable[[Sender], House], tmp_path: Path) -> None:
    house = told(senders.build(f"folder:{tmp_path / 'letters'}"))
    heads = [each.read_bytes().partition(b"\r\n\r\n")[0].decode() for each in (tmp_path / "letters").iterdir()]
    to = [line.removeprefix("To: ") for head in heads for line in head.split("\r\n") if line.startswith("To: ")]
    check(house, to)
    assert not any("Bcc" in head for head in heads)
