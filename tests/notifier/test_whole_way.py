"""From a published revision over the wire: real senders, real sockets, a provider and a mail server of ours."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from notifier import senders
from notifier.senders.protocol import Sender
from tests.house import FIRST, LONGER, House
from tests.stubs.sendgrid import KEY, Stub, refuse
from tests.stubs.smtp import Inbox

pytestmark = pytest.mark.socket
Later = Callable[..., datetime]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The wire is what is looked at here; what the database does is tested on both kinds elsewhere."""
    return sqlite_url


@pytest.fixture
def told(house: House) -> Callable[[Sender], House]:
    """A house with two members to tell of a longer retention, by a sender."""

    def by(sender: Sender) -> House:
        house.runtime.clock.instant -= timedelta(days=1)  # type: ignore[attr-defined]
        house.policy()
        house.publish(FIRST)
        house.tick()
        house.runtime.clock.instant += timedelta(days=1)  # type: ignore[attr-defined]
        house.member("ada")
        house.member("bob")
        house.publish(LONGER, rule="notice", notice_days=30)
        return House(replace(house.runtime, sender=sender))

    return by


@pytest.fixture
def provider() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


def test_by_the_providers_api_one_request_carries_every_members_letter(
    provider: Stub, told: Callable[[Sender], House]
) -> None:
    with closing(senders.build("sendgrid:", sendgrid_key=KEY, sendgrid_url=provider.url)) as sender:
        house = told(sender)
        house.tick()
    assert sorted(provider.accepted) == ["ada@example.com", "bob@example.com"]
    (body,) = provider.requests
    first = body["personalizations"][0]
    text = next(part["value"] for part in body["content"] if part["type"] == "text/plain")
    for key, value in first["substitutions"].items():
        text = text.replace(key, value)
    assert "2 July 2026" in text
    own = [each["substitutions"] for each in body["personalizations"]]
    assert own[0] != own[1]  # each holds the reader's own link
    assert body["tracking_settings"]["click_tracking"]["enable"] is False
    assert body["mail_settings"]["bypass_unsubscribe_management"]["enable"] is True
    assert house.notice().state == "complete"


def test_a_provider_that_is_busy_is_asked_again_when_it_said(
    provider: Stub, told: Callable[[Sender], House], later: Later
) -> None:
    provider.behaviours.append(refuse(429, retry_after="60"))
    with closing(senders.build("sendgrid:", sendgrid_key=KEY, sendgrid_url=provider.url)) as sender:
        house = told(sender)
        house.tick()
        assert provider.accepted == []
        later(seconds=61)
        house.tick()
    assert len(provider.accepted) == 2
    assert house.governs("ada", house.now + timedelta(days=60)) == 2


def test_a_wrong_key_pauses_the_notice_and_says_so(provider: Stub, told: Callable[[Sender], House]) -> None:
    with closing(senders.build("sendgrid:", sendgrid_key="SG.wrong", sendgrid_url=provider.url)) as sender:
        house = told(sender)
        house.tick()
    assert provider.accepted == []
    assert house.notice().state == "paused"
    assert house.notice().why
    assert "SG.wrong" not in house.notice().why


def test_over_smtp_each_member_gets_a_letter_of_two_parts(told: Callable[[Sender], House]) -> None:
    with Inbox() as inbox, closing(senders.build(inbox.url)) as sender:
        house = told(sender)
        house.tick()
        letters = [message_from_bytes(e.original_content or b"", policy=policy.default) for e in inbox.letters]
    assert sorted(str(letter["To"]) for letter in letters) == ["ada@example.com", "bob@example.com"]
    for letter in letters:
        assert isinstance(letter, EmailMessage)
        plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert "2 July 2026" in plain.get_content()
        assert "2 July 2026" in html.get_content()
    assert house.notice().state == "complete"


def test_into_a_folder_each_letter_is_a_file_that_an_erasure_takes_away(
    told: Callable[[Sender], House], tmp_path: Path
) -> None:
    from database import reading
    from notifier import members, outbox

    folder = tmp_path / "letters"
    house = told(senders.build(f"folder:{folder}"))
    house.tick()
    assert len(list(folder.glob("*.eml"))) == 2
    with reading(house.runtime.engine) as session:
        ada = members.by_external_id(session, "ada")
    outbox.erase(house.runtime, ada, actor="a test")
    left = [path.read_text() for path in folder.iterdir()]
    assert len(left) == 1
    assert "ada@example.com" not in left[0]
