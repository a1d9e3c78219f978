"""Choose the sender that GAZETTE_MAIL names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
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
from notifier.senders.returns import ReturnAddress

if TYPE_CHECKING:
    from notifier.senders.smtp import Server
    from settings import Settings

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
    "chosen",
    "return_address",
]

SENDGRID = "https://api.sendgrid.com"
_PORTS = {"smtp": 25, "smtps": 465}


def chosen(settings: Settings) -> Sender:
    """Return the sender that the settings name, with all they say of it. Raises: SettingInvalid."""
    key = settings.sendgrid_api_key
    bounces = settings.bounce_address is not None and settings.bounces is not None
    webhook = settings.sendgrid_webhook_key is not None
    return build(
        settings.mail,
        sendgrid_key=key.get_secret_value() if key else None,
        sendgrid_url=settings.sendgrid_url,
        sendgrid_log=settings.sendgrid_log,
        deadline=settings.request_seconds,
        reports=webhook if settings.mail.strip().lower().startswith("sendgrid:") else bounces,
        returns=return_address(settings),
        per_domain=settings.smtp_per_domain,
    )


def return_address(settings: Settings) -> ReturnAddress | None:
    """Return where letters come back to; None where they come back to their own sender."""
    if settings.bounce_address is None:
        return None
    return ReturnAddress(settings.bounce_address, settings.secret_key.get_secret_value())


def build(  # noqa: PLR0913 -- one for each setting
    url: str,
    *,
    sendgrid_key: str | None = None,
    sendgrid_url: str = SENDGRID,
    sendgrid_log: bool = False,
    deadline: float = 60.0,
    reports: bool = False,
    returns: ReturnAddress | None = None,
    per_domain: int = 4,
) -> Sender:
    """Return the sender that a url names.

    url: `folder:PATH`, `smtp://[user:password@]host[:port][?starttls=required]`, `smtps://…`, `sendgrid:`.
    sendgrid_log: its log can be asked. deadline: seconds that one request may take in all. reports: it is heard
    what became of letters. returns: where they come back to. per_domain: under way at once to one domain.
    Raises: SettingInvalid; its sentence never holds the url, in which a password may stand.
    """
    scheme, _, rest = url.strip().partition(":")
    match scheme.lower():
        case "folder":
            return _folder(rest)
        case "smtp" | "smtps":
            from notifier.senders.smtp import SmtpSender

            return SmtpSender(
                _server(url.strip()), reports=reports, returns=returns, per_domain=per_domain, deadline=deadline
            )
        case "sendgrid" if not rest:
            key = _sendgrid_key(sendgrid_key, sendgrid_url)
            from notifier.senders.sendgrid import SendGridSender  # 65 ms, which `gazette --help` need not wait for

            return SendGridSender(key, sendgrid_url, log=sendgrid_log, reports=reports, deadline=deadline)
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


def _server(url: str) -> Server:
    """Read a mail server's url. Raises: SettingInvalid."""
    from notifier.senders.smtp import Server

    parts, port = _server_parts(url)
    user, password = (unquote(each) if each is not None else None for each in (parts.username, parts.password))
    if not f"{user}{password}".isascii():
        raise SettingInvalid("GAZETTE_MAIL has a user or password that is not ASCII, which SMTP cannot carry.")
    return Server(
        host=parts.hostname or "",
        port=port,
        user=user,
        password=password,
        tls=parts.scheme == "smtps",
        starttls_required=_starttls_required(parts),
    )


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


def _sendgrid_key(key: str | None, url: str) -> str:
    """Return the key. Raises: SettingInvalid when it or the url cannot be used."""
    if not key:
        raise SettingInvalid("GAZETTE_MAIL is “sendgrid:”, which needs GAZETTE_SENDGRID_API_KEY.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingInvalid("GAZETTE_SENDGRID_API_KEY holds a character that no key has; copy it again.")
    if not _is_http(url):
        raise SettingInvalid("GAZETTE_SENDGRID_URL must be a web address such as https://api.eu.sendgrid.com.")
    return key


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
