"""Settings: a wrong or missing one stops the start with one sentence that names it, and never says a secret."""

import stat
from datetime import timedelta
from typing import Any

import pytest

import database
import settings
from errors import SettingInvalid
from notifier import senders
from quickstart import make_settings

GOOD: dict[str, Any] = {
    "secret_key": "a secret of the tests, long enough to pass",
    "company_name": "Plover Instruments",
    "contact_email": "privacy@plover.example",
}


def test_the_three_that_have_no_default_are_enough() -> None:
    loaded = settings.load(**GOOD)
    assert loaded.database_url.startswith("sqlite:///")
    assert loaded.mail.startswith("folder:")
    assert loaded.sender_address == "privacy@plover.example"


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ({}, 0),  # letters go into a folder
        ({"mail": "smtp://localhost"}, 60),
        ({"mail": "smtp://localhost", "review_minutes": "0"}, 0),
        ({"review_minutes": "10080"}, 10080),
    ],
)
def test_the_time_to_overrule_is_an_hour_where_letters_reach_people(given: dict[str, str], minutes: int) -> None:
    assert settings.load(**GOOD, **given).review_window == timedelta(minutes=minutes)


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_missing_one_is_named(missing: str) -> None:
    with pytest.raises(SettingInvalid, match=f"GAZETTE_{missing.upper()} is missing"):
        settings.load(**{name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", "short"),
        ("secret_key", "a" * 64),
        ("company_name", "  "),
        ("company_name", "Plover\r\nBcc: x@example.com"),
        ("contact_email", "nobody"),
        ("contact_email", "é@plover.example"),
        ("public_url", "nowhere.example.net"),
        ("public_url", "ftp://example.com"),
        ("public_url", "https://example.com/?q"),
        ("scheduler", "sometimes"),
        ("tick_seconds", "0"),
        ("review_minutes", "-1"),
        ("review_minutes", "10081"),
        ("review_minutes", "an hour"),
        ("unknown", "maybe"),
        ("bounce_address", "bounces"),
        ("bounce_address", f"{'b' * 27}@plover.example"),
        ("bounces", "imaps://anna:hunter2@mail.example/INBOX"),  # without an address to recognise letters by
        ("proxies", "-1"),
    ],
)
def test_a_wrong_one_is_named_in_one_line_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid) as refusal:
        settings.load(**{**GOOD, name: value})
    sentence = str(refusal.value)
    assert sentence.startswith(f"GAZETTE_{name.upper()} ")
    assert "\n" not in sentence
    assert value not in sentence or len(value.strip()) < 6


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    make_settings()
    assert settings.load().company_name == "Plover Instruments"
    monkeypatch.setenv("GAZETTE_COMPANY_NAME", "Another")
    assert settings.load().company_name == "Another"


def test_the_secret_is_made_once_in_a_file_for_our_eyes_only() -> None:
    first = make_settings().read_text()
    again = make_settings()
    assert again.read_text() == first
    assert stat.S_IMODE(again.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "", "postgresql+pigeon://x"])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    if url.startswith("postgresql"):
        assert database.create_engine(url).dialect.driver == "psycopg"
        return
    with pytest.raises(SettingInvalid, match="GAZETTE_DATABASE_URL"):
        database.create_engine(url)


@pytest.mark.parametrize("mail", ["", "pigeon:", "folder:", "smtp://", "sendgrid:"])
def test_a_mail_setting_that_names_no_sender_is_refused(mail: str) -> None:
    with pytest.raises(SettingInvalid, match=r"GAZETTE_(MAIL|SENDGRID_API_KEY)"):
        senders.build(mail, sendgrid_key=None)


def test_every_setting_has_its_heading_in_the_documents() -> None:
    documents = (database.ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    missing = [n for n in settings.Settings.model_fields if f"### `GAZETTE_{n.upper()}`" not in documents]
    assert missing == []
