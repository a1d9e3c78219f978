from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from errors import SettingInvalid
from notifier.senders import build
from notifier.senders.folder import FolderSender
from notifier.senders.sendgrid import SendGridSender
from notifier.senders.smtp import SmtpSender


def server(url: str) -> dict[str, object]:
    sender = build(url)
    assert isinstance(sender, SmtpSender)
    return vars(sender.server)


def test_a_folder_is_made(tmp_path: Path) -> None:
    assert isinstance(build(f"folder:{tmp_path}/a/b"), FolderSender)
    assert (tmp_path / "a/b").is_dir()


def test_sendgrid_needs_only_a_key() -> None:
    assert isinstance(build("sendgrid:", sendgrid_key="SG.x"), SendGridSender)


def test_a_mail_servers_url_is_taken_apart() -> None:
    assert server("smtp://anna:p%40ss%2F@Mail.example:2525?starttls=optional") == {
        "host": "mail.example",
        "port": 2525,
        "user": "anna",
        "password": "p@ss/",
        "tls": False,
        "starttls_required": False,
    }


@pytest.mark.parametrize(
    ("url", "port", "tls", "starttls_required"),
    [
        ("smtp://mail.example", 25, False, False),
        ("smtp://mail.example?starttls=required", 25, False, True),
        ("smtp://[::1]:26/", 26, False, False),
        ("smtps://mail.example", 465, True, False),
        ("smtp://anna:secret@mail.example", 25, False, True),
    ],
)
def test_ports_and_tls_have_their_usual_values(url: str, port: int, tls: bool, starttls_required: bool) -> None:
    built = server(url)
    assert (built["port"], built["tls"], built["starttls_required"]) == (port, tls, starttls_required)


def test_a_server_does_not_show_its_password() -> None:
    sender = build("smtp://anna:hunter2@mail.example")
    assert isinstance(sender, SmtpSender)
    assert "hunter2" not in repr(sender.server)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "pigeon:hunter2",
        "folder:",
        "folder:~hunter2/mail",
        "folder:/dev/null/hunter2",
        "smtp:",
        "smtp://",
        "smtp:mail.example",
        "smtp://anna:hunter2@",
        "smtp://anna:hunter2@mail.example:port",
        "smtp://anna:hunter2@[mail.example",
        "smtp://anna:hunter2@mail.example/inbox",
        "smtp://anna:hunter2/hunter2@mail.example",
        "smtp://anna:hunter2#@mail.example",
        "smtp://anna:hünter2@mail.example",
        "smtp://anna:hunter2@mail.example?starttls=hunter2",
        "smtp://anna:hunter2@mail.example?tls=no",
        "smtp://mail .example",
        "sendgrid:hunter2",
    ],
)
def test_an_unusable_sender_is_told_in_a_sentence_without_its_secrets(url: str) -> None:
    with pytest.raises(SettingInvalid, match=r"^GAZETTE_MAIL .*\.$") as refused:
        build(url, sendgrid_key="SG.x")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("key", [None, "", "SG.hunter2\n", "SG. hunter2", "SG.hünter2"])
def test_an_unusable_key_is_told_in_a_sentence_without_it(key: str | None) -> None:
    with pytest.raises(SettingInvalid, match=r"GAZETTE_SENDGRID_API_KEY.*\.$") as refused:
        build("sendgrid:", sendgrid_key=key)
    assert "nter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "ftp://example.com", "https://", "https://example.com:port"])
def test_an_unusable_host_is_told_by_the_settings_name(url: str) -> None:
    with pytest.raises(SettingInvalid, match=r"^GAZETTE_SENDGRID_URL"):
        build("sendgrid:", sendgrid_key="SG.x", sendgrid_url=url)


def test_no_client_is_imported_before_it_is_asked_for() -> None:
    """`gazette --help` waits for every import."""
    code = "import sys, notifier.senders; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"sendgrid", "smtplib", "python_http_client"} & set(loaded)
