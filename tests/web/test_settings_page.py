"""The page of settings: each as it was read, where it stood, what it means; no secret is on it."""

from pathlib import Path

import pytest

from settings import PREFIX, Settings, sources
from tests.conftest import make_settings
from tests.house import House
from tests.web.test_admin import Administrator, admin, password_hash, words
from web.admin import settings_shown

__all__ = ["admin", "password_hash"]  # fixtures
SECRETS = {
    "sendgrid_api_key": "SG.secret-key",
    "bounces": "imaps://user:hunter2@mail.example/INBOX",
    "metrics_token": "token-of-metrics",
    "mail": "smtp://user:p%40ssword@mail.example:587?starttls=required",
}


def test_each_setting_stands_there_with_its_meaning(admin: Administrator, house: House) -> None:
    said = words(admin.get("/admin/settings"))
    for name in Settings.model_fields:
        assert f"{PREFIX}{name.upper()}" in said
    assert "GAZETTE_SECRET_KEY Set; a secret is never shown" in said
    assert "a secret of the tests" not in said
    assert "Signs sessions and forms" in said
    missing = [one.name for one in settings_shown.shown(house.runtime.settings) if not one.meaning]
    assert missing == []


def test_no_secret_is_shown_in_any_field(tmp_path: Path) -> None:
    given = make_settings(
        "postgresql://gazette:hunter2@db.example/gazette",
        tmp_path,
        **{name: value for name, value in SECRETS.items() if name != "mail"},
        bounce_address="bounces@plover.example",
    ).model_copy(update={"mail": SECRETS["mail"]})
    shown = {one.name: one.value for one in settings_shown.shown(given)}
    whole = " ".join(shown.values())
    for secret in ("secret-key", "secret of", "hunter2", "token-of", "p%40ss", "p@ss"):
        assert secret not in whole
    assert shown["GAZETTE_DATABASE_URL"] == "postgresql://gazette:***@db.example/gazette"
    assert shown["GAZETTE_MAIL"] == "smtp://•••@mail.example:587?starttls=required"
    assert shown["GAZETTE_BOUNCES"] == "set"


def test_where_a_setting_stood_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("gazette_Canary", "5")
    found = sources(make_settings("sqlite://", tmp_path))
    assert (found["canary"], found["company_name"], found["proxies"]) == (
        "the environment",
        "gazette.env",
        "default",
    )
