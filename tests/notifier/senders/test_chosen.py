"""What the settings say of mail reaches the sender that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app import build_runtime
from errors import SettingInvalid
from notifier.senders import Sender, chosen, return_address
from settings import Settings
from tests.conftest import make_settings

ADDRESS = "bounces@plover.example"
WEBHOOK = "a key"


def made(tmp_path: Path, **given: Any) -> Settings:
    return make_settings("sqlite://", tmp_path).model_copy(update=given)


@pytest.mark.parametrize(
    ("given", "reports"),
    [
        ({}, False),
        ({"mail": "smtp://localhost"}, False),
        ({"mail": "smtp://localhost", "bounce_address": ADDRESS}, False),
        ({"mail": "smtp://localhost", "bounce_address": ADDRESS, "bounces": "/var/mail/b"}, True),
        ({"mail": "smtp://localhost", "sendgrid_webhook_key": WEBHOOK}, False),
        ({"mail": "sendgrid:", "sendgrid_api_key": "SG.x"}, False),
        ({"mail": "sendgrid:", "sendgrid_api_key": "SG.x", "bounce_address": ADDRESS, "bounces": "/b"}, False),
        ({"mail": "sendgrid:", "sendgrid_api_key": "SG.x", "sendgrid_webhook_key": WEBHOOK}, True),
        ({"bounce_address": ADDRESS, "bounces": "/var/mail/b", "sendgrid_webhook_key": WEBHOOK}, False),
    ],
)
def test_it_is_known_whether_anything_will_be_heard_of_letters(
    tmp_path: Path, given: dict[str, str], reports: bool
) -> None:
    secrets = {name: SecretStr(given[name]) for name in ("bounces", "sendgrid_api_key") if name in given}
    sender = chosen(made(tmp_path, **given | secrets))
    assert sender.reports is reports
    assert sender.look_up(1) is None


def test_what_is_set_of_the_mail_server_holds(tmp_path: Path) -> None:
    settings = made(
        tmp_path, mail="smtp://localhost", request_seconds=7.0, smtp_per_domain=2, bounce_address=ADDRESS
    )
    held: dict[str, Any] = vars(chosen(settings))
    assert held["_watch"]._seconds == 7.0
    assert held["_lanes"]._width == 2
    assert held["_returns"].of(5) == return_address(settings).of(5)  # type: ignore[union-attr]


def test_without_a_return_address_letters_return_to_their_sender(tmp_path: Path) -> None:
    assert return_address(made(tmp_path)) is None


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def test_a_place_of_bounces_that_cannot_be_used_stops_the_start(given_settings: Settings) -> None:
    wrong = Settings(
        **given_settings.model_dump(exclude={"bounce_address", "bounces"}),
        bounce_address=ADDRESS,
        bounces="imap://anna:hunter2@mail.example/INBOX",
    )
    with pytest.raises(SettingInvalid, match=r"^GAZETTE_BOUNCES ") as refused:
        build_runtime(wrong)
    assert "hunter2" not in str(refused.value)


def test_the_start_builds_the_sender_that_is_set(given_settings: Settings) -> None:
    runtime = build_runtime(given_settings)
    sender: Sender = runtime.sender
    assert sender.name == "folder"
    runtime.engine.dispose()
