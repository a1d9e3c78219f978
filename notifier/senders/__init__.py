"""Choose the sender that GAZETTE_MAIL names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from errors import SettingInvalid
from notifier.senders.protocol import (
    Accepted,
    Message,
    NotSent,
    Recipient,
    Refused,
    Sender,
    SendFailure,
    Unknown,
)

__all__ = [
    "Accepted",
    "Message",
    "NotSent",
    "Recipient",
    "Refused",
    "SendFailure",
    "Sender",
    "Unknown",
    "build",
]

SENDGRID = "https://api.sendgrid.com"
_PORTS = {"smtp": 25, "smtps": 465}


def build(
    url: str, *, sendgrid_key: str | None = None, sendgrid_url: str = SENDGRID, deadline: float = 60.0
) -> Sender:
    """Return the sender that a url names.

    url: `folder:PATH`, `smtp://[user:password@]host[:port][?starttls=required]`, `smtps://…`, `sendgrid:`.
    deadline: seconds that one request may take in all.
    Raises: SettingInvalid; its sentence never holds the url, in which a password may stand.
    """
    scheme, _, rest = url.strip().partition(":")
    match scheme.lower():
        case "folder":
            return _folder(rest)
        case "smtp" | "smtps":
            return _smtp(url.strip(), deadline)
        case "sendgrid" if not rest:
            return _sendgrid(sendgrid_key, sendgrid_url, deadline)
    raise SettingInvalid("GAZETTE_MAIL must be folder:PATH, smtp://HOST, smtps://HOST or sendgrid:.")


def _folder(path: str) -> Sender:
    from notifier.senders.folder import FolderSender

    if not path:
        raise SettingInvalid("GAZETTE_MAIL names no folder after “folder:”.")
    try:
        return FolderSender(Path(path).expanduser())
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "there is no such home"
        raise SettingInvalid(f"GAZETTE_MAIL names a folder that cannot be made: {why}.") from error


def _smtp(url: str, deadline: float) -> Sender:
    from notifier.senders.smtp import Server, SmtpSender

    parts, port = _server_parts(url)
    user, password = (unquote(each) if each is not None else None for each in (parts.username, parts.password))
    if not f"{user}{password}".isascii():
        raise SettingInvalid("GAZETTE_MAIL has a user or password that is not ASCII, which SMTP cannot carry.")
    server = Server(
        host=parts.hostname or "",
        port=port,
        user=user,
        password=password,
        tls=parts.scheme == "smtps",
        starttls_required=_starttls_required(parts),
    )
    return SmtpSender(server, deadline=deadline)


def _server_parts(url: str) -> tuple[SplitResult, int]:
    """Take a mail server's url apart. Raises: SettingInvalid."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise SettingInvalid("GAZETTE_MAIL has a host or port that cannot be read.") from None
    if not parts.hostname or any(c.isspace() for c in url):
        raise SettingInvalid("GAZETTE_MAIL names no mail server after “//”.")
    if parts.path.strip("/") or parts.fragment:
        raise SettingInvalid(
            "GAZETTE_MAIL goes on after the mail server's port; in a password write / as %2F, # as %23, ? as %3F."
        )
    return parts, port


def _starttls_required(parts: SplitResult) -> bool:
    """Read `?starttls=`. Where none is given a password asks for it: it must not cross the net in the clear."""
    asked = parse_qs(parts.query, keep_blank_values=True)
    wish = asked.pop("starttls", ["required" if parts.password else "optional"])
    if asked or wish not in (["required"], ["optional"]):
        raise SettingInvalid(
            "GAZETTE_MAIL takes starttls=required or starttls=optional after the question mark, and nothing else."
        )
    return wish == ["required"]


def _sendgrid(key: str | None, url: str, deadline: float) -> Sender:
    if not key:
        raise SettingInvalid("GAZETTE_MAIL is “sendgrid:”, which needs GAZETTE_SENDGRID_API_KEY.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingInvalid("GAZETTE_SENDGRID_API_KEY holds a character that no key has; copy it again.")
    if not _is_http(url):
        raise SettingInvalid("GAZETTE_SENDGRID_URL must be a web address such as https://api.eu.sendgrid.com.")
    from notifier.senders.sendgrid import SendGridSender  # 65 ms, which `gazette --help` need not wait for

    return SendGridSender(key, url, deadline=deadline)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
