"""Typed settings from the environment (GAZETTE_…), or from `gazette.env` in the instance folder.

A wrong or missing one stops the start with one sentence that names it.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

import colours
import pictures
from errors import AccentUnreadable, SettingInvalid

PREFIX = "GAZETTE_"
LEAST_SECRET = 32
LONGEST_BOUNCE_NAME = 26  # 64 in all, less a sign, the largest number and its signature: see senders/returns.py
_UNSAFE = {"changeme", "change-me", "secret", "password", "development", "default"}


def home() -> Path:
    """The instance folder: the database, the secret key and the outbox lie here unless told otherwise."""
    return Path(os.environ.get("GAZETTE_HOME", "var")).resolve()


def _address(value: str) -> str:
    try:
        # ASCII before the @: it stands in From and Reply-To of every letter, whatever servers it passes
        return validate_email(
            value, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
        ).normalized
    except EmailNotValidError as error:
        raise ValueError("is not an e-mail address") from error


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address such as https://policies.example.com")
    return value.rstrip("/")


def _line(value: str) -> str:
    if "\n" in value or "\r" in value or not value.strip():
        raise ValueError("is one line of text")
    return value.strip()


Address = Annotated[str, AfterValidator(_address)]
Url = Annotated[str, AfterValidator(_public_url)]
Line = Annotated[str, AfterValidator(_line)]


class Settings(BaseSettings):
    """Everything that differs between one installation and another. Each has its heading in docs/operating.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_file_encoding="utf-8")

    secret_key: SecretStr
    company_name: Line
    contact_email: Address
    database_url: str = Field(default_factory=lambda: f"sqlite:///{home() / 'gazette.db'}")
    public_url: Url = "http://127.0.0.1:8000"
    company_address: str = ""
    accent: str | None = None  # two colours, for light pages and for dark ones
    logo: Path | None = None  # an SVG or PNG file, shown before the company's name
    footer: str = ""  # Markdown, at the foot of every page
    templates: Path | None = None  # a folder whose templates go before ours
    mail: str = Field(default_factory=lambda: f"folder:{home() / 'outbox'}")
    mail_from: Address | None = None  # the contact address unless set
    sendgrid_api_key: SecretStr | None = None
    sendgrid_url: Url = "https://api.sendgrid.com"
    sendgrid_webhook_key: str | None = None  # the public key that its events are signed with
    sendgrid_log: bool = False  # whether the account has the log of messages that can be asked
    sending_threads: int = Field(default=8, ge=1, le=32)  # requests under way at once in one process
    request_seconds: float = Field(default=60.0, ge=0.2, le=600)  # a request's total deadline
    lease_seconds: float = Field(default=180.0, ge=1, le=3600)  # how long a batch is one worker's
    resend_minutes: float = Field(default=120.0, ge=0, le=10080)  # an unknown fate is left so long
    quota_hour: int | None = Field(default=None, ge=1)  # letters in any hour, all workers together
    quota_day: int | None = Field(default=None, ge=1)
    canary: int = Field(default=200, ge=0, le=10000)  # letters that leave first; 0: all at once
    canary_minutes: float = Field(default=30.0, ge=0, le=1440)
    banner_days: int = Field(default=30, ge=0, le=366)  # how long pages tell of a significant revision in force
    strict_effective_date: bool = False  # refuse a date that the pace of sending cannot keep for all
    smtp_per_domain: int = Field(default=4, ge=1, le=32)  # connections to the mail server for one domain's letters
    bounce_address: Address | None = None  # bounces@example.com: letters return to bounces+…@example.com
    bounces: SecretStr | None = None  # where bounces are read: imaps://user:password@host/INBOX, or a Maildir
    metrics_token: SecretStr | None = None  # without one /metrics answers nobody
    log: Literal["text", "json"] = "text"
    erasure_journal: Path = Field(default_factory=lambda: home() / "erasures.jsonl")  # outside the database
    scheduler: Literal["embedded", "off"] = "off"
    tick_seconds: float = Field(default=5.0, ge=0.05, le=3600)
    review_minutes: int | None = Field(default=None, ge=0, le=10080)  # see review_window
    unknown: Literal["at_least_once", "at_most_once"] = "at_least_once"
    proxies: int = Field(default=0, ge=0, le=5)  # reverse proxies in front whose headers are trusted
    session_hours: float = Field(default=12.0, ge=0.25, le=720)  # an administrator's session ends after so long
    session_idle_minutes: float = Field(default=60.0, ge=5, le=10080)  # and when it was not used for so long
    second_factor: Literal["optional", "required"] = "optional"  # for signing in to the administration
    four_eyes: bool = False  # publishing, deciding again and sending after a stop take two publishers

    @field_validator("secret_key")
    @classmethod
    def _no_default_secret(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if len(secret) < LEAST_SECRET or secret.lower() in _UNSAFE or len(set(secret)) < 8:
            raise ValueError(f"needs at least {LEAST_SECRET} random characters")
        return value

    @field_validator("sendgrid_webhook_key")
    @classmethod
    def _is_public_key(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        from sendgrid.helpers.eventwebhook import EventWebhook

        try:
            EventWebhook(value.strip())
        except Exception as error:  # whatever the libraries beneath say of what is no key
            raise ValueError("is not the verification key that SendGrid shows; copy it again, whole") from error
        return value.strip()

    @field_validator("accent")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                colours.accents(value)
            return value
        except AccentUnreadable as refusal:
            raise ValueError(f"cannot be used: {str(refusal).rstrip('.')}") from refusal

    @field_validator("logo")
    @classmethod
    def _is_a_picture(cls, value: Path | None) -> Path | None:
        if value is not None:
            pictures.read(value)
        return value

    @field_validator("templates")
    @classmethod
    def _is_a_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("is not a folder")
        return value

    @field_validator("lease_seconds")
    @classmethod
    def _outlives_a_request(cls, value: float, info: ValidationInfo) -> float:
        deadline = info.data.get("request_seconds")
        if deadline is not None and value < 2 * deadline:
            raise ValueError("must be at least twice GAZETTE_REQUEST_SECONDS, so that an answer can be recorded")
        return value

    @field_validator("bounce_address")
    @classmethod
    def _leaves_room(cls, value: str | None) -> str | None:
        if value is not None and len(value.partition("@")[0]) > LONGEST_BOUNCE_NAME:
            raise ValueError(
                f"has more than {LONGEST_BOUNCE_NAME} characters before the @, where each letter's are added"
            )
        return value

    @field_validator("bounces")
    @classmethod
    def _recognises_letters(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and "bounce_address" in info.data and info.data["bounce_address"] is None:
            raise ValueError("needs GAZETTE_BOUNCE_ADDRESS, by which a letter that comes back is recognised")
        return value

    @property
    def sender_address(self) -> str:
        return self.mail_from or self.contact_email

    @property
    def review_window(self) -> timedelta:
        """How long a decided notice waits, for a person to overrule it; not where letters go into a folder."""
        embedded = self.mail.startswith("folder:")
        minutes = self.review_minutes if self.review_minutes is not None else (0 if embedded else 60)
        return timedelta(minutes=minutes)

    @property
    def accents(self) -> colours.Accents:
        """The accent of light pages and of dark ones, with what follows from each."""
        return colours.accents(self.accent) if self.accent else colours.OURS

    @property
    def secure(self) -> bool:
        """Whether readers come by https, so that cookies may insist on it."""
        return self.public_url.startswith("https://")


def load(**given: Any) -> Settings:
    """Read the settings. given: values that go before the environment's. Raises: SettingInvalid."""
    try:
        return Settings(_env_file=home() / "gazette.env", **given)
    except ValidationError as error:
        raise SettingInvalid(_sentence(error)) from error


def sources(settings: Settings) -> dict[str, str]:
    """Of each setting, by its name, where it was read: in the environment, in gazette.env, or nowhere."""
    environment = {name.upper() for name in os.environ}
    return {
        name: "the environment"
        if f"{PREFIX}{name.upper()}" in environment
        else "gazette.env"
        if name in settings.model_fields_set
        else "default"
        for name in Settings.model_fields
    }


def _sentence(error: ValidationError) -> str:
    """One sentence for the first thing wrong; never the value, which may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else PREFIX
    if first["type"] == "missing":
        return f"{name} is missing: set it in the environment, or run `make run`, which makes one to start with."
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"{name} {said}." if first["type"] == "value_error" else f"{name} cannot be used: {said}."
