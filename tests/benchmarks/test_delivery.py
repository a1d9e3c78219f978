"""Delivery is measured in the small: every part comes to its figures, and the peers do the same work as ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from benchmarks import delivery
from benchmarks.sending import ground, pace
from benchmarks.sending.children import Stuck, child
from benchmarks.sending.pace import Terms
from benchmarks.sending.provider import Exchange
from benchmarks.sending.provider import Taken as TakenByProvider
from benchmarks.sending.sink import Session as MailSession
from benchmarks.sending.sink import Taken as TakenBySink
from notifier.senders.sendgrid import SendGridSender

FEW = 300
QUICKLY = Terms(answer=0.001, threads=2, rounds=1)
FIELDS = {"name", "value", "unit", "against", "goal", "holds", "interval"}


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += bytes(data)

    def close(self) -> None:
        self.closed = True


# -- the other ends -----------------------------------------------------------------------------


def exchanged(pieces: Sequence[bytes], taken: TakenByProvider, answers: int) -> bytes:
    """What the provider answers to what comes in these pieces."""

    async def talk() -> bytes:
        exchange, wire = Exchange(taken, 0.0), Wire()
        exchange.connection_made(wire)
        for piece in pieces:
            exchange.data_received(piece)
        async with asyncio.timeout(10):
            while wire.said.count(b"HTTP/1.1") < answers:
                await asyncio.sleep(0)
        return wire.said

    return asyncio.run(talk())


BODY = json.dumps({"personalizations": [{"custom_args": {"delivery": "1"}}, {"custom_args": {"delivery": "2"}}]})
POST = f"POST /v3/mail/send HTTP/1.1\r\nHost: x\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}".encode()


@pytest.mark.parametrize("size", [1, 7, 80, len(POST), 10_000])
def test_the_provider_counts_letters_however_they_come(size: int) -> None:
    taken = TakenByProvider()
    pieces = [POST[n : n + size] for _ in range(2) for n in range(0, len(POST), size)]
    said = exchanged(pieces, taken, answers=2)
    assert said.startswith(b"HTTP/1.1 202 ")
    assert (taken.requests, taken.letters, taken.bytes) == (2, 4, 2 * len(BODY))


def test_the_provider_says_what_it_took() -> None:
    said = exchanged([b"GET /taken HTTP/1.1\r\nHost: x\r\n\r\n"], TakenByProvider(3, 7, 99), answers=1)
    assert json.loads(said.partition(b"\r\n\r\n")[2]) == {"requests": 3, "letters": 7, "bytes": 99}


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_the_sink_takes_letters_and_no_commands_within_them(size: int) -> None:
    letter = b"Subject: QUIT\r\n\r\nDATA\r\n..\r\nQUIT\r\n.\r\n"
    given = b"EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + letter + b"RSET\r\nVRFY x\r\nQUIT\r\n"
    taken, wire = TakenBySink(), Wire()
    session = MailSession(taken)
    session.connection_made(wire)
    for n in range(0, len(given), size):
        session.data_received(given[n : n + size])
    codes = [line[:4] for line in wire.said.decode().splitlines()]
    hello = ["250-", "250-", "250-", "250 "]
    assert codes == ["220 ", *hello, "250 ", "250 ", "354 ", "250 ", "250 ", "252 ", "221 "]
    assert (taken.letters, wire.closed) == (1, True)


def test_a_process_that_fails_is_told_with_its_reasons() -> None:
    with pytest.raises(Stuck, match="unexpected keyword argument 'nonsense'"), child("serve_mail", nonsense=1):
        pass


def test_a_process_that_says_nothing_is_stopped() -> None:
    with child("serve_mail") as sink, pytest.raises(Stuck, match="serve_mail ended or was stopped"):
        sink.heard(0.01)


# -- the same work ------------------------------------------------------------------------------


@pytest.mark.socket
def test_the_client_without_a_database_posts_what_ours_does() -> None:
    with ground.at("sqlite") as engine:
        sent = pace.run(engine, _people(engine), QUICKLY)
    assert sent.astray == 0
    assert sent.letters == _written_to(FEW)
    assert (len(sent.ours), len(sent.bare), len(sent.bytes)) == (1, 1, 2)
    # the number of the attempt stands in each letter, and may be longer
    assert max(sent.bytes) - min(sent.bytes) <= 4 * sent.letters
    assert min(sent.bytes) > 100 * sent.letters


@pytest.mark.socket
def test_several_workers_send_each_letter_once(postgresql_server: str) -> None:
    with ground.at(postgresql_server) as engine:
        found = pace.share(engine, _people(engine), QUICKLY, workers=2)
    assert (found.astray, found.letters) == (0, _written_to(FEW))
    assert (len(found.one), len(found.several)) == (1, 1)


def _people(engine: Engine) -> Any:
    ground.people(engine, FEW)
    return ground.runtime(engine, SendGridSender("SG.any", delivery.NOWHERE))


def _written_to(members: int) -> int:
    """Of the people made, how many are written to: not erased, not lapsed, with an address, not barred."""
    return sum(
        not (
            n % ground.ERASED == 5
            or n % ground.LAPSED == 9
            or n % ground.WITHOUT_ADDRESS == 7
            or n % ground.SUPPRESSED == 3
        )
        for n in range(1, members + 1)
    )


# -- figures ------------------------------------------------------------------------------------

NAMES = {
    "opening",
    "opening ÷ bare, two columns",
    "opening ÷ bare, the ledger's columns",
    "sending",
    "sending ÷ the same client without a database",
    "sending: computing",
    "sending: letters lost or doubled",
    "memory, at its peak",
    "time of ten times the members",
    "webhook, posted and answered ÷ bare fold",
    "webhook, posted until folded ÷ bare fold",
    "smtp sender ÷ bare loop",
    "smtp, the whole outbox ÷ bare loop",
    "smtp: letters lost or doubled",
}
QUICK = ["--members", str(FEW), "--answer-ms", "1", "--threads", "2", "--rounds", "1"]


@pytest.mark.socket
def test_every_part_comes_to_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert delivery.main([*QUICK, "--database", "sqlite", "--json", str(file)]) == 0
    told = json.loads(file.read_text())
    figures = {each["name"]: each for each in told["figures"]}
    assert set(figures) == {f"sqlite: {name}" for name in NAMES}
    assert all(set(each) == FIELDS for each in figures.values())
    assert all(each["value"] > 0 for name, each in figures.items() if not name.endswith("doubled"))
    assert [each["holds"] for name, each in figures.items() if name.endswith("doubled")] == [True, True]
    assert capsys.readouterr().out.count("sqlite: ") == len(NAMES)


def test_parts_are_chosen_and_given_as_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert delivery.main([*QUICK, "--database", "sqlite", "--only", "opening", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert {each["name"] for each in figures} == {
        f"sqlite: {name}" for name in NAMES if name.startswith("opening")
    }
    assert [each["goal"] for each in figures] == [None, "<= 2", None]


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        delivery.main(["--only", "opening,flying"])
    assert refused.value.code == 2
    assert "the parts are opening, sending" in capsys.readouterr().err
